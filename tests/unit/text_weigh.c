/*
 * What histories cost to merge: those at each bound and just over it, the
 * rule as it is put in words on random ones, and that the cost is one of the
 * history, not of the order it is told in.
 */
#include "test.h"
#include "text/weigh.h"

#define VERSIONS 65536

struct history {
	struct replay_version *v;
	uint32_t (*parents)[2];
	struct text_edit *edits;	/* lent to all versions from its start */
	size_t n;
};

static bool
begin(struct history *h, size_t edits, uint32_t del)
{
	h->n = 0;
	h->v = calloc(VERSIONS, sizeof(*h->v));
	h->parents = calloc(VERSIONS, sizeof(*h->parents));
	h->edits = calloc(edits + 1, sizeof(*h->edits));
	for (size_t i = 0; h->edits != NULL && i < edits; i++)
		h->edits[i].del = del;
	return h->v != NULL && h->parents != NULL && h->edits != NULL;
}

static void
end(struct history *h)
{
	free(h->v);
	free(h->parents);
	free(h->edits);
}

/* The next version, in place of a and b; -1: of less. */
static int
put(struct history *h, int a, int b, size_t edits)
{
	struct replay_version *v = &h->v[h->n];

	*v = (struct replay_version){ .parents = h->parents[h->n],
		.edits = h->edits, .edits_n = (uint32_t)edits };
	if (a >= 0)
		h->parents[h->n][v->parents_n++] = (uint32_t)a;
	if (b >= 0)
		h->parents[h->n][v->parents_n++] = (uint32_t)b;
	return (int)h->n++;
}

/* One version of so many edits. */
static void
one(struct history *h, size_t n)
{
	(void)put(h, -1, -1, n);
}

/* Two lines with an edit a version. */
static void
two(struct history *h, size_t n)
{
	for (size_t i = 0; i < 2 * n; i++)
		(void)put(h, i < 2 ? -1 : (int)i - 2, -1, 1);
}

/* Two that merge each time, with an edit each, while a third is away. */
static void
zigzag(struct history *h, size_t n)
{
	int last = -1;

	(void)put(h, -1, -1, 1);
	for (size_t i = 0; i < n; i++) {
		int a = put(h, last, -1, 1), b = put(h, last, -1, 1);

		last = put(h, a, b, 0);
	}
}

/* A device that works alone, while another one made one edit. */
static void
alone(struct history *h, size_t n)
{
	(void)put(h, -1, -1, 1);
	for (size_t i = 0; i < n; i++)
		(void)put(h, i == 0 ? -1 : (int)h->n - 1, -1, 1);
}

/* Devices beside each other, 2000 edits each. */
static void
star(struct history *h, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)put(h, -1, -1, 2000);
}

/* 100000 edits, and versions after them each of which deletes a lot. */
static void
cuts(struct history *h, size_t n)
{
	(void)put(h, -1, -1, 100000);
	for (size_t i = 0; i < n; i++)
		(void)put(h, 0, -1, 1);
}

/* The same, one merged after the other: they are beside one at most. */
static void
rewritten(struct history *h, size_t n)
{
	int last = put(h, -1, -1, 100000);

	for (size_t i = 0; i < n; i++) {
		int a = put(h, last, -1, 1), b = put(h, last, -1, 0);

		last = put(h, a, b, 0);
	}
}

/* No edits, and a way back over all for each of the last ones. */
static void
links(struct history *h, size_t n)
{
	for (size_t i = 0; i < 30000; i++)
		(void)put(h, (int)i - 1, -1, 0);
	for (size_t i = 0; i < n; i++) {
		int a = put(h, -1, -1, 0);

		(void)put(h, 29999, a, 0);
	}
}

/* Each made by `make` of `fits`, and of one more than that. */
static const struct {
	const char *what;
	void (*make)(struct history *h, size_t n);
	size_t fits;
	uint32_t del;		/* by each edit */
	bool more;		/* there is room for one more version */
} cases[] = {
	{ "edits", one, WEIGH_EDITS, 0, true },
	{ "two lines", two, 5789, 0, true },
	{ "two lines of rewrites", two, 5785, 1000000, true },
	{ "zigzag", zigzag, 2998, 60, true },
	{ "alone", alone, VERSIONS - 1, 60, false },
	{ "star", star, 82, 0, true },
	{ "cuts", cuts, 13, 1000000, true },
	{ "rewritten", rewritten, 40, 1000000, true },
	{ "links", links, 6300, 0, true },
};

static enum zk_err
weigh_case(size_t i, size_t n)
{
	struct history h;
	enum zk_err r = ZK_ENOMEM;

	if (begin(&h, WEIGH_EDITS + 1, cases[i].del)) {
		cases[i].make(&h, n);
		r = weigh(h.v, h.n);
	}
	end(&h);
	return r;
}

static void
test_bounds(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = cases[i].fits;

		if (weigh_case(i, n) != ZK_OK ||
		    (cases[i].more &&
		    weigh_case(i, n + 1) != ZK_ELIMIT)) {
			printf("# %s\n", cases[i].what);
			FAIL("a bound is elsewhere");
		}
	}
}

/* Versions of one history told in two orders, and what is no history. */
static void
test_order(void)
{
	struct history a, b;

	NEED(begin(&a, WEIGH_EDITS, 1000000) &&
	    begin(&b, WEIGH_EDITS, 1000000));
	for (int over = 0; over < 2; over++) {
		size_t n = 5785 + (size_t)over;
		enum zk_err want = over ? ZK_ELIMIT : ZK_OK;

		a.n = b.n = 0;
		two(&a, n);
		for (size_t i = 0; i < 2 * n; i++)
			(void)put(&b, i == 0 || i == n ? -1 : (int)i - 1, -1,
			    1);
		CHECK(weigh(a.v, a.n) == want);
		CHECK(weigh(b.v, b.n) == want);
	}
	CHECK(weigh(a.v, 0) == ZK_OK);
	a.parents[7][0] = 7;
	CHECK(weigh(a.v, 8) == ZK_EFORMAT);
	CHECK(weigh(a.v, 7) == ZK_OK);
	end(&a);
	end(&b);
}

#define FEW 200			/* versions of a random history */

static uint64_t dice_state;

static unsigned
dice(unsigned n)
{
	dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(dice_state >> 33) % n;
}

static void
random_history(struct history *h, size_t n)
{
	unsigned forks = 1 + dice(30);

	while (h->n < n) {
		int last = (int)h->n - 1, a = last, b = -1;

		if (h->n > 0 && dice(forks) == 0)
			a = (int)dice((unsigned)h->n + 1) - 1;
		if (h->n > 1 && dice(forks) == 0)
			b = (int)dice((unsigned)h->n);
		(void)put(h, a, b == a ? -1 : b, 0);
	}
}

/* Whether x goes on from its only parent, and nothing else does. */
static bool
goes_on(const struct history *h, size_t x)
{
	size_t kids = 0;

	if (h->v[x].parents_n != 1)
		return false;
	for (size_t i = 0; i < h->n; i++)
		for (uint32_t k = 0; k < h->v[i].parents_n; k++)
			kids += h->v[i].parents[k] == h->v[x].parents[0];
	return kids == 1;
}

/*
 * The steps that an edit of each version takes, which deletes del characters:
 * few enough that no line deletes more than there are runs.
 */
static uint64_t
steps_an_edit(const struct history *h, uint32_t del, uint64_t *walk)
{
	static bool past[FEW][FEW];
	uint64_t sum = 0, lines = 0, links = h->n;

	memset(past, 0, sizeof(past));
	for (size_t i = 0; i < h->n; i++) {
		links += h->v[i].parents_n;
		lines += !goes_on(h, i);
		past[i][i] = true;
		for (uint32_t k = 0; k < h->v[i].parents_n; k++)
			for (size_t j = 0; j < i; j++)
				past[i][j] |= past[h->v[i].parents[k]][j];
	}
	for (size_t i = 0; i < h->n; i++) {
		sum += lines;
		for (size_t j = 0; j < h->n; j++)
			if (!past[i][j] && !past[j][i])
				sum += goes_on(h, j) ? 1 : 4 + del;
	}
	*walk = lines * links / 16;
	return sum;
}

static void
test_random(void)
{
	unsigned tried = 0;

	for (unsigned i = 0; i < 60; i++) {
		uint32_t del = i % 4;
		uint64_t walk, each, edits;
		struct history h;

		dice_state = i;
		NEED(begin(&h, WEIGH_EDITS, del));
		random_history(&h, 1 + dice(FEW));
		each = steps_an_edit(&h, del, &walk);
		edits = (WEIGH_STEPS - walk) / each;
		for (int over = 0; over < 2; over++, edits++) {
			if ((edits + 1) * h.n > WEIGH_EDITS)
				break;
			for (size_t k = 0; k < h.n; k++)
				h.v[k].edits_n = (uint32_t)edits;
			CHECK(weigh(h.v, h.n) == (over ? ZK_ELIMIT : ZK_OK));
			tried++;
		}
		end(&h);
	}
	CHECK(tried > 40);
}

TESTS(
    { "bounds", test_bounds },
    { "random", test_random },
    { "order", test_order },
)
