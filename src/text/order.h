/*
 * The order of inserted runs: the state that replay works on.
 *
 * A list of runs of units, those too that are deleted, in FugueMax order
 * (Weidner, Kleppmann: "The Art of the Fugue", 2023), as Eg-walker keeps it
 * (Gentle, Kleppmann: "Collaborative Text Editing with Eg-walker", 2025).
 * Each unit has a number, given in the order of insertion; those of the base
 * text are 0 to base - 1.  The state stands at one version at a time: a unit
 * is there, not there yet, or deleted by so many; positions count the units
 * that are there.  Independently of that a unit is gone for good once any
 * version deleted it.
 *
 * Runs lie in two splay trees over one array, one by place with the sum of
 * what is there, and one by number, so a step takes amortised logarithmic
 * time whatever the history.  An insertion also passes all that concurrent
 * versions inserted at its place.
 */
#ifndef ZK_TEXT_ORDER_H
#define ZK_TEXT_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define ORDER_BASE UINT32_MAX	/* the version of the base text */
#define ORDER_UNITS 0x7fffffffu	/* units there may be in all */

struct order;

struct order_run {
	uint32_t version;	/* who inserted it, or ORDER_BASE */
	uint32_t id;		/* number of its first unit */
	uint32_t len;		/* units */
};

/* ZK_ENOMEM; base is at most ORDER_UNITS, else ZK_ELIMIT. */
ZK_CHECKED enum zk_err order_new(uint32_t base, struct order **out);
void order_free(struct order *o);

/* The number that the next inserted unit gets. */
uint32_t order_next_id(const struct order *o);

/*
 * version inserts len units at pos, at one place with the insertions of
 * concurrent versions in the order of rank, the lower one first.  All units
 * of a version have the same rank.  ZK_EFORMAT when pos is beyond the text,
 * ZK_ELIMIT, ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err order_insert(struct order *o, uint32_t version,
    uint32_t rank, uint32_t pos, uint32_t len);

/*
 * Deletes len units at pos.  note is told the runs of numbers that went, in
 * the order of the text, for order_shift later.  ZK_EFORMAT when they are not
 * all there, ZK_ENOMEM and what note returns.
 */
ZK_CHECKED enum zk_err order_delete(struct order *o, uint32_t pos,
    uint32_t len, enum zk_err (*note)(void *, uint32_t, uint32_t), void *arg);

/*
 * Brings the state to another version.  For a run of numbers that one version
 * inserted, or that order_delete told: up goes forward over that insertion or
 * deletion, else back.  Whoever goes back takes the deletions first, and
 * forward the insertions.
 */
void order_shift(struct order *o, uint32_t id, uint32_t len, bool up);

/*
 * The runs that are there, or with all set those that are not gone, in their
 * order, adjacent numbers of one version in one.  *at is 0 at first; false at
 * the end.
 */
bool order_read(const struct order *o, bool all, uint32_t *at,
    struct order_run *run);

#endif
