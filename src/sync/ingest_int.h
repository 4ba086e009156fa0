/* Between the two halves of taking segments in. */
#ifndef ZK_SYNC_INGEST_INT_H
#define ZK_SYNC_INGEST_INT_H

#include "format/segment.h"
#include "store/logdb.h"
#include "sync/round.h"

struct causal;

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

#endif
