/*
 * The bodies of channel ops (zk-format(5), CHANNEL OPS):
 *
 *	channel | label		of a message, whose content stands before it
 *	channel | expiry	of a setting
 *
 * A channel is bytes without NUL, maybe none.  A label is what the sender
 * calls the message, for people alone.
 */
#ifndef ZK_FORMAT_MSGOP_H
#define ZK_FORMAT_MSGOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/op.h"
#include "util/err.h"

struct buf;

#define MSG_CHANNEL_MAX 255	/* bytes of a channel's name */
#define MSG_LABEL_MAX 255	/* bytes of a label */
#define MSG_EXPIRY_MAX (UINT64_C(100) * 366 * 86400)	/* seconds */

/* Bytes of the longest body. */
#define MSGOP_BODY_MAX (MSG_CHANNEL_MAX + MSG_LABEL_MAX + 16)

/* One channel op, decoded; pointers lend. */
struct msg_op {
	uint8_t type;		/* OP_MSG, OP_CHANNEL */
	const uint8_t *channel;
	size_t channel_len;
	const uint8_t *label;	/* OP_MSG; may be empty */
	size_t label_len;
	uint64_t expiry;	/* OP_CHANNEL: seconds; 0: never */
};

bool msgop_is(uint8_t type);

/*
 * Appends the body of m.  ZK_EREFUSED: a name or label that is too long or
 * has a NUL, an expiry out of range.
 */
ZK_CHECKED enum zk_err msgop_encode(const struct msg_op *m, struct buf *out);

/*
 * What op says; pointers lend from its body.  ZK_EFORMAT: not canonical, or
 * over a limit.  ZK_EREFUSED: void for everyone, ops after it stand (a NUL
 * in a name or label, an expiry out of range, content of a merge kind).
 */
ZK_CHECKED enum zk_err msgop_decode(const struct op *op, struct msg_op *out);

#endif
