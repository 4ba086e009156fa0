/*
 * Connections: the state machine behind http/httpd.h, for httpd.c alone.
 * Each connection is in one state with one step; every state has a deadline
 * and conn_drop undoes whatever is pending in any of them.
 */
#ifndef ZK_HTTP_CONN_H
#define ZK_HTTP_CONN_H

#include "http/httpd.h"

struct tls_conf;

#define CONN_READ_MAX (256u * 1024)	/* bytes read at once */

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

/*
 * Takes over the accepted socket fd (closed if anything fails) of peer,
 * which addr_open has counted.
 */
void conn_accept(struct conn_pool *p, int fd,
    const uint8_t peer[static ADDR_LEN]);

/* epoll reported events on c. */
void conn_event(struct httpd_conn *c, uint32_t events);

/* Looks at every deadline; now is mono ms. */
void conn_tick(struct conn_pool *p, int64_t now);

/* The server stops: drops idle ones and ends waits. */
void conn_stop(struct conn_pool *p);

/* Closes c and all that belongs to it; c itself lives until conn_bury. */
void conn_drop(struct httpd_conn *c);

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
