/* Thin segments: what stays of a segment, what goes, damage, sizes. */

#include "format/op.h"

/* a builder that does not judge, for what no honest device writes */
#define op_encode op_encode_raw
#include "format/segb.c"
#undef op_encode

#include "format/thin.h"
#include "segkit.h"

/* Contents of ops of these types go; how often it was asked. */
struct going {
	const uint8_t *types;
	size_t n;
	size_t asked;
	struct opid last;
	bool first_only;	/* the first that is asked about alone */
	enum zk_err fails;
};

static enum zk_err
goes(void *arg, const struct op *op, bool *yes)
{
	struct going *g = arg;

	CHECK(op->content.form == CONTENT_INLINE ||
	    op->content.form == CONTENT_MANIFEST);
	CHECK(op->type != OP_CREATE || opid_cmp(&op->node, &op->id) == 0);
	*yes = false;
	for (size_t i = 0; i < g->n; i++)
		*yes |= g->types[i] == op->type;
	if (g->first_only && g->asked > 0)
		*yes = false;
	g->asked++;
	g->last = op->id;
	return g->fails;
}

static const uint8_t every[] = { OP_CREATE, OP_EDIT, OP_MSG, OP_CHECKPOINT };

static bool
is_gone(const struct op *op, const uint8_t *types, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (types[i] == op->type)
			return op->content.form != CONTENT_NONE;
	return false;
}

/* The segment of ops_all, opened. */
static bool
open_all(struct kit *k, struct buf *stored, struct opid *ids, size_t *n,
    struct seg **s)
{
	*s = NULL;
	buf_init(stored, SEGHDR_STORED_MAX);
	return kit_init(k) && seg_all(k, stored, ids, n) &&
	    seg_open(stored->data, stored->len, vault, &k->keys, device, s) ==
	    ZK_OK;
}

/* All but the ops. */
static void
check_head(struct seg *s, struct seg *t)
{
	size_t a, b;

	CHECK(seg_seq(s) == seg_seq(t) && seg_count(s) == seg_count(t));
	CHECK(seg_lamport0(s) == seg_lamport0(t));
	CHECK(seg_last_lamport(s) == seg_last_lamport(t));
	CHECK(seg_wall_ms(s) == seg_wall_ms(t));
	CHECK(memcmp(seg_log(s), seg_log(t), 32) == 0);
	CHECK(memcmp(seg_log_pk(s), seg_log_pk(t), 32) == 0);
	CHECK(memcmp(seg_prev(s), seg_prev(t), 32) == 0);
	CHECK(memcmp(seg_hash(s), seg_hash(t), 32) == 0);
	CHECK(memcmp(seg_epoch_id(s), seg_epoch_id(t), 32) == 0);
	CHECK(memcmp(seg_heads(s, &a), seg_heads(t, &b),
	    2 * sizeof(struct seg_head)) == 0 && a == 2 && b == 2);
	CHECK(memcmp(seg_rec_heads(s, &a), seg_rec_heads(t, &b),
	    2 * SEG_HASH_LEN) == 0 && a == 2 && b == 2);
}

/* The ops of t are those that were put in, but for contents that went. */
static void
check_ops(struct seg *t, const struct opid *ids, const uint8_t *types,
    size_t types_n)
{
	struct op ops[32], op;
	size_t n = ops_all(ops);

	NEED(seg_count(t) == n);
	for (size_t i = 0; i < n; i++) {
		struct content *c = &ops[i].content;

		NEED(seg_next(t, &op) == ZK_OK);
		CHECK(opid_cmp(&op.id, &ids[i]) == 0);
		CHECK(op.type != OP_CREATE ||
		    opid_cmp(&op.node, &ids[i]) == 0);
		CHECK(memcmp(op.device, device, 32) == 0);
		if (is_gone(&ops[i], types, types_n)) {
			c->form = CONTENT_GONE;
			c->merge = MERGE_COPY;
			c->script_len = 0;
			c->data = ids[i].b + OPID_HASH_AT;
			c->data_len = OPID_HASH_LEN;
		}
		CHECK(op_same(&op, &ops[i]));
	}
	CHECK(seg_next(t, &ops[0]) == ZK_ENOENT);
}

static void
check_types(const uint8_t *types, size_t types_n)
{
	struct going g = { .types = types, .n = types_n };
	struct buf stored, out, again;
	struct seg *s, *t = NULL;
	struct opid ids[32];
	struct op op;
	struct kit k;
	size_t n, len, gone = 0;

	NEED(open_all(&k, &stored, ids, &n, &s));
	buf_init(&out, THIN_MAX);
	buf_init(&again, THIN_MAX);
	/* wherever the reader stands */
	CHECK(seg_next(s, &op) == ZK_OK);
	NEED(thin_make(s, goes, &g, &out) == ZK_OK);
	CHECK(g.asked == 6 && opid_cmp(&g.last, &ids[n - 1]) == 0);
	CHECK(seg_next(s, &op) == ZK_OK && op.type == OP_LOG);
	CHECK(thin_is(out.data, out.len) &&
	    !thin_is(stored.data, stored.len));
	NEED(thin_open(out.data, out.len, device, true, &t) == ZK_OK);
	check_head(s, t);
	check_ops(t, ids, types, types_n);
	seg_rewind(t);
	check_ops(t, ids, types, types_n);
	/* nothing gone: the payload as it was */
	(void)seg_plain(t, &len);
	if (types_n == 0)
		CHECK(memcmp(out.data + THIN_HEAD_LEN, seg_plain(s, &n) + 4,
		    len) == 0);
	/* what is gone stays so, and is not asked about */
	for (size_t i = 0; i < seg_count(t); i++) {
		struct op ops[32];

		(void)ops_all(ops);
		gone += is_gone(&ops[i], types, types_n);
	}
	g = (struct going){ .n = 0 };
	CHECK(thin_make(t, goes, &g, &again) == ZK_OK);
	CHECK(g.asked == 6 - gone);
	CHECK(again.len == out.len &&
	    memcmp(again.data, out.data, out.len) == 0);
	seg_free(t);
	seg_free(s);
	buf_release(&again);
	buf_release(&out);
	buf_release(&stored);
	kit_release(&k);
}

static void
test_same(void)
{
	static const uint8_t some[] = { OP_EDIT, OP_CHECKPOINT };

	check_types(NULL, 0);
	check_types(some, sizeof(some));
	check_types(every, sizeof(every));
}

/* In two steps or in one: the same bytes. */
static void
test_steps(void)
{
	static const uint8_t one[] = { OP_CREATE, OP_MSG };
	struct going g = { .types = one, .n = sizeof(one) };
	struct buf stored, part, out, direct;
	struct seg *s, *t = NULL;
	struct opid ids[32];
	struct kit k;
	size_t n;

	NEED(open_all(&k, &stored, ids, &n, &s));
	buf_init(&part, THIN_MAX);
	buf_init(&out, THIN_MAX);
	buf_init(&direct, THIN_MAX);
	NEED(thin_make(s, goes, &g, &part) == ZK_OK);
	NEED(thin_open(part.data, part.len, NULL, true, &t) == ZK_OK);
	g = (struct going){ .types = every, .n = sizeof(every) };
	NEED(thin_make(t, goes, &g, &out) == ZK_OK);
	CHECK(g.asked == 2);
	NEED(thin_make(s, goes, &g, &direct) == ZK_OK);
	CHECK(out.len == direct.len && out.len != part.len &&
	    memcmp(out.data, direct.data, out.len) == 0);
	/* an error of whom is asked ends it */
	g.fails = ZK_ESIGNAL;
	buf_reset(&out);
	CHECK(thin_make(s, goes, &g, &out) == ZK_ESIGNAL);
	g.fails = ZK_OK;
	buf_release(&out);
	buf_init(&out, direct.len - 1);
	CHECK(thin_make(s, goes, &g, &out) == ZK_ELIMIT);
	seg_free(t);
	seg_free(s);
	buf_release(&direct);
	buf_release(&part);
	buf_release(&out);
	buf_release(&stored);
	kit_release(&k);
}

/* Each way to open takes what it is for. */
static void
test_open(void)
{
	struct going g = { .types = every, .n = sizeof(every) };
	struct buf stored, out;
	struct seg *s, *t = NULL;
	struct opid ids[32], id;
	struct op ops[32], op;
	struct kit k;
	size_t n;

	NEED(open_all(&k, &stored, ids, &n, &s));
	buf_init(&out, THIN_MAX);
	NEED(thin_make(s, goes, &g, &out) == ZK_OK);
	CHECK(seg_open(out.data, out.len, vault, &k.keys, NULL, &t) ==
	    ZK_EFORMAT);
	CHECK(t == NULL);
	CHECK(thin_open(stored.data, stored.len, NULL, true, &t) ==
	    ZK_EFORMAT);
	CHECK(t == NULL);
	NEED(seg_open_held(stored.data, stored.len, vault, &k.keys, &t) ==
	    ZK_OK);
	CHECK(seg_count(t) == n);
	seg_free(t);
	NEED(seg_open_held(out.data, out.len, vault, &k.keys, &t) == ZK_OK);
	CHECK(seg_count(t) == n);
	seg_free(t);
	/* for contents alone: types and contents are true */
	NEED(seg_open_contents(out.data, out.len, vault, &k.keys, &t) ==
	    ZK_OK);
	(void)ops_all(ops);
	for (size_t i = 0; i < n; i++) {
		NEED(seg_next(t, &op) == ZK_OK);
		CHECK(op.type == ops[i].type);
		op_bare_id(seg_log(s), 41 + i, &id);
		CHECK(opid_cmp(&op.id, &id) == 0);
		CHECK((op.content.form == CONTENT_GONE) ==
		    is_gone(&ops[i], every, sizeof(every)));
	}
	seg_free(t);
	/* a newer format */
	out.data[3]++;
	CHECK(thin_open(out.data, out.len, NULL, true, &t) == ZK_EVERSION);
	seg_free(s);
	buf_release(&out);
	buf_release(&stored);
	kit_release(&k);
}

/* Content that is gone is in thin segments alone: never in a sealed one. */
static void
test_sealed(void)
{
	static const uint8_t log[32] = "log";
	static struct op_ids refs;
	uint8_t rest[OPID_HASH_LEN] = "rest of an id", hash[32];
	struct opid root = { { 0 } }, id;
	struct op op = op_file("x", &root);
	struct opdict *d = NULL;
	struct segb_opts o;
	struct segb *b = NULL;
	struct seg *s = NULL;
	struct buf out;
	struct kit k;

	NEED(kit_init(&k));
	buf_init(&out, SEGHDR_STORED_MAX);
	op.content.form = CONTENT_GONE;
	op.content.data = rest;
	op.content.data_len = sizeof(rest);
	NEED(opdict_new(log, 1, 0, &d) == ZK_OK);
	CHECK(op_encode(d, &op, &refs, &out) == ZK_EREFUSED);
	opdict_free(d);
	buf_reset(&out);
	o = kit_opts(&k, 2, 50);
	NEED(segb_new(&o, &b) == ZK_OK);
	NEED(segb_add(b, &op, &id) == ZK_OK);
	NEED(segb_seal(b, k.env, k.epoch, epoch_id, k.log, &out, hash) ==
	    ZK_OK);
	CHECK(seg_open(out.data, out.len, vault, &k.keys, NULL, &s) ==
	    ZK_EFORMAT);
	CHECK(s == NULL);
	CHECK(seg_open_held(out.data, out.len, vault, &k.keys, &s) ==
	    ZK_EFORMAT);
	segb_free(b);
	buf_release(&out);
	kit_release(&k);
}

/*
 * Opens bytes; if they are a thin segment, all of it can be read, and it is
 * its own thin form.
 */
static bool
try(const uint8_t *p, size_t n, struct buf *again)
{
	struct going g = { .n = 0 };
	struct seg *s = NULL;
	struct op op;
	size_t ops = 0;
	enum zk_err r = thin_open(p, n, NULL, true, &s);

	if (r != ZK_OK) {
		CHECK(s == NULL);
		CHECK(r == ZK_EFORMAT || r == ZK_EVERSION);
		return false;
	}
	do {
		r = seg_next(s, &op);
		ops += r == ZK_OK || r == ZK_EREFUSED;
	} while (r == ZK_OK || r == ZK_EREFUSED);
	CHECK(r == ZK_ENOENT && ops == seg_count(s));
	buf_reset(again);
	CHECK(thin_make(s, goes, &g, again) == ZK_OK);
	CHECK(again->len == n && memcmp(again->data, p, n) == 0);
	seg_free(s);
	return true;
}

/* Cut off anywhere, with a byte too much, or any byte another. */
static void
test_damage(void)
{
	struct going g = { .types = every, .n = sizeof(every),
		.first_only = true };
	struct buf stored, out, again;
	struct seg *s;
	struct opid ids[32];
	struct kit k;
	size_t n, good = 0;

	NEED(open_all(&k, &stored, ids, &n, &s));
	buf_init(&out, THIN_MAX);
	buf_init(&again, THIN_MAX);
	NEED(thin_make(s, goes, &g, &out) == ZK_OK);
	CHECK(try(out.data, out.len, &again));
	for (size_t i = 0; i < out.len; i++) {
		uint8_t was = out.data[i];
		uint8_t *cut = malloc(i + 1);

		/* of just that length: a reader past it is seen */
		NEED(cut != NULL);
		memcpy(cut, out.data, i);
		CHECK(!try(cut, i, &again));
		free(cut);
		for (unsigned bit = 0; bit < 8; bit++) {
			out.data[i] = (uint8_t)(was ^ 1u << bit);
			good += try(out.data, out.len, &again);
		}
		out.data[i] = was;
	}
	/* names and hashes are not judged */
	CHECK(good > 1000);
	buf_u8(&out, 0);
	CHECK(!try(out.data, out.len, &again));
	seg_free(s);
	buf_release(&again);
	buf_release(&out);
	buf_release(&stored);
	kit_release(&k);
}

/* A full segment of files so small that what is left of each is longer. */
static void
test_full(void)
{
	struct going g = { .types = every, .n = sizeof(every) };
	struct opid root = { { 0 } }, id;
	struct op op = op_file("x", &root);
	uint8_t hash[32];
	enum zk_err r = ZK_OK;
	struct buf stored, out;
	struct segb_opts o;
	struct segb *b = NULL;
	struct seg *s = NULL, *t = NULL;
	struct kit k;
	char name[16];

	NEED(kit_init(&k));
	buf_init(&stored, SEGHDR_STORED_MAX);
	buf_init(&out, THIN_MAX);
	o = kit_opts(&k, 2, 50);
	NEED(segb_new(&o, &b) == ZK_OK);
	op.content.size = 0;
	op.content.data_len = 1;
	for (size_t i = 0; r == ZK_OK; i++) {
		snprintf(name, sizeof(name), "%zu", i);
		op.name = (const uint8_t *)name;
		op.name_len = strlen(name);
		r = segb_add(b, &op, &id);
	}
	CHECK(r == ZK_ELIMIT && segb_size(b) > SEG_PLAIN_MAX * 9 / 10);
	NEED(segb_seal(b, k.env, k.epoch, epoch_id, k.log, &stored, hash) ==
	    ZK_OK);
	NEED(seg_open(stored.data, stored.len, vault, &k.keys, NULL, &s) ==
	    ZK_OK);
	NEED(thin_make(s, goes, &g, &out) == ZK_OK);
	CHECK(g.asked == seg_count(s));
	NEED(thin_open(out.data, out.len, NULL, true, &t) == ZK_OK);
	CHECK(seg_count(t) == seg_count(s));
	seg_free(t);
	seg_free(s);
	segb_free(b);
	buf_release(&out);
	buf_release(&stored);
	kit_release(&k);
}

TESTS(
    { "same", test_same },
    { "steps", test_steps },
    { "open", test_open },
    { "sealed", test_sealed },
    { "damage", test_damage },
    { "full", test_full },
)
