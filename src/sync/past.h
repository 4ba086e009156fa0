/*
 * What the tree was: the merge of the ops up to a moment, by the merge's own
 * code (crdt/tree.h), in a database of its own that is gone with it.
 * Internal to sync/.
 *
 * A moment is an op, or a time of day.  Up to an op means: all with an id
 * that is not above its own, which are all that it builds on and some beside
 * it.  Up to a time means those that say they were written by then; clocks
 * decide nothing in a merge, so what such an op builds on may say a later
 * time, and then the op has no place to stand and is left out.
 *
 * Of files only those are taken that the question is about; directories are
 * taken all, since their moves decide about each other.
 */
#ifndef ZK_SYNC_PAST_H
#define ZK_SYNC_PAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/list.h"
#include "crdt/op.h"
#include "util/err.h"

struct past;
struct sync_ui;
struct vault;

struct past_cut {
	bool by_id;
	struct opid id;		/* by_id: the last op, or with below set */
	bool below;		/* the one after the last */
	int64_t wall_ms;	/* else: ms since 1970 */
};

/* Whether an op is within the cut. */
bool past_has(const struct past_cut *cut, const struct op *op);

/*
 * The tree at path ("" for all) and what is below it as of cut; what lies
 * elsewhere is not all there.  ZK_ESIGNAL, ZK_ETAMPER as oplog_forward.
 */
ZK_CHECKED enum zk_err past_at(struct vault *v, const struct sync_ui *ui,
    const struct past_cut *cut, const char *path, struct past **out);

/*
 * The same of the directory with that node id, wherever it was as of cut:
 * *path, the caller's to free, is where.  ZK_ENOENT: it was not there.
 */
ZK_CHECKED enum zk_err past_dir(struct vault *v, const struct sync_ui *ui,
    const struct past_cut *cut, const struct opid *node, char **path,
    struct past **out);

/*
 * The one file or symlink with that node id as of cut, wherever it was then:
 * it alone is in the tree's root, with its copies, under a name of no
 * meaning.
 */
ZK_CHECKED enum zk_err past_node(struct vault *v, const struct sync_ui *ui,
    const struct past_cut *cut, const struct opid *node, struct past **out);
void past_free(struct past *p);

/* Lent until past_free. */
struct tree *past_tree(struct past *p);

/*
 * Of past_node: the file itself.  *l is the caller's to close, and *e lives
 * as long.  ZK_ENOENT: it was not there.
 */
ZK_CHECKED enum zk_err past_entry(struct past *p, struct list **l,
    const struct list_entry **e);

#endif
