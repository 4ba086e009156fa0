/*
 * One blob at a time from whoever has it, waiting for it: parts of
 * manifests, and ciphertext on its way to another remote.
 */
#ifndef ZK_SYNC_BLOBGET_H
#define ZK_SYNC_BLOBGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/chunk.h"
#include "util/err.h"

struct buf;
struct compress;
struct db;
struct transport;

/*
 * Logs that the blob of that name could not be had, for r; from t and for
 * path where they are not NULL.
 */
void blobget_report(const uint8_t name[static CHUNK_HASH_LEN],
    const char *path, const struct transport *t, enum zk_err r);

/*
 * Logs, unless spare, that what path (or NULL) has is past the window: always
 * ZK_EGAP.
 */
enum zk_err blobget_gone(const char *path, bool spare);

/* The worse news about one blob from two remotes: what to report. */
enum zk_err blobget_worse(enum zk_err a, enum zk_err b);

/*
 * Replaces out (max at least ref->stored_len) by the stored bytes of ref
 * from the first of n remotes that has them.  ZK_ETAMPER: one gave wrong
 * bytes and none the right ones; else a network code: one could not be
 * asked; else ZK_EGAP: none has it.  Logged with the name; spare: not that
 * none has it.
 */
ZK_CHECKED enum zk_err blobget(struct transport *const *t, size_t n,
    const struct chunk_ref *ref, bool spare, struct buf *out);

/*
 * The same of a part, looking first among those kept in db, and at last for
 * any other location of its plaintext that db knows: *ref becomes that of
 * the bytes.
 */
ZK_CHECKED enum zk_err blobget_part(struct db *db,
    struct transport *const *t, size_t n, struct chunk_ref *ref,
    bool spare, struct buf *out);

/*
 * The same, opened: the plain bytes of the part in place of what plain held.
 * ZK_ETAMPER as chunk_open.
 */
ZK_CHECKED enum zk_err blobget_open(struct db *db,
    struct transport *const *t, size_t n, struct compress *z,
    const struct chunk_ctx *ctx, const struct chunk_ref *ref,
    struct buf *plain);

/* Keeps a part that was opened, in a transaction of its own. */
ZK_CHECKED enum zk_err blobget_keep(struct db *db,
    const struct chunk_ref *ref, const struct buf *b);

#endif
