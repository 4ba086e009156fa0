/*
 * A directory kept as one on the disk: its stream from it (tree/bundle.h),
 * it from its stream, and whether it is still what it was.
 *
 * What stat says of a tree is a digest of what stat says of all that is in
 * it: whole_stat gives it in the form of the stat of a file, with the inode,
 * mode and birth time of the directory itself, so that base and its rules for
 * "unchanged" (store/basedb.h) hold for a tree as for a file.  Renaming the
 * directory does not change it.
 *
 * A tree is whole or it is not read at all: an entry that cannot be read, or
 * that no stream can have (a FIFO, a mount, a name of zk's own), is a fault.
 * No ignore rules here: of one content no device can leave out a part.
 */
#ifndef ZK_TREE_WHOLE_H
#define ZK_TREE_WHOLE_H

#include <stdbool.h>
#include <stdint.h>

#include "tree/bundle.h"
#include "tree/root.h"

enum whole_fault {
	WHOLE_FINE,
	WHOLE_UNREAD,		/* cannot be read to its end */
	WHOLE_SPECIAL,		/* neither file, directory nor symlink */
	WHOLE_NAME		/* a name, depth or length no stream has */
};

struct whole {
	struct env_stat st;	/* see above; st.size is no size */
	bool racy;		/* something in it may still change without a
				 * trace in st */
	/* after an error: where in the tree it is, "" for the directory */
	enum whole_fault fault;
	char at[PATH_LEN_MAX + PATH_NAME_MAX + 2];
};

/*
 * Looks at all that is in the directory path.  ZK_ECHANGED: it changes
 * meanwhile, or is no directory.  ZK_ENOENT.  ZK_EPERM, ZK_EIO: a fault, which
 * *out names.
 */
ZK_CHECKED enum zk_err whole_stat(struct root *root, const char *path,
    struct whole *out);

/*
 * Its stream: *fd is a file without a name below .zk/tmp, open for reading
 * at its start, the caller's.  What is in it is one state of the tree, that
 * which out->st is of: it is looked at again afterwards, and read three times
 * if it will not hold still.  Errors as whole_stat; ZK_EDISKFULL, ZK_EROOT:
 * there is no room for the stream, no .zk.
 */
ZK_CHECKED enum zk_err whole_read(struct root *root, const char *path,
    int *fd, struct whole *out);

/* Such a file, empty, open for reading and writing. */
ZK_CHECKED enum zk_err whole_temp(struct root *root, int *fd);

/*
 * Makes the directory name, which must not be there, in dirfd, from a stream.
 * Its own mode is mode, with all bits of the owner.  Nothing is synced; what
 * is there after an error is the caller's to remove.  ZK_EFORMAT: no such
 * stream.  ZK_EEXIST, ZK_EDISKFULL, ZK_EPERM, ZK_EIO.
 */
ZK_CHECKED enum zk_err whole_write(struct env *env, int dirfd,
    const char *name, unsigned mode, const struct bundle_source *src,
    struct whole *out);

/* Sources: n bytes in memory; a file from its start, of size bytes. */
struct whole_bytes {
	const uint8_t *p;
	size_t n;
};
struct bundle_source whole_from_bytes(struct whole_bytes *b);

struct whole_file {
	struct env *env;
	int fd;
	uint64_t off;
};
struct bundle_source whole_from_file(struct whole_file *f, uint64_t size);

#endif
