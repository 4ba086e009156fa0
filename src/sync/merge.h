/*
 * Versions of a file that do not know of each other become one, where they
 * merge: recorded as an edit that replaces all of them (zk-merge(7), TEXT).
 * Internal to sync/.
 */
#ifndef ZK_SYNC_MERGE_H
#define ZK_SYNC_MERGE_H

#include "util/err.h"

struct round;
struct vremote;

/*
 * Records a merge for every file of the tree that shows as several and can be
 * merged; the landing that follows brings them to the disk.  Large results
 * go to the remote first (NULL: only sealed); what it has no room for is left
 * as it is.  Opens transactions of its own.  Each is told and counted.
 */
ZK_CHECKED enum zk_err merge_run(struct round *rd, struct vremote *to);

#endif
