#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "http/conn.h"
#include "http/tls.h"
#include "util/env.h"
#include "util/log.h"

#define EVENTS 256		/* of one round */
#define ACCEPTS 64		/* of one round */
#define TICK_MAX_MS 250

/* A call from another thread. */
struct post {
	struct post *next;
	void (*fn)(void *arg);
	void *arg;
};

struct httpd_worker {
	struct httpd_server *server;
	struct conn_pool pool;
	unsigned index;
	pthread_t thread;
	bool running;
	int listen_fd;		/* -1 once stopped */
	int wake_fd;		/* eventfd: posts are there, or stop */
	bool listening;		/* listen_fd is in the epoll set */
	pthread_mutex_t lock;	/* guards the posts and stop */
	struct post *posts, **posts_end;
	bool stop;
	int64_t drain_end;	/* mono ms; 0: not stopping */
};

struct httpd_server {
	struct httpd_opts opts;
	uint16_t port;
	int64_t tick_ms;
	struct httpd_worker *worker;
	unsigned workers;
};

static unsigned
smallest(const struct httpd_limits *l)
{
	unsigned all[] = { l->head_ms, l->idle_ms, l->body_ms, l->stall_ms };
	unsigned least = TICK_MAX_MS * 4;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i] < least)
			least = all[i];
	return least;
}

static enum zk_err
watch(struct httpd_worker *w, int fd, bool on)
{
	struct epoll_event ev;

	memset(&ev, 0, sizeof(ev));
	ev.events = EPOLLIN;
	/* a pointer to the descriptor's place: no connection is there */
	ev.data.ptr = fd == w->wake_fd ? &w->wake_fd : &w->listen_fd;
	if (epoll_ctl(w->pool.epfd, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd,
	    &ev) != 0)
		return ZK_EIO;
	return ZK_OK;
}

/* A listening socket, or -errno (logged). */
static int
listen_on(const struct httpd_opts *o, uint16_t want, bool shared,
    uint16_t *port)
{
	int fd = env_net_listen(o->env, o->addr, want, shared, port);

	if (fd < 0)
		log_error(err_from_errno(-fd), NULL, "cannot listen on '%s' "
		    "port %u: %s", o->addr, want, strerror(-fd));
	return fd;
}

static enum zk_err
worker_init(struct httpd_worker *w, struct httpd_server *s, unsigned index)
{
	const struct httpd_opts *o = &s->opts;
	struct conn_pool *p = &w->pool;
	uint16_t port = index == 0 ? o->port : s->port;
	enum zk_err r = ZK_OK;

	w->server = s;
	w->index = index;
	w->wake_fd = w->listen_fd = p->epfd = -1;
	w->posts_end = &w->posts;
	pthread_mutex_init(&w->lock, NULL);
	p->env = o->env;
	p->opts = o;
	p->worker = w;
	p->conns_max = o->limits.conns / o->threads + 1;
	p->fresh_max = o->limits.conns_new / o->threads + 1;
	p->buf = malloc(CONN_READ_MAX);
	if (p->buf == NULL)
		return ZK_ENOMEM;
	if (o->ident != NULL)
		r = tls_conf_new(o->ident, &p->tls);
	if (r != ZK_OK)
		return r;
	w->listen_fd = listen_on(o, port, o->threads > 1, &port);
	if (w->listen_fd < 0)
		return err_from_errno(-w->listen_fd);
	s->port = port;
	p->epfd = epoll_create1(EPOLL_CLOEXEC);
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->epfd < 0 || w->wake_fd < 0)
		return ZK_EIO;
	return watch(w, w->wake_fd, true);
}

/*
 * A shared port would be shared with any other server of ours as well: one
 * that is in use must be found out before.
 */
static enum zk_err
probe_port(const struct httpd_opts *o)
{
	uint16_t port = o->port;
	int fd;

	if (port == 0 || o->threads == 1)
		return ZK_OK;
	fd = listen_on(o, port, false, &port);
	if (fd < 0)
		return err_from_errno(-fd);
	(void)env_close(o->env, fd);
	return ZK_OK;
}

enum zk_err
httpd_new(const struct httpd_opts *opts, struct httpd_server **out)
{
	struct httpd_server *s = calloc(1, sizeof(*s));
	enum zk_err r = ZK_OK;

	*out = NULL;
	if (s == NULL)
		return ZK_ENOMEM;
	s->opts = *opts;
	s->tick_ms = smallest(&opts->limits) / 4 + 1;
	if (s->tick_ms > TICK_MAX_MS)
		s->tick_ms = TICK_MAX_MS;
	s->worker = calloc(opts->threads, sizeof(*s->worker));
	r = s->worker == NULL ? ZK_ENOMEM : probe_port(opts);
	while (r == ZK_OK && s->workers < opts->threads) {
		struct httpd_worker *w = &s->worker[s->workers];

		r = worker_init(w, s, s->workers++);
	}
	if (r != ZK_OK) {
		httpd_free(s);
		return r;
	}
	*out = s;
	return ZK_OK;
}

static void
close_fd(struct httpd_worker *w, int *fd)
{
	if (*fd >= 0)
		(void)env_close(w->pool.env, *fd);
	*fd = -1;
}

void
httpd_free(struct httpd_server *s)
{
	if (s == NULL)
		return;
	for (unsigned i = 0; i < s->workers; i++) {
		struct httpd_worker *w = &s->worker[i];

		close_fd(w, &w->listen_fd);
		close_fd(w, &w->wake_fd);
		close_fd(w, &w->pool.epfd);
		tls_conf_free(w->pool.tls);
		free(w->pool.buf);
		pthread_mutex_destroy(&w->lock);
	}
	free(s->worker);
	free(s);
}

uint16_t
httpd_port(const struct httpd_server *s)
{
	return s->port;
}

unsigned
httpd_threads(const struct httpd_server *s)
{
	return s->workers;
}

struct httpd_worker *
httpd_worker_at(struct httpd_server *s, unsigned i)
{
	return &s->worker[i];
}

unsigned
httpd_worker_index(const struct httpd_worker *w)
{
	return w->index;
}

static void
wake(struct httpd_worker *w)
{
	uint64_t one = 1;

	/* a full counter wakes as well */
	(void)!write(w->wake_fd, &one, sizeof(one));
}

enum zk_err
httpd_post(struct httpd_worker *w, void (*fn)(void *arg), void *arg)
{
	struct post *p = malloc(sizeof(*p));
	bool first;

	if (p == NULL)
		return ZK_ENOMEM;
	p->next = NULL;
	p->fn = fn;
	p->arg = arg;
	pthread_mutex_lock(&w->lock);
	first = w->posts == NULL;
	*w->posts_end = p;
	w->posts_end = &p->next;
	pthread_mutex_unlock(&w->lock);
	if (first)
		wake(w);
	return ZK_OK;
}

/* Runs what was posted; true if the server is to stop. */
static bool
run_posts(struct httpd_worker *w)
{
	struct post *p;
	bool stop;

	pthread_mutex_lock(&w->lock);
	p = w->posts;
	w->posts = NULL;
	w->posts_end = &w->posts;
	stop = w->stop;
	pthread_mutex_unlock(&w->lock);
	while (p != NULL) {
		struct post *next = p->next;

		p->fn(p->arg);
		free(p);
		p = next;
	}
	return stop;
}

static void
turn_away(struct httpd_worker *w, int fd)
{
	static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\n"
	    "Content-Length: 0\r\nRetry-After: 5\r\n"
	    "Connection: close\r\n\r\n";

	if (w->pool.tls == NULL)
		(void)env_net_send(w->pool.env, fd, busy, sizeof(busy) - 1,
		    false);
	(void)env_close(w->pool.env, fd);
}

static void
accept_some(struct httpd_worker *w)
{
	const struct httpd_opts *o = &w->server->opts;
	uint8_t peer[ADDR_LEN];
	unsigned max;

	for (unsigned i = 0; i < ACCEPTS; i++) {
		int fd = env_net_accept(o->env, w->listen_fd, peer);

		if (fd == -EMFILE || fd == -ENFILE || fd == -ENOBUFS ||
		    fd == -ENOMEM) {
			/* no use in spinning: the next tick looks again */
			if (watch(w, w->listen_fd, false) == ZK_OK)
				w->listening = false;
			return;
		}
		if (fd < 0)
			return;
		max = addr_is_loopback(peer) ? o->limits.conns_loopback :
		    o->limits.conns_addr;
		if (w->pool.count >= w->pool.conns_max ||
		    !addr_open(o->addrs, peer, max))
			turn_away(w, fd);
		else
			conn_accept(&w->pool, fd, peer);
	}
}

static void
begin_stop(struct httpd_worker *w)
{
	if (w->drain_end != 0)
		return;
	w->drain_end = env_mono_ms(w->pool.env) +
	    w->server->opts.limits.drain_ms;
	close_fd(w, &w->listen_fd);
	w->listening = true;	/* not to be watched again */
	conn_stop(&w->pool);
}

static void
handle(struct httpd_worker *w, const struct epoll_event *ev)
{
	uint64_t n;

	if (ev->data.ptr == &w->listen_fd) {
		if (w->listen_fd >= 0)
			accept_some(w);
	} else if (ev->data.ptr == &w->wake_fd) {
		(void)!read(w->wake_fd, &n, sizeof(n));
		if (run_posts(w))
			begin_stop(w);
	} else {
		conn_event(ev->data.ptr, ev->events);
	}
}

/* Looks for new connections, if it does not yet or any more. */
static void
listen_again(struct httpd_worker *w)
{
	if (!w->listening)
		w->listening = watch(w, w->listen_fd, true) == ZK_OK;
}

static void *
worker_main(void *arg)
{
	struct httpd_worker *w = arg;
	struct epoll_event ev[EVENTS];
	int64_t tick = env_mono_ms(w->pool.env) + w->server->tick_ms;

	listen_again(w);
	while (w->drain_end == 0 || w->pool.count > 0) {
		int64_t now = env_mono_ms(w->pool.env);
		int n = epoll_wait(w->pool.epfd, ev, EVENTS,
		    now < tick ? (int)(tick - now) : 0);

		for (int i = 0; i < n; i++)
			handle(w, &ev[i]);
		conn_bury(&w->pool);
		now = env_mono_ms(w->pool.env);
		if (now < tick)
			continue;
		tick = now + w->server->tick_ms;
		listen_again(w);
		conn_tick(&w->pool, now);
		if (w->drain_end != 0 && now >= w->drain_end)
			while (w->pool.first != NULL)
				conn_drop(w->pool.first);
		conn_bury(&w->pool);
	}
	return NULL;
}

enum zk_err
httpd_start(struct httpd_server *s)
{
	for (unsigned i = 0; i < s->workers; i++) {
		struct httpd_worker *w = &s->worker[i];

		if (pthread_create(&w->thread, NULL, worker_main, w) != 0) {
			httpd_stop(s);
			return ZK_ENOMEM;
		}
		w->running = true;
	}
	return ZK_OK;
}

void
httpd_stop(struct httpd_server *s)
{
	for (unsigned i = 0; i < s->workers; i++) {
		struct httpd_worker *w = &s->worker[i];

		pthread_mutex_lock(&w->lock);
		w->stop = true;
		pthread_mutex_unlock(&w->lock);
		wake(w);
	}
	for (unsigned i = 0; i < s->workers; i++) {
		struct httpd_worker *w = &s->worker[i];

		if (w->running)
			pthread_join(w->thread, NULL);
		w->running = false;
		(void)run_posts(w);
	}
}

struct httpd_worker *
httpd_worker_of(const struct httpd_conn *c)
{
	return conn_worker(c);
}

void
httpd_set(struct httpd_conn *c, void *data)
{
	conn_set(c, data);
}

void *
httpd_get(const struct httpd_conn *c)
{
	return conn_get(c);
}

const uint8_t *
httpd_peer(const struct httpd_conn *c)
{
	return conn_peer(c);
}

void
httpd_trust(struct httpd_conn *c)
{
	conn_trust(c);
}

void
httpd_park(struct httpd_conn *c, unsigned ms)
{
	conn_park(c, ms);
}

void
httpd_reply(struct httpd_conn *c, struct httpd_reply *reply)
{
	conn_reply(c, reply);
}
