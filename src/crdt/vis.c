#include "crdt/vis.h"

#include "crdt/heads.h"

enum zk_err
vis_dirty(struct tree *t, int64_t n)
{
	const struct cdb *db = &t->db;
	enum zk_err r;

	if (n == CDB_LIMBO || n == t->last_dirty)
		return ZK_OK;
	if (t->seq == 0) {
		r = db->impl->change_next(db->db, &t->seq);
		if (r != ZK_OK)
			return r;
	}
	t->last_dirty = n;
	return db->impl->dirty_add(db->db, n, t->seq);
}

/* One more or one less visible child. */
static enum zk_err
count(struct tree *t, int64_t parent, int64_t delta)
{
	enum zk_err r;

	if (parent <= CDB_ROOT)
		return ZK_OK;
	if (t->acc_n != 0 && t->acc_n != parent) {
		r = vis_flush(t);
		if (r != ZK_OK)
			return r;
	}
	t->acc_n = parent;
	t->acc_delta += delta;
	return ZK_OK;
}

static enum zk_err
set_conf(struct tree *t, struct cdb_node *node, bool on)
{
	uint8_t conf = node->conf;

	conf = (uint8_t)(on ? conf | CONF_NAME : conf & ~CONF_NAME);
	if (conf == node->conf)
		return ZK_OK;
	node->conf = conf;
	return t->db.impl->node_set(t->db.db, node);
}

/*
 * A visible node came to (parent, name).  Where there were two already, all
 * have the mark; so the first three tell which is to be marked, and the
 * newcomer is marked by itself.
 */
static enum zk_err
entered(struct tree *t, int64_t n, int64_t parent, const struct cdb_name *name)
{
	const struct cdb *db = &t->db;
	struct cdb_node v[3];
	struct cdb_node self;
	size_t got;
	enum zk_err r;

	if (parent == CDB_LIMBO)
		return ZK_OK;
	r = db->impl->named(db->db, parent, name, 0, v, 3, &got);
	if (r != ZK_OK)
		return r;
	for (size_t i = 0; i < got; i++) {
		r = set_conf(t, &v[i], got > 1);
		if (r != ZK_OK)
			return r;
	}
	if (got < 3)
		return ZK_OK;
	r = db->impl->node_get(db->db, n, &self);
	return r != ZK_OK ? r : set_conf(t, &self, true);
}

/* One left: where a single one stays, it has no rival any more. */
static enum zk_err
left(struct tree *t, int64_t parent, const struct cdb_name *name)
{
	const struct cdb *db = &t->db;
	struct cdb_node v[2];
	size_t got;
	enum zk_err r;

	if (parent == CDB_LIMBO)
		return ZK_OK;
	r = db->impl->named(db->db, parent, name, 0, v, 2, &got);
	if (r != ZK_OK || got != 1)
		return r;
	return set_conf(t, &v[0], false);
}

enum zk_err
vis_added(struct tree *t, const struct cdb_node *node)
{
	enum zk_err r;

	r = entered(t, node->n, node->parent, &node->name);
	if (r == ZK_OK)
		r = vis_dirty(t, node->parent);
	return r == ZK_OK ? count(t, node->parent, 1) : r;
}

/* Writes node and brings the directory in line with node->vis. */
static enum zk_err
write_vis(struct tree *t, struct cdb_node *node, bool was)
{
	const struct cdb *db = &t->db;
	int64_t parent = node->parent;
	enum zk_err r;

	if (!node->vis)
		node->conf = 0;
	r = db->impl->node_set(db->db, node);
	if (r != ZK_OK)
		return r;
	if (node->vis && !was)
		r = entered(t, node->n, parent, &node->name);
	else if (!node->vis && was)
		r = left(t, parent, &node->name);
	if (r == ZK_OK && (node->vis || was))
		r = vis_dirty(t, parent);
	if (r == ZK_OK && node->vis != was)
		r = count(t, parent, node->vis ? 1 : -1);
	return r;
}

enum zk_err
vis_flush(struct tree *t)
{
	while (t->acc_n != 0) {
		const struct cdb *db = &t->db;
		struct cdb_node node;
		bool was;
		enum zk_err r;

		r = db->impl->node_get(db->db, t->acc_n, &node);
		if (r != ZK_OK)
			return r;
		node.nvis += t->acc_delta;
		t->acc_n = 0;
		t->acc_delta = 0;
		was = node.vis;
		node.vis = node.live > 0 || node.nvis > 0;
		if (node.vis == was)
			r = db->impl->node_set(db->db, &node);
		else
			r = write_vis(t, &node, was);
		if (r != ZK_OK)
			return r;
	}
	return ZK_OK;
}

enum zk_err
vis_settle(struct tree *t, struct cdb_node *node, bool was)
{
	size_t shown = 0;
	enum zk_err r;

	if (node->kind == NODE_DIR) {
		node->vis = node->live > 0 || node->nvis > 0;
		return write_vis(t, node, was);
	}
	node->conf &= (uint8_t)~CONF_HEADS;
	if (node->live > 0) {
		r = heads_count(&t->db, node, &shown);
		if (r != ZK_OK)
			return r;
	}
	node->vis = shown > 0;
	if (shown > 1)
		node->conf |= CONF_HEADS;
	return write_vis(t, node, was);
}

enum zk_err
vis_place(struct tree *t, struct cdb_node *node, int64_t parent,
    const struct cdb_name *name, int64_t place)
{
	int64_t old_parent = node->parent;
	struct cdb_name old_name = node->name;
	enum zk_err r;

	node->parent = parent;
	node->name = *name;
	node->place = place;
	node->conf &= (uint8_t)~CONF_NAME;
	r = t->db.impl->node_set(t->db.db, node);
	if (r != ZK_OK || !node->vis)
		return r;
	r = left(t, old_parent, &old_name);
	if (r == ZK_OK)
		r = entered(t, node->n, parent, name);
	if (r == ZK_OK)
		r = vis_dirty(t, old_parent);
	if (r == ZK_OK)
		r = vis_dirty(t, parent);
	if (r == ZK_OK)
		r = count(t, old_parent, -1);
	if (r == ZK_OK)
		r = count(t, parent, 1);
	return r;
}
