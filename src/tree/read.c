#include "tree/read.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/labels.h"
#include "tree/whole.h"
#include "util/io.h"
#include "util/path.h"

#define TRIES 3

static bool
same_time(const struct env_time *a, const struct env_time *b)
{
	return a->sec == b->sec && a->nsec == b->nsec;
}

static bool
same_stat(const struct env_stat *a, const struct env_stat *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->mode == b->mode &&
	    a->size == b->size && same_time(&a->mtime, &b->mtime) &&
	    same_time(&a->ctime, &b->ctime);
}

enum zk_err
read_same(struct env *env, int fd, const struct env_stat *st)
{
	struct env_stat now;
	int e = env_fstat(env, fd, &now);

	if (e < 0)
		return err_from_errno(-e);
	return same_stat(st, &now) ? ZK_OK : ZK_ECHANGED;
}

enum zk_err
read_open(struct root *root, const char *path, int *fd, struct env_stat *st,
    struct env_time *seen)
{
	struct env *env = root_env(root);
	int e;

	*seen = env_now(env);
	/* nothing to wait for should it have become a FIFO */
	*fd = root_open(root, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
	    O_NOCTTY, 0);
	if (*fd < 0) {
		e = *fd;
		*fd = -1;
		if (e == -ELOOP || e == -ENXIO || e == -EXDEV)
			return ZK_ECHANGED;
		return e == -ENOTDIR ? ZK_ENOENT : err_from_errno(-e);
	}
	e = env_fstat(env, *fd, st);
	if (e == 0 && S_ISREG(st->mode))
		return ZK_OK;
	(void)env_close(env, *fd);
	*fd = -1;
	return e < 0 ? err_from_errno(-e) : ZK_ECHANGED;
}

/* Whole small files: into keep, or block by block into the hash. */
static enum zk_err
hash_small(struct env *env, int fd, uint64_t size, struct buf *keep,
    uint8_t out[static HASH_LEN])
{
	uint8_t block[32768];
	struct hash h;
	uint64_t left = size;

	hash_init(&h, LABEL_HASH_CONTENT);
	for (;;) {
		size_t n = 0;
		enum zk_err r = io_read_some(env, fd, block, sizeof(block),
		    &n);

		if (r != ZK_OK)
			return r;
		if (n > left)
			return ZK_ECHANGED;
		left -= n;
		hash_update(&h, block, n);
		if (keep != NULL && keep->len + n <= keep->max)
			r = buf_put(keep, block, n);
		if (r != ZK_OK)
			return r;
		if (n < sizeof(block))
			break;
	}
	hash_final(&h, out);
	return left == 0 ? ZK_OK : ZK_ECHANGED;
}

static enum zk_err
read_file(struct root *root, const struct read_hasher *h, const char *path,
    const struct base_entry *like, struct buf *keep, struct read_result *out)
{
	struct env *env = root_env(root);
	int fd = -1;
	enum zk_err r = read_open(root, path, &fd, &out->st, &out->seen);

	if (r != ZK_OK)
		return r;
	out->kind = NODE_FILE;
	if (out->st.size <= READ_WHOLE_MAX)
		r = hash_small(env, fd, out->st.size, keep, out->hash);
	else if (h == NULL || h->hash == NULL)
		r = ZK_EBUG;
	else
		r = h->hash(h->ctx, fd, like != NULL ? like->refs : NULL,
		    like != NULL ? like->refs_len : 0, out->hash);
	if (r == ZK_OK)
		r = read_same(env, fd, &out->st);
	(void)env_close(env, fd);
	return r;
}

static enum zk_err
read_link(struct root *root, const char *path, struct buf *keep,
    struct read_result *out)
{
	struct env *env = root_env(root);
	char target[PATH_LEN_MAX + 1];
	struct env_stat now;
	const char *name;
	ssize_t n;
	int dir = root_parent(root, path, &name);

	if (dir < 0)
		return err_from_errno(-dir);
	out->seen = env_now(env);
	n = env_statat(env, dir, name, &out->st);
	if (n < 0)
		return err_from_errno((int)-n);
	if (!S_ISLNK(out->st.mode))
		return ZK_ECHANGED;
	n = env_readlinkat(env, dir, name, target, sizeof(target));
	if (n < 0)
		return n == -EINVAL ? ZK_ECHANGED : err_from_errno((int)-n);
	if ((size_t)n == sizeof(target))
		return ZK_ELIMIT;
	if (env_statat(env, dir, name, &now) < 0 || !same_stat(&out->st, &now))
		return ZK_ECHANGED;
	out->kind = NODE_SYMLINK;
	hash_bytes(LABEL_HASH_CONTENT, target, (size_t)n, out->hash);
	if (keep != NULL && (size_t)n <= keep->max)
		return buf_put(keep, target, (size_t)n);
	return ZK_OK;
}

/* What base has as a tree: its stream (tree/whole.h). */
static enum zk_err
read_tree(struct root *root, const struct read_hasher *h, const char *path,
    const struct base_entry *like, struct read_result *out)
{
	struct env *env = root_env(root);
	struct env_stat st = { .size = 0 };
	struct whole w;
	int fd = -1;
	enum zk_err r = ZK_EBUG;

	memset(out, 0, sizeof(*out));
	out->kind = NODE_TREE;
	out->seen = env_now(env);
	r = whole_read(root, path, &fd, &w);
	if (r != ZK_OK)
		return r;
	out->st = w.st;
	out->racy = w.racy;
	if (env_fstat(env, fd, &st) < 0)
		r = ZK_EIO;
	else if (st.size <= READ_WHOLE_MAX)
		r = hash_small(env, fd, st.size, NULL, out->hash);
	else if (h == NULL || h->hash == NULL)
		r = ZK_EBUG;
	else
		r = h->hash(h->ctx, fd, like->refs, like->refs_len, out->hash);
	out->size = st.size;
	(void)env_close(env, fd);
	return r;
}

enum zk_err
read_entry(struct root *root, const struct read_hasher *h, const char *path,
    const struct base_entry *like, struct buf *keep, struct read_result *out)
{
	enum zk_err r = ZK_ECHANGED;

	if (like != NULL && like->kind == NODE_TREE) {
		if (keep != NULL)
			buf_reset(keep);
		return read_tree(root, h, path, like, out);
	}
	for (unsigned i = 0; i < TRIES && r == ZK_ECHANGED; i++) {
		memset(out, 0, sizeof(*out));
		if (keep != NULL)
			buf_reset(keep);
		r = read_file(root, h, path, like, keep, out);
		if (r != ZK_ECHANGED)
			break;
		if (keep != NULL)
			buf_reset(keep);
		r = read_link(root, path, keep, out);
	}
	out->size = out->st.size;
	out->racy = base_racy(&out->st, out->seen, false);
	if (keep != NULL && (r != ZK_OK || keep->len != out->st.size))
		buf_reset(keep);
	return r;
}

enum zk_err
read_rules(struct root *root, const char *dir, const char *name, size_t max,
    struct buf *out, bool *found)
{
	struct env *env = root_env(root);
	struct env_stat st;
	struct buf path;
	size_t got = 0;
	int fd;
	enum zk_err e;

	*found = false;
	buf_init(&path, 2 * PATH_LEN_MAX);
	buf_str(&path, dir);
	e = path_join(&path, name, strlen(name));
	fd = e == ZK_OK ? root_open(root, buf_cstr(&path),
	    O_RDONLY | O_NONBLOCK, 0) : -ENOENT;
	buf_release(&path);
	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP ?
		    e : err_from_errno(-fd);
	e = buf_reserve(out, max);
	if (e == ZK_OK && env_fstat(env, fd, &st) == 0 && S_ISREG(st.mode)) {
		e = io_read_some(env, fd, out->data, max, &got);
		out->len = got;
		*found = true;
	}
	(void)env_close(env, fd);
	return e;
}
