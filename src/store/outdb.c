/* Contents that may lie elsewhere.  See outdb.h. */
#include "store/outdb.h"

#include "db/row.h"

const char outdb_schema[] =
    "CREATE TABLE IF NOT EXISTS moved_out ("
    " hash BLOB PRIMARY KEY) WITHOUT ROWID;";

enum zk_err
outdb_put(struct db *db, const uint8_t hash[static OUTDB_HASH_LEN])
{
	struct stmt *s = db_stmt(db,
	    "INSERT OR IGNORE INTO moved_out(hash) VALUES(?1)");

	stmt_blob(s, 1, hash, OUTDB_HASH_LEN);
	return stmt_run(db, s);
}

enum zk_err
outdb_has(struct db *db, const uint8_t hash[static OUTDB_HASH_LEN],
    bool *has)
{
	struct stmt *s = db_stmt(db,
	    "SELECT 1 FROM moved_out WHERE hash=?1");

	stmt_blob(s, 1, hash, OUTDB_HASH_LEN);
	return row_any(db, s, has);
}

enum zk_err
outdb_clear(struct db *db)
{
	return stmt_run(db, db_stmt(db, "DELETE FROM moved_out"));
}
