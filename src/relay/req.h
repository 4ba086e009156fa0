/*
 * One request to the relay, from its head to its answer.
 */
#ifndef ZK_RELAY_REQ_H
#define ZK_RELAY_REQ_H

#include "crypto/hash.h"
#include "proto/error.h"
#include "proto/target.h"
#include "relay/box.h"
#include "relay/core.h"
#include "relay/gate.h"
#include "relay/lane.h"
#include "relay/view.h"
#include "relay/depot.h"
#include "util/buf.h"

struct intake;

/* Where the body of a request goes. */
enum req_sink {
	REQ_NONE,	/* it has none */
	REQ_SMALL,	/* memory, at most target_body_max */
	REQ_OBJECT,	/* a body to be stored, hashed to its name */
	REQ_APPEND	/* segments */
};

struct req {
	struct core *core;
	struct lane *lane;
	struct httpd_worker *worker;
	struct httpd_conn *conn;	/* NULL: gone, a job still runs */
	struct target t;
	struct gate_pass pass;		/* signed calls */
	uint8_t token[BOX_TOKEN_LEN];	/* rendezvous calls */
	char *range;			/* value of Range, owned; or NULL */
	enum req_sink sink;
	struct buf small;
	struct body *body;
	struct intake *intake;
	struct hash hash;		/* of the body, under its label */
	struct depot_job job;
	bool submitted;			/* the store has the job */
	bool waited;			/* parked once already */
	size_t held;			/* of core->pages, bytes */
	struct lane_wait wait;
	uint8_t keys[3 * DEPOT_NAME_LEN]; /* CREATE: space, request, recovery */
};

/* A request on c for t.  ZK_ENOMEM. */
ZK_CHECKED enum zk_err req_new(struct core *core, struct httpd_conn *c,
    const struct target *t, struct req **out);
void req_free(struct req *q);

/* Answers c with an error. */
void req_refuse(struct core *core, struct httpd_conn *c,
    enum error_code code);

/* Answers q with an error, if the client is still there. */
void req_fail(struct req *q, enum error_code code);

/* Answers with a code for what went wrong inside. */
void req_fail_zk(struct req *q, enum zk_err r);

/* Answers with status and the content of body, which is taken over. */
void req_bytes(struct req *q, int status, struct buf *body);

/* Answers with a stored body, taken over; heeds Range.  May be busy. */
void req_object(struct req *q, struct view_body *body);

/* Bytes that a page of q should have at most, by what others hold. */
size_t req_page_max(const struct req *q);

/* Answers with a page, taken over; if others hold too much, with busy. */
void req_page(struct req *q, struct view_page *page);

/* The body of q is complete, or it has none: does what it asks. */
void req_run(struct req *q);

/* The time q may wait is over, or the relay stops: answers what there is. */
void req_expire(struct req *q);

#endif
