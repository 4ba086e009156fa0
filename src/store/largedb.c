/* Large files, and what remotes have of them.  See largedb.h. */
#include "store/largedb.h"

/* No place is given twice, so that a mark never stands after a new one. */
const char largedb_schema[] =
    "CREATE TABLE IF NOT EXISTS base_large("
    " at INTEGER PRIMARY KEY AUTOINCREMENT, id INTEGER NOT NULL UNIQUE);"
    "CREATE TABLE IF NOT EXISTS supplied("
    " remote INTEGER PRIMARY KEY, at INTEGER NOT NULL);";

static enum zk_err
run(struct db *db, struct stmt *s, int64_t a)
{
	stmt_int(s, 1, a);
	return stmt_run(db, s);
}

/* The number that s gives, or 0. */
static enum zk_err
number(struct db *db, struct stmt *s, int64_t *out)
{
	enum zk_err r = stmt_step(db, s);

	*out = 0;
	if (r != ZK_OK)
		return r == ZK_ENOENT ? ZK_OK : r;
	*out = stmt_col_int(s, 0);
	stmt_reset(s);
	return ZK_OK;
}

enum zk_err
largedb_fill(struct db *db)
{
	return run(db, db_stmt(db, "INSERT OR IGNORE INTO base_large(id)"
	    " SELECT id FROM base_more WHERE size >= ?1 ORDER BY id"),
	    LARGEDB_MIN);
}

enum zk_err
largedb_put(struct db *db, int64_t row, uint64_t size)
{
	if (size < LARGEDB_MIN)
		return ZK_OK;
	return run(db, db_stmt(db,
	    "INSERT OR REPLACE INTO base_large(id) VALUES(?1)"), row);
}

enum zk_err
largedb_again(struct db *db, int64_t row)
{
	struct stmt *s = db_stmt(db, "INSERT OR REPLACE INTO base_large(id)"
	    " SELECT id FROM base_more WHERE id = ?1 AND size >= ?2");

	stmt_int(s, 2, LARGEDB_MIN);
	return run(db, s, row);
}

enum zk_err
largedb_drop(struct db *db, int64_t row)
{
	return run(db, db_stmt(db, "DELETE FROM base_large WHERE id = ?1"),
	    row);
}

enum zk_err
largedb_next(struct db *db, int64_t *at, int64_t *row)
{
	struct stmt *s = db_stmt(db, "SELECT at, id FROM base_large"
	    " WHERE at > ?1 ORDER BY at LIMIT 1");
	enum zk_err r = ZK_EBUG;

	stmt_int(s, 1, *at);
	r = stmt_step(db, s);
	if (r != ZK_OK)
		return r;
	*at = stmt_col_int(s, 0);
	*row = stmt_col_int(s, 1);
	stmt_reset(s);
	return ZK_OK;
}

enum zk_err
largedb_last(struct db *db, int64_t *at)
{
	return number(db, db_stmt(db,
	    "SELECT coalesce(max(at), 0) FROM base_large"), at);
}

enum zk_err
largedb_mark(struct db *db, int64_t remote, int64_t *at)
{
	struct stmt *s = db_stmt(db,
	    "SELECT at FROM supplied WHERE remote = ?1");

	stmt_int(s, 1, remote);
	return number(db, s, at);
}

enum zk_err
largedb_mark_set(struct db *db, int64_t remote, int64_t at)
{
	struct stmt *s = db_stmt(db, "INSERT OR REPLACE INTO"
	    " supplied(remote, at) VALUES(?1, ?2)");

	stmt_int(s, 2, at);
	return run(db, s, remote);
}

enum zk_err
largedb_mark_drop(struct db *db, int64_t remote)
{
	return run(db, db_stmt(db, "DELETE FROM supplied WHERE remote = ?1"),
	    remote);
}
