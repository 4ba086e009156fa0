/* Directories kept as one: staged whole, and compared whole. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "tree/apply_int.h"
#include "tree/scan_int.h"
#include "tree/whole.h"
#include "util/io.h"
#include "util/log.h"

bool
apply_is_kind(const struct env_stat *st, uint8_t kind)
{
	return scan_kind(st) == (kind == NODE_TREE ? NODE_DIR : kind);
}

bool
apply_is_tree(const struct act *t)
{
	return t->g != NULL && t->g->kind == NODE_TREE;
}

/* It is as it was when it was looked at. */
static bool
is_still(const struct env_stat *a, const struct env_stat *b)
{
	struct base_stat was;

	base_stat_from(a, &was);
	return base_stat_same(&was, b);
}

enum zk_err
apply_same_tree(struct apply *a, const char *path,
    const struct base_entry *e, struct env_stat *st)
{
	struct read_result res;
	struct base_entry like = *e;
	struct whole w;
	struct buf refs;
	enum zk_err r = whole_stat(a->root, path, &w);

	*st = w.st;
	if (r != ZK_OK || ((e->flags & BASE_RACY) == 0 &&
	    base_stat_same(&e->st, &w.st)))
		return r == ZK_ENOENT ? ZK_ECHANGED : r;
	/* what is lent by base may not outlive the reading */
	buf_init(&refs, SIZE_MAX);
	r = buf_put(&refs, e->refs, e->refs_len);
	like.refs = refs.data;
	if (r == ZK_OK)
		r = read_entry(a->root, a->hasher, path, &like, NULL, &res);
	buf_release(&refs);
	if (r != ZK_OK)
		return r;
	*st = res.st;
	return ((like.st.mode ^ st->mode) & 0777) != 0 ||
	    memcmp(res.hash, like.hash, sizeof(like.hash)) != 0 ?
	    ZK_ECHANGED : ZK_OK;
}

void
apply_open_tree(struct apply *a, const char *path, struct env_stat *st)
{
	unsigned mode = (st->mode & 0777) | 0700;
	const char *name;
	int dir, fd;

	if ((st->mode & 0700) == 0700 ||
	    apply_at(a, path, &dir, &name) != ZK_OK)
		return;
	fd = env_open_beneath(a->env, dir, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd < 0)
		return;
	if (env_fchmod(a->env, fd, mode) == 0)
		st->mode |= 0700;
	(void)env_close(a->env, fd);
}

bool
apply_tree_held(struct apply *a, const char *path, const struct env_stat *was)
{
	struct whole w;

	return whole_stat(a->root, path, &w) == ZK_OK && is_still(was, &w.st);
}

/* Staging ------------------------------------------------------------------ */

enum zk_err
apply_write_tree(struct apply *a, struct act *t, int dirfd, const char *name,
    const struct bundle_source *src)
{
	unsigned mode = t->g->has_mode ? t->g->mode : 0755;
	struct whole w;
	enum zk_err r;

	/* whatever comes of it is ours to remove */
	t->staged = true;
	r = whole_write(a->env, dirfd, name, mode, src, &w);
	t->st = w.st;
	t->ino = w.st.ino;
	t->racy = w.racy;
	return r;
}

void
apply_bad_tree(const struct act *t)
{
	if (t->r == ZK_EFORMAT && apply_is_tree(t))
		log_error(t->r, &(struct log_where){ .path = t->path },
		    "the content for '%s' is not that of a directory",
		    t->path);
}

/* Whether an act before t in the batch is to have the same stream. */
static bool
is_second(const struct apply *a, const struct act *t)
{
	for (size_t i = 0; i < a->n && &a->acts[i] != t; i++)
		if (a->acts[i].large && apply_is_tree(&a->acts[i]) &&
		    memcmp(a->acts[i].g->hash, t->g->hash, HASH_LEN) == 0)
			return true;
	return false;
}

enum zk_err
apply_open_stream(struct apply *a, struct act *t, struct apply_item *item)
{
	char name[APPLY_STAGE_NAME];
	struct env_stat st;
	int tmp = root_tmp(a->root);

	if (tmp < 0)
		return root_lost(a->root, err_from_errno(-tmp));
	if (is_second(a, t))
		return whole_temp(a->root, &item->fd);
	apply_stage_name(t->g->hash, name);
	item->fd = env_open_beneath(a->env, tmp, name,
	    O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	if (item->fd < 0)
		return err_from_errno(-item->fd);
	if (env_fstat(a->env, item->fd, &st) < 0 || !S_ISREG(st.mode))
		return ZK_EIO;
	item->resume = st.size > 0;
	return ZK_OK;
}

enum zk_err
apply_finish_stream(struct apply *a, struct act *t, struct apply_item *item)
{
	struct whole_file f = { .env = a->env, .fd = item->fd };
	struct bundle_source src = whole_from_file(&f, t->g->size);
	char stream[APPLY_STAGE_NAME];
	const char *name;
	int dirfd, tmp;
	enum zk_err r = apply_at(a, act_stage(t), &dirfd, &name);

	if (r == ZK_OK)
		r = apply_write_tree(a, t, dirfd, name, &src);
	tmp = root_tmp(a->root);
	/* it has served; after a failure too there is nothing to resume */
	if (tmp >= 0 && !is_second(a, t)) {
		apply_stage_name(t->g->hash, stream);
		(void)env_unlinkat(a->env, tmp, stream, 0);
	}
	return r;
}

void
apply_drop_tree(struct apply *a, const struct act *t)
{
	const char *name;
	int fd;

	if (apply_at(a, act_stage(t), &fd, &name) == ZK_OK &&
	    io_remove_tree(a->env, fd, name) != ZK_OK)
		log_debug("what was staged for '%s' stays", t->path);
}
