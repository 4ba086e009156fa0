/*
 * What concurrent versions of a text show when all that is known of them is
 * the base, their scripts and the hashes of what they are.
 */
#include "text/knit.h"
#include "textkit.h"

/* Good enough to tell texts apart. */
static void
hash(const uint8_t *p, size_t n, uint8_t out[static KNIT_HASH_LEN])
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	for (size_t i = 0; i < KNIT_HASH_LEN; i++) {
		h = (h ^ i) * 0x100000001b3u;
		out[i] = (uint8_t)(h >> 32);
	}
}

/* A story in terms of knit. */
struct knots {
	struct knit_version v[MANY];
	struct buf script[MANY];
	uint32_t n;
};

static void
knots_init(struct knots *k, const struct story *s)
{
	memset(k, 0, sizeof(*k));
	k->n = s->n;
	for (uint32_t i = 0; i < s->n; i++) {
		struct buf text;

		buf_init(&k->script[i], TEXT_MAX);
		CHECK(script_encode(&s->v[i].script, &k->script[i]) == ZK_OK);
		CHECK(text_of(s, s->v[i].past, &text));
		k->v[i] = (struct knit_version){ .parents = s->v[i].parents,
		    .parents_n = s->v[i].parents_n, .text = true,
		    .script = k->script[i].data,
		    .script_len = k->script[i].len, .size = text.len };
		hash(text.data, text.len, k->v[i].hash);
		buf_release(&text);
	}
}

static void
knots_release(struct knots *k)
{
	for (uint32_t i = 0; i < k->n; i++)
		buf_release(&k->script[i]);
}

static enum zk_err
tie(const struct story *s, const struct knots *k, struct buf *out)
{
	buf_init(out, TEXT_MAX);
	return knit(s->base.data, s->base.len, k->v, k->n, hash, out);
}

static bool
refused(const struct story *s, const struct knots *k)
{
	struct buf out;
	enum zk_err r = tie(s, k, &out);
	bool ok = r == ZK_EREFUSED && out.len == 0;

	buf_release(&out);
	return ok;
}

static bool
same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len &&
	    (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static bool
has_bare_cr(const struct buf *t)
{
	for (size_t i = 0; i < t->len; i++)
		if (t->data[i] == '\r' &&
		    (i + 1 == t->len || t->data[i + 1] != '\n'))
			return true;
	return false;
}

/* The merge of what all see, if all is what it says. */
static void
test_random(void)
{
	struct story *s = calloc(1, sizeof(*s));
	struct knots *k = calloc(1, sizeof(*k));
	bool all[MANY];
	int merged = 0;

	NEED(s != NULL && k != NULL);
	memset(all, true, sizeof(all));
	for (int round = 0; round < 120; round++) {
		struct buf want, got;
		enum zk_err r;
		uint32_t i;

		story_init(s, draw(2) == 0 ? "" : "base of \xc3\xb6 it\n");
		play(s, 2 + draw(round % 20 == 0 ? MANY - 2 : 20), false);
		NEED(text_of(s, all, &want));
		knots_init(k, s);
		r = tie(s, k, &got);
		merged += r == ZK_OK;
		CHECK(r == ZK_OK ? same(&want, &got) :
		    r == ZK_EREFUSED && has_bare_cr(&want));
		buf_release(&want);
		buf_release(&got);

		/* one that is not what it says makes all of them copies */
		i = draw(s->n);
		k->v[i].hash[draw(KNIT_HASH_LEN)] ^= 1;
		CHECK(refused(s, k));
		hash(NULL, 0, k->v[i].hash);
		CHECK(k->v[i].size == 0 || refused(s, k));
		k->v[i].text = false;
		CHECK(refused(s, k));
		knots_release(k);
		story_release(s);
	}
	CHECK(merged > 100);
	free(s);
	free(k);
}

static void
test_refused(void)
{
	struct story *s = calloc(1, sizeof(*s));
	struct knots *k = calloc(1, sizeof(*k));
	static const uint32_t one[] = { 1 };
	static const uint8_t beyond[] = { 50, 1, 0 }, cut[] = { 0, 1 };
	uint32_t a, b;
	struct buf out;

	NEED(s != NULL && k != NULL);
	story_init(s, "\xc3\xb6ne\ntwo\n");
	a = wrote(s, -1, -1, "\xc3\xb6ne\ntwo\nA\n");
	b = wrote(s, -1, -1, "\xc3\xb6ne\nTWO\n");
	(void)wrote(s, (int)a, (int)b, "\xc3\xb6ne\nTWO\nA and B\n");
	knots_init(k, s);
	CHECK(tie(s, k, &out) == ZK_OK &&
	    strcmp(buf_cstr(&out), "\xc3\xb6ne\nTWO\nA and B\n") == 0);
	buf_release(&out);
	/* of the two alone */
	k->n = 2;
	CHECK(tie(s, k, &out) == ZK_OK &&
	    strcmp(buf_cstr(&out), "\xc3\xb6ne\nTWO\nA\n") == 0);
	buf_release(&out);

	k->v[0].size++;
	CHECK(refused(s, k));
	k->v[0].size--;
	k->v[1].script = beyond;
	k->v[1].script_len = sizeof(beyond);
	CHECK(refused(s, k));
	k->v[1].script = cut;
	k->v[1].script_len = sizeof(cut);
	CHECK(refused(s, k));
	/* no version is its own parent */
	k->v[1].script = k->script[1].data;
	k->v[1].script_len = k->script[1].len;
	k->v[1].parents = one;
	k->v[1].parents_n = 1;
	CHECK(tie(s, k, &out) == ZK_EFORMAT);
	buf_release(&out);
	/* nothing came after the base */
	k->n = 0;
	CHECK(tie(s, k, &out) == ZK_OK && same(&out, &s->base));
	buf_release(&out);
	/* a base that is no text; room that is not there */
	buf_init(&out, TEXT_MAX);
	CHECK(knit((const uint8_t *)"\xff", 1, k->v, 0, hash, &out) ==
	    ZK_EREFUSED);
	buf_init(&out, TEXT_MAX - 1);
	CHECK(knit((const uint8_t *)"a", 1, k->v, 0, hash, &out) ==
	    ZK_ELIMIT);
	k->n = 3;
	knots_release(k);
	story_release(s);
	free(s);
	free(k);
}

/* Two devices change base each on its own; NULL: they are copies. */
static bool
come_to(const char *base, const char *a, const char *b, const char *want)
{
	struct story *s = calloc(1, sizeof(*s));
	struct knots *k = calloc(1, sizeof(*k));
	bool ok = false;
	struct buf out;
	enum zk_err r;

	if (s != NULL && k != NULL) {
		story_init(s, base);
		(void)wrote(s, -1, -1, a);
		(void)wrote(s, -1, -1, b);
		knots_init(k, s);
		r = tie(s, k, &out);
		ok = want == NULL ? r == ZK_EREFUSED && out.len == 0 :
		    r == ZK_OK && strcmp(buf_cstr(&out), want) == 0;
		buf_release(&out);
		knots_release(k);
		story_release(s);
	}
	free(s);
	free(k);
	return ok;
}

/*
 * Where one device changes the ends of lines or puts a byte order mark, and
 * the other one writes just there, the lower id stands first: merged where
 * that makes sense, copies where a CR or a mark would stand alone.
 */
static void
test_forms(void)
{
	CHECK(come_to("some text\n", "some text\r\n", "some text here\n",
	    NULL));
	CHECK(come_to("some text\n", "some text here\n", "some text\r\n",
	    "some text here\r\n"));
	CHECK(come_to("some text\n", "some text\r\n", "some more text\n",
	    "some more text\r\n"));
	/* who has bare ones already may have more */
	CHECK(come_to("a\rsome text\n", "a\rsome text\r\n",
	    "a\rsome text here\n", "a\rsome text\r here\n"));
	CHECK(come_to("line\n", "\xef\xbb\xbfline\n", "my line\n",
	    "\xef\xbb\xbfmy line\n"));
	CHECK(come_to("line\n", "my line\n", "\xef\xbb\xbfline\n", NULL));
	CHECK(come_to("line\n", "\xef\xbb\xbfline\n",
	    "\xef\xbb\xbfline\nmore\n", NULL));
	/* an end of line that one changes and the other one takes away */
	CHECK(come_to("\n", "\r\n", "", NULL));
	CHECK(come_to("", "a\r\n", "b", "a\r\nb"));
}

/* Each version is within the limit, and what they come to is not. */
static void
test_too_long(void)
{
	struct knit_version v[2];
	struct buf text, enc, out;
	struct script s;

	buf_init(&text, TEXT_MAX);
	buf_init(&enc, TEXT_MAX + 16);
	buf_init(&out, TEXT_MAX);
	NEED(buf_reserve(&text, TEXT_MAX) == ZK_OK);
	memset(text.data, 'a', TEXT_MAX / 2 + 1);
	text.len = TEXT_MAX / 2 + 1;
	script_init(&s);
	CHECK(script_add(&s, 0, 0, text.data, text.len) == ZK_OK);
	CHECK(script_encode(&s, &enc) == ZK_OK);
	v[0] = (struct knit_version){ .text = true, .script = enc.data,
	    .script_len = enc.len, .size = text.len };
	hash(text.data, text.len, v[0].hash);
	v[1] = v[0];
	CHECK(knit(NULL, 0, v, 1, hash, &out) == ZK_OK);
	buf_reset(&out);
	CHECK(knit(NULL, 0, v, 2, hash, &out) == ZK_EREFUSED && out.len == 0);
	script_release(&s);
	buf_release(&text);
	buf_release(&enc);
	buf_release(&out);
}

/* Two long branches; more than the versions of a history may ask for. */
static void
test_long(void)
{
	enum { N = 20000 };
	struct knit_version *v = calloc(N, sizeof(*v));
	uint32_t *parents = calloc(N, sizeof(*parents));
	static const uint8_t put[] = { 0, 0, 1, 'a' }, cut[] = { 0, 1, 0 };
	struct buf out;

	NEED(v != NULL && parents != NULL);
	/* each puts an a before all, or takes it away again */
	for (uint32_t i = 0; i < N; i++) {
		bool odd = i / 2 % 2 != 0;

		parents[i] = i < 2 ? 0 : i - 2;
		v[i] = (struct knit_version){ .parents = parents + i,
		    .parents_n = i < 2 ? 0 : 1, .text = true,
		    .script = odd ? cut : put,
		    .script_len = odd ? sizeof(cut) : sizeof(put),
		    .size = odd ? 0 : 1 };
		hash((const uint8_t *)"a", odd ? 0 : 1, v[i].hash);
	}
	buf_init(&out, TEXT_MAX);
	CHECK(knit(NULL, 0, v, N / 2, hash, &out) == ZK_OK &&
	    out.len == 0);
	/* twice as many take over WEIGH_STEPS, each with an edit */
	buf_reset(&out);
	CHECK(knit(NULL, 0, v, N, hash, &out) == ZK_EREFUSED);
	buf_release(&out);
	free(v);
	free(parents);
}

static unsigned hashed;

/* A hash that every content has. */
static void
any(const uint8_t *p, size_t n, uint8_t out[static KNIT_HASH_LEN])
{
	(void)p;
	(void)n;
	hashed++;
	memset(out, 0, KNIT_HASH_LEN);
}

/*
 * M characters are put behind each of as many, and n versions that do not
 * know of each other delete all of that and put one in its place.
 */
static enum zk_err
deleted_by(size_t n)
{
	enum { M = 100000, MANY_MORE = 1500 };
	static const uint32_t first[] = { 0 };
	static struct knit_version v[1 + MANY_MORE];
	struct buf base, puts, all, out;
	struct script s;
	enum zk_err r;

	buf_init(&base, TEXT_MAX);
	buf_init(&puts, TEXT_MAX);
	buf_init(&all, TEXT_MAX);
	buf_init(&out, TEXT_MAX);
	script_init(&s);
	for (size_t i = 0; i < M; i++) {
		(void)buf_u8(&base, 'a');
		CHECK(script_add(&s, 1, 0, (const uint8_t *)"x", 1) == ZK_OK);
	}
	CHECK(script_encode(&s, &puts) == ZK_OK);
	script_release(&s);
	CHECK(script_add(&s, 0, (size_t)2 * M, (const uint8_t *)"y", 1) ==
	    ZK_OK);
	CHECK(script_encode(&s, &all) == ZK_OK);
	script_release(&s);
	v[0] = (struct knit_version){ .text = true, .script = puts.data,
	    .script_len = puts.len, .size = (uint64_t)2 * M };
	for (size_t i = 1; i <= n; i++)
		v[i] = (struct knit_version){ .parents = first,
		    .parents_n = 1, .text = true, .script = all.data,
		    .script_len = all.len, .size = 1 };
	r = knit(base.data, base.len, v, n + 1, any, &out);
	CHECK(out.len == (r == ZK_OK ? n : 0));
	buf_release(&base);
	buf_release(&puts);
	buf_release(&all);
	buf_release(&out);
	return r;
}

/* No edits, and each of the last n has a way back over m versions. */
static enum zk_err
back_and_forth(size_t m, size_t n)
{
	struct knit_version *v = calloc(m + 2 * n, sizeof(*v));
	uint32_t (*parents)[2] = calloc(m + 2 * n, sizeof(*parents));
	enum zk_err r = ZK_ENOMEM;
	struct buf out;

	buf_init(&out, TEXT_MAX);
	for (size_t i = 0; v != NULL && parents != NULL && i < m + 2 * n;
	    i++) {
		parents[i][0] = (uint32_t)(i < m ? i - 1 : m - 1);
		parents[i][1] = (uint32_t)i - 1;
		v[i] = (struct knit_version){ .parents = parents[i],
		    .parents_n = (uint32_t)(i < m ? i > 0 : (i - m) % 2 * 2),
		    .text = true, .script = (const uint8_t *)"", .size = 1 };
	}
	if (v != NULL && parents != NULL)
		r = knit((const uint8_t *)"a", 1, v, m + 2 * n, any, &out);
	free(v);
	free(parents);
	buf_release(&out);
	return r;
}

/* What is over a bound is refused before any of it is looked at. */
static void
test_at_once(void)
{
	CHECK(deleted_by(10) == ZK_OK);
	CHECK(back_and_forth(8000, 1000) == ZK_OK);
	CHECK(hashed > 0);
	hashed = 0;
	CHECK(deleted_by(1500) == ZK_EREFUSED);
	CHECK(back_and_forth(30000, 17000) == ZK_EREFUSED);
	CHECK(hashed == 0);
}

TESTS(
    { "random", test_random },
    { "refused", test_refused },
    { "forms", test_forms },
    { "too_long", test_too_long },
    { "long", test_long },
    { "at_once", test_at_once },
)
