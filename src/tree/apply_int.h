/*
 * What the files of apply share: apply.c (batches), apply_stage.c and
 * apply_small.c (content), apply_do.c (the disk), apply_base.c (base after
 * it), apply_recover.c (intents, and what was left of an earlier run).  For
 * them alone.
 */
#ifndef ZK_TREE_APPLY_INT_H
#define ZK_TREE_APPLY_INT_H

#include "tree/apply.h"
#include "tree/rules.h"
#include "tree/trash.h"
#include "tree/whole.h"
#include "util/buf.h"

/* What is known of one step while its batch is under way. */
struct act {
	uint8_t op;		/* enum plan_op */
	const struct plan_step *s;	/* NULL when recovering */
	const struct plan_goal *g;
	const struct plan_goal *g2;
	int64_t row;
	int64_t other;
	/* paths relative to the root, owned */
	char *path;		/* where it goes, or is */
	char *from;		/* MOVE, TAKE, SWAP: where row is; TAKE_NEW:
				 * where the new content is staged */
	char *tmp;		/* staged: content, or what is taken out */
	char *layout;		/* REMOVE: the path that the trash shows */
	/* inode numbers that tell what has happened */
	uint64_t ino;		/* of what is at path when it is done */
	uint64_t ino2;		/* of what is at path before */
	unsigned keep_mode;	/* REPLACE without mode: what it has */
	uint8_t *rules;		/* REMOVE of an ignore file: what it says, */
	size_t rules_len;	/* owned */
	int64_t rules_for;	/* for this directory's row */
	bool staged;		/* act_stage is there, and all ours */
	bool racy;		/* a tree, staged: as struct whole has it */
	bool large;
	int64_t when;		/* of the intent, ms since 1970; 0: not known */
	bool skip;		/* ignored here: left alone */
	bool leaf;		/* MKDIR: nothing of the plan goes into it */
	/* results */
	bool done;
	bool kept;		/* RMDIR: stays, as a kept entry */
	bool trust;		/* st says what content is at path */
	bool trust2;		/* st2, of other, too */
	struct env_stat st;	/* at path; before: of what is staged */
	struct env_stat st2;	/* of other, where it is now */
	enum alias_how how;	/* what the disk makes of the step's name, */
	char *shown;		/* and what it calls it; owned */
	struct base_entry obstacle;	/* in the way: kind, st; id 0 */
	bool blocked;		/* obstacle is to be put in base as kept */
	enum zk_err r;
};

struct apply {
	struct root *root;
	struct env *env;
	struct db *db;
	struct plan *p;		/* NULL when recovering */
	const struct apply_ops *ops;
	struct apply_result *res;
	const struct read_hasher *hasher;
	struct trash *trash;
	struct rules *rules;
	uint8_t boot[16];
	unsigned seq;		/* of names in staging */
	bool mounts;		/* some directory of base is a mount */
	bool tried;		/* what the disk does to names, */
	bool exact;		/* and that it leaves them alone */
	uint64_t tried_dev;
	struct act *acts;	/* the batch */
	size_t n;
	size_t cap;
	uint64_t bytes;		/* content in the batch */
	size_t large;
	char **dirs;		/* paths of directories made in this batch, */
	size_t dirs_n;		/* by index of the plan's */
	int64_t near;		/* the directory of the last row, and its */
	struct buf near_path;	/* path; 0: none */
	bool pending;		/* steps were begun that base has not got */
	int64_t *goes;		/* rows that RMDIR will remove, ascending */
	size_t goes_n;
};

/* An open directory and a name in it; lent until the next call. */
ZK_CHECKED enum zk_err apply_at(struct apply *a, const char *path, int *fd,
    const char **name);

/* A fresh name in the staging place for what goes to path; owned. */
ZK_CHECKED enum zk_err apply_tmp_name(struct apply *a, const char *path,
    const char *what, char **out);

/* As that, for a row that is taken out: it says where it came from. */
ZK_CHECKED enum zk_err apply_out_name(struct apply *a, int64_t row,
    char **out);

/* Writes the content of the batch to staging, durably. */
ZK_CHECKED enum zk_err apply_stage(struct apply *a);

/* The part of it that is for directories, links and small files. */
ZK_CHECKED enum zk_err apply_stage_smalls(struct apply *a);

/* The mode bits that the file which the act brings is to have. */
unsigned apply_mode(const struct act *t);

/*
 * Mode and times of what is staged at fd, name in dirfd, and the inode to
 * know it by.  ZK_ETAMPER: not of the size that the goal says.
 */
ZK_CHECKED enum zk_err apply_finish_file(struct apply *a, struct act *t,
    int fd, const char *name, int dirfd);

/* Errors that end the run: the next step would meet them too. */
bool apply_fatal(enum zk_err r);

/* Does one act on the disk; its results are in it. */
void apply_do(struct apply *a, struct act *t);

/* stat and renameat of paths below the root: 0 or a negative errno. */
int apply_stat(struct apply *a, const char *path, struct env_stat *st);
/* Whether e of apply_stat says that nothing of zk's is there. */
bool apply_absent(int e);
int apply_rename(struct apply *a, const char *from, const char *to,
    unsigned flags);

/* Still the same file, as far as a rename leaves the stat alone. */
bool apply_same_file(const struct env_stat *a, const struct env_stat *b);

/* The stat for base: is the content still what was staged? */
void apply_take_stat(struct apply *a, struct act *t,
    const struct env_stat *staged);

/* apply_swap.c ------------------------------------------------------------ */

/*
 * tmp goes to path, and what is there, which row is, to tmp.  Where names
 * cannot be exchanged that takes several steps: what is in staging meanwhile
 * is given back after a kill.
 */
ZK_CHECKED enum zk_err apply_take_place(struct apply *a, struct act *t,
    int64_t row, const struct env_stat *before);

ZK_CHECKED enum zk_err apply_do_replace(struct apply *a, struct act *t);

/* True if what is at path is what base has for e (reads if stat differs). */
ZK_CHECKED enum zk_err apply_same(struct apply *a, const char *path,
    const struct base_entry *e, struct env_stat *st);

/* The row, and that the disk has what it says. */
ZK_CHECKED enum zk_err apply_check_row(struct apply *a, int64_t row,
    const char *path, struct base_entry *e, struct env_stat *st);

/* Sets t->layout of a removal in staging: where it was before that. */
ZK_CHECKED enum zk_err apply_layout(struct apply *a, struct act *t);

/* What is at a path, into the trash, which shows it at layout. */
ZK_CHECKED enum zk_err apply_to_trash(struct apply *a, const char *at,
    const char *layout);

/* apply_tree.c: directories kept as one ----------------------------------- */

/* Whether that is what a row or goal of that kind is on the disk. */
bool apply_is_kind(const struct env_stat *st, uint8_t kind);

/* Whether the act brings one. */
bool apply_is_tree(const struct act *t);

/* As apply_same, of a tree; st as whole_stat has it. */
ZK_CHECKED enum zk_err apply_same_tree(struct apply *a, const char *path,
    const struct base_entry *e, struct env_stat *st);

/*
 * A directory that is closed to writing cannot be renamed elsewhere: opens
 * the one at path, of which *st is, for its owner, as the vault has it anyway.
 */
void apply_open_tree(struct apply *a, const char *path, struct env_stat *st);

/* Whether the tree at path is still as whole_stat said. */
bool apply_tree_held(struct apply *a, const char *path,
    const struct env_stat *was);

/* Makes the tree name in dirfd, which is act_stage; any thread may. */
ZK_CHECKED enum zk_err apply_write_tree(struct apply *a, struct act *t,
    int dirfd, const char *name, const struct bundle_source *src);

/* Says so where its content is none of a tree. */
void apply_bad_tree(const struct act *t);

/* A large one's stream, to be fetched; and the tree from it. */
ZK_CHECKED enum zk_err apply_open_stream(struct apply *a, struct act *t,
    struct apply_item *item);
ZK_CHECKED enum zk_err apply_finish_stream(struct apply *a, struct act *t,
    struct apply_item *item);

/* Removes what was staged. */
void apply_drop_tree(struct apply *a, const struct act *t);

/* apply_name.c: what the disk makes of names ------------------------------ */

/*
 * Something is at t->path: true if the disk does not list it so; the name
 * that it has instead is put in t->shown, if that can be told.
 */
bool apply_folded(struct apply *a, struct act *t);

/* The path at which what is in the way really lies; owned.  ZK_ENOMEM. */
ZK_CHECKED enum zk_err apply_shown_path(const struct act *t, char **out);

/* As err_from_errno(-e), unless it is the name that the disk refuses. */
enum zk_err apply_refused(struct apply *a, struct act *t, int e);

/*
 * What was made at t->path, or came there: where the disk gave it another
 * name, t->path becomes that, which is put in t->shown too.
 */
ZK_CHECKED enum zk_err apply_came_out(struct apply *a, struct act *t);

/* Notes in base what was found out so. */
ZK_CHECKED enum zk_err apply_note_form(struct apply *a, struct act *t);

/*
 * Takes down what an ignore file says that is to go together with its
 * directory (t->rules), before the intent is written, which tells it to a
 * recovery.  Of other steps nothing.
 */
ZK_CHECKED enum zk_err apply_keep_rules(struct apply *a, struct act *t);

/* PLAN_REMOVE and PLAN_RMDIR on the disk. */
ZK_CHECKED enum zk_err apply_do_remove(struct apply *a, struct act *t);
ZK_CHECKED enum zk_err apply_do_rmdir(struct apply *a, struct act *t);

/* Brings base up to date with one act that was done. */
ZK_CHECKED enum zk_err apply_note(struct apply *a, struct act *t);

/* The row of the directory that path, of t or near it, lies in. */
ZK_CHECKED enum zk_err apply_parent_row(struct apply *a, const struct act *t,
    const char *path, int64_t *row);

/*
 * Stat data of a row after a move, no longer staged; flags add to it.  Not
 * trust: the old ones stay, which show an edit that came between.
 */
ZK_CHECKED enum zk_err apply_moved_stat(struct apply *a, int64_t row,
    const struct env_stat *st, bool trust, unsigned add);

/*
 * Puts rows that are still in staging back, under a free name, in a
 * transaction of its own.  Begins where an earlier one was stopped.
 */
ZK_CHECKED enum zk_err apply_put_back(struct apply *a);

/* The path that something staged under the name tmp had, replaced. */
ZK_CHECKED enum zk_err apply_origin(struct apply *a, const char *tmp,
    struct buf *path);

/* Whether an intent can hold the goal, NULL: none. */
bool apply_goal_fits(const struct plan_goal *g);

/* The act as an intent; its goals fit.  ZK_ENOMEM, or base's error. */
ZK_CHECKED enum zk_err apply_intent(struct apply *a, const struct act *t);

/* As that for what no row stands for, under a free name; name is in .zk/tmp. */
ZK_CHECKED enum zk_err apply_give_back(struct apply *a, const char *name);

/*
 * Staged content goes, large files that are not finished only with all.  What
 * was taken out, and that no row stands for, is somebody's: back near its
 * place.  After apply_put_back.
 */
ZK_CHECKED enum zk_err apply_clear_tmp(struct apply *a, bool all);

void act_release(struct act *t);

/* Where the content that the act brings is staged. */
static inline const char *
act_stage(const struct act *t)
{
	return t->op == PLAN_TAKE_NEW ? t->from : t->tmp;
}

/* renameat that never replaces, also where the flag is not known. */
int apply_rename_free(struct env *env, int from, const char *a, int to,
    const char *b);

#endif
