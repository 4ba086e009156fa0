/*
 * Records (zk-format(5), RECORD OBJECTS): who is a member and which epoch keys
 * there are.  Small objects of their own, sealed under the record key R,
 * named by the hash of their stored bytes; each names the record heads its
 * author knew.
 *
 *	"zkG" genesis or "zkR" other | format | suite | nonce (24) | sealed
 *
 * sealed: payload length (4), payload, zeroes to a Padme size of at least
 * 256.  payload: type, vault id (not genesis), heads, author, body,
 * extensions, signature of the author over all before it.
 */
#ifndef ZK_FORMAT_RECORD_H
#define ZK_FORMAT_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/keys.h"
#include "util/err.h"

struct buf;
struct env;
struct kemkey;
struct key;
struct signkey;

#define RECORD_ID_LEN 32
#define RECORD_STORED_MAX (1024u * 1024)	/* bytes */
#define RECORD_HEADS_MAX 64
#define RECORD_EPOCHS_MAX 1024	/* epoch keys in one record */
#define RECORD_DEVICES_MAX 64
#define RECORD_CUT_MAX 1024	/* logs in the cut of a removal */

enum record_type {
	RECORD_GENESIS = 1,
	RECORD_ADD = 2,
	RECORD_REMOVE = 3,
	RECORD_ROTATE = 4,
	RECORD_GRANT = 5,
	RECORD_PARK = 6
};

/* A key sealed to someone; lends from the record. */
struct record_sealed {
	uint8_t id[RECORD_ID_LEN];	/* epoch; rotate: device */
	unsigned kem;
	const uint8_t *p;
	size_t n;
};

/* A cut log of a removal. */
struct record_cut {
	uint8_t log[RECORD_ID_LEN];
	uint64_t seq;
	uint8_t hash[RECORD_ID_LEN];
};

/* A decoded record.  Owned as a whole: record_free. */
struct record {
	enum record_type type;
	uint8_t name[RECORD_ID_LEN];	/* of the stored bytes */
	uint8_t id[RECORD_ID_LEN];	/* of the payload: vault, epoch id */
	uint8_t (*heads)[RECORD_ID_LEN]; /* names, ascending */
	size_t heads_n;
	uint8_t author[RECORD_ID_LEN];	/* device id */
	/* genesis: the founder; add: the new device */
	struct device_pub dev;
	uint8_t dev_id[RECORD_ID_LEN];	/* add, grant, park: whom */
	uint8_t dev_sig[64];		/* add: the new device's consent */
	/* genesis */
	uint8_t space_pk[32];
	uint8_t record_commit[RECORD_ID_LEN];
	bool has_recovery;
	struct device_pub recovery;
	/* rotate */
	uint64_t epoch_no;		/* 1 + the largest of its parents */
	uint8_t commit[RECORD_ID_LEN];	/* commit(E) */
	uint8_t (*parents)[RECORD_ID_LEN]; /* epoch ids, ascending */
	size_t parents_n;
	const uint8_t *earlier;		/* sealed list of earlier keys */
	size_t earlier_len;
	/* rotate: for whom E is sealed; add, grant: which keys */
	struct record_sealed *sealed;
	size_t sealed_n;
	/* remove */
	uint8_t (*removed)[RECORD_ID_LEN]; /* device ids, ascending */
	size_t removed_n;
	struct record_cut *cut;		/* ascending */
	size_t cut_n;
	/* what the author signed, and its signature */
	const uint8_t *signed_p;
	size_t signed_n;
	uint8_t sig[64];
	/* the memory all of this lies in */
	uint8_t *payload;
	size_t payload_len;
};

/* The name of stored bytes. */
void record_name(const void *stored, size_t n,
    uint8_t name[static RECORD_ID_LEN]);

/*
 * Opens and decodes one record.  R is the record key (KEY_SEED).  vault may
 * be NULL only for a genesis record: its id is then that of the vault, which
 * the caller compares with the one it knows.
 *
 * Checked: tag, padding, canonical form, limits; the signature of a genesis
 * record and its commitment to R; the new device's signature in an add.
 * Not checked: the author's signature of others (members_compute does).
 * ZK_EVERSION: newer format, suite, type, KEM or critical field.
 * ZK_ETAMPER, ZK_EFORMAT, ZK_EREFUSED (a key of low order).
 */
ZK_CHECKED enum zk_err record_open(const void *stored, size_t n,
    const struct key *R, const uint8_t *vault, struct record **out);
void record_free(struct record *r);

/* Writing ---------------------------------------------------------------- */

/* What every record but genesis needs. */
struct record_ctx {
	struct env *env;
	const struct key *R;		/* record key, KEY_SEED */
	const uint8_t *vault;		/* 32 bytes */
	const uint8_t (*heads)[RECORD_ID_LEN]; /* known; any order */
	size_t heads_n;
	const struct device_keys *author;
};

/* An epoch key and its id; borrowed. */
struct epoch_key {
	uint8_t id[RECORD_ID_LEN];
	const struct key *k;		/* KEY_SEED */
};

struct record_genesis_opts {
	struct env *env;
	const struct key *R;
	const struct signkey *space;
	const struct device_keys *founder;
	const struct device_pub *recovery;	/* may be NULL: none yet */
};

/* All append the stored bytes to out and give the name. */

/* vault gets the new vault's id. */
ZK_CHECKED enum zk_err record_genesis_make(
    const struct record_genesis_opts *o, struct buf *out,
    uint8_t name[static RECORD_ID_LEN], uint8_t vault[static RECORD_ID_LEN]);

/*
 * The new device's consent: its signature over vault id, id of the device
 * that adds it, and its public keys.
 */
void record_add_consent(const struct device_keys *dev,
    const uint8_t vault[static RECORD_ID_LEN],
    const uint8_t author[static RECORD_ID_LEN], uint8_t sig[static 64]);

/*
 * Adds dev, handing it the n epoch keys at eks (those of the causal past of
 * the heads), each sealed to its KEM key.  ZK_ETAMPER: sig is not its
 * consent.
 */
ZK_CHECKED enum zk_err record_add_make(const struct record_ctx *c,
    const struct device_pub *dev, const uint8_t sig[static 64],
    const struct epoch_key *eks, size_t n, struct buf *out,
    uint8_t name[static RECORD_ID_LEN]);

/* Hands n epoch keys to the member dev. */
ZK_CHECKED enum zk_err record_grant_make(const struct record_ctx *c,
    const struct device_pub *dev, const struct epoch_key *eks, size_t n,
    struct buf *out, uint8_t name[static RECORD_ID_LEN]);

struct record_rotate_opts {
	uint64_t epoch_no;	/* 1 + the largest of parents, 1 for none */
	const uint8_t (*parents)[RECORD_ID_LEN]; /* epoch ids; any order */
	size_t parents_n;
	const struct device_pub *const *to;	/* every member, self too */
	size_t to_n;
	const struct epoch_key *earlier;	/* all of the causal past */
	size_t earlier_n;
};

/*
 * A fresh epoch: *E (KEY_SEED) is the caller's, epoch_id its id.  Without
 * parents it is the first, right after genesis.
 */
ZK_CHECKED enum zk_err record_rotate_make(const struct record_ctx *c,
    const struct record_rotate_opts *o, struct buf *out,
    uint8_t name[static RECORD_ID_LEN], struct key **E,
    uint8_t epoch_id[static RECORD_ID_LEN]);

struct record_remove_opts {
	const uint8_t (*devices)[RECORD_ID_LEN];
	size_t devices_n;
	const struct record_cut *cut;
	size_t cut_n;
};
ZK_CHECKED enum zk_err record_remove_make(const struct record_ctx *c,
    const struct record_remove_opts *o, struct buf *out,
    uint8_t name[static RECORD_ID_LEN]);
ZK_CHECKED enum zk_err record_park_make(const struct record_ctx *c,
    const uint8_t device[static RECORD_ID_LEN], struct buf *out,
    uint8_t name[static RECORD_ID_LEN]);

/* Taking keys out -------------------------------------------------------- */

/*
 * E of a rotation, if it was sealed for this device.  ZK_ENOENT: it was
 * not.  ZK_ETAMPER: it does not open, or is not the one committed to.
 */
ZK_CHECKED enum zk_err record_rotate_open(const struct record *r,
    const uint8_t vault[static RECORD_ID_LEN], const struct device_keys *dev,
    struct key **E);

/*
 * Every earlier key of a rotation, under its E; each() gets its own handle,
 * *k is its to keep.  The caller compares each with the commitment of its
 * rotation (epoch_key_check) before use.
 */
typedef enum zk_err record_key_fn(void *arg,
    const uint8_t epoch_id[static RECORD_ID_LEN], struct key *k);
ZK_CHECKED enum zk_err record_earlier_open(const struct record *r,
    const uint8_t vault[static RECORD_ID_LEN], const struct key *E,
    record_key_fn *each, void *arg);

/*
 * The keys of an add or grant that is for this device, as those of
 * record_earlier_open; what does not open is passed over.  ZK_ENOENT: it is
 * for another.
 */
ZK_CHECKED enum zk_err record_grants_open(const struct record *r,
    const uint8_t vault[static RECORD_ID_LEN], const struct device_keys *dev,
    record_key_fn *each, void *arg);

/* ZK_ETAMPER unless k is the key that rotation r commits to. */
ZK_CHECKED enum zk_err epoch_key_check(const struct record *rotate,
    const struct key *k);

#endif
