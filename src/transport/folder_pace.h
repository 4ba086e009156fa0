/*
 * The rate limits of a folder remote.  Bytes are paid for before a transfer
 * counts as done, so that what is told as moved has kept to the rate and the
 * last byte has, too.  The clock and the sleep are those of the env.
 */
#ifndef ZK_TRANSPORT_FOLDER_PACE_H
#define ZK_TRANSPORT_FOLDER_PACE_H

#include <stdbool.h>
#include <stddef.h>

#include "transport/folder_dir.h"

void folder_pace_init(struct folder *f);

/* A call begins: its deadline counts from now, and wait_ms more. */
void folder_pace_begin(struct folder *f, unsigned wait_ms);

/* How many of n bytes may pass now; they have. */
size_t folder_pace_some(struct folder *f, bool up, size_t n);

/*
 * Sleeps a little, until more may pass or the clock shows end (ms).
 * ZK_ESIGNAL: asked to stop.  ZK_ETIMEDOUT: it shows end already.
 */
ZK_CHECKED enum zk_err folder_pace_wait(struct folder *f, bool up,
    int64_t end);

/*
 * Lets n bytes pass, however long it takes.  ZK_ESIGNAL; ZK_ETIMEDOUT
 * (logged): the call is over its deadline.
 */
ZK_CHECKED enum zk_err folder_pace(struct folder *f, bool up, size_t n);

#endif
