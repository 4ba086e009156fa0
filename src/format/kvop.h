/*
 * The bodies of value ops (zk-format(5), VALUE OPS):
 *
 *	[kind (1), of a remove] | namespace | name | [value | total]
 *
 * Ids that an op names stand before the body, as of every op.  A value is
 * in its op as it is, up to KV_VALUE_MAX.
 */
#ifndef ZK_FORMAT_KVOP_H
#define ZK_FORMAT_KVOP_H

#include "crdt/kv.h"
#include "util/err.h"

struct buf;

/* Bytes of the longest body. */
#define KVOP_BODY_MAX (KV_VALUE_MAX + 2 * KV_NAME_MAX + 64)

/* The kind of key that an op type is of; 0 for a remove and what is none. */
uint8_t kvop_kind(uint8_t type);
bool kvop_is(uint8_t type);

/*
 * Appends the body of v: type, key, value or total are read.  ZK_ELIMIT: the
 * value or total is out of range.  ZK_EREFUSED: the key is.
 */
ZK_CHECKED enum zk_err kvop_encode(const struct kv_op *v, struct buf *out);

/*
 * What op says; pointers lend from its body and refs.  op->id, device and
 * wall_ms are taken over, log and locator are not.  ZK_EFORMAT: not
 * canonical, or over a limit.  ZK_EREFUSED: void for everyone, ops after it
 * stand (an empty name, a NUL in a key, an unknown kind, a total out of
 * range).
 */
ZK_CHECKED enum zk_err kvop_decode(const struct op *op, struct kv_op *out);

#endif
