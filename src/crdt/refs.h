/*
 * What an op names: finding the records behind refs and marking them.
 */
#ifndef ZK_CRDT_REFS_H
#define ZK_CRDT_REFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/core.h"
#include "crdt/op.h"
#include "util/err.h"

/* Whether this op keeps its node alive: a head, not covered or dropped. */
bool refs_live(const struct cdb_op *op);

/*
 * ZK_EREFUSED unless ops at hand may name this one (tree_past), which is
 * there.
 */
ZK_CHECKED enum zk_err refs_past(struct tree *t, const struct opid *id,
    bool split);

/*
 * The op of node that ref names, which must be in one of regs.  ZK_EREFUSED:
 * not known, of another node or register, or not below op.
 */
ZK_CHECKED enum zk_err refs_get(struct tree *t, const struct op *op,
    const struct opid *ref, const struct cdb_node *node, uint8_t regs,
    struct cdb_op *out);

/*
 * ZK_EREFUSED unless all that op names may be named (node was asked for
 * before) and is as refs_get wants: place, content and attr refs in one of
 * these registers each (0: there must be none).
 */
ZK_CHECKED enum zk_err refs_check(struct tree *t, const struct op *op,
    const struct cdb_node *node, uint8_t place, uint8_t content,
    uint8_t attr);

/*
 * Writes ref with other heads and flags; keeps live, heads and flags of
 * node, which is not written.
 */
ZK_CHECKED enum zk_err refs_put(struct tree *t, struct cdb_node *node,
    struct cdb_op *ref, uint8_t heads, uint8_t flags);

/* The n named ops are no longer heads of these registers. */
ZK_CHECKED enum zk_err refs_replace(struct tree *t, const struct op *op,
    struct cdb_node *node, const struct opid *refs, size_t n, uint8_t regs);

/* The n named ops, each in one of these registers, get a flag. */
ZK_CHECKED enum zk_err refs_mark(struct tree *t, const struct op *op,
    struct cdb_node *node, const struct opid *refs, size_t n, uint8_t regs,
    uint8_t flag);

#endif
