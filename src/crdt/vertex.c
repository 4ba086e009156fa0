#include "crdt/vertex.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/refs.h"

static enum zk_err
keep_lowest(void *arg, const struct cdb_op *op)
{
	struct cdb_op *low = arg;

	if (opid_cmp(&op->id, &low->id) < 0)
		*low = *op;
	return ZK_OK;
}

enum zk_err
vertex_low(const struct cdb *db, int64_t v, struct cdb_op *out)
{
	enum zk_err r = db->impl->op_get(db->db, v, out);

	return r == ZK_OK && v < 0 ?
	    db->impl->members(db->db, v, keep_lowest, out) : r;
}

static int
key_cmp(const void *a, const void *b)
{
	int64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

enum zk_err
vertex_set(struct tree *t, const struct op *op, const struct cdb_node *node,
    struct vertex_set *out)
{
	size_t k = 0;

	out->n = 0;
	if (op->content_refs_n < 1 || op->content_refs_n > OP_REFS_MAX)
		return ZK_EREFUSED;
	for (size_t i = 0; i < op->content_refs_n; i++) {
		struct cdb_op ref;
		enum zk_err r;

		r = refs_get(t, op, &op->content_refs[i], node, REG_CONTENT,
		    &ref);
		if (r != ZK_OK)
			return r;
		out->v[out->n++] = ref.vertex;
	}
	qsort(out->v, out->n, sizeof(out->v[0]), key_cmp);
	for (size_t i = 0; i < out->n; i++)
		if (k == 0 || out->v[k - 1] != out->v[i])
			out->v[k++] = out->v[i];
	out->n = k;
	return ZK_OK;
}

enum zk_err
vertex_find(struct tree *t, const struct vertex_set *s,
    const struct content *c, struct cdb_op *out)
{
	const struct cdb *db = &t->db;
	int64_t v = INT64_MIN;
	struct vertex_set down;
	enum zk_err r;

	for (;;) {
		r = db->impl->edge_next(db->db, s->v[0], v, &v);
		if (r == ZK_OK)
			r = db->impl->op_get(db->db, v, out);
		if (r != ZK_OK)
			break;
		if (out->content.size != c->size ||
		    memcmp(out->content.hash, c->hash, CONTENT_HASH_LEN) != 0)
			continue;
		r = db->impl->edges_down(db->db, v, down.v, OP_REFS_MAX,
		    &down.n);
		if (r != ZK_OK)
			break;
		if (down.n == s->n &&
		    memcmp(down.v, s->v, s->n * sizeof(s->v[0])) == 0)
			return ZK_OK;
	}
	out->o = 0;
	return r == ZK_ENOENT ? ZK_OK : r;
}

struct members {
	struct cdb_op *v;
	size_t n, cap;
};

static enum zk_err
add_member(void *arg, const struct cdb_op *op)
{
	struct members *m = arg;

	if (m->n == m->cap) {
		size_t cap = m->cap == 0 ? 4 : m->cap * 2;
		struct cdb_op *p = realloc(m->v, cap * sizeof(*p));

		if (p == NULL)
			return ZK_ENOMEM;
		m->v = p;
		m->cap = cap;
	}
	m->v[m->n++] = *op;
	return ZK_OK;
}

static enum zk_err
replace_one(struct tree *t, struct cdb_node *node, int64_t p)
{
	struct members m = { NULL, 0, 0 };
	struct cdb_op birth;
	enum zk_err r;

	if (p > 0) {
		r = t->db.impl->op_get(t->db.db, p, &birth);
		if (r == ZK_OK)
			r = add_member(&m, &birth);
	} else {
		r = t->db.impl->members(t->db.db, p, add_member, &m);
	}
	for (size_t i = 0; i < m.n && r == ZK_OK; i++)
		r = refs_put(t, node, &m.v[i],
		    (uint8_t)(m.v[i].heads & ~REG_CONTENT), m.v[i].flags);
	free(m.v);
	return r;
}

enum zk_err
vertex_replace(struct tree *t, struct cdb_node *node,
    const struct vertex_set *s, int64_t v)
{
	for (size_t i = 0; i < s->n; i++) {
		enum zk_err r = t->db.impl->edge_add(t->db.db, s->v[i], v);

		if (r == ZK_OK)
			r = replace_one(t, node, s->v[i]);
		if (r != ZK_OK)
			return r;
	}
	return ZK_OK;
}
