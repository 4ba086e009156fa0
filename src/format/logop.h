/*
 * Bodies of the ops that are about the log itself (zk-format(5), LOG OPS).
 * Decoded structs lend from the body.  All decoders: ZK_EFORMAT for what is
 * not canonical or over a limit, ZK_EVERSION for a critical unknown field.
 */
#ifndef ZK_FORMAT_LOGOP_H
#define ZK_FORMAT_LOGOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct buf;
struct signkey;

#define LOGOP_ID_LEN 32
#define LOGOP_NAME_MAX 64	/* bytes of a device name */
#define LOGOP_FORK_MAX 64	/* segments in one fork op */

/*
 * OP_LOG: says whose log this is.  Signed by the device over vault id, log
 * public key and all fields.
 */
struct logop_cert {
	uint8_t device[LOGOP_ID_LEN];
	uint64_t incarnation;		/* from 1 */
	bool has_prev;			/* an older incarnation existed */
	uint8_t prev_log[LOGOP_ID_LEN];
	uint64_t prev_seq;		/* the last of it that was verified */
	uint8_t prev_hash[LOGOP_ID_LEN];
	uint8_t sig[64];
};

/* Signs c (all but sig is set) with the device's key; appends the body. */
ZK_CHECKED enum zk_err logop_cert_encode(struct logop_cert *c,
    const uint8_t vault[static LOGOP_ID_LEN],
    const uint8_t log_pk[static 32], const struct signkey *device,
    struct buf *out);
ZK_CHECKED enum zk_err logop_cert_decode(const uint8_t *body, size_t n,
    struct logop_cert *out);
/* ZK_ETAMPER: not signed by the device whose Ed25519 key is device_pk. */
ZK_CHECKED enum zk_err logop_cert_check(const struct logop_cert *c,
    const uint8_t vault[static LOGOP_ID_LEN],
    const uint8_t log_pk[static 32], const uint8_t device_pk[static 32]);

/* OP_NAME: 1..LOGOP_NAME_MAX bytes without NUL. */
ZK_CHECKED enum zk_err logop_name_encode(const char *name, struct buf *out);
ZK_CHECKED enum zk_err logop_name_decode(const uint8_t *body, size_t n,
    char out[static LOGOP_NAME_MAX + 1]);

/* OP_SETTING: a setting of the vault. */
#define LOGOP_SETTING_MAX 64	/* bytes of its name, and of its value */
struct logop_setting {
	char name[LOGOP_SETTING_MAX + 1];	/* 1.. bytes of a-z and '-' */
	char value[LOGOP_SETTING_MAX + 1];	/* printable ASCII */
};
ZK_CHECKED enum zk_err logop_setting_encode(const struct logop_setting *s,
    struct buf *out);
ZK_CHECKED enum zk_err logop_setting_decode(const uint8_t *body, size_t n,
    struct logop_setting *out);

/* OP_ALIAS: another stored object for the same plain bytes. Holds a key. */
struct logop_alias {
	uint64_t level;		/* 0 content, else level of a manifest part */
	uint8_t hash[32];	/* of the plain bytes */
	uint8_t name[32];	/* of the stored bytes */
	uint8_t key[32];
	uint8_t nonce[24];
	uint32_t plain_len;
	uint32_t stored_len;
};
ZK_CHECKED enum zk_err logop_alias_encode(const struct logop_alias *a,
    struct buf *out);
ZK_CHECKED enum zk_err logop_alias_decode(const uint8_t *body, size_t n,
    struct logop_alias *out);

/* OP_CONDEMN: names of blobs, ascending; they lend from the body. */
#define LOGOP_CONDEMN_MAX 65536
struct logop_condemn {
	const uint8_t (*names)[32];
	size_t n;		/* from 1 */
};
ZK_CHECKED enum zk_err logop_condemn_encode(const struct logop_condemn *c,
    struct buf *out);
ZK_CHECKED enum zk_err logop_condemn_decode(const uint8_t *body, size_t n,
    struct logop_condemn *out);

/*
 * OP_CHECKPOINT: the ends of the logs that its cut holds, ascending by log
 * and hash (a forked log has several).
 */
#define LOGOP_CUT_MAX 65536
struct logop_end {
	uint8_t log[LOGOP_ID_LEN];
	uint64_t seq;
	uint8_t hash[LOGOP_ID_LEN];
};
/* n >= 1 of them, in order. */
ZK_CHECKED enum zk_err logop_cut_encode(const struct logop_end *v, size_t n,
    struct buf *out);
/* Gives each to fn (NULL: checks alone), whose error ends it. */
ZK_CHECKED enum zk_err logop_cut_decode(const uint8_t *body, size_t n,
    enum zk_err (*fn)(void *arg, const struct logop_end *e), void *arg);

/*
 * OP_FORK: republishes segments of one log that a remote refuses, one or
 * more in ascending seq.  Each is either whole (stored, the bytes) or, if it
 * does not fit into one segment, a blob of its stored bytes (level 0).
 */
struct logop_fork_seg {
	uint64_t seq;
	uint8_t hash[32];
	const uint8_t *stored;	/* NULL: see blob */
	size_t stored_len;
	struct logop_alias blob;
};
struct logop_fork {
	uint8_t log[LOGOP_ID_LEN];
	struct logop_fork_seg seg[LOGOP_FORK_MAX];
	size_t n;
};
ZK_CHECKED enum zk_err logop_fork_encode(const struct logop_fork *f,
    struct buf *out);
ZK_CHECKED enum zk_err logop_fork_decode(const uint8_t *body, size_t n,
    struct logop_fork *out);

#endif
