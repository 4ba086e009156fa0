#include "store/diffdb.h"

#include <string.h>

#include "db/row.h"

/* A stat as columns: ino and birth time are compared by queries. */
#define COLUMNS "id, what, row, parent, kind, ino, size, mode, mtime," \
	" mtime_ns, ctime, ctime_ns, btime, btime_ns, fsid, hash, path"

static enum zk_err
make_table(struct db *db)
{
	return db_exec(db, "CREATE TEMP TABLE diff("
	    "id INTEGER PRIMARY KEY, what INTEGER NOT NULL,"
	    " row INTEGER NOT NULL, parent INTEGER NOT NULL,"
	    " kind INTEGER NOT NULL, ino INTEGER NOT NULL,"
	    " size INTEGER NOT NULL, mode INTEGER NOT NULL,"
	    " mtime INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,"
	    " ctime INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,"
	    " btime INTEGER NOT NULL, btime_ns INTEGER NOT NULL,"
	    " fsid INTEGER NOT NULL, hash BLOB, path BLOB NOT NULL);"
	    "CREATE INDEX temp.diff_row ON diff(row, what)"
	    " WHERE row <> 0;"
	    "CREATE INDEX temp.diff_gone ON diff(ino)"
	    " WHERE what = 6;"
	    "CREATE INDEX temp.diff_gone_size ON diff(size)"
	    " WHERE what = 6;"
	    "CREATE INDEX temp.diff_hash ON diff(hash, what)"
	    " WHERE hash IS NOT NULL;");
}

enum zk_err
diff_reset(struct db *db)
{
	bool made = false;
	enum zk_err r = row_any(db, db_stmt(db, "SELECT 1"
	    " FROM temp.sqlite_master WHERE name = 'diff'"), &made);

	if (r != ZK_OK)
		return r;
	return !made ? make_table(db) :
	    stmt_run(db, db_stmt(db, "DELETE FROM diff"));
}

enum zk_err
diff_add(struct db *db, const struct diff *d)
{
	struct stmt *s = db_stmt(db, "INSERT INTO diff(" COLUMNS ") VALUES("
	    "NULL, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,"
	    " ?15, ?16, ?17)");

	stmt_int(s, 2, d->what);
	stmt_int(s, 3, d->row);
	stmt_int(s, 4, d->parent);
	stmt_int(s, 5, d->kind);
	stmt_int(s, 6, (int64_t)d->st.ino);
	stmt_int(s, 7, (int64_t)d->st.size);
	stmt_int(s, 8, d->st.mode);
	stmt_int(s, 9, d->st.mtime.sec);
	stmt_int(s, 10, d->st.mtime.nsec);
	stmt_int(s, 11, d->st.ctime.sec);
	stmt_int(s, 12, d->st.ctime.nsec);
	stmt_int(s, 13, d->st.btime.sec);
	stmt_int(s, 14, d->st.btime.nsec);
	stmt_int(s, 15, (int64_t)d->st.fsid);
	if (d->hash_known)
		stmt_blob(s, 16, d->hash, BASE_HASH_LEN);
	else
		stmt_null(s, 16);
	stmt_blob(s, 17, d->path_len > 0 ? d->path : "", d->path_len);
	return stmt_run(db, s);
}

static enum zk_err
read_diff(struct stmt *s, struct diff *d)
{
	memset(d, 0, sizeof(*d));
	d->id = stmt_col_int(s, 0);
	d->what = (uint8_t)stmt_col_int(s, 1);
	d->row = stmt_col_int(s, 2);
	d->parent = stmt_col_int(s, 3);
	d->kind = (uint8_t)stmt_col_int(s, 4);
	d->st.ino = (uint64_t)stmt_col_int(s, 5);
	d->st.size = (uint64_t)stmt_col_int(s, 6);
	d->st.mode = (uint32_t)stmt_col_int(s, 7);
	d->st.mtime.sec = stmt_col_int(s, 8);
	d->st.mtime.nsec = (uint32_t)stmt_col_int(s, 9);
	d->st.ctime.sec = stmt_col_int(s, 10);
	d->st.ctime.nsec = (uint32_t)stmt_col_int(s, 11);
	d->st.btime.sec = stmt_col_int(s, 12);
	d->st.btime.nsec = (uint32_t)stmt_col_int(s, 13);
	d->st.fsid = (uint64_t)stmt_col_int(s, 14);
	d->hash_known = !stmt_col_null(s, 15);
	d->path = stmt_col_blob(s, 16, &d->path_len);
	if (d->path == NULL)
		d->path = "";
	if (!d->hash_known)
		return ZK_OK;
	return stmt_col_copy(s, 15, d->hash, BASE_HASH_LEN);
}

/* The row of a query that gives one at most; leaves it open for lending. */
static enum zk_err
one_diff(struct db *db, struct stmt *s, int64_t *after, struct diff *d)
{
	enum zk_err r = stmt_step(db, s);

	if (r == ZK_OK)
		r = read_diff(s, d);
	else
		memset(d, 0, sizeof(*d));
	if (r == ZK_OK)
		*after = d->id;
	return r;
}

enum zk_err
diff_next(struct db *db, uint32_t mask, int64_t *after, struct diff *d)
{
	struct stmt *s = db_stmt(db, "SELECT " COLUMNS " FROM diff"
	    " WHERE id > ?1 AND ?2 >> what & 1 ORDER BY id LIMIT 1");

	stmt_int(s, 1, *after);
	stmt_int(s, 2, mask);
	return one_diff(db, s, after, d);
}

static enum zk_err
one_number(struct db *db, struct stmt *s, uint32_t mask, uint64_t *n)
{

	stmt_int(s, 1, mask);
	return row_count(db, s, n);
}

enum zk_err
diff_count(struct db *db, uint32_t mask, uint64_t *n)
{
	return one_number(db, db_stmt(db,
	    "SELECT count(*) FROM diff WHERE ?1 >> what & 1"), mask, n);
}

enum zk_err
diff_bytes(struct db *db, uint32_t mask, uint64_t *n)
{
	struct stmt *s = db_stmt(db, "SELECT coalesce(sum(size), 0) FROM diff"
	    " WHERE ?1 >> what & 1 AND kind IN (?2, ?3)");

	stmt_int(s, 2, NODE_FILE);
	stmt_int(s, 3, NODE_SYMLINK);
	return one_number(db, s, mask, n);
}

enum zk_err
diff_drop(struct db *db, int64_t id)
{
	struct stmt *s = db_stmt(db, "DELETE FROM diff WHERE id = ?1");

	stmt_int(s, 1, id);
	return stmt_run(db, s);
}

enum zk_err
diff_last(struct db *db, int64_t *id)
{
	*id = 0;
	return row_int(db, db_stmt(db, "SELECT max(id) FROM diff"), id);
}

enum zk_err
diff_set_fsid(struct db *db, const char *path, size_t len, uint64_t fsid)
{
	struct stmt *s = db_stmt(db, "UPDATE diff SET fsid = ?2"
	    " WHERE path = ?1 AND kind = 2 AND what IN (1, 2)");

	stmt_blob(s, 1, path, len);
	stmt_int(s, 2, (int64_t)fsid);
	return stmt_run(db, s);
}

enum zk_err
diff_make_move(struct db *db, int64_t id, int64_t row)
{
	struct stmt *s = db_stmt(db,
	    "DELETE FROM diff WHERE row = ?1 AND what = 6");
	enum zk_err r;

	stmt_int(s, 1, row);
	r = stmt_run(db, s);
	if (r != ZK_OK)
		return r;
	s = db_stmt(db, "UPDATE diff SET what = 2, row = ?2 WHERE id = ?1");
	stmt_int(s, 1, id);
	stmt_int(s, 2, row);
	return stmt_run(db, s);
}

enum zk_err
diff_has(struct db *db, uint32_t mask, int64_t row, bool *yes)
{
	struct stmt *s = db_stmt(db, "SELECT 1 FROM diff"
	    " WHERE row = ?1 AND row <> 0 AND (1 << what) & ?2 LIMIT 1");

	stmt_int(s, 1, row);
	stmt_int(s, 2, mask);
	return row_any(db, s, yes);
}

enum zk_err
diff_any_gone(struct db *db, bool *yes)
{
	return row_any(db, db_stmt(db,
	    "SELECT 1 FROM diff WHERE what = 6 LIMIT 1"), yes);
}

/* Two numbers: the id of a NEW, and the row of its VANISHED. */
static enum zk_err
one_pair(struct db *db, struct stmt *s, int64_t *after, int64_t *row)
{
	enum zk_err r;

	*row = 0;
	stmt_int(s, 1, *after);
	r = stmt_step(db, s);
	if (r != ZK_OK)
		return r;
	*after = stmt_col_int(s, 0);
	*row = stmt_col_int(s, 1);
	stmt_reset(s);
	return ZK_OK;
}

/*
 * One NEW may have several partners (hard links) and the other way round:
 * the caller makes each pair a move at once, so that neither is found again.
 */
enum zk_err
diff_next_inode_pair(struct db *db, int64_t *after, int64_t *row)
{
	struct stmt *s = db_stmt(db, "SELECT n.id, v.row FROM diff n"
	    " JOIN diff v ON v.what = 6 AND v.ino = n.ino"
	    " AND v.btime = n.btime AND v.btime_ns = n.btime_ns"
	    " AND v.kind = n.kind WHERE n.id > ?1 AND n.what = 1"
	    " AND n.kind <> 2 AND (n.btime <> 0 OR n.btime_ns <> 0)"
	    " ORDER BY n.id, v.id LIMIT 1");

	return one_pair(db, s, after, row);
}

enum zk_err
diff_next_to_hash(struct db *db, int64_t *after, struct diff *d)
{
	struct stmt *s = db_stmt(db, "SELECT " COLUMNS " FROM diff n"
	    " WHERE id > ?1 AND what = 1 AND kind = 1 AND size > 0"
	    " AND hash IS NULL AND EXISTS (SELECT 1 FROM diff v"
	    " WHERE v.what = 6 AND v.size = n.size AND v.kind = 1)"
	    " ORDER BY id LIMIT 1");

	stmt_int(s, 1, *after);
	return one_diff(db, s, after, d);
}

enum zk_err
diff_set_hash(struct db *db, int64_t id,
    const uint8_t hash[static BASE_HASH_LEN])
{
	struct stmt *s = db_stmt(db,
	    "UPDATE diff SET hash = ?2 WHERE id = ?1");

	stmt_int(s, 1, id);
	stmt_blob(s, 2, hash, BASE_HASH_LEN);
	return stmt_run(db, s);
}

enum zk_err
diff_next_hash_pair(struct db *db, int64_t *after, int64_t *row)
{
	struct stmt *s = db_stmt(db, "SELECT n.id, v.row FROM diff n"
	    " JOIN diff v ON v.hash = n.hash AND v.what = 6 AND v.kind = 1"
	    " AND v.size = n.size WHERE n.id > ?1 AND n.what = 1"
	    " AND n.kind = 1 AND n.size > 0 AND n.hash IS NOT NULL"
	    " AND (SELECT count(*) FROM diff x WHERE x.hash = n.hash"
	    " AND x.what = 6 AND x.kind = 1) = 1"
	    " AND (SELECT count(*) FROM diff x WHERE x.hash = n.hash"
	    " AND x.what = 1 AND x.kind = 1) = 1"
	    " ORDER BY n.id LIMIT 1");

	return one_pair(db, s, after, row);
}
