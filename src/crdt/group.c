#include "crdt/group.h"

#include <stdlib.h>
#include <string.h>

#define NAMED_PAGE 8

void
group_init(struct group *g)
{
	memset(g, 0, sizeof(*g));
}

void
group_reset(struct group *g)
{
	for (size_t i = 0; g->heads != NULL && i < g->n; i++)
		heads_release(&g->heads[i]);
	free(g->heads);
	free(g->ent_of);
	g->heads = NULL;
	g->ent_of = NULL;
	g->n = 0;
	g->ents_n = 0;
}

void
group_release(struct group *g)
{
	group_reset(g);
	free(g->v);
	free(g->ents);
	group_init(g);
}

enum zk_err
group_add(struct group *g, const struct cdb_node *node)
{
	size_t i = g->n;

	if (g->n == g->cap) {
		size_t cap = g->cap == 0 ? 2 : g->cap * 2;
		struct cdb_node *p = realloc(g->v, cap * sizeof(*p));

		if (p == NULL)
			return ZK_ENOMEM;
		g->v = p;
		g->cap = cap;
	}
	while (i > 0 && opid_cmp(&g->v[i - 1].id, &node->id) > 0)
		i--;
	memmove(&g->v[i + 1], &g->v[i], (g->n - i) * sizeof(*g->v));
	g->v[i] = *node;
	g->n++;
	return ZK_OK;
}

static enum zk_err
add_ent(struct group *g, size_t rep, size_t copy)
{
	if (g->ents_n == g->ents_cap) {
		size_t cap = g->ents_cap == 0 ? 2 : g->ents_cap * 2;
		struct group_ent *p = realloc(g->ents, cap * sizeof(*p));

		if (p == NULL)
			return ZK_ENOMEM;
		g->ents = p;
		g->ents_cap = cap;
	}
	g->ents[g->ents_n].rep = rep;
	g->ents[g->ents_n].copy = copy;
	g->ents_n++;
	return ZK_OK;
}

/* The bytes that node i shows at the name. */
static const struct content *
main_content(const struct group *g, size_t i)
{
	const struct head *h = heads_of_group(&g->heads[i], 0);

	return h != NULL ? &h->low.content : &g->v[i].content;
}

static bool
unite(const struct group *g, size_t a, size_t b)
{
	const struct content *x, *y;

	if (g->v[a].kind != g->v[b].kind)
		return false;
	if (g->v[a].kind == NODE_DIR)
		return true;
	x = main_content(g, a);
	y = main_content(g, b);
	return x->size == y->size &&
	    memcmp(x->hash, y->hash, CONTENT_HASH_LEN) == 0;
}

/* Entities of whole nodes, oldest first, then those of copies. */
static enum zk_err
make_ents(struct group *g)
{
	enum zk_err r = ZK_OK;

	for (size_t i = 0; i < g->n; i++) {
		size_t e = 0;

		while (e < g->ents_n && !unite(g, g->ents[e].rep, i))
			e++;
		if (e == g->ents_n)
			r = add_ent(g, i, 0);
		if (r != ZK_OK)
			return r;
		g->ent_of[i] = e;
	}
	for (size_t i = 0; i < g->n; i++) {
		for (size_t c = 1; c < g->heads[i].groups; c++) {
			r = add_ent(g, i, c);
			if (r != ZK_OK)
				return r;
		}
	}
	return ZK_OK;
}

enum zk_err
group_resolve(struct group *g, const struct cdb *db)
{
	if (g->n == 0)
		return ZK_OK;
	g->heads = calloc(g->n, sizeof(*g->heads));
	g->ent_of = calloc(g->n, sizeof(*g->ent_of));
	if (g->heads == NULL || g->ent_of == NULL)
		return ZK_ENOMEM;
	for (size_t i = 0; i < g->n; i++) {
		enum zk_err r;

		if (g->v[i].kind == NODE_DIR || g->v[i].nops == 0)
			continue;
		r = heads_load(db, &g->v[i], &g->heads[i]);
		if (r != ZK_OK)
			return r;
	}
	return make_ents(g);
}

static enum zk_err
load_from(struct group *g, const struct cdb *db, int64_t dir,
    const struct cdb_name *name)
{
	struct cdb_node *page = malloc(NAMED_PAGE * sizeof(*page));
	size_t got = NAMED_PAGE;
	int64_t after = 0;
	enum zk_err r = ZK_OK;

	if (page == NULL)
		return ZK_ENOMEM;
	while (r == ZK_OK && got == NAMED_PAGE) {
		r = db->impl->named(db->db, dir, name, after, page,
		    NAMED_PAGE, &got);
		for (size_t i = 0; r == ZK_OK && i < got; i++) {
			r = group_add(g, &page[i]);
			after = page[i].n;
		}
	}
	free(page);
	return r;
}

enum zk_err
group_load(struct group *g, const struct cdb *db,
    const struct group_dirs *dirs, const struct cdb_name *name)
{
	enum zk_err r = ZK_OK;

	group_reset(g);
	for (size_t i = 0; r == ZK_OK && i < dirs->n; i++)
		r = load_from(g, db, dirs->v[i], name);
	return r == ZK_OK ? group_resolve(g, db) : r;
}

void
group_stamp(const struct group *g, const struct group_ent *e,
    struct cname_stamp *out)
{
	const struct cdb_node *node = &g->v[e->rep];
	const struct cdb_op *first = NULL;
	const struct heads *hs = &g->heads[e->rep];

	for (size_t i = 0; e->copy > 0 && i < hs->n; i++) {
		const struct head *h = &hs->v[i];

		if (!h->shown || h->group != e->copy)
			continue;
		if (first == NULL || opid_cmp(&h->first.id, &first->id) < 0)
			first = &h->first;
	}
	out->id = first != NULL ? first->id : node->id;
	out->wall_ms = first != NULL ? first->wall_ms : node->wall_ms;
	memcpy(out->device, first != NULL ? first->device : node->device,
	    sizeof(out->device));
}
