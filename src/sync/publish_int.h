/* Between the halves of sending. */
#ifndef ZK_SYNC_PUBLISH_INT_H
#define ZK_SYNC_PUBLISH_INT_H

#include <stdbool.h>

#include "sync/round.h"

/* Whether something has taken the place of an op's content since. */
ZK_CHECKED enum zk_err publish_past(struct round *rd, const struct op *op,
    bool *past);

/*
 * Brings the blobs that a segment names to the remote, durably.  known: it
 * may be there already, so that is asked which of them are.  Of what is dead
 * (gcdb.h) a segment of our own that is not past gets new ones.
 */
ZK_CHECKED enum zk_err publish_blobs(struct round *rd, struct vremote *vr,
    const struct buf *stored, bool own, bool known);

/* Whether a segment has ops without content on what is there. */
ZK_CHECKED enum zk_err publish_kept(struct vault *v, const struct buf *stored,
    bool *kept);

#endif
