/*
 * The trash in .zk/trash: what applied removals and replacements took away,
 * by day and path.
 */
#ifndef ZK_TREE_TRASH_H
#define ZK_TREE_TRASH_H

#include <stdbool.h>
#include <stdint.h>

#include "tree/root.h"
#include "util/buf.h"

struct trash;

#define TRASH_DIR ".zk/trash"
#define TRASH_DAY_NAME 11	/* "YYYY-MM-DD" and a NUL */
/* What it keeps: zk-restore(1), TRASH. */
#define TRASH_DAYS 30
#define TRASH_BYTES (UINT64_C(1) << 30)

/* root outlives it.  ZK_ENOMEM. */
ZK_CHECKED enum zk_err trash_new(struct root *root, struct trash **out);
void trash_free(struct trash *t);

/*
 * Moves what is at name in dirfd (directories with all in them) into
 * .zk/trash/YYYY-MM-DD/<path>, with ~N behind a name that is taken.  path,
 * where it was below the root, decides the layout alone.  where (may be
 * NULL) is replaced by the place relative to .zk/trash.  Crosses file
 * systems by copying, durably.  ZK_ENOENT if nothing is at name.
 */
ZK_CHECKED enum zk_err trash_put(struct trash *t, int dirfd, const char *name,
    const char *path, struct buf *where);

/*
 * Copies a file (with its mtime, synced) or link to a new name; the first
 * stays.  0 or a negative errno; nothing is left on failure.
 */
int trash_copy(struct env *env, int from, const char *name, int to,
    const char *new_name);

/* The name of the day that lies so many before today. */
void trash_day_name(struct env *env, int64_t before,
    char out[static TRASH_DAY_NAME]);

/* Whether anything was put. */
bool trash_used(const struct trash *t);

/*
 * Deletes whole days from the trash that lie more than days before today;
 * *n (may be NULL) gets how many.
 */
ZK_CHECKED enum zk_err trash_prune(struct root *r, unsigned days,
    unsigned *n);

/*
 * Deletes from the trash until it holds at most max bytes of files: the
 * oldest days, and of the last day what came first.
 */
ZK_CHECKED enum zk_err trash_bound(struct root *r, uint64_t max);

/*
 * Both, to TRASH_DAYS and, if something was added, TRASH_BYTES.  A failure is
 * logged, and fails nothing.
 */
void trash_tidy(struct root *r, bool added);

struct trash_entry {
	const char *day;	/* "YYYY-MM-DD" */
	const char *path;	/* below that day, raw bytes */
	char type;		/* 'f', 'l'; an empty directory 'd' */
	uint64_t bytes;		/* of a file */
};

/*
 * Each entry of the trash, the newest day first and in no order within one.
 * Anything but ZK_OK of each ends the list.
 */
ZK_CHECKED enum zk_err trash_list(struct root *r,
    enum zk_err (*each)(void *arg, const struct trash_entry *e), void *arg);

#endif
