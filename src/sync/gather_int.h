/*
 * What gather.c (directories, rows and entries for the planner) and
 * gather_paths.c (which of them, where paths were named) share.  For them
 * alone.
 */
#ifndef ZK_SYNC_GATHER_INT_H
#define ZK_SYNC_GATHER_INT_H

#include "crdt/list.h"
#include "store/basedb.h"
#include "sync/gather.h"
#include "sync/keyset.h"
#include "util/buf.h"

/* A directory to be looked at: by its winning node. */
struct todo {
	struct opid node;
	char *path;		/* owned; orders parents before children */
};

/* A directory named in the portion at hand. */
struct named {
	int64_t row;
};

struct taken;

struct gather {
	struct round *rd;
	struct todo *todo;
	size_t todo_n, todo_cap, next;
	struct keyset seen;	/* nodes that are or were in todo */
	struct keyset goals;	/* what the portion's goal entries stand for */
	struct keyset rows;	/* rows of directories named so far */
	struct named *named;
	size_t named_n, named_cap;
	size_t entries;		/* goal entries in the portion */
	struct plan *plan;
	struct buf path;
	bool all;		/* every directory, dirty or not */
	bool drawn_in;		/* one that may not be dirty was put in todo */
	bool marked;		/* and "relook" is set for it */
	bool deep;		/* some lie too deep; that was said */
	bool looked;		/* left has all that was left out */
	struct keyset left;	/* nodes: what is left out for its depth */
	uint64_t removals;
	struct taken *taken;	/* where trees come that are not here yet */
	size_t taken_n, taken_cap;
	/* the rest only where paths were named */
	char **wait;		/* entries to be given, by path; owned */
	size_t wait_n, wait_cap;
	struct keyset inside;	/* nodes: directories given with all in them */
	struct keyset drawn;	/* rows that go since they are in the way */
	struct keyset whole;	/* of these, those with all in them */
	bool outside;		/* something leaves or enters the paths */
};

/* A directory of the merged tree. */
struct gather_dir {
	struct opid *ids;	/* its nodes, winner first; owned */
	size_t n;
	char *path;		/* in the merged tree; owned */
	char *disk;		/* where it is here, or will be; owned */
	int64_t row;		/* 0: not here */
	size_t index;		/* the plan's */
};

/* gather.c --------------------------------------------------------------- */

/* Room for one more of size each; NULL without memory (old stays). */
void *gather_more_room(void *p, size_t n, size_t *cap, size_t size);

/* The base row that stands for a key, 0 for none. */
ZK_CHECKED enum zk_err gather_row_of(struct gather *g,
    const struct opid *key, int64_t *row);

/* A row's id in the form of a node: no node begins so. */
struct opid gather_row_key(int64_t row);

/* Notes a directory as named: its rows are given later. */
ZK_CHECKED enum zk_err gather_name(struct gather *g, const struct opid *node,
    int64_t row, size_t *index);

/* Finds a directory, and names it and all rows that it is.  ZK_ENOENT. */
ZK_CHECKED enum zk_err gather_dir_open(struct gather *g,
    const struct opid *node, struct gather_dir *d);
void gather_dir_close(struct gather_dir *d);

/* One entry of the goal, as the planner takes it. */
ZK_CHECKED enum zk_err gather_give(struct gather *g, size_t dir,
    const struct list_entry *e);

/* Puts on the list what an entry of the goal draws in. */
ZK_CHECKED enum zk_err gather_follow(struct gather *g,
    const struct gather_dir *d, const struct list_entry *e);

/*
 * Puts the directory that node is now part of on the list, if visible; where
 * paths were named only if it is wanted or something comes from there.  One
 * that is gone goes with the rows of the directory that it is in here, which
 * need not be where the tree had it: a run for some paths leaves directories
 * as they are that others have united.
 */
ZK_CHECKED enum zk_err gather_push_node(struct gather *g,
    const struct opid *node, bool source);
/* The directory that has the row of a node that is gone, if it has one. */
ZK_CHECKED enum zk_err gather_push_row(struct gather *g,
    const struct opid *node);

/* Puts a subdirectory on the list. */
ZK_CHECKED enum zk_err gather_push_sub(struct gather *g,
    const struct gather_dir *d, const struct list_entry *e);

/* True if the nodes of a directory's row are those of another by now. */
ZK_CHECKED enum zk_err gather_superseded(struct gather *g,
    const struct base_entry *e, bool *yes);

/* gather_deep.c ---------------------------------------------------------- */

/* Whether what is in a directory of that path would lie too deep. */
bool gather_is_deep(const char *path);

ZK_CHECKED enum zk_err gather_has_entries(struct gather *g,
    const struct opid *node, bool *yes);

/* Leaves a node out, to be looked at again; too_deep: says it once a run. */
ZK_CHECKED enum zk_err gather_leave(struct gather *g,
    const struct opid *node);
ZK_CHECKED enum zk_err gather_too_deep(struct gather *g,
    const struct opid *node, const char *path);

/*
 * Looks again at what earlier runs left out.  *full: they were too many to be
 * told apart.
 */
ZK_CHECKED enum zk_err gather_left_again(struct gather *g, bool *full);

/* gather_tree.c ---------------------------------------------------------- */

/* Notes where an entry of the goal comes, if it is a tree not yet here. */
ZK_CHECKED enum zk_err gather_note_tree(struct gather *g, size_t dir,
    const struct list_entry *e);

/*
 * Whether a row is, or lies in, a directory whose place one of these wants:
 * it does not count as removed.
 */
ZK_CHECKED enum zk_err gather_is_taken(struct gather *g, int64_t row,
    bool *yes);

void gather_free_taken(struct gather *g);

/* gather_paths.c --------------------------------------------------------- */

/* Whether a directory lies in or above what was named, here or merged. */
ZK_CHECKED enum zk_err gather_dir_wanted(struct gather *g,
    const struct opid *ids, size_t n, const char *path, bool *yes);

/* Gives an entry to the planner if it is wanted, with all that it needs. */
ZK_CHECKED enum zk_err gather_filter(struct gather *g,
    const struct gather_dir *d, const struct list_entry *e);

/* Names the directories that the rows of an entry come from. */
ZK_CHECKED enum zk_err gather_sources(struct gather *g,
    const struct gather_dir *d, const struct list_entry *e);

/* Whether a row at that path may go: it was named, or is in the way. */
bool gather_row_in(const struct gather *g, const struct base_entry *e,
    const char *path);

/* Gives what waits, by path. */
ZK_CHECKED enum zk_err gather_waiting(struct gather *g);

/*
 * Looks where the rows of a named directory are to go: what was named and
 * lies elsewhere is to be given, what is below a directory that goes, too.
 */
ZK_CHECKED enum zk_err gather_draw(struct gather *g, int64_t row);

#endif
