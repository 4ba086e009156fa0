/*
 * The body of an append while it streams in: cut into segments, each kept as
 * a body and checked (header, hash, signature) as soon as it is whole, none
 * of it in memory beyond BODY_SMALL.
 */
#ifndef ZK_RELAY_INTAKE_H
#define ZK_RELAY_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/depot.h"

struct intake;

ZK_CHECKED enum zk_err intake_new(struct body_shop *shop,
    struct intake **out);
void intake_free(struct intake *in);

/*
 * Takes the next n bytes.  ZK_EFORMAT: not an append.  ZK_EVERSION,
 * ZK_ETAMPER: a segment that does not check.  ZK_EBUSY, ZK_EDISKFULL and so
 * on as body_put.
 */
ZK_CHECKED enum zk_err intake_put(struct intake *in, const uint8_t *p,
    size_t n);

/* ZK_OK if all that was announced has come; else ZK_EFORMAT. */
ZK_CHECKED enum zk_err intake_end(const struct intake *in);

/* The checked segments; they and their bodies stay in's. */
struct depot_seg *intake_segs(struct intake *in, size_t *n);

#endif
