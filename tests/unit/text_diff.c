/* Edit scripts: the encoding, applying, and what the diff makes of a change. */
#include <time.h>

#include "test.h"
#include "text/diff.h"
#include "text/myers.h"
#include "text/script.h"
#include "util/buf.h"

static uint32_t seed = 1;

static uint32_t
draw(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static const uint8_t *
bytes(const char *s)
{
	return (const uint8_t *)s;
}

/*
 * The script from a to b in words, "[old=new]" for each edit in what stays;
 * checked first by applying it, and by its encoding.
 */
static const char *
said(const char *a, const char *b)
{
	static char out[4096];
	struct script s, back;
	struct buf enc, again, text, say;
	size_t at = 0, end = 0, ins = 0;
	bool ok;

	buf_init(&enc, TEXT_MAX * 2);
	buf_init(&again, TEXT_MAX * 2);
	buf_init(&text, TEXT_MAX);
	buf_init(&say, sizeof(out) - 1);
	ok = text_diff(bytes(a), strlen(a), bytes(b), strlen(b), &s) ==
	    ZK_OK && script_apply(&s, bytes(a), strlen(a), &text) == ZK_OK &&
	    text.len == strlen(b) && memcmp(text.data != NULL ?
	    (const char *)text.data : "", b, text.len) == 0 &&
	    script_encode(&s, &enc) == ZK_OK;
	ok = script_decode(enc.data, enc.len, &back) == ZK_OK && ok;
	ok = script_encode(&back, &again) == ZK_OK && ok &&
	    again.len == enc.len &&
	    (enc.len == 0 || memcmp(enc.data, again.data, enc.len) == 0);
	for (size_t i = 0; i < s.n; i++) {
		const struct text_edit *e = &s.edits[i];

		(void)buf_put(&say, a + at, e->pos - end);
		at += e->pos - end;
		(void)buf_printf(&say, "[%.*s=%.*s]", (int)e->del, a + at,
		    (int)e->ins, e->ins == 0 ? "" :
		    (const char *)s.ins.data + ins);
		at += e->del;
		ins += e->ins;
		end = (size_t)e->pos + e->ins;
	}
	(void)buf_str(&say, a + at);
	(void)snprintf(out, sizeof(out), "%s", ok ? buf_cstr(&say) : "wrong");
	script_release(&s);
	script_release(&back);
	buf_release(&enc);
	buf_release(&again);
	buf_release(&text);
	buf_release(&say);
	return out;
}

#define SAYS(a, b, want)                                                     \
	do {                                                                 \
		const char *got = said((a), (b));                            \
		if (strcmp(got, (want)) != 0) {                              \
			printf("# got %s\n# not %s\n", got, (want));         \
			test_failed = true;                                  \
		}                                                            \
	} while (0)

static void
test_intent(void)
{
	SAYS("", "", "");
	SAYS("a\n", "a\n", "a\n");
	SAYS("", "a\n", "[=a\n]");
	SAYS("a\n", "", "[a\n=]");
	/* lines */
	SAYS("one\ntwo\nthree\n", "one\nthree\n", "one\n[two\n=]three\n");
	SAYS("one\nthree\n", "one\ntwo\nthree\n", "one\n[=two\n]three\n");
	/* the block that was put in, not one that straddles two */
	SAYS("f {\n}\n\nh {\n}\n", "f {\n}\n\ng {\n}\n\nh {\n}\n",
	    "f {\n}\n\n[=g {\n}\n\n]h {\n}\n");
	/* words and characters in a line */
	SAYS("the cat sat\n", "the big cat sat down\n",
	    "the [=big ]cat sat[= down]\n");
	SAYS("a colour is\n", "a color is\n", "a colo[u=]r is\n");
	SAYS("The quick brown fox jumps.\n", "The quick red fox leaps over.\n",
	    "The quick [brown=red] fox [jumps=leaps over].\n");
	SAYS("f(bar, baz);\n", "f(bar, qux, baz);\n",
	    "f(bar, [=qux, ]baz);\n");
	/* two words after each other are one change, not two and a blank */
	SAYS("it was dark and grey there, they said\n",
	    "it was full of light there, they said\n",
	    "it was [dark and grey=full of light] there, they said\n");
	/*
	 * nothing in common but by chance: the line is another, with its end,
	 * so that two of them stand in two lines
	 */
	SAYS("one two three four\n", "completely different words here\n",
	    "[one two three four\n=completely different words here\n]");
	/* no end of line at the end of the file */
	SAYS("a", "a\nb", "a[=\nb]");
	SAYS("a\nb", "a\nb\n", "a\nb[=\n]");
}

static void
test_characters(void)
{
	/* ends of lines: the CR goes, the line stays */
	SAYS("a b\r\nc d\r\n", "a b\nc d\n", "a b[\r=]\nc d[\r=]\n");
	SAYS("long enough\n", "long enough\r\n", "long enough[=\r]\n");
	/* a byte order mark */
	SAYS("first line\n", "\xef\xbb\xbf" "first line\n",
	    "[=\xef\xbb\xbf]first line\n");
	/* e with one accent becomes e with another, not another accent */
	SAYS("cafe\xcc\x81 au lait\n", "cafe\xcc\x80 au lait\n",
	    "caf[e\xcc\x81=e\xcc\x80] au lait\n");
	/* code points that share bytes */
	SAYS("k\xc3\xb6nnen wir\n", "k\xc3\xa4nnen wir\n",
	    "k[\xc3\xb6=\xc3\xa4]nnen wir\n");
	/* a family is one emoji, two flags are two */
	SAYS("see \xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9 there now\n",
	    "see \xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa7 there now\n",
	    "see [\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9="
	    "\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa7] there now\n");
	/* right to left is in the order of memory like all else */
	SAYS("\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \xd7\xa2\xd7\x9d\n",
	    "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \xd7\x9b\xd7\x9c \xd7\xa2"
	    "\xd7\x9d\n", "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d [=\xd7\x9b"
	    "\xd7\x9c ]\xd7\xa2\xd7\x9d\n");
}

static void
test_no_text(void)
{
	struct script s;

	CHECK(text_diff(bytes("a\xff"), 2, bytes("b"), 1, &s) == ZK_EFORMAT);
	CHECK(s.n == 0);
	CHECK(text_diff(bytes("a"), 1, bytes("b\0c"), 3, &s) == ZK_EFORMAT);
	CHECK(text_is(bytes("abcdefgh\xc3\xa4" "abcdefghi"), 19));
	/* each place of the eight that are looked at together */
	for (size_t i = 0; i < 20; i++) {
		char t[] = "abcdefghijklmnopqrst";

		t[i] = '\0';
		CHECK(!text_is(bytes(t), 20));
		t[i] = '\x80';
		CHECK(!text_is(bytes(t), 20));
		t[i] = '\x01';
		CHECK(text_is(bytes(t), 20));
	}
	/* cut off, overlong, a surrogate */
	CHECK(!text_is(bytes("\xe2\x82"), 2));
	CHECK(!text_is(bytes("\xc0\x80"), 2));
	CHECK(!text_is(bytes("\xed\xa0\x80"), 3));
}

/* ---- the encoding ---- */

#define REFUSED(e, ...)                                                      \
	do {                                                                 \
		static const uint8_t in[] = { __VA_ARGS__ };                 \
		struct script no;                                            \
		CHECK(script_decode(in, sizeof(in), &no) == (e));            \
		CHECK(no.n == 0 && no.edits == NULL);                        \
	} while (0)

static void
test_decode(void)
{
	static const uint8_t good[] = { 0, 1, 0, 3, 0, 2, 'h', 'i' };
	struct script s;
	struct buf out;

	buf_init(&out, TEXT_MAX);
	NEED(script_decode(good, sizeof(good), &s) == ZK_OK);
	CHECK(s.n == 2 && s.edits[0].pos == 0 && s.edits[0].del == 1 &&
	    s.edits[1].pos == 3 && s.edits[1].ins == 2 && s.old_end == 4);
	CHECK(script_apply(&s, bytes("xabcd"), 5, &out) == ZK_OK);
	CHECK(out.len == 6 && memcmp(out.data, "abchid", 6) == 0);
	/* the text is too short, an edit would cut a character */
	CHECK(script_apply(&s, bytes("xab"), 3, &out) == ZK_EFORMAT);
	CHECK(script_apply(&s, bytes("\xc3\xa4xyz"), 5, &out) == ZK_EFORMAT);
	script_release(&s);

	REFUSED(ZK_EFORMAT, 0, 0, 0);			/* an edit of nothing */
	REFUSED(ZK_EFORMAT, 0, 1, 0, 0, 1, 0);		/* two that are one */
	REFUSED(ZK_EFORMAT, 0, 1);			/* cut off */
	REFUSED(ZK_EFORMAT, 0, 1, 2, 'a');
	REFUSED(ZK_EFORMAT, 0x80, 0, 1, 0);		/* a long zero */
	REFUSED(ZK_EFORMAT, 0, 0, 1, 0xc3);		/* half a character */
	REFUSED(ZK_EFORMAT, 0, 0, 1, 0);		/* a NUL */
	REFUSED(ZK_EFORMAT, 0, 0x81, 0x80, 0x40, 0);	/* over 1 MiB */
	REFUSED(ZK_ELIMIT, 1, 0x80, 0x80, 0x40, 0);
	buf_release(&out);
}

static void
test_limit(void)
{
	uint8_t *big = malloc(TEXT_MAX + 1);
	struct script s;
	struct buf out;

	NEED(big != NULL);
	memset(big, 'a', TEXT_MAX + 1);
	buf_init(&out, TEXT_MAX + 1);
	CHECK(text_is(big, TEXT_MAX) && !text_is(big, TEXT_MAX + 1));
	CHECK(text_diff(big, TEXT_MAX, bytes("b"), 1, &s) == ZK_OK);
	script_release(&s);
	/* one byte more than a text may have */
	script_init(&s);
	CHECK(script_add(&s, 1, 0, bytes("b"), 1) == ZK_OK);
	CHECK(script_apply(&s, big, TEXT_MAX, &out) == ZK_ELIMIT);
	CHECK(script_apply(&s, big, TEXT_MAX - 1, &out) == ZK_OK);
	CHECK(script_add(&s, TEXT_MAX, 0, bytes("b"), 1) == ZK_ELIMIT);
	script_release(&s);
	buf_release(&out);
	free(big);
}

/* ---- at random ---- */

/* A text of words and ends of lines from a small stock, so that much is
 * equal; what changes a text takes pieces out and puts pieces in. */
static void
add_word(struct buf *b)
{
	static const char *const stock[] = { "a", " ", "\n", "\r\n", "word",
	    "w\xc3\xb6rd", " the ", "e\xcc\x81", "\xf0\x9f\x98\x80", "(", ");",
	    "\xd7\xa9\xd7\x9c", "\t", "\n\n", "x1", "\xef\xbb\xbf" };

	(void)buf_str(b, stock[draw(sizeof(stock) / sizeof(stock[0]))]);
}

static void
vary(const struct buf *from, struct buf *to)
{
	size_t at = 0, n = draw(8);

	for (size_t i = 0; i < n && at < from->len; i++) {
		size_t keep = draw((uint32_t)(from->len - at) + 1), del;

		while (!text_boundary(from->data, from->len, at + keep))
			keep--;
		(void)buf_put(to, from->data + at, keep);
		at += keep;
		del = draw(30);
		if (del > from->len - at)
			del = from->len - at;
		while (!text_boundary(from->data, from->len, at + del))
			del--;
		at += del;
		for (size_t k = draw(6); k > 0; k--)
			add_word(to);
	}
	if (at < from->len)
		(void)buf_put(to, from->data + at, from->len - at);
}

static void
test_random(void)
{
	struct buf a, b;

	for (int round = 0; round < 2000; round++) {
		buf_init(&a, 1 << 16);
		buf_init(&b, 1 << 16);
		for (size_t k = draw(120); k > 0; k--)
			add_word(&a);
		vary(&a, &b);
		if (a.len + b.len < 1500 &&
		    strcmp(said(buf_cstr(&a), buf_cstr(&b)), "wrong") == 0)
			FAIL("a script does not make its text");
		buf_release(&a);
		buf_release(&b);
	}
}

/* The length of the longest common subsequence, in the slow way. */
static size_t
common(const uint32_t *a, size_t n, const uint32_t *b, size_t m)
{
	size_t row[65] = { 0 };

	for (size_t i = 0; i < n; i++) {
		size_t left = 0;

		for (size_t k = 0; k < m; k++) {
			size_t up = row[k + 1];

			row[k + 1] = a[i] == b[k] ? left + 1 :
			    up > row[k] ? up : row[k];
			left = up;
		}
	}
	return row[m];
}

/* What Myers leaves is a longest common subsequence, if cost allows it. */
static void
test_shortest(void)
{
	for (int round = 0; round < 4000; round++) {
		uint32_t a[64], b[64], a_left[64], b_left[64];
		uint8_t a_new[64] = { 0 }, b_new[64] = { 0 };
		size_t n = draw(64), m = draw(64), x = 0, y = 0;
		size_t cost = round % 4 == 0 ? 1 + draw(4) : 64;
		uint32_t letters = 1 + draw(6);

		for (size_t i = 0; i < n; i++)
			a[i] = draw(letters);
		for (size_t i = 0; i < m; i++)
			b[i] = draw(letters);
		NEED(myers_mark(a, n, b, m, cost, a_new, b_new) == ZK_OK);
		for (size_t i = 0; i < n; i++)
			if (!a_new[i])
				a_left[x++] = a[i];
		for (size_t i = 0; i < m; i++)
			if (!b_new[i])
				b_left[y++] = b[i];
		CHECK(x == y && memcmp(a_left, b_left, x * sizeof(*a)) == 0);
		CHECK(cost < 64 || x == common(a, n, b, m));
	}
}

/* ---- time ---- */

static double
now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
lines(struct buf *b, uint32_t words)
{
	while (b->len < TEXT_MAX - 200) {
		for (uint32_t k = draw(words); k > 0; k--)
			(void)buf_printf(b, "%s%u", k % 3 != 0 ? " " : " word",
			    draw(3000));
		(void)buf_str(b, "\n");
	}
}

static double
timed(const struct buf *a, const struct buf *b, size_t *edits)
{
	double t = now();
	struct script s;

	CHECK(text_diff(a->data, a->len, b->data, b->len, &s) == ZK_OK);
	*edits = s.n;
	script_release(&s);
	return now() - t;
}

/* 1 MiB, a word in each of 200 lines: that many edits, in 50 ms. */
static void
test_time(void)
{
	struct buf a, b;
	size_t n = 0, edits = 0, at = 0;
	double best = 9, t;

	buf_init(&a, TEXT_MAX);
	buf_init(&b, TEXT_MAX);
	NEED(buf_reserve(&a, TEXT_MAX) == ZK_OK);
	NEED(buf_reserve(&b, TEXT_MAX) == ZK_OK);
	lines(&a, 14);
	for (int i = 0; i < 200; i++) {
		size_t to = a.len / 200 * (size_t)i;

		while (a.data[to] != '\n')
			to++;
		(void)buf_put(&b, a.data + at, to - at);
		(void)buf_printf(&b, " edit%d", i);
		at = to;
		n++;
	}
	(void)buf_put(&b, a.data + at, a.len - at);
	for (int i = 0; i < 5; i++) {
		t = timed(&a, &b, &edits);
		best = t < best ? t : best;
	}
	printf("# 200 edits in 1 MiB: %.1f ms\n", best * 1e3);
	CHECK(edits == n);
	/* a sanitizer takes ten times that */
	CHECK(best < 0.5);
	buf_release(&a);
	buf_release(&b);
}

/* What takes quadratic time if nothing bounds it. */
static void
test_hostile(void)
{
	struct buf a, b;
	size_t edits;
	double t;

	for (int kind = 0; kind < 4; kind++) {
		buf_init(&a, TEXT_MAX);
		buf_init(&b, TEXT_MAX);
		NEED(buf_reserve(&a, TEXT_MAX) == ZK_OK);
		NEED(buf_reserve(&b, TEXT_MAX) == ZK_OK);
		while (a.len + 16 < TEXT_MAX / 4) {
			static const char *const end[] = { "\n", " ", "", "-" };

			(void)buf_printf(&a, "%c%s", (int)('a' + draw(2)),
			    end[kind]);
			(void)buf_printf(&b, "%c%s", (int)('a' + draw(2)),
			    end[kind]);
		}
		t = timed(&a, &b, &edits);
		printf("# noise %d: %.0f ms, %zu edits\n", kind, t * 1e3,
		    edits);
		CHECK(t < 10);
		buf_release(&a);
		buf_release(&b);
	}
}

/*
 * A paragraph without a space: n characters of three bytes, in which those at
 * the two places are others.  The edits of the script, and the bytes that
 * they take out in all.
 */
static void
one_line(size_t n, size_t one, size_t two, size_t *edits, size_t *gone)
{
	char *a = calloc(2, 3 * n + 2), *b = a + 3 * n + 2;
	struct script s;

	NEED(a != NULL);
	for (size_t i = 0; i < n; i++) {
		uint32_t c = 0x4e00 + draw(20000);

		a[3 * i] = (char)(0xe0 | c >> 12);
		a[3 * i + 1] = (char)(0x80 | (c >> 6 & 63));
		a[3 * i + 2] = (char)(0x80 | (c & 63));
	}
	a[3 * n] = '\n';
	memcpy(b, a, 3 * n + 1);
	memcpy(b + 3 * one, "\xe9\xbf\xbf", 3);
	memcpy(b + 3 * two, "\xe9\xbf\xbe", 3);
	NEED(text_diff(bytes(a), 3 * n + 1, bytes(b), 3 * n + 1, &s) == ZK_OK);
	*edits = s.n;
	*gone = 0;
	for (size_t i = 0; i < s.n; i++)
		*gone += s.edits[i].del;
	script_release(&s);
	free(a);
}

static void
test_long_lines(void)
{
	size_t edits = 0, gone = 0;

	one_line(345, 20, 172, &edits, &gone);
	CHECK(edits == 2 && gone == 6);
	one_line(5000, 20, 4900, &edits, &gone);
	CHECK(edits == 2 && gone == 6);
	/* of a longer one what lies between */
	one_line(300000, 100000, 104000, &edits, &gone);
	CHECK(edits == 2 && gone == 6);
	one_line(300000, 20, 20, &edits, &gone);
	CHECK(edits == 1 && gone == 3);
	one_line(300000, 1000, 100000, &edits, &gone);
	CHECK(edits == 1 && gone < (size_t)3 * 99100);
}

TESTS(
    { "intent", test_intent },
    { "long_lines", test_long_lines },
    { "characters", test_characters },
    { "no_text", test_no_text },
    { "decode", test_decode },
    { "limit", test_limit },
    { "random", test_random },
    { "shortest", test_shortest },
    { "time", test_time },
    { "hostile", test_hostile },
)
