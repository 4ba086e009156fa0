/*
 * What the parts of zk restore share.  Internal to sync/.
 *
 * A restore goes over what there was twice: to look (what is to be done, is
 * it in the way of anything, its content brought into .zk/tmp), and to
 * record it.  Between the two nothing changes; and nothing is recorded unless
 * all that was asked for can be had.
 */
#ifndef ZK_SYNC_RESTORE_INT_H
#define ZK_SYNC_RESTORE_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/list.h"
#include "sync/download.h"
#include "sync/round.h"
#include "sync/version.h"
#include "tree/rules.h"
#include "util/buf.h"

/* What becomes of one entry. */
enum restore_do {
	RESTORE_SAME,		/* it is as it was */
	RESTORE_NEW,		/* nothing is there */
	RESTORE_EDIT,		/* it is there, with another content or mode */
	RESTORE_LEAVE		/* something is in the way */
};

struct restore_fetch;
struct restore_record;

struct restore {
	struct round *rd;
	struct version *ver;
	const char *path;		/* relative to the root */
	const char *typed;
	struct sync_restored *out;
	struct rules *rules;
	struct restore_fetch *fetch;	/* the first time... */
	struct restore_record *record;	/* ...and the second; or neither */
	uint64_t there;			/* entries that were and are there */
};

/*
 * One entry as it was, at path.  name says why it is left, else NULL.
 * (sync/restore_walk.c)
 */
ZK_CHECKED enum zk_err restore_judge(struct restore *rs, const char *path,
    const struct version_file *f, enum restore_do *what, const char **why);

/* Goes over all of it, once. */
ZK_CHECKED enum zk_err restore_walk(struct restore *rs);

/* Contents into .zk/tmp (sync/restore_fetch.c). ------------------------- */

ZK_CHECKED enum zk_err restore_fetch_new(struct round *rd,
    struct restore_fetch **out);
void restore_fetch_free(struct restore_fetch *f);
/* Brings what lies in no op, now or with others. */
ZK_CHECKED enum zk_err restore_fetch_add(struct restore_fetch *f,
    const char *path, const struct content *c);
/* All that was added is there, or the first error of any. */
ZK_CHECKED enum zk_err restore_fetch_end(struct restore_fetch *f);
/* Removes what is left of the smaller ones. */
ZK_CHECKED enum zk_err restore_fetch_clear(struct round *rd);

/* The content of one file into fd, or in place of what out held. */
ZK_CHECKED enum zk_err restore_fetch_one(struct round *rd, const char *path,
    const struct content *c, int fd, struct buf *out);

/* New ops (sync/restore_record.c). -------------------------------------- */

ZK_CHECKED enum zk_err restore_record_new(struct round *rd,
    struct restore_record **out);
void restore_record_free(struct restore_record *rec);
/*
 * Records that path (NEW or EDIT) is f from now on; its directory is there,
 * or was recorded before.
 */
ZK_CHECKED enum zk_err restore_record_add(struct restore_record *rec,
    const char *path, const struct version_file *f, enum restore_do what);
ZK_CHECKED enum zk_err restore_record_end(struct restore_record *rec);

#endif
