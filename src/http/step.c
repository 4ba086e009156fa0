#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "http/conn.h"
#include "http/step.h"
#include "http/tls.h"
#include "util/env.h"

#define LINGER_MS 2000		/* for the client to read a refusal */
#define LINGER_BYTES (1024u * 1024)	/* thrown away meanwhile */
#define READS_PER_STEP 16	/* before others get their turn */

/* What a step asks for next. */
enum step {
	STEP_AGAIN,	/* step again at once */
	STEP_READ,	/* when the socket is readable */
	STEP_WRITE,	/* when it is writable */
	STEP_YIELD,	/* more is there, but others get their turn */
	STEP_SLEEP,	/* when the application answers */
	STEP_DROP
};

static int64_t
now_ms(const struct httpd_conn *c)
{
	return env_mono_ms(c->pool->env);
}

static const struct httpd_limits *
limits(const struct httpd_conn *c)
{
	return &c->pool->opts->limits;
}

/* Bytes, 0 at the end of the stream, or one of TLS_*. */
static ssize_t
conn_recv(struct httpd_conn *c, void *p, size_t n)
{
	ssize_t k;

	if (c->tls != NULL)
		return tls_read(c->tls, p, n);
	k = env_net_recv(c->pool->env, c->fd, p, n);
	if (k == -EAGAIN)
		return TLS_AGAIN_READ;
	return k < 0 ? TLS_DEAD : k;
}

static enum step
step_for(ssize_t r)
{
	if (r == TLS_AGAIN_READ)
		return STEP_READ;
	return r == TLS_AGAIN_WRITE ? STEP_WRITE : STEP_DROP;
}

/*
 * Gives the bytes that are there: those kept from before unless they were
 * not enough, else newly received ones behind them.
 */
static enum step
conn_fill(struct httpd_conn *c, const uint8_t **p, size_t *n)
{
	struct conn_pool *pool = c->pool;
	ssize_t k;

	if (c->in.len > 0 && !c->starved) {
		*p = c->in.data;
		*n = c->in.len;
		return STEP_AGAIN;
	}
	k = conn_recv(c, pool->buf, CONN_READ_MAX);
	if (k <= 0)
		return k == 0 ? STEP_DROP : step_for(k);
	c->starved = false;
	*p = pool->buf;
	*n = (size_t)k;
	if (c->in.len == 0)
		return STEP_AGAIN;
	if (buf_put(&c->in, pool->buf, (size_t)k) != ZK_OK)
		return STEP_DROP;
	*p = c->in.data;
	*n = c->in.len;
	return STEP_AGAIN;
}

/* Keeps the last n bytes at p, which conn_fill gave, for later. */
static enum step
conn_keep(struct httpd_conn *c, const uint8_t *p, size_t n)
{
	if (c->in.len > 0) {
		memmove(c->in.data, p, n);
		buf_truncate(&c->in, n);
	} else if (n > 0 && buf_put(&c->in, p, n) != ZK_OK) {
		return STEP_DROP;
	}
	if (n == 0)
		buf_release(&c->in);
	return STEP_AGAIN;
}

/* The server's own answer to what it could not make out. */
static enum step
refuse(struct httpd_conn *c, int status)
{
	const struct httpd_app *app = &c->pool->opts->app;
	struct httpd_reply reply;

	memset(&reply, 0, sizeof(reply));
	reply.status = status;
	reply.type = "application/json";
	reply.close = true;
	buf_init(&reply.body, 4096);
	app->error(app->arg, status, &reply.body);
	c->unread = true;
	conn_reply(c, &reply);
	return c->state == CONN_DEAD ? STEP_SLEEP : STEP_AGAIN;
}

static enum step
step_tls(struct httpd_conn *c)
{
	int r = tls_handshake(c->tls);

	if (r != 1)
		return step_for(r);
	c->state = CONN_HEAD;
	return STEP_AGAIN;
}

static enum step
send_continue(struct httpd_conn *c)
{
	static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
	ssize_t k;

	/* a socket that cannot take 25 bytes is as good as gone */
	if (c->tls != NULL)
		k = tls_write(c->tls, line, sizeof(line) - 1);
	else
		k = env_net_send(c->pool->env, c->fd, line, sizeof(line) - 1,
		    false);
	return k == (ssize_t)sizeof(line) - 1 ? STEP_AGAIN : STEP_DROP;
}

/* The application has seen the head and not answered: the body may come. */
static enum step
start_body(struct httpd_conn *c, bool expect, size_t left)
{
	const struct httpd_app *app = &c->pool->opts->app;
	const uint8_t *data;
	size_t used, len;
	bool done;

	if (head_body_step(&c->body, NULL, 0, &used, &data, &len, &done) !=
	    ZK_OK)
		return STEP_DROP;
	if (done) {
		c->state = CONN_WAIT;
		c->deadline = 0;
		app->end(app->arg, c);
		return STEP_AGAIN;
	}
	c->state = CONN_BODY;
	c->moved = 0;
	c->deadline = now_ms(c) + limits(c)->body_ms;
	if (expect && left == 0)
		return send_continue(c);
	return STEP_AGAIN;
}

/*
 * Limits count by client: behind a proxy on this machine that is the last
 * address of X-Forwarded-For, the one that the proxy itself has seen.
 */
static void
find_client(struct httpd_conn *c, const struct head *h)
{
	const struct head_field *f = head_find(h, "x-forwarded-for");
	size_t at;

	memcpy(c->client, c->peer, ADDR_LEN);
	if (f == NULL || !addr_is_loopback(c->peer))
		return;
	at = f->value_len;
	while (at > 0 && f->value[at - 1] != ',' && f->value[at - 1] != ' ')
		at--;
	(void)addr_parse(f->value + at, f->value_len - at, c->client);
}

static enum step
start_request(struct httpd_conn *c, const uint8_t *p, size_t n, size_t end)
{
	const struct httpd_app *app = &c->pool->opts->app;
	struct head *h = &c->pool->head;
	enum zk_err r = head_parse(p, end, h);
	bool expect;
	enum step s;

	if (r != ZK_OK)
		return refuse(c, r == ZK_ELIMIT ? 431 :
		    r == ZK_EREFUSED ? 417 : 400);
	find_client(c, h);
	c->begun = false;
	c->keep_alive = h->keep_alive && !c->pool->stopping;
	c->no_body = strcmp(h->method, "HEAD") == 0;
	head_body_init(&c->body, h);
	c->unread = h->chunked || h->length > 0;
	expect = h->expect_continue;
	c->in_request = true;
	c->state = CONN_WAIT;
	c->deadline = 0;
	app->head(app->arg, c, h);
	if (c->state == CONN_DEAD)
		return STEP_SLEEP;
	s = conn_keep(c, p + end, n - end);
	if (s != STEP_AGAIN || c->state != CONN_WAIT)
		return s;
	return start_body(c, expect, n - end);
}

static enum step
step_head(struct httpd_conn *c)
{
	const uint8_t *p;
	size_t n, end;
	enum step s = conn_fill(c, &p, &n);

	if (s != STEP_AGAIN)
		return s;
	/* no request begins so; one that speaks TLS here is told at once */
	if (n > 0 && (p[0] < 'A' || p[0] > 'Z'))
		return refuse(c, 400);
	end = head_end(p, n < HEAD_MAX ? n : HEAD_MAX);
	if (end > 0)
		return start_request(c, p, n, end);
	if (n >= HEAD_MAX)
		return refuse(c, 431);
	if (!c->begun && c->deadline > now_ms(c) + limits(c)->head_ms)
		c->deadline = now_ms(c) + limits(c)->head_ms;
	c->begun = true;
	c->starved = true;
	if (c->in.len > 0)
		return STEP_AGAIN;	/* p is all of it */
	return conn_keep(c, p, n);
}

/* Passes on what one fill gave.  Leaves CONN_BODY when all is there. */
static enum step
feed_body(struct httpd_conn *c, const uint8_t *p, size_t n)
{
	const struct httpd_app *app = &c->pool->opts->app;
	const uint8_t *data;
	size_t used, len;
	bool done = false;

	while (n > 0 && !done) {
		if (head_body_step(&c->body, p, n, &used, &data, &len,
		    &done) != ZK_OK)
			return refuse(c, 400);
		p += used;
		n -= used;
		if (len > 0)
			app->body(app->arg, c, data, len);
		if (c->state != CONN_BODY)
			return STEP_AGAIN;	/* answered before the end */
	}
	if (conn_keep(c, p, n) != STEP_AGAIN)
		return STEP_DROP;
	if (!done)
		return STEP_AGAIN;
	c->state = CONN_WAIT;
	c->deadline = 0;
	c->unread = false;
	app->end(app->arg, c);
	return STEP_AGAIN;
}

static enum step
step_body(struct httpd_conn *c)
{
	const uint8_t *p;
	size_t n;
	enum step s = conn_fill(c, &p, &n);

	if (s != STEP_AGAIN)
		return s;
	c->moved += n;
	return feed_body(c, p, n);
}

static enum step
step_reply(struct httpd_conn *c)
{
	int r = out_send(&c->out, c->fd, c->tls, c->pool->buf,
	    CONN_READ_MAX);

	/* most need no window, so no call to begin one */
	if (r != OUT_DONE && !c->slow)
		c->moved = conn_taken(c);
	c->slow = r != OUT_DONE;
	if (r == OUT_YIELD)
		return STEP_YIELD;
	if (r != OUT_DONE)
		return step_for(r);
	out_release(&c->out);
	conn_end_request(c);
	if (c->close_after || !c->keep_alive || c->pool->stopping) {
		if (c->tls != NULL)
			tls_bye(c->tls);
		if (!c->unread)
			return STEP_DROP;
		/* closing with input unread would take the reply away */
		(void)env_net_shutdown(c->pool->env, c->fd);
		c->state = CONN_LINGER;
		c->moved = 0;
		c->deadline = now_ms(c) + LINGER_MS;
		buf_release(&c->in);
		return STEP_AGAIN;
	}
	c->state = CONN_HEAD;
	c->starved = false;
	c->deadline = now_ms(c) + limits(c)->idle_ms;
	/* the next request is seldom there yet: no call to find that out */
	if (c->in.len == 0 && (c->tls == NULL || !tls_buffered(c->tls)))
		return STEP_READ;
	return STEP_AGAIN;
}

static enum step
step_linger(struct httpd_conn *c)
{
	ssize_t k = env_net_recv(c->pool->env, c->fd, c->pool->buf,
	    CONN_READ_MAX);

	if (k == -EAGAIN)
		return STEP_READ;
	if (k <= 0)
		return STEP_DROP;
	c->moved += (uint64_t)k;
	return c->moved > LINGER_BYTES ? STEP_DROP : STEP_AGAIN;
}

static enum step
one_step(struct httpd_conn *c)
{
	switch (c->state) {
	case CONN_TLS:
		return step_tls(c);
	case CONN_HEAD:
		return step_head(c);
	case CONN_BODY:
		return step_body(c);
	case CONN_REPLY:
		return step_reply(c);
	case CONN_LINGER:
		return step_linger(c);
	case CONN_WAIT:
	case CONN_DEAD:
		break;
	}
	return STEP_SLEEP;
}

void
step_arm(struct httpd_conn *c, uint32_t events)
{
	struct epoll_event ev;

	if (c->armed == events)
		return;
	memset(&ev, 0, sizeof(ev));
	ev.events = events;
	ev.data.ptr = c;
	if (epoll_ctl(c->pool->epfd,
	    c->armed == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, c->fd, &ev) != 0)
		conn_drop(c);
	else
		c->armed = events;
}

void
step_run(struct httpd_conn *c)
{
	enum step s = STEP_AGAIN;

	if (c->stepping)
		return;		/* the loop below goes on by itself */
	c->stepping = true;
	for (unsigned i = 0; s == STEP_AGAIN; i++) {
		s = one_step(c);
		/* bytes inside the TLS library raise no event: read on */
		if (s == STEP_AGAIN && i >= READS_PER_STEP &&
		    c->in.len == 0 &&
		    (c->tls == NULL || !tls_buffered(c->tls)))
			s = STEP_YIELD;
	}
	c->stepping = false;
	if (c->state == CONN_DEAD)
		return;
	if (s == STEP_DROP)
		conn_drop(c);
	else if (s == STEP_YIELD)
		step_arm(c, EPOLLIN | EPOLLOUT);
	else if (s == STEP_WRITE)
		step_arm(c, EPOLLOUT);
	else if (s == STEP_READ)
		step_arm(c, EPOLLIN | EPOLLRDHUP);
	else if (c->armed != (EPOLLIN | EPOLLRDHUP))
		step_arm(c, EPOLLRDHUP);
}


void
step_refuse(struct httpd_conn *c, int status)
{
	(void)refuse(c, status);
	step_run(c);
}
