/*
 * The fake remote from the inside: its state, and the lies that a test has
 * it tell.  i counts objects of a kind in the order they came.
 */
#ifndef ZK_TRANSPORT_LIE_FAKE_H
#define ZK_TRANSPORT_LIE_FAKE_H

#include "transport/box_fake.h"
#include "transport/remote_fake.h"
#include "transport/set_fake.h"

struct remote_fake {
	uint64_t gen;
	uint64_t clock;		/* arrivals so far */
	uint64_t calls;
	uint64_t bytes;
	struct remote_fake_faults faults;
	struct fake_set segs;
	struct fake_set begun;	/* one a log: what of it up to there is not
				 * in segs will not come; no data */
	struct fake_set recs;
	struct fake_set blobs;
	struct fake_boxes boxes;
};

/* Flips bit `bit` of segment, record or blob i ('s', 'r', 'b'). */
void lie_fake_flip(struct remote_fake *f, char kind, size_t i,
    size_t bit);
/* Forgets the newest n segments of the log of segment i. */
void lie_fake_rollback(struct remote_fake *f, size_t i, size_t n);
/* Forgets blob or record i. */
void lie_fake_forget(struct remote_fake *f, char kind, size_t i);

#endif
