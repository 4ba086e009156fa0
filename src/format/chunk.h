/*
 * A blob: one chunk of a large file, or one part of its manifest, as it is
 * stored (zk-format(5), BLOBS).
 *
 *	codec (1) | payload length (4, little endian) | payload | zeros
 *
 * sealed with XChaCha20-Poly1305 under a random key and a random nonce that
 * are used for these bytes alone.  Associated data: label, version, suite,
 * vault id, type, level.  The zeros bring the stored length (tag included)
 * to a Padme size.  The blob's name is the BLAKE2b hash of the stored bytes
 * under its own label, so that a remote can check it without a key; readers
 * rely on the tag and on the plaintext hash, checked after opening.  All
 * these functions may run on any thread.
 */
#ifndef ZK_FORMAT_CHUNK_H
#define ZK_FORMAT_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/cut.h"
#include "util/err.h"

struct buf;
struct compress;
struct env;

#define CHUNK_HASH_LEN 32
#define CHUNK_KEY_LEN 32
#define CHUNK_NONCE_LEN 24
#define CHUNK_VAULT_LEN 32
#define CHUNK_PLAIN_MAX CUT_MAX
#define CHUNK_STORED_MIN 256u		/* bytes of the smallest blob */
#define CHUNK_STORED_MAX (4u * 1024 * 1024)

/*
 * All it takes to find, open and check one blob.  Holds a key: wipe with
 * chunk_ref_wipe.
 */
struct chunk_ref {
	uint8_t hash[CHUNK_HASH_LEN];	/* of the plain bytes */
	uint8_t name[CHUNK_HASH_LEN];	/* of the stored bytes */
	uint8_t key[CHUNK_KEY_LEN];
	uint8_t nonce[CHUNK_NONCE_LEN];
	uint32_t plain_len;		/* 1..CHUNK_PLAIN_MAX */
	uint32_t stored_len;		/* a Padme size */
};

/* What a blob is bound to beside its key. */
struct chunk_ctx {
	const uint8_t *vault;	/* CHUNK_VAULT_LEN bytes */
	unsigned level;		/* 0: file content; else level of a part */
};

void chunk_ref_wipe(struct chunk_ref *ref);

/*
 * The plaintext hash: BLAKE2b-256 of file content for level 0, of parts
 * under a label of their own.
 */
void chunk_hash(unsigned level, const void *p, size_t n,
    uint8_t out[static CHUNK_HASH_LEN]);

/* A fresh random key and nonce; the rest of ref stays. */
void chunk_ref_fresh(struct env *env, struct chunk_ref *ref);

/* The most bytes that n plain ones are stored in. */
size_t chunk_stored_max(size_t n);

/*
 * Seals n plain bytes (1..CHUNK_PLAIN_MAX) whose hash is ref->hash under
 * ref->key and ref->nonce: replaces out (max at least chunk_stored_max) by
 * the stored bytes and fills name and lengths of ref.  The pair of key and
 * nonce must be fresh, or have sealed these very bytes: the caller compares
 * the new name with the old before anything leaves.  ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err chunk_seal(struct compress *z,
    const struct chunk_ctx *ctx, const void *plain, size_t n,
    struct chunk_ref *ref, struct buf *out);

/*
 * Replaces out (max at least ref->plain_len) by the plain bytes of stored,
 * which is decrypted in place: it is of no use afterwards.  ZK_ETAMPER: a
 * wrong length, tag, padding or plaintext hash.  ZK_EVERSION: unknown codec.
 */
ZK_CHECKED enum zk_err chunk_open(struct compress *z,
    const struct chunk_ctx *ctx, const struct chunk_ref *ref,
    uint8_t *stored, size_t n, struct buf *out);

/* The name of n stored bytes. */
void chunk_name(const void *stored, size_t n,
    uint8_t out[static CHUNK_HASH_LEN]);

/* True if ref's lengths are possible ones. */
bool chunk_ref_ok(const struct chunk_ref *ref);

#endif
