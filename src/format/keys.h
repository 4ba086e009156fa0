/*
 * What is derived from a device seed and from an epoch key: one label a use
 * (crypto/labels.h; zk-format(5), KEYS).
 */
#ifndef ZK_FORMAT_KEYS_H
#define ZK_FORMAT_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/kem.h"
#include "crypto/key.h"
#include "util/err.h"

struct buf;
struct rd;
struct signkey;

#define KEYS_ID_LEN 32		/* bytes of a device or epoch id */
#define EPOCH_PREFIX_LEN 16

/* A device's public keys, as records carry them. */
struct device_pub {
	uint8_t sign_pk[32];
	unsigned kem;			/* KEM id */
	uint8_t kem_pk[KEM_PK_MAX];
	size_t kem_pk_len;
};

/* sign_pk (32) | KEM id (varint) | length and KEM public key. */
enum zk_err device_pub_put(struct buf *b, const struct device_pub *p);
/*
 * Reads them; the reader fails with ZK_EVERSION for an unknown KEM and with
 * ZK_EREFUSED for a signing key of low order or not canonical.
 */
void device_pub_get(struct rd *r, struct device_pub *out);
/*
 * The next 32 bytes as a key for role, which is the caller's; NULL, and the
 * reader fails, if there are fewer or with ZK_ENOMEM.
 */
struct key *key_get(struct rd *r, enum key_role role);
/* The device id: hash of the above bytes. */
void device_pub_id(const struct device_pub *pub,
    uint8_t id[static KEYS_ID_LEN]);

/* Everything a device seed gives; KEM id 1. */
struct device_keys;
ZK_CHECKED enum zk_err device_keys_new(const struct key *seed,
    struct device_keys **out);
void device_keys_free(struct device_keys *d);
const struct signkey *device_keys_sign(const struct device_keys *d);
const struct kemkey *device_keys_kem(const struct device_keys *d);
const struct key *device_keys_local(const struct device_keys *d);
const struct device_pub *device_keys_pub(const struct device_keys *d);
const uint8_t *device_keys_id(const struct device_keys *d);

/* Of an epoch key E (KEY_SEED): */

/* The first bytes of commit(E), which segment headers carry. */
void epoch_prefix(const struct key *epoch,
    uint8_t prefix[static EPOCH_PREFIX_LEN]);
/* The key that seals the segments of one log. */
ZK_CHECKED enum zk_err epoch_segment_key(const struct key *epoch,
    const uint8_t log[static 32], struct key **out);
/*
 * The pair that signs requests to the remote at authority (as auth_authority
 * of proto/auth.h gives it; for a folder its URL).
 */
ZK_CHECKED enum zk_err epoch_request_key(const struct key *epoch,
    const char *authority, struct signkey **out);
/* The keyed cutting function's key (KEY_PRF). */
ZK_CHECKED enum zk_err epoch_chunker_key(const struct key *epoch,
    struct key **out);

#endif
