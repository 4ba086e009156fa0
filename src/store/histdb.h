/*
 * Questions about what was in the merged tree at any time, and which the
 * merge itself never asks: every place that a node ever had.  Over the
 * tables of treedb, of which it has some indices, small as long as little is
 * moved or removed.
 *
 * Nodes and ops are named by their keys, as in crdt/cdb.h.
 */
#ifndef ZK_STORE_HISTDB_H
#define ZK_STORE_HISTDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/cdb.h"
#include "db/db.h"
#include "util/err.h"

/* May be run on a database that has the indices. */
extern const char histdb_schema[];

/* Anything but ZK_OK ends the walk. */
typedef enum zk_err histdb_fn(void *arg, int64_t n);

/*
 * Each node that any op ever put into the directory parent under that name,
 * once, in no order; fn may not write to the tree.
 */
ZK_CHECKED enum zk_err histdb_at(struct db *db, int64_t parent,
    const struct cdb_name *name, histdb_fn *fn, void *arg);

/* The parent of each place that node n ever had; some may come twice. */
ZK_CHECKED enum zk_err histdb_parents(struct db *db, int64_t n,
    histdb_fn *fn, void *arg);

/* Where a node was. */
struct histdb_place {
	int64_t parent;
	struct cdb_name name;
};

/*
 * The place of node n by the ops with an id below this one: what the
 * greatest of them that puts it anywhere and is not void says, else its
 * birth.  ZK_ENOENT: no such node; or it was split off, and by none of them.
 */
ZK_CHECKED enum zk_err histdb_place(struct db *db, int64_t n,
    const struct opid *id, struct histdb_place *out);

#endif
