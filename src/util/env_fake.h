/*
 * A deterministic environment: one simulated clock, a random generator and a
 * file system in memory, all under a seed.  For tests and the simulator;
 * never linked into the program.
 *
 * Several fakes may share one struct fake_world's clock by giving the same
 * world.  The file system knows directories, regular files, symlinks, hard
 * links, modes, times in ns, inode numbers, birth times, rename with its
 * flags; what was not synced is lost by fake_crash.
 */
#ifndef ZK_UTIL_ENV_FAKE_H
#define ZK_UTIL_ENV_FAKE_H

#include "util/env.h"

struct fake;

/* A fake seeded with seed, its clock at 2026-01-01; NULL without memory. */
struct fake *fake_new(uint64_t seed);
void fake_free(struct fake *f);

/* The environment it presents; lives as long as f; single is true. */
struct env *fake_env(struct fake *f);

/* Moves the clocks: both by ms; the wall clock alone to at_ms. */
void fake_advance(struct fake *f, uint64_t ms);
void fake_set_wall(struct fake *f, int64_t at_ms);

/* A number below n (n > 0) from the fake's generator. */
uint64_t fake_below(struct fake *f, uint64_t n);

/*
 * A hash over every call made so far and its result: equal for equal runs.
 */
uint64_t fake_trace(const struct fake *f);

/*
 * From now on the file system call number n (counted from 0) fails with
 * -err, and with crash set so does every one after it until fake_crash.
 * n < 0 switches this off.
 */
void fake_fail_at(struct fake *f, int64_t n, int err, bool crash);

/* File system calls made so far. */
int64_t fake_calls(const struct fake *f);

/*
 * The machine stops and starts: descriptors are gone, the boot id changes,
 * and what no fsync or syncfs covered is lost or kept by the seed.
 */
void fake_crash(struct fake *f);

#endif
