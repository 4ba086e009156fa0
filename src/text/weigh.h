/*
 * What a history of edits costs to merge, told by its numbers alone.
 *
 * A line is a version and those that go on from it one after another: each
 * replaces the one before and nothing else, and is alone in that.  A version
 * is beside another one if neither goes back to the other, and then so are
 * their lines.  Walking the history, a replay comes back to a line only for
 * another one beside it, and an insertion passes only what stands beside it;
 * so with few lines, or with many that follow each other, it is quick however
 * long it is.
 */
#ifndef ZK_TEXT_WEIGH_H
#define ZK_TEXT_WEIGH_H

#include <stddef.h>

#include "text/replay.h"
#include "util/err.h"

/* All edits: each may make three runs of the text, of 64 bytes. */
#define WEIGH_EDITS ((uint64_t)1 << 20)

/*
 * Runs of characters that are deleted, of 8 bytes.  A line is taken to delete
 * as many as it deletes characters, or if that is less, as there can be: four
 * for each edit of all, and one.
 */
#define WEIGH_CUTS ((uint64_t)1 << 24)

/*
 * Steps of some 0.1 to 0.2 microseconds.  An edit counts once for each line,
 * once for each version beside its own and three times for each line beside
 * its own; a run that a line deletes once for each line beside it; the
 * versions and what they replace, taken together, once for each line, and of
 * these 16 are one step.
 */
#define WEIGH_STEPS ((uint64_t)1 << 26)

/*
 * Weighs n versions for replay_run, at most 2^16, in a few seconds at worst.
 * ZK_ELIMIT: they are over a bound above.  ZK_EFORMAT: a parent is not below
 * its child; ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err weigh(const struct replay_version *versions, size_t n);

#endif
