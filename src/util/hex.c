#include "util/hex.h"

#include "util/buf.h"

char
hex_digit(unsigned v)
{
	return "0123456789abcdef"[v & 15];
}

int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 2*n digits, without a NUL. */
static void
digits(const uint8_t *p, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = hex_digit(p[i] >> 4);
		out[2 * i + 1] = hex_digit(p[i]);
	}
}

void
hex_text(const void *p, size_t n, char *out)
{
	digits(p, n, out);
	out[2 * n] = '\0';
}

enum zk_err
hex_put(struct buf *b, const void *p, size_t n)
{
	enum zk_err r = buf_reserve(b, 2 * n);

	if (r != ZK_OK || n == 0)
		return r;
	digits(p, n, (char *)b->data + b->len);
	b->len += 2 * n;
	return ZK_OK;
}

enum zk_err
hex_get(const char *s, size_t s_len, void *out, size_t n)
{
	uint8_t *o = out;

	if (s_len != 2 * n)
		return ZK_EFORMAT;
	for (size_t i = 0; i < n; i++) {
		int hi = hex_value(s[2 * i]), lo = hex_value(s[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return ZK_EFORMAT;
		o[i] = (uint8_t)(hi << 4 | lo);
	}
	return ZK_OK;
}
