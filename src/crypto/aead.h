/*
 * XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03), suite 1 of zk-format(5).
 */
#ifndef ZK_CRYPTO_AEAD_H
#define ZK_CRYPTO_AEAD_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define AEAD_KEY_LEN 32
#define AEAD_NONCE_LEN 24
#define AEAD_TAG_LEN 16

struct key;

/*
 * Seals in_len bytes to out, which has room for in_len + AEAD_TAG_LEN and
 * may equal in.  The nonce is random and used once with k (the caller says
 * where it came from).  k has role KEY_AEAD.
 */
void aead_seal(const struct key *k, const uint8_t nonce[static AEAD_NONCE_LEN],
    const void *ad, size_t ad_len, const void *in, size_t in_len,
    uint8_t *out);

/*
 * Opens in_len >= AEAD_TAG_LEN bytes to out (in_len - AEAD_TAG_LEN, may
 * equal in).  ZK_ETAMPER: nothing was written that may be used.
 */
ZK_CHECKED enum zk_err aead_open(const struct key *k,
    const uint8_t nonce[static AEAD_NONCE_LEN], const void *ad, size_t ad_len,
    const void *in, size_t in_len, uint8_t *out);

/* The same with a key that is content of a manifest: one chunk's, 32 bytes. */
void aead_seal_raw(const uint8_t key[static AEAD_KEY_LEN],
    const uint8_t nonce[static AEAD_NONCE_LEN], const void *ad, size_t ad_len,
    const void *in, size_t in_len, uint8_t *out);
ZK_CHECKED enum zk_err aead_open_raw(const uint8_t key[static AEAD_KEY_LEN],
    const uint8_t nonce[static AEAD_NONCE_LEN], const void *ad, size_t ad_len,
    const void *in, size_t in_len, uint8_t *out);

#endif
