/*
 * How a person names an op: its Lamport time, a point, and as much of the
 * rest of its id as tells it from others, in hex ("419.4f2c"); or the 64 hex
 * digits of the whole id.  zk-log(1).  Internal to sync/.
 */
#ifndef ZK_SYNC_OPNAME_H
#define ZK_SYNC_OPNAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/op.h"
#include "util/err.h"

struct vault;

#define OPNAME_REST_MAX 52	/* hex digits behind the point */

struct opname {
	uint64_t lamport;
	char rest[OPNAME_REST_MAX + 1];	/* lower case; may be "" */
};

/* ZK_EUSAGE: not a name of an op.  Pure. */
ZK_CHECKED enum zk_err opname_parse(const char *s, struct opname *out);

/* The name that zk log prints, and the whole id. */
#define OPNAME_SHORT_MAX 24
void opname_short(const struct opid *id, char out[static OPNAME_SHORT_MAX]);
void opname_full(const struct opid *id, char out[static 2 * OPID_LEN + 1]);

/* An op that was found, without what it lends. */
struct opname_op {
	struct op op;		/* no name, references, data */
	struct opid content_ref; /* the greatest content head it names */
	int64_t seg;		/* row of the segment it is in */
};

/*
 * The op of that name.  ZK_ENOENT (logged): there is none.  ZK_EUSAGE
 * (logged): more than one.
 */
ZK_CHECKED enum zk_err opname_find(struct vault *v, const char *s,
    struct opname_op *out);

/*
 * Of a removal in segment seg: the first op of the unbroken row of removals
 * in its log that it ends, as far as they were recorded together.
 */
ZK_CHECKED enum zk_err opname_removals(struct vault *v, int64_t seg,
    const struct opid *id, struct opid *first);

#endif
