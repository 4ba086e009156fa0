/*
 * A deterministic environment: one simulated clock, a random generator and a
 * file system in memory, all under a seed.  For tests and the simulator;
 * never linked into the program.  A new one costs microseconds.
 *
 * The file system knows directories, regular files, symlinks, hard links,
 * modes (kept, not enforced: the caller is root), inode numbers that are
 * never used twice, birth times, mounts, rename with its flags.  File times
 * have the clock's granularity of 4 ms, as on Linux, so that two writes may
 * well leave the same times.  Every call moves the clocks on by 1 us.
 * Directories are listed in an order that changes.  It starts as "/" alone.
 * There is no network: those calls give -ENOSYS.
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
 * The file system call that fake_calls counts as number n (the first ever is
 * 0) fails with -err, and with crash set so does every one after it until
 * fake_crash.  A write that fails so may have written a part.  Closing is no
 * call that fails, nor counted.  n < 0 switches this off.
 */
void fake_fail_at(struct fake *f, int64_t n, int err, bool crash);

/* File system calls made so far. */
int64_t fake_calls(const struct fake *f);

/* Mode bits that new files and directories do not get; none at first. */
void fake_set_umask(struct fake *f, unsigned mask);

/*
 * What the file system does to names, in all its directories, from now on.
 * Names keep the case that they were made with.
 */
enum fake_names {
	FAKE_FOLD = 1,		/* the case of A to Z does not matter */
	FAKE_TRIM = 2,		/* dots at the end of a name are left out */
	FAKE_STRICT = 4		/* no name has a colon: -EINVAL */
};
void fake_set_names(struct fake *f, unsigned how);

/* Bytes that all contents may have together; more gives -ENOSPC. */
void fake_set_space(struct fake *f, uint64_t bytes);

/*
 * Covers the directory at path by an empty one of another file system, or
 * uncovers it again.  0 or a negative errno.
 */
int fake_mount(struct fake *f, const char *path);
int fake_umount(struct fake *f, const char *path);

/*
 * The machine stops and starts: descriptors and mounts are gone, the boot id
 * changes.  What was not synced is lost or kept by the seed: of the changes
 * of directories since the last fsync of a directory or syncfs a leading
 * part stays (a rename whole or not at all); a file whose content was not
 * synced has the last synced content (none: it is empty), the new one, or
 * the new one with a tail of zeros.  A file's fsync covers its content only,
 * not its name.
 */
void fake_crash(struct fake *f);

#endif
