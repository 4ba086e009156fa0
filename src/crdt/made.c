#include "crdt/made.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/feed.h"

#define CONF_PAGE 16

/* Adds the entities of g that lose its name. */
static enum zk_err
add_losers(struct made *m, const struct group *g)
{
	for (size_t i = 1; i < g->ents_n; i++) {
		const struct group_ent *e = &g->ents[i];
		struct made_ent *to;

		if (m->n == m->cap) {
			size_t cap = m->cap == 0 ? 4 : m->cap * 2;
			struct made_ent *p = realloc(m->v, cap * sizeof(*p));

			if (p == NULL)
				return ZK_ENOMEM;
			m->v = p;
			m->cap = cap;
		}
		to = &m->v[m->n++];
		memset(to, 0, sizeof(*to));
		to->base = g->v[0].name;
		to->rep = g->v[e->rep].id;
		to->copy = e->copy;
		to->dir = g->v[e->rep].kind == NODE_DIR;
		group_stamp(g, e, &to->stamp);
	}
	return ZK_OK;
}

struct names {
	struct cdb_name *v;
	size_t n, cap;
};

static int
name_cmp(const void *a, const void *b)
{
	return cdb_name_cmp(a, b);
}

/* Names in a lone directory that have a conflict, each once. */
static enum zk_err
load_names(const struct cdb *db, int64_t dir, struct names *names)
{
	struct cdb_node *page = malloc(CONF_PAGE * sizeof(*page));
	size_t got = CONF_PAGE;
	int64_t after = 0;
	size_t k = 0;
	enum zk_err r = ZK_OK;

	if (page == NULL)
		return ZK_ENOMEM;
	while (r == ZK_OK && got == CONF_PAGE) {
		r = db->impl->conflicts(db->db, dir, after, page, CONF_PAGE,
		    &got);
		if (r == ZK_OK && names->n + got > names->cap) {
			size_t cap = (names->cap + CONF_PAGE) * 2;
			struct cdb_name *p = realloc(names->v,
			    cap * sizeof(*p));

			if (p == NULL)
				r = ZK_ENOMEM;
			else
				names->v = p;
			names->cap = p == NULL ? names->cap : cap;
		}
		for (size_t i = 0; r == ZK_OK && i < got; i++) {
			names->v[names->n++] = page[i].name;
			after = page[i].n;
		}
	}
	free(page);
	if (r != ZK_OK || names->n == 0)
		return r;
	qsort(names->v, names->n, sizeof(*names->v), name_cmp);
	for (size_t i = 0; i < names->n; i++)
		if (k == 0 || name_cmp(&names->v[k - 1], &names->v[i]) != 0)
			names->v[k++] = names->v[i];
	names->n = k;
	return ZK_OK;
}

static enum zk_err
load_lone(const struct cdb *db, const struct group_dirs *dirs,
    struct made *m)
{
	struct names names = { NULL, 0, 0 };
	struct group g;
	enum zk_err r;

	group_init(&g);
	r = load_names(db, dirs->v[0], &names);
	for (size_t i = 0; r == ZK_OK && i < names.n; i++) {
		r = group_load(&g, db, dirs, &names.v[i]);
		if (r == ZK_OK)
			r = add_losers(m, &g);
	}
	group_release(&g);
	free(names.v);
	return r;
}

/* Marks of conflicts know one node's children alone: look at them all. */
static enum zk_err
load_united(const struct cdb *db, const struct group_dirs *dirs,
    struct made *m)
{
	struct feed *f = NULL;
	struct group g;
	enum zk_err r;

	group_init(&g);
	r = feed_open(db, dirs, &f);
	while (r == ZK_OK) {
		r = feed_next(f, &g);
		if (r == ZK_OK)
			r = add_losers(m, &g);
	}
	feed_close(f);
	group_release(&g);
	return r == ZK_ENOENT ? ZK_OK : r;
}

static int
claim_cmp(const void *a, const void *b)
{
	const struct made_ent *x = a;
	const struct made_ent *y = b;
	int c = opid_cmp(&x->rep, &y->rep);

	return c != 0 ? c : opid_cmp(&x->stamp.id, &y->stamp.id);
}

static int
made_cmp(const void *a, const void *b)
{
	const struct made_ent *x = a;
	const struct made_ent *y = b;

	return cdb_name_cmp(&x->name, &y->name);
}

/* Whether a visible node of the directory has this very name. */
static enum zk_err
is_real(const struct cdb *db, const struct group_dirs *dirs,
    const struct cdb_name *name, bool *yes)
{
	struct cdb_node node;
	size_t got = 0;
	enum zk_err r = ZK_OK;

	for (size_t i = 0; r == ZK_OK && got == 0 && i < dirs->n; i++)
		r = db->impl->named(db->db, dirs->v[i], name, 0, &node, 1,
		    &got);
	*yes = got > 0;
	return r;
}

/* An open-addressed set of the names given so far: index + 1, 0 empty. */
struct given {
	size_t *slot;
	size_t mask;
};

static size_t *
given_slot(const struct given *s, const struct made *m,
    const struct cdb_name *name)
{
	uint64_t h = UINT64_C(14695981039346656037);
	size_t i;

	for (size_t k = 0; k < name->len; k++)
		h = (h ^ name->b[k]) * UINT64_C(1099511628211);
	i = (size_t)(h ^ h >> 32) & s->mask;
	while (s->slot[i] != 0 &&
	    cdb_name_cmp(&m->v[s->slot[i] - 1].name, name) != 0)
		i = (i + 1) & s->mask;
	return &s->slot[i];
}

/* Names in the order of (node, op); a taken one grows until it is free. */
static enum zk_err
give_names(const struct cdb *db, const struct group_dirs *dirs,
    struct made *m)
{
	struct given s = { NULL, 15 };
	enum zk_err r = ZK_OK;

	while (s.mask < m->n * 2)
		s.mask = s.mask * 2 + 1;
	s.slot = calloc(s.mask + 1, sizeof(*s.slot));
	if (s.slot == NULL)
		return ZK_ENOMEM;
	for (size_t i = 0; i < m->n && r == ZK_OK; i++) {
		struct made_ent *e = &m->v[i];
		size_t *slot = NULL;
		bool taken = true;

		for (unsigned a = 0; taken && r == ZK_OK; a++) {
			cname_make(&e->base, !e->dir, &e->stamp, a, &e->name);
			slot = given_slot(&s, m, &e->name);
			if (*slot == 0)
				r = is_real(db, dirs, &e->name, &taken);
		}
		if (r == ZK_OK)
			*slot = i + 1;
	}
	free(s.slot);
	return r;
}

enum zk_err
made_load(const struct cdb *db, const struct group_dirs *dirs,
    struct made *out)
{
	enum zk_err r;

	memset(out, 0, sizeof(*out));
	if (dirs->n == 1)
		r = load_lone(db, dirs, out);
	else
		r = load_united(db, dirs, out);
	if (r == ZK_OK && out->n > 0) {
		qsort(out->v, out->n, sizeof(*out->v), claim_cmp);
		r = give_names(db, dirs, out);
	}
	if (r == ZK_OK && out->n > 0)
		qsort(out->v, out->n, sizeof(*out->v), made_cmp);
	if (r != ZK_OK)
		made_release(out);
	return r;
}

void
made_release(struct made *m)
{
	free(m->v);
	memset(m, 0, sizeof(*m));
}

const struct group_ent *
made_ent_in(const struct made_ent *m, const struct group *g)
{
	for (size_t i = 0; i < g->ents_n; i++)
		if (g->ents[i].copy == m->copy &&
		    opid_cmp(&g->v[g->ents[i].rep].id, &m->rep) == 0)
			return &g->ents[i];
	return NULL;
}
