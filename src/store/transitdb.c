/* Remotes that only pass things on.  See transitdb.h. */
#include "store/transitdb.h"

#include "db/row.h"

const char transitdb_schema[] =
    "CREATE TABLE IF NOT EXISTS transit(remote INTEGER PRIMARY KEY);"
    "CREATE TABLE IF NOT EXISTS transit_gone("
    " remote INTEGER NOT NULL, seg INTEGER NOT NULL,"
    " PRIMARY KEY(remote, seg)) WITHOUT ROWID;";

/* Runs a statement of one or two numbers. */
static enum zk_err
run(struct db *db, struct stmt *s, int64_t a, int64_t b)
{
	stmt_int(s, 1, a);
	if (b >= 0)
		stmt_int(s, 2, b);
	return stmt_run(db, s);
}

/* Whether a query of one number gives a row. */
static enum zk_err
any(struct db *db, struct stmt *s, int64_t a, bool *yes)
{
	stmt_int(s, 1, a);
	return row_any(db, s, yes);
}

enum zk_err
transitdb_set(struct db *db, int64_t remote)
{
	return run(db, db_stmt(db,
	    "INSERT OR IGNORE INTO transit(remote) VALUES(?1)"), remote, -1);
}

enum zk_err
transitdb_is(struct db *db, int64_t remote, bool *yes)
{
	return any(db, db_stmt(db, "SELECT 1 FROM transit WHERE remote = ?1"),
	    remote, yes);
}

enum zk_err
transitdb_keepers(struct db *db, uint64_t *n)
{
	struct stmt *s = db_stmt(db, "SELECT count(*) FROM remote"
	    " WHERE id NOT IN (SELECT remote FROM transit)");

	return row_count(db, s, n);
}

enum zk_err
transitdb_next(struct db *db, int64_t remote, int64_t *seg)
{
	struct stmt *s = db_stmt(db, "SELECT s.id FROM seg s"
	    " JOIN remote_has h ON h.remote = ?1 AND h.hash = s.hash"
	    " WHERE s.id > ?2 AND s.ord IS NOT NULL AND NOT EXISTS (SELECT 1"
	    " FROM transit_gone g WHERE g.remote = ?1 AND g.seg = s.id)"
	    " ORDER BY s.id LIMIT 1");

	stmt_int(s, 1, remote);
	stmt_int(s, 2, *seg);
	return row_int(db, s, seg);
}

enum zk_err
transitdb_kept(struct db *db, int64_t seg, bool *yes)
{
	return any(db, db_stmt(db, "SELECT 1 FROM seg s JOIN remote r"
	    " ON r.id NOT IN (SELECT remote FROM transit)"
	    " JOIN remote_has h ON h.remote = r.id AND h.hash = s.hash"
	    " WHERE s.id = ?1 LIMIT 1"), seg, yes);
}

enum zk_err
transitdb_gone(struct db *db, int64_t remote, int64_t seg)
{
	return run(db, db_stmt(db, "INSERT OR IGNORE INTO"
	    " transit_gone(remote, seg) VALUES(?1, ?2)"), remote, seg);
}

enum zk_err
transitdb_reset(struct db *db, int64_t remote)
{
	return run(db, db_stmt(db,
	    "DELETE FROM transit_gone WHERE remote = ?1"), remote, -1);
}

enum zk_err
transitdb_rm(struct db *db, int64_t remote)
{
	enum zk_err r = transitdb_reset(db, remote);

	return r == ZK_OK ? run(db, db_stmt(db,
	    "DELETE FROM transit WHERE remote = ?1"), remote, -1) : r;
}
