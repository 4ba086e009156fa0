/*
 * Symmetric keys: 32 bytes in guarded memory, wiped by their free, each with
 * one role.  A function that gets a key of another role than it serves is a
 * broken invariant (BUG).
 */
#ifndef ZK_CRYPTO_KEY_H
#define ZK_CRYPTO_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define KEY_LEN 32	/* bytes */

struct env;
struct buf;
struct key;

enum key_role {
	KEY_SEED = 1,	/* parent of others: key_derive only */
	KEY_AEAD,	/* aead_seal, aead_open */
	KEY_SIGN,	/* seed of an Ed25519 pair: signkey_new */
	KEY_KEM,	/* seed of a KEM pair: kemkey_new */
	KEY_PRF		/* prf_*: keyed cutting */
};

/* A fresh random key.  ZK_ENOMEM. */
ZK_CHECKED enum zk_err key_random(struct env *env, enum key_role role,
    struct key **out);

/*
 * HKDF-SHA-256 (RFC 5869) of parent (role KEY_SEED) without salt, info =
 * length byte and label, then 4-byte little-endian length and ctx.
 */
ZK_CHECKED enum zk_err key_derive(const struct key *parent,
    enum key_role role, const char *label, const void *ctx, size_t ctx_len,
    struct key **out);

void key_free(struct key *k);

/* Another handle on the same bytes and role. */
ZK_CHECKED enum zk_err key_dup(const struct key *k, struct key **out);

/* Constant time. */
bool key_equal(const struct key *a, const struct key *b);

/*
 * commit(k) = BLAKE2b-256(label, k): binds a key without telling it.
 */
void key_commit(const struct key *k, const char *label,
    uint8_t out[static 32]);

/*
 * The bytes, for sealing them: appended to out, which must have its wipe
 * flag set (else BUG); and back.
 */
ZK_CHECKED enum zk_err key_export(const struct key *k, struct buf *out);
ZK_CHECKED enum zk_err key_import(enum key_role role,
    const uint8_t in[static KEY_LEN], struct key **out);

#endif
