/*
 * Visibility, and what follows from it: counts of visible children, names
 * that more than one visible node has, directories to be listed again.
 */
#ifndef ZK_CRDT_VIS_H
#define ZK_CRDT_VIS_H

#include "crdt/core.h"
#include "util/err.h"

/*
 * All return what the store returns.  A caller's copies of nodes are stale
 * after any of these.
 */

/* Writes what is pending of child counts, up to the root. */
ZK_CHECKED enum zk_err vis_flush(struct tree *t);

/* The listing of directory n (CDB_ROOT, CDB_LIMBO: nothing) may differ. */
ZK_CHECKED enum zk_err vis_dirty(struct tree *t, int64_t n);

/*
 * Writes node, whose liveness or content changed; was says whether it was
 * visible before, node->live and the count of what it shows decide whether
 * it is now.  Then everything that follows for its directory.
 */
ZK_CHECKED enum zk_err vis_settle(struct tree *t, struct cdb_node *node,
    bool was);

/* After a visible node was added: tells its rivals and its directory. */
ZK_CHECKED enum zk_err vis_added(struct tree *t, const struct cdb_node *node);

/* Puts the node elsewhere and writes it. */
ZK_CHECKED enum zk_err vis_place(struct tree *t, struct cdb_node *node,
    int64_t parent, const struct cdb_name *name, int64_t place);

#endif
