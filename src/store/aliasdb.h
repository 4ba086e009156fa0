/*
 * Names that this disk cannot hold as the tree has them: which rows of base
 * lie under another name (aliases), and what the disk was seen to take for
 * the same name.  Local alone; beside basedb.h, whose conventions hold.
 *
 * Both say what was seen.  An alias counts only while its row has that name
 * on the disk; a form is believed until its directory goes.
 */
#ifndef ZK_STORE_ALIASDB_H
#define ZK_STORE_ALIASDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"

struct db;

/* May be run on a database that has the tables. */
extern const char aliasdb_schema[];

/* ---- rows under another name ------------------------------------------- */

/* Row lies under the name it has now; the tree calls it name. */
ZK_CHECKED enum zk_err aliasdb_put(struct db *db, int64_t row,
    const void *name, size_t len);
/* It no longer does. */
ZK_CHECKED enum zk_err aliasdb_drop(struct db *db, int64_t row);

/* Appends the tree's name of a row that lies under an alias.  ZK_ENOENT. */
ZK_CHECKED enum zk_err aliasdb_get(struct db *db, int64_t row,
    struct buf *name);

/* Whether there is any alias. */
ZK_CHECKED enum zk_err aliasdb_any(struct db *db, bool *yes);

/* The alias with the lowest row above *row, which it sets.  ZK_ENOENT. */
ZK_CHECKED enum zk_err aliasdb_next(struct db *db, int64_t *row,
    struct buf *name);

/* Forgets what is said of rows that are no more, or have another name. */
ZK_CHECKED enum zk_err aliasdb_tidy(struct db *db);

/* ---- what the disk takes for the same ---------------------------------- */

enum alias_how {
	ALIAS_PLAIN = 0,	/* nothing is known against the name */
	ALIAS_SAME = 1,		/* the disk finds under it what has form */
	ALIAS_SHOWN = 2,	/* what is made under it is called form */
	ALIAS_NEVER = 3		/* nothing can be made under it */
};

/*
 * Notes of a name in the directory of row dir.  form: the other name; for
 * ALIAS_NEVER it is not looked at.  Names that are the same as one are the
 * same as each other: they have one form.
 */
ZK_CHECKED enum zk_err aliasdb_form_put(struct db *db, int64_t dir,
    const void *name, size_t len, enum alias_how how, const void *form,
    size_t form_len);

/* Appends the form of a name: itself, where nothing is noted. */
ZK_CHECKED enum zk_err aliasdb_form(struct db *db, int64_t dir,
    const void *name, size_t len, struct buf *form, enum alias_how *how);

/* Whether anything is noted, of the directory dir or (0) of any. */
ZK_CHECKED enum zk_err aliasdb_forms(struct db *db, int64_t dir, bool *yes);

/* All that is said of a row and what is in it; of all rows. */
ZK_CHECKED enum zk_err aliasdb_forget(struct db *db, int64_t row);
ZK_CHECKED enum zk_err aliasdb_clear(struct db *db);

#endif
