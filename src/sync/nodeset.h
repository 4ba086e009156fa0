/*
 * Which nodes a run has counted, so that none counts twice.  At most 8 MiB:
 * past half a million nodes what is not in it counts as new.
 */
#ifndef ZK_SYNC_NODESET_H
#define ZK_SYNC_NODESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct opid;

/* All zero: empty. */
struct nodeset {
	uint64_t *slot;		/* 8 bytes of each id; 0: free */
	size_t cap;		/* slots, a power of two */
	size_t n;
};

void nodeset_release(struct nodeset *s);

/*
 * Adds node: true if it was not in the set.  Without memory it stays out,
 * and is not in the set the next time either.
 */
bool nodeset_add(struct nodeset *s, const struct opid *node);

#endif
