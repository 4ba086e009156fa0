/*
 * The merge of the tree: what the set of ops says, as zk-merge(7).
 *
 * Pure: the state is a function of the set of ops alone, whatever the order
 * of arrival, the batching or the duplicates.  The caller owes causal order
 * (every op after all that it names) and nothing else.  Not thread safe.
 *
 * Applying is here; what the state looks like as directories and files is
 * crdt/list.h; which ops a local change becomes is crdt/emit.h.
 */
#ifndef ZK_CRDT_TREE_H
#define ZK_CRDT_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/cdb.h"
#include "crdt/op.h"
#include "util/buf.h"
#include "util/err.h"

struct tree;

/* A tree over db, whose functions and context outlive it. */
ZK_CHECKED enum zk_err tree_new(const struct cdb *db, struct tree **out);
void tree_free(struct tree *t);

/*
 * A batch: tree_begin, tree_apply of any number of ops, tree_end.  Moves of
 * directories older than ones already applied are merged at tree_end, once
 * for all of them.  One batch may hold ops of many segments.  The caller
 * has a transaction open around it and rolls back on any error but
 * ZK_EREFUSED of tree_apply, then forgets the batch with tree_abort (which
 * also drops all that is cached).
 * Between tree_begin and tree_end only tree_apply and emit_* may be called.
 */
ZK_CHECKED enum zk_err tree_begin(struct tree *t);
ZK_CHECKED enum zk_err tree_end(struct tree *t);
void tree_abort(struct tree *t);

/*
 * Takes in one op of types CREATE to SPLIT, with op->id set; for CREATE
 * op->node is not looked at.  content.data may be NULL; content.locator is
 * kept, whether there is content or not.  A known op is ignored.  Other
 * types: BUG.
 *
 * ZK_EREFUSED: the op is void, nothing changed, the batch goes on.  It names
 * a node or op that is not there or not in its past (tree_past), an op of
 * another node or register, a parent that is no directory, the root as what
 * to change, or lacks or has what its type must not (zk-merge(7), VOID OPS).
 * The judgement depends on the op and its past alone, so every device makes
 * the same one; ops that name a void one are void by it.
 */
ZK_CHECKED enum zk_err tree_apply(struct tree *t, const struct op *op);

/*
 * Whether the ops that are taken in may name this one, which is there: the
 * question of their past (zk-format(5), SEGMENTS).  split: the birth of a
 * node that was split off, which no segment holds.  ZK_EREFUSED: they may
 * not.  It may ask tree_locator.
 */
typedef enum zk_err tree_past_fn(void *arg, const struct opid *id,
    bool split);

/*
 * Asks fn from here on, until the next call or the end of the batch; NULL:
 * every op that is there may be named.
 */
void tree_past(struct tree *t, tree_past_fn *fn, void *arg);

/*
 * The content.locator that the op with this id came with, 0 for none; of the
 * one that was first, where an op came twice.  ZK_ENOENT: not there.
 */
ZK_CHECKED enum zk_err tree_locator(struct tree *t, const struct opid *id,
    uint64_t *locator);

/* Whether a REMOVE that is not void names the op.  ZK_ENOENT: not there. */
ZK_CHECKED enum zk_err tree_covered(struct tree *t, const struct opid *id,
    bool *covered);

/* The id of the node that a SPLIT of head makes. */
void tree_split_id(struct tree *t, const struct opid *head,
    struct opid *out);

/*
 * The change counter: grows with every batch that changed anything.  A
 * directory whose visible listing may have changed is in the dirty set with
 * the counter's value, until tree_dirty_clear with a value >= that.
 */
ZK_CHECKED enum zk_err tree_change(struct tree *t, uint64_t *seq);

/*
 * Dirty directories after `after` (a cursor that begins at -1 and is
 * advanced): at most max node ids into out, *got of them; 0 at the end.
 * A directory may be gone or hidden by now: list_path says ZK_ENOENT.
 * Where an entry is a directory and its list of nodes is not what base
 * has for that path, everything below is to be looked at, dirty or not.
 */
ZK_CHECKED enum zk_err tree_dirty(struct tree *t, int64_t *after,
    struct opid *out, size_t max, size_t *got);
ZK_CHECKED enum zk_err tree_dirty_clear(struct tree *t, uint64_t upto);

/* The kind (enum node_kind) that a node was made with.  ZK_ENOENT. */
ZK_CHECKED enum zk_err tree_kind(struct tree *t, const struct opid *id,
    uint8_t *kind);

/*
 * Whether the content that the op with this id brought is at some path: it
 * is a head that shows, of its node or of one that was split off.  ZK_ENOENT:
 * the op is not there.
 */
ZK_CHECKED enum zk_err tree_shows(struct tree *t, const struct opid *id,
    bool *shows);

/*
 * Canonical text of all that ops said about one node, for tests and for
 * `verify`: place, liveness, heads, attributes, by op ids alone.
 * ZK_ENOENT: not known.
 */
ZK_CHECKED enum zk_err tree_dump_node(struct tree *t, const struct opid *id,
    struct buf *out);

#endif
