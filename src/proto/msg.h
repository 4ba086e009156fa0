/*
 * Bodies of requests and replies: zk-protocol(7), MESSAGES.  All are
 * canonical binary as in zk-format(5), ENCODING: little endian, decode then
 * encode gives the same bytes, trailing bytes are an error.  Errors travel
 * as JSON (proto/error.h).
 *
 * Encoders append to a struct buf and fail as buf_put does.  Decoders lend
 * pointers into their input and give ZK_EFORMAT on anything malformed,
 * ZK_EVERSION on a version they do not know.
 */
#ifndef ZK_PROTO_MSG_H
#define ZK_PROTO_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/target.h"
#include "util/err.h"

struct buf;
struct rd;

#define MSG_NAME_LEN TARGET_NAME_LEN
#define MSG_PK_LEN 32
#define MSG_SIG_LEN 64
#define MSG_OBJ_MAX (4u * 1024 * 1024 + 4096)	/* segment, blob: bytes */
#define MSG_REC_MAX (1024u * 1024)		/* record: bytes */
#define MSG_SEGS_MAX 256u		/* segments in one append */
#define MSG_APPEND_MAX (16u * 1024 * 1024)	/* body of an append */
#define MSG_MISSING_MAX 4096u		/* names in one question */
#define MSG_LIST_MAX 4096u		/* names of blobs in one page */
#define MSG_RV_MAX (64u * 1024)		/* one rendezvous message */
#define MSG_KEYS_MAX 16u		/* keys named in one key change */
#define MSG_PAGE_DEFAULT (1024u * 1024)	/* bytes of a page */

/* Result of one segment of an append; the numbers travel. */
enum msg_seg_result {
	MSG_SEG_STORED = 0,	/* durable now */
	MSG_SEG_HAVE = 1,	/* these very bytes were durable already, or
				 * below where the log was begun */
	MSG_SEG_TAKEN = 2,	/* another segment holds this place */
	MSG_SEG_GAP = 3		/* the segment before it is not there */
};

/*
 * APPEND request: u32 count (1..MSG_SEGS_MAX), then each segment as u32
 * length (1..MSG_OBJ_MAX) and its bytes.  A caller of msg_append_head then
 * calls msg_append_seg count times.
 */
enum zk_err msg_append_head(struct buf *out, uint32_t count);
enum zk_err msg_append_seg(struct buf *out, const void *seg, size_t len);

/*
 * APPEND reply: u32 count, then one byte each (enum msg_seg_result), in the
 * order of the request.  Status 200 whatever they are.  res has room for n;
 * the count must be n.
 */
enum zk_err msg_results_put(struct buf *out, const uint8_t *res, size_t n);
ZK_CHECKED enum zk_err msg_results_get(const void *in, size_t in_len,
    uint8_t *res, size_t n);

/*
 * READ reply: u8 more (0 or 1), u8 mark length and mark, u32 count, then
 * each segment as u32 length and bytes.  SEG_GET replies with the bytes of
 * the segment alone.
 */
struct msg_page {
	bool more;		/* another call would find more at once */
	const uint8_t *mark;	/* where the next page starts */
	size_t mark_len;	/* <= TARGET_MARK_MAX */
	uint32_t count;
};

enum zk_err msg_page_head(struct buf *out, const struct msg_page *p);

/* Decodes the head; r stands at the first item afterwards. */
ZK_CHECKED enum zk_err msg_page_start(struct rd *r, struct msg_page *out);

/* The next segment of a page (count times, then rd_end(r)); lends it. */
ZK_CHECKED enum zk_err msg_page_seg(struct rd *r, const uint8_t **seg,
    size_t *len);

/*
 * REC_LIST reply: the same head, then count names of 32 bytes; after the
 * head the client takes them with rd_bytes.
 *
 * BLOB_LIST reply: the same, at most MSG_LIST_MAX names, ascending, and the
 * mark is the last of them.
 */

/*
 * HEAD reply and BEGIN request: u64 seq (from 1), hash of that segment (32
 * bytes).  Where the log ends; what it goes on behind.
 */
#define MSG_HEAD_LEN (8u + MSG_NAME_LEN)

struct msg_head {
	uint64_t seq;
	uint8_t hash[MSG_NAME_LEN];
};

enum zk_err msg_head_put(struct buf *out, const struct msg_head *h);
ZK_CHECKED enum zk_err msg_head_get(const void *in, size_t in_len,
    struct msg_head *out);

/*
 * MISSING request: n names of 32 bytes (1..MSG_MISSING_MAX), nothing else.
 * Reply: n bytes, 1 where the name is not there, else 0.
 */

/*
 * CREATE request, signed by the space key (LABEL_CREATE of
 * crypto/labels.h) over all bytes before sig:
 *	u8 version 1, u8 flags (bit 0: a recovery key follows), space key,
 *	request key, recovery key (32 bytes each; the last only with bit 0),
 *	u64 time (s), u16 length and authority, sig (64 bytes)
 * Status 201 created, 200 was there with this request key.
 */
struct msg_create {
	uint8_t space[MSG_PK_LEN];
	uint8_t request[MSG_PK_LEN];
	bool has_recovery;
	uint8_t recovery[MSG_PK_LEN];	/* zeroes without */
	int64_t time;
	const char *authority;		/* not NUL-terminated when decoded */
	size_t authority_len;
};

/* Appends what is signed; the caller appends the signature. */
enum zk_err msg_create_put(struct buf *out, const struct msg_create *m);
/* *signed_len: bytes under the signature; *sig is lent. */
ZK_CHECKED enum zk_err msg_create_get(const void *in, size_t in_len,
    struct msg_create *out, size_t *signed_len, const uint8_t **sig);

/*
 * KEYS request, signed by the space key (LABEL_KEYS) over all before sig:
 *	u8 version 1, u8 count and keys to make active, u8 count and keys to
 *	retire, u64 time (s), u16 length and authority, sig
 * A key once retired stays so, whatever comes later or again: replaying a
 * change has no effect.  Status 200.
 */
struct msg_keys {
	const uint8_t *active;	/* n_active keys of MSG_PK_LEN bytes */
	size_t n_active;	/* <= MSG_KEYS_MAX */
	const uint8_t *retired;
	size_t n_retired;	/* <= MSG_KEYS_MAX */
	int64_t time;
	const char *authority;
	size_t authority_len;
};

enum zk_err msg_keys_put(struct buf *out, const struct msg_keys *m);
ZK_CHECKED enum zk_err msg_keys_get(const void *in, size_t in_len,
    struct msg_keys *out, size_t *signed_len, const uint8_t **sig);

/* RV_CLAIM reply: u32 plate. */
enum zk_err msg_plate_put(struct buf *out, uint32_t plate);
ZK_CHECKED enum zk_err msg_plate_get(const void *in, size_t in_len,
    uint32_t *plate);

#endif
