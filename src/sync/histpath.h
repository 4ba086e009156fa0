/*
 * Paths in the history: which nodes a path meant at any time, and what the
 * path of a node is called.  Internal to sync/.
 *
 * A node is where its last op put it, in a directory that has been renamed
 * since, perhaps.  Paths here are made of the name that the node had and of
 * the path that its directory has today, or last had: so a line of the log
 * tells one change, and not those of every directory above.
 */
#ifndef ZK_SYNC_HISTPATH_H
#define ZK_SYNC_HISTPATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/cdb.h"
#include "crdt/op.h"
#include "util/buf.h"
#include "util/err.h"

struct vault;

/* Keys of nodes of the vault's tree. */
struct histset {
	int64_t *v;
	size_t n, cap;
};

bool histset_has(const struct histset *s, int64_t n);
/* Adds a key that may be there.  A histdb_fn. */
enum zk_err histset_add(void *set, int64_t n);
void histset_release(struct histset *s);

/* What a path means. */
struct histpath {
	struct vault *v;
	bool root;		/* it is the root: everything */
	bool shown;		/* something visible has it now */
	struct histset par;	/* directories that it may lie in */
	struct cdb_name leaf;	/* its name there */
	struct histset here;	/* nodes there now, or last before they went */
	struct histset once;	/* those that have left it since */
	/* what was asked last: today's path of a directory */
	int64_t dir;
	bool dir_known;
	struct buf dir_path;
};

/*
 * path is relative to the root.  ZK_ENOENT: nothing was ever there.
 * histpath_release in any case.
 */
ZK_CHECKED enum zk_err histpath_init(struct histpath *h, struct vault *v,
    const char *path);
void histpath_release(struct histpath *h);

/* Appends today's path of (parent, name). */
ZK_CHECKED enum zk_err histpath_of(struct histpath *h, int64_t parent,
    const struct cdb_name *name, struct buf *out);

/* Whether (parent, name) is the path that was asked for. */
bool histpath_is(const struct histpath *h, int64_t parent,
    const struct cdb_name *name);

/*
 * Says, for histpath_init's ZK_ENOENT of path, given as typed, that nothing
 * was ever there, or that it is in a directory kept as one, or, where versions
 * are named by PATH@TIME, that what stands behind @ names none: ZK_EUSAGE.
 */
ZK_CHECKED enum zk_err histpath_none(struct vault *v, const char *path,
    const char *typed, bool versions);

/*
 * Whether directory n is one of those that the path means, or lies below one
 * today.
 */
ZK_CHECKED enum zk_err histpath_covers(struct histpath *h, int64_t n,
    bool *yes);

#endif
