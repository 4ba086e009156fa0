/*
 * What the two ways of merging contents share.  Internal to sync/prose*.
 */
#ifndef ZK_SYNC_PROSE_INT_H
#define ZK_SYNC_PROSE_INT_H

#include "crdt/since.h"
#include "sync/prose.h"

/*
 * Replaces out by the text that a version has.  ZK_EREFUSED: it is none;
 * ZK_EGAP: it is not to be had now.
 */
ZK_CHECKED enum zk_err prose_fetch(struct prose *p, const struct content *of,
    struct buf *out);

/*
 * Replaces out by what the versions that nothing in s replaced make together,
 * as documents of JSON.  ZK_EREFUSED: they do not merge by structure.
 */
ZK_CHECKED enum zk_err prose_json(struct prose *p, const struct since *s,
    struct buf *out);

#endif
