/*
 * Thin segments (zk-format(5), CHECKPOINTS): what is kept of a segment once
 * every device has it and it is past the history window.
 *
 *	"zkT" | format, 1 | header of the segment (97) | hash of its body (32) |
 *	its signature (64) | epoch id (32) | payload
 *
 * The payload is that of the segment, but for contents that are gone.  So
 * the merge of thin segments is that of the segments; only what lies in old
 * versions cannot be had.  The signature says that there was such a segment,
 * and no more what was in it.  A thin segment is not sealed: it is inside the
 * content of a checkpoint, or in the database of a device.
 */
#ifndef ZK_FORMAT_THIN_H
#define ZK_FORMAT_THIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/segment.h"
#include "proto/seghdr.h"
#include "util/err.h"

struct buf;

#define THIN_HEAD_LEN (4 + SEGHDR_LEN + 32 + SEGHDR_SIG_LEN + 32)
/*
 * Bytes of the longest one.  A short content grows by going, with the length
 * of its op by the rest of an id at most; so does a segment full of them.
 */
#define THIN_PLAIN_MAX (SEG_PLAIN_MAX + SEG_OPS_MAX * OPID_HASH_LEN)
#define THIN_MAX (THIN_HEAD_LEN + THIN_PLAIN_MAX)
/* Of what a device holds of one segment, thin or not. */
#define SEG_HELD_MAX THIN_MAX

/* Whether stored bytes are a thin segment. */
bool thin_is(const void *stored, size_t n);

/*
 * Appends the thin form of s, which is opened whole (thin or not) and
 * rewound by this.  gone is asked of each op that has content, with its id
 * and type filled, and says whether that goes; what is gone stays so.
 * ZK_ENOMEM, ZK_ELIMIT of out, codes of gone.
 */
ZK_CHECKED enum zk_err thin_make(struct seg *s,
    enum zk_err (*gone)(void *arg, const struct op *op, bool *yes),
    void *arg, struct buf *out);

/*
 * Opens a thin segment as seg_open does others; device may be NULL.  whole:
 * as seg_open, else as seg_open_contents.  No signature is checked: it comes
 * from this device, or thin_check was asked.  ZK_EFORMAT, ZK_EVERSION.
 */
ZK_CHECKED enum zk_err thin_open(const void *stored, size_t n,
    const uint8_t *device, bool whole, struct seg **out);

/*
 * That the log's key signed the segment of which this is the thin form.
 * ZK_ETAMPER; ZK_EFORMAT, ZK_EVERSION.
 */
ZK_CHECKED enum zk_err thin_check(const void *stored, size_t n);

/* As seg_signed. */
ZK_CHECKED enum zk_err thin_signed(const void *stored, size_t n,
    struct seg_signed *out);

/*
 * Opens what a device holds of a segment that it took in: as seg_open, or
 * thin_open where it is thin.
 */
ZK_CHECKED enum zk_err seg_open_held(const void *stored, size_t n,
    const uint8_t vault[static SEG_HASH_LEN], const struct seg_keys *keys,
    struct seg **out);

#endif
