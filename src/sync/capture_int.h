/*
 * Between capture.c, which takes differences in batches, and
 * capture_record.c, which says each by ops of our log.
 */
#ifndef ZK_SYNC_CAPTURE_INT_H
#define ZK_SYNC_CAPTURE_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "sync/prepare.h"
#include "sync/round.h"
#include "sync/segw.h"
#include "util/buf.h"

struct recorder {
	struct round *rd;
	struct segw *w;
	struct buf old, seen, refs, dir, name;	/* scratch */
	uint64_t removed;
};

void recorder_init(struct recorder *r, struct round *rd);
void recorder_release(struct recorder *r);

/*
 * Records one difference and brings its row up to date; a batch of r->w and
 * its transaction are open.  ZK_EPARTIAL, ZK_ECHANGED: not now, nothing was
 * recorded.
 */
ZK_CHECKED enum zk_err recorder_one(struct recorder *r,
    const struct prepared *p);

/* Whether its ops went beyond the entry; before: segw_count until then. */
bool recorder_went_beyond(struct recorder *r, uint8_t what, uint64_t before);

#endif
