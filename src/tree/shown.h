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

enum shown {
	SHOWN_NOT,		/* nothing is found, or it changes meanwhile */
	SHOWN_SO,		/* listed under this name */
	SHOWN_OTHER,		/* listed under another one */
	SHOWN_HIDDEN		/* found, and not listed under any that one
				 * could tell */
};

/*
 * What the directory fd finds under name, and lists: out becomes the other
 * name for SHOWN_OTHER.  Reads the whole directory, where the name is not
 * listed twice.  Another name is the same inode's; on a file system that
 * gives each name another number, one that folds to the same (util/fold.h)
 * with the same size, mode and times.
 */
enum shown shown_name(struct env *env, int fd, const char *name,
    struct buf *out);

/*
 * Whether a name could come out as another one on a disk that knows more than
 * bytes: capitals; characters beyond ASCII, which have several forms; dots
 * and spaces at the end.
 */
bool shown_doubtful(const char *name, size_t len);

/*
 * Whether doubtful names come out as they were given, on the file system of
 * the directory fd, which is zk's own: files are made there, and go again.
 * False where that cannot be found out.
 */
bool shown_exact(struct env *env, int fd);

/*
 * Whether it is the name, to which error e was the answer, that the file
 * system of fd (as above) refuses: it is tried there, with "n-" before it.
 */
bool shown_refused(struct env *env, int fd, const char *name, int e);

#endif
