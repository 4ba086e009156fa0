/*
 * What applied segments build on beyond their own log, so that the past of
 * the next one is found without opening those before it; and which segments
 * hold an op, where its id does not tell (sync/causal.h).
 *
 * Both are derived from the segments: a row that is missing can be made
 * again.
 */
#ifndef ZK_STORE_PASTDB_H
#define ZK_STORE_PASTDB_H

#include <stdint.h>

#include "crdt/op.h"
#include "db/db.h"
#include "util/buf.h"

/* May be run on a database that has the tables. */
extern const char pastdb_schema[];

/*
 * The newest heads that segment id (a row of logdb) or one before it in its
 * log names: their number and their rows, varints.  get appends to out;
 * ZK_ENOENT: not kept.  put replaces.
 */
ZK_CHECKED enum zk_err pastdb_heads_get(struct db *db, int64_t id,
    struct buf *out);
ZK_CHECKED enum zk_err pastdb_heads_put(struct db *db, int64_t id,
    const struct buf *heads);

/* Segment seg (a row of logdb) holds this op, or makes this split node. */
ZK_CHECKED enum zk_err pastdb_carrier_put(struct db *db,
    const struct opid *id, int64_t seg);

/* The next of those segments behind `after`, by row.  ZK_ENOENT. */
ZK_CHECKED enum zk_err pastdb_carrier(struct db *db, const struct opid *id,
    int64_t after, int64_t *seg);

#endif
