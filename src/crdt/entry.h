/*
 * From a resolved group to what list_next hands out.
 */
#ifndef ZK_CRDT_ENTRY_H
#define ZK_CRDT_ENTRY_H

#include "crdt/group.h"
#include "crdt/list.h"
#include "crdt/seen.h"
#include "util/buf.h"
#include "util/err.h"

/* A list_entry and the memory that it lends from. */
struct entry {
	struct list_entry e;
	struct cdb_name name;
	struct opid *nodes;
	size_t nodes_cap;
	int64_t *keys;		/* of nodes */
	struct buf seen;
};

void entry_init(struct entry *en);
void entry_release(struct entry *en);

/*
 * Fills en from entity e of g; name is the final one, made says that the
 * rule made it.  ZK_ENOMEM and what the store returns.
 */
ZK_CHECKED enum zk_err entry_fill(struct entry *en, const struct cdb *db,
    const struct group *g, const struct group_ent *e,
    const struct cdb_name *name, bool made);

/* Adds the node's heads of place, keep and attributes to sn. */
ZK_CHECKED enum zk_err entry_see(const struct cdb *db,
    const struct cdb_node *node, struct seen_node *sn);

#endif
