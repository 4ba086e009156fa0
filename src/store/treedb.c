#include "store/treedb.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/labels.h"
#include "store/histdb.h"
#include "store/kvdb.h"
#include "store/msgdb.h"
#include "store/treedb_int.h"

#define SPLIT_HASH 20	/* bytes of an op id that the hash replaces */

/*
 * tnode has one row a node with its birth in it; top one for every other op.
 * The indices that grow with the tree are two: of ids, which come in
 * ascending order mostly, and of visible children.  Those of conflicts,
 * heads and moves hold only such rows.
 */
const char treedb_schema[] =
    "CREATE TABLE tnode(n INTEGER PRIMARY KEY, id BLOB NOT NULL,"
    " kind INTEGER NOT NULL, split INTEGER NOT NULL, vis INTEGER NOT NULL,"
    " conf INTEGER NOT NULL, has INTEGER NOT NULL, mode INTEGER,"
    " mtime INTEGER, mtime_ns INTEGER, mode_op INTEGER NOT NULL,"
    " mtime_op INTEGER NOT NULL, parent INTEGER NOT NULL, name BLOB NOT NULL,"
    " place INTEGER NOT NULL, live INTEGER NOT NULL, nvis INTEGER NOT NULL,"
    " nops INTEGER NOT NULL, heads INTEGER NOT NULL, flags INTEGER NOT NULL,"
    " dev INTEGER NOT NULL, wall INTEGER NOT NULL, form INTEGER NOT NULL,"
    " merge INTEGER, size INTEGER, hash BLOB, loc INTEGER,"
    " bparent INTEGER, bname BLOB);"
    "CREATE UNIQUE INDEX tnode_id ON tnode(id);"
    "CREATE INDEX tnode_child ON tnode(parent, name) WHERE vis = 1;"
    "CREATE INDEX tnode_conf ON tnode(n) WHERE conf <> 0;"
    "CREATE INDEX tnode_pconf ON tnode(parent) WHERE conf <> 0;"
    "CREATE TABLE top(o INTEGER PRIMARY KEY, id BLOB NOT NULL,"
    " node INTEGER NOT NULL, type INTEGER NOT NULL, regs INTEGER NOT NULL,"
    " heads INTEGER NOT NULL, flags INTEGER NOT NULL, has INTEGER NOT NULL,"
    " mode INTEGER, mtime INTEGER, mtime_ns INTEGER, parent INTEGER,"
    " name BLOB, vertex INTEGER, dirmove INTEGER NOT NULL,"
    " dev INTEGER NOT NULL, wall INTEGER NOT NULL, form INTEGER NOT NULL,"
    " merge INTEGER, size INTEGER, hash BLOB, loc INTEGER);"
    "CREATE UNIQUE INDEX top_id ON top(id);"
    "CREATE INDEX top_heads ON top(node) WHERE heads <> 0;"
    "CREATE INDEX top_vertex ON top(vertex) WHERE vertex IS NOT NULL;"
    "CREATE INDEX top_move ON top(id) WHERE dirmove = 1;"
    "CREATE INDEX top_moved ON top(node, id) WHERE dirmove = 1;"
    "CREATE TABLE tedge(p INTEGER, v INTEGER, PRIMARY KEY(p, v))"
    " WITHOUT ROWID;"
    "CREATE INDEX tedge_v ON tedge(v, p);"
    "CREATE TABLE tdirty(n INTEGER PRIMARY KEY, seq INTEGER NOT NULL);"
    "CREATE TABLE tchange(one INTEGER PRIMARY KEY, seq INTEGER NOT NULL);"
    "INSERT INTO tchange VALUES(1, 0);"
    "CREATE TABLE tdevice(d INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE);";

/* In the order of get_node. */
#define NODE_COLS                                                            \
	"n, id, kind, split, vis, conf, has, mode, mtime, mtime_ns, mode_op," \
	" mtime_op, parent, name, place, live, nvis, nops, heads, flags, dev," \
	" wall, form, merge, size, hash, loc"

static enum zk_err
dev_cache(struct treedb *td, int64_t d, const uint8_t *id)
{
	if (td->dev_n == td->dev_cap) {
		size_t cap = td->dev_cap == 0 ? 8 : td->dev_cap * 2;
		struct treedb_device *p = realloc(td->dev, cap * sizeof(*p));

		if (p == NULL)
			return ZK_ENOMEM;
		td->dev = p;
		td->dev_cap = cap;
	}
	td->dev[td->dev_n].d = d;
	memcpy(td->dev[td->dev_n].id, id, sizeof(td->dev[0].id));
	td->dev_last = td->dev_n++;
	return ZK_OK;
}

enum zk_err
treedb_dev_key(struct treedb *td, const uint8_t id[static 32], int64_t *d)
{
	struct stmt *s;
	enum zk_err r;

	for (size_t i = 0; i < td->dev_n; i++) {
		size_t k = (td->dev_last + i) % td->dev_n;

		if (memcmp(td->dev[k].id, id, 32) == 0) {
			td->dev_last = k;
			*d = td->dev[k].d;
			return ZK_OK;
		}
	}
	s = db_stmt(td->db, "SELECT d FROM tdevice WHERE id = ?");
	stmt_blob(s, 1, id, 32);
	r = stmt_step(td->db, s);
	if (r == ZK_OK) {
		*d = stmt_col_int(s, 0);
		stmt_reset(s);
		return dev_cache(td, *d, id);
	}
	if (r != ZK_ENOENT)
		return r;
	s = db_stmt(td->db, "INSERT INTO tdevice(id) VALUES(?)");
	stmt_blob(s, 1, id, 32);
	r = stmt_run(td->db, s);
	if (r != ZK_OK)
		return r;
	*d = db_last_id(td->db);
	return dev_cache(td, *d, id);
}

enum zk_err
treedb_dev_id(struct treedb *td, int64_t d, uint8_t id[static 32])
{
	struct stmt *s;
	enum zk_err r;

	for (size_t i = 0; i < td->dev_n; i++) {
		if (td->dev[i].d == d) {
			memcpy(id, td->dev[i].id, 32);
			return ZK_OK;
		}
	}
	s = db_stmt(td->db, "SELECT id FROM tdevice WHERE d = ?");
	stmt_int(s, 1, d);
	r = stmt_step(td->db, s);
	if (r != ZK_OK)
		return r == ZK_ENOENT ? ZK_ETAMPER : r;
	r = stmt_col_copy(s, 0, id, 32);
	stmt_reset(s);
	return r == ZK_OK ? dev_cache(td, d, id) : r;
}

enum zk_err
treedb_col_name(struct stmt *s, int i, struct cdb_name *out)
{
	size_t len;
	const void *p = stmt_col_blob(s, i, &len);

	out->len = 0;
	if (len > CDB_NAME_MAX)
		return ZK_ETAMPER;
	out->len = (uint8_t)len;
	memcpy(out->b, p, len);
	return ZK_OK;
}

enum zk_err
treedb_col_content(struct stmt *s, int i, struct content *out)
{
	memset(out, 0, sizeof(*out));
	out->form = (uint8_t)stmt_col_int(s, i);
	out->locator = (uint64_t)stmt_col_int(s, i + 4);
	if (out->form == CONTENT_NONE)
		return ZK_OK;
	out->merge = (uint8_t)stmt_col_int(s, i + 1);
	out->size = (uint64_t)stmt_col_int(s, i + 2);
	return stmt_col_copy(s, i + 3, out->hash, CONTENT_HASH_LEN);
}

void
treedb_put_content(struct stmt *s, int i, const struct content *c)
{
	stmt_int(s, i, c->form);
	stmt_int(s, i + 4, (int64_t)c->locator);
	if (c->form == CONTENT_NONE)
		return;
	stmt_int(s, i + 1, c->merge);
	stmt_int(s, i + 2, (int64_t)c->size);
	stmt_blob(s, i + 3, c->hash, CONTENT_HASH_LEN);
}

static enum zk_err
get_node(struct treedb *td, struct stmt *s, struct cdb_node *out)
{
	int64_t has = stmt_col_int(s, 6);
	enum zk_err r;

	out->n = stmt_col_int(s, 0);
	out->kind = (uint8_t)stmt_col_int(s, 2);
	out->split = stmt_col_int(s, 3) != 0;
	out->vis = stmt_col_int(s, 4) != 0;
	out->conf = (uint8_t)stmt_col_int(s, 5);
	out->has_mode = (has & 1) != 0;
	out->has_mtime = (has & 2) != 0;
	out->mode = (uint16_t)stmt_col_int(s, 7);
	out->mtime_sec = stmt_col_int(s, 8);
	out->mtime_nsec = (uint32_t)stmt_col_int(s, 9);
	out->mode_op = stmt_col_int(s, 10);
	out->mtime_op = stmt_col_int(s, 11);
	out->parent = stmt_col_int(s, 12);
	out->place = stmt_col_int(s, 14);
	out->live = stmt_col_int(s, 15);
	out->nvis = stmt_col_int(s, 16);
	out->nops = stmt_col_int(s, 17);
	out->heads = (uint8_t)stmt_col_int(s, 18);
	out->flags = (uint8_t)stmt_col_int(s, 19);
	out->wall_ms = stmt_col_int(s, 21);
	r = stmt_col_copy(s, 1, out->id.b, OPID_LEN);
	if (r == ZK_OK)
		r = treedb_col_name(s, 13, &out->name);
	if (r == ZK_OK)
		r = treedb_dev_id(td, stmt_col_int(s, 20), out->device);
	return r == ZK_OK ? treedb_col_content(s, 22, &out->content) : r;
}

static enum zk_err
one_node(struct treedb *td, struct stmt *s, struct cdb_node *out)
{
	enum zk_err r = stmt_step(td->db, s);

	if (r != ZK_OK)
		return r;
	r = get_node(td, s, out);
	stmt_reset(s);
	return r;
}

enum zk_err
treedb_node_by_id(void *db, const struct opid *id, struct cdb_node *out)
{
	struct treedb *td = db;
	struct stmt *s = db_stmt(td->db,
	    "SELECT " NODE_COLS " FROM tnode WHERE id = ?");

	stmt_blob(s, 1, id->b, OPID_LEN);
	return one_node(td, s, out);
}

enum zk_err
treedb_node_get(void *db, int64_t n, struct cdb_node *out)
{
	struct treedb *td = db;
	struct stmt *s = db_stmt(td->db,
	    "SELECT " NODE_COLS " FROM tnode WHERE n = ?");

	stmt_int(s, 1, n);
	return one_node(td, s, out);
}

static enum zk_err
node_key(void *db, const struct opid *id, int64_t *n, uint8_t *kind)
{
	struct treedb *td = db;
	struct stmt *s = db_stmt(td->db,
	    "SELECT n, kind FROM tnode WHERE id = ?");
	enum zk_err r;

	stmt_blob(s, 1, id->b, OPID_LEN);
	r = stmt_step(td->db, s);
	if (r != ZK_OK)
		return r;
	*n = stmt_col_int(s, 0);
	*kind = (uint8_t)stmt_col_int(s, 1);
	stmt_reset(s);
	return ZK_OK;
}

/* Parameters 3 to 16: what node_set writes. */
static void
put_state(struct stmt *s, const struct cdb_node *node)
{
	stmt_int(s, 3, node->vis);
	stmt_int(s, 4, node->conf);
	stmt_int(s, 5, (node->has_mode ? 1 : 0) | (node->has_mtime ? 2 : 0));
	if (node->has_mode)
		stmt_int(s, 6, node->mode);
	if (node->has_mtime) {
		stmt_int(s, 7, node->mtime_sec);
		stmt_int(s, 8, node->mtime_nsec);
	}
	stmt_int(s, 9, node->mode_op);
	stmt_int(s, 10, node->mtime_op);
	stmt_int(s, 11, node->parent);
	stmt_blob(s, 12, node->name.b, node->name.len);
	stmt_int(s, 13, node->place);
	stmt_int(s, 14, node->live);
	stmt_int(s, 15, node->nvis);
	stmt_int(s, 16, node->nops);
}

static enum zk_err
node_add(void *db, struct cdb_node *node)
{
	struct treedb *td = db;
	struct stmt *s;
	int64_t d;
	enum zk_err r;

	r = treedb_dev_key(td, node->device, &d);
	if (r != ZK_OK)
		return r;
	s = db_stmt(td->db, "INSERT INTO tnode(id, kind, vis, conf, has, mode,"
	    " mtime, mtime_ns, mode_op, mtime_op, parent, name, place, live,"
	    " nvis, nops, split, heads, flags, dev, wall, form, merge, size,"
	    " hash, loc) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
	    " ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24,"
	    " ?25, ?26)");
	stmt_blob(s, 1, node->id.b, OPID_LEN);
	stmt_int(s, 2, node->kind);
	put_state(s, node);
	stmt_int(s, 17, node->split);
	stmt_int(s, 18, node->heads);
	stmt_int(s, 19, node->flags);
	stmt_int(s, 20, d);
	stmt_int(s, 21, node->wall_ms);
	treedb_put_content(s, 22, &node->content);
	r = stmt_run(td->db, s);
	if (r == ZK_OK)
		node->n = db_last_id(td->db);
	return r;
}

/*
 * While a node is where it was born, its birth's place is only there; the
 * first change of place moves it aside.
 */
static enum zk_err
node_set(void *db, const struct cdb_node *node)
{
	struct treedb *td = db;
	struct stmt *s = db_stmt(td->db, "UPDATE tnode SET vis = ?3,"
	    " conf = ?4, has = ?5, mode = ?6, mtime = ?7, mtime_ns = ?8,"
	    " mode_op = ?9, mtime_op = ?10, parent = ?11, name = ?12,"
	    " bparent = iif(parent = ?11 AND name = ?12, bparent,"
	    " coalesce(bparent, parent)),"
	    " bname = iif(parent = ?11 AND name = ?12, bname,"
	    " coalesce(bname, name)),"
	    " place = ?13, live = ?14, nvis = ?15, nops = ?16 WHERE n = ?1");

	stmt_int(s, 1, node->n);
	put_state(s, node);
	return stmt_run(td->db, s);
}

static enum zk_err
birth_place(void *db, int64_t n, int64_t *parent, struct cdb_name *name)
{
	struct treedb *td = db;
	struct stmt *s = db_stmt(td->db, "SELECT coalesce(bparent, parent),"
	    " coalesce(bname, name) FROM tnode WHERE n = ?");
	enum zk_err r;

	stmt_int(s, 1, n);
	r = stmt_step(td->db, s);
	if (r != ZK_OK)
		return r;
	*parent = stmt_col_int(s, 0);
	r = treedb_col_name(s, 1, name);
	stmt_reset(s);
	return r;
}

static enum zk_err
node_page(struct treedb *td, struct stmt *s, struct cdb_node *out,
    size_t max, size_t *got)
{
	enum zk_err r = ZK_OK;

	for (*got = 0; *got < max; (*got)++) {
		r = stmt_step(td->db, s);
		if (r != ZK_OK)
			break;
		r = get_node(td, s, &out[*got]);
		if (r != ZK_OK)
			break;
	}
	stmt_reset(s);
	return r == ZK_ENOENT ? ZK_OK : r;
}

static enum zk_err
children(void *db, int64_t parent, const struct cdb_name *name, int64_t n,
    struct cdb_node *out, size_t max, size_t *got)
{
	static const struct cdb_name none;
	struct treedb *td = db;
	struct stmt *s = db_stmt(td->db, "SELECT " NODE_COLS
	    " FROM tnode INDEXED BY tnode_child WHERE vis = 1 AND parent = ?1"
	    " AND name >= ?2 AND (name > ?2 OR n > ?3)"
	    " ORDER BY name, n LIMIT ?4");

	if (name == NULL)
		name = &none;
	stmt_int(s, 1, parent);
	stmt_blob(s, 2, name->b, name->len);
	stmt_int(s, 3, n);
	stmt_int(s, 4, (int64_t)max);
	return node_page(td, s, out, max, got);
}

static enum zk_err
named(void *db, int64_t parent, const struct cdb_name *name, int64_t n,
    struct cdb_node *out, size_t max, size_t *got)
{
	struct treedb *td = db;
	struct stmt *s = db_stmt(td->db, "SELECT " NODE_COLS
	    " FROM tnode INDEXED BY tnode_child WHERE vis = 1 AND parent = ?1"
	    " AND name = ?2 AND n > ?3 ORDER BY n LIMIT ?4");

	stmt_int(s, 1, parent);
	stmt_blob(s, 2, name->b, name->len);
	stmt_int(s, 3, n);
	stmt_int(s, 4, (int64_t)max);
	return node_page(td, s, out, max, got);
}

static enum zk_err
conflicts(void *db, int64_t parent, int64_t n, struct cdb_node *out,
    size_t max, size_t *got)
{
	struct treedb *td = db;
	struct stmt *s;

	if (parent < 0) {
		s = db_stmt(td->db, "SELECT " NODE_COLS " FROM tnode"
		    " INDEXED BY tnode_conf WHERE conf <> 0 AND n > ?1"
		    " ORDER BY n LIMIT ?2");
	} else {
		s = db_stmt(td->db, "SELECT " NODE_COLS " FROM tnode"
		    " INDEXED BY tnode_pconf WHERE conf <> 0 AND parent = ?3"
		    " AND n > ?1 ORDER BY n LIMIT ?2");
		stmt_int(s, 3, parent);
	}
	stmt_int(s, 1, n);
	stmt_int(s, 2, (int64_t)max);
	return node_page(td, s, out, max, got);
}

static void
split_id(const struct opid *head, struct opid *out)
{
	uint8_t h[HASH_LEN];

	hash_bytes(LABEL_HASH_SPLIT, head->b, OPID_LEN, h);
	*out = *head;
	memcpy(out->b + OPID_LEN - SPLIT_HASH, h, SPLIT_HASH);
}

static const struct cdb_impl treedb_impl = {
	.node_by_id = treedb_node_by_id,
	.node_get = treedb_node_get,
	.node_key = node_key,
	.node_add = node_add,
	.node_set = node_set,
	.birth_place = birth_place,
	.op_by_id = treedb_op_by_id,
	.op_get = treedb_op_get,
	.op_add = treedb_op_add,
	.op_set = treedb_op_set,
	.heads = treedb_heads,
	.members = treedb_members,
	.moves_above = treedb_moves_above,
	.move_below = treedb_move_below,
	.edge_add = treedb_edge_add,
	.edges_down = treedb_edges_down,
	.edge_next = treedb_edge_next,
	.children = children,
	.named = named,
	.conflicts = conflicts,
	.change_next = treedb_change_next,
	.change_last = treedb_change_last,
	.dirty_add = treedb_dirty_add,
	.dirty = treedb_dirty,
	.dirty_clear = treedb_dirty_clear,
	.split_id = split_id,
};

enum zk_err
treedb_scratch(struct db **out)
{
	enum zk_err r = db_open("", 0, out);

	if (r == ZK_OK)
		r = db_exec(*out, "PRAGMA journal_mode=MEMORY;"
		    "PRAGMA synchronous=OFF; PRAGMA cache_size=-24576;");
	if (r == ZK_OK)
		r = db_exec(*out, treedb_schema);
	if (r == ZK_OK)
		r = db_exec(*out, kvdb_schema);
	if (r == ZK_OK)
		r = db_exec(*out, msgdb_schema);
	if (r == ZK_OK)
		r = db_exec(*out, histdb_schema);
	if (r != ZK_OK) {
		db_close(*out);
		*out = NULL;
	}
	return r;
}

enum zk_err
treedb_new(struct db *db, struct treedb **out)
{
	struct treedb *td = calloc(1, sizeof(*td));
	enum zk_err r;

	*out = NULL;
	if (td == NULL)
		return ZK_ENOMEM;
	td->db = db;
	td->cdb.impl = &treedb_impl;
	td->cdb.db = td;
	r = tree_new(&td->cdb, &td->tree);
	if (r != ZK_OK) {
		treedb_free(td);
		return r;
	}
	*out = td;
	return ZK_OK;
}

void
treedb_free(struct treedb *td)
{
	if (td == NULL)
		return;
	tree_free(td->tree);
	free(td->dev);
	free(td);
}

struct tree *
treedb_tree(struct treedb *td)
{
	return td->tree;
}

const struct cdb *
treedb_cdb(struct treedb *td)
{
	return &td->cdb;
}

void
treedb_rolled_back(struct treedb *td)
{
	td->dev_n = 0;
	td->dev_last = 0;
	tree_abort(td->tree);
}
