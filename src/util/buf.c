/* A growable byte string with a maximum.  See buf.h. */
#include "util/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST 64	/* bytes of the first allocation */

/* Zeroes memory in a way that no compiler leaves out. */
static void
wipe(void *p, size_t n)
{
	if (n > 0)
		explicit_bzero(p, n);
}

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void
buf_init_secret(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max, .wipe = true };
}

void
buf_release(struct buf *b)
{
	if (b->wipe)
		wipe(b->data, b->cap);
	free(b->data);
	*b = (struct buf){ .max = b->max, .wipe = b->wipe };
}

void
buf_reset(struct buf *b)
{
	if (b->wipe)
		wipe(b->data, b->len);
	b->len = 0;
	b->err = ZK_OK;
}

enum zk_err
buf_err(const struct buf *b)
{
	return b->err;
}

static enum zk_err
fail(struct buf *b, enum zk_err e)
{
	if (b->err == ZK_OK)
		b->err = e;
	return b->err;
}

/* Gives the buffer cap bytes, cap > b->cap. */
static enum zk_err
grow(struct buf *b, size_t cap)
{
	uint8_t *p = NULL;

	if (!b->wipe) {
		p = realloc(b->data, cap);
	} else {
		p = malloc(cap);
		if (p != NULL && b->data != NULL) {
			memcpy(p, b->data, b->len);
			wipe(b->data, b->cap);
			free(b->data);
		}
	}
	if (p == NULL)
		return fail(b, ZK_ENOMEM);
	b->data = p;
	b->cap = cap;
	return ZK_OK;
}

enum zk_err
buf_reserve(struct buf *b, size_t n)
{
	size_t cap = b->cap;

	if (b->err != ZK_OK)
		return b->err;
	if (n > b->max || b->len > b->max - n)
		return fail(b, ZK_ELIMIT);
	if (n == 0 || b->len + n < cap)
		return ZK_OK;
	if (cap < BUF_FIRST)
		cap = BUF_FIRST;
	/* more than that, for the NUL of buf_cstr */
	while (cap <= b->len + n && cap <= b->max / 2)
		cap *= 2;
	if (cap <= b->len + n || cap > b->max)
		cap = b->max;
	/* which may lie beyond max */
	if (cap == b->len + n && cap < SIZE_MAX)
		cap++;
	return grow(b, cap);
}

enum zk_err
buf_put(struct buf *b, const void *p, size_t n)
{
	enum zk_err r = buf_reserve(b, n);

	if (r != ZK_OK)
		return r;
	if (n > 0)
		memcpy(b->data + b->len, p, n);
	b->len += n;
	return ZK_OK;
}

enum zk_err
buf_zero(struct buf *b, size_t n)
{
	enum zk_err r = buf_reserve(b, n);

	if (r != ZK_OK)
		return r;
	if (n > 0)
		memset(b->data + b->len, 0, n);
	b->len += n;
	return ZK_OK;
}

/* Appends the n lowest bytes of v, little endian. */
static enum zk_err
put_le(struct buf *b, uint64_t v, size_t n)
{
	uint8_t tmp[8];

	for (size_t i = 0; i < n; i++)
		tmp[i] = (uint8_t)(v >> (8 * i));
	return buf_put(b, tmp, n);
}

enum zk_err
buf_u8(struct buf *b, uint8_t v)
{
	return put_le(b, v, 1);
}

enum zk_err
buf_u16(struct buf *b, uint16_t v)
{
	return put_le(b, v, 2);
}

enum zk_err
buf_u32(struct buf *b, uint32_t v)
{
	return put_le(b, v, 4);
}

enum zk_err
buf_u64(struct buf *b, uint64_t v)
{
	return put_le(b, v, 8);
}

enum zk_err
buf_varint(struct buf *b, uint64_t v)
{
	uint8_t tmp[10];
	size_t n = 0;

	while (v >= 0x80) {
		tmp[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	tmp[n++] = (uint8_t)v;
	return buf_put(b, tmp, n);
}

enum zk_err
buf_lp(struct buf *b, const void *p, size_t n)
{
	size_t was = b->len;
	enum zk_err r = buf_varint(b, n);

	if (r != ZK_OK)
		return r;
	r = buf_put(b, p, n);
	if (r != ZK_OK)
		b->len = was;
	return r;
}

enum zk_err
buf_str(struct buf *b, const char *s)
{
	return buf_put(b, s, strlen(s));
}

enum zk_err
buf_printf(struct buf *b, const char *fmt, ...)
{
	enum zk_err r = b->err;
	/* what is there, and beyond it nothing */
	size_t left = r == ZK_OK && b->data != NULL ? b->cap - b->len : 0;
	va_list ap;
	int n = 0;

	va_start(ap, fmt);
	n = vsnprintf(left > 0 ? (char *)b->data + b->len : NULL, left, fmt,
	    ap);
	va_end(ap);
	if (n < 0)
		return fail(b, ZK_EBUG);
	r = buf_reserve(b, (size_t)n);
	if (r != ZK_OK)
		return r;
	if ((size_t)n < left) {
		b->len += (size_t)n;
		return ZK_OK;
	}
	/* vsnprintf wants room for a NUL, which may lie beyond max */
	if (b->cap - b->len <= (size_t)n && grow(b, b->len + (size_t)n + 1) !=
	    ZK_OK)
		return b->err;
	va_start(ap, fmt);
	(void)vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return ZK_OK;
}

const char *
buf_cstr(struct buf *b)
{
	if (b->cap == 0)
		return "";
	b->data[b->len] = 0;
	return (const char *)b->data;
}

void
buf_truncate(struct buf *b, size_t n)
{
	if (n > b->len)
		BUG("buf_truncate beyond the end");
	if (b->wipe)
		wipe(b->data + n, b->len - n);
	b->len = n;
}

void
buf_swap(struct buf *a, struct buf *b)
{
	struct buf t = *a;

	*a = *b;
	*b = t;
}

uint8_t *
buf_take(struct buf *b, size_t *len)
{
	uint8_t *p = b->data;

	*len = b->len;
	*b = (struct buf){ .max = b->max, .wipe = b->wipe };
	return p;
}
