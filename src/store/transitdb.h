/*
 * Remotes that only pass things on (zk-remote(1), --transit): which of those
 * of remotedb.h they are, and which segments were deleted there on purpose.
 * What was deleted still counts as held in remotedb.h, so that it is not
 * sent again.
 */
#ifndef ZK_STORE_TRANSITDB_H
#define ZK_STORE_TRANSITDB_H

#include <stdbool.h>
#include <stdint.h>

#include "db/db.h"

/* May be run on a database that has the tables. */
extern const char transitdb_schema[];

/* Makes a remote (its id) one; whether it is; how many of those set are not. */
ZK_CHECKED enum zk_err transitdb_set(struct db *db, int64_t remote);
ZK_CHECKED enum zk_err transitdb_is(struct db *db, int64_t remote, bool *yes);
ZK_CHECKED enum zk_err transitdb_keepers(struct db *db, uint64_t *n);

/*
 * The applied segment with the lowest row above *seg, which it sets, that
 * the remote is known to hold and was not deleted there.  ZK_ENOENT.
 */
ZK_CHECKED enum zk_err transitdb_next(struct db *db, int64_t remote,
    int64_t *seg);

/* Whether a remote that is none is known to hold this segment. */
ZK_CHECKED enum zk_err transitdb_kept(struct db *db, int64_t seg, bool *yes);

/* The segment was deleted there. */
ZK_CHECKED enum zk_err transitdb_gone(struct db *db, int64_t remote,
    int64_t seg);

/* Its store is another one: nothing was deleted there.  It stays what it is. */
ZK_CHECKED enum zk_err transitdb_reset(struct db *db, int64_t remote);
/* It is forgotten. */
ZK_CHECKED enum zk_err transitdb_rm(struct db *db, int64_t remote);

#endif
