/*
 * The order in which a graph of versions is walked: parents before their
 * children, and a branch to its end before the next one begins, so that who
 * walks it seldom turns back.  A function of the graph and the numbers of its
 * versions alone.
 */
#ifndef ZK_TEXT_GRAPH_H
#define ZK_TEXT_GRAPH_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct graph {
	const void *v;		/* the caller's versions, 0 to n - 1 */
	size_t n;
	/* the parents of version i, *n of them; twice the same is allowed */
	const uint32_t *(*parents)(const void *v, size_t i, uint32_t *n);
};

/*
 * Fills order with the n versions.  ZK_EFORMAT: a parent is not below its
 * child; ZK_ELIMIT: more than 2^31 of either; ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err graph_order(const struct graph *g, uint32_t *order);

#endif
