/*
 * Membership: a pure function of the set of records (zk-format(5),
 * MEMBERSHIP).  Which records count depends on each one's causal past alone,
 * so every device that holds the same records has the same members.
 *
 * A record counts if everything it names as heads counts, its author is a
 * member in that past, and the author's signature is right.  One that names
 * something not here waits (RECORD_WAITS) with all that builds on it.
 */
#ifndef ZK_FORMAT_MEMBER_H
#define ZK_FORMAT_MEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/record.h"
#include "util/err.h"

struct members;

enum record_state {
	RECORD_COUNTS,
	RECORD_WAITS,	/* for a record that it names */
	RECORD_VOID	/* a stranger's, badly signed, contradicts its past */
};

struct member {
	uint8_t id[RECORD_ID_LEN];
	struct device_pub pub;
	size_t record;		/* index of the genesis or add record */
};

struct epoch {
	uint8_t id[RECORD_ID_LEN];
	uint64_t no;
	uint8_t commit[RECORD_ID_LEN];
	size_t record;		/* index of its rotation */
};

/*
 * Computes over n records (borrowed for the life of *out), any order, any
 * doubles.  vault is the id this device knows.
 * ZK_EREFUSED: a genesis record of another vault, or none.  ZK_EVERSION: a
 * removal record, which this version cannot follow.
 */
ZK_CHECKED enum zk_err members_compute(const struct record *const *recs,
    size_t n, const uint8_t vault[static RECORD_ID_LEN],
    struct members **out);
void members_free(struct members *m);

enum record_state members_state(const struct members *m, size_t rec);

size_t members_count(const struct members *m);
const struct member *members_at(const struct members *m, size_t i);
/* NULL: not a member. */
const struct member *members_find(const struct members *m,
    const uint8_t id[static RECORD_ID_LEN]);

size_t members_epoch_count(const struct members *m);
const struct epoch *members_epoch_at(const struct members *m, size_t i);
const struct epoch *members_epoch_find(const struct members *m,
    const uint8_t id[static RECORD_ID_LEN]);
/* By the prefix of its commitment that a segment's header has, or NULL. */
const struct epoch *members_epoch_prefix(const struct members *m,
    const uint8_t prefix[static EPOCH_PREFIX_LEN]);
/* The epoch to write under: largest number, then largest id.  NULL: none. */
const struct epoch *members_epoch_best(const struct members *m);

/*
 * The next record from index *at on that parks device and counts; *at moves
 * behind it.  NULL: no more.
 */
const struct record *members_park(const struct members *m,
    const uint8_t device[static RECORD_ID_LEN], size_t *at);

/*
 * Whether the record of that name is in the causal past of the given heads;
 * those that are not here or void are passed over.
 */
bool members_knows(const struct members *m,
    const uint8_t (*heads)[RECORD_ID_LEN], size_t n,
    const uint8_t name[static RECORD_ID_LEN]);

/* Names of the records that count and that no other names. */
const uint8_t (*members_heads(const struct members *m,
    size_t *n))[RECORD_ID_LEN];

/*
 * Whether device was a member, and the epoch existed, in the causal past of
 * the given heads: how a reader judges a segment.  ZK_EGAP: a head is not
 * here or waits.  ZK_EREFUSED: a head is void, or device or epoch (NULL: not
 * asked) is not in that past.
 */
ZK_CHECKED enum zk_err members_judge(const struct members *m,
    const uint8_t (*heads)[RECORD_ID_LEN], size_t n,
    const uint8_t device[static RECORD_ID_LEN], const uint8_t *epoch_id);

#endif
