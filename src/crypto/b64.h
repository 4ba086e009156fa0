/*
 * Text forms of keys and hashes: base64 (RFC 4648), encoded and decoded in
 * constant time, so that a key may pass through.
 */
#ifndef ZK_CRYPTO_B64_H
#define ZK_CRYPTO_B64_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

enum b64_kind {
	B64_STD,	/* section 4, padded: pins */
	B64_URL		/* section 5, without padding: links */
};

/* Bytes of the text of n bytes, with its NUL. */
size_t b64_text_len(enum b64_kind kind, size_t n);

/* Encodes n bytes to out, cap >= b64_text_len(kind, n) bytes (else BUG). */
void b64_encode(enum b64_kind kind, const void *in, size_t n, char *out,
    size_t cap);

/*
 * Decodes exactly n bytes from the len characters at in.  ZK_EFORMAT: not
 * base64, not canonical, or another length; out is then zero.
 */
ZK_CHECKED enum zk_err b64_decode(enum b64_kind kind, const char *in,
    size_t len, void *out, size_t n);

#endif
