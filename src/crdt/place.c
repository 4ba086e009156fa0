#include "crdt/place.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/vis.h"

/*
 * Why only moves of directories are undone and redone, and creates never.
 *
 * The rule: run all places in the order of op ids; a move whose node is its
 * new parent or above it at that moment is void.  Here the creates of all
 * directories count as done from the start, also those with ids above a
 * move that is being judged.  That gives the same verdicts: a place op
 * names a parent whose create is in its past, so that create has a lower id
 * (Lamport).  Walking up from the parent of move m, the place of each node
 * on the way comes from an op below m, whose parent was created below that.
 * So no node created above m is ever on the way, and no place that ran
 * "too early" is looked at: a node met there was created below m, and its
 * create is its place until a move below m changed it.  Creates alone make
 * no cycle, since each names a parent with a lower id.
 *
 * Files and symlinks are nobody's parent: for them the greatest move wins
 * and nothing is ever void.
 */

/* A move that is run again. */
struct redo {
	int64_t o;
	int64_t node;
	int64_t parent;
	bool was_void;
};

/* Where a node is while moves are run again. */
struct spot {
	int64_t node;
	int64_t parent;
	int64_t place;		/* 0: its birth */
};

struct merge {
	struct tree *t;
	struct redo *redo;
	size_t redo_n, redo_cap;
	struct spot *spots;	/* ascending by node */
	size_t spots_n;
};

static struct spot *
find_spot(const struct merge *m, int64_t node)
{
	size_t lo = 0;
	size_t hi = m->spots_n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->spots[mid].node < node)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < m->spots_n && m->spots[lo].node == node)
		return &m->spots[lo];
	return NULL;
}

/* Whether node is `from` or above it, where m says or else the records. */
static enum zk_err
is_above(const struct merge *m, int64_t node, int64_t from, bool *yes)
{
	const struct cdb *db = &m->t->db;
	int64_t x = from;

	*yes = false;
	while (x != CDB_ROOT && x != node) {
		const struct spot *s = find_spot(m, x);
		struct cdb_node up;
		enum zk_err r;

		if (s != NULL) {
			x = s->parent;
			continue;
		}
		r = db->impl->node_get(db->db, x, &up);
		if (r != ZK_OK)
			return r;
		x = up.parent;
	}
	*yes = x == node;
	return ZK_OK;
}

static enum zk_err
set_void(struct tree *t, struct cdb_op *op, bool is_void)
{
	uint8_t flags = op->flags;

	flags = (uint8_t)(is_void ? flags | CDB_VOID : flags & ~CDB_VOID);
	if (flags == op->flags)
		return ZK_OK;
	op->flags = flags;
	return t->db.impl->op_set(t->db.db, op);
}

static enum zk_err
stop_at_first(void *arg, const struct cdb_op *op)
{
	bool *any = arg;

	(void)op;
	*any = true;
	return ZK_ENOENT;
}

static enum zk_err
enqueue(struct tree *t, const struct cdb_op *op)
{
	if (t->queue_n == t->queue_cap) {
		size_t cap = t->queue_cap == 0 ? 16 : t->queue_cap * 2;
		int64_t *q = realloc(t->queue, cap * sizeof(*q));

		if (q == NULL)
			return ZK_ENOMEM;
		t->queue = q;
		t->queue_cap = cap;
	}
	if (t->queue_n == 0 || opid_cmp(&op->id, &t->queue_min) < 0)
		t->queue_min = op->id;
	t->queue[t->queue_n++] = op->o;
	return ZK_OK;
}

enum zk_err
place_move(struct tree *t, struct cdb_node *node, struct cdb_op *op)
{
	const struct cdb *db = &t->db;
	struct merge none = { .t = t };
	bool later = t->queue_n > 0;
	bool cycle;
	enum zk_err r;

	if (!later) {
		r = db->impl->moves_above(db->db, &op->id, stop_at_first,
		    &later);
		if (r != ZK_OK && r != ZK_ENOENT)
			return r;
	}
	if (later)
		return enqueue(t, op);
	r = is_above(&none, node->n, op->parent, &cycle);
	if (r != ZK_OK)
		return r;
	if (cycle)
		return set_void(t, op, true);
	return vis_place(t, node, op->parent, &op->name, op->o);
}

static enum zk_err
add_redo(void *arg, const struct cdb_op *op)
{
	struct merge *m = arg;

	if (m->redo_n == m->redo_cap) {
		size_t cap = m->redo_cap == 0 ? 16 : m->redo_cap * 2;
		struct redo *p = realloc(m->redo, cap * sizeof(*p));

		if (p == NULL)
			return ZK_ENOMEM;
		m->redo = p;
		m->redo_cap = cap;
	}
	m->redo[m->redo_n].o = op->o;
	m->redo[m->redo_n].node = op->node;
	m->redo[m->redo_n].parent = op->parent;
	m->redo[m->redo_n].was_void = (op->flags & CDB_VOID) != 0;
	m->redo_n++;
	return ZK_OK;
}

/* The moves from the least queued one on, greatest first. */
static enum zk_err
load_redo(struct merge *m)
{
	const struct cdb *db = &m->t->db;
	struct cdb_op least;
	enum zk_err r;

	r = db->impl->moves_above(db->db, &m->t->queue_min, add_redo, m);
	if (r == ZK_OK)
		r = db->impl->op_by_id(db->db, &m->t->queue_min, &least);
	return r != ZK_OK ? r : add_redo(m, &least);
}

static int
spot_cmp(const void *a, const void *b)
{
	const struct spot *x = a;
	const struct spot *y = b;

	return x->node < y->node ? -1 : x->node > y->node;
}

/* Undo: each node that moves is where it was before the least of them. */
static enum zk_err
load_spots(struct merge *m)
{
	const struct cdb *db = &m->t->db;
	size_t k = 0;

	m->spots = malloc(m->redo_n * sizeof(*m->spots));
	if (m->spots == NULL)
		return ZK_ENOMEM;
	for (size_t i = 0; i < m->redo_n; i++)
		m->spots[i].node = m->redo[i].node;
	qsort(m->spots, m->redo_n, sizeof(*m->spots), spot_cmp);
	for (size_t i = 0; i < m->redo_n; i++)
		if (k == 0 || m->spots[k - 1].node != m->spots[i].node)
			m->spots[k++] = m->spots[i];
	m->spots_n = k;
	for (size_t i = 0; i < k; i++) {
		struct spot *s = &m->spots[i];
		struct cdb_name name;
		struct cdb_op op;
		enum zk_err r;

		r = db->impl->move_below(db->db, s->node, &m->t->queue_min,
		    &op);
		if (r == ZK_OK) {
			s->parent = op.parent;
			s->place = op.o;
			continue;
		}
		if (r == ZK_ENOENT)
			r = db->impl->birth_place(db->db, s->node, &s->parent,
			    &name);
		if (r != ZK_OK)
			return r;
		s->place = 0;
	}
	return ZK_OK;
}

/* Redo: ascending, each judged where the ones below it left the tree. */
static enum zk_err
run_redo(struct merge *m)
{
	const struct cdb *db = &m->t->db;

	for (size_t i = m->redo_n; i-- > 0;) {
		const struct redo *d = &m->redo[i];
		struct spot *s = find_spot(m, d->node);
		struct cdb_op op;
		bool cycle;
		enum zk_err r;

		r = is_above(m, d->node, d->parent, &cycle);
		if (r != ZK_OK)
			return r;
		if (!cycle) {
			s->parent = d->parent;
			s->place = d->o;
		}
		if (cycle == d->was_void)
			continue;
		r = db->impl->op_get(db->db, d->o, &op);
		if (r == ZK_OK)
			r = set_void(m->t, &op, cycle);
		if (r != ZK_OK)
			return r;
	}
	return ZK_OK;
}

/* Parent and name that the op of a spot gives. */
static enum zk_err
spot_place(const struct merge *m, const struct spot *s, struct cdb_op *op)
{
	const struct cdb *db = &m->t->db;

	if (s->place != 0)
		return db->impl->op_get(db->db, s->place, op);
	return db->impl->birth_place(db->db, s->node, &op->parent, &op->name);
}

/*
 * Writes what changed: first every such node into limbo, then each to its
 * new parent.  In one pass the records could hold a cycle for a moment, and
 * counting visible children upwards would not end.
 */
static enum zk_err
write_spots(struct merge *m, bool into_limbo)
{
	const struct cdb *db = &m->t->db;

	for (size_t i = 0; i < m->spots_n; i++) {
		const struct spot *s = &m->spots[i];
		struct cdb_node node;
		struct cdb_op op;
		enum zk_err r;

		r = vis_flush(m->t);
		if (r == ZK_OK)
			r = db->impl->node_get(db->db, s->node, &node);
		if (r != ZK_OK)
			return r;
		if (into_limbo ? node.place == s->place :
		    node.parent != CDB_LIMBO)
			continue;
		if (into_limbo) {
			r = vis_place(m->t, &node, CDB_LIMBO, &node.name,
			    node.place);
		} else {
			r = spot_place(m, s, &op);
			if (r == ZK_OK)
				r = vis_place(m->t, &node, op.parent,
				    &op.name, s->place);
		}
		if (r != ZK_OK)
			return r;
	}
	return vis_flush(m->t);
}

enum zk_err
place_merge(struct tree *t)
{
	struct merge m = { .t = t };
	enum zk_err r;

	if (t->queue_n == 0)
		return ZK_OK;
	r = load_redo(&m);
	if (r == ZK_OK)
		r = load_spots(&m);
	if (r == ZK_OK)
		r = run_redo(&m);
	if (r == ZK_OK)
		r = write_spots(&m, true);
	if (r == ZK_OK)
		r = write_spots(&m, false);
	t->queue_n = 0;
	free(m.redo);
	free(m.spots);
	return r;
}
