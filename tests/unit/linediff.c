/* Differences of lines: what they lead to, and that they are shortest. */
#include "text/linediff.h"

#include "test.h"

static uint32_t seed;

static uint32_t
rnd(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* n lines out of k, the last perhaps without its end. */
static size_t
make(char *out, size_t n, uint32_t k)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		out[len++] = (char)('a' + rnd(k));
		if (i + 1 < n || rnd(4) != 0)
			out[len++] = '\n';
	}
	return len;
}

static bool
same_line(const struct linediff *d, size_t i, size_t j)
{
	size_t n = d->a.at[i + 1] - d->a.at[i];

	return n == d->b.at[j + 1] - d->b.at[j] &&
	    memcmp(d->a.p + d->a.at[i], d->b.p + d->b.at[j], n) == 0;
}

/* The longest common subsequence, the slow way. */
static size_t
lcs(const struct linediff *d)
{
	static size_t t[80][80];

	memset(t, 0, sizeof(t));
	for (size_t i = d->a.n; i-- > 0;)
		for (size_t j = d->b.n; j-- > 0;)
			t[i][j] = same_line(d, i, j) ? t[i + 1][j + 1] + 1 :
			    t[i + 1][j] > t[i][j + 1] ? t[i + 1][j] :
			    t[i][j + 1];
	return t[0][0];
}

/* The runs cover what differs, in order; returns how many lines do. */
static size_t
check(const struct linediff *d)
{
	size_t i = 0, j = 0, edits = 0;

	for (size_t k = 0; k <= d->n; k++) {
		size_t a = k < d->n ? d->run[k].a : d->a.n;
		size_t b = k < d->n ? d->run[k].b : d->b.n;

		CHECK(a - i == b - j && a >= i);
		for (; i < a && j < b; i++, j++)
			CHECK(same_line(d, i, j));
		if (k == d->n)
			break;
		CHECK(k == 0 || a > d->run[k - 1].a + d->run[k - 1].an);
		CHECK(d->run[k].an + d->run[k].bn > 0);
		i += d->run[k].an;
		j += d->run[k].bn;
		edits += d->run[k].an + d->run[k].bn;
	}
	CHECK(i == d->a.n && j == d->b.n);
	return edits;
}

static void
test_shortest(void)
{
	char a[200], b[200];
	struct linediff d;

	seed = 7;
	for (int i = 0; i < 4000; i++) {
		uint32_t k = 1 + rnd(8);
		size_t an = make(a, rnd(60), k), bn = make(b, rnd(60), k);

		NEED(linediff((uint8_t *)a, an, (uint8_t *)b, bn, &d) ==
		    ZK_OK);
		CHECK(check(&d) == d.a.n + d.b.n - 2 * lcs(&d));
		linediff_release(&d);
		if (test_failed)
			break;
	}
}

/* Little in common: right, and soon, though perhaps not the shortest. */
static void
test_far_apart(void)
{
	enum { N = 20000 };
	char *a = malloc(N * 8), *b = malloc(N * 8);
	size_t an = 0, bn = 0;
	struct linediff d;

	NEED(a != NULL && b != NULL);
	seed = 9;
	for (int i = 0; i < N; i++) {
		an += (size_t)sprintf(a + an, "%x\n", rnd(5000));
		bn += (size_t)sprintf(b + bn, "%x\n", rnd(5000));
	}
	NEED(linediff((uint8_t *)a, an, (uint8_t *)b, bn, &d) == ZK_OK);
	CHECK(check(&d) <= 2 * N && d.a.n == N && d.b.n == N);
	linediff_release(&d);
	free(a);
	free(b);
}

static void
test_ends(void)
{
	uint8_t *many = malloc(LINEDIFF_LINES_MAX + 1);
	struct linediff d;

	NEED(many != NULL);
	NEED(linediff(NULL, 0, NULL, 0, &d) == ZK_OK);
	CHECK(d.n == 0 && d.a.n == 0 && d.b.n == 0);
	linediff_release(&d);
	NEED(linediff((const uint8_t *)"x", 1, (const uint8_t *)"x\n", 2,
	    &d) == ZK_OK);
	CHECK(d.n == 1 && d.run[0].an == 1 && d.run[0].bn == 1);
	linediff_release(&d);
	NEED(linediff(NULL, 0, (const uint8_t *)"x\n\n", 3, &d) == ZK_OK);
	CHECK(d.n == 1 && d.run[0].an == 0 && d.run[0].bn == 2);
	linediff_release(&d);
	memset(many, '\n', LINEDIFF_LINES_MAX + 1);
	CHECK(linediff(many, LINEDIFF_LINES_MAX + 1, NULL, 0, &d) ==
	    ZK_ELIMIT);
	NEED(linediff(many, LINEDIFF_LINES_MAX, many, 1, &d) == ZK_OK);
	CHECK(d.n == 1 && d.run[0].an == LINEDIFF_LINES_MAX - 1);
	linediff_release(&d);
	free(many);
}

TESTS(
    { "shortest", test_shortest },
    { "far-apart", test_far_apart },
    { "ends", test_ends },
)
