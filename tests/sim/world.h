/*
 * Devices and remotes in one process, on fakes, under a seed: random edits
 * of overlapping trees, pushes and pulls; then everything is brought to
 * rest and judged.
 *
 * At rest: equal trees; every content that no device overwrote or deleted
 * while it had it on disk is there; another round moves nothing; every
 * remote holds the same segments and records.  The same seed gives the same trace.
 */
#ifndef ZK_TESTS_SIM_WORLD_H
#define ZK_TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#define WORLD_DEVICES 8
#define WORLD_REMOTES 3

struct world_opts {
	unsigned devices;	/* 2..WORLD_DEVICES */
	unsigned remotes;	/* 1..WORLD_REMOTES */
	uint64_t steps;		/* each some edits and a round of one device */
	bool jumps;		/* the wall clock of one goes astray by years */
	bool paths;		/* rounds may name paths */
	/*
	 * Rounds may be stopped anywhere, by their user; files and
	 * directories take each other's places.
	 */
	bool stops;
	/*
	 * Directories are kept as one, and none any more, as the first
	 * device says now and then.  To come to rest takes a round more:
	 * what merged is once more recorded as another kind.
	 */
	bool trees;
	/*
	 * Values are written between the edits; at rest they are equal, and
	 * nothing that was recorded is missing from a sum.
	 */
	bool values;
	/*
	 * Messages are sent and received between the edits; at rest each
	 * device has each that another recorded, once and in order.
	 */
	bool messages;
	/*
	 * Names of either case, colons and dots at the end; this many of the
	 * devices, the last, have disks that cannot hold them all: they take
	 * cases for the same, refuse colons, leave dots out.  At rest the
	 * merged trees are equal, and each disk has all contents.
	 */
	unsigned folds;
	/*
	 * Rounds meet a machine that stops, a process that is killed, a disk
	 * that is full or fails once, remotes out of reach, full, or lost and
	 * replaced by empty ones; some files are large.
	 */
	bool storms;
	/*
	 * Some files are texts, of lines that are contents each; all devices
	 * but the second put lines in, and that one takes them out.  (Who does
	 * both in one line edits it, and may leave half of it.)
	 */
	bool texts;
	/*
	 * Hours pass, the history window is a day, and space is collected;
	 * more of the files are large.
	 */
	bool gc;
	/* A third of the files are large. */
	bool large;
	/* Users edit, move and remove conflict copies, too. */
	bool copies;
};

/*
 * One run.  False, with a line that names the seed, if it does not end as it
 * must.  *trace is a hash of all that happened.  SIM_LOUD in the environment
 * tells the story.
 */
bool world_run(uint64_t seed, const struct world_opts *o, uint64_t *trace);

/* Edits by users, pushes, pulls and collections of the runs so far. */
uint64_t world_operations(void);
/* Calls that the runs so far made of file systems and of remotes. */
uint64_t world_calls(void);
/* Devices that came at the end and began from a checkpoint. */
uint64_t world_begun(void);

#endif
