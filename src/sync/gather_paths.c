/*
 * Which entries and rows a landing takes where paths were named.  See
 * gather.h.
 *
 * An entry is wanted by its path in the merged tree, or by where it is here:
 * what leaves the paths is a change of them.  Then it needs the directories
 * that it goes to, and its place, from which whatever is there is drawn: to
 * its own place, or off the disk if it is gone.
 */
#include <stdlib.h>
#include <string.h>

#include "sync/gather_int.h"
#include "sync/rulewatch.h"
#include "sync/scope.h"
#include "util/path.h"

/* Paths of one entry, joined. */
static enum zk_err
join(struct buf *out, const char *dir, const void *name, size_t len)
{
	enum zk_err r = ZK_EBUG;

	buf_reset(out);
	r = buf_str(out, dir);
	return r == ZK_OK ? path_join(out, name, len) : r;
}

/* In or above what was named. */
static bool
is_near(const struct gather *g, const char *path)
{
	return scope_has(g->rd, path) || scope_above(g->rd, path);
}

/* The path of the row that a node has here, empty for none. */
static enum zk_err
row_path(struct gather *g, const struct opid *node, int64_t *row,
    struct buf *out)
{
	enum zk_err r = gather_row_of(g, node, row);

	buf_reset(out);
	return r == ZK_OK && *row != 0 ?
	    base_path(g->rd->v->db, *row, out) : r;
}

enum zk_err
gather_dir_wanted(struct gather *g, const struct opid *ids, size_t n,
    const char *path, bool *yes)
{
	struct buf b;
	int64_t row = 0;
	enum zk_err r = ZK_OK;

	buf_init(&b, 1 << 20);
	*yes = is_near(g, path);
	for (size_t i = 0; r == ZK_OK && !*yes && i < n; i++) {
		r = row_path(g, &ids[i], &row, &b);
		*yes = r == ZK_OK && row != 0 && is_near(g, buf_cstr(&b));
	}
	buf_release(&b);
	return r;
}

/* An entry to be given later, found again by its path. */
static enum zk_err
wait_for(struct gather *g, const char *path)
{
	char **p = gather_more_room(g->wait, g->wait_n, &g->wait_cap,
	    sizeof(*p));

	if (p == NULL)
		return ZK_ENOMEM;
	g->wait = p;
	p[g->wait_n] = strdup(path);
	if (p[g->wait_n] == NULL)
		return ZK_ENOMEM;
	g->wait_n++;
	return ZK_OK;
}

/* The same for each directory that a path goes through. */
static enum zk_err
wait_above(struct gather *g, const char *path)
{
	enum zk_err r = ZK_OK;

	for (const char *p = path; r == ZK_OK && p != NULL;) {
		char *dir = NULL;

		p = strchr(p, '/');
		dir = p == NULL ? strdup(path) :
		    strndup(path, (size_t)(p++ - path));
		r = dir == NULL ? ZK_ENOMEM : wait_for(g, dir);
		free(dir);
	}
	return r;
}

static bool
given(const struct gather *g, const struct opid *nodes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (keyset_has(&g->goals, &nodes[i]))
			return true;
	return false;
}

/* A row that is in the way; whole: with all that is in it. */
static enum zk_err
draw_row(struct gather *g, int64_t row, const struct opid *node, bool dir,
    bool whole)
{
	struct opid key = gather_row_key(row);
	size_t index = 0;
	enum zk_err r = list_path(g->rd->v->tree, node, &g->path);

	if (r == ZK_OK)
		return wait_for(g, buf_cstr(&g->path));
	if (r != ZK_ENOENT)
		return r == ZK_ELIMIT ? ZK_OK : r;
	r = keyset_add(&g->drawn, &key, NULL);
	if (r == ZK_OK && whole)
		r = keyset_add(&g->whole, &key, NULL);
	return r == ZK_OK && dir ? gather_name(g, node, row, &index) : r;
}

/* The row at the place that an entry is to have. */
static enum zk_err
clear_place(struct gather *g, const struct gather_dir *d,
    const struct list_entry *e)
{
	struct base_entry at;
	struct opid node;
	int64_t row = 0;
	bool dir = false, whole = false;
	enum zk_err r = d->row == 0 ? ZK_ENOENT : base_find(g->rd->v->db,
	    d->row, e->name, e->name_len, &at);

	if (r != ZK_OK || at.nodes_n == 0 || given(g, at.nodes, at.nodes_n))
		return r == ZK_ENOENT ? ZK_OK : r;
	node = at.nodes[0];
	dir = at.kind == NODE_DIR;
	/* a new directory takes an old one over as it is */
	whole = !dir || e->kind != NODE_DIR;
	if (!whole) {
		int64_t id = at.id;

		r = gather_row_of(g, &e->key, &row);
		return r == ZK_OK ?
		    draw_row(g, id, &node, true, row != 0) : r;
	}
	return draw_row(g, at.id, &node, dir, true);
}

/*
 * Notes whether the entry, going to dest, crosses the border; and where a
 * directory goes into what is still below itself, what is to leave it first.
 */
static enum zk_err
cross(struct gather *g, const struct gather_dir *d,
    const struct list_entry *e, const char *dest)
{
	struct buf b;
	int64_t row = 0;
	enum zk_err r = ZK_OK;

	buf_init(&b, 1 << 20);
	g->outside |= !is_near(g, dest);
	for (size_t i = 0; r == ZK_OK && i < e->nodes_n; i++) {
		r = row_path(g, &e->nodes[i], &row, &b);
		if (r != ZK_OK || row == 0)
			continue;
		g->outside |= !is_near(g, buf_cstr(&b));
		if (e->kind == NODE_DIR && d->path[0] != '\0' &&
		    scope_covers(buf_cstr(&b), d->disk))
			r = wait_above(g, d->path);
	}
	buf_release(&b);
	return r;
}

/* Gives an entry with all that it needs, once. */
static enum zk_err
give(struct gather *g, const struct gather_dir *d,
    const struct list_entry *e)
{
	struct buf dest;
	enum zk_err r = ZK_OK;

	if (keyset_has(&g->goals, &e->key))
		return ZK_OK;
	buf_init(&dest, 1 << 20);
	r = join(&dest, d->disk, e->name, e->name_len);
	if (r == ZK_OK)
		r = gather_give(g, d->index, e);
	/* the directory is to be made, too */
	if (r == ZK_OK && d->row == 0)
		r = wait_for(g, d->path);
	if (r == ZK_OK)
		r = cross(g, d, e, buf_cstr(&dest));
	if (r == ZK_OK)
		r = clear_place(g, d, e);
	if (r == ZK_OK)
		r = gather_follow(g, d, e);
	buf_release(&dest);
	return r;
}

/* Whether an entry of d, at path in the tree and disk here, is wanted. */
static enum zk_err
is_wanted(struct gather *g, const struct gather_dir *d,
    const struct list_entry *e, const char *path, const char *disk,
    bool *in, bool *above)
{
	struct buf b;
	int64_t row = 0;
	enum zk_err r = ZK_OK;

	buf_init(&b, 1 << 20);
	*above = false;
	*in = scope_has(g->rd, path) || scope_has(g->rd, disk) ||
	    keyset_has(&g->inside, &d->ids[0]);
	for (size_t i = 0; r == ZK_OK && !*in && i < e->nodes_n; i++) {
		r = row_path(g, &e->nodes[i], &row, &b);
		*in = r == ZK_OK && row != 0 &&
		    scope_has(g->rd, buf_cstr(&b));
	}
	/* one above is to be there; all else about it waits */
	if (r == ZK_OK && !*in && e->kind == NODE_DIR &&
	    scope_above(g->rd, path)) {
		r = row_path(g, &e->nodes[0], &row, &b);
		*above = r == ZK_OK &&
		    (row == 0 || strcmp(buf_cstr(&b), disk) != 0);
	}
	buf_release(&b);
	return r;
}

enum zk_err
gather_filter(struct gather *g, const struct gather_dir *d,
    const struct list_entry *e)
{
	struct buf path, disk;
	bool in = false, above = false;
	enum zk_err r = ZK_EBUG;

	buf_init(&path, 1 << 20);
	buf_init(&disk, 1 << 20);
	r = join(&path, d->path, e->name, e->name_len);
	if (r == ZK_OK)
		r = join(&disk, d->disk, e->name, e->name_len);
	if (r == ZK_OK)
		r = is_wanted(g, d, e, buf_cstr(&path), buf_cstr(&disk), &in,
		    &above);
	for (size_t i = 0; r == ZK_OK && in && e->kind == NODE_DIR &&
	    i < e->nodes_n; i++)
		r = keyset_add(&g->inside, &e->nodes[i], NULL);
	if (r == ZK_OK && (in || above))
		r = give(g, d, e);
	else if (r == ZK_OK && g->all && e->kind == NODE_DIR &&
	    is_near(g, buf_cstr(&path)))
		r = gather_push_sub(g, d, e);
	buf_release(&path);
	buf_release(&disk);
	return r;
}

enum zk_err
gather_sources(struct gather *g, const struct gather_dir *d,
    const struct list_entry *e)
{
	struct db *db = g->rd->v->db;
	struct base_entry b;
	int64_t row = 0;
	size_t index = 0;
	enum zk_err r = ZK_OK;

	for (size_t i = 0; r == ZK_OK && i < e->nodes_n; i++) {
		struct opid from;

		r = gather_row_of(g, &e->nodes[i], &row);
		if (r != ZK_OK || row == 0)
			continue;
		r = base_get(db, row, &b);
		if (r != ZK_OK || b.parent == d->row || b.parent == 0)
			continue;
		r = base_get(db, b.parent, &b);
		if (r != ZK_OK)
			break;
		from = b.nodes_n > 0 ? b.nodes[0] : gather_row_key(b.id);
		r = gather_name(g, &from, b.id, &index);
	}
	return r;
}

bool
gather_row_in(const struct gather *g, const struct base_entry *e,
    const char *path)
{
	struct opid key = gather_row_key(e->id);
	struct opid up = gather_row_key(e->parent);

	return scope_has(g->rd, path) || keyset_has(&g->drawn, &key) ||
	    keyset_has(&g->whole, &key) || keyset_has(&g->whole, &up);
}

/* Gives the entry at a path. */
static enum zk_err
give_path(struct gather *g, const char *path)
{
	struct tree *t = g->rd->v->tree;
	const char *slash = strrchr(path, '/');
	struct gather_dir d = { .n = 0 };
	struct opid up = { .b = { 0 } };
	const struct list_entry *e = NULL;
	struct list *l = NULL;
	enum zk_err r = ZK_OK;

	if (slash != NULL) {
		r = list_lookup(t, (const uint8_t *)path,
		    (size_t)(slash - path), &l);
		if (r == ZK_OK)
			r = list_next(l, &e);
		if (r == ZK_OK)
			up = e->nodes[0];
		list_close(l);
		l = NULL;
	}
	if (r == ZK_OK)
		r = gather_dir_open(g, &up, &d);
	if (r == ZK_OK)
		r = list_lookup(t, (const uint8_t *)path, strlen(path), &l);
	if (r == ZK_OK)
		r = list_next(l, &e);
	if (r == ZK_OK)
		r = give(g, &d, e);
	list_close(l);
	gather_dir_close(&d);
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
gather_waiting(struct gather *g)
{
	enum zk_err r = ZK_OK;

	while (r == ZK_OK && g->wait_n > 0) {
		char *path = g->wait[--g->wait_n];

		if (path[0] != '\0')
			r = give_path(g, path);
		free(path);
	}
	return r;
}

/* One row: what is to be done with it that its directory does not tell. */
static enum zk_err
draw_one(struct gather *g, const struct base_entry *e, const char *path)
{
	bool in = gather_row_in(g, e, path), yes = false;
	struct opid key = gather_row_key(e->id);
	struct opid up = gather_row_key(e->parent);
	size_t index = 0;
	enum zk_err r = ZK_OK;

	if (e->nodes_n == 0)
		return ZK_OK;
	if (given(g, e->nodes, e->nodes_n)) {
		if (e->kind != NODE_DIR)
			return ZK_OK;
		r = gather_superseded(g, e, &yes);
		return r == ZK_OK && yes ?
		    gather_name(g, &e->nodes[0], e->id, &index) : r;
	}
	if (!in && (e->kind != NODE_DIR || !scope_above(g->rd, path)))
		return ZK_OK;
	r = list_path(g->rd->v->tree, &e->nodes[0], &g->path);
	if (r == ZK_OK)
		return in ? wait_for(g, buf_cstr(&g->path)) : ZK_OK;
	if (r != ZK_ENOENT)
		return r == ZK_ELIMIT ? ZK_OK : r;
	r = ZK_OK;
	if (in && keyset_has(&g->whole, &up))
		r = keyset_add(&g->whole, &key, NULL);
	return r == ZK_OK && e->kind == NODE_DIR ?
	    gather_name(g, &e->nodes[0], e->id, &index) : r;
}

enum zk_err
gather_draw(struct gather *g, int64_t row)
{
	struct db *db = g->rd->v->db;
	struct base_iter it;
	struct base_entry e;
	struct buf path;
	size_t len = 0;
	enum zk_err r = ZK_EBUG;

	if (row == 0)
		return ZK_OK;
	buf_init(&path, 1 << 20);
	r = base_path(db, row, &path);
	len = path.len;
	base_full(db, row, &it);
	while (r == ZK_OK) {
		r = base_full_next(db, &it, &e);
		if (r != ZK_OK)
			break;
		buf_truncate(&path, len);
		r = path_join(&path, e.name, e.name_len);
		if (r == ZK_OK)
			r = draw_one(g, &e, buf_cstr(&path));
		if (r != ZK_OK)
			base_list_end(&it);
	}
	buf_release(&path);
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
gather_aside(struct round *rd, const struct plan *p)
{
	bool aside = false;

	for (size_t i = 0; rd->paths != NULL && i < plan_len(p); i++)
		aside |= plan_step(p, i)->other != 0;
	return aside ? rulewatch_again(rd) : ZK_OK;
}
