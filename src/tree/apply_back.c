/* What is left in staging, and where it goes. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tree/apply_int.h"
#include "util/io.h"
#include "util/log.h"
#include "util/path.h"

/* Forgets a row and all below it: it is not on the disk. */
static enum zk_err
forget_rows(struct apply *a, int64_t row, unsigned depth)
{
	enum zk_err r = ZK_OK;

	if (depth > 2 * PATH_DEPTH_MAX)
		return ZK_ETAMPER;
	while (r == ZK_OK) {
		struct base_entry e;

		r = base_next_child(a->db, row, "", 0, &e);
		if (r == ZK_OK)
			r = forget_rows(a, e.id, depth + 1);
	}
	return r == ZK_ENOENT ? base_remove(a->db, row) : r;
}

/* A staging name says which directory it came from, and its name there. */
static enum zk_err
origin(struct apply *a, const char *tmp, int64_t *dir, struct buf *path,
    const char **name)
{
	unsigned long long parent = 0;
	const char *p = strncmp(tmp, ".zk-tmp-", 8) == 0 ? tmp + 8 : tmp;
	char *end = NULL;
	struct base_entry e;
	enum zk_err r;

	*dir = BASE_ROOT;
	*name = "recovered";
	buf_reset(path);
	if (*p != 'b')
		return ZK_OK;
	parent = strtoull(p + 1, &end, 16);
	p = strchr(end, '-');
	p = p != NULL ? strchr(p + 1, '-') : NULL;
	if (p != NULL && path_name_ok(p + 1, strlen(p + 1)))
		*name = p + 1;
	r = base_get(a->db, (int64_t)parent, &e);
	if (r == ZK_ENOENT || (r == ZK_OK && (e.kind != NODE_DIR ||
	    e.flags & BASE_STAGED)))
		return ZK_OK;
	if (r == ZK_OK)
		r = base_path(a->db, (int64_t)parent, path);
	if (r == ZK_OK && strcmp(buf_cstr(path), ".zk") != 0 &&
	    strncmp(buf_cstr(path), ".zk/", 4) != 0)
		*dir = (int64_t)parent;
	else if (r == ZK_ENOENT || r == ZK_OK)
		buf_reset(path);
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
apply_origin(struct apply *a, const char *tmp, struct buf *path)
{
	const char *name;
	int64_t dir;
	enum zk_err r = origin(a, tmp, &dir, path, &name);

	return r == ZK_OK ? path_join(path, name, strlen(name)) : r;
}

#define BACK_FIRST 3	/* the name itself, then with so many digits */
#define BACK_END 17

/* The name number n of those that something may be put back under. */
static enum zk_err
back_name(const char *name, int64_t row, unsigned n, struct buf *got)
{
	struct opid key;

	memset(&key, 0, sizeof(key));
	for (unsigned i = 0; i < 8; i++)
		key.b[OPID_LEN - 1 - i] = (uint8_t)(row >> 8 * i);
	buf_reset(got);
	return n == BACK_FIRST ? buf_str(got, name) :
	    plan_alias(name, strlen(name), &key, n, got);
}

/* The path of name in the directory of row dir. */
static enum zk_err
back_path(struct apply *a, int64_t dir, const struct buf *name,
    struct buf *path)
{
	enum zk_err r;

	buf_reset(path);
	r = base_path(a->db, dir, path);
	return r == ZK_OK ? path_join(path, name->data, name->len) : r;
}

/* Whether what has inode ino is under that name, of which base knows none. */
static enum zk_err
is_unknown(struct apply *a, int64_t dir, const struct buf *name, uint64_t ino,
    bool *yes)
{
	struct base_entry at;
	struct env_stat st;
	struct buf path;
	int e = 0;
	enum zk_err r;

	*yes = false;
	buf_init(&path, 4 * PATH_LEN_MAX);
	r = back_path(a, dir, name, &path);
	if (r == ZK_OK)
		e = apply_stat(a, buf_cstr(&path), &st);
	buf_release(&path);
	if (r != ZK_OK || e < 0)
		return r != ZK_OK || apply_absent(e) ? r : err_from_errno(-e);
	if (st.ino != ino)
		return ZK_OK;
	r = base_find(a->db, dir, name->data, name->len, &at);
	*yes = r == ZK_ENOENT;
	return *yes ? ZK_OK : r;
}

/*
 * What is not in staging may have been put back by a run that was stopped
 * before base knew: under which name of those that it may have.  ZK_ENOENT.
 */
static enum zk_err
went_back(struct apply *a, int64_t dir, const char *name, int64_t row,
    struct buf *got)
{
	struct base_entry e;
	bool there = false;
	enum zk_err r = base_get(a->db, row, &e);
	uint64_t ino = r == ZK_OK ? e.st.ino : 0;

	for (unsigned n = BACK_FIRST; n < BACK_END && r == ZK_OK && !there;
	    n++) {
		r = back_name(name, row, n, got);
		if (r == ZK_OK)
			r = is_unknown(a, dir, got, ino, &there);
	}
	return r == ZK_OK && !there ? ZK_ENOENT : r;
}

/*
 * apply_rename_free, also of a directory that is closed to writing: it cannot
 * go to another one, since it says in itself which it lies in.
 */
static int
rename_closed(struct apply *a, int from, const char *name, int to,
    const char *as)
{
	struct env_stat st;
	int fd, e = apply_rename_free(a->env, from, name, to, as);

	if (e != -EACCES || env_statat(a->env, from, name, &st) < 0 ||
	    !S_ISDIR(st.mode) || (st.mode & 0200) != 0)
		return e;
	fd = env_open_beneath(a->env, from, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd < 0)
		return e;
	if (env_fchmod(a->env, fd, (st.mode & 0777) | 0200) == 0) {
		e = apply_rename_free(a->env, from, name, to, as);
		/* what it is else, the next scan takes for an edit */
		(void)env_fchmod(a->env, fd, st.mode & 0777);
	}
	(void)env_close(a->env, fd);
	return e;
}

/*
 * Renames cur to a free name in the directory of row dir.  If it has a row,
 * this is to go there, and the name is one that no row has either, since that
 * of what is gone from there has to tell so.  Without (0) a row of its place
 * may be its own: it was out of its place for a moment alone.
 */
static int
back_to(struct apply *a, const char *cur, int64_t dir, const char *name,
    int64_t row, struct buf *got)
{
	struct base_entry at;
	struct buf to;
	const char *n1, *n2;
	int f1, f2, own, e = -EEXIST;
	enum zk_err r = ZK_OK;

	if (apply_at(a, cur, &f1, &n1) != ZK_OK)
		return f1;
	own = env_openat(a->env, f1, ".", O_RDONLY | O_DIRECTORY, 0);
	if (own < 0)
		return own;
	buf_init(&to, 4 * PATH_LEN_MAX);
	for (unsigned n = BACK_FIRST; n < BACK_END && e == -EEXIST; n++) {
		r = back_name(name, row, n, got);
		if (r == ZK_OK)
			r = back_path(a, dir, got, &to);
		if (r == ZK_OK && row != 0) {
			r = base_find(a->db, dir, got->data, got->len, &at);
			if (r == ZK_OK)
				continue;	/* it is taken */
			r = r == ZK_ENOENT ? ZK_OK : r;
		}
		if (r != ZK_OK)
			e = r == ZK_ENOMEM ? -ENOMEM : -EIO;
		else if (apply_at(a, buf_cstr(&to), &f2, &n2) != ZK_OK)
			e = f2;
		else
			e = rename_closed(a, own, n1, f2, n2);
	}
	(void)env_close(a->env, own);
	buf_release(&to);
	return e;
}

/*
 * Only its name changed.  A node is hashed again; a kept entry is to go on
 * being taken for unchanged.
 */
static enum zk_err
back_stat(struct apply *a, int64_t row, const struct env_stat *st)
{
	struct base_entry e;
	enum zk_err r = base_get(a->db, row, &e);

	if (r != ZK_OK)
		return r;
	return apply_moved_stat(a, row, st, (e.flags & BASE_KEPT) != 0, 0);
}

enum zk_err
apply_give_back(struct apply *a, const char *name)
{
	struct buf path, got, cur;
	const char *want = NULL;
	int64_t dir = BASE_ROOT;
	int e = -EIO;
	enum zk_err r;

	buf_init(&path, 4 * PATH_LEN_MAX);
	buf_init(&cur, 4 * PATH_LEN_MAX);
	buf_init(&got, 2 * PATH_NAME_MAX);
	buf_str(&cur, ".zk/tmp/");
	r = buf_str(&cur, name);
	if (r == ZK_OK)
		r = origin(a, name, &dir, &path, &want);
	if (r == ZK_OK)
		e = back_to(a, buf_cstr(&cur), dir, want, 0, &got);
	/* also where it is the directory that is not there */
	if (r == ZK_OK && e < 0 && dir != BASE_ROOT)
		e = back_to(a, buf_cstr(&cur), BASE_ROOT, want, 0, &got);
	buf_release(&path);
	buf_release(&cur);
	buf_release(&got);
	if (r != ZK_OK)
		return r;
	return e < 0 && e != -ENOENT ? err_from_errno(-e) : ZK_OK;
}

/*
 * Puts what is at cur, of row, into the directory of row dir, *got is its name
 * there.  ZK_ENOENT: it is neither at cur nor there.
 */
static enum zk_err
put_in(struct apply *a, const char *cur, int64_t dir, const char *want,
    int64_t row, struct buf *got)
{
	int e = back_to(a, cur, dir, want, row, got);

	root_forget(a->root);
	if (e == -ENOENT)
		return went_back(a, dir, want, row, got);
	return e < 0 ? err_from_errno(-e) : ZK_OK;
}

/*
 * Base learns where row is: by name in the directory of row dir.  On a mount
 * that is to be on its disk before; the root's is synced for all.
 */
static enum zk_err
note_back(struct apply *a, int64_t row, int64_t dir, const struct buf *name,
    bool mount)
{
	struct env_stat st;
	struct buf path;
	const char *last;
	int e, fd;
	enum zk_err r = base_move(a->db, row, dir, name->data, name->len);

	buf_init(&path, 4 * PATH_LEN_MAX);
	if (r == ZK_OK)
		r = back_path(a, dir, name, &path);
	if (r == ZK_OK) {
		e = apply_stat(a, buf_cstr(&path), &st);
		r = e < 0 ? err_from_errno(-e) : back_stat(a, row, &st);
	}
	if (r == ZK_OK && mount)
		r = apply_at(a, buf_cstr(&path), &fd, &last);
	if (r == ZK_OK && mount && env_syncfs(a->env, fd) < 0)
		r = ZK_EIO;
	buf_release(&path);
	return r;
}

/*
 * Where what is at cur goes if its own directory does not take it: *top, the
 * root, or that of its mount.  *away: that is not mounted now.
 */
static enum zk_err
top_of(struct apply *a, int64_t row, const char *cur, int64_t *top,
    bool *away)
{
	struct base_entry e;
	struct env_stat st;
	struct buf path;
	enum zk_err r;

	*top = BASE_ROOT;
	*away = false;
	if (strncmp(cur, ".zk/", 4) == 0)
		return ZK_OK;
	r = base_get(a->db, row, &e);
	if (r == ZK_OK) {
		*top = e.parent;
		r = base_get(a->db, *top, &e);
	}
	if (r != ZK_OK || (e.flags & BASE_MOUNT) == 0)
		return r;
	buf_init(&path, 4 * PATH_LEN_MAX);
	r = base_path(a->db, *top, &path);
	if (r == ZK_OK)
		*away = apply_stat(a, buf_cstr(&path), &st) < 0 ||
		    !st.mount_root;
	buf_release(&path);
	return r;
}

/* *dir becomes top if that is where it went. */
static enum zk_err
put_somewhere(struct apply *a, const char *cur, int64_t *dir, int64_t top,
    const char *want, int64_t row, struct buf *got)
{
	enum zk_err first = put_in(a, cur, *dir, want, row, got), r = first;

	if (*dir != top && r != ZK_OK && r != ZK_ENOMEM) {
		*dir = top;
		r = put_in(a, cur, top, want, row, got);
	}
	/* it may be where it could not be looked for */
	return r == ZK_ENOENT ? first : r;
}

static enum zk_err
put_one(struct apply *a, int64_t row, const char *cur)
{
	struct buf path, name;
	const char *want = NULL;
	int64_t dir = BASE_ROOT, top = BASE_ROOT;
	bool away = false;
	enum zk_err r;

	buf_init(&path, 4 * PATH_LEN_MAX);
	buf_init(&name, 2 * PATH_NAME_MAX);
	r = origin(a, path_last(cur), &dir, &path, &want);
	if (r == ZK_OK)
		r = top_of(a, row, cur, &top, &away);
	if (r != ZK_OK || away)
		goto out;
	if (dir == BASE_ROOT)
		dir = top;
	r = put_somewhere(a, cur, &dir, top, want, row, &name);
	if (r == ZK_ENOENT) {
		r = forget_rows(a, row, 0);
	} else if (r == ZK_OK) {
		r = note_back(a, row, dir, &name, top != BASE_ROOT);
	} else if (r != ZK_ENOMEM) {
		log_warn("'%s' waits in '%s': it cannot be put back yet: %s",
		    want, cur, err_text(r));
		r = ZK_OK;
	}
out:
	buf_release(&path);
	buf_release(&name);
	return r;
}

/* Rows that an earlier version left in staging, the directory of row tmp. */
static enum zk_err
put_unmarked(struct apply *a, int64_t tmp, bool *any)
{
	uint8_t name[PATH_NAME_MAX];
	struct base_entry e;
	struct buf cur;
	size_t len = 0;
	enum zk_err r = ZK_OK;

	buf_init(&cur, 4 * PATH_LEN_MAX);
	while (r == ZK_OK) {
		r = base_next_child(a->db, tmp, name, len, &e);
		if (r != ZK_OK)
			break;
		len = e.name_len < sizeof(name) ? e.name_len : sizeof(name);
		memcpy(name, e.name, len);
		if (e.flags & BASE_STAGED)
			continue;
		*any = true;
		buf_reset(&cur);
		r = buf_str(&cur, ".zk/tmp");
		if (r == ZK_OK)
			r = path_join(&cur, name, len);
		if (r == ZK_OK)
			r = put_one(a, e.id, buf_cstr(&cur));
	}
	buf_release(&cur);
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* *any: something was. */
static enum zk_err
put_each(struct apply *a, bool *any)
{
	struct base_entry e;
	struct buf cur;
	int64_t after = 0;
	enum zk_err r = ZK_OK;

	buf_init(&cur, 4 * PATH_LEN_MAX);
	while (r == ZK_OK) {
		r = base_next_special(a->db, after, &e);
		if (r != ZK_OK)
			break;
		after = e.id;
		if ((e.flags & BASE_STAGED) == 0)
			continue;
		buf_reset(&cur);
		r = base_path(a->db, after, &cur);
		if (r == ZK_ENOENT) {	/* of one row, not of all */
			r = ZK_OK;
			continue;
		}
		if (r != ZK_OK || strcmp(buf_cstr(&cur), ".zk") == 0)
			continue;
		if (strcmp(buf_cstr(&cur), ".zk/tmp") == 0) {
			r = put_unmarked(a, after, any);
			continue;
		}
		*any = true;
		r = put_one(a, after, buf_cstr(&cur));
	}
	buf_release(&cur);
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
apply_put_back(struct apply *a)
{
	bool any = false;
	enum zk_err r = base_begin(a->db);

	if (r == ZK_OK)
		r = put_each(a, &any);
	/* names too must be on the disk before base says that they are */
	if (r == ZK_OK && any && env_syncfs(a->env, root_fd(a->root)) < 0)
		r = ZK_EIO;
	if (r == ZK_OK)
		r = base_commit(a->db);
	if (r != ZK_OK)
		base_rollback(a->db);
	return r;
}

/* Whether a row waits in staging under that name: it could not be put back. */
static enum zk_err
waits(struct apply *a, const char *name, bool *yes)
{
	struct base_entry e;
	enum zk_err r = base_find_path(a->db, ".zk/tmp", &e);

	if (r == ZK_OK)
		r = base_find(a->db, e.id, name, strlen(name), &e);
	*yes = r == ZK_OK;
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
apply_clear_tmp(struct apply *a, bool all)
{
	struct env_dirent d;
	struct env_dir *dir;
	bool row = false;
	enum zk_err r = ZK_OK;
	int e = 0, fd = root_tmp(a->root);

	if (fd < 0)
		return root_lost(a->root, err_from_errno(-fd));
	dir = env_dir_open(a->env, fd, &e);
	while (dir != NULL && r == ZK_OK) {
		e = env_dir_next(a->env, dir, &d);
		if (e <= 0)
			break;
		if (d.name[0] == 'b') {
			r = waits(a, d.name, &row);
			if (r == ZK_OK && !row)
				r = apply_give_back(a, d.name);
		} else if (all || strncmp(d.name, "p-", 2) != 0) {
			r = io_remove_tree(a->env, fd, d.name);
		}
	}
	if (dir != NULL)
		env_dir_close(a->env, dir);
	return r == ZK_OK && e < 0 ? err_from_errno(-e) : r;
}
