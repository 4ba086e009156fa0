/*
 * Plain SHA-256 (FIPS 180-4), where another format asks for it: pins of TLS
 * keys.  Everything of our own is hash.h.
 */
#ifndef ZK_CRYPTO_SHA256_H
#define ZK_CRYPTO_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_LEN 32	/* bytes */

/* SHA-256 of n bytes at p. */
void sha256(const void *p, size_t n, uint8_t out[static SHA256_LEN]);

#endif
