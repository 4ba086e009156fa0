/* Between the halves of sending. */
#ifndef ZK_SYNC_PUBLISH_INT_H
#define ZK_SYNC_PUBLISH_INT_H

#include <stdbool.h>

#include "sync/round.h"
#include "sync/upload.h"

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

/*
 * upload_copy of a content to the remote, also from the other remotes of the
 * run, which src is given; *sent counts blobs.  tree: NULL, or the path of a
 * directory kept as one that has it, which is read if need be: src->fd is then
 * its stream or -1, the caller's.
 */
ZK_CHECKED enum zk_err publish_copy(struct round *rd, struct vremote *vr,
    const struct content *c, struct upload_source *src, const char *tree,
    uint64_t *sent);

/*
 * Tells in our log where content is that was sealed anew while it was sent;
 * sets *told if any was.
 */
ZK_CHECKED enum zk_err publish_aliases(struct round *rd, bool *told);

/*
 * In a push: gives the remote what it lacks of the files that are here,
 * whoever wrote them.  Looks at those of which it is not known (largedb.h).
 * *told: as publish_aliases.
 */
ZK_CHECKED enum zk_err publish_supply(struct round *rd, struct vremote *vr,
    bool *told);

/* Whether a segment has ops without content on what is there. */
ZK_CHECKED enum zk_err publish_kept(struct vault *v, const struct buf *stored,
    bool *kept);

#endif
