/*
 * Versions of content as vertices: ops that replace the same versions with
 * equal bytes are one (zk-merge(7), VERSIONS).
 */
#ifndef ZK_CRDT_VERTEX_H
#define ZK_CRDT_VERTEX_H

#include "crdt/core.h"
#include "crdt/op.h"
#include "util/err.h"

/* The op of vertex v with the lowest id: the version's own. */
ZK_CHECKED enum zk_err vertex_low(const struct cdb *db, int64_t v,
    struct cdb_op *out);

struct vertex_set {
	int64_t v[OP_REFS_MAX];	/* ascending, each once */
	size_t n;
};

/* The versions that op->content_refs name.  ZK_EREFUSED as refs_get; none. */
ZK_CHECKED enum zk_err vertex_set(struct tree *t, const struct op *op,
    const struct cdb_node *node, struct vertex_set *out);

/* The first op of the vertex that replaces just these with c; o 0: none. */
ZK_CHECKED enum zk_err vertex_find(struct tree *t,
    const struct vertex_set *s, const struct content *c, struct cdb_op *out);

/* v, which is new, replaces these: none of their ops is a head any more. */
ZK_CHECKED enum zk_err vertex_replace(struct tree *t, struct cdb_node *node,
    const struct vertex_set *s, int64_t v);

#endif
