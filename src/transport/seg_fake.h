/*
 * The places of the fake remote's segments: what is there, what follows, and
 * where logs end, also those whose segments were deleted or never came.
 */
#ifndef ZK_TRANSPORT_SEG_FAKE_H
#define ZK_TRANSPORT_SEG_FAKE_H

#include "transport/lie_fake.h"

/*
 * What is not there of a log up to segment seq will not come; said already
 * of this or a later one is fine.  ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err seg_fake_begin(struct remote_fake *f,
    const uint8_t log[static TRANSPORT_NAME_LEN], uint64_t seq,
    const uint8_t hash[static TRANSPORT_NAME_LEN]);

/* What s finds at its place; TSEG_STORED: it can be. */
enum tseg_result seg_fake_judge(const struct remote_fake *f,
    const struct tseg *s);

/* Where a log ends; false: there is no such log. */
bool seg_fake_end(const struct remote_fake *f,
    const uint8_t log[static TRANSPORT_NAME_LEN], uint64_t *seq,
    uint8_t hash[static TRANSPORT_NAME_LEN]);

/* Up to which arrival a mark of f stands; 0 for one that is not f's. */
uint64_t seg_fake_mark(const struct remote_fake *f, const struct tmark *m);
/* Makes the mark of arrival at. */
void seg_fake_mark_put(const struct remote_fake *f, uint64_t at,
    struct tmark *m);

#endif
