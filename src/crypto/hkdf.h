/*
 * HKDF with SHA-256 (RFC 5869) on raw bytes.  For crypto/ itself; everything
 * else uses key_derive.
 */
#ifndef ZK_CRYPTO_HKDF_H
#define ZK_CRYPTO_HKDF_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define HKDF_PRK_LEN 32			/* bytes */
#define HKDF_OUT_MAX (255u * 32u)	/* bytes, RFC 5869 section 2.3 */

/* One piece of a message that is hashed in order. */
struct hkdf_part {
	const void *p;
	size_t n;
};

/* HKDF-Extract; the input keying material is the n parts in order. */
void hkdf_extract(const void *salt, size_t salt_len,
    const struct hkdf_part *ikm, size_t n, uint8_t prk[static HKDF_PRK_LEN]);

/* HKDF-Expand to out_len <= HKDF_OUT_MAX bytes (else ZK_ELIMIT). */
ZK_CHECKED enum zk_err hkdf_expand(const uint8_t prk[static HKDF_PRK_LEN],
    const struct hkdf_part *info, size_t n, uint8_t *out, size_t out_len);

#endif
