#include "transport/folder_blobs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/env.h"
#include "util/hex.h"

#define SHARDS 256
#define ROOM (2 * TRANSPORT_LIST_MAX)

/* The lowest names of a directory, which gives them in any order. */
struct lowest {
	uint8_t (*v)[TRANSPORT_NAME_LEN];	/* room for ROOM */
	size_t n;
	size_t max;		/* how many of them are wanted */
	const uint8_t *after;	/* only names above it; NULL: all */
	uint8_t shard;		/* the first byte of those that belong here */
	bool left_out;		/* there are others, above */
};

static int
by_name(const void *a, const void *b)
{
	return memcmp(a, b, TRANSPORT_NAME_LEN);
}

static void
settle(struct lowest *l)
{
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), by_name);
	l->left_out |= l->n > l->max;
	if (l->n > l->max)
		l->n = l->max;
}

static enum zk_err
take(void *arg, const char *name)
{
	struct lowest *l = arg;
	uint8_t *to = l->v[l->n];

	if (hex_get(name, strlen(name), to, TRANSPORT_NAME_LEN) != ZK_OK ||
	    to[0] != l->shard || (l->after != NULL &&
	    memcmp(to, l->after, TRANSPORT_NAME_LEN) <= 0))
		return ZK_OK;
	l->n++;
	if (l->n == ROOM)
		settle(l);
	return ZK_OK;
}

/* The lowest names of l's shard; none if it has no directory. */
static enum zk_err
read_shard(struct folder *f, struct lowest *l)
{
	char path[NAMES_CAP] = "blob/";
	enum zk_err r;
	int fd;

	hex_text(&l->shard, 1, path + 5);
	fd = folder_dir_sub(f, f->dir, path, false);
	if (fd == -ENOENT)
		return ZK_OK;
	if (fd < 0)
		return folder_dir_fail(f, fd, "open", path);
	r = folder_dir_list(f, fd, take, l);
	(void)env_close(f->t.opts.env, fd);
	if (r == ZK_OK)
		settle(l);
	return r;
}

enum zk_err
folder_blob_list(struct transport *t, const uint8_t *after,
    enum zk_err (*each)(void *, const uint8_t *), void *arg, bool *more)
{
	struct folder *f = (struct folder *)t;
	struct lowest l = { .max = TRANSPORT_LIST_MAX, .after = after };
	unsigned shard = after == NULL ? 0 : after[0];
	enum zk_err r = folder_dir_open(f);

	l.v = r == ZK_OK ? calloc(ROOM, sizeof(*l.v)) : NULL;
	if (r == ZK_OK && l.v == NULL)
		r = ZK_ENOMEM;
	for (; r == ZK_OK && shard < SHARDS && l.max > 0; shard++) {
		if (transport_stopped(&t->opts))
			r = ZK_ESIGNAL;
		l.shard = (uint8_t)shard;
		l.n = 0;
		if (r == ZK_OK)
			r = read_shard(f, &l);
		for (size_t i = 0; r == ZK_OK && i < l.n; i++)
			r = each(arg, l.v[i]);
		l.max -= l.n;
	}
	/* of a shard that was not read it is not known */
	*more = l.left_out || shard < SHARDS;
	free(l.v);
	return r;
}
