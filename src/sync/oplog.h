/*
 * The ops of the tree that this device holds, out of their segments: in the
 * order they were applied, or the newest first.  Internal to sync/.
 *
 * What the merge keeps of removals is only that they were; when and by whom
 * stands in the segments alone.  Memory is a segment and a page of ops for
 * each log that was written at the same time, however much there is.
 */
#ifndef ZK_SYNC_OPLOG_H
#define ZK_SYNC_OPLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "crdt/op.h"
#include "util/err.h"

struct oplog;
struct sync_ui;
struct vault;

/*
 * Called with each op of the types CREATE to SPLIT, void ones too; device
 * and content.locator are filled.  It lends until it returns.
 */
typedef enum zk_err oplog_fn(void *arg, struct op *op);

/*
 * Gives fn the ops of every applied segment whose last Lamport time is at
 * least from, in an order in which each comes after all that it names.
 * ZK_ESIGNAL: ui (may be NULL) said stop.  ZK_ETAMPER: a held segment is
 * damaged.
 */
ZK_CHECKED enum zk_err oplog_forward(struct vault *v,
    const struct sync_ui *ui, uint64_t from, oplog_fn *fn, void *arg);

/* The same of the one held segment in that row. */
ZK_CHECKED enum zk_err oplog_segment(struct vault *v, int64_t id,
    oplog_fn *fn, void *arg);

/* One op, newest first. */
struct oplog_op {
	struct op op;		/* without its arrays of references: */
	struct opid place_ref;	/* the greatest of each, zero for none */
	struct opid content_ref;
	bool merges;		/* it replaces more than one content */
};

ZK_CHECKED enum zk_err oplog_new(struct vault *v, const struct sync_ui *ui,
    struct oplog **out);
void oplog_free(struct oplog *o);

/*
 * The next op by id, downwards; *out lends until the next call.  ZK_ENOENT:
 * no more.  Else as oplog_forward.
 */
ZK_CHECKED enum zk_err oplog_next(struct oplog *o,
    const struct oplog_op **out);

#endif
