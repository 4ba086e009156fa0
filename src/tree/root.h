/*
 * The vault's root on disk: .zk/ with the marker, tmp/ (staging), trash/ and
 * ignore.  Holds no secret.  All opening below the root goes through
 * root_open, so that no path leaves it or passes a symlink.
 *
 * The state directory is found by the marker; root_check then compares what
 * the database remembers (file system and inode) with what is here.
 */
#ifndef ZK_TREE_ROOT_H
#define ZK_TREE_ROOT_H

#include <stdbool.h>
#include <stdint.h>

#include "store/basedb.h"
#include "util/env.h"

struct root;

/*
 * Makes dir (absolute, an existing directory) a root: .zk/ with a fresh
 * random marker, or with marker if it is not NULL (reattach).  ZK_EEXIST if
 * dir or a directory above it is one; ZK_EPERM, ZK_EDISKFULL, ZK_EIO.
 */
ZK_CHECKED enum zk_err root_create(struct env *env, const char *dir,
    const uint8_t *marker);

/*
 * The root that dir (absolute) is or lies in, upward; upward false: dir
 * itself alone.  Removes nothing.  ZK_ENOVAULT if there is none, ZK_EPERM if
 * dir does not show whether it is one and none is above it, ZK_EROOT if .zk/
 * is there without a marker, ZK_EIO.  *out is the caller's.
 */
ZK_CHECKED enum zk_err root_find(struct env *env, const char *dir,
    bool upward, struct root **out);
void root_free(struct root *r);

const char *root_path(const struct root *r);	/* absolute */
const uint8_t *root_marker(const struct root *r);	/* 16 bytes */
struct env *root_env(const struct root *r);
int root_fd(const struct root *r);		/* of the root directory */

/* What the root is now; its path too. */
ZK_CHECKED enum zk_err root_id(struct root *r, struct base_rootid *out);

/*
 * Compares with what db remembers: ZK_EROOT (logged, naming --reattach) if
 * file system, inode or marker differ or .zk/ has gone meanwhile.  With
 * nothing remembered it remembers (first run).  Updates the path.
 */
ZK_CHECKED enum zk_err root_check(struct root *r, struct db *db);

/*
 * The code for a root that cannot be read, or not its .zk, for the reason
 * why, and its one message: ZK_EROOT but for what says nothing of the folder,
 * ZK_ENOMEM (not logged) and ZK_EDISKFULL.  ZK_OK: .zk is not in it.
 */
ZK_CHECKED enum zk_err root_lost(const struct root *r, enum zk_err why);

/*
 * Accepts r as the vault's root: empty base, no intents, the new identity.
 * ZK_EREFUSED while the remembered root is still at its path, or whether it
 * is cannot be told.  Opens its own transaction.
 */
ZK_CHECKED enum zk_err root_reattach(struct root *r, struct db *db);

/*
 * The one function that opens anything below the root.  path is relative,
 * raw bytes; "" is the root.  Never follows a symlink, never leaves.
 * Returns a descriptor or a negative errno.
 */
int root_open(struct root *r, const char *path, int flags, unsigned mode);

/*
 * Opens the directory that holds path and lends its last component.
 * Returns a descriptor (cached by r: do not close; until the next call of
 * root_parent or root_forget) or a negative errno.
 */
int root_parent(struct root *r, const char *path, const char **last);

/* Drops the cached directory: something above it was renamed. */
void root_forget(struct root *r);

/*
 * Descriptor of .zk/tmp, made if it is gone; lent.  Negative errno.
 */
int root_tmp(struct root *r);

/* The content of .zk/ignore, appended; nothing if there is none. */
ZK_CHECKED enum zk_err root_local_ignore(struct root *r, struct buf *out);

#endif
