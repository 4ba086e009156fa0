/*
 * Rows of base that wait at a name that no entry can have, below the root:
 * another took their place, and what became of their own is recorded in
 * another transaction (sync/capture.c).  A run that ends in between leaves
 * them so until the next that records.  Internal to sync/.
 */
#ifndef ZK_SYNC_ASIDE_H
#define ZK_SYNC_ASIDE_H

#include <stdbool.h>

#include "tree/scan.h"
#include "util/err.h"

struct buf;
struct vault;

#define ASIDE_NAME SCAN_ASIDE	/* and the number of the row */

/* Whether a path by base is that of such a row, or lies below one. */
bool aside_is(const char *path);

/*
 * Puts the path of what is at path by base in place of what out held: path
 * itself, or for one put aside where its entry is for other devices, as far
 * as that can be told.
 */
ZK_CHECKED enum zk_err aside_path(struct vault *v, const char *path,
    struct buf *out);

#endif
