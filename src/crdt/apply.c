#include "crdt/apply.h"

#include <string.h>

#include "crdt/place.h"
#include "crdt/refs.h"
#include "crdt/vertex.h"
#include "crdt/vis.h"

#define LINK_MAX 4096	/* bytes of a symlink's target, less one */

/* The directory that op puts its node into. */
static enum zk_err
get_parent(struct tree *t, const struct op *op, int64_t *n)
{
	enum zk_err r;

	if (op->name == NULL || op->name_len < 1 ||
	    op->name_len > CDB_NAME_MAX || opid_cmp(&op->parent, &op->id) >= 0)
		return ZK_EREFUSED;
	*n = CDB_ROOT;
	if (opid_is_root(&op->parent))
		return ZK_OK;
	if (!t->par_known || opid_cmp(&t->par_id, &op->parent) != 0) {
		t->par_known = false;
		r = t->db.impl->node_key(t->db.db, &op->parent, &t->par_n,
		    &t->par_kind);
		if (r != ZK_OK)
			return r == ZK_ENOENT ? ZK_EREFUSED : r;
		r = refs_past(t, &op->parent, false);
		if (r != ZK_OK)
			return r;
		t->par_id = op->parent;
		t->par_known = true;
	}
	*n = t->par_n;
	return t->par_kind == NODE_DIR ? ZK_OK : ZK_EREFUSED;
}

static void
set_name(struct cdb_name *to, const struct op *op)
{
	to->len = (uint8_t)op->name_len;
	memcpy(to->b, op->name, op->name_len);
}

static void
set_content(struct content *to, const struct content *from)
{
	*to = *from;
	to->data = NULL;
	to->data_len = 0;
	to->script = NULL;
	to->script_len = 0;
}

/* Loads the node that op acts on, ready to be written. */
static enum zk_err
get_node(struct tree *t, const struct op *op, struct cdb_node *node)
{
	enum zk_err r;

	if (opid_is_root(&op->node) || opid_cmp(&op->node, &op->id) >= 0)
		return ZK_EREFUSED;
	r = vis_flush(t);
	if (r == ZK_OK)
		r = t->db.impl->node_by_id(t->db.db, &op->node, node);
	if (r == ZK_OK)
		r = refs_past(t, &op->node, node->split);
	return r == ZK_ENOENT ? ZK_EREFUSED : r;
}

static void
start_op(const struct op *op, const struct cdb_node *node, uint8_t regs,
    struct cdb_op *out)
{
	memset(out, 0, sizeof(*out));
	out->id = op->id;
	out->node = node->n;
	out->type = op->type;
	out->regs = regs;
	out->dir_move = op->type == OP_MOVE && node->kind == NODE_DIR;
	out->has_mode = op->has_mode;
	out->has_mtime = op->has_mtime;
	out->mode = op->mode & 0777;
	out->mtime_sec = op->mtime_sec;
	out->mtime_nsec = op->mtime_nsec;
	memcpy(out->device, op->device, sizeof(out->device));
	out->wall_ms = op->wall_ms;
	if (op->has_mode || op->has_mtime)
		out->regs |= REG_ATTR;
	out->heads = out->regs;
	out->content.locator = op->content.locator;
}

/* The id that last set mode or mtime: of op o, or of the birth. */
static enum zk_err
setter_id(struct tree *t, const struct cdb_node *node, int64_t o,
    struct opid *id)
{
	struct cdb_op op;
	enum zk_err r;

	*id = node->id;
	if (o == 0)
		return ZK_OK;
	r = t->db.impl->op_get(t->db.db, o, &op);
	*id = op.id;
	return r;
}

/* Mode and mtime: the last op by id that carries each. */
static enum zk_err
set_attr(struct tree *t, struct cdb_node *node, const struct cdb_op *op)
{
	struct opid id;
	enum zk_err r;

	if (op->has_mode) {
		r = setter_id(t, node, node->mode_op, &id);
		if (r != ZK_OK)
			return r;
		if (!node->has_mode || opid_cmp(&op->id, &id) > 0) {
			node->has_mode = true;
			node->mode = op->mode;
			node->mode_op = op->o;
		}
	}
	if (op->has_mtime) {
		r = setter_id(t, node, node->mtime_op, &id);
		if (r != ZK_OK)
			return r;
		if (!node->has_mtime || opid_cmp(&op->id, &id) > 0) {
			node->has_mtime = true;
			node->mtime_sec = op->mtime_sec;
			node->mtime_nsec = op->mtime_nsec;
			node->mtime_op = op->o;
		}
	}
	return ZK_OK;
}

/* Enters the new op, with its refs of place and attributes. */
static enum zk_err
add_op(struct tree *t, const struct op *op, struct cdb_node *node,
    struct cdb_op *rec)
{
	enum zk_err r;

	r = t->db.impl->op_add(t->db.db, rec);
	if (r != ZK_OK)
		return r;
	node->nops++;
	if (refs_live(rec))
		node->live++;
	r = refs_replace(t, op, node, op->place_refs, op->place_refs_n,
	    REG_PLACE | REG_KEEP);
	if (r == ZK_OK)
		r = refs_replace(t, op, node, op->attr_refs, op->attr_refs_n,
		    REG_ATTR);
	return r == ZK_OK ? set_attr(t, node, rec) : r;
}

/* Whether a node of this kind may have this content (or none). */
static bool
content_fits(uint8_t kind, const struct content *c)
{
	switch (kind) {
	case NODE_FILE:
		return c->form == CONTENT_INLINE ||
		    c->form == CONTENT_MANIFEST || c->form == CONTENT_GONE;
	case NODE_SYMLINK:
		return (c->form == CONTENT_INLINE ||
		    c->form == CONTENT_GONE) && c->size > 0 &&
		    c->size < LINK_MAX;
	case NODE_TREE:
		/* no text, whatever its bytes may look like */
		return (c->form == CONTENT_INLINE ||
		    c->form == CONTENT_MANIFEST || c->form == CONTENT_GONE) &&
		    c->merge == MERGE_COPY;
	case NODE_DIR:
		return c->form == CONTENT_NONE;
	default:
		return false;
	}
}

static void
born(const struct op *op, int64_t parent, struct cdb_node *node)
{
	memset(node, 0, sizeof(*node));
	node->kind = op->kind;
	node->vis = true;
	node->parent = parent;
	set_name(&node->name, op);
	node->live = 1;
}

static enum zk_err
apply_create(struct tree *t, const struct op *op)
{
	struct cdb_node node;
	int64_t parent;
	enum zk_err r;

	if (!content_fits(op->kind, &op->content) ||
	    op->place_refs_n + op->content_refs_n + op->attr_refs_n > 0)
		return ZK_EREFUSED;
	r = get_parent(t, op, &parent);
	if (r != ZK_OK)
		return r;
	born(op, parent, &node);
	node.id = op->id;
	node.has_mode = op->has_mode;
	node.has_mtime = op->has_mtime;
	node.mode = op->mode & 0777;
	node.mtime_sec = op->mtime_sec;
	node.mtime_nsec = op->mtime_nsec;
	node.heads = REG_PLACE | REG_ATTR;
	node.content.locator = op->content.locator;
	if (op->kind != NODE_DIR) {
		node.heads |= REG_CONTENT;
		set_content(&node.content, &op->content);
	}
	memcpy(node.device, op->device, sizeof(node.device));
	node.wall_ms = op->wall_ms;
	r = t->db.impl->node_add(t->db.db, &node);
	if (r == ZK_EEXIST)
		return ZK_OK;
	return r == ZK_OK ? vis_added(t, &node) : r;
}

static enum zk_err
apply_move(struct tree *t, const struct op *op)
{
	struct cdb_node node;
	struct cdb_op rec, place;
	int64_t parent;
	bool was;
	enum zk_err r;

	if (op->has_mode || op->has_mtime)
		return ZK_EREFUSED;
	r = get_node(t, op, &node);
	if (r == ZK_OK)
		r = get_parent(t, op, &parent);
	if (r == ZK_OK)
		r = refs_check(t, op, &node, REG_PLACE | REG_KEEP, 0, 0);
	if (r != ZK_OK)
		return r;
	start_op(op, &node, REG_PLACE, &rec);
	rec.parent = parent;
	set_name(&rec.name, op);
	was = node.vis;
	r = add_op(t, op, &node, &rec);
	if (r != ZK_OK)
		return r == ZK_EEXIST ? ZK_OK : r;
	r = vis_settle(t, &node, was);
	if (r == ZK_OK)
		r = vis_flush(t);
	if (r == ZK_OK)
		r = t->db.impl->node_get(t->db.db, node.n, &node);
	if (r != ZK_OK)
		return r;
	if (node.kind == NODE_DIR)
		return place_move(t, &node, &rec);
	place.id = node.id;
	if (node.place != 0)
		r = t->db.impl->op_get(t->db.db, node.place, &place);
	if (r != ZK_OK || opid_cmp(&op->id, &place.id) < 0)
		return r;
	return vis_place(t, &node, parent, &rec.name, rec.o);
}

static enum zk_err
apply_edit(struct tree *t, const struct op *op)
{
	struct cdb_node node;
	struct cdb_op rec, same;
	struct vertex_set s;
	bool was;
	enum zk_err r;

	r = get_node(t, op, &node);
	if (r != ZK_OK)
		return r;
	if (node.kind == NODE_DIR || !content_fits(node.kind, &op->content))
		return ZK_EREFUSED;
	r = refs_check(t, op, &node, 0, REG_CONTENT, REG_ATTR);
	if (r == ZK_OK)
		r = vertex_set(t, op, &node, &s);
	if (r == ZK_OK)
		r = vertex_find(t, &s, &op->content, &same);
	if (r != ZK_OK)
		return r;
	start_op(op, &node, REG_CONTENT, &rec);
	set_content(&rec.content, &op->content);
	if (same.o != 0) {
		rec.vertex = same.vertex;
		if ((same.heads & REG_CONTENT) == 0)
			rec.heads &= (uint8_t)~REG_CONTENT;
	}
	was = node.vis;
	r = add_op(t, op, &node, &rec);
	if (r == ZK_OK && same.o == 0)
		r = vertex_replace(t, &node, &s, rec.vertex);
	if (r != ZK_OK)
		return r == ZK_EEXIST ? ZK_OK : r;
	return vis_settle(t, &node, was);
}

static enum zk_err
apply_attr(struct tree *t, const struct op *op)
{
	struct cdb_node node;
	struct cdb_op rec;
	bool was;
	enum zk_err r;

	if ((op->has_mode || op->has_mtime) != (op->type == OP_ATTR))
		return ZK_EREFUSED;
	r = get_node(t, op, &node);
	if (r == ZK_OK && op->type == OP_KEEP)
		r = refs_check(t, op, &node, REG_PLACE | REG_KEEP, 0, 0);
	else if (r == ZK_OK)
		r = refs_check(t, op, &node, 0, 0, REG_ATTR);
	if (r != ZK_OK)
		return r;
	start_op(op, &node, op->type == OP_KEEP ? REG_KEEP : REG_ATTR, &rec);
	was = node.vis;
	r = add_op(t, op, &node, &rec);
	if (r != ZK_OK)
		return r == ZK_EEXIST ? ZK_OK : r;
	return vis_settle(t, &node, was);
}

/* REMOVE and DROP have no record: marking twice changes nothing. */
static enum zk_err
apply_remove(struct tree *t, const struct op *op)
{
	bool drop = op->type == OP_DROP;
	uint8_t flag = drop ? CDB_DROPPED : CDB_COVERED;
	uint8_t regs = drop ? REG_CONTENT : UINT8_MAX;
	struct cdb_node node;
	bool was;
	enum zk_err r;

	r = get_node(t, op, &node);
	if (r == ZK_OK && drop)
		r = refs_check(t, op, &node, 0, REG_CONTENT, 0);
	else if (r == ZK_OK)
		r = refs_check(t, op, &node, regs, regs, regs);
	if (r != ZK_OK)
		return r;
	was = node.vis;
	r = refs_mark(t, op, &node, op->place_refs, op->place_refs_n, regs,
	    flag);
	if (r == ZK_OK)
		r = refs_mark(t, op, &node, op->content_refs,
		    op->content_refs_n, regs, flag);
	if (r == ZK_OK)
		r = refs_mark(t, op, &node, op->attr_refs, op->attr_refs_n,
		    regs, flag);
	return r == ZK_OK ? vis_settle(t, &node, was) : r;
}

/* The node that head becomes; makes it if this is the first split of it. */
static enum zk_err
split_node(struct tree *t, const struct op *op, const struct cdb_op *head,
    int64_t parent, struct cdb_node *out)
{
	struct opid id;
	enum zk_err r;

	t->db.impl->split_id(&head->id, &id);
	r = t->db.impl->node_by_id(t->db.db, &id, out);
	if (r == ZK_OK && !out->split)
		BUG("an op has the id of a split node");
	if (r != ZK_ENOENT)
		return r;
	born(op, parent, out);
	out->id = id;
	out->split = true;
	out->vis = false;
	out->heads = REG_CONTENT;
	out->content = head->content;
	memcpy(out->device, head->device, sizeof(out->device));
	out->wall_ms = head->wall_ms;
	return t->db.impl->node_add(t->db.db, out);
}

/* The new side of a split: its place is the greatest split or move. */
static enum zk_err
split_new(struct tree *t, const struct op *op, const struct cdb_op *head,
    int64_t parent)
{
	struct cdb_node node;
	struct cdb_op rec, place;
	bool was;
	enum zk_err r;

	r = split_node(t, op, head, parent, &node);
	if (r != ZK_OK)
		return r;
	start_op(op, &node, REG_PLACE, &rec);
	rec.parent = parent;
	set_name(&rec.name, op);
	was = node.vis;
	r = add_op(t, op, &node, &rec);
	if (r != ZK_OK)
		return r;
	if (node.place == 0)
		node.place = rec.o;
	r = vis_settle(t, &node, was);
	if (r == ZK_OK)
		r = vis_flush(t);
	if (r == ZK_OK)
		r = t->db.impl->node_get(t->db.db, node.n, &node);
	if (r == ZK_OK)
		r = t->db.impl->op_get(t->db.db, node.place, &place);
	if (r != ZK_OK || opid_cmp(&op->id, &place.id) <= 0)
		return r;
	return vis_place(t, &node, parent, &rec.name, rec.o);
}

static enum zk_err
apply_split(struct tree *t, const struct op *op)
{
	struct cdb_node node;
	struct cdb_op head;
	int64_t parent;
	bool was;
	enum zk_err r;

	r = get_node(t, op, &node);
	if (r == ZK_OK)
		r = get_parent(t, op, &parent);
	if (r != ZK_OK)
		return r;
	if (node.kind == NODE_DIR || op->kind != node.kind ||
	    op->content_refs_n != 1 || op->content.form != CONTENT_NONE)
		return ZK_EREFUSED;
	r = refs_check(t, op, &node, 0, REG_CONTENT, 0);
	if (r == ZK_OK)
		r = refs_get(t, op, &op->content_refs[0], &node, REG_CONTENT,
		    &head);
	if (r != ZK_OK)
		return r;
	was = node.vis;
	r = refs_mark(t, op, &node, op->content_refs, op->content_refs_n,
	    REG_CONTENT, CDB_SPLIT);
	if (r == ZK_OK)
		r = vis_settle(t, &node, was);
	if (r == ZK_OK)
		r = vis_flush(t);
	if (r == ZK_OK)
		r = split_new(t, op, &head, parent);
	return r == ZK_EEXIST ? ZK_OK : r;
}

enum zk_err
apply_op(struct tree *t, const struct op *op)
{
	if (op->type == OP_REMOVE || op->type == OP_MOVE)
		t->kept_known = false;
	switch (op->type) {
	case OP_CREATE:
		return apply_create(t, op);
	case OP_MOVE:
		return apply_move(t, op);
	case OP_EDIT:
		return apply_edit(t, op);
	case OP_ATTR:
	case OP_KEEP:
		return apply_attr(t, op);
	case OP_REMOVE:
	case OP_DROP:
		return apply_remove(t, op);
	case OP_SPLIT:
		return apply_split(t, op);
	default:
		BUG("not an op of the tree");
	}
}
