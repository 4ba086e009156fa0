/*
 * Remotes: where they are, how far this device has read each (marks), what
 * each is known to hold, and hence what each still lacks (the outbox).
 */
#ifndef ZK_STORE_REMOTEDB_H
#define ZK_STORE_REMOTEDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db/db.h"
#include "util/buf.h"

#define REMOTEDB_URL_MAX 2048
#define REMOTEDB_MARK_MAX 64
#define REMOTEDB_MAX 16

extern const char remotedb_schema[], remotedb_full_schema[];

struct remotedb_remote {
	int64_t id;
	unsigned pos;		/* 0: primary */
	bool created;		/* its space exists */
	int64_t last_ok_ms;	/* wall clock; 0 never */
	char url[REMOTEDB_URL_MAX];
};

ZK_CHECKED enum zk_err remotedb_add(struct db *db, const char *url,
    int64_t *id);		/* ZK_EEXIST, ZK_ELIMIT */
ZK_CHECKED enum zk_err remotedb_rm(struct db *db, const char *url);
/* The remote at position pos (0..).  ZK_ENOENT past the last. */
ZK_CHECKED enum zk_err remotedb_at(struct db *db, unsigned pos,
    struct remotedb_remote *out);
ZK_CHECKED enum zk_err remotedb_created(struct db *db, int64_t id);
ZK_CHECKED enum zk_err remotedb_ok(struct db *db, int64_t id, int64_t ms);

/* Marks: which 0 segments, 1 records.  An unset mark has length 0. */
ZK_CHECKED enum zk_err remotedb_mark(struct db *db, int64_t id, int which,
    uint8_t out[static REMOTEDB_MARK_MAX], size_t *len);
ZK_CHECKED enum zk_err remotedb_mark_set(struct db *db, int64_t id,
    int which, const void *mark, size_t len);

/*
 * Object kinds in the table of what a remote holds: a segment (by hash) or
 * a record (by name).
 */
ZK_CHECKED enum zk_err remotedb_has(struct db *db, int64_t id,
    const uint8_t hash[static 32], bool *has);
ZK_CHECKED enum zk_err remotedb_has_set(struct db *db, int64_t id,
    const uint8_t hash[static 32]);
/*
 * To be called when it was told what the remote holds: notes up to where it
 * has everything, so that what it lacks is found however long the logs are.
 */
ZK_CHECKED enum zk_err remotedb_fill(struct db *db, int64_t id);
/* Forgets all that the remote was known to hold, and its marks. */
ZK_CHECKED enum zk_err remotedb_forget(struct db *db, int64_t id);

/*
 * The next applied segment, in the order applied, after order `after`, that
 * the remote is not known to hold: *seg its row.  ZK_ENOENT: none.
 */
ZK_CHECKED enum zk_err remotedb_lacks(struct db *db, int64_t id,
    int64_t after, int64_t *seg);
/* How many segments it lacks. */
ZK_CHECKED enum zk_err remotedb_behind(struct db *db, int64_t id,
    uint64_t *n);
/* How many of these are acknowledgements, or merges that a pull made. */
ZK_CHECKED enum zk_err remotedb_behind_pulled(struct db *db, int64_t id,
    uint64_t *n);

/* How many segments, of how many stored bytes, remotedb_lacks will give;
 * *blobs: some name blobs. */
ZK_CHECKED enum zk_err remotedb_lacking(struct db *db, int64_t id,
    uint64_t *n, uint64_t *bytes, bool *blobs);

/* Records held here, as stored bytes, in the order they came. */
ZK_CHECKED enum zk_err remotedb_rec_put(struct db *db,
    const uint8_t name[static 32], const void *p, size_t n); /* ZK_EEXIST */
ZK_CHECKED enum zk_err remotedb_rec_has(struct db *db,
    const uint8_t name[static 32], bool *has);
/* The record after row `after` (0: first).  ZK_ENOENT. */
ZK_CHECKED enum zk_err remotedb_rec_next(struct db *db, int64_t after,
    int64_t *row, uint8_t name[static 32], struct buf *out);

#endif
