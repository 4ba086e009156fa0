/* Messages in the database.  See msgdb.h. */
#include "store/msgdb.h"

#include <string.h>

#include "db/row.h"

/* chan: said is the op that set expiry.  msg: done is this device's alone. */
const char msgdb_schema[] =
    "CREATE TABLE chan ("
    " c INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE,"
    " expiry INTEGER NOT NULL, said BLOB);"
    "CREATE TABLE msg ("
    " m INTEGER PRIMARY KEY, c INTEGER NOT NULL, id BLOB NOT NULL UNIQUE,"
    " log BLOB NOT NULL, dev BLOB NOT NULL, wall INTEGER NOT NULL,"
    " loc INTEGER NOT NULL, size INTEGER NOT NULL, label BLOB NOT NULL,"
    " done INTEGER NOT NULL);"
    "CREATE INDEX msg_new ON msg(c,m) WHERE done=0;";

/* As stmt_blob; nothing at all is an empty blob, and not NULL. */
static void
bind_bytes(struct stmt *s, int i, const void *p, size_t n)
{
	stmt_blob(s, i, n == 0 ? "" : p, n);
}

enum zk_err
msgdb_find(struct db *db, const void *name, size_t len,
    struct msgdb_channel *out)
{
	struct stmt *s = db_stmt(db, "SELECT c, expiry FROM chan"
	    " WHERE name=?1");
	enum zk_err r = ZK_EBUG;

	memset(out, 0, sizeof(*out));
	bind_bytes(s, 1, name, len);
	r = stmt_step(db, s);
	if (r != ZK_OK)
		return r;
	out->c = stmt_col_int(s, 0);
	out->expiry = (uint64_t)stmt_col_int(s, 1);
	stmt_reset(s);
	return ZK_OK;
}

/* The same; a new one where there is none. */
static enum zk_err
channel(struct db *db, const struct msg_op *m, struct msgdb_channel *out)
{
	enum zk_err r = msgdb_find(db, m->channel, m->channel_len, out);
	struct stmt *s = NULL;

	if (r != ZK_ENOENT)
		return r;
	s = db_stmt(db, "INSERT INTO chan(name,expiry) VALUES(?1,0)");
	bind_bytes(s, 1, m->channel, m->channel_len);
	r = stmt_run(db, s);
	out->c = db_last_id(db);
	return r;
}

/* The setting with the greatest id counts, whichever came first. */
static enum zk_err
set_expiry(struct db *db, int64_t c, const struct op *op, uint64_t expiry)
{
	struct stmt *s = db_stmt(db, "UPDATE chan SET expiry=?2, said=?3"
	    " WHERE c=?1 AND (said IS NULL OR said<?3)");

	stmt_int(s, 1, c);
	stmt_int(s, 2, (int64_t)expiry);
	stmt_blob(s, 3, op->id.b, OPID_LEN);
	return stmt_run(db, s);
}

static enum zk_err
add(struct db *db, int64_t c, const uint8_t *log, const struct op *op,
    const struct msg_op *m, bool own)
{
	struct stmt *s = db_stmt(db, "INSERT INTO msg(c,id,log,dev,wall,loc,"
	    "size,label,done) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)"
	    " ON CONFLICT(id) DO NOTHING");

	stmt_int(s, 1, c);
	stmt_blob(s, 2, op->id.b, OPID_LEN);
	stmt_blob(s, 3, log, 32);
	stmt_blob(s, 4, op->device, sizeof(op->device));
	stmt_int(s, 5, op->wall_ms);
	stmt_int(s, 6, (int64_t)op->content.locator);
	stmt_int(s, 7, (int64_t)op->content.size);
	bind_bytes(s, 8, m->label, m->label_len);
	stmt_int(s, 9, own);
	return stmt_run(db, s);
}

enum zk_err
msgdb_take(struct db *db, const uint8_t log[static 32], const struct op *op,
    bool own)
{
	struct msgdb_channel ch;
	struct msg_op m;
	enum zk_err r = msgop_decode(op, &m);

	if (r == ZK_OK)
		r = channel(db, &m, &ch);
	if (r != ZK_OK)
		return r;
	return op->type == OP_CHANNEL ? set_expiry(db, ch.c, op, m.expiry) :
	    add(db, ch.c, log, op, &m, own);
}

/* Columns m, id, log, dev, wall, loc, size, label of the row at hand. */
static enum zk_err
row_get(struct stmt *s, struct msgdb_row *out)
{
	size_t n = 0;
	const void *label = NULL;
	enum zk_err r = stmt_col_copy(s, 1, out->id.b, OPID_LEN);

	if (r == ZK_OK)
		r = stmt_col_copy(s, 2, out->log, sizeof(out->log));
	if (r == ZK_OK)
		r = stmt_col_copy(s, 3, out->device, sizeof(out->device));
	label = stmt_col_blob(s, 7, &n);
	if (r != ZK_OK || n > sizeof(out->label))
		return r == ZK_OK ? ZK_ETAMPER : r;
	out->m = stmt_col_int(s, 0);
	out->wall_ms = stmt_col_int(s, 4);
	out->locator = (uint64_t)stmt_col_int(s, 5);
	out->size = (uint64_t)stmt_col_int(s, 6);
	if (n > 0)
		memcpy(out->label, label, n);
	out->label_len = n;
	return ZK_OK;
}

enum zk_err
msgdb_next(struct db *db, int64_t c, int64_t m, struct msgdb_row *out)
{
	struct stmt *s = db_stmt(db, "SELECT m, id, log, dev, wall, loc, size,"
	    " label FROM msg WHERE c=?1 AND m>?2 AND done=0"
	    " ORDER BY m LIMIT 1");
	enum zk_err r = ZK_EBUG;

	memset(out, 0, sizeof(*out));
	stmt_int(s, 1, c);
	stmt_int(s, 2, m);
	r = stmt_step(db, s);
	if (r != ZK_OK)
		return r;
	r = row_get(s, out);
	stmt_reset(s);
	return r;
}

enum zk_err
msgdb_newest(struct db *db, int64_t c, int64_t *m)
{
	struct stmt *s = db_stmt(db, "SELECT m FROM msg"
	    " WHERE c=?1 AND done=0 ORDER BY m DESC LIMIT 1");
	enum zk_err r = ZK_EBUG;

	*m = 0;
	stmt_int(s, 1, c);
	r = row_int(db, s, m);
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
msgdb_done(struct db *db, int64_t m)
{
	struct stmt *s = db_stmt(db, "UPDATE msg SET done=1 WHERE m=?1");

	stmt_int(s, 1, m);
	return stmt_run(db, s);
}

struct channels {
	msgdb_seen_fn *each;
	void *arg;
};

static enum zk_err
channel_row(void *arg, struct stmt *s)
{
	const struct channels *c = arg;
	struct msgdb_seen seen = { NULL, 0, (uint64_t)stmt_col_int(s, 1),
		(uint64_t)stmt_col_int(s, 2) };

	seen.name = stmt_col_blob(s, 0, &seen.name_len);
	return c->each(c->arg, &seen);
}

enum zk_err
msgdb_channels(struct db *db, msgdb_seen_fn *each, void *arg)
{
	struct stmt *s = db_stmt(db, "SELECT name, expiry, (SELECT count(*)"
	    " FROM msg WHERE msg.c=chan.c AND done=0) FROM chan"
	    " ORDER BY name");
	struct channels c = { each, arg };

	return row_each(db, s, channel_row, &c);
}
