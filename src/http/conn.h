/*
 * Connections: the state machine behind http/httpd.h, for httpd.c, conn.c
 * and step.c alone: conn.c holds their lives, step.c what they do.  Each
 * connection is in one state with one step; every state has a deadline and
 * conn_drop undoes whatever is pending in any of them.
 */
#ifndef ZK_HTTP_CONN_H
#define ZK_HTTP_CONN_H

#include "http/httpd.h"
#include "http/out.h"

struct tls;
struct tls_conf;

#define CONN_READ_MAX (256u * 1024)	/* bytes read at once */

enum conn_state {
	CONN_TLS,	/* handshake; deadline absolute */
	CONN_HEAD,	/* wants a head; deadline idle, then absolute */
	CONN_BODY,	/* wants the rest of a body; deadline by rate */
	CONN_WAIT,	/* the application has the request */
	CONN_REPLY,	/* sends; deadline by rate */
	CONN_LINGER,	/* sent, closing; throws input away */
	CONN_DEAD	/* dropped; freed after the round of events */
};

/* What the connections of one thread share. */
struct conn_pool {
	struct env *env;
	const struct httpd_opts *opts;
	struct httpd_worker *worker;
	struct tls_conf *tls;	/* NULL: plain */
	int epfd;
	struct httpd_conn *first;	/* all, newest first */
	struct httpd_conn *dead;		/* to be freed by conn_bury */
	struct httpd_conn *fresh_old;	/* not trusted, oldest first */
	struct httpd_conn *fresh_new;
	unsigned count;
	unsigned fresh;
	unsigned conns_max;	/* this thread's share of the caps */
	unsigned fresh_max;
	bool stopping;
	uint8_t *buf;		/* CONN_READ_MAX bytes, scratch of a step */
	struct head head;	/* scratch of a step */
};

struct httpd_conn {
	struct conn_pool *pool;
	struct httpd_conn *next, **prevp;	/* all of the pool */
	struct httpd_conn *fresh_next, *fresh_prev;
	struct tls *tls;	/* NULL: plain */
	int fd;
	enum conn_state state;
	uint32_t armed;		/* events that epoll watches */
	bool trusted;
	bool stepping;		/* inside conn_step */
	bool in_request;	/* head() was called, drop() not yet */
	bool starved;		/* what `in` holds is not enough */
	bool keep_alive;
	bool close_after;	/* after the reply */
	bool unread;		/* the client may still be sending a body */
	bool no_body;		/* reply to HEAD */
	bool begun;		/* part of a head has come */
	bool slow;		/* the reply did not go out at once */
	uint8_t peer[ADDR_LEN];
	uint8_t client[ADDR_LEN]; /* of the request: peer's, or as a proxy
				   * on this machine tells */
	int64_t deadline;	/* mono ms of the state; 0: none */
	uint64_t moved;		/* body: bytes in this window; linger: all;
				 * reply: conn_taken as the window began */
	struct head_body body;
	struct buf in;		/* received and not yet used */
	struct out out;
	void *data;		/* the application's */
};

/*
 * Takes over the accepted socket fd (closed if anything fails) of peer,
 * which addr_open has counted.
 */
void conn_accept(struct conn_pool *p, int fd,
    const uint8_t peer[static ADDR_LEN]);

/* epoll reported events on c. */
void conn_event(struct httpd_conn *c, uint32_t events);

/*
 * Bytes of replies that the client has acknowledged: only the difference of
 * two of them means something, of one reply.
 */
uint64_t conn_taken(const struct httpd_conn *c);

/* Looks at every deadline; now is mono ms. */
void conn_tick(struct conn_pool *p, int64_t now);

/* The server stops: drops idle ones and ends waits. */
void conn_stop(struct conn_pool *p);

/* Closes c and all that belongs to it; c itself lives until conn_bury. */
void conn_drop(struct httpd_conn *c);

/* The request of c is over: tells the application, once. */
void conn_end_request(struct httpd_conn *c);

/* Frees the dropped ones: call it when no event can name them any more. */
void conn_bury(struct conn_pool *p);

void conn_trust(struct httpd_conn *c);
void conn_park(struct httpd_conn *c, unsigned ms);
void conn_reply(struct httpd_conn *c, struct httpd_reply *reply);
void conn_set(struct httpd_conn *c, void *data);
void *conn_get(const struct httpd_conn *c);
const uint8_t *conn_peer(const struct httpd_conn *c);
struct httpd_worker *conn_worker(const struct httpd_conn *c);

#endif
