/*
 * Names that this disk cannot hold: what the planner is told of them, and
 * which rows lie under another one.  Internal to sync/; store/aliasdb.h has
 * what is kept.
 */
#ifndef ZK_SYNC_ALIAS_H
#define ZK_SYNC_ALIAS_H

#include "crdt/emit.h"
#include "sync/round.h"
#include "tree/plan.h"

/* What the planner asks, over one plan. */
struct alias_forms {
	struct db *db;
	int64_t dir;		/* last asked for, */
	bool any;		/* and whether anything is noted of it */
};

/* A plan for this disk; f lives as long as it. */
ZK_CHECKED enum zk_err alias_plan(struct db *db, struct alias_forms *f,
    struct plan **out);

/* Brings aliases up to date with a plan that was taken, or was empty. */
ZK_CHECKED enum zk_err alias_note(struct round *rd, const struct plan *p);

/*
 * The place that ops name for a row (0: none) that lies at `at`: that, but
 * with the tree's name if the row lies under an alias and was not given
 * another name since.  name holds what out then points to.
 */
ZK_CHECKED enum zk_err alias_place(struct db *db, int64_t row,
    const struct emit_at *at, struct buf *name, struct emit_at *out);

/* Tells each alias; status counts nothing for it. */
ZK_CHECKED enum zk_err alias_tell(struct vault *v, const struct sync_ui *ui);

#endif
