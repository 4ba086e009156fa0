#include <string.h>

#include "sync/place.h"
#include "util/buf.h"
#include "util/env.h"
#include "util/io.h"

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
is_zero(const struct buf *b)
{
	return b->data[0] == 0 &&
	    memcmp(b->data, b->data + 1, b->len - 1) == 0;
}

enum zk_err
place_write(struct env *env, const struct place *p, const struct buf *b)
{
	enum zk_err r = ZK_OK;

	if ((p->fd < 0 && p->mem == NULL) || (p->fresh && is_zero(b)))
		return ZK_OK;
	for (uint64_t i = 0; i < p->count && r == ZK_OK; i++) {
		uint64_t off = p->off + i * b->len;

		if (p->fd >= 0)
			r = place_pwrite(env, p->fd, b->data, b->len, off);
		else
			memcpy(p->mem + off, b->data, b->len);
	}
	return r;
}

enum zk_err
place_cut(struct env *env, int fd, uint64_t n)
{
	int e = env_ftruncate(env, fd, n);

	return e < 0 ? err_from_errno(-e) : ZK_OK;
}
