/*
 * Small shared values (zk-merge(7), VALUES): what a set of value ops means.
 * Pure: the ops are kept by whoever implements struct kvdb; nothing here
 * does I/O or owns memory.
 *
 * A key is a kind, a namespace and a name; keys that differ in any of the
 * three have nothing to do with each other.  An op stays live until another
 * op of the same key covers it by naming its id, whichever of the two comes
 * first, so that the state is a function of the set of ops.
 */
#ifndef ZK_CRDT_KV_H
#define ZK_CRDT_KV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/op.h"
#include "util/err.h"

#define KV_VALUE_MAX (1024u * 1024)	/* bytes of a value */
#define KV_NAME_MAX 255			/* bytes of a name, of a namespace */
#define KV_TOTAL_MAX ((INT64_C(1) << 53) - 1)	/* of a log, either sign */

enum kv_kind {
	KV_REGISTER = 1,
	KV_SET = 2,
	KV_COUNTER = 3,
	KV_LIST = 4
};

/* Pointers lend; a name has 1 to KV_NAME_MAX bytes, a namespace may be empty;
 * neither holds a NUL. */
struct kv_key {
	uint8_t kind;		/* enum kv_kind */
	const uint8_t *ns;
	size_t ns_len;
	const uint8_t *name;
	size_t name_len;
};

/* One value op, decoded. */
struct kv_op {
	uint8_t type;		/* OP_KV_* */
	struct kv_key key;
	struct opid id;
	const struct opid *covers;	/* ids of ops of the key */
	size_t covers_n;
	struct opid after;	/* PUSH: the item before it; zeroes: none */
	int64_t total;		/* TOTAL */
	const uint8_t *value;	/* SET, ADD, PUSH */
	size_t value_len;
	uint8_t log[32];	/* whose op it is */
	/* display and finding it again; decide nothing */
	uint8_t device[32];
	int64_t wall_ms;
	uint64_t locator;
};

/* How an op is known. */
enum kv_state {
	KV_NONE = 0,	/* not at all */
	KV_AWAITED,	/* covered, and not there yet */
	KV_COVERED,
	KV_LIVE
};

/* The ops as they are kept; k stands for a key. */
struct kvdb {
	void *arg;
	/* the number of a key, which is made if it is not there */
	enum zk_err (*key)(void *arg, const struct kv_key *key, int64_t *k);
	enum zk_err (*state)(void *arg, int64_t k, const struct opid *id,
	    enum kv_state *out);
	/*
	 * Adds an op that is KV_NONE or KV_AWAITED.  Of one that is not live
	 * no value needs to be kept but its total and what it is after.
	 */
	enum zk_err (*put)(void *arg, int64_t k, const struct kv_op *op,
	    bool live);
	/* covers an op that is KV_LIVE, or KV_NONE: then it is awaited */
	enum zk_err (*cover)(void *arg, int64_t k, const struct opid *id);
	/* something of the key has changed */
	enum zk_err (*changed)(void *arg, int64_t k);
};

/* Takes in one op, in any order, any number of times.  Codes of db. */
ZK_CHECKED enum zk_err kv_apply(const struct kvdb *db,
    const struct kv_op *op);

/* One log in a counter. */
struct kv_part {
	int64_t last;		/* total of its last op, by op id */
	int64_t covered;	/* of its last covered op; 0: none is */
};

/*
 * The value: what each log added since what of it was covered.  Sums are
 * held at the ends of the range.
 */
int64_t kv_sum(const struct kv_part *p, size_t n);

/* One item of a list, live or not. */
struct kv_item {
	struct opid id;
	struct opid after;
	bool live;
	int64_t row;		/* the caller's */
};

/*
 * Brings items into the order of the list: the items after one and the same
 * follow it newest first, each with all that is after it.  Items that hang
 * on none that is there are left out; *n is how many remain.  ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err kv_order(struct kv_item *item, size_t *n);

#endif
