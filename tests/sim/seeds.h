/*
 * Many runs of tests/sim/world.h, in two processes.
 *
 * SIM_SEEDS sets how many, SIM_FIRST the first, SIM_STEPS how long a run is.
 */
#ifndef ZK_TESTS_SIM_SEEDS_H
#define ZK_TESTS_SIM_SEEDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/sim/world.h"

/* What a seed's run is like; steps is set before to the default. */
typedef void seeds_opts(uint64_t seed, struct world_opts *o);

/* SIM_SEEDS, or def. */
uint64_t seeds_count(uint64_t def);

/*
 * Runs count seeds from SIM_FIRST (1) on.  False if one failed; each process
 * ends with its fifth failure.
 */
bool seeds_run(uint64_t count, uint64_t steps, seeds_opts *opts);

/* A run that failed once. */
struct seeds_found {
	uint64_t seed, steps;
	seeds_opts *opts;
};

/* Runs them again: false if one fails. */
bool seeds_again(const struct seeds_found *runs, size_t n);

/* The same seed gives the same trace: seeds first to first + n - 1. */
bool seeds_same(uint64_t first, uint64_t n, uint64_t steps,
    seeds_opts *opts);

/* main's frame: sets up libsodium and the log.  False if that fails. */
bool seeds_begin(void);

#endif
