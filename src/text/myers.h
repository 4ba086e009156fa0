/*
 * The shortest edit script of two sequences of numbers, in linear space
 * (Myers: "An O(ND) Difference Algorithm and Its Variations", 1986,
 * section 4b), with a bound on work: where a stretch needs more than a
 * certain number of edits, the path that got furthest is taken for good.
 * Merging documents of JSON depends on which of several scripts this finds.
 */
#ifndef ZK_TEXT_MYERS_H
#define ZK_TEXT_MYERS_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define MYERS_STEPS ((size_t)1 << 25)

/*
 * Sets a_new[i] and b_new[i] to 1 for each number that has no partner on the
 * other side, and leaves the others; the partners are those in order.  cost
 * is how many edits of one half of a stretch are looked for before giving up,
 * at least 1; for long sequences it is less, so that all of them take at most
 * some MYERS_STEPS, or 32 times their length.  ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err myers_mark(const uint32_t *a, size_t a_n,
    const uint32_t *b, size_t b_n, size_t cost, uint8_t *a_new, uint8_t *b_new);

#endif
