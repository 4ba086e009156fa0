/*
 * The dictionary of op ids along one segment, for op.c: see format/op.h.
 */
#ifndef ZK_FORMAT_OPDICT_H
#define ZK_FORMAT_OPDICT_H

#include <stdbool.h>

#include "format/op.h"

struct rd;

/* Appends a reference to id; spells it out if it is not there yet. */
enum zk_err opdict_put(struct opdict *d, const struct opid *id,
    struct buf *out);

/* Reads a reference to *id; marks r failed if it is not a good one. */
void opdict_get(struct opdict *d, struct rd *r, struct opid *id);

/* Whether contents may be gone. */
bool opdict_is_thin(const struct opdict *d);

/* The wall time of the op before (of the segment, for the first), ms. */
int64_t opdict_wall(const struct opdict *d);
void opdict_set_wall(struct opdict *d, int64_t wall_ms);

#endif
