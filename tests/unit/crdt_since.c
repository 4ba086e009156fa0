/*
 * The last common version and what is since, against its definition on random
 * graphs of versions.
 */
#include <stdlib.h>

#include "crdt/memdb.h"
#include "crdt/since.h"
#include "crdt/tree.h"
#include "store/treedb.h"
#include "test.h"

#define VERSIONS 24
#define GRAPHS 400

static uint64_t dice_state;

static unsigned
dice(unsigned n)
{
	dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(dice_state >> 33) % n;
}

/* The graph: version 0 is the birth; parents of the others as bits. */
struct graph {
	struct memdb *db;
	struct tree *tree;
	struct opid id[VERSIONS];
	uint32_t parents[VERSIONS], past[VERSIONS]; /* past: with itself */
	size_t n;
};

static struct opid
id_at(size_t i)
{
	struct opid id;

	memset(&id, 0, sizeof(id));
	id.b[5] = (uint8_t)(i + 1);
	id.b[12] = (uint8_t)dice(256);
	return id;
}

static bool
put(struct graph *g, struct op *op)
{
	bool good = tree_begin(g->tree) == ZK_OK;

	good = good && tree_apply(g->tree, op) == ZK_OK;
	return tree_end(g->tree) == ZK_OK && good;
}

/* The next version, in place of those in the set. */
static bool
add(struct graph *g, uint32_t parents)
{
	struct opid refs[VERSIONS];
	struct op op = { .type = OP_EDIT, .kind = NODE_FILE, .node = g->id[0],
		.content_refs = refs, .id = id_at(g->n) };
	size_t i = g->n++;

	if (i == 0) {
		op = (struct op){ .type = OP_CREATE, .kind = NODE_FILE,
			.id = op.id, .name = (const uint8_t *)"f",
			.name_len = 1 };
		op.node = op.id;
	}
	op.content.form = CONTENT_INLINE;
	op.content.merge = i == 0 ? MERGE_COPY : MERGE_TEXT;
	op.content.size = i;	/* each its own */
	op.content.locator = i;
	g->id[i] = op.id;
	g->parents[i] = parents;
	g->past[i] = 1u << i;
	for (size_t k = 0; k < i; k++)
		if ((parents >> k & 1) != 0) {
			refs[op.content_refs_n++] = g->id[k];
			g->past[i] |= g->past[k];
		}
	return put(g, &op);
}

/* Nothing is split off here. */
static void
no_split(const struct opid *head, struct opid *out)
{
	*out = *head;
}

static bool
begin(struct graph *g)
{
	memset(g, 0, sizeof(*g));
	return memdb_new(no_split, &g->db) == ZK_OK &&
	    tree_new(memdb_cdb(g->db), &g->tree) == ZK_OK && add(g, 0);
}

static void
end(struct graph *g)
{
	tree_free(g->tree);
	memdb_free(g->db);
}

/* Whether every way down from the versions in the set leads through x. */
static bool
all_through(const struct graph *g, uint32_t set, size_t x)
{
	uint32_t open = set, met = 0;

	for (size_t i = g->n; i-- > 0;) {
		if ((open >> i & 1) == 0)
			continue;
		met |= 1u << i;
		if (i != x)
			open |= g->parents[i];
	}
	/* the birth is below all, so not to meet x is to pass it by */
	return (met >> x & 1) != 0 && (x == 0 || (met & 1) == 0);
}

/* since_load of the set is what the words say. */
static bool
check_set(const struct graph *g, uint32_t set)
{
	struct opid heads[VERSIONS];
	size_t n = 0, base = g->n;
	uint32_t want = 0, left = 0;
	struct since s;
	bool good = true;

	for (size_t i = 0; i < g->n; i++)
		if ((set >> i & 1) != 0) {
			heads[n++] = g->id[i];
			want |= g->past[i];
		}
	while (base-- > 0)
		if (all_through(g, set, base))
			break;
	want &= ~g->past[base];
	left = want;
	if (since_load(g->tree, heads, n, VERSIONS, &s) != ZK_OK)
		return false;
	good = s.base.size == base;
	for (size_t i = 0, k = 0; good && i < g->n; i++) {
		uint32_t parents = 0;

		if ((want >> i & 1) == 0)
			continue;
		left &= ~(1u << i);
		good = k < s.n && s.v[k].content.locator == i &&
		    opid_cmp(&s.v[k].id, &g->id[i]) == 0;
		for (size_t p = 0; good && p < s.v[k].parents_n; p++) {
			good = s.v[k].parents[p] < k;
			if (good)
				parents |= 1u << s.v[s.v[k].parents[p]].content
				    .locator;
		}
		good = good && parents == (g->parents[i] & want);
		k++;
		good = good && (left != 0 || k == s.n);
	}
	good = good && (want != 0 || s.n == 0);
	since_release(&s);
	return good;
}

/* since_before of each version is the last of those that it replaces. */
static bool
check_before(const struct graph *g)
{
	struct opid id;
	struct content c;
	bool good = since_before(g->tree, &g->id[0], &id, &c) == ZK_ENOENT;

	for (size_t i = 1; good && i < g->n; i++) {
		size_t last = i;

		while ((g->parents[i] >> --last & 1) == 0)
			continue;
		good = since_before(g->tree, &g->id[i], &id, &c) == ZK_OK &&
		    opid_cmp(&id, &g->id[last]) == 0 && c.locator == last;
	}
	return good;
}

/* A random graph, and random sets of versions none of which is in another. */
static bool
one_graph(void)
{
	struct graph g;
	bool good = begin(&g);

	while (good && g.n < VERSIONS) {
		uint32_t parents = 1u << dice((unsigned)g.n);

		while (dice(3) == 0)
			parents |= 1u << (g.n - 1 - dice(g.n < 4 ? 1 : 4));
		/* an op names what its author saw: heads, not their past */
		for (size_t i = 0; i < g.n; i++)
			if ((parents >> i & 1) != 0)
				parents &= ~(g.past[i] & ~(1u << i));
		good = add(&g, parents);
	}
	for (int k = 0; good && k < 40; k++) {
		uint32_t set = 0;

		for (unsigned i = 1 + dice(4); i > 0; i--)
			set |= 1u << dice(VERSIONS);
		for (size_t i = 0; i < g.n; i++)
			if ((set >> i & 1) != 0)
				set &= ~(g.past[i] & ~(1u << i));
		good = check_set(&g, set);
	}
	good = good && check_before(&g);
	end(&g);
	return good;
}

static void
test_random(void)
{
	for (unsigned i = 0; i < GRAPHS; i++) {
		dice_state = i;
		NEED(one_graph());
	}
}

static void
test_bounds(void)
{
	struct graph g;
	struct since s;
	struct opid no = id_at(200);

	NEED(begin(&g));
	CHECK(add(&g, 1) && add(&g, 1));
	CHECK(since_load(g.tree, g.id + 1, 2, 1, &s) == ZK_ELIMIT);
	CHECK(since_load(g.tree, &no, 1, 9, &s) == ZK_ENOENT);
	CHECK(since_load(g.tree, g.id, 0, 9, &s) == ZK_ENOENT);
	CHECK(since_load(g.tree, g.id + 1, 2, 2, &s) == ZK_OK);
	CHECK(s.n == 2 && s.base.size == 0 && s.v[0].parents_n == 0);
	since_release(&s);
	end(&g);
}

/* Version k of layer number `layer`, the first of which replaces the birth. */
static struct opid
layer_id(size_t layer, size_t k)
{
	struct opid id;

	memset(&id, 0, sizeof(id));
	id.b[5] = (uint8_t)(layer + 2);
	id.b[12] = (uint8_t)k;
	return id;
}

/* Each of n versions replaces all of the layer before. */
static bool
add_layer(struct graph *g, size_t layer, size_t n)
{
	static struct opid refs[OP_REFS_MAX];
	bool good = tree_begin(g->tree) == ZK_OK;

	for (size_t k = 0; k < OP_REFS_MAX; k++)
		refs[k] = layer == 0 ? g->id[0] : layer_id(layer - 1, k);
	for (size_t k = 0; good && k < n; k++) {
		struct op op = { .type = OP_EDIT, .kind = NODE_FILE,
			.node = g->id[0], .content_refs = refs,
			.content_refs_n = layer == 0 ? 1 : OP_REFS_MAX,
			.id = layer_id(layer, k) };

		op.content.form = CONTENT_INLINE;
		op.content.merge = MERGE_TEXT;
		/* each its own */
		op.content.size = op.content.locator = layer * n + k + 1;
		good = tree_apply(g->tree, &op) == ZK_OK;
	}
	return tree_end(g->tree) == ZK_OK && good;
}

/*
 * Few versions that replace very many.  Of three layers of 256 the first
 * replaces 256 and each other one 65536.
 */
static void
test_links(void)
{
	enum { LAYERS = 3, FIT = 255 };	/* 256 + 65536 + 255 * 256 */
	static struct opid heads[OP_REFS_MAX];
	struct graph g = { .n = 0 };
	struct treedb *td;
	struct db *db;
	struct since s;

	/* a memdb would look through all of them for each */
	NEED(treedb_scratch(&db) == ZK_OK && treedb_new(db, &td) == ZK_OK);
	g.tree = treedb_tree(td);
	NEED(db_begin(db) == ZK_OK && add(&g, 0));
	for (size_t i = 0; i < LAYERS; i++)
		NEED(add_layer(&g, i, OP_REFS_MAX));
	for (size_t k = 0; k < OP_REFS_MAX; k++)
		heads[k] = layer_id(LAYERS - 1, k);
	CHECK(since_load(g.tree, heads, FIT, 65536, &s) == ZK_OK);
	CHECK(s.n == (LAYERS - 1) * OP_REFS_MAX + FIT);
	since_release(&s);
	CHECK(since_load(g.tree, heads, FIT + 1, 65536, &s) == ZK_ELIMIT);
	CHECK(s.n == 0);
	CHECK(db_commit(db) == ZK_OK);
	treedb_free(td);
	db_close(db);
}

/* What shows as several files, and whether it says that it merges. */
static void
test_diverged(void)
{
	struct graph g;
	struct diverged d;
	int64_t after = 0;

	NEED(begin(&g));
	CHECK(add(&g, 1));
	CHECK(diverged_next(g.tree, &after, &d) == ZK_ENOENT);
	CHECK(add(&g, 1));
	NEED(diverged_next(g.tree, &after, &d) == ZK_OK);
	CHECK(d.n == 2 && d.merge == MERGE_TEXT);
	CHECK(opid_cmp(&d.node, &g.id[0]) == 0);
	CHECK(opid_cmp(&d.heads[0], &g.id[1]) == 0);
	CHECK(opid_cmp(&d.heads[1], &g.id[2]) == 0);
	CHECK(d.texts_n == 2 && opid_cmp(&d.texts[1], &g.id[2]) == 0);
	diverged_release(&d);
	CHECK(diverged_next(g.tree, &after, &d) == ZK_ENOENT);
	CHECK(add(&g, 6));
	after = 0;
	CHECK(diverged_next(g.tree, &after, &d) == ZK_ENOENT);
	end(&g);
}

static const struct test_case cases[] = {
	{ "random", test_random },
	{ "bounds", test_bounds },
	{ "links", test_links },
	{ "diverged", test_diverged },
};

int
main(int argc, char **argv)
{
	return test_main(cases, sizeof(cases) / sizeof(*cases), argc, argv);
}
