/*
 * The trash in .zk/trash: what applied removals and replacements took away,
 * by day and path.
 */
#ifndef ZK_TREE_TRASH_H
#define ZK_TREE_TRASH_H

#include "tree/root.h"
#include "util/buf.h"

struct trash;

/* root outlives it.  ZK_ENOMEM. */
ZK_CHECKED enum zk_err trash_new(struct root *root, struct trash **out);
void trash_free(struct trash *t);

/*
 * Moves what is at name in dirfd (a file, a link or an empty directory) into
 * .zk/trash/YYYY-MM-DD/<path>, with ~N behind a name that is taken.  path,
 * where it was below the root, decides the layout alone.  where (may be
 * NULL) is replaced by the place relative to .zk/trash.  Crosses file
 * systems by copying, durably.  ZK_ENOENT if nothing is at name.
 */
ZK_CHECKED enum zk_err trash_put(struct trash *t, int dirfd, const char *name,
    const char *path, struct buf *where);

/*
 * Copies a file (with its mtime, synced) or link to a new name; the first
 * stays.  0 or a negative errno; nothing is left on failure.
 */
int trash_copy(struct env *env, int from, const char *name, int to,
    const char *new_name);

/*
 * Deletes whole days from the trash that lie more than days before today;
 * *n (may be NULL) gets how many.
 */
ZK_CHECKED enum zk_err trash_prune(struct root *r, unsigned days,
    unsigned *n);

#endif
