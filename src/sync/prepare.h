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

struct preparer;

struct prepared {
	struct diff d;		/* its path is ours */
	char *path;
	bool read;		/* content, st, racy are filled */
	struct content content;	/* data in buf data, script in buf script */
	struct buf data;
	struct buf script;
	struct buf text;	/* a text of another version than base's */
	struct base_stat st;	/* of what was read, else of the scan */
	bool racy;
	bool adopt;		/* the merged tree has just this here */
	struct buf seen;	/* adopt: what base is to hold */
	bool copy;		/* adopt: a conflict copy, of that key */
	struct opid key;
	uint64_t locator;
	struct preparer *by;
};

/*
 * Makes differences ready in the order given, small files on the worker
 * threads ahead of time.  One at a time a run.  ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err preparer_new(struct round *rd, struct upload *u,
    struct preparer **out);
void preparer_free(struct preparer *p);

/* True if another difference may be given now. */
bool preparer_room(const struct preparer *p);

/* Gives d (copied).  Only with room. */
ZK_CHECKED enum zk_err preparer_give(struct preparer *p,
    const struct diff *d);

/*
 * The oldest difference given, ready: *out is the caller's.  *out NULL: none
 * is left.  ZK_EPARTIAL: the path was skipped (logged, counted).  ZK_ENOENT:
 * it has gone; nothing to record.  Other errors end the run.  adopt: look
 * it up in the merged tree.
 */
ZK_CHECKED enum zk_err preparer_take(struct preparer *p, bool adopt,
    struct prepared **out);
void prepared_free(struct prepared *p);

#endif
