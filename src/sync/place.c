#include <string.h>

#include "sync/place.h"
#include "util/buf.h"
#include "util/env.h"
#include "util/io.h"

#define BLOCK (16u * 1024)	/* zeros of this size are left out */
#define WRITEBACK (128u * 1024)	/* pieces worth a call each */

bool
place_match(struct env *env, int fd, uint64_t off,
    const struct chunk_ref *ref, struct buf *b)
{
	uint8_t h[CHUNK_HASH_LEN];

	buf_reset(b);
	if (buf_reserve(b, ref->plain_len) != ZK_OK ||
	    io_pread_full(env, fd, b->data, ref->plain_len, off) != ZK_OK)
		return false;
	b->len = ref->plain_len;
	chunk_hash(0, b->data, b->len, h);
	return memcmp(h, ref->hash, sizeof(h)) == 0;
}

bool
place_kept(struct env *env, const struct place *p,
    const struct chunk_ref *ref, struct buf *b)
{
	for (uint64_t i = 0; i < p->count; i++)
		if (!place_match(env, p->fd, p->off + i * ref->plain_len, ref,
		    b))
			return false;
	return true;
}

enum zk_err
place_pwrite(struct env *env, int fd, const void *b, size_t n, uint64_t off)
{
	const uint8_t *p = b;

	while (n > 0) {
		ssize_t w = env_pwrite(env, fd, p, n, off);

		if (w <= 0)
			return w == 0 ? ZK_EIO : err_from_errno((int)-w);
		p += w;
		n -= (size_t)w;
		off += (uint64_t)w;
	}
	return ZK_OK;
}

static bool
is_zero(const uint8_t *p, size_t n)
{
	return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

/* The length of the blocks from p that are all of zeros, or all not. */
static size_t
run(const uint8_t *p, size_t n, bool zero)
{
	size_t at = 0, len;

	while (at < n) {
		len = n - at < BLOCK ? n - at : BLOCK;
		if (is_zero(p + at, len) != zero)
			break;
		at += len;
	}
	return at;
}

/* Writes b to off of a file that holds zeros there. */
static enum zk_err
write_sparse(struct env *env, int fd, const struct buf *b, uint64_t off)
{
	enum zk_err r = ZK_OK;
	size_t at = 0, n;

	while (r == ZK_OK && at < b->len) {
		at += run(b->data + at, b->len - at, true);
		n = run(b->data + at, b->len - at, false);
		r = place_pwrite(env, fd, b->data + at, n, off + at);
		at += n;
	}
	return r;
}

enum zk_err
place_write(struct env *env, const struct place *p, const struct buf *b)
{
	enum zk_err r = ZK_OK;

	/* a run of zeros may be terabytes long */
	if (p->fresh && is_zero(b->data, b->len))
		return ZK_OK;
	for (uint64_t i = 0; i < p->count && r == ZK_OK; i++) {
		uint64_t off = p->off + i * b->len;

		if (p->fd >= 0 && p->fresh)
			r = write_sparse(env, p->fd, b, off);
		else if (p->fd >= 0)
			r = place_pwrite(env, p->fd, b->data, b->len, off);
		else if (p->mem != NULL)
			memcpy(p->mem + off, b->data, b->len);
		/* disk and processor are then busy at the same time */
		if (r == ZK_OK && p->fd >= 0 && b->len >= WRITEBACK)
			env_writeback(env, p->fd, off, b->len);
	}
	return r;
}

enum zk_err
place_cut(struct env *env, int fd, uint64_t n)
{
	int e = env_ftruncate(env, fd, n);

	return e < 0 ? err_from_errno(-e) : ZK_OK;
}
