#include <stdbool.h>

#include "proto/hex.h"
#include "util/buf.h"

enum zk_err
hex_put(struct buf *b, const void *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *in = p;
	enum zk_err r = buf_reserve(b, 2 * n);

	for (size_t i = 0; i < n && r == ZK_OK; i++) {
		char two[2] = { digits[in[i] >> 4], digits[in[i] & 15] };

		r = buf_put(b, two, 2);
	}
	return r;
}

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

enum zk_err
hex_get(const char *s, size_t s_len, void *out, size_t n)
{
	uint8_t *o = out;

	if (s_len != 2 * n)
		return ZK_EFORMAT;
	for (size_t i = 0; i < n; i++) {
		int hi = digit(s[2 * i]);
		int lo = digit(s[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return ZK_EFORMAT;
		o[i] = (uint8_t)(hi << 4 | lo);
	}
	return ZK_OK;
}
