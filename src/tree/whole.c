#include "tree/whole.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/labels.h"
#include "store/basedb.h"
#include "tree/listing.h"
#include "tree/read.h"
#include "tree/whole_int.h"
#include "util/io.h"

#define TRIES 3

/* The digest --------------------------------------------------------------- */

void
whole_digest_init(struct whole_digest *d, struct env *env, bool applied)
{
	memset(d, 0, sizeof(*d));
	hash_init(&d->h, LABEL_HASH_TREE_STAT);
	d->seen = env_now(env);
	d->applied = applied;
}

static uint8_t *
put(uint8_t *p, uint64_t v, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		*p++ = (uint8_t)(v >> 8 * i);
	return p;
}

void
whole_digest_add(struct whole_digest *d, uint8_t type, const char *name,
    const struct env_stat *st)
{
	uint8_t b[64], *p = b;
	size_t n = strlen(name);

	p = put(p, type, 1);
	p = put(p, n, 2);
	p = put(p, st->ino, 8);
	p = put(p, st->mode, 4);
	/* of a directory its entries tell, and more than its times do */
	if (type != BUNDLE_DIR) {
		p = put(p, st->size, 8);
		p = put(p, (uint64_t)st->mtime.sec, 8);
		p = put(p, st->mtime.nsec, 4);
		p = put(p, (uint64_t)st->ctime.sec, 8);
		p = put(p, st->ctime.nsec, 4);
		/* a link is never changed where it is, and this one is ours */
		if (type != BUNDLE_LINK || !d->applied)
			d->racy |= base_racy(st, d->seen, d->applied);
	}
	hash_update(&d->h, b, (size_t)(p - b));
	hash_update(&d->h, name, n);
}

void
whole_digest_leave(struct whole_digest *d)
{
	static const uint8_t end = BUNDLE_END;

	hash_update(&d->h, &end, 1);
}

static uint64_t
get(const uint8_t *p, size_t bytes)
{
	uint64_t v = 0;

	for (size_t i = bytes; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

void
whole_digest_final(struct whole_digest *d, const struct env_stat *top,
    struct whole *out)
{
	uint8_t sum[HASH_LEN];

	hash_final(&d->h, sum);
	out->st = *top;
	/* as numbers that any column and comparison takes */
	out->st.size = get(sum, 8) >> 1;
	out->st.ctime.sec = (int64_t)(get(sum + 8, 8) >> 1);
	out->st.ctime.nsec = (uint32_t)get(sum + 16, 4) >> 3;
	out->st.mtime.sec = 0;
	out->st.mtime.nsec = (uint32_t)get(sum + 20, 4) >> 3;
	out->racy = d->racy;
}

/* Walking ------------------------------------------------------------------ */

struct walk {
	struct env *env;
	struct whole *out;
	struct whole_digest d;
	uint64_t dev;
	uint64_t entries;
	size_t at_len;		/* of out->at, up to the directory at hand */
	int fd;			/* where the stream goes, or -1 */
	uint64_t off;
	struct buf head;	/* of the stream, not written yet */
	uint8_t *block;
};

bool
whole_is_zero(const uint8_t *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

static enum zk_err
write_block(struct walk *w, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t k = whole_is_zero(p, n) ? (ssize_t)n :
		    env_pwrite(w->env, w->fd, p, n, w->off);

		if (k < 0)
			return err_from_errno((int)-k);
		w->off += (uint64_t)k;
		p += k;
		n -= (size_t)k;
	}
	return w->off > BUNDLE_MAX ? ZK_EPERM : ZK_OK;
}

/* What entries say is collected up to a block. */
static enum zk_err
flush(struct walk *w)
{
	enum zk_err r = buf_err(&w->head);

	if (r == ZK_OK)
		r = write_block(w, w->head.data, w->head.len);
	buf_reset(&w->head);
	return r;
}

static enum zk_err
put_entry(struct walk *w, const struct bundle_entry *e)
{
	enum zk_err r = ZK_OK;

	if (w->fd < 0)
		return ZK_OK;
	if (w->head.len + BUNDLE_ENTRY_MAX > w->head.max)
		r = flush(w);
	return r == ZK_OK ? bundle_put(e, &w->head) : r;
}

static enum zk_err
fault(struct walk *w, enum whole_fault why, enum zk_err r)
{
	w->out->fault = why;
	return r;
}

/* A failure at an entry that a listing has: gone since, or not to be had. */
static enum zk_err
failed(struct walk *w, int e)
{
	if (e == -ENOENT || e == -ENOTDIR || e == -ELOOP || e == -ENXIO)
		return ZK_ECHANGED;
	return fault(w, WHOLE_UNREAD, err_from_errno(-e));
}

static enum zk_err
copy_bytes(struct walk *w, int fd, uint64_t size)
{
	enum zk_err r = flush(w);
	uint64_t done = 0;
	size_t n = 1;

	while (r == ZK_OK && n > 0 && done <= size) {
		r = io_read_some(w->env, fd, w->block, WHOLE_BLOCK, &n);
		if (r == ZK_EIO || r == ZK_EPERM)
			return fault(w, WHOLE_UNREAD, r);
		done += n;
		if (r == ZK_OK && done <= size)
			r = write_block(w, w->block, n);
	}
	return r == ZK_OK && done != size ? ZK_ECHANGED : r;
}

/* A file into the stream; *st is of what was read. */
static enum zk_err
put_file(struct walk *w, int dir, struct bundle_entry *e, struct env_stat *st)
{
	int fd = env_open_beneath(w->env, dir, e->name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
	enum zk_err r;

	if (fd < 0)
		return failed(w, fd);
	r = env_fstat(w->env, fd, st) < 0 || !S_ISREG(st->mode) ?
	    ZK_ECHANGED : ZK_OK;
	e->mode = st->mode & 0777;
	e->mtime = bundle_time(st->mtime);
	e->size = st->size;
	if (r == ZK_OK)
		r = put_entry(w, e);
	if (r == ZK_OK)
		r = copy_bytes(w, fd, st->size);
	if (r == ZK_OK)
		r = read_same(w->env, fd, st);
	(void)env_close(w->env, fd);
	return r;
}

static enum zk_err
put_link(struct walk *w, int dir, struct bundle_entry *e)
{
	ssize_t n = env_readlinkat(w->env, dir, e->name, e->target,
	    sizeof(e->target));

	if (n == -EINVAL)
		return ZK_ECHANGED;
	if (n < 0)
		return failed(w, (int)n);
	if (n == 0 || (size_t)n > BUNDLE_LINK_MAX)
		return fault(w, WHOLE_NAME, ZK_EPERM);
	e->target_len = (size_t)n;
	return put_entry(w, e);
}

static enum zk_err walk_dir(struct walk *w, int fd, unsigned depth);

static enum zk_err
walk_below(struct walk *w, int dir, struct bundle_entry *e,
    const struct env_stat *st, unsigned depth)
{
	size_t len = w->at_len;
	struct env_stat now;
	int fd;
	enum zk_err r;

	if (st->mount_root || st->dev != w->dev)
		return fault(w, WHOLE_SPECIAL, ZK_EPERM);
	if (depth >= PATH_DEPTH_MAX)
		return fault(w, WHOLE_NAME, ZK_EPERM);
	fd = env_open_beneath(w->env, dir, e->name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd < 0)
		return failed(w, fd);
	r = env_fstat(w->env, fd, &now) < 0 || now.ino != st->ino ||
	    now.dev != st->dev ? ZK_ECHANGED : ZK_OK;
	/* its owner can always enter it, and remove it again */
	e->mode = (st->mode & 0777) | 0700;
	if (r == ZK_OK)
		r = put_entry(w, e);
	if (r == ZK_OK) {
		w->at_len += strlen(w->out->at + len);
		r = walk_dir(w, fd, depth);
	}
	if (r == ZK_OK)
		w->at_len = len;
	(void)env_close(w->env, fd);
	return r;
}

static uint8_t
type_of(const struct env_stat *st)
{
	if (S_ISREG(st->mode) && !st->mount_root)
		return BUNDLE_FILE;
	if (S_ISDIR(st->mode))
		return BUNDLE_DIR;
	return S_ISLNK(st->mode) ? BUNDLE_LINK : BUNDLE_END;
}

/* One entry, whose path is out->at while something may be wrong with it. */
static enum zk_err
walk_entry(struct walk *w, int dir, const struct listing_entry *l,
    unsigned depth)
{
	struct bundle_entry *e;
	struct env_stat st;
	int err;
	enum zk_err r = ZK_OK;

	snprintf(w->out->at + w->at_len, sizeof(w->out->at) - w->at_len,
	    "%s%s", w->at_len > 0 ? "/" : "", l->name);
	if (!path_name_ok(l->name, l->len) || strlen(w->out->at) >
	    PATH_LEN_MAX || ++w->entries > BUNDLE_ENTRIES_MAX)
		return fault(w, WHOLE_NAME, ZK_EPERM);
	err = env_statat(w->env, dir, l->name, &st);
	if (err < 0)
		return failed(w, err);
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return ZK_ENOMEM;
	e->type = type_of(&st);
	e->name_len = l->len;
	memcpy(e->name, l->name, l->len);
	if (e->type == BUNDLE_END)
		r = fault(w, WHOLE_SPECIAL, ZK_EPERM);
	else if (e->type == BUNDLE_FILE && w->fd >= 0)
		r = put_file(w, dir, e, &st);
	else if (e->type == BUNDLE_LINK && w->fd >= 0)
		r = put_link(w, dir, e);
	if (r == ZK_OK)
		whole_digest_add(&w->d, e->type, l->name, &st);
	if (r == ZK_OK && e->type == BUNDLE_DIR)
		r = walk_below(w, dir, e, &st, depth + 1);
	free(e);
	return r;
}

/* The directory fd to its end; its names are there until then. */
static enum zk_err
walk_dir(struct walk *w, int fd, unsigned depth)
{
	static const struct bundle_entry end = { .type = BUNDLE_END };
	struct listing l = { .n = 0 };
	enum zk_err r;

	listing_of(&l, w->env, fd);
	r = l.r;
	if (r == ZK_OK && l.err != 0)
		r = failed(w, -l.err);
	if (r == ZK_OK && l.changed)
		r = ZK_ECHANGED;
	for (size_t i = 0; r == ZK_OK && i < l.n; i++)
		r = walk_entry(w, fd, &l.v[i], depth);
	listing_release(&l);
	if (r != ZK_OK)
		return r;
	whole_digest_leave(&w->d);
	return put_entry(w, &end);
}

static enum zk_err
open_top(struct walk *w, struct root *root, const char *path, int *fd,
    struct env_stat *st)
{
	int e = root_open(root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

	w->out->at[0] = '\0';
	*fd = e;
	if (e == -ENOENT)
		return ZK_ENOENT;
	if (e < 0)
		return failed(w, e);
	e = env_fstat(w->env, *fd, st);
	if (e == 0 && !st->mount_root)
		return ZK_OK;
	(void)env_close(w->env, *fd);
	return e < 0 ? failed(w, e) : fault(w, WHOLE_SPECIAL, ZK_EPERM);
}

/* Looks at the tree, and writes its stream where there is a place for it. */
static enum zk_err
walk_tree(struct root *root, const char *path, int to, uint64_t *size,
    struct whole *out)
{
	struct walk w = { .env = root_env(root), .out = out, .fd = to };
	struct env_stat st;
	int fd = -1;
	enum zk_err r;

	memset(out, 0, sizeof(*out));
	whole_digest_init(&w.d, w.env, false);
	buf_init(&w.head, WHOLE_BLOCK);
	r = open_top(&w, root, path, &fd, &st);
	if (r != ZK_OK)
		return r;
	if (to >= 0) {
		w.block = malloc(WHOLE_BLOCK);
		r = w.block == NULL ? ZK_ENOMEM : bundle_put_head(&w.head);
	}
	w.dev = st.dev;
	if (r == ZK_OK)
		r = walk_dir(&w, fd, 0);
	(void)env_close(w.env, fd);
	if (r == ZK_OK && to >= 0)
		r = flush(&w);
	if (r == ZK_OK && to >= 0) {
		int e = env_ftruncate(w.env, to, w.off);

		*size = w.off;
		r = e < 0 ? err_from_errno(-e) : ZK_OK;
	}
	if (r == ZK_OK)
		whole_digest_final(&w.d, &st, out);
	free(w.block);
	buf_release(&w.head);
	return r;
}

enum zk_err
whole_stat(struct root *root, const char *path, struct whole *out)
{
	enum zk_err r = ZK_ECHANGED;

	for (unsigned i = 0; i < TRIES && r == ZK_ECHANGED; i++)
		r = walk_tree(root, path, -1, NULL, out);
	return r;
}

enum zk_err
whole_temp(struct root *root, int *fd)
{
	struct env *env = root_env(root);
	int tmp = root_tmp(root);
	uint64_t id = 0;
	char name[32];

	if (tmp < 0)
		return root_lost(root, err_from_errno(-tmp));
	env_random(env, &id, sizeof(id));
	snprintf(name, sizeof(name), "t%016llx", (unsigned long long)id);
	*fd = env_open_beneath(env, tmp, name,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (*fd < 0)
		return err_from_errno(-*fd);
	/* nothing is left of it, however this ends */
	(void)env_unlinkat(env, tmp, name, 0);
	return ZK_OK;
}

static enum zk_err
read_once(struct root *root, const char *path, int fd, struct whole *out)
{
	struct whole *again = malloc(sizeof(*again));
	struct base_stat was;
	uint64_t size = 0;
	enum zk_err r = again == NULL ? ZK_ENOMEM :
	    walk_tree(root, path, fd, &size, out);

	/* one state of the tree, and not two halves */
	if (r == ZK_OK)
		r = walk_tree(root, path, -1, NULL, again);
	if (r == ZK_OK) {
		base_stat_from(&out->st, &was);
		if (!base_stat_same(&was, &again->st))
			r = ZK_ECHANGED;
	}
	free(again);
	return r;
}

enum zk_err
whole_read(struct root *root, const char *path, int *fd, struct whole *out)
{
	struct env *env = root_env(root);
	enum zk_err r = ZK_ECHANGED;

	*fd = -1;
	for (unsigned i = 0; i < TRIES && r == ZK_ECHANGED; i++) {
		if (*fd >= 0)
			(void)env_close(env, *fd);
		r = whole_temp(root, fd);
		if (r == ZK_OK)
			r = read_once(root, path, *fd, out);
	}
	if (r != ZK_OK && *fd >= 0) {
		(void)env_close(env, *fd);
		*fd = -1;
	}
	return r;
}
