/* Ops and segments: there and back, refusals, canonical form, sizes, speed. */
#include <time.h>

#include "crypto/crypto.h"
#include "crypto/key.h"
#include "crypto/sign.h"
#include "format/keys.h"
#include "format/logop.h"
#include "format/op.h"
#include "format/segment.h"
#include "proto/seghdr.h"
#include "test.h"
#include "util/buf.h"
#include "util/env_fake.h"

#define SMALL_FILES 10000

static const uint8_t vault[32] = "vault";
static const uint8_t epoch_id[32] = "epoch";
static const uint8_t device[32] = "device";
static const uint8_t rec_heads[2][SEG_HASH_LEN] = { "b", "a" };

struct kit {
	struct fake *fake;
	struct env *env;
	struct key *epoch;
	struct key *log_seed;
	struct signkey *log;
	struct seg_keys keys;
};

static enum zk_err
kit_find(void *arg, const uint8_t prefix[static 16],
    const struct key **epoch, uint8_t id[static SEG_HASH_LEN])
{
	struct kit *k = arg;
	uint8_t own[EPOCH_PREFIX_LEN];

	epoch_prefix(k->epoch, own);
	if (memcmp(own, prefix, sizeof(own)) != 0)
		return ZK_EGAP;
	*epoch = k->epoch;
	memcpy(id, epoch_id, 32);
	return ZK_OK;
}

static bool
kit_init(struct kit *k)
{
	memset(k, 0, sizeof(*k));
	if (crypto_init() != ZK_OK)
		return false;
	k->fake = fake_new(7);
	if (k->fake == NULL)
		return false;
	k->env = fake_env(k->fake);
	k->keys.find = kit_find;
	k->keys.arg = k;
	return key_random(k->env, KEY_SEED, &k->epoch) == ZK_OK &&
	    key_random(k->env, KEY_SIGN, &k->log_seed) == ZK_OK &&
	    signkey_new(k->log_seed, &k->log) == ZK_OK;
}

static void
kit_release(struct kit *k)
{
	key_free(k->epoch);
	key_free(k->log_seed);
	signkey_free(k->log);
	fake_free(k->fake);
}

static struct segb_opts
kit_opts(const struct kit *k, uint64_t seq, uint64_t lamport0)
{
	static const uint8_t prev[32] = "prev";
	static const struct seg_head heads[2] = {
		{ "zz", 9, "hash of zz" }, { "aa", 3, "hash of aa" }
	};

	return (struct segb_opts){ .vault = vault,
	    .log_pk = signkey_pk(k->log), .seq = seq, .prev = prev,
	    .lamport0 = lamport0, .wall_ms = 1767225600000,
	    .rec_heads = rec_heads, .rec_heads_n = 2,
	    .heads = heads, .heads_n = 2 };
}

static struct opid
opid_of(const char *s)
{
	struct opid id;

	memset(&id, 0, sizeof(id));
	memcpy(id.b + 6, s, strlen(s));
	return id;
}

static struct op
op_file(const char *name, const struct opid *parent)
{
	struct op op;

	memset(&op, 0, sizeof(op));
	op.type = OP_CREATE;
	op.kind = NODE_FILE;
	op.has_mode = true;
	op.mode = 0644;
	op.has_mtime = true;
	op.mtime_sec = 1767225599;
	op.mtime_nsec = 123456789;
	op.parent = *parent;
	op.name = (const uint8_t *)name;
	op.name_len = strlen(name);
	op.content.form = CONTENT_INLINE;
	op.content.size = 5;
	memcpy(op.content.hash, "content hash", 12);
	op.content.data = (const uint8_t *)"\0hello";
	op.content.data_len = 6;
	op.wall_ms = 1767225600000;
	return op;
}

/* One op of every type, refering to each other and to ops elsewhere. */
static size_t
ops_all(struct op *ops)
{
	static struct opid a, b, root, refs[3];
	static uint8_t cert[200];
	size_t n = 0;

	a = opid_of("first op elsewhere");
	b = opid_of("second op elsewhere");
	refs[0] = b;
	refs[1] = a;
	refs[2] = b;
	ops[n++] = (struct op){ .type = OP_LOG, .body = cert,
	    .body_len = sizeof(cert) };
	ops[n++] = (struct op){ .type = OP_NAME,
	    .body = (const uint8_t *)"\4name", .body_len = 5 };
	ops[n] = op_file("a file", &root);
	ops[n++].wall_ms = -5;
	ops[n] = op_file("dir", &a);
	ops[n].kind = NODE_DIR;
	memset(&ops[n++].content, 0, sizeof(ops[0].content));
	ops[n] = op_file("link", &a);
	ops[n++].kind = NODE_SYMLINK;
	ops[n] = op_file("tree", &a);
	ops[n].kind = NODE_TREE;
	ops[n++].has_mtime = false;
	ops[n++] = (struct op){ .type = OP_MOVE, .node = a, .parent = b,
	    .name = (const uint8_t *)"\xff\n", .name_len = 2,
	    .place_refs = refs, .place_refs_n = 3 };
	ops[n] = op_file("", &a);
	ops[n].type = OP_EDIT;
	ops[n].kind = 0;
	ops[n].node = a;
	ops[n].has_mode = false;
	ops[n].mtime_sec = -1;
	ops[n].content.form = CONTENT_MANIFEST;
	ops[n].content.merge = MERGE_TEXT;
	ops[n].content.script = (const uint8_t *)"\3\0\1\2\3";
	ops[n].content.script_len = 5;
	ops[n].content.size = OP_FILE_MAX;
	ops[n].content_refs = refs;
	ops[n++].content_refs_n = 2;
	ops[n++] = (struct op){ .type = OP_ATTR, .node = b, .has_mode = true,
	    .mode = 0777, .attr_refs = refs, .attr_refs_n = 1 };
	ops[n++] = (struct op){ .type = OP_REMOVE, .node = b,
	    .place_refs = refs, .place_refs_n = 1, .content_refs = refs + 1,
	    .content_refs_n = 1, .attr_refs = refs, .attr_refs_n = 2 };
	ops[n++] = (struct op){ .type = OP_DROP, .node = a,
	    .content_refs = refs, .content_refs_n = 1 };
	ops[n++] = (struct op){ .type = OP_KEEP, .node = a };
	ops[n++] = (struct op){ .type = OP_SPLIT, .kind = NODE_FILE,
	    .node = a, .parent = b, .name = (const uint8_t *)"x",
	    .name_len = 1, .content_refs = refs, .content_refs_n = 1 };
	ops[n++] = (struct op){ .type = OP_ALIAS, .body = cert,
	    .body_len = 3 };
	ops[n++] = (struct op){ .type = OP_FORK, .body = cert,
	    .body_len = 3 };
	return n;
}

/* A stored segment with all of ops_all. */
static bool
seg_all(struct kit *k, struct buf *out, struct opid *ids, size_t *n)
{
	struct segb_opts o = kit_opts(k, 1, 41);
	uint8_t hash[32];
	struct op ops[32];
	struct segb *b;
	bool ok = true;

	*n = ops_all(ops);
	if (segb_new(&o, &b) != ZK_OK)
		return false;
	for (size_t i = 0; i < *n; i++)
		ok &= segb_add(b, &ops[i], &ids[i]) == ZK_OK;
	ok &= segb_seal(b, k->env, k->epoch, epoch_id, k->log, out,
	    hash) == ZK_OK;
	segb_free(b);
	return ok;
}

static bool
refs_same(const struct opid *got, size_t got_n, const struct opid *want,
    size_t want_n)
{
	size_t found = 0;

	for (size_t i = 1; i < got_n; i++)
		if (opid_cmp(&got[i - 1], &got[i]) >= 0)
			return false;
	for (size_t i = 0; i < want_n; i++)
		for (size_t j = 0; j < got_n; j++)
			found += opid_cmp(&got[j], &want[i]) == 0;
	return found == want_n;
}

static bool
op_same(const struct op *got, const struct op *want)
{
	bool ok = got->type == want->type && got->kind == want->kind;

	ok &= got->has_mode == want->has_mode;
	ok &= !got->has_mode || got->mode == want->mode;
	ok &= got->has_mtime == want->has_mtime;
	ok &= !got->has_mtime || (got->mtime_sec == want->mtime_sec &&
	    got->mtime_nsec == want->mtime_nsec);
	ok &= got->wall_ms == want->wall_ms;
	ok &= got->name_len == want->name_len && (got->name_len == 0 ||
	    memcmp(got->name, want->name, got->name_len) == 0);
	ok &= opid_cmp(&got->parent, &want->parent) == 0 ||
	    want->type == OP_EDIT;
	ok &= refs_same(got->place_refs, got->place_refs_n,
	    want->place_refs, want->place_refs_n);
	ok &= refs_same(got->content_refs, got->content_refs_n,
	    want->content_refs, want->content_refs_n);
	ok &= refs_same(got->attr_refs, got->attr_refs_n, want->attr_refs,
	    want->attr_refs_n);
	ok &= got->content.form == want->content.form &&
	    got->content.merge == want->content.merge &&
	    got->content.size == want->content.size &&
	    got->content.data_len == want->content.data_len &&
	    got->content.script_len == want->content.script_len;
	if (ok && got->content.form != CONTENT_NONE)
		ok = memcmp(got->content.hash, want->content.hash, 32) == 0 &&
		    memcmp(got->content.data, want->content.data,
		    got->content.data_len) == 0 &&
		    (got->content.script_len == 0 ||
		    memcmp(got->content.script, want->content.script,
		    got->content.script_len) == 0);
	ok &= got->body_len == want->body_len && (got->body_len == 0 ||
	    memcmp(got->body, want->body, got->body_len) == 0);
	return ok;
}

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

/* Decodes bytes as the first op of a segment. */
static enum zk_err
decode(const void *p, size_t n, struct op *op)
{
	static const uint8_t log[32] = "log";
	static struct op_ids refs;
	struct opdict *d;
	enum zk_err r;

	if (opdict_new(log, 1, 0, &d) != ZK_OK)
		return ZK_ENOMEM;
	r = op_decode(d, p, n, &refs, op);
	if (r == ZK_OK)
		r = opdict_check(d);
	opdict_free(d);
	return r;
}

#define DECODE(s, op) decode(s, sizeof(s) - 1, op)

/* X03: one spelling for everything. */
static void
test_malformed(void)
{
	static const char keep[] = "\7\0\0\1\0\0\0";
	struct op op;

	CHECK(DECODE("\7\0\0\1\0\0\0", &op) == ZK_OK);
	/* trailing byte, long varint, missing byte */
	CHECK(DECODE("\7\0\0\1\0\0\0\0", &op) == ZK_EFORMAT);
	CHECK(DECODE("\7\0\x80\0\1\0\0\0", &op) == ZK_EFORMAT);
	for (size_t i = 0; i < sizeof(keep) - 1; i++)
		CHECK(decode(keep, i, &op) == ZK_EFORMAT);
	/* flags that do not belong */
	for (unsigned f = 1; f < 256; f++) {
		char b[sizeof(keep)];

		memcpy(b, keep, sizeof(keep));
		b[1] = (char)f;
		CHECK(decode(b, sizeof(keep) - 1, &op) == ZK_EFORMAT);
	}
	/* root spelled out, reference to nothing */
	CHECK(DECODE("\7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	    "\0\0\0\0\0\0\0\0\0\0\0\0", &op) == ZK_EFORMAT);
	CHECK(DECODE("\7\0\0\2\0\0\0", &op) == ZK_EFORMAT);
	CHECK(DECODE("\7\0\0\3\0\0\0", &op) == ZK_EFORMAT);
	/* the same id spelled out twice */
	CHECK(DECODE("\6\0\0" "\0" "abcdefghabcdefghabcdefghabcdefgh"
	    "\1" "\0" "abcdefghabcdefghabcdefghabcdefgh", &op) ==
	    ZK_EFORMAT);
	CHECK(DECODE("\6\0\0" "\0" "abcdefghabcdefghabcdefghabcdefgh"
	    "\1" "\3", &op) == ZK_OK);
	/* references out of order, and twice */
	CHECK(DECODE("\6\0\0" "\0" "bbcdefghabcdefghabcdefghabcdefgh"
	    "\2" "\3" "\0" "abcdefghabcdefghabcdefghabcdefgh", &op) ==
	    ZK_EFORMAT);
	CHECK(DECODE("\6\0\0" "\0" "bbcdefghabcdefghabcdefghabcdefgh"
	    "\2" "\3\3", &op) == ZK_EFORMAT);
	/* unknown types are critical */
	for (unsigned t = 0; t < 256; t++) {
		uint8_t b[2] = { (uint8_t)t, 0 };

		if ((t >= 1 && t <= 9) || (t >= 16 && t <= 20) ||
		    (t >= 24 && t <= 28) || t == 32 || t == 33 || t == 40)
			continue;
		CHECK(decode(b, 2, &op) == ZK_EVERSION);
	}
	/* a tree has a type of its own, which readers of before do not know */
	CHECK(DECODE("\11\104\0\1\1t\1\1" "abcdefghabcdefghabcdefghabcdefgh"
	    "\2\0x", &op) == ZK_OK && op.type == OP_CREATE &&
	    op.kind == NODE_TREE && op_clean(&op) == ZK_OK);
	CHECK(DECODE("\1\104\0\1\1t\1\1" "abcdefghabcdefghabcdefghabcdefgh"
	    "\2\0x", &op) == ZK_EFORMAT);
	CHECK(DECODE("\11\24\0\1\1t\1\1" "abcdefghabcdefghabcdefghabcdefgh"
	    "\2\0x", &op) == ZK_EFORMAT);
	CHECK(DECODE("\11\0", &op) == ZK_EFORMAT);
}

/* Extension fields: even ones pass and stay, odd ones stop us. */
static void
test_extensions(void)
{
	struct op op;

	CHECK(DECODE("\7\10\0\1\0\0\0\4\2\2ab", &op) == ZK_OK);
	CHECK(op.ext_len == 4);
	CHECK(DECODE("\7\10\0\1\0\0\0\4\3\2ab", &op) == ZK_EVERSION);
	CHECK(DECODE("\7\10\0\1\0\0\0\0", &op) == ZK_EFORMAT);
	CHECK(DECODE("\7\10\0\1\0\0\0\4\2\0\2\0", &op) == ZK_EFORMAT);
	CHECK(DECODE("\7\10\0\1\0\0\0\4\4\0\2\0", &op) == ZK_EFORMAT);
	CHECK(DECODE("\7\10\0\1\0\0\0\4\2\3ab", &op) == ZK_EFORMAT);
}

/* N01, N02, N11, N14: what a hostile member may write. */
static void
test_clean(void)
{
	static const char *const bad[] = { "", ".", "..", "../x", "/etc",
	    "a/b", "a/", ".zk" };
	struct opid root = { { 0 } };
	char name[300];
	struct op op;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		op = op_file(bad[i], &root);
		CHECK(op_clean(&op) == ZK_EREFUSED);
	}
	memset(name, 'n', sizeof(name));
	op = op_file("x", &root);
	op.name = (const uint8_t *)name;
	op.name_len = 255;
	CHECK(op_clean(&op) == ZK_OK);
	op.name_len = 256;
	CHECK(op_clean(&op) == ZK_EREFUSED);
	name[3] = '\0';
	op.name_len = 5;
	CHECK(op_clean(&op) == ZK_EREFUSED);
	op = op_file("x", &root);
	op.mode = 07777;
	op.mtime_sec = INT64_MAX;
	op.mtime_nsec = UINT32_MAX;
	CHECK(op_clean(&op) == ZK_OK);
	CHECK(op.mode == 0777 && op.mtime_sec == OP_MTIME_MAX &&
	    op.mtime_nsec == 999999999);
	op.mtime_sec = INT64_MIN;
	CHECK(op_clean(&op) == ZK_OK && op.mtime_sec == OP_MTIME_MIN);
	for (uint8_t kind = 5; kind < 16; kind++) {
		op.kind = kind;
		CHECK(op_clean(&op) == ZK_EREFUSED);
	}
	op = op_file("x", &root);
	op.content.size = OP_FILE_MAX + 1;
	CHECK(op_clean(&op) == ZK_EREFUSED);
}

/* A void op keeps its id; what comes after it stands. */
static void
test_void(void)
{
	struct segb_opts o;
	struct opid root = { { 0 } }, id;
	struct op op = op_file("good", &root);
	uint8_t hash[32];
	struct segb *b;
	struct seg *s;
	struct buf out;
	struct kit k;
	uint8_t *at;
	size_t n;

	NEED(kit_init(&k));
	o = kit_opts(&k, 2, 50);
	buf_init(&out, SEGHDR_STORED_MAX);
	NEED(segb_new(&o, &b) == ZK_OK);
	op.name = (const uint8_t *)"a/b";
	op.name_len = 3;
	/* our own side never writes one */
	CHECK(segb_add(b, &op, &id) == ZK_EREFUSED);
	CHECK(segb_count(b) == 0);
	/* so forge it: the builder only checks, and we change the checked */
	op.name = (const uint8_t *)"..x";
	CHECK(segb_add(b, &op, &id) == ZK_OK);
	op.name = (const uint8_t *)"ok";
	op.name_len = 2;
	CHECK(segb_add(b, &op, &id) == ZK_OK);
	CHECK(segb_seal(b, k.env, k.epoch, epoch_id, k.log, &out, hash) ==
	    ZK_OK);
	NEED(seg_open(out.data, out.len, vault, &k.keys, NULL, &s) == ZK_OK);
	at = (uint8_t *)(uintptr_t)seg_plain(s, &n);
	for (size_t i = 0; i + 3 <= n; i++)
		if (memcmp(at + i, "..x", 3) == 0)
			at[i + 2] = '/';
	CHECK(seg_next(s, &op) == ZK_EREFUSED);
	CHECK(op.type == OP_CREATE && opid_lamport(&op.id) == 50);
	CHECK(seg_next(s, &op) == ZK_OK);
	CHECK(op.name_len == 2 && memcmp(op.name, "ok", 2) == 0);
	CHECK(opid_cmp(&op.id, &id) == 0);
	seg_free(s);
	segb_free(b);
	buf_release(&out);
	kit_release(&k);
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

static void
test_logops(void)
{
	struct logop_cert c = { .device = "dev", .incarnation = 2,
	    .has_prev = true, .prev_log = "old", .prev_seq = 17,
	    .prev_hash = "hash" }, c2;
	struct logop_alias a = { .level = 1, .hash = "h", .name = "n",
	    .key = "k", .nonce = "x", .plain_len = 7, .stored_len = 256 }, a2;
	static struct logop_fork f, f2;
	char name[LOGOP_NAME_MAX + 1];
	struct buf b;
	struct kit k;

	NEED(kit_init(&k));
	buf_init(&b, 1 << 20);
	CHECK(logop_cert_encode(&c, vault, signkey_pk(k.log), k.log, &b) ==
	    ZK_OK);
	CHECK(logop_cert_decode(b.data, b.len, &c2) == ZK_OK);
	CHECK(memcmp(&c, &c2, sizeof(c)) == 0);
	CHECK(logop_cert_check(&c2, vault, signkey_pk(k.log),
	    signkey_pk(k.log)) == ZK_OK);
	c2.prev_seq++;
	CHECK(logop_cert_check(&c2, vault, signkey_pk(k.log),
	    signkey_pk(k.log)) == ZK_ETAMPER);
	for (size_t i = 0; i < b.len; i++)
		CHECK(logop_cert_decode(b.data, i, &c2) == ZK_EFORMAT);
	buf_reset(&b);
	CHECK(logop_name_encode("laptop", &b) == ZK_OK);
	CHECK(logop_name_decode(b.data, b.len, name) == ZK_OK);
	CHECK(strcmp(name, "laptop") == 0);
	CHECK(logop_name_encode("", &b) == ZK_ELIMIT);
	buf_reset(&b);
	CHECK(logop_alias_encode(&a, &b) == ZK_OK);
	CHECK(logop_alias_decode(b.data, b.len, &a2) == ZK_OK);
	CHECK(memcmp(&a, &a2, sizeof(a)) == 0);
	buf_reset(&b);
	memcpy(f.log, "log", 3);
	f.n = 2;
	f.seg[0] = (struct logop_fork_seg){ .seq = 3,
	    .stored = (const uint8_t *)"bytes", .stored_len = 5 };
	f.seg[1] = (struct logop_fork_seg){ .seq = 4, .blob = a };
	CHECK(logop_fork_encode(&f, &b) == ZK_OK);
	CHECK(logop_fork_decode(b.data, b.len, &f2) == ZK_OK);
	CHECK(f2.n == 2 && f2.seg[1].seq == 4 && f2.seg[0].stored_len == 5);
	CHECK(memcmp(&f2.seg[1].blob, &a, sizeof(a)) == 0);
	f.seg[1].seq = 3;
	buf_reset(&b);
	CHECK(logop_fork_encode(&f, &b) == ZK_OK);
	CHECK(logop_fork_decode(b.data, b.len, &f2) == ZK_EFORMAT);
	buf_release(&b);
	kit_release(&k);
}

TESTS(
    { "roundtrip", test_roundtrip },
    { "X02_damage", test_damage },
    { "bound", test_bound },
    { "X04_canonical", test_canonical },
    { "X03_malformed", test_malformed },
    { "extensions", test_extensions },
    { "N01_N02_N11_N14_clean", test_clean },
    { "void", test_void },
    { "N21_rules", test_rules },
    { "full", test_full },
    { "cost", test_cost },
    { "logops", test_logops },
)
