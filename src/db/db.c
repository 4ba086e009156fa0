/* A thin layer over SQLite.  See db.h. */
#include "db/db.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "db/db_int.h"
#include "db/sums.h"
#include "util/log.h"

#define DB_BUSY_MS 2000		/* another process at the same file */

/* What ends a transaction also without memory: prepared with the database. */
static const char rollback_sql[] = "ROLLBACK";
static const char rollback_dry_sql[] = "ROLLBACK TO dry";
static const char release_dry_sql[] = "RELEASE dry";

/*
 * SQLite says SQLITE_FULL only for its own writes to the database; the index
 * of the WAL that cannot grow is an SQLITE_IOERR of some kind.
 */
static bool
is_full(const struct db *db, int rc)
{
	int e = 0;

	if ((rc & 0xff) == SQLITE_FULL || rc == SQLITE_IOERR_SHMSIZE)
		return true;
	if ((rc & 0xff) != SQLITE_IOERR)
		return false;
	e = sqlite3_system_errno(db->h);
	return e == ENOSPC || e == EDQUOT;
}

/* Runs one of the statements above. */
static int
step_kept(struct db *db, const char *sql)
{
	struct stmt *s = db_stmt(db, sql);
	int rc = s == NULL ? SQLITE_NOMEM : sqlite3_step(s->s);

	if (s != NULL)
		(void)sqlite3_reset(s->s);
	return rc;
}

/* Takes back all that is not committed, if SQLite did not by itself. */
static void
undo(struct db *db)
{
	if (sqlite3_get_autocommit(db->h) == 0)
		(void)step_kept(db, rollback_sql);
	db->lost = sqlite3_get_autocommit(db->h) == 0 ? ZK_ENOMEM : ZK_OK;
}

static enum zk_err
code_of(const struct db *db, int rc)
{
	enum zk_err r = is_full(db, rc) ? ZK_EDISKFULL : ZK_EIO;

	if (rc == SQLITE_IOERR_NOMEM)
		return ZK_ENOMEM;
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return ZK_OK;
	case SQLITE_CONSTRAINT:
		return ZK_EEXIST;
	case SQLITE_NOMEM:
		return ZK_ENOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		r = ZK_ETAMPER;
		break;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		r = ZK_ELOCKED;
		break;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		r = ZK_EPERM;
		break;
	default:
		break;
	}
	if (rc == SQLITE_IOERR_DATA) {
		r = ZK_ETAMPER;
		log_error(r, &(struct log_where){ .path = db->path },
		    "database '%s': page %lld is damaged: it fails its "
		    "checksum", db->path, (long long)sums_bad_page(db->h));
		return r;
	}
	log_error(r, &(struct log_where){ .path = db->path },
	    "database '%s': %s", db->path, r == ZK_EDISKFULL ? err_text(r) :
	    sqlite3_errmsg(db->h));
	return r;
}

/*
 * A read that failed, too, can make SQLite take back all of a transaction:
 * what came after would commit by itself, and is refused.
 */
enum zk_err
db_code(struct db *db, int rc)
{
	enum zk_err r = code_of(db, rc);

	if (r != ZK_OK && db->lost == ZK_OK && (db->tx || db->dry) &&
	    sqlite3_get_autocommit(db->h) != 0)
		db->lost = r;
	return r;
}

/* Why no statement may run now; what could not be ended is tried again. */
static enum zk_err
refused(struct db *db)
{
	if (db->lost != ZK_OK && !db->tx && !db->dry)
		undo(db);
	return db->lost;
}

static enum zk_err
setup(struct db *db, unsigned flags)
{
	enum zk_err r = ZK_OK;

	(void)sqlite3_extended_result_codes(db->h, 1);
	(void)sqlite3_busy_timeout(db->h, DB_BUSY_MS);
	(void)sqlite3_db_config(db->h, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(db->h, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0,
	    NULL);
	(void)sqlite3_db_config(db->h, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION,
	    0, NULL);
	if ((flags & DB_UNTRUSTED) != 0) {
		(void)sqlite3_db_config(db->h,
		    SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
		(void)sqlite3_db_config(db->h, SQLITE_DBCONFIG_ENABLE_VIEW, 0,
		    NULL);
	}
	/* in memory they would only be copied into journals, whole */
	if ((flags & DB_LARGE_PAGES) != 0 && db->path[0] != ':')
		r = db_exec(db, "PRAGMA page_size=16384;");
	if (r == ZK_OK && (flags & DB_READONLY) == 0)
		r = db_exec(db, "PRAGMA journal_mode=WAL;"
		    "PRAGMA synchronous=FULL;");
	if (r == ZK_OK)
		r = db_exec(db, "PRAGMA temp_store=FILE;"
		    "PRAGMA cell_size_check=ON;");
	return r;
}

/* Room for the checksums, in a database that is made by this connection. */
static void
reserve(struct db *db)
{
	int n = SUMS_LEN;

	(void)sqlite3_file_control(db->h, "main", SQLITE_FCNTL_RESERVE_BYTES,
	    &n);
}

enum zk_err
db_open(const char *path, unsigned flags, struct db **out)
{
	enum zk_err r = ZK_EBUG;
	struct db *db = NULL;
	const char *vfs = NULL;
	int how = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;

	*out = NULL;
	how |= (flags & DB_READONLY) != 0 ? SQLITE_OPEN_READONLY :
	    SQLITE_OPEN_READWRITE;
	if ((flags & DB_CREATE) != 0)
		how |= SQLITE_OPEN_CREATE;
	db = calloc(1, sizeof(*db));
	if (db == NULL)
		return ZK_ENOMEM;
	db->path = strdup(path);
	if (db->path == NULL) {
		r = ZK_ENOMEM;
		goto out;
	}
	vfs = sums_vfs((flags & DB_SUMS) != 0);
	if (vfs == NULL) {
		r = ZK_ENOMEM;
		goto out;
	}
	r = db_code(db, sqlite3_open_v2(path, &db->h, how, vfs));
	if (r == ZK_OK && (flags & DB_SUMS) != 0)
		reserve(db);
	if (r == ZK_OK)
		r = setup(db, flags);
	if (r == ZK_OK && db_stmt(db, rollback_sql) == NULL)
		r = db->prepare;
	if (r != ZK_OK)
		goto out;
	/* SQLite gives its files 0644; the -wal and -shm take this mode */
	if ((flags & DB_CREATE) != 0 && path[0] != ':')
		(void)chmod(path, S_IRUSR | S_IWUSR);
	*out = db;
	db = NULL;
out:
	db_close(db);
	return r;
}

void
db_close(struct db *db)
{
	if (db == NULL)
		return;
	db_rollback(db);
	db_dry_end(db);
	for (size_t i = 0; i < DB_STMTS; i++) {
		if (db->stmts[i] == NULL)
			continue;
		(void)sqlite3_finalize(db->stmts[i]->s);
		free(db->stmts[i]);
	}
	(void)sqlite3_close(db->h);
	free(db->path);
	free(db);
}

enum zk_err
db_exec(struct db *db, const char *sql)
{
	enum zk_err r = refused(db);

	return r != ZK_OK ? r :
	    db_code(db, sqlite3_exec(db->h, sql, NULL, NULL, NULL));
}

struct stmt *
db_stmt(struct db *db, const char *sql)
{
	size_t i = ((uintptr_t)sql >> 3) * 2654435761u % DB_STMTS;
	struct stmt *s = NULL;

	while (db->stmts[i] != NULL && db->stmts[i]->sql != sql)
		i = (i + 1) % DB_STMTS;
	s = db->stmts[i];
	if (s != NULL) {
		if (s->s != NULL) {
			(void)sqlite3_reset(s->s);
			(void)sqlite3_clear_bindings(s->s);
		}
		return s;
	}
	if (db->stmts_n + 1 == DB_STMTS)
		BUG("too many statements");
	s = calloc(1, sizeof(*s));
	db->prepare = ZK_ENOMEM;
	if (s == NULL)
		return NULL;
	s->sql = sql;
	if (sqlite3_prepare_v3(db->h, sql, -1, SQLITE_PREPARE_PERSISTENT,
	    &s->s, NULL) != SQLITE_OK) {
		/* not kept: the table it names may come to be later */
		db->prepare = db_code(db, sqlite3_errcode(db->h));
		free(s);
		return NULL;
	}
	db->stmts[i] = s;
	db->stmts_n++;
	return s;
}

void
stmt_int(struct stmt *s, int i, int64_t v)
{
	if (s != NULL)
		(void)sqlite3_bind_int64(s->s, i, v);
}

void
stmt_blob(struct stmt *s, int i, const void *p, size_t n)
{
	if (s == NULL)
		return;
	if (n == 0)
		(void)sqlite3_bind_zeroblob(s->s, i, 0);
	else
		(void)sqlite3_bind_blob64(s->s, i, p, n, SQLITE_STATIC);
}

void
stmt_text(struct stmt *s, int i, const char *v)
{
	if (s != NULL)
		(void)sqlite3_bind_text(s->s, i, v, -1, SQLITE_STATIC);
}

void
stmt_null(struct stmt *s, int i)
{
	if (s != NULL)
		(void)sqlite3_bind_null(s->s, i);
}

enum zk_err
stmt_step(struct db *db, struct stmt *s)
{
	int rc = SQLITE_NOMEM;
	enum zk_err r = refused(db);

	if (r != ZK_OK) {
		stmt_reset(s);
		return r;
	}
	if (s == NULL)
		return db->prepare;
	rc = sqlite3_step(s->s);
	if (rc == SQLITE_ROW)
		return ZK_OK;
	r = rc == SQLITE_DONE ? ZK_ENOENT : db_code(db, rc);
	(void)sqlite3_reset(s->s);
	return r;
}

enum zk_err
stmt_run(struct db *db, struct stmt *s)
{
	enum zk_err r = stmt_step(db, s);

	if (r == ZK_ENOENT)
		return ZK_OK;
	if (r == ZK_OK) {
		stmt_reset(s);
		BUG("rows from a statement that should give none");
	}
	return r;
}

void
stmt_reset(struct stmt *s)
{
	if (s != NULL)
		(void)sqlite3_reset(s->s);
}

int64_t
stmt_col_int(struct stmt *s, int i)
{
	return sqlite3_column_int64(s->s, i);
}

const void *
stmt_col_blob(struct stmt *s, int i, size_t *len)
{
	const void *p = sqlite3_column_blob(s->s, i);

	*len = (size_t)sqlite3_column_bytes(s->s, i);
	return *len == 0 ? "" : p;
}

bool
stmt_col_null(struct stmt *s, int i)
{
	return sqlite3_column_type(s->s, i) == SQLITE_NULL;
}

enum zk_err
stmt_col_copy(struct stmt *s, int i, void *out, size_t n)
{
	size_t len = 0;
	const void *p = stmt_col_blob(s, i, &len);

	if (len != n || p == NULL) {
		memset(out, 0, n);
		return ZK_ETAMPER;
	}
	memcpy(out, p, n);
	return ZK_OK;
}

bool
stmt_same(struct stmt *a, struct stmt *b)
{
	int n = sqlite3_column_count(a->s);

	if (n != sqlite3_column_count(b->s))
		return false;
	for (int i = 0; i < n; i++) {
		size_t la = 0, lb = 0;
		const void *p = NULL, *q = NULL;
		int type = sqlite3_column_type(a->s, i);

		if (type != sqlite3_column_type(b->s, i))
			return false;
		/* as text it would need memory */
		if (type == SQLITE_INTEGER && stmt_col_int(a, i) !=
		    stmt_col_int(b, i))
			return false;
		if (type == SQLITE_INTEGER)
			continue;
		p = stmt_col_blob(a, i, &la);
		q = stmt_col_blob(b, i, &lb);
		if (la != lb || memcmp(p, q, la) != 0)
			return false;
	}
	return true;
}

/* Takes back one transaction of a dry one; or that one, if it cannot. */
static void
undo_dry(struct db *db)
{
	int rc = SQLITE_DONE;

	if (sqlite3_get_autocommit(db->h) != 0)
		return;
	rc = step_kept(db, rollback_dry_sql);
	if (rc == SQLITE_DONE)
		rc = step_kept(db, release_dry_sql);
	if (rc != SQLITE_DONE && db->lost == ZK_OK)
		db->lost = db_code(db, rc);
}

/* After a light transaction: commits wait for the disk. */
static enum zk_err
wait_again(struct db *db)
{
	enum zk_err r = db->light ?
	    db_exec(db, "PRAGMA synchronous=FULL;") : ZK_OK;

	if (r == ZK_OK)
		db->light = false;
	return r;
}

static enum zk_err
begin(struct db *db, bool light)
{
	enum zk_err r = ZK_EBUG;

	if (db->tx)
		BUG("a transaction in a transaction");
	if (!light) {
		r = wait_again(db);
		if (r != ZK_OK)
			return r;
	}
	/* outside of a transaction, a savepoint's end would commit */
	if (db->dry && sqlite3_get_autocommit(db->h) != 0) {
		log_error(ZK_EIO, &(struct log_where){ .path = db->path },
		    "database '%s': the dry run was given up", db->path);
		return ZK_EIO;
	}
	r = stmt_run(db, db->dry ? db_stmt(db, "SAVEPOINT dry") :
	    db_stmt(db, "BEGIN IMMEDIATE"));
	db->tx = r == ZK_OK;
	return r;
}

enum zk_err
db_begin(struct db *db)
{
	return begin(db, false);
}

enum zk_err
db_begin_light(struct db *db)
{
	enum zk_err r = ZK_OK;

	if (db->tx)
		BUG("a light transaction in a transaction");
	/* a dry one is open already, and ends in no commit */
	if (!db->dry) {
		r = db_exec(db, "PRAGMA synchronous=NORMAL;");
		db->light = true;
	}
	if (r == ZK_OK)
		r = begin(db, true);
	return r == ZK_OK ? r : err_worse(r, wait_again(db));
}

enum zk_err
db_commit(struct db *db)
{
	enum zk_err r = ZK_EBUG;

	if (!db->tx)
		BUG("commit without a transaction");
	r = stmt_run(db, db->dry ? db_stmt(db, release_dry_sql) :
	    db_stmt(db, "COMMIT"));
	if (r != ZK_OK)
		return r;
	db->tx = false;
	return wait_again(db);
}

void
db_rollback(struct db *db)
{
	if (!db->tx)
		return;
	db->tx = false;
	if (!db->dry)
		undo(db);
	else
		undo_dry(db);
	/* if it fails, the next transaction does it, or does not begin */
	if (wait_again(db) != ZK_OK)
		return;
}

enum zk_err
db_end(struct db *db, enum zk_err r)
{
	if (r == ZK_OK)
		r = db_commit(db);
	if (r != ZK_OK)
		db_rollback(db);
	return r;
}

enum zk_err
db_dry_begin(struct db *db)
{
	enum zk_err r = ZK_EBUG;

	if (db->tx || db->dry)
		BUG("a dry transaction in a transaction");
	if (db_stmt(db, rollback_dry_sql) == NULL ||
	    db_stmt(db, release_dry_sql) == NULL)
		return db->prepare;
	r = stmt_run(db, db_stmt(db, "BEGIN IMMEDIATE"));
	db->dry = r == ZK_OK;
	return r;
}

void
db_dry_end(struct db *db)
{
	if (!db->dry)
		return;
	db_rollback(db);
	db->dry = false;
	undo(db);
}

bool
db_in_tx(const struct db *db)
{
	return db->tx;
}

int64_t
db_last_id(struct db *db)
{
	return sqlite3_last_insert_rowid(db->h);
}

int64_t
db_changes(struct db *db)
{
	return sqlite3_changes64(db->h);
}
