/*
 * What this device knows of blobs: plaintext hash -> locations, and where
 * each is.  Every lookup goes by the plaintext hash and takes any live
 * location, so an alias is just a second row.
 *
 * Only what this device sealed itself, or opened and checked, is entered:
 * another device's word about a chunk never decides what is not uploaded.
 * A row is committed before the first byte of its blob is sent; a blob
 * counts as present on a remote only after that remote said durable.
 * A row carries a checksum, since a key that went bad unnoticed would be
 * written into the next manifest: every read that finds one wrong gives
 * ZK_ETAMPER.  Parts of manifests are also kept as stored bytes (they are
 * small and sealed), so a manifest can be read and sent without any remote.
 */
#ifndef ZK_STORE_CHUNKDB_H
#define ZK_STORE_CHUNKDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/chunk.h"
#include "util/err.h"

struct buf;
struct db;

/* DDL, run by store at creation, with that of gcdb.h, largedb.h, listdb.h */
extern const char chunkdb_schema[];

/* Where a blob stands with a remote. */
enum chunkdb_state {
	CHUNKDB_ABSENT = 0,	/* sealed, not known to be there */
	CHUNKDB_SENDING = 1,	/* may be there: ask before sending again */
	CHUNKDB_DURABLE = 2	/* the remote said so */
};

/*
 * A location of the plaintext hash that an op may name: one durable on remote
 * if there is any, else one durable anywhere, else any; none that is dead
 * (gcdb.h).  *state is that on remote.  ZK_ENOENT: unknown here.
 */
ZK_CHECKED enum zk_err chunkdb_find(struct db *db,
    const uint8_t hash[static CHUNK_HASH_LEN], int64_t remote,
    struct chunk_ref *out, enum chunkdb_state *state);

/*
 * The location of the hash with the lowest name above after (32 zero bytes
 * to start).  ZK_ENOENT: no more.
 */
ZK_CHECKED enum zk_err chunkdb_next(struct db *db,
    const uint8_t hash[static CHUNK_HASH_LEN],
    const uint8_t after[static CHUNK_HASH_LEN], struct chunk_ref *out);

/* The location of the hash under this very name.  ZK_ENOENT. */
ZK_CHECKED enum zk_err chunkdb_get(struct db *db,
    const uint8_t hash[static CHUNK_HASH_LEN],
    const uint8_t name[static CHUNK_HASH_LEN], struct chunk_ref *out);

/* Whether any location has this name. */
ZK_CHECKED enum zk_err chunkdb_known(struct db *db,
    const uint8_t name[static CHUNK_HASH_LEN], bool *yes);

/* Adds a location; one that is there already is fine. */
ZK_CHECKED enum zk_err chunkdb_add(struct db *db,
    const struct chunk_ref *ref);

/* Removes a location everywhere: condemned, or never usable again. */
ZK_CHECKED enum zk_err chunkdb_forget(struct db *db,
    const uint8_t name[static CHUNK_HASH_LEN]);

/*
 * The state of name on remote; ABSENT removes the note.  A SENDING does not
 * replace a DURABLE.
 */
ZK_CHECKED enum zk_err chunkdb_set_state(struct db *db,
    const uint8_t name[static CHUNK_HASH_LEN], int64_t remote,
    enum chunkdb_state state);
ZK_CHECKED enum zk_err chunkdb_state(struct db *db,
    const uint8_t name[static CHUNK_HASH_LEN], int64_t remote,
    enum chunkdb_state *out);

/* Stored bytes of the chunks known that are not durable there, nor dead. */
ZK_CHECKED enum zk_err chunkdb_lacking(struct db *db, int64_t remote,
    uint64_t *bytes);

/*
 * All notes of a remote that is no more, or lost its store; those of
 * largedb.h and listdb.h, too.
 */
ZK_CHECKED enum zk_err chunkdb_drop_remote(struct db *db, int64_t remote);

/*
 * Up to max names that are SENDING on remote, after the name `after` (32
 * zero bytes to start); *n of them in names, ascending.
 */
ZK_CHECKED enum zk_err chunkdb_sending(struct db *db, int64_t remote,
    const uint8_t after[static CHUNK_HASH_LEN],
    uint8_t (*names)[CHUNK_HASH_LEN], size_t max, size_t *n);

/*
 * The remote's answer about n such names, in a transaction of its own:
 * those missing become ABSENT, the others DURABLE.
 */
ZK_CHECKED enum zk_err chunkdb_settle(struct db *db, int64_t remote,
    const uint8_t (*names)[CHUNK_HASH_LEN], size_t n, const bool *missing);

/* Keeps and gives back (appended to out) a part's stored bytes. ZK_ENOENT. */
ZK_CHECKED enum zk_err chunkdb_part_put(struct db *db,
    const uint8_t name[static CHUNK_HASH_LEN], const void *p, size_t n);
ZK_CHECKED enum zk_err chunkdb_part_get(struct db *db,
    const uint8_t name[static CHUNK_HASH_LEN], struct buf *out);

/*
 * Checks every row and every part kept; bad is told each name that is wrong,
 * and may return an error, which ends the check.
 */
ZK_CHECKED enum zk_err chunkdb_check(struct db *db,
    enum zk_err (*bad)(void *arg,
        const uint8_t name[static CHUNK_HASH_LEN]), void *arg);

/* Locations known and their stored bytes in all, for status and verify. */
ZK_CHECKED enum zk_err chunkdb_count(struct db *db, uint64_t *n,
    uint64_t *bytes);

#endif
