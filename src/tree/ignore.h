/*
 * Ignore patterns with the semantics of gitignore(5): comments, negation,
 * anchoring, directory-only, *, ?, [], **; the last match decides; below an
 * ignored directory nothing is looked at.  Files named .zkignore hold for
 * their directory and all below; .zk/ignore holds for the root, weaker than
 * every .zkignore.
 *
 * A struct ignore is the list of one directory with the way up to those
 * above it; immutable, counted references, safe to share between threads.
 * NULL is the empty list.  Pure, no I/O.
 */
#ifndef ZK_TREE_IGNORE_H
#define ZK_TREE_IGNORE_H

#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"

#define IGNORE_FILE ".zkignore"
#define IGNORE_BYTES_MAX (1u << 20)	/* of one file; more is cut off */

struct ignore;

/*
 * A list below up (may be NULL; a reference is taken) with the patterns in
 * text (bytes of an ignore file) for the directory dir (relative, "" for the
 * root) and all below.  Copies.  ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err ignore_new(struct ignore *up, const char *dir,
    const void *text, size_t len, struct ignore **out);

/* One more reference; returns ig.  NULL is fine. */
struct ignore *ignore_ref(struct ignore *ig);

/* One less; the last frees it.  NULL is fine. */
void ignore_unref(struct ignore *ig);

/*
 * True if path (relative to the root) is ignored by ig and the lists above.
 * Does not look whether a directory above it is: the walk has.
 */
bool ignore_match(const struct ignore *ig, const char *path, bool is_dir);

/* True if path or any directory above it is ignored. */
bool ignore_covers(const struct ignore *ig, const char *path, bool is_dir);

#endif
