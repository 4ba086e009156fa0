/*
 * Ops as bytes (zk-format(5), OPERATIONS).
 *
 *	type (1) | flags (1) | wall time | fields of the type | extensions
 *
 * Op ids inside are references into a dictionary that grows along the
 * segment, so that most take one or two bytes: 0 and 32 bytes name an id for
 * the first time, 1 is the root, then alternating the ops of this segment
 * and the ids named before, counted backwards.  The form is canonical: an
 * id that the dictionary has may not be spelled out again.
 *
 * Decoding keeps what the writer wrote, so that encoding gives the same
 * bytes; op_clean then brings values into range.
 */
#ifndef ZK_FORMAT_OP_H
#define ZK_FORMAT_OP_H

#include <stddef.h>
#include <stdint.h>

#include "crdt/op.h"
#include "util/err.h"

struct buf;
struct opdict;

#define OP_INLINE_MAX (32u * 1024)	/* plain bytes that go inside an op */
#define OP_DATA_MAX (64u * 1024)	/* encoded content of one op */
/* packed edit script of one op: all of a text, and what does not pack */
#define OP_SCRIPT_MAX (1280u * 1024)
#define OP_NAME_MAX 4096		/* bytes decoded; op_clean: 255 */
#define OP_BODY_MAX (4u * 1024 * 1024)	/* bytes of a body, types 16.. */
#define OP_EXT_MAX 4096			/* bytes of extension fields */
#define OP_FILE_MAX (UINT64_C(1) << 44)	/* 16 TiB */
#define OP_LINK_MAX 4096		/* bytes of a symlink's target */

/* Every id an op names, in the order of the encoding; filled by both ways. */
#define OP_IDS_MAX (3 * OP_REFS_MAX + 2)
struct op_ids {
	struct opid id[OP_IDS_MAX];
	size_t n;
};

/*
 * An empty dictionary for a segment of log whose first op has Lamport time
 * lamport0, and whose wall time is wall_ms.  ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err opdict_new(const uint8_t log[static 32],
    uint64_t lamport0, int64_t wall_ms, struct opdict **out);
void opdict_free(struct opdict *d);
/* Of a thin segment (format/thin.h): contents in it may be gone. */
void opdict_thin(struct opdict *d);
/* As new for the same segment, memory kept. */
void opdict_clear(struct opdict *d, int64_t wall_ms);

/* Appends the id of the op just encoded or decoded.  ZK_ENOMEM. */
ZK_CHECKED enum zk_err opdict_own(struct opdict *d, const struct opid *id);

/*
 * ZK_EFORMAT if an id was spelled out twice while decoding; asked once,
 * after the last op.
 */
ZK_CHECKED enum zk_err opdict_check(const struct opdict *d);

/* An upper bound of the bytes that op takes, its length prefix included. */
size_t op_bound(const struct op *op);

/*
 * Appends op (without a length prefix).  References are sorted and doubles
 * dropped.  ZK_EREFUSED: not an op that op_clean lets pass, or one that
 * exceeds a limit; the dictionary is then unchanged.  ZK_ENOMEM, ZK_ELIMIT
 * of out: the dictionary is of no more use.
 */
ZK_CHECKED enum zk_err op_encode(struct opdict *d, const struct op *op,
    struct op_ids *ids, struct buf *out);

/*
 * As op_encode for what op_decode gave: nothing is judged or sorted, for
 * tests of the canonical form.
 */
ZK_CHECKED enum zk_err op_encode_raw(struct opdict *d, const struct op *op,
    struct op_ids *ids, struct buf *out);

/*
 * Decodes exactly n bytes.  Pointers in *op lend from p and ids.  op->id
 * (and node of a CREATE) are the caller's to fill.  ZK_EVERSION: unknown
 * type or critical extension.  ZK_EFORMAT: not canonical, or over a limit.
 */
ZK_CHECKED enum zk_err op_decode(struct opdict *d, const uint8_t *p,
    size_t n, struct op_ids *ids, struct op *op);

/*
 * Brings a decoded op into range: mode & 0777, mtime and its nanoseconds
 * clamped.  ZK_EREFUSED: the op is void for everyone (a name that
 * path_name_ok refuses, an unknown kind, content where none belongs or none
 * where some does); ops after it stand.
 */
ZK_CHECKED enum zk_err op_clean(struct op *op);

/*
 * The content of an op with that id as a thin segment has it once it is
 * gone: its size and hash, and the hash in the id, which the bytes of the op
 * no longer give.
 */
ZK_CHECKED enum zk_err op_put_gone(const struct content *c,
    const struct opid *id, struct buf *out);

/* Lamport time and log as in an id, and zeroes for the hash. */
void op_bare_id(const uint8_t log[static 32], uint64_t lamport,
    struct opid *out);

/*
 * The id of the op with Lamport time lamport in log: hash over log, time,
 * the n encoded bytes and every id they refer to, in full.
 */
void op_make_id(const uint8_t log[static 32], uint64_t lamport,
    const uint8_t *p, size_t n, const struct op_ids *ids, struct opid *out);

#endif
