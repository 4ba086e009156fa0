#include "crdt/refs.h"

bool
refs_live(const struct cdb_op *op)
{
	return op->heads != 0 &&
	    (op->flags & (CDB_COVERED | CDB_DROPPED)) == 0;
}

enum zk_err
refs_past(struct tree *t, const struct opid *id, bool split)
{
	return t->past == NULL ? ZK_OK : t->past(t->past_arg, id, split);
}

enum zk_err
refs_get(struct tree *t, const struct op *op, const struct opid *ref,
    const struct cdb_node *node, uint8_t regs, struct cdb_op *out)
{
	enum zk_err r;

	if (opid_cmp(ref, &op->id) >= 0)
		return ZK_EREFUSED;
	if (opid_cmp(ref, &node->id) == 0) {
		cdb_birth(node, out);
		return (out->regs & regs) == 0 ? ZK_EREFUSED : ZK_OK;
	}
	r = t->db.impl->op_by_id(t->db.db, ref, out);
	if (r != ZK_OK)
		return r == ZK_ENOENT ? ZK_EREFUSED : r;
	if (out->node != node->n || (out->regs & regs) == 0)
		return ZK_EREFUSED;
	return ZK_OK;
}

static enum zk_err
check_list(struct tree *t, const struct op *op, const struct cdb_node *node,
    const struct opid *refs, size_t n, uint8_t regs)
{
	enum zk_err r = ZK_OK;

	if (n > (regs == 0 ? 0 : OP_REFS_MAX))
		return ZK_EREFUSED;
	for (size_t i = 0; i < n && r == ZK_OK; i++) {
		struct cdb_op ref;

		r = refs_get(t, op, &refs[i], node, regs, &ref);
		if (r == ZK_OK && ref.o != node->n)
			r = refs_past(t, &ref.id, false);
	}
	return r;
}

enum zk_err
refs_check(struct tree *t, const struct op *op, const struct cdb_node *node,
    uint8_t place, uint8_t content, uint8_t attr)
{
	enum zk_err r;

	r = check_list(t, op, node, op->place_refs, op->place_refs_n, place);
	if (r == ZK_OK)
		r = check_list(t, op, node, op->content_refs,
		    op->content_refs_n, content);
	if (r == ZK_OK)
		r = check_list(t, op, node, op->attr_refs, op->attr_refs_n,
		    attr);
	return r;
}

enum zk_err
refs_put(struct tree *t, struct cdb_node *node, struct cdb_op *ref,
    uint8_t heads, uint8_t flags)
{
	bool was = refs_live(ref);

	if (ref->heads == heads && ref->flags == flags)
		return ZK_OK;
	ref->heads = heads;
	ref->flags = flags;
	if (was && !refs_live(ref))
		node->live--;
	if (ref->o == node->n) {
		node->heads = heads;
		node->flags = flags;
	}
	return t->db.impl->op_set(t->db.db, ref);
}

enum zk_err
refs_replace(struct tree *t, const struct op *op, struct cdb_node *node,
    const struct opid *refs, size_t n, uint8_t regs)
{
	for (size_t i = 0; i < n; i++) {
		struct cdb_op ref;
		enum zk_err r;

		r = refs_get(t, op, &refs[i], node, regs, &ref);
		if (r != ZK_OK)
			return r;
		r = refs_put(t, node, &ref, (uint8_t)(ref.heads & ~regs),
		    ref.flags);
		if (r != ZK_OK)
			return r;
	}
	return ZK_OK;
}

enum zk_err
refs_mark(struct tree *t, const struct op *op, struct cdb_node *node,
    const struct opid *refs, size_t n, uint8_t regs, uint8_t flag)
{
	for (size_t i = 0; i < n; i++) {
		struct cdb_op ref;
		enum zk_err r;

		r = refs_get(t, op, &refs[i], node, regs, &ref);
		if (r != ZK_OK)
			return r;
		r = refs_put(t, node, &ref, ref.heads,
		    (uint8_t)(ref.flags | flag));
		if (r != ZK_OK)
			return r;
	}
	return ZK_OK;
}

