/*
 * Files here whose content may lie in blobs, in the order in which their
 * rows in base (basedb.h) last changed; and how far in that order each
 * remote is known to have what they need (sync/publish_supply.c).
 *
 * A file stays listed when its row goes or shrinks: who comes across it finds
 * that out, and drops it.
 */
#ifndef ZK_STORE_LARGEDB_H
#define ZK_STORE_LARGEDB_H

#include <stdint.h>

#include "db/db.h"

/* Bytes; less fits into an op whatever it is. */
#define LARGEDB_MIN 32000

/* May be run on a database that has the tables. */
extern const char largedb_schema[];

/* Lists what base has, in a database that did not have the tables. */
ZK_CHECKED enum zk_err largedb_fill(struct db *db);

/* A row of that size was written: it is last now, if it is large. */
ZK_CHECKED enum zk_err largedb_put(struct db *db, int64_t row, uint64_t size);
/* The same, the size being what base says. */
ZK_CHECKED enum zk_err largedb_again(struct db *db, int64_t row);
ZK_CHECKED enum zk_err largedb_drop(struct db *db, int64_t row);

/* The next row after place *at, which it sets.  ZK_ENOENT. */
ZK_CHECKED enum zk_err largedb_next(struct db *db, int64_t *at,
    int64_t *row);
/* The last place; 0: there is none. */
ZK_CHECKED enum zk_err largedb_last(struct db *db, int64_t *at);

/* Up to which place a remote has all; 0 at first. */
ZK_CHECKED enum zk_err largedb_mark(struct db *db, int64_t remote,
    int64_t *at);
ZK_CHECKED enum zk_err largedb_mark_set(struct db *db, int64_t remote,
    int64_t at);
/* That is no longer known. */
ZK_CHECKED enum zk_err largedb_mark_drop(struct db *db, int64_t remote);

#endif
