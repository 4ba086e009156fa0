/*
 * Which segments every member has.  Internal to sync/.
 */
#ifndef ZK_SYNC_ACKED_H
#define ZK_SYNC_ACKED_H

#include "sync/vault.h"

/*
 * *seq is the highest place of a log up to which all members of the vault,
 * this device among them, are known to have taken it in: 0 where one has
 * nothing of it.  A member has what its own segments name as heads, and what
 * it wrote; this device has what it has applied.  Of a log that was forked
 * nothing is said (0): places do not tell its branches apart.
 */
ZK_CHECKED enum zk_err acked_by_all(struct vault *v,
    const uint8_t log[static VAULT_ID_LEN], uint64_t *seq);

#endif
