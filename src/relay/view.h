/*
 * Reading the store, beside its writer: one reader a thread.  Everything a
 * reader sees was committed.
 */
#ifndef ZK_RELAY_VIEW_H
#define ZK_RELAY_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/target.h"
#include "relay/depot.h"
#include "util/buf.h"
#include "util/err.h"

#define VIEW_MARK_LEN 32	/* generation 16, row 8, hash prefix 8 */

struct httpd_part;
struct view;

ZK_CHECKED enum zk_err view_new(struct depot *s, struct view **out);
void view_free(struct view *r);

/* Row of the space, and its key.  ZK_ENOENT. */
ZK_CHECKED enum zk_err view_space(struct view *r,
    const uint8_t locator[static DEPOT_NAME_LEN], int64_t *space,
    uint8_t pk[static DEPOT_NAME_LEN]);

/*
 * The space and the state of a request key of it.  ZK_ENOENT: no such space
 * or no such key; which of them is not told.
 */
ZK_CHECKED enum zk_err view_key(struct view *r,
    const uint8_t locator[static DEPOT_NAME_LEN],
    const uint8_t pk[static DEPOT_NAME_LEN], int64_t *space, bool *retired);

/* Bytes stored by the space. */
ZK_CHECKED enum zk_err view_used(struct view *r, int64_t space,
    uint64_t *bytes);

/* A stored body: its bytes appended to a buf, or an open file. */
struct view_body {
	struct buf mem;		/* when fd < 0; the caller releases it */
	int fd;			/* the caller's */
	size_t len;
};

/* A record or blob.  ZK_ENOENT. */
ZK_CHECKED enum zk_err view_object(struct view *r, bool blob,
    int64_t space, const uint8_t name[static DEPOT_NAME_LEN],
    struct view_body *out);

/* Whether there is such a record or blob. */
ZK_CHECKED enum zk_err view_has(struct view *r, bool blob, int64_t space,
    const uint8_t name[static DEPOT_NAME_LEN], bool *has);

/* The segment at a place.  ZK_ENOENT. */
ZK_CHECKED enum zk_err view_seg(struct view *r, int64_t space,
    const uint8_t log[static DEPOT_NAME_LEN], uint64_t seq,
    struct view_body *out);

/* Where a log ends: seq and hash, of a segment or begun.  ZK_ENOENT. */
ZK_CHECKED enum zk_err view_head(struct view *r, int64_t space,
    const uint8_t log[static DEPOT_NAME_LEN], uint64_t *seq,
    uint8_t hash[static DEPOT_NAME_LEN]);

/* out[i] = 1 for each of n names without a blob, else 0. */
ZK_CHECKED enum zk_err view_missing(struct view *r, int64_t space,
    const uint8_t *names, size_t n, uint8_t *out);

/* A page of segments or names: what READ, REC_LIST and BLOB_LIST reply. */
struct view_page {
	struct buf head;	/* first bytes of the reply */
	struct httpd_part *parts; /* then these; owned by the caller */
	size_t n_parts;
	uint32_t count;
};

/*
 * Segments after mark up to about max bytes, at least one if there is one.
 * A mark that is not ours, or of a row that is not what it was, counts as
 * the start.  The caller releases the page.
 */
ZK_CHECKED enum zk_err view_segs(struct view *r, int64_t space,
    const uint8_t *mark, size_t mark_len, size_t max,
    struct view_page *out);

/* Record names after mark, as many as fit in max bytes. */
ZK_CHECKED enum zk_err view_recs(struct view *r, int64_t space,
    const uint8_t *mark, size_t mark_len, size_t max,
    struct view_page *out);

/*
 * Names of blobs, ascending, at most MSG_LIST_MAX of those above the name
 * after; NULL: from the lowest.
 */
ZK_CHECKED enum zk_err view_blobs(struct view *r, int64_t space,
    const uint8_t *after, struct view_page *out);

/* Frees what a page holds and closes its files. */
void view_page_release(struct view *r, struct view_page *page);

#endif
