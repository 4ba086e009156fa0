#include <string.h>

#include "store/treedb_int.h"

/* In the order of get_op. */
#define OP_COLS                                                              \
	"o, id, node, type, regs, heads, flags, has, mode, mtime, mtime_ns," \
	" parent, name, vertex, dirmove, dev, wall, form, merge, size, hash," \
	" loc"

/* Rows count upwards, keys of ops downwards. */
static enum zk_err
get_op(struct treedb *td, struct stmt *s, struct cdb_op *out)
{
	int64_t has = stmt_col_int(s, 7);
	enum zk_err r;

	memset(out, 0, sizeof(*out));
	out->o = -stmt_col_int(s, 0);
	out->node = stmt_col_int(s, 2);
	out->type = (uint8_t)stmt_col_int(s, 3);
	out->regs = (uint8_t)stmt_col_int(s, 4);
	out->heads = (uint8_t)stmt_col_int(s, 5);
	out->flags = (uint8_t)stmt_col_int(s, 6);
	out->has_mode = (has & 1) != 0;
	out->has_mtime = (has & 2) != 0;
	out->mode = (uint16_t)stmt_col_int(s, 8);
	out->mtime_sec = stmt_col_int(s, 9);
	out->mtime_nsec = (uint32_t)stmt_col_int(s, 10);
	out->parent = stmt_col_int(s, 11);
	out->vertex = stmt_col_int(s, 13);
	out->dir_move = stmt_col_int(s, 14) != 0;
	out->wall_ms = stmt_col_int(s, 16);
	r = stmt_col_copy(s, 1, out->id.b, OPID_LEN);
	if (r == ZK_OK)
		r = treedb_col_name(s, 12, &out->name);
	if (r == ZK_OK)
		r = treedb_dev_id(td, stmt_col_int(s, 15), out->device);
	return r == ZK_OK ? treedb_col_content(s, 17, &out->content) : r;
}

static enum zk_err
one_op(struct treedb *td, struct stmt *s, struct cdb_op *out)
{
	enum zk_err r = stmt_step(td->db, s);

	if (r != ZK_OK)
		return r;
	r = get_op(td, s, out);
	stmt_reset(s);
	return r;
}

static enum zk_err
each_op(struct treedb *td, struct stmt *s, cdb_op_fn *fn, void *arg)
{
	enum zk_err r;

	for (;;) {
		struct cdb_op op;

		r = stmt_step(td->db, s);
		if (r != ZK_OK)
			return r == ZK_ENOENT ? ZK_OK : r;
		r = get_op(td, s, &op);
		if (r == ZK_OK)
			r = fn(arg, &op);
		if (r != ZK_OK)
			break;
	}
	stmt_reset(s);
	return r;
}

static enum zk_err
birth(struct cdb_node *node, enum zk_err r, struct cdb_op *out)
{
	if (r == ZK_OK)
		cdb_birth(node, out);
	return r;
}

enum zk_err
treedb_op_by_id(void *db, const struct opid *id, struct cdb_op *out)
{
	struct treedb *td = db;
	struct stmt *s = db_stmt(td->db,
	    "SELECT " OP_COLS " FROM top WHERE id = ?");
	struct cdb_node node;
	enum zk_err r;

	stmt_blob(s, 1, id->b, OPID_LEN);
	r = one_op(td, s, out);
	if (r != ZK_ENOENT)
		return r;
	return birth(&node, treedb_node_by_id(td, id, &node), out);
}

enum zk_err
treedb_op_get(void *db, int64_t o, struct cdb_op *out)
{
	struct treedb *td = db;
	struct cdb_node node;
	struct stmt *s;

	if (o > 0)
		return birth(&node, treedb_node_get(td, o, &node), out);
	s = db_stmt(td->db, "SELECT " OP_COLS " FROM top WHERE o = ?");
	stmt_int(s, 1, -o);
	return one_op(td, s, out);
}

static void
put_op(struct stmt *s, const struct cdb_op *op)
{
	stmt_blob(s, 1, op->id.b, OPID_LEN);
	stmt_int(s, 2, op->node);
	stmt_int(s, 3, op->type);
	stmt_int(s, 4, op->regs);
	stmt_int(s, 5, op->heads);
	stmt_int(s, 6, op->flags);
	stmt_int(s, 7, (op->has_mode ? 1 : 0) | (op->has_mtime ? 2 : 0));
	if (op->has_mode)
		stmt_int(s, 8, op->mode);
	if (op->has_mtime) {
		stmt_int(s, 9, op->mtime_sec);
		stmt_int(s, 10, op->mtime_nsec);
	}
	if ((op->regs & REG_PLACE) != 0) {
		stmt_int(s, 11, op->parent);
		stmt_blob(s, 12, op->name.b, op->name.len);
	}
	if (op->vertex != 0)
		stmt_int(s, 13, op->vertex);
	stmt_int(s, 14, op->dir_move);
	stmt_int(s, 16, op->wall_ms);
	treedb_put_content(s, 17, &op->content);
}

enum zk_err
treedb_op_add(void *db, struct cdb_op *op)
{
	struct treedb *td = db;
	struct stmt *s;
	int64_t d;
	enum zk_err r;

	r = treedb_dev_key(td, op->device, &d);
	if (r != ZK_OK)
		return r;
	s = db_stmt(td->db, "INSERT INTO top(id, node, type, regs, heads,"
	    " flags, has, mode, mtime, mtime_ns, parent, name, vertex,"
	    " dirmove, dev, wall, form, merge, size, hash, loc) VALUES(?1, ?2,"
	    " ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,"
	    " ?17, ?18, ?19, ?20, ?21)");
	put_op(s, op);
	stmt_int(s, 15, d);
	r = stmt_run(td->db, s);
	if (r != ZK_OK)
		return r;
	op->o = -db_last_id(td->db);
	if ((op->regs & REG_CONTENT) == 0 || op->vertex != 0)
		return ZK_OK;
	op->vertex = op->o;
	s = db_stmt(td->db, "UPDATE top SET vertex = ?1 WHERE o = ?2");
	stmt_int(s, 1, op->vertex);
	stmt_int(s, 2, -op->o);
	return stmt_run(td->db, s);
}

enum zk_err
treedb_op_set(void *db, const struct cdb_op *op)
{
	struct treedb *td = db;
	struct stmt *s;

	if (op->o > 0)
		s = db_stmt(td->db, "UPDATE tnode SET heads = ?2, flags = ?3"
		    " WHERE n = ?1");
	else
		s = db_stmt(td->db, "UPDATE top SET heads = ?2, flags = ?3"
		    " WHERE o = ?1");
	stmt_int(s, 1, op->o > 0 ? op->o : -op->o);
	stmt_int(s, 2, op->heads);
	stmt_int(s, 3, op->flags);
	return stmt_run(td->db, s);
}

enum zk_err
treedb_heads(void *db, int64_t n, cdb_op_fn *fn, void *arg)
{
	struct treedb *td = db;
	struct stmt *s = db_stmt(td->db, "SELECT " OP_COLS " FROM top"
	    " INDEXED BY top_heads WHERE heads <> 0 AND node = ?");

	stmt_int(s, 1, n);
	return each_op(td, s, fn, arg);
}

enum zk_err
treedb_members(void *db, int64_t v, cdb_op_fn *fn, void *arg)
{
	struct treedb *td = db;
	struct stmt *s = db_stmt(td->db,
	    "SELECT " OP_COLS " FROM top WHERE vertex = ?");

	stmt_int(s, 1, v);
	return each_op(td, s, fn, arg);
}

enum zk_err
treedb_moves_above(void *db, const struct opid *id, cdb_op_fn *fn, void *arg)
{
	struct treedb *td = db;
	struct stmt *s = db_stmt(td->db, "SELECT " OP_COLS " FROM top"
	    " INDEXED BY top_move WHERE dirmove = 1 AND id > ?"
	    " ORDER BY id DESC");

	stmt_blob(s, 1, id->b, OPID_LEN);
	return each_op(td, s, fn, arg);
}

enum zk_err
treedb_move_below(void *db, int64_t n, const struct opid *id,
    struct cdb_op *out)
{
	struct treedb *td = db;
	struct stmt *s = db_stmt(td->db, "SELECT " OP_COLS " FROM top"
	    " INDEXED BY top_moved WHERE dirmove = 1 AND node = ?1"
	    " AND id < ?2 AND flags & ?3 = 0 ORDER BY id DESC LIMIT 1");

	stmt_int(s, 1, n);
	stmt_blob(s, 2, id->b, OPID_LEN);
	stmt_int(s, 3, CDB_VOID);
	return one_op(td, s, out);
}

enum zk_err
treedb_edge_add(void *db, int64_t p, int64_t v)
{
	struct treedb *td = db;
	struct stmt *s = db_stmt(td->db, "INSERT INTO tedge VALUES(?, ?)");

	stmt_int(s, 1, p);
	stmt_int(s, 2, v);
	return stmt_run(td->db, s);
}

static enum zk_err
each_int(struct treedb *td, struct stmt *s, int64_t *v, size_t max, size_t *n)
{
	enum zk_err r = ZK_OK;

	for (*n = 0; *n < max; (*n)++) {
		r = stmt_step(td->db, s);
		if (r != ZK_OK)
			break;
		v[*n] = stmt_col_int(s, 0);
	}
	stmt_reset(s);
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
treedb_edges_down(void *db, int64_t v, int64_t *p, size_t max, size_t *n)
{
	struct treedb *td = db;
	struct stmt *s = db_stmt(td->db,
	    "SELECT p FROM tedge WHERE v = ?1 ORDER BY p LIMIT ?2");

	stmt_int(s, 1, v);
	stmt_int(s, 2, (int64_t)max);
	return each_int(td, s, p, max, n);
}

enum zk_err
treedb_edge_next(void *db, int64_t p, int64_t after, int64_t *v)
{
	struct treedb *td = db;
	struct stmt *s = db_stmt(td->db, "SELECT v FROM tedge"
	    " WHERE p = ?1 AND v > ?2 ORDER BY v LIMIT 1");
	size_t n;
	enum zk_err r;

	stmt_int(s, 1, p);
	stmt_int(s, 2, after);
	r = each_int(td, s, v, 1, &n);
	return r == ZK_OK && n == 0 ? ZK_ENOENT : r;
}

enum zk_err
treedb_change_next(void *db, uint64_t *seq)
{
	struct treedb *td = db;
	enum zk_err r;

	r = stmt_run(td->db, db_stmt(td->db,
	    "UPDATE tchange SET seq = seq + 1"));
	return r == ZK_OK ? treedb_change_last(db, seq) : r;
}

enum zk_err
treedb_change_last(void *db, uint64_t *seq)
{
	struct treedb *td = db;
	struct stmt *s = db_stmt(td->db, "SELECT seq FROM tchange");
	int64_t v = 0;
	size_t n;
	enum zk_err r = each_int(td, s, &v, 1, &n);

	*seq = (uint64_t)v;
	return r;
}

enum zk_err
treedb_dirty_add(void *db, int64_t n, uint64_t seq)
{
	struct treedb *td = db;
	struct stmt *s = db_stmt(td->db,
	    "INSERT OR REPLACE INTO tdirty VALUES(?, ?)");

	stmt_int(s, 1, n);
	stmt_int(s, 2, (int64_t)seq);
	return stmt_run(td->db, s);
}

enum zk_err
treedb_dirty(void *db, int64_t n, int64_t *out, size_t max, size_t *got)
{
	struct treedb *td = db;
	struct stmt *s = db_stmt(td->db,
	    "SELECT n FROM tdirty WHERE n > ?1 ORDER BY n LIMIT ?2");

	stmt_int(s, 1, n);
	stmt_int(s, 2, (int64_t)max);
	return each_int(td, s, out, max, got);
}

enum zk_err
treedb_dirty_clear(void *db, uint64_t upto)
{
	struct treedb *td = db;
	struct stmt *s = db_stmt(td->db, "DELETE FROM tdirty WHERE seq <= ?");

	stmt_int(s, 1, (int64_t)upto);
	return stmt_run(td->db, s);
}
