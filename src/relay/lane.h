/*
 * What one worker thread of the relay has for itself: its reader, the keys
 * it saw lately, and the requests that wait on it for something to happen.
 */
#ifndef ZK_RELAY_LANE_H
#define ZK_RELAY_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/core.h"
#include "relay/view.h"

enum lane_kind {
	LANE_SPACE,	/* new segments in the space of this row */
	LANE_BOX	/* something changed in the mailbox of this plate */
};

/* A waiting request; a member of the caller's struct. */
struct lane_wait {
	struct lane_wait *next, **prevp;	/* NULL: not waiting */
	enum lane_kind kind;
	int64_t key;
	/* on the lane's thread; may remove or add this wait, no other */
	void (*wake)(struct lane_wait *w);
};

ZK_CHECKED enum zk_err lane_new(struct core *core, unsigned index,
    struct lane **out);
void lane_free(struct lane *l);

struct view *lane_view(struct lane *l);

/* view_key, remembered until keys change. */
ZK_CHECKED enum zk_err lane_key(struct lane *l,
    const uint8_t locator[static DEPOT_NAME_LEN],
    const uint8_t pk[static DEPOT_NAME_LEN], int64_t *space, bool *retired);

/*
 * Adds w before the caller looks whether what it waits for is there: what
 * happens after lane_wait wakes it for sure.
 */
void lane_wait(struct lane *l, struct lane_wait *w, enum lane_kind kind,
    int64_t key);
/* Removes w; not waiting is fine. */
void lane_leave(struct lane *l, struct lane_wait *w);

/* Wakes all that wait for one of n keys, on any lane.  Any thread. */
void lane_wake(struct core *core, enum lane_kind kind, const int64_t *keys,
    size_t n);

#endif
