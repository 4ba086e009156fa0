/*
 * Channels (zk-send(1), zk-recv(1)): what these commands call.  A message
 * goes through the log and the remotes as a push does, and comes as a fetch
 * does, without the folder: nothing in it is scanned, read or changed.
 */
#ifndef ZK_SYNC_MSG_H
#define ZK_SYNC_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/op.h"
#include "sync/sync.h"

#define MSG_ID_LEN (2 * OPID_LEN)	/* characters of a message's id */

/* Sending ----------------------------------------------------------------- */

/* What is sent: n bytes at p or, if that is NULL, all of a file. */
struct msg_source {
	const char *channel;	/* bytes ended by NUL; "" is one, too */
	const uint8_t *p;
	size_t n;
	int fd;			/* a regular file, read from its start */
	const char *label;	/* what the sender calls it; NULL: nothing */
};

struct msg_sent {
	char id[MSG_ID_LEN + 1];
	uint64_t size;		/* bytes */
	bool recorded;		/* it is durable here, whatever came after */
};

/*
 * Sends messages one after the other, or many at once, over one connection.
 * open finds the first remote that can be reached: without one it fails, and
 * nothing is recorded.  What *o and *rep point to is borrowed until close.
 */
struct msg_out;
ZK_CHECKED enum zk_err sync_msg_open(struct vault *v,
    const struct sync_opts *o, struct sync_report *rep,
    struct msg_out **out);

/*
 * Sends n messages in their order, all of them or none; sent gets one entry
 * each.  Their blobs are durable on that remote before they are recorded, and
 * they are themselves when this returns ZK_OK, with whatever earlier runs
 * left unsent.  ZK_ECHANGED: a file changed while it was read.  After an
 * error only close may follow.
 */
ZK_CHECKED enum zk_err sync_msg_put(struct msg_out *s,
    const struct msg_source *src, size_t n, struct msg_sent *sent);

/*
 * Ends a run that came to r until now: returns the worst of all.  The other
 * remotes get what was sent now, or later.
 */
ZK_CHECKED enum zk_err sync_msg_close(struct msg_out *s, enum zk_err r);

/* The three for one message. */
ZK_CHECKED enum zk_err sync_msg_send(struct vault *v,
    const struct sync_opts *o, const struct msg_source *src,
    struct msg_sent *out, struct sync_report *rep);

/*
 * Sets after how many seconds a message of the channel is no longer given
 * out, on any device; 0: never.  Durable as a message is.  ZK_EUSAGE
 * (logged): over MSG_EXPIRY_MAX.
 */
ZK_CHECKED enum zk_err sync_msg_expiry(struct vault *v,
    const struct sync_opts *o, const char *channel, uint64_t seconds,
    struct sync_report *rep);

/* Receiving --------------------------------------------------------------- */

/* A message; all lends for the call. */
struct msg {
	const char *id;		/* MSG_ID_LEN hex digits */
	const uint8_t *device;	/* SYNC_DEVICE_LEN bytes: the sender */
	const char *name;	/* of the device, UTF-8, unescaped */
	const char *tag;	/* of the device, as in conflict names */
	int64_t wall_ms;	/* when it says it was sent */
	uint64_t size;		/* bytes */
	const uint8_t *label;	/* what the sender calls it; any bytes */
	size_t label_len;
	const char *file;	/* its name in the directory, or NULL */
};

/*
 * Who takes messages.  begin, then data in order, to a message's size, then
 * end; or, where they go into a directory, end alone, once its file is there
 * for good.  flush: all that was handed over is to be out of this process
 * when it returns ZK_OK; after that it is not handed over again.  An error
 * of any ends the run.
 */
struct msg_sink {
	void *arg;
	enum zk_err (*begin)(void *arg, const struct msg *m);
	enum zk_err (*data)(void *arg, const void *p, size_t n);
	enum zk_err (*end)(void *arg, const struct msg *m);
	enum zk_err (*flush)(void *arg);
};

struct msg_recv_opts {
	const char *channel;	/* as in struct msg_source */
	uint64_t max;		/* messages at most; 0: all */
	const char *dir;	/* where files are made; NULL: to the sink */
	struct msg_sink sink;
};

struct msg_received {
	uint64_t n;		/* messages handed over */
	uint64_t bytes;		/* in them */
	int64_t newest;		/* what sync_msg_wait goes on from */
};

/*
 * Reads all remotes, then hands over the messages of the channel that were
 * not handed over to this device before: those of one sender in the order
 * sent, each only when all before it were.  What this device sent itself is
 * not among them, nor what has expired.  What is not whole or not right is
 * named, and keeps back its sender's alone.  Into a directory each is handed
 * over once: its file is named by its id, made durable under another name
 * and never takes another's place; one that an earlier run made and did not
 * live to note is found there.
 *
 * If the remotes cannot be read, what is held is handed over all the same,
 * and the code is the network's.  ZK_EGAP: something has not arrived.
 * ZK_EEXIST (logged): another file is where one was to be made.
 */
ZK_CHECKED enum zk_err sync_msg_recv(struct vault *v,
    const struct sync_opts *o, const struct msg_recv_opts *how,
    struct msg_received *out, struct sync_report *rep);

/*
 * Waits up to ms for a segment that is not held, on the first remote that
 * answers, or for another run on this device to take in a message of the
 * channel newer than since.  *news says whether there is.
 */
ZK_CHECKED enum zk_err sync_msg_wait(struct vault *v,
    const struct sync_opts *o, const char *channel, int64_t since,
    unsigned ms, bool *news);

/* A channel; lends for the call. */
struct msg_channel {
	const uint8_t *name;	/* any bytes but NUL */
	size_t name_len;
	uint64_t expiry;	/* seconds; 0: never */
	uint64_t waiting;	/* held here and not handed over */
};
typedef enum zk_err msg_channel_fn(void *arg, const struct msg_channel *c);

/* Every channel that this device knows, by name. */
ZK_CHECKED enum zk_err sync_msg_channels(struct vault *v,
    msg_channel_fn *each, void *arg);

#endif
