/*
 * How versions of a file merge, as the .zkattributes on the disk say
 * (zkattributes(5)): asked when a version is recorded.
 */
#ifndef ZK_TREE_KINDS_H
#define ZK_TREE_KINDS_H

#include "crdt/op.h"
#include "tree/root.h"
#include "util/err.h"

struct kinds;

/* root outlives it.  ZK_ENOMEM. */
ZK_CHECKED enum zk_err kinds_new(struct root *root, struct kinds **out);
void kinds_free(struct kinds *k);

/*
 * What holds for the file path, relative to the root: MERGE_TEXT where no
 * line says.  Cheap for many paths of one directory.  The first line that is
 * not obeyed is warned of.  ZK_ENOMEM; ZK_EIO, ZK_EPERM: a file on the way
 * cannot be read, and *out is MERGE_COPY.
 */
ZK_CHECKED enum zk_err kinds_of(struct kinds *k, const char *path,
    enum merge_kind *out);

#endif
