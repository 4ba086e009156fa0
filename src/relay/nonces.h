/*
 * Requests that destroy something are taken once: their nonces are kept for
 * at least twice the window of zk-protocol(7), AUTHENTICATION.  (All other
 * calls change nothing when they come again.)  Bounded; a space that makes
 * too many is told to wait and no other.  Safe for several threads.
 */
#ifndef ZK_RELAY_NONCES_H
#define ZK_RELAY_NONCES_H

#include <stdint.h>

#include "proto/auth.h"
#include "util/err.h"

struct env;
struct nonces;

ZK_CHECKED enum zk_err nonces_new(struct env *env, struct nonces **out);
void nonces_free(struct nonces *n);

/*
 * Notes a nonce of a space.  ZK_EEXIST: seen before.  ZK_EBUSY: too many of
 * this space, or no memory.
 */
ZK_CHECKED enum zk_err nonces_take(struct nonces *n, int64_t space,
    const uint8_t nonce[static AUTH_NONCE_LEN]);

#endif
