/* Base's rows against what they stand for.  See verify_int.h. */
#include <string.h>

#include "crdt/seen.h"
#include "store/basedb.h"
#include "sync/cuts.h"
#include "sync/segcache.h"
#include "sync/verify_int.h"

/* ZK_ETAMPER unless there is such an operation, or node. */
static enum zk_err
known(struct verify *vf, const struct opid *id)
{
	const struct cdb *c = treedb_cdb(vf->td);
	struct cdb_op op;
	enum zk_err r = ZK_OK;

	if (!opid_is_root(id))
		r = c->impl->op_by_id(c->db, id, &op);
	return r == ZK_ENOENT ? ZK_ETAMPER : r;
}

/* The nodes and operations that the row names. */
static enum zk_err
check_refs(struct verify *vf, const struct base_entry *e)
{
	size_t n = 0;
	const uint8_t *p = refs_seen(e->refs, e->refs_len, &n);
	struct seen seen;
	enum zk_err r = ZK_OK;

	for (size_t i = 0; r == ZK_OK && i < e->nodes_n; i++)
		r = known(vf, &e->nodes[i]);
	if (r != ZK_OK || n == 0)
		return r;
	seen_init(&seen);
	r = seen_decode(p, n, &seen);
	for (size_t i = 0; r == ZK_OK && i < seen.n; i++) {
		const struct seen_node *node = &seen.nodes[i];

		r = known(vf, &node->id);
		for (size_t k = 0; r == ZK_OK && k < node->refs_n; k++)
			r = known(vf, &node->refs[k].id);
	}
	seen_release(&seen);
	return r;
}

/* The content that the row says was on this disk. */
static enum zk_err
check_bytes(struct verify *vf, const struct base_entry *e)
{
	uint64_t locator = refs_locator(e->refs, e->refs_len);
	struct content c;
	enum zk_err r = ZK_OK;

	if (e->nodes_n == 0)
		return ZK_OK;	/* kept: it stands for nothing */
	if (e->kind < NODE_FILE || e->kind > NODE_TREE)
		return ZK_ETAMPER;
	if (e->kind == NODE_DIR)
		return locator == 0 ? ZK_OK : ZK_ETAMPER;
	r = segcache_content(vf->rd->v, locator, &c);
	if (r == ZK_EGAP)
		r = ZK_OK;	/* gone, and known by these alone */
	if (r == ZK_OK && (c.size != e->size ||
	    memcmp(c.hash, e->hash, sizeof(e->hash)) != 0))
		r = ZK_ETAMPER;
	return r;
}

static enum zk_err
check_row(struct verify *vf, const struct base_entry *e, struct buf *path)
{
	struct db *db = vf->rd->v->db;
	int64_t id = e->id;
	enum zk_err r = check_refs(vf, e);

	if (r == ZK_OK)
		r = check_bytes(vf, e);
	/* last: e lends from a row that this may end */
	buf_reset(path);
	if (verify_is_damage(r)) {
		r = base_path(db, id, path);
		return verify_bad(vf, "base", "does not say what was "
		    "recorded", r == ZK_OK ? buf_cstr(path) : NULL);
	}
	if (r != ZK_OK)
		return r;
	r = base_path(db, id, path);
	if (verify_is_damage(r))
		r = verify_bad(vf, "base", "a row without a path", NULL);
	return r;
}

enum zk_err
verify_base(struct verify *vf)
{
	struct db *db = vf->rd->v->db;
	struct base_entry e;
	struct buf path;
	int64_t at = 0;
	enum zk_err r = ZK_OK;

	buf_init(&path, 1 << 16);
	/* one look for all rows; nothing is written */
	r = base_begin(db);
	while (r == ZK_OK && !round_stopped(vf->rd)) {
		r = base_after(db, at, &e);
		if (r != ZK_OK)
			break;
		if (e.id <= at)
			break;	/* two halves that differ: named before */
		at = e.id;
		r = check_row(vf, &e, &path);
	}
	base_rollback(db);
	buf_release(&path);
	return r == ZK_ENOENT ? ZK_OK : r;
}
