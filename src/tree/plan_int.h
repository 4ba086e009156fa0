/*
 * What plan.c (input and output), plan_match.c (what is what) and
 * plan_make.c (the steps) share.  For them alone.
 */
#ifndef ZK_TREE_PLAN_INT_H
#define ZK_TREE_PLAN_INT_H

#include "tree/plan.h"

#define PLAN_NONE SIZE_MAX

struct chunk;

struct plan_pdir {
	struct opid node;
	int64_t row;		/* row it is or becomes; 0: is to be made */
	size_t own;		/* the goal entry that is this directory */
	uint32_t made;		/* 1 + step that makes it */
};

struct plan_row {
	struct base_entry e;
	unsigned flags;		/* enum plan_flags */
	size_t goal;		/* what it is matched with */
	unsigned depth;		/* below the topmost row given */
	bool left;		/* no longer at its place */
	bool placed;		/* a swap has brought it to its goal */
	bool blocked;		/* a directory that something stays in */
	const uint8_t *form;	/* of its name, where the disk folds */
	size_t form_len;
};

struct plan_pgoal {
	struct plan_goal *g;
	size_t dir;
	size_t row;		/* what it is matched with */
	size_t child;		/* the named directory that it is */
	const uint8_t *name;	/* name on this disk */
	size_t name_len;
	unsigned depth;		/* below the topmost entry given */
	bool sized;		/* depth is known */
	bool held;		/* cannot be done now */
	bool below_held;
	const uint8_t *form;	/* of the goal's name, where the disk folds */
	size_t form_len;
	enum alias_how how;
	bool younger;		/* another one has the form */
};

struct plan {
	struct plan_opts opts;
	bool hold;
	bool made;
	bool passing;		/* see plan_passing */
	struct chunk *chunks;
	struct plan_pdir *dirs;
	size_t *dirs_by;	/* indices of dirs by node */
	size_t dirs_n;
	size_t dirs_cap;
	struct plan_row *rows;
	size_t rows_n;
	size_t rows_cap;
	struct plan_pgoal *goals;
	size_t goals_n;
	size_t goals_cap;
	/* indices, made by plan_make */
	size_t *by_id;		/* rows by id */
	size_t *by_place;	/* rows by parent and name */
	size_t *by_key;		/* goals by key */
	size_t *order;		/* goals top down */
	size_t *by_form;	/* where the disk folds: goals by directory, */
	size_t *rows_by_form;	/* form, key; rows by parent, form */
	struct plan_step *steps;
	size_t steps_n;
	size_t steps_cap;
};

/* Index of the directory named by node, or PLAN_NONE. */
size_t plan_dir_find(const struct plan *p, const struct opid *node);

/* qsort has no argument for a context: what it sorts carries it. */
struct plan_ref {
	const struct plan *p;
	size_t i;
};

/* The indices 0..n-1 in the order of cmp, which gets two plan_ref. */
ZK_CHECKED enum zk_err plan_sorted(const struct plan *p, size_t n,
    int (*cmp)(const void *a, const void *b), size_t **out);

/* As memcmp; a prefix comes first. */
int plan_cmp_bytes(const uint8_t *a, size_t an, const uint8_t *b, size_t bn);

/* The row with this id, or NULL. */
struct plan_row *plan_row_of(const struct plan *p, int64_t id);

/* The row that base has at a place, wherever it is by now, or NULL. */
struct plan_row *plan_row_at(const struct plan *p, int64_t parent,
    const uint8_t *name, size_t len);

/* The row of the directory g goes to; below 0: it is to be made. */
int64_t plan_container(const struct plan *p, const struct plan_pgoal *g);

/* A kept row that no goal entry is matched with: it stays. */
bool plan_is_kept(const struct plan_row *w);

/* Indices, matches, names on this disk. */
ZK_CHECKED enum zk_err plan_prepare(struct plan *p);

/* Appends a step. */
ZK_CHECKED enum zk_err plan_add(struct plan *p, const struct plan_step *s);

/* Gives a goal entry another name on this disk. */
ZK_CHECKED enum zk_err plan_rename(struct plan *p, struct plan_pgoal *g,
    const struct buf *name);

/* A copy that lives as long as the plan. */
ZK_CHECKED enum zk_err plan_dup(struct plan *p, const void *src, size_t n,
    const uint8_t **out);

/* plan_fold.c: where opts.fold is not NULL, or nothing to do -------------- */

/* Forms of all rows and goals, after these were matched by key. */
ZK_CHECKED enum zk_err plan_fold_all(struct plan *p);

/* Whether the disk denies g its name, so that it needs an alias. */
bool plan_fold_denies(struct plan *p, const struct plan_pgoal *g);

/*
 * Whether an alias of g would meet another entry or row; name becomes what
 * the disk makes of it.
 */
ZK_CHECKED enum zk_err plan_fold_meets(struct plan *p,
    const struct plan_pgoal *g, struct buf *name, bool *yes);

#endif
