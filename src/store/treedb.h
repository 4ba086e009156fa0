/*
 * The merge's records in the vault database: crdt/cdb.h over SQLite.
 *
 * One row a node of which nothing was changed; rows of ops beside it as they
 * come.  Memory is SQLite's cache, whatever the size of the tree.  Reading
 * and writing happen in the caller's transaction.
 */
#ifndef ZK_STORE_TREEDB_H
#define ZK_STORE_TREEDB_H

#include "crdt/tree.h"
#include "db/db.h"
#include "util/err.h"

struct treedb;

/* Run once when the database is made. */
extern const char treedb_schema[];

/*
 * A database with the tables of the merge alone (these, kvdb's and
 * msgdb's), in a file that has no name: it is gone with the connection or the
 * process.  SQLite says where such files lie (SQLITE_TMPDIR, TMPDIR,
 * /var/tmp).  At most 24 MiB of it are in memory.
 */
ZK_CHECKED enum zk_err treedb_scratch(struct db **out);

/* Over db, which outlives it.  Fails for want of memory alone. */
ZK_CHECKED enum zk_err treedb_new(struct db *db, struct treedb **out);
void treedb_free(struct treedb *td);

/* The tree, lent until treedb_free. */
struct tree *treedb_tree(struct treedb *td);

/* The interface itself, lent likewise: for tests. */
const struct cdb *treedb_cdb(struct treedb *td);

/*
 * After a rollback: forgets what was cached of rows that are no more.
 * Includes tree_abort.
 */
void treedb_rolled_back(struct treedb *td);

#endif
