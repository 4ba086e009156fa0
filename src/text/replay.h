/*
 * The merged text of concurrent versions, by replaying their edit graph from
 * a common base as Eg-walker does (Gentle, Kleppmann: "Collaborative Text
 * Editing with Eg-walker", EuroSys 2025), in the order of FugueMax.
 *
 * A version is what was edited in the merged text of its parents.  The result
 * depends on the graph alone: every topological order of the same versions
 * gives the same text.  Each inserted run is in it once and unbroken but for
 * what was later inserted into it; what any version deleted is not.
 *
 * The state lives while the replay runs.  Between replays there is nothing
 * but the base and the versions' edits.  A version whose only parent is the
 * one before it costs its edits; changing from one branch to another costs
 * the edits that the two do not share.
 *
 * The replay counts in units and sees no text.  The product counts in bytes
 * (text/merge.h); a caller may count anything that no edit cuts.
 */
#ifndef ZK_TEXT_REPLAY_H
#define ZK_TEXT_REPLAY_H

#include <stddef.h>
#include <stdint.h>

#include "text/text.h"
#include "util/err.h"

#define REPLAY_BASE UINT32_MAX		/* the base text, among versions */
#define REPLAY_VERSIONS ((size_t)1 << 24) /* versions of one replay */

struct replay_version {
	/* Indices of versions below its own; none: the base is its parent. */
	const uint32_t *parents;
	/* In order, each in the text as the ones before it left it. */
	const struct text_edit *edits;
	uint32_t parents_n;
	uint32_t edits_n;
	/*
	 * Which of concurrent insertions at one place comes first: the one of
	 * the lower rank.  No two versions that are concurrent have the same.
	 */
	uint32_t rank;
};

/* A run of the merged text. */
struct replay_run {
	uint32_t version;	/* who inserted it, or REPLAY_BASE */
	uint32_t off;		/* among all units that version inserted */
	uint32_t len;
};

struct replay {
	struct replay_run *runs; /* owned */
	size_t n, cap;
	uint64_t units;		/* of all runs */
};

/*
 * Looks at each version before its edits are replayed, in the order of the
 * walk (graph.h).  now is the text of its parents; NULL: it is the text that
 * the version before left, or for the first one the base.  Any error ends the
 * replay.
 */
struct replay_watch {
	enum zk_err (*look)(void *arg, uint32_t version,
	    const struct replay *now);
	void *arg;
};

/*
 * Replays the n versions over a base of that many units; *out is released
 * with replay_release.  watch may be NULL.  Takes steps for the versions times
 * the edits at worst (what two branches did at one place, or many branches):
 * who has them from others bounds that (weigh.h).  ZK_EFORMAT: a parent is
 * not below its child, or an edit reaches beyond the text of its version's
 * parents; ZK_ELIMIT: too many versions or units; ZK_ENOMEM; what watch
 * returns.
 */
ZK_CHECKED enum zk_err replay_run(uint32_t base,
    const struct replay_version *versions, size_t n,
    const struct replay_watch *watch, struct replay *out);
void replay_release(struct replay *r);

#endif
