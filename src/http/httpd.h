/*
 * An HTTP/1.1 server for a few thousand clients: one thread a core, each
 * with its own listening socket (SO_REUSEPORT) and epoll loop, no locks on
 * the way of a request.  It knows connections, framing, deadlines and TLS,
 * and nothing of what is asked: that is the application, a set of
 * callbacks.
 *
 * One request at a time on a connection:
 *
 *	head()    the head is there, checked; nothing of the body was read.
 *	          Answer now (the body is then not read and the connection
 *	          closes if there was one) or return to let the body come.
 *	body()    bytes of the body; may answer, which ends the request.
 *	end()     the body is complete (or there was none).  Answer now, or
 *	          later from the same thread (httpd_post brings a call there).
 *	expire()  the time given to httpd_park is over, or the server stops.
 *	drop()    the request is over, answered or not: called exactly once
 *	          after a head() and never inside another callback of the same
 *	          connection but httpd_reply's end.  The connection may be gone.
 *
 * All callbacks of one connection come on one thread, its worker's.
 */
#ifndef ZK_HTTP_HTTPD_H
#define ZK_HTTP_HTTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/addr.h"
#include "http/head.h"
#include "util/buf.h"
#include "util/err.h"

struct env;
struct httpd_conn;
struct httpd_server;
struct httpd_worker;
struct tls_ident;

#define HTTPD_THREADS_MAX 64

struct httpd_app {
	void *arg;
	void (*head)(void *arg, struct httpd_conn *c, const struct head *h);
	void (*body)(void *arg, struct httpd_conn *c, const uint8_t *p,
	    size_t n);
	void (*end)(void *arg, struct httpd_conn *c);
	void (*expire)(void *arg, struct httpd_conn *c);
	void (*drop)(void *arg, struct httpd_conn *c);
	/* appends the body of an error that the server itself answers */
	void (*error)(void *arg, int status, struct buf *out);
};

/* Deadlines in ms, caps; none may be 0. */
struct httpd_limits {
	unsigned head_ms;	/* handshake and head, from their first byte */
	unsigned idle_ms;	/* between requests */
	unsigned body_ms;	/* window in which a body must bring */
	uint64_t body_min;	/* this many bytes a second */
	unsigned stall_ms;	/* and one in which of a reply must be taken */
	uint64_t reply_min;	/* this many: a client asks for many at once */
	unsigned drain_ms;	/* to finish after httpd_stop */
	unsigned conns;		/* connections in all */
	unsigned conns_addr;	/* of one address */
	unsigned conns_loopback; /* of a loopback one: proxies are there */
	unsigned conns_new;	/* not trusted: above, the oldest goes */
};

/* Borrowed for the life of the server. */
struct httpd_opts {
	struct env *env;
	const char *addr;	/* numeric */
	uint16_t port;		/* 0: any */
	unsigned threads;	/* 1..HTTPD_THREADS_MAX */
	struct tls_ident *ident; /* NULL: no TLS */
	struct addr_table *addrs;
	struct httpd_limits limits;
	struct httpd_app app;
};

/* Binds.  ZK_EIO, ZK_EPERM (logged).  Serves nothing before httpd_start. */
ZK_CHECKED enum zk_err httpd_new(const struct httpd_opts *opts,
    struct httpd_server **out);
/* After httpd_stop, or never started. NULL is fine. */
void httpd_free(struct httpd_server *s);

uint16_t httpd_port(const struct httpd_server *s);

/* Starts the threads. */
ZK_CHECKED enum zk_err httpd_start(struct httpd_server *s);

/*
 * Stops listening, ends waits (expire), lets requests finish for at most
 * limits.drain_ms, then drops what is left.  Returns when all threads ended.
 */
void httpd_stop(struct httpd_server *s);

unsigned httpd_threads(const struct httpd_server *s);
struct httpd_worker *httpd_worker_at(struct httpd_server *s, unsigned i);

/*
 * Calls fn(arg) on the worker's thread, soon; calls from one thread keep
 * their order.  From any thread.  After the worker ended fn is still called,
 * in httpd_stop.  ZK_ENOMEM: fn will not be called.
 */
ZK_CHECKED enum zk_err httpd_post(struct httpd_worker *w,
    void (*fn)(void *arg), void *arg);

struct httpd_worker *httpd_worker_of(const struct httpd_conn *c);
unsigned httpd_worker_index(const struct httpd_worker *w);

/* The application's own pointer for the request; NULL at head(). */
void httpd_set(struct httpd_conn *c, void *data);
void *httpd_get(const struct httpd_conn *c);

/*
 * Address of the client, ADDR_LEN bytes; lives as long as c.  Behind a proxy
 * on this machine it is the one that X-Forwarded-For tells.
 */
const uint8_t *httpd_peer(const struct httpd_conn *c);

/* This client proved a key: exempt from conns_new until it closes. */
void httpd_trust(struct httpd_conn *c);

/* expire() is to be called after ms without an answer. */
void httpd_park(struct httpd_conn *c, unsigned ms);

/* One piece of a reply: memory, or bytes of a file. */
struct httpd_part {
	uint8_t *mem;	/* owned (free); NULL: of the file */
	int fd;		/* owned (closed) where it is >= 0 */
	uint64_t off;	/* in the file */
	size_t len;	/* bytes */
};

struct httpd_reply {
	int status;
	const char *type;	/* Content-Type, NULL: octet-stream */
	const char *extra;	/* header lines, each with CR LF, or NULL */
	struct buf body;	/* first; taken over */
	struct httpd_part *parts; /* then these; array and content taken over */
	size_t n_parts;
	bool close;		/* close the connection afterwards */
};

/*
 * Answers the request.  All of reply is taken over; lengths must be right,
 * since they are announced.  Out of memory drops the connection.
 */
void httpd_reply(struct httpd_conn *c, struct httpd_reply *reply);

#endif
