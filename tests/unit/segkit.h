/*
 * Keys and options for segments of one device, and a plain op.
 */
#ifndef ZK_TESTS_UNIT_SEGKIT_H
#define ZK_TESTS_UNIT_SEGKIT_H

#include "test.h"

#include "crypto/crypto.h"
#include "crypto/key.h"
#include "crypto/sign.h"
#include "format/keys.h"
#include "format/op.h"
#include "format/segment.h"
#include "proto/seghdr.h"
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

#endif
