/*
 * Transactions that SQLite takes back by itself, and those that are to be
 * taken back while there is no memory.
 */
#include <unistd.h>

#include "db/db.h"
#include "db/db_int.h"
#include "tests/unit/failalloc.h"
#include "tests/unit/test.h"
#include "util/log.h"

#define PAGE 4096

static struct db *db;
static char path[200];

static bool
flip(long off)
{
	FILE *f = fopen(path, "r+b");
	bool ok = f != NULL && fseek(f, off, SEEK_SET) == 0;
	int c = ok ? fgetc(f) : EOF;

	ok = c != EOF && fseek(f, off, SEEK_SET) == 0 &&
	    fputc(c ^ 1, f) != EOF;
	return f != NULL && fclose(f) == 0 && ok;
}

/* Opens one of which the value in t cannot be read to its end. */
static bool
damaged(void)
{
	log_set_level(LOG_QUIET);
	(void)snprintf(path, sizeof(path), "%.100s/lost-%ld.db",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp",
	    (long)getpid());
	(void)unlink(path);
	if (db_open(path, DB_CREATE | DB_SUMS, &db) != ZK_OK ||
	    db_exec(db, "CREATE TABLE op(id INTEGER PRIMARY KEY);"
	    "CREATE TABLE t(v BLOB); INSERT INTO t VALUES(zeroblob(100000));")
	    != ZK_OK)
		return false;
	db_close(db);
	db = NULL;
	return flip(10 * PAGE + 100) &&
	    db_open(path, DB_SUMS, &db) == ZK_OK;
}

static enum zk_err
read_it(void)
{
	struct stmt *s = db_stmt(db, "SELECT v FROM t");
	enum zk_err r = stmt_step(db, s);

	stmt_reset(s);
	return r;
}

static enum zk_err
insert(int64_t id)
{
	struct stmt *s = db_stmt(db, "INSERT INTO op VALUES(?1)");

	stmt_int(s, 1, id);
	return stmt_run(db, s);
}

static int64_t
count(void)
{
	struct stmt *s = db_stmt(db, "SELECT count(*) FROM op");
	int64_t n = -1;

	if (stmt_step(db, s) == ZK_OK)
		n = stmt_col_int(s, 0);
	stmt_reset(s);
	return n;
}

/* What follows in a transaction after a read failed, of whatever kind. */
static bool
all_refused(void)
{
	return insert(2) == ZK_ETAMPER && count() == -1 &&
	    db_exec(db, "INSERT INTO op VALUES(3)") == ZK_ETAMPER &&
	    stmt_step(db, db_stmt(db, "SELECT 1")) == ZK_ETAMPER;
}

static void
test_read_fails(void)
{
	NEED(damaged());
	CHECK(read_it() == ZK_ETAMPER && insert(7) == ZK_OK);
	/* the caller goes on as if nothing was, and commits */
	CHECK(db_begin(db) == ZK_OK && insert(1) == ZK_OK);
	CHECK(read_it() == ZK_ETAMPER && all_refused());
	CHECK(db_commit(db) == ZK_ETAMPER && db_in_tx(db));
	db_rollback(db);
	CHECK(count() == 1);
	CHECK(db_begin(db) == ZK_OK && insert(1) == ZK_OK);
	CHECK(read_it() == ZK_ETAMPER && db_end(db, ZK_OK) == ZK_ETAMPER);
	CHECK(!db_in_tx(db) && count() == 1);
	/* commits wait for the disk again */
	CHECK(db_begin_light(db) == ZK_OK && read_it() == ZK_ETAMPER);
	CHECK(db_end(db, ZK_OK) == ZK_ETAMPER && !db->light);
	/* and the next one is as any other */
	CHECK(db_begin(db) == ZK_OK && insert(1) == ZK_OK);
	CHECK(db_end(db, ZK_OK) == ZK_OK && count() == 2);
	db_close(db);
	(void)unlink(path);
}

/* Nothing that follows in a dry run is kept. */
static void
test_dry_read_fails(void)
{
	NEED(damaged());
	CHECK(db_dry_begin(db) == ZK_OK && db_begin(db) == ZK_OK);
	CHECK(insert(1) == ZK_OK && read_it() == ZK_ETAMPER);
	CHECK(all_refused() && db_end(db, ZK_OK) == ZK_ETAMPER);
	CHECK(!db_in_tx(db) && all_refused());
	CHECK(db_begin(db) != ZK_OK && !db_in_tx(db));
	db_dry_end(db);
	CHECK(count() == 0);
	/* between its transactions */
	CHECK(db_dry_begin(db) == ZK_OK && read_it() == ZK_ETAMPER);
	CHECK(all_refused());
	db_dry_end(db);
	CHECK(count() == 0 && insert(1) == ZK_OK && count() == 1);
	db_close(db);
	(void)unlink(path);
}

static void
no_memory(bool on)
{
	fail_on = on;
	failed = on;
}

/* The end of a transaction needs none. */
static void
test_no_memory(void)
{
	if (!FAILALLOC)
		SKIP("the sanitizer has the allocator");
	log_set_level(LOG_QUIET);
	NEED(db_open(":memory:", DB_CREATE, &db) == ZK_OK);
	CHECK(db_exec(db, "CREATE TABLE op(id INTEGER PRIMARY KEY)") ==
	    ZK_OK);
	CHECK(db_begin(db) == ZK_OK && insert(1) == ZK_OK);
	no_memory(true);
	db_rollback(db);
	CHECK(sqlite3_get_autocommit(db->h) != 0 && !db_in_tx(db));
	no_memory(false);
	CHECK(count() == 0 && db_begin(db) == ZK_OK && insert(2) == ZK_OK);
	CHECK(db_end(db, ZK_OK) == ZK_OK && count() == 1);
	CHECK(db_dry_begin(db) == ZK_OK && db_begin(db) == ZK_OK);
	CHECK(insert(3) == ZK_OK);
	no_memory(true);
	db_dry_end(db);
	CHECK(sqlite3_get_autocommit(db->h) != 0);
	no_memory(false);
	CHECK(count() == 1);
	db_close(db);
}

/* Where it needs some after all: what it was prepared for is another now. */
static void
test_again(void)
{
	if (!FAILALLOC)
		SKIP("the sanitizer has the allocator");
	log_set_level(LOG_QUIET);
	NEED(db_open(":memory:", DB_CREATE, &db) == ZK_OK);
	CHECK(db_exec(db, "CREATE TABLE op(id INTEGER PRIMARY KEY)") ==
	    ZK_OK);
	/* a table that goes again makes SQLite prepare all anew */
	CHECK(db_begin(db) == ZK_OK);
	CHECK(db_exec(db, "CREATE TABLE other(id INTEGER)") == ZK_OK);
	db_rollback(db);
	CHECK(db_begin(db) == ZK_OK && insert(1) == ZK_OK && count() == 1);
	no_memory(true);
	db_rollback(db);
	CHECK(sqlite3_get_autocommit(db->h) == 0 && !db_in_tx(db));
	CHECK(count() == -1 && db_begin(db) == ZK_ENOMEM);
	no_memory(false);
	CHECK(count() == 0 && sqlite3_get_autocommit(db->h) != 0);
	CHECK(db_begin(db) == ZK_OK && insert(1) == ZK_OK);
	CHECK(db_end(db, ZK_OK) == ZK_OK && count() == 1);
	db_close(db);
}

/* The codes of SQLite that are not an errno of the disk. */
static void
test_codes(void)
{
	static const struct {
		int rc;
		enum zk_err r;
	} t[] = {
		{ SQLITE_OK, ZK_OK },
		{ SQLITE_DONE, ZK_OK },
		{ SQLITE_CONSTRAINT_UNIQUE, ZK_EEXIST },
		{ SQLITE_NOMEM, ZK_ENOMEM },
		{ SQLITE_IOERR_NOMEM, ZK_ENOMEM },
		{ SQLITE_IOERR_READ, ZK_EIO },
		{ SQLITE_IOERR_DATA, ZK_ETAMPER },
		{ SQLITE_CORRUPT_INDEX, ZK_ETAMPER },
		{ SQLITE_IOERR_SHMSIZE, ZK_EDISKFULL },
		{ SQLITE_FULL, ZK_EDISKFULL },
		{ SQLITE_BUSY_SNAPSHOT, ZK_ELOCKED },
		{ SQLITE_READONLY_DIRECTORY, ZK_EPERM },
	};

	log_set_level(LOG_QUIET);
	NEED(db_open(":memory:", DB_CREATE, &db) == ZK_OK);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (db_code(db, t[i].rc) != t[i].r) {
			printf("# %d\n", t[i].rc);
			FAIL("another code");
		}
	db_close(db);
}

TESTS(
    { "read_fails", test_read_fails },
    { "dry_read_fails", test_dry_read_fails },
    { "no_memory", test_no_memory },
    { "again", test_again },
    { "codes", test_codes },
)
