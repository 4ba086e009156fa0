/*
 * All groups of a (united) directory in the order of their names, with a
 * page of children of each of its nodes in memory.
 */
#ifndef ZK_CRDT_FEED_H
#define ZK_CRDT_FEED_H

#include "crdt/group.h"
#include "util/err.h"

struct feed;

/* ZK_ENOMEM and what the store returns.  dirs is copied. */
ZK_CHECKED enum zk_err feed_open(const struct cdb *db,
    const struct group_dirs *dirs, struct feed **out);

/* The next group into g, resolved.  ZK_ENOENT: no more. */
ZK_CHECKED enum zk_err feed_next(struct feed *f, struct group *g);
void feed_close(struct feed *f);

#endif
