/*
 * The planner: from base to goal, for the directories that changed.  Pure.
 *
 * The caller names each directory whose entries changed (plan_dir), its rows
 * in base (plan_base) and its entries in the goal (plan_goal), and gets an
 * ordered list of steps.  Directories that did not change need not be named.
 * A directory that is new, or whose row is to go, must be named with all
 * that it has on either side, down to the leaves.
 *
 * Identity is a key of 32 bytes: the node's id; for a further head shown as
 * a conflict copy, that head's op id, or all zero for none.  A row is matched
 * with the goal entry whose key is the first of its nodes, else any of its
 * nodes, else with the unmatched entry of the same class (directory or not)
 * at the same place.
 *
 * Invariants of the result: executing the steps in order never needs a place
 * that is taken, except by exchange; moves come before removals, parents
 * before children when things appear, children before parents when they go;
 * each path goes from its old to its new content in one step wherever
 * renames can do that (cycles of three and more cannot); kept rows are
 * never touched: who wants the place of one gets an alias; a plan made
 * after the steps is empty; order of input is irrelevant.
 *
 * Large first pulls: directories may be planned in portions, parents first;
 * rows whose node goes to a directory of another portion are given with
 * PLAN_ELSEWHERE, and are left where they are until that portion.
 */
#ifndef ZK_TREE_PLAN_H
#define ZK_TREE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/aliasdb.h"
#include "store/basedb.h"

struct plan;

/* An entry of the goal. */
struct plan_goal {
	struct opid key;	/* identity, see above */
	const uint8_t *name;	/* as all devices show it */
	size_t name_len;
	uint8_t kind;		/* enum node_kind */
	uint16_t mode;		/* & 0777; what an entry without mode gets is
				 * the caller's decision */
	bool has_mode;		/* false: leave as it is on disk */
	bool has_mtime;
	struct env_time mtime;
	uint64_t size;		/* bytes of content or link target */
	uint8_t hash[BASE_HASH_LEN];	/* zeroes for directories */
	/* what base is to hold for it */
	const struct opid *nodes;	/* winner first, at least one */
	size_t nodes_n;
	const uint8_t *refs;
	size_t refs_len;
	uint64_t handle;	/* the caller's: finds the content again */
};

enum plan_op {
	/* base alone: the disk already has it (refs, nodes, flags) */
	PLAN_ADOPT = 1,
	/* goal appears at (dir, name), which is free */
	PLAN_MKDIR,
	PLAN_CREATE,
	/* row's content becomes goal's (file or link to file or link) */
	PLAN_REPLACE,
	/* row's mode or mtime becomes goal's; row 0: of the directory dir,
	 * which an earlier step made */
	PLAN_ATTR,
	/* row goes to (dir, name), which is free; from staging too */
	PLAN_MOVE,
	/* row and other exchange their places */
	PLAN_SWAP,
	/* row goes to staging, and at once takes the place of other at (dir,
	 * name); other is in staging after */
	PLAN_TAKE,
	/* as PLAN_TAKE with something new: goal, staged first */
	PLAN_TAKE_NEW,
	/* row (no directory) goes to the trash */
	PLAN_REMOVE,
	/* row, a directory by now without rows, goes; what is left in it is
	 * kept */
	PLAN_RMDIR
};

struct plan_step {
	uint8_t op;		/* enum plan_op */
	int64_t row;		/* 0 for MKDIR, CREATE, TAKE_NEW */
	int64_t other;		/* SWAP, TAKE, TAKE_NEW */
	const struct plan_goal *goal;	/* what it becomes; NULL for removals */
	const struct plan_goal *goal2;	/* SWAP: other's */
	/* target directory, see plan_dir_row; not for ADOPT, REPLACE and
	 * ATTR with a row, which act where the row is */
	size_t dir;
	const uint8_t *name;	/* target name: goal's or an alias */
	size_t name_len;
	uint32_t after;		/* 1 + index of the step that makes dir; 0 */
	bool again;		/* an earlier step brings the same entry */
};

enum plan_flags {
	PLAN_ELSEWHERE = 1	/* the row goes to another portion's place */
};

/*
 * fold (may be NULL) says what the disk makes of a name in the directory of
 * a row (0: one that is still to be made): it appends the form to out, and
 * sets *how.  Of two goal entries with equal form in a directory the one with
 * the smaller key has its name (with ALIAS_SHOWN: the form); the others, and
 * what has ALIAS_NEVER, get aliases.  While a row that is to go elsewhere
 * still has the form, an alias too: see plan_passing.
 */
struct plan_opts {
	enum zk_err (*fold)(void *arg, int64_t dir, const void *name,
	    size_t len, struct buf *out, enum alias_how *how);
	void *arg;
};

ZK_CHECKED enum zk_err plan_new(const struct plan_opts *opts,
    struct plan **out);
void plan_free(struct plan *p);

/*
 * Names a directory by its (winning) node; row is its row in base or 0.
 * Naming it again gives the same index (and fills in the row).  Where its
 * own entry is among the goal entries, the match of that decides the row.
 * ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err plan_dir(struct plan *p, const struct opid *node,
    int64_t row, size_t *dir);

/*
 * A row (all fields) of a directory that is named with its row, e->parent.
 * Copies.  flags: enum plan_flags.
 */
ZK_CHECKED enum zk_err plan_base(struct plan *p, const struct base_entry *e,
    unsigned flags);

/* A goal entry in a named directory.  Copies. */
ZK_CHECKED enum zk_err plan_goal(struct plan *p, size_t dir,
    const struct plan_goal *g);

/*
 * Makes the steps.  Once a plan.  ZK_EBUG when the input is not what the
 * comment on top says (a place twice, a cycle, an unknown parent);
 * ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err plan_make(struct plan *p);

size_t plan_len(const struct plan *p);
const struct plan_step *plan_step(const struct plan *p, size_t i);

/*
 * True if some entry gets an alias for no longer than until these steps are
 * taken: then plan again.
 */
bool plan_passing(const struct plan *p);

/*
 * The goal entries under an alias, and (where fold is not NULL) the others:
 * i counts from 0, false at the end.  *dir is a named directory.
 */
struct plan_place {
	const struct plan_goal *goal;
	size_t dir;
	const uint8_t *name;	/* on this disk */
	size_t name_len;
	bool held;		/* not brought there by this plan */
};
bool plan_place_at(const struct plan *p, size_t i, struct plan_place *out);

/* The base row of a named directory, 0 while it has none. */
int64_t plan_dir_row(const struct plan *p, size_t dir);

/* What apply tells the plan: directory dir is now row. */
void plan_dir_set_row(struct plan *p, size_t dir, int64_t row);

/* For PLAN_MKDIR and a directory in TAKE_NEW: the index its node has. */
size_t plan_goal_dir(const struct plan *p, const struct plan_goal *g);

/* Counts for the brake, -n and summaries. */
struct plan_counts {
	uint64_t create;	/* files and links */
	uint64_t mkdir;
	uint64_t replace;
	uint64_t move;
	uint64_t attr;
	uint64_t adopt;
	uint64_t remove;	/* entries of any kind that go */
	uint64_t bytes;		/* content to bring */
};
void plan_count(const struct plan *p, struct plan_counts *out);

/*
 * Leaves out every removal (the brake's "hold the whole set back") and what
 * can only be done after one.  Call before plan_make.
 */
void plan_hold_removals(struct plan *p);

/* The alias name for key, at most 255 bytes: STEM~xxxx.EXT (n hex digits). */
ZK_CHECKED enum zk_err plan_alias(const void *name, size_t len,
    const struct opid *key, unsigned n, struct buf *out);

#endif
