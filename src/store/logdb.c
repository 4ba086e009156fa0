/* Logs and segments as held by this device.  See logdb.h. */
#include "store/logdb.h"

#include <string.h>

#include "db/row.h"

const char logdb_schema[] =
    "CREATE TABLE seg ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, ord INTEGER,"
    " log BLOB NOT NULL, seq INTEGER NOT NULL, hash BLOB NOT NULL UNIQUE,"
    " prev BLOB NOT NULL, lamport INTEGER NOT NULL, wall INTEGER NOT NULL,"
    " state INTEGER NOT NULL, tip INTEGER NOT NULL,"
    " ack INTEGER NOT NULL,"
    " blobs INTEGER NOT NULL, size INTEGER NOT NULL);"
    "CREATE INDEX seg_place ON seg(log,seq);"
    "CREATE UNIQUE INDEX seg_ord ON seg(ord) WHERE ord IS NOT NULL;"
    "CREATE INDEX seg_tip ON seg(log) WHERE tip=1;"
    "CREATE INDEX seg_pending ON seg(id) WHERE state=0;"
    "CREATE TABLE segdata (id INTEGER PRIMARY KEY, data BLOB NOT NULL);"
    "CREATE TABLE segwait ("
    " id INTEGER NOT NULL, hash BLOB NOT NULL, log BLOB NOT NULL,"
    " seq INTEGER NOT NULL, PRIMARY KEY(hash,id)) WITHOUT ROWID;"
    "CREATE INDEX segwait_id ON segwait(id);"
    "CREATE TABLE log ("
    " log BLOB PRIMARY KEY, device BLOB NOT NULL,"
    " incarnation INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE told (hash BLOB PRIMARY KEY) WITHOUT ROWID;"
    "CREATE TABLE ack ("
    " device BLOB NOT NULL, log BLOB NOT NULL, seq INTEGER NOT NULL,"
    " PRIMARY KEY(device,log)) WITHOUT ROWID;";

/* Said by which index, or those in order are looked for in whole logs. */
#define TIPS "seg INDEXED BY seg_tip WHERE tip=1"

#define SEG_COLS "id,ord,log,seq,hash,prev,lamport,wall,state,tip,ack," \
    "blobs,size"

/* Reads the row at hand, whose columns are SEG_COLS. */
static enum zk_err
seg_row(struct stmt *s, struct logdb_seg *out)
{
	enum zk_err r = ZK_OK;

	out->id = stmt_col_int(s, 0);
	out->ord = stmt_col_int(s, 1);
	out->seq = (uint64_t)stmt_col_int(s, 3);
	out->last_lamport = (uint64_t)stmt_col_int(s, 6);
	out->wall_ms = stmt_col_int(s, 7);
	out->state = stmt_col_int(s, 8) == LOGDB_APPLIED ? LOGDB_APPLIED :
	    LOGDB_PENDING;
	out->tip = stmt_col_int(s, 9) != 0;
	out->ack = stmt_col_int(s, 10) == 1;
	out->merge = stmt_col_int(s, 10) == 2;
	out->blobs = stmt_col_int(s, 11) != 0;
	out->size = (uint64_t)stmt_col_int(s, 12);
	r = stmt_col_copy(s, 2, out->log, LOGDB_HASH_LEN);
	if (r == ZK_OK)
		r = stmt_col_copy(s, 4, out->hash, LOGDB_HASH_LEN);
	if (r == ZK_OK)
		r = stmt_col_copy(s, 5, out->prev, LOGDB_HASH_LEN);
	return r;
}

/* Steps s, which selects SEG_COLS, and reads its one row. */
static enum zk_err
seg_one(struct db *db, struct stmt *s, struct logdb_seg *out)
{
	enum zk_err r = stmt_step(db, s);

	if (r != ZK_OK)
		return r;
	r = seg_row(s, out);
	stmt_reset(s);
	return r;
}

enum zk_err
logdb_next_id(struct db *db, int64_t *id)
{
	uint64_t n = 0;
	enum zk_err r = row_count(db, db_stmt(db, "SELECT coalesce("
	    "(SELECT seq FROM sqlite_sequence WHERE name='seg'),0)+1"), &n);

	*id = (int64_t)n;
	return r;
}

enum zk_err
logdb_put(struct db *db, struct logdb_seg *g, const void *data, size_t len)
{
	struct stmt *s = db_stmt(db, "INSERT INTO seg(log,seq,hash,prev,"
	    "lamport,wall,state,tip,ack,blobs,size,id)"
	    " VALUES(?1,?2,?3,?4,?5,?6,0,0,?7,?8,?9,?10)");
	enum zk_err r = ZK_EBUG;

	stmt_blob(s, 1, g->log, LOGDB_HASH_LEN);
	stmt_int(s, 2, (int64_t)g->seq);
	stmt_blob(s, 3, g->hash, LOGDB_HASH_LEN);
	stmt_blob(s, 4, g->prev, LOGDB_HASH_LEN);
	stmt_int(s, 5, (int64_t)g->last_lamport);
	stmt_int(s, 6, g->wall_ms);
	stmt_int(s, 7, g->ack ? 1 : g->merge ? 2 : 0);
	stmt_int(s, 8, g->blobs);
	stmt_int(s, 9, (int64_t)len);
	if (g->id != 0)
		stmt_int(s, 10, g->id);
	else
		stmt_null(s, 10);
	r = stmt_run(db, s);
	if (r != ZK_OK)
		return r;
	g->id = db_last_id(db);
	g->size = len;
	s = db_stmt(db, "INSERT INTO segdata(id,data) VALUES(?1,?2)");
	stmt_int(s, 1, g->id);
	stmt_blob(s, 2, data, len);
	r = stmt_run(db, s);
	if (r == ZK_OK && g->state == LOGDB_APPLIED)
		r = logdb_applied(db, g);
	return r;
}

enum zk_err
logdb_by_hash(struct db *db, const uint8_t hash[static LOGDB_HASH_LEN],
    struct logdb_seg *out)
{
	struct stmt *s = db_stmt(db,
	    "SELECT " SEG_COLS " FROM seg WHERE hash=?1");

	stmt_blob(s, 1, hash, LOGDB_HASH_LEN);
	return seg_one(db, s, out);
}

enum zk_err
logdb_by_id(struct db *db, int64_t id, struct logdb_seg *out)
{
	struct stmt *s = db_stmt(db,
	    "SELECT " SEG_COLS " FROM seg WHERE id=?1");

	stmt_int(s, 1, id);
	return seg_one(db, s, out);
}

enum zk_err
logdb_data(struct db *db, int64_t id, struct buf *out)
{
	struct stmt *s = db_stmt(db, "SELECT data FROM segdata WHERE id=?1");

	stmt_int(s, 1, id);
	return row_bytes(db, s, out);
}

enum zk_err
logdb_have(struct db *db, const uint8_t hash[static LOGDB_HASH_LEN],
    bool *have)
{
	struct stmt *s = db_stmt(db, "SELECT 1 FROM seg WHERE hash=?1");

	stmt_blob(s, 1, hash, LOGDB_HASH_LEN);
	return row_any(db, s, have);
}

enum zk_err
logdb_applied(struct db *db, const struct logdb_seg *g)
{
	struct stmt *s = db_stmt(db, "UPDATE seg SET state=1, tip=1,"
	    " lamport=?2, wall=?3, ack=?4, blobs=?5,"
	    " ord=(SELECT coalesce(max(ord),0)+1 FROM seg)"
	    " WHERE id=?1");
	enum zk_err r = ZK_EBUG;

	stmt_int(s, 1, g->id);
	stmt_int(s, 2, (int64_t)g->last_lamport);
	stmt_int(s, 3, g->wall_ms);
	stmt_int(s, 4, g->ack ? 1 : g->merge ? 2 : 0);
	stmt_int(s, 5, g->blobs);
	r = stmt_run(db, s);
	if (r != ZK_OK)
		return r;
	s = db_stmt(db, "UPDATE seg SET tip=0 WHERE hash=?1");
	stmt_blob(s, 1, g->prev, LOGDB_HASH_LEN);
	return stmt_run(db, s);
}

enum zk_err
logdb_wait(struct db *db, int64_t id,
    const uint8_t log[static LOGDB_HASH_LEN], uint64_t seq,
    const uint8_t hash[static LOGDB_HASH_LEN])
{
	struct stmt *s = db_stmt(db, "INSERT OR IGNORE INTO"
	    " segwait(id,hash,log,seq) VALUES(?1,?2,?3,?4)");

	stmt_int(s, 1, id);
	stmt_blob(s, 2, hash, LOGDB_HASH_LEN);
	stmt_blob(s, 3, log, LOGDB_HASH_LEN);
	stmt_int(s, 4, (int64_t)seq);
	return stmt_run(db, s);
}

enum zk_err
logdb_arrived(struct db *db, const uint8_t hash[static LOGDB_HASH_LEN])
{
	struct stmt *s = db_stmt(db, "DELETE FROM segwait WHERE hash=?1");

	stmt_blob(s, 1, hash, LOGDB_HASH_LEN);
	return stmt_run(db, s);
}

enum zk_err
logdb_records_arrived(struct db *db)
{
	return stmt_run(db, db_stmt(db, "DELETE FROM segwait"
	    " WHERE hash IN (SELECT name FROM rec)"));
}

enum zk_err
logdb_ready(struct db *db, int64_t after, struct logdb_seg *out)
{
	struct stmt *s = db_stmt(db, "SELECT " SEG_COLS " FROM seg"
	    " WHERE state=0 AND id>?1 AND NOT EXISTS"
	    " (SELECT 1 FROM segwait w WHERE w.id=seg.id)"
	    " ORDER BY id LIMIT 1");

	stmt_int(s, 1, after);
	return seg_one(db, s, out);
}

enum zk_err
logdb_next_pending(struct db *db, int64_t after, struct logdb_seg *out)
{
	struct stmt *s = db_stmt(db, "SELECT " SEG_COLS " FROM seg"
	    " WHERE state=0 AND id>?1 ORDER BY id LIMIT 1");

	stmt_int(s, 1, after);
	return seg_one(db, s, out);
}

enum zk_err
logdb_pending(struct db *db, uint64_t *n)
{
	return row_count(db,
	    db_stmt(db, "SELECT count(*) FROM seg WHERE state=0"), n);
}

enum zk_err
logdb_count(struct db *db, uint64_t *n)
{
	return row_count(db, db_stmt(db, "SELECT count(*) FROM seg"), n);
}

enum zk_err
logdb_pending_of(struct db *db, const uint8_t log[static LOGDB_HASH_LEN],
    uint64_t *n)
{
	struct stmt *s = db_stmt(db,
	    "SELECT count(*) FROM seg WHERE state=0 AND log=?1");

	stmt_blob(s, 1, log, LOGDB_HASH_LEN);
	return row_count(db, s, n);
}

enum zk_err
logdb_gaps(struct db *db, enum zk_err (*each)(void *arg, const uint8_t *log,
    uint64_t seq, const uint8_t *hash), void *arg)
{
	struct stmt *s = db_stmt(db, "SELECT DISTINCT log,seq,hash"
	    " FROM segwait w WHERE NOT EXISTS"
	    " (SELECT 1 FROM seg WHERE seg.hash=w.hash) ORDER BY log,seq");
	enum zk_err r = ZK_OK;
	uint8_t log[LOGDB_HASH_LEN], hash[LOGDB_HASH_LEN];

	for (r = stmt_step(db, s); r == ZK_OK; r = stmt_step(db, s)) {
		r = stmt_col_copy(s, 0, log, sizeof(log));
		if (r == ZK_OK)
			r = stmt_col_copy(s, 2, hash, sizeof(hash));
		if (r == ZK_OK)
			r = each(arg, log, (uint64_t)stmt_col_int(s, 1), hash);
		if (r != ZK_OK) {
			stmt_reset(s);
			return r;
		}
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* Gives each row of s, which selects SEG_COLS. */
static enum zk_err
seg_each(struct db *db, struct stmt *s,
    enum zk_err (*each)(void *arg, const struct logdb_seg *s), void *arg)
{
	struct logdb_seg g = { 0 };
	enum zk_err r = ZK_OK;

	for (r = stmt_step(db, s); r == ZK_OK; r = stmt_step(db, s)) {
		r = seg_row(s, &g);
		if (r == ZK_OK)
			r = each(arg, &g);
		if (r != ZK_OK) {
			stmt_reset(s);
			return r;
		}
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
logdb_tips(struct db *db,
    enum zk_err (*each)(void *arg, const struct logdb_seg *s), void *arg)
{
	return seg_each(db, db_stmt(db, "SELECT " SEG_COLS " FROM " TIPS
	    " ORDER BY log,seq"), each, arg);
}

enum zk_err
logdb_in_order(struct db *db,
    enum zk_err (*each)(void *arg, const struct logdb_seg *s), void *arg)
{
	return seg_each(db, db_stmt(db, "SELECT " SEG_COLS " FROM seg"
	    " WHERE state=1 ORDER BY lamport,log,seq,hash"), each, arg);
}

enum zk_err
logdb_tip(struct db *db, const uint8_t log[static LOGDB_HASH_LEN],
    struct logdb_seg *out)
{
	struct stmt *s = db_stmt(db, "SELECT " SEG_COLS " FROM " TIPS
	    " AND log=?1 ORDER BY seq DESC, hash LIMIT 1");

	stmt_blob(s, 1, log, LOGDB_HASH_LEN);
	return seg_one(db, s, out);
}

enum zk_err
logdb_tips_of(struct db *db, const uint8_t log[static LOGDB_HASH_LEN],
    uint64_t *n)
{
	struct stmt *s = db_stmt(db,
	    "SELECT count(*) FROM " TIPS " AND log=?1");

	stmt_blob(s, 1, log, LOGDB_HASH_LEN);
	return row_count(db, s, n);
}

enum zk_err
logdb_fork(struct db *db, const uint8_t log[static LOGDB_HASH_LEN],
    uint64_t seq, const uint8_t hash[static LOGDB_HASH_LEN],
    struct logdb_seg *other)
{
	struct stmt *s = db_stmt(db, "SELECT " SEG_COLS " FROM seg"
	    " WHERE log=?1 AND seq=?2 AND hash<>?3 ORDER BY id LIMIT 1");

	stmt_blob(s, 1, log, LOGDB_HASH_LEN);
	stmt_int(s, 2, (int64_t)seq);
	stmt_blob(s, 3, hash, LOGDB_HASH_LEN);
	return seg_one(db, s, other);
}

enum zk_err
logdb_next(struct db *db, int64_t after, struct logdb_seg *out)
{
	struct stmt *s = db_stmt(db, "SELECT " SEG_COLS " FROM seg"
	    " WHERE ord>?1 ORDER BY ord LIMIT 1");

	stmt_int(s, 1, after);
	return seg_one(db, s, out);
}

enum zk_err
logdb_newest(struct db *db,
    enum zk_err (*each)(void *arg, int64_t id, uint64_t last_lamport),
    void *arg)
{
	struct stmt *s = db_stmt(db, "SELECT id, lamport FROM seg"
	    " WHERE state=1 AND ack<>1 ORDER BY lamport DESC, id DESC");
	enum zk_err r = ZK_OK;

	while (r == ZK_OK) {
		r = stmt_step(db, s);
		if (r == ZK_ENOENT)
			return ZK_OK;
		if (r != ZK_OK)
			return r;
		r = each(arg, stmt_col_int(s, 0),
		    (uint64_t)stmt_col_int(s, 1));
	}
	stmt_reset(s);
	return r;
}

enum zk_err
logdb_around(struct db *db, uint64_t lamport,
    enum zk_err (*each)(void *arg, int64_t id), void *arg)
{
	struct stmt *s = db_stmt(db, "SELECT id FROM seg a WHERE state=1 AND"
	    " ack<>1 AND lamport>=?1 AND NOT EXISTS (SELECT 1 FROM seg b"
	    " WHERE b.hash=a.prev AND b.state=1 AND b.lamport>=?1)");
	enum zk_err r = ZK_OK;

	stmt_int(s, 1, (int64_t)lamport);
	while (r == ZK_OK) {
		r = stmt_step(db, s);
		if (r == ZK_ENOENT)
			return ZK_OK;
		if (r != ZK_OK)
			return r;
		r = each(arg, stmt_col_int(s, 0));
	}
	stmt_reset(s);
	return r;
}

enum zk_err
logdb_from(struct db *db, const uint8_t log[static LOGDB_HASH_LEN],
    uint64_t seq, struct logdb_seg *out)
{
	struct stmt *s = db_stmt(db, "SELECT " SEG_COLS " FROM seg"
	    " WHERE log=?1 AND seq>=?2 AND state=1"
	    " ORDER BY seq,hash LIMIT 1");

	stmt_blob(s, 1, log, LOGDB_HASH_LEN);
	stmt_int(s, 2, (int64_t)seq);
	return seg_one(db, s, out);
}

static enum zk_err
log_row(struct stmt *s, struct logdb_log *out)
{
	enum zk_err r = stmt_col_copy(s, 0, out->log, LOGDB_HASH_LEN);

	if (r == ZK_OK)
		r = stmt_col_copy(s, 1, out->device, LOGDB_HASH_LEN);
	out->incarnation = (uint64_t)stmt_col_int(s, 2);
	return r;
}

enum zk_err
logdb_log_get(struct db *db, const uint8_t log[static LOGDB_HASH_LEN],
    struct logdb_log *out)
{
	struct stmt *s = db_stmt(db,
	    "SELECT log,device,incarnation FROM log WHERE log=?1");
	enum zk_err r = ZK_EBUG;

	stmt_blob(s, 1, log, LOGDB_HASH_LEN);
	r = stmt_step(db, s);
	if (r != ZK_OK)
		return r;
	r = log_row(s, out);
	stmt_reset(s);
	return r;
}

enum zk_err
logdb_alike(struct db *db, const uint8_t *prefix, size_t len, uint64_t *n)
{
	uint8_t low[LOGDB_HASH_LEN] = { 0 }, high[LOGDB_HASH_LEN];
	struct stmt *s = db_stmt(db,
	    "SELECT count(*) FROM log WHERE log>=?1 AND log<=?2");

	memset(high, 0xff, sizeof(high));
	memcpy(low, prefix, len);
	memcpy(high, prefix, len);
	stmt_blob(s, 1, low, sizeof(low));
	stmt_blob(s, 2, high, sizeof(high));
	return row_count(db, s, n);
}

enum zk_err
logdb_log_put(struct db *db, const struct logdb_log *l)
{
	struct stmt *s = db_stmt(db, "INSERT OR REPLACE INTO"
	    " log(log,device,incarnation) VALUES(?1,?2,?3)");

	stmt_blob(s, 1, l->log, LOGDB_HASH_LEN);
	stmt_blob(s, 2, l->device, LOGDB_HASH_LEN);
	stmt_int(s, 3, (int64_t)l->incarnation);
	return stmt_run(db, s);
}

enum zk_err
logdb_logs(struct db *db,
    enum zk_err (*each)(void *arg, const struct logdb_log *l), void *arg)
{
	struct stmt *s = db_stmt(db,
	    "SELECT log,device,incarnation FROM log ORDER BY log");
	struct logdb_log l = { 0 };
	enum zk_err r = ZK_OK;

	for (r = stmt_step(db, s); r == ZK_OK; r = stmt_step(db, s)) {
		r = log_row(s, &l);
		if (r == ZK_OK)
			r = each(arg, &l);
		if (r != ZK_OK) {
			stmt_reset(s);
			return r;
		}
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
logdb_told_put(struct db *db, const uint8_t hash[static LOGDB_HASH_LEN])
{
	struct stmt *s = db_stmt(db,
	    "INSERT OR IGNORE INTO told(hash) VALUES(?1)");

	stmt_blob(s, 1, hash, LOGDB_HASH_LEN);
	return stmt_run(db, s);
}

enum zk_err
logdb_told_has(struct db *db, const uint8_t hash[static LOGDB_HASH_LEN],
    bool *has)
{
	struct stmt *s = db_stmt(db, "SELECT 1 FROM told WHERE hash=?1");

	stmt_blob(s, 1, hash, LOGDB_HASH_LEN);
	return row_any(db, s, has);
}

enum zk_err
logdb_told_clear(struct db *db)
{
	return db_exec(db, "DELETE FROM told");
}

enum zk_err
logdb_ack_put(struct db *db, const uint8_t device[static LOGDB_HASH_LEN],
    const uint8_t log[static LOGDB_HASH_LEN], uint64_t seq)
{
	struct stmt *s = db_stmt(db, "INSERT INTO ack(device,log,seq)"
	    " VALUES(?1,?2,?3) ON CONFLICT(device,log)"
	    " DO UPDATE SET seq=max(seq,?3)");

	stmt_blob(s, 1, device, LOGDB_HASH_LEN);
	stmt_blob(s, 2, log, LOGDB_HASH_LEN);
	stmt_int(s, 3, (int64_t)seq);
	return stmt_run(db, s);
}

enum zk_err
logdb_ack_get(struct db *db, const uint8_t device[static LOGDB_HASH_LEN],
    const uint8_t log[static LOGDB_HASH_LEN], uint64_t *seq)
{
	struct stmt *s = db_stmt(db,
	    "SELECT seq FROM ack WHERE device=?1 AND log=?2");
	enum zk_err r = ZK_EBUG;

	*seq = 0;
	stmt_blob(s, 1, device, LOGDB_HASH_LEN);
	stmt_blob(s, 2, log, LOGDB_HASH_LEN);
	r = stmt_step(db, s);
	if (r == ZK_ENOENT)
		return ZK_OK;
	if (r != ZK_OK)
		return r;
	*seq = (uint64_t)stmt_col_int(s, 0);
	stmt_reset(s);
	return ZK_OK;
}
