/*
 * Bodies too large for the database, as files below the data directory:
 *
 *	tmp/N		being received; removed at start
 *	obj/D/N		number N in hex, D = N / 1024 in hex
 *
 * A file counts only once a committed row names its number.  Numbers grow
 * and are not used twice, so after a crash whatever lies above the last
 * committed number is known to belong to nobody (files_sweep).
 * Safe for several threads, but files_place, files_remove, the two
 * files_sync and files_sweep are the writer's.
 */
#ifndef ZK_RELAY_FILES_H
#define ZK_RELAY_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct env;
struct files;

/* Opens (and makes) tmp/ and obj/ below dirfd; empties tmp/. */
ZK_CHECKED enum zk_err files_open(struct env *env, int dirfd,
    struct files **out);
void files_close(struct files *f);

/* A new empty temporary: its descriptor, the caller's, and its number. */
ZK_CHECKED enum zk_err files_tmp(struct files *f, int *fd, uint64_t *tmp);

/* Removes a temporary. */
void files_tmp_drop(struct files *f, uint64_t tmp);

/*
 * Moves temporary tmp, already synced, to number no.  Durable after the
 * files_sync that follows.  ZK_EDISKFULL, ZK_EIO.
 */
ZK_CHECKED enum zk_err files_place(struct files *f, uint64_t tmp,
    uint64_t no);

/*
 * Makes what files_place did since the last call durable; or files_remove.
 * After a failure of the disk both fail (logged) until the next files_open.
 */
ZK_CHECKED enum zk_err files_sync(struct files *f);
ZK_CHECKED enum zk_err files_sync_removed(struct files *f);

/* Opens number no for reading.  ZK_ENOENT. */
ZK_CHECKED enum zk_err files_read(struct files *f, uint64_t no, int *fd);

/* Closes what files_read opened. */
void files_close_fd(struct files *f, int fd);

/* Removes number no, which no committed row ever named. */
void files_drop(struct files *f, uint64_t no);

/* Removes number no; not there is fine.  ZK_EIO. */
ZK_CHECKED enum zk_err files_remove(struct files *f, uint64_t no);

/* Removes all numbers above last (in its directory and the next). */
void files_sweep(struct files *f, uint64_t last);

#endif
