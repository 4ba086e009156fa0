/*
 * What the tests of segments share: keys, a segment with an op of each type,
 * and whether an op is as it was put in.
 */
#ifndef ZK_TESTS_UNIT_SEGKIT_H
#define ZK_TESTS_UNIT_SEGKIT_H

#include "crypto/crypto.h"
#include "crypto/key.h"
#include "crypto/sign.h"
#include "format/keys.h"
#include "format/op.h"
#include "format/segment.h"
#include "proto/seghdr.h"
#include "test.h"
#include "util/buf.h"
#include "util/env_fake.h"

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

static inline enum zk_err
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

static inline bool
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

static inline void
kit_release(struct kit *k)
{
	key_free(k->epoch);
	key_free(k->log_seed);
	signkey_free(k->log);
	fake_free(k->fake);
}

static inline struct segb_opts
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

static inline struct opid
opid_of(const char *s)
{
	struct opid id;

	memset(&id, 0, sizeof(id));
	memcpy(id.b + 6, s, strlen(s));
	return id;
}

static inline struct op
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
static inline size_t
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
	ops[n++] = (struct op){ .type = OP_SETTING, .body = cert,
	    .body_len = 4 };
	ops[n++] = (struct op){ .type = OP_KV_SET, .content_refs = refs,
	    .content_refs_n = 2, .body = cert, .body_len = 5 };
	ops[n++] = (struct op){ .type = OP_KV_ADD, .body = cert,
	    .body_len = 5 };
	ops[n++] = (struct op){ .type = OP_KV_TOTAL, .body = cert,
	    .body_len = 6 };
	ops[n++] = (struct op){ .type = OP_KV_PUSH, .node = a, .body = cert,
	    .body_len = 7 };
	ops[n++] = (struct op){ .type = OP_KV_REMOVE, .content_refs = refs,
	    .content_refs_n = 1, .body = cert, .body_len = 8 };
	ops[n] = op_file("", &root);
	ops[n] = (struct op){ .type = OP_MSG, .content = ops[n].content,
	    .body = cert, .body_len = 9 };
	n++;
	ops[n++] = (struct op){ .type = OP_CHANNEL, .body = cert,
	    .body_len = 3 };
	ops[n++] = (struct op){ .type = OP_CONDEMN, .body = cert,
	    .body_len = 33 };
	ops[n] = op_file("", &root);
	ops[n] = (struct op){ .type = OP_CHECKPOINT,
	    .content = ops[n].content, .body = cert, .body_len = 73 };
	n++;
	return n;
}

/* A stored segment with all of ops_all. */
static inline bool
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

static inline bool
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

static inline bool
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

#endif
