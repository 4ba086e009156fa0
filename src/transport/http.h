/*
 * The engine that runs requests to one relay: a multi handle, a pool of easy
 * handles that keep their connections, retries with full jitter, deadlines,
 * stalls, and the rate limits.  One thread.
 */
#ifndef ZK_TRANSPORT_HTTP_H
#define ZK_TRANSPORT_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

#include "proto/auth.h"
#include "transport/http_call.h"
#include "transport/rate.h"
#include "transport/spki.h"
#include "transport/url.h"

#define HTTP_BULK_MAX 16	/* bulk transfers at once */
#define HTTP_POOL_MAX 24	/* easy handles kept */
#define HTTP_TRIES 4		/* of one call */
#define HTTP_TIMEOUT_MS 60000	/* of a call when the caller names none */
#define HTTP_STALL_MS 30000	/* between two looks at progress... */
#define HTTP_STALL_RATE 1024	/* ...which is at least this a second */

struct env;
struct transport_opts;

struct http {
	struct env *env;
	const struct transport_opts *opts;
	const char *name;		/* the URL, for people */
	struct url url;
	char base[300];			/* "https://HOST:PORT" */
	char authority[AUTH_AUTHORITY_MAX + 1];
	bool started;			/* libcurl is, once for this */
	CURLM *multi;
	CURLSH *share;			/* TLS sessions */
	CURL *idle[HTTP_POOL_MAX];
	size_t idle_n;
	struct http_call *queue;	/* waiting, in order */
	struct http_call *active;	/* on a handle */
	unsigned bulk;			/* active ones that are bulk */
	int64_t stall_ms;		/* between two looks at progress */
	unsigned slots;			/* how many may be; 1..HTTP_BULK_MAX */
	struct rate up;
	struct rate down;
	int64_t clock_s;		/* added to the time when signing */
	bool clock_set;			/* taken from the relay: once a run */
	char pin[SPKI_PIN_CAP];		/* key seen, "" before */
	enum zk_err reported;		/* last failure told, ZK_OK after a
					 * success */
};

/*
 * An engine for u; contacts nothing.  opts, name are borrowed for its life.
 * ZK_EUSAGE: a proxy or an invite that cannot be used (logged).
 */
ZK_CHECKED enum zk_err http_new(const struct url *u,
    const struct transport_opts *opts, const char *name, struct http **out);

/* No call may be under way. */
void http_free(struct http *h);

/* Queues c; its done is called from http_drive. */
void http_start(struct http *h, struct http_call *c);

/*
 * Drives everything until c, once started, is done; its code.  ZK_ESIGNAL
 * when asked to stop.
 */
ZK_CHECKED enum zk_err http_finish(struct http *h, struct http_call *c);

/* Ends c, once started, with ZK_ESIGNAL unless it is done. */
void http_end(struct http *h, struct http_call *c);

/* Starts c and finishes it. */
ZK_CHECKED enum zk_err http_run(struct http *h, struct http_call *c);

/*
 * Moves everything on; waits up to timeout_ms for something to happen.
 * Calls of http_call.done happen in here.
 */
void http_drive(struct http *h, int timeout_ms);

/* Ends all bulk calls with r. */
void http_abort(struct http *h, enum zk_err r);

/* ms by the clock that deadlines use. */
int64_t http_now(struct http *h);

#endif
