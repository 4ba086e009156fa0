/*
 * What a disk makes of names: found out by looking at what it does, since no
 * table knows every file system, and one file system may differ from one
 * directory to the next.
 */
#ifndef ZK_TREE_SHOWN_H
#define ZK_TREE_SHOWN_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"
#include "util/env.h"
#include "util/err.h"

/*
 * Under which name the directory fd lists what it finds under name: appended
 * to out.  ZK_ENOENT: nothing is found under it, or nobody can tell (it
 * changes meanwhile, or has several names).  Reads the whole directory.
 */
ZK_CHECKED enum zk_err shown_name(struct env *env, int fd, const char *name,
    struct buf *out);

/*
 * Whether a name could come out as another one, or none, on a disk that
 * knows more than bytes: characters beyond ASCII, which have several forms;
 * dots and spaces at the end.
 */
bool shown_doubtful(const char *name, size_t len);

/*
 * Whether doubtful names come out as they were given, on the file system of
 * the directory fd, which is zk's own: files are made there, and go again.
 * False where that cannot be found out.
 */
bool shown_exact(struct env *env, int fd);

/* Whether the file system of fd, as above, refuses the name with error e. */
bool shown_refused(struct env *env, int fd, const char *name, int e);

#endif
