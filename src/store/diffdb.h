/*
 * The differences between disk and base that the last scan found: a
 * temporary table of the vault's database, so that memory does not grow with
 * their number.  It vanishes with the connection.
 *
 * Pointers in a struct that was read live until the next call here.  All
 * functions report database errors as db.h does.
 */
#ifndef ZK_STORE_DIFFDB_H
#define ZK_STORE_DIFFDB_H

#include "store/basedb.h"

enum diff_what {
	DIFF_NEW = 1,		/* on disk, not in base */
	DIFF_MOVED = 2,		/* row is now at path */
	DIFF_KIND = 3,		/* something of another kind is there */
	DIFF_CHANGED = 4,	/* file, link: stat differs, to be read */
	DIFF_ATTR = 5,		/* directory: mode differs */
	DIFF_VANISHED = 6,	/* row has nothing on disk, witnessed */
	DIFF_KEPT = 7,		/* a kept row that changed: becomes a node */
	/*
	 * row goes since a directory is kept as one from now on, or no longer:
	 * what it stood for is in the NEW one at its path, or at one above; or
	 * since an earlier run was to record that it is gone, and ended
	 */
	DIFF_TAKEN = 8,
	/* nothing to record, only to tell the user */
	DIFF_UNKNOWN = 16,	/* could not be read, or another mount */
	DIFF_SPECIAL = 17,	/* FIFO, socket, device */
	DIFF_BADNAME = 18,	/* a name that no node can have, or too deep */
	DIFF_DEEP = 19,		/* row has come to lie too deep for others */
	DIFF_HELD = 20		/* a directory kept as one: something in it,
				 * which is reported, cannot be */
};

struct diff {
	int64_t id;		/* ascending in order of discovery */
	uint8_t what;		/* enum diff_what */
	int64_t row;		/* base row, 0 for NEW and reports */
	int64_t parent;		/* row of the directory it is in; 0: is new */
	uint8_t kind;		/* enum node_kind on disk (VANISHED: in base) */
	/* as seen (VANISHED: as in base); fsid is set for a directory that
	 * is a mount, whose row then gets BASE_MOUNT */
	struct base_stat st;
	bool hash_known;	/* hash is of the bytes (VANISHED: in base) */
	uint8_t hash[BASE_HASH_LEN];
	const char *path;	/* on disk (VANISHED: where it was) */
	size_t path_len;
};

/* Makes the temporary table, or empties it. */
ZK_CHECKED enum zk_err diff_reset(struct db *db);
ZK_CHECKED enum zk_err diff_add(struct db *db, const struct diff *d);

/*
 * The next difference after id *after (start with 0) among those whose bit
 * (1u << what) is in mask; sets *after.  ZK_ENOENT at the end.  *d lives
 * until the next call.  Rows may be added, changed and dropped meanwhile.
 */
ZK_CHECKED enum zk_err diff_next(struct db *db, uint32_t mask, int64_t *after,
    struct diff *d);

/* Number of differences in mask. */
ZK_CHECKED enum zk_err diff_count(struct db *db, uint32_t mask, uint64_t *n);

/* Bytes of the files and links in mask, as the scan saw them. */
ZK_CHECKED enum zk_err diff_bytes(struct db *db, uint32_t mask, uint64_t *n);

/* Forgets one. */
ZK_CHECKED enum zk_err diff_drop(struct db *db, int64_t id);

/* The highest id, 0 when there is none. */
ZK_CHECKED enum zk_err diff_last(struct db *db, int64_t *id);

/* Sets st.fsid of the NEW or MOVED at path. */
ZK_CHECKED enum zk_err diff_set_fsid(struct db *db, const char *path,
    size_t len, uint64_t fsid);

/* Turns a NEW into a MOVED of row and forgets the VANISHED of that row. */
ZK_CHECKED enum zk_err diff_make_move(struct db *db, int64_t id, int64_t row);

/* Whether a row has a difference whose kind is in mask. */
ZK_CHECKED enum zk_err diff_has(struct db *db, uint32_t mask, int64_t row,
    bool *yes);

/* Whether there is a VANISHED: what moved has left one. */
ZK_CHECKED enum zk_err diff_any_gone(struct db *db, bool *yes);

/*
 * Pairs of one VANISHED and one NEW of the same kind with equal inode and
 * birth time, after *after by id of the NEW.  ZK_ENOENT at the end.
 */
ZK_CHECKED enum zk_err diff_next_inode_pair(struct db *db, int64_t *after,
    int64_t *row);

/* NEW files without hash whose size a VANISHED file has and is not 0. */
ZK_CHECKED enum zk_err diff_next_to_hash(struct db *db, int64_t *after,
    struct diff *d);
ZK_CHECKED enum zk_err diff_set_hash(struct db *db, int64_t id,
    const uint8_t hash[static BASE_HASH_LEN]);

/*
 * Pairs of one VANISHED and one NEW file with equal hash and size, when no
 * other of either shares that hash; after *after by id of the NEW.
 */
ZK_CHECKED enum zk_err diff_next_hash_pair(struct db *db, int64_t *after,
    int64_t *row);

#endif
