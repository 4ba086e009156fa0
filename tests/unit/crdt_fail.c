/*
 * Every allocation of a batch fails in turn: the batch ends with an error,
 * its transaction is rolled back, and the same batch then gives the state
 * that it would have given at once.
 */
#include "../sim/replicas.h"
#include "failalloc.h"
#include "store/treedb.h"
#include "test.h"
#include "util/log.h"

static struct sim sim;

static enum zk_err
count_one(void *arg, const struct buf *path, const struct list_entry *e)
{
	(void)arg;
	(void)path;
	(void)e;
	return ZK_OK;
}

/* All of the history in one batch, then every way of looking at it. */
static enum zk_err
try_batch(struct tree *t, struct buf *out)
{
	struct buf path;
	enum zk_err r;

	buf_reset(out);
	buf_init(&path, 1 << 16);
	r = tree_begin(t);
	for (size_t i = 0; r == ZK_OK && i < sim.ops_n; i++) {
		r = tree_apply(t, &sim.ops[i].op);
		if (r == ZK_EREFUSED && sim.ops[i].refused)
			r = ZK_OK;
	}
	if (r == ZK_OK)
		r = tree_end(t);
	if (r == ZK_OK)
		r = list_dump(t, out);
	if (r == ZK_OK)
		r = list_conflicts(t, count_one, NULL);
	for (size_t i = 0; r == ZK_OK && i < sim.ops_n; i++) {
		r = list_path(t, &sim.ops[i].op.node, &path);
		if (r == ZK_ENOENT)
			r = ZK_OK;
	}
	buf_release(&path);
	return r;
}

static bool
same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static void
test_each_allocation(void)
{
	struct buf want, got;
	struct treedb *td;
	struct db *db;
	long n = 0;
	int bad = 0;

	if (!FAILALLOC)
		SKIP("the sanitizer has the allocator");
	log_set_level(LOG_QUIET);
	buf_init(&want, SIM_DUMP);
	buf_init(&got, SIM_DUMP);
	MUST(db_open(":memory:", DB_CREATE, &db));
	MUST(db_exec(db, treedb_schema));
	MUST(treedb_new(db, &td));
	sim_open(&sim, 4711, 4);
	sim.contents = 3;
	sim.forge = true;
	sim_run(&sim, 60);
	buf_reset(&want);
	MUST(list_dump(sim.r[0].tree, &want));
	for (failed = true; failed; n++) {
		enum zk_err r;

		MUST(db_begin(db));
		failed = false;
		fail_in = n + 1;
		r = try_batch(treedb_tree(td), &got);
		fail_in = 0;
		/* what fails inside of the database may not matter to it */
		bad += r == ZK_OK ? !same(&want, &got) : !failed;
		db_rollback(db);
		treedb_rolled_back(td);
	}
	printf("# %ld allocations\n", n);
	CHECK(bad == 0 && n > 100);
	sim_close(&sim);
	treedb_free(td);
	db_close(db);
	buf_release(&want);
	buf_release(&got);
}

TESTS(
    { "each_allocation", test_each_allocation },
)
