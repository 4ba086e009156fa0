/*
 * Merging documents of JSON: what is read and what is refused, the rules one
 * by one, layout, and what it takes.
 */
#include "test.h"
#include "text/jsonmerge.h"
#include "util/buf.h"

/* Merges versions, given one after another and ended by NULL. */
static enum zk_err
merge(const char *base, const char *const *texts, struct buf *out)
{
	struct jsonmerge_version v[JSONMERGE_VERSIONS + 1];
	size_t n = 0;

	for (; texts[n] != NULL; n++)
		v[n] = (struct jsonmerge_version){
		    (const uint8_t *)texts[n], strlen(texts[n]) };
	buf_init(out, JSONDOC_MAX);
	return jsonmerge((const uint8_t *)base, strlen(base), v, n, out);
}

static bool
gives(const char *base, const char *one, const char *two, const char *want)
{
	const char *texts[] = { one, two, NULL };
	struct buf out;
	enum zk_err r = merge(base, texts, &out);
	bool ok = want == NULL ? r == ZK_EREFUSED && out.len == 0 :
	    r == ZK_OK && strcmp(buf_cstr(&out), want) == 0;

	if (!ok)
		printf("# %s and %s\n# got %s: %s\n", one, two, err_name(r),
		    buf_cstr(&out));
	buf_release(&out);
	return ok;
}

/* Whether it is a document; it stays as it is where it stands in one. */
static bool
reads(const char *text)
{
	struct buf doc, want;
	bool ok;

	buf_init(&doc, 1024);
	buf_init(&want, 1024);
	(void)buf_printf(&doc, "{\"x\":%s,\"y\":2}", text);
	(void)buf_printf(&want, "{\"x\":%s,\"y\":2,\"z\":3}", text);
	if (gives(text, text, text, text)) {
		ok = gives("{\"x\":0,\"y\":1}", buf_cstr(&doc),
		    "{\"x\":0,\"y\":1,\"z\":3}", buf_cstr(&want));
		CHECK(ok);
	} else {
		ok = false;
	}
	buf_release(&doc);
	buf_release(&want);
	return ok;
}

static bool
refuses(const char *text)
{
	return gives(text, text, text, NULL) && gives("1", text, "2", NULL) &&
	    gives("1", "2", text, NULL) && gives(text, "1", "2", NULL);
}

static void
test_reads(void)
{
	static const char *const good[] = { "0", "-0", "1.10", "1e400",
	    "-1E-400", "12345678901234567890", "0.1e+5", "true", "false",
	    "null", "\"\"", "\"\\u0041\\ud83d\\ude00\\ud800 \\\"\\/\"",
	    "\"\xc3\xb6\xf0\x9f\x98\x80\"", "[]", "{}", "[ ]", "{\t}",
	    "[[],{}]", "{\"\":[1 , 2]}", "{\"a\":{\"a\":1}}" };
	static const char *const bad[] = { "NaN", "Infinity", "-", "01", "1.",
	    ".5", "1e", "+1", "0x1", "tru", "truer", "nul", "\"", "\"\\x\"",
	    "\"\\u12g4\"", "\"\\u123", "\"\t\"", "\"\xff\"",
	    "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "[", "]", "[1,]", "[,1]",
	    "[1 2]", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}",
	    "{1:1}", "{\"a\" 1}", "[1}", "{\"a\":1]", "1 2", "[]]",
	    "// c\n1", "\xef\xbb\xbf 1", "'a'", " ", "\f1",
	    "{\"a\":1,\"a\":1}", "{\"a\":1,\"\\u0061\":2}",
	    "{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}" };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK(reads(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!refuses(bad[i]))
			FAIL(bad[i]);
	CHECK(gives("", "{\"a\":1}", "{\"b\":2}", "{\"a\":1,\"b\":2}"));
	CHECK(gives("1", "", "2", NULL));
}

static void
test_objects(void)
{
	CHECK(gives("{\"a\":1,\"b\":2}", "{\"a\":1,\"b\":3,\"c\":4}",
	    "{\"a\":5,\"b\":2,\"d\":6}", "{\"a\":5,\"b\":3,\"c\":4,\"d\":6}"));
	/* the later one wins */
	CHECK(gives("{\"a\":1}", "{\"a\":2}", "{\"a\":3}", "{\"a\":3}"));
	CHECK(gives("{}", "{\"a\":2}", "{\"a\":null}", "{\"a\":null}"));
	CHECK(gives("{}", "{\"a\":{\"b\":1}}", "{\"a\":{\"c\":1}}",
	    "{\"a\":{\"b\":1,\"c\":1}}"));
	/* deleted, or kept by an edit */
	CHECK(gives("{\"a\":1,\"b\":2}", "{\"b\":2}", "{\"a\":1}", "{}"));
	CHECK(gives("{\"a\":1}", "{}", "{\"a\":2}", "{\"a\":2}"));
	CHECK(gives("{\"a\":{\"b\":1,\"c\":2}}", "{}",
	    "{\"a\":{\"b\":1,\"c\":3}}", "{\"a\":{\"b\":1,\"c\":3}}"));
	CHECK(gives("{\"a\":[1],\"b\":1}", "{\"a\":[ 1 ],\"b\":2}",
	    "{\"b\":1}", "{\"b\":2}"));
	/* a scalar gives way to what has things in it */
	CHECK(gives("{\"a\":1}", "{\"a\":{\"b\":1}}", "{\"a\":2}",
	    "{\"a\":{\"b\":1}}"));
	CHECK(gives("{\"a\":{\"b\":1,\"c\":1}}", "{\"a\":{\"b\":2,\"c\":1}}",
	    "{\"a\":null}", "{\"a\":{\"b\":2,\"c\":1}}"));
	CHECK(gives("{\"a\":1}", "{\"a\":{}}", "{\"a\":[]}", NULL));
	CHECK(gives("{\"a\":{}}", "{\"a\":[1]}", "{\"a\":{}, \"b\":1}",
	    "{\"a\":[1], \"b\":1}"));
}

static void
test_order(void)
{
	/* new ones stand where they were put */
	CHECK(gives("{\"a\":1,\"b\":2}", "{\"x\":1,\"a\":1,\"b\":2}",
	    "{\"a\":1,\"y\":1,\"b\":2}",
	    "{\"x\":1,\"a\":1,\"y\":1,\"b\":2}"));
	/* one order; two: the later one; what it has not stays in place */
	CHECK(gives("{\"a\":1,\"b\":2,\"c\":3}", "{\"c\":3,\"b\":4,\"a\":1}",
	    "{\"a\":4,\"b\":2,\"c\":3}", "{\"c\":3,\"b\":4,\"a\":4}"));
	CHECK(gives("{\"a\":1,\"b\":2,\"c\":3}", "{\"c\":3,\"b\":2,\"a\":4}",
	    "{\"b\":2,\"a\":1,\"c\":4}", "{\"b\":2,\"a\":4,\"c\":4}"));
	CHECK(gives("{\"a\":1,\"b\":2,\"c\":3}", "{\"c\":3,\"a\":1}",
	    "{\"a\":1,\"b\":4,\"c\":3}", "{\"c\":3,\"a\":1,\"b\":4}"));
	/* an order alone is no other value */
	CHECK(gives("{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}",
	    "{\"a\":1,\"b\":3}", "{\"a\":1,\"b\":3}"));
	CHECK(gives("{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}",
	    "{\"a\":1,\"b\": 2}", "{\"a\":1,\"b\": 2}"));
}

static void
test_arrays(void)
{
	CHECK(gives("[1,2,3]", "[1,5,3]", "[1,6,3,7]", "[1,5,6,3,7]"));
	CHECK(gives("[1,2,3]", "[0,1,2,3]", "[1,3]", "[0,1,3]"));
	CHECK(gives("[1]", "[1,2]", "[1,2,3]", "[1,2,2,3]"));
	CHECK(gives("[\"a\"]", "[\"\\u0061\",2]", "[3,\"a\"]",
	    "[3,\"\\u0061\",2]"));
	CHECK(gives("[1.0]", "[1]", "[1.0,2]", "[1,2]"));
	CHECK(gives("[1,2]", "[]", "[2]", "[]"));
	/* no values of their own: by value */
	CHECK(gives("[{\"a\":1,\"b\":1}]", "[{\"a\":2,\"b\":1}]",
	    "[{\"a\":1,\"b\":2}]",
	    "[{\"a\":2,\"b\":1},{\"a\":1,\"b\":2}]"));
	CHECK(gives("[{\"id\":1,\"b\":1},{\"id\":1}]",
	    "[{\"id\":1,\"b\":2},{\"id\":1}]",
	    "[{\"id\":1,\"b\":3},{\"id\":1}]",
	    "[{\"id\":1,\"b\":2},{\"id\":1,\"b\":3},{\"id\":1}]"));
}

static void
test_named(void)
{
	CHECK(gives("[{\"id\":1,\"b\":1}]", "[{\"id\":1,\"b\":2}]",
	    "[{\"id\":1,\"b\":1,\"c\":3}]", "[{\"id\":1,\"b\":2,\"c\":3}]"));
	CHECK(gives("[{\"key\":\"x\",\"b\":1}]", "[]",
	    "[{\"key\":\"x\",\"b\":2}]", "[{\"key\":\"x\",\"b\":2}]"));
	CHECK(gives("[]", "[{\"id\":\"n\",\"a\":1}]",
	    "[{\"id\":\"n\",\"b\":1},{\"id\":2}]",
	    "[{\"id\":\"n\",\"a\":1,\"b\":1},{\"id\":2}]"));
	CHECK(gives("[{\"id\":1},{\"id\":2,\"x\":1}]",
	    "[{\"id\":2,\"x\":1},{\"id\":1}]",
	    "[{\"id\":1},{\"id\":2,\"x\":2}]",
	    "[{\"id\":2,\"x\":2},{\"id\":1}]"));
	/* "1" is not 1, and null and containers name nothing */
	CHECK(gives("[{\"id\":1},{\"id\":\"1\"}]",
	    "[{\"id\":1,\"a\":1},{\"id\":\"1\"}]",
	    "[{\"id\":1,\"b\":1},{\"id\":\"1\"}]",
	    "[{\"id\":1,\"a\":1,\"b\":1},{\"id\":\"1\"}]"));
	CHECK(gives("[{\"id\":null}]", "[{\"id\":null,\"a\":1}]",
	    "[{\"id\":null,\"b\":1}]",
	    "[{\"id\":null,\"a\":1},{\"id\":null,\"b\":1}]"));
}

static void
test_layout(void)
{
	CHECK(gives("{\n\t\"a\": 1\n}\n", "{\n\t\"a\": 1,\n\t\"b\": 2\n}\n",
	    "{\n\t\"x\": [\n\t\t1\n\t],\n\t\"a\": 1\n}\n",
	    "{\n\t\"x\": [\n\t\t1\n\t],\n\t\"a\": 1,\n\t\"b\": 2\n}\n"));
	/* the layout is a register, too */
	CHECK(gives("{\n  \"a\": [1,  2],\n  \"b\": 1\n}\n",
	    "{\r\n\t\"a\":[1,  2],\r\n\t\"b\":1\r\n}\r\n",
	    "{\n  \"a\": [1,  2],\n  \"b\": 1,\n  \"c\": {\n"
	    "    \"d\": \"\\\"\\n: \"\n  }\n}\n",
	    "{\r\n\t\"a\":[1,  2],\r\n\t\"b\":1,\r\n\t\"c\":{\r\n"
	    "\t\t\"d\":\"\\\"\\n: \"\r\n\t}\r\n}\r\n"));
	CHECK(gives("{\n \"a\": 1,\n \"b\": 2\n}\n", "{\"a\":1,\"b\":2}",
	    "{\n \"a\": 1,\n \"b\": [\n  3,\n  4\n ]\n}\n",
	    "{\"a\":1,\"b\":[3,4]}"));
	CHECK(gives("{\"a\": 1, \"b\": 2}", "{\"a\":1,\"b\":2}",
	    "{\"a\": 1, \"b\": [3, 4]}", "{\"a\":1,\"b\":[3,4]}"));
	CHECK(gives("{\"a\":1,\"b\":2}", "{\"a\": 1, \"b\": 2}",
	    "{\"a\":1,\"b\":[3,4]}", "{\"a\": 1, \"b\": [3, 4]}"));
	CHECK(gives("{\"a\":1}\n", "{\"a\":1}", "{\"a\":2}\n", "{\"a\":2}"));
	CHECK(gives("[]", "[1]", "[2]", "[1, 2]"));
}

/* n containers around a 1. */
static struct buf
nested(size_t n, const char *open, const char *close)
{
	struct buf b;

	buf_init(&b, JSONDOC_MAX * 2);
	for (size_t i = 0; i < n; i++)
		(void)buf_str(&b, open);
	(void)buf_str(&b, "1");
	for (size_t i = 0; i < n; i++)
		(void)buf_str(&b, close);
	return b;
}

static void
test_bounds(void)
{
	const char *many[JSONMERGE_VERSIONS + 2];
	struct buf b, out;

	b = nested(JSONDOC_DEPTH, "{\"a\":", "}");
	CHECK(gives(buf_cstr(&b), buf_cstr(&b), buf_cstr(&b), buf_cstr(&b)));
	buf_release(&b);
	b = nested(JSONDOC_DEPTH + 1, "[", "]");
	CHECK(refuses(buf_cstr(&b)));
	buf_release(&b);
	b = nested(200000, "[", "]");
	CHECK(refuses(buf_cstr(&b)));
	buf_release(&b);

	for (size_t i = 0; i < JSONMERGE_VERSIONS + 1; i++)
		many[i] = i % 2 == 0 ? "[1]" : "[1,2]";
	many[JSONMERGE_VERSIONS + 1] = NULL;
	CHECK(merge("[]", many, &out) == ZK_EREFUSED);
	many[JSONMERGE_VERSIONS] = NULL;
	CHECK(merge("[1]", many, &out) == ZK_OK &&
	    strcmp(buf_cstr(&out), "[1,2]") == 0);
	buf_release(&out);
	many[0] = NULL;
	CHECK(merge("[]", many, &out) == ZK_EREFUSED);
	buf_init(&out, JSONDOC_MAX - 1);
	CHECK(jsonmerge(NULL, 0, &(struct jsonmerge_version){
	    (const uint8_t *)"1", 1 }, 1, &out) == ZK_ELIMIT);
}

/* Each version fits, what they are together does not. */
static void
test_too_long(void)
{
	struct buf a, b;
	size_t n = JSONDOC_MAX / 2;

	buf_init(&a, JSONDOC_MAX + 1);
	buf_init(&b, JSONDOC_MAX);
	(void)buf_str(&a, "[\"");
	while (a.len < n)
		(void)buf_u8(&a, 'a');
	(void)buf_put(&b, a.data, a.len);
	(void)buf_str(&a, "a\"]");
	(void)buf_str(&b, "b\"]");
	CHECK(gives("[]", buf_cstr(&a), buf_cstr(&b), NULL));
	CHECK(gives("[]", "[]", buf_cstr(&b), buf_cstr(&b)));
	while (a.len < JSONDOC_MAX)
		(void)buf_u8(&a, ' ');
	CHECK(gives("[]", "[]", buf_cstr(&a), buf_cstr(&a)));
	(void)buf_u8(&a, ' ');
	CHECK(gives("[]", "[]", buf_cstr(&a), NULL));
	buf_release(&a);
	buf_release(&b);
}

/* Much of nothing, and much that is nearly the same: it ends soon. */
static void
test_hostile(void)
{
	struct buf a[3], out;
	const char *texts[3] = { NULL, NULL, NULL };
	uint32_t x = 1;

	for (int i = 0; i < 3; i++) {
		buf_init(&a[i], JSONDOC_MAX);
		(void)buf_str(&a[i], "[");
		for (int k = 0; k < 60000; k++) {
			x = x * 1664525u + 1013904223u;
			(void)buf_printf(&a[i], "%u,", x >> 29);
		}
		(void)buf_str(&a[i], "9]");
	}
	texts[0] = buf_cstr(&a[1]);
	texts[1] = buf_cstr(&a[2]);
	CHECK(merge(buf_cstr(&a[0]), texts, &out) == ZK_OK);
	CHECK(out.len > a[0].len / 2);
	buf_release(&out);
	for (int i = 0; i < 3; i++) {
		buf_reset(&a[i]);
		(void)buf_str(&a[i], "{");
		while (a[i].len < 300000)
			(void)buf_u8(&a[i], ' ');
		for (int k = 0; k < 20000; k++)
			(void)buf_printf(&a[i], "\"%d\":%d,", k, k % 3 == i);
		(void)buf_str(&a[i], "\"\":0}");
	}
	texts[0] = buf_cstr(&a[1]);
	texts[1] = buf_cstr(&a[2]);
	CHECK(merge(buf_cstr(&a[0]), texts, &out) == ZK_OK);
	buf_release(&out);
	for (int i = 0; i < 3; i++)
		buf_release(&a[i]);
}

TESTS(
    { "reads", test_reads },
    { "objects", test_objects },
    { "order", test_order },
    { "arrays", test_arrays },
    { "named", test_named },
    { "layout", test_layout },
    { "bounds", test_bounds },
    { "too_long", test_too_long },
    { "hostile", test_hostile },
)
