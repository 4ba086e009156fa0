/*
 * Which ignore rules hold for a path, without a scan: what sync leaves out
 * of goal and plan, and what apply must leave behind.
 */
#ifndef ZK_TREE_RULES_H
#define ZK_TREE_RULES_H

#include <stdbool.h>

#include "store/basedb.h"
#include "tree/root.h"

struct rules;

/* root and db outlive it.  ZK_ENOMEM. */
ZK_CHECKED enum zk_err rules_new(struct root *root, struct db *db,
    struct rules **out);
void rules_free(struct rules *r);

/*
 * *ignored: whether path or a directory above it is ignored, by .zk/ignore,
 * the .zkignore files on the way as they are on disk, and rules kept in
 * base.  Cheap for many paths of one directory.  ZK_ENOMEM, ZK_EIO, database
 * errors.
 */
ZK_CHECKED enum zk_err rules_ignored(struct rules *r, const char *path,
    bool is_dir, bool *ignored);

/*
 * Forgets what was read: ignore files or directories have changed.  NULL is
 * fine.
 */
void rules_forget(struct rules *r);

#endif
