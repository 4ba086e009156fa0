/*
 * The rules of the planner.  Goal entries are dealt with from the top down,
 * so that the directory an entry goes to is always at its own final place,
 * and no move can go into itself.  A row that is in the way of another is
 * taken out to staging in the same step that fills its place; it goes on
 * from there when its own entry's turn comes, or to the trash.
 */
#include <stdlib.h>
#include <string.h>

#include "tree/plan_int.h"

/* Rows from the bottom up, what is no directory first. */
static int
cmp_bottom_up(const void *a, const void *b)
{
	const struct plan_ref *x = a, *y = b;
	const struct plan_row *v = &x->p->rows[x->i], *w = &y->p->rows[y->i];
	int c = (v->depth < w->depth) - (v->depth > w->depth);

	if (c == 0)
		c = (v->e.kind == NODE_DIR) - (w->e.kind == NODE_DIR);
	/* a directory's together: they go to one place in the trash */
	if (c == 0)
		c = (v->e.parent > w->e.parent) - (v->e.parent < w->e.parent);
	return c != 0 ? c : (v->e.id > w->e.id) - (v->e.id < w->e.id);
}

static bool
is_at(const struct plan_row *w, int64_t parent, const struct plan_pgoal *g)
{
	return !w->left && w->e.parent == parent &&
	    plan_cmp_bytes(w->e.name, w->e.name_len, g->name, g->name_len) == 0;
}

static bool
same_content(const struct plan_row *w, const struct plan_goal *g)
{
	if (w->e.kind != g->kind)
		return false;
	return g->kind == NODE_DIR || (w->e.size == g->size &&
	    memcmp(w->e.hash, g->hash, BASE_HASH_LEN) == 0);
}

static bool
same_attr(const struct plan_row *w, const struct plan_goal *g)
{
	if (g->has_mode && g->kind != NODE_SYMLINK && w->e.mode != g->mode)
		return false;
	return !g->has_mtime || (w->e.mtime.sec == g->mtime.sec &&
	    w->e.mtime.nsec == g->mtime.nsec);
}

static bool
same_refs(const struct plan_row *w, const struct plan_goal *g)
{
	if (w->e.flags & BASE_KEPT || w->e.nodes_n != g->nodes_n ||
	    w->e.refs_len != g->refs_len)
		return false;
	if (g->nodes_n > 0 && memcmp(w->e.nodes, g->nodes,
	    g->nodes_n * sizeof(*g->nodes)) != 0)
		return false;
	return g->refs_len == 0 ||
	    memcmp(w->e.refs, g->refs, g->refs_len) == 0;
}

static struct plan_step
step_for(const struct plan *p, enum plan_op op, const struct plan_pgoal *g)
{
	struct plan_step s = {
		.op = (uint8_t)op, .goal = g->g, .dir = g->dir,
		.name = g->name, .name_len = g->name_len,
		.after = p->dirs[g->dir].made
	};

	if (g->row != PLAN_NONE)
		s.row = p->rows[g->row].e.id;
	return s;
}

/* True if w may not leave its place in this plan. */
static bool
must_stay(const struct plan *p, const struct plan_row *w)
{
	if (w->flags & PLAN_ELSEWHERE || plan_is_kept(w))
		return true;
	if (w->goal == PLAN_NONE)
		return p->hold;
	return p->goals[w->goal].held;
}

/* True if w's own goal is exactly the place that v has now. */
static bool
may_swap(const struct plan *p, const struct plan_row *v,
    const struct plan_row *w)
{
	const struct plan_pgoal *h;

	if (v->left || w->goal == PLAN_NONE)
		return false;
	h = &p->goals[w->goal];
	if (h->held || !is_at(v, plan_container(p, h), h))
		return false;
	return v->e.parent == w->e.parent ||
	    (v->e.kind != NODE_DIR && w->e.kind != NODE_DIR);
}

/*
 * True if g cannot be brought to its place in this plan.  Below a directory
 * that is held no directory arrives: it could be one that the held one still
 * lies in.
 */
static bool
is_blocked(const struct plan *p, struct plan_pgoal *g)
{
	int64_t in = plan_container(p, g);
	const struct plan_row *v, *w;
	size_t own = p->dirs[g->dir].own;

	v = g->row != PLAN_NONE ? &p->rows[g->row] : NULL;
	if (own != PLAN_NONE) {
		const struct plan_pgoal *up = &p->goals[own];

		g->below_held = up->held || up->below_held;
		if (up->held && up->row == PLAN_NONE)
			return true;
		if (g->below_held && v != NULL && v->e.kind == NODE_DIR &&
		    !is_at(v, in, g))
			return true;
	}
	w = plan_row_at(p, in, g->name, g->name_len);
	return w != NULL && w != v && must_stay(p, w);
}

/*
 * What waits for another portion, or for removals that are held back, is
 * known before the first step, so that nothing is taken out that could not
 * be put back in.
 */
static void
hold_goals(struct plan *p)
{
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < p->goals_n; i++) {
			struct plan_pgoal *g = &p->goals[p->order[i]];

			if (g->held || !is_blocked(p, g))
				continue;
			g->held = more = true;
		}
	}
}

static enum zk_err
add_swap(struct plan *p, struct plan_pgoal *g, struct plan_row *w)
{
	struct plan_step s = step_for(p, PLAN_SWAP, g);

	s.other = w->e.id;
	s.goal2 = p->goals[w->goal].g;
	w->left = w->placed = true;
	p->rows[g->row].left = p->rows[g->row].placed = true;
	return plan_add(p, &s);
}

/* Brings g to its place.  *moved: a step now carries its refs. */
static enum zk_err
place(struct plan *p, struct plan_pgoal *g, bool *moved)
{
	struct plan_row *v = g->row != PLAN_NONE ? &p->rows[g->row] : NULL;
	int64_t in = plan_container(p, g);
	struct plan_row *w = plan_row_at(p, in, g->name, g->name_len);
	enum plan_op op;
	struct plan_step s;

	if (v != NULL && (v->placed || is_at(v, in, g))) {
		*moved = v->placed;
		return ZK_OK;
	}
	if (w != NULL && (w->left || w == v))
		w = NULL;
	if (g->held)
		return ZK_OK;
	*moved = true;
	if (v != NULL && w != NULL && may_swap(p, v, w))
		return add_swap(p, g, w);
	if (v != NULL)
		op = w != NULL ? PLAN_TAKE : PLAN_MOVE;
	else if (w != NULL)
		op = PLAN_TAKE_NEW;
	else
		op = g->g->kind == NODE_DIR ? PLAN_MKDIR : PLAN_CREATE;
	s = step_for(p, op, g);
	if (w != NULL) {
		s.other = w->e.id;
		w->left = true;
	}
	if (v != NULL)
		v->left = true;
	if (v == NULL && g->child != PLAN_NONE)
		p->dirs[g->child].made = (uint32_t)p->steps_n + 1;
	return plan_add(p, &s);
}

static enum zk_err
put_goal(struct plan *p, struct plan_pgoal *g)
{
	bool moved = false;
	struct plan_row *v;
	struct plan_step s;
	enum zk_err r;

	r = place(p, g, &moved);
	if (r != ZK_OK || g->row == PLAN_NONE)
		return r;
	v = &p->rows[g->row];
	if (!same_content(v, g->g))
		s = step_for(p, PLAN_REPLACE, g);
	else if (g->g->kind != NODE_DIR && !same_attr(v, g->g))
		s = step_for(p, PLAN_ATTR, g);
	else if (!moved && !same_refs(v, g->g))
		s = step_for(p, PLAN_ADOPT, g);
	else
		return ZK_OK;
	s.again = moved;
	/* held: its place stays, the rest is done where it is */
	return plan_add(p, &s);
}

/* A directory in which something stays cannot go either. */
static void
block_up(struct plan *p, const struct plan_row *w)
{
	struct plan_row *up = plan_row_of(p, w->e.parent);

	for (; up != NULL && !up->blocked; up = plan_row_of(p, up->e.parent))
		up->blocked = true;
}

static enum zk_err
removals(struct plan *p)
{
	size_t *order = NULL;
	enum zk_err r = plan_sorted(p, p->rows_n, cmp_bottom_up, &order);

	for (size_t i = 0; i < p->rows_n && r == ZK_OK; i++) {
		struct plan_row *w = &p->rows[order[i]];
		bool held = w->goal != PLAN_NONE && !w->left &&
		    p->goals[w->goal].held;
		struct plan_step s = { .op = PLAN_REMOVE, .row = w->e.id };

		if (w->flags & PLAN_ELSEWHERE || held)
			block_up(p, w);
		if (w->goal != PLAN_NONE || w->flags & PLAN_ELSEWHERE ||
		    plan_is_kept(w) || w->blocked || p->hold)
			continue;
		if (w->e.kind == NODE_DIR)
			s.op = PLAN_RMDIR;
		r = plan_add(p, &s);
	}
	free(order);
	return r;
}

/*
 * Modes and times of directories come last, from the bottom up: a directory
 * may be closed to writing, and writing in it changes its time.
 */
static enum zk_err
dir_attrs(struct plan *p)
{
	enum zk_err r = ZK_OK;

	for (size_t i = p->goals_n; i-- > 0 && r == ZK_OK;) {
		struct plan_pgoal *g = &p->goals[p->order[i]];
		struct plan_step s = step_for(p, PLAN_ATTR, g);
		bool open = (g->g->mode & 0700) == 0700 && !g->g->has_mtime;

		if (g->g->kind != NODE_DIR || g->held)
			continue;
		if (g->row != PLAN_NONE)
			open = same_attr(&p->rows[g->row], g->g);
		else if (!g->g->has_mode)
			open = !g->g->has_mtime;
		if (open)
			continue;
		if (g->row == PLAN_NONE && g->child == PLAN_NONE)
			continue;
		if (g->row == PLAN_NONE) {
			s.dir = g->child;
			s.after = p->dirs[g->child].made;
		}
		s.again = g->row == PLAN_NONE || p->rows[g->row].left;
		r = plan_add(p, &s);
	}
	return r;
}

enum zk_err
plan_make(struct plan *p)
{
	enum zk_err r;

	if (p->made)
		return ZK_EBUG;
	p->made = true;
	r = plan_prepare(p);
	if (r == ZK_OK)
		hold_goals(p);
	for (size_t i = 0; i < p->goals_n && r == ZK_OK; i++)
		r = put_goal(p, &p->goals[p->order[i]]);
	if (r == ZK_OK)
		r = removals(p);
	if (r == ZK_OK)
		r = dir_attrs(p);
	return r;
}
