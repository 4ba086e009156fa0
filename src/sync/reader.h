/*
 * The front of an upload: local bytes in, chunks out (cut.h).  Holes of a
 * sparse file are not read where the cut is known without it.  Memory is
 * one chunk.  Used by upload.c alone.
 */
#ifndef ZK_SYNC_READER_H
#define ZK_SYNC_READER_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct buf;
struct env;
struct key;
struct reader;

ZK_CHECKED enum zk_err reader_new(struct env *env, struct reader **out);
void reader_free(struct reader *r);

/*
 * Remembers the regular file fd (borrowed) as it is now, *size bytes.
 * ZK_EIO.  ZK_ECHANGED: not a regular file.  ZK_ELIMIT: over 16 TiB.
 */
ZK_CHECKED enum zk_err reader_open(struct reader *r, int fd, uint64_t *size);

/* Replaces out by the whole file.  ZK_ECHANGED, ZK_EIO, ZK_ELIMIT. */
ZK_CHECKED enum zk_err reader_all(struct reader *r, struct buf *out);

/* Starts cutting the open file, or n bytes at p (borrowed), under k. */
ZK_CHECKED enum zk_err reader_start(struct reader *r, const struct key *k);
ZK_CHECKED enum zk_err reader_start_bytes(struct reader *r,
    const struct key *k, const void *p, size_t n);

/*
 * Replaces chunk by the next one, which comes *count times in a row.
 * ZK_ENOENT behind the last, once the file is seen to be as it was opened;
 * ZK_ECHANGED if it is not.  ZK_EIO, ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err reader_next(struct reader *r, struct buf *chunk,
    uint64_t *count);

#endif
