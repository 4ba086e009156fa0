/*
 * Checkpoints (zk-format(5), CHECKPOINTS) that this device knows of, and how
 * far it has come with each.
 */
#ifndef ZK_STORE_CPDB_H
#define ZK_STORE_CPDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/op.h"
#include "db/db.h"
#include "util/buf.h"

/* May be run on a database that has the tables. */
extern const char cpdb_schema[];

enum cpdb_state {
	CPDB_SEEN = 0,		/* its op is applied */
	CPDB_RIGHT = 1,		/* computed here, and the same */
	CPDB_WRONG = 2,		/* computed here, and another */
	CPDB_DONE = 3		/* all have it: what it covers is thin here */
};

struct cpdb_checkpoint {
	struct opid id;		/* of its op */
	uint64_t locator;	/* of its op: segment and index */
	enum cpdb_state state;
};

/*
 * Takes one in by its op (id, content with locator, body), as CPDB_SEEN;
 * known already is fine.  It stays when its segment becomes thin.
 */
ZK_CHECKED enum zk_err cpdb_add(struct db *db, const struct op *op);
/*
 * In place of what they held: its body, and its content, whose data lends
 * from data.  ZK_ENOENT.
 */
ZK_CHECKED enum zk_err cpdb_load(struct db *db, const struct opid *id,
    struct buf *body, struct content *c, struct buf *data);
ZK_CHECKED enum zk_err cpdb_set(struct db *db, const struct opid *id,
    enum cpdb_state state);

/* The one with the greatest id below *below (NULL: of all).  ZK_ENOENT. */
ZK_CHECKED enum zk_err cpdb_newest(struct db *db, const struct opid *below,
    struct cpdb_checkpoint *out);

/* The newest that is done.  ZK_ENOENT: none is. */
ZK_CHECKED enum zk_err cpdb_done(struct db *db,
    struct cpdb_checkpoint *out);

/*
 * The pending segment in row seg (of logdb) has a checkpoint with that op id:
 * what it waits for may be in that.  Of those that are pending still the one
 * with the greatest id below *id (all 0xff: of all).  ZK_ENOENT.
 */
ZK_CHECKED enum zk_err cpdb_offer(struct db *db, const struct opid *id,
    int64_t seg);
ZK_CHECKED enum zk_err cpdb_offered(struct db *db, struct opid *id,
    int64_t *seg);

/*
 * Whether the bytes held of segment seg (a row of logdb) are its thin form;
 * notes that those of one that was just put are.
 */
ZK_CHECKED enum zk_err cpdb_is_thin(struct db *db, int64_t seg, bool *yes);
ZK_CHECKED enum zk_err cpdb_thin_note(struct db *db, int64_t seg);
/*
 * Puts that form, len bytes, in the place of what is held; blobs: an op in it
 * names some still.
 */
ZK_CHECKED enum zk_err cpdb_thin(struct db *db, int64_t seg, const void *data,
    size_t len, bool blobs);
/* Notes, in the tree, that the content which an op brought is gone. */
ZK_CHECKED enum zk_err cpdb_gone(struct db *db, const struct opid *id);

#endif
