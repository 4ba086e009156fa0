/*
 * Values: what a set of value ops means does not depend on the order, the
 * batches or the number of times they come in, and is what the plainest
 * reading of zk-merge(7), VALUES, says.
 *
 * KV_SEEDS (default 2000) histories are drawn at random, each taken in twice
 * in orders of their own.
 */
#include <stdint.h>
#include <unistd.h>

#include "crdt/kv.h"
#include "format/kvop.h"
#include "format/op.h"
#include "store/kvdb.h"
#include "store/store.h"
#include "test.h"
#include "util/buf.h"

#define OPS 24
#define LOGS 3

/* One op of a history; bodies are made for the namespace at hand. */
struct gen {
	struct op op;
	struct kv_op v;
	struct opid refs[4];
	char value[4];
	uint8_t log;
};

struct history {
	struct gen g[OPS];
	size_t n;
};

static uint64_t seed;

static unsigned
below(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % n;
}

static void
log_of(unsigned i, uint8_t out[static 32])
{
	memset(out, 0, 32);
	/* two of them begin alike */
	memcpy(out, i == 2 ? "other!" : "alike!", 6);
	out[31] = (uint8_t)i;
}

/* Of all ops of a kind, or, one time in eight, of any that is to come. */
static size_t
some_refs(struct history *h, struct gen *g)
{
	size_t n = 0;

	for (unsigned tries = below(5); n < 4 && tries > 0; tries--) {
		size_t i = below(h->n > 0 && below(8) != 0 ?
		    (unsigned)h->n : OPS);

		if (&h->g[i] != g)
			g->refs[n++] = h->g[i].op.id;
	}
	return n;
}

static void
gen_one(struct history *h, size_t at)
{
	static const uint8_t types[] = { OP_KV_SET, OP_KV_ADD, OP_KV_TOTAL,
		OP_KV_PUSH, OP_KV_REMOVE };
	struct gen *g = &h->g[at];
	unsigned pick = below(8);

	g->v = (struct kv_op){ .type = types[pick < 5 ? pick : 4 - pick % 4] };
	g->v.key.kind = g->v.type == OP_KV_REMOVE ?
	    (uint8_t)(KV_REGISTER + below(4)) : kvop_kind(g->v.type);
	g->v.key.name = (const uint8_t *)(below(4) == 0 ? "b" : "a");
	g->v.key.name_len = 1;
	snprintf(g->value, sizeof(g->value), "%u", below(3));
	if (g->v.type != OP_KV_TOTAL && g->v.type != OP_KV_REMOVE) {
		g->v.value = (const uint8_t *)g->value;
		g->v.value_len = below(5) == 0 ? 0 : 1;
	}
	g->v.total = g->v.type == OP_KV_TOTAL ? (int64_t)below(9) - 4 : 0;
	g->op.type = g->v.type;
	g->op.wall_ms = (int64_t)at;
	if (g->v.type == OP_KV_PUSH && below(4) != 0)
		g->op.node = h->g[below((unsigned)at + 1)].op.id;
	if (g->v.type == OP_KV_PUSH || g->v.type == OP_KV_TOTAL)
		return;
	g->op.content_refs = g->refs;
	g->op.content_refs_n = some_refs(h, g);
	g->v.covers = g->refs;
	g->v.covers_n = g->op.content_refs_n;
}

static void
gen(struct history *h, unsigned ops)
{
	memset(h, 0, sizeof(*h));
	/* times first, so that what is to come can be named */
	for (size_t i = 0; i < OPS; i++) {
		uint8_t log[32];

		h->g[i].log = (uint8_t)below(LOGS);
		log_of(h->g[i].log, log);
		op_bare_id(log, 2 + i / 2, &h->g[i].op.id);
		h->g[i].op.id.b[30] = (uint8_t)below(256);
		h->g[i].op.id.b[31] = (uint8_t)i;
	}
	for (; h->n < ops; h->n++)
		gen_one(h, h->n);
	for (size_t i = 0; i < h->n; i++) {
		h->g[i].v.id = h->g[i].op.id;
		h->g[i].v.after = h->g[i].op.node;
	}
}

static void
take(struct db *db, struct gen *g, const char *ns)
{
	uint8_t log[32];
	struct buf b;
	struct op op = g->op;

	log_of(g->log, log);
	g->v.key.ns = (const uint8_t *)ns;
	g->v.key.ns_len = strlen(ns);
	buf_init(&b, KVOP_BODY_MAX);
	NEED(kvop_encode(&g->v, &b) == ZK_OK);
	op.body = b.data;
	op.body_len = b.len;
	CHECK(kvdb_take(db, log, &op) == ZK_OK);
	buf_release(&b);
}

/* In an order of its own, some of them again. */
static void
take_all(struct db *db, struct history *h, const char *ns)
{
	size_t order[OPS];

	for (size_t i = 0; i < h->n; i++) {
		size_t j = below((unsigned)i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	for (size_t i = 0; i < h->n; i++) {
		take(db, &h->g[order[i]], ns);
		if (below(4) == 0)
			take(db, &h->g[order[below((unsigned)i + 1)]], ns);
	}
}

/* What is said ------------------------------------------------------------ */

static enum zk_err
say_row(void *arg, const struct kvdb_row *row)
{
	return buf_printf(arg, " %02x:%.*s", row->id.b[31],
	    (int)row->value_len, (const char *)row->value);
}

static enum zk_err
say_value(void *arg, const struct kvdb_row *row)
{
	return buf_printf(arg, " %.*s", (int)row->value_len,
	    (const char *)row->value);
}

static void
say_key(struct db *db, const char *ns, const char *name, uint8_t kind,
    struct buf *out)
{
	struct kv_key key = { kind, (const uint8_t *)ns, strlen(ns),
		(const uint8_t *)name, strlen(name) };
	int64_t k = 0, sum = 0;
	bool there = false;
	enum zk_err r = kvdb_find(db, &key, &k);

	buf_printf(out, "%s %u:", name, kind);
	if (r == ZK_OK && kind == KV_REGISTER)
		r = kvdb_live(db, k, say_row, out);
	if (r == ZK_OK && kind == KV_SET)
		r = kvdb_members(db, k, say_value, out);
	if (r == ZK_OK && kind == KV_LIST)
		r = kvdb_items(db, k, say_row, out);
	if (r == ZK_OK && kind == KV_COUNTER)
		r = kvdb_sum(db, k, &sum, &there);
	if (there)
		buf_printf(out, " %lld", (long long)sum);
	CHECK(r == ZK_OK || r == ZK_ENOENT);
	buf_u8(out, '\n');
}

static void
say_all(struct db *db, const char *ns, struct buf *out)
{
	for (uint8_t kind = KV_REGISTER; kind <= KV_LIST; kind++) {
		say_key(db, ns, "a", kind, out);
		say_key(db, ns, "b", kind, out);
	}
}

/* The same, straight from the set of ops ---------------------------------- */

static bool
is_of(const struct gen *g, const char *name, uint8_t kind)
{
	return g->v.key.kind == kind && g->v.key.name[0] == name[0];
}

static bool
is_live(const struct history *h, const struct gen *g)
{
	for (size_t i = 0; i < h->n; i++)
		for (size_t j = 0; j < h->g[i].v.covers_n; j++)
			if (h->g[i].v.key.kind == g->v.key.kind &&
			    h->g[i].v.key.name[0] == g->v.key.name[0] &&
			    opid_cmp(&h->g[i].v.covers[j], &g->v.id) == 0)
				return false;
	return g->v.type != OP_KV_REMOVE;
}

/* The op of a key with the greatest id below that of before. */
static const struct gen *
next_down(const struct history *h, const char *name, uint8_t kind,
    const struct gen *before)
{
	const struct gen *best = NULL;

	for (size_t i = 0; i < h->n; i++) {
		const struct gen *g = &h->g[i];

		if (is_of(g, name, kind) && g->v.type != OP_KV_REMOVE &&
		    (before == NULL || opid_cmp(&g->v.id, &before->v.id) < 0)
		    && (best == NULL || opid_cmp(&g->v.id, &best->v.id) > 0))
			best = g;
	}
	return best;
}

static void
model_items(const struct history *h, const char *name,
    const struct opid *after, struct buf *out)
{
	for (const struct gen *g = next_down(h, name, KV_LIST, NULL);
	    g != NULL; g = next_down(h, name, KV_LIST, g)) {
		if (opid_cmp(&g->v.after, after) != 0)
			continue;
		if (is_live(h, g))
			buf_printf(out, " %02x:%.*s", g->v.id.b[31],
			    (int)g->v.value_len, g->value);
		model_items(h, name, &g->v.id, out);
	}
}

static void
model_sum(const struct history *h, const char *name, struct buf *out)
{
	int64_t sum = 0;
	bool there = false;

	for (uint8_t log = 0; log < LOGS; log++) {
		const struct gen *last = NULL, *covered = NULL;

		for (const struct gen *g = next_down(h, name, KV_COUNTER,
		    NULL); g != NULL;
		    g = next_down(h, name, KV_COUNTER, g)) {
			if (g->log != log)
				continue;
			if (last == NULL)
				last = g;
			if (covered == NULL && !is_live(h, g))
				covered = g;
		}
		if (last == NULL)
			continue;
		there |= is_live(h, last);
		sum += last->v.total -
		    (covered == NULL ? 0 : covered->v.total);
	}
	if (there)
		buf_printf(out, " %lld", (long long)sum);
}

static void
model_key(const struct history *h, const char *name, uint8_t kind,
    struct buf *out)
{
	static const struct opid start;
	static const char *const members[] = { "", "0", "1", "2" };

	buf_printf(out, "%s %u:", name, kind);
	if (kind == KV_COUNTER)
		model_sum(h, name, out);
	if (kind == KV_LIST)
		model_items(h, name, &start, out);
	for (const struct gen *g = next_down(h, name, kind, NULL);
	    kind == KV_REGISTER && g != NULL;
	    g = next_down(h, name, kind, g))
		if (is_live(h, g))
			buf_printf(out, " %02x:%.*s", g->v.id.b[31],
			    (int)g->v.value_len, g->value);
	for (size_t m = 0; kind == KV_SET && m < 4; m++) {
		bool in = false;

		for (size_t i = 0; i < h->n; i++)
			in |= is_of(&h->g[i], name, kind) &&
			    is_live(h, &h->g[i]) &&
			    h->g[i].v.value_len == strlen(members[m]) &&
			    memcmp(h->g[i].value, members[m],
			    h->g[i].v.value_len) == 0;
		if (in)
			buf_printf(out, " %s", members[m]);
	}
	buf_u8(out, '\n');
}

static void
model_all(const struct history *h, struct buf *out)
{
	for (uint8_t kind = KV_REGISTER; kind <= KV_LIST; kind++) {
		model_key(h, "a", kind, out);
		model_key(h, "b", kind, out);
	}
}

static void
test_any_order(void)
{
	const char *env = getenv("KV_SEEDS");
	unsigned long seeds = env == NULL ? 2000 : strtoul(env, NULL, 10);
	struct db *db = NULL;
	struct buf want, got;

	buf_init(&want, 1 << 16);
	buf_init(&got, 1 << 16);
	NEED(store_open(":memory:", true, &db) == ZK_OK);
	NEED(db_begin(db) == ZK_OK);
	for (unsigned long s = 0; s < seeds && !test_failed; s++) {
		struct history h;
		char ns[40];

		seed = 0x9e3779b97f4a7c15 * (s + 1);
		gen(&h, 2 + below(OPS - 2));
		buf_reset(&want);
		model_all(&h, &want);
		for (int twice = 0; twice < 2; twice++) {
			snprintf(ns, sizeof(ns), "%lu-%d", s, twice);
			take_all(db, &h, ns);
			buf_reset(&got);
			say_all(db, ns, &got);
			if (strcmp(buf_cstr(&want), buf_cstr(&got)) == 0)
				continue;
			printf("# seed %lu, wanted:\n%s# got:\n%s", s,
			    buf_cstr(&want), buf_cstr(&got));
			FAIL("another state");
		}
	}
	CHECK(db_commit(db) == ZK_OK);
	db_close(db);
	buf_release(&want);
	buf_release(&got);
}

/* Sums are held at the ends, and do not depend on who is added first. */
static void
test_sum(void)
{
	struct kv_part p[3000];

	for (size_t i = 0; i < 3000; i++)
		p[i] = (struct kv_part){ i < 1500 ? KV_TOTAL_MAX :
		    -KV_TOTAL_MAX, 0 };
	CHECK(kv_sum(p, 3000) == 0);
	CHECK(kv_sum(p, 1500) == INT64_MAX);
	CHECK(kv_sum(p + 1500, 1500) == -INT64_MAX);
	CHECK(kv_sum(p, 0) == 0);
	p[0] = (struct kv_part){ 7, 5 };
	p[1] = (struct kv_part){ 3, -1 };
	CHECK(kv_sum(p, 2) == 6);
}

/* Pushes of one device stay together, beside those of another. */
static void
test_list_runs(void)
{
	struct kv_item it[6];
	uint8_t log[2][32];
	size_t n = 6;

	memset(it, 0, sizeof(it));
	log_of(0, log[0]);
	log_of(2, log[1]);
	for (size_t i = 0; i < 6; i++) {
		op_bare_id(log[i % 2], 2 + i / 2, &it[i].id);
		it[i].row = (int64_t)i;
		if (i >= 2)
			it[i].after = it[i - 2].id;
	}
	NEED(kv_order(it, &n) == ZK_OK);
	CHECK(n == 6);
	/* the greater first id goes first, with all that follows it */
	for (size_t i = 0; i < n; i++)
		CHECK(it[i].row == (int64_t)(i < 3 ? 2 * i + 1 : 2 * (i - 3)));
	/* what hangs on nothing is left out */
	it[5].after.b[0] = 0xff;
	NEED(kv_order(it, &n) == ZK_OK);
	CHECK(n == 5);
}

/* Long lists cost no stack. */
static void
test_list_long(void)
{
	size_t n = 100000;
	struct kv_item *it = calloc(n, sizeof(*it));
	uint8_t log[32];

	NEED(it != NULL);
	log_of(0, log);
	for (size_t i = 0; i < n; i++) {
		op_bare_id(log, 1 + i, &it[i].id);
		it[i].row = (int64_t)i;
		if (i > 0)
			it[i].after = it[i - 1].id;
	}
	CHECK(kv_order(it, &n) == ZK_OK && n == 100000);
	for (size_t i = 0; i < n; i++)
		if (it[i].row != (int64_t)i) {
			FAIL("out of order");
			break;
		}
	free(it);
}

static enum zk_err
decode(const void *body, size_t n, uint8_t type)
{
	struct op op = { .type = type, .body = body, .body_len = n };
	struct kv_op v;

	return kvop_decode(&op, &v);
}

static void
test_bodies(void)
{
	static const uint8_t nul[] = { 0, 3, 'a', 0, 'b', 1, 'v' };
	static const uint8_t noname[] = { 1, 'n', 0, 1, 'v' };
	static const uint8_t good[] = { 1, 'n', 1, 'k', 1, 'v' };
	static const uint8_t kind[] = { 9, 0, 1, 'k' };
	static const uint8_t big[] = { 0, 1, 'k', 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 1 };
	uint8_t *huge = NULL;
	struct buf b;
	struct kv_op v = { .type = OP_KV_SET, .key = { KV_REGISTER, NULL, 0,
		(const uint8_t *)"k", 1 } };

	CHECK(decode(good, sizeof(good), OP_KV_SET) == ZK_OK);
	CHECK(decode(good, sizeof(good) - 1, OP_KV_SET) == ZK_EFORMAT);
	CHECK(decode(good, sizeof(good), OP_KV_TOTAL) == ZK_EFORMAT);
	CHECK(decode(nul, sizeof(nul), OP_KV_ADD) == ZK_EREFUSED);
	CHECK(decode(noname, sizeof(noname), OP_KV_PUSH) == ZK_EREFUSED);
	CHECK(decode(kind, sizeof(kind), OP_KV_REMOVE) == ZK_EREFUSED);
	CHECK(decode(kind, sizeof(kind) - 1, OP_KV_REMOVE) == ZK_EFORMAT);
	CHECK(decode(big, sizeof(big), OP_KV_TOTAL) == ZK_EREFUSED);
	CHECK(decode(NULL, 0, OP_KV_SET) == ZK_EFORMAT);

	buf_init(&b, KVOP_BODY_MAX);
	huge = calloc(1, KV_VALUE_MAX + 1);
	NEED(huge != NULL);
	v.value = huge;
	v.value_len = KV_VALUE_MAX;
	CHECK(kvop_encode(&v, &b) == ZK_OK);
	CHECK(decode(b.data, b.len, OP_KV_SET) == ZK_OK);
	v.value_len++;
	CHECK(kvop_encode(&v, &b) == ZK_ELIMIT);
	v = (struct kv_op){ .type = OP_KV_TOTAL, .total = KV_TOTAL_MAX + 1,
		.key = v.key };
	v.key.kind = KV_COUNTER;
	CHECK(kvop_encode(&v, &b) == ZK_ELIMIT);
	v.total = -KV_TOTAL_MAX;
	buf_reset(&b);
	CHECK(kvop_encode(&v, &b) == ZK_OK);
	CHECK(decode(b.data, b.len, OP_KV_TOTAL) == ZK_OK);
	v.key.name_len = 0;
	CHECK(kvop_encode(&v, &b) == ZK_EREFUSED);
	buf_release(&b);
	free(huge);
}

/* A database of before there were values gets their tables when opened. */
static void
test_older_store(void)
{
	char path[] = "/tmp/zk-kv-XXXXXX";
	int fd = mkstemp(path);
	struct db *db = NULL;
	int64_t v = 0;

	NEED(fd >= 0 && close(fd) == 0);
	NEED(store_open(path, true, &db) == ZK_OK);
	NEED(db_exec(db, "DROP TABLE kvop; DROP TABLE kvkey;"
	    "DROP TABLE msg; DROP TABLE chan") == ZK_OK);
	NEED(store_put_int(db, "schema", 1) == ZK_OK);
	db_close(db);
	NEED(store_open(path, false, &db) == ZK_OK);
	CHECK(store_get_int(db, "schema", 0, &v) == ZK_OK &&
	    v == STORE_VERSION);
	CHECK(kvdb_newest(db, &v) == ZK_OK && v == 0);
	db_close(db);
	(void)remove(path);
}

TESTS(
    { "any-order", test_any_order },
    { "sum", test_sum },
    { "list-runs", test_list_runs },
    { "list-long", test_list_long },
    { "bodies", test_bodies },
    { "older-store", test_older_store },
)
