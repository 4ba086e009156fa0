/*
 * The messages of a vault's channels in its database (zk-merge(7),
 * CHANNELS), and which of them this device has given out.
 *
 * A message is a row; its content stays in its segment, where its locator
 * finds it.  Rows are numbered as they come, which is in causal order, since
 * segments are applied in it: so also in the order of each log.  What was
 * given out is said by the row and nowhere else: it is this device's alone.
 */
#ifndef ZK_STORE_MSGDB_H
#define ZK_STORE_MSGDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/op.h"
#include "db/db.h"
#include "format/msgop.h"

extern const char msgdb_schema[];

/*
 * Takes in one op of the log, as ingested or written; a transaction is open.
 * own: a message of this device, which is never given out here.  One that is
 * there already changes nothing.  Codes of msgop_decode: ZK_EREFUSED, void,
 * nothing was changed.
 */
ZK_CHECKED enum zk_err msgdb_take(struct db *db, const uint8_t log[static 32],
    const struct op *op, bool own);

/* A channel as it stands. */
struct msgdb_channel {
	int64_t c;		/* its number */
	uint64_t expiry;	/* seconds; 0: never */
};

/* ZK_ENOENT: nothing was ever recorded of it. */
ZK_CHECKED enum zk_err msgdb_find(struct db *db, const void *name, size_t len,
    struct msgdb_channel *out);

/* One message. */
struct msgdb_row {
	int64_t m;		/* its number, from 1 */
	struct opid id;
	uint8_t log[32];
	uint8_t device[32];
	int64_t wall_ms;	/* when it says it was sent */
	uint64_t locator;
	uint64_t size;		/* bytes */
	uint8_t label[MSG_LABEL_MAX];
	size_t label_len;
};

/* The first message of channel c after number m not given out.  ZK_ENOENT. */
ZK_CHECKED enum zk_err msgdb_next(struct db *db, int64_t c, int64_t m,
    struct msgdb_row *out);

/* The number of the last one not given out; 0: there is none. */
ZK_CHECKED enum zk_err msgdb_newest(struct db *db, int64_t c, int64_t *m);

/* Message m was given out, or never will be; a transaction is open. */
ZK_CHECKED enum zk_err msgdb_done(struct db *db, int64_t m);

/* Each channel by name, with how many messages are not given out. */
struct msgdb_seen {
	const uint8_t *name;	/* lends for the call */
	size_t name_len;
	uint64_t expiry;	/* seconds; 0: never */
	uint64_t waiting;
};
typedef enum zk_err msgdb_seen_fn(void *arg, const struct msgdb_seen *seen);
ZK_CHECKED enum zk_err msgdb_channels(struct db *db, msgdb_seen_fn *each,
    void *arg);

#endif
