/*
 * Which ops a local change becomes.  The caller says what base held for the
 * path (the bytes of list_entry.seen) and what changed; these functions put
 * the ops, in order, through the caller's sink, and say what base holds
 * afterwards.  Rules: zk-merge(7), RECORDING.
 *
 * They read the tree for what the rules need beyond base: whether ancestors
 * are kept only by descendants, and the children of a directory that loses
 * its identity to a united one.  The tree is in a batch (tree_begin).
 *
 * Order that the caller keeps within one scan: creates and moves into new
 * directories top down; removes last, children before their directories.
 */
#ifndef ZK_CRDT_EMIT_H
#define ZK_CRDT_EMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/op.h"
#include "crdt/tree.h"
#include "util/buf.h"
#include "util/err.h"

/*
 * Where ops go.  put gives the op its place in the log: it sets op->id,
 * device and wall_ms, encodes it, and calls tree_apply, all before it
 * returns.  op and what it points to are valid during the call alone.
 */
struct emit {
	struct tree *tree;
	enum zk_err (*put)(void *arg, struct op *op);
	void *arg;
};

/* A place: the directory, as base has it, and the name in it. */
struct emit_at {
	const uint8_t *dir_seen; /* list_entry.seen of it; NULL: the root */
	size_t dir_seen_len;
	const uint8_t *name;	/* valid by path_name_ok */
	size_t name_len;
};

/* What a file is now; only what is set is recorded. */
struct emit_file {
	uint8_t kind;		/* enum node_kind */
	bool has_mode;
	bool has_mtime;
	uint16_t mode;		/* & 0777 */
	uint32_t mtime_nsec;
	int64_t mtime_sec;
	const struct content *content; /* NULL: as it was (directories too) */
};

/*
 * In all of these old is base's seen of the entry; *seen is replaced by what
 * base must hold once the transaction commits.  Errors: ZK_EFORMAT for bytes
 * that are no seen, ZK_ENOMEM, those of put and of the store.
 */

/* A path that base did not have. */
ZK_CHECKED enum zk_err emit_create(struct emit *e, const struct emit_at *at,
    const struct emit_file *f, struct buf *seen);

/*
 * A path that base did not have, where the tree has just what is there: it
 * stays for its own sake, whatever those do who had it there.
 */
ZK_CHECKED enum zk_err emit_keep(struct emit *e, const uint8_t *old,
    size_t old_len, struct buf *seen);

/*
 * Other content, mode or mtime at the same path and of the same kind
 * (another kind is emit_remove and emit_create).  at is where it lies: a
 * conflict copy becomes a node of its own there.  f is what changed; whole
 * has the mode and mtime that the file has now, changed or not: the node of
 * its own begins with none.
 */
ZK_CHECKED enum zk_err emit_edit(struct emit *e, const uint8_t *old,
    size_t old_len, const struct emit_at *at, const struct emit_file *f,
    const struct emit_file *whole, struct buf *seen);

/*
 * Whether the file of an entry was removed, by ops that are in the tree and
 * not in the entry, and a move or a mode alone would bring back another
 * content than the entry stands for, too or instead.
 */
ZK_CHECKED enum zk_err emit_other_back(struct emit *e, const uint8_t *old,
    size_t old_len, bool *yes);

/*
 * The entry is now at `at`; children of a directory come along unnamed.
 * whole as above, or as base has it where a change of it follows.
 */
ZK_CHECKED enum zk_err emit_move(struct emit *e, const uint8_t *old,
    size_t old_len, const struct emit_at *at, const struct emit_file *whole,
    struct buf *seen);

/*
 * One version in place of the n versions that these ops brought, each of
 * another content of the file node and none in the past of another: their
 * merge (zk-merge(7), TEXT).  n is at most OP_REFS_MAX.
 */
ZK_CHECKED enum zk_err emit_merge(struct emit *e, const struct opid *node,
    const struct opid *heads, size_t n, const struct emit_file *f);

/* The entry is gone. */
ZK_CHECKED enum zk_err emit_remove(struct emit *e, const uint8_t *old,
    size_t old_len);

#endif
