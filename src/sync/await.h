/*
 * Waiting for something new: from a remote, or from another run on this
 * device.  Without the lock, so that others are free to work.  Internal to
 * sync/.
 */
#ifndef ZK_SYNC_AWAIT_H
#define ZK_SYNC_AWAIT_H

#include <stdbool.h>

#include "sync/sync.h"

/* Looks at the database; *news: the wait is over. */
typedef enum zk_err await_look_fn(void *arg, bool *news);

/*
 * Waits up to ms for a segment that is not held, on the first remote that
 * answers, or for look, asked a few times a second, to say so.  *news says
 * whether there is.  Without any remote it waits for the latter alone.
 * ZK_ESIGNAL: o's stop.  Codes of look; of the network, if none answers.
 */
ZK_CHECKED enum zk_err await_news(struct vault *v, const struct sync_opts *o,
    unsigned ms, await_look_fn *look, void *arg, bool *news);

#endif
