/* Base after each step, and what is left in staging. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tree/apply_int.h"
#include "util/path.h"

static const char *
last_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

enum zk_err
apply_parent_row(struct apply *a, const struct act *t, const char *path,
    int64_t *row)
{
	const char *slash = strrchr(path, '/');
	struct base_entry e;
	char *dir;
	enum zk_err r;

	*row = BASE_ROOT;
	if (slash == NULL)
		return ZK_OK;
	if (t->s != NULL && a->p != NULL && path == t->path) {
		*row = plan_dir_row(a->p, t->s->dir);
		if (*row != 0)
			return ZK_OK;
	}
	dir = strndup(path, (size_t)(slash - path));
	if (dir == NULL)
		return ZK_ENOMEM;
	r = base_find_path(a->db, dir, &e);
	free(dir);
	if (r == ZK_OK)
		*row = e.id;
	return r;
}

static unsigned
racy_flag(struct apply *a, const struct act *t)
{
	if (!t->trust)
		return BASE_RACY;
	return base_racy(&t->st, env_now(a->env), true) ? BASE_RACY : 0;
}

/* The fields that a goal and its result give. */
static void
fill(struct apply *a, const struct act *t, struct base_entry *e)
{
	const struct plan_goal *g = t->g;

	e->kind = g->kind;
	e->flags &= BASE_MOUNT | BASE_RULES;
	if (g->kind != NODE_DIR)
		e->flags |= racy_flag(a, t);
	base_stat_from(&t->st, &e->st);
	e->mode = g->has_mode ? g->mode & 0777 :
	    (uint16_t)(t->st.mode & 0777);
	e->mtime = g->has_mtime ? g->mtime : t->st.mtime;
	e->size = g->size;
	memcpy(e->hash, g->hash, sizeof(e->hash));
	e->nodes = g->nodes;
	e->nodes_n = g->nodes_n;
	e->refs = g->refs;
	e->refs_len = g->refs_len;
}

static enum zk_err
note_new(struct apply *a, struct act *t)
{
	struct base_entry e;
	enum zk_err r;

	memset(&e, 0, sizeof(e));
	r = apply_parent_row(a, t, t->path, &e.parent);
	if (r != ZK_OK)
		return r;
	e.name = (const uint8_t *)last_of(t->path);
	e.name_len = strlen(last_of(t->path));
	fill(a, t, &e);
	/* open to writing until all is in it: the last step closes it */
	if (t->g->kind == NODE_DIR && !t->leaf)
		e.mode |= 0700;
	/* killed before it got its mode: the next plan gives it */
	if (t->g->kind == NODE_DIR && a->p == NULL)
		e.mode = (uint16_t)(t->st.mode & 0777);
	r = base_put(a->db, &e);
	if (r == ZK_OK && a->p != NULL && t->g->kind == NODE_DIR) {
		size_t dir = plan_goal_dir(a->p, t->g);

		if (dir != SIZE_MAX)
			plan_dir_set_row(a->p, dir, e.id);
	}
	t->row = e.id;
	return r;
}

/* Rewrites a row with its goal, where it is; copies what base lends. */
static enum zk_err
note_changed(struct apply *a, struct act *t)
{
	struct base_entry e;
	struct buf keep;
	size_t name_len;
	enum zk_err r = base_get(a->db, t->row, &e);
	uint64_t fsid;

	if (r != ZK_OK)
		return r;
	buf_init(&keep, SIZE_MAX);
	name_len = e.name_len;
	buf_put(&keep, e.name, e.name_len);
	r = buf_put(&keep, e.rules, e.rules_len);
	fsid = e.st.fsid;
	fill(a, t, &e);
	e.st.fsid = fsid;
	e.name = keep.data;
	e.name_len = name_len;
	e.rules = keep.data + name_len;
	if (r == ZK_OK)
		r = base_put(a->db, &e);
	buf_release(&keep);
	return r;
}

/*
 * Refs say what was on this disk: a row that only moved gets those of the
 * goal if it also has its content and attributes; else the step that brings
 * these will set them.
 */
static enum zk_err
moved_refs(struct apply *a, int64_t row, const struct plan_goal *g)
{
	struct base_entry e;
	enum zk_err r = base_get(a->db, row, &e);

	if (r != ZK_OK || g == NULL)
		return r;
	if (e.kind != g->kind || (g->kind != NODE_DIR && (e.size != g->size ||
	    memcmp(e.hash, g->hash, sizeof(e.hash)) != 0)))
		return ZK_OK;
	if (g->has_mode && g->kind != NODE_SYMLINK && e.mode != g->mode)
		return ZK_OK;
	if (g->has_mtime && (e.mtime.sec != g->mtime.sec ||
	    e.mtime.nsec != g->mtime.nsec))
		return ZK_OK;
	return base_set_refs(a->db, row, g->nodes, g->nodes_n, g->refs,
	    g->refs_len);
}

/* Stat data after a move; the old ones show an edit that came between. */
static enum zk_err
moved_stat(struct apply *a, int64_t row, const struct env_stat *st,
    bool trust, unsigned add)
{
	struct base_entry e;
	struct base_stat b;
	enum zk_err r = base_get(a->db, row, &e);

	if (r != ZK_OK)
		return r;
	e.flags = (e.flags & ~(unsigned)BASE_STAGED) | add;
	/* what is known of a tree stays true where it goes */
	if (e.kind == NODE_TREE)
		return base_set_stat(a->db, row, &e.st, e.flags);
	if (!trust) {
		if (e.kind != NODE_DIR)
			e.flags |= BASE_RACY;
		return base_set_stat(a->db, row, &e.st, e.flags);
	}
	base_stat_from(st, &b);
	b.fsid = e.st.fsid;
	return base_set_stat(a->db, row, &b, e.flags);
}

static enum zk_err
note_move(struct apply *a, struct act *t)
{
	int64_t parent;
	const char *name = last_of(t->path);
	enum zk_err r = apply_parent_row(a, t, t->path, &parent);

	if (r == ZK_OK)
		r = base_move(a->db, t->row, parent, name, strlen(name));
	if (r == ZK_OK)
		r = moved_stat(a, t->row, &t->st, t->trust, 0);
	return r == ZK_OK ? moved_refs(a, t->row, t->g) : r;
}

static enum zk_err
note_swap(struct apply *a, struct act *t)
{
	const char *to = last_of(t->path), *from = last_of(t->from);
	int64_t p1, p2;
	enum zk_err r = apply_parent_row(a, t, t->path, &p1);

	if (r == ZK_OK)
		r = apply_parent_row(a, t, t->from, &p2);
	if (r == ZK_OK)
		r = base_claim(a->db, p1, to, strlen(to));
	if (r == ZK_OK)
		r = base_move(a->db, t->row, p1, to, strlen(to));
	if (r == ZK_OK)
		r = base_move(a->db, t->other, p2, from, strlen(from));
	if (r == ZK_OK)
		r = moved_stat(a, t->row, &t->st, t->trust, 0);
	if (r == ZK_OK)
		r = moved_stat(a, t->other, &t->st2, t->trust2, 0);
	if (r == ZK_OK)
		r = moved_refs(a, t->row, t->g);
	return r == ZK_OK ? moved_refs(a, t->other, t->g2) : r;
}

/* The row of a directory of zk's own, made if it is not there. */
static enum zk_err
own_dir(struct apply *a, int64_t parent, const char *name, int64_t *row)
{
	struct base_entry e;
	enum zk_err r = base_find(a->db, parent, name, strlen(name), &e);

	if (r == ZK_ENOENT) {
		memset(&e, 0, sizeof(e));
		e.parent = parent;
		e.name = (const uint8_t *)name;
		e.name_len = strlen(name);
		e.kind = NODE_DIR;
		e.flags = BASE_KEPT | BASE_STAGED;
		r = base_put(a->db, &e);
	}
	*row = e.id;
	return r;
}

/* other is now at t->tmp. */
static enum zk_err
note_out(struct apply *a, struct act *t)
{
	const char *name = last_of(t->tmp);
	int64_t dir = BASE_ROOT;
	enum zk_err r;

	if (strncmp(t->tmp, ".zk/", 4) == 0) {
		r = own_dir(a, BASE_ROOT, ".zk", &dir);
		if (r == ZK_OK)
			r = own_dir(a, dir, "tmp", &dir);
	} else {
		r = apply_parent_row(a, t, t->tmp, &dir);
	}
	if (r == ZK_OK)
		r = base_move(a->db, t->other, dir, name, strlen(name));
	if (r == ZK_OK)
		r = moved_stat(a, t->other, &t->st2, t->trust2, BASE_STAGED);
	return r;
}

static enum zk_err
keep_row(struct apply *a, int64_t row)
{
	struct base_entry e;
	enum zk_err r = base_set_refs(a->db, row, NULL, 0, NULL, 0);

	if (r == ZK_OK)
		r = base_get(a->db, row, &e);
	if (r == ZK_OK)
		r = base_set_stat(a->db, row, &e.st, e.flags | BASE_KEPT);
	return r;
}

static enum zk_err
note_gone(struct apply *a, struct act *t)
{
	enum zk_err r = ZK_OK;

	if (t->rules != NULL)
		r = base_set_rules(a->db, t->rules_for, t->rules,
		    t->rules_len);
	if (r != ZK_OK)
		return r;
	return t->kept ? keep_row(a, t->row) : base_remove(a->db, t->row);
}

/* What stood in the way is kept from now on. */
static enum zk_err
note_obstacle(struct apply *a, struct act *t)
{
	struct base_entry e = t->obstacle;
	enum zk_err r = apply_parent_row(a, t, t->path, &e.parent);
	const char *name = t->shown != NULL ? t->shown : last_of(t->path);

	e.name = (const uint8_t *)name;
	e.name_len = strlen(name);
	e.flags = BASE_KEPT;
	if (r == ZK_OK)
		r = base_put(a->db, &e);
	return r == ZK_EEXIST || r == ZK_ENOENT ? ZK_OK : r;
}

static enum zk_err
note_done(struct apply *a, struct act *t)
{
	enum zk_err r;

	switch (t->op) {
	case PLAN_ADOPT:
		return base_set_refs(a->db, t->row, t->g->nodes,
		    t->g->nodes_n, t->g->refs, t->g->refs_len);
	case PLAN_MKDIR:
	case PLAN_CREATE:
		return note_new(a, t);
	case PLAN_REPLACE:
	case PLAN_ATTR:
		return note_changed(a, t);
	case PLAN_MOVE:
		return note_move(a, t);
	case PLAN_SWAP:
		return note_swap(a, t);
	case PLAN_TAKE:
		r = note_out(a, t);
		return r == ZK_OK ? note_move(a, t) : r;
	case PLAN_TAKE_NEW:
		r = note_out(a, t);
		return r == ZK_OK ? note_new(a, t) : r;
	default:
		return note_gone(a, t);
	}
}

enum zk_err
apply_note(struct apply *a, struct act *t)
{
	enum zk_err r = ZK_OK;

	if (t->done)
		r = note_done(a, t);
	else if (t->blocked)
		r = note_obstacle(a, t);
	return r == ZK_OK && t->how != ALIAS_PLAIN ? apply_note_form(a, t) : r;
}

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
	if (r == ZK_OK && strncmp(buf_cstr(path), ".zk", 3) != 0)
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
	struct opid key;
	struct buf to;
	const char *n1, *n2;
	int f1, f2, own, e = -EEXIST;

	memset(&key, 0, sizeof(key));
	for (unsigned i = 0; i < 8; i++)
		key.b[OPID_LEN - 1 - i] = (uint8_t)(row >> 8 * i);
	own = -EIO;
	if (apply_at(a, cur, &f1, &n1) == ZK_OK)
		own = env_openat(a->env, f1, ".", O_RDONLY | O_DIRECTORY, 0);
	if (own < 0)
		return own;
	buf_init(&to, 4 * PATH_LEN_MAX);
	for (unsigned n = 3; n < 17 && e == -EEXIST; n++) {
		buf_reset(got);
		if ((n == 3 ? buf_str(got, name) : plan_alias(name,
		    strlen(name), &key, n, got)) != ZK_OK)
			break;
		buf_reset(&to);
		if (base_path(a->db, dir, &to) != ZK_OK ||
		    path_join(&to, got->data, got->len) != ZK_OK)
			break;
		if (row != 0 && base_find(a->db, dir, got->data, got->len,
		    &at) != ZK_ENOENT)
			e = -EEXIST;
		else if (apply_at(a, buf_cstr(&to), &f2, &n2) != ZK_OK)
			e = f2;
		else
			e = apply_rename_free(a->env, own, n1, f2, n2);
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
	return moved_stat(a, row, st, (e.flags & BASE_KEPT) != 0, 0);
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
	if (r == ZK_OK && e < 0 && e != -ENOENT)
		e = back_to(a, buf_cstr(&cur), BASE_ROOT, want, 0, &got);
	buf_release(&path);
	buf_release(&cur);
	buf_release(&got);
	if (r != ZK_OK)
		return r;
	return e < 0 && e != -ENOENT ? err_from_errno(-e) : ZK_OK;
}

static enum zk_err
put_one(struct apply *a, int64_t row, const char *cur)
{
	struct buf path, name;
	struct env_stat st;
	const char *want, *n;
	int64_t dir = BASE_ROOT;
	int fd, e;
	enum zk_err r;

	buf_init(&path, 4 * PATH_LEN_MAX);
	buf_init(&name, 2 * PATH_NAME_MAX);
	r = origin(a, last_of(cur), &dir, &path, &want);
	e = r == ZK_OK ? back_to(a, cur, dir, want, row, &name) : -EIO;
	if (e < 0 && e != -ENOENT && dir != BASE_ROOT) {
		dir = BASE_ROOT;
		buf_reset(&path);
		e = back_to(a, cur, dir, want, row, &name);
	}
	root_forget(a->root);
	if (r == ZK_OK && e == -ENOENT)
		r = forget_rows(a, row, 0);
	else if (r == ZK_OK && e < 0)
		r = err_from_errno(-e);
	else if (r == ZK_OK) {
		r = base_move(a->db, row, dir, name.data, name.len);
		if (r == ZK_OK)
			r = path_join(&path, name.data, name.len);
		if (r == ZK_OK)
			r = apply_at(a, buf_cstr(&path), &fd, &n);
		if (r == ZK_OK && env_statat(a->env, fd, n, &st) < 0)
			r = ZK_EIO;
		if (r == ZK_OK)
			r = back_stat(a, row, &st);
	}
	buf_release(&path);
	buf_release(&name);
	return r;
}

enum zk_err
apply_put_back(struct apply *a)
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
		if (r == ZK_OK && strcmp(buf_cstr(&cur), ".zk") != 0 &&
		    strcmp(buf_cstr(&cur), ".zk/tmp") != 0)
			r = put_one(a, after, buf_cstr(&cur));
	}
	buf_release(&cur);
	return r == ZK_ENOENT ? ZK_OK : r;
}
