/* Segments: there and back, refusals, canonical form, sizes, speed. */
#include <time.h>

#include "segkit.h"

#define SMALL_FILES 10000

static void
test_roundtrip(void)
{
	struct opid ids[32];
	struct op ops[32], op;
	struct buf out;
	struct seg *s = NULL;
	struct kit k;
	size_t n = 0, m;

	NEED(kit_init(&k));
	buf_init(&out, SEGHDR_STORED_MAX);
	NEED(seg_all(&k, &out, ids, &n));
	NEED(seg_open(out.data, out.len, vault, &k.keys, device, &s) ==
	    ZK_OK);
	CHECK(seg_seq(s) == 1 && seg_count(s) == n);
	CHECK(seg_lamport0(s) == 41 && seg_last_lamport(s) == 40 + n);
	CHECK(seg_wall_ms(s) == 1767225600000);
	CHECK(memcmp(seg_epoch_id(s), epoch_id, 32) == 0);
	CHECK(seg_heads(s, &m)[0].seq == 3 && m == 2);
	CHECK(memcmp(seg_rec_heads(s, &m)[0], "a", 2) == 0 && m == 2);
	ops_all(ops);
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < n; i++) {
			NEED(seg_next(s, &op) == ZK_OK);
			CHECK(op_same(&op, &ops[i]));
			CHECK(opid_cmp(&op.id, &ids[i]) == 0);
			CHECK(opid_lamport(&op.id) == 41 + i);
			CHECK(memcmp(op.device, device, 32) == 0);
			CHECK(op.type == OP_CREATE ||
			    opid_cmp(&op.node, &ops[i].node) == 0);
		}
		CHECK(seg_next(s, &op) == ZK_ENOENT);
		seg_rewind(s);
	}
	seg_free(s);
	buf_release(&out);
	kit_release(&k);
}

/* X02: every truncation and every change of one byte is refused. */
static void
test_damage(void)
{
	struct opid ids[32];
	struct buf out;
	struct seg *s;
	struct kit k;
	size_t n;

	NEED(kit_init(&k));
	buf_init(&out, SEGHDR_STORED_MAX);
	NEED(seg_all(&k, &out, ids, &n));
	for (size_t i = 0; i < out.len; i++) {
		CHECK(seg_open(out.data, i, vault, &k.keys, NULL, &s) !=
		    ZK_OK);
		for (unsigned bit = 0; bit < 8; bit += 7) {
			out.data[i] ^= (uint8_t)(1 << bit);
			CHECK(seg_open(out.data, out.len, vault, &k.keys,
			    NULL, &s) != ZK_OK);
			CHECK(s == NULL);
			out.data[i] ^= (uint8_t)(1 << bit);
		}
	}
	buf_u8(&out, 0);
	CHECK(seg_open(out.data, out.len, vault, &k.keys, NULL, &s) ==
	    ZK_EFORMAT);
	buf_release(&out);
	kit_release(&k);
}

/* Another vault, an unknown epoch, newer versions. */
static void
test_bound(void)
{
	static const uint8_t other[32] = "other vault";
	struct opid ids[32];
	struct key *own, *fresh = NULL;
	struct buf out;
	struct seg *s;
	struct kit k;
	size_t n;

	NEED(kit_init(&k));
	buf_init(&out, SEGHDR_STORED_MAX);
	NEED(seg_all(&k, &out, ids, &n));
	CHECK(seg_open(out.data, out.len, other, &k.keys, NULL, &s) ==
	    ZK_ETAMPER);
	own = k.epoch;
	NEED(key_random(k.env, KEY_SEED, &fresh) == ZK_OK);
	k.epoch = fresh;
	CHECK(seg_open(out.data, out.len, vault, &k.keys, NULL, &s) ==
	    ZK_EGAP);
	k.epoch = own;
	key_free(fresh);
	out.data[3]++;
	CHECK(seg_open(out.data, out.len, vault, &k.keys, NULL, &s) ==
	    ZK_EVERSION);
	out.data[3]--;
	out.data[4]++;
	CHECK(seg_open(out.data, out.len, vault, &k.keys, NULL, &s) ==
	    ZK_EVERSION);
	buf_release(&out);
	kit_release(&k);
}

/* X04: encoding what was decoded gives the same bytes. */
static void
test_canonical(void)
{
	static const uint8_t log[32] = "log";
	static struct op_ids refs;
	struct opdict *w, *r, *again;
	struct op ops[32], op;
	size_t n = ops_all(ops);
	struct buf b, c;

	buf_init(&b, 1 << 20);
	buf_init(&c, 1 << 20);
	NEED(opdict_new(log, 41, 7, &w) == ZK_OK);
	NEED(opdict_new(log, 41, 7, &r) == ZK_OK);
	NEED(opdict_new(log, 41, 7, &again) == ZK_OK);
	for (size_t i = 0; i < n; i++) {
		struct opid id, id2;

		buf_reset(&b);
		buf_reset(&c);
		NEED(op_encode(w, &ops[i], &refs, &b) == ZK_OK);
		op_make_id(log, 41 + i, b.data, b.len, &refs, &id);
		CHECK(b.len + 4 <= op_bound(&ops[i]));
		NEED(op_decode(r, b.data, b.len, &refs, &op) == ZK_OK);
		op_make_id(log, 41 + i, b.data, b.len, &refs, &id2);
		CHECK(opid_cmp(&id, &id2) == 0);
		NEED(op_encode_raw(again, &op, &refs, &c) == ZK_OK);
		CHECK(b.len == c.len && memcmp(b.data, c.data, b.len) == 0);
		CHECK(opdict_own(w, &id) == ZK_OK);
		CHECK(opdict_own(r, &id) == ZK_OK);
		CHECK(opdict_own(again, &id) == ZK_OK);
	}
	CHECK(opdict_check(r) == ZK_OK);
	opdict_free(w);
	opdict_free(r);
	opdict_free(again);
	buf_release(&b);
	buf_release(&c);
}

/* R02, N21: the Lamport rule; a log starts with its certificate. */
static void
test_rules(void)
{
	uint64_t last[2] = { 30, 49 };
	struct segb_opts o;
	struct opid root = { { 0 } }, id;
	struct op op = op_file("x", &root);
	uint8_t hash[32];
	struct segb *b;
	struct seg *s;
	struct buf out;
	struct kit k;

	NEED(kit_init(&k));
	buf_init(&out, SEGHDR_STORED_MAX);
	o = kit_opts(&k, 2, 50);
	NEED(segb_new(&o, &b) == ZK_OK);
	/* an acknowledgement: no ops */
	CHECK(segb_seal(b, k.env, k.epoch, epoch_id, k.log, &out, hash) ==
	    ZK_OK);
	NEED(seg_open(out.data, out.len, vault, &k.keys, NULL, &s) == ZK_OK);
	CHECK(memcmp(hash, seg_hash(s), 32) == 0);
	CHECK(seg_count(s) == 0 && seg_last_lamport(s) == 49);
	CHECK(seg_next(s, &op) == ZK_ENOENT);
	CHECK(seg_check_lamport(s, 40, last, 2) == ZK_OK);
	CHECK(seg_check_lamport(s, 50, last, 2) == ZK_ETAMPER);
	last[1] = 48;
	CHECK(seg_check_lamport(s, 49, last, 2) == ZK_OK);
	CHECK(seg_check_lamport(s, 48, last, 2) == ZK_ETAMPER);
	seg_free(s);
	segb_free(b);
	o = kit_opts(&k, 1, 1);
	NEED(segb_new(&o, &b) == ZK_OK);
	op = op_file("x", &root);
	CHECK(segb_add(b, &op, &id) == ZK_EREFUSED);
	buf_reset(&out);
	CHECK(segb_seal(b, k.env, k.epoch, epoch_id, k.log, &out, hash) ==
	    ZK_OK);
	CHECK(seg_open(out.data, out.len, vault, &k.keys, NULL, &s) ==
	    ZK_EFORMAT);
	segb_free(b);
	o.lamport0 = OPID_LAMPORT_MAX;
	CHECK(segb_new(&o, &b) == ZK_ELIMIT);
	buf_release(&out);
	kit_release(&k);
}

/* Padded sizes, the bound of 4 MiB, and what is left when it is full. */
static void
test_full(void)
{
	static uint8_t data[OP_INLINE_MAX];
	struct segb_opts o;
	struct opid root = { { 0 } }, id;
	struct op op = op_file("x", &root);
	uint8_t hash[32];
	enum zk_err r = ZK_OK;
	struct segb *b;
	struct seg *s;
	struct buf out;
	struct kit k;
	size_t n = 0;

	NEED(kit_init(&k));
	buf_init(&out, SEGHDR_STORED_MAX);
	o = kit_opts(&k, 2, 50);
	NEED(segb_new(&o, &b) == ZK_OK);
	op.content.data = data;
	op.content.data_len = sizeof(data);
	op.content.size = sizeof(data) - 1;
	for (; r == ZK_OK; n++)
		r = segb_add(b, &op, &id);
	CHECK(r == ZK_ELIMIT);
	CHECK(segb_count(b) == n - 1 && n > 120);
	CHECK(segb_size(b) <= SEG_PLAIN_MAX);
	CHECK(segb_seal(b, k.env, k.epoch, epoch_id, k.log, &out, hash) ==
	    ZK_OK);
	CHECK(out.len <= SEGHDR_STORED_MAX);
	NEED(seg_open(out.data, out.len, vault, &k.keys, NULL, &s) == ZK_OK);
	CHECK(seg_count(s) == n - 1);
	seg_free(s);
	segb_free(b);
	buf_release(&out);
	kit_release(&k);
}

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* 10,000 small files in 100 directories: bytes an op, ops a second. */
static void
test_cost(void)
{
	struct segb_opts o;
	struct opid dir = { { 0 } }, root = { { 0 } }, id;
	size_t payload = 0, n = 0;
	uint8_t hash[32];
	char name[32];
	struct segb *b;
	struct seg *s;
	struct buf out;
	struct op op;
	struct kit k;
	double t;

	NEED(kit_init(&k));
	buf_init(&out, SEGHDR_STORED_MAX);
	o = kit_opts(&k, 2, 5000);
	NEED(segb_new(&o, &b) == ZK_OK);
	t = seconds();
	for (unsigned i = 0; i < SMALL_FILES; i++) {
		snprintf(name, sizeof(name), "file-%05u", i);
		op = op_file(name, &root);
		if (i % 101 == 0) {
			op.kind = NODE_DIR;
			memset(&op.content, 0, sizeof(op.content));
			NEED(segb_add(b, &op, &dir) == ZK_OK);
			continue;
		}
		op.parent = dir;
		NEED(segb_add(b, &op, &id) == ZK_OK);
		payload += op.name_len + op.content.data_len;
		n++;
	}
	printf("# encode: %.0f ops/s\n", SMALL_FILES / (seconds() - t));
	printf("# %.1f bytes an op over name and content\n",
	    (double)(segb_size(b) - payload) / (double)n);
	CHECK(segb_size(b) - payload <= 60 * n);
	CHECK(segb_seal(b, k.env, k.epoch, epoch_id, k.log, &out, hash) ==
	    ZK_OK);
	t = seconds();
	NEED(seg_open(out.data, out.len, vault, &k.keys, NULL, &s) == ZK_OK);
	while (seg_next(s, &op) == ZK_OK)
		;
	printf("# open and decode: %.0f ops/s\n",
	    SMALL_FILES / (seconds() - t));
	seg_free(s);
	segb_free(b);
	buf_release(&out);
	kit_release(&k);
}

TESTS(
    { "roundtrip", test_roundtrip },
    { "X02_damage", test_damage },
    { "bound", test_bound },
    { "X04_canonical", test_canonical },
    { "N21_rules", test_rules },
    { "full", test_full },
    { "cost", test_cost },
)
