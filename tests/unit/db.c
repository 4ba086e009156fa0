/* The thin layer over SQLite. */
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db/row.h"
#include "tests/unit/test.h"
#include "util/log.h"

static struct db *db;

static void
begin(void)
{
	log_set_level(LOG_QUIET);
	if (db_open(":memory:", DB_CREATE, &db) != ZK_OK ||
	    db_exec(db, "CREATE TABLE t(k INTEGER PRIMARY KEY, v BLOB,"
	    " u TEXT UNIQUE)") != ZK_OK)
		abort();
}

static enum zk_err
insert(int64_t k, const void *v, size_t n, const char *u)
{
	struct stmt *s = db_stmt(db, "INSERT INTO t VALUES(?,?,?)");

	stmt_int(s, 1, k);
	stmt_blob(s, 2, v, n);
	if (u == NULL)
		stmt_null(s, 3);
	else
		stmt_text(s, 3, u);
	return stmt_run(db, s);
}

static int64_t
count(void)
{
	struct stmt *s = db_stmt(db, "SELECT count(*) FROM t");
	int64_t n = -1;

	if (stmt_step(db, s) == ZK_OK)
		n = stmt_col_int(s, 0);
	stmt_reset(s);
	return n;
}

static void
test_rows(void)
{
	uint8_t out[3] = { 9, 9, 9 };
	struct stmt *s;
	const void *p;
	size_t n = 9;

	begin();
	CHECK(insert(1, "abc", 3, "one") == ZK_OK && db_changes(db) == 1);
	CHECK(insert(INT64_MIN, "", 0, NULL) == ZK_OK);
	CHECK(db_last_id(db) == INT64_MIN);
	CHECK(insert(1, "x", 1, "two") == ZK_EEXIST);
	CHECK(insert(2, "x", 1, "one") == ZK_EEXIST && count() == 2);
	s = db_stmt(db, "SELECT k,v,u FROM t ORDER BY k");
	NEED(stmt_step(db, s) == ZK_OK);
	CHECK(stmt_col_int(s, 0) == INT64_MIN && stmt_col_null(s, 2));
	p = stmt_col_blob(s, 1, &n);
	CHECK(n == 0 && p != NULL && !stmt_col_null(s, 1));
	CHECK(stmt_col_copy(s, 1, out, 3) == ZK_ETAMPER && out[0] == 0);
	NEED(stmt_step(db, s) == ZK_OK);
	CHECK(stmt_col_copy(s, 1, out, 3) == ZK_OK);
	CHECK(memcmp(out, "abc", 3) == 0);
	CHECK(stmt_col_copy(s, 1, out, 2) == ZK_ETAMPER);
	CHECK(stmt_step(db, s) == ZK_ENOENT);
	/* the same object again, reset */
	CHECK(db_stmt(db, "SELECT 1") != NULL);
	CHECK(db_check(db) == ZK_OK);
	db_close(db);
	db_close(NULL);
}

static void
test_bad_sql(void)
{
	struct stmt *s;

	begin();
	s = db_stmt(db, "SELECT * FROM none");
	CHECK(s == NULL);
	stmt_int(s, 1, 1);
	stmt_blob(s, 1, "", 0);
	CHECK(stmt_step(db, s) != ZK_OK && stmt_run(db, s) != ZK_OK);
	CHECK(db_exec(db, "no sql") == ZK_EIO);
	db_close(db);
}

static void
test_tx(void)
{
	begin();
	CHECK(!db_in_tx(db) && db_begin(db) == ZK_OK && db_in_tx(db));
	CHECK(insert(1, "", 0, NULL) == ZK_OK);
	db_rollback(db);
	CHECK(!db_in_tx(db) && count() == 0);
	db_rollback(db);
	CHECK(db_begin(db) == ZK_OK && insert(1, "", 0, NULL) == ZK_OK);
	CHECK(db_commit(db) == ZK_OK && !db_in_tx(db) && count() == 1);
	db_close(db);
}

/* How commits are waited for: 2 each of them, 1 none. */
static int64_t
synchronous(void)
{
	struct stmt *s = db_stmt(db, "PRAGMA synchronous");
	int64_t n = -1;

	if (stmt_step(db, s) == ZK_OK)
		n = stmt_col_int(s, 0);
	stmt_reset(s);
	return n;
}

/* Only its own commit is not waited for, however it ends. */
static void
test_light(void)
{
	begin();
	CHECK(synchronous() == 2);
	CHECK(db_begin_light(db) == ZK_OK && db_in_tx(db));
	CHECK(synchronous() == 1);
	CHECK(insert(1, "a", 1, NULL) == ZK_OK && db_commit(db) == ZK_OK);
	CHECK(synchronous() == 2 && count() == 1);
	CHECK(db_begin_light(db) == ZK_OK);
	CHECK(insert(2, "a", 1, NULL) == ZK_OK);
	db_rollback(db);
	CHECK(synchronous() == 2 && count() == 1);
	CHECK(db_begin(db) == ZK_OK && synchronous() == 2);
	CHECK(insert(3, "a", 1, NULL) == ZK_OK && db_commit(db) == ZK_OK);
	/* in a dry transaction, which never commits */
	CHECK(db_dry_begin(db) == ZK_OK);
	CHECK(db_begin_light(db) == ZK_OK && synchronous() == 2);
	CHECK(insert(4, "a", 1, NULL) == ZK_OK && db_commit(db) == ZK_OK);
	CHECK(count() == 3);
	db_dry_end(db);
	CHECK(count() == 2);
	db_close(db);
}

/* Committed in a dry transaction: seen in it, and gone after it. */
static void
test_dry(void)
{
	begin();
	CHECK(insert(1, "", 0, NULL) == ZK_OK);
	CHECK(db_dry_begin(db) == ZK_OK && !db_in_tx(db));
	CHECK(db_begin(db) == ZK_OK && db_in_tx(db));
	CHECK(insert(2, "", 0, NULL) == ZK_OK);
	CHECK(db_commit(db) == ZK_OK && !db_in_tx(db) && count() == 2);
	CHECK(db_begin(db) == ZK_OK && insert(3, "", 0, NULL) == ZK_OK);
	db_rollback(db);
	CHECK(!db_in_tx(db) && count() == 2);
	/* outside of its transactions, too */
	CHECK(insert(4, "", 0, NULL) == ZK_OK && count() == 3);
	CHECK(db_begin(db) == ZK_OK && insert(5, "", 0, NULL) == ZK_OK);
	db_dry_end(db);
	CHECK(!db_in_tx(db) && count() == 1);
	db_dry_end(db);
	CHECK(db_begin(db) == ZK_OK && insert(2, "", 0, NULL) == ZK_OK);
	CHECK(db_commit(db) == ZK_OK && count() == 2);
	/* one that SQLite gave up takes no more in */
	CHECK(db_dry_begin(db) == ZK_OK);
	CHECK(db_exec(db, "ROLLBACK") == ZK_OK);
	CHECK(db_begin(db) == ZK_EIO && !db_in_tx(db));
	db_dry_end(db);
	CHECK(count() == 2);
	db_close(db);
}

static void
test_files(void)
{
	char dir[64], path[100];
	struct db *a = NULL, *b = NULL;
	struct stat st;
	FILE *f;

	log_set_level(LOG_QUIET);
	snprintf(dir, sizeof(dir), "%.40s/zkXXXXXX",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	NEED(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/v.db", dir);
	CHECK(db_open(path, 0, &a) != ZK_OK && a == NULL);
	NEED(db_open(path, DB_CREATE, &a) == ZK_OK);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
	CHECK(db_exec(a, "CREATE TABLE t(k); INSERT INTO t VALUES(1)") ==
	    ZK_OK);
	/* a writer at work keeps the next one out, not readers */
	CHECK(db_begin(a) == ZK_OK);
	NEED(db_open(path, DB_READONLY, &b) == ZK_OK);
	CHECK(stmt_step(b, db_stmt(b, "SELECT k FROM t")) == ZK_OK);
	CHECK(db_exec(b, "DELETE FROM t") == ZK_EPERM);
	db_close(b);
	NEED(db_open(path, 0, &b) == ZK_OK);
	CHECK(db_begin(b) == ZK_ELOCKED && !db_in_tx(b));
	db_close(b);
	db_close(a);

	f = fopen(path, "r+");
	NEED(f != NULL);
	fputs("this is no database at all, by any means", f);
	fclose(f);
	a = NULL;
	CHECK(db_open(path, 0, &a) == ZK_ETAMPER && a == NULL);
	CHECK(unlink(path) == 0);
	CHECK(symlink("/etc/passwd", path) == 0);
	CHECK(db_open(path, 0, &a) != ZK_OK);
	CHECK(unlink(path) == 0);
	CHECK(rmdir(dir) == 0);
}

static enum zk_err
until_three(void *arg, struct stmt *s)
{
	int64_t *seen = arg;

	*seen = *seen * 10 + stmt_col_int(s, 0);
	return stmt_col_int(s, 0) == 3 ? ZK_ECHANGED : ZK_OK;
}

/* db/row.h: none, one, many; and the statement is free again. */
static void
test_row(void)
{
	static const char keys[] = "SELECT k FROM t WHERE k > ? ORDER BY k";
	struct stmt *s = NULL;
	struct buf b;
	uint64_t n = 9;
	int64_t k = 9;
	bool yes = true;

	begin();
	CHECK(row_any(db, db_stmt(db, keys), &yes) == ZK_OK && !yes);
	CHECK(row_int(db, db_stmt(db, keys), &k) == ZK_ENOENT && k == 9);
	CHECK(row_each(db, db_stmt(db, keys), until_three, &k) == ZK_OK &&
	    k == 9);
	CHECK(row_count(db, db_stmt(db, "SELECT count(*) FROM t"), &n) ==
	    ZK_OK && n == 0);
	n = 9;
	CHECK(row_count(db, db_stmt(db, keys), &n) == ZK_ETAMPER && n == 0);
	for (int64_t i = 1; i <= 4; i++)
		CHECK(insert(i, "bytes", (size_t)i, NULL) == ZK_OK);
	s = db_stmt(db, keys);
	stmt_int(s, 1, 0);
	k = 0;
	CHECK(row_each(db, s, until_three, &k) == ZK_ECHANGED && k == 123);
	CHECK(row_any(db, s, &yes) == ZK_OK && yes);
	CHECK(row_int(db, s, &k) == ZK_OK && k == 1);
	stmt_int(s, 1, 3);
	CHECK(row_each(db, s, until_three, &k) == ZK_OK && k == 14);
	/* the statement was reset each time: a table that is read is locked */
	CHECK(db_exec(db, "DROP INDEX IF EXISTS none; ALTER TABLE t RENAME TO"
	    " t2; ALTER TABLE t2 RENAME TO t") == ZK_OK);
	buf_init(&b, 4);
	s = db_stmt(db, "SELECT v FROM t WHERE k = ?");
	stmt_int(s, 1, 3);
	CHECK(row_bytes(db, s, &b) == ZK_OK && b.len == 3);
	CHECK(memcmp(b.data, "byt", 3) == 0);
	CHECK(row_bytes(db, s, &b) == ZK_ELIMIT);
	stmt_int(s, 1, 30);
	CHECK(row_bytes(db, s, &b) == ZK_ENOENT);
	buf_release(&b);
	CHECK(row_int(db, db_stmt(db, "SELECT no"), &k) == ZK_EIO && k == 14);
	db_close(db);
}

TESTS(
    { "rows", test_rows },
    { "row", test_row },
    { "bad-sql", test_bad_sql },
    { "tx", test_tx },
    { "light", test_light },
    { "dry", test_dry },
    { "files", test_files },
)
