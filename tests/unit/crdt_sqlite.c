/*
 * The merge over SQLite: the same states as over memory, rolled back batches
 * leave nothing, and a rate that a first push of many files can live with.
 */
#include <time.h>

#include "../sim/replicas.h"
#include "store/treedb.h"
#include "test.h"

#define SEEDS 3000

static struct sim sim;

static struct db *
new_db(void)
{
	struct db *db;

	MUST(db_open(":memory:", DB_CREATE, &db));
	MUST(db_exec(db, treedb_schema));
	return db;
}

static bool
same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* A replica over the database instead of memory. */
static void
join_db(struct sim_replica *r, struct treedb *td)
{
	memset(r, 0, sizeof(*r));
	r->sim = &sim;
	r->log = SIM_LOGS;
	r->tree = treedb_tree(td);
}

/* In two halves, as two runs of the program would. */
static void
fetch_all(struct db *db, struct buf *dump)
{
	static struct sim_replica r;
	struct treedb *td;

	MUST(treedb_new(db, &td));
	join_db(&r, td);
	sim_fetch(&r, sim.log_n, sim.ops_n / 2);
	treedb_free(td);
	MUST(treedb_new(db, &td));
	r.tree = treedb_tree(td);
	sim_fetch(&r, sim.log_n, SIM_OPS);
	sim_dump(&sim, r.tree, dump);
	treedb_free(td);
}

static bool
run_seed(uint64_t seed, struct db *db, struct treedb *td, struct buf *a,
    struct buf *b)
{
	static struct sim_replica r;
	bool ok;

	sim_open(&sim, seed * 104729 + 5, 2 + seed % 3);
	sim.contents = 3;
	sim.forge = seed % 2 == 1;
	sim_run(&sim, 20 + seed % 41);
	sim_dump(&sim, sim.r[0].tree, a);
	MUST(db_begin(db));
	join_db(&r, td);
	sim_fetch(&r, sim.log_n, SIM_OPS);
	sim_dump(&sim, r.tree, b);
	ok = same(a, b);
	db_rollback(db);
	treedb_rolled_back(td);
	if (ok && seed % 4 == 0) {
		MUST(db_begin(db));
		fetch_all(db, b);
		ok = same(a, b);
		db_rollback(db);
	}
	if (!ok)
		printf("# seed %llu: states differ\n",
		    (unsigned long long)seed);
	sim_close(&sim);
	return ok;
}

static void
test_same_as_memory(void)
{
	struct db *db = new_db();
	struct treedb *td;
	struct buf a, b;
	int bad = 0;

	buf_init(&a, SIM_DUMP);
	buf_init(&b, SIM_DUMP);
	MUST(treedb_new(db, &td));
	for (uint64_t seed = 0; seed < SEEDS; seed++)
		bad += !run_seed(seed, db, td, &a, &b);
	CHECK(bad == 0);
	/* each history was rolled back: nothing is left */
	buf_reset(&a);
	MUST(list_dump(treedb_tree(td), &a));
	CHECK(a.len == 0);
	treedb_free(td);
	db_close(db);
	buf_release(&a);
	buf_release(&b);
}

static void
big_id(uint64_t lamport, struct opid *id)
{
	memset(id, 0, sizeof(*id));
	for (int i = 0; i < 6; i++)
		id->b[i] = (uint8_t)(lamport >> (8 * (5 - i)));
	id->b[6] = 1;
	for (int i = 0; i < 8; i++)
		id->b[12 + i] = (uint8_t)(lamport * UINT64_C(
		    0x9e3779b97f4a7c15) >> (8 * i));
}

/* n files in directories of per_dir each; returns seconds of CPU. */
static double
create_many(struct db *db, struct tree *t, uint64_t n, uint64_t per_dir)
{
	clock_t from = clock();
	uint64_t lamport = 1;
	struct opid dir;
	char name[32];
	struct op op;

	MUST(db_begin(db));
	MUST(tree_begin(t));
	for (uint64_t i = 0; i < n; i++) {
		bool new_dir = i % per_dir == 0;

		memset(&op, 0, sizeof(op));
		op.type = OP_CREATE;
		op.has_mode = op.has_mtime = true;
		op.mode = 0644;
		op.mtime_sec = 1700000000 + (int64_t)i;
		op.mtime_nsec = (uint32_t)i;
		op.wall_ms = op.mtime_sec * 1000;
		op.name = (const uint8_t *)name;
		if (new_dir) {
			snprintf(name, sizeof(name), "dir-%llu",
			    (unsigned long long)i);
			op.name_len = strlen(name);
			op.kind = NODE_DIR;
			big_id(lamport++, &op.id);
			dir = op.id;
			MUST(tree_apply(t, &op));
		}
		snprintf(name, sizeof(name), "file-%llu.txt",
		    (unsigned long long)(i * 7919 % n));
		op.name_len = strlen(name);
		op.kind = NODE_FILE;
		op.parent = dir;
		op.content = sim_content((unsigned)i);
		big_id(lamport++, &op.id);
		MUST(tree_apply(t, &op));
	}
	MUST(tree_end(t));
	MUST(db_commit(db));
	return (double)(clock() - from) / CLOCKS_PER_SEC;
}

static void
test_many_creates(void)
{
	struct db *db = new_db();
	const struct list_entry *e;
	struct treedb *td;
	struct list *l;
	size_t n = 0;
	double s;

	MUST(treedb_new(db, &td));
	s = create_many(db, treedb_tree(td), 10000, 100);
	printf("# 10,000 creates: %.0f ms of CPU\n", s * 1000);
	MUST(list_open(treedb_tree(td), NULL, 0, &l));
	while (list_next(l, &e) == ZK_OK)
		n++;
	list_close(l);
	CHECK(n == 100);
	treedb_free(td);
	db_close(db);
}

TESTS(
    { "same_as_memory", test_same_as_memory },
    { "many_creates", test_many_creates },
)
