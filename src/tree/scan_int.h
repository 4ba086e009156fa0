/*
 * What scan.c (the walk) and scan_finish.c (what follows from more
 * than one entry) share.  For them alone.
 */
#ifndef ZK_TREE_SCAN_INT_H
#define ZK_TREE_SCAN_INT_H

#include "tree/listing.h"
#include "tree/scan.h"
#include "util/buf.h"

struct pool;
struct todo;

/* A kept row that is gone; never seen outside a scan. */
#define SCAN_GONE 30

struct scan {
	struct root *root;
	struct db *db;
	const struct scan_opts *opts;
	struct scan_result *res;
	struct pool *pool;
	struct todo *stack;	/* directories to be read, next one last */
	size_t n;
	size_t cap;
	struct buf path;	/* of the entry at hand */
	size_t base;		/* of it, the directory and '/' */
	struct buf name;
	/* the second reading of the directory at hand */
	struct listing again;
	bool again_read;
	int again_fd;
};

/* enum node_kind of what st describes, 0 for others; NODE_DIR of a tree. */
uint8_t scan_kind(const struct env_stat *st);

/* Adds a difference at s->path; st may be NULL. */
ZK_CHECKED enum zk_err scan_emit(struct scan *s, uint8_t what, int64_t row,
    int64_t parent, const struct env_stat *st);

/*
 * Something new appears in the directory of a row: if that is kept, it and
 * the kept ones above it become nodes (DIFF_KEPT).
 */
ZK_CHECKED enum zk_err scan_promote(struct scan *s, int64_t row);

/*
 * A row is in one place: *yes if this scan has already found the directory
 * that it is, by its inode elsewhere or by its name with another inode.
 */
ZK_CHECKED enum zk_err scan_is_found(struct scan *s, int64_t row, bool *yes);

/*
 * The row of a directory, or of one kept as one (kind says which), that has
 * come here from elsewhere, or 0.
 */
ZK_CHECKED enum zk_err scan_came_from(struct scan *s,
    const struct env_stat *st, uint8_t kind, int64_t *row);

/* Directories kept as one, at s->path (scan_tree.c) ----------------------- */

/*
 * Whether the directory there, of that stat, is one: by the attributes, and
 * where they say nothing by what base has there (e, may be NULL), or had
 * where it came from.
 */
ZK_CHECKED enum zk_err scan_is_tree(struct scan *s, const struct listing *in,
    const struct base_entry *e, const struct env_stat *st, bool *yes);

/* One that base does not have there, in the directory of row parent. */
ZK_CHECKED enum zk_err scan_new_tree(struct scan *s, int64_t parent);

/*
 * One where base has e, a tree or something else; st is of the directory.
 */
ZK_CHECKED enum zk_err scan_take_tree(struct scan *s,
    const struct base_entry *e, int64_t parent, const struct env_stat *st);

/*
 * True if a row that the listing in lacks is really absent: not in a second
 * listing either, and not there by name.  The second listing serves for the
 * whole directory, until scan_forget_again.
 */
bool scan_is_absent(struct scan *s, const struct listing *in,
    const struct base_entry *e);
void scan_forget_again(struct scan *s);

/* Notes in the difference of a new directory that it is a mount. */
ZK_CHECKED enum zk_err scan_set_fsid(struct scan *s, const char *path,
    uint64_t fsid);

/*
 * Drops what moved from what vanished, adds what vanished below, and puts
 * removals at the end, children first.  Removes kept rows that are gone.
 */
ZK_CHECKED enum zk_err scan_finish(struct scan *s);

#endif
