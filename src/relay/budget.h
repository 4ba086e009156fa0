/*
 * The bytes of pages under way: what replies hold, in memory or as files that
 * stay open, until their clients have taken them.  They are bounded in all,
 * and those of one space to half of that: a member that reads slowly on many
 * connections is in the way of its own space alone, one of several spaces of
 * all.
 * For all threads.
 */
#ifndef ZK_RELAY_BUDGET_H
#define ZK_RELAY_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUDGET_PARTS 4096		/* spaces share these by their rows */

struct budget {
	uint64_t max;		/* bytes in all */
	atomic_uint_fast64_t all;
	atomic_uint_fast64_t part[BUDGET_PARTS];
};

/* max bytes in all. */
void budget_init(struct budget *b, uint64_t max);

/* Bytes that the space in that row may still take. */
uint64_t budget_room(const struct budget *b, int64_t space);

/*
 * Counts n bytes of a space that are there already; false, and nothing is
 * counted, if there was no room before.  What is over then is one page of
 * each thread at most, and no page is too large for ever.
 */
bool budget_take(struct budget *b, int64_t space, size_t n);

/* Gives them back. */
void budget_give(struct budget *b, int64_t space, size_t n);

#endif
