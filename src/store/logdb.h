/*
 * Logs and their segments as held by this device: the stored bytes, what is
 * known of their past, and the heads.
 *
 * A segment is pending until every segment that its heads name is applied;
 * then sync applies it and it may become a tip.  A tip is an applied
 * segment that no applied segment follows: the heads of the vault.  A log
 * that was forked has several tips.
 */
#ifndef ZK_STORE_LOGDB_H
#define ZK_STORE_LOGDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db/db.h"
#include "util/buf.h"

#define LOGDB_HASH_LEN 32

extern const char logdb_schema[];

enum logdb_state {
	LOGDB_PENDING = 0,	/* waits for its past */
	LOGDB_APPLIED = 1
};

/* One segment without its bytes. */
struct logdb_seg {
	int64_t id;		/* row, stable; never reused */
	int64_t ord;		/* place in the order applied; 0 pending */
	uint8_t log[LOGDB_HASH_LEN];
	uint64_t seq;
	uint8_t hash[LOGDB_HASH_LEN];
	uint8_t prev[LOGDB_HASH_LEN];	/* zero for seq 1 */
	uint64_t last_lamport;	/* of its last op; 0 while pending */
	uint64_t size;		/* stored bytes */
	int64_t wall_ms;	/* newest wall time in it; display only */
	enum logdb_state state;
	bool tip;
	bool ack;		/* holds no ops but acknowledgements */
	bool merge;		/* of ours: nothing but merges of a pull */
	bool blobs;		/* an op in it names blobs */
};

/* What one log is. */
struct logdb_log {
	uint8_t log[LOGDB_HASH_LEN];
	uint8_t device[LOGDB_HASH_LEN];	/* zero until its certificate is in */
	uint64_t incarnation;
};

/* The row that the next logdb_put without an id would get. */
ZK_CHECKED enum zk_err logdb_next_id(struct db *db, int64_t *id);

/*
 * Inserts s with its stored bytes, in row s->id or, if that is 0, in a new
 * one (id is set); state, tip, ack and
 * last_lamport as given.  ZK_EEXIST: these bytes are held already.
 */
ZK_CHECKED enum zk_err logdb_put(struct db *db, struct logdb_seg *s,
    const void *data, size_t len);

/* By hash; by row.  ZK_ENOENT. */
ZK_CHECKED enum zk_err logdb_by_hash(struct db *db,
    const uint8_t hash[static LOGDB_HASH_LEN], struct logdb_seg *out);
ZK_CHECKED enum zk_err logdb_by_id(struct db *db, int64_t id,
    struct logdb_seg *out);

/* Appends the stored bytes of segment id to out. */
ZK_CHECKED enum zk_err logdb_data(struct db *db, int64_t id,
    struct buf *out);

/* True in *have if (log, seq, hash) is held, pending or applied. */
ZK_CHECKED enum zk_err logdb_have(struct db *db,
    const uint8_t hash[static LOGDB_HASH_LEN], bool *have);

/*
 * Marks a pending segment applied: it becomes a tip and its predecessor no
 * longer is one.
 */
ZK_CHECKED enum zk_err logdb_applied(struct db *db,
    const struct logdb_seg *s);

/*
 * Notes that segment id waits for the segment with this hash (of log, at
 * seq: for messages).
 */
ZK_CHECKED enum zk_err logdb_wait(struct db *db, int64_t id,
    const uint8_t log[static LOGDB_HASH_LEN], uint64_t seq,
    const uint8_t hash[static LOGDB_HASH_LEN]);

/* Forgets the waits for this hash; segments may become ready. */
ZK_CHECKED enum zk_err logdb_arrived(struct db *db,
    const uint8_t hash[static LOGDB_HASH_LEN]);

/*
 * The same for all records that are here, of which a run that was stopped may
 * not have got to say so.
 */
ZK_CHECKED enum zk_err logdb_records_arrived(struct db *db);

/* The next pending one, after row after, that waits for nothing.  ZK_ENOENT. */
ZK_CHECKED enum zk_err logdb_ready(struct db *db, int64_t after,
    struct logdb_seg *out);

/* The pending segment with the lowest row above after.  ZK_ENOENT. */
ZK_CHECKED enum zk_err logdb_next_pending(struct db *db, int64_t after,
    struct logdb_seg *out);

/* Number of pending segments, and of those of one log. */
ZK_CHECKED enum zk_err logdb_pending(struct db *db, uint64_t *n);
/* All that are held. */
ZK_CHECKED enum zk_err logdb_count(struct db *db, uint64_t *n);
ZK_CHECKED enum zk_err logdb_pending_of(struct db *db,
    const uint8_t log[static LOGDB_HASH_LEN], uint64_t *n);

/* Each place that is waited for and not held: the gaps. */
ZK_CHECKED enum zk_err logdb_gaps(struct db *db,
    enum zk_err (*each)(void *arg, const uint8_t *log, uint64_t seq,
        const uint8_t *hash), void *arg);

/* Each tip, by log id. */
ZK_CHECKED enum zk_err logdb_tips(struct db *db,
    enum zk_err (*each)(void *arg, const struct logdb_seg *s), void *arg);

/* The tip of one log with the highest seq.  ZK_ENOENT. */
ZK_CHECKED enum zk_err logdb_tip(struct db *db,
    const uint8_t log[static LOGDB_HASH_LEN], struct logdb_seg *out);

/* How many tips one log has: more than one if it was forked. */
ZK_CHECKED enum zk_err logdb_tips_of(struct db *db,
    const uint8_t log[static LOGDB_HASH_LEN], uint64_t *n);

/* Other segments held at (log, seq) than this hash: a fork. */
ZK_CHECKED enum zk_err logdb_fork(struct db *db,
    const uint8_t log[static LOGDB_HASH_LEN], uint64_t seq,
    const uint8_t hash[static LOGDB_HASH_LEN], struct logdb_seg *other);

/* The segment applied next after order `after` (0: the first). */
ZK_CHECKED enum zk_err logdb_next(struct db *db, int64_t after,
    struct logdb_seg *out);

/*
 * Each applied segment that holds ops, the highest last Lamport time first;
 * of equal ones the newest row.
 */
ZK_CHECKED enum zk_err logdb_newest(struct db *db,
    enum zk_err (*each)(void *arg, int64_t id, uint64_t last_lamport),
    void *arg);

/*
 * Each applied segment that may hold an op of that Lamport time, by its own
 * last and that of the segment before it.
 */
ZK_CHECKED enum zk_err logdb_around(struct db *db, uint64_t lamport,
    enum zk_err (*each)(void *arg, int64_t id), void *arg);

/* Applied segments of a log from seq on (lowest first).  ZK_ENOENT. */
ZK_CHECKED enum zk_err logdb_from(struct db *db,
    const uint8_t log[static LOGDB_HASH_LEN], uint64_t seq,
    struct logdb_seg *out);

/*
 * Each applied segment by (last Lamport time, log, seq, hash): an order that
 * is the same on every device.
 */
ZK_CHECKED enum zk_err logdb_in_order(struct db *db,
    enum zk_err (*each)(void *arg, const struct logdb_seg *s), void *arg);

/* How many logs are known whose ids begin with these len bytes. */
ZK_CHECKED enum zk_err logdb_alike(struct db *db, const uint8_t *prefix,
    size_t len, uint64_t *n);

/* The device of a log; sets it; lists all. */
ZK_CHECKED enum zk_err logdb_log_get(struct db *db,
    const uint8_t log[static LOGDB_HASH_LEN], struct logdb_log *out);
ZK_CHECKED enum zk_err logdb_log_put(struct db *db,
    const struct logdb_log *l);
ZK_CHECKED enum zk_err logdb_logs(struct db *db,
    enum zk_err (*each)(void *arg, const struct logdb_log *l), void *arg);

/*
 * Heads that our own log has told others: those of other logs whose tips
 * differ from them go into the next segment.
 */
ZK_CHECKED enum zk_err logdb_told_put(struct db *db,
    const uint8_t hash[static LOGDB_HASH_LEN]);
ZK_CHECKED enum zk_err logdb_told_has(struct db *db,
    const uint8_t hash[static LOGDB_HASH_LEN], bool *has);
ZK_CHECKED enum zk_err logdb_told_clear(struct db *db);

/*
 * What device `device` has acknowledged of log: the highest seq its
 * segments named as a head.
 */
ZK_CHECKED enum zk_err logdb_ack_put(struct db *db,
    const uint8_t device[static LOGDB_HASH_LEN],
    const uint8_t log[static LOGDB_HASH_LEN], uint64_t seq);
ZK_CHECKED enum zk_err logdb_ack_get(struct db *db,
    const uint8_t device[static LOGDB_HASH_LEN],
    const uint8_t log[static LOGDB_HASH_LEN], uint64_t *seq);

#endif
