/* Whether a database is whole: PRAGMA integrity_check, and what it says. */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "db/db.h"
#include "db/db_int.h"
#include "db/sums.h"
#include "util/log.h"

/* The first line of what the check says, if it is no "ok". */
static void
first_line(const char *text, char out[static 200])
{
	/* a line of its own says which database */
	const char *nl = text == NULL ? NULL : strchr(text, '\n');

	if (nl != NULL && strncmp(text, "***", 3) == 0)
		text = nl + 1;
	if (text != NULL && out[0] == '\0' && strcmp(text, "ok") != 0)
		(void)snprintf(out, 200, "%.*s", (int)strcspn(text, "\n"),
		    text);
}

/* Logs what is wrong with one table; ZK_ETAMPER if anything is. */
static enum zk_err
check_table(struct db *db, const char *name)
{
	struct stmt *s = db_stmt(db,
	    "SELECT integrity_check FROM pragma_integrity_check(?1) LIMIT 5");
	char first[200] = "";
	int rc = SQLITE_NOMEM;

	if (s == NULL)
		return ZK_ETAMPER;
	stmt_text(s, 1, name);
	for (rc = sqlite3_step(s->s); rc == SQLITE_ROW && first[0] == '\0';
	    rc = sqlite3_step(s->s))
		first_line((const char *)sqlite3_column_text(s->s, 0), first);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE && first[0] == '\0')
		(void)snprintf(first, sizeof(first), "%s",
		    sqlite3_errmsg(db->h));
	stmt_reset(s);
	if (first[0] == '\0')
		return ZK_OK;
	log_error(ZK_ETAMPER, &(struct log_where){ .path = db->path },
	    "database '%s': table '%s' is damaged: %s", db->path, name,
	    first);
	return ZK_ETAMPER;
}

/* Says which tables are damaged, as far as the list of them can be read. */
static enum zk_err
name_damage(struct db *db)
{
	struct stmt *s = db_stmt(db,
	    "SELECT name FROM sqlite_master WHERE type='table'");
	enum zk_err r = ZK_EBUG, bad = ZK_OK;

	for (r = stmt_step(db, s); r == ZK_OK; r = stmt_step(db, s)) {
		const char *name = (const char *)sqlite3_column_text(s->s, 0);

		r = name == NULL ? ZK_OK : check_table(db, name);
		if (r != ZK_OK)
			bad = r;
	}
	return bad;
}

enum zk_err
db_check(struct db *db)
{
	struct stmt *s = db_stmt(db, "PRAGMA integrity_check(20)");
	unsigned long refused = sums_refused(db->h);
	char first[200] = "";
	const char *code = NULL;
	int rc = s == NULL ? sqlite3_errcode(db->h) : SQLITE_ROW;

	while (rc == SQLITE_ROW &&
	    (rc = sqlite3_step(s->s)) == SQLITE_ROW)
		first_line((const char *)sqlite3_column_text(s->s, 0), first);
	/* among what it finds is that it had no memory for a page */
	code = strstr(first, "error code=");
	if (code != NULL && strcmp(code, "error code=7") == 0) {
		rc = SQLITE_NOMEM;
		first[0] = '\0';
	}
	if (rc != SQLITE_DONE && first[0] == '\0') {
		/* what kept it from looking is no damage */
		enum zk_err r = db_code(db, rc);

		stmt_reset(s);
		if (r != ZK_ETAMPER)
			return r == ZK_OK ? ZK_ENOMEM : r;
		(void)snprintf(first, sizeof(first), "%s",
		    sqlite3_errmsg(db->h));
	}
	stmt_reset(s);
	if (rc == SQLITE_DONE && first[0] == '\0')
		return ZK_OK;
	if (sums_refused(db->h) != refused) {
		log_error(ZK_EIO, &(struct log_where){ .path = db->path },
		    "database '%s' cannot be read: %s", db->path,
		    err_text(ZK_EIO));
		return ZK_EIO;
	}
	if (name_damage(db) == ZK_OK)
		log_error(ZK_ETAMPER, &(struct log_where){ .path = db->path },
		    "database '%s' is damaged: %s", db->path, first);
	return ZK_ETAMPER;
}
