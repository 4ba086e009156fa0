/*
 * A relay as a remote: https:// and http://.  zk-protocol(7) says what goes
 * over the wire.
 */
#ifndef ZK_TRANSPORT_REMOTE_RELAY_H
#define ZK_TRANSPORT_REMOTE_RELAY_H

#include "util/err.h"

struct transport;
struct transport_opts;
struct url;

/*
 * A transport on the relay at u; contacts nothing.  name is its URL for
 * people.  ZK_EUSAGE: a proxy or invite that cannot be used (logged).
 *
 * Without a pin in u the relay's certificate must be one that this system
 * trusts, but for rendezvous.
 */
ZK_CHECKED enum zk_err remote_relay_open(const struct url *u,
    const struct transport_opts *opts, const char *name,
    struct transport **out);

#endif
