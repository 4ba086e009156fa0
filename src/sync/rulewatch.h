/*
 * Notices that ignore rules changed, by whoever: what they hid before is
 * then brought in by looking at every directory once.  Internal to sync/.
 */
#ifndef ZK_SYNC_RULEWATCH_H
#define ZK_SYNC_RULEWATCH_H

#include <stdbool.h>

#include "sync/round.h"

/* True for the path of a file of ignore patterns. */
bool rulewatch_is(const char *path);

/*
 * Before recording: if the scan found a file of patterns changed, or
 * .zk/ignore is another than in the last run, the next landing looks at
 * every directory.  Opens its own transaction.
 */
ZK_CHECKED enum zk_err rulewatch_scan(struct round *rd);

/*
 * The same because such a file was just written, or something was put aside
 * (gather_aside).  Own transaction.
 */
ZK_CHECKED enum zk_err rulewatch_again(struct round *rd);

#endif
