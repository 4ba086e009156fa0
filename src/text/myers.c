/* The shortest edit script.  See myers.h. */
#include "text/myers.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define COST_MIN ((size_t)32)	/* of long sequences */

/* A part of both sequences, and the furthest ways through it. */
struct box {
	const uint32_t *a, *b;
	int64_t n, m;		/* their lengths */
	uint8_t *a_new, *b_new;
};

struct ways {
	/*
	 * By diagonal (x - y), -cost - 1 to cost + 1: the x of the furthest
	 * way from the beginning, and from the end counted backwards; -1 for
	 * no way.
	 */
	int64_t *from[2];
	int64_t cost;
};

struct point {
	int64_t x, y;
};

static bool
equal(const struct box *s, int64_t x, int64_t y, bool back)
{
	return back ? s->a[s->n - 1 - x] == s->b[s->m - 1 - y] :
	    s->a[x] == s->b[y];
}

/* The furthest way with one more edit on the diagonal k. */
static int64_t
extend(const struct box *s, int64_t *v, int64_t k, bool back, int64_t d)
{
	int64_t x = d == 0 ? 0 : -1, y;

	if (d > 0 && v[k - 1] >= 0 && v[k - 1] < s->n)
		x = v[k - 1] + 1;
	if (d > 0 && v[k + 1] > x && v[k + 1] - k <= s->m)
		x = v[k + 1];
	v[k] = x;
	if (x < 0)
		return x;
	y = x - k;
	while (x < s->n && y < s->m && equal(s, x, y, back)) {
		x++;
		y++;
	}
	v[k] = x;
	return x;
}

/*
 * One more edit from one side.  True when a way meets one from the other
 * side, which has met edits so far; *at is where.
 */
static bool
advance(const struct box *s, struct ways *w, bool back, int64_t d,
    int64_t met, struct point *at)
{
	int64_t *v = w->from[back], *o = w->from[!back];
	int64_t delta = s->n - s->m;
	int64_t lo = d <= s->m ? -d : -s->m + ((d - s->m) & 1);
	int64_t hi = d <= s->n ? d : s->n - ((d - s->n) & 1);

	/* beyond the edge of the box they stay what they were before it */
	if (lo == -d)
		v[lo - 1] = -1;
	if (hi == d)
		v[hi + 1] = -1;
	for (int64_t k = lo; k <= hi; k += 2) {
		int64_t x = extend(s, v, k, back, d), c = delta - k;

		if (x < 0 || c < -met || c > met || ((c + met) & 1) != 0 ||
		    o[c] < 0 || x + o[c] < s->n)
			continue;
		*at = back ? (struct point){ s->n - x, s->m - (x - k) } :
		    (struct point){ x, x - k };
		return true;
	}
	return false;
}

/* Of the ways with d edits from one side the one that got furthest. */
static struct point
furthest(const struct box *s, const int64_t *v, int64_t d)
{
	struct point best = { 0, 0 };

	for (int64_t k = -d; k <= d; k += 2)
		if (k >= -s->m && k <= s->n && v[k] >= 0 &&
		    2 * v[k] - k > best.x + best.y)
			best = (struct point){ v[k], v[k] - k };
	return best;
}

/*
 * Where a shortest script goes through the middle.  Beyond the cost: where
 * the longer one of two ways ends, which is more than nothing.
 */
static struct point
middle(const struct box *s, struct ways *w)
{
	struct point at, from, back;
	int64_t d;

	for (d = 0; d <= w->cost; d++)
		if (advance(s, w, false, d, d - 1, &at) ||
		    advance(s, w, true, d, d, &at))
			return at;
	from = furthest(s, w->from[false], d - 1);
	back = furthest(s, w->from[true], d - 1);
	if (from.x + from.y >= back.x + back.y)
		return from;
	return (struct point){ s->n - back.x, s->m - back.y };
}

/* Takes off what both begin and end with. */
static void
trim(struct box *s)
{
	while (s->n > 0 && s->m > 0 && s->a[0] == s->b[0]) {
		s->a++;
		s->b++;
		s->a_new++;
		s->b_new++;
		s->n--;
		s->m--;
	}
	while (s->n > 0 && s->m > 0 && s->a[s->n - 1] == s->b[s->m - 1]) {
		s->n--;
		s->m--;
	}
}

/* Calls itself with the smaller half, so never deep. */
static void
solve(struct box s, struct ways *w)
{
	for (;;) {
		struct box left, right;
		struct point at;

		trim(&s);
		if (s.n == 0 || s.m == 0)
			break;
		at = middle(&s, w);
		left = right = s;
		left.n = at.x;
		left.m = at.y;
		right.a += at.x;
		right.a_new += at.x;
		right.n -= at.x;
		right.b += at.y;
		right.b_new += at.y;
		right.m -= at.y;
		if (left.n + left.m < right.n + right.m) {
			solve(left, w);
			s = right;
		} else {
			solve(right, w);
			s = left;
		}
	}
	if (s.n > 0)
		memset(s.a_new, 1, (size_t)s.n);
	if (s.m > 0)
		memset(s.b_new, 1, (size_t)s.m);
}

enum zk_err
myers_mark(const uint32_t *a, size_t a_n, const uint32_t *b, size_t b_n,
    size_t cost, uint8_t *a_new, uint8_t *b_new)
{
	struct box s = { a, b, (int64_t)a_n, (int64_t)b_n, a_new, b_new };
	size_t most = MYERS_STEPS / (a_n + b_n + 1), row;
	struct ways w;
	int64_t *v;

	if (most < COST_MIN)
		most = COST_MIN;
	if (cost > most)
		cost = most;
	w.cost = (int64_t)cost;
	row = cost * 2 + 3;
	v = calloc(row * 2, sizeof(*v));
	if (v == NULL)
		return ZK_ENOMEM;
	w.from[0] = v + w.cost + 1;
	w.from[1] = v + row + w.cost + 1;
	solve(s, &w);
	free(v);
	return ZK_OK;
}
