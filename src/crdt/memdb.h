/*
 * The merge's records in memory: for tests and simulation, where many small
 * trees come and go.  Not bounded, not persistent.
 */
#ifndef ZK_CRDT_MEMDB_H
#define ZK_CRDT_MEMDB_H

#include "crdt/cdb.h"
#include "util/err.h"

struct memdb;

/*
 * An empty store.  split_id makes the id of a split node: crdt may not
 * include crypto, so the caller brings the hash (zk-merge(7), SPLIT).
 */
ZK_CHECKED enum zk_err memdb_new(
    void (*split_id)(const struct opid *head, struct opid *out),
    struct memdb **out);
void memdb_free(struct memdb *m);

/* The interface, lent until memdb_free. */
const struct cdb *memdb_cdb(struct memdb *m);

#endif
