/* The vault's database: schema, version, settings.  See store.h. */
#include "store/store.h"

#include <string.h>

#include "db/row.h"
#include "store/aliasdb.h"
#include "store/basedb.h"
#include "store/chunkdb.h"
#include "store/cpdb.h"
#include "store/gcdb.h"
#include "store/histdb.h"
#include "store/kvdb.h"
#include "store/largedb.h"
#include "store/listdb.h"
#include "store/logdb.h"
#include "store/msgdb.h"
#include "store/outdb.h"
#include "store/pastdb.h"
#include "store/remotedb.h"
#include "store/transitdb.h"
#include "store/treedb.h"
#include "util/log.h"

/* "zkv1" in the header of the file: another program's database is refused. */
#define STORE_APP_ID "0x7a6b7631"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char setting_schema[] =
    "CREATE TABLE setting ("
    " name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;";

/* Each new one goes to the end of one of these. */
static const char *const parts[] = {
	setting_schema, logdb_schema, remotedb_schema, treedb_schema,
	basedb_schema, chunkdb_schema, kvdb_schema, msgdb_schema,
	largedb_schema
};
/* newer than the version: what would be in their tables is found again */
static const char *const later[] = {
	pastdb_schema, histdb_schema, aliasdb_schema, transitdb_schema,
	gcdb_schema, cpdb_schema, listdb_schema, remotedb_full_schema,
	outdb_schema
};

/* The setting "later" says of how many of them the tables are there. */
static enum zk_err
make_later(struct db *db)
{
	int64_t made = 0;
	enum zk_err r = store_get_int(db, "later", 0, &made);

	if (r != ZK_OK || made >= (int64_t)COUNT(later))
		return r;
	for (size_t i = 0; r == ZK_OK && i < COUNT(later); i++)
		r = db_exec(db, later[i]);
	return r == ZK_OK ? store_put_int(db, "later", COUNT(later)) : r;
}

static enum zk_err
store_create(struct db *db)
{
	enum zk_err r = db_begin(db);

	for (size_t i = 0; r == ZK_OK && i < COUNT(parts); i++)
		r = db_exec(db, parts[i]);
	if (r == ZK_OK)
		r = make_later(db);
	if (r == ZK_OK)
		r = store_put_int(db, "schema", STORE_VERSION);
	if (r == ZK_OK)
		r = db_exec(db, "PRAGMA application_id=" STORE_APP_ID);
	return db_end(db, r);
}

static enum zk_err
pragma_int(struct db *db, struct stmt *s, int64_t *out)
{
	enum zk_err r = row_int(db, s, out);

	return r == ZK_ENOENT ? ZK_ETAMPER : r;
}

/*
 * From an older version.  What it had no tables for are ops that it did not
 * know: it has taken in no segment with any, so there is nothing to find
 * again.  What is large is found in base.
 */
static enum zk_err
store_step(struct db *db, int64_t from)
{
	enum zk_err r = ZK_OK;

	if (from == STORE_VERSION)
		return ZK_OK;
	r = db_begin(db);
	if (r == ZK_OK && from < 2)
		r = db_exec(db, kvdb_schema);
	if (r == ZK_OK && from < 3)
		r = db_exec(db, msgdb_schema);
	if (r == ZK_OK && from < 4)
		r = db_exec(db, largedb_schema);
	if (r == ZK_OK && from < 4)
		r = largedb_fill(db);
	if (r == ZK_OK)
		r = store_put_int(db, "schema", STORE_VERSION);
	return db_end(db, r);
}

static enum zk_err
store_check(struct db *db, const char *path)
{
	int64_t v = 0;
	enum zk_err r = pragma_int(db,
	    db_stmt(db, "SELECT count(*) FROM sqlite_master"
	    " WHERE name='setting'"), &v);

	if (r != ZK_OK)
		return r;
	if (v != 1) {
		log_error(ZK_ETAMPER, &(struct log_where){ .path = path },
		    "'%s' is not a vault's database", path);
		return ZK_ETAMPER;
	}
	r = store_get_int(db, "schema", 0, &v);
	if (r != ZK_OK)
		return r;
	if (v > STORE_VERSION) {
		log_error(ZK_EVERSION, &(struct log_where){ .path = path },
		    "'%s' was written by a newer zk: install that version",
		    path);
		return ZK_EVERSION;
	}
	if (v < 1)
		return ZK_ETAMPER;
	r = store_step(db, v);
	return r == ZK_OK ? make_later(db) : r;
}

enum zk_err
store_open(const char *path, bool create, struct db **out)
{
	enum zk_err r = ZK_EBUG;
	struct db *db = NULL;

	*out = NULL;
	r = db_open(path, DB_UNTRUSTED | DB_SUMS |
	    (create ? DB_CREATE | DB_LARGE_PAGES : 0), &db);
	if (r != ZK_OK)
		goto out;
	r = create ? store_create(db) : store_check(db, path);
	if (r == ZK_ETAMPER)
		r = err_worse(r, db_check(db));	/* for the names it gives */
	if (r != ZK_OK)
		goto out;
	*out = db;
	db = NULL;
out:
	db_close(db);
	return r;
}

enum zk_err
store_get(struct db *db, const char *name, struct buf *out)
{
	struct stmt *s = db_stmt(db,
	    "SELECT value FROM setting WHERE name=?1");

	stmt_text(s, 1, name);
	return row_bytes(db, s, out);
}

enum zk_err
store_put(struct db *db, const char *name, const void *p, size_t n)
{
	struct stmt *s = db_stmt(db, "INSERT INTO setting(name,value)"
	    " VALUES(?1,?2) ON CONFLICT(name) DO UPDATE SET value=?2");

	stmt_text(s, 1, name);
	stmt_blob(s, 2, p, n);
	return stmt_run(db, s);
}

enum zk_err
store_del(struct db *db, const char *name)
{
	struct stmt *s = db_stmt(db, "DELETE FROM setting WHERE name=?1");

	stmt_text(s, 1, name);
	return stmt_run(db, s);
}

enum zk_err
store_get_int(struct db *db, const char *name, int64_t def, int64_t *out)
{
	struct stmt *s = db_stmt(db,
	    "SELECT value FROM setting WHERE name=?1");
	enum zk_err r = ZK_EBUG;

	*out = def;
	stmt_text(s, 1, name);
	r = row_int(db, s, out);
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
store_put_int(struct db *db, const char *name, int64_t v)
{
	struct stmt *s = db_stmt(db, "INSERT INTO setting(name,value)"
	    " VALUES(?1,?2) ON CONFLICT(name) DO UPDATE SET value=?2");

	stmt_text(s, 1, name);
	stmt_int(s, 2, v);
	return stmt_run(db, s);
}
