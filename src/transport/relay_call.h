/*
 * The relay remote's parts: struct relay_remote and what they share.
 */
#ifndef ZK_TRANSPORT_RELAY_CALL_H
#define ZK_TRANSPORT_RELAY_CALL_H

#include "transport/http.h"
#include "transport/impl.h"

struct relay_blob;

struct relay_remote {
	struct transport t;	/* first: the part that transport.c knows */
	struct http *http;
	struct relay_blob *ended; /* over, their done not called yet */
	struct relay_blob **last;
};

/* A call of this kind on this space. */
void relay_call_init(struct relay_remote *r, struct http_call *c,
    enum target_call call);

/* Runs it. */
ZK_CHECKED enum zk_err relay_call_run(struct relay_remote *r,
    struct http_call *c);

/*
 * Reports that the reply to c made no sense and gives the code for it: a
 * network fault, since nothing in a reply's frame is authenticated and a
 * proxy's page looks like this.
 */
ZK_CHECKED enum zk_err relay_call_bad(struct relay_remote *r,
    const struct http_call *c);

#endif
