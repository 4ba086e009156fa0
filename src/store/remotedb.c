/* Remotes, marks, what each holds, and records.  See remotedb.h. */
#include "store/remotedb.h"

#include <string.h>

#include "db/row.h"

const char remotedb_schema[] =
    "CREATE TABLE remote ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, url TEXT NOT NULL UNIQUE,"
    " pos INTEGER NOT NULL, created INTEGER NOT NULL DEFAULT 0,"
    " last_ok INTEGER NOT NULL DEFAULT 0, mark0 BLOB, mark1 BLOB);"
    "CREATE TABLE remote_has ("
    " remote INTEGER NOT NULL, hash BLOB NOT NULL,"
    " PRIMARY KEY(remote,hash)) WITHOUT ROWID;"
    "CREATE TABLE rec ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, name BLOB NOT NULL UNIQUE,"
    " data BLOB NOT NULL);";

/*
 * The remote has all segments up to that in the order applied.  So what it
 * lacks is looked for behind it, and not in all that there ever was.
 */
const char remotedb_full_schema[] =
    "CREATE TABLE IF NOT EXISTS remote_full ("
    " remote INTEGER PRIMARY KEY, ord INTEGER NOT NULL);";

#define LACKED_AFTER "ord>max(?2,ifnull((SELECT f.ord FROM remote_full f" \
	" WHERE f.remote=?1),0)) AND NOT EXISTS (SELECT 1 FROM remote_has h" \
	" WHERE h.remote=?1 AND h.hash=seg.hash)"

enum zk_err
remotedb_add(struct db *db, const char *url, int64_t *id)
{
	struct stmt *s = db_stmt(db, "INSERT INTO remote(url,pos)"
	    " SELECT ?1, coalesce(max(pos)+1,0) FROM remote"
	    " HAVING count(*)<16");
	enum zk_err r = ZK_EBUG;

	_Static_assert(REMOTEDB_MAX == 16, "the statement says 16");
	if (strlen(url) >= REMOTEDB_URL_MAX)
		return ZK_ELIMIT;
	stmt_text(s, 1, url);
	r = stmt_run(db, s);
	if (r != ZK_OK)
		return r;
	if (db_changes(db) == 0)
		return ZK_ELIMIT;
	*id = db_last_id(db);
	return ZK_OK;
}

/* Runs s, made for a remote's URL. */
static enum zk_err
run_for_url(struct db *db, struct stmt *s, const char *url)
{
	stmt_text(s, 1, url);
	return stmt_run(db, s);
}

enum zk_err
remotedb_rm(struct db *db, const char *url)
{
	enum zk_err r = run_for_url(db, db_stmt(db, "DELETE FROM remote_has"
	    " WHERE remote=(SELECT id FROM remote WHERE url=?1)"), url);

	if (r == ZK_OK)
		r = run_for_url(db, db_stmt(db, "DELETE FROM remote_full"
		    " WHERE remote=(SELECT id FROM remote WHERE url=?1)"),
		    url);
	if (r == ZK_OK)
		r = run_for_url(db, db_stmt(db, "DELETE FROM remote"
		    " WHERE url=?1"), url);
	if (r != ZK_OK)
		return r;
	return db_changes(db) == 0 ? ZK_ENOENT : ZK_OK;
}

enum zk_err
remotedb_at(struct db *db, unsigned pos, struct remotedb_remote *out)
{
	struct stmt *s = db_stmt(db, "SELECT id,created,last_ok,url"
	    " FROM remote ORDER BY pos LIMIT 1 OFFSET ?1");
	enum zk_err r = ZK_EBUG;
	const void *p = NULL;
	size_t n = 0;

	memset(out, 0, sizeof(*out));
	stmt_int(s, 1, pos);
	r = stmt_step(db, s);
	if (r != ZK_OK)
		return r;
	out->id = stmt_col_int(s, 0);
	out->pos = pos;
	out->created = stmt_col_int(s, 1) != 0;
	out->last_ok_ms = stmt_col_int(s, 2);
	p = stmt_col_blob(s, 3, &n);
	if (n >= sizeof(out->url))
		r = ZK_ETAMPER;
	else if (n > 0)
		memcpy(out->url, p, n);
	stmt_reset(s);
	return r;
}

enum zk_err
remotedb_created(struct db *db, int64_t id)
{
	struct stmt *s = db_stmt(db,
	    "UPDATE remote SET created=1 WHERE id=?1");

	stmt_int(s, 1, id);
	return stmt_run(db, s);
}

enum zk_err
remotedb_ok(struct db *db, int64_t id, int64_t ms)
{
	struct stmt *s = db_stmt(db,
	    "UPDATE remote SET last_ok=?2 WHERE id=?1");

	stmt_int(s, 1, id);
	stmt_int(s, 2, ms);
	return stmt_run(db, s);
}

enum zk_err
remotedb_mark(struct db *db, int64_t id, int which,
    uint8_t out[static REMOTEDB_MARK_MAX], size_t *len)
{
	struct stmt *s = which == 0 ?
	    db_stmt(db, "SELECT mark0 FROM remote WHERE id=?1") :
	    db_stmt(db, "SELECT mark1 FROM remote WHERE id=?1");
	enum zk_err r = ZK_EBUG;
	const void *p = NULL;

	*len = 0;
	stmt_int(s, 1, id);
	r = stmt_step(db, s);
	if (r != ZK_OK)
		return r;
	p = stmt_col_blob(s, 0, len);
	if (*len > REMOTEDB_MARK_MAX)
		*len = 0;
	if (*len > 0)
		memcpy(out, p, *len);
	stmt_reset(s);
	return ZK_OK;
}

enum zk_err
remotedb_mark_set(struct db *db, int64_t id, int which, const void *mark,
    size_t len)
{
	struct stmt *s = which == 0 ?
	    db_stmt(db, "UPDATE remote SET mark0=?2 WHERE id=?1") :
	    db_stmt(db, "UPDATE remote SET mark1=?2 WHERE id=?1");

	stmt_int(s, 1, id);
	stmt_blob(s, 2, mark, len);
	return stmt_run(db, s);
}

enum zk_err
remotedb_has(struct db *db, int64_t id, const uint8_t hash[static 32],
    bool *has)
{
	struct stmt *s = db_stmt(db,
	    "SELECT 1 FROM remote_has WHERE remote=?1 AND hash=?2");

	stmt_int(s, 1, id);
	stmt_blob(s, 2, hash, 32);
	return row_any(db, s, has);
}

enum zk_err
remotedb_has_set(struct db *db, int64_t id, const uint8_t hash[static 32])
{
	struct stmt *s = db_stmt(db,
	    "INSERT OR IGNORE INTO remote_has(remote,hash) VALUES(?1,?2)");

	stmt_int(s, 1, id);
	stmt_blob(s, 2, hash, 32);
	return stmt_run(db, s);
}

enum zk_err
remotedb_forget(struct db *db, int64_t id)
{
	struct stmt *s = db_stmt(db, "DELETE FROM remote_has WHERE remote=?1");
	enum zk_err r = ZK_EBUG;

	stmt_int(s, 1, id);
	r = stmt_run(db, s);
	if (r != ZK_OK)
		return r;
	s = db_stmt(db, "DELETE FROM remote_full WHERE remote=?1");
	stmt_int(s, 1, id);
	r = stmt_run(db, s);
	if (r != ZK_OK)
		return r;
	s = db_stmt(db, "UPDATE remote SET mark0=NULL, mark1=NULL"
	    " WHERE id=?1");
	stmt_int(s, 1, id);
	return stmt_run(db, s);
}

enum zk_err
remotedb_fill(struct db *db, int64_t id)
{
	struct stmt *s = db_stmt(db, "INSERT OR REPLACE INTO"
	    " remote_full(remote,ord) SELECT ?1, coalesce((SELECT ord-1"
	    " FROM seg WHERE " LACKED_AFTER " ORDER BY ord LIMIT 1),"
	    " (SELECT max(ord) FROM seg), 0)");

	stmt_int(s, 1, id);
	stmt_int(s, 2, 0);
	return stmt_run(db, s);
}

/* s, made for what a remote lacks behind `after`. */
static struct stmt *
lacked(struct stmt *s, int64_t id, int64_t after)
{
	stmt_int(s, 1, id);
	stmt_int(s, 2, after);
	return s;
}

enum zk_err
remotedb_lacks(struct db *db, int64_t id, int64_t after, int64_t *seg)
{
	return row_int(db, lacked(db_stmt(db, "SELECT id FROM seg"
	    " WHERE " LACKED_AFTER " ORDER BY ord LIMIT 1"), id, after), seg);
}

enum zk_err
remotedb_behind(struct db *db, int64_t id, uint64_t *n)
{
	return row_count(db, lacked(db_stmt(db, "SELECT count(*) FROM seg"
	    " WHERE " LACKED_AFTER), id, 0), n);
}

enum zk_err
remotedb_behind_pulled(struct db *db, int64_t id, uint64_t *n)
{
	return row_count(db, lacked(db_stmt(db, "SELECT count(*) FROM seg"
	    " WHERE ack<>0 AND " LACKED_AFTER), id, 0), n);
}

enum zk_err
remotedb_lacking(struct db *db, int64_t id, uint64_t *n, uint64_t *bytes,
    bool *blobs)
{
	struct stmt *s = lacked(db_stmt(db, "SELECT count(*),"
	    " coalesce(sum(size), 0), coalesce(max(blobs), 0) FROM seg"
	    " WHERE " LACKED_AFTER), id, 0);
	enum zk_err r = ZK_EBUG;

	*n = *bytes = 0;
	*blobs = false;
	r = stmt_step(db, s);
	if (r != ZK_OK)
		return r == ZK_ENOENT ? ZK_ETAMPER : r;
	*n = (uint64_t)stmt_col_int(s, 0);
	*bytes = (uint64_t)stmt_col_int(s, 1);
	*blobs = stmt_col_int(s, 2) != 0;
	stmt_reset(s);
	return ZK_OK;
}

enum zk_err
remotedb_rec_put(struct db *db, const uint8_t name[static 32],
    const void *p, size_t n)
{
	struct stmt *s = db_stmt(db,
	    "INSERT INTO rec(name,data) VALUES(?1,?2)");

	stmt_blob(s, 1, name, 32);
	stmt_blob(s, 2, p, n);
	return stmt_run(db, s);
}

enum zk_err
remotedb_rec_has(struct db *db, const uint8_t name[static 32], bool *has)
{
	struct stmt *s = db_stmt(db, "SELECT 1 FROM rec WHERE name=?1");

	stmt_blob(s, 1, name, 32);
	return row_any(db, s, has);
}

enum zk_err
remotedb_rec_next(struct db *db, int64_t after, int64_t *row,
    uint8_t name[static 32], struct buf *out)
{
	struct stmt *s = db_stmt(db, "SELECT id,name,data FROM rec"
	    " WHERE id>?1 ORDER BY id LIMIT 1");
	enum zk_err r = ZK_EBUG;
	const void *p = NULL;
	size_t n = 0;

	stmt_int(s, 1, after);
	r = stmt_step(db, s);
	if (r != ZK_OK)
		return r;
	*row = stmt_col_int(s, 0);
	r = stmt_col_copy(s, 1, name, 32);
	if (r == ZK_OK) {
		p = stmt_col_blob(s, 2, &n);
		r = buf_put(out, p, n);
	}
	stmt_reset(s);
	return r;
}
