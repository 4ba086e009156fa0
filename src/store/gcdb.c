/* Blobs that are to go.  See gcdb.h. */
#include "store/gcdb.h"

#include <string.h>

#include "crdt/cdb.h"
#include "db/row.h"

const char gcdb_schema[] =
    "CREATE TABLE IF NOT EXISTS chunk_dead ("
    " name BLOB PRIMARY KEY, seg INTEGER NOT NULL,"
    " size INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS chunk_dead_seg ON chunk_dead (seg);"
    "CREATE TABLE IF NOT EXISTS chunk_gone ("
    " name BLOB NOT NULL, remote INTEGER NOT NULL,"
    " PRIMARY KEY (name, remote)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS chunk_stray ("
    " name BLOB PRIMARY KEY, since INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS gcdone ("
    " op BLOB PRIMARY KEY) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS gcclock ("
    " ord INTEGER PRIMARY KEY, ms INTEGER NOT NULL);";

enum zk_err
gcdb_condemn(struct db *db, const uint8_t name[static GCDB_NAME_LEN],
    int64_t seg)
{
	struct stmt *s = db_stmt(db, "INSERT INTO chunk_dead"
	    " (name, seg, size) VALUES (?1, ?2, ifnull((SELECT"
	    " max(stored_len) FROM chunk WHERE chunk.name = ?1), 0))"
	    " ON CONFLICT (name) DO UPDATE SET seg = excluded.seg");
	enum zk_err r = ZK_EBUG;

	stmt_blob(s, 1, name, GCDB_NAME_LEN);
	stmt_int(s, 2, seg);
	r = stmt_run(db, s);
	if (r != ZK_OK)
		return r;
	s = db_stmt(db, "DELETE FROM chunk_at WHERE name = ?1");
	stmt_blob(s, 1, name, GCDB_NAME_LEN);
	r = stmt_run(db, s);
	return r == ZK_OK ? gcdb_no_stray(db, name) : r;
}

enum zk_err
gcdb_size(struct db *db, const uint8_t name[static GCDB_NAME_LEN],
    uint64_t size)
{
	struct stmt *s = db_stmt(db, "UPDATE chunk_dead SET size = ?2"
	    " WHERE name = ?1 AND size = 0");

	stmt_blob(s, 1, name, GCDB_NAME_LEN);
	stmt_int(s, 2, (int64_t)size);
	return stmt_run(db, s);
}

enum zk_err
gcdb_dead(struct db *db, const uint8_t name[static GCDB_NAME_LEN],
    bool *dead)
{
	struct stmt *s = db_stmt(db, "SELECT 1 FROM chunk_dead"
	    " WHERE name = ?1");

	stmt_blob(s, 1, name, GCDB_NAME_LEN);
	return row_any(db, s, dead);
}

enum zk_err
gcdb_dead_by(struct db *db, const uint8_t name[static GCDB_NAME_LEN],
    int64_t *seg)
{
	struct stmt *s = db_stmt(db, "SELECT seg FROM chunk_dead"
	    " WHERE name = ?1");

	stmt_blob(s, 1, name, GCDB_NAME_LEN);
	return row_int(db, s, seg);
}

enum zk_err
gcdb_any(struct db *db, bool *any)
{
	return row_any(db, db_stmt(db, "SELECT 1 FROM chunk_dead LIMIT 1"),
	    any);
}

struct page {
	struct gcdb_dead *out;
	size_t n;
};

/* A row: name, segment, size. */
static enum zk_err
page_row(void *arg, struct stmt *s)
{
	struct page *p = arg;
	struct gcdb_dead *d = &p->out[p->n++];

	d->seg = stmt_col_int(s, 1);
	d->size = (uint64_t)stmt_col_int(s, 2);
	return stmt_col_copy(s, 0, d->name, GCDB_NAME_LEN);
}

/* The rows of s, of which there are no more than out has room for. */
static enum zk_err
page(struct db *db, struct stmt *s, struct gcdb_dead *out, size_t *n)
{
	struct page p = { .out = out };
	enum zk_err r = row_each(db, s, page_row, &p);

	*n = r == ZK_OK ? p.n : 0;
	return r;
}

enum zk_err
gcdb_left(struct db *db, int64_t remote,
    const uint8_t after[static GCDB_NAME_LEN], struct gcdb_dead *out,
    size_t max, size_t *n)
{
	struct stmt *s = db_stmt(db, "SELECT name, seg, size FROM chunk_dead d"
	    " WHERE name > ?1 AND NOT EXISTS (SELECT 1 FROM chunk_gone g"
	    " WHERE g.name = d.name AND g.remote = ?2)"
	    " ORDER BY name LIMIT ?3");

	stmt_blob(s, 1, after, GCDB_NAME_LEN);
	stmt_int(s, 2, remote);
	stmt_int(s, 3, (int64_t)max);
	return page(db, s, out, n);
}

enum zk_err
gcdb_chunks(struct db *db, const uint8_t after[static GCDB_NAME_LEN],
    struct gcdb_dead *out, size_t max, size_t *n)
{
	struct stmt *s = db_stmt(db, "SELECT name, 0, stored_len FROM chunk c"
	    " WHERE name > ?1 AND NOT EXISTS (SELECT 1 FROM chunk_dead d"
	    " WHERE d.name = c.name) ORDER BY name LIMIT ?2");

	stmt_blob(s, 1, after, GCDB_NAME_LEN);
	stmt_int(s, 2, (int64_t)max);
	return page(db, s, out, n);
}

enum zk_err
gcdb_seg_next(struct db *db, int64_t after, int64_t *seg)
{
	struct stmt *s = db_stmt(db, "SELECT seg FROM chunk_dead"
	    " WHERE seg > ?1 ORDER BY seg LIMIT 1");

	stmt_int(s, 1, after);
	return row_int(db, s, seg);
}

enum zk_err
gcdb_gone(struct db *db, const uint8_t name[static GCDB_NAME_LEN],
    int64_t remote)
{
	struct stmt *s = db_stmt(db, "INSERT OR IGNORE INTO chunk_gone"
	    " (name, remote) VALUES (?1, ?2)");

	stmt_blob(s, 1, name, GCDB_NAME_LEN);
	stmt_int(s, 2, remote);
	return stmt_run(db, s);
}

enum zk_err
gcdb_forget(struct db *db, size_t n)
{
	struct stmt *s = db_stmt(db, "DELETE FROM chunk WHERE name IN"
	    " (SELECT name FROM chunk_gone GROUP BY name"
	    " HAVING count(*) >= ?1)");
	enum zk_err r = ZK_EBUG;

	stmt_int(s, 1, (int64_t)n);
	r = stmt_run(db, s);
	if (r != ZK_OK)
		return r;
	s = db_stmt(db, "DELETE FROM chunk_part WHERE name IN"
	    " (SELECT name FROM chunk_gone GROUP BY name"
	    " HAVING count(*) >= ?1)");
	stmt_int(s, 1, (int64_t)n);
	return stmt_run(db, s);
}

enum zk_err
gcdb_done_put(struct db *db, const struct opid *id)
{
	struct stmt *s = db_stmt(db, "INSERT OR IGNORE INTO gcdone (op)"
	    " VALUES (?1)");

	stmt_blob(s, 1, id->b, OPID_LEN);
	return stmt_run(db, s);
}

enum zk_err
gcdb_undone(struct db *db)
{
	return stmt_run(db, db_stmt(db, "DELETE FROM gcdone"));
}

enum zk_err
gcdb_done(struct db *db, const struct opid *id, bool *done)
{
	struct stmt *s = db_stmt(db, "SELECT 1 FROM gcdone WHERE op = ?1");

	stmt_blob(s, 1, id->b, OPID_LEN);
	return row_any(db, s, done);
}

enum zk_err
gcdb_stray(struct db *db, const uint8_t name[static GCDB_NAME_LEN],
    int64_t ms, int64_t *since)
{
	struct stmt *s = db_stmt(db, "INSERT OR IGNORE INTO chunk_stray"
	    " (name, since) VALUES (?1, ?2)");
	enum zk_err r = ZK_EBUG;

	*since = ms;
	stmt_blob(s, 1, name, GCDB_NAME_LEN);
	stmt_int(s, 2, ms);
	r = stmt_run(db, s);
	if (r != ZK_OK)
		return r;
	s = db_stmt(db, "SELECT since FROM chunk_stray WHERE name = ?1");
	stmt_blob(s, 1, name, GCDB_NAME_LEN);
	r = row_int(db, s, since);
	return r == ZK_ENOENT ? ZK_ETAMPER : r;
}

enum zk_err
gcdb_no_stray(struct db *db, const uint8_t name[static GCDB_NAME_LEN])
{
	struct stmt *s = db_stmt(db, "DELETE FROM chunk_stray WHERE name = ?1");

	stmt_blob(s, 1, name, GCDB_NAME_LEN);
	return stmt_run(db, s);
}

/* The two last notes; before is left as it is if there is one alone. */
static enum zk_err
last_notes(struct db *db, int64_t *ord, int64_t *ms, int64_t *before)
{
	struct stmt *s = db_stmt(db,
	    "SELECT ord, ms FROM gcclock ORDER BY ord DESC LIMIT 2");
	enum zk_err r = stmt_step(db, s);

	if (r == ZK_OK) {
		*ord = stmt_col_int(s, 0);
		*ms = stmt_col_int(s, 1);
		r = stmt_step(db, s);
	}
	if (r == ZK_OK) {
		*before = stmt_col_int(s, 1);
		stmt_reset(s);
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
gcdb_tick(struct db *db, int64_t ms, int64_t gap)
{
	int64_t now = 0, ord = 0, last = 0, before = INT64_MAX;
	struct stmt *s = NULL;
	bool near;
	enum zk_err r = row_int(db, db_stmt(db,
	    "SELECT ifnull(max(ord), 0) FROM seg"), &now);

	if (r == ZK_OK)
		r = last_notes(db, &ord, &last, &before);
	if (r != ZK_OK || now <= ord)
		return r;
	/* the last one moves on while it is near the one before */
	near = before <= last && last <= ms && ms - before <= gap;
	if (near) {
		s = db_stmt(db,
		    "UPDATE gcclock SET ord = ?1, ms = ?2 WHERE ord = ?3");
		stmt_int(s, 3, ord);
	} else {
		s = db_stmt(db,
		    "INSERT INTO gcclock (ord, ms) VALUES (?1, ?2)");
	}
	stmt_int(s, 1, now);
	stmt_int(s, 2, ms);
	return stmt_run(db, s);
}

enum zk_err
gcdb_came(struct db *db, int64_t ord, int64_t *ms)
{
	struct stmt *s = db_stmt(db, "SELECT ms FROM gcclock WHERE ord >= ?1"
	    " ORDER BY ord LIMIT 1");

	*ms = 0;
	stmt_int(s, 1, ord);
	return row_int(db, s, ms);
}

enum zk_err
gcdb_several(struct db *db, const struct opid *node, bool *several)
{
	struct stmt *s = db_stmt(db, "SELECT (heads & ?2 <> 0) +"
	    " (SELECT count(*) FROM top WHERE top.heads <> 0"
	    "  AND top.heads & ?2 <> 0 AND node = n) > 1"
	    " FROM tnode WHERE id = ?1");
	int64_t is = 0;
	enum zk_err r = ZK_EBUG;

	stmt_blob(s, 1, node->b, OPID_LEN);
	stmt_int(s, 2, REG_CONTENT);
	r = row_int(db, s, &is);
	*several = is != 0;
	return r == ZK_ENOENT ? ZK_OK : r;
}
