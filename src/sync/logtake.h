/*
 * What ops about the vault say, taken in from any log, our own too.
 * Internal to sync/.
 */
#ifndef ZK_SYNC_LOGTAKE_H
#define ZK_SYNC_LOGTAKE_H

#include <stdint.h>

#include "crdt/op.h"
#include "util/err.h"

struct buf;
struct vault;

/*
 * A setting: of those of one name the one with the greatest op id counts.
 * A transaction is open.  ZK_EFORMAT.
 */
ZK_CHECKED enum zk_err logtake_setting(struct vault *v, const struct op *op);

/*
 * Blobs that the op in segment row condemns are dead from here on (gcdb.h).
 * A transaction is open.  ZK_EFORMAT.
 */
ZK_CHECKED enum zk_err logtake_condemn(struct vault *v, const struct op *op,
    int64_t row);

/* A checkpoint is known from here on, unless it is gone.  ZK_EFORMAT. */
ZK_CHECKED enum zk_err logtake_checkpoint(struct vault *v,
    const struct op *op);

/* An op of our own in segment row; other types are passed over. */
ZK_CHECKED enum zk_err logtake_own(struct vault *v, const struct op *op,
    int64_t row);

/* Replaces out by the value of a setting.  ZK_ENOENT: it is not set. */
ZK_CHECKED enum zk_err logtake_value(struct vault *v, const char *name,
    struct buf *out);

#endif
