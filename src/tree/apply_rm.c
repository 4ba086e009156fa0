/* Removals on the disk, and what they must leave behind. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tree/apply_int.h"
#include "tree/ignore.h"
#include "tree/scan_int.h"
#include "util/io.h"
#include "util/path.h"

enum zk_err
apply_check_row(struct apply *a, int64_t row, const char *path,
    struct base_entry *e, struct env_stat *st)
{
	enum zk_err r = base_get(a->db, row, e);

	return r == ZK_OK ? apply_same(a, path, e, st) : r;
}

enum zk_err
apply_to_trash(struct apply *a, const char *at, const char *layout)
{
	const char *name;
	int fd;
	enum zk_err r = apply_at(a, at, &fd, &name);

	return r == ZK_OK ? trash_put(a->trash, fd, name, layout, NULL) : r;
}

/*
 * The patterns of an ignore file that goes together with its directory: if
 * the directory has to stay, they go on holding there.
 */
enum zk_err
apply_keep_rules(struct apply *a, struct act *t)
{
	struct base_entry e;
	struct buf b;
	size_t lo = 0, hi = a->goes_n;
	int fd;
	enum zk_err r = ZK_OK;

	if (t->op != PLAN_REMOVE || strcmp(path_last(t->path),
	    IGNORE_FILE) != 0)
		return ZK_OK;
	r = base_get(a->db, t->row, &e);
	if (r != ZK_OK || e.kind != NODE_FILE)
		return r;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (a->goes[mid] < e.parent)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == a->goes_n || a->goes[lo] != e.parent)
		return ZK_OK;
	t->rules_for = e.parent;
	fd = root_open(a->root, t->path, O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0)
		return err_from_errno(-fd);
	buf_init(&b, IGNORE_BYTES_MAX);
	r = buf_reserve(&b, IGNORE_BYTES_MAX);
	if (r == ZK_OK)
		r = io_read_some(a->env, fd, b.data, IGNORE_BYTES_MAX,
		    &b.len);
	(void)env_close(a->env, fd);
	if (r == ZK_OK)
		t->rules = buf_take(&b, &t->rules_len);
	buf_release(&b);
	return r;
}

/* The name in staging of what path leads to or through; NULL: of nothing. */
static const char *
staged_name(const char *path)
{
	if (strncmp(path, ".zk/tmp/", 8) == 0)
		return path + 8;
	while (strncmp(path, ".zk-tmp-", 8) != 0) {
		path = strchr(path, '/');
		if (path == NULL)
			return NULL;
		path++;
	}
	return path;
}

enum zk_err
apply_layout(struct apply *a, struct act *t)
{
	const char *name = staged_name(t->path), *rest;
	char *staged = NULL;
	struct buf b;
	size_t n;
	enum zk_err r;

	if (name == NULL)
		return ZK_OK;
	n = strcspn(name, "/");
	rest = name + n + (name[n] == '/');
	staged = strndup(name, n);
	buf_init(&b, 4 * PATH_LEN_MAX);
	r = staged != NULL ? apply_origin(a, staged, &b) : ZK_ENOMEM;
	if (r == ZK_OK && rest[0] != '\0')
		r = path_join(&b, rest, strlen(rest));
	if (r == ZK_OK)
		r = buf_u8(&b, 0);
	if (r == ZK_OK)
		t->layout = (char *)buf_take(&b, &n);
	buf_release(&b);
	free(staged);
	return r;
}

enum zk_err
apply_do_remove(struct apply *a, struct act *t)
{
	struct base_entry e;
	struct env_stat st;
	enum zk_err r = apply_check_row(a, t->row, t->path, &e, &st);

	if (r == ZK_OK && e.kind == NODE_TREE)
		apply_open_tree(a, t->path, &st);
	if (r == ZK_OK)
		r = apply_to_trash(a, t->path, t->layout ? t->layout : t->path);
	if (r == ZK_ENOENT)
		return ZK_ECHANGED;
	if (r != ZK_EPERM)
		return r;
	/* it cannot be taken away: it stays, and means nothing */
	t->kept = true;
	return ZK_OK;
}

/*
 * Is an entry of the directory that t is to remove ignored?  Its ignore file
 * may have gone a moment ago, in this very batch.
 */
static enum zk_err
is_ignored(struct apply *a, const struct act *t, const char *path,
    bool is_dir, bool *ignored)
{
	const char *dir = t->layout != NULL ? t->layout : t->path;
	struct ignore *ig = NULL;
	enum zk_err r = rules_ignored(a->rules, path, is_dir, ignored);

	for (size_t i = 0; i < a->n && r == ZK_OK && !*ignored; i++) {
		const struct act *o = &a->acts[i];

		if (o->rules == NULL || o->rules_for != t->row)
			continue;
		r = ignore_new(NULL, dir, o->rules, o->rules_len, &ig);
		if (r == ZK_OK)
			*ignored = ignore_match(ig, path, is_dir);
		ignore_unref(ig);
	}
	return r;
}

/* A kept row, or one that this batch has found it must keep. */
static bool
stays_kept(const struct apply *a, const struct base_entry *e)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->acts[i].row == e->id && a->acts[i].kept)
			return true;
	return (e->flags & BASE_KEPT) != 0;
}

/* Is all that is left in the directory something that stays by right? */
static enum zk_err
leftovers(struct apply *a, const struct act *t)
{
	struct env_dirent d;
	struct env_dir *dir;
	struct buf path;
	int e = 0, fd = root_open(a->root, t->path,
	    O_RDONLY | O_DIRECTORY, 0);
	enum zk_err r = ZK_OK;

	if (fd < 0)
		return err_from_errno(-fd);
	buf_init(&path, 2 * PATH_LEN_MAX);
	dir = env_dir_open(a->env, fd, &e);
	while (dir != NULL && r == ZK_OK) {
		struct base_entry b;
		struct env_stat st;
		bool ignored = false;

		e = env_dir_next(a->env, dir, &d);
		if (e <= 0)
			break;
		r = base_find(a->db, t->row, d.name, strlen(d.name), &b);
		if (r == ZK_OK) {
			r = stays_kept(a, &b) ? ZK_OK : ZK_ECHANGED;
			continue;
		}
		if (r != ZK_ENOENT || env_statat(a->env, fd, d.name, &st) < 0)
			break;
		buf_reset(&path);
		buf_str(&path, t->layout ? t->layout : t->path);
		r = path_join(&path, d.name, strlen(d.name));
		if (r == ZK_OK)
			r = is_ignored(a, t, buf_cstr(&path),
			    S_ISDIR(st.mode), &ignored);
		if (r == ZK_OK && !ignored && scan_kind(&st) != 0)
			r = ZK_ECHANGED;
	}
	if (dir != NULL)
		env_dir_close(a->env, dir);
	(void)env_close(a->env, fd);
	buf_release(&path);
	if (r == ZK_ENOENT)
		r = ZK_ECHANGED;
	return r == ZK_OK && e < 0 ? err_from_errno(-e) : r;
}

enum zk_err
apply_do_rmdir(struct apply *a, struct act *t)
{
	const char *name;
	int fd, e;
	enum zk_err r = apply_at(a, t->path, &fd, &name);

	if (r != ZK_OK)
		return r == ZK_ENOENT ? ZK_ECHANGED : r;
	e = env_unlinkat(a->env, fd, name, AT_REMOVEDIR);
	if (e == 0) {
		root_forget(a->root);
		return ZK_OK;
	}
	if (e == -ENOENT || e == -ENOTDIR)
		return ZK_ECHANGED;
	if (e == -ENOTEMPTY || e == -EEXIST)
		r = leftovers(a, t);
	else if (e != -EACCES && e != -EPERM && e != -EBUSY)
		r = err_from_errno(-e);
	if (r == ZK_OK)
		t->kept = true;
	return r;
}
