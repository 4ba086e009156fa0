/*
 * Parked devices: those that nothing waits for (zk-format(5), MEMBERSHIP).
 * Internal to sync/.
 *
 * A record parks a device; the first segment of its that names the record in
 * its past says that it is back.  Both are the same for everyone who holds
 * the same records and segments.
 */
#ifndef ZK_SYNC_PARK_H
#define ZK_SYNC_PARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/vault.h"
#include "util/err.h"

struct round;
struct vremote;

/* Whether a member is parked, as far as is known here. */
ZK_CHECKED enum zk_err park_is(struct vault *v,
    const uint8_t device[static VAULT_ID_LEN], bool *parked);

/*
 * A segment of that device is applied which names these record heads: notes
 * if the device is back with it.  A transaction is open.
 */
ZK_CHECKED enum zk_err park_back(struct vault *v,
    const uint8_t device[static VAULT_ID_LEN],
    const uint8_t (*heads)[VAULT_ID_LEN], size_t n);

/*
 * If this device was parked and has not come back: reads every remote that is
 * in reach, forgets which blobs they had, since these may be gone, and says
 * on first that it is back, before anything is recorded.  Then it reads
 * again: whoever deletes blobs has either been told, or has told by then.
 */
ZK_CHECKED enum zk_err park_return(struct round *rd, struct vremote *first);

#endif
