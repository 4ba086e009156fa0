/* The past of applied segments.  See pastdb.h. */
#include "store/pastdb.h"

#include "db/row.h"

const char pastdb_schema[] =
    "CREATE TABLE IF NOT EXISTS segpast ("
    " id INTEGER PRIMARY KEY, heads BLOB NOT NULL);"
    "CREATE TABLE IF NOT EXISTS carrier ("
    " op BLOB NOT NULL, seg INTEGER NOT NULL, PRIMARY KEY(op,seg))"
    " WITHOUT ROWID;";

enum zk_err
pastdb_heads_get(struct db *db, int64_t id, struct buf *out)
{
	struct stmt *s = db_stmt(db, "SELECT heads FROM segpast WHERE id=?1");

	stmt_int(s, 1, id);
	return row_bytes(db, s, out);
}

enum zk_err
pastdb_heads_put(struct db *db, int64_t id, const struct buf *heads)
{
	struct stmt *s = db_stmt(db,
	    "INSERT OR REPLACE INTO segpast(id,heads) VALUES(?1,?2)");

	stmt_int(s, 1, id);
	stmt_blob(s, 2, heads->data, heads->len);
	return stmt_run(db, s);
}

enum zk_err
pastdb_carrier_put(struct db *db, const struct opid *id, int64_t seg)
{
	struct stmt *s = db_stmt(db,
	    "INSERT OR IGNORE INTO carrier(op,seg) VALUES(?1,?2)");

	stmt_blob(s, 1, id->b, OPID_LEN);
	stmt_int(s, 2, seg);
	return stmt_run(db, s);
}

enum zk_err
pastdb_carrier(struct db *db, const struct opid *id, int64_t after,
    int64_t *seg)
{
	struct stmt *s = db_stmt(db, "SELECT seg FROM carrier"
	    " WHERE op=?1 AND seg>?2 ORDER BY seg LIMIT 1");

	stmt_blob(s, 1, id->b, OPID_LEN);
	stmt_int(s, 2, after);
	return row_int(db, s, seg);
}
