/*
 * Writing this device's log: ops go into a segment, the segment into the
 * database, and every op at once into the merged tree.
 *
 * One segw is one batch: it lives inside one transaction of the caller,
 * from segw_begin to segw_end or segw_abort; a batch may fill several
 * segments.  The first segment of a log begins with its certificate and
 * this device's name.
 */
#ifndef ZK_SYNC_SEGW_H
#define ZK_SYNC_SEGW_H

#include <stdbool.h>
#include <stdint.h>

#include "crdt/emit.h"
#include "crdt/op.h"
#include "util/err.h"

struct segw;
struct vault;

/*
 * Begins a batch (and tree_begin); a transaction is open.  ZK_EGAP: no
 * epoch key to write under.
 */
ZK_CHECKED enum zk_err segw_begin(struct vault *v, struct segw **out);

/* Where emit_* put their ops; lives as long as w. */
struct emit *segw_emit(struct segw *w);

/*
 * The batch, still empty, is to hold merges that a pull made, alone: a pull
 * publishes them, as it does an acknowledgement.
 */
void segw_merges(struct segw *w);

/*
 * Adds an op of types 16 on, with its encoded body, and takes in what
 * sync/logtake.h knows.
 */
ZK_CHECKED enum zk_err segw_body(struct segw *w, enum op_type type,
    const void *body, size_t n);

/*
 * Adds a value op (OP_KV_*; its body and what it names are set, all else is
 * filled in) and takes it into the values kept.  op->id is its id then.
 */
ZK_CHECKED enum zk_err segw_value(struct segw *w, struct op *op);

/* The same of a message or a setting of its channel (OP_MSG, OP_CHANNEL). */
ZK_CHECKED enum zk_err segw_message(struct segw *w, struct op *op);

/* The same of a checkpoint, whose content and body are set. */
ZK_CHECKED enum zk_err segw_checkpoint(struct segw *w, struct op *op);

/*
 * The locator that the content of the op put last has.  Valid after an op
 * with content.
 */
uint64_t segw_locator(const struct segw *w);

/* Ops put so far; and the types of those put since this was last asked. */
uint64_t segw_count(const struct segw *w);
uint32_t segw_types(struct segw *w);

/*
 * Seals what is left (and, with ack set, a segment without ops if none was
 * written), ends the tree's batch.  The caller commits.  Frees w.
 */
ZK_CHECKED enum zk_err segw_end(struct segw *w, bool ack);

/* Gives the batch up: the caller's transaction is rolled back here. */
void segw_abort(struct segw *w);

/*
 * db_end of a transaction that segw_end, or segw_abort, was called in: what the
 * tree holds in memory goes if it could not be committed.
 */
ZK_CHECKED enum zk_err segw_commit(struct vault *v, enum zk_err r);

/* Writes a segment of heads alone, in a transaction of its own. */
ZK_CHECKED enum zk_err segw_ack(struct vault *v);

/* Puts the ops of a batch; anything but ZK_OK gives the batch up. */
typedef enum zk_err segw_fill(void *arg, struct segw *w);

/*
 * A batch in a transaction of its own, which takes in what else fill writes
 * to the database.
 */
ZK_CHECKED enum zk_err segw_batch(struct vault *v, segw_fill *fill,
    void *arg);

/* The same of one op of types 16 on. */
ZK_CHECKED enum zk_err segw_one(struct vault *v, enum op_type type,
    const void *body, size_t n);

#endif
