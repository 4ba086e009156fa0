/*
 * One request to a relay and what became of it: building, signing, bounds on
 * all that comes back, and the one place where a reply becomes a code.
 * http.c runs them.
 */
#ifndef ZK_TRANSPORT_HTTP_CALL_H
#define ZK_TRANSPORT_HTTP_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

#include "proto/error.h"
#include "proto/target.h"
#include "util/buf.h"
#include "util/err.h"

struct http;
struct trv;

/*
 * A call.  The first part is the caller's, who keeps it, body and reply
 * alive until done; the rest is zero at first and then the engine's.
 */
struct http_call {
	struct target target;
	const void *body;		/* whole request body */
	size_t body_len;
	struct buf *reply;	/* a 200 or 201 body is appended, at most up
				 * to its max; NULL: must be empty */
	const struct trv *rv;	/* rendezvous: whose side asks */
	size_t *at;		/* where the bytes of the body (or, without
				 * one, of the reply) are counted; or NULL */
	bool bulk;		/* no deadline of the whole, stalls end it */
	/* called once; may be NULL; must not drive the engine */
	void (*done)(struct http_call *c, enum zk_err r);

	int status;		/* of the last reply, 0 without one */
	struct error_body error; /* valid if status >= 400 */
	char text[768];		/* what went wrong, for people */
	bool finished;
	enum zk_err result;	/* valid once finished */

	struct http *h;
	CURL *easy;
	struct curl_slist *headers;
	struct buf error_text;	/* body of an error reply */
	char curl_text[CURL_ERROR_SIZE];
	size_t reply_start;	/* reply->len before the call */
	size_t sent;		/* bytes of the body handed to curl */
	size_t head_bytes;	/* of the reply */
	unsigned head_lines;
	bool over;		/* the reply broke a bound */
	bool paused;		/* waits for the rate limit */
	unsigned tries;		/* begun so far */
	int64_t not_before;	/* ms: the next try */
	int64_t deadline;	/* ms; 0 for none */
	int64_t stall_at;	/* ms: when progress is looked at again */
	uint64_t moved;		/* bytes either way since the last look */
	struct http_call *next;
};

/*
 * Sets up easy for the next try of c.  ZK_EAUTH: it must be signed and there
 * is no key.  ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err http_call_prepare(struct http_call *c, CURL *easy);

/*
 * What a finished try came to; *retry: another may fare better.  Fills
 * status, error, text.
 */
enum zk_err http_call_outcome(struct http_call *c, CURLcode code,
    bool *retry);

/* Frees what the tries needed. */
void http_call_release(struct http_call *c);

#endif
