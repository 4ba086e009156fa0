#include <stdlib.h>
#include <string.h>

#include "db/db.h"
#include "proto/msg.h"
#include "relay/commit.h"
#include "relay/files.h"

#define KEYS_PER_SPACE 1024	/* request keys, retired ones included */
#define LOGS_PER_SPACE 4096	/* beyond, none begins without a segment */

/*
 * A deleted segment leaves its row (body gone, size 0): marks stay valid
 * and its place stays taken.  size counts toward the quota.  log.seq is where
 * a log ends; places up to it have no row where the log was begun behind them.
 */
const char commit_schema[] =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;"
    "CREATE TABLE space(id INTEGER PRIMARY KEY, locator BLOB NOT NULL UNIQUE,"
    " pk BLOB NOT NULL, recovery BLOB, bytes INTEGER NOT NULL);"
    "CREATE TABLE request_key(space INTEGER NOT NULL, pk BLOB NOT NULL,"
    " retired INTEGER NOT NULL, PRIMARY KEY(space, pk)) WITHOUT ROWID;"
    "CREATE TABLE log(id INTEGER PRIMARY KEY, space INTEGER NOT NULL,"
    " name BLOB NOT NULL, seq INTEGER NOT NULL, hash BLOB NOT NULL,"
    " UNIQUE(space, name));"
    "CREATE TABLE segment(id INTEGER PRIMARY KEY, space INTEGER NOT NULL,"
    " log INTEGER NOT NULL, seq INTEGER NOT NULL, hash BLOB NOT NULL,"
    " size INTEGER NOT NULL, file INTEGER, body BLOB, UNIQUE(log, seq));"
    "CREATE INDEX segment_page ON segment(space, id);"
    "CREATE TABLE record(id INTEGER PRIMARY KEY, space INTEGER NOT NULL,"
    " name BLOB NOT NULL, size INTEGER NOT NULL, file INTEGER, body BLOB,"
    " UNIQUE(space, name));"
    "CREATE INDEX record_page ON record(space, id);"
    "CREATE TABLE blob(id INTEGER PRIMARY KEY, space INTEGER NOT NULL,"
    " name BLOB NOT NULL, size INTEGER NOT NULL, file INTEGER, body BLOB,"
    " UNIQUE(space, name));"
    /* files whose rows are gone: removed after the commit */
    "CREATE TABLE dead(file INTEGER PRIMARY KEY);";

enum zk_err
numbers_add(struct numbers *s, uint64_t no)
{
	if (s->n == s->cap) {
		size_t cap = s->cap == 0 ? 64 : s->cap * 2;
		uint64_t *v = realloc(s->v, cap * sizeof(*v));

		if (v == NULL)
			return ZK_ENOMEM;
		s->v = v;
		s->cap = cap;
	}
	s->v[s->n++] = no;
	return ZK_OK;
}

/* A row of one integer column; ZK_ENOENT leaves *out. */
static enum zk_err
one_int(struct db *db, struct stmt *s, int64_t *out)
{
	enum zk_err r = stmt_step(db, s);

	if (r != ZK_OK)
		return r;
	*out = stmt_col_int(s, 0);
	stmt_reset(s);
	return ZK_OK;
}

/* ZK_EREMOTEFULL if add more bytes would not fit; else counts them. */
static enum zk_err
charge(struct commit *c, int64_t space, size_t add)
{
	struct stmt *s;
	int64_t bytes = 0;
	enum zk_err r;

	if (c->quota > 0) {
		s = db_stmt(c->db, "SELECT bytes FROM space WHERE id = ?");
		stmt_int(s, 1, space);
		r = one_int(c->db, s, &bytes);
		if (r != ZK_OK)
			return r;
		if ((uint64_t)bytes + add > c->quota)
			return ZK_EREMOTEFULL;
	}
	s = db_stmt(c->db, "UPDATE space SET bytes = bytes + ? WHERE id = ?");
	stmt_int(s, 1, (int64_t)add);
	stmt_int(s, 2, space);
	return stmt_run(c->db, s);
}

static enum zk_err
uncharge(struct commit *c, int64_t space, int64_t bytes)
{
	struct stmt *s;

	s = db_stmt(c->db, "UPDATE space SET bytes = bytes - ? WHERE id = ?");
	stmt_int(s, 1, bytes);
	stmt_int(s, 2, space);
	return stmt_run(c->db, s);
}

/* Binds size, file and body of b at i, i+1, i+2, placing its file. */
static enum zk_err
bind_body(struct commit *c, struct stmt *s, int i, struct body *b)
{
	enum zk_err r;

	stmt_int(s, i, (int64_t)body_len(b));
	if (body_mem(b) != NULL) {
		stmt_null(s, i + 1);
		stmt_blob(s, i + 2, body_mem(b), body_len(b));
		return ZK_OK;
	}
	if (body_file(b) == 0) {
		r = body_place(b, c->next_file);
		if (r != ZK_OK)
			return r;
		c->next_file++;
	}
	c->files_used = true;
	stmt_int(s, i + 1, (int64_t)body_file(b));
	stmt_null(s, i + 2);
	return ZK_OK;
}

static void
note_space(struct commit *c, int64_t space)
{
	for (size_t i = 0; i < c->n_spaces; i++)
		if (c->spaces[i] == space)
			return;
	if (c->n_spaces < c->spaces_max)
		c->spaces[c->n_spaces++] = space;
}

/* Where a log ends; id 0 if the relay has none of it. */
struct log_end {
	int64_t id;
	uint64_t seq;
	uint8_t hash[DEPOT_NAME_LEN];
};

static enum zk_err
find_log(struct commit *c, int64_t space, const uint8_t *name,
    struct log_end *out)
{
	struct stmt *s;
	enum zk_err r;

	memset(out, 0, sizeof(*out));
	s = db_stmt(c->db, "SELECT id, seq, hash FROM log"
	    " WHERE space = ? AND name = ?");
	stmt_int(s, 1, space);
	stmt_blob(s, 2, name, DEPOT_NAME_LEN);
	r = stmt_step(c->db, s);
	if (r == ZK_ENOENT)
		return ZK_OK;
	if (r != ZK_OK)
		return r;
	out->id = stmt_col_int(s, 0);
	out->seq = (uint64_t)stmt_col_int(s, 1);
	r = stmt_col_copy(s, 2, out->hash, DEPOT_NAME_LEN);
	stmt_reset(s);
	return r;
}

/*
 * The place is not the next one: is it these very bytes?  Where the log was
 * begun behind it there is no row: nothing needs the segment any more, and of
 * the end alone the hash is known.
 */
static enum zk_err
compare_taken(struct commit *c, const struct log_end *end,
    struct depot_seg *seg)
{
	uint8_t hash[DEPOT_NAME_LEN];
	struct stmt *s;
	enum zk_err r;

	memcpy(hash, seg->seq == end->seq ? end->hash : seg->hash,
	    DEPOT_NAME_LEN);

	s = db_stmt(c->db, "SELECT hash FROM segment"
	    " WHERE log = ? AND seq = ?");
	stmt_int(s, 1, end->id);
	stmt_int(s, 2, (int64_t)seg->seq);
	r = stmt_step(c->db, s);
	if (r == ZK_OK)
		r = stmt_col_copy(s, 0, hash, DEPOT_NAME_LEN);
	stmt_reset(s);
	if (r != ZK_OK && r != ZK_ENOENT)
		return r;
	seg->result = memcmp(hash, seg->hash, DEPOT_NAME_LEN) == 0 ?
	    MSG_SEG_HAVE : MSG_SEG_TAKEN;
	return ZK_OK;
}

/* The log of that name ends at (seq, hash) now; end is where it did. */
static enum zk_err
move_end(struct commit *c, int64_t space, const uint8_t *name, uint64_t seq,
    const uint8_t *hash, struct log_end *end)
{
	struct stmt *s;
	enum zk_err r;

	if (end->id == 0) {
		s = db_stmt(c->db, "INSERT INTO log(space, name, seq, hash)"
		    " VALUES(?, ?, ?, ?)");
		stmt_int(s, 1, space);
		stmt_blob(s, 2, name, DEPOT_NAME_LEN);
		stmt_int(s, 3, (int64_t)seq);
		stmt_blob(s, 4, hash, DEPOT_NAME_LEN);
		r = stmt_run(c->db, s);
		end->id = db_last_id(c->db);
		return r;
	}
	s = db_stmt(c->db, "UPDATE log SET seq = ?, hash = ? WHERE id = ?");
	stmt_int(s, 1, (int64_t)seq);
	stmt_blob(s, 2, hash, DEPOT_NAME_LEN);
	stmt_int(s, 3, end->id);
	return stmt_run(c->db, s);
}

static enum zk_err
append_seg(struct commit *c, int64_t space, struct depot_seg *seg)
{
	struct log_end end;
	struct stmt *s;
	enum zk_err r = find_log(c, space, seg->log, &end);

	if (r != ZK_OK)
		return r;
	if (seg->seq <= end.seq)
		return compare_taken(c, &end, seg);
	/* for seq 1 both hashes are zeroes */
	if (seg->seq != end.seq + 1 ||
	    memcmp(seg->prev, end.hash, DEPOT_NAME_LEN) != 0) {
		seg->result = MSG_SEG_GAP;
		return ZK_OK;
	}
	r = charge(c, space, body_len(seg->body));
	if (r == ZK_OK)
		r = move_end(c, space, seg->log, seg->seq, seg->hash, &end);
	if (r != ZK_OK)
		return r;
	s = db_stmt(c->db, "INSERT INTO segment(space, log, seq, hash, size,"
	    " file, body) VALUES(?, ?, ?, ?, ?, ?, ?)");
	stmt_int(s, 1, space);
	stmt_int(s, 2, end.id);
	stmt_int(s, 3, (int64_t)seg->seq);
	stmt_blob(s, 4, seg->hash, DEPOT_NAME_LEN);
	r = bind_body(c, s, 5, seg->body);
	if (r == ZK_OK)
		r = stmt_run(c->db, s);
	seg->result = MSG_SEG_STORED;
	return r;
}

static enum zk_err
append_all(struct commit *c, struct depot_job *job)
{
	enum zk_err r = ZK_OK;
	bool stored = false;

	for (size_t i = 0; i < job->n_segs && r == ZK_OK; i++) {
		r = append_seg(c, job->space, &job->segs[i]);
		stored |= job->segs[i].result == MSG_SEG_STORED;
	}
	if (r == ZK_OK && stored)
		note_space(c, job->space);
	return r;
}

/*
 * Moves the end of a log without a segment.  Its row costs no quota, so their
 * number is bounded.
 */
static enum zk_err
do_begin(struct commit *c, struct depot_job *job)
{
	struct log_end end;
	int64_t logs = 0;
	struct stmt *s;
	enum zk_err r = find_log(c, job->space, job->name, &end);

	if (r != ZK_OK || end.seq >= job->seq)
		return r;
	if (end.id == 0) {
		s = db_stmt(c->db, "SELECT count(*) FROM log"
		    " WHERE space = ?");
		stmt_int(s, 1, job->space);
		r = one_int(c->db, s, &logs);
	}
	if (r == ZK_OK && logs >= LOGS_PER_SPACE)
		r = ZK_EREMOTEFULL;
	return r == ZK_OK ? move_end(c, job->space, job->name, job->seq,
	    job->hash, &end) : r;
}

/*
 * A job that hits the quota must leave nothing behind and not spoil the
 * batch for others; only where that is possible a savepoint is worth it.
 */
static enum zk_err
do_append(struct commit *c, struct depot_job *job)
{
	enum zk_err r, back;

	if (c->quota == 0 || job->n_segs == 1)
		return append_all(c, job);
	r = db_exec(c->db, "SAVEPOINT job");
	if (r != ZK_OK)
		return r;
	r = append_all(c, job);
	if (r == ZK_EREMOTEFULL) {
		back = db_exec(c->db, "ROLLBACK TO job");
		if (back != ZK_OK)
			return back;
	}
	back = db_exec(c->db, "RELEASE job");
	return back != ZK_OK ? back : r;
}

/* The two tables of named objects have the same columns. */
#define OBJECT_SQL(table)                                                   \
	{                                                                   \
		"SELECT id FROM " table " WHERE space = ? AND name = ?",     \
		"INSERT INTO " table "(space, name, size, file, body)"       \
		" VALUES(?, ?, ?, ?, ?)"                                     \
	}

static enum zk_err
do_put(struct commit *c, struct depot_job *job)
{
	static const char *const sql[2][2] = {
		OBJECT_SQL("record"), OBJECT_SQL("blob")
	};
	unsigned t = job->op == DEPOT_PUT_BLOB ? 1 : 0;
	struct stmt *s = db_stmt(c->db, sql[t][0]);
	int64_t id;
	enum zk_err r;

	job->stored = false;	/* or a batch that failed had it */
	stmt_int(s, 1, job->space);
	stmt_blob(s, 2, job->name, DEPOT_NAME_LEN);
	r = one_int(c->db, s, &id);
	if (r != ZK_ENOENT)
		return r;	/* there, so these very bytes are */
	r = charge(c, job->space, body_len(job->body));
	if (r != ZK_OK)
		return r;
	s = db_stmt(c->db, sql[t][1]);
	stmt_int(s, 1, job->space);
	stmt_blob(s, 2, job->name, DEPOT_NAME_LEN);
	r = bind_body(c, s, 3, job->body);
	if (r == ZK_OK)
		r = stmt_run(c->db, s);
	job->stored = r == ZK_OK;
	return r;
}

/* The file of a row that goes, 0 for none, is to be removed. */
static enum zk_err
bury(struct commit *c, int64_t file)
{
	struct stmt *s;
	enum zk_err r;

	if (file == 0)
		return ZK_OK;
	s = db_stmt(c->db, "INSERT INTO dead(file) VALUES(?)");
	stmt_int(s, 1, file);
	r = stmt_run(c->db, s);
	return r == ZK_OK ? numbers_add(&c->graves, (uint64_t)file) : r;
}

static enum zk_err
do_del_blob(struct commit *c, struct depot_job *job)
{
	struct stmt *s;
	int64_t id, size, file;
	enum zk_err r;

	s = db_stmt(c->db, "SELECT id, size, ifnull(file, 0) FROM blob"
	    " WHERE space = ? AND name = ?");
	stmt_int(s, 1, job->space);
	stmt_blob(s, 2, job->name, DEPOT_NAME_LEN);
	r = stmt_step(c->db, s);
	if (r != ZK_OK)
		return r == ZK_ENOENT ? ZK_OK : r;
	id = stmt_col_int(s, 0);
	size = stmt_col_int(s, 1);
	file = stmt_col_int(s, 2);
	stmt_reset(s);
	s = db_stmt(c->db, "DELETE FROM blob WHERE id = ?");
	stmt_int(s, 1, id);
	r = stmt_run(c->db, s);
	if (r == ZK_OK)
		r = uncharge(c, job->space, size);
	return r == ZK_OK ? bury(c, file) : r;
}

static enum zk_err
do_del_seg(struct commit *c, struct depot_job *job)
{
	struct stmt *s;
	int64_t id, size, file;
	enum zk_err r;

	s = db_stmt(c->db, "SELECT s.id, s.size, ifnull(s.file, 0)"
	    " FROM log JOIN segment s ON s.log = log.id WHERE"
	    " log.space = ? AND log.name = ? AND s.seq = ? AND s.size > 0");
	stmt_int(s, 1, job->space);
	stmt_blob(s, 2, job->name, DEPOT_NAME_LEN);
	stmt_int(s, 3, (int64_t)job->seq);
	r = stmt_step(c->db, s);
	if (r != ZK_OK)
		return r == ZK_ENOENT ? ZK_OK : r;
	id = stmt_col_int(s, 0);
	size = stmt_col_int(s, 1);
	file = stmt_col_int(s, 2);
	stmt_reset(s);
	s = db_stmt(c->db, "UPDATE segment SET size = 0, file = NULL,"
	    " body = NULL WHERE id = ?");
	stmt_int(s, 1, id);
	r = stmt_run(c->db, s);
	if (r == ZK_OK)
		r = uncharge(c, job->space, size);
	return r == ZK_OK ? bury(c, file) : r;
}

/* ZK_OK and *retired, or ZK_ENOENT. */
static enum zk_err
find_key(struct commit *c, int64_t space, const uint8_t *pk,
    int64_t *retired)
{
	struct stmt *s;

	s = db_stmt(c->db, "SELECT retired FROM request_key"
	    " WHERE space = ? AND pk = ?");
	stmt_int(s, 1, space);
	stmt_blob(s, 2, pk, DEPOT_NAME_LEN);
	return one_int(c->db, s, retired);
}

static enum zk_err
put_key(struct commit *c, int64_t space, const uint8_t *pk, int64_t retired)
{
	struct stmt *s;

	s = db_stmt(c->db, "INSERT INTO request_key(space, pk, retired)"
	    " VALUES(?, ?, ?) ON CONFLICT DO UPDATE SET retired ="
	    " max(retired, excluded.retired)");
	stmt_int(s, 1, space);
	stmt_blob(s, 2, pk, DEPOT_NAME_LEN);
	stmt_int(s, 3, retired);
	c->keys_changed = true;
	return stmt_run(c->db, s);
}

static enum zk_err
do_create(struct commit *c, struct depot_job *job)
{
	struct stmt *s;
	int64_t space, retired;
	enum zk_err r;

	s = db_stmt(c->db, "SELECT id FROM space WHERE locator = ?");
	stmt_blob(s, 1, job->name, DEPOT_NAME_LEN);
	r = one_int(c->db, s, &space);
	if (r == ZK_OK) {
		r = find_key(c, space, job->active, &retired);
		return r == ZK_ENOENT ? ZK_EEXIST : r;
	}
	if (r != ZK_ENOENT)
		return r;
	s = db_stmt(c->db, "INSERT INTO space(locator, pk, recovery, bytes)"
	    " VALUES(?, ?, ?, 0)");
	stmt_blob(s, 1, job->name, DEPOT_NAME_LEN);
	stmt_blob(s, 2, job->space_pk, DEPOT_NAME_LEN);
	if (job->recovery_pk != NULL)
		stmt_blob(s, 3, job->recovery_pk, DEPOT_NAME_LEN);
	else
		stmt_null(s, 3);
	r = stmt_run(c->db, s);
	if (r != ZK_OK)
		return r;
	job->fresh = true;
	return put_key(c, db_last_id(c->db), job->active, 0);
}

static enum zk_err
do_keys(struct commit *c, struct depot_job *job)
{
	struct stmt *s;
	int64_t count = 0, retired;
	enum zk_err r;

	s = db_stmt(c->db, "SELECT count(*) FROM request_key"
	    " WHERE space = ?");
	stmt_int(s, 1, job->space);
	r = one_int(c->db, s, &count);
	if (r != ZK_OK)
		return r;
	if ((uint64_t)count + job->n_active + job->n_retired > KEYS_PER_SPACE)
		return ZK_EREFUSED;
	for (size_t i = 0; i < job->n_active; i++) {
		r = find_key(c, job->space,
		    job->active + i * DEPOT_NAME_LEN, &retired);
		if (r == ZK_OK && retired != 0)
			return ZK_EREFUSED;
		if (r != ZK_OK && r != ZK_ENOENT)
			return r;
	}
	r = ZK_OK;
	for (size_t i = 0; i < job->n_active && r == ZK_OK; i++)
		r = put_key(c, job->space,
		    job->active + i * DEPOT_NAME_LEN, 0);
	for (size_t i = 0; i < job->n_retired && r == ZK_OK; i++)
		r = put_key(c, job->space,
		    job->retired + i * DEPOT_NAME_LEN, 1);
	return r;
}

enum zk_err
commit_job(struct commit *c, struct depot_job *job)
{
	enum zk_err r = ZK_EBUG;

	switch (job->op) {
	case DEPOT_APPEND:
		r = do_append(c, job);
		break;
	case DEPOT_BEGIN:
		r = do_begin(c, job);
		break;
	case DEPOT_PUT_REC:
	case DEPOT_PUT_BLOB:
		r = do_put(c, job);
		break;
	case DEPOT_DEL_SEG:
		r = do_del_seg(c, job);
		break;
	case DEPOT_DEL_BLOB:
		r = do_del_blob(c, job);
		break;
	case DEPOT_CREATE:
		r = do_create(c, job);
		break;
	case DEPOT_KEYS:
		r = do_keys(c, job);
		break;
	}
	job->r = r;
	/* refusals that left nothing behind do not spoil the batch */
	if (r == ZK_EREMOTEFULL ||
	    (r == ZK_EEXIST && job->op == DEPOT_CREATE) ||
	    (r == ZK_EREFUSED && job->op == DEPOT_KEYS))
		return ZK_OK;
	return r;
}

enum zk_err
commit_end(struct commit *c)
{
	struct stmt *s;

	if (!c->files_used)
		return ZK_OK;
	s = db_stmt(c->db, "INSERT INTO meta(key, value)"
	    " VALUES('next_file', ?)"
	    " ON CONFLICT DO UPDATE SET value = excluded.value");
	stmt_int(s, 1, (int64_t)c->next_file);
	return stmt_run(c->db, s);
}
