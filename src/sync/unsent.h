/*
 * What this device recorded and no other can have heard of.  Internal to
 * sync/.
 *
 * How far its log was offered to a remote is noted before it is offered, of
 * segments whose contents are in blobs: the others bring all that they say.
 */
#ifndef ZK_SYNC_UNSENT_H
#define ZK_SYNC_UNSENT_H

#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"

struct segw;
struct vault;

/* Nothing of its log was offered: it begins, in the transaction at hand. */
ZK_CHECKED enum zk_err unsent_begin(struct vault *v);

/* The log's segments up to seq are about to be; in a transaction of its own,
 * unless that was noted before. */
ZK_CHECKED enum zk_err unsent_offer(struct vault *v, uint64_t seq);

/*
 * To be called before the removal of an entry of base is recorded, whose
 * content is size bytes and whose seen is given.  The bytes of what was never
 * offered go with the file; if another device keeps it (it moved it, say),
 * it would wait for them for good.  So an EDIT brings back the last version
 * that others may have, and seen is replaced by what the entry stands for
 * then; if there is none, nobody else knows the file (zk-merge(7),
 * RECORDING).  ZK_EFORMAT as emit_edit, failures of the database.
 */
ZK_CHECKED enum zk_err unsent_take_back(struct vault *v, struct segw *w,
    uint64_t size, struct buf *seen);

#endif
