/* Scratch tables of a look at blobs.  See gcscan.h. */
#include "store/gcscan.h"

#include <stdlib.h>
#include <string.h>

#include "db/row.h"

struct gcscan {
	struct db *db;
};

enum zk_err
gcscan_new(struct gcscan **out)
{
	struct gcscan *s = calloc(1, sizeof(*s));
	enum zk_err r = s == NULL ? ZK_ENOMEM : db_open("", 0, &s->db);

	*out = NULL;
	if (r == ZK_OK)
		r = db_exec(s->db, "PRAGMA journal_mode=MEMORY;"
		    "PRAGMA synchronous=OFF; PRAGMA cache_size=-24576;"
		    "CREATE TABLE content(row INTEGER PRIMARY KEY,"
		    " id BLOB NOT NULL UNIQUE, node BLOB NOT NULL,"
		    " hash BLOB NOT NULL, loc INTEGER NOT NULL, ms INTEGER);"
		    "CREATE INDEX content_twin ON content(node, hash);"
		    "CREATE TABLE alias(row INTEGER PRIMARY KEY,"
		    " hash BLOB NOT NULL, name BLOB NOT NULL,"
		    " size INTEGER NOT NULL, ms INTEGER NOT NULL);"
		    "CREATE TABLE names(set_ INTEGER NOT NULL,"
		    " name BLOB NOT NULL, PRIMARY KEY(set_, name))"
		    " WITHOUT ROWID;");
	/* one transaction to its end: nothing of it is to last */
	if (r == ZK_OK)
		r = db_begin(s->db);
	if (r == ZK_OK)
		*out = s;
	else
		gcscan_free(s);
	return r;
}

void
gcscan_free(struct gcscan *s)
{
	if (s == NULL)
		return;
	db_close(s->db);
	free(s);
}

enum zk_err
gcscan_content_put(struct gcscan *g, const struct gcscan_content *c)
{
	struct stmt *s = db_stmt(g->db, "INSERT OR IGNORE INTO content"
	    "(id, node, hash, loc) VALUES (?1, ?2, ?3, ?4)");

	stmt_blob(s, 1, c->id.b, OPID_LEN);
	stmt_blob(s, 2, c->node.b, OPID_LEN);
	stmt_blob(s, 3, c->hash, sizeof(c->hash));
	stmt_int(s, 4, (int64_t)c->locator);
	return stmt_run(g->db, s);
}

enum zk_err
gcscan_split(struct gcscan *g, const struct opid *id,
    const struct opid *split)
{
	struct stmt *s = db_stmt(g->db, "INSERT OR IGNORE INTO content"
	    "(id, node, hash, loc) SELECT ?2, ?2, hash, loc FROM content"
	    " WHERE id = ?1");

	stmt_blob(s, 1, id->b, OPID_LEN);
	stmt_blob(s, 2, split->b, OPID_LEN);
	return stmt_run(g->db, s);
}

enum zk_err
gcscan_over(struct gcscan *g, const struct opid *id, int64_t ms)
{
	struct stmt *s = db_stmt(g->db, "UPDATE content"
	    " SET ms = max(ifnull(ms, ?2), ?2) WHERE id = ?1");

	stmt_blob(s, 1, id->b, OPID_LEN);
	stmt_int(s, 2, ms);
	return stmt_run(g->db, s);
}

enum zk_err
gcscan_settle(struct gcscan *g)
{
	return stmt_run(g->db, db_stmt(g->db, "UPDATE content SET ms ="
	    " (SELECT max(c.ms) FROM content c WHERE c.node = content.node"
	    " AND c.hash = content.hash)"));
}

enum zk_err
gcscan_content_next(struct gcscan *g, int64_t *row,
    struct gcscan_content *out)
{
	struct stmt *s = db_stmt(g->db, "SELECT id, node, hash, loc, ms, row"
	    " FROM content WHERE row > ?1 ORDER BY row LIMIT 1");
	enum zk_err r = ZK_EBUG;

	stmt_int(s, 1, *row);
	r = stmt_step(g->db, s);
	if (r != ZK_OK)
		return r;
	r = stmt_col_copy(s, 0, out->id.b, OPID_LEN);
	if (r == ZK_OK)
		r = stmt_col_copy(s, 1, out->node.b, OPID_LEN);
	if (r == ZK_OK)
		r = stmt_col_copy(s, 2, out->hash, sizeof(out->hash));
	out->locator = (uint64_t)stmt_col_int(s, 3);
	out->over = !stmt_col_null(s, 4);
	out->over_ms = stmt_col_int(s, 4);
	*row = stmt_col_int(s, 5);
	stmt_reset(s);
	return r;
}

enum zk_err
gcscan_alias_put(struct gcscan *g, const struct gcscan_alias *a)
{
	struct stmt *s = db_stmt(g->db, "INSERT INTO alias"
	    "(hash, name, size, ms) VALUES (?1, ?2, ?3, ?4)");

	stmt_blob(s, 1, a->hash, sizeof(a->hash));
	stmt_blob(s, 2, a->name, sizeof(a->name));
	stmt_int(s, 3, (int64_t)a->size);
	stmt_int(s, 4, a->ms);
	return stmt_run(g->db, s);
}

enum zk_err
gcscan_alias_next(struct gcscan *g, int64_t *row, struct gcscan_alias *out)
{
	struct stmt *s = db_stmt(g->db, "SELECT hash, name, size, ms, row"
	    " FROM alias WHERE row > ?1 ORDER BY row LIMIT 1");
	enum zk_err r = ZK_EBUG;

	stmt_int(s, 1, *row);
	r = stmt_step(g->db, s);
	if (r != ZK_OK)
		return r;
	r = stmt_col_copy(s, 0, out->hash, sizeof(out->hash));
	if (r == ZK_OK)
		r = stmt_col_copy(s, 1, out->name, sizeof(out->name));
	out->size = (uint64_t)stmt_col_int(s, 2);
	out->ms = stmt_col_int(s, 3);
	*row = stmt_col_int(s, 4);
	stmt_reset(s);
	return r;
}

enum zk_err
gcscan_add(struct gcscan *g, enum gcscan_set set,
    const uint8_t name[static GCSCAN_NAME_LEN], bool *fresh)
{
	struct stmt *s = db_stmt(g->db, "INSERT OR IGNORE INTO names"
	    "(set_, name) VALUES (?1, ?2)");
	enum zk_err r = ZK_EBUG;

	stmt_int(s, 1, set);
	stmt_blob(s, 2, name, GCSCAN_NAME_LEN);
	r = stmt_run(g->db, s);
	*fresh = r == ZK_OK && db_changes(g->db) > 0;
	return r;
}

enum zk_err
gcscan_has(struct gcscan *g, enum gcscan_set set,
    const uint8_t name[static GCSCAN_NAME_LEN], bool *has)
{
	struct stmt *s = db_stmt(g->db, "SELECT 1 FROM names"
	    " WHERE set_ = ?1 AND name = ?2");

	stmt_int(s, 1, set);
	stmt_blob(s, 2, name, GCSCAN_NAME_LEN);
	return row_any(g->db, s, has);
}
