/*
 * Segments (zk-format(5), SEGMENTS): the inside, sealed under an epoch key.
 *
 *	payload length (4) | payload | zeroes to a Padme size, at least 256
 *
 * payload: first Lamport time, wall time, record heads known, heads of other
 * logs known (those that changed), extensions, number of ops, the ops.  Op i
 * has Lamport time lamport0 + i.  A segment without ops is an
 * acknowledgement.  The first op of seq 1, and no other, is OP_LOG.
 */
#ifndef ZK_FORMAT_SEGMENT_H
#define ZK_FORMAT_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/op.h"
#include "util/err.h"

struct buf;
struct env;
struct key;
struct seg;		/* an opened segment */
struct segb;		/* one that is being written */
struct signkey;

#define SEG_HASH_LEN 32
#define SEG_PLAIN_MAX (4u * 1024 * 1024)	/* bytes, padding included */
#define SEG_OPS_MAX 65536
#define SEG_HEADS_MAX 1024	/* heads of logs in one segment */
#define SEG_REC_HEADS_MAX 64	/* record heads in one segment */

/* A head of another log. */
struct seg_head {
	uint8_t log[SEG_HASH_LEN];
	uint64_t seq;
	uint8_t hash[SEG_HASH_LEN];
};

struct segb_opts {
	const uint8_t *vault;	/* 32 bytes */
	const uint8_t *log_pk;	/* 32 bytes: the log's public key */
	uint64_t seq;		/* from 1 */
	const uint8_t *prev;	/* 32 bytes: hash of seq - 1; ignored for 1 */
	/*
	 * 1 + the largest last Lamport time of the segment before and of
	 * the segments named in heads
	 */
	uint64_t lamport0;
	int64_t wall_ms;
	const uint8_t (*rec_heads)[SEG_HASH_LEN];	/* any order */
	size_t rec_heads_n;
	const struct seg_head *heads;			/* any order */
	size_t heads_n;
};

/*
 * A segment to add ops to; copies all of o.  ZK_ELIMIT: too many heads, or
 * a Lamport time past OPID_LAMPORT_MAX.  ZK_EREFUSED: a log or record head
 * named twice.
 */
ZK_CHECKED enum zk_err segb_new(const struct segb_opts *o,
    struct segb **out);
void segb_free(struct segb *s);

/*
 * Adds op and gives its id (op->id is not read).  Later ops may refer to
 * it.  ZK_ELIMIT: the segment is full; it is unchanged.  ZK_EREFUSED: as
 * op_encode; unchanged.  op->wall_ms is kept, op->device is not.
 */
ZK_CHECKED enum zk_err segb_add(struct segb *s, const struct op *op,
    struct opid *id);

size_t segb_count(const struct segb *s);	/* ops so far */
size_t segb_size(const struct segb *s);		/* plain bytes so far */
uint64_t segb_last_lamport(const struct segb *s); /* lamport0-1 if empty */

/*
 * Appends the stored bytes to out (max at least SEGHDR_STORED_MAX) and gives
 * the segment hash.  epoch is the epoch key E (KEY_SEED), epoch_id its id;
 * log_key is the pair of log_pk.  The nonce is random.  s stays as it is.
 */
ZK_CHECKED enum zk_err segb_seal(struct segb *s, struct env *env,
    const struct key *epoch, const uint8_t epoch_id[static SEG_HASH_LEN],
    const struct signkey *log_key, struct buf *out,
    uint8_t hash[static SEG_HASH_LEN]);

/*
 * Finds the epoch key for the 16-byte prefix of its commitment (see
 * epoch_prefix in format/keys.h): *epoch borrowed until seg_open returns.
 * ZK_EGAP: not known (yet).
 */
struct seg_keys {
	enum zk_err (*find)(void *arg, const uint8_t prefix[static 16],
	    const struct key **epoch, uint8_t epoch_id[static SEG_HASH_LEN]);
	void *arg;
};

/*
 * Verifies and opens a stored segment, then checks its whole inside; stored
 * may be freed afterwards.  device is the id (32 bytes) put into each op, or
 * NULL for zeroes.
 *
 * ZK_EVERSION: newer format, suite, op type or critical field.  ZK_ETAMPER:
 * signature or tag.  ZK_EFORMAT: not canonical.  Codes of find.
 *
 * Not checked here, since it takes other segments: that prev is the hash of
 * seq - 1, seg_check_lamport, that heads exist, and membership.
 */
ZK_CHECKED enum zk_err seg_open(const void *stored, size_t n,
    const uint8_t vault[static SEG_HASH_LEN], const struct seg_keys *keys,
    const uint8_t *device, struct seg **out);

/*
 * What is signed of a stored segment that seg_open takes, or a thin one:
 * header and sig lend from it.  The hash that is signed is that of header and
 * body, see zk-format(5).  ZK_EFORMAT, ZK_EVERSION.
 */
struct seg_signed {
	const uint8_t *header;
	size_t header_len;
	uint8_t body[SEG_HASH_LEN];	/* hash of the body */
	const uint8_t *sig;		/* 64 bytes */
};
ZK_CHECKED enum zk_err seg_signed(const void *stored, size_t n,
    struct seg_signed *out);

/*
 * As seg_open, for the contents in a segment that seg_open took in before
 * and this device has kept: what the tag does not cover, which is the
 * signature, is not checked again, and no op is hashed.  seg_next then gives
 * ops whose type and content are true and whose ids and references are not;
 * seg_hash is zeroes.  (To hash 4 MiB twice costs more than to decrypt it.)
 */
ZK_CHECKED enum zk_err seg_open_contents(const void *stored, size_t n,
    const uint8_t vault[static SEG_HASH_LEN], const struct seg_keys *keys,
    struct seg **out);
void seg_free(struct seg *s);

/* All of these live as long as s. */
const uint8_t *seg_log(const struct seg *s);
const uint8_t *seg_log_pk(const struct seg *s);
uint64_t seg_seq(const struct seg *s);
const uint8_t *seg_prev(const struct seg *s);	/* zeroes for seq 1 */
const uint8_t *seg_hash(const struct seg *s);
const uint8_t *seg_epoch_id(const struct seg *s);
uint64_t seg_lamport0(const struct seg *s);
uint64_t seg_last_lamport(const struct seg *s);
int64_t seg_wall_ms(const struct seg *s);
size_t seg_count(const struct seg *s);
const struct seg_head *seg_heads(const struct seg *s, size_t *n);
const uint8_t (*seg_rec_heads(const struct seg *s, size_t *n))[SEG_HASH_LEN];
/* The plain bytes that pointers in ops lend from: offsets count from here. */
const uint8_t *seg_plain(const struct seg *s, size_t *n);

/*
 * The next op, with id, node and device filled; its reference arrays live
 * until the next call, all else as long as s.  ZK_ENOENT: no more.
 * ZK_EREFUSED: this op is void (op_clean): id and type are filled; go on.
 */
ZK_CHECKED enum zk_err seg_next(struct seg *s, struct op *op);
void seg_rewind(struct seg *s);

/*
 * ZK_ETAMPER unless lamport0 is 1 + the largest of prev_last (last Lamport
 * time of the segment before, 0 for seq 1) and heads_last[i] (those of the
 * n = heads_n segments that the heads name, in their order).
 */
ZK_CHECKED enum zk_err seg_check_lamport(const struct seg *s,
    uint64_t prev_last, const uint64_t *heads_last, size_t n);

#endif
