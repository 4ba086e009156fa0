#include "crdt/tree.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/apply.h"
#include "crdt/core.h"
#include "crdt/heads.h"
#include "crdt/place.h"
#include "crdt/vis.h"
#include "util/hex.h"

enum zk_err
tree_new(const struct cdb *db, struct tree **out)
{
	struct tree *t = calloc(1, sizeof(*t));

	*out = t;
	if (t == NULL)
		return ZK_ENOMEM;
	t->db = *db;
	t->last_dirty = CDB_LIMBO;
	return ZK_OK;
}

void
tree_free(struct tree *t)
{
	if (t == NULL)
		return;
	free(t->queue);
	free(t);
}

static void
forget(struct tree *t)
{
	t->open = false;
	t->seq = 0;
	t->acc_n = 0;
	t->acc_delta = 0;
	t->last_dirty = CDB_LIMBO;
	t->past = NULL;
	t->par_known = false;
	t->kept_known = false;
	t->queue_n = 0;
}

enum zk_err
tree_begin(struct tree *t)
{
	if (t->open)
		BUG("batches of a tree do not nest");
	forget(t);
	t->open = true;
	return ZK_OK;
}

enum zk_err
tree_apply(struct tree *t, const struct op *op)
{
	if (!t->open)
		BUG("an op outside of a batch");
	return apply_op(t, op);
}

void
tree_past(struct tree *t, tree_past_fn *fn, void *arg)
{
	t->past = fn;
	t->past_arg = arg;
	t->par_known = false;
}

enum zk_err
tree_locator(struct tree *t, const struct opid *id, uint64_t *locator)
{
	struct cdb_op op;
	enum zk_err r = t->db.impl->op_by_id(t->db.db, id, &op);

	*locator = r == ZK_OK ? op.content.locator : 0;
	return r;
}

enum zk_err
tree_covered(struct tree *t, const struct opid *id, bool *covered)
{
	struct cdb_op op;
	enum zk_err r = t->db.impl->op_by_id(t->db.db, id, &op);

	*covered = r == ZK_OK && (op.flags & CDB_COVERED) != 0;
	return r;
}

void
tree_split_id(struct tree *t, const struct opid *head, struct opid *out)
{
	t->db.impl->split_id(head, out);
}

enum zk_err
tree_end(struct tree *t)
{
	enum zk_err r;

	if (!t->open)
		BUG("the end of no batch");
	r = vis_flush(t);
	if (r == ZK_OK)
		r = place_merge(t);
	if (r == ZK_OK)
		forget(t);
	return r;
}

enum zk_err
tree_kind(struct tree *t, const struct opid *id, uint8_t *kind)
{
	int64_t n;

	return t->db.impl->node_key(t->db.db, id, &n, kind);
}

void
tree_abort(struct tree *t)
{
	forget(t);
}

enum zk_err
tree_change(struct tree *t, uint64_t *seq)
{
	return t->db.impl->change_last(t->db.db, seq);
}

#define SPLITS_MAX 32	/* of a split node's first content, and so on */

static enum zk_err
shows(struct tree *t, const struct opid *id, unsigned depth, bool *out)
{
	struct cdb_node node;
	struct cdb_op op;
	struct opid other;
	struct heads hs;
	enum zk_err r = t->db.impl->op_by_id(t->db.db, id, &op);

	*out = depth > SPLITS_MAX;
	/* the file that it became, whatever has become of this one since */
	if (r == ZK_OK && !*out && (op.flags & CDB_SPLIT) != 0) {
		tree_split_id(t, id, &other);
		r = shows(t, &other, depth + 1, out);
		r = r == ZK_ENOENT ? ZK_OK : r;
	}
	if (r == ZK_OK && !*out)
		r = t->db.impl->node_get(t->db.db, op.node, &node);
	if (r != ZK_OK || *out || (op.regs & REG_CONTENT) == 0)
		return r;
	r = heads_load(&t->db, &node, &hs);
	if (r != ZK_OK)
		return r;
	for (size_t i = 0; r == ZK_OK && i < hs.n && !*out; i++) {
		const struct head *h = &hs.v[i];

		if (h->vertex != op.vertex)
			continue;
		*out = node.vis && h->shown;
		for (size_t k = 0; h->split && k < h->ops_n && !*out &&
		    r == ZK_OK; k++) {
			/* it was asked for above */
			if (opid_cmp(&h->ops[k], id) == 0)
				continue;
			tree_split_id(t, &h->ops[k], &other);
			r = shows(t, &other, depth + 1, out);
			if (r == ZK_ENOENT)
				r = ZK_OK;	/* not this one of them */
		}
	}
	heads_release(&hs);
	return r;
}

enum zk_err
tree_shows(struct tree *t, const struct opid *id, bool *out)
{
	return shows(t, id, 0, out);
}

#define DIRTY_PAGE 64

enum zk_err
tree_dirty(struct tree *t, int64_t *after, struct opid *out, size_t max,
    size_t *got)
{
	int64_t keys[DIRTY_PAGE];
	struct cdb_node node;
	enum zk_err r;

	*got = 0;
	r = t->db.impl->dirty(t->db.db, *after, keys,
	    max < DIRTY_PAGE ? max : DIRTY_PAGE, &max);
	for (size_t i = 0; i < max && r == ZK_OK; i++) {
		if (keys[i] == CDB_ROOT) {
			memset(&out[i], 0, sizeof(out[i]));
		} else {
			r = t->db.impl->node_get(t->db.db, keys[i], &node);
			out[i] = node.id;
		}
		*after = keys[i];
	}
	*got = r == ZK_OK ? max : 0;
	return r;
}

enum zk_err
tree_dirty_clear(struct tree *t, uint64_t upto)
{
	return t->db.impl->dirty_clear(t->db.db, upto);
}

/* Heads of a node, kept in the order of their ids. */
struct dump {
	struct cdb_op *v;
	size_t n, cap;
};

static enum zk_err
dump_add(void *arg, const struct cdb_op *op)
{
	struct dump *d = arg;
	size_t i;

	if (d->n == d->cap) {
		size_t cap = d->cap == 0 ? 8 : d->cap * 2;
		struct cdb_op *p = realloc(d->v, cap * sizeof(*p));

		if (p == NULL)
			return ZK_ENOMEM;
		d->v = p;
		d->cap = cap;
	}
	for (i = d->n; i > 0; i--) {
		if (opid_cmp(&d->v[i - 1].id, &op->id) < 0)
			break;
		d->v[i] = d->v[i - 1];
	}
	d->v[i] = *op;
	d->n++;
	return ZK_OK;
}

/* The id behind a key: of node n (the root: zeros) or of op o. */
static enum zk_err
dump_key(struct tree *t, int64_t key, struct buf *out)
{
	struct cdb_op op;
	enum zk_err r;

	memset(&op, 0, sizeof(op));
	if (key != 0) {
		r = t->db.impl->op_get(t->db.db, key, &op);
		if (r != ZK_OK)
			return r;
	}
	hex_put(out, op.id.b, OPID_LEN);
	return ZK_OK;
}

static enum zk_err
dump_state(struct tree *t, const struct cdb_node *node, struct buf *out)
{
	enum zk_err r;

	hex_put(out, node->id.b, OPID_LEN);
	buf_printf(out, " kind %u vis %d live %lld nvis %lld\n parent ",
	    node->kind, node->vis, (long long)node->live,
	    (long long)node->nvis);
	r = dump_key(t, node->parent, out);
	buf_printf(out, " place ");
	if (r == ZK_OK)
		r = dump_key(t, node->place, out);
	buf_printf(out, "\n mode %d %o ", node->has_mode, node->mode);
	if (r == ZK_OK)
		r = dump_key(t, node->mode_op, out);
	buf_printf(out, " mtime %d %lld.%09u ", node->has_mtime,
	    (long long)node->mtime_sec, node->mtime_nsec);
	if (r == ZK_OK)
		r = dump_key(t, node->mtime_op, out);
	buf_printf(out, "\n name %u ", node->name.len);
	buf_put(out, node->name.b, node->name.len);
	buf_printf(out, "\n");
	return r;
}

enum zk_err
tree_dump_node(struct tree *t, const struct opid *id, struct buf *out)
{
	struct dump d = { NULL, 0, 0 };
	struct cdb_node node;
	struct cdb_op birth;
	enum zk_err r;

	r = t->db.impl->node_by_id(t->db.db, id, &node);
	if (r != ZK_OK)
		return r;
	cdb_birth(&node, &birth);
	r = dump_state(t, &node, out);
	if (r == ZK_OK && birth.heads != 0)
		r = dump_add(&d, &birth);
	if (r == ZK_OK)
		r = t->db.impl->heads(t->db.db, node.n, dump_add, &d);
	for (size_t i = 0; i < d.n && r == ZK_OK; i++) {
		buf_printf(out, " head ");
		hex_put(out, d.v[i].id.b, OPID_LEN);
		buf_printf(out, " regs %u of %u flags %u\n", d.v[i].heads,
		    d.v[i].regs, d.v[i].flags);
	}
	free(d.v);
	return r != ZK_OK ? r : buf_err(out);
}
