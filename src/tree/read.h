/*
 * Reading a local file or link for recording, so that what was hashed is
 * what the stat data describe: fstat before and after, three tries, then
 * ZK_ECHANGED.  Opens through root_open only, never blocks on a FIFO.
 */
#ifndef ZK_TREE_READ_H
#define ZK_TREE_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/hash.h"
#include "tree/root.h"

struct read_result {
	uint8_t kind;		/* NODE_FILE or NODE_SYMLINK */
	struct env_stat st;	/* describes exactly what was hashed */
	struct env_time seen;	/* clock before that stat, for base_racy */
	uint8_t hash[HASH_LEN];	/* of the content or link target */
};

/*
 * Hashes the file or symlink at path.  If keep is not NULL and the content
 * has at most keep->max bytes, keep holds it afterwards; it is emptied
 * otherwise (st.size tells which).  sink (may be NULL) is given every block
 * in order, again from the start with n == 0 when a try begins; an error of
 * sink ends the reading.
 * ZK_ECHANGED: it kept changing, or is no file or link any more.
 * ZK_ENOENT: it has gone.  ZK_EPERM, ZK_EIO: cannot be read.
 */
ZK_CHECKED enum zk_err read_entry(struct root *root, const char *path,
    struct buf *keep, enum zk_err (*sink)(void *ctx, const void *p, size_t n),
    void *ctx, struct read_result *out);

/*
 * Opens a regular file for a reader of its own (chunk pipelines): *fd is the
 * caller's, *st its stat.  Follow with read_same when done.
 * Errors as read_entry.
 */
ZK_CHECKED enum zk_err read_open(struct root *root, const char *path,
    int *fd, struct env_stat *st);

/* ZK_OK if the open file still is what st says, else ZK_ECHANGED. */
ZK_CHECKED enum zk_err read_same(struct env *env, int fd,
    const struct env_stat *st);

#endif
