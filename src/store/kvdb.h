/*
 * The value ops of a vault (crdt/kv.h) in its database, and what they mean.
 *
 * A row stays when its op is covered, without its value: it may be named
 * again, counters and lists still need it, and segments are kept anyway.
 * Keys get a new change number whenever what they mean may have changed.
 */
#ifndef ZK_STORE_KVDB_H
#define ZK_STORE_KVDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/kv.h"
#include "db/db.h"

extern const char kvdb_schema[];

/*
 * Takes in one op of the log, as ingested or written; a transaction is
 * open.  Codes of kvop_decode: ZK_EREFUSED, void, nothing was changed.
 */
ZK_CHECKED enum zk_err kvdb_take(struct db *db, const uint8_t log[static 32],
    const struct op *op);

/* A key's number.  ZK_ENOENT: nothing was ever recorded under it. */
ZK_CHECKED enum zk_err kvdb_find(struct db *db, const struct kv_key *key,
    int64_t *k);
/* Whether the key has a value now. */
ZK_CHECKED enum zk_err kvdb_present(struct db *db, int64_t k, uint8_t kind,
    bool *yes);

/* A live op; value lends for the call. */
struct kvdb_row {
	struct opid id;
	uint8_t device[32];
	int64_t wall_ms;
	uint64_t locator;
	const uint8_t *value;
	size_t value_len;
};
typedef enum zk_err kvdb_row_fn(void *arg, const struct kvdb_row *row);

/* The live ops of a key, the newest by op id first. */
ZK_CHECKED enum zk_err kvdb_live(struct db *db, int64_t k,
    kvdb_row_fn *each, void *arg);
/* Of a set: its members in the order of bytes, each once. */
ZK_CHECKED enum zk_err kvdb_members(struct db *db, int64_t k,
    kvdb_row_fn *each, void *arg);
/* Of a set: the live ops that add this member. */
ZK_CHECKED enum zk_err kvdb_adds(struct db *db, int64_t k, const void *p,
    size_t n, kvdb_row_fn *each, void *arg);
/* Of a list: its items, in order.  Not inside another reading. */
ZK_CHECKED enum zk_err kvdb_items(struct db *db, int64_t k,
    kvdb_row_fn *each, void *arg);
/* Of a list: the item that a new last one is after; zeroes if it is empty. */
ZK_CHECKED enum zk_err kvdb_last_item(struct db *db, int64_t k,
    struct opid *id);
/* How many values a register has, members a set, items a list. */
ZK_CHECKED enum zk_err kvdb_count(struct db *db, int64_t k, uint8_t kind,
    uint64_t *n);

/* Of a counter: its value; *present false if all of it was removed. */
ZK_CHECKED enum zk_err kvdb_sum(struct db *db, int64_t k, int64_t *value,
    bool *present);
/* The total that a log goes on from; 0 if it has none. */
ZK_CHECKED enum zk_err kvdb_total(struct db *db, int64_t k,
    const uint8_t log[static 32], int64_t *total);
/* Of a counter: the newest op of each log, if it is live; value is NULL. */
ZK_CHECKED enum zk_err kvdb_lasts(struct db *db, int64_t k,
    kvdb_row_fn *each, void *arg);

/* Keys; what it points to lends for the call. */
struct kvdb_key {
	struct kv_key key;
	int64_t k;
	int64_t changed;
};
typedef enum zk_err kvdb_key_fn(void *arg, const struct kvdb_key *key);

/* Keys of a namespace (ns NULL: of all), by namespace, name, kind. */
ZK_CHECKED enum zk_err kvdb_keys(struct db *db, const uint8_t *ns,
    size_t ns_len, kvdb_key_fn *each, void *arg);
/* Keys whose change number is above since, in its order. */
ZK_CHECKED enum zk_err kvdb_changes(struct db *db, int64_t since,
    kvdb_key_fn *each, void *arg);
/* The newest change number; 0 if there is none. */
ZK_CHECKED enum zk_err kvdb_newest(struct db *db, int64_t *changed);

#endif
