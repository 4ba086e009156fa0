#include <stdlib.h>

#include "relay/body.h"
#include "relay/files.h"
#include "util/buf.h"
#include "util/env.h"
#include "util/io.h"

struct body {
	struct body_shop *shop;
	struct buf mem;		/* empty once there is a file */
	size_t counted;		/* of it, in shop->mem */
	size_t len;
	size_t max;
	int fd;			/* -1: in memory */
	uint64_t tmp;		/* number of the temporary */
	uint64_t file;		/* number in place; 0: not yet */
	bool kept;
};

/* Counts n bytes of memory.  ZK_EBUSY: over the budget. */
static enum zk_err
count_mem(struct body *b, size_t n)
{
	b->counted += n;
	if (atomic_fetch_add(&b->shop->mem, n) + n > b->shop->mem_max)
		return ZK_EBUSY;
	return ZK_OK;
}

enum zk_err
body_new(struct body_shop *shop, size_t max, size_t expect,
    struct body **out)
{
	struct body *b = calloc(1, sizeof(*b));
	enum zk_err r = ZK_OK;

	*out = NULL;
	if (b == NULL)
		return ZK_ENOMEM;
	b->shop = shop;
	b->max = max;
	b->fd = -1;
	buf_init(&b->mem, BODY_SMALL);
	if (expect > BODY_SMALL)
		r = files_tmp(shop->files, &b->fd, &b->tmp);
	if (r != ZK_OK) {
		body_free(b);
		return r;
	}
	*out = b;
	return ZK_OK;
}

static void
release_mem(struct body *b)
{
	buf_release(&b->mem);
	atomic_fetch_sub(&b->shop->mem, b->counted);
	b->counted = 0;
}

void
body_free(struct body *b)
{
	if (b == NULL)
		return;
	release_mem(b);
	if (b->fd >= 0) {
		(void)env_close(b->shop->env, b->fd);
		if (b->file == 0)
			files_tmp_drop(b->shop->files, b->tmp);
		else if (!b->kept)
			files_drop(b->shop->files, b->file);
	}
	free(b);
}

/* Moves what is in memory to a file. */
static enum zk_err
spill(struct body *b)
{
	enum zk_err r = files_tmp(b->shop->files, &b->fd, &b->tmp);

	if (r == ZK_OK)
		r = io_write_full(b->shop->env, b->fd, b->mem.data,
		    b->mem.len);
	release_mem(b);
	return r;
}

enum zk_err
body_put(struct body *b, const void *p, size_t n)
{
	enum zk_err r = ZK_OK;

	if (n > b->max - b->len)
		return ZK_ELIMIT;
	if (b->fd < 0 && b->len + n > BODY_SMALL)
		r = spill(b);
	if (r != ZK_OK)
		return r;
	if (b->fd >= 0) {
		r = io_write_full(b->shop->env, b->fd, p, n);
	} else {
		r = count_mem(b, n);
		if (r == ZK_OK)
			r = buf_put(&b->mem, p, n);
	}
	if (r == ZK_OK)
		b->len += n;
	return r;
}

size_t
body_len(const struct body *b)
{
	return b->len;
}

const uint8_t *
body_mem(const struct body *b)
{
	static const uint8_t none[1];

	if (b->fd >= 0)
		return NULL;
	return b->mem.data != NULL ? b->mem.data : none;
}

enum zk_err
body_sync(struct body *b)
{
	int e;

	if (b->fd < 0)
		return ZK_OK;
	e = env_fsync(b->shop->env, b->fd);
	return e < 0 ? err_from_errno(-e) : ZK_OK;
}

enum zk_err
body_place(struct body *b, uint64_t no)
{
	enum zk_err r;

	if (b->fd < 0 || b->file != 0)
		return ZK_OK;
	r = files_place(b->shop->files, b->tmp, no);
	if (r == ZK_OK)
		b->file = no;
	return r;
}

uint64_t
body_file(const struct body *b)
{
	return b->file;
}

void
body_keep(struct body *b)
{
	b->kept = true;
}

bool
body_kept(const struct body *b)
{
	return b->kept && b->file != 0;
}
