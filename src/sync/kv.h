/*
 * Small shared values (zk-kv(1)): what its subcommands call.  Writing goes
 * through the log and the remotes as a push does, without the folder:
 * nothing in it is scanned, read or changed.  Reading looks at what this
 * device has taken in.
 */
#ifndef ZK_SYNC_KV_H
#define ZK_SYNC_KV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/kv.h"
#include "sync/sync.h"

enum kv_verb {
	KV_DO_SET,	/* a register gets value */
	KV_DO_ADD,	/* a set gets the member value */
	KV_DO_INCR,	/* a counter moves by by */
	KV_DO_PUSH,	/* a list gets a last item, value */
	/* value leaves a set, or, as each item that is equal, a list */
	KV_DO_TAKE,
	KV_DO_RM	/* all that is seen under the name goes */
};

/* One write; pointers lend until the next is asked for. */
struct kv_write {
	enum kv_verb verb;
	struct kv_key key;	/* kind is read by KV_DO_TAKE alone */
	const uint8_t *value;
	size_t value_len;
	int64_t by;
	unsigned kinds;		/* KV_DO_RM: 1 << kind for each to go */
	bool if_new;		/* KV_DO_SET: not if that is its one value */
};

/* The next write; ZK_ENOENT: no more.  Any other code gives all of them up. */
typedef enum zk_err kv_next_fn(void *arg, struct kv_write *w);

struct kv_result {
	uint64_t wrote;		/* writes that recorded something */
	bool recorded;		/* it is durable here, whatever came after */
};

/*
 * Records all writes as one batch, durably, and puts it on the remotes with
 * whatever earlier runs left unsent; offline: only records.  Without a
 * remote that can be reached nothing is recorded.  ZK_ENOENT: KV_DO_TAKE or
 * KV_DO_RM found nothing.  ZK_ELIMIT: a counter would leave its range.
 */
ZK_CHECKED enum zk_err sync_kv_write(struct vault *v,
    const struct sync_opts *o, bool offline, kv_next_fn *next, void *arg,
    struct kv_result *out, struct sync_report *rep);

/*
 * Reads all remotes into the database and leaves the folder as it is; the
 * next pull brings it up to date.  ZK_EGAP: something is missing.
 */
ZK_CHECKED enum zk_err sync_kv_fetch(struct vault *v,
    const struct sync_opts *o, struct sync_report *rep);

/*
 * Waits up to ms for a segment that is not held, on the first remote that
 * answers, or for another run on this device to change a value (newer than
 * change number since).  *news says whether there is.  Without any remote it
 * waits for the latter alone.
 */
ZK_CHECKED enum zk_err sync_kv_wait(struct vault *v,
    const struct sync_opts *o, int64_t since, unsigned ms, bool *news);

/* Reading ----------------------------------------------------------------- */

/* A value, member or item; all lends for the call. */
struct kv_value {
	const uint8_t *value;
	size_t value_len;
	const uint8_t *op;	/* OPID_LEN bytes */
	const uint8_t *device;	/* SYNC_DEVICE_LEN bytes */
	const char *name;	/* of the device, UTF-8, unescaped */
	int64_t wall_ms;	/* when it says it was written */
};
typedef enum zk_err kv_value_fn(void *arg, const struct kv_value *val);

/*
 * All values of a register, the one that counts first; the members of a set,
 * by bytes; the items of a list, in order.  ZK_ENOENT: there are none.
 */
ZK_CHECKED enum zk_err sync_kv_values(struct vault *v,
    const struct kv_key *key, kv_value_fn *each, void *arg);

/* ZK_ENOENT: there is no such counter. */
ZK_CHECKED enum zk_err sync_kv_sum(struct vault *v,
    const struct kv_key *key, int64_t *value);

/* A key that has a value, or, told of changes, had one. */
struct kv_seen {
	struct kv_key key;	/* lends for the call */
	bool present;
	int64_t changed;
	uint64_t count;		/* values, members, items; 0 for a counter */
};
typedef enum zk_err kv_seen_fn(void *arg, const struct kv_seen *seen);

/* Keys with a value, by name, then kind; ns NULL: of all namespaces. */
ZK_CHECKED enum zk_err sync_kv_keys(struct vault *v, const uint8_t *ns,
    size_t ns_len, kv_seen_fn *each, void *arg);

/*
 * Keys that changed after change number since, each once, in the order of
 * their last change.  sync_kv_now: the newest number.
 */
ZK_CHECKED enum zk_err sync_kv_changes(struct vault *v, int64_t since,
    kv_seen_fn *each, void *arg);
ZK_CHECKED enum zk_err sync_kv_now(struct vault *v, int64_t *changed);

/*
 * Where the value of a register stands, and what is signed there
 * (zk-format(5), SEGMENTS); checked before it is handed out.  Lends for the
 * call but where it says otherwise.
 */
struct kv_proof {
	struct kv_value val;
	const uint8_t *log;	/* 32 bytes each */
	const uint8_t *log_key;
	const uint8_t *segment;
	uint64_t seq;
	uint64_t index;		/* of the op in the segment, from 0 */
	const uint8_t *header;
	size_t header_len;
	const uint8_t *body;	/* 32 bytes */
	const uint8_t *sig;	/* 64 bytes: of segment, by log_key */
	const uint8_t *cert;	/* of the log, by the device */
	size_t cert_len;
	const uint8_t *device_key; /* 32 bytes */
};
/* ZK_ENOENT.  ZK_ETAMPER (logged): what is held does not bear it out. */
ZK_CHECKED enum zk_err sync_kv_proof(struct vault *v,
    const struct kv_key *key, enum zk_err (*give)(void *arg,
        const struct kv_proof *p), void *arg);

#endif
