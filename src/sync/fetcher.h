/*
 * The middle of a download: pieces of files go in, each is brought to its
 * place, and comes out as done or failed.
 *
 *	in the file already? -> local copy? -> remotes in order (network)
 *	    -> open, check, write (pool)
 *
 * Everything runs on the caller's thread but reading, opening, checking and
 * writing.  Used by download.c and stream.c; the rules of download.h apply.
 */
#ifndef ZK_SYNC_FETCHER_H
#define ZK_SYNC_FETCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/chunk.h"
#include "sync/download.h"
#include "sync/place.h"
#include "util/err.h"

struct fetcher;

/* o is borrowed.  ZK_ENOMEM. */
ZK_CHECKED enum zk_err fetcher_new(const struct download_opts *o,
    struct fetcher **out);
/* Cancels what is in flight, waits for the workers. */
void fetcher_free(struct fetcher *f);

#define FETCHER_LOCAL 2u

struct fetcher_in {
	const struct chunk_ref *ref;
	struct place to;
	bool keep;		/* it may be there already (a file) */
	struct {
		int fd;
		uint64_t off;
	} local[FETCHER_LOCAL];	/* may hold it too */
	unsigned local_n;
	unsigned only;		/* 0: any remote; i + 1: remote i alone */
	const char *path;	/* for messages; may be NULL */
	void *tag;		/* the caller's */
};

/* True if a piece of that reference may be put now. */
bool fetcher_room(const struct fetcher *f, const struct chunk_ref *ref);

/* Starts a piece.  Only while fetcher_room. */
ZK_CHECKED enum zk_err fetcher_put(struct fetcher *f,
    const struct fetcher_in *in);

struct fetcher_end {
	void *tag;
	uint64_t bytes;		/* plain bytes it stands for... */
	uint64_t told;		/* ...and those that fetcher_fresh gave */
	enum zk_err r;		/* what concerns a blob was logged */
};

/* A piece that ended; false if none has. */
bool fetcher_take(struct fetcher *f, struct fetcher_end *end);

/* Plain bytes of pieces in flight that passed since it was last called. */
uint64_t fetcher_fresh(struct fetcher *f);

/* Pieces put and not taken. */
size_t fetcher_out(const struct fetcher *f);

/*
 * Moves everything on: what is ready now, and with wait set at least one
 * thing if anything is under way.  ZK_ESIGNAL when the caller's stop says so.
 */
ZK_CHECKED enum zk_err fetcher_step(struct fetcher *f, bool wait);

/* Ends all pieces: those not done fail with ZK_ESIGNAL. */
void fetcher_quit(struct fetcher *f);

/*
 * Replaces plain by a part of a manifest, at once: kept in the index, or
 * from remote `only` (as above).  Errors as blobget.
 */
ZK_CHECKED enum zk_err fetcher_part(struct fetcher *f, unsigned only,
    unsigned level, const struct chunk_ref *ref, struct buf *plain);

/* Notes in the index what was found good, and what was not found. */
ZK_CHECKED enum zk_err fetcher_note(struct fetcher *f);

void fetcher_stats(const struct fetcher *f, struct download_stats *out);

#endif
