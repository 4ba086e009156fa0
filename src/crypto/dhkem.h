/*
 * DHKEM(X25519, HKDF-SHA256), RFC 9180 section 4.1, on raw bytes.  For
 * crypto/ itself; everything else seals with kem.h.
 */
#ifndef ZK_CRYPTO_DHKEM_H
#define ZK_CRYPTO_DHKEM_H

#include <stdint.h>

#include "util/err.h"

#define DHKEM_LEN 32	/* bytes of every key, encapsulation and secret */

/* DeriveKeyPair of a 32-byte seed. */
void dhkem_derive(const uint8_t ikm[static DHKEM_LEN],
    uint8_t sk[static DHKEM_LEN], uint8_t pk[static DHKEM_LEN]);

/*
 * Encap with the ephemeral pair derived from ikm, which must be fresh.
 * ZK_EREFUSED: pk of low order.
 */
ZK_CHECKED enum zk_err dhkem_encap(const uint8_t ikm[static DHKEM_LEN],
    const uint8_t pk[static DHKEM_LEN], uint8_t enc[static DHKEM_LEN],
    uint8_t shared[static DHKEM_LEN]);

/* Decap.  ZK_EREFUSED: enc of low order. */
ZK_CHECKED enum zk_err dhkem_decap(const uint8_t sk[static DHKEM_LEN],
    const uint8_t pk[static DHKEM_LEN], const uint8_t enc[static DHKEM_LEN],
    uint8_t shared[static DHKEM_LEN]);

#endif
