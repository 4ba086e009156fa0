/*
 * What the planner needs: for every directory that changed, its rows in base
 * and its entries in the goal.  Internal to sync/.
 *
 * Which directories: those that the merge marked dirty; below them those
 * that are new here or whose nodes changed; those from which an entry moves
 * to one of these; and, on base's side alone, everything below a directory
 * that is to go.  What is more than one portion holds is left for the next.
 */
#ifndef ZK_SYNC_GATHER_H
#define ZK_SYNC_GATHER_H

#include <stdbool.h>
#include <stdint.h>

#include "sync/round.h"
#include "tree/plan.h"

/* Goal handles: the content's locator, and whether zk made the name. */
#define GATHER_MADE_NAME (UINT64_C(1) << 63)

struct gather;

/* Reads the list of dirty directories.  ZK_ENOMEM, database errors. */
ZK_CHECKED enum zk_err gather_new(struct round *rd, struct gather **out);
void gather_free(struct gather *g);

/* Whether a directory is left. */
bool gather_more(const struct gather *g);

/*
 * To be called before the steps of the last portion.  A directory may have
 * been looked at for no more than base's lack of it, or other nodes that base
 * had for it; once base has been set right, nothing would tell of it if the
 * steps are cut short.  So until all has landed a round looks everywhere.
 * Opens a transaction.
 */
ZK_CHECKED enum zk_err gather_mark(struct gather *g);

/*
 * Whether something outside of the paths takes part in the last portion,
 * which nobody has scanned.
 */
bool gather_outside(const struct gather *g);

/*
 * The next portion into plan (before plan_make); *removals counts the rows
 * that go.
 */
ZK_CHECKED enum zk_err gather_next(struct gather *g, struct plan *plan,
    uint64_t *removals);

/*
 * Notes what was left out since it lies too deep, in the caller's transaction;
 * all dirty directories were looked at.
 */
ZK_CHECKED enum zk_err gather_keep_left(struct gather *g);

/* Whether anything was left out so. */
ZK_CHECKED enum zk_err gather_any_left(struct db *db, bool *yes);

/*
 * Where paths were named, what a step takes out of the way may have no step
 * of its own, and lies under another name until all is looked at: the next
 * landing without paths does.
 */
ZK_CHECKED enum zk_err gather_aside(struct round *rd, const struct plan *p);

#endif
