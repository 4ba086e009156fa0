/*
 * holds [-l] DATA
 *
 * What the relay whose data directory is DATA holds, also while it runs: a
 * line for each space in the order of their making,
 *
 *	logs=N segments=N/BYTES records=N/BYTES blobs=N/BYTES
 *
 * with " lost=N" after a kind of which N have no bytes, or too few.  With
 * -l then each object, "SPACE KIND SIZE", in the order of arrival.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "db/db.h"
#include "util/log.h"

static const char *data;

/* Whether the row's bytes are there: in it, or in a file of that size. */
static bool
is_there(struct stmt *s, int64_t size)
{
	char path[1024];
	struct stat st;
	int64_t no;

	if (stmt_col_null(s, 1))
		return stmt_col_int(s, 2) == 0 || size == 0;
	no = stmt_col_int(s, 1);
	(void)snprintf(path, sizeof(path), "%s/obj/%" PRIx64 "/%" PRIx64,
	    data, (uint64_t)no / 1024, (uint64_t)no);
	return stat(path, &st) == 0 && st.st_size == size;
}

/* One kind of one space; which prints each object. */
static enum zk_err
count(struct db *db, struct stmt *s, int64_t space, const char *which)
{
	int64_t n = 0, bytes = 0, lost = 0;
	enum zk_err r;

	stmt_int(s, 1, space);
	while ((r = stmt_step(db, s)) == ZK_OK) {
		int64_t size = stmt_col_int(s, 0);

		n++;
		bytes += size;
		lost += !is_there(s, size);
		if (which[0] == '-')
			printf("%" PRId64 " %s %" PRId64 "\n", space,
			    which + 1, size);
	}
	if (which[0] != '-')
		printf(" %s=%" PRId64 "/%" PRId64, which, n, bytes);
	if (which[0] != '-' && lost > 0)
		printf(" lost=%" PRId64, lost);
	return r == ZK_ENOENT ? ZK_OK : r;
}

static enum zk_err
show(struct db *db, int64_t space, bool each)
{
	struct stmt *s;
	enum zk_err r;

	s = db_stmt(db, "SELECT size, file, body IS NULL FROM segment"
	    " WHERE space = ? ORDER BY id");
	r = count(db, s, space, each ? "-segment" : "segments");
	s = db_stmt(db, "SELECT size, file, body IS NULL FROM record"
	    " WHERE space = ? ORDER BY id");
	if (r == ZK_OK)
		r = count(db, s, space, each ? "-record" : "records");
	s = db_stmt(db, "SELECT size, file, body IS NULL FROM blob"
	    " WHERE space = ? ORDER BY id");
	if (r == ZK_OK)
		r = count(db, s, space, each ? "-blob" : "blobs");
	return r;
}

static int64_t
logs(struct db *db, int64_t space)
{
	struct stmt *s = db_stmt(db,
	    "SELECT count(*) FROM log WHERE space = ?");
	int64_t n = -1;

	stmt_int(s, 1, space);
	if (stmt_step(db, s) == ZK_OK)
		n = stmt_col_int(s, 0);
	stmt_reset(s);
	return n;
}

static enum zk_err
spaces(struct db *db, bool each)
{
	struct stmt *s = db_stmt(db, "SELECT id FROM space ORDER BY id");
	int64_t id[256];
	size_t n = 0;
	enum zk_err r;

	while ((r = stmt_step(db, s)) == ZK_OK)
		if (n < sizeof(id) / sizeof(id[0]))
			id[n++] = stmt_col_int(s, 0);
	r = r == ZK_ENOENT ? ZK_OK : r;
	for (size_t i = 0; i < n && r == ZK_OK; i++) {
		printf("logs=%" PRId64, logs(db, id[i]));
		r = show(db, id[i], false);
		printf("\n");
	}
	for (size_t i = 0; i < n && r == ZK_OK && each; i++)
		r = show(db, id[i], true);
	return r;
}

int
main(int argc, char **argv)
{
	bool each = argc == 3 && strcmp(argv[1], "-l") == 0;
	struct db *db = NULL;
	char path[1024];
	enum zk_err r;

	if (argc != 2 && !each) {
		fprintf(stderr, "usage: holds [-l] DATA\n");
		return 2;
	}
	data = argv[argc - 1];
	(void)snprintf(path, sizeof(path), "%s/relay.db", data);
	r = db_open(path, DB_READONLY, &db);
	/* a state of one moment, while the relay goes on */
	if (r == ZK_OK)
		r = db_exec(db, "BEGIN");
	if (r == ZK_OK)
		r = spaces(db, each);
	db_close(db);
	return r == ZK_OK ? 0 : 1;
}
