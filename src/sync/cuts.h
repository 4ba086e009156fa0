/*
 * The cutting keys of a vault and the upload pipelines that use them.
 * Internal to sync/.
 */
#ifndef ZK_SYNC_CUTS_H
#define ZK_SYNC_CUTS_H

#include "sync/round.h"
#include "sync/upload.h"
#include "tree/read.h"

struct cuts;
struct segw;

/* The keys of every epoch held.  ZK_EGAP: none. */
ZK_CHECKED enum zk_err cuts_new(struct vault *v, struct cuts **out);
void cuts_free(struct cuts *c);

/*
 * The pipeline to a remote, or with vr NULL and in a dry run the one that
 * seals and hashes alone; made on first use, lent until remotes_close or
 * round_release.
 */
ZK_CHECKED enum zk_err cuts_upload(struct round *rd, struct vremote *vr,
    struct upload **out);

/* Hashes large files as their recorded version was cut; ctx is the round. */
struct read_hasher cuts_hasher(struct round *rd);

/*
 * Puts what the pipelines gave another name since into w as ops; they stay
 * with rd, which drops them once w is committed.
 */
ZK_CHECKED enum zk_err cuts_tell_aliases(struct round *rd, struct segw *w);

/*
 * What base's refs hold: the locator of the content (8 bytes) and the
 * entry's seen.  refs_locator is 0 where there is none.
 */
uint64_t refs_locator(const uint8_t *refs, size_t len);
const uint8_t *refs_seen(const uint8_t *refs, size_t len, size_t *seen_len);
/* Replaces out. */
ZK_CHECKED enum zk_err refs_make(struct buf *out, uint64_t locator,
    const uint8_t *seen, size_t seen_len);

#endif
