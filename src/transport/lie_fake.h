/*
 * The fake remote from the inside: its state, and the lies that a test has
 * it tell.  i counts objects of a kind in the order they came.
 */
#ifndef ZK_TRANSPORT_LIE_FAKE_H
#define ZK_TRANSPORT_LIE_FAKE_H

#include "transport/box_fake.h"
#include "transport/remote_fake.h"
#include "transport/set_fake.h"

/* What it does when it is asked for the names of its blobs. */
enum lie_list {
	LIE_LIST_NOT,		/* tells the truth */
	LIE_LIST_UNABLE,	/* does not know the question */
	LIE_LIST_BACK,		/* the highest name first */
	LIE_LIST_MANY,		/* one more than a page may hold */
	LIE_LIST_ENDLESS,	/* pages full of made-up names, always more */
	LIE_LIST_EMPTY,		/* no name, and always more */
	LIE_LIST_HIDE		/* none, and no more */
};

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
	enum lie_list list;
	uint64_t listed;	/* names given in listings */
};

/* Flips bit `bit` of segment, record or blob i ('s', 'r', 'b'). */
void lie_fake_flip(struct remote_fake *f, char kind, size_t i,
    size_t bit);
/* Forgets the newest n segments of the log of segment i. */
void lie_fake_rollback(struct remote_fake *f, size_t i, size_t n);
/* Forgets blob or record i. */
void lie_fake_forget(struct remote_fake *f, char kind, size_t i);

/* Gives a listing, true or not: the operation blob_list of impl.h. */
ZK_CHECKED enum zk_err lie_fake_list(struct remote_fake *f,
    const uint8_t *after, enum zk_err (*each)(void *, const uint8_t *),
    void *arg, bool *more);

#endif
