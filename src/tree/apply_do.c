/* The disk side of each step. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tree/apply_int.h"
#include "tree/scan_int.h"
#include "util/io.h"
#include "util/path.h"

int
apply_rename_free(struct env *env, int from, const char *a, int to,
    const char *b)
{
	struct env_stat st;
	int e = env_renameat(env, from, a, to, b, RENAME_NOREPLACE);

	if (e != -EINVAL && e != -ENOSYS)
		return e;
	e = env_statat(env, to, b, &st);
	if (e == 0)
		return -EEXIST;
	return e == -ENOENT ? env_renameat(env, from, a, to, b, 0) : e;
}

enum zk_err
apply_at(struct apply *a, const char *path, int *fd, const char **name)
{
	static const char tmp[] = ".zk/tmp/";

	if (strncmp(path, tmp, sizeof(tmp) - 1) == 0 &&
	    strchr(path + sizeof(tmp) - 1, '/') == NULL) {
		*fd = root_tmp(a->root);
		*name = path + sizeof(tmp) - 1;
	} else {
		*fd = root_parent(a->root, path, name);
	}
	return *fd < 0 ? err_from_errno(-*fd) : ZK_OK;
}

int
apply_stat(struct apply *a, const char *path, struct env_stat *st)
{
	const char *name;
	int fd;

	if (apply_at(a, path, &fd, &name) != ZK_OK)
		return fd;
	return env_statat(a->env, fd, name, st);
}

bool
apply_absent(int e)
{
	return e == -ENOENT || e == -ENOTDIR || e == -ELOOP || e == -EXDEV;
}

/*
 * The directory of one may be the cached one, so the other is opened first
 * and both are looked at before use.
 */
int
apply_rename(struct apply *a, const char *from, const char *to,
    unsigned flags)
{
	const char *n1, *n2;
	int f1, f2, own = -1, e;

	if (apply_at(a, from, &f1, &n1) != ZK_OK)
		return f1;
	if (f1 != root_fd(a->root) && f1 != root_tmp(a->root)) {
		own = env_openat(a->env, f1, ".", O_RDONLY | O_DIRECTORY, 0);
		if (own < 0)
			return own;
		f1 = own;
	}
	if (apply_at(a, to, &f2, &n2) != ZK_OK)
		e = f2;
	else if (flags == RENAME_NOREPLACE)
		e = apply_rename_free(a->env, f1, n1, f2, n2);
	else
		e = env_renameat(a->env, f1, n1, f2, n2, flags);
	if (own >= 0)
		(void)env_close(a->env, own);
	return e;
}

bool
apply_same_file(const struct env_stat *a, const struct env_stat *b)
{
	return a->ino == b->ino && a->dev == b->dev && a->size == b->size &&
	    (a->mode & S_IFMT) == (b->mode & S_IFMT) &&
	    a->mtime.sec == b->mtime.sec && a->mtime.nsec == b->mtime.nsec;
}

enum zk_err
apply_same(struct apply *a, const char *path, const struct base_entry *e,
    struct env_stat *st)
{
	struct read_result res;
	struct base_entry like = *e;
	struct buf refs;
	int err = apply_stat(a, path, st);
	enum zk_err r;

	if (err < 0)
		return err == -ENOENT ? ZK_ECHANGED : err_from_errno(-err);
	if (!apply_is_kind(st, e->kind) || st->mount_root)
		return ZK_ECHANGED;
	if (e->kind == NODE_TREE)
		return apply_same_tree(a, path, e, st);
	if (e->kind == NODE_DIR ||
	    ((e->flags & BASE_RACY) == 0 && base_stat_same(&e->st, st)))
		return ZK_OK;
	if (e->size != st->size)
		return ZK_ECHANGED;
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
	if (res.kind != like.kind || ((like.st.mode ^ st->mode) & 0777) != 0 ||
	    memcmp(res.hash, like.hash, sizeof(like.hash)) != 0)
		return ZK_ECHANGED;
	return ZK_OK;
}

/* Something is at t->path that base does not know of. */
static enum zk_err
obstacle(struct apply *a, struct act *t)
{
	struct env_stat st;
	bool ignored = false;
	int err = apply_stat(a, t->path, &st);
	char *path = NULL;
	enum zk_err r;

	if (err < 0)
		return ZK_ECHANGED;
	(void)apply_folded(a, t);
	r = apply_shown_path(t, &path);
	if (r == ZK_OK)
		r = rules_ignored(a->rules, path, S_ISDIR(st.mode), &ignored);
	free(path);
	if (r != ZK_OK)
		return r;
	if (scan_kind(&st) != 0 && !ignored && !st.mount_root)
		return ZK_ECHANGED;
	t->blocked = true;
	t->obstacle.kind = scan_kind(&st);
	base_stat_from(&st, &t->obstacle.st);
	return ZK_ECHANGED;
}

void
apply_take_stat(struct apply *a, struct act *t, const struct env_stat *staged)
{
	if (apply_is_tree(t)) {
		t->st = *staged;
		t->trust = !t->racy;
		return;
	}
	if (apply_stat(a, t->path, &t->st) == 0 &&
	    apply_same_file(&t->st, staged)) {
		t->trust = true;
		return;
	}
	t->st = *staged;
	t->trust = false;
}

static enum zk_err
do_create(struct apply *a, struct act *t)
{
	struct env_stat staged = t->st;
	int e = apply_rename(a, t->tmp, t->path, RENAME_NOREPLACE);

	if (e == -EEXIST)
		return obstacle(a, t);
	if (e < 0)
		return apply_refused(a, t, e);
	t->staged = false;
	apply_take_stat(a, t, &staged);
	return apply_came_out(a, t);
}

/* *made: it was not there. */
static enum zk_err
make_dir(struct apply *a, struct act *t, int fd, const char *name, bool *made)
{
	bool leaf = plan_goal_dir(a->p, t->g) == SIZE_MAX;
	unsigned mode = t->g->has_mode ? t->g->mode & 0777 : 0777;
	int e = env_mkdirat(a->env, fd, name, leaf ? mode : mode | 0700);

	if (e < 0 && e != -EEXIST)
		return apply_refused(a, t, e);
	*made = e == 0;
	if (env_statat(a->env, fd, name, &t->st) < 0)
		return ZK_EIO;
	if (!S_ISDIR(t->st.mode) || t->st.mount_root ||
	    (e == -EEXIST && apply_folded(a, t)))
		return obstacle(a, t);
	/* the umask has its say only where nobody else had one */
	if (e == 0 && t->g->has_mode &&
	    (t->st.mode & 0777) != (leaf ? mode : mode | 0700)) {
		int d = env_open_beneath(a->env, fd, name,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

		if (d >= 0) {
			(void)env_fchmod(a->env, d, leaf ? mode : mode | 0700);
			(void)env_close(a->env, d);
		}
	}
	if (e == 0 && leaf && t->g->has_mtime)
		(void)env_utimeat(a->env, fd, name, t->g->mtime);
	if (env_statat(a->env, fd, name, &t->st) < 0)
		return ZK_EIO;
	t->trust = true;
	t->leaf = leaf;
	return e == 0 ? apply_came_out(a, t) : ZK_OK;
}

static enum zk_err
do_mkdir(struct apply *a, struct act *t)
{
	const char *name;
	bool made = false;
	int fd;
	enum zk_err r = apply_at(a, t->path, &fd, &name);

	if (r == ZK_OK)
		r = make_dir(a, t, fd, name, &made);
	/* not left as something that the user made, with a mode between */
	if (made && (r == ZK_EIO || r == ZK_ENOMEM) &&
	    apply_at(a, t->path, &fd, &name) == ZK_OK)
		(void)env_unlinkat(a->env, fd, name, AT_REMOVEDIR);
	return r;
}

static enum zk_err
do_attr(struct apply *a, struct act *t)
{
	struct base_entry e;
	struct env_stat st;
	const char *name;
	int fd, own, err = 0;
	enum zk_err r = apply_check_row(a, t->row, t->path, &e, &st);

	if (r == ZK_OK)
		r = apply_at(a, t->path, &fd, &name);
	if (r != ZK_OK)
		return r;
	if (t->g->has_mode && !S_ISLNK(st.mode) &&
	    (st.mode & 0777) != (t->g->mode & 0777)) {
		own = env_open_beneath(a->env, fd, name,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
		if (own < 0)
			return err_from_errno(-own);
		err = env_fchmod(a->env, own, t->g->mode & 0777);
		(void)env_close(a->env, own);
	}
	if (err == 0 && t->g->has_mtime)
		err = env_utimeat(a->env, fd, name, t->g->mtime);
	if (err == 0)
		err = env_statat(a->env, fd, name, &t->st);
	if (err < 0)
		return err_from_errno(-err);
	if (apply_is_tree(t)) {
		/* the mode is all that is new */
		st.mode = t->st.mode;
		t->st = st;
	}
	t->trust = t->st.ino == st.ino && t->st.size == st.size;
	return ZK_OK;
}

/* What intents tell things by, so that a kill cannot mix them up. */
static bool
is_row(const struct env_stat *st, const struct base_entry *e)
{
	return apply_is_kind(st, e->kind) && st->ino == e->st.ino &&
	    !st->mount_root;
}

/* Of these an edit shows in what lies in them. */
static bool
is_dir(const struct base_entry *e)
{
	return e->kind == NODE_DIR || e->kind == NODE_TREE;
}

/*
 * What is moved may have been edited: it keeps its content, and base keeps
 * the stat data that show the edit.
 */
static enum zk_err
do_move(struct apply *a, struct act *t)
{
	struct base_entry e;
	struct env_stat st;
	enum zk_err r = base_get(a->db, t->row, &e);
	bool same;
	int err;

	if (r != ZK_OK)
		return r;
	err = apply_stat(a, t->from, &st);
	if (err < 0)
		return err == -ENOENT ? ZK_ECHANGED : err_from_errno(-err);
	if (!is_row(&st, &e))
		return ZK_ECHANGED;
	same = is_dir(&e) || base_stat_same(&e.st, &st);
	err = apply_rename(a, t->from, t->path, RENAME_NOREPLACE);
	if (err == -EEXIST)
		return obstacle(a, t);
	if (err < 0)
		return err == -ENOENT ? ZK_ECHANGED : apply_refused(a, t, err);
	if (is_dir(&e))
		root_forget(a->root);
	if (apply_stat(a, t->path, &t->st) < 0)
		t->st = st;
	t->trust = same && apply_same_file(&t->st, &st);
	if (is_dir(&e))
		t->trust = same;
	return apply_came_out(a, t);
}

/* The row at path, by its inode; *same if it has not been edited either. */
static enum zk_err
find_row(struct apply *a, int64_t row, const char *path, struct env_stat *st,
    bool *same, bool *dir)
{
	struct base_entry e;
	enum zk_err r = base_get(a->db, row, &e);

	if (r != ZK_OK)
		return r;
	if (apply_stat(a, path, st) < 0 || !is_row(st, &e))
		return ZK_ECHANGED;
	*dir = is_dir(&e);
	*same = *dir || base_stat_same(&e.st, st);
	return ZK_OK;
}

/* Still what it was before it was renamed? */
static bool
still(const struct env_stat *st, const struct env_stat *before, bool dir)
{
	return dir ? st->ino == before->ino : apply_same_file(st, before);
}

/* Without an exchange; what cannot go on goes back. */
static int
swap_by_turns(struct apply *a, const struct act *t)
{
	int e = apply_rename(a, t->from, t->tmp, RENAME_NOREPLACE);

	if (e < 0)
		return e;
	e = apply_rename(a, t->path, t->from, RENAME_NOREPLACE);
	if (e == 0) {
		e = apply_rename(a, t->tmp, t->path, RENAME_NOREPLACE);
		if (e < 0)
			(void)apply_rename(a, t->from, t->path,
			    RENAME_NOREPLACE);
	}
	if (e < 0)
		(void)apply_rename(a, t->tmp, t->from, RENAME_NOREPLACE);
	return e;
}

static enum zk_err
do_swap(struct apply *a, struct act *t)
{
	struct env_stat st, st2;
	bool same, same2, dir, dir2;
	int e;
	enum zk_err r = find_row(a, t->row, t->from, &st, &same, &dir);

	if (r == ZK_OK)
		r = find_row(a, t->other, t->path, &st2, &same2, &dir2);
	if (r != ZK_OK)
		return r;
	e = apply_rename(a, t->from, t->path, RENAME_EXCHANGE);
	if (e == -EINVAL || e == -ENOSYS)
		e = swap_by_turns(a, t);
	root_forget(a->root);
	if (e < 0)
		return err_from_errno(-e);
	/* swapped they are; the next scan looks at them again */
	if (apply_stat(a, t->path, &t->st) < 0)
		t->st = st;
	if (apply_stat(a, t->from, &t->st2) < 0)
		t->st2 = st2;
	t->trust = same && still(&t->st, &st, dir);
	t->trust2 = same2 && still(&t->st2, &st2, dir2);
	return ZK_OK;
}

static enum zk_err
do_take(struct apply *a, struct act *t)
{
	struct env_stat st, other, staged = t->st;
	bool same = true, same2, dir, dir2;
	int e;
	enum zk_err r = find_row(a, t->other, t->path, &other, &same2, &dir2);

	if (r == ZK_OK && t->op == PLAN_TAKE)
		r = find_row(a, t->row, t->from, &st, &same, &dir);
	else if (r == ZK_OK && apply_stat(a, t->from, &st) < 0)
		r = ZK_EIO;
	if (r != ZK_OK)
		return r;
	if (t->op == PLAN_TAKE_NEW)
		dir = S_ISDIR(st.mode);
	e = apply_rename(a, t->from, t->tmp, RENAME_NOREPLACE);
	root_forget(a->root);
	if (e < 0)
		return err_from_errno(-e);
	r = apply_take_place(a, t, t->other, &other);
	root_forget(a->root);
	if (r != ZK_OK) {
		e = apply_rename(a, t->tmp, t->from, RENAME_NOREPLACE);
		t->staged = t->op == PLAN_TAKE_NEW && e == 0;
		return r;
	}
	t->trust2 = t->trust2 && same2;
	if (apply_stat(a, t->path, &t->st) < 0)
		t->st = st;
	t->trust = same && still(&t->st, &st, dir);
	if (t->op == PLAN_TAKE_NEW && apply_is_tree(t))
		apply_take_stat(a, t, &staged);
	return ZK_OK;
}

/*
 * Whether the directory that this batch was to make for t is there.  The
 * disk may have another one under the same name, which is not to be filled.
 */
static bool
has_dir(const struct apply *a, const struct act *t)
{
	size_t dir = t->s->dir;

	return t->s->after == 0 || plan_dir_row(a->p, dir) != 0 ||
	    (dir < a->dirs_n && a->dirs[dir] != NULL);
}

/* A directory that was not made is none for what comes later either. */
static void
forget_dir(struct apply *a, const struct act *t)
{
	size_t dir = plan_goal_dir(a->p, t->g);

	if (dir >= a->dirs_n)
		return;
	free(a->dirs[dir]);
	a->dirs[dir] = NULL;
}

void
apply_do(struct apply *a, struct act *t)
{
	if (!has_dir(a, t)) {
		t->r = ZK_ECHANGED;
		if (t->op == PLAN_MKDIR)
			forget_dir(a, t);
		return;
	}
	switch (t->op) {
	case PLAN_ADOPT:
		t->r = ZK_OK;
		break;
	case PLAN_CREATE:
		t->r = do_create(a, t);
		break;
	case PLAN_MKDIR:
		t->r = do_mkdir(a, t);
		break;
	case PLAN_REPLACE:
		t->r = apply_do_replace(a, t);
		break;
	case PLAN_ATTR:
		t->r = do_attr(a, t);
		break;
	case PLAN_MOVE:
		t->r = do_move(a, t);
		break;
	case PLAN_SWAP:
		t->r = do_swap(a, t);
		break;
	case PLAN_TAKE:
	case PLAN_TAKE_NEW:
		t->r = do_take(a, t);
		break;
	case PLAN_REMOVE:
		t->r = apply_do_remove(a, t);
		break;
	default:
		t->r = apply_do_rmdir(a, t);
		break;
	}
	t->done = t->r == ZK_OK;
	if (t->op == PLAN_MKDIR && !t->done)
		forget_dir(a, t);
}
