/*
 * 100,000 random histories: any order, batching and duplicates give one
 * state (I9, I10, I11), and that state is a tree in which nothing is lost
 * (I1, I12).
 */
#include "../sim/replicas.h"
#include "test.h"

#define SEEDS_A_CASE 25000

static struct sim sim;

/* What walking the tree finds. */
struct found {
	struct opid keys[1024];
	size_t keys_n;
	uint8_t hashes[1024][CONTENT_HASH_LEN];
	size_t hashes_n;
	bool names_ok;
};

static struct found found;

static void
walk(struct tree *t, const struct opid *dirs, size_t n, struct found *f)
{
	const struct list_entry *e;
	struct cdb_name last = { .len = 0 };
	struct list *l;
	enum zk_err r;

	MUST(list_open(t, dirs, n, &l));
	while ((void)(r = list_next(l, &e)), r == ZK_OK) {
		struct cdb_name name = { .len = (uint8_t)e->name_len };

		memcpy(name.b, e->name, e->name_len);
		f->names_ok &= last.len == 0 || cdb_name_cmp(&last, &name) < 0;
		last = name;
		f->keys[f->keys_n++] = e->key;
		for (size_t i = 1; i < e->nodes_n; i++)
			f->keys[f->keys_n++] = e->nodes[i];
		if (e->kind != NODE_DIR)
			memcpy(f->hashes[f->hashes_n++], e->content.hash,
			    CONTENT_HASH_LEN);
		else
			walk(t, e->nodes, e->nodes_n, f);
	}
	list_close(l);
}

static int
id_cmp(const void *a, const void *b)
{
	return opid_cmp(a, b);
}

/* Names unique in each directory, nodes in one place, no cycle. */
static bool
is_tree(struct tree *t)
{
	found.keys_n = 0;
	found.hashes_n = 0;
	found.names_ok = true;
	walk(t, NULL, 0, &found);
	qsort(found.keys, found.keys_n, sizeof(found.keys[0]), id_cmp);
	for (size_t i = 1; i < found.keys_n; i++)
		if (opid_cmp(&found.keys[i - 1], &found.keys[i]) == 0)
			return false;
	return found.names_ok;
}

static bool
names_it(const struct op *op, const struct opid *id)
{
	if (op->type != OP_EDIT && op->type != OP_DROP &&
	    op->type != OP_REMOVE)
		return false;
	for (size_t i = 0; i < op->content_refs_n; i++)
		if (opid_cmp(&op->content_refs[i], id) == 0)
			return true;
	for (size_t i = 0; i < op->place_refs_n; i++)
		if (opid_cmp(&op->place_refs[i], id) == 0)
			return true;
	return false;
}

/* Whether an op replaced, dropped or removed these bytes of this node. */
static bool
given_up(const struct sim *s, const struct opid *node, const struct op *of,
    const struct opid *id)
{
	for (size_t i = 0; i < s->ops_n; i++) {
		const struct op *op = &s->ops[i].op;

		if (names_it(op, id))
			return true;
		/* the same bytes on the same node, written by another */
		if (op == of || op->type != OP_EDIT ||
		    opid_cmp(&op->node, node) != 0 ||
		    memcmp(op->content.hash, of->content.hash,
		    CONTENT_HASH_LEN) != 0)
			continue;
		for (size_t k = 0; k < s->ops_n; k++)
			if (names_it(&s->ops[k].op, &op->id))
				return true;
	}
	return false;
}

static bool
shows(const uint8_t *hash)
{
	for (size_t i = 0; i < found.hashes_n; i++)
		if (memcmp(found.hashes[i], hash, CONTENT_HASH_LEN) == 0)
			return true;
	return false;
}

/* Content that nobody replaced or removed after seeing it is there. */
static bool
nothing_lost(const struct sim *s)
{
	for (size_t i = 0; i < s->ops_n; i++) {
		const struct op *op = &s->ops[i].op;
		struct opid node;

		if (op->content.form == CONTENT_NONE ||
		    given_up(s, &op->node, op, &op->id) ||
		    shows(op->content.hash))
			continue;
		/* split off, and given up as a node of its own */
		sim_split_id(&op->id, &node);
		if (!given_up(s, &node, op, &node))
			return false;
	}
	return true;
}

static bool
same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static bool
run_seed(uint64_t seed, struct buf *a, struct buf *b)
{
	struct sim_replica *late = &sim.r[SIM_LOGS - 1];
	size_t replicas = 2 + seed % 3;
	bool ok;

	sim_open(&sim, seed * 7919 + 1, replicas);
	sim.contents = seed % 2 == 0 ? 3 : 0;
	sim_run(&sim, 20 + seed % 21);
	sim_dump(&sim, sim.r[0].tree, a);
	ok = is_tree(sim.r[0].tree) && nothing_lost(&sim);
	if (!ok)
		printf("# seed %llu: not a tree, or content lost\n",
		    (unsigned long long)seed);
	for (size_t i = 1; i < replicas && ok; i++) {
		sim_dump(&sim, sim.r[i].tree, b);
		ok = same(a, b);
	}
	sim_join(&sim, late, SIM_LOGS);
	sim_fetch(late, sim.log_n, SIM_OPS);
	sim_dump(&sim, late->tree, b);
	if (ok && !same(a, b))
		printf("# seed %llu: states differ\n",
		    (unsigned long long)seed);
	ok = ok && same(a, b);
	sim_leave(late);
	sim_close(&sim);
	return ok;
}

static void
run_seeds(uint64_t from)
{
	struct buf a, b;
	int bad = 0;

	buf_init(&a, SIM_DUMP);
	buf_init(&b, SIM_DUMP);
	for (uint64_t seed = from; seed < from + SEEDS_A_CASE; seed++)
		bad += !run_seed(seed, &a, &b);
	CHECK(bad == 0);
	buf_release(&a);
	buf_release(&b);
}

static void
test_0(void)
{
	run_seeds(0);
}

static void
test_1(void)
{
	run_seeds(SEEDS_A_CASE);
}

static void
test_2(void)
{
	run_seeds(2 * SEEDS_A_CASE);
}

static void
test_3(void)
{
	run_seeds(3 * SEEDS_A_CASE);
}

TESTS(
    { "histories_0", test_0 },
    { "histories_1", test_1 },
    { "histories_2", test_2 },
    { "histories_3", test_3 },
)
