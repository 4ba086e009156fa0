/* The order of a graph.  See graph.h. */
#include "text/graph.h"

#include <stdlib.h>

struct links {
	uint32_t *missing;	/* by version: parents not walked yet */
	uint32_t *first;	/* where its children begin in kids */
	uint32_t *kids;
	uint32_t *ready;	/* a stack: can be walked now */
	size_t ready_n;
};

/* Counts parents and children. */
static enum zk_err
count(const struct graph *g, struct links *l, size_t *edges)
{
	*edges = 0;
	for (size_t i = 0; i < g->n; i++) {
		uint32_t n;
		const uint32_t *parents = g->parents(g->v, i, &n);

		if (n > INT32_MAX - *edges)
			return ZK_ELIMIT;
		*edges += n;
		l->missing[i] = n;
		for (uint32_t k = 0; k < n; k++) {
			if (parents[k] >= i)
				return ZK_EFORMAT;
			l->first[parents[k]]++;
		}
	}
	return ZK_OK;
}

/* The children of each version, in falling order. */
static void
link_kids(const struct graph *g, struct links *l)
{
	for (size_t i = 1; i <= g->n; i++)
		l->first[i] += l->first[i - 1];
	/* filled from the end of each list; first is then its beginning */
	for (size_t i = 0; i < g->n; i++) {
		uint32_t n;
		const uint32_t *parents = g->parents(g->v, i, &n);

		for (uint32_t k = 0; k < n; k++)
			l->kids[--l->first[parents[k]]] = (uint32_t)i;
	}
}

/* The lowest on top of the stack, of those that wait for nothing else. */
static void
walk(const struct graph *g, struct links *l, uint32_t *order)
{
	size_t done = 0;

	for (size_t i = g->n; i-- > 0;)
		if (l->missing[i] == 0)
			l->ready[l->ready_n++] = (uint32_t)i;
	while (l->ready_n > 0) {
		uint32_t i = l->ready[--l->ready_n];

		order[done++] = i;
		for (uint32_t k = l->first[i]; k < l->first[i + 1]; k++)
			if (--l->missing[l->kids[k]] == 0)
				l->ready[l->ready_n++] = l->kids[k];
	}
}

enum zk_err
graph_order(const struct graph *g, uint32_t *order)
{
	struct links l = { .missing = NULL };
	size_t edges = 0;
	enum zk_err r = ZK_ENOMEM;

	if (g->n > INT32_MAX)
		return ZK_ELIMIT;
	l.missing = calloc(g->n + 1, sizeof(*l.missing));
	l.first = calloc(g->n + 1, sizeof(*l.first));
	l.ready = calloc(g->n + 1, sizeof(*l.ready));
	if (l.missing == NULL || l.first == NULL || l.ready == NULL)
		goto out;
	r = count(g, &l, &edges);
	if (r != ZK_OK)
		goto out;
	l.kids = calloc(edges + 1, sizeof(*l.kids));
	if (l.kids == NULL) {
		r = ZK_ENOMEM;
		goto out;
	}
	link_kids(g, &l);
	walk(g, &l, order);
out:
	free(l.missing);
	free(l.first);
	free(l.kids);
	free(l.ready);
	return r;
}
