/*
 * Which contents a checkpoint leaves out (zk-format(5), CHECKPOINTS).
 * Internal to sync/.
 */
#ifndef ZK_SYNC_CPLOOK_H
#define ZK_SYNC_CPLOOK_H

#include <stdbool.h>

#include "crdt/op.h"
#include "store/cpscan.h"
#include "sync/cpcut.h"
#include "sync/round.h"

/*
 * What the checkpoint itself leaves out, and what those in its past do that
 * are not done here: so it is the same for all, whatever they are done with.
 */
struct cplook {
	struct cpscan *all;
};

/*
 * Goes through all that is known to the cut.  To be freed also on failure.
 * ZK_ESIGNAL; ZK_ETAMPER: a held segment is damaged.
 */
ZK_CHECKED enum zk_err cplook_new(struct round *rd, const struct cpcut *cut,
    struct cplook *out);
void cplook_free(struct cplook *s);

/* Whether the content that this op brought is left out. */
ZK_CHECKED enum zk_err cplook_past(const struct cplook *s,
    const struct opid *id, bool *past);

#endif
