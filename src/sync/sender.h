/*
 * The end of an upload: sealed blobs go in, are noted in the index, leave
 * for the remote, and are noted as durable.
 *
 * Blobs are committed in batches, each before its first byte is sent.  The
 * first failure sticks.  Used by sealer.c alone; the rules of upload.h apply.
 */
#ifndef ZK_SYNC_SENDER_H
#define ZK_SYNC_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/chunk.h"
#include "sync/upload.h"
#include "util/err.h"

struct buf;
struct sender;

#define SENDER_MAX 64u		/* blobs waiting or in flight */

/* o is borrowed.  ZK_ENOMEM. */
ZK_CHECKED enum zk_err sender_new(const struct upload_opts *o,
    struct sender **out);
/* Cancels what is in flight. */
void sender_free(struct sender *s);

struct sender_in {
	const struct chunk_ref *ref;
	unsigned level;		/* above 0: a part, also kept here */
	uint64_t bytes;		/* of content that it stands for */
	bool alias;		/* others know this plaintext elsewhere */
};

/* Takes the stored bytes (empty afterwards). */
ZK_CHECKED enum zk_err sender_put(struct sender *s,
    const struct sender_in *in, struct buf *stored);

/* A blob of that plaintext that is not committed yet. */
bool sender_find(const struct sender *s,
    const uint8_t hash[static CHUNK_HASH_LEN], struct chunk_ref *ref);

size_t sender_count(const struct sender *s);	/* waiting or in flight */
size_t sender_flying(const struct sender *s);	/* in flight */
size_t sender_held(const struct sender *s);	/* bytes */

/*
 * Commits and submits what is worth it (all, if last), and takes what the
 * network has at once.  *any: something was done.
 */
ZK_CHECKED enum zk_err sender_step(struct sender *s, bool last, bool *any);

/*
 * Lets the network work until one blob has landed or ms passed.
 * ZK_ETIMEDOUT: nothing landed for far too long.
 */
ZK_CHECKED enum zk_err sender_wait(struct sender *s, int ms);

/* Notes what landed; all of it, once sender_count is 0. */
ZK_CHECKED enum zk_err sender_note(struct sender *s);

/* Adds sent, sent_bytes and max_inflight. */
void sender_stats(const struct sender *s, struct upload_stats *out);

#endif
