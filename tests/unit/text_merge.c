/*
 * Merging texts: known histories, and random ones of several devices, whose
 * merge is the same in every order.
 */
#include "text/order.h"
#include "text/replay.h"
#include "textkit.h"

/* Two devices change base each on its own. */
static bool
both(const char *base, const char *a, const char *b, const char *want)
{
	struct story *s = calloc(1, sizeof(*s));
	bool ok;

	if (s == NULL)
		return false;
	story_init(s, base);
	(void)wrote(s, -1, -1, a);
	(void)wrote(s, -1, -1, b);
	ok = ends_with(s, want);
	free(s);
	return ok;
}

/* ---- known ones ---- */

static void
test_two(void)
{
	CHECK(both("a\nb\nc\n", "A\nb\nc\n", "a\nb\nC\n", "A\nb\nC\n"));
	/* at one place: both, the lower id first */
	CHECK(both("a\nb\n", "a\nx\nb\n", "a\ny\nb\n", "a\nx\ny\nb\n"));
	CHECK(both("", "x", "y", "xy"));
	/* deleted by both, and only once */
	CHECK(both("a\nb\nc\n", "a\nc\n", "a\nc\n", "a\nc\n"));
	CHECK(both("abcdef\nx\n", "x\n", "ab\nx\n", "x\n"));
	/* put into what the other one deletes: it stays */
	CHECK(both("one two three\n", "one three\n",
	    "one two and a half three\n", "one and a half three\n"));
	/* words of one line */
	CHECK(both("the quick brown fox\n", "the slow brown fox\n",
	    "the quick brown bear\n", "the slow brown bear\n"));
	/* one of them does nothing */
	CHECK(both("a\n", "a\n", "b\n", "b\n"));
}

static void
test_forms(void)
{
	/* CRLF: lines keep their ends */
	CHECK(both("a\r\nb\r\n", "a\r\nx\r\nb\r\n", "a\r\nb\r\ny\r\n",
	    "a\r\nx\r\nb\r\ny\r\n"));
	/* one makes LF of it while the other one types at an end of line */
	CHECK(both("some text\r\nmore\r\n", "some text\nmore\n",
	    "some text here\r\nmore\r\n", "some text here\nmore\n"));
	/* no end of line at the end */
	CHECK(both("a", "a\nb", "a\nc", "a\nb\nc"));
	CHECK(both("a\nb", "a\nb\nc", "x\nb", "x\nb\nc"));
	/* a byte order mark that comes, or goes */
	CHECK(both("line\n", "\xef\xbb\xbfline\n", "line\nmore\n",
	    "\xef\xbb\xbfline\nmore\n"));
	CHECK(both("\xef\xbb\xbfline\n", "line\n", "\xef\xbb\xbfline\nb\n",
	    "line\nb\n"));
	/* e with another accent each: two of them, each with its own */
	CHECK(both("a long word cafe\xcc\x81\n",
	    "a long word cafe\xcc\x80\n", "a long word cafe\xcc\x82\n",
	    "a long word cafe\xcc\x80" "e\xcc\x82\n"));
	/* emoji that share their first three bytes */
	CHECK(both("so good \xf0\x9f\x98\x80 today\n",
	    "so good \xf0\x9f\x98\x81 today\n",
	    "so good \xf0\x9f\x98\x82 today\n",
	    "so good \xf0\x9f\x98\x81\xf0\x9f\x98\x82 today\n"));
	/* right to left */
	CHECK(both("\xd7\x90 \xd7\x91\n", "\xd7\x92 \xd7\x91\n",
	    "\xd7\x90 \xd7\x93\n", "\xd7\x92 \xd7\x93\n"));
}

/* Each types a word letter by letter, forwards or backwards. */
static bool
typed(bool backwards, const char *want)
{
	static const char *const word[] = { "abcdef", "uvwxyz" };
	struct story *s = calloc(1, sizeof(*s));
	int last[2] = { -1, -1 };
	bool ok;

	if (s == NULL)
		return false;
	story_init(s, "<>");
	for (int k = 1; k <= 6; k++)
		for (int who = 0; who < 2; who++) {
			char text[16];

			(void)snprintf(text, sizeof(text), "<%.*s>", k,
			    word[who] + (backwards ? 6 - k : 0));
			last[who] = (int)wrote(s, last[who], -1, text);
		}
	ok = ends_with(s, want);
	free(s);
	return ok;
}

static void
test_unbroken(void)
{
	CHECK(typed(false, "<abcdefuvwxyz>"));
	CHECK(typed(true, "<abcdefuvwxyz>"));
}

/* After a merge the next edit is in the merged text. */
static void
test_after_merge(void)
{
	struct story *s = calloc(1, sizeof(*s));
	uint32_t a, b, c;

	NEED(s != NULL);
	story_init(s, "one\ntwo\nthree\n");
	a = wrote(s, -1, -1, "one\ntwo\nthree\nA\n");
	b = wrote(s, -1, -1, "one\ntwo\nthree\nB\n");
	c = wrote(s, (int)a, (int)b, "one\ntwo\nthree\nA and B\nB\n");
	/* a third device knows only b */
	(void)wrote(s, (int)b, -1, "one\ntwo\nthree\nB\nC\n");
	(void)wrote(s, (int)c, -1, "ONE\ntwo\nthree\nA and B\nB\n");
	CHECK(ends_with(s, "ONE\ntwo\nthree\nA and B\nB\nC\n"));
	free(s);
}

/* ---- at random ---- */

/* The versions in another order, parents before children. */
static void
shuffle(const struct story *s, uint32_t *order)
{
	bool done[MANY] = { false };

	for (uint32_t n = 0; n < s->n;) {
		uint32_t i = draw(s->n);
		bool ready = !done[i];

		for (uint32_t k = 0; ready && k < s->v[i].parents_n; k++)
			ready = done[s->v[i].parents[k]];
		if (!ready)
			continue;
		done[i] = true;
		order[n++] = i;
	}
}

/* The text when the versions come in that order, their ranks what they were. */
static void
in_order(const struct story *s, const uint32_t *order, struct buf *out)
{
	struct replay_version v[MANY];
	uint32_t parents[MANY][EDITORS * 2], at[MANY];
	struct replay m;

	for (uint32_t n = 0; n < s->n; n++) {
		const struct one *o = &s->v[order[n]];

		for (uint32_t k = 0; k < o->parents_n; k++)
			parents[n][k] = at[o->parents[k]];
		v[n] = (struct replay_version){ .parents = parents[n],
		    .parents_n = o->parents_n, .edits = o->script.edits,
		    .edits_n = (uint32_t)o->script.n, .rank = order[n] };
		at[order[n]] = n;
	}
	buf_init(out, TEXT_MAX);
	NEED(replay_run((uint32_t)s->base.len, v, s->n, NULL, &m) == ZK_OK);
	for (size_t i = 0; i < m.n; i++)
		(void)buf_put(out, (m.runs[i].version == REPLAY_BASE ?
		    s->base.data :
		    s->v[order[m.runs[i].version]].script.ins.data) +
		    m.runs[i].off, m.runs[i].len);
	replay_release(&m);
}

static void
one_random(struct story *s, uint32_t versions)
{
	bool all[MANY];
	struct buf out, other;
	uint32_t order[MANY];

	story_init(s, draw(2) == 0 ? "" : "base of \xc3\xb6 it\r\nall\n");
	play(s, versions, false);
	memset(all, true, sizeof(all));
	NEED(text_of(s, all, &out));
	CHECK(text_is(out.data, out.len));
	for (int k = 0; k < 3; k++) {
		shuffle(s, order);
		in_order(s, order, &other);
		CHECK(other.len == out.len && (out.len == 0 ||
		    memcmp(other.data, out.data, out.len) == 0));
		buf_release(&other);
	}
	buf_release(&out);
	story_release(s);
}

static void
test_random(void)
{
	struct story *s = calloc(1, sizeof(*s));

	NEED(s != NULL);
	for (int round = 0; round < 400; round++)
		one_random(s, 2 + draw(24));
	for (int round = 0; round < 4; round++)
		one_random(s, MANY);
	free(s);
}

/* Whatever came in is there once and in one piece. */
static void
test_markers(void)
{
	struct story *s = calloc(1, sizeof(*s));
	bool all[MANY];
	struct buf out;

	NEED(s != NULL);
	memset(all, true, sizeof(all));
	for (int round = 0; round < 60; round++) {
		story_init(s, "");
		play(s, 40, true);
		NEED(text_of(s, all, &out));
		for (uint32_t i = 0; i < s->n; i++)
			for (uint32_t k = 1; k <= 3; k++) {
				const char *p;
				char mark[32];

				(void)snprintf(mark, sizeof(mark), "<%u.%u>",
				    i, k);
				p = strstr(buf_cstr(&out), mark);
				CHECK(p != NULL || k > 1);
				CHECK(p == NULL ||
				    strstr(p + 1, mark) == NULL);
			}
		buf_release(&out);
		story_release(s);
	}
	free(s);
}

/* ---- bounds ---- */

static enum zk_err
run(const struct replay_version *v, size_t n)
{
	struct replay m;
	enum zk_err r = replay_run(4, v, n, NULL, &m);

	CHECK(r == ZK_OK || (m.runs == NULL && m.n == 0));
	replay_release(&m);
	return r;
}

static void
test_refused(void)
{
	static const struct text_edit put = { 5, 0, 1 }, cut = { 3, 2, 0 },
	    huge = { 0, 0, UINT32_MAX }, most = { 0, 0, ORDER_UNITS },
	    far = { 1, UINT32_MAX, 0 };
	static const uint32_t zero[] = { 0 }, one[] = { 1 };
	struct replay_version v[2] = { { .edits = &put, .edits_n = 1 } };

	CHECK(run(NULL, 0) == ZK_OK);
	CHECK(run(v, 1) == ZK_EFORMAT);
	v[0].edits = &cut;
	CHECK(run(v, 1) == ZK_EFORMAT);
	v[0].edits = &far;
	CHECK(run(v, 1) == ZK_EFORMAT);
	v[0].edits = &huge;
	CHECK(run(v, 1) == ZK_ELIMIT);
	v[0].edits = &most;
	CHECK(run(v, 1) == ZK_ELIMIT);
	v[0].edits_n = 0;
	CHECK(run(v, 1) == ZK_OK);
	/* parents that are not there before */
	v[0].parents = zero;
	v[0].parents_n = 1;
	CHECK(run(v, 2) == ZK_EFORMAT);
	v[0].parents_n = 0;
	v[1] = (struct replay_version){ .parents = one, .parents_n = 1 };
	CHECK(run(v, 2) == ZK_EFORMAT);
	/* twice the same parent, an edit beyond its text */
	v[1] = (struct replay_version){ .parents = (uint32_t[]){ 0, 0 },
	    .parents_n = 2, .edits = &put, .edits_n = 1 };
	CHECK(run(v, 2) == ZK_EFORMAT);
	v[1].edits_n = 0;
	CHECK(run(v, 2) == ZK_OK);
}

/* Many branches at one place, and a line of versions. */
static void
test_many(void)
{
	enum { N = 60000, BESIDE = 3000 };
	struct replay_version *v = calloc(N, sizeof(*v));
	uint32_t *parents = calloc(N, sizeof(*parents));
	static const struct text_edit e = { 0, 0, 1 };
	struct replay m;

	NEED(v != NULL && parents != NULL);
	for (uint32_t i = 0; i < N; i++)
		v[i] = (struct replay_version){ .edits = &e, .edits_n = 1,
		    .rank = (i * 7) % BESIDE };
	/* by rank, and what was there behind all of them */
	NEED(replay_run(4, v, BESIDE, NULL, &m) == ZK_OK);
	CHECK(m.n == BESIDE + 1 && m.runs[BESIDE].version == REPLAY_BASE);
	for (uint32_t i = 1; i < BESIDE; i++)
		CHECK(v[m.runs[i - 1].version].rank <
		    v[m.runs[i].version].rank);
	replay_release(&m);
	for (uint32_t i = 1; i < N; i++) {
		parents[i] = i - 1;
		v[i].parents = parents + i;
		v[i].parents_n = 1;
	}
	NEED(replay_run(4, v, N, NULL, &m) == ZK_OK);
	CHECK(m.n == N + 1 && m.runs[0].version == N - 1);
	replay_release(&m);
	free(parents);
	free(v);
}

TESTS(
    { "two", test_two },
    { "forms", test_forms },
    { "unbroken", test_unbroken },
    { "after_merge", test_after_merge },
    { "random", test_random },
    { "markers", test_markers },
    { "refused", test_refused },
    { "many", test_many },
)
