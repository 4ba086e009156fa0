/* A set of op ids in memory: 32 bytes and a slot each. */
#ifndef ZK_SYNC_KEYSET_H
#define ZK_SYNC_KEYSET_H

#include <stdbool.h>
#include <stddef.h>

#include "crdt/op.h"
#include "util/err.h"

struct keyset {
	struct opid *slots;	/* open addressing */
	bool *used;
	size_t n, cap;		/* cap: a power of two, 0 while empty */
};

void keyset_init(struct keyset *s);
void keyset_release(struct keyset *s);
/* Adds id; *fresh (may be NULL) tells whether it was not there. ZK_ENOMEM. */
ZK_CHECKED enum zk_err keyset_add(struct keyset *s, const struct opid *id,
    bool *fresh);
bool keyset_has(const struct keyset *s, const struct opid *id);

#endif
