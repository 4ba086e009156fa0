/* Names that this disk cannot hold.  See aliasdb.h. */
#include "store/aliasdb.h"

#include <string.h>

#include "db/row.h"

const char aliasdb_schema[] =
    "CREATE TABLE IF NOT EXISTS base_alias("
    " row INTEGER PRIMARY KEY, shown BLOB NOT NULL, name BLOB NOT NULL);"
    "CREATE TABLE IF NOT EXISTS base_form("
    " dir INTEGER NOT NULL, name BLOB NOT NULL, how INTEGER NOT NULL,"
    " form BLOB NOT NULL, PRIMARY KEY(dir, name)) WITHOUT ROWID;";

enum zk_err
aliasdb_put(struct db *db, int64_t row, const void *name, size_t len)
{
	struct stmt *s = db_stmt(db, "INSERT OR REPLACE INTO"
	    " base_alias(row, shown, name)"
	    " SELECT id, name, ?2 FROM base_more WHERE id = ?1");

	stmt_int(s, 1, row);
	stmt_blob(s, 2, name, len);
	return stmt_run(db, s);
}

enum zk_err
aliasdb_drop(struct db *db, int64_t row)
{
	struct stmt *s = db_stmt(db, "DELETE FROM base_alias WHERE row = ?1");

	stmt_int(s, 1, row);
	return stmt_run(db, s);
}

/* Appends a column. */
static enum zk_err
take(struct stmt *s, int col, struct buf *out)
{
	size_t n = 0;
	const void *p = stmt_col_blob(s, col, &n);

	return buf_put(out, p, n);
}

enum zk_err
aliasdb_get(struct db *db, int64_t row, struct buf *name)
{
	struct stmt *s = db_stmt(db, "SELECT a.name FROM base_alias a"
	    " JOIN base_more m ON m.id = a.row AND m.name = a.shown"
	    " WHERE a.row = ?1");
	enum zk_err r;

	stmt_int(s, 1, row);
	r = stmt_step(db, s);
	if (r != ZK_OK)
		return r;
	r = take(s, 0, name);
	stmt_reset(s);
	return r;
}

enum zk_err
aliasdb_any(struct db *db, bool *yes)
{
	return row_any(db, db_stmt(db, "SELECT 1 FROM base_alias LIMIT 1"),
	    yes);
}

enum zk_err
aliasdb_next(struct db *db, int64_t *row, struct buf *name)
{
	struct stmt *s = db_stmt(db, "SELECT a.row, a.name FROM base_alias a"
	    " JOIN base_more m ON m.id = a.row AND m.name = a.shown"
	    " WHERE a.row > ?1 ORDER BY a.row LIMIT 1");
	enum zk_err r;

	stmt_int(s, 1, *row);
	r = stmt_step(db, s);
	if (r != ZK_OK)
		return r;
	*row = stmt_col_int(s, 0);
	r = take(s, 1, name);
	stmt_reset(s);
	return r;
}

enum zk_err
aliasdb_tidy(struct db *db)
{
	return stmt_run(db, db_stmt(db, "DELETE FROM base_alias"
	    " WHERE NOT EXISTS (SELECT 1 FROM base_more m"
	    " WHERE m.id = row AND m.name = shown)"));
}

enum zk_err
aliasdb_form(struct db *db, int64_t dir, const void *name, size_t len,
    struct buf *form, enum alias_how *how)
{
	struct stmt *s = db_stmt(db, "SELECT how, form FROM base_form"
	    " WHERE dir = ?1 AND name = ?2");
	enum zk_err r;

	*how = ALIAS_PLAIN;
	stmt_int(s, 1, dir);
	stmt_blob(s, 2, name, len);
	r = stmt_step(db, s);
	if (r == ZK_ENOENT)
		return buf_put(form, name, len);
	if (r != ZK_OK)
		return r;
	*how = (enum alias_how)stmt_col_int(s, 0);
	r = take(s, 1, form);
	stmt_reset(s);
	return r;
}

static enum zk_err
form_set(struct db *db, int64_t dir, const void *name, size_t len,
    enum alias_how how, const struct buf *form)
{
	struct stmt *s = db_stmt(db, "INSERT OR REPLACE INTO"
	    " base_form(dir, name, how, form) VALUES(?1, ?2, ?3, ?4)");
	enum zk_err r;

	stmt_int(s, 1, dir);
	stmt_blob(s, 2, name, len);
	stmt_int(s, 3, how);
	stmt_blob(s, 4, form->data, form->len);
	r = stmt_run(db, s);
	if (r != ZK_OK)
		return r;
	/* what had this name for its form has the new one */
	s = db_stmt(db, "UPDATE base_form SET form = ?3"
	    " WHERE dir = ?1 AND form = ?2 AND how <> 3");
	stmt_int(s, 1, dir);
	stmt_blob(s, 2, name, len);
	stmt_blob(s, 3, form->data, form->len);
	return stmt_run(db, s);
}

enum zk_err
aliasdb_form_put(struct db *db, int64_t dir, const void *name, size_t len,
    enum alias_how how, const void *form, size_t form_len)
{
	enum alias_how was;
	struct buf of, own;
	enum zk_err r = ZK_OK;

	buf_init(&of, 4096);
	buf_init(&own, 4096);
	if (how == ALIAS_NEVER)
		r = buf_put(&of, name, len);
	else if (how == ALIAS_SHOWN)
		r = buf_put(&of, form, form_len);
	else
		r = aliasdb_form(db, dir, form, form_len, &of, &was);
	if (r == ZK_OK)
		r = aliasdb_form(db, dir, name, len, &own, &was);
	if (r == ZK_OK && (how != ALIAS_SAME || own.len != of.len ||
	    memcmp(own.data, of.data, of.len) != 0))
		r = form_set(db, dir, name, len, how, &of);
	buf_release(&of);
	buf_release(&own);
	return r;
}

enum zk_err
aliasdb_forms(struct db *db, int64_t dir, bool *yes)
{
	struct stmt *s;

	if (dir == 0)
		return row_any(db, db_stmt(db,
		    "SELECT 1 FROM base_form LIMIT 1"), yes);
	s = db_stmt(db, "SELECT 1 FROM base_form WHERE dir = ?1 LIMIT 1");
	stmt_int(s, 1, dir);
	return row_any(db, s, yes);
}

enum zk_err
aliasdb_forget(struct db *db, int64_t row)
{
	struct stmt *s = db_stmt(db, "DELETE FROM base_form WHERE dir = ?1");
	enum zk_err r;

	stmt_int(s, 1, row);
	r = stmt_run(db, s);
	return r == ZK_OK ? aliasdb_drop(db, row) : r;
}

enum zk_err
aliasdb_clear(struct db *db)
{
	return db_exec(db, "DELETE FROM base_alias; DELETE FROM base_form;");
}
