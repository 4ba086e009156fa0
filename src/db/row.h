/*
 * Reading what a statement gives, where that is little or all of one kind:
 * the steps, their codes and the reset in one place.  The parameters are
 * bound before; the statement is reset after.
 */
#ifndef ZK_DB_ROW_H
#define ZK_DB_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "db/db.h"
#include "util/buf.h"

/* Whether there is a row. */
ZK_CHECKED enum zk_err row_any(struct db *db, struct stmt *s, bool *yes);

/*
 * The first column of the first row, a number.  ZK_ENOENT: there is none, and
 * *out is what it was.
 */
ZK_CHECKED enum zk_err row_int(struct db *db, struct stmt *s, int64_t *out);

/* The same of a count or a sum, which there always is; else 0. */
ZK_CHECKED enum zk_err row_count(struct db *db, struct stmt *s,
    uint64_t *out);

/* The same of bytes, which are appended to out.  ZK_ENOENT. */
ZK_CHECKED enum zk_err row_bytes(struct db *db, struct stmt *s,
    struct buf *out);

/*
 * Gives fn each row to the end; anything but ZK_OK of it ends that and is
 * returned.  fn does not step, bind or reset s.
 */
ZK_CHECKED enum zk_err row_each(struct db *db, struct stmt *s,
    enum zk_err (*fn)(void *arg, struct stmt *s), void *arg);

#endif
