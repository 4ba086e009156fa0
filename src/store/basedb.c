#include "store/basedb.h"

#include <string.h>

#include "db/row.h"
#include "store/aliasdb.h"
#include "store/basedb_int.h"
#include "store/largedb.h"

/*
 * base is what a scan reads: narrow rows in the order of the join.  The stat
 * data are one blob, so that a row costs five columns.  dirino finds moved
 * directories and is NULL for all else.
 */
const char basedb_schema[] =
    "CREATE TABLE base(parent INTEGER NOT NULL, name BLOB NOT NULL,"
    " id INTEGER NOT NULL, kind INTEGER NOT NULL, flags INTEGER NOT NULL,"
    " stat BLOB NOT NULL, dirino INTEGER,"
    " PRIMARY KEY(parent, name)) WITHOUT ROWID;"
    "CREATE INDEX base_dirino ON base(dirino) WHERE dirino IS NOT NULL;"
    "CREATE INDEX base_special ON base(id) WHERE flags & 12 <> 0;"
    "CREATE TABLE base_more(id INTEGER PRIMARY KEY, parent INTEGER NOT NULL,"
    " name BLOB NOT NULL, mode INTEGER NOT NULL, mtime INTEGER NOT NULL,"
    " mtime_ns INTEGER NOT NULL, size INTEGER NOT NULL, hash BLOB NOT NULL,"
    " nodes BLOB NOT NULL, refs BLOB NOT NULL, rules BLOB);"
    "CREATE TABLE base_node(node BLOB PRIMARY KEY, id INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE base_root(one INTEGER PRIMARY KEY, marker BLOB NOT NULL,"
    " fsid INTEGER NOT NULL, ino INTEGER NOT NULL, path BLOB NOT NULL);"
    "CREATE TABLE base_intent(seq INTEGER PRIMARY KEY, boot BLOB NOT NULL,"
    " body BLOB NOT NULL);"
    "CREATE TABLE base_brake(side INTEGER NOT NULL, hour INTEGER NOT NULL,"
    " removed INTEGER NOT NULL, tree INTEGER NOT NULL,"
    " PRIMARY KEY(side, hour)) WITHOUT ROWID;";

enum zk_err
base_init(struct db *db)
{
	struct opid root = { { 0 } };
	struct base_entry e;
	enum zk_err r;

	r = base_get(db, BASE_ROOT, &e);
	if (r != ZK_ENOENT)
		return r;
	memset(&e, 0, sizeof(e));
	e.id = BASE_ROOT;
	e.kind = NODE_DIR;
	e.name = (const uint8_t *)"";
	e.nodes = &root;
	e.nodes_n = 1;
	return base_put(db, &e);
}

/* An empty blob is not NULL. */
static void
bind_blob(struct stmt *s, int i, const void *p, size_t n)
{
	stmt_blob(s, i, n > 0 ? p : "", n);
}

static enum zk_err
read_stat(struct stmt *s, int col, struct base_stat *st)
{
	size_t n;
	const void *p = stmt_col_blob(s, col, &n);

	if (n != BASEDB_STAT_LEN || p == NULL)
		return ZK_ETAMPER;
	basedb_stat_get(p, st);
	return ZK_OK;
}

/* The columns NARROW, in this order, from column 0. */
#define NARROW "b.id, b.parent, b.name, b.kind, b.flags, b.stat"

static enum zk_err
read_narrow(struct stmt *s, struct base_entry *e)
{
	memset(e, 0, sizeof(*e));
	e->id = stmt_col_int(s, 0);
	e->parent = stmt_col_int(s, 1);
	e->name = stmt_col_blob(s, 2, &e->name_len);
	if (e->name == NULL)
		e->name = (const uint8_t *)"";
	e->kind = (uint8_t)stmt_col_int(s, 3);
	e->flags = (unsigned)stmt_col_int(s, 4);
	return read_stat(s, 5, &e->st);
}

/* NARROW and these. */
#define WIDE NARROW ", m.mode, m.mtime, m.mtime_ns, m.size, m.hash," \
	" m.nodes, m.refs, m.rules"

static enum zk_err
read_wide(struct stmt *s, struct base_entry *e)
{
	enum zk_err r = read_narrow(s, e);
	size_t n;

	if (r == ZK_OK)
		r = stmt_col_copy(s, 10, e->hash, BASE_HASH_LEN);
	e->mode = (uint16_t)stmt_col_int(s, 6);
	e->mtime.sec = stmt_col_int(s, 7);
	e->mtime.nsec = (uint32_t)stmt_col_int(s, 8);
	e->size = (uint64_t)stmt_col_int(s, 9);
	e->nodes = stmt_col_blob(s, 11, &n);
	e->nodes_n = n / sizeof(*e->nodes);
	e->refs = stmt_col_blob(s, 12, &e->refs_len);
	e->rules = stmt_col_blob(s, 13, &e->rules_len);
	return r == ZK_OK && n % sizeof(*e->nodes) != 0 ? ZK_ETAMPER : r;
}

/* A row of a query that gives one at most; leaves it open for lending. */
static enum zk_err
one_wide(struct db *db, struct stmt *s, struct base_entry *e)
{
	enum zk_err r = stmt_step(db, s);

	memset(e, 0, sizeof(*e));
	return r == ZK_OK ? read_wide(s, e) : r;
}

enum zk_err
base_get(struct db *db, int64_t id, struct base_entry *e)
{
	struct stmt *s = db_stmt(db, "SELECT " WIDE " FROM base_more m"
	    " JOIN base b ON b.parent = m.parent AND b.name = m.name"
	    " WHERE m.id = ?1");

	stmt_int(s, 1, id);
	return one_wide(db, s, e);
}

enum zk_err
base_find(struct db *db, int64_t parent, const void *name, size_t len,
    struct base_entry *e)
{
	struct stmt *s = db_stmt(db, "SELECT " WIDE " FROM base b"
	    " JOIN base_more m ON m.id = b.id"
	    " WHERE b.parent = ?1 AND b.name = ?2");

	stmt_int(s, 1, parent);
	bind_blob(s, 2, name, len);
	return one_wide(db, s, e);
}

enum zk_err
base_find_path(struct db *db, const char *path, struct base_entry *e)
{
	int64_t at = BASE_ROOT;
	enum zk_err r;

	if (path[0] == '\0')
		return base_get(db, BASE_ROOT, e);
	for (;;) {
		size_t n = strcspn(path, "/");

		r = base_find(db, at, path, n, e);
		if (r != ZK_OK || path[n] == '\0')
			return r;
		at = e->id;
		path += n + 1;
	}
}

enum zk_err
base_by_node(struct db *db, const struct opid *node, int64_t *id)
{
	struct stmt *s = db_stmt(db,
	    "SELECT id FROM base_node WHERE node = ?1");

	*id = 0;
	stmt_blob(s, 1, node->b, OPID_LEN);
	return row_int(db, s, id);
}

enum zk_err
base_by_dirino(struct db *db, uint64_t ino, const struct env_time *btime,
    int64_t *id)
{
	struct stmt *s = db_stmt(db,
	    "SELECT id, stat FROM base WHERE dirino = ?1");
	enum zk_err r;

	*id = 0;
	if (btime->sec == 0 && btime->nsec == 0)
		return ZK_ENOENT;
	stmt_int(s, 1, (int64_t)ino);
	for (;;) {
		struct base_stat st;

		r = stmt_step(db, s);
		if (r != ZK_OK)
			return r;
		r = read_stat(s, 1, &st);
		if (r == ZK_OK && (st.btime.sec != btime->sec ||
		    st.btime.nsec != btime->nsec))
			continue;
		*id = r == ZK_OK ? stmt_col_int(s, 0) : 0;
		stmt_reset(s);
		return r;
	}
}

static enum zk_err
put_narrow(struct db *db, const struct base_entry *e)
{
	unsigned flags = e->flags & ~(unsigned)BASE_RULES;
	uint8_t stat[BASEDB_STAT_LEN];
	struct stmt *s = db_stmt(db, "INSERT INTO base(parent, name, id, kind,"
	    " flags, stat, dirino) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)");

	if (e->rules_len > 0)
		flags |= BASE_RULES;
	if (e->kind == NODE_DIR && e->st.fsid != 0)
		flags |= BASE_MOUNT;
	basedb_stat_put(&e->st, stat);
	stmt_int(s, 1, e->parent);
	bind_blob(s, 2, e->name, e->name_len);
	stmt_int(s, 3, e->id);
	stmt_int(s, 4, e->kind);
	stmt_int(s, 5, flags);
	stmt_blob(s, 6, stat, BASEDB_STAT_LEN);
	if ((e->kind == NODE_DIR || e->kind == NODE_TREE) && e->st.ino != 0)
		stmt_int(s, 7, (int64_t)e->st.ino);
	else
		stmt_null(s, 7);
	return stmt_run(db, s);
}

static enum zk_err
put_more(struct db *db, const struct base_entry *e)
{
	struct stmt *s = db_stmt(db, "INSERT INTO base_more(id, parent, name,"
	    " mode, mtime, mtime_ns, size, hash, nodes, refs, rules)"
	    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");

	if (e->id != 0)
		stmt_int(s, 1, e->id);
	else
		stmt_null(s, 1);
	stmt_int(s, 2, e->parent);
	bind_blob(s, 3, e->name, e->name_len);
	stmt_int(s, 4, e->mode);
	stmt_int(s, 5, e->mtime.sec);
	stmt_int(s, 6, e->mtime.nsec);
	stmt_int(s, 7, (int64_t)e->size);
	stmt_blob(s, 8, e->hash, BASE_HASH_LEN);
	bind_blob(s, 9, e->nodes, e->nodes_n * sizeof(*e->nodes));
	bind_blob(s, 10, e->refs, e->refs_len);
	if (e->rules_len > 0)
		stmt_blob(s, 11, e->rules, e->rules_len);
	else
		stmt_null(s, 11);
	return stmt_run(db, s);
}

static enum zk_err
put_nodes(struct db *db, int64_t id, const struct opid *nodes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct stmt *s = db_stmt(db, "INSERT OR REPLACE INTO"
		    " base_node(node, id) VALUES(?1, ?2)");
		enum zk_err r;

		stmt_blob(s, 1, nodes[i].b, OPID_LEN);
		stmt_int(s, 2, id);
		r = stmt_run(db, s);
		if (r != ZK_OK)
			return r;
	}
	return ZK_OK;
}

/* Takes the nodes of a row out of the index, unless another has them now. */
static enum zk_err
drop_nodes(struct db *db, int64_t id)
{
	struct stmt *s = db_stmt(db,
	    "SELECT nodes FROM base_more WHERE id = ?1");
	struct buf nodes;
	enum zk_err r;

	buf_init(&nodes, SIZE_MAX);
	stmt_int(s, 1, id);
	r = row_bytes(db, s, &nodes);
	for (size_t i = 0; r == ZK_OK && i < nodes.len / OPID_LEN; i++) {
		s = db_stmt(db,
		    "DELETE FROM base_node WHERE node = ?1 AND id = ?2");
		stmt_blob(s, 1, nodes.data + i * OPID_LEN, OPID_LEN);
		stmt_int(s, 2, id);
		r = stmt_run(db, s);
	}
	buf_release(&nodes);
	return r == ZK_ENOENT ? ZK_OK : r;
}

static enum zk_err
delete_narrow(struct db *db, int64_t id)
{
	struct stmt *s = db_stmt(db, "DELETE FROM base WHERE (parent, name) ="
	    " (SELECT parent, name FROM base_more WHERE id = ?1)");

	stmt_int(s, 1, id);
	return stmt_run(db, s);
}

static enum zk_err
delete_row(struct db *db, int64_t id)
{
	struct stmt *s;
	enum zk_err r = drop_nodes(db, id);

	if (r == ZK_OK)
		r = delete_narrow(db, id);
	if (r != ZK_OK)
		return r;
	s = db_stmt(db, "DELETE FROM base_more WHERE id = ?1");
	stmt_int(s, 1, id);
	return stmt_run(db, s);
}

/* ZK_EEXIST if another row than id is at a place. */
static enum zk_err
place_free(struct db *db, int64_t id, int64_t parent, const void *name,
    size_t len)
{
	struct stmt *s = db_stmt(db,
	    "SELECT id FROM base WHERE parent = ?1 AND name = ?2");
	bool other;
	enum zk_err r;

	stmt_int(s, 1, parent);
	bind_blob(s, 2, name, len);
	r = stmt_step(db, s);
	if (r != ZK_OK)
		return r == ZK_ENOENT ? ZK_OK : r;
	other = stmt_col_int(s, 0) != id;
	stmt_reset(s);
	return other ? ZK_EEXIST : ZK_OK;
}

/* Copies the rules that a row has. */
static enum zk_err
old_rules(struct db *db, int64_t id, struct buf *out)
{
	struct stmt *s = db_stmt(db,
	    "SELECT rules FROM base_more WHERE id = ?1 AND rules IS NOT NULL");
	enum zk_err r;

	stmt_int(s, 1, id);
	r = row_bytes(db, s, out);
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
base_put(struct db *db, struct base_entry *e)
{
	struct base_entry w = *e;
	struct buf rules;
	enum zk_err r;

	buf_init(&rules, SIZE_MAX);
	r = place_free(db, e->id, e->parent, e->name, e->name_len);
	if (r == ZK_OK && e->id != 0 && e->kind == NODE_DIR &&
	    e->rules_len == 0) {
		r = old_rules(db, e->id, &rules);
		w.rules = rules.data;
		w.rules_len = rules.len;
	}
	if (r == ZK_OK && e->id != 0)
		r = delete_row(db, e->id);
	if (r == ZK_OK)
		r = put_more(db, &w);
	if (r == ZK_OK && w.id == 0)
		w.id = db_last_id(db);
	if (r == ZK_OK)
		r = put_narrow(db, &w);
	if (r == ZK_OK)
		r = put_nodes(db, w.id, e->nodes, e->nodes_n);
	if (r == ZK_OK)
		r = largedb_put(db, w.id, e->size);
	if (r == ZK_OK)
		e->id = w.id;
	buf_release(&rules);
	return r;
}

enum zk_err
base_move(struct db *db, int64_t id, int64_t parent, const void *name,
    size_t len)
{
	struct stmt *s;
	enum zk_err r = place_free(db, id, parent, name, len);

	if (r != ZK_OK)
		return r;
	s = db_stmt(db, "UPDATE base SET parent = ?2, name = ?3"
	    " WHERE (parent, name) ="
	    " (SELECT parent, name FROM base_more WHERE id = ?1)");
	stmt_int(s, 1, id);
	stmt_int(s, 2, parent);
	bind_blob(s, 3, name, len);
	r = stmt_run(db, s);
	if (r != ZK_OK)
		return r;
	if (db_changes(db) != 1)
		return ZK_ENOENT;
	s = db_stmt(db,
	    "UPDATE base_more SET parent = ?2, name = ?3 WHERE id = ?1");
	stmt_int(s, 1, id);
	stmt_int(s, 2, parent);
	bind_blob(s, 3, name, len);
	return stmt_run(db, s);
}

enum zk_err
base_set_stat(struct db *db, int64_t id, const struct base_stat *st,
    unsigned flags)
{
	uint8_t stat[BASEDB_STAT_LEN];
	struct stmt *s = db_stmt(db, "UPDATE base SET stat = ?2,"
	    " flags = ?3 | (flags & 16),"
	    " dirino = CASE WHEN kind IN (2, 4) THEN ?4 END WHERE"
	    " (parent, name) ="
	    " (SELECT parent, name FROM base_more WHERE id = ?1)");
	enum zk_err r;

	basedb_stat_put(st, stat);
	stmt_int(s, 1, id);
	stmt_blob(s, 2, stat, BASEDB_STAT_LEN);
	stmt_int(s, 3, flags & ~(unsigned)BASE_RULES);
	stmt_int(s, 4, (int64_t)st->ino);
	r = stmt_run(db, s);
	if (r == ZK_OK && db_changes(db) != 1)
		r = ZK_ENOENT;
	return r;
}

static enum zk_err
clear_kept(struct db *db, int64_t id)
{
	struct stmt *s = db_stmt(db, "UPDATE base SET flags = flags & ~1"
	    " WHERE (parent, name) ="
	    " (SELECT parent, name FROM base_more WHERE id = ?1)");

	stmt_int(s, 1, id);
	return stmt_run(db, s);
}

enum zk_err
base_set_refs(struct db *db, int64_t id, const struct opid *nodes,
    size_t nodes_n, const void *refs, size_t refs_len)
{
	struct stmt *s;
	enum zk_err r = drop_nodes(db, id);

	if (r != ZK_OK)
		return r;
	s = db_stmt(db,
	    "UPDATE base_more SET nodes = ?2, refs = ?3 WHERE id = ?1");
	stmt_int(s, 1, id);
	bind_blob(s, 2, nodes, nodes_n * sizeof(*nodes));
	bind_blob(s, 3, refs, refs_len);
	r = stmt_run(db, s);
	if (r == ZK_OK && db_changes(db) != 1)
		return ZK_ENOENT;
	if (r == ZK_OK)
		r = put_nodes(db, id, nodes, nodes_n);
	if (r == ZK_OK)
		r = largedb_again(db, id);
	if (r == ZK_OK && nodes_n > 0)
		r = clear_kept(db, id);
	return r;
}

enum zk_err
base_remove(struct db *db, int64_t id)
{
	struct stmt *s = db_stmt(db,
	    "SELECT 1 FROM base WHERE parent = ?1 LIMIT 1");
	enum zk_err r;

	if (id == BASE_ROOT)
		BUG("removal of the root's row");
	stmt_int(s, 1, id);
	r = stmt_step(db, s);
	if (r == ZK_OK) {
		stmt_reset(s);
		return ZK_ECHANGED;
	}
	if (r == ZK_ENOENT)
		r = aliasdb_forget(db, id);
	return r == ZK_OK ? delete_row(db, id) : r;
}

void
base_list(struct db *db, int64_t parent, struct base_iter *it)
{
	it->s = db_stmt(db, "SELECT " NARROW " FROM base b"
	    " WHERE b.parent = ?1 ORDER BY b.name");
	stmt_int(it->s, 1, parent);
}

enum zk_err
base_list_next(struct db *db, struct base_iter *it, struct base_entry *e)
{
	enum zk_err r = stmt_step(db, it->s);

	if (r == ZK_OK)
		return read_narrow(it->s, e);
	memset(e, 0, sizeof(*e));
	return r;
}

void
base_list_end(struct base_iter *it)
{
	if (it->s != NULL)
		stmt_reset(it->s);
	it->s = NULL;
}

void
base_full(struct db *db, int64_t parent, struct base_iter *it)
{
	it->s = db_stmt(db, "SELECT " WIDE " FROM base b"
	    " JOIN base_more m ON m.id = b.id"
	    " WHERE b.parent = ?1 AND b.flags & 4 = 0 ORDER BY b.name");
	stmt_int(it->s, 1, parent);
}

enum zk_err
base_full_next(struct db *db, struct base_iter *it, struct base_entry *e)
{
	return one_wide(db, it->s, e);
}

enum zk_err
base_next_child(struct db *db, int64_t parent, const void *name, size_t len,
    struct base_entry *e)
{
	struct stmt *s = db_stmt(db, "SELECT " WIDE " FROM base b"
	    " JOIN base_more m ON m.id = b.id"
	    " WHERE b.parent = ?1 AND b.name > ?2 ORDER BY b.name LIMIT 1");

	stmt_int(s, 1, parent);
	bind_blob(s, 2, name, len);
	return one_wide(db, s, e);
}

enum zk_err
base_after(struct db *db, int64_t after, struct base_entry *e)
{
	struct stmt *s = db_stmt(db, "SELECT " WIDE " FROM base_more m"
	    " JOIN base b ON b.parent = m.parent AND b.name = m.name"
	    " WHERE m.id = (SELECT min(id) FROM base_more WHERE id > ?1)");

	stmt_int(s, 1, after);
	return one_wide(db, s, e);
}

enum zk_err
base_next_special(struct db *db, int64_t after, struct base_entry *e)
{
	struct stmt *s = db_stmt(db, "SELECT " WIDE " FROM base b"
	    " JOIN base_more m ON m.id = b.id"
	    " WHERE b.flags & 12 <> 0 AND b.id > ?1 ORDER BY b.id LIMIT 1");

	stmt_int(s, 1, after);
	return one_wide(db, s, e);
}
