/*
 * Deleting the blobs of what is past the history window (zk-gc(1);
 * zk-format(5), SPACE).  Internal to sync/.
 *
 * Two steps.  Whoever finds that nothing needs a blob says so in a condemn op;
 * from then on no device that has heard of it names the blob again.  Once
 * every device that is not parked has acknowledged that, all ops that will
 * ever name it are known, and it is deleted unless one of them needs it: so
 * neither a push that was under way nor one that found the blob in its index
 * loses anything, and what a condemn op says is never believed, only that
 * all have heard it.
 */
#ifndef ZK_SYNC_GC_H
#define ZK_SYNC_GC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/op.h"
#include "format/logop.h"
#include "store/gcscan.h"
#include "store/logdb.h"
#include "sync/round.h"

#define GC_NAME_LEN 32

/* Notes, now and then, what has come by now; at the end of a run. */
ZK_CHECKED enum zk_err gc_tick(struct round *rd);

/* Which blobs an op refers to (sync/gc_refs.c) ----------------------------- */

struct gc_refs {
	void *arg;
	/* content in blobs, that of the file which op makes or changes */
	enum zk_err (*content)(void *arg, const struct op *op);
	/*
	 * One blob.  lasting: as long as the op is there; else while
	 * something needs its plaintext.
	 */
	enum zk_err (*one)(void *arg, const struct op *op,
	    const struct logop_alias *blob, bool lasting);
};

/*
 * Tells to which blobs op refers.  ZK_EVERSION: of ops of its type that is not
 * known, so everything is to be kept.  ZK_EFORMAT.
 */
ZK_CHECKED enum zk_err gc_refs(const struct op *op, const struct gc_refs *to);

/* What is needed (sync/gc_mark.c) ------------------------------------------ */

/* A blob that nothing needs. */
struct gc_waste {
	uint8_t name[GC_NAME_LEN];
	uint64_t size;
};

struct gc_mark {
	struct round *rd;
	int64_t now;			/* ms since 1970 */
	int64_t window;			/* ms */
	struct gcscan *scan;		/* its GCSCAN_NEED is whole */
	struct gc_waste *waste;		/* of them, the first to be found */
	size_t waste_n, max;
	struct opid *done;		/* contents of which all is in waste */
	size_t done_n, done_cap;
	bool more;			/* there is more than max */
	/* inside */
	struct compress *z;
	struct transport *from[SYNC_REMOTES_MAX];
	size_t from_n;
	int64_t ms;			/* when the op at hand had come */
	bool needed;			/* of the content at hand */
	bool all;			/* of it, all went into waste */
	bool aliases;			/* there are any */
	bool unread;			/* something needs blobs not known */
};

/*
 * Finds what is needed, and up to max blobs that are not and are not dead.
 * Reads parts of manifests that are not held from the remotes of the round.
 * ZK_EGAP (logged): one that is needed cannot be read, so nothing is known.
 */
ZK_CHECKED enum zk_err gc_mark_new(struct round *rd, size_t max,
    struct gc_mark **out);
void gc_mark_free(struct gc_mark *m);

/* One more blob that nothing needs, if it is not dead; size 0: not known. */
ZK_CHECKED enum zk_err gc_waste_put(struct gc_mark *m,
    const uint8_t name[static GC_NAME_LEN], uint64_t size);

/* What nobody knows (sync/gc_list.c) --------------------------------------- */

/*
 * Asks the remotes for names of blobs of which nothing is known here, and
 * adds those to the waste that are so for a window.  What is wrong with a
 * remote's list is told, and noted in the round; one that cannot list is let
 * be.  To be called once in a run, on a mark whose remotes were just read.
 */
ZK_CHECKED enum zk_err gc_list(struct gc_mark *m);

/* Deleting (sync/gc_sweep.c) ----------------------------------------------- */

/* Rows of segments that condemn; v is to be freed. */
struct gc_rows {
	int64_t *v;
	size_t n, cap;
};

/*
 * Those known here that the remote holds.  To be asked before the remote is
 * read: what it is given after they were there is then known, too.
 */
ZK_CHECKED enum zk_err gc_there(struct round *rd, const struct vremote *vr,
    struct gc_rows *out);

/*
 * Leaves of them those that every device which is not parked has
 * acknowledged; sets waits[i] for each member i that has not.
 */
ZK_CHECKED enum zk_err gc_heard(struct round *rd, struct gc_rows *rows,
    bool *waits);

/* Whether a log is known to have two histories. */
ZK_CHECKED enum zk_err gc_forked(struct vault *v,
    const uint8_t log[static LOGDB_HASH_LEN], bool *yes);

/* The same of one segment; waits may be NULL. */
ZK_CHECKED enum zk_err gc_all_heard(struct round *rd,
    const struct logdb_seg *g, bool *waits, bool *yes);

/*
 * Deletes from the remote what rows condemn and is not needed: up to *budget
 * blobs, which is lessened.  A dry run only counts.
 */
ZK_CHECKED enum zk_err gc_sweep(struct round *rd, struct vremote *vr,
    const struct gc_mark *m, const struct gc_rows *rows, size_t *budget,
    struct sync_gc *out);

/* Whether content is gone (sync/gc_gone.c) --------------------------------- */

/*
 * *yes: a blob that the content names is dead, not known under another name,
 * and on none of the remotes of the run that answer: it is past the window.
 */
ZK_CHECKED enum zk_err gc_is_gone(struct round *rd, const struct content *c,
    bool *yes);
/* Fails with ZK_ENOENT (logged, for path) if it is. */
ZK_CHECKED enum zk_err gc_gone(struct round *rd, const char *path,
    const struct content *c);

#endif
