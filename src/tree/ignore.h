/*
 * Ignore patterns with the semantics of gitignore(5): comments, negation,
 * anchoring, directory-only, *, ?, [], **; the last match decides; below an
 * ignored directory nothing is looked at.  Files named .zkignore hold for
 * their directory and all below; .zk/ignore holds for the root, weaker than
 * every .zkignore.
 *
 * A struct ignore is a stack of pattern lists, one a directory on the way
 * down; pure, no I/O.  The name .zkignore itself can be ignored like any.
 */
#ifndef ZK_TREE_IGNORE_H
#define ZK_TREE_IGNORE_H

#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"

#define IGNORE_FILE ".zkignore"
#define IGNORE_BYTES_MAX (1u << 20)	/* of one file; more is cut off */

struct ignore;

/* An empty stack.  ZK_ENOMEM. */
ZK_CHECKED enum zk_err ignore_new(struct ignore **out);
void ignore_free(struct ignore *ig);

/*
 * Adds the patterns in text (bytes of an ignore file) for the directory dir
 * (relative, "" for the root).  Lists must be pushed from the root down.
 * Copies.  ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err ignore_push(struct ignore *ig, const char *dir,
    const void *text, size_t len);

/* Takes off every list whose directory is not path or above path. */
void ignore_pop_to(struct ignore *ig, const char *path);

/*
 * True if path (relative to the root) is ignored by the lists on the stack.
 * Does not look whether a directory above it is: the walk has.
 */
bool ignore_match(const struct ignore *ig, const char *path, bool is_dir);

/* True if path or any directory above it is ignored. */
bool ignore_covers(const struct ignore *ig, const char *path, bool is_dir);

/*
 * One pattern against one string as wildmatch does with WM_PATHNAME: '*'
 * and '?' do not match '/', "**" between slashes does.  For tests and
 * other users of patterns.
 */
bool ignore_wildmatch(const char *pattern, const char *text);

#endif
