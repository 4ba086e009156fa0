/*
 * What basedb.h keeps beside the rows: the root's identity, intents and the
 * brake's counts; what it needs of transactions; and what reads no row whole.
 */
#include <string.h>

#include "db/row.h"
#include "store/aliasdb.h"
#include "store/basedb.h"
#include "util/path.h"

enum zk_err
base_begin(struct db *db)
{
	return db_begin(db);
}

enum zk_err
base_commit(struct db *db)
{
	return db_commit(db);
}

void
base_rollback(struct db *db)
{
	db_rollback(db);
}

enum zk_err
base_path(struct db *db, int64_t id, struct buf *out)
{
	int64_t chain[PATH_DEPTH_MAX * 2];
	size_t n = 0;
	struct stmt *s;
	enum zk_err r = ZK_OK;

	s = db_stmt(db, "SELECT parent, name FROM base_more WHERE id = ?1");
	for (; id != BASE_ROOT && r == ZK_OK; n++) {
		if (n == sizeof(chain) / sizeof(chain[0]))
			return ZK_ETAMPER;
		chain[n] = id;
		stmt_int(s, 1, id);
		r = stmt_step(db, s);
		if (r != ZK_OK)
			return r;
		id = stmt_col_int(s, 0);
		stmt_reset(s);
	}
	while (n-- > 0) {
		const void *name;
		size_t len;

		stmt_int(s, 1, chain[n]);
		r = stmt_step(db, s);
		if (r != ZK_OK)
			return r;
		name = stmt_col_blob(s, 1, &len);
		r = path_join(out, name, len);
		stmt_reset(s);
		if (r != ZK_OK)
			return r;
	}
	return ZK_OK;
}

enum zk_err
base_clear(struct db *db)
{
	enum zk_err r;

	r = db_exec(db, "DELETE FROM base; DELETE FROM base_more;"
	    "DELETE FROM base_node; DELETE FROM base_intent;");
	if (r == ZK_OK)
		r = aliasdb_clear(db);
	return r == ZK_OK ? base_init(db) : r;
}

enum zk_err
base_count(struct db *db, uint64_t *n)
{
	struct stmt *s = db_stmt(db,
	    "SELECT count(*) FROM base WHERE flags & 1 = 0 AND id <> 1");

	return row_count(db, s, n);
}

enum zk_err
base_claim(struct db *db, int64_t parent, const void *name, size_t len)
{
	struct stmt *s = db_stmt(db,
	    "SELECT id FROM base WHERE parent = ?1 AND name = ?2");
	int64_t id;
	enum zk_err r;

	stmt_int(s, 1, parent);
	stmt_blob(s, 2, name, len);
	r = stmt_step(db, s);
	if (r != ZK_OK)
		return r == ZK_ENOENT ? ZK_OK : r;
	id = stmt_col_int(s, 0);
	stmt_reset(s);
	/* no row has a parent below 0: a place of its own */
	return base_move(db, id, -id, name, len);
}

enum zk_err
base_set_rules(struct db *db, int64_t id, const void *rules, size_t len)
{
	struct stmt *s = db_stmt(db,
	    "UPDATE base_more SET rules = ?2 WHERE id = ?1");
	enum zk_err r;

	stmt_int(s, 1, id);
	if (len > 0)
		stmt_blob(s, 2, rules, len);
	else
		stmt_null(s, 2);
	r = stmt_run(db, s);
	if (r != ZK_OK)
		return r;
	s = db_stmt(db, "UPDATE base SET flags = (flags & ~16) | ?2"
	    " WHERE (parent, name) ="
	    " (SELECT parent, name FROM base_more WHERE id = ?1)");
	stmt_int(s, 1, id);
	stmt_int(s, 2, len > 0 ? BASE_RULES : 0);
	return stmt_run(db, s);
}

enum zk_err
base_rootid_get(struct db *db, struct base_rootid *out)
{
	struct stmt *s = db_stmt(db,
	    "SELECT marker, fsid, ino, path FROM base_root WHERE one = 1");
	const void *path;
	size_t n;
	enum zk_err r = stmt_step(db, s);

	memset(out, 0, sizeof(*out));
	if (r != ZK_OK)
		return r;
	r = stmt_col_copy(s, 0, out->marker, BASE_MARKER_LEN);
	out->fsid = (uint64_t)stmt_col_int(s, 1);
	out->ino = (uint64_t)stmt_col_int(s, 2);
	path = stmt_col_blob(s, 3, &n);
	if (r == ZK_OK && n >= sizeof(out->path))
		r = ZK_ETAMPER;
	if (r == ZK_OK && n > 0)
		memcpy(out->path, path, n);
	stmt_reset(s);
	return r;
}

enum zk_err
base_rootid_set(struct db *db, const struct base_rootid *id)
{
	struct stmt *s = db_stmt(db, "INSERT OR REPLACE INTO"
	    " base_root(one, marker, fsid, ino, path)"
	    " VALUES(1, ?1, ?2, ?3, ?4)");

	stmt_blob(s, 1, id->marker, BASE_MARKER_LEN);
	stmt_int(s, 2, (int64_t)id->fsid);
	stmt_int(s, 3, (int64_t)id->ino);
	stmt_blob(s, 4, id->path, strlen(id->path));
	return stmt_run(db, s);
}

enum zk_err
base_intent_add(struct db *db, const uint8_t boot[16], const void *body,
    size_t len)
{
	struct stmt *s = db_stmt(db,
	    "INSERT INTO base_intent(boot, body) VALUES(?1, ?2)");

	stmt_blob(s, 1, boot, 16);
	stmt_blob(s, 2, body, len);
	return stmt_run(db, s);
}

enum zk_err
base_intent_next(struct db *db, int64_t *seq, uint8_t boot[16],
    struct buf *body)
{
	struct stmt *s = db_stmt(db, "SELECT seq, boot, body FROM base_intent"
	    " WHERE seq > ?1 ORDER BY seq LIMIT 1");
	const void *p;
	size_t n;
	enum zk_err r;

	stmt_int(s, 1, *seq);
	r = stmt_step(db, s);
	if (r != ZK_OK)
		return r;
	*seq = stmt_col_int(s, 0);
	r = stmt_col_copy(s, 1, boot, 16);
	p = stmt_col_blob(s, 2, &n);
	buf_reset(body);
	if (r == ZK_OK)
		r = buf_put(body, p, n);
	stmt_reset(s);
	return r;
}

enum zk_err
base_intent_clear(struct db *db)
{
	return db_exec(db, "DELETE FROM base_intent");
}

#define HOUR_MS INT64_C(3600000)

enum zk_err
base_brake_add(struct db *db, enum base_side side, int64_t now_ms, uint64_t n,
    uint64_t tree)
{
	struct stmt *s = db_stmt(db,
	    "DELETE FROM base_brake WHERE hour < ?1 - 24 OR hour > ?1 + 24");
	enum zk_err r;

	stmt_int(s, 1, now_ms / HOUR_MS);
	r = stmt_run(db, s);
	if (r != ZK_OK)
		return r;
	s = db_stmt(db, "INSERT INTO base_brake(side, hour, removed, tree)"
	    " VALUES(?1, ?2, ?3, ?4) ON CONFLICT(side, hour) DO UPDATE SET"
	    " removed = removed + ?3, tree = max(tree, ?4)");
	stmt_int(s, 1, side);
	stmt_int(s, 2, now_ms / HOUR_MS);
	stmt_int(s, 3, (int64_t)n);
	stmt_int(s, 4, (int64_t)tree);
	return stmt_run(db, s);
}

enum zk_err
base_brake_get(struct db *db, enum base_side side, int64_t now_ms,
    uint64_t *removed, uint64_t *largest)
{
	struct stmt *s = db_stmt(db, "SELECT total(removed), max(tree)"
	    " FROM base_brake WHERE side = ?1"
	    " AND hour >= ?2 - 24 AND hour <= ?2 + 24");
	enum zk_err r;

	*removed = *largest = 0;
	stmt_int(s, 1, side);
	stmt_int(s, 2, now_ms / HOUR_MS);
	r = stmt_step(db, s);
	if (r != ZK_OK)
		return r;
	*removed = (uint64_t)stmt_col_int(s, 0);
	*largest = (uint64_t)stmt_col_int(s, 1);
	stmt_reset(s);
	return ZK_OK;
}

enum zk_err
base_by_content(struct db *db, uint64_t size,
    const uint8_t hash[static BASE_HASH_LEN], int64_t *id)
{
	struct stmt *s = db_stmt(db,
	    "SELECT id FROM base_more WHERE size = ?1 AND hash = ?2");

	*id = 0;
	stmt_int(s, 1, (int64_t)size);
	stmt_blob(s, 2, hash, BASE_HASH_LEN);
	return row_int(db, s, id);
}
