/*
 * The deletion brake's arithmetic.  The counts come from store/basedb.h;
 * moves are not removals.  Pure.
 */
#ifndef ZK_TREE_BRAKE_H
#define ZK_TREE_BRAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/err.h"

/* Over the limit = more than percent of the tree AND more than count. */
struct brake {
	uint64_t percent;	/* 0..100 */
	uint64_t count;
};

/* The default: over 50 % and over 100. */
void brake_default(struct brake *b);

/*
 * Reads "N" (over N entries, any share) or "N%" (over N per cent, any
 * number).  ZK_EUSAGE on anything else.
 */
ZK_CHECKED enum zk_err brake_parse(const char *s, struct brake *b);

/*
 * True if removing now entries more, after before in the last 24 hours, is
 * over the limit for a tree that had at most largest entries in that time.
 * now == 0 never is.  override is the exact number shown to the user (0 for
 * none): equal to now it lets this set pass, once.
 */
bool brake_over(const struct brake *b, uint64_t before, uint64_t now,
    uint64_t largest, uint64_t override);

#endif
