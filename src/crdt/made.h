/*
 * The entries of one directory that do not have the name of their node, with
 * the names made for them: zk-merge(7), COPIES.
 */
#ifndef ZK_CRDT_MADE_H
#define ZK_CRDT_MADE_H

#include <stdbool.h>
#include <stddef.h>

#include "crdt/group.h"
#include "util/err.h"

struct made_ent {
	struct cdb_name name;	/* final */
	struct cdb_name base;	/* the name of the nodes */
	struct opid rep;	/* group_ent.rep's id */
	size_t copy;		/* group_ent.copy */
	bool dir;
	struct cname_stamp stamp;
};

struct made {
	struct made_ent *v;	/* ascending by name */
	size_t n, cap;
};

/* ZK_ENOMEM and what the store returns. */
ZK_CHECKED enum zk_err made_load(const struct cdb *db,
    const struct group_dirs *dirs, struct made *out);
void made_release(struct made *m);

/* The entity of a loaded group of m->base that m is; NULL: BUG of ours. */
const struct group_ent *made_ent_in(const struct made_ent *m,
    const struct group *g);

#endif
