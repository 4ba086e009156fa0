/*
 * Contents that a round of named paths recorded as gone from there: until a
 * round looks everywhere they may lie where that one did not look.
 */
#ifndef ZK_STORE_OUTDB_H
#define ZK_STORE_OUTDB_H

#include <stdbool.h>
#include <stdint.h>

#include "db/db.h"

#define OUTDB_HASH_LEN 32

/* May be run on a database that has the table. */
extern const char outdb_schema[];

ZK_CHECKED enum zk_err outdb_put(struct db *db,
    const uint8_t hash[static OUTDB_HASH_LEN]);
ZK_CHECKED enum zk_err outdb_has(struct db *db,
    const uint8_t hash[static OUTDB_HASH_LEN], bool *has);
/* All of them are found by now, or nowhere. */
ZK_CHECKED enum zk_err outdb_clear(struct db *db);

#endif
