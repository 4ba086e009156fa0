/* Checkpoints that no honest device writes. */
#ifndef ZK_TESTS_FORGE_CHECKPOINT_H
#define ZK_TESTS_FORGE_CHECKPOINT_H

#include "crdt/op.h"
#include "util/err.h"

struct buf;
struct vault;

/*
 * Makes op an OP_CHECKPOINT, whose parts lend from body and data.  The cut is
 * "all" that v holds, "past" the window of days, or a body in hex; the stream
 * is "kept" and "gone", well-formed with all contents or none, "never", as kept
 * and a segment of another device that it never wrote, "lost", a blob that is
 * nowhere, or a text in hex.
 */
ZK_CHECKED enum zk_err forge_checkpoint(struct vault *v, const char *cut,
    const char *stream, struct op *op, struct buf *body, struct buf *data);

#endif
