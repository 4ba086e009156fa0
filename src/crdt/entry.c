#include "crdt/entry.h"

#include <stdlib.h>
#include <string.h>

#define SEEN_MAX ((size_t)1 << 30)

void
entry_init(struct entry *en)
{
	memset(en, 0, sizeof(*en));
	buf_init(&en->seen, SEEN_MAX);
}

void
entry_release(struct entry *en)
{
	free(en->nodes);
	free(en->keys);
	buf_release(&en->seen);
	memset(en, 0, sizeof(*en));
}

static enum zk_err
add_node(struct entry *en, const struct cdb_node *node)
{
	if (en->e.nodes_n == en->nodes_cap) {
		size_t cap = en->nodes_cap == 0 ? 2 : en->nodes_cap * 2;
		struct opid *p = realloc(en->nodes, cap * sizeof(*p));
		int64_t *k;

		if (p == NULL)
			return ZK_ENOMEM;
		en->nodes = p;
		k = realloc(en->keys, cap * sizeof(*k));
		if (k == NULL)
			return ZK_ENOMEM;
		en->keys = k;
		en->nodes_cap = cap;
	}
	en->nodes[en->e.nodes_n] = node->id;
	en->keys[en->e.nodes_n++] = node->n;
	return ZK_OK;
}

static enum zk_err
see_op(void *arg, const struct cdb_op *op)
{
	struct seen_node *sn = arg;
	uint8_t what = 0;

	if ((op->heads & (REG_PLACE | REG_KEEP)) != 0)
		what |= SEEN_PLACE;
	if ((op->heads & REG_ATTR) != 0)
		what |= SEEN_ATTR;
	return what != 0 ? seen_ref(sn, &op->id, what) : ZK_OK;
}

enum zk_err
entry_see(const struct cdb *db, const struct cdb_node *node,
    struct seen_node *sn)
{
	struct cdb_op birth;
	enum zk_err r;

	cdb_birth(node, &birth);
	r = see_op(sn, &birth);
	if (r == ZK_OK && node->nops > 0)
		r = db->impl->heads(db->db, node->n, see_op, sn);
	return r;
}

/*
 * Heads of content: those of this file, those of files beside it.  What does
 * not show (dropped, split off) goes with the file at the name.
 */
static enum zk_err
see_heads(struct seen_node *sn, const struct heads *hs, size_t copy)
{
	enum zk_err r = ZK_OK;

	for (size_t i = 0; i < hs->n; i++) {
		const struct head *h = &hs->v[i];
		uint8_t what = h->shown ? SEEN_OTHER : 0;

		if (h->shown && h->group == copy)
			what = SEEN_CONTENT;
		else if (!h->shown && copy == 0)
			what = SEEN_CONTENT | SEEN_GONE;
		for (size_t k = 0; what != 0 && k < h->ops_n; k++) {
			r = seen_ref(sn, &h->ops[k], what);
			if (r != ZK_OK)
				return r;
		}
	}
	return r;
}

static enum zk_err
see_node(struct seen *s, const struct cdb *db, const struct cdb_node *node,
    const struct heads *hs, size_t copy)
{
	struct seen_node *sn;
	enum zk_err r;

	r = seen_add(s, &node->id, node->kind, copy > 0, &sn);
	if (r == ZK_OK)
		r = entry_see(db, node, sn);
	if (r == ZK_OK && node->kind != NODE_DIR && node->nops == 0)
		r = seen_ref(sn, &node->id, SEEN_CONTENT);
	if (r == ZK_OK && node->nops > 0)
		r = see_heads(sn, hs, copy);
	return r;
}

static enum zk_err
fill_nodes(struct entry *en, const struct cdb *db, const struct group *g,
    const struct group_ent *e)
{
	size_t at = g->ent_of[e->rep];
	struct seen s;
	enum zk_err r = ZK_OK;

	en->e.nodes_n = 0;
	buf_reset(&en->seen);
	if (g->n == 1 && g->v[0].nops == 0) {
		r = add_node(en, &g->v[0]);
		return r != ZK_OK ? r :
		    seen_born(&g->v[0].id, g->v[0].kind, &en->seen);
	}
	seen_init(&s);
	for (size_t i = 0; i < g->n && r == ZK_OK; i++) {
		if (e->copy > 0 ? i != e->rep : g->ent_of[i] != at)
			continue;
		r = add_node(en, &g->v[i]);
		if (r == ZK_OK)
			r = see_node(&s, db, &g->v[i], &g->heads[i], e->copy);
	}
	if (r == ZK_OK)
		r = seen_encode(&s, &en->seen);
	seen_release(&s);
	return r;
}

static void
fill_content(struct list_entry *e, const struct cdb_node *node,
    const struct head *h)
{
	const struct cdb_op *op;

	e->content = node->content;
	e->wall_ms = node->wall_ms;
	memcpy(e->device, node->device, sizeof(e->device));
	/* there it tells where the op is, not where content is */
	if (node->kind == NODE_DIR)
		e->content.locator = 0;
	if (h == NULL)
		return;
	op = &h->low;
	e->content = op->content;
	e->wall_ms = op->wall_ms;
	memcpy(e->device, op->device, sizeof(e->device));
	if ((e->flags & LIST_COPY) == 0)
		return;
	if (op->has_mode)
		e->mode = op->mode;
	if (op->has_mtime) {
		e->has_mtime = true;
		e->mtime_sec = op->mtime_sec;
		e->mtime_nsec = op->mtime_nsec;
	}
}

enum zk_err
entry_fill(struct entry *en, const struct cdb *db, const struct group *g,
    const struct group_ent *e, const struct cdb_name *name, bool made)
{
	const struct cdb_node *node = &g->v[e->rep];
	struct list_entry *out = &en->e;
	struct cname_stamp stamp;
	enum zk_err r;

	memset(out, 0, sizeof(*out));
	r = fill_nodes(en, db, g, e);
	if (r != ZK_OK)
		return r;
	en->name = *name;
	out->name = en->name.b;
	out->name_len = en->name.len;
	out->kind = node->kind;
	out->flags = (uint8_t)((made ? LIST_MADE_NAME : 0) |
	    (e->copy > 0 ? LIST_COPY : 0) |
	    (out->nodes_n > 1 ? LIST_UNITED : 0));
	out->has_mode = node->has_mode;
	out->has_mtime = node->has_mtime;
	out->mode = node->mode;
	out->mtime_sec = node->mtime_sec;
	out->mtime_nsec = node->mtime_nsec;
	fill_content(out, node, heads_of_group(&g->heads[e->rep], e->copy));
	out->key = node->id;
	if (e->copy > 0) {
		group_stamp(g, e, &stamp);
		out->key = stamp.id;
	}
	out->nodes = en->nodes;
	out->seen = en->seen.data;
	out->seen_len = en->seen.len;
	return ZK_OK;
}
