/*
 * Editing histories in JSON, in the two forms that are around:
 *
 *	{ "startContent": "", "endContent": "", "txns": [ { "patches":
 *	    [[position, deleted, "inserted"], ...] }, ... ] }
 *
 * with "parents" (numbers of transactions) and "agent" in each transaction,
 * or with neither, when each follows the one before; and a list of
 *
 *	{ "endContent": "", "txns": [ { "span": [from, to], "parents": [...],
 *	    "agent": "a", "seqStart": 0, "ops": [[position, ...], ...] } ] }
 *
 * where parents are numbers of operations: each inserted or deleted character
 * is one.  Positions count code points, and so does all that is read here.
 */
#ifndef ZK_TESTS_REPLAY_TRACE_H
#define ZK_TESTS_REPLAY_TRACE_H

#include <stdint.h>

#include "text/replay.h"
#include "util/err.h"

/* Numbers: code points, edits, parents. */
struct points {
	uint32_t *v;	/* owned */
	size_t n, cap;
};

struct history {
	struct replay_version *versions; /* owned */
	size_t n;
	uint32_t *first;	/* where each version's insertions begin in text */
	struct points text;	/* all that was inserted */
	struct points start, end;
	size_t edits;		/* how many all versions have */
	/* what the pointers in versions lead to */
	struct points parents;
	struct text_edit *edit;
};

struct trace;

/* Opens a file, also one of gzip; NULL after a line on stderr. */
struct trace *trace_open(const char *path);
void trace_close(struct trace *t);

/*
 * The next history, released with history_release.  ZK_ENOENT: no more;
 * ZK_EFORMAT, ZK_ENOMEM, ZK_EIO with a line on stderr.
 */
ZK_CHECKED enum zk_err trace_next(struct trace *t, struct history *out);
void history_release(struct history *h);

#endif
