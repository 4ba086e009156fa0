/* X25519 (RFC 7748) on raw bytes.  For crypto/ itself. */
#ifndef ZK_CRYPTO_X25519_H
#define ZK_CRYPTO_X25519_H

#include <stdint.h>

#include "util/err.h"

#define X25519_LEN 32	/* bytes */

/* The public key of sk. */
void x25519_base(const uint8_t sk[static X25519_LEN],
    uint8_t pk[static X25519_LEN]);

/*
 * The shared value of sk and pk.  ZK_EREFUSED: it is all zero (pk of low
 * order, RFC 7748 section 6.1); out is then zero.
 */
ZK_CHECKED enum zk_err x25519_dh(const uint8_t sk[static X25519_LEN],
    const uint8_t pk[static X25519_LEN], uint8_t out[static X25519_LEN]);

#endif
