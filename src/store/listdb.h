/*
 * Blobs that remotes list and that nothing here knows of (zk-gc(1)): since
 * when; and how far the list of each remote was read.
 *
 * What stands here is what a remote says, which decides alone when a name is
 * condemned that no op has.
 */
#ifndef ZK_STORE_LISTDB_H
#define ZK_STORE_LISTDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db/db.h"

#define LISTDB_NAME_LEN 32

/* May be run on a database that has the tables. */
extern const char listdb_schema[];

/* One look at the list of a remote. */
struct listdb_look {
	int64_t remote;
	int64_t no;		/* of this look: higher than all before */
	int64_t ms;		/* the time */
};

/* The number of the next look. */
ZK_CHECKED enum zk_err listdb_next(struct db *db, int64_t *no);

/*
 * That name is in the list: *since is when it first was.  One that is not
 * noted is only if add, else ZK_ENOENT; *fresh: it was not.
 */
ZK_CHECKED enum zk_err listdb_seen(struct db *db,
    const struct listdb_look *at, const uint8_t name[static LISTDB_NAME_LEN],
    bool add, int64_t *since, bool *fresh);

/*
 * Forgets what is noted of the remote above the name after (NULL: from the
 * lowest) and up to upto (NULL: to the highest) and was not seen in this
 * look.
 */
ZK_CHECKED enum zk_err listdb_unseen(struct db *db,
    const struct listdb_look *at, const uint8_t *after, const uint8_t *upto);

/* How many are noted, of all remotes. */
ZK_CHECKED enum zk_err listdb_count(struct db *db, uint64_t *n);

/*
 * Up to which name the list of a remote was read; ZK_ENOENT: from its start.
 * NULL: that is so again.
 */
ZK_CHECKED enum zk_err listdb_at(struct db *db, int64_t remote,
    uint8_t name[static LISTDB_NAME_LEN]);
ZK_CHECKED enum zk_err listdb_at_set(struct db *db, int64_t remote,
    const uint8_t *name);

/* Forgets all of a remote. */
ZK_CHECKED enum zk_err listdb_drop(struct db *db, int64_t remote);

#endif
