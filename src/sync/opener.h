/*
 * Opens several segments at once, on the worker threads: hashing, decrypting
 * and parsing one of 4 MiB takes longer than applying its ops.
 */
#ifndef ZK_SYNC_OPENER_H
#define ZK_SYNC_OPENER_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct seg;
struct vault;

struct opener_item {
	const uint8_t *data;	/* stored bytes */
	size_t len;
	struct seg *seg;	/* out: the caller's, NULL unless r is ZK_OK */
	enum zk_err r;		/* out: as seg_open */
};

/*
 * Opens all n with the epoch keys of v, which must not change meanwhile.
 * ZK_ENOMEM: seg and r are set in all items even so.
 */
ZK_CHECKED enum zk_err opener_run(struct vault *v, struct opener_item *items,
    size_t n);

#endif
