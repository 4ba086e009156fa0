/*
 * What a download learned of blobs, until it is noted in the index: that a
 * remote has one and it is good, or that it is not there.
 */
#ifndef ZK_SYNC_BLOBNOTE_H
#define ZK_SYNC_BLOBNOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/chunk.h"
#include "util/err.h"

struct db;

#define BLOBNOTE_MAX 64u

struct blobnotes {
	struct {
		struct chunk_ref ref;
		int64_t remote;		/* of chunkdb */
		bool gone;
	} v[BLOBNOTE_MAX];		/* hold keys: to be wiped */
	size_t n;
};

/* Adds one; all are noted when there are BLOBNOTE_MAX. */
ZK_CHECKED enum zk_err blobnote_add(struct blobnotes *b, struct db *db,
    const struct chunk_ref *ref, int64_t remote, bool gone);

/* Notes all, in one transaction; they stay where that fails. */
ZK_CHECKED enum zk_err blobnote_flush(struct blobnotes *b, struct db *db);

#endif
