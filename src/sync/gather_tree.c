/*
 * Directories that others keep as one from now on: what goes from here with
 * the ordinary one is in the tree that comes, and no loss for the brake.
 */
#include <stdlib.h>
#include <string.h>

#include "sync/gather_int.h"

struct taken {
	int64_t parent;		/* row of the directory that the tree is in */
	char *name;		/* that it wants there; owned */
};

enum zk_err
gather_note_tree(struct gather *g, size_t dir, const struct list_entry *e)
{
	struct taken *t = NULL;
	struct buf name, of;
	int64_t row = 0;
	enum zk_err r = e->kind == NODE_TREE ? gather_row_of(g, &e->key, &row) :
	    ZK_OK;

	if (r != ZK_OK || e->kind != NODE_TREE || row != 0)
		return r;
	t = gather_more_room(g->taken, g->taken_n, &g->taken_cap,
	    sizeof(*t));
	if (t == NULL)
		return ZK_ENOMEM;
	g->taken = t;
	t = &g->taken[g->taken_n];
	buf_init(&name, 1 << 16);
	buf_init(&of, 1 << 16);
	r = buf_put(&name, e->name, e->name_len);
	if (r == ZK_OK && (e->flags & LIST_MADE_NAME) != 0)
		round_conflict_of(buf_cstr(&name), &of);
	else if (r == ZK_OK)
		buf_swap(&name, &of);
	t->parent = plan_dir_row(g->plan, dir);
	t->name = r == ZK_OK ? strdup(buf_cstr(&of)) : NULL;
	if (r == ZK_OK && t->name == NULL)
		r = ZK_ENOMEM;
	g->taken_n += r == ZK_OK;
	buf_release(&name);
	buf_release(&of);
	return r;
}

static bool
has(const struct gather *g, const struct base_entry *e)
{
	for (size_t i = 0; i < g->taken_n; i++)
		if (g->taken[i].parent == e->parent &&
		    strlen(g->taken[i].name) == e->name_len &&
		    memcmp(g->taken[i].name, e->name, e->name_len) == 0)
			return true;
	return false;
}

enum zk_err
gather_is_taken(struct gather *g, int64_t row, bool *yes)
{
	struct base_entry e;
	enum zk_err r = ZK_OK;

	*yes = false;
	while (r == ZK_OK && g->taken_n > 0 && row != BASE_ROOT && !*yes) {
		r = base_get(g->rd->v->db, row, &e);
		*yes = r == ZK_OK && e.kind == NODE_DIR && has(g, &e);
		row = r == ZK_OK ? e.parent : BASE_ROOT;
		if (row == 0)
			break;
	}
	return r;
}

void
gather_free_taken(struct gather *g)
{
	while (g->taken_n > 0)
		free(g->taken[--g->taken_n].name);
	free(g->taken);
}
