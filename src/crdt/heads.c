#include "crdt/heads.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/vertex.h"

static enum zk_err
head_op(struct head *h, const struct cdb_op *op)
{
	unsigned gone = op->flags & (CDB_COVERED | CDB_DROPPED);
	size_t i = h->ops_n;

	if (h->ops_n == h->ops_cap) {
		size_t cap = h->ops_cap == 0 ? 2 : h->ops_cap * 2;
		struct opid *p = realloc(h->ops, cap * sizeof(*p));

		if (p == NULL)
			return ZK_ENOMEM;
		h->ops = p;
		h->ops_cap = cap;
	}
	while (i > 0 && opid_cmp(&h->ops[i - 1], &op->id) > 0) {
		h->ops[i] = h->ops[i - 1];
		i--;
	}
	h->ops[i] = op->id;
	h->ops_n++;
	if (i == 0)
		h->low = *op;
	h->removed &= gone == CDB_COVERED;
	h->dropped &= gone != 0;
	h->split |= (op->flags & CDB_SPLIT) != 0;
	return ZK_OK;
}

/* A place, keep or change of mode that no remove has seen. */
static bool
keeps_whole(const struct cdb_op *op)
{
	if ((op->flags & (CDB_COVERED | CDB_DROPPED)) != 0)
		return false;
	return (op->heads & (REG_PLACE | REG_KEEP)) != 0 ||
	    ((op->heads & REG_ATTR) != 0 && (op->regs & REG_CONTENT) == 0);
}

static enum zk_err
add_op(void *arg, const struct cdb_op *op)
{
	struct heads *hs = arg;
	struct head *h;

	hs->whole |= keeps_whole(op);
	if ((op->heads & REG_CONTENT) == 0)
		return ZK_OK;
	for (size_t i = 0; i < hs->n; i++)
		if (hs->v[i].vertex == op->vertex)
			return head_op(&hs->v[i], op);
	if (hs->n == hs->cap) {
		size_t cap = hs->cap == 0 ? 2 : hs->cap * 2;
		struct head *p = realloc(hs->v, cap * sizeof(*p));

		if (p == NULL)
			return ZK_ENOMEM;
		hs->v = p;
		hs->cap = cap;
	}
	h = &hs->v[hs->n++];
	memset(h, 0, sizeof(*h));
	h->vertex = op->vertex;
	h->removed = true;
	h->dropped = true;
	return head_op(h, op);
}

/* A level of zk-merge(7), VERSIONS step 4: what shows under it. */
static size_t
show_level(struct heads *hs, int level)
{
	size_t n = 0;

	for (size_t i = 0; i < hs->n; i++) {
		struct head *h = &hs->v[i];
		bool back = h->removed && (level == 2 || hs->whole);

		h->shown = level == 3 ||
		    (!h->split && (!h->dropped || back));
		n += h->shown;
	}
	return n;
}

static void
choose_shown(struct heads *hs)
{
	bool split = false;

	for (size_t i = 0; i < hs->n; i++)
		split |= hs->v[i].split;
	if (show_level(hs, 1) > 0 || show_level(hs, 2) > 0 || split)
		return;
	show_level(hs, 3);
}

static bool
same_bytes(const struct head *a, const struct head *b)
{
	return a->low.content.size == b->low.content.size &&
	    memcmp(a->low.content.hash, b->low.content.hash,
	    CONTENT_HASH_LEN) == 0;
}

/* Numbers groups by first appearance; h->group of hidden heads is no use. */
static void
number_groups(struct heads *hs)
{
	hs->groups = 0;
	for (size_t i = 0; i < hs->n; i++) {
		size_t j = 0;

		if (!hs->v[i].shown)
			continue;
		while (!hs->v[j].shown || !same_bytes(&hs->v[j], &hs->v[i]))
			j++;
		hs->v[i].group = j == i ? hs->groups++ : hs->v[j].group;
	}
}

struct walk {
	int64_t *v;
	size_t n, cap;
};

static enum zk_err
walk_push(struct walk *w, int64_t v)
{
	if (w->n == w->cap) {
		size_t cap = w->cap == 0 ? 16 : w->cap * 2;
		int64_t *p = realloc(w->v, cap * sizeof(*p));

		if (p == NULL)
			return ZK_ENOMEM;
		w->v = p;
		w->cap = cap;
	}
	w->v[w->n++] = v;
	return ZK_OK;
}

/* Pushes what v replaces and nothing else does: what v goes on from. */
static enum zk_err
push_continued(const struct cdb *db, struct walk *w, int64_t v)
{
	int64_t down[OP_REFS_MAX];
	size_t n;
	enum zk_err r;

	r = db->impl->edges_down(db->db, v, down, OP_REFS_MAX, &n);
	for (size_t i = 0; r == ZK_OK && i < n; i++) {
		int64_t up;

		r = db->impl->edge_next(db->db, down[i], INT64_MIN, &up);
		if (r == ZK_OK)
			r = db->impl->edge_next(db->db, down[i], up, &up);
		if (r == ZK_ENOENT)
			r = walk_push(w, down[i]);
	}
	return r;
}

/*
 * The branch of a head is the versions from which it alone goes on; its
 * first op is the lowest where none is before.  No version is in the
 * branches of two heads, so no two have one first op.
 */
static enum zk_err
find_first(const struct cdb *db, struct head *h)
{
	struct walk w = { NULL, 0, 0 };
	bool any = false;
	enum zk_err r;

	r = walk_push(&w, h->vertex);
	while (r == ZK_OK && w.n > 0) {
		int64_t v = w.v[--w.n];
		size_t before = w.n;
		struct cdb_op low;

		r = push_continued(db, &w, v);
		if (r != ZK_OK || w.n > before)
			continue;
		r = vertex_low(db, v, &low);
		if (!any || opid_cmp(&low.id, &h->first.id) < 0)
			h->first = low;
		any = true;
	}
	free(w.v);
	return r;
}

static int
first_cmp(const void *a, const void *b)
{
	const struct head *x = a;
	const struct head *y = b;
	int c = opid_cmp(&x->first.id, &y->first.id);

	return c != 0 ? c : opid_cmp(&x->low.id, &y->low.id);
}

static int
low_cmp(const void *a, const void *b)
{
	const struct head *x = a;
	const struct head *y = b;

	return opid_cmp(&x->low.id, &y->low.id);
}

static enum zk_err
collect(const struct cdb *db, const struct cdb_node *node, struct heads *hs)
{
	struct cdb_op birth;
	enum zk_err r;

	memset(hs, 0, sizeof(*hs));
	cdb_birth(node, &birth);
	r = add_op(hs, &birth);
	if (r == ZK_OK && node->nops > 0)
		r = db->impl->heads(db->db, node->n, add_op, hs);
	if (r == ZK_OK)
		choose_shown(hs);
	return r;
}

enum zk_err
heads_load(const struct cdb *db, const struct cdb_node *node,
    struct heads *out)
{
	enum zk_err r;

	r = collect(db, node, out);
	if (r != ZK_OK)
		goto out;
	qsort(out->v, out->n, sizeof(*out->v), low_cmp);
	number_groups(out);
	if (out->groups > 1) {
		for (size_t i = 0; i < out->n && r == ZK_OK; i++)
			r = find_first(db, &out->v[i]);
		if (r != ZK_OK)
			goto out;
		qsort(out->v, out->n, sizeof(*out->v), first_cmp);
		number_groups(out);
	}
out:
	if (r != ZK_OK)
		heads_release(out);
	return r;
}

void
heads_release(struct heads *h)
{
	for (size_t i = 0; i < h->n; i++)
		free(h->v[i].ops);
	free(h->v);
	memset(h, 0, sizeof(*h));
}

enum zk_err
heads_count(const struct cdb *db, const struct cdb_node *node, size_t *shown)
{
	struct heads hs;
	enum zk_err r;

	*shown = 0;
	r = collect(db, node, &hs);
	if (r == ZK_OK) {
		number_groups(&hs);
		*shown = hs.groups;
	}
	heads_release(&hs);
	return r;
}

const struct head *
heads_of_group(const struct heads *h, size_t group)
{
	const struct head *best = NULL;

	for (size_t i = 0; i < h->n; i++) {
		const struct head *v = &h->v[i];

		if (!v->shown || v->group != group)
			continue;
		if (best == NULL || opid_cmp(&v->low.id, &best->low.id) < 0)
			best = v;
	}
	return best;
}
