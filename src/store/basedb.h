/*
 * The base tree: what zk last put or saw on this disk, one row a path.
 *
 * Invariants: the root is the row BASE_ROOT; every other row's parent is a
 * row of kind directory; (parent, name) is unique, compared by bytes.  Rows
 * are facts that were true at some moment (never hopes): apply and record
 * write them after the fact.  Rows are clustered by (parent, name), so that
 * a scan joins a sorted listing with one ordered query a directory; what the
 * scan does not need lies in a second table.
 *
 * Beside the tree: the identity of the root, the journal of intents (what
 * apply is about to rename) and the counts behind the deletion brake.
 *
 * Transactions are the caller's.  All functions report database errors as
 * db.h does (ZK_EIO, ZK_EDISKFULL, ZK_ETAMPER, ...); other errors are named
 * at each.  Pointers in a struct that was read live until the next call of
 * the same iterator or getter, unless said otherwise.
 */
#ifndef ZK_STORE_BASEDB_H
#define ZK_STORE_BASEDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/op.h"
#include "util/buf.h"
#include "util/env.h"
#include "util/err.h"

struct db;
struct stmt;

extern const char basedb_schema[];	/* DDL, run once at creation */

#define BASE_ROOT INT64_C(1)		/* the row of the root directory */
#define BASE_HASH_LEN 32
#define BASE_MARKER_LEN 16

enum base_flags {
	/* left behind by an applied removal, or in the way of one: no node */
	BASE_KEPT = 1,
	/* stat data say nothing: hash again at the next scan */
	BASE_RACY = 2,
	/* apply has moved it into a staging name */
	BASE_STAGED = 4,
	/* a directory on another file system than its parent */
	BASE_MOUNT = 8,
	/* rules is not empty; kept by base_put itself */
	BASE_RULES = 16
};

/*
 * What stat said when the row was written.  Zeroes where never seen.  Of a
 * tree ino, mode and btime are the directory's, and size, mtime and ctime stand
 * for all that is in it (tree/whole.h).
 */
struct base_stat {
	uint64_t ino;
	uint64_t size;		/* bytes */
	uint32_t mode;		/* type and permission bits */
	struct env_time mtime;
	struct env_time ctime;
	struct env_time btime;	/* 0 where the file system has none */
	uint64_t fsid;		/* BASE_MOUNT: f_fsid there; else 0 */
};

struct base_entry {
	int64_t id;		/* its row, > 0 */
	int64_t parent;		/* row of its directory; 0 for the root */
	const uint8_t *name;	/* raw bytes */
	size_t name_len;	/* 1..255; 0 for the root */
	uint8_t kind;		/* enum node_kind; 0: special, kept */
	unsigned flags;		/* enum base_flags */
	struct base_stat st;
	/* the fields below are not read by base_list */
	uint16_t mode;		/* & 0777, as the vault has it */
	struct env_time mtime;	/* as the vault has it */
	uint64_t size;		/* bytes of content or link target */
	uint8_t hash[BASE_HASH_LEN];	/* of content; zeroes: directory */
	const struct opid *nodes;	/* what it stands for, winner first */
	size_t nodes_n;		/* 0 for kept rows; any number */
	const uint8_t *refs;	/* place, content, attribute heads: the */
	size_t refs_len;	/* caller's own encoding */
	const uint8_t *rules;	/* directories: ignore patterns that hold as */
	size_t rules_len;	/* long as it has no .zkignore; local only */
};

/* Fills *out from what stat said; fsid 0. */
void base_stat_from(const struct env_stat *st, struct base_stat *out);

/*
 * True if st says the same as was recorded: type, mode, size, mtime, ctime,
 * inode.  (Raciness is the flag's business.)
 */
bool base_stat_same(const struct base_stat *a, const struct env_stat *st);

/*
 * True if a file with stat data st, seen at time seen, might still change
 * without a trace in them: its time lies within the clock's granularity of
 * seen, or after it.  20 ms where times have nanoseconds, else 2 s.  With
 * applied set (zk itself wrote it and set its mtime) only mtime counts.
 */
bool base_racy(const struct env_stat *st, struct env_time seen, bool applied);

/* The transactions of db.h, for layers that may not include it. */
ZK_CHECKED enum zk_err base_begin(struct db *db);
ZK_CHECKED enum zk_err base_commit(struct db *db);
void base_rollback(struct db *db);

/* ---- rows ------------------------------------------------------------- */

/*
 * Makes the root's row with these nodes (one: the root node) if it is not
 * there.  Run once after the schema.
 */
ZK_CHECKED enum zk_err base_init(struct db *db);

/* Row id, whole.  ZK_ENOENT.  *e lives until the next base_get/base_find. */
ZK_CHECKED enum zk_err base_get(struct db *db, int64_t id,
    struct base_entry *e);

/* The child of parent called name, whole.  ZK_ENOENT. */
ZK_CHECKED enum zk_err base_find(struct db *db, int64_t parent,
    const void *name, size_t len, struct base_entry *e);

/* The row at a path relative to the root ("" is the root).  ZK_ENOENT. */
ZK_CHECKED enum zk_err base_find_path(struct db *db, const char *path,
    struct base_entry *e);

/* A row with content of this size and hash; reads all rows.  ZK_ENOENT. */
ZK_CHECKED enum zk_err base_by_content(struct db *db, uint64_t size,
    const uint8_t hash[static BASE_HASH_LEN], int64_t *id);

/* The row that stands for node (as winner or not).  ZK_ENOENT. */
ZK_CHECKED enum zk_err base_by_node(struct db *db, const struct opid *node,
    int64_t *id);

/*
 * The row of a directory, kept as one or not, with this inode number and
 * birth time.  ZK_ENOENT.
 */
ZK_CHECKED enum zk_err base_by_dirino(struct db *db, uint64_t ino,
    const struct env_time *btime, int64_t *id);

/* Appends the path of row id (relative, "" for the root).  ZK_ENOENT. */
ZK_CHECKED enum zk_err base_path(struct db *db, int64_t id, struct buf *out);

/*
 * Writes a row whole: with e->id 0 a new one, whose id is put in e->id, else
 * replaces that row (also its place), but for the rules of a directory if
 * e has none.  BASE_MOUNT follows from st.fsid.  Copies everything; e must
 * not lend from that row's own getter.  ZK_EEXIST if another row has the
 * place.
 */
ZK_CHECKED enum zk_err base_put(struct db *db, struct base_entry *e);

/* Gives a row a new place.  ZK_EEXIST, ZK_ENOENT. */
ZK_CHECKED enum zk_err base_move(struct db *db, int64_t id, int64_t parent,
    const void *name, size_t len);

/*
 * Frees a place for a row that will have it: the row that is there (if any)
 * is detached, it has no path until base_move or base_remove ends that,
 * before the transaction ends.
 */
ZK_CHECKED enum zk_err base_claim(struct db *db, int64_t parent,
    const void *name, size_t len);

/* Sets stat data and flags of a row. */
ZK_CHECKED enum zk_err base_set_stat(struct db *db, int64_t id,
    const struct base_stat *st, unsigned flags);

/* Sets nodes and refs of a row; clears BASE_KEPT when nodes_n > 0. */
ZK_CHECKED enum zk_err base_set_refs(struct db *db, int64_t id,
    const struct opid *nodes, size_t nodes_n, const void *refs,
    size_t refs_len);

/* Sets the rules of a directory's row. */
ZK_CHECKED enum zk_err base_set_rules(struct db *db, int64_t id,
    const void *rules, size_t len);

/* Deletes one row; its children must be gone or leave (else ZK_ECHANGED). */
ZK_CHECKED enum zk_err base_remove(struct db *db, int64_t id);

/* Deletes every row but the root: an empty base (reattach). */
ZK_CHECKED enum zk_err base_clear(struct db *db);

/* A listing under way; its own is the database's statement. */
struct base_iter {
	struct stmt *s;
};

/*
 * Lists the children of parent by name (memcmp order), without the fields
 * that struct base_entry says.  One such listing is open at a time: starting
 * another ends it.  What is listed must not be written meanwhile.
 */
void base_list(struct db *db, int64_t parent, struct base_iter *it);
/* ZK_ENOENT at the end, after which it must not be called again. */
ZK_CHECKED enum zk_err base_list_next(struct db *db, struct base_iter *it,
    struct base_entry *e);
/* Ends a listing that was not read to its end; of base_full too. */
void base_list_end(struct base_iter *it);

/* The row after the one with id after that has BASE_STAGED or BASE_MOUNT. */
ZK_CHECKED enum zk_err base_next_special(struct db *db, int64_t after,
    struct base_entry *e);

/*
 * As base_list, with all fields, without rows that are BASE_STAGED;
 * independent of it.
 */
void base_full(struct db *db, int64_t parent, struct base_iter *it);
ZK_CHECKED enum zk_err base_full_next(struct db *db, struct base_iter *it,
    struct base_entry *e);

/*
 * The child of parent with the next name after the given one (len 0: the
 * first), whole: for walks that write or go down on the way.  ZK_ENOENT.
 */
ZK_CHECKED enum zk_err base_next_child(struct db *db, int64_t parent,
    const void *name, size_t len, struct base_entry *e);

/* The row with the lowest id above after, whole.  ZK_ENOENT. */
ZK_CHECKED enum zk_err base_after(struct db *db, int64_t after,
    struct base_entry *e);

/* Number of rows that stand for nodes, the root not counted. */
ZK_CHECKED enum zk_err base_count(struct db *db, uint64_t *n);

/* ---- the root's identity ---------------------------------------------- */

struct base_rootid {
	uint8_t marker[BASE_MARKER_LEN];
	uint64_t fsid;
	uint64_t ino;
	char path[4097];	/* absolute, when it was last accepted */
};

/* ZK_ENOENT if none was stored. */
ZK_CHECKED enum zk_err base_rootid_get(struct db *db,
    struct base_rootid *out);
ZK_CHECKED enum zk_err base_rootid_set(struct db *db,
    const struct base_rootid *id);

/* ---- intents ---------------------------------------------------------- */

/* Adds one; body is apply's own encoding. */
ZK_CHECKED enum zk_err base_intent_add(struct db *db, const uint8_t boot[16],
    const void *body, size_t len);
/* In the order added, after seq *seq (start with 0).  ZK_ENOENT: no more. */
ZK_CHECKED enum zk_err base_intent_next(struct db *db, int64_t *seq,
    uint8_t boot[16], struct buf *body);
ZK_CHECKED enum zk_err base_intent_clear(struct db *db);

/* ---- the brake's counts ----------------------------------------------- */

enum base_side { BASE_SENT = 0, BASE_APPLIED = 1 };

/*
 * Adds n removals at now_ms to a side's count and notes the size of the tree
 * (rows before them).  Buckets of one hour; those further than 24 hours from
 * now in either direction are dropped.
 */
ZK_CHECKED enum zk_err base_brake_add(struct db *db, enum base_side side,
    int64_t now_ms, uint64_t n, uint64_t tree);

/* Removals of a side in the last 24 hours, and the largest tree noted. */
ZK_CHECKED enum zk_err base_brake_get(struct db *db, enum base_side side,
    int64_t now_ms, uint64_t *removed, uint64_t *largest);

#endif
