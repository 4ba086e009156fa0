/*
 * The merged tree as a person sees it: united directories, final names,
 * conflict copies (zk-merge(7), EQUAL NAMES and COPIES).
 *
 * A directory is a set of nodes, since directories of one name unite; the
 * root is the set of the zero id alone.  Reading changes nothing.  Memory
 * is bounded by a page of children a level plus the conflicts of the
 * directory, whatever its size.
 */
#ifndef ZK_CRDT_LIST_H
#define ZK_CRDT_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/op.h"
#include "crdt/tree.h"
#include "util/buf.h"
#include "util/err.h"

struct list;

enum list_flags {
	LIST_MADE_NAME = 1,	/* its name was made by the conflict rule */
	LIST_COPY = 2,		/* one of several contents of its node */
	LIST_UNITED = 4		/* stands for more than one node */
};

struct list_entry {
	const uint8_t *name;	/* final name, 1..255 raw bytes */
	size_t name_len;
	uint8_t kind;		/* enum node_kind */
	uint8_t flags;		/* enum list_flags */
	bool has_mode;		/* false: no op gave one */
	bool has_mtime;
	uint16_t mode;
	uint32_t mtime_nsec;
	int64_t mtime_sec;
	struct content content;	/* files and symlinks; data is NULL */
	/*
	 * What stays the same while the entry is renamed and edited: nodes[0],
	 * or for LIST_COPY the op that began its branch.  Unique in the tree.
	 */
	struct opid key;
	const struct opid *nodes; /* those it stands for, winner first */
	size_t nodes_n;
	/*
	 * What the entry stands for, to be kept in base and handed to emit_*:
	 * crdt/seen.h.  Entries with equal seen have equal kind, content,
	 * mode and mtime; the name is not in it.
	 */
	const uint8_t *seen;
	size_t seen_len;
	/* Who wrote what is shown, and when they say: for display. */
	uint8_t device[32];
	int64_t wall_ms;
};

/*
 * The entries of the directory that dirs[0..n) are, in the order of memcmp
 * of their final names (a prefix first).  n 0 is the root.  A node that is
 * not known counts as empty.  Many lists may be open; the tree must not
 * change while one is.
 */
ZK_CHECKED enum zk_err list_open(struct tree *t, const struct opid *dirs,
    size_t n, struct list **out);

/*
 * The next entry; it and all it points to live until the next call or
 * list_close.  ZK_ENOENT: no more.
 */
ZK_CHECKED enum zk_err list_next(struct list *l,
    const struct list_entry **out);
void list_close(struct list *l);

/* A list of the one entry of that name, or of none. */
ZK_CHECKED enum zk_err list_find(struct tree *t, const struct opid *dirs,
    size_t n, const uint8_t *name, size_t name_len, struct list **out);

/*
 * As list_find, from the root by a path of raw bytes with '/' between
 * components, not empty.
 */
ZK_CHECKED enum zk_err list_lookup(struct tree *t, const uint8_t *path,
    size_t len, struct list **out);

/*
 * Puts the path of an entry in place of what out held; the root's is empty.
 * key is list_entry.key or any of list_entry.nodes (of which the file at the
 * name is meant, if the node shows as several).  ZK_ENOENT: nothing visible
 * has it.  ZK_ELIMIT: it lies deeper than PATH_DEPTH_MAX components, which is
 * found out in so many steps, or its path is longer than out may be.
 */
ZK_CHECKED enum zk_err list_path(struct tree *t, const struct opid *key,
    struct buf *out);

/*
 * The path of a directory, in place of what path held, and the ids of all
 * nodes that it is, winner first: the caller frees *ids.  The root: an empty
 * path and the zero id.  ZK_ENOENT, ZK_ELIMIT as list_path; ZK_ENOENT also
 * where it is no directory.
 */
ZK_CHECKED enum zk_err list_dirs(struct tree *t, const struct opid *node,
    struct buf *path, struct opid **ids, size_t *n);

/* Called with the path and the entry; anything but ZK_OK ends the walk. */
typedef enum zk_err list_fn(void *arg, const struct buf *path,
    const struct list_entry *e);

/*
 * Every entry with LIST_MADE_NAME, in no order that means anything.  Cost:
 * conflicts, and a walk of directories that unite.
 */
ZK_CHECKED enum zk_err list_conflicts(struct tree *t, list_fn *fn, void *arg);

/*
 * Canonical text of the whole visible tree: for tests, and what two devices
 * with the same ops have byte for byte in common.
 */
ZK_CHECKED enum zk_err list_dump(struct tree *t, struct buf *out);

#endif
