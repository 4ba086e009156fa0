/* The inside of an opened segment; for segment.c and thin.c. */
#ifndef ZK_FORMAT_SEG_INT_H
#define ZK_FORMAT_SEG_INT_H

#include "format/op.h"
#include "format/segment.h"
#include "proto/seghdr.h"
#include "util/rd.h"

/* ops, left: the encoded ops and where seg_next stands in them. */
struct seg {
	struct seghdr hdr;
	/* opened whole: the header as bytes, hash of the body, signature */
	uint8_t head[SEGHDR_LEN];
	uint8_t body[SEG_HASH_LEN];
	uint8_t sig[SEGHDR_SIG_LEN];
	uint8_t log[SEG_HASH_LEN];
	uint8_t hash[SEG_HASH_LEN];
	uint8_t epoch_id[SEG_HASH_LEN];
	uint8_t device[SEG_HASH_LEN];
	uint8_t *plain;
	size_t plain_len;
	const uint8_t *payload;	/* in plain: what comes before the ops... */
	size_t head_len;	/* ...and how long that is */
	uint64_t lamport0;
	int64_t wall_ms;
	uint8_t (*rec_heads)[SEG_HASH_LEN];
	size_t rec_heads_n;
	struct seg_head *heads;
	size_t heads_n;
	size_t count;
	struct opid *ids;	/* of every op */
	struct rd ops;		/* all of them */
	struct rd left;
	size_t next;
	struct opdict *dict;
	struct op_ids refs;	/* of the op at hand */
};

/*
 * Decodes the next op as it was written; its bytes are p[0..n-1].  Whoever
 * goes on tells the dictionary of its id.
 */
ZK_CHECKED enum zk_err seg_decode(struct seg *s, struct op *op,
    const uint8_t **p, size_t *n);

/*
 * Reads the payload, n bytes in s->plain.  whole: ids are those of the ops,
 * else seg_open_contents says what they are.
 */
ZK_CHECKED enum zk_err seg_parse(struct seg *s, const uint8_t *payload,
    size_t n, bool thin, bool whole);

#endif
