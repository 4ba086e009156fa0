/* What the files of db/ share. */
#ifndef ZK_DB_DB_INT_H
#define ZK_DB_DB_INT_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"

#define DB_STMTS 512		/* statements kept, at most: BUG beyond */

struct stmt {
	sqlite3_stmt *s;	/* NULL: could not be prepared */
	const char *sql;	/* the literal: its address is the key */
};

struct db {
	sqlite3 *h;
	char *path;
	bool tx;
	bool light;		/* commits do not wait for the disk */
	bool dry;		/* all is in one transaction, to be undone */
	/* The first error after which SQLite took the transaction back: no
	 * statement runs until it is ended.  With none: one that could not be
	 * ended yet. */
	enum zk_err lost;
	enum zk_err prepare;	/* why a statement that is NULL is not there */
	struct stmt *stmts[DB_STMTS];	/* open addressing by address */
	size_t stmts_n;
};

/* A code of ours for what SQLite said; logs what the caller cannot. */
enum zk_err db_code(struct db *db, int rc);

#endif
