#include "crdt/memdb.h"

#include <stdlib.h>
#include <string.h>

struct mnode {
	struct cdb_node node;
	int64_t bparent;
	struct cdb_name bname;
};

struct edge {
	int64_t p;
	int64_t v;
};

struct dirty {
	int64_t n;
	uint64_t seq;
};

/*
 * Node n is nodes[n - 1], op o is ops[-o - 1].  Rows are found by scanning
 * but for ids, which have an open-addressed table of keys (0: empty).
 */
struct memdb {
	struct cdb cdb;
	struct cdb_impl impl;
	struct mnode *nodes;
	size_t nodes_n, nodes_cap;
	struct cdb_op *ops;
	size_t ops_n, ops_cap;
	struct edge *edges;
	size_t edges_n, edges_cap;
	struct dirty *dirty;
	size_t dirty_n, dirty_cap;
	int64_t *ids;
	size_t ids_cap;		/* a power of two */
	uint64_t change;
};

static enum zk_err
grow(void **p, size_t n, size_t *cap, size_t size)
{
	size_t want = *cap == 0 ? 16 : *cap * 2;
	void *q;

	if (n < *cap)
		return ZK_OK;
	q = realloc(*p, want * size);
	if (q == NULL)
		return ZK_ENOMEM;
	*p = q;
	*cap = want;
	return ZK_OK;
}

static const struct opid *
key_id(const struct memdb *m, int64_t key)
{
	if (key > 0)
		return &m->nodes[key - 1].node.id;
	return &m->ops[-key - 1].id;
}

/* Slot of id, or the empty one where it belongs. */
static size_t
id_slot(const struct memdb *m, const struct opid *id)
{
	uint64_t h;
	size_t i;

	memcpy(&h, id->b + OPID_LEN - 8, sizeof(h));
	h = (h ^ opid_lamport(id)) * UINT64_C(0x9e3779b97f4a7c15);
	i = (size_t)(h >> 20) & (m->ids_cap - 1);
	while (m->ids[i] != 0 && opid_cmp(key_id(m, m->ids[i]), id) != 0)
		i = (i + 1) & (m->ids_cap - 1);
	return i;
}

static int64_t
id_find(const struct memdb *m, const struct opid *id)
{
	return m->ids[id_slot(m, id)];
}

/* Enters the key of a record that is already in its array. */
static enum zk_err
id_add(struct memdb *m, int64_t key)
{
	if ((m->nodes_n + m->ops_n) * 2 > m->ids_cap) {
		size_t old_cap = m->ids_cap;
		int64_t *old = m->ids;
		int64_t *ids = calloc(old_cap * 2, sizeof(*ids));

		if (ids == NULL)
			return ZK_ENOMEM;
		m->ids = ids;
		m->ids_cap = old_cap * 2;
		for (size_t i = 0; i < old_cap; i++)
			if (old[i] != 0)
				m->ids[id_slot(m, key_id(m, old[i]))] = old[i];
		free(old);
	}
	m->ids[id_slot(m, key_id(m, key))] = key;
	return ZK_OK;
}

static enum zk_err
mem_node_get(void *db, int64_t n, struct cdb_node *out)
{
	struct memdb *m = db;

	if (n < 1 || (size_t)n > m->nodes_n)
		return ZK_ENOENT;
	*out = m->nodes[n - 1].node;
	return ZK_OK;
}

static enum zk_err
mem_node_by_id(void *db, const struct opid *id, struct cdb_node *out)
{
	int64_t key = id_find(db, id);

	return key > 0 ? mem_node_get(db, key, out) : ZK_ENOENT;
}

static enum zk_err
mem_node_key(void *db, const struct opid *id, int64_t *n, uint8_t *kind)
{
	struct memdb *m = db;
	int64_t key = id_find(m, id);

	if (key <= 0)
		return ZK_ENOENT;
	*n = key;
	*kind = m->nodes[key - 1].node.kind;
	return ZK_OK;
}

static enum zk_err
mem_node_add(void *db, struct cdb_node *node)
{
	struct memdb *m = db;
	void *p = m->nodes;
	enum zk_err r;

	if (id_find(m, &node->id) != 0)
		return ZK_EEXIST;
	r = grow(&p, m->nodes_n, &m->nodes_cap, sizeof(*m->nodes));
	m->nodes = p;
	if (r != ZK_OK)
		return r;
	node->n = (int64_t)m->nodes_n + 1;
	m->nodes[m->nodes_n].node = *node;
	m->nodes[m->nodes_n].bparent = node->parent;
	m->nodes[m->nodes_n].bname = node->name;
	m->nodes_n++;
	return id_add(m, node->n);
}

static enum zk_err
mem_node_set(void *db, const struct cdb_node *node)
{
	struct memdb *m = db;
	struct cdb_node *to = &m->nodes[node->n - 1].node;
	uint8_t heads = to->heads;
	uint8_t flags = to->flags;

	*to = *node;
	to->heads = heads;
	to->flags = flags;
	return ZK_OK;
}

static enum zk_err
mem_birth_place(void *db, int64_t n, int64_t *parent, struct cdb_name *name)
{
	struct memdb *m = db;

	*parent = m->nodes[n - 1].bparent;
	*name = m->nodes[n - 1].bname;
	return ZK_OK;
}

static enum zk_err
mem_op_get(void *db, int64_t o, struct cdb_op *out)
{
	struct memdb *m = db;

	if (o > 0 && (size_t)o <= m->nodes_n) {
		cdb_birth(&m->nodes[o - 1].node, out);
		return ZK_OK;
	}
	if (o >= 0 || (size_t)-o > m->ops_n)
		return ZK_ENOENT;
	*out = m->ops[-o - 1];
	return ZK_OK;
}

static enum zk_err
mem_op_by_id(void *db, const struct opid *id, struct cdb_op *out)
{
	int64_t key = id_find(db, id);

	return key != 0 ? mem_op_get(db, key, out) : ZK_ENOENT;
}

static enum zk_err
mem_op_add(void *db, struct cdb_op *op)
{
	struct memdb *m = db;
	void *p = m->ops;
	enum zk_err r;

	if (id_find(m, &op->id) != 0)
		return ZK_EEXIST;
	r = grow(&p, m->ops_n, &m->ops_cap, sizeof(*m->ops));
	m->ops = p;
	if (r != ZK_OK)
		return r;
	op->o = -(int64_t)m->ops_n - 1;
	if ((op->regs & REG_CONTENT) != 0 && op->vertex == 0)
		op->vertex = op->o;
	m->ops[m->ops_n++] = *op;
	return id_add(m, op->o);
}

static enum zk_err
mem_op_set(void *db, const struct cdb_op *op)
{
	struct memdb *m = db;

	if (op->o > 0) {
		m->nodes[op->o - 1].node.heads = op->heads;
		m->nodes[op->o - 1].node.flags = op->flags;
		return ZK_OK;
	}
	m->ops[-op->o - 1].heads = op->heads;
	m->ops[-op->o - 1].flags = op->flags;
	return ZK_OK;
}

static enum zk_err
mem_heads(void *db, int64_t n, cdb_op_fn *fn, void *arg)
{
	struct memdb *m = db;
	enum zk_err r = ZK_OK;

	for (size_t i = 0; i < m->ops_n && r == ZK_OK; i++)
		if (m->ops[i].node == n && m->ops[i].heads != 0)
			r = fn(arg, &m->ops[i]);
	return r;
}

static enum zk_err
mem_members(void *db, int64_t v, cdb_op_fn *fn, void *arg)
{
	struct memdb *m = db;
	enum zk_err r = ZK_OK;

	for (size_t i = 0; i < m->ops_n && r == ZK_OK; i++)
		if (m->ops[i].vertex == v)
			r = fn(arg, &m->ops[i]);
	return r;
}

static int
op_cmp_desc(const void *a, const void *b)
{
	const struct cdb_op *const *x = a;
	const struct cdb_op *const *y = b;

	return opid_cmp(&(*y)->id, &(*x)->id);
}

static enum zk_err
mem_moves_above(void *db, const struct opid *id, cdb_op_fn *fn, void *arg)
{
	struct memdb *m = db;
	const struct cdb_op **v;
	size_t n = 0;
	enum zk_err r = ZK_OK;

	v = malloc((m->ops_n + 1) * sizeof(*v));
	if (v == NULL)
		return ZK_ENOMEM;
	for (size_t i = 0; i < m->ops_n; i++)
		if (m->ops[i].dir_move &&
		    opid_cmp(&m->ops[i].id, id) > 0)
			v[n++] = &m->ops[i];
	qsort(v, n, sizeof(*v), op_cmp_desc);
	for (size_t i = 0; i < n && r == ZK_OK; i++)
		r = fn(arg, v[i]);
	free(v);
	return r;
}

static enum zk_err
mem_move_below(void *db, int64_t n, const struct opid *id, struct cdb_op *out)
{
	struct memdb *m = db;
	const struct cdb_op *best = NULL;

	for (size_t i = 0; i < m->ops_n; i++) {
		const struct cdb_op *op = &m->ops[i];

		if (op->node != n || !op->dir_move ||
		    (op->flags & CDB_VOID) != 0 || opid_cmp(&op->id, id) >= 0)
			continue;
		if (best == NULL || opid_cmp(&op->id, &best->id) > 0)
			best = op;
	}
	if (best == NULL)
		return ZK_ENOENT;
	*out = *best;
	return ZK_OK;
}

static enum zk_err
mem_edge_add(void *db, int64_t p, int64_t v)
{
	struct memdb *m = db;
	void *q = m->edges;
	enum zk_err r;

	r = grow(&q, m->edges_n, &m->edges_cap, sizeof(*m->edges));
	m->edges = q;
	if (r != ZK_OK)
		return r;
	m->edges[m->edges_n].p = p;
	m->edges[m->edges_n].v = v;
	m->edges_n++;
	return ZK_OK;
}

static int
key_cmp(const void *a, const void *b)
{
	int64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

static enum zk_err
mem_edges_down(void *db, int64_t v, int64_t *p, size_t max, size_t *n)
{
	struct memdb *m = db;

	*n = 0;
	for (size_t i = 0; i < m->edges_n && *n < max; i++)
		if (m->edges[i].v == v)
			p[(*n)++] = m->edges[i].p;
	qsort(p, *n, sizeof(*p), key_cmp);
	return ZK_OK;
}

static enum zk_err
mem_edge_next(void *db, int64_t p, int64_t after, int64_t *v)
{
	struct memdb *m = db;
	bool found = false;

	for (size_t i = 0; i < m->edges_n; i++) {
		const struct edge *e = &m->edges[i];

		if (e->p != p || e->v <= after || (found && e->v >= *v))
			continue;
		*v = e->v;
		found = true;
	}
	return found ? ZK_OK : ZK_ENOENT;
}

static int
child_cmp(const struct cdb_node *a, const struct cdb_name *name, int64_t n)
{
	int c = cdb_name_cmp(&a->name, name);

	return c != 0 ? c : a->n < n ? -1 : a->n > n;
}

/*
 * The first max of the visible nodes of parent behind (name, n), by
 * insertion: only those of that very name if same is set.
 */
static size_t
pick(const struct memdb *m, int64_t parent, const struct cdb_name *name,
    int64_t n, bool same, struct cdb_node *out, size_t max)
{
	size_t got = 0;

	for (size_t i = 0; i < m->nodes_n && max > 0; i++) {
		const struct cdb_node *c = &m->nodes[i].node;
		size_t j;

		if (!c->vis || c->parent != parent)
			continue;
		if (name != NULL && child_cmp(c, name, n) <= 0)
			continue;
		if (same && cdb_name_cmp(&c->name, name) != 0)
			continue;
		for (j = got; j > 0; j--)
			if (child_cmp(&out[j - 1], &c->name, c->n) <= 0)
				break;
		if (j == max)
			continue;
		if (got == max)
			got--;
		memmove(&out[j + 1], &out[j], (got - j) * sizeof(*out));
		out[j] = *c;
		got++;
	}
	return got;
}

static enum zk_err
mem_children(void *db, int64_t parent, const struct cdb_name *name, int64_t n,
    struct cdb_node *out, size_t max, size_t *got)
{
	*got = pick(db, parent, name, n, false, out, max);
	return ZK_OK;
}

static enum zk_err
mem_named(void *db, int64_t parent, const struct cdb_name *name, int64_t n,
    struct cdb_node *out, size_t max, size_t *got)
{
	*got = pick(db, parent, name, n, true, out, max);
	return ZK_OK;
}

static enum zk_err
mem_conflicts(void *db, int64_t parent, int64_t n, struct cdb_node *out,
    size_t max, size_t *got)
{
	struct memdb *m = db;

	*got = 0;
	for (size_t i = (size_t)n; i < m->nodes_n && *got < max; i++) {
		const struct cdb_node *c = &m->nodes[i].node;

		if (c->conf != 0 && (parent < 0 || c->parent == parent))
			out[(*got)++] = *c;
	}
	return ZK_OK;
}

static enum zk_err
mem_change_next(void *db, uint64_t *seq)
{
	struct memdb *m = db;

	*seq = ++m->change;
	return ZK_OK;
}

static enum zk_err
mem_change_last(void *db, uint64_t *seq)
{
	struct memdb *m = db;

	*seq = m->change;
	return ZK_OK;
}

/* Kept in the order of n. */
static enum zk_err
mem_dirty_add(void *db, int64_t n, uint64_t seq)
{
	struct memdb *m = db;
	void *q = m->dirty;
	size_t i = 0;
	enum zk_err r;

	while (i < m->dirty_n && m->dirty[i].n < n)
		i++;
	if (i < m->dirty_n && m->dirty[i].n == n) {
		m->dirty[i].seq = seq;
		return ZK_OK;
	}
	r = grow(&q, m->dirty_n, &m->dirty_cap, sizeof(*m->dirty));
	m->dirty = q;
	if (r != ZK_OK)
		return r;
	memmove(&m->dirty[i + 1], &m->dirty[i],
	    (m->dirty_n - i) * sizeof(*m->dirty));
	m->dirty[i].n = n;
	m->dirty[i].seq = seq;
	m->dirty_n++;
	return ZK_OK;
}

static enum zk_err
mem_dirty(void *db, int64_t n, int64_t *out, size_t max, size_t *got)
{
	struct memdb *m = db;

	*got = 0;
	for (size_t i = 0; i < m->dirty_n && *got < max; i++)
		if (m->dirty[i].n > n)
			out[(*got)++] = m->dirty[i].n;
	return ZK_OK;
}

static enum zk_err
mem_dirty_clear(void *db, uint64_t upto)
{
	struct memdb *m = db;
	size_t k = 0;

	for (size_t i = 0; i < m->dirty_n; i++)
		if (m->dirty[i].seq > upto)
			m->dirty[k++] = m->dirty[i];
	m->dirty_n = k;
	return ZK_OK;
}

static const struct cdb_impl mem_impl = {
	.node_by_id = mem_node_by_id,
	.node_get = mem_node_get,
	.node_key = mem_node_key,
	.node_add = mem_node_add,
	.node_set = mem_node_set,
	.birth_place = mem_birth_place,
	.op_by_id = mem_op_by_id,
	.op_get = mem_op_get,
	.op_add = mem_op_add,
	.op_set = mem_op_set,
	.heads = mem_heads,
	.members = mem_members,
	.moves_above = mem_moves_above,
	.move_below = mem_move_below,
	.edge_add = mem_edge_add,
	.edges_down = mem_edges_down,
	.edge_next = mem_edge_next,
	.children = mem_children,
	.named = mem_named,
	.conflicts = mem_conflicts,
	.change_next = mem_change_next,
	.change_last = mem_change_last,
	.dirty_add = mem_dirty_add,
	.dirty = mem_dirty,
	.dirty_clear = mem_dirty_clear,
};

enum zk_err
memdb_new(void (*split_id)(const struct opid *head, struct opid *out),
    struct memdb **out)
{
	struct memdb *m = calloc(1, sizeof(*m));

	*out = NULL;
	if (m == NULL)
		return ZK_ENOMEM;
	m->ids_cap = 64;
	m->ids = calloc(m->ids_cap, sizeof(*m->ids));
	if (m->ids == NULL) {
		free(m);
		return ZK_ENOMEM;
	}
	m->impl = mem_impl;
	m->impl.split_id = split_id;
	m->cdb.impl = &m->impl;
	m->cdb.db = m;
	*out = m;
	return ZK_OK;
}

void
memdb_free(struct memdb *m)
{
	if (m == NULL)
		return;
	free(m->nodes);
	free(m->ops);
	free(m->edges);
	free(m->dirty);
	free(m->ids);
	free(m);
}

const struct cdb *
memdb_cdb(struct memdb *m)
{
	return &m->cdb;
}
