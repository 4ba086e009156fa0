/* Which contents a checkpoint leaves out.  See cpscan.h. */
#include "store/cpscan.h"

#include <stdlib.h>

#include "crdt/cdb.h"
#include "db/db.h"
#include "db/row.h"

struct cpscan {
	struct db *db;
};

enum zk_err
cpscan_new(struct cpscan **out)
{
	struct cpscan *s = calloc(1, sizeof(*s));
	enum zk_err r = s == NULL ? ZK_ENOMEM : db_open("", 0, &s->db);

	*out = NULL;
	if (r == ZK_OK)
		r = db_exec(s->db, "PRAGMA journal_mode=MEMORY;"
		    "PRAGMA synchronous=OFF; PRAGMA cache_size=-24576;"
		    "CREATE TABLE node(n INTEGER PRIMARY KEY,"
		    " id BLOB NOT NULL UNIQUE, keep INTEGER NOT NULL,"
		    " ends INTEGER, live INTEGER, outside INTEGER,"
		    " covered INTEGER);"
		    "CREATE TABLE op(o INTEGER PRIMARY KEY,"
		    " id BLOB NOT NULL UNIQUE, n INTEGER NOT NULL,"
		    " regs INTEGER NOT NULL, gone INTEGER NOT NULL,"
		    " cut INTEGER NOT NULL, edited INTEGER NOT NULL,"
		    " covered INTEGER NOT NULL);"
		    "CREATE TABLE past(id BLOB PRIMARY KEY) WITHOUT ROWID;");
	/* one transaction to its end: nothing of it is to last */
	if (r == ZK_OK)
		r = db_begin(s->db);
	if (r == ZK_OK)
		*out = s;
	else
		cpscan_free(s);
	return r;
}

void
cpscan_free(struct cpscan *s)
{
	if (s == NULL)
		return;
	db_close(s->db);
	free(s);
}

/* The row of a node, which is made if it is new. */
static enum zk_err
add_node(struct cpscan *c, const struct opid *id)
{
	struct stmt *s = db_stmt(c->db, "INSERT OR IGNORE INTO"
	    " node(id, keep) VALUES (?1, 0)");

	stmt_blob(s, 1, id->b, OPID_LEN);
	return stmt_run(c->db, s);
}

enum zk_err
cpscan_op(struct cpscan *c, const struct opid *id, const struct opid *node,
    unsigned regs, bool cut)
{
	struct stmt *s;
	enum zk_err r = add_node(c, node);

	if (r != ZK_OK)
		return r;
	s = db_stmt(c->db, "INSERT INTO op(id, n, regs, gone, cut,"
	    " edited, covered) VALUES (?1, (SELECT n FROM node WHERE"
	    " id = ?2), ?3, 0, ?4, 0, 0)"
	    " ON CONFLICT(id) DO UPDATE SET cut = cut | excluded.cut");
	stmt_blob(s, 1, id->b, OPID_LEN);
	stmt_blob(s, 2, node->b, OPID_LEN);
	stmt_int(s, 3, regs);
	stmt_int(s, 4, cut);
	return stmt_run(c->db, s);
}

enum zk_err
cpscan_replaced(struct cpscan *c, const struct opid *id, unsigned regs,
    bool cut)
{
	struct stmt *s = db_stmt(c->db, "UPDATE op SET gone = gone | ?2,"
	    " edited = edited | ?3 WHERE id = ?1");

	stmt_blob(s, 1, id->b, OPID_LEN);
	stmt_int(s, 2, regs);
	stmt_int(s, 3, cut && regs & REG_CONTENT);
	return stmt_run(c->db, s);
}

enum zk_err
cpscan_covered(struct cpscan *c, const struct opid *id)
{
	struct stmt *s = db_stmt(c->db,
	    "UPDATE op SET covered = 1 WHERE id = ?1");

	stmt_blob(s, 1, id->b, OPID_LEN);
	return stmt_run(c->db, s);
}

enum zk_err
cpscan_keep(struct cpscan *c, const struct opid *node)
{
	struct stmt *s;
	enum zk_err r = add_node(c, node);

	if (r != ZK_OK)
		return r;
	s = db_stmt(c->db, "UPDATE node SET keep = 1 WHERE id = ?1");
	stmt_blob(s, 1, node->b, OPID_LEN);
	return stmt_run(c->db, s);
}

_Static_assert(REG_CONTENT == 2, "the queries below say 2");

enum zk_err
cpscan_settle(struct cpscan *c)
{
	return db_exec(c->db,
	    "CREATE INDEX op_n ON op(n);"
	    "UPDATE node SET"
	    " ends = (SELECT count(*) FROM op WHERE op.n = node.n"
	    "  AND regs & 2 AND NOT gone & 2),"
	    " live = (SELECT count(*) FROM op WHERE op.n = node.n"
	    "  AND NOT covered AND regs & ~gone),"
	    " outside = (SELECT count(*) FROM op WHERE op.n = node.n"
	    "  AND NOT cut),"
	    " covered = (SELECT count(*) FROM op WHERE op.n = node.n"
	    "  AND covered);"
	    /* replaced, and one version is left that all others led to */
	    "INSERT OR IGNORE INTO past SELECT op.id FROM op JOIN node"
	    " USING(n) WHERE regs & 2 AND edited AND NOT keep AND ends = 1;"
	    /* removed, and nothing happened to it that the cut has not */
	    "INSERT OR IGNORE INTO past SELECT op.id FROM op JOIN node"
	    " USING(n) WHERE regs & 2 AND NOT keep AND live = 0"
	    " AND outside = 0 AND node.covered > 0;");
}

enum zk_err
cpscan_join(struct cpscan *c, struct cpscan *from)
{
	struct stmt *all = db_stmt(from->db, "SELECT id FROM past");
	enum zk_err r = stmt_step(from->db, all);

	while (r == ZK_OK) {
		struct stmt *s = db_stmt(c->db,
		    "INSERT OR IGNORE INTO past(id) VALUES (?1)");
		struct opid id;

		r = stmt_col_copy(all, 0, id.b, OPID_LEN);
		stmt_blob(s, 1, id.b, OPID_LEN);
		if (r == ZK_OK)
			r = stmt_run(c->db, s);
		if (r == ZK_OK)
			r = stmt_step(from->db, all);
	}
	stmt_reset(all);
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
cpscan_past(struct cpscan *c, const struct opid *id, bool *past)
{
	struct stmt *s = db_stmt(c->db, "SELECT 1 FROM past WHERE id = ?1");

	stmt_blob(s, 1, id->b, OPID_LEN);
	return row_any(c->db, s, past);
}
