/* Checkpoints known here.  See cpdb.h. */
#include "store/cpdb.h"

#include <string.h>

#include "db/row.h"

const char cpdb_schema[] =
    "CREATE TABLE IF NOT EXISTS checkpoint ("
    " id BLOB PRIMARY KEY, loc INTEGER NOT NULL,"
    " state INTEGER NOT NULL, body BLOB NOT NULL, form INTEGER NOT NULL,"
    " size INTEGER NOT NULL, hash BLOB NOT NULL, data BLOB NOT NULL);"
    "CREATE TABLE IF NOT EXISTS checkpoint_offer ("
    " id BLOB PRIMARY KEY, seg INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS checkpoint_thin ("
    " seg INTEGER PRIMARY KEY);";

enum zk_err
cpdb_add(struct db *db, const struct op *op)
{
	struct stmt *s = db_stmt(db, "INSERT OR IGNORE INTO checkpoint"
	    " (id, loc, state, body, form, size, hash, data)"
	    " VALUES (?1, ?2, 0, ?3, ?4, ?5, ?6, ?7)");
	const struct content *c = &op->content;

	stmt_blob(s, 1, op->id.b, OPID_LEN);
	stmt_int(s, 2, (int64_t)c->locator);
	stmt_blob(s, 3, op->body, op->body_len);
	stmt_int(s, 4, c->form);
	stmt_int(s, 5, (int64_t)c->size);
	stmt_blob(s, 6, c->hash, CONTENT_HASH_LEN);
	stmt_blob(s, 7, c->data, c->data_len);
	return stmt_run(db, s);
}

/* Appends a column to b. */
static enum zk_err
column(struct stmt *s, int i, struct buf *b)
{
	size_t n = 0;
	const void *p = stmt_col_blob(s, i, &n);

	buf_reset(b);
	return buf_put(b, p, n);
}

enum zk_err
cpdb_load(struct db *db, const struct opid *id, struct buf *body,
    struct content *c, struct buf *data)
{
	struct stmt *s = db_stmt(db, "SELECT body, form, size, hash, data, loc"
	    " FROM checkpoint WHERE id = ?1");
	enum zk_err r = ZK_EBUG;

	memset(c, 0, sizeof(*c));
	stmt_blob(s, 1, id->b, OPID_LEN);
	r = stmt_step(db, s);
	if (r != ZK_OK)
		return r;
	c->form = (uint8_t)stmt_col_int(s, 1);
	c->size = (uint64_t)stmt_col_int(s, 2);
	c->locator = (uint64_t)stmt_col_int(s, 5);
	r = stmt_col_copy(s, 3, c->hash, sizeof(c->hash));
	if (r == ZK_OK)
		r = column(s, 0, body);
	if (r == ZK_OK)
		r = column(s, 4, data);
	stmt_reset(s);
	c->data = data->data;
	c->data_len = data->len;
	return r;
}

enum zk_err
cpdb_set(struct db *db, const struct opid *id, enum cpdb_state state)
{
	struct stmt *s = db_stmt(db,
	    "UPDATE checkpoint SET state = ?2 WHERE id = ?1");

	stmt_blob(s, 1, id->b, OPID_LEN);
	stmt_int(s, 2, state);
	return stmt_run(db, s);
}

static enum zk_err
one(struct db *db, struct stmt *s, struct cpdb_checkpoint *out)
{
	enum zk_err r = stmt_step(db, s);

	if (r != ZK_OK)
		return r;
	out->locator = (uint64_t)stmt_col_int(s, 1);
	out->state = (enum cpdb_state)stmt_col_int(s, 2);
	r = stmt_col_copy(s, 0, out->id.b, OPID_LEN);
	stmt_reset(s);
	return r;
}

enum zk_err
cpdb_newest(struct db *db, const struct opid *below,
    struct cpdb_checkpoint *out)
{
	struct stmt *s;

	if (below == NULL)
		return one(db, db_stmt(db, "SELECT id, loc, state"
		    " FROM checkpoint ORDER BY id DESC LIMIT 1"), out);
	s = db_stmt(db, "SELECT id, loc, state FROM checkpoint"
	    " WHERE id < ?1 ORDER BY id DESC LIMIT 1");
	stmt_blob(s, 1, below->b, OPID_LEN);
	return one(db, s, out);
}

enum zk_err
cpdb_done(struct db *db, struct cpdb_checkpoint *out)
{
	return one(db, db_stmt(db, "SELECT id, loc, state FROM checkpoint"
	    " WHERE state = 3 ORDER BY id DESC LIMIT 1"), out);
}

enum zk_err
cpdb_offer(struct db *db, const struct opid *id, int64_t seg)
{
	struct stmt *s = db_stmt(db, "INSERT OR IGNORE INTO"
	    " checkpoint_offer (id, seg) VALUES (?1, ?2)");

	stmt_blob(s, 1, id->b, OPID_LEN);
	stmt_int(s, 2, seg);
	return stmt_run(db, s);
}

enum zk_err
cpdb_offered(struct db *db, struct opid *id, int64_t *seg)
{
	struct stmt *s = db_stmt(db, "SELECT o.id, o.seg FROM"
	    " checkpoint_offer o JOIN seg ON seg.id = o.seg"
	    " WHERE seg.state = 0 AND o.id < ?1 ORDER BY o.id DESC LIMIT 1");
	enum zk_err r = ZK_EBUG;

	stmt_blob(s, 1, id->b, OPID_LEN);
	r = stmt_step(db, s);
	if (r != ZK_OK)
		return r;
	*seg = stmt_col_int(s, 1);
	r = stmt_col_copy(s, 0, id->b, OPID_LEN);
	stmt_reset(s);
	return r;
}

enum zk_err
cpdb_is_thin(struct db *db, int64_t seg, bool *yes)
{
	struct stmt *s = db_stmt(db,
	    "SELECT 1 FROM checkpoint_thin WHERE seg = ?1");

	stmt_int(s, 1, seg);
	return row_any(db, s, yes);
}

enum zk_err
cpdb_thin_note(struct db *db, int64_t seg)
{
	struct stmt *s = db_stmt(db, "INSERT OR IGNORE INTO"
	    " checkpoint_thin (seg) VALUES (?1)");

	stmt_int(s, 1, seg);
	return stmt_run(db, s);
}

enum zk_err
cpdb_thin(struct db *db, int64_t id, const void *data, size_t len,
    bool blobs)
{
	struct stmt *s = db_stmt(db,
	    "UPDATE segdata SET data=?2 WHERE id=?1");
	enum zk_err r = ZK_EBUG;

	stmt_int(s, 1, id);
	stmt_blob(s, 2, data, len);
	r = stmt_run(db, s);
	if (r != ZK_OK)
		return r;
	s = db_stmt(db, "UPDATE seg SET size=?2, blobs=?3 WHERE id=?1");
	stmt_int(s, 1, id);
	stmt_int(s, 2, (int64_t)len);
	stmt_int(s, 3, blobs);
	r = stmt_run(db, s);
	return r == ZK_OK ? cpdb_thin_note(db, id) : r;
}

/* As treedb has them: 3 is CONTENT_GONE, 0 MERGE_COPY. */
enum zk_err
cpdb_gone(struct db *db, const struct opid *id)
{
	static const char *const sql[] = {
		"UPDATE tnode SET form = 3, merge = 0"
		" WHERE id = ?1 AND form <> 0",
		"UPDATE top SET form = 3, merge = 0"
		" WHERE id = ?1 AND form <> 0"
	};
	enum zk_err r = ZK_OK;

	for (size_t i = 0; r == ZK_OK && i < 2; i++) {
		struct stmt *s = db_stmt(db, sql[i]);

		stmt_blob(s, 1, id->b, OPID_LEN);
		r = stmt_run(db, s);
	}
	return r;
}
