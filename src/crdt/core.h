/*
 * Inside of the merge: the state of struct tree that apply.c, vis.c, place.c
 * and tree.c share.  Nothing outside crdt includes this.
 */
#ifndef ZK_CRDT_CORE_H
#define ZK_CRDT_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/cdb.h"
#include "crdt/tree.h"

struct tree {
	struct cdb db;
	bool open;		/* inside a batch */
	uint64_t seq;		/* of this batch; 0: nothing changed yet */
	/*
	 * Visible children that a node gained and its record does not have
	 * yet, so that filling one directory writes its record once.  0: none
	 * pending.  vis_flush before a node is read that will be written.
	 */
	int64_t acc_n;
	int64_t acc_delta;
	int64_t last_dirty;	/* added in this batch; CDB_LIMBO: none */
	/* what may be named (tree_past) */
	tree_past_fn *past;
	void *past_arg;
	/* the parent that was looked up last, and may be named */
	bool par_known;
	struct opid par_id;
	int64_t par_n;
	uint8_t par_kind;
	/* emit: a directory that lives, as all above it do */
	bool kept_known;
	struct opid kept_id;
	/* moves of directories that wait for tree_end, and the least id */
	int64_t *queue;
	size_t queue_n, queue_cap;
	struct opid queue_min;
};

#endif
