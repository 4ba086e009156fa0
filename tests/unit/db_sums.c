/* Page checksums: db/sums.h. */
#include "tests/unit/test.h"

#include <unistd.h>

#include "db/db.h"
#include "util/log.h"

#define PAGE 4096

/* A file of a few dozen pages: rows, an index, long values. */
static bool
make(char path[static 200])
{
	struct db *db = NULL;
	bool ok;

	(void)snprintf(path, 200, "%.100s/sums-%ld.db",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp",
	    (long)getpid());
	(void)unlink(path);
	ok = db_open(path, DB_CREATE | DB_SUMS, &db) == ZK_OK &&
	    db_exec(db, "CREATE TABLE t(a INTEGER PRIMARY KEY, b BLOB);"
	    "CREATE INDEX t_b ON t(b);"
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
	    " WHERE i < 60) INSERT INTO t SELECT i, zeroblob(i * 100)"
	    " FROM n; UPDATE t SET b = CAST(b || a AS BLOB);"
	    "CREATE TABLE u(a INTEGER PRIMARY KEY);"
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
	    " WHERE i < 4000) INSERT INTO u SELECT i FROM n;") == ZK_OK;
	db_close(db);
	return ok;
}

/* What opening and checking the whole file says. */
static enum zk_err
look(const char *path)
{
	struct db *db = NULL;
	enum zk_err r = db_open(path, DB_SUMS, &db);

	if (r == ZK_OK)
		r = db_check(db);
	db_close(db);
	return r;
}

static long
size_of(const char *path)
{
	FILE *f = fopen(path, "rb");
	long n = -1;

	if (f != NULL && fseek(f, 0, SEEK_END) == 0)
		n = ftell(f);
	if (f != NULL)
		fclose(f);
	return n;
}

static bool
flip(const char *path, long off, int bits)
{
	FILE *f = fopen(path, "r+b");
	bool ok = f != NULL && fseek(f, off, SEEK_SET) == 0;
	int c = ok ? fgetc(f) : EOF;

	ok = c != EOF && fseek(f, off, SEEK_SET) == 0 &&
	    fputc(c ^ bits, f) != EOF;
	return f != NULL && fclose(f) == 0 && ok;
}

/* Every bit of some bytes, and one of many others. */
static void
test_flips(void)
{
	char path[200];
	long n;

	log_set_level(LOG_QUIET);
	NEED(make(path));
	n = size_of(path);
	NEED(n > 20 * PAGE && n % PAGE == 0);
	CHECK(look(path) == ZK_OK);
	for (long off = 0; off < n; off += off < 100 ? 1 : 509) {
		int bits = 1 << off % 8;

		NEED(flip(path, off, bits));
		if (look(path) != ZK_ETAMPER) {
			printf("# byte %ld of %ld\n", off, n);
			FAIL("a flipped bit was not found");
		}
		NEED(flip(path, off, bits));
	}
	/* the sums themselves */
	for (long off = PAGE - 8; off < n; off += 3 * PAGE + 1) {
		NEED(flip(path, off, 128));
		CHECK(look(path) == ZK_ETAMPER);
		NEED(flip(path, off, 128));
	}
	CHECK(look(path) == ZK_OK);
	(void)unlink(path);
}

/* A page that belongs elsewhere is whole, and yet wrong. */
static void
test_swapped(void)
{
	static unsigned char a[PAGE], b[PAGE];
	struct db *db = NULL;
	char path[200];
	long at;
	FILE *f;

	log_set_level(LOG_QUIET);
	NEED(make(path));
	/* leaves of u, which SQLite takes in any order */
	at = size_of(path) - 3 * PAGE;
	f = fopen(path, "r+b");
	NEED(f != NULL);
	NEED(fseek(f, at, SEEK_SET) == 0 &&
	    fread(a, 1, PAGE, f) == PAGE && fread(b, 1, PAGE, f) == PAGE);
	NEED(fseek(f, at, SEEK_SET) == 0 &&
	    fwrite(b, 1, PAGE, f) == PAGE && fwrite(a, 1, PAGE, f) == PAGE);
	NEED(fclose(f) == 0);
	NEED(db_open(path, DB_SUMS, &db) == ZK_OK);
	CHECK(stmt_step(db, db_stmt(db, "SELECT sum(a) FROM u")) ==
	    ZK_ETAMPER);
	db_close(db);
	(void)unlink(path);
}

/* A read says so, too, not the check alone; all else goes on. */
static void
test_read(void)
{
	struct db *db = NULL;
	char path[200];

	log_set_level(LOG_QUIET);
	NEED(make(path));
	NEED(flip(path, size_of(path) - 3 * PAGE + 2000, 1));
	NEED(db_open(path, DB_SUMS, &db) == ZK_OK);
	CHECK(stmt_step(db, db_stmt(db, "SELECT sum(a) FROM u")) ==
	    ZK_ETAMPER);
	CHECK(db_exec(db, "INSERT INTO t VALUES(100, 'x')") == ZK_OK);
	CHECK(stmt_step(db, db_stmt(db, "SELECT sum(length(b)) FROM t")) ==
	    ZK_OK);
	db_close(db);
	(void)unlink(path);
}

TESTS(
    { "flips", test_flips },
    { "swapped", test_swapped },
    { "read", test_read },
)
