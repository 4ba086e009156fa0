/*
 * What is known of blobs that are to go, or are gone (zk-gc(1)), and when
 * segments came.
 *
 * A blob that an applied condemn op names is dead for good: this device names
 * it in no op that it writes from then on.  Whether its bytes may be deleted
 * is another question, which sync/gc.h answers.
 */
#ifndef ZK_STORE_GCDB_H
#define ZK_STORE_GCDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/op.h"
#include "db/db.h"

#define GCDB_NAME_LEN 32

/* May be run on a database that has the tables. */
extern const char gcdb_schema[];

/*
 * The op in segment row seg condemns a blob: it is dead, and counts as being
 * on no remote.  The last to do so is kept: of the one before it may not be
 * known any more who heard it.
 */
ZK_CHECKED enum zk_err gcdb_condemn(struct db *db,
    const uint8_t name[static GCDB_NAME_LEN], int64_t seg);
/* How many bytes a dead blob has, where that was not known. */
ZK_CHECKED enum zk_err gcdb_size(struct db *db,
    const uint8_t name[static GCDB_NAME_LEN], uint64_t size);

ZK_CHECKED enum zk_err gcdb_dead(struct db *db,
    const uint8_t name[static GCDB_NAME_LEN], bool *dead);
/* The segment row whose op condemns it.  ZK_ENOENT: it is not dead. */
ZK_CHECKED enum zk_err gcdb_dead_by(struct db *db,
    const uint8_t name[static GCDB_NAME_LEN], int64_t *seg);
/* Whether any blob is dead. */
ZK_CHECKED enum zk_err gcdb_any(struct db *db, bool *any);

struct gcdb_dead {
	uint8_t name[GCDB_NAME_LEN];
	int64_t seg;		/* row of the segment that condemns it */
	uint64_t size;		/* bytes; 0: not known */
};

/*
 * Up to max dead blobs above the name after that are not known to be gone
 * from remote (0: whatever is known), ascending; *n of them in out.
 */
ZK_CHECKED enum zk_err gcdb_left(struct db *db, int64_t remote,
    const uint8_t after[static GCDB_NAME_LEN], struct gcdb_dead *out,
    size_t max, size_t *n);

/* The next row above after of a segment that condemns.  ZK_ENOENT. */
ZK_CHECKED enum zk_err gcdb_seg_next(struct db *db, int64_t after,
    int64_t *seg);

/* The blob is gone from the remote. */
ZK_CHECKED enum zk_err gcdb_gone(struct db *db,
    const uint8_t name[static GCDB_NAME_LEN], int64_t remote);
/* Forgets of the chunk index what is gone from n remotes. */
ZK_CHECKED enum zk_err gcdb_forget(struct db *db, size_t n);

/* Of the content that the op with this id brought all is dead that can be. */
ZK_CHECKED enum zk_err gcdb_done_put(struct db *db, const struct opid *id);
ZK_CHECKED enum zk_err gcdb_done(struct db *db, const struct opid *id,
    bool *done);

/* That is not known of any any more. */
ZK_CHECKED enum zk_err gcdb_undone(struct db *db);

/*
 * A blob in the chunk index that no op names, at ms: *since is when it was
 * first seen so.  And one that has got a meaning again.
 */
ZK_CHECKED enum zk_err gcdb_stray(struct db *db,
    const uint8_t name[static GCDB_NAME_LEN], int64_t ms, int64_t *since);
ZK_CHECKED enum zk_err gcdb_no_stray(struct db *db,
    const uint8_t name[static GCDB_NAME_LEN]);

/*
 * Notes that at ms all segments applied by then were here, unless there is no
 * new one.  Of several times within gap ms the first and the last are kept: a
 * segment may seem to have come so much later than it has.
 */
ZK_CHECKED enum zk_err gcdb_tick(struct db *db, int64_t ms, int64_t gap);
/*
 * The first of these times by which the segment with that place in the order
 * applied was here.  ZK_ENOENT: none.
 */
ZK_CHECKED enum zk_err gcdb_came(struct db *db, int64_t ord, int64_t *ms);

/* Chunks of the index above a name that are not dead: as gcdb_left, seg 0. */
ZK_CHECKED enum zk_err gcdb_chunks(struct db *db,
    const uint8_t after[static GCDB_NAME_LEN], struct gcdb_dead *out,
    size_t max, size_t *n);

/* Whether several versions of a node's content are there side by side. */
ZK_CHECKED enum zk_err gcdb_several(struct db *db, const struct opid *node,
    bool *several);

#endif
