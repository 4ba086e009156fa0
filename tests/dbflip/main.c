/*
 * Damages a vault's database, and tells what it says:
 *
 *	dbflip dump DB		every table, row and value, in a fixed order
 *	dbflip sql DB SQL	as zk itself writes: page checksums are right
 *	dbflip raw DB SQL	as another program does, without checksums
 *	dbflip bit FILE N	flips bit N
 *	dbflip find DB HEX	offsets in the file at which these bytes are
 *	dbflip size FILE	bytes
 *
 * dump reads without checking any checksum; what cannot be read ends it with
 * status 1.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/sums.h"

static int
fail(const char *what)
{
	fprintf(stderr, "dbflip: %s\n", what);
	return 1;
}

static int
row_print(void *arg, int n, char **v, char **names)
{
	(void)names;
	fputs(arg, stdout);
	for (int i = 0; i < n; i++)
		printf("|%s", v[i] == NULL ? "NULL" : v[i]);
	putchar('\n');
	return 0;
}

/* Prints one table: each value quoted, so that types and bytes show. */
static int
dump_table(sqlite3 *h, const char *table)
{
	sqlite3_stmt *s = NULL;
	char *sql = sqlite3_mprintf("SELECT * FROM \"%w\"", table);
	int rc = sqlite3_prepare_v2(h, sql, -1, &s, NULL);

	sqlite3_free(sql);
	if (rc != SQLITE_OK)
		return rc;
	for (rc = sqlite3_step(s); rc == SQLITE_ROW; rc = sqlite3_step(s)) {
		fputs(table, stdout);
		for (int i = 0; i < sqlite3_column_count(s); i++) {
			const unsigned char *p = sqlite3_column_blob(s, i);
			int n = sqlite3_column_bytes(s, i);

			printf("|%d:", sqlite3_column_type(s, i));
			for (int k = 0; k < n; k++)
				printf("%02x", p[k]);
		}
		putchar('\n');
	}
	sqlite3_finalize(s);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int
dump(sqlite3 *h)
{
	char **t = NULL;
	int n = 0, rc;

	rc = sqlite3_exec(h, "SELECT type, name, tbl_name, sql"
	    " FROM sqlite_master ORDER BY name;"
	    "PRAGMA user_version; PRAGMA application_id;"
	    "PRAGMA journal_mode;", row_print, "schema", NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_get_table(h, "SELECT name FROM sqlite_master"
		    " WHERE type = 'table' ORDER BY name", &t, &n, NULL,
		    NULL);
	for (int i = 1; rc == SQLITE_OK && i <= n; i++)
		rc = dump_table(h, t[i]);
	sqlite3_free_table(t);
	/* the indices, too */
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(h, "PRAGMA integrity_check", row_print,
		    "check", NULL);
	return rc;
}

static int
on_db(const char *what, const char *path, const char *sql)
{
	sqlite3 *h = NULL;
	char *text = NULL;
	int flags = SQLITE_OPEN_READWRITE, rc;

	rc = sqlite3_open_v2(path, &h, flags,
	    strcmp(what, "sql") == 0 ? sums_vfs(true) : NULL);
	if (rc == SQLITE_OK)
		rc = sql == NULL ? dump(h) :
		    sqlite3_exec(h, sql, row_print, "row", &text);
	if (rc != SQLITE_OK)
		(void)fail(text != NULL ? text : sqlite3_errmsg(h));
	sqlite3_free(text);
	sqlite3_close(h);
	return rc != SQLITE_OK;
}

/* The whole file, *n bytes; NULL on failure. */
static unsigned char *
slurp(const char *path, long *n)
{
	FILE *f = fopen(path, "rb");
	unsigned char *p = NULL;

	if (f == NULL)
		return NULL;
	if (fseek(f, 0, SEEK_END) == 0 && (*n = ftell(f)) >= 0 &&
	    fseek(f, 0, SEEK_SET) == 0)
		p = malloc((size_t)*n + 1);
	if (p != NULL && fread(p, 1, (size_t)*n, f) != (size_t)*n) {
		free(p);
		p = NULL;
	}
	fclose(f);
	return p;
}

static int
flip(const char *path, unsigned long long bit)
{
	FILE *f = fopen(path, "r+b");
	long off = (long)(bit / 8);
	int c, rc = 1;

	if (f == NULL)
		return fail("cannot open the file");
	if (fseek(f, off, SEEK_SET) == 0 && (c = fgetc(f)) != EOF &&
	    fseek(f, off, SEEK_SET) == 0 &&
	    fputc(c ^ 1 << bit % 8, f) != EOF)
		rc = 0;
	if (fclose(f) != 0 || rc != 0)
		return fail("cannot flip");
	return 0;
}

static int
find(const char *path, const char *hex)
{
	unsigned char want[128];
	size_t len = strlen(hex) / 2;
	long n = 0;
	unsigned char *p = slurp(path, &n);

	if (p == NULL || len == 0 || len > sizeof(want)) {
		free(p);
		return fail("nothing to look for, or in");
	}
	for (size_t i = 0; i < len; i++) {
		char two[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

		want[i] = (unsigned char)strtoul(two, NULL, 16);
	}
	for (long i = 0; i + (long)len <= n; i++)
		if (memcmp(p + i, want, len) == 0)
			printf("%ld\n", i);
	free(p);
	return 0;
}

int
main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	long n = 0;

	if (argc == 3 && strcmp(what, "dump") == 0)
		return on_db(what, argv[2], NULL);
	if (argc == 4 && (strcmp(what, "sql") == 0 ||
	    strcmp(what, "raw") == 0))
		return on_db(what, argv[2], argv[3]);
	if (argc == 4 && strcmp(what, "bit") == 0)
		return flip(argv[2], strtoull(argv[3], NULL, 10));
	if (argc == 4 && strcmp(what, "find") == 0)
		return find(argv[2], argv[3]);
	if (argc == 3 && strcmp(what, "size") == 0) {
		unsigned char *p = slurp(argv[2], &n);

		free(p);
		printf("%ld\n", n);
		return p == NULL;
	}
	return fail("usage: dump|sql|raw|bit|find|size FILE [ARG]");
}
