/*
 * The past of a segment that is taken in: which ops its own ops may name
 * (zk-format(5), SEGMENTS; zk-merge(7), VOID OPS).
 *
 * Where an op stands is told by its id: the Lamport times of a log only
 * grow, so one that is there is at or before a segment of its log if its
 * time is not above that segment's last.  That holds for a log with one
 * history whose first bytes no other log has, hence for all that honest
 * devices write while nobody clones them.  Of all others each segment that
 * holds an op is noted (store/pastdb.h), and it is looked up which of them
 * are in the past, by their hashes.  Both ways say the same where both can
 * be gone, so a verdict is a matter of the segments alone, whatever else has
 * arrived.
 */
#ifndef ZK_SYNC_CAUSAL_H
#define ZK_SYNC_CAUSAL_H

#include <stdbool.h>
#include <stdint.h>

#include "crdt/op.h"
#include "format/segment.h"
#include "store/logdb.h"
#include "util/err.h"

struct causal;
struct vault;

#define CAUSAL_FORK_KEY (5 + 16 + 1)

/*
 * For the segment s, which is held as row and has prev before it (unused for
 * seq 1); all are borrowed until causal_free.  What s builds on is applied,
 * a fork of its log noted, a transaction open.
 */
ZK_CHECKED enum zk_err causal_new(struct vault *v, const struct seg *s,
    const struct logdb_seg *row, const struct logdb_seg *prev,
    struct causal **out);
void causal_free(struct causal *c);

/* A tree_past_fn; arg is the struct causal. */
enum zk_err causal_has(void *arg, const struct opid *id, bool split);

/* Notes that this op of the tree was taken in. */
ZK_CHECKED enum zk_err causal_took(struct causal *c, const struct op *op);

/*
 * The past of the applied segment g: gives each segment such that they, and
 * all before them in their logs, are all of it and g.
 */
ZK_CHECKED enum zk_err causal_past(struct vault *v, const struct logdb_seg *g,
    enum zk_err (*each)(void *arg, const struct logdb_seg *s), void *arg);

/* Keeps what the segments after s need. */
ZK_CHECKED enum zk_err causal_keep(struct causal *c);

/* Notes an op of our own that was put into the segment with this row. */
ZK_CHECKED enum zk_err causal_own(struct vault *v, const struct op *op,
    int64_t row);

/* The name of the setting that is 1 once two histories of log were met. */
void causal_fork_key(const uint8_t log[static LOGDB_HASH_LEN],
    char out[static CAUSAL_FORK_KEY]);

#endif
