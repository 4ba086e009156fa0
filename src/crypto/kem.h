/*
 * Sealing to a device's key.  KEMs are named by id in every record: 1 =
 * X25519 (DHKEM as in RFC 9180, section 4.1, with HKDF-SHA-256); 2 is kept
 * for X-Wing.  A sealed message is the encapsulation, a fresh AEAD key from
 * it, and XChaCha20-Poly1305 with nonce 0 (the key is used once).
 */
#ifndef ZK_CRYPTO_KEM_H
#define ZK_CRYPTO_KEM_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define KEM_X25519 1
#define KEM_PK_MAX 1216		/* bytes, the longest public key of any id */
#define KEM_X25519_PK_LEN 32

struct buf;
struct env;
struct key;
struct kemkey;			/* guarded key pair */

/* The pair of KEM id from a seed of role KEY_KEM. ZK_EVERSION: unknown id. */
ZK_CHECKED enum zk_err kemkey_new(unsigned id, const struct key *seed,
    struct kemkey **out);
void kemkey_free(struct kemkey *k);
unsigned kemkey_id(const struct kemkey *k);
/* Its public half, *len bytes; lives as long as k. */
const uint8_t *kemkey_pk(const struct kemkey *k, size_t *len);

/* Length of a public key of id, 0 for an unknown one. */
size_t kem_pk_len(unsigned id);

/*
 * ZK_EREFUSED: pk of low order or in a second encoding.  ZK_EVERSION:
 * unknown id.
 */
ZK_CHECKED enum zk_err kem_pk_check(unsigned id, const uint8_t *pk);

/* Length of n bytes sealed with id, 0 for an unknown one. */
size_t kem_sealed_len(unsigned id, size_t n);

/*
 * Appends the sealed form of n bytes to out: only the holder of pk opens
 * it, and only with the same label and context.  ZK_EVERSION: unknown id.
 * ZK_EREFUSED: pk of low order.
 */
ZK_CHECKED enum zk_err kem_seal(struct env *env, unsigned id,
    const uint8_t *pk, const char *label, const void *ctx, size_t ctx_len,
    const void *in, size_t n, struct buf *out);

/* Appends the opened bytes to out (wipe flag set).  ZK_ETAMPER. */
ZK_CHECKED enum zk_err kem_open(const struct kemkey *k, const char *label,
    const void *ctx, size_t ctx_len, const void *in, size_t n,
    struct buf *out);

#endif
