/*
 * Versions that do not know of each other, and those between them and the
 * last one common to all of them: what a merge of contents is made from
 * (zk-merge(7), TEXT).
 */
#ifndef ZK_CRDT_SINCE_H
#define ZK_CRDT_SINCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/op.h"
#include "crdt/tree.h"
#include "util/err.h"

/* A node that shows as more than one file. */
struct diverged {
	struct opid node;
	struct opid *heads;	/* lowest op of each version shown, ascending */
	size_t n;
	/* likewise of those of other bytes each: of equal ones the lowest */
	struct opid *texts;
	size_t texts_n;
	/* the least of their merge kinds: MERGE_COPY if any of them says so */
	uint8_t merge;
};

/*
 * The next file with more than one content after `after`, a cursor that
 * begins at 0 and is advanced.  ZK_ENOENT: no more.  *out is the caller's,
 * to be released.
 */
ZK_CHECKED enum zk_err diverged_next(struct tree *t, int64_t *after,
    struct diverged *out);
void diverged_release(struct diverged *d);

struct since_version {
	struct opid id;		/* lowest op */
	struct content content;	/* that op's; data and script NULL */
	uint32_t *parents;	/* indices below its own; none: the base */
	uint32_t parents_n;
};

struct since {
	struct content base;	/* of the last common version's lowest op */
	struct since_version *v; /* the versions after it, ascending by id */
	size_t n;
};

/*
 * How many versions all of these may replace together, one as often as it is
 * replaced: each is a look into the database, and 150 bytes.
 */
#define SINCE_LINKS ((size_t)1 << 17)

/*
 * The last version that all of the versions which these n ops brought go back
 * to, or are, and every version after it that one of them goes back to or is.
 * ZK_ELIMIT: there are more than max of them, or they replace more than
 * SINCE_LINKS.  ZK_ENOENT: an op that is not there or has no content.  Release
 * in any case but failure.
 */
ZK_CHECKED enum zk_err since_load(struct tree *t, const struct opid *ops,
    size_t n, size_t max, struct since *out);
void since_release(struct since *s);

/*
 * The version that the one which the op brought replaces; of several the one
 * with the greatest id.  Its lowest op, and of that op the content (data and
 * script NULL).  ZK_ENOENT: it replaces none, or as since_load.
 */
ZK_CHECKED enum zk_err since_before(struct tree *t, const struct opid *op,
    struct opid *id, struct content *content);

#endif
