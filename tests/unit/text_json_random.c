/*
 * Random documents of JSON: their merge is what a plain model of the rules
 * makes of them, byte for byte in each layout, and the laws hold.
 */
#include "json_model.h"
#include "text/replay.h"

static enum zk_err
merge(const struct buf *base, const struct buf *const *from, size_t n,
    struct buf *out)
{
	struct jsonmerge_version v[JSONMERGE_VERSIONS];

	for (size_t i = 0; i < n; i++)
		v[i] = (struct jsonmerge_version){ from[i]->data,
		    from[i]->len };
	buf_init(out, JSONDOC_MAX);
	return jsonmerge(base->data, base->len, v, n, out);
}

static bool
gives(const struct buf *base, const struct buf *const *from, size_t n,
    const struct buf *want)
{
	struct buf out;
	bool ok = merge(base, from, n, &out) == ZK_OK && same(&out, want);

	if (!ok)
		printf("# base %s\n# got  %s\n# want %s\n", base->data,
		    buf_cstr(&out), want->data);
	buf_release(&out);
	return ok;
}

/* What base and the versions in one set say. */
struct round {
	struct val *base, *v[VERSIONS], *want;
	struct buf b, text[VERSIONS], to;
};

static void
round_init(struct round *r, uint32_t mixed)
{
	size_t layout = draw(LAYOUTS);

	made_n = texts = 0;
	do
		r->base = grow(4, false);
	while (r->base->kind == SCALAR);
	for (int i = 0; i < VERSIONS; i++)
		r->v[i] = draw(8) == 0 ? r->base : edit(r->base, 4, false);
	refused = false;
	r->want = model(r->base, r->v);
	r->b = text_of(r->base, layout);
	r->to = text_of(r->want, layout);
	for (int i = 0; i < VERSIONS; i++)
		r->text[i] = text_of(r->v[i], mixed ? draw(LAYOUTS) : layout);
}

static void
round_release(struct round *r)
{
	buf_release(&r->b);
	buf_release(&r->to);
	for (int i = 0; i < VERSIONS; i++)
		buf_release(&r->text[i]);
}

/* Byte for byte in one layout; in many the same value, in one of them. */
static void
test_model(void)
{
	int merged = 0;

	for (uint32_t i = 0; i < 2000; i++) {
		const struct buf *from[VERSIONS];
		struct round r;
		struct buf out;
		enum zk_err e;

		round_init(&r, i % 2);
		for (int k = 0; k < VERSIONS; k++)
			from[k] = &r.text[k];
		e = merge(&r.b, from, VERSIONS, &out);
		CHECK(e == (refused ? ZK_EREFUSED : ZK_OK));
		merged += e == ZK_OK;
		if (e == ZK_OK && (i % 2 ? !same_value(&out, &r.to) :
		    !same(&out, &r.to))) {
			printf("# base %s\n", buf_cstr(&r.b));
			for (int k = 0; k < VERSIONS; k++)
				printf("# and  %s\n", buf_cstr(&r.text[k]));
			printf("# got  %s\n# want %s\n", buf_cstr(&out),
			    buf_cstr(&r.to));
			FAIL("not what the model makes");
		}
		buf_release(&out);
		round_release(&r);
		if (test_failed)
			return;
	}
	CHECK(merged > 1300);
}

/* How often each scalar, by its number, stands in the text. */
static void
count(const struct buf *b, uint32_t *n)
{
	memset(n, 0, sizeof(*n) * 4096);
	for (size_t i = 0; i < b->len; i++) {
		unsigned v = 0;

		/* a scalar begins behind no letter and no dot */
		if (b->data[i] < '0' || b->data[i] > '9' ||
		    b->data[i - 1] == 'k' || b->data[i - 1] == '.')
			continue;
		while (b->data[i] >= '0' && b->data[i] <= '9')
			v = v * 10 + b->data[i++] - '0';
		n[v % 4096]++;
	}
}

/* Whether both have the same scalars. */
static bool
same_scalars(const struct buf *a, const struct buf *b)
{
	static uint32_t n[2][4096];

	count(a, n[0]);
	count(b, n[1]);
	return memcmp(n[0], n[1], sizeof(n[0])) == 0;
}

/* Two first, and then with the third: the same but for the order. */
static void
check_pair(const struct buf *b, const struct buf *one, const struct buf *two,
    const struct buf *three, const struct buf *all)
{
	struct buf ab, bc, out;

	CHECK(merge(b, (const struct buf *[]){ one, two }, 2, &ab) == ZK_OK);
	CHECK(merge(b, (const struct buf *[]){ two, three }, 2, &bc) ==
	    ZK_OK);
	CHECK(merge(b, (const struct buf *[]){ &ab, three }, 2, &out) ==
	    ZK_OK);
	CHECK(keep ? same_value(&out, all) : same_scalars(&out, all));
	buf_release(&out);
	CHECK(merge(b, (const struct buf *[]){ one, &bc }, 2, &out) == ZK_OK);
	CHECK(keep ? same_value(&out, all) : same_scalars(&out, all));
	if (test_failed)
		printf("# base %s\n# a %s\n# b %s\n# c %s\n# ab %s\n"
		    "# bc %s\n# all %s\n", b->data, one->data, two->data,
		    three->data, buf_cstr(&ab), buf_cstr(&bc), all->data);
	buf_release(&out);
	buf_release(&ab);
	buf_release(&bc);
}

static void
test_laws(void)
{
	for (uint32_t i = 0; i < 1200 && !test_failed; i++) {
		const struct buf *x, *y, *z, *b, *with[4];
		size_t at = draw(4), n = 0;
		struct round r;
		struct buf all;

		keep = i % 4 < 2;
		round_init(&r, i % 2);
		b = &r.b;
		x = &r.text[0];
		y = &r.text[1];
		z = &r.text[2];
		CHECK(gives(b, (const struct buf *[]){ x }, 1, x));
		CHECK(gives(b, (const struct buf *[]){ x, x }, 2, x));
		CHECK(gives(b, (const struct buf *[]){ b, x }, 2, x));
		CHECK(gives(b, (const struct buf *[]){ x, b, b, x }, 4, x));
		for (size_t k = 0; k < 4; k++)
			with[k] = k == at ? b : &r.text[n++];
		if (merge(b, (const struct buf *[]){ x, y, z }, 3,
		    &all) == ZK_OK) {
			CHECK(gives(b, with, 4, &all));
			check_pair(b, x, y, z, &all);
		}
		buf_release(&all);
		round_release(&r);
	}
	keep = false;
}

/* ---- the order of insertions ---- */

#define BASE 8u

/* One version of the numbers 0 to BASE - 1, as text and as edits. */
static void
number_edits(uint32_t no, struct buf *text, struct text_edit *e,
    struct replay_version *v)
{
	uint32_t pos = 0, more = 0;
	const char *sep = "";

	*v = (struct replay_version){ .edits = e, .rank = no };
	(void)buf_str(text, "[");
	for (uint32_t i = 0; i <= BASE; i++) {
		uint32_t ins = draw(3) == 0 ? draw(3) : 0;
		bool del = i < BASE && draw(3) == 0;

		if (ins > 0)
			e[v->edits_n++] = (struct text_edit){ pos, 0, ins };
		for (; ins > 0; ins--, pos++, sep = ",")
			(void)buf_printf(text, "%s%u", sep,
			    (no + 1) * 1000 + more++);
		if (del)
			e[v->edits_n++] = (struct text_edit){ pos, 1, 0 };
		if (i == BASE || del)
			continue;
		(void)buf_printf(text, "%s%u", sep, i);
		sep = ",";
		pos++;
	}
	(void)buf_str(text, "]");
}

/* Elements stand in the order in which a text has its characters. */
static void
test_as_text(void)
{
	for (uint32_t round = 0; round < 800; round++) {
		struct text_edit e[VERSIONS][2 * BASE + 2];
		struct replay_version v[VERSIONS];
		const struct buf *from[VERSIONS];
		struct buf base, text[VERSIONS], want;
		struct replay m = { .n = 0 };
		const char *sep = "";

		buf_init(&base, 1024);
		buf_init(&want, 1024);
		(void)buf_str(&base, "[0,1,2,3,4,5,6,7]");
		for (uint32_t i = 0; i < VERSIONS; i++) {
			buf_init(&text[i], 1024);
			number_edits(i, &text[i], e[i], &v[i]);
			from[i] = &text[i];
		}
		NEED(replay_run(BASE, v, VERSIONS, NULL, &m) == ZK_OK);
		(void)buf_str(&want, "[");
		for (size_t i = 0; i < m.n; i++)
			for (uint32_t k = 0; k < m.runs[i].len; k++, sep = ",")
				(void)buf_printf(&want, "%s%u", sep,
				    (m.runs[i].version + 1) * 1000 +
				    m.runs[i].off + k);
		(void)buf_str(&want, "]");
		CHECK(gives(&base, from, VERSIONS, &want));
		replay_release(&m);
		buf_release(&base);
		buf_release(&want);
		for (uint32_t i = 0; i < VERSIONS; i++)
			buf_release(&text[i]);
		if (test_failed)
			return;
	}
}

/* ---- what matches what ---- */

/*
 * Devices merge each for themselves, so which of several subsequences is
 * taken should never change: this is the hash of what came out when it was
 * written.  Another one means devices that merge twice.
 */
#define PINNED 0x1512b2e5u

static void
test_pinned(void)
{
	uint32_t h = 0x811c9dc5u;

	seed = 7;
	for (uint32_t round = 0; round < 210; round++) {
		uint32_t most = round < 200 ? 40 : 1500;
		const struct buf *from[VERSIONS];
		struct buf text[VERSIONS + 1], out;

		for (size_t i = 0; i <= VERSIONS; i++) {
			buf_init(&text[i], JSONDOC_MAX);
			(void)buf_str(&text[i], "[[],");
			for (uint32_t k = draw(most); k > 0; k--)
				(void)buf_printf(&text[i], "%u,", draw(5));
			(void)buf_str(&text[i], "{}]");
			if (i < VERSIONS)
				from[i] = &text[i];
		}
		CHECK(merge(&text[VERSIONS], from, VERSIONS, &out) == ZK_OK);
		for (size_t i = 0; i < out.len; i++)
			h = (h ^ out.data[i]) * 0x01000193u;
		buf_release(&out);
		for (size_t i = 0; i <= VERSIONS; i++)
			buf_release(&text[i]);
	}
	if (h != PINNED)
		printf("# 0x%08xu\n", h);
	CHECK(h == PINNED);
}

static void
with_values(void (*run)(void))
{
	made = calloc(MAKES, sizeof(*made));
	NEED(made != NULL);
	run();
	free(made);
}

static void
test_model_made(void)
{
	with_values(test_model);
}

static void
test_laws_made(void)
{
	with_values(test_laws);
}

TESTS(
    { "model", test_model_made },
    { "laws", test_laws_made },
    { "as_text", test_as_text },
    { "pinned", test_pinned },
)
