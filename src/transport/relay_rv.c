#include "transport/relay_rv.h"

#include "proto/msg.h"
#include "transport/relay_call.h"
#include "util/buf.h"
#include "util/env.h"

static struct relay_remote *
self(struct transport *t)
{
	return (struct relay_remote *)t;
}

/* ZK_EEXPIRED for a plate that no relay gives out. */
static enum zk_err
rv_init(struct relay_remote *rr, struct http_call *c, enum target_call call,
    const struct trv *rv)
{
	relay_call_init(rr, c, call);
	if (rv->plate > TARGET_PLATE_MAX)
		return ZK_EEXPIRED;
	c->target.plate = (uint32_t)rv->plate;
	c->target.side = rv->side;
	c->rv = rv;
	return ZK_OK;
}

enum zk_err
relay_rv_claim(struct transport *t, struct trv *rv)
{
	struct relay_remote *rr = self(t);
	struct http_call c;
	struct buf reply;
	uint32_t plate;
	enum zk_err r;

	buf_init(&reply, 64);
	r = rv_init(rr, &c, TARGET_RV_CLAIM, rv);
	c.reply = &reply;
	if (r == ZK_OK)
		r = relay_call_run(rr, &c);
	if (c.status == 404)
		r = ZK_EEXPIRED;
	if (r == ZK_OK && (msg_plate_get(reply.data, reply.len,
	    &plate) != ZK_OK || plate == 0 ||
	    (rv->plate != 0 && plate != rv->plate)))
		r = relay_call_bad(rr, &c);
	if (r == ZK_OK)
		rv->plate = plate;
	buf_release(&reply);
	return r;
}

enum zk_err
relay_rv_put(struct transport *t, const struct trv *rv, unsigned seq,
    const void *p, size_t n)
{
	struct relay_remote *rr = self(t);
	struct http_call c;
	enum zk_err r;

	r = rv_init(rr, &c, TARGET_RV_PUT, rv);
	c.target.msg = seq;
	c.body = p;
	c.body_len = n;
	if (r == ZK_OK)
		r = relay_call_run(rr, &c);
	if (r == ZK_EEXIST)
		r = ZK_EREFUSED;	/* other bytes stand in this place */
	return c.status == 404 ? ZK_EEXPIRED : r;
}

enum zk_err
relay_rv_get(struct transport *t, const struct trv *rv, unsigned seq,
    unsigned wait_ms, struct buf *out)
{
	struct relay_remote *rr = self(t);
	int64_t end = env_mono_ms(t->opts.env) + wait_ms;
	struct http_call c;
	struct buf reply;
	enum zk_err r;
	int64_t left;

	buf_init(&reply, MSG_RV_MAX);
	do {
		left = end - env_mono_ms(t->opts.env);
		r = rv_init(rr, &c, TARGET_RV_GET, rv);
		c.target.msg = seq;
		c.target.wait_ms = left <= 0 ? 0 : left < TARGET_WAIT_MAX ?
		    (uint32_t)left : TARGET_WAIT_MAX;
		c.reply = &reply;
		if (r == ZK_OK)
			r = relay_call_run(rr, &c);
	} while (r == ZK_ENOENT && env_mono_ms(t->opts.env) < end);
	if (r == ZK_ENOENT)
		r = ZK_ETIMEDOUT;
	if (r == ZK_OK)
		r = buf_put(out, reply.data, reply.len);
	buf_release(&reply);
	return r;
}

enum zk_err
relay_rv_close(struct transport *t, const struct trv *rv)
{
	struct relay_remote *rr = self(t);
	struct http_call c;
	enum zk_err r = rv_init(rr, &c, TARGET_RV_CLOSE, rv);

	if (r == ZK_OK)
		r = relay_call_run(rr, &c);
	return r == ZK_ENOENT || r == ZK_EEXPIRED ? ZK_OK : r;
}
