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

/* qsort has no argument for a context: the arrays to sort carry it. */
struct ref {
	const struct plan *p;
	size_t i;
};

static int
cmp_bytes(const uint8_t *a, size_t an, const uint8_t *b, size_t bn)
{
	int c = memcmp(a, b, an < bn ? an : bn);

	if (c != 0)
		return c;
	return (an > bn) - (an < bn);
}

static int
cmp_i64(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int
cmp_id(const void *a, const void *b)
{
	const struct ref *x = a, *y = b;

	return cmp_i64(x->p->rows[x->i].e.id, y->p->rows[y->i].e.id);
}

static int
cmp_place(const void *a, const void *b)
{
	const struct ref *x = a, *y = b;
	const struct base_entry *e = &x->p->rows[x->i].e;
	const struct base_entry *f = &y->p->rows[y->i].e;
	int c = cmp_i64(e->parent, f->parent);

	if (c != 0)
		return c;
	return cmp_bytes(e->name, e->name_len, f->name, f->name_len);
}

static int
cmp_key(const void *a, const void *b)
{
	const struct ref *x = a, *y = b;

	return opid_cmp(&x->p->goals[x->i].g->key, &y->p->goals[y->i].g->key);
}

/* Top down; within a level by directory and name. */
static int
cmp_order(const void *a, const void *b)
{
	const struct ref *x = a, *y = b;
	const struct plan_pgoal *g = &x->p->goals[x->i];
	const struct plan_pgoal *h = &y->p->goals[y->i];
	int c = cmp_i64(g->depth, h->depth);

	if (c == 0)
		c = opid_cmp(&x->p->dirs[g->dir].node,
		    &y->p->dirs[h->dir].node);
	if (c == 0)
		c = cmp_bytes(g->g->name, g->g->name_len, h->g->name,
		    h->g->name_len);
	return c;
}

/* Rows from the bottom up, what is no directory first. */
static int
cmp_bottom_up(const void *a, const void *b)
{
	const struct ref *x = a, *y = b;
	const struct plan_row *v = &x->p->rows[x->i], *w = &y->p->rows[y->i];
	int c = cmp_i64(w->depth, v->depth);

	if (c == 0)
		c = (v->e.kind == NODE_DIR) - (w->e.kind == NODE_DIR);
	return c != 0 ? c : cmp_i64(v->e.id, w->e.id);
}

static enum zk_err
sorted(const struct plan *p, size_t n,
    int (*cmp)(const void *a, const void *b), size_t **out)
{
	struct ref *refs = malloc((n + 1) * sizeof(*refs));

	*out = malloc((n + 1) * sizeof(**out));
	if (refs == NULL || *out == NULL) {
		free(refs);
		return ZK_ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		refs[i] = (struct ref) { p, i };
	qsort(refs, n, sizeof(*refs), cmp);
	for (size_t i = 0; i < n; i++)
		(*out)[i] = refs[i].i;
	free(refs);
	return ZK_OK;
}

static struct plan_row *
row_of(const struct plan *p, int64_t id)
{
	size_t lo = 0, hi = p->rows_n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (p->rows[p->by_id[mid]].e.id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < p->rows_n && p->rows[p->by_id[lo]].e.id == id)
		return &p->rows[p->by_id[lo]];
	return NULL;
}

/* The row that base has at a place, wherever it is by now. */
static struct plan_row *
row_at(const struct plan *p, int64_t parent, const uint8_t *name, size_t len)
{
	size_t lo = 0, hi = p->rows_n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		struct plan_row *w = &p->rows[p->by_place[mid]];
		int c = cmp_i64(w->e.parent, parent);

		if (c == 0)
			c = cmp_bytes(w->e.name, w->e.name_len, name, len);
		if (c == 0)
			return w;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static struct plan_pgoal *
goal_of(const struct plan *p, const struct opid *key)
{
	size_t lo = 0, hi = p->goals_n;

	if (opid_is_root(key))
		return NULL;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (opid_cmp(&p->goals[p->by_key[mid]].g->key, key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < p->goals_n &&
	    opid_cmp(&p->goals[p->by_key[lo]].g->key, key) == 0)
		return &p->goals[p->by_key[lo]];
	return NULL;
}

static bool
same_class(const struct plan_row *w, const struct plan_pgoal *g)
{
	return (w->e.kind == NODE_DIR) == (g->g->kind == NODE_DIR);
}

static bool
is_kept(const struct plan_row *w)
{
	return (w->e.flags & BASE_KEPT) != 0 && w->goal == PLAN_NONE;
}

static void
match(struct plan *p, struct plan_row *w, struct plan_pgoal *g)
{
	w->goal = (size_t)(g - p->goals);
	g->row = (size_t)(w - p->rows);
}

/* By key: first what rows are named for, then what else they stand for. */
static void
match_keys(struct plan *p, bool winners)
{
	for (size_t i = 0; i < p->rows_n; i++) {
		struct plan_row *w = &p->rows[p->by_id[i]];
		size_t from = winners ? 0 : 1;
		size_t to = winners ? 1 : w->e.nodes_n;

		if (w->e.flags & BASE_KEPT || w->goal != PLAN_NONE)
			continue;
		for (size_t k = from; k < to && k < w->e.nodes_n; k++) {
			struct plan_pgoal *g = goal_of(p, &w->e.nodes[k]);

			if (g == NULL || g->row != PLAN_NONE ||
			    !same_class(w, g))
				continue;
			match(p, w, g);
			break;
		}
	}
}

/* Which named directory each goal directory is, and the other way. */
static enum zk_err
link_dirs(struct plan *p)
{
	for (size_t i = 0; i < p->goals_n; i++) {
		struct plan_pgoal *g = &p->goals[i];

		if (g->g->kind != NODE_DIR)
			continue;
		g->child = plan_dir_find(p, &g->g->key);
		if (g->child == PLAN_NONE)
			continue;
		if (p->dirs[g->child].own != PLAN_NONE)
			return ZK_EBUG;
		p->dirs[g->child].own = i;
	}
	return ZK_OK;
}

/* Depth of every goal entry below the topmost given; a cycle is ZK_EBUG. */
static enum zk_err
measure_goals(struct plan *p)
{
	for (size_t i = 0; i < p->goals_n; i++) {
		struct plan_pgoal *g = &p->goals[i];
		size_t up = i;
		unsigned n = 0;

		/* up to one that is known, or the top */
		while (!p->goals[up].sized) {
			size_t own = p->dirs[p->goals[up].dir].own;

			n++;
			if (n > p->goals_n)
				return ZK_EBUG;
			if (own == PLAN_NONE)
				break;
			up = own;
		}
		if (p->goals[up].sized)
			n += p->goals[up].depth;
		else
			n--;
		/* and down again */
		for (; !g->sized; n--) {
			g->depth = n;
			g->sized = true;
			if (p->dirs[g->dir].own == PLAN_NONE)
				break;
			g = &p->goals[p->dirs[g->dir].own];
		}
	}
	return ZK_OK;
}

static enum zk_err
measure_rows(struct plan *p)
{
	for (size_t i = 0; i < p->rows_n; i++) {
		struct plan_row *up = row_of(p, p->rows[i].e.parent);
		unsigned n = 0;

		for (; up != NULL; up = row_of(p, up->e.parent)) {
			n++;
			if (n > p->rows_n)
				return ZK_EBUG;
		}
		p->rows[i].depth = n;
	}
	return ZK_OK;
}

/* What the disk takes for the same name as another gets an alias. */
static enum zk_err
fold_dir(struct plan *p, struct plan_pgoal *g, struct plan_pgoal *h,
    struct buf *a, struct buf *b)
{
	struct plan_pgoal *young = opid_cmp(&g->g->key, &h->g->key) < 0 ? h : g;
	enum zk_err r;

	buf_reset(a);
	buf_reset(b);
	r = p->opts.fold(g->g->name, g->g->name_len, a);
	if (r == ZK_OK)
		r = p->opts.fold(h->g->name, h->g->name_len, b);
	if (r != ZK_OK)
		return r;
	if (cmp_bytes(a->data, a->len, b->data, b->len) != 0 ||
	    young->name != young->g->name)
		return ZK_OK;
	buf_reset(a);
	r = plan_alias(young->g->name, young->g->name_len, &young->g->key, 4,
	    a);
	if (r != ZK_OK)
		return r;
	return plan_rename(p, young, a);
}

struct folded {
	size_t dir;
	struct plan_pgoal *g;
	uint8_t *form;
	size_t len;
};

static int
cmp_folded(const void *a, const void *b)
{
	const struct folded *x = a, *y = b;
	int c = (x->dir > y->dir) - (x->dir < y->dir);

	if (c == 0)
		c = cmp_bytes(x->form, x->len, y->form, y->len);
	return c != 0 ? c : opid_cmp(&x->g->g->key, &y->g->g->key);
}

static enum zk_err
fold_fill(struct plan *p, struct folded *f)
{
	for (size_t i = 0; i < p->goals_n; i++) {
		struct plan_pgoal *g = &p->goals[i];
		struct buf b;
		enum zk_err r;

		buf_init(&b, 4096);
		r = p->opts.fold(g->g->name, g->g->name_len, &b);
		f[i] = (struct folded) { g->dir, g, NULL, b.len };
		if (r == ZK_OK)
			f[i].form = buf_take(&b, &f[i].len);
		buf_release(&b);
		if (r != ZK_OK)
			return r;
	}
	return ZK_OK;
}

static enum zk_err
fold_names(struct plan *p)
{
	struct folded *f;
	struct buf a, b;
	enum zk_err r;

	if (p->opts.fold == NULL || p->goals_n == 0)
		return ZK_OK;
	f = calloc(p->goals_n, sizeof(*f));
	if (f == NULL)
		return ZK_ENOMEM;
	buf_init(&a, 4096);
	buf_init(&b, 4096);
	r = fold_fill(p, f);
	if (r == ZK_OK)
		qsort(f, p->goals_n, sizeof(*f), cmp_folded);
	for (size_t i = 1; i < p->goals_n && r == ZK_OK; i++)
		if (f[i].dir == f[i - 1].dir)
			r = fold_dir(p, f[i - 1].g, f[i].g, &a, &b);
	for (size_t i = 0; i < p->goals_n; i++)
		free(f[i].form);
	free(f);
	buf_release(&a);
	buf_release(&b);
	return r;
}

/* The row of the directory an entry goes to; below 0: it is to be made. */
static int64_t
container(const struct plan *p, const struct plan_pgoal *g)
{
	int64_t row = p->dirs[g->dir].row;

	return row != 0 ? row : -(int64_t)g->dir - 1;
}

/*
 * The name g gets beside rows that stay: its own, or an alias long enough.
 */
static enum zk_err
settle_name(struct plan *p, struct plan_pgoal *g)
{
	int64_t in = container(p, g);
	struct plan_row *at = row_at(p, in, g->name, g->name_len);
	enum zk_err r = ZK_OK;
	struct buf b;

	if (at == NULL || !is_kept(at))
		return ZK_OK;
	if (at->e.kind == NODE_DIR && g->g->kind == NODE_DIR &&
	    g->row == PLAN_NONE)
		return ZK_OK;
	buf_init(&b, 256);
	for (unsigned n = 4; n <= OPID_LEN * 2 && r == ZK_OK; n++) {
		buf_reset(&b);
		r = plan_alias(g->g->name, g->g->name_len, &g->g->key, n, &b);
		if (r != ZK_OK)
			break;
		at = row_at(p, in, b.data, b.len);
		if (at != NULL && is_kept(at))
			continue;
		r = plan_rename(p, g, &b);
		break;
	}
	buf_release(&b);
	return r;
}

/* Name, match by place, and row of the directory: top down. */
static enum zk_err
settle(struct plan *p)
{
	for (size_t i = 0; i < p->goals_n; i++) {
		struct plan_pgoal *g = &p->goals[p->order[i]];
		struct plan_row *at;
		enum zk_err r = settle_name(p, g);

		if (r != ZK_OK)
			return r;
		at = row_at(p, container(p, g), g->name, g->name_len);
		if (g->row == PLAN_NONE && at != NULL &&
		    at->goal == PLAN_NONE && same_class(at, g) &&
		    (at->flags & PLAN_ELSEWHERE) == 0)
			match(p, at, g);
		if (g->child != PLAN_NONE)
			p->dirs[g->child].row = g->row != PLAN_NONE ?
			    p->rows[g->row].e.id : 0;
	}
	return ZK_OK;
}

static bool
is_at(const struct plan_row *w, int64_t parent, const struct plan_pgoal *g)
{
	return !w->left && w->e.parent == parent &&
	    cmp_bytes(w->e.name, w->e.name_len, g->name, g->name_len) == 0;
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
	if (w->flags & PLAN_ELSEWHERE || is_kept(w))
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
	if (h->held || !is_at(v, container(p, h), h))
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
	int64_t in = container(p, g);
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
	w = row_at(p, in, g->name, g->name_len);
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
	int64_t in = container(p, g);
	struct plan_row *w = row_at(p, in, g->name, g->name_len);
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
	/* held: its place stays, the rest is done where it is */
	return plan_add(p, &s);
}

/* A directory in which something stays cannot go either. */
static void
block_up(struct plan *p, const struct plan_row *w)
{
	struct plan_row *up = row_of(p, w->e.parent);

	for (; up != NULL && !up->blocked; up = row_of(p, up->e.parent))
		up->blocked = true;
}

static enum zk_err
removals(struct plan *p)
{
	size_t *order = NULL;
	enum zk_err r = sorted(p, p->rows_n, cmp_bottom_up, &order);

	for (size_t i = 0; i < p->rows_n && r == ZK_OK; i++) {
		struct plan_row *w = &p->rows[order[i]];
		bool held = w->goal != PLAN_NONE && !w->left &&
		    p->goals[w->goal].held;
		struct plan_step s = { .op = PLAN_REMOVE, .row = w->e.id };

		if (w->flags & PLAN_ELSEWHERE || held)
			block_up(p, w);
		if (w->goal != PLAN_NONE || w->flags & PLAN_ELSEWHERE ||
		    is_kept(w) || w->blocked || p->hold)
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
		r = plan_add(p, &s);
	}
	return r;
}

/* A place or an id twice is the caller's mistake. */
static enum zk_err
check_input(const struct plan *p)
{
	for (size_t i = 1; i < p->rows_n; i++) {
		struct ref a = { p, p->by_place[i - 1] };
		struct ref b = { p, p->by_place[i] };

		if (cmp_place(&a, &b) == 0)
			return ZK_EBUG;
		a.i = p->by_id[i - 1];
		b.i = p->by_id[i];
		if (cmp_id(&a, &b) == 0)
			return ZK_EBUG;
	}
	for (size_t i = 1; i < p->goals_n; i++) {
		struct ref a = { p, p->order[i - 1] }, b = { p, p->order[i] };

		if (cmp_order(&a, &b) == 0)
			return ZK_EBUG;
	}
	return ZK_OK;
}

static enum zk_err
prepare(struct plan *p)
{
	enum zk_err r;

	r = sorted(p, p->rows_n, cmp_id, &p->by_id);
	if (r == ZK_OK)
		r = sorted(p, p->rows_n, cmp_place, &p->by_place);
	if (r == ZK_OK)
		r = sorted(p, p->goals_n, cmp_key, &p->by_key);
	if (r == ZK_OK)
		r = link_dirs(p);
	if (r == ZK_OK)
		r = measure_goals(p);
	if (r == ZK_OK)
		r = measure_rows(p);
	if (r == ZK_OK)
		r = sorted(p, p->goals_n, cmp_order, &p->order);
	if (r == ZK_OK)
		r = check_input(p);
	if (r != ZK_OK)
		return r;
	match_keys(p, true);
	match_keys(p, false);
	r = fold_names(p);
	if (r == ZK_OK)
		r = settle(p);
	if (r == ZK_OK)
		hold_goals(p);
	return r;
}

enum zk_err
plan_make(struct plan *p)
{
	enum zk_err r;

	if (p->made)
		return ZK_EBUG;
	p->made = true;
	r = prepare(p);
	for (size_t i = 0; i < p->goals_n && r == ZK_OK; i++)
		r = put_goal(p, &p->goals[p->order[i]]);
	if (r == ZK_OK)
		r = removals(p);
	if (r == ZK_OK)
		r = dir_attrs(p);
	return r;
}
