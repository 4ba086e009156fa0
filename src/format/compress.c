#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include <zstd.h>

#include "format/compress.h"
#include "util/buf.h"

#define SMALL (128u * 1024)	/* bytes of input */
#define LEVEL_SMALL 1
#define LEVEL 3
#define SET_MAX 64		/* contexts kept: no pool has more threads */

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

struct compress_set {
	pthread_mutex_t lock;
	struct compress *z[SET_MAX];	/* those not in use, under lock */
	size_t n;
};

enum zk_err
compress_set_new(struct compress_set **out)
{
	struct compress_set *s = calloc(1, sizeof(*s));

	*out = s;
	if (s == NULL)
		return ZK_ENOMEM;
	pthread_mutex_init(&s->lock, NULL);
	return ZK_OK;
}

void
compress_set_free(struct compress_set *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++)
		compress_free(s->z[i]);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

struct compress *
compress_set_take(struct compress_set *s)
{
	struct compress *z = NULL;

	pthread_mutex_lock(&s->lock);
	if (s->n > 0)
		z = s->z[--s->n];
	pthread_mutex_unlock(&s->lock);
	if (z == NULL && compress_new(&z) != ZK_OK)
		return NULL;
	return z;
}

void
compress_set_give(struct compress_set *s, struct compress *z)
{
	pthread_mutex_lock(&s->lock);
	if (s->n < SET_MAX) {
		s->z[s->n++] = z;
		z = NULL;
	}
	pthread_mutex_unlock(&s->lock);
	compress_free(z);
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
	r = ZSTD_compressCCtx(z->c, out, cap, in, n,
	    n <= SMALL ? LEVEL_SMALL : LEVEL);
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
