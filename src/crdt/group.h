/*
 * The visible nodes that have one name in one (united) directory, and what
 * they show as: zk-merge(7), EQUAL NAMES.
 */
#ifndef ZK_CRDT_GROUP_H
#define ZK_CRDT_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/cdb.h"
#include "crdt/cname.h"
#include "crdt/heads.h"
#include "util/err.h"

/* The nodes that are a directory; n > 0. */
struct group_dirs {
	int64_t *v;
	size_t n;
};

/* One thing that shows. */
struct group_ent {
	size_t rep;		/* its node with the least id: index in v */
	size_t copy;		/* 0: what the nodes are; else a conflict
				   copy of rep: that group of its heads */
};

struct group {
	struct cdb_node *v;	/* ascending by id */
	size_t n, cap;
	/* by group_resolve; of v[i]: */
	struct heads *heads;	/* empty for directories and lone births */
	size_t *ent_of;		/* the entity (copy 0) it is part of */
	struct group_ent *ents;	/* the first has the name */
	size_t ents_n, ents_cap;
};

void group_init(struct group *g);
/* Empty again, memory kept. */
void group_reset(struct group *g);
void group_release(struct group *g);

/* All return ZK_ENOMEM and what the store returns. */

/* One more node, in any order.  Call group_resolve when all are there. */
ZK_CHECKED enum zk_err group_add(struct group *g,
    const struct cdb_node *node);
ZK_CHECKED enum zk_err group_resolve(struct group *g, const struct cdb *db);

/* All of a name, resolved; n 0 if there is none.  g is reset first. */
ZK_CHECKED enum zk_err group_load(struct group *g, const struct cdb *db,
    const struct group_dirs *dirs, const struct cdb_name *name);

/* What dates the name of an entity that does not have the name. */
void group_stamp(const struct group *g, const struct group_ent *e,
    struct cname_stamp *out);

#endif
