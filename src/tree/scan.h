/*
 * Compares the disk with base: present, absent or unknown for each path.
 *
 * Only a directory read to its end without error, unchanged while it was
 * read, on the file system it was on, can make a child absent; a child that
 * seems absent is looked for once more by a second reading and by name.
 * Everything else is unknown: reported, and nothing below it is a
 * difference.  A scan reads no file content and writes nothing to the disk
 * or to the rows of base; it fills the table of differences (diff_next).
 *
 * Unchanged entries cost one stat and one row of a sorted query.
 */
#ifndef ZK_TREE_SCAN_H
#define ZK_TREE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/diffdb.h"
#include "tree/root.h"

/*
 * How a row is named, in the root, that had to leave its place before what
 * became of it is recorded: see DIFF_TAKEN.
 */
#define SCAN_ASIDE ".zk-tmp-row-"

struct scan_opts {
	/* only differences at or below these paths; n 0: everything */
	const char *const *paths;
	size_t paths_n;
	/*
	 * whether the directory path, of which base and the attributes say
	 * nothing, is kept as one (may be NULL: it is not)
	 */
	enum zk_err (*is_tree)(void *ctx, const char *path, bool *yes);
	/* called now and then (may be NULL) with entries seen so far */
	void (*progress)(void *ctx, uint64_t entries);
	void *ctx;
};

struct scan_result {
	uint64_t entries;	/* present, not ignored, the root left out */
	uint64_t dirs;		/* of these, directories */
	uint64_t bytes;		/* sizes of the files among them */
	uint64_t ignored;	/* entries ignored (not what is below) */
	uint64_t unknown;	/* DIFF_UNKNOWN reports: status 3 */
	uint64_t reported;	/* DIFF_SPECIAL and DIFF_BADNAME reports */
	uint64_t kept_gone;	/* rows of kept entries no longer there */
};

/*
 * Scans and fills the table of differences, which it first empties:
 * - what appeared, moved or changed comes first, a directory before what is
 *   in it; then what vanished, children before their directory; what is now
 *   of another kind where base has a directory comes among the latter, right
 *   after what vanished below it.  So they can be recorded in this order; a
 *   row at a place that a NEW or MOVED takes comes later;
 * - a directory found by inode and birth time at another place is MOVED,
 *   and what is in it is compared with that row's children;
 * - of a vanished directory every row below that did not move is VANISHED
 *   too;
 * - a kept row that changed, or a kept directory in which something new
 *   appears, is KEPT: from now on a node like a NEW, but it has its row;
 * - what base has and ignore rules now cover is no difference;
 * - a directory kept as one is one entry, and what is in it none: its kind is
 *   NODE_TREE and its stat that of whole_stat.  Where it was an ordinary one
 *   it is NEW, and that and all below it TAKEN, which come where VANISHED do;
 *   and the other way round.
 * File moves are found afterwards by moves_find.
 *
 * ZK_EROOT if the root itself cannot be read to its end or is no longer
 * what root_check accepted.  ZK_ENOMEM, database errors.  Must run inside
 * or outside a transaction; kept rows that are gone are removed from base.
 */
ZK_CHECKED enum zk_err scan_run(struct root *root, struct db *db,
    const struct scan_opts *opts, struct scan_result *out);

#endif
