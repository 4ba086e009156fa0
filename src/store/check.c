/* What the tables must have in common.  See check.h. */
#include "store/check.h"

#include <string.h>

#include "crdt/op.h"
#include "util/buf.h"

#define TEXT_MAX 8192		/* bytes of a path or a finding */

/* Each row of s is a finding: its first column says which. */
static enum zk_err
each(struct db *db, struct stmt *s, const char *table, check_bad_fn *bad,
    void *arg)
{
	enum zk_err r = ZK_EBUG;
	struct buf what;

	buf_init(&what, TEXT_MAX);
	for (r = stmt_step(db, s); r == ZK_OK; r = stmt_step(db, s)) {
		size_t n = 0;
		const void *p = stmt_col_blob(s, 0, &n);

		buf_reset(&what);
		r = buf_put(&what, p, n);
		if (r == ZK_OK)
			r = bad(arg, table, buf_cstr(&what), NULL);
		if (r != ZK_OK)
			break;
	}
	stmt_reset(s);
	buf_release(&what);
	return r == ZK_ENOENT ? ZK_OK : r;
}

#define SEG "'log '||lower(hex(substr(log,1,4)))||' segment '||seq"

static enum zk_err
check_segs(struct db *db, check_bad_fn *bad, void *arg)
{
	enum zk_err r = each(db, db_stmt(db, "SELECT " SEG "||"
	    "': its bytes are missing' FROM seg WHERE NOT EXISTS"
	    " (SELECT 1 FROM segdata d WHERE d.id=seg.id)"), "seg", bad, arg);

	if (r == ZK_OK)
		r = each(db, db_stmt(db, "SELECT 'bytes of segment row '||id"
		    " FROM segdata d WHERE NOT EXISTS"
		    " (SELECT 1 FROM seg WHERE seg.id=d.id)"), "segdata", bad,
		    arg);
	if (r == ZK_OK)
		r = each(db, db_stmt(db, "SELECT " SEG "||"
		    "': its place in the order applied' FROM seg"
		    " WHERE (state=1)<>(ord IS NOT NULL) OR state NOT IN(0,1)"
		    " OR ord>(SELECT count(*) FROM seg WHERE state=1)"
		    " OR ord<1"), "seg", bad, arg);
	if (r == ZK_OK)
		r = each(db, db_stmt(db, "SELECT " SEG "||"
		    "': applied before its predecessor' FROM seg"
		    " WHERE state=1 AND seq>1 AND ord<=coalesce((SELECT p.ord"
		    " FROM seg p WHERE p.hash=seg.prev AND p.log=seg.log"
		    " AND p.seq=seg.seq-1),ord)"), "seg", bad, arg);
	if (r == ZK_OK)
		r = each(db, db_stmt(db, "SELECT " SEG "||"
		    "': whether it is the last' FROM seg WHERE tip<>(state=1"
		    " AND NOT EXISTS(SELECT 1 FROM seg n WHERE n.log=seg.log"
		    " AND n.seq=seg.seq+1 AND n.prev=seg.hash"
		    " AND n.state=1))"), "seg", bad, arg);
	return r;
}

enum zk_err
check_logs(struct db *db, check_bad_fn *bad, void *arg)
{
	enum zk_err r = check_segs(db, bad, arg);

	if (r == ZK_OK)
		r = each(db, db_stmt(db, "SELECT 'log '||"
		    "lower(hex(substr(log,1,4)))||': it has no first segment'"
		    " FROM log WHERE NOT EXISTS(SELECT 1 FROM seg"
		    " WHERE seg.log=log.log AND seg.seq=1)"), "log", bad,
		    arg);
	if (r == ZK_OK)
		r = each(db, db_stmt(db, "SELECT 'log '||"
		    "lower(hex(substr(log,1,4)))||': whose it is'"
		    " FROM seg WHERE state=1 AND seq=1 AND NOT EXISTS"
		    " (SELECT 1 FROM log l WHERE l.log=seg.log)"), "log", bad,
		    arg);
	if (r == ZK_OK)
		r = each(db, db_stmt(db, "SELECT 'a segment waiting for '||"
		    SEG " FROM segwait w WHERE NOT EXISTS"
		    " (SELECT 1 FROM seg WHERE seg.id=w.id AND state=0)"),
		    "segwait", bad, arg);
	if (r == ZK_OK)
		r = each(db, db_stmt(db, "SELECT 'head '||"
		    "lower(hex(substr(hash,1,4))) FROM told WHERE NOT EXISTS"
		    " (SELECT 1 FROM seg WHERE seg.hash=told.hash)"), "told",
		    bad, arg);
	if (r == ZK_OK)
		r = each(db, db_stmt(db, "SELECT 'what was acknowledged of '"
		    "||" SEG " FROM ack a WHERE NOT EXISTS(SELECT 1 FROM seg"
		    " WHERE seg.log=a.log AND seg.seq=a.seq)"), "ack", bad,
		    arg);
	return r;
}

enum zk_err
check_base(struct db *db, check_bad_fn *bad, void *arg)
{
	enum zk_err r = each(db, db_stmt(db, "SELECT 'row '||b.id||' ('||"
	    "CAST(b.name AS TEXT)||'): its other half' FROM base b"
	    " LEFT JOIN base_more m ON m.id=b.id WHERE m.id IS NULL OR"
	    " m.parent<>b.parent OR m.name<>b.name"), "base", bad, arg);

	if (r == ZK_OK)
		r = each(db, db_stmt(db, "SELECT 'row '||m.id||' ('||"
		    "CAST(m.name AS TEXT)||'): its other half'"
		    " FROM base_more m LEFT JOIN base b ON b.parent=m.parent"
		    " AND b.name=m.name WHERE b.id IS NOT m.id"),
		    "base_more", bad, arg);
	if (r == ZK_OK)
		r = each(db, db_stmt(db, "SELECT 'row '||b.id||' ('||"
		    "CAST(b.name AS TEXT)||'): what it is in' FROM base b"
		    " LEFT JOIN base_more m ON m.id=b.parent"
		    " LEFT JOIN base d ON d.parent=m.parent AND d.name=m.name"
		    " WHERE b.id<>1 AND d.kind IS NOT 2"), "base", bad, arg);
	if (r == ZK_OK)
		r = each(db, db_stmt(db, "SELECT 'node '||"
		    "lower(hex(substr(node,1,10))) FROM base_node"
		    " WHERE NOT EXISTS (SELECT 1 FROM base_more m"
		    " WHERE m.id=base_node.id AND instr(m.nodes,node)>0)"),
		    "base_node", bad, arg);
	return r;
}

enum zk_err
check_remotes(struct db *db, check_bad_fn *bad, void *arg)
{
	enum zk_err r = each(db, db_stmt(db, "SELECT DISTINCT"
	    " 'what remote '||remote||' holds' FROM remote_has"
	    " WHERE remote NOT IN (SELECT id FROM remote)"), "remote_has",
	    bad, arg);

	if (r == ZK_OK)
		r = each(db, db_stmt(db, "SELECT 'up to where remote '||"
		    "remote||' has everything' FROM remote_full f"
		    " WHERE remote NOT IN (SELECT id FROM remote) OR EXISTS"
		    " (SELECT 1 FROM seg WHERE seg.ord<=f.ord AND NOT EXISTS"
		    " (SELECT 1 FROM remote_has h WHERE h.remote=f.remote"
		    " AND h.hash=seg.hash))"), "remote_full", bad, arg);
	if (r == ZK_OK)
		r = each(db, db_stmt(db, "SELECT 'remote '||id||"
		    "': how far it was read' FROM remote"
		    " WHERE length(mark0)>64 OR length(mark1)>64"), "remote",
		    bad, arg);
	return r;
}

/*
 * The tables of the merge, in terms of ids: column 0 is the key, in the order
 * of which they come, column 1 the id of the node that the row is about.  A
 * key without a row stays the number that it is.
 */
#define NODE_OF(col) "coalesce((SELECT x.id FROM tnode x WHERE x.n=" col \
	")," col ")"
#define OP_OF(col) "coalesce((SELECT x.id FROM top x WHERE x.o=-(" col "))," \
	"(SELECT x.id FROM tnode x WHERE x.n=" col ")," col ")"
#define DEV_OF(col) "(SELECT x.id FROM tdevice x WHERE x.d=" col ")"

static const char nodes_sql[] =
    "SELECT t.id, t.id, kind, split, vis, conf, has, mode, mtime, mtime_ns,"
    OP_OF("mode_op") "," OP_OF("mtime_op") "," NODE_OF("t.parent") ", name,"
    OP_OF("place") ", live, nvis, nops, heads, flags," DEV_OF("dev") ", wall,"
    " form, merge, size, hash, loc," NODE_OF("coalesce(t.bparent,t.parent)")
    ", coalesce(bname, name) FROM tnode t ORDER BY t.id";

static const char ops_sql[] =
    "SELECT t.id," NODE_OF("t.node") ", type, regs, heads, flags, has, mode,"
    " mtime, mtime_ns," NODE_OF("t.parent") ", name," OP_OF("t.vertex") ","
    " dirmove," DEV_OF("dev") ", wall, form, merge, size, hash, loc"
    " FROM top t ORDER BY t.id";

static const char edges_sql[] =
    "SELECT hex(" OP_OF("t.p") ")||hex(" OP_OF("t.v") ") AS k,"
    "coalesce((SELECT " NODE_OF("y.node") " FROM top y WHERE y.o=-t.p),"
    "(SELECT y.id FROM tnode y WHERE y.n=t.p)) FROM tedge t ORDER BY k";

/*
 * Value ops: column 1 is how to name one.  A key without ops says nothing.
 */
static const char values_sql[] =
    "SELECT hex(o.id)||' '||kind||' '||hex(ns)||' '||hex(name) AS x,"
    " CAST(name AS TEXT), known, live, loc, dev, wall, log, num, after,"
    " head, value FROM kvop o JOIN kvkey USING(k) ORDER BY x";

/*
 * Messages, and the settings of channels: named by their channel.  What was
 * given out is this device's to say.
 */
static const char messages_sql[] =
    "SELECT hex(id) AS x, CAST(name AS TEXT), name, log, dev, wall, loc,"
    " size, label FROM msg JOIN chan USING(c) ORDER BY x";

static const char channels_sql[] =
    "SELECT hex(name) AS x, CAST(name AS TEXT), expiry, said FROM chan"
    " ORDER BY x";

/* The path of the node with this id as far as db knows it. */
static enum zk_err
node_path(struct db *db, const void *id, size_t len, struct buf *out)
{
	struct stmt *s = db_stmt(db, "WITH RECURSIVE up(n, path, d) AS"
	    " (SELECT parent, CAST(name AS TEXT), 0 FROM tnode WHERE id=?1"
	    " UNION ALL SELECT t.parent, CAST(t.name AS TEXT)||'/'||path,"
	    " d+1 FROM up JOIN tnode t ON t.n=up.n WHERE d<128)"
	    " SELECT path FROM up ORDER BY d DESC LIMIT 1");
	enum zk_err r = ZK_EBUG;
	const void *p = NULL;
	size_t n = 0;

	buf_reset(out);
	stmt_blob(s, 1, id, len);
	r = stmt_step(db, s);
	if (r != ZK_OK)
		return r;
	p = stmt_col_blob(s, 0, &n);
	r = buf_put(out, p, n);
	stmt_reset(s);
	return r;
}

struct compare {
	struct db *held, *again;
	const char *table;
	check_bad_fn *bad;
	void *arg;
	bool named;		/* column 1 is a name, and not a node's id */
};

/* A row that differs, at hand in s. */
static enum zk_err
differs(struct compare *c, struct stmt *s, const char *what)
{
	enum zk_err r = ZK_EBUG;
	uint8_t id[OPID_LEN];
	struct buf path;
	size_t n = 0;
	const void *p = NULL;

	buf_init(&path, TEXT_MAX);
	if (c->named) {
		p = stmt_col_blob(s, 1, &n);
		r = buf_put(&path, p, n);
		if (r == ZK_OK)
			r = c->bad(c->arg, c->table, what, buf_cstr(&path));
		buf_release(&path);
		return r;
	}
	r = stmt_col_copy(s, 1, id, sizeof(id));
	if (r == ZK_OK)
		r = node_path(c->again, id, sizeof(id), &path);
	if (r == ZK_ENOENT)
		r = node_path(c->held, id, sizeof(id), &path);
	if (r == ZK_OK || r == ZK_ENOENT || r == ZK_ETAMPER ||
	    r == ZK_ELIMIT)
		r = c->bad(c->arg, c->table, what,
		    r == ZK_OK ? buf_cstr(&path) : NULL);
	buf_release(&path);
	return r;
}

/* Which of two rows comes first by key; a missing one comes last. */
static int
order(struct stmt *a, bool has_a, struct stmt *b, bool has_b)
{
	size_t n = 0, m = 0;
	const void *p = NULL, *q = NULL;
	int c = 0;

	if (!has_a || !has_b)
		return has_a ? -1 : 1;
	p = stmt_col_blob(a, 0, &n);
	q = stmt_col_blob(b, 0, &m);
	c = memcmp(p, q, n < m ? n : m);
	return c != 0 ? c : (n > m) - (n < m);
}

static enum zk_err
next(struct db *db, struct stmt *s, bool *has)
{
	enum zk_err r = stmt_step(db, s);

	*has = r == ZK_OK;
	return r == ZK_ENOENT ? ZK_OK : r;
}

static enum zk_err
compare_table(struct compare *c, const char *sql)
{
	struct stmt *a = db_stmt(c->held, sql);
	struct stmt *b = db_stmt(c->again, sql);
	bool has_a = false, has_b = false;
	enum zk_err r = next(c->held, a, &has_a);

	if (r == ZK_OK)
		r = next(c->again, b, &has_b);
	while (r == ZK_OK && (has_a || has_b)) {
		int o = order(a, has_a, b, has_b);

		if (o < 0)
			r = differs(c, a, "a row that nothing recorded");
		else if (o > 0)
			r = differs(c, b, "a row that is missing");
		else if (!stmt_same(a, b))
			r = differs(c, b, "not what was recorded");
		if (r == ZK_OK && o <= 0)
			r = next(c->held, a, &has_a);
		if (r == ZK_OK && o >= 0)
			r = next(c->again, b, &has_b);
	}
	if (has_a)
		stmt_reset(a);
	if (has_b)
		stmt_reset(b);
	return r;
}

/* What waits to be looked at, and the count that says since when. */
static enum zk_err
check_dirty(struct db *db, check_bad_fn *bad, void *arg)
{
	enum zk_err r = each(db, db_stmt(db, "SELECT 'directory '||n"
	    " FROM tdirty WHERE seq>(SELECT seq FROM tchange) OR (n<>0 AND"
	    " NOT EXISTS(SELECT 1 FROM tnode t WHERE t.n=tdirty.n))"),
	    "tdirty", bad, arg);

	if (r == ZK_OK)
		r = each(db, db_stmt(db, "SELECT 'the count of changes'"
		    " FROM (SELECT count(*) AS c FROM tchange) WHERE c<>1"),
		    "tchange", bad, arg);
	return r;
}

enum zk_err
check_values(struct db *held, struct db *again, check_bad_fn *bad, void *arg)
{
	struct compare c = { held, again, "kvop", bad, arg, true };
	enum zk_err r = compare_table(&c, values_sql);

	if (r == ZK_OK)
		r = each(held, db_stmt(held, "SELECT 'value row '||o"
		    " FROM kvop WHERE k NOT IN (SELECT k FROM kvkey)"),
		    "kvop", bad, arg);
	return r;
}

enum zk_err
check_messages(struct db *held, struct db *again, check_bad_fn *bad,
    void *arg)
{
	struct compare c = { held, again, "chan", bad, arg, true };
	enum zk_err r = compare_table(&c, channels_sql);

	c.table = "msg";
	if (r == ZK_OK)
		r = compare_table(&c, messages_sql);
	if (r == ZK_OK)
		r = each(held, db_stmt(held, "SELECT 'message row '||m"
		    " FROM msg WHERE c NOT IN (SELECT c FROM chan)"
		    " OR done NOT IN(0,1)"), "msg", bad, arg);
	return r;
}

enum zk_err
check_trees(struct db *held, struct db *again, check_bad_fn *bad, void *arg)
{
	struct compare c = { held, again, "tnode", bad, arg, false };
	enum zk_err r = compare_table(&c, nodes_sql);

	c.table = "top";
	if (r == ZK_OK)
		r = compare_table(&c, ops_sql);
	c.table = "tedge";
	if (r == ZK_OK)
		r = compare_table(&c, edges_sql);
	return r == ZK_OK ? check_dirty(held, bad, arg) : r;
}
