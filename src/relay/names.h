/*
 * Where the relay listens and by which names it may be addressed.  A request
 * is signed for one authority (host and port); one that is not ours was
 * meant for another relay and is refused.
 */
#ifndef ZK_RELAY_NAMES_H
#define ZK_RELAY_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/relay.h"
#include "util/buf.h"
#include "util/err.h"

#define NAMES_ADDR_MAX 64	/* bytes of a numeric address with NUL */

struct names;

/*
 * Splits ADDR:PORT, [V6]:PORT, ADDR, :PORT or PORT; NULL or "" is all
 * addresses and RELAY_PORT.  addr gets a numeric address: "::" for all.
 * "localhost" is 127.0.0.1.  ZK_EUSAGE.
 */
ZK_CHECKED enum zk_err names_listen(const char *listen,
    char addr[static NAMES_ADDR_MAX], uint16_t *port);

/*
 * The names of a relay that listens at addr and port with opts' URLs.
 * ZK_EUSAGE: a URL is malformed (logged).
 */
ZK_CHECKED enum zk_err names_new(const struct relay_opts *opts,
    const char *addr, uint16_t port, struct names **out);
void names_free(struct names *n);

/* Whether authority (from auth_authority) is one of ours. Any thread. */
bool names_ok(struct names *n, const char *authority);

/*
 * Appends the URL to be shown: the first given one, else one of the listen
 * address (for all addresses the first global one of the machine), with
 * "#" and pin unless pin is NULL.
 */
ZK_CHECKED enum zk_err names_url(struct names *n, const char *pin,
    struct buf *out);

#endif
