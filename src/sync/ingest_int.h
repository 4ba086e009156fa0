/* Between the two halves of taking segments in. */
#ifndef ZK_SYNC_INGEST_INT_H
#define ZK_SYNC_INGEST_INT_H

#include "format/segment.h"
#include "store/logdb.h"
#include "sync/round.h"

struct causal;

/*
 * Segments of one log that wait (N22).  A newcomer holds all behind a cut so,
 * until it has the checkpoint: what one device wrote in a window.
 */
#define INGEST_WAIT_MAX 65536

/* A segment as it came. */
struct item {
	struct tseg s;
	uint8_t *data;
	bool refused;		/* its ops cannot be meant */
	bool opened;		/* ahead, with this result */
	struct seg *seg;
	enum zk_err err;
};

struct page {
	struct item *items;
	size_t n, cap;
	bool spoilt;		/* one that waited, row, cannot be applied */
	struct logdb_seg row;
};

/* No segment has this hash: what waits for it waits for good. */
extern const uint8_t ingest_never[LOGDB_HASH_LEN];

/*
 * What spoilt the page, having waited, waits for good from now on, in a
 * transaction of its own; if it came with the page, it is one of those that
 * are refused there.
 */
ZK_CHECKED enum zk_err page_set_aside(struct round *rd, struct page *p);

/*
 * Names what is wrong with the segment at (log, seq), and notes it.  vr, the
 * remote it came from, may be NULL.
 */
void ingest_complain(struct round *rd, const struct vremote *vr,
    enum zk_err r, const uint8_t *log, uint64_t seq, const char *what);

/*
 * The certificate in the first segment: whose log this is.  A log of this
 * very device that it did not start means a clone.  ZK_EREFUSED: no member.
 * ZK_ETAMPER, ZK_EFORMAT, ZK_EVERSION.
 */
ZK_CHECKED enum zk_err ingest_cert(struct round *rd, const struct seg *s,
    const struct op *op);

/*
 * Takes in all ops of a segment whose signer is known to be a member; void
 * ones are named and left out, c is told of the others.  Republished
 * segments are added to p.  Sets row->blobs.
 */
ZK_CHECKED enum zk_err ingest_ops(struct round *rd, struct page *p,
    struct seg *s, const struct logdb_log *l, struct logdb_seg *row,
    struct causal *c);

/*
 * Adds the segments to p that a fork op republishes whole: those that a remote
 * refused, in the log of who holds them.  They are signed by themselves.
 */
ZK_CHECKED enum zk_err ingest_fork(struct page *p, const struct op *op);

/*
 * Takes in a thin segment of the checkpoint in the segment `at`: checks that
 * there was such a segment, stores it and applies it if it is ready.  One
 * that is held is passed over.  Remotes that have `at` are known to have had
 * it.  Segments that it republishes whole are added to forks, for ingest_page.
 * A transaction is open, and the tree's batch.  ZK_ETAMPER.
 */
ZK_CHECKED enum zk_err ingest_thin(struct round *rd,
    const struct logdb_seg *at, const void *thin, size_t n,
    struct page *forks);

/* Applies what waited and no longer does; the same holds. */
ZK_CHECKED enum zk_err ingest_ready(struct round *rd, struct page *forks);

#endif
