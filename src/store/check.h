/*
 * What the tables of a vault's database must have in common, for zk verify:
 * whatever can be told without opening anything.  Reading only.
 *
 * Each finding is handed to bad; what that returns, if not ZK_OK, ends the
 * check.  A row that cannot be read ends it with ZK_ETAMPER (logged by db).
 */
#ifndef ZK_STORE_CHECK_H
#define ZK_STORE_CHECK_H

#include "db/db.h"
#include "util/err.h"

/*
 * table is whose row is wrong; what says in words which row; path is the
 * path in the vault that it is about, NULL where there is none.
 */
typedef enum zk_err check_bad_fn(void *arg, const char *table,
    const char *what, const char *path);

/*
 * Segments: each has its bytes and they it, the order applied has no gap and
 * none before its predecessor, tips are those that nothing follows; waiting,
 * told and acknowledged are segments that are known; each log has its first
 * segment.
 */
ZK_CHECKED enum zk_err check_logs(struct db *db, check_bad_fn *bad,
    void *arg);

/*
 * Base: both halves of each row are there and agree, each parent is a
 * directory, each node stands for a row.
 */
ZK_CHECKED enum zk_err check_base(struct db *db, check_bad_fn *bad,
    void *arg);

/* Remotes: what is kept about one belongs to one that is there. */
ZK_CHECKED enum zk_err check_remotes(struct db *db, check_bad_fn *bad,
    void *arg);

/*
 * Compares the merge's tables of two databases (store/treedb.h) row by row,
 * whatever the local keys in them; again is what held ought to be.
 */
ZK_CHECKED enum zk_err check_trees(struct db *held, struct db *again,
    check_bad_fn *bad, void *arg);

/* The same of the value ops (store/kvdb.h); named by their keys. */
ZK_CHECKED enum zk_err check_values(struct db *held, struct db *again,
    check_bad_fn *bad, void *arg);

/* The same of messages (store/msgdb.h); named by their channels. */
ZK_CHECKED enum zk_err check_messages(struct db *held, struct db *again,
    check_bad_fn *bad, void *arg);

#endif
