#include <sodium.h>
#include <string.h>

#include "crypto/b64.h"

static int
b64_variant(enum b64_kind kind)
{
	return kind == B64_STD ? sodium_base64_VARIANT_ORIGINAL :
	    sodium_base64_VARIANT_URLSAFE_NO_PADDING;
}

size_t
b64_text_len(enum b64_kind kind, size_t n)
{
	return sodium_base64_encoded_len(n, b64_variant(kind));
}

void
b64_encode(enum b64_kind kind, const void *in, size_t n, char *out,
    size_t cap)
{
	if (cap < b64_text_len(kind, n))
		BUG("no room for base64");
	sodium_bin2base64(out, cap, in, n, b64_variant(kind));
}

enum zk_err
b64_decode(enum b64_kind kind, const char *in, size_t len, void *out,
    size_t n)
{
	size_t got = 0;
	int r;

	/* libsodium refuses set bits behind the last byte */
	r = sodium_base642bin(out, n, in, len, NULL, &got, NULL,
	    b64_variant(kind));
	if (r != 0 || got != n) {
		sodium_memzero(out, n);
		return ZK_EFORMAT;
	}
	return ZK_OK;
}
