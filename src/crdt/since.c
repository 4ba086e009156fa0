#include "crdt/since.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/core.h"
#include "crdt/heads.h"
#include "crdt/vertex.h"

/* What diverged ---------------------------------------------------------- */

static int
by_id(const void *a, const void *b)
{
	return opid_cmp(a, b);
}

static enum zk_err
fill_diverged(struct tree *t, const struct cdb_node *node,
    struct diverged *out)
{
	struct heads hs;
	enum zk_err r = heads_load(&t->db, node, &hs);

	if (r != ZK_OK)
		return r;
	out->node = node->id;
	out->merge = MERGE_JSON;
	out->heads = calloc(hs.n + 1, sizeof(*out->heads));
	out->texts = calloc(hs.n + 1, sizeof(*out->texts));
	if (out->heads == NULL || out->texts == NULL)
		r = ZK_ENOMEM;
	for (size_t i = 0; r == ZK_OK && i < hs.groups; i++)
		out->texts[out->texts_n++] =
		    heads_of_group(&hs, i)->low.id;
	for (size_t i = 0; r == ZK_OK && i < hs.n; i++) {
		const struct head *h = &hs.v[i];

		if (!h->shown)
			continue;
		out->heads[out->n++] = h->low.id;
		if (h->low.content.merge < out->merge)
			out->merge = h->low.content.merge;
	}
	heads_release(&hs);
	if (r != ZK_OK)
		return r;
	qsort(out->heads, out->n, sizeof(*out->heads), by_id);
	qsort(out->texts, out->texts_n, sizeof(*out->texts), by_id);
	return ZK_OK;
}

enum zk_err
diverged_next(struct tree *t, int64_t *after, struct diverged *out)
{
	const struct cdb *db = &t->db;
	struct cdb_node node;
	size_t got = 0;
	enum zk_err r = ZK_OK;

	memset(out, 0, sizeof(*out));
	for (;;) {
		r = db->impl->conflicts(db->db, -1, *after, &node, 1, &got);
		if (r != ZK_OK || got == 0)
			return r == ZK_OK ? ZK_ENOENT : r;
		*after = node.n;
		if ((node.conf & CONF_HEADS) != 0 && node.kind == NODE_FILE)
			break;
	}
	r = fill_diverged(t, &node, out);
	if (r != ZK_OK)
		diverged_release(out);
	return r;
}

void
diverged_release(struct diverged *d)
{
	free(d->heads);
	free(d->texts);
	memset(d, 0, sizeof(*d));
}

/* What is since the last common version ---------------------------------- */

/* A version that was reached, in the order of vertices once all are there. */
struct reached {
	int64_t vertex;
	struct opid id;
	struct content content;
	int64_t *down;		/* vertices that it replaces */
	size_t down_n;
};

struct walk {
	const struct cdb *db;
	/* a heap: the greatest id on top; a vertex may be in it repeatedly */
	struct reached *open;
	size_t open_n, open_cap;
	struct reached *done;	/* descending by id */
	size_t done_n, done_cap, max;
	size_t links;		/* what these replace, in all */
};

static enum zk_err
room(struct reached **p, size_t n, size_t *cap)
{
	size_t c = *cap == 0 ? 16 : *cap * 2;
	struct reached *q = NULL;

	if (n < *cap)
		return ZK_OK;
	q = realloc(*p, c * sizeof(*q));
	if (q == NULL)
		return ZK_ENOMEM;
	*p = q;
	*cap = c;
	return ZK_OK;
}

static void
swap(struct reached *a, struct reached *b)
{
	struct reached x = *a;

	*a = *b;
	*b = x;
}

static enum zk_err
push(struct walk *w, int64_t vertex)
{
	struct cdb_op low;
	size_t i = w->open_n;
	enum zk_err r = vertex_low(w->db, vertex, &low);

	if (r == ZK_OK)
		r = room(&w->open, w->open_n, &w->open_cap);
	if (r != ZK_OK)
		return r;
	w->open[w->open_n++] = (struct reached){ .vertex = vertex,
		.id = low.id, .content = low.content };
	for (; i > 0 && opid_cmp(&w->open[(i - 1) / 2].id,
	    &w->open[i].id) < 0; i = (i - 1) / 2)
		swap(&w->open[(i - 1) / 2], &w->open[i]);
	return ZK_OK;
}

static void
pop(struct walk *w, struct reached *out)
{
	size_t i = 0;

	*out = w->open[0];
	w->open[0] = w->open[--w->open_n];
	for (;;) {
		size_t k = 2 * i + 1;

		if (k + 1 < w->open_n && opid_cmp(&w->open[k].id,
		    &w->open[k + 1].id) < 0)
			k++;
		if (k >= w->open_n || opid_cmp(&w->open[i].id,
		    &w->open[k].id) >= 0)
			return;
		swap(&w->open[i], &w->open[k]);
		i = k;
	}
}

/* x is done: what it replaces is open now. */
static enum zk_err
close_one(struct walk *w, struct reached *x)
{
	int64_t down[OP_REFS_MAX];
	enum zk_err r = w->done_n == w->max ? ZK_ELIMIT :
	    room(&w->done, w->done_n, &w->done_cap);

	if (r == ZK_OK)
		r = w->db->impl->edges_down(w->db->db, x->vertex, down,
		    OP_REFS_MAX, &x->down_n);
	/* births alone replace nothing, and they are the last of all */
	if (r == ZK_OK && x->down_n == 0)
		r = ZK_EBUG;
	w->links += x->down_n;
	if (r == ZK_OK && w->links > SINCE_LINKS)
		r = ZK_ELIMIT;
	if (r == ZK_OK) {
		x->down = malloc(x->down_n * sizeof(*x->down));
		r = x->down == NULL ? ZK_ENOMEM : ZK_OK;
	}
	if (r != ZK_OK)
		return r;
	memcpy(x->down, down, x->down_n * sizeof(*x->down));
	w->done[w->done_n++] = *x;
	for (size_t i = 0; r == ZK_OK && i < x->down_n; i++)
		r = push(w, down[i]);
	return r;
}

/*
 * A version's id is above those that it replaces, so the greatest open one
 * is in the past of no other.  Where it is the only one, all others that were
 * open go back to it.
 */
static enum zk_err
descend(struct walk *w, struct reached *base)
{
	enum zk_err r = ZK_OK;

	while (r == ZK_OK) {
		pop(w, base);
		while (w->open_n > 0 && w->open[0].vertex == base->vertex) {
			struct reached again;

			pop(w, &again);
		}
		if (w->open_n == 0)
			return ZK_OK;
		r = close_one(w, base);
	}
	return r;
}

static int
by_vertex(const void *a, const void *b)
{
	const struct reached *const *x = a, *const *y = b;

	return ((*x)->vertex > (*y)->vertex) - ((*x)->vertex < (*y)->vertex);
}

/* Index in the result of a vertex, or of none: the base. */
static bool
index_of(const struct walk *w, struct reached *const *sorted, int64_t vertex,
    uint32_t *out)
{
	struct reached key = { .vertex = vertex };
	const struct reached *k = &key;
	struct reached *const *at = bsearch(&k, sorted, w->done_n,
	    sizeof(*sorted), by_vertex);

	if (at != NULL)
		*out = (uint32_t)(w->done_n - 1 - (size_t)(*at - w->done));
	return at != NULL;
}

static enum zk_err
fill_since(const struct walk *w, struct since *out)
{
	struct reached **sorted = calloc(w->done_n + 1, sizeof(*sorted));
	enum zk_err r = ZK_OK;

	out->v = calloc(w->done_n + 1, sizeof(*out->v));
	if (sorted == NULL || out->v == NULL)
		r = ZK_ENOMEM;
	for (size_t i = 0; r == ZK_OK && i < w->done_n; i++)
		sorted[i] = &w->done[i];
	if (r == ZK_OK && w->done_n > 0)
		qsort(sorted, w->done_n, sizeof(*sorted), by_vertex);
	for (size_t i = 0; r == ZK_OK && i < w->done_n; i++) {
		const struct reached *x = &w->done[w->done_n - 1 - i];
		struct since_version *v = &out->v[out->n++];

		v->id = x->id;
		v->content = x->content;
		v->parents = calloc(x->down_n, sizeof(*v->parents));
		if (v->parents == NULL) {
			r = ZK_ENOMEM;
			break;
		}
		for (size_t k = 0; k < x->down_n; k++)
			if (index_of(w, sorted, x->down[k],
			    &v->parents[v->parents_n]))
				v->parents_n++;
	}
	free(sorted);
	return r;
}

enum zk_err
since_load(struct tree *t, const struct opid *ops, size_t n, size_t max,
    struct since *out)
{
	struct walk w = { .db = &t->db, .max = max };
	struct reached base = { 0 };
	struct cdb_op op;
	enum zk_err r = n == 0 ? ZK_ENOENT : ZK_OK;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; r == ZK_OK && i < n; i++) {
		r = w.db->impl->op_by_id(w.db->db, &ops[i], &op);
		if (r == ZK_OK && (op.regs & REG_CONTENT) == 0)
			r = ZK_ENOENT;
		if (r == ZK_OK)
			r = push(&w, op.vertex);
	}
	if (r == ZK_OK)
		r = descend(&w, &base);
	out->base = base.content;
	if (r == ZK_OK)
		r = fill_since(&w, out);
	for (size_t i = 0; i < w.done_n; i++)
		free(w.done[i].down);
	free(w.done);
	free(w.open);
	if (r != ZK_OK)
		since_release(out);
	return r;
}

void
since_release(struct since *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].parents);
	free(s->v);
	memset(s, 0, sizeof(*s));
}

enum zk_err
since_before(struct tree *t, const struct opid *op, struct opid *id,
    struct content *content)
{
	const struct cdb *db = &t->db;
	int64_t down[OP_REFS_MAX];
	size_t n = 0;
	struct cdb_op at, low;
	enum zk_err r = db->impl->op_by_id(db->db, op, &at);

	memset(id, 0, sizeof(*id));
	if (r == ZK_OK && (at.regs & REG_CONTENT) == 0)
		r = ZK_ENOENT;
	if (r == ZK_OK)
		r = db->impl->edges_down(db->db, at.vertex, down, OP_REFS_MAX,
		    &n);
	if (r == ZK_OK && n == 0)
		r = ZK_ENOENT;
	for (size_t i = 0; r == ZK_OK && i < n; i++) {
		r = vertex_low(db, down[i], &low);
		if (r != ZK_OK || opid_cmp(&low.id, id) < 0)
			continue;
		*id = low.id;
		*content = low.content;
	}
	return r;
}
