/*
 * A difference made ready to be recorded: its content read, hashed, sealed,
 * and compared with what the merged tree has at that path already.
 * Internal to sync/; outside any transaction.
 */
#ifndef ZK_SYNC_PREPARE_H
#define ZK_SYNC_PREPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "crdt/op.h"
#include "store/basedb.h"
#include "store/diffdb.h"
#include "sync/round.h"
#include "util/buf.h"

struct prepared {
	struct diff d;		/* path is owned: free with release */
	char *path;
	bool read;		/* content, st, racy are filled */
	struct content content;	/* data in buf data */
	struct buf data;
	struct base_stat st;	/* of what was read, else of the scan */
	bool racy;
	bool adopt;		/* the merged tree has just this here */
	struct buf seen;	/* adopt: what base is to hold */
	uint64_t locator;
};

/*
 * Makes d ready.  ZK_EPARTIAL: the path was skipped (logged, counted).
 * ZK_ENOENT: it has gone; nothing to record.  Other errors end the run.
 * adopt: look the path up in the merged tree.
 */
ZK_CHECKED enum zk_err prepare(struct round *rd, struct upload *u,
    const struct diff *d, bool adopt, struct prepared **out);
void prepared_free(struct prepared *p);

#endif
