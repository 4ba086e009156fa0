#include "tests/sim/seeds.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "tests/sim/memo.h"
#include "util/log.h"

#define WORKERS 2		/* processes */

static uint64_t
number(const char *name, uint64_t def)
{
	const char *v = getenv(name);

	return v == NULL ? def : strtoull(v, NULL, 10);
}

uint64_t
seeds_count(uint64_t def)
{
	return number("SIM_SEEDS", def);
}

static bool
one(uint64_t seed, uint64_t steps, seeds_opts *opts, uint64_t *trace)
{
	struct world_opts o = { .devices = 2, .remotes = 1, .steps = steps };

	opts(seed, &o);
	return world_run(seed, &o, trace);
}

/* Every WORKERS-th seed from first on. */
static unsigned
some(uint64_t first, uint64_t end, uint64_t steps, seeds_opts *opts)
{
	uint64_t t = 0;
	unsigned bad = 0;

	for (uint64_t s = first; s < end && bad < 5; s += WORKERS)
		bad += !one(s, steps, opts, &t);
	printf("# %" PRIu64 " operations, %" PRIu64 " calls, %" PRIu64
	    " answers known, %" PRIu64 " began from a checkpoint\n",
	    world_operations(), world_calls(), memo_known(), world_begun());
	fflush(stdout);
	return bad;
}

bool
seeds_run(uint64_t count, uint64_t steps, seeds_opts *opts)
{
	uint64_t first = number("SIM_FIRST", 1);
	uint64_t end = first + count;
	bool good = true;
	pid_t child[WORKERS];

	steps = number("SIM_STEPS", steps);
	fflush(stdout);
	for (unsigned i = 0; i < WORKERS; i++) {
		child[i] = fork();
		if (child[i] == 0)
			_exit(some(first + i, end, steps, opts) != 0);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		int st = 1;

		good &= child[i] > 0 && waitpid(child[i], &st, 0) == child[i]
		    && st == 0;
	}
	return good;
}

bool
seeds_again(const struct seeds_found *runs, size_t n)
{
	bool good = true;
	uint64_t t;

	for (size_t i = 0; i < n; i++)
		good &= one(runs[i].seed, runs[i].steps, runs[i].opts, &t);
	return good;
}

bool
seeds_same(uint64_t first, uint64_t n, uint64_t steps, seeds_opts *opts)
{
	uint64_t a = 0, b = 1;
	bool good = true;

	for (uint64_t s = first; s < first + n; s++)
		good &= one(s, steps, opts, &a) && one(s, steps, opts, &b) &&
		    a == b;
	return good;
}

bool
seeds_begin(void)
{
	log_set_level(getenv("SIM_LOUD") != NULL ? LOG_DEBUG : LOG_QUIET);
	return crypto_init() == ZK_OK;
}
