/*
 * What each type of op does to the records (zk-merge(7), OPERATIONS).
 */
#ifndef ZK_CRDT_APPLY_H
#define ZK_CRDT_APPLY_H

#include "crdt/core.h"
#include "crdt/op.h"
#include "util/err.h"

/* The contract of tree_apply. */
ZK_CHECKED enum zk_err apply_op(struct tree *t, const struct op *op);

#endif
