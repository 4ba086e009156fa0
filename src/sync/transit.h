/*
 * Transit relays: remotes that pass on what goes by and keep nothing of it
 * (zk-remote(1), --transit).  Internal to sync/.
 *
 * What every member has acknowledged, and what is older than TRANSIT_DAYS,
 * is deleted there; never what no other remote is known to hold.  A relay
 * keeps the places of what was deleted, so that its logs go on and end where
 * they did: that it lost something is noticed as on any other remote.
 */
#ifndef ZK_SYNC_TRANSIT_H
#define ZK_SYNC_TRANSIT_H

#include "store/logdb.h"
#include "sync/round.h"

#define TRANSIT_DAYS 30

/*
 * Whether a segment is of no more use on a transit relay, so that its blobs
 * need not go there.  False for other remotes.
 */
ZK_CHECKED enum zk_err transit_over(struct round *rd,
    const struct vremote *vr, const struct logdb_seg *g, bool *yes);

/*
 * Before a publication: what the relay had once, by the ends of its logs, is
 * not sent again.
 */
ZK_CHECKED enum zk_err transit_begin(struct round *rd, struct vremote *vr);

/*
 * At the end of a round: deletes on each transit relay that it spoke to.
 * What fails there leaves that relay out, as anything else does.
 */
ZK_CHECKED enum zk_err transit_end(struct round *rd);

#endif
