/*
 * A remote in memory, shared by several transports, that can lose, delay,
 * double, reorder and cut short what passes, and fail after it has acted.
 * For tests and the simulator; never linked into the program.
 *
 * Every choice is drawn from the random bytes of the environment of the
 * transport that calls, so a fake environment makes the whole run a function
 * of its seed.  Compare-and-append is exact: one segment a place.
 */
#ifndef ZK_TRANSPORT_REMOTE_FAKE_H
#define ZK_TRANSPORT_REMOTE_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct remote_fake;
struct transport;
struct transport_opts;

/* How often, in 1024, each call meets each fault.  All 0: none. */
struct remote_fake_faults {
	unsigned lose;		/* the request is lost: ZK_ENET, no effect */
	unsigned late;		/* it acts, then fails: ZK_ENET */
	unsigned delay;		/* the clock moves 1..2000 ms first */
	unsigned twice;		/* a write is done twice, a segment given
				 * twice */
	unsigned reorder;	/* logs of a page, transfers: any order */
	unsigned cut;		/* a page ends early; a blob comes short */
	bool down;		/* every call: ZK_ENET */
	bool full;		/* every write of new bytes: ZK_EREMOTEFULL */
};

/* An empty remote with the generation gen, or NULL without memory. */
struct remote_fake *remote_fake_new(uint64_t gen);
void remote_fake_free(struct remote_fake *f);

/* Its faults from now on. */
void remote_fake_faults(struct remote_fake *f,
    const struct remote_fake_faults *faults);

/*
 * A transport on f, which must outlive it.  name stands for its URL.
 * opts->env is used for the clock and for the choice of faults.
 */
ZK_CHECKED enum zk_err remote_fake_open(struct remote_fake *f,
    const char *name, const struct transport_opts *opts,
    struct transport **out);

/* Objects held: segments, records, blobs. */
size_t remote_fake_segs(const struct remote_fake *f);
size_t remote_fake_recs(const struct remote_fake *f);
size_t remote_fake_blobs(const struct remote_fake *f);

/* Requests that had an effect or an answer, and bytes of segments, records
 * and blobs taken in, since it was made. */
uint64_t remote_fake_calls(const struct remote_fake *f);
uint64_t remote_fake_bytes(const struct remote_fake *f);

#endif
