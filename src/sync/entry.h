/*
 * Base's rows in terms of the merge: what a row stands for.  Internal to
 * sync/.
 */
#ifndef ZK_SYNC_ENTRY_H
#define ZK_SYNC_ENTRY_H

#include <stddef.h>
#include <stdint.h>

#include "crdt/list.h"
#include "crdt/op.h"
#include "util/err.h"

/*
 * The keys by which planner and base know an entry that this device just
 * recorded, winner first: the ids of its nodes.  (A conflict copy has the
 * key of struct list_entry; what is recorded on one makes it a node.)
 */
struct entry_keys {
	struct opid *id;
	size_t n;
};

/* From an entry's seen.  ZK_EFORMAT, ZK_ENOMEM. */
ZK_CHECKED enum zk_err entry_keys_make(const uint8_t *seen, size_t len,
    struct entry_keys *out);
void entry_keys_release(struct entry_keys *k);

/*
 * The versions that an edit of the entry will replace (emit_edit), from its
 * seen: *n in all, at most OP_REFS_MAX of them into out.  ZK_EFORMAT,
 * ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err entry_replaced(const uint8_t *seen, size_t len,
    struct opid *out, size_t *n);

#endif
