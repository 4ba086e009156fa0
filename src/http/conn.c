#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "http/conn.h"
#include "http/step.h"
#include "http/tls.h"
#include "util/env.h"

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

static void
link_in(struct httpd_conn *c)
{
	struct conn_pool *p = c->pool;

	c->next = p->first;
	c->prevp = &p->first;
	if (p->first != NULL)
		p->first->prevp = &c->next;
	p->first = c;
	p->count++;
	c->fresh_prev = p->fresh_new;
	if (p->fresh_new != NULL)
		p->fresh_new->fresh_next = c;
	else
		p->fresh_old = c;
	p->fresh_new = c;
	p->fresh++;
}

static void
unlink_fresh(struct httpd_conn *c)
{
	struct conn_pool *p = c->pool;

	if (c->fresh_prev != NULL)
		c->fresh_prev->fresh_next = c->fresh_next;
	else
		p->fresh_old = c->fresh_next;
	if (c->fresh_next != NULL)
		c->fresh_next->fresh_prev = c->fresh_prev;
	else
		p->fresh_new = c->fresh_prev;
	c->fresh_next = c->fresh_prev = NULL;
	p->fresh--;
}

void
conn_trust(struct httpd_conn *c)
{
	if (!c->trusted)
		unlink_fresh(c);
	c->trusted = true;
}

void
conn_end_request(struct httpd_conn *c)
{
	const struct httpd_app *app = &c->pool->opts->app;

	if (!c->in_request)
		return;
	c->in_request = false;
	app->drop(app->arg, c);
	c->data = NULL;
}

void
conn_drop(struct httpd_conn *c)
{
	struct conn_pool *p = c->pool;

	if (c->state == CONN_DEAD)
		return;
	c->state = CONN_DEAD;
	conn_end_request(c);
	conn_trust(c);		/* off the list of those who are not */
	*c->prevp = c->next;
	if (c->next != NULL)
		c->next->prevp = c->prevp;
	p->count--;
	tls_free(c->tls);
	c->tls = NULL;
	(void)env_close(p->env, c->fd);
	addr_close(p->opts->addrs, c->peer);
	buf_release(&c->in);
	out_release(&c->out);
	/* an event of this round may still name it */
	c->next = p->dead;
	p->dead = c;
}

void
conn_bury(struct conn_pool *p)
{
	while (p->dead != NULL) {
		struct httpd_conn *c = p->dead;

		p->dead = c->next;
		free(c);
	}
}

void
conn_event(struct httpd_conn *c, uint32_t events)
{
	if (c->state == CONN_DEAD)
		return;
	if (c->state != CONN_WAIT) {
		step_run(c);
		return;
	}
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		conn_drop(c);	/* nobody waits for the answer any more */
	else
		step_arm(c, EPOLLRDHUP);	/* the next request can wait */
}

void
conn_accept(struct conn_pool *p, int fd, const uint8_t peer[static ADDR_LEN])
{
	struct httpd_conn *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		(void)env_close(p->env, fd);
		addr_close(p->opts->addrs, peer);
		return;
	}
	c->pool = p;
	c->fd = fd;
	memcpy(c->peer, peer, ADDR_LEN);
	memcpy(c->client, peer, ADDR_LEN);
	buf_init(&c->in, HEAD_MAX + CONN_READ_MAX);
	out_init(&c->out);
	c->state = p->tls != NULL ? CONN_TLS : CONN_HEAD;
	c->deadline = now_ms(c) + limits(c)->head_ms;
	link_in(c);
	if (p->fresh > p->fresh_max)
		conn_drop(p->fresh_old);
	if (p->tls != NULL && tls_new(p->tls, fd, &c->tls) != ZK_OK) {
		conn_drop(c);
		return;
	}
	/* a request often comes with the connection */
	step_run(c);
}

uint64_t
conn_taken(const struct httpd_conn *c)
{
	/* the kernel may hold more than what is taken of it in a window */
	return c->out.sent - env_net_queued(c->pool->env, c->fd);
}

/* The deadline of the state has passed. */
static void
overdue(struct httpd_conn *c, int64_t now)
{
	const struct httpd_app *app = &c->pool->opts->app;
	const struct httpd_limits *lim = limits(c);
	uint64_t was = c->moved;

	switch (c->state) {
	case CONN_BODY:
		if (c->moved >= lim->body_min * lim->body_ms / 1000) {
			c->moved = 0;
			c->deadline = now + lim->body_ms;
			break;
		}
		step_refuse(c, 408);
		break;
	case CONN_REPLY:
		c->moved = conn_taken(c);
		c->deadline = now + lim->stall_ms;
		if (c->moved - was < lim->reply_min * lim->stall_ms / 1000)
			conn_drop(c);
		break;
	case CONN_WAIT:
		c->deadline = 0;
		app->expire(app->arg, c);
		break;
	default:
		conn_drop(c);
	}
}

void
conn_tick(struct conn_pool *p, int64_t now)
{
	struct httpd_conn *next;

	for (struct httpd_conn *c = p->first; c != NULL; c = next) {
		next = c->next;
		if (c->deadline != 0 && now >= c->deadline)
			overdue(c, now);
		/* the rest is looked at next time if the list broke here */
		if (next != NULL && next->state == CONN_DEAD)
			break;
	}
}

void
conn_stop(struct conn_pool *p)
{
	const struct httpd_app *app = &p->opts->app;
	struct httpd_conn *next;

	p->stopping = true;
	for (struct httpd_conn *c = p->first; c != NULL; c = next) {
		next = c->next;
		if ((c->state == CONN_HEAD && !c->begun) ||
		    c->state == CONN_TLS)
			conn_drop(c);
		else if (c->state == CONN_WAIT && c->deadline != 0)
			app->expire(app->arg, c);
	}
}

void
conn_park(struct httpd_conn *c, unsigned ms)
{
	if (c->state == CONN_WAIT)
		c->deadline = now_ms(c) + (c->pool->stopping ? 0 : ms);
}

void
conn_reply(struct httpd_conn *c, struct httpd_reply *reply)
{
	if (c->state != CONN_WAIT && c->state != CONN_BODY &&
	    c->state != CONN_HEAD)
		BUG("a request was answered twice");
	if (c->unread || reply->close)
		c->close_after = true;
	if (out_set(&c->out, c->pool->env, reply, c->keep_alive &&
	    !c->close_after && !c->pool->stopping, c->no_body) != ZK_OK) {
		conn_drop(c);
		return;
	}
	c->state = CONN_REPLY;
	c->slow = false;
	c->deadline = now_ms(c) + limits(c)->stall_ms;
	step_run(c);
}

void
conn_set(struct httpd_conn *c, void *data)
{
	c->data = data;
}

void *
conn_get(const struct httpd_conn *c)
{
	return c->data;
}

const uint8_t *
conn_peer(const struct httpd_conn *c)
{
	return c->client;
}

struct httpd_worker *
conn_worker(const struct httpd_conn *c)
{
	return c->pool->worker;
}
