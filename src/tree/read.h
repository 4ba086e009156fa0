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

#define READ_WHOLE_MAX (1024u * 1024)	/* larger: content hash over chunks */

/*
 * The content hash of a regular file above READ_WHOLE_MAX depends on how it
 * is cut, which only the layer above knows.  refs are those of the base row
 * to compare with, NULL for a file that has none.  fd is the caller's.
 */
struct read_hasher {
	enum zk_err (*hash)(void *ctx, int fd, const void *refs,
	    size_t refs_len, uint8_t out[static HASH_LEN]);
	void *ctx;
};

struct read_result {
	uint8_t kind;		/* NODE_FILE, NODE_SYMLINK or NODE_TREE */
	struct env_stat st;	/* describes exactly what was hashed; of a
				 * tree as whole_stat has it */
	struct env_time seen;	/* clock before that stat, for base_racy */
	uint8_t hash[HASH_LEN];	/* of the content or link target */
	uint64_t size;		/* bytes of it */
	bool racy;		/* it may still change without a trace in st */
};

/*
 * Hashes the file or symlink at path.  like is the base row to compare with,
 * or NULL; if it is a tree's, the stream of the directory is hashed, and keep
 * gets nothing.  If keep is not NULL and the content has at most keep->max
 * bytes and READ_WHOLE_MAX, keep holds it afterwards; it is emptied otherwise
 * (size tells which).
 * ZK_ECHANGED: it kept changing, or is no file or link any more.
 * ZK_ENOENT: it has gone.  ZK_EPERM, ZK_EIO: cannot be read.  What the
 * hasher returns.
 */
ZK_CHECKED enum zk_err read_entry(struct root *root,
    const struct read_hasher *h, const char *path,
    const struct base_entry *like, struct buf *keep,
    struct read_result *out);

/*
 * Opens a regular file for a reader of its own (chunk pipelines): *fd is the
 * caller's, *st its stat, *seen the clock before that.  Follow with
 * read_same when done.  Errors as read_entry.
 */
ZK_CHECKED enum zk_err read_open(struct root *root, const char *path,
    int *fd, struct env_stat *st, struct env_time *seen);

/* ZK_OK if the open file still is what st says, else ZK_ECHANGED. */
ZK_CHECKED enum zk_err read_same(struct env *env, int fd,
    const struct env_stat *st);

/*
 * Puts the file `name` of rules in directory dir ("" for the root) into out,
 * which is empty and has room for more than max bytes; what is behind max is
 * cut off.  *found: it is there and a regular file.  ZK_ENOMEM, ZK_EIO,
 * ZK_EPERM.
 */
ZK_CHECKED enum zk_err read_rules(struct root *root, const char *dir,
    const char *name, size_t max, struct buf *out, bool *found);

#endif
