/* Base after each step. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tree/apply_int.h"
#include "util/path.h"

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
	/* one that waits in staging goes on waiting there */
	e->flags &= BASE_MOUNT | BASE_RULES | BASE_STAGED;
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
	e.name = (const uint8_t *)path_last(t->path);
	e.name_len = strlen(path_last(t->path));
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

enum zk_err
apply_moved_stat(struct apply *a, int64_t row, const struct env_stat *st,
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
	const char *name = path_last(t->path);
	enum zk_err r = apply_parent_row(a, t, t->path, &parent);

	if (r == ZK_OK)
		r = base_move(a->db, t->row, parent, name, strlen(name));
	if (r == ZK_OK)
		r = apply_moved_stat(a, t->row, &t->st, t->trust, 0);
	return r == ZK_OK ? moved_refs(a, t->row, t->g) : r;
}

static enum zk_err
note_swap(struct apply *a, struct act *t)
{
	const char *to = path_last(t->path), *from = path_last(t->from);
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
		r = apply_moved_stat(a, t->row, &t->st, t->trust, 0);
	if (r == ZK_OK)
		r = apply_moved_stat(a, t->other, &t->st2, t->trust2, 0);
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
	const char *name = path_last(t->tmp);
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
		r = apply_moved_stat(a, t->other, &t->st2, t->trust2,
		    BASE_STAGED);
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
	const char *name = t->shown != NULL ? t->shown : path_last(t->path);

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
