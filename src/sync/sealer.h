/*
 * The middle of an upload: plain chunks go in, their references come out in
 * the order they went in, their blobs go to the remote.
 *
 *	put -> hash (pool) -> known? -> seal (pool) -> commit -> send
 *
 * A reference comes out as soon as it is known; the blob follows later, and
 * only flush says that all of them are durable.  Everything here runs on
 * the caller's thread but hashing and sealing.  The first failure sticks.
 * Used by upload.c alone; the rules of upload.h apply.
 */
#ifndef ZK_SYNC_SEALER_H
#define ZK_SYNC_SEALER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/chunk.h"
#include "sync/upload.h"
#include "util/err.h"

struct buf;
struct sealer;

enum sealer_mode {
	SEALER_SEND,	/* find or seal it, and send what is not there */
	SEALER_HASH,	/* only its plaintext hash and length */
	SEALER_AGAIN,	/* seal under the reference given, and send */
	/* the blob of the reference given is dead: another one, and an alias */
	SEALER_ANEW
};

struct sealer_in {
	enum sealer_mode mode;
	uint64_t count;			/* given back with the reference */
	const struct chunk_ref *ref;	/* AGAIN, ANEW: as recorded */
};

/* o is borrowed.  ZK_ENOMEM. */
ZK_CHECKED enum zk_err sealer_new(const struct upload_opts *o,
    struct sealer **out);
/* Cancels what is in flight. */
void sealer_free(struct sealer *s);

/* True if a chunk of n bytes may be put now. */
bool sealer_room(const struct sealer *s, size_t n);

/*
 * Takes the bytes of plain (it is empty afterwards) as the next chunk.  Only
 * while sealer_room.
 */
ZK_CHECKED enum zk_err sealer_put(struct sealer *s,
    const struct sealer_in *in, struct buf *plain);

/*
 * The oldest reference put and not yet taken, if it is known; ZK_ENOENT if
 * it is not (or nothing is out).
 */
ZK_CHECKED enum zk_err sealer_take(struct sealer *s, struct chunk_ref *ref,
    uint64_t *count);

/* References put and not taken. */
size_t sealer_out(const struct sealer *s);

/*
 * Moves everything on: what is ready now, and with wait set at least one
 * thing if anything is under way.  The sticky failure; ZK_ESIGNAL when the
 * caller's stop says so.
 */
ZK_CHECKED enum zk_err sealer_step(struct sealer *s, bool wait);

/* A part of a manifest, at once: fills ref, whose hash is given. */
ZK_CHECKED enum zk_err sealer_part(struct sealer *s, unsigned level,
    const uint8_t *plain, size_t n, struct chunk_ref *ref);

/* The same of one whose recorded blob is dead; a new one gets an alias. */
ZK_CHECKED enum zk_err sealer_part_anew(struct sealer *s, unsigned level,
    const uint8_t *plain, size_t n, struct chunk_ref *ref);

/* Sends the stored bytes of ref as they are; takes them (empty after). */
ZK_CHECKED enum zk_err sealer_pass(struct sealer *s,
    const struct chunk_ref *ref, unsigned level, struct buf *stored);

/* Until all is durable and noted. */
ZK_CHECKED enum zk_err sealer_flush(struct sealer *s);

/* Whether the sticky failure has happened. */
bool sealer_ended(const struct sealer *s);

void sealer_stats(const struct sealer *s, struct upload_stats *out);

#endif
