/*
 * One directory, read: names in order, each with its stat, ignored ones
 * marked.  The part of a scan that may run on another thread; touches no
 * database.
 */
#ifndef ZK_TREE_LISTING_H
#define ZK_TREE_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tree/attrs.h"
#include "tree/ignore.h"
#include "tree/root.h"

/* With more entries than this the stats are left to the reader. */
#define LISTING_STAT_MAX 8192

enum listing_flags {
	LISTING_IGNORED = 1,
	LISTING_STATTED = 2	/* its stat is there */
};

struct listing_entry {
	const char *name;	/* raw, NUL-terminated */
	uint32_t len;
	uint8_t type;		/* DT_* */
	uint8_t flags;
	int err;		/* errno of its stat, 0 */
};

struct listing {
	/* in */
	struct root *root;
	char *path;		/* relative, owned */
	uint64_t ino;		/* what it must be; 0: whatever it is */
	uint64_t dev;
	bool mount;		/* fsid is asked for */
	struct ignore *up;	/* the list above, counted */
	struct attrs *up_attrs;	/* the same */
	uint8_t *rules;		/* patterns if it has no .zkignore; owned */
	size_t rules_len;
	/* out */
	enum zk_err r;		/* ZK_ENOMEM alone; else err tells */
	int err;		/* errno: could not be read to its end */
	bool changed;		/* it changed while it was read */
	bool replaced;		/* it is not what it must be */
	struct env_stat st;
	uint64_t fsid;		/* of its file system, never 0 */
	struct ignore *ig;	/* the list that holds in it, counted */
	struct attrs *attrs;	/* the same; NULL where it cannot be read */
	struct listing_entry *v;	/* by memcmp of names */
	size_t n;
	struct env_stat *stats;	/* n of them, or NULL */
	char *names;
};

/* Reads the directory; the out members are set.  For struct pool. */
void listing_run(void *job);

/* Frees what listing_run and the caller put in; not l itself. */
void listing_release(struct listing *l);

/*
 * Reads once more, names alone: l is a new one with root, path, ino and dev
 * set.  *fd (if not NULL) is the open directory, the caller's, or -1.
 */
void listing_names(struct listing *l, int *fd);

/* Reads the open directory fd, names alone, into a new l. */
void listing_of(struct listing *l, struct env *env, int fd);

/* True if name is in it. */
bool listing_has(const struct listing *l, const void *name, size_t len);

#endif
