/*
 * Names on a disk that takes some for the same.  Entries of the goal and rows
 * are known by the form of their names; what plan_match.c asks is answered
 * from two sorted lists.
 */
#include <stdlib.h>
#include <string.h>

#include "tree/plan_int.h"

static int
cmp_goal_form(const void *a, const void *b)
{
	const struct plan_ref *x = a, *y = b;
	const struct plan_pgoal *g = &x->p->goals[x->i];
	const struct plan_pgoal *h = &y->p->goals[y->i];
	int c = (g->dir > h->dir) - (g->dir < h->dir);

	if (c == 0)
		c = plan_cmp_bytes(g->form, g->form_len, h->form, h->form_len);
	return c != 0 ? c : opid_cmp(&g->g->key, &h->g->key);
}

static int
cmp_place_form(const struct plan_row *w, int64_t parent, const uint8_t *form,
    size_t len)
{
	int c = (w->e.parent > parent) - (w->e.parent < parent);

	return c != 0 ? c : plan_cmp_bytes(w->form, w->form_len, form, len);
}

static int
cmp_row_form(const void *a, const void *b)
{
	const struct plan_ref *x = a, *y = b;
	const struct plan_row *v = &x->p->rows[x->i], *w = &y->p->rows[y->i];
	int c = cmp_place_form(v, w->e.parent, w->form, w->form_len);

	return c != 0 ? c : (v->e.id > w->e.id) - (v->e.id < w->e.id);
}

/* The row that a named directory is, also while only the match tells. */
static int64_t
dir_row(const struct plan *p, size_t dir)
{
	size_t own = p->dirs[dir].own;

	if (p->dirs[dir].row == 0 && own != PLAN_NONE &&
	    p->goals[own].row != PLAN_NONE)
		return p->rows[p->goals[own].row].e.id;
	return p->dirs[dir].row;
}

static enum zk_err
form_of(struct plan *p, int64_t dir, const uint8_t *name, size_t len,
    const uint8_t **form, size_t *form_len, enum alias_how *how)
{
	struct buf b;
	enum zk_err r;

	buf_init(&b, 4096);
	*how = ALIAS_PLAIN;
	r = p->opts.fold(p->opts.arg, dir, name, len, &b, how);
	if (r == ZK_OK)
		r = plan_dup(p, b.data, b.len, form);
	*form_len = b.len;
	buf_release(&b);
	return r;
}

/* Of the goals with one form the eldest has it. */
static enum zk_err
eldest(struct plan *p)
{
	const struct plan_pgoal *last = NULL;
	enum zk_err r = ZK_OK;

	for (size_t i = 0; i < p->goals_n && r == ZK_OK; i++) {
		struct plan_pgoal *g = &p->goals[p->by_form[i]];
		struct buf b;

		if (g->how == ALIAS_NEVER)
			continue;
		g->younger = last != NULL && last->dir == g->dir &&
		    plan_cmp_bytes(last->form, last->form_len, g->form,
		    g->form_len) == 0;
		last = g;
		if (g->younger || g->how != ALIAS_SHOWN)
			continue;
		buf_init(&b, 4096);
		r = buf_put(&b, g->form, g->form_len);
		if (r == ZK_OK)
			r = plan_rename(p, g, &b);
		buf_release(&b);
	}
	return r;
}

enum zk_err
plan_fold_all(struct plan *p)
{
	enum alias_how how;
	enum zk_err r = ZK_OK;

	for (size_t i = 0; i < p->rows_n && r == ZK_OK; i++) {
		struct plan_row *w = &p->rows[i];

		r = form_of(p, w->e.parent, w->e.name, w->e.name_len,
		    &w->form, &w->form_len, &how);
	}
	for (size_t i = 0; i < p->goals_n && r == ZK_OK; i++) {
		struct plan_pgoal *g = &p->goals[i];

		r = form_of(p, dir_row(p, g->dir), g->g->name,
		    g->g->name_len, &g->form, &g->form_len, &g->how);
	}
	if (r == ZK_OK)
		r = plan_sorted(p, p->goals_n, cmp_goal_form, &p->by_form);
	if (r == ZK_OK)
		r = plan_sorted(p, p->rows_n, cmp_row_form, &p->rows_by_form);
	return r == ZK_OK ? eldest(p) : r;
}

/* The first row with that form in a directory: an index of rows_by_form. */
static size_t
first_row(const struct plan *p, int64_t parent, const uint8_t *form,
    size_t len)
{
	size_t lo = 0, hi = p->rows_n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (cmp_place_form(&p->rows[p->rows_by_form[mid]], parent,
		    form, len) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool
plan_fold_denies(struct plan *p, const struct plan_pgoal *g)
{
	int64_t in = plan_container(p, g);

	if (p->opts.fold == NULL)
		return false;
	if (g->how == ALIAS_NEVER || g->younger)
		return true;
	for (size_t i = first_row(p, in, g->form, g->form_len);
	    i < p->rows_n; i++) {
		const struct plan_row *w = &p->rows[p->rows_by_form[i]];

		if (cmp_place_form(w, in, g->form, g->form_len) != 0)
			break;
		if (plan_cmp_bytes(w->e.name, w->e.name_len, g->name,
		    g->name_len) == 0)
			continue;
		/* in the way, if only by the case of its own name */
		p->passing |= !plan_is_kept(w);
		return true;
	}
	return false;
}

/* Whether another goal of the directory has that form, or that name. */
static bool
other_goal(const struct plan *p, const struct plan_pgoal *g,
    const uint8_t *form, size_t len)
{
	size_t lo = 0, hi = p->goals_n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct plan_pgoal *h = &p->goals[p->by_form[mid]];

		if (h->dir < g->dir || (h->dir == g->dir &&
		    plan_cmp_bytes(h->form, h->form_len, form, len) < 0))
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < p->goals_n; lo++) {
		const struct plan_pgoal *h = &p->goals[p->by_form[lo]];

		if (h->dir != g->dir ||
		    plan_cmp_bytes(h->form, h->form_len, form, len) != 0)
			return false;
		if (h != g)
			return true;
	}
	return false;
}

enum zk_err
plan_fold_meets(struct plan *p, const struct plan_pgoal *g,
    struct buf *name, bool *yes)
{
	int64_t in = plan_container(p, g);
	const uint8_t *form = NULL;
	size_t len = 0;
	enum alias_how how;
	enum zk_err r;

	*yes = false;
	if (p->opts.fold == NULL)
		return ZK_OK;
	r = form_of(p, in > 0 ? in : 0, name->data, name->len, &form, &len,
	    &how);
	if (r != ZK_OK)
		return r;
	*yes = how == ALIAS_NEVER || other_goal(p, g, form, len);
	if (how == ALIAS_SHOWN) {
		buf_reset(name);
		r = buf_put(name, form, len);
	}
	for (size_t i = first_row(p, in, form, len); i < p->rows_n && !*yes;
	    i++) {
		const struct plan_row *w = &p->rows[p->rows_by_form[i]];

		if (cmp_place_form(w, in, form, len) != 0)
			break;
		*yes = g->row == PLAN_NONE || w != &p->rows[g->row];
	}
	return r;
}
