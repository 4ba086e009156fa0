/* Directories, rows and entries for the planner.  See gather.h. */
#include "sync/gather.h"

#include <stdlib.h>
#include <string.h>

#include "store/store.h"
#include "sync/cuts.h"
#include "sync/gather_int.h"
#include "sync/scope.h"
#include "util/log.h"
#include "util/path.h"

#define PORTION 60000		/* goal entries in one plan, about */
#define DIRTY_PAGE 256
#define MODE_FILE 0644		/* where no op gave a mode */
#define MODE_DIR 0755

void *
gather_more_room(void *p, size_t n, size_t *cap, size_t size)
{
	size_t want = *cap == 0 ? 64 : *cap * 2;
	void *q = NULL;

	if (n < *cap)
		return p;
	q = realloc(p, want * size);
	if (q != NULL)
		*cap = want;
	return q;
}

/*
 * Puts a directory on the list unless it is or was there, or its entries
 * would lie too deep.
 */
static enum zk_err
push(struct gather *g, const struct opid *node, const char *path)
{
	struct todo *t = NULL;
	bool fresh = false, full = false;
	enum zk_err r = keyset_add(&g->seen, node, &fresh);

	log_debug("to look at '%s' fresh %d", path, fresh);
	if (r != ZK_OK || !fresh)
		return r;
	if (gather_is_deep(path)) {
		r = gather_has_entries(g, node, &full);
		return r == ZK_OK && full ? gather_too_deep(g, node, path) :
		    r;
	}
	t = gather_more_room(g->todo, g->todo_n, &g->todo_cap, sizeof(*t));
	if (t == NULL)
		return ZK_ENOMEM;
	g->todo = t;
	t = &g->todo[g->todo_n];
	t->node = *node;
	t->path = strdup(path);
	if (t->path == NULL)
		return ZK_ENOMEM;
	g->todo_n++;
	return ZK_OK;
}

enum zk_err
gather_push_node(struct gather *g, const struct opid *node, bool source)
{
	bool paths = g->rd->paths != NULL && !source;
	struct opid *ids = NULL;
	size_t n = 0;
	bool yes = true;
	enum zk_err r = list_dirs(g->rd->v->tree, node, &g->path, &ids, &n);

	if (r == ZK_OK && paths)
		r = gather_dir_wanted(g, ids, n, buf_cstr(&g->path), &yes);
	if (r == ZK_OK && yes)
		r = push(g, &ids[0], buf_cstr(&g->path));
	free(ids);
	/* where paths were named, nothing else is clean afterwards */
	if (r == ZK_ELIMIT)
		r = paths ? ZK_OK : gather_too_deep(g, node, NULL);
	return r == ZK_ENOENT ? gather_push_row(g, node) : r;
}

enum zk_err
gather_push_row(struct gather *g, const struct opid *node)
{
	struct base_entry e;
	int64_t row = 0;
	bool fresh = false;
	enum zk_err r = keyset_add(&g->seen, node, &fresh);

	/* each once: with a whole tree many are in what is gone, too */
	if (r == ZK_OK && fresh)
		r = gather_row_of(g, node, &row);
	if (r != ZK_OK || row == 0)
		return r;
	r = base_get(g->rd->v->db, row, &e);
	if (r == ZK_OK)
		r = base_get(g->rd->v->db, e.parent, &e);
	if (r == ZK_OK && (e.nodes_n > 0 || e.id == BASE_ROOT)) {
		struct opid up = { .b = { 0 } };

		if (e.id != BASE_ROOT)
			up = e.nodes[0];
		r = gather_push_node(g, &up, false);
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(((const struct todo *)a)->path,
	    ((const struct todo *)b)->path);
}

enum zk_err
gather_new(struct round *rd, struct gather **out)
{
	struct gather *g = calloc(1, sizeof(*g));
	struct opid page[DIRTY_PAGE];
	static const struct opid root;
	int64_t relook = 0;
	int64_t after = -1;
	size_t n = 1;
	bool any = false, full = false;
	enum zk_err r = g == NULL ? ZK_ENOMEM : ZK_OK;

	*out = NULL;
	if (r != ZK_OK)
		return r;
	g->rd = rd;
	keyset_init(&g->seen);
	keyset_init(&g->goals);
	keyset_init(&g->rows);
	keyset_init(&g->inside);
	keyset_init(&g->drawn);
	keyset_init(&g->whole);
	keyset_init(&g->left);
	buf_init(&g->path, 1 << 20);
	r = store_get_int(rd->v->db, "relook", 0, &relook);
	g->all = relook != 0;
	if (r == ZK_OK && g->all)
		r = push(g, &root, "");
	while (r == ZK_OK && n > 0) {
		r = tree_dirty(rd->v->tree, &after, page, DIRTY_PAGE, &n);
		any |= n > 0;
		for (size_t i = 0; r == ZK_OK && i < n; i++)
			r = gather_push_node(g, &page[i], false);
	}
	/* last: what dirty ones lack is said */
	if (r == ZK_OK && (any || g->all))
		r = gather_left_again(g, &full);
	if (r == ZK_OK && full) {
		g->all = true;
		r = push(g, &root, "");
	}
	if (r != ZK_OK) {
		gather_free(g);
		return r;
	}
	if (g->todo_n > 0)
		qsort(g->todo, g->todo_n, sizeof(*g->todo), by_path);
	*out = g;
	return ZK_OK;
}

void
gather_free(struct gather *g)
{
	if (g == NULL)
		return;
	for (size_t i = 0; i < g->todo_n; i++)
		free(g->todo[i].path);
	free(g->todo);
	free(g->named);
	while (g->wait_n > 0)
		free(g->wait[--g->wait_n]);
	free(g->wait);
	keyset_release(&g->seen);
	keyset_release(&g->goals);
	keyset_release(&g->rows);
	keyset_release(&g->inside);
	keyset_release(&g->drawn);
	keyset_release(&g->whole);
	keyset_release(&g->left);
	buf_release(&g->path);
	gather_free_taken(g);
	free(g);
}

enum zk_err
gather_row_of(struct gather *g, const struct opid *key, int64_t *row)
{
	enum zk_err r = ZK_OK;

	*row = 0;
	if (opid_is_root(key)) {
		*row = BASE_ROOT;
		return ZK_OK;
	}
	r = base_by_node(g->rd->v->db, key, row);
	return r == ZK_ENOENT ? ZK_OK : r;
}

struct opid
gather_row_key(int64_t row)
{
	struct opid key = { .b = { 0 } };

	memcpy(key.b + OPID_LEN - sizeof(row), &row, sizeof(row));
	return key;
}

enum zk_err
gather_name(struct gather *g, const struct opid *node, int64_t row,
    size_t *index)
{
	struct named *p = NULL;
	struct opid key = gather_row_key(row);
	bool fresh = false;
	enum zk_err r = plan_dir(g->plan, node, row, index);

	/* one row may be known by several nodes: it is read once */
	if (r == ZK_OK && row != 0)
		r = keyset_add(&g->rows, &key, &fresh);
	if (r != ZK_OK || !fresh)
		return r;
	p = gather_more_room(g->named, g->named_n, &g->named_cap,
	    sizeof(*p));
	if (p == NULL)
		return ZK_ENOMEM;
	g->named = p;
	g->named[g->named_n++] = (struct named){ row };
	return ZK_OK;
}

/* Whether base's nodes of a directory row are those of the entry. */
static bool
same_nodes(const struct base_entry *e, const struct list_entry *l)
{
	return e->nodes_n == l->nodes_n && (e->nodes_n == 0 ||
	    memcmp(e->nodes, l->nodes, e->nodes_n * sizeof(*e->nodes)) == 0);
}

enum zk_err
gather_push_sub(struct gather *g, const struct gather_dir *d,
    const struct list_entry *e)
{
	struct buf path;
	enum zk_err r = ZK_EBUG;

	buf_init(&path, 1 << 20);
	r = buf_str(&path, d->path);
	if (r == ZK_OK)
		r = path_join(&path, e->name, e->name_len);
	if (r == ZK_OK)
		r = push(g, &e->nodes[0], buf_cstr(&path));
	buf_release(&path);
	return r;
}

/*
 * What an entry of the goal draws in: the directory itself if it is new or
 * another one than base has; the directory it comes from.
 */
enum zk_err
gather_follow(struct gather *g, const struct gather_dir *d,
    const struct list_entry *e)
{
	struct base_entry b;
	int64_t row = 0;
	bool into = e->kind == NODE_DIR;
	enum zk_err r = gather_row_of(g, &e->key, &row);

	if (r == ZK_OK && row != 0) {
		r = base_get(g->rd->v->db, row, &b);
		if (r != ZK_OK)
			return r;
		into = into && (g->all || !same_nodes(&b, e));
		if (g->rd->paths == NULL && b.parent != d->row &&
		    b.parent != 0) {
			struct opid from = { .b = { 0 } };

			r = base_get(g->rd->v->db, b.parent, &b);
			if (r == ZK_OK && b.nodes_n > 0)
				from = b.nodes[0];
			if (r == ZK_OK)
				r = gather_push_node(g, &from, true);
			/* an earlier version left rows that are in nothing */
			if (r == ZK_ENOENT)
				r = ZK_OK;
		}
	}
	if (r == ZK_OK && g->rd->paths != NULL)
		r = gather_sources(g, d, e);
	g->drawn_in |= into && !g->all;
	return r == ZK_OK && into ? gather_push_sub(g, d, e) : r;
}

enum zk_err
gather_mark(struct gather *g)
{
	struct db *db = g->rd->v->db;
	enum zk_err r;

	if (g->marked || !g->drawn_in)
		return ZK_OK;
	r = db_begin(db);
	if (r == ZK_OK)
		r = store_put_int(db, "relook", 1);
	r = db_end(db, r);
	g->marked = r == ZK_OK;
	return r;
}

enum zk_err
gather_give(struct gather *g, size_t dir, const struct list_entry *e)
{
	struct plan_goal p = { .key = e->key, .name = e->name,
		.name_len = e->name_len, .kind = e->kind,
		.has_mode = e->kind != NODE_SYMLINK,
		.has_mtime = e->has_mtime && (e->kind == NODE_FILE ||
		    e->kind == NODE_SYMLINK) };
	struct buf refs;
	enum zk_err r = ZK_EBUG;

	p.mode = e->has_mode ? e->mode :
	    e->kind == NODE_DIR || e->kind == NODE_TREE ? MODE_DIR : MODE_FILE;
	/* it is always open to its owner */
	if (e->kind == NODE_TREE)
		p.mode |= 0700;
	p.mtime = (struct env_time){ e->mtime_sec, e->mtime_nsec };
	p.size = e->kind == NODE_DIR ? 0 : e->content.size;
	if (e->kind != NODE_DIR)
		memcpy(p.hash, e->content.hash, sizeof(p.hash));
	/* a copy is known by its branch, all else by its nodes */
	p.nodes = (e->flags & LIST_COPY) != 0 ? &e->key : e->nodes;
	p.nodes_n = (e->flags & LIST_COPY) != 0 ? 1 : e->nodes_n;
	p.handle = e->kind == NODE_DIR ? 0 : e->content.locator;
	/* too much of it is a failure of its step alone */
	buf_init(&refs, SIZE_MAX);
	r = refs_make(&refs, p.handle, e->seen, e->seen_len);
	p.refs = refs.data;
	p.refs_len = refs.len;
	if ((e->flags & LIST_MADE_NAME) != 0)
		p.handle |= GATHER_MADE_NAME;
	if (r == ZK_OK)
		r = plan_goal(g->plan, dir, &p);
	if (r == ZK_OK)
		r = gather_note_tree(g, dir, e);
	for (size_t i = 0; r == ZK_OK && i < p.nodes_n; i++)
		r = keyset_add(&g->goals, &p.nodes[i], NULL);
	g->entries++;
	buf_release(&refs);
	return r;
}

/* The path that a row has, or the one given if there is no row. */
static enum zk_err
disk_path(struct gather *g, int64_t row, const char *path, char **out)
{
	struct buf b;
	enum zk_err r = ZK_EBUG;

	buf_init(&b, 1 << 20);
	r = row != 0 ? base_path(g->rd->v->db, row, &b) : buf_str(&b, path);
	if (r == ZK_OK)
		*out = strdup(buf_cstr(&b));
	buf_release(&b);
	return r == ZK_OK && *out == NULL ? ZK_ENOMEM : r;
}

enum zk_err
gather_dir_open(struct gather *g, const struct opid *node,
    struct gather_dir *d)
{
	enum zk_err r = ZK_EBUG;

	memset(d, 0, sizeof(*d));
	r = list_dirs(g->rd->v->tree, node, &g->path, &d->ids, &d->n);
	if (r != ZK_OK)
		return r == ZK_ELIMIT ? ZK_ENOENT : r;
	d->path = strdup(buf_cstr(&g->path));
	if (d->path == NULL)
		r = ZK_ENOMEM;
	if (r == ZK_OK)
		r = gather_row_of(g, &d->ids[0], &d->row);
	if (r == ZK_OK && g->rd->paths != NULL)
		r = disk_path(g, d->row, d->path, &d->disk);
	if (r == ZK_OK)
		r = gather_name(g, &d->ids[0], d->row, &d->index);
	/* several rows may have become one: what is in them comes along */
	for (size_t i = 1; r == ZK_OK && i < d->n; i++) {
		int64_t other = 0;
		size_t unused = 0;

		r = gather_row_of(g, &d->ids[i], &other);
		if (r == ZK_OK && other != 0 && other != d->row)
			r = gather_name(g, &d->ids[i], other, &unused);
	}
	if (r != ZK_OK)
		gather_dir_close(d);
	return r;
}

void
gather_dir_close(struct gather_dir *d)
{
	free(d->ids);
	free(d->path);
	free(d->disk);
	memset(d, 0, sizeof(*d));
}

/* A directory's entries in the goal. */
static enum zk_err
goal_dir(struct gather *g, const struct opid *node)
{
	struct gather_dir d;
	struct list *l = NULL;
	const struct list_entry *e = NULL;
	enum zk_err r = gather_dir_open(g, node, &d);

	if (r != ZK_OK)
		return r == ZK_ENOENT ? ZK_OK : r;
	log_debug("looking at '%s' of %zu nodes", d.path, d.n);
	r = list_open(g->rd->v->tree, d.ids, d.n, &l);
	while (r == ZK_OK) {
		r = list_next(l, &e);
		if (r == ZK_OK && g->rd->paths != NULL) {
			r = gather_filter(g, &d, e);
			continue;
		}
		if (r == ZK_OK)
			r = gather_give(g, d.index, e);
		if (r == ZK_OK)
			r = gather_follow(g, &d, e);
	}
	list_close(l);
	gather_dir_close(&d);
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
gather_superseded(struct gather *g, const struct base_entry *e, bool *yes)
{
	int64_t row = 0;
	enum zk_err r = gather_row_of(g, &e->nodes[0], &row);

	*yes = r == ZK_OK && row != e->id;
	return r;
}

/* What is to be named: a directory that goes, or became part of another. */
static enum zk_err
name_gone(struct gather *g, const struct base_entry *e, bool goal)
{
	size_t index = 0;
	bool yes = true;
	enum zk_err r = goal ? gather_superseded(g, e, &yes) : ZK_OK;

	return r == ZK_OK && yes ?
	    gather_name(g, &e->nodes[0], e->id, &index) : r;
}

/* e is lent by a listing, which looking rows up does not disturb. */
static enum zk_err
count_removal(struct gather *g, const struct base_entry *e)
{
	bool taken = false;
	enum zk_err r = gather_is_taken(g, e->id, &taken);

	g->removals += !taken;
	return r;
}

/*
 * A row of a named directory, at that path if paths were named: stays, goes
 * elsewhere, or goes for good.
 */
static enum zk_err
give_row(struct gather *g, const struct base_entry *e, const char *path)
{
	bool goal = false, elsewhere = false, gone = false;
	enum zk_err r = ZK_OK;

	for (size_t i = 0; i < e->nodes_n && !goal; i++)
		goal = keyset_has(&g->goals, &e->nodes[i]);
	if (!goal && e->nodes_n > 0 && !gather_row_in(g, e, path)) {
		elsewhere = true;
	} else if (!goal && e->nodes_n > 0) {
		r = list_path(g->rd->v->tree, &e->nodes[0], &g->path);
		/* too deep to be shown, but not removed */
		elsewhere = r == ZK_OK || r == ZK_ELIMIT;
		if (r == ZK_ELIMIT)
			r = gather_leave(g, &e->nodes[0]);
		else if (r == ZK_ENOENT)
			r = ZK_OK;
		gone = r == ZK_OK && !elsewhere;
	}
	if (r == ZK_OK)
		r = plan_base(g->plan, e, elsewhere ? PLAN_ELSEWHERE : 0);
	if (r == ZK_OK && gone)
		r = count_removal(g, e);
	/* all that lies in a directory that goes is to be named, too */
	if (r == ZK_OK && e->kind == NODE_DIR && !elsewhere && e->nodes_n > 0)
		r = name_gone(g, e, goal);
	return r;
}

/* Every row of a named directory. */
static enum zk_err
rows_of(struct gather *g, int64_t row)
{
	struct db *db = g->rd->v->db;
	struct base_iter it;
	struct base_entry e;
	struct buf path;
	size_t len = 0;
	enum zk_err r = ZK_OK;

	buf_init(&path, 1 << 20);
	if (g->rd->paths != NULL)
		r = base_path(db, row, &path);
	len = path.len;
	base_full(db, row, &it);
	while (r == ZK_OK) {
		r = base_full_next(db, &it, &e);
		if (r != ZK_OK)
			break;
		buf_truncate(&path, len);
		if (g->rd->paths != NULL)
			r = path_join(&path, e.name, e.name_len);
		if (r == ZK_OK)
			r = give_row(g, &e, buf_cstr(&path));
		if (r != ZK_OK)
			base_list_end(&it);
	}
	buf_release(&path);
	return r == ZK_ENOENT ? ZK_OK : r;
}

bool
gather_more(const struct gather *g)
{
	return g->next < g->todo_n;
}

bool
gather_outside(const struct gather *g)
{
	return g->outside;
}

/* The entries of the goal: those of a portion, and all that these need. */
static enum zk_err
goals(struct gather *g)
{
	size_t drawn = 0;
	enum zk_err r = ZK_OK;

	do {
		while (r == ZK_OK && gather_more(g) && g->entries < PORTION) {
			struct opid node = g->todo[g->next++].node;

			r = goal_dir(g, &node);
		}
		if (g->rd->paths == NULL)
			break;
		while (r == ZK_OK && (drawn < g->named_n || g->wait_n > 0))
			r = g->wait_n > 0 ? gather_waiting(g) :
			    gather_draw(g, g->named[drawn++].row);
	} while (r == ZK_OK && gather_more(g) && g->entries < PORTION);
	return r;
}

enum zk_err
gather_next(struct gather *g, struct plan *plan, uint64_t *removals)
{
	enum zk_err r = ZK_OK;

	g->plan = plan;
	g->entries = 0;
	g->removals = 0;
	g->named_n = 0;
	keyset_release(&g->goals);
	keyset_release(&g->rows);
	r = goals(g);
	/* gather_name may make the list longer on the way */
	for (size_t i = 0; r == ZK_OK && i < g->named_n; i++)
		r = rows_of(g, g->named[i].row);
	*removals = g->removals;
	return r;
}
