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

/* renameat to a name that is free, -EEXIST else, whatever the system knows. */
int trash_rename(struct env *env, int from, const char *name, int to,
    const char *new_name);

/*
 * Copies a file (with its mode and mtime, synced) or link to a new name; the
 * first stays.  0 or a negative errno; nothing is left on failure.
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

/* Back out of it (tree/trash_back.c). ----------------------------------- */

/* What an entry named in the trash is: one of trash_list, or a directory. */
struct trash_found {
	char type;		/* as in struct trash_entry */
	uint64_t entries;	/* it and all below it */
	uint64_t bytes;		/* of the files among them */
};

/*
 * Looks at the entry `at`, "YYYY-MM-DD/" and a path below that day.
 * ZK_ENOENT: there is none, or at is no such name.
 */
ZK_CHECKED enum zk_err trash_find(struct root *r, const char *at,
    struct trash_found *out);

/*
 * Makes the directories above path, a place below the root for the entry at,
 * component by component with the permissions that the trash has for them.
 * Durable.  ZK_EEXIST: something above it is no directory.  ZK_ENOENT: at is
 * no name of an entry.
 */
ZK_CHECKED enum zk_err trash_make_above(struct root *r, const char *at,
    const char *path);

/*
 * Moves the entry to name in dirfd, where nothing may be (ZK_EEXIST).
 * Stopped anywhere it is whole at one of the two, or at both, and it leaves
 * the trash only when it is durable there; to another file system it is
 * copied beside name first, under a reserved name that the next call of this
 * vault clears away.
 */
ZK_CHECKED enum zk_err trash_take(struct root *r, const char *at, int dirfd,
    const char *name);

/* Copies the bytes of a file of the trash into fd.  ZK_EUSAGE: no file. */
ZK_CHECKED enum zk_err trash_read(struct root *r, const char *at, int fd);

#endif
