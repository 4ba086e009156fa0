/*
 * The vault's database, vault.db (zk(1), FILES): one SQLite file, one
 * writer.  This module opens it, owns the schema version and the small
 * settings; the tables of a subject live in the module of that subject
 * (logdb, pastdb, remotedb, treedb, basedb, largedb, chunkdb, kvdb, msgdb),
 * which all take the struct db.  Transactions belong to the caller.
 */
#ifndef ZK_STORE_STORE_H
#define ZK_STORE_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "db/db.h"
#include "util/buf.h"

/*
 * Of the schema: newer is refused with 23, older is brought up to it when it
 * is opened.  2: value ops (kvdb).  3: messages (msgdb).  4: large files
 * (largedb).
 */
#define STORE_VERSION 4

/*
 * Opens or (create) makes the database at path, ":memory:" for tests.
 * ZK_EVERSION: a newer schema.  ZK_ETAMPER: not our database.
 * *out is closed with db_close.
 */
ZK_CHECKED enum zk_err store_open(const char *path, bool create,
    struct db **out);

/* A setting by name (ASCII).  get appends to out; ZK_ENOENT. */
ZK_CHECKED enum zk_err store_get(struct db *db, const char *name,
    struct buf *out);
ZK_CHECKED enum zk_err store_put(struct db *db, const char *name,
    const void *p, size_t n);
ZK_CHECKED enum zk_err store_del(struct db *db, const char *name);

/* The same for a number; def where it is not set. */
ZK_CHECKED enum zk_err store_get_int(struct db *db, const char *name,
    int64_t def, int64_t *out);
ZK_CHECKED enum zk_err store_put_int(struct db *db, const char *name,
    int64_t v);

#endif
