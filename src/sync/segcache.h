/*
 * Finds content again by its locator: which op of which held segment.
 *
 * A locator is (row of the segment << 16 | index of the op); a few opened
 * segments are kept, each with a table of where its contents lie, so that
 * reading contents in the order they were written costs one opening a
 * segment.
 */
#ifndef ZK_SYNC_SEGCACHE_H
#define ZK_SYNC_SEGCACHE_H

#include <stdint.h>

#include "crdt/op.h"
#include "util/err.h"

struct buf;
struct segcache;
struct vault;

/* The locator of op number index of the segment in row seg. */
uint64_t segcache_locator(int64_t seg, size_t index);
int64_t segcache_row(uint64_t locator);

ZK_CHECKED enum zk_err segcache_new(struct segcache **out);
void segcache_free(struct segcache *c);
/* Forgets what it holds: segments were made thin. */
void segcache_clear(struct segcache *c);

/*
 * The content behind a locator; *out and its data live until the next call.
 * ZK_ETAMPER: no such op, or it has no content.  ZK_EGAP: it is past the
 * history window and gone; out has its size and hash.
 */
ZK_CHECKED enum zk_err segcache_content(struct vault *v, uint64_t locator,
    struct content *out);

/* The same as a copy that stays: its data is put in the place of data's. */
ZK_CHECKED enum zk_err segcache_copy(struct vault *v, uint64_t locator,
    struct content *out, struct buf *data);

#endif
