#include "util/linediff.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define COST_MAX 512	/* edits each way, before the search is cut short */

/* The work: lines are numbers, equal if and only if the lines are. */
struct work {
	const uint32_t *a, *b;
	uint8_t *da, *db;	/* 1: the line differs */
	int32_t *vf, *vb;	/* furthest on each diagonal; may go below 0 */
};

/* A part of both texts. */
struct box {
	uint32_t a0, a1, b0, b1;
};

static enum zk_err
split(const uint8_t *p, size_t n, struct linediff_text *t)
{
	size_t lines = 0, i = 0;

	for (const uint8_t *q = p; n > 0 && q < p + n; lines++) {
		const uint8_t *nl = memchr(q, '\n', (size_t)(p + n - q));

		q = nl == NULL ? p + n : nl + 1;
	}
	if (lines > LINEDIFF_LINES_MAX || n > UINT32_MAX)
		return ZK_ELIMIT;
	t->p = p;
	t->n = (uint32_t)lines;
	t->at = calloc(lines + 1, sizeof(*t->at));
	if (t->at == NULL)
		return ZK_ENOMEM;
	for (const uint8_t *q = p; i < lines;) {
		const uint8_t *nl = memchr(q, '\n', (size_t)(p + n - q));

		q = nl == NULL ? p + n : nl + 1;
		t->at[++i] = (uint32_t)(q - p);
	}
	return ZK_OK;
}

static uint32_t
hash_line(const uint8_t *p, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 16777619u;
	return h ^ h >> 15;
}

/* Lines met, by number: open addressing over both texts. */
struct names {
	const struct linediff_text *t[2];
	uint32_t *slot;		/* number + 1, 0 for none */
	uint32_t mask;
	uint32_t *first;	/* of a number: its first line, */
	uint8_t *of;		/* and the text that has it */
	uint32_t n;
};

static uint32_t
name_of(struct names *s, unsigned which, uint32_t line)
{
	const struct linediff_text *t = s->t[which];
	const uint8_t *p = t->p + t->at[line];
	size_t n = t->at[line + 1] - t->at[line];
	uint32_t i = hash_line(p, n) & s->mask;

	for (; s->slot[i] != 0; i = (i + 1) & s->mask) {
		uint32_t k = s->slot[i] - 1;
		const struct linediff_text *u = s->t[s->of[k]];
		uint32_t l = s->first[k];

		if (u->at[l + 1] - u->at[l] == n &&
		    memcmp(u->p + u->at[l], p, n) == 0)
			return k;
	}
	s->slot[i] = s->n + 1;
	s->first[s->n] = line;
	s->of[s->n] = (uint8_t)which;
	return s->n++;
}

/* Numbers for the lines of both texts; a hostile text can make it slow. */
static enum zk_err
number(const struct linediff_text *a, const struct linediff_text *b,
    uint32_t *na, uint32_t *nb)
{
	struct names s = { .t = { a, b } };
	size_t all = (size_t)a->n + b->n, cap = 16;
	enum zk_err r = ZK_OK;

	while (cap < all * 2)
		cap *= 2;
	s.mask = (uint32_t)(cap - 1);
	s.slot = calloc(cap, sizeof(*s.slot));
	s.first = calloc(all + 1, sizeof(*s.first));
	s.of = calloc(all + 1, 1);
	if (s.slot == NULL || s.first == NULL || s.of == NULL)
		r = ZK_ENOMEM;
	for (uint32_t i = 0; r == ZK_OK && i < a->n; i++)
		na[i] = name_of(&s, 0, i);
	for (uint32_t i = 0; r == ZK_OK && i < b->n; i++)
		nb[i] = name_of(&s, 1, i);
	free(s.slot);
	free(s.first);
	free(s.of);
	return r;
}

/* One step of the search in a box, in one of both directions. */
struct search {
	const struct work *w;
	struct box x;
	int32_t n, m;		/* lines of a and of b in it */
	bool back;
};

static bool
equal(const struct search *s, int32_t i, int32_t j)
{
	if (s->back)
		return s->w->a[s->x.a1 - 1 - (uint32_t)i] ==
		    s->w->b[s->x.b1 - 1 - (uint32_t)j];
	return s->w->a[s->x.a0 + (uint32_t)i] ==
	    s->w->b[s->x.b0 + (uint32_t)j];
}

/* The furthest on diagonal k with d edits, from those with d - 1; -1: none. */
static int32_t
reach(const struct search *s, const int32_t *v, int32_t d, int32_t k)
{
	int32_t i = -1, j = 0;

	if (d == 0) {
		i = 0;
	} else {
		/* one of a less, or one of b more */
		if (k > -s->m && k > -d && v[k - 1] >= 0 && v[k - 1] < s->n)
			i = v[k - 1] + 1;
		if (k < s->n && k < d && v[k + 1] >= 0 &&
		    v[k + 1] - k <= s->m && v[k + 1] > i)
			i = v[k + 1];
	}
	if (i < 0)
		return -1;
	for (j = i - k; i < s->n && j < s->m && equal(s, i, j); j++)
		i++;
	return i;
}

/* All diagonals with d edits; true: the two searches met, at (*i, *j). */
static bool
step(const struct search *s, int32_t *v, const int32_t *other, int32_t d,
    int32_t other_d, int32_t *i, int32_t *j)
{
	int32_t delta = s->n - s->m;
	int32_t lo = d > s->m ? -s->m + ((d - s->m) & 1) : -d;
	int32_t hi = d > s->n ? s->n - ((d - s->n) & 1) : d;

	for (int32_t k = lo; k <= hi; k += 2) {
		int32_t far = delta - k;	/* from the other end */

		v[k] = reach(s, v, d, k);
		if (v[k] < 0 || far < -other_d || far > other_d ||
		    far < -s->m || far > s->n || ((far ^ other_d) & 1) != 0)
			continue;
		if (other[far] >= 0 && v[k] + other[far] >= s->n) {
			*i = v[k];
			*j = v[k] - k;
			return true;
		}
	}
	return false;
}

/* The furthest point that a search of d edits forward has come to. */
static void
furthest(const struct search *s, const int32_t *v, int32_t d, int32_t *i,
    int32_t *j)
{
	int32_t best = -1;

	for (int32_t k = -d; k <= d; k += 2) {
		if (k < -s->m || k > s->n || v[k] < 0 || v[k] * 2 - k <= best)
			continue;
		best = v[k] * 2 - k;
		*i = v[k];
		*j = v[k] - k;
	}
}

/* A point on a shortest way through the box, which has no common ends. */
static void
middle(struct work *w, const struct box *x, uint32_t *a, uint32_t *b)
{
	struct search f = { w, *x, (int32_t)(x->a1 - x->a0),
		(int32_t)(x->b1 - x->b0), false };
	struct search r = f;
	int32_t i = 0, j = 0;

	r.back = true;
	for (int32_t d = 0;; d++) {
		if (d > COST_MAX) {
			furthest(&f, w->vf, d - 1, &i, &j);
			break;
		}
		if (step(&f, w->vf, w->vb, d, d - 1, &i, &j))
			break;
		if (step(&r, w->vb, w->vf, d, d, &i, &j)) {
			i = f.n - i;
			j = f.m - j;
			break;
		}
	}
	*a = x->a0 + (uint32_t)i;
	*b = x->b0 + (uint32_t)j;
}

/* Marks what differs in a box.  Depth: each half has half of the edits. */
static void
compare(struct work *w, struct box x)
{
	for (;;) {
		struct box half = x;

		while (x.a0 < x.a1 && x.b0 < x.b1 &&
		    w->a[x.a0] == w->b[x.b0]) {
			x.a0++;
			x.b0++;
		}
		while (x.a0 < x.a1 && x.b0 < x.b1 &&
		    w->a[x.a1 - 1] == w->b[x.b1 - 1]) {
			x.a1--;
			x.b1--;
		}
		if (x.a0 == x.a1 || x.b0 == x.b1)
			break;
		half = x;
		middle(w, &x, &half.a1, &half.b1);
		compare(w, half);
		x.a0 = half.a1;
		x.b0 = half.b1;
	}
	memset(w->da + x.a0, 1, x.a1 - x.a0);
	memset(w->db + x.b0, 1, x.b1 - x.b0);
}

/* The marks as runs; with run NULL only counted. */
static size_t
gather(const struct work *w, uint32_t na, uint32_t nb,
    struct linediff_run *run)
{
	uint32_t i = 0, j = 0;
	size_t n = 0;

	while (i < na || j < nb) {
		struct linediff_run r = { i, 0, j, 0 };

		if ((i >= na || !w->da[i]) && (j >= nb || !w->db[j])) {
			i++;
			j++;
			continue;
		}
		while (i < na && w->da[i])
			i++;
		while (j < nb && w->db[j])
			j++;
		r.an = i - r.a;
		r.bn = j - r.b;
		if (run != NULL)
			run[n] = r;
		n++;
	}
	return n;
}

static enum zk_err
run_all(struct linediff *d)
{
	size_t na = d->a.n, nb = d->b.n, all = na + nb;
	uint32_t *ids = calloc(all + 1, sizeof(*ids));
	uint8_t *marks = calloc(all + 1, 1);
	int32_t *v = calloc(2 * (all + 3), sizeof(*v));
	struct work w = { ids, ids + na, marks, marks + na, NULL, NULL };
	enum zk_err r = ids == NULL || marks == NULL || v == NULL ?
	    ZK_ENOMEM : number(&d->a, &d->b, ids, ids + na);

	if (r == ZK_OK) {
		/* diagonals from -nb - 1 to na + 1 */
		w.vf = v + nb + 1;
		w.vb = w.vf + all + 3;
		compare(&w, (struct box){ 0, d->a.n, 0, d->b.n });
		d->n = gather(&w, d->a.n, d->b.n, NULL);
		d->run = calloc(d->n + 1, sizeof(*d->run));
		if (d->run == NULL)
			r = ZK_ENOMEM;
		else
			(void)gather(&w, d->a.n, d->b.n, d->run);
	}
	free(ids);
	free(marks);
	free(v);
	return r;
}

enum zk_err
linediff(const uint8_t *a, size_t an, const uint8_t *b, size_t bn,
    struct linediff *out)
{
	enum zk_err r = ZK_OK;

	memset(out, 0, sizeof(*out));
	r = split(a, an, &out->a);
	if (r == ZK_OK)
		r = split(b, bn, &out->b);
	if (r == ZK_OK)
		r = run_all(out);
	if (r != ZK_OK)
		linediff_release(out);
	return r;
}

void
linediff_release(struct linediff *d)
{
	free(d->a.at);
	free(d->b.at);
	free(d->run);
	memset(d, 0, sizeof(*d));
}
