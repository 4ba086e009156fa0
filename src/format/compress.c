#include <stdbool.h>
#include <stdlib.h>

#include <zstd.h>

#include "format/compress.h"
#include "util/buf.h"

#define LEVEL 3

struct compress {
	ZSTD_CCtx *c;	/* made when first needed */
	ZSTD_DCtx *d;
};

enum zk_err
compress_new(struct compress **out)
{
	*out = calloc(1, sizeof(**out));
	return *out == NULL ? ZK_ENOMEM : ZK_OK;
}

void
compress_free(struct compress *z)
{
	if (z == NULL)
		return;
	ZSTD_freeCCtx(z->c);
	ZSTD_freeDCtx(z->d);
	free(z);
}

/* The most that still saves 3 % of n. */
static size_t
worth(size_t n)
{
	return n - (n + 32) / 33;
}

size_t
compress_try(struct compress *z, const void *in, size_t n, uint8_t *out,
    size_t cap)
{
	size_t r;

	if (cap > worth(n))
		cap = worth(n);
	if (z->c == NULL)
		z->c = ZSTD_createCCtx();
	if (z->c == NULL || cap == 0)
		return 0;
	r = ZSTD_compressCCtx(z->c, out, cap, in, n, LEVEL);
	return ZSTD_isError(r) ? 0 : r;
}

enum zk_err
compress_open(struct compress *z, const void *in, size_t n, uint8_t *out,
    size_t plain_len)
{
	/* strictly one frame, which says the length that is expected */
	if (ZSTD_getFrameContentSize(in, n) != plain_len ||
	    ZSTD_findFrameCompressedSize(in, n) != n)
		return ZK_EFORMAT;
	if (z->d == NULL)
		z->d = ZSTD_createDCtx();
	if (z->d == NULL)
		return ZK_ENOMEM;
	if (ZSTD_decompressDCtx(z->d, out, plain_len, in, n) != plain_len)
		return ZK_EFORMAT;
	return ZK_OK;
}

enum zk_err
compress_pack(struct compress *z, const void *in, size_t n, struct buf *out)
{
	size_t start = out->len, room = out->max - out->len, got;

	if (room == 0)
		return ZK_ELIMIT;
	if (room > n + 1)
		room = n + 1;
	if (buf_reserve(out, room) != ZK_OK)
		return ZK_ENOMEM;
	got = compress_try(z, in, n, out->data + start + 1, room - 1);
	if (got > 0) {
		out->data[start] = COMPRESS_ZSTD;
		out->len = start + 1 + got;
		return ZK_OK;
	}
	if (n + 1 > room)
		return ZK_ELIMIT;
	buf_u8(out, COMPRESS_NONE);
	buf_put(out, in, n);
	return buf_err(out);
}

enum zk_err
compress_unpack(struct compress *z, const void *in, size_t n,
    uint64_t plain_len, struct buf *out)
{
	const uint8_t *p = in;
	enum zk_err r;

	if (plain_len > out->max - out->len)
		return ZK_ELIMIT;
	if (n == 0)
		return ZK_EFORMAT;
	if (p[0] == COMPRESS_NONE)
		return n - 1 != plain_len ? ZK_EFORMAT :
		    buf_put(out, p + 1, n - 1);
	if (p[0] != COMPRESS_ZSTD)
		return ZK_EVERSION;
	if (plain_len == 0)
		return ZK_EFORMAT;
	r = buf_reserve(out, (size_t)plain_len);
	if (r != ZK_OK)
		return r;
	r = compress_open(z, p + 1, n - 1, out->data + out->len,
	    (size_t)plain_len);
	if (r == ZK_OK)
		out->len += (size_t)plain_len;
	return r;
}
