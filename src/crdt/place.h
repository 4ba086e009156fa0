/*
 * Places of directories: moves in the order of their ids, void where they
 * would make a cycle (zk-merge(7), PLACE).
 */
#ifndef ZK_CRDT_PLACE_H
#define ZK_CRDT_PLACE_H

#include "crdt/core.h"
#include "util/err.h"

/*
 * Takes in a move of directory node, whose record exists already: at once if
 * it is the greatest of all, else with the others in place_merge.
 */
ZK_CHECKED enum zk_err place_move(struct tree *t, struct cdb_node *node,
    struct cdb_op *op);

/* Undo, merge and redo for all that waits. */
ZK_CHECKED enum zk_err place_merge(struct tree *t);

#endif
