/* Blobs that nothing here knows of.  See listdb.h. */
#include "store/listdb.h"

#include "db/row.h"

const char listdb_schema[] =
    "CREATE TABLE IF NOT EXISTS blob_listed ("
    " remote INTEGER NOT NULL, name BLOB NOT NULL,"
    " since INTEGER NOT NULL, seen INTEGER NOT NULL,"
    " PRIMARY KEY (remote, name)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS blob_list_at ("
    " remote INTEGER PRIMARY KEY, name BLOB NOT NULL);";

enum zk_err
listdb_next(struct db *db, int64_t *no)
{
	*no = 1;
	return row_int(db, db_stmt(db, "SELECT ifnull(max(seen), 0) + 1"
	    " FROM blob_listed"), no);
}

enum zk_err
listdb_seen(struct db *db, const struct listdb_look *at,
    const uint8_t name[static LISTDB_NAME_LEN], bool add, int64_t *since,
    bool *fresh)
{
	struct stmt *s = db_stmt(db, "UPDATE blob_listed SET seen = ?3"
	    " WHERE remote = ?1 AND name = ?2");
	enum zk_err r = ZK_EBUG;

	*since = at->ms;
	*fresh = false;
	stmt_int(s, 1, at->remote);
	stmt_blob(s, 2, name, LISTDB_NAME_LEN);
	stmt_int(s, 3, at->no);
	r = stmt_run(db, s);
	if (r != ZK_OK)
		return r;
	if (db_changes(db) > 0) {
		s = db_stmt(db, "SELECT since FROM blob_listed"
		    " WHERE remote = ?1 AND name = ?2");
		stmt_int(s, 1, at->remote);
		stmt_blob(s, 2, name, LISTDB_NAME_LEN);
		r = row_int(db, s, since);
		return r == ZK_ENOENT ? ZK_ETAMPER : r;
	}
	if (!add)
		return ZK_ENOENT;
	s = db_stmt(db, "INSERT INTO blob_listed (remote, name, since, seen)"
	    " VALUES (?1, ?2, ?3, ?4)");
	stmt_int(s, 1, at->remote);
	stmt_blob(s, 2, name, LISTDB_NAME_LEN);
	stmt_int(s, 3, at->ms);
	stmt_int(s, 4, at->no);
	r = stmt_run(db, s);
	*fresh = r == ZK_OK;
	return r;
}

enum zk_err
listdb_unseen(struct db *db, const struct listdb_look *at,
    const uint8_t *after, const uint8_t *upto)
{
	struct stmt *s = db_stmt(db, "DELETE FROM blob_listed"
	    " WHERE remote = ?1 AND seen <> ?2 AND (?3 IS NULL OR name > ?3)"
	    " AND (?4 IS NULL OR name <= ?4)");

	stmt_int(s, 1, at->remote);
	stmt_int(s, 2, at->no);
	if (after == NULL)
		stmt_null(s, 3);
	else
		stmt_blob(s, 3, after, LISTDB_NAME_LEN);
	if (upto == NULL)
		stmt_null(s, 4);
	else
		stmt_blob(s, 4, upto, LISTDB_NAME_LEN);
	return stmt_run(db, s);
}

enum zk_err
listdb_count(struct db *db, uint64_t *n)
{
	return row_count(db, db_stmt(db, "SELECT count(*) FROM blob_listed"),
	    n);
}

enum zk_err
listdb_at(struct db *db, int64_t remote,
    uint8_t name[static LISTDB_NAME_LEN])
{
	struct stmt *s = db_stmt(db, "SELECT name FROM blob_list_at"
	    " WHERE remote = ?1");
	enum zk_err r = ZK_EBUG;

	stmt_int(s, 1, remote);
	r = stmt_step(db, s);
	if (r != ZK_OK)
		return r;
	r = stmt_col_copy(s, 0, name, LISTDB_NAME_LEN);
	stmt_reset(s);
	return r;
}

enum zk_err
listdb_at_set(struct db *db, int64_t remote, const uint8_t *name)
{
	struct stmt *s = name == NULL ?
	    db_stmt(db, "DELETE FROM blob_list_at WHERE remote = ?1") :
	    db_stmt(db, "INSERT OR REPLACE INTO blob_list_at (remote, name)"
	    " VALUES (?1, ?2)");

	stmt_int(s, 1, remote);
	if (name != NULL)
		stmt_blob(s, 2, name, LISTDB_NAME_LEN);
	return stmt_run(db, s);
}

enum zk_err
listdb_drop(struct db *db, int64_t remote)
{
	struct stmt *s = db_stmt(db, "DELETE FROM blob_listed"
	    " WHERE remote = ?1");
	enum zk_err r = ZK_EBUG;

	stmt_int(s, 1, remote);
	r = stmt_run(db, s);
	return r == ZK_OK ? listdb_at_set(db, remote, NULL) : r;
}
