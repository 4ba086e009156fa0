/*
 * Every allocation of a diff and of a merge, of texts and of documents of
 * JSON, fails in turn: there is an error or the same result, and nothing is
 * left allocated.
 */
#include "failalloc.h"
#include "test.h"
#include "text/diff.h"
#include "text/jsonmerge.h"
#include "text/knit.h"
#include "text/merge.h"
#include "util/buf.h"

#if !FAILALLOC
static void
test_all(void)
{
	SKIP("a sanitizer has the allocator");
}

static void
test_json(void)
{
	SKIP("a sanitizer has the allocator");
}
#else
static const char base[] = "one two\nthree\nfour five\n",
    one[] = "one and two\nthree\nfor five\nsix\n",
    two[] = "two\nthree four\nfour fives\n";

static void
no_hash(const uint8_t *p, size_t n, uint8_t out[static KNIT_HASH_LEN])
{
	(void)p;
	(void)n;
	memset(out, 0, KNIT_HASH_LEN);
}

/* The same with each script checked. */
static enum zk_err
tie(const struct buf *a, const struct buf *b)
{
	struct knit_version v[2] = {
		{ .text = true, .script = a->data, .script_len = a->len,
		    .size = strlen(one) },
		{ .text = true, .script = b->data, .script_len = b->len,
		    .size = strlen(two) } };
	struct buf out;
	enum zk_err r;

	buf_init(&out, TEXT_MAX);
	r = knit((const uint8_t *)base, strlen(base), v, 2, no_hash, &out);
	CHECK(r != ZK_OK || out.len > 0);
	buf_release(&out);
	return r;
}

/* Both sides changed base; *out is what comes of it. */
static enum zk_err
merge(struct buf *out)
{
	struct script a, b, c;
	struct buf enc, other;
	struct merge_version v[2] = { { .script = &a }, { .script = &c } };
	enum zk_err r, q;

	buf_init(&enc, 4096);
	buf_init(&other, 4096);
	script_init(&c);
	r = text_diff((const uint8_t *)base, strlen(base),
	    (const uint8_t *)one, strlen(one), &a);
	q = text_diff((const uint8_t *)base, strlen(base),
	    (const uint8_t *)two, strlen(two), &b);
	if (r == ZK_OK)
		r = q;
	if (r == ZK_OK)
		r = script_encode(&b, &enc);
	if (r == ZK_OK)
		r = script_decode(enc.data, enc.len, &c);
	if (r == ZK_OK)
		r = text_merge((const uint8_t *)base, strlen(base), v, 2, out);
	if (r == ZK_OK)
		r = script_encode(&a, &other);
	if (r == ZK_OK)
		r = tie(&other, &enc);
	script_release(&a);
	script_release(&b);
	script_release(&c);
	buf_release(&enc);
	buf_release(&other);
	return r;
}

static enum zk_err
merge_json(struct buf *out)
{
	static const char from[] = "{\"a\": [1, 2], \"b\": [{\"id\": 1}]}",
	    left[] = "{\"a\": [1, 2, 3], \"b\": [{\"id\": 1, \"x\": 1}]}",
	    right[] = "{\"a\": [2], \"b\": [{\"id\": 1}, {\"id\": 2}]}";
	const struct jsonmerge_version v[2] = {
		{ (const uint8_t *)left, strlen(left) },
		{ (const uint8_t *)right, strlen(right) } };

	return jsonmerge((const uint8_t *)from, strlen(from), v, 2, out);
}

/* Runs it until no allocation fails any more. */
static void
each(enum zk_err (*run)(struct buf *out), const char *want)
{
	struct buf out;
	long before, n;

	buf_init(&out, TEXT_MAX);
	for (n = 1;; n++) {
		enum zk_err r;

		before = live;
		failed = false;
		fail_in = n;
		r = run(&out);
		fail_in = 0;
		CHECK(r == (failed ? ZK_ENOMEM : ZK_OK));
		if (!failed)
			break;
		buf_release(&out);
		CHECK(live == before);
	}
	CHECK(n > 10);
	CHECK(strcmp(buf_cstr(&out), want) == 0);
	buf_release(&out);
}

static void
test_all(void)
{
	each(merge, "and two\nthree four\nfor fives\nsix\n");
}

static void
test_json(void)
{
	each(merge_json, "{\"a\": [2, 3], "
	    "\"b\": [{\"id\": 1, \"x\": 1}, {\"id\": 2}]}");
}
#endif

TESTS(
    { "all", test_all },
    { "json", test_json },
)
