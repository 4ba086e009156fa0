/*
 * What the parts of a running relay share.  Only files of relay/ include it.
 */
#ifndef ZK_RELAY_CORE_H
#define ZK_RELAY_CORE_H

#include <stdatomic.h>

#include "http/httpd.h"
#include "relay/budget.h"
#include "relay/relay.h"

struct boxes;
struct lane;
struct names;
struct nonces;
struct depot;

struct core {
	struct env *env;
	const struct relay_opts *opts;
	struct relay_limits lim;	/* without zeroes */
	struct depot *depot;
	struct httpd_server *http;
	struct addr_table *addrs;
	struct names *names;
	struct nonces *nonces;
	struct boxes *boxes;
	struct budget pages;
	struct lane *lane[HTTPD_THREADS_MAX];	/* one a worker */
	unsigned lanes;
	int64_t start_s;	/* s since 1970 when it began to serve */
};

/* Kinds of events that are counted by address (addr_take). */
enum core_count {
	CORE_FAILS,	/* signatures that did not hold */
	CORE_LOOKUPS,	/* questions for a nameplate */
	CORE_CREATES	/* spaces made */
};

#define CORE_MINUTE_MS 60000

/* The lane of the worker that serves c. */
struct lane *core_lane(struct core *core, const struct httpd_conn *c);

/* Seconds since 1970. */
int64_t core_now_s(struct core *core);

#endif
