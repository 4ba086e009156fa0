/*
 * What the planner knows before it makes steps: which row is which entry of
 * the goal, under which name, and where.
 */
#include <stdlib.h>
#include <string.h>

#include "tree/plan_int.h"
#include "util/utf8.h"

#define PLAIN_MAX 120		/* bytes of a name that a disk refused */

int
plan_cmp_bytes(const uint8_t *a, size_t an, const uint8_t *b, size_t bn)
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
	const struct plan_ref *x = a, *y = b;

	return cmp_i64(x->p->rows[x->i].e.id, y->p->rows[y->i].e.id);
}

static int
cmp_place(const void *a, const void *b)
{
	const struct plan_ref *x = a, *y = b;
	const struct base_entry *e = &x->p->rows[x->i].e;
	const struct base_entry *f = &y->p->rows[y->i].e;
	int c = cmp_i64(e->parent, f->parent);

	if (c != 0)
		return c;
	return plan_cmp_bytes(e->name, e->name_len, f->name, f->name_len);
}

static int
cmp_key(const void *a, const void *b)
{
	const struct plan_ref *x = a, *y = b;

	return opid_cmp(&x->p->goals[x->i].g->key, &y->p->goals[y->i].g->key);
}

/* Top down; within a level by directory and name. */
static int
cmp_order(const void *a, const void *b)
{
	const struct plan_ref *x = a, *y = b;
	const struct plan_pgoal *g = &x->p->goals[x->i];
	const struct plan_pgoal *h = &y->p->goals[y->i];
	int c = cmp_i64(g->depth, h->depth);

	if (c == 0)
		c = opid_cmp(&x->p->dirs[g->dir].node,
		    &y->p->dirs[h->dir].node);
	if (c == 0)
		c = plan_cmp_bytes(g->g->name, g->g->name_len, h->g->name,
		    h->g->name_len);
	return c;
}

enum zk_err
plan_sorted(const struct plan *p, size_t n,
    int (*cmp)(const void *a, const void *b), size_t **out)
{
	struct plan_ref *refs = malloc((n + 1) * sizeof(*refs));

	*out = malloc((n + 1) * sizeof(**out));
	if (refs == NULL || *out == NULL) {
		free(refs);
		return ZK_ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		refs[i] = (struct plan_ref) { p, i };
	qsort(refs, n, sizeof(*refs), cmp);
	for (size_t i = 0; i < n; i++)
		(*out)[i] = refs[i].i;
	free(refs);
	return ZK_OK;
}

struct plan_row *
plan_row_of(const struct plan *p, int64_t id)
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
struct plan_row *
plan_row_at(const struct plan *p, int64_t parent, const uint8_t *name,
    size_t len)
{
	size_t lo = 0, hi = p->rows_n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		struct plan_row *w = &p->rows[p->by_place[mid]];
		int c = cmp_i64(w->e.parent, parent);

		if (c == 0)
			c = plan_cmp_bytes(w->e.name, w->e.name_len, name, len);
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

bool
plan_is_kept(const struct plan_row *w)
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

static bool
has_bytes(const struct plan_row *w, const struct plan_pgoal *g)
{
	return w->e.kind == g->g->kind && w->e.size == g->g->size &&
	    memcmp(w->e.hash, g->g->hash, BASE_HASH_LEN) == 0;
}

static int
cmp_hash(const void *a, const void *b)
{
	const struct plan_ref *x = a, *y = b;
	int c = memcmp(x->p->goals[x->i].g->hash, y->p->goals[y->i].g->hash,
	    BASE_HASH_LEN);

	return c != 0 ? c : cmp_key(a, b);
}

/*
 * A file with the bytes of w that no row is: in the directory that w goes to.
 * If w goes nowhere, anywhere, and also one whose row has other bytes.
 */
static struct plan_pgoal *
goal_with(const struct plan *p, const size_t *by_hash,
    const struct plan_row *w)
{
	size_t lo = 0, hi = p->goals_n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (memcmp(p->goals[by_hash[mid]].g->hash, w->e.hash,
		    BASE_HASH_LEN) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < p->goals_n; lo++) {
		struct plan_pgoal *g = &p->goals[by_hash[lo]];

		if (memcmp(g->g->hash, w->e.hash, BASE_HASH_LEN) != 0)
			break;
		if (!has_bytes(w, g))
			continue;
		if (w->goal == PLAN_NONE ? g->row == PLAN_NONE ||
		    !has_bytes(&p->rows[g->row], g) :
		    g->row == PLAN_NONE && g->dir == p->goals[w->goal].dir)
			return g;
	}
	return NULL;
}

/* Whether a row's bytes are to go from where they are. */
static bool
gives_up(const struct plan *p, const struct plan_row *w)
{
	if (w->e.kind == NODE_DIR || w->e.size == 0)
		return false;
	if (w->goal != PLAN_NONE)
		return !has_bytes(w, &p->goals[w->goal]);
	return !p->hold && !plan_is_kept(w) &&
	    (w->flags & PLAN_ELSEWHERE) == 0;
}

/*
 * Where other bytes are to take the place of a row's, and its own are to be
 * beside it under another name: a version of this disk became a copy.  The
 * row is the copy then, and what takes its place is new, so that no byte of
 * it is fetched again, nor can be lost between the two: it may be nowhere
 * else.  So where a row is to go, and its bytes are to be elsewhere: a copy
 * became the file, or another device made the file anew.  What had the place
 * goes instead.
 */
static enum zk_err
match_copies(struct plan *p)
{
	size_t *by_hash = NULL;
	enum zk_err r = ZK_OK;

	for (size_t i = 0; i < p->rows_n && r == ZK_OK; i++) {
		struct plan_row *w = &p->rows[p->by_id[i]];
		struct plan_pgoal *g;

		if (!gives_up(p, w))
			continue;
		if (by_hash == NULL)
			r = plan_sorted(p, p->goals_n, cmp_hash, &by_hash);
		g = r == ZK_OK ? goal_with(p, by_hash, w) : NULL;
		if (g == NULL)
			continue;
		if (w->goal != PLAN_NONE)
			p->goals[w->goal].row = PLAN_NONE;
		if (g->row != PLAN_NONE)
			p->rows[g->row].goal = PLAN_NONE;
		match(p, w, g);
	}
	free(by_hash);
	return r;
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
		struct plan_row *up = plan_row_of(p, p->rows[i].e.parent);
		unsigned n = 0;

		for (; up != NULL; up = plan_row_of(p, up->e.parent)) {
			n++;
			if (n > p->rows_n)
				return ZK_EBUG;
		}
		p->rows[i].depth = n;
	}
	return ZK_OK;
}

/* The row of the directory an entry goes to; below 0: it is to be made. */
int64_t
plan_container(const struct plan *p, const struct plan_pgoal *g)
{
	int64_t row = p->dirs[g->dir].row;

	return row != 0 ? row : -(int64_t)g->dir - 1;
}

/* Whether a row stays at the place of that name, and is not g's. */
static bool
is_kept_at(const struct plan *p, const struct plan_pgoal *g,
    const uint8_t *name, size_t len)
{
	struct plan_row *at = plan_row_at(p, plan_container(p, g), name, len);

	return at != NULL && plan_is_kept(at) && (name != g->name ||
	    at->e.kind != NODE_DIR || g->g->kind != NODE_DIR ||
	    g->row != PLAN_NONE);
}

static bool
is_utf8(const uint8_t *s, size_t n)
{
	uint32_t cp;
	size_t len = 1;

	for (size_t i = 0; i < n && len > 0; i += len)
		len = utf8_at(s + i, n - i, &cp);
	return len > 0;
}

/* What the alias is made from, if not the name: what any disk can hold. */
static enum zk_err
plain_name(const struct plan_pgoal *g, struct buf *out)
{
	static const char bad[] = "\"*/:<>?\\|";
	size_t n = g->g->name_len < PLAIN_MAX ? g->g->name_len : PLAIN_MAX;
	bool wide = is_utf8(g->g->name, g->g->name_len);

	while (wide && n > 1 && n < g->g->name_len &&
	    (g->g->name[n] & 0xc0) == 0x80)
		n--;
	for (size_t i = 0; i < n; i++) {
		uint8_t c = g->g->name[i];
		bool end = i + 1 == n && (c == '.' || c == ' ');

		if (c < 0x20 || c == 0x7f || (c >= 0x80 && !wide) || end ||
		    strchr(bad, c) != NULL)
			c = '_';
		buf_u8(out, c);
	}
	return buf_err(out);
}

/*
 * The name g gets beside rows that stay, and on a disk that folds: its own,
 * or an alias long enough.
 */
static enum zk_err
settle_name(struct plan *p, struct plan_pgoal *g)
{
	bool meets = true;
	struct buf from, b;
	enum zk_err r = ZK_OK;

	if (!is_kept_at(p, g, g->name, g->name_len) &&
	    !plan_fold_denies(p, g))
		return ZK_OK;
	buf_init(&b, 256);
	buf_init(&from, 256);
	if (g->how == ALIAS_NEVER)
		r = plain_name(g, &from);
	else
		r = buf_put(&from, g->g->name, g->g->name_len);
	for (unsigned n = 4; n <= OPID_LEN * 2 && r == ZK_OK && meets; n++) {
		buf_reset(&b);
		r = plan_alias(from.data, from.len, &g->g->key, n, &b);
		meets = r == ZK_OK && is_kept_at(p, g, b.data, b.len);
		if (r == ZK_OK && !meets)
			r = plan_fold_meets(p, g, &b, &meets);
		if (r == ZK_OK && !meets)
			r = plan_rename(p, g, &b);
	}
	buf_release(&from);
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
		at = plan_row_at(p, plan_container(p, g), g->name, g->name_len);
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

/* A place or an id twice is the caller's mistake. */
static enum zk_err
check_input(const struct plan *p)
{
	for (size_t i = 1; i < p->rows_n; i++) {
		struct plan_ref a = { p, p->by_place[i - 1] };
		struct plan_ref b = { p, p->by_place[i] };

		if (cmp_place(&a, &b) == 0)
			return ZK_EBUG;
		a.i = p->by_id[i - 1];
		b.i = p->by_id[i];
		if (cmp_id(&a, &b) == 0)
			return ZK_EBUG;
	}
	for (size_t i = 1; i < p->goals_n; i++) {
		struct plan_ref a = { p, p->order[i - 1] };
		struct plan_ref b = { p, p->order[i] };

		if (cmp_order(&a, &b) == 0)
			return ZK_EBUG;
	}
	return ZK_OK;
}

enum zk_err
plan_prepare(struct plan *p)
{
	enum zk_err r;

	r = plan_sorted(p, p->rows_n, cmp_id, &p->by_id);
	if (r == ZK_OK)
		r = plan_sorted(p, p->rows_n, cmp_place, &p->by_place);
	if (r == ZK_OK)
		r = plan_sorted(p, p->goals_n, cmp_key, &p->by_key);
	if (r == ZK_OK)
		r = link_dirs(p);
	if (r == ZK_OK)
		r = measure_goals(p);
	if (r == ZK_OK)
		r = measure_rows(p);
	if (r == ZK_OK)
		r = plan_sorted(p, p->goals_n, cmp_order, &p->order);
	if (r == ZK_OK)
		r = check_input(p);
	if (r != ZK_OK)
		return r;
	match_keys(p, true);
	match_keys(p, false);
	r = match_copies(p);
	if (r == ZK_OK && p->opts.fold != NULL)
		r = plan_fold_all(p);
	return r == ZK_OK ? settle(p) : r;
}
