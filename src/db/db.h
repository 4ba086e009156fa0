/*
 * A thin layer over SQLite: one connection, statements prepared once and
 * kept, codes of ours.  The only owner of sqlite3.h.  Used by store and
 * relay.
 *
 * A struct db belongs to one thread.  Errors of SQLite are logged here, once,
 * with the file's name: SQLITE_FULL is ZK_EDISKFULL; SQLITE_CORRUPT,
 * SQLITE_NOTADB and a page that fails its checksum are ZK_ETAMPER;
 * SQLITE_BUSY is ZK_ELOCKED, SQLITE_CONSTRAINT is ZK_EEXIST (not logged),
 * SQLITE_READONLY and SQLITE_PERM are ZK_EPERM, memory that is missing is
 * ZK_ENOMEM (not logged), the rest ZK_EIO.
 */
#ifndef ZK_DB_DB_H
#define ZK_DB_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct db;
struct stmt;	/* a prepared statement, owned by its db */

enum db_flags {
	DB_CREATE = 1,	/* make the file if it is not there */
	DB_READONLY = 2,
	DB_UNTRUSTED = 4, /* no triggers, views or functions from the file */
	/* With DB_CREATE: pages of 16 KiB, for a file of large values: each
	 * page costs two calls to write and two more when the WAL is copied. */
	DB_LARGE_PAGES = 8,
	DB_SUMS = 16	/* its pages carry checksums (db/sums.h) */
};

/*
 * Opens path (":memory:" for none on disk, "" for one in a file without a
 * name that vanishes with it) with WAL and synchronous=FULL, trusted_schema
 * off, mode 0600.  *out is owned by the caller.
 */
ZK_CHECKED enum zk_err db_open(const char *path, unsigned flags,
    struct db **out);

/* Closes; rolls back what is open.  NULL is fine. */
void db_close(struct db *db);

/* Runs statements without results, as given at compile time. */
ZK_CHECKED enum zk_err db_exec(struct db *db, const char *sql);

/*
 * The statement for sql, which must be a string literal: prepared on first
 * use, afterwards the same object, reset and with bindings cleared.
 * NULL when it cannot be prepared: db_step then reports the error.
 */
struct stmt *db_stmt(struct db *db, const char *sql);

/* Bind parameter i (from 1).  Memory must live until the step or reset. */
void stmt_int(struct stmt *s, int i, int64_t v);
void stmt_blob(struct stmt *s, int i, const void *p, size_t n);
void stmt_text(struct stmt *s, int i, const char *v);
void stmt_null(struct stmt *s, int i);

/*
 * ZK_OK: a row is there.  ZK_ENOENT: none, or no more; the statement was
 * reset.  Else the error, also reset.
 */
ZK_CHECKED enum zk_err stmt_step(struct db *db, struct stmt *s);

/* Runs a statement that gives no rows and resets it. */
ZK_CHECKED enum zk_err stmt_run(struct db *db, struct stmt *s);

/* Must follow a stmt_step whose rows are not read to the end. */
void stmt_reset(struct stmt *s);

/* Columns of the row at hand (from 0); pointers live until the next step. */
int64_t stmt_col_int(struct stmt *s, int i);
const void *stmt_col_blob(struct stmt *s, int i, size_t *len);
bool stmt_col_null(struct stmt *s, int i);

/* Copies a blob column of exactly n bytes.  ZK_ETAMPER on another length. */
ZK_CHECKED enum zk_err stmt_col_copy(struct stmt *s, int i, void *out,
    size_t n);

/* True if the rows at hand have equal columns, types included. */
bool stmt_same(struct stmt *a, struct stmt *b);

/*
 * A transaction (BEGIN IMMEDIATE).  They do not nest: BUG.  In a dry one each
 * is a savepoint of it.  At an error of the disk or without memory SQLite may
 * take it back by itself, though only a read failed: from there on each
 * statement and db_commit give that first error, until db_rollback (in a dry
 * one: until db_dry_end).
 */
ZK_CHECKED enum zk_err db_begin(struct db *db);
ZK_CHECKED enum zk_err db_commit(struct db *db);
/*
 * As db_begin, but its commit does not wait for the disk: a power cut may
 * take it back, and then what was committed after it and not waited for,
 * too.  The next commit that waits makes it durable first, as a close does.
 * Only for what is found out again without loss, such as that a remote has
 * what was sent to it.
 */
ZK_CHECKED enum zk_err db_begin_light(struct db *db);
/*
 * Needs no memory.  Where SQLite cannot do it, the next statement does it
 * first, or gives ZK_ENOMEM.  Nothing open: does nothing.
 */
void db_rollback(struct db *db);
/*
 * What a transaction ends with: commits if r, what came of its statements (or
 * of db_begin), is ZK_OK, and rolls back where that, or the commit, is not.
 * Returns r, or why it could not be committed.
 */
ZK_CHECKED enum zk_err db_end(struct db *db, enum zk_err r);
bool db_in_tx(const struct db *db);

/*
 * A dry transaction: what is begun and committed until its end is seen by
 * all that follows and then taken back as a whole, as it is by a close and
 * by a crash.  Not inside a transaction nor inside another: BUG.
 */
ZK_CHECKED enum zk_err db_dry_begin(struct db *db);
void db_dry_end(struct db *db);	/* none: does nothing */

int64_t db_last_id(struct db *db);
int64_t db_changes(struct db *db);

/*
 * Reads every page in use and checks that all fits (PRAGMA integrity_check).
 * ZK_ETAMPER: each table that is damaged was logged, with what is wrong.
 * ZK_EIO: the disk did not give all of it (logged), which says nothing of it,
 * no more than ZK_ENOMEM does.
 */
ZK_CHECKED enum zk_err db_check(struct db *db);

#endif
