/*
 * The content register of one node: which versions are heads, which of them
 * show, in which order, and where their branches began (zk-merge(7),
 * VERSIONS).
 */
#ifndef ZK_CRDT_HEADS_H
#define ZK_CRDT_HEADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/cdb.h"
#include "util/err.h"

/* One head: a vertex that nothing replaced. */
struct head {
	int64_t vertex;
	struct cdb_op low;	/* its op with the lowest id */
	struct cdb_op first;	/* first op of its branch; see heads_load */
	struct opid *ops;	/* all its ops, ascending */
	size_t ops_n, ops_cap;
	bool dropped;		/* every op dropped or covered */
	bool removed;		/* every op covered, and none dropped */
	bool split;		/* an op of it was split off */
	bool shown;
	size_t group;		/* heads of equal bytes; 0 has the name */
};

struct heads {
	struct head *v;
	size_t n, cap;
	size_t groups;		/* shown groups */
	bool whole;		/* more than content keeps the node alive */
};

/* ZK_ENOMEM and what the store returns. */

/*
 * The heads of a file or symlink, with groups in their order.  first is
 * filled where more than one group shows (a lone one needs no date).
 */
ZK_CHECKED enum zk_err heads_load(const struct cdb *db,
    const struct cdb_node *node, struct heads *out);
void heads_release(struct heads *h);

/* How many groups show: what heads_load says, cheaper. */
ZK_CHECKED enum zk_err heads_count(const struct cdb *db,
    const struct cdb_node *node, size_t *shown);

/* The head whose low is least in the group; NULL: there is no such. */
const struct head *heads_of_group(const struct heads *h, size_t group);

#endif
