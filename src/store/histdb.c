#include "store/histdb.h"

#include "db/row.h"
#include "store/treedb_int.h"

const char histdb_schema[] =
    "CREATE INDEX IF NOT EXISTS tnode_gone ON tnode(parent, name)"
    " WHERE vis = 0;"
    "CREATE INDEX IF NOT EXISTS tnode_born ON tnode(bparent, bname)"
    " WHERE bparent IS NOT NULL;"
    "CREATE INDEX IF NOT EXISTS top_at ON top(parent, name)"
    " WHERE (regs & 1) = 1;"
    "CREATE INDEX IF NOT EXISTS top_placed ON top(node, id)"
    " WHERE (regs & 1) = 1;";

_Static_assert(REG_PLACE == 1, "the indices say so");

struct keys {
	histdb_fn *fn;
	void *arg;
};

static enum zk_err
key_row(void *arg, struct stmt *s)
{
	const struct keys *k = arg;

	return k->fn(k->arg, stmt_col_int(s, 0));
}

/* Each key that s selects; the caller's fn may use other statements. */
static enum zk_err
each(struct db *db, struct stmt *s, histdb_fn *fn, void *arg)
{
	struct keys k = { fn, arg };

	return row_each(db, s, key_row, &k);
}

enum zk_err
histdb_at(struct db *db, int64_t parent, const struct cdb_name *name,
    histdb_fn *fn, void *arg)
{
	struct stmt *s = db_stmt(db, "SELECT n FROM tnode INDEXED BY"
	    " tnode_child WHERE vis = 1 AND parent = ?1 AND name = ?2"
	    " UNION SELECT n FROM tnode INDEXED BY tnode_gone"
	    " WHERE vis = 0 AND parent = ?1 AND name = ?2"
	    " UNION SELECT n FROM tnode INDEXED BY tnode_born"
	    " WHERE bparent IS NOT NULL AND bparent = ?1 AND bname = ?2"
	    " UNION SELECT node FROM top INDEXED BY top_at"
	    " WHERE (regs & 1) = 1 AND parent = ?1 AND name = ?2");

	stmt_int(s, 1, parent);
	stmt_blob(s, 2, name->b, name->len);
	return each(db, s, fn, arg);
}

enum zk_err
histdb_parents(struct db *db, int64_t n, histdb_fn *fn, void *arg)
{
	struct stmt *s = db_stmt(db, "SELECT coalesce(bparent, parent)"
	    " FROM tnode WHERE n = ?1 UNION ALL SELECT parent FROM top"
	    " INDEXED BY top_placed WHERE (regs & 1) = 1 AND node = ?1");

	stmt_int(s, 1, n);
	return each(db, s, fn, arg);
}

/* The place that a column of parent and one of name say. */
static enum zk_err
place(struct db *db, struct stmt *s, struct histdb_place *out)
{
	enum zk_err r = stmt_step(db, s);

	if (r != ZK_OK)
		return r;
	out->parent = stmt_col_int(s, 0);
	r = treedb_col_name(s, 1, &out->name);
	stmt_reset(s);
	return r;
}

enum zk_err
histdb_place(struct db *db, int64_t n, const struct opid *id,
    struct histdb_place *out)
{
	struct stmt *s = db_stmt(db, "SELECT parent, name FROM top"
	    " INDEXED BY top_placed WHERE (regs & 1) = 1 AND node = ?1"
	    " AND id < ?2 AND flags & ?3 = 0 ORDER BY id DESC LIMIT 1");
	enum zk_err r;

	stmt_int(s, 1, n);
	stmt_blob(s, 2, id->b, OPID_LEN);
	stmt_int(s, 3, CDB_VOID);
	r = place(db, s, out);
	if (r != ZK_ENOENT)
		return r;
	s = db_stmt(db, "SELECT coalesce(bparent, parent),"
	    " coalesce(bname, name) FROM tnode WHERE n = ?1 AND split = 0");
	stmt_int(s, 1, n);
	return place(db, s, out);
}
