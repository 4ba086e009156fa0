/*
 * Whole reads and writes, and the one way to write a file that must not be
 * half there: temporary, fsync, rename, fsync of the directory.
 */
#ifndef ZK_UTIL_IO_H
#define ZK_UTIL_IO_H

#include "util/buf.h"
#include "util/env.h"

/* All n bytes at off, or an error; ZK_EFORMAT when the file ends before. */
ZK_CHECKED enum zk_err io_pread_full(struct env *env, int fd, void *p,
    size_t n, uint64_t off);

/* Reads until n bytes or the end; *got is what was read. */
ZK_CHECKED enum zk_err io_read_some(struct env *env, int fd, void *p,
    size_t n, size_t *got);

/* Writes all n bytes.  ZK_EDISKFULL, ZK_EIO. */
ZK_CHECKED enum zk_err io_write_full(struct env *env, int fd, const void *p,
    size_t n);

/* Appends a whole file to out; ZK_ENOENT, ZK_ELIMIT beyond out->max. */
ZK_CHECKED enum zk_err io_read_file(struct env *env, int dirfd,
    const char *name, struct buf *out);

/*
 * Replaces name in dirfd by n bytes, atomically and durably, with mode.
 * The temporary is name with a random suffix, removed on failure.
 */
ZK_CHECKED enum zk_err io_replace_file(struct env *env, int dirfd,
    const char *name, const void *p, size_t n, unsigned mode);

/* mkdir -p of an absolute path; new directories get mode.  Durable. */
ZK_CHECKED enum zk_err io_mkdirs(struct env *env, const char *path,
    unsigned mode);

/* Removes what is at name below dirfd, whole trees too; never follows. */
ZK_CHECKED enum zk_err io_remove_tree(struct env *env, int dirfd,
    const char *name);

#endif
