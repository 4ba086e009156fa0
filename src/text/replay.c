/* Replaying an edit graph.  See replay.h. */
#include "text/replay.h"

#include <stdlib.h>

#include "text/graph.h"
#include "text/order.h"

/* Whose past a version is in, while two pasts are compared. */
enum mark { OURS = 1, THEIRS = 2, BOTH = 3 };

/* What the walk keeps of a version. */
struct step {
	uint32_t first;		/* number of its first unit */
	uint32_t units;		/* how many it inserted */
	uint32_t cuts;		/* where its deletions begin in walk.cuts */
	uint32_t cuts_n;
	uint32_t mark;
};

/* A run of numbers that a version deleted. */
struct cut {
	uint32_t id, len;
};

struct walk {
	const struct replay_version *v;
	size_t n;
	struct step *step;
	uint32_t *turn;		/* which version is walked when */
	uint32_t *seen;		/* those with a mark */
	uint32_t *ahead;	/* those to go forward over, last first */
	size_t turns, seen_n, ahead_n;
	size_t open;		/* marked, not BOTH, and not looked at yet */
	struct cut *cuts;
	size_t cuts_n, cuts_cap;
	struct order *order;
};

static const uint32_t *
parents_of(const void *v, size_t i, uint32_t *n)
{
	const struct replay_version *r = v;

	*n = r[i].parents_n;
	return r[i].parents;
}

static enum zk_err
walk_init(struct walk *w, uint32_t base)
{
	struct graph g = { w->v, w->n, parents_of };
	enum zk_err r;

	w->step = calloc(w->n + 1, sizeof(*w->step));
	w->turn = calloc(w->n + 1, sizeof(*w->turn));
	w->seen = calloc(w->n + 1, sizeof(*w->seen));
	w->ahead = calloc(w->n + 1, sizeof(*w->ahead));
	if (w->step == NULL || w->turn == NULL || w->seen == NULL ||
	    w->ahead == NULL)
		return ZK_ENOMEM;
	r = graph_order(&g, w->turn);
	return r == ZK_OK ? order_new(base, &w->order) : r;
}

static void
walk_release(struct walk *w)
{
	free(w->step);
	free(w->turn);
	free(w->seen);
	free(w->ahead);
	free(w->cuts);
	order_free(w->order);
}

/* ---- from one version to another ---- */

static void
mark(struct walk *w, uint32_t i, uint32_t bits)
{
	uint32_t old = w->step[i].mark, now = old | bits;

	if (old == 0) {
		w->seen[w->seen_n++] = i;
		w->open += now != BOTH;
	} else if (old != BOTH && now == BOTH) {
		w->open--;
	}
	w->step[i].mark = now;
}

/* Goes forward or back over version i. */
static void
shift(struct walk *w, uint32_t i, bool up)
{
	const struct step *s = &w->step[i];

	if (up)
		order_shift(w->order, s->first, s->units, true);
	for (uint32_t k = 0; k < s->cuts_n; k++)
		order_shift(w->order, w->cuts[s->cuts + k].id,
		    w->cuts[s->cuts + k].len, up);
	if (!up)
		order_shift(w->order, s->first, s->units, false);
}

/*
 * Looks at what is marked from turn t down, children before parents: back
 * over what is ours alone, and theirs alone goes to the list.
 */
static void
compare(struct walk *w, size_t t)
{
	for (; w->open > 0; t--) {
		uint32_t i = w->turn[t], m = w->step[i].mark;

		if (m == 0)
			continue;
		w->open -= m != BOTH;
		w->step[i].mark = BOTH;
		if (m == OURS)
			shift(w, i, false);
		else if (m == THEIRS)
			w->ahead[w->ahead_n++] = i;
		for (uint32_t k = 0; k < w->v[i].parents_n; k++)
			mark(w, w->v[i].parents[k], m);
	}
}

/* Whether i goes on from the version walked last, or from the base as first. */
static bool
goes_on(const struct walk *w, uint32_t i)
{
	const struct replay_version *v = &w->v[i];

	if (w->turns == 0)
		return true;
	return v->parents_n == 1 && v->parents[0] == w->turn[w->turns - 1];
}

/* From the version walked last to the parents of i. */
static void
travel(struct walk *w, uint32_t i)
{
	const struct replay_version *v = &w->v[i];
	uint32_t from = w->turn[w->turns - 1];

	mark(w, from, OURS);
	for (uint32_t k = 0; k < v->parents_n; k++)
		mark(w, v->parents[k], THEIRS);
	compare(w, w->turns - 1);
	for (size_t k = 0; k < w->seen_n; k++)
		w->step[w->seen[k]].mark = 0;
	w->seen_n = 0;
	while (w->ahead_n > 0)
		shift(w, w->ahead[--w->ahead_n], true);
}

/* ---- the runs ---- */

static enum zk_err
read_runs(const struct walk *w, bool all, struct replay *out)
{
	struct order_run run;
	uint32_t at = 0;

	out->n = 0;
	out->units = 0;
	while (order_read(w->order, all, &at, &run)) {
		uint32_t first = run.version == ORDER_BASE ? 0 :
		    w->step[run.version].first;

		if (out->n == out->cap) {
			size_t cap = out->cap + out->cap / 2 + 16;
			struct replay_run *p = realloc(out->runs,
			    cap * sizeof(*p));

			if (p == NULL)
				return ZK_ENOMEM;
			out->runs = p;
			out->cap = cap;
		}
		out->runs[out->n++] = (struct replay_run){ run.version,
		    run.id - first, run.len };
		out->units += run.len;
	}
	return ZK_OK;
}

/* ---- one version ---- */

static enum zk_err
note_cut(void *arg, uint32_t id, uint32_t len)
{
	struct walk *w = arg;
	uint32_t mine = w->step[w->turn[w->turns - 1]].cuts;
	struct cut *last = w->cuts_n > mine ? &w->cuts[w->cuts_n - 1] : NULL;

	if (last != NULL && last->id + last->len == id) {
		last->len += len;
		return ZK_OK;
	}
	if (last != NULL && id + len == last->id) {
		last->id = id;
		last->len += len;
		return ZK_OK;
	}
	if (w->cuts_n == w->cuts_cap) {
		size_t cap = w->cuts_cap + w->cuts_cap / 2 + 64;
		struct cut *p = realloc(w->cuts, cap * sizeof(*p));

		if (p == NULL)
			return ZK_ENOMEM;
		w->cuts = p;
		w->cuts_cap = cap;
	}
	w->cuts[w->cuts_n++] = (struct cut){ id, len };
	return ZK_OK;
}

static enum zk_err
edit(struct walk *w, uint32_t i)
{
	const struct replay_version *v = &w->v[i];
	struct step *s = &w->step[i];
	enum zk_err r = ZK_OK;

	s->first = order_next_id(w->order);
	s->cuts = (uint32_t)w->cuts_n;
	for (uint32_t k = 0; r == ZK_OK && k < v->edits_n; k++) {
		const struct text_edit *e = &v->edits[k];

		r = order_delete(w->order, e->pos, e->del, note_cut, w);
		if (r == ZK_OK)
			r = order_insert(w->order, i, v->rank, e->pos, e->ins);
	}
	s->units = order_next_id(w->order) - s->first;
	s->cuts_n = (uint32_t)w->cuts_n - s->cuts;
	return r;
}

/* now is for the texts that watch looks at. */
static enum zk_err
step(struct walk *w, const struct replay_watch *watch, struct replay *now)
{
	uint32_t i = w->turn[w->turns];
	bool on = goes_on(w, i);
	enum zk_err r = ZK_OK;

	if (!on)
		travel(w, i);
	if (watch != NULL && !on)
		r = read_runs(w, false, now);
	if (r == ZK_OK && watch != NULL)
		r = watch->look(watch->arg, i, on ? NULL : now);
	w->turns++;
	return r == ZK_OK ? edit(w, i) : r;
}

enum zk_err
replay_run(uint32_t base, const struct replay_version *versions, size_t n,
    const struct replay_watch *watch, struct replay *out)
{
	struct walk w = { .v = versions, .n = n };
	struct replay now = { .n = 0 };
	enum zk_err r;

	*out = (struct replay){ .n = 0 };
	if (n > REPLAY_VERSIONS)
		return ZK_ELIMIT;
	r = walk_init(&w, base);
	while (r == ZK_OK && w.turns < n)
		r = step(&w, watch, &now);
	if (r == ZK_OK)
		r = read_runs(&w, true, out);
	if (r != ZK_OK)
		replay_release(out);
	replay_release(&now);
	walk_release(&w);
	return r;
}

void
replay_release(struct replay *r)
{
	free(r->runs);
	*r = (struct replay){ .n = 0 };
}
