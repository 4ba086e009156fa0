#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "format/cut.h"
#include "format/manifest.h"
#include "sync/reader.h"
#include "util/buf.h"
#include "util/env.h"
#include "util/io.h"

#define READ_STEP (256u * 1024)

struct reader {
	struct env *env;
	struct cutter *cut;
	int fd;			/* borrowed; -1: bytes */
	const uint8_t *bytes;	/* borrowed */
	struct env_stat st;	/* of fd when it was opened */
	uint64_t size;
	uint64_t off;		/* bytes read */
	uint8_t *stage;		/* CUT_MAX bytes: read and not yet cut */
	size_t fill;
	bool sparse;
};

enum zk_err
reader_new(struct env *env, struct reader **out)
{
	struct reader *r = calloc(1, sizeof(*r));

	*out = r;
	if (r == NULL)
		return ZK_ENOMEM;
	r->env = env;
	r->fd = -1;
	return ZK_OK;
}

void
reader_free(struct reader *r)
{
	if (r == NULL)
		return;
	if (r->stage != NULL)
		crypto_wipe(r->stage, CUT_MAX);
	free(r->stage);
	cut_free(r->cut);
	free(r);
}

enum zk_err
reader_open(struct reader *r, int fd, uint64_t *size)
{
	int e = env_fstat(r->env, fd, &r->st);

	*size = 0;
	if (e < 0)
		return err_from_errno(-e);
	if ((r->st.mode & S_IFMT) != S_IFREG)
		return ZK_ECHANGED;
	if (r->st.size > MANIFEST_SIZE_MAX)
		return ZK_ELIMIT;
	r->fd = fd;
	r->bytes = NULL;
	r->size = r->st.size;
	/* only a file with holes is asked for them */
	r->sparse = r->st.blocks < r->st.size / 512;
	*size = r->size;
	return ZK_OK;
}

/* ZK_OK if the file still is what was opened. */
static enum zk_err
same(struct reader *r)
{
	struct env_stat st;
	int e;

	if (r->fd < 0)
		return ZK_OK;
	e = env_fstat(r->env, r->fd, &st);
	if (e < 0)
		return err_from_errno(-e);
	if (st.size != r->st.size || st.ino != r->st.ino ||
	    st.mtime.sec != r->st.mtime.sec ||
	    st.mtime.nsec != r->st.mtime.nsec ||
	    st.ctime.sec != r->st.ctime.sec ||
	    st.ctime.nsec != r->st.ctime.nsec)
		return ZK_ECHANGED;
	return ZK_OK;
}

/* n bytes at r->off to p. */
static enum zk_err
fetch(struct reader *r, uint8_t *p, size_t n)
{
	enum zk_err e = ZK_OK;

	if (r->fd < 0)
		memcpy(p, r->bytes + r->off, n);
	else
		e = io_pread_full(r->env, r->fd, p, n, r->off);
	if (e == ZK_OK)
		r->off += n;
	return e == ZK_EFORMAT ? ZK_ECHANGED : e;
}

enum zk_err
reader_all(struct reader *r, struct buf *out)
{
	enum zk_err e;

	buf_reset(out);
	if (r->size > out->max)
		return ZK_ELIMIT;
	if (r->size > 0) {
		e = buf_reserve(out, (size_t)r->size);
		if (e != ZK_OK)
			return e;
		r->off = 0;
		e = fetch(r, out->data, (size_t)r->size);
		if (e != ZK_OK)
			return e;
		out->len = (size_t)r->size;
	}
	e = same(r);
	if (e != ZK_OK)
		buf_reset(out);
	return e;
}

enum zk_err
reader_start(struct reader *r, const struct key *k)
{
	r->off = 0;
	r->fill = 0;
	if (r->stage == NULL)
		r->stage = malloc(CUT_MAX);
	if (r->stage == NULL)
		return ZK_ENOMEM;
	if (r->cut == NULL)
		return cut_new(k, &r->cut);
	cut_rekey(r->cut, k);
	return ZK_OK;
}

enum zk_err
reader_start_bytes(struct reader *r, const struct key *k, const void *p,
    size_t n)
{
	r->fd = -1;
	r->bytes = p;
	r->size = n;
	r->sparse = false;
	return reader_start(r, k);
}

/*
 * Bytes of zeros from the start of the chunk at hand that need no reading:
 * a multiple of CUT_MAX where such a chunk is cut nowhere else.
 */
static uint64_t
hole(struct reader *r)
{
	uint64_t at = r->off - r->fill;
	int64_t data;

	if (!r->sparse || r->size - at < CUT_MAX || !cut_zeros_whole(r->cut))
		return 0;
	data = env_seek(r->env, r->fd, (int64_t)at, SEEK_DATA);
	if (data == -ENXIO || data > (int64_t)r->size)
		data = (int64_t)r->size;
	if (data < 0 || (uint64_t)data <= at)
		return 0;
	return ((uint64_t)data - at) / CUT_MAX * CUT_MAX;
}

/* Reads until the chunk at hand has an end; its length in *n. */
static enum zk_err
find_end(struct reader *r, size_t *n)
{
	enum zk_err e;
	size_t want;

	for (;;) {
		*n = cut_find(r->cut, r->stage, r->fill);
		if (*n > 0)
			return ZK_OK;
		if (r->off == r->size)
			break;
		want = CUT_MAX - r->fill;
		if (want > READ_STEP)
			want = READ_STEP;
		if (want > r->size - r->off)
			want = (size_t)(r->size - r->off);
		e = fetch(r, r->stage + r->fill, want);
		if (e != ZK_OK)
			return e;
		r->fill += want;
	}
	cut_reset(r->cut);
	*n = r->fill;
	return *n > 0 ? ZK_OK : ZK_ENOENT;
}

enum zk_err
reader_next(struct reader *r, struct buf *chunk, uint64_t *count)
{
	uint64_t zeros = hole(r);
	enum zk_err e;
	size_t n;

	*count = 1;
	buf_release(chunk);
	if (zeros > 0) {
		r->off += zeros - r->fill;
		r->fill = 0;
		*count = zeros / CUT_MAX;
		buf_init_secret(chunk, CUT_MAX);
		return buf_zero(chunk, CUT_MAX);
	}
	e = find_end(r, &n);
	if (e == ZK_ENOENT) {
		e = same(r);
		return e == ZK_OK ? ZK_ENOENT : e;
	}
	if (e != ZK_OK)
		return e;
	/* exactly as large as needed: many of these are held */
	buf_init_secret(chunk, n);
	e = buf_put(chunk, r->stage, n);
	if (e != ZK_OK)
		return e;
	r->fill -= n;
	memmove(r->stage, r->stage + n, r->fill);
	return ZK_OK;
}
