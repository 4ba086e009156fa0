/*
 * Two devices and a remote under many seeds: tests/sim/world.h.
 *
 * 1,000 of them plain; then, as parts of 5,000, a twentieth with the wall
 * clock of one device jumping by years, as many with rounds that name a path
 * or two, as many with rounds that are stopped anywhere, and parts of all else
 * there is: 3,000 in all, and scripts/soak goes on from there.  SIM_SEEDS
 * stands for both numbers.  What has failed once is run again as `found`.
 */
#include "tests/sim/seeds.h"

#include "test.h"

#define PLAIN 1000
#define SEEDS 5000
#define STEPS 12

static void
plain(uint64_t seed, struct world_opts *o)
{
	(void)seed;
	(void)o;
}

static void
jumping(uint64_t seed, struct world_opts *o)
{
	(void)seed;
	o->jumps = true;
}

static void
with_paths(uint64_t seed, struct world_opts *o)
{
	(void)seed;
	o->paths = true;
}

static void
stopped(uint64_t seed, struct world_opts *o)
{
	(void)seed;
	o->stops = true;
}

static void
with_values(uint64_t seed, struct world_opts *o)
{
	(void)seed;
	o->values = true;
}

/* One disk takes no note of case, or both; some runs are stormy and so on. */
static void
folding(uint64_t seed, struct world_opts *o)
{
	o->folds = seed % 4 == 0 ? 2 : 1;
	o->storms = seed % 2 == 0;
	o->paths = seed % 3 == 0;
	o->stops = seed % 5 == 0;
}

static void
with_messages(uint64_t seed, struct world_opts *o)
{
	(void)seed;
	o->messages = true;
}

static void
test_seeds(void)
{
	CHECK(seeds_run(seeds_count(PLAIN), STEPS, plain));
}

/* I19: nothing hangs on the wall clock, set on or back by years. */
static void
test_i19_clock_jumps(void)
{
	CHECK(seeds_run((seeds_count(SEEDS) + 19) / 20, STEPS, jumping));
}

/* Nothing is lost by naming paths, and what waits comes with the rest. */
static void
test_paths(void)
{
	CHECK(seeds_run((seeds_count(SEEDS) + 19) / 20, STEPS, with_paths));
}

/* I5: as if nothing had been stopped, once it is run again. */
static void
test_stops(void)
{
	CHECK(seeds_run((seeds_count(SEEDS) + 19) / 20, STEPS, stopped));
}

static void
with_texts(uint64_t seed, struct world_opts *o)
{
	(void)seed;
	o->texts = true;
}

/* Some runs with more devices, rounds of paths, or rounds that stop. */
static void
with_trees(uint64_t seed, struct world_opts *o)
{
	o->trees = true;
	o->devices = 2 + (unsigned)(seed % 4 == 0);
	o->paths = seed % 5 == 0;
	o->stops = seed % 3 == 0;
	o->storms = seed % 7 == 0;
	o->gc = seed % 11 == 0;
}

/* What is kept as one arrives as one, and nothing in it is lost. */
static void
test_trees(void)
{
	CHECK(seeds_run((seeds_count(SEEDS) + 19) / 20, 2 * STEPS,
	    with_trees));
}

static void
with_gc(uint64_t seed, struct world_opts *o)
{
	o->gc = true;
	o->texts = seed % 4 == 0;
	o->remotes = 1 + (unsigned)(seed % 2);
	o->devices = 2 + (unsigned)(seed % 3 == 0);
}

/* What is deleted as past the window is missing nowhere. */
static void
test_collecting(void)
{
	CHECK(seeds_run((seeds_count(SEEDS) + 39) / 40, 2 * STEPS, with_gc));
}

static void
with_gc_storms(uint64_t seed, struct world_opts *o)
{
	with_gc(seed, o);
	o->storms = o->stops = true;
}

/* The same where anything fails and is cut off. */
static void
test_collecting_storms(void)
{
	CHECK(seeds_run((seeds_count(SEEDS) + 99) / 100, 2 * STEPS,
	    with_gc_storms));
}

/* Texts merge: every line that nobody took out is in one of the files. */
static void
test_texts(void)
{
	CHECK(seeds_run((seeds_count(SEEDS) + 9) / 10, STEPS, with_texts));
}

/* Values arrive whatever the remote does, and each counts once. */
static void
test_values(void)
{
	CHECK(seeds_run((seeds_count(SEEDS) + 39) / 40, STEPS, with_values));
}

/* Messages arrive once and in order, and nothing else hangs on them. */
static void
test_messages(void)
{
	CHECK(seeds_run((seeds_count(SEEDS) + 39) / 40, STEPS,
	    with_messages));
}

/* N08: what a disk cannot hold is there all the same, and stays as it is. */
static void
test_folding_disks(void)
{
	CHECK(seeds_run((seeds_count(SEEDS) + 39) / 40, STEPS, folding));
}

/* Runs that failed once. */
static void
test_found(void)
{
	static const struct seeds_found runs[] = {
#include "tests/sim/found.h"
	};

	CHECK(seeds_again(runs, sizeof(runs) / sizeof(*runs)));
}

static void
test_same_seed_same_trace(void)
{
	CHECK(seeds_same(1, 10, STEPS, plain));
	CHECK(seeds_same(11, 10, STEPS, jumping));
}

static const struct test_case cases[] = {
	{ "seeds", test_seeds },
	{ "i19_clock_jumps", test_i19_clock_jumps },
	{ "paths", test_paths },
	{ "stops", test_stops },
	{ "texts", test_texts },
	{ "trees", test_trees },
	{ "collecting", test_collecting },
	{ "collecting_storms", test_collecting_storms },
	{ "values", test_values },
	{ "messages", test_messages },
	{ "folding_disks", test_folding_disks },
	{ "found", test_found },
	{ "same_seed_same_trace", test_same_seed_same_trace },
};

int
main(int argc, char **argv)
{
	if (!seeds_begin())
		return 1;
	return test_main(cases, sizeof(cases) / sizeof(*cases), argc, argv);
}
