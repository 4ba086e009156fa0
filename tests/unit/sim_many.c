/*
 * Two to eight devices and one to three remotes in storms, under many seeds:
 * tests/sim/world.h.  A run is as dear as many of those, so SIM_SEEDS / 64 of
 * them are made.  What has failed once is run again as `found`.
 */
#include "tests/sim/seeds.h"

#include "test.h"

#define SEEDS 5000		/* of sim_two; here one of SHARE of them */
#define SHARE 64
#define STEPS 24

static void
stormy(uint64_t seed, struct world_opts *o)
{
	o->devices = 2 + (unsigned)(seed % 7);
	o->remotes = 1 + (unsigned)(seed / 7 % 3);
	o->storms = true;
	o->jumps = seed % 5 == 0;
	o->paths = seed % 4 == 0;
	o->stops = seed % 3 == 0;
	o->values = seed % 8 == 1;
	o->messages = seed % 8 == 3;
}

/* As stormy, with texts. */
static void
stormy_texts(uint64_t seed, struct world_opts *o)
{
	stormy(seed, o);
	o->texts = seed % 2 == 0;
	o->gc = seed % 3 == 1;
}

/* Two or three devices, a third of whose files are large. */
static void
stormy_large(uint64_t seed, struct world_opts *o)
{
	o->devices = 2 + (unsigned)(seed % 3 == 0);
	o->remotes = 1 + (unsigned)(seed % 2);
	o->storms = o->large = true;
	o->texts = seed % 4 == 0;
}

/* The same, and space is collected. */
static void
stormy_gc(uint64_t seed, struct world_opts *o)
{
	stormy_large(seed, o);
	o->gc = true;
}

/* The same, and users do as they like with conflict copies. */
static void
copies(uint64_t seed, struct world_opts *o)
{
	stormy_gc(seed, o);
	o->storms = seed % 5 == 0;
	o->copies = true;
}

static void
test_copies(void)
{
	CHECK(seeds_run((seeds_count(SEEDS) + 8 * SHARE - 1) / (8 * SHARE),
	    80, copies));
}

/* What a lost remote had is there again if anybody has it. */
static void
test_large(void)
{
	CHECK(seeds_run((seeds_count(SEEDS) + 8 * SHARE - 1) / (8 * SHARE),
	    80, stormy_large));
}

/* P1, P4, P5, I1, I5, I9: nothing is lost, all come to the same. */
static void
test_storms(void)
{
	CHECK(seeds_run((seeds_count(SEEDS) + SHARE - 1) / SHARE, STEPS,
	    stormy_texts));
}

/* Runs that failed once. */
static void
test_found(void)
{
	static const struct seeds_found runs[] = {
#include "tests/sim/found_many.h"
	};

	CHECK(seeds_again(runs, sizeof(runs) / sizeof(*runs)));
}

static void
test_same_seed_same_trace(void)
{
	CHECK(seeds_same(1, 7, STEPS, stormy_texts));
}

static const struct test_case cases[] = {
	{ "storms", test_storms },
	{ "large", test_large },
	{ "copies", test_copies },
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
