/*
 * Scratch tables of one look at the ops of a checkpoint (zk-format(5),
 * CHECKPOINTS): which contents are past.  In a database of its own that is
 * gone with it, so that memory is bounded however many there are.
 *
 * What comes out depends on the ops that are put in alone, and on which of
 * them are within the cut; ops come after all that they name.
 */
#ifndef ZK_STORE_CPSCAN_H
#define ZK_STORE_CPSCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "crdt/op.h"
#include "util/err.h"

struct cpscan;

ZK_CHECKED enum zk_err cpscan_new(struct cpscan **out);
void cpscan_free(struct cpscan *s);

/*
 * An op that is in registers of its node (regs: enum cdb_regs); cut: it is
 * within the cut.  Of one that stands in several segments any of them is.
 */
ZK_CHECKED enum zk_err cpscan_op(struct cpscan *s, const struct opid *id,
    const struct opid *node, unsigned regs, bool cut);

/*
 * Another op takes the place of id in those registers; cut: one within the
 * cut does.  What was not put in is passed over.
 */
ZK_CHECKED enum zk_err cpscan_replaced(struct cpscan *s,
    const struct opid *id, unsigned regs, bool cut);

/* A removal within the cut covers id. */
ZK_CHECKED enum zk_err cpscan_covered(struct cpscan *s,
    const struct opid *id);

/* Nothing of this node is past. */
ZK_CHECKED enum zk_err cpscan_keep(struct cpscan *s,
    const struct opid *node);

/* To be called once all is in. */
ZK_CHECKED enum zk_err cpscan_settle(struct cpscan *s);

/* What is past in from is past in s, too; both were settled. */
ZK_CHECKED enum zk_err cpscan_join(struct cpscan *s, struct cpscan *from);

/* Whether the content that this op brought is past. */
ZK_CHECKED enum zk_err cpscan_past(struct cpscan *s, const struct opid *id,
    bool *past);

#endif
