#include "transport/remote_relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/sign.h"
#include "crypto/labels.h"
#include "proto/msg.h"
#include "transport/relay_call.h"
#include "transport/relay_rv.h"
#include "transport/relay_seg.h"
#include "util/buf.h"
#include "util/env.h"
#include "util/log.h"
#include "util/rd.h"

/* A blob transfer under way. */
struct relay_blob {
	struct http_call call;
	struct relay_remote *rr;
	struct txfer *x;
	struct relay_blob *next;
};

static struct relay_remote *
self(struct transport *t)
{
	return (struct relay_remote *)t;
}

/* Calls. */

void
relay_call_init(struct relay_remote *r, struct http_call *c,
    enum target_call call)
{
	memset(c, 0, sizeof(*c));
	c->target.call = call;
	if (r->t.opts.locator != NULL)
		memcpy(c->target.locator, r->t.opts.locator,
		    TARGET_NAME_LEN);
}

enum zk_err
relay_call_run(struct relay_remote *r, struct http_call *c)
{
	return http_run(r->http, c);
}

enum zk_err
relay_call_bad(struct relay_remote *r, const struct http_call *c)
{
	struct log_where w = { .remote = r->t.url };

	log_error(ZK_ENET, &w, "'%s': malformed reply to %s (%zu bytes)",
	    r->t.url, target_method(c->target.call), c->reply->len);
	return ZK_ENET;
}

static void
relay_free(struct transport *t)
{
	http_free(self(t)->http);
	free(t);
}

/* The space. */

static enum zk_err
create_body(struct relay_remote *rr, struct buf *out)
{
	const struct transport_opts *o = &rr->t.opts;
	struct msg_create m = {
		.time = env_now_ms(o->env) / 1000 + rr->http->clock_s,
		.authority = rr->http->authority,
		.authority_len = strlen(rr->http->authority),
	};
	uint8_t sig[SIGN_LEN];
	enum zk_err r;

	memcpy(m.space, signkey_pk(o->space), MSG_PK_LEN);
	memcpy(m.request, signkey_pk(o->request), MSG_PK_LEN);
	r = msg_create_put(out, &m);
	if (r != ZK_OK)
		return r;
	sign_make(o->space, LABEL_CREATE, out->data, out->len, sig);
	return buf_put(out, sig, sizeof(sig));
}

static enum zk_err
create_once(struct relay_remote *rr, bool *again)
{
	int64_t clock_s = rr->http->clock_s;
	struct http_call c;
	struct buf body;
	struct buf reply;
	enum zk_err r;

	buf_init(&body, 1024);
	buf_init(&reply, 1024);
	r = create_body(rr, &body);
	relay_call_init(rr, &c, TARGET_CREATE);
	c.body = body.data;
	c.body_len = body.len;
	c.reply = &reply;
	if (r == ZK_OK)
		r = relay_call_run(rr, &c);
	/* the body carries the time: signed anew once the clock is known */
	*again = r == ZK_EAUTH && rr->http->clock_s != clock_s;
	buf_release(&body);
	buf_release(&reply);
	return r;
}

static enum zk_err
relay_create(struct transport *t)
{
	bool again = false;
	enum zk_err r;

	if (t->opts.space == NULL || t->opts.request == NULL)
		return ZK_EAUTH;
	r = create_once(self(t), &again);
	return again ? create_once(self(t), &again) : r;
}

/* Records. */

/* A page of names, also of blobs: given to each(), then the mark moves. */
static enum zk_err
take_names(struct relay_remote *rr, const struct http_call *c,
    struct tmark *mark, bool *more, enum zk_err (*each)(void *,
    const uint8_t *), void *arg)
{
	struct msg_page page;
	struct rd rd;
	enum zk_err r;

	rd_init(&rd, c->reply->data, c->reply->len);
	r = msg_page_start(&rd, &page);
	/* a page that says "more" and moves nothing would never end */
	if (r != ZK_OK || page.mark_len > TRANSPORT_MARK_MAX ||
	    page.count > rd.left / TRANSPORT_NAME_LEN ||
	    (page.more && (page.count == 0 || (page.mark_len == mark->len &&
	    memcmp(page.mark, mark->b, mark->len) == 0))))
		return relay_call_bad(rr, c);
	for (uint32_t i = 0; i < page.count; i++) {
		const uint8_t *name = rd_bytes(&rd, TRANSPORT_NAME_LEN);

		if (name == NULL)
			return relay_call_bad(rr, c);
		r = each(arg, name);
		if (r != ZK_OK)
			return r;
	}
	if (rd_end(&rd) != ZK_OK)
		return relay_call_bad(rr, c);
	*more = page.more;
	mark->len = page.mark_len;
	if (page.mark_len > 0)
		memcpy(mark->b, page.mark, page.mark_len);
	return ZK_OK;
}

static enum zk_err
relay_rec_list(struct transport *t, struct tmark *mark,
    enum zk_err (*each)(void *, const uint8_t *), void *arg)
{
	struct relay_remote *rr = self(t);
	struct tmark at = *mark;
	bool more = true;
	struct buf reply;
	enum zk_err r = ZK_OK;

	buf_init(&reply, TARGET_PAGE_MAX);
	while (more && r == ZK_OK) {
		struct http_call c;

		relay_call_init(rr, &c, TARGET_REC_LIST);
		c.target.mark_len = at.len;
		memcpy(c.target.mark, at.b, at.len);
		buf_reset(&reply);
		c.reply = &reply;
		r = relay_call_run(rr, &c);
		if (r == ZK_OK)
			r = take_names(rr, &c, &at, &more, each, arg);
	}
	if (r == ZK_OK)
		*mark = at;
	buf_release(&reply);
	return r;
}

static enum zk_err
relay_rec_get(struct transport *t, const uint8_t *name, struct buf *out)
{
	struct relay_remote *rr = self(t);
	struct http_call c;
	struct buf reply;
	enum zk_err r;

	buf_init(&reply, MSG_REC_MAX);
	relay_call_init(rr, &c, TARGET_REC_GET);
	memcpy(c.target.name, name, TRANSPORT_NAME_LEN);
	c.reply = &reply;
	r = relay_call_run(rr, &c);
	/* no record is empty: the reply was lost on its way */
	if (r == ZK_OK && reply.len == 0)
		r = relay_call_bad(rr, &c);
	if (r == ZK_OK)
		r = buf_put(out, reply.data, reply.len);
	buf_release(&reply);
	return r;
}

static enum zk_err
relay_rec_put(struct transport *t, const uint8_t *name, const void *p,
    size_t n)
{
	struct relay_remote *rr = self(t);
	struct http_call c;

	relay_call_init(rr, &c, TARGET_REC_PUT);
	memcpy(c.target.name, name, TRANSPORT_NAME_LEN);
	c.body = p;
	c.body_len = n;
	return relay_call_run(rr, &c);
}

/* Blobs. */

/* The engine is done with b; the caller hears of it in relay_wait. */
static void
blob_ended(struct http_call *c, enum zk_err r)
{
	struct relay_blob *b = (struct relay_blob *)c;

	(void)r;
	b->next = NULL;
	*b->rr->last = b;
	b->rr->last = &b->next;
}

static enum zk_err
relay_submit(struct transport *t, struct txfer *x)
{
	struct relay_remote *rr = self(t);
	struct relay_blob *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return ZK_ENOMEM;
	b->rr = rr;
	b->x = x;
	relay_call_init(rr, &b->call,
	    x->put ? TARGET_BLOB_PUT : TARGET_BLOB_GET);
	memcpy(b->call.target.name, x->name, TRANSPORT_NAME_LEN);
	b->call.bulk = true;
	b->call.done = blob_ended;
	b->call.at = &x->moved;
	if (x->put) {
		b->call.body = x->data;
		b->call.body_len = x->len;
	} else {
		buf_reset(&x->body);
		b->call.reply = &x->body;
	}
	http_start(rr->http, &b->call);
	http_drive(rr->http, 0);
	return ZK_OK;
}

static enum zk_err
blob_result(const struct relay_blob *b)
{
	struct txfer *x = b->x;
	enum zk_err r = b->call.result;

	if (r != ZK_OK || x->put)
		return r;
	/* an empty reply is a reply that got lost; nothing is that short */
	if (x->body.len == 0)
		return ZK_ENET;
	if (x->unchecked || transport_blob_ok(x->name, x->body.data,
	    x->body.len))
		return ZK_OK;
	buf_reset(&x->body);
	return ZK_ETAMPER;
}

/* Tells the caller of all that ended. */
static bool
hand_over(struct relay_remote *rr)
{
	bool any = false;

	while (rr->ended != NULL) {
		struct relay_blob *b = rr->ended;
		struct txfer *x = b->x;
		enum zk_err r = blob_result(b);

		rr->ended = b->next;
		if (rr->ended == NULL)
			rr->last = &rr->ended;
		free(b);
		transport_done(&rr->t, x, r);
		any = true;
	}
	return any;
}

static enum zk_err
relay_wait(struct transport *t, size_t left, int timeout_ms)
{
	struct relay_remote *rr = self(t);
	int64_t end = env_mono_ms(t->opts.env) + timeout_ms;
	bool any = hand_over(rr);

	if (t->inflight > 0) {
		http_drive(rr->http, 0);
		any |= hand_over(rr);
	}
	while (t->inflight > left) {
		int64_t ms = end - env_mono_ms(t->opts.env);

		if (transport_stopped(&t->opts))
			return ZK_ESIGNAL;
		if (ms <= 0)
			return any ? ZK_OK : ZK_ETIMEDOUT;
		http_drive(rr->http, ms < 1000 ? (int)ms : 1000);
		any |= hand_over(rr);
	}
	return ZK_OK;
}

static void
relay_cancel(struct transport *t)
{
	struct relay_remote *rr = self(t);

	http_abort(rr->http, ZK_ESIGNAL);
	(void)hand_over(rr);
}

static enum zk_err
relay_missing(struct transport *t,
    const uint8_t (*names)[TRANSPORT_NAME_LEN], size_t n, bool *missing)
{
	struct relay_remote *rr = self(t);
	struct http_call c;
	struct buf reply;
	enum zk_err r;

	buf_init(&reply, n);
	relay_call_init(rr, &c, TARGET_MISSING);
	c.body = names;
	c.body_len = n * TRANSPORT_NAME_LEN;
	c.reply = &reply;
	r = relay_call_run(rr, &c);
	if (r == ZK_OK && reply.len != n)
		r = relay_call_bad(rr, &c);
	for (size_t i = 0; i < n && r == ZK_OK; i++)
		missing[i] = reply.data[i] != 0;
	buf_release(&reply);
	return r;
}

static enum zk_err
relay_blob_list(struct transport *t, const uint8_t *after,
    enum zk_err (*each)(void *, const uint8_t *), void *arg, bool *more)
{
	struct relay_remote *rr = self(t);
	struct tmark mark = { .len = 0 };
	struct http_call c;
	struct buf reply;
	enum zk_err r;

	buf_init(&reply, MSG_LIST_MAX * TRANSPORT_NAME_LEN +
	    TARGET_MARK_MAX + 16);
	relay_call_init(rr, &c, TARGET_BLOB_LIST);
	if (after != NULL) {
		memcpy(c.target.mark, after, TRANSPORT_NAME_LEN);
		c.target.mark_len = TRANSPORT_NAME_LEN;
		memcpy(mark.b, after, TRANSPORT_NAME_LEN);
		mark.len = TRANSPORT_NAME_LEN;
	}
	c.reply = &reply;
	r = relay_call_run(rr, &c);
	if (r == ZK_OK)
		r = take_names(rr, &c, &mark, more, each, arg);
	buf_release(&reply);
	return r;
}

static enum zk_err
relay_blob_delete(struct transport *t, const uint8_t *name)
{
	struct relay_remote *rr = self(t);
	struct http_call c;
	enum zk_err r;

	relay_call_init(rr, &c, TARGET_BLOB_DELETE);
	memcpy(c.target.name, name, TRANSPORT_NAME_LEN);
	r = relay_call_run(rr, &c);
	return r == ZK_ENOENT ? ZK_OK : r;
}

static enum zk_err
relay_pin(struct transport *t, char *out, size_t cap)
{
	const struct http *h = self(t)->http;

	if (h->url.kind != URL_HTTPS)
		return ZK_OK;
	if (h->pin[0] == '\0')
		return ZK_ENET;
	if (strlen(h->pin) >= cap)
		return ZK_ELIMIT;
	memcpy(out, h->pin, strlen(h->pin) + 1);
	return ZK_OK;
}

static const struct transport_ops relay_ops = {
	.free = relay_free,
	.create = relay_create,
	.append = relay_seg_append,
	.append_start = relay_seg_append_start,
	.append_step = relay_seg_append_step,
	.append_end = relay_seg_append_end,
	.append_drop = relay_seg_append_drop,
	.log_begin = relay_seg_begin,
	.read = relay_seg_read,
	.read_at = relay_seg_read_at,
	.head = relay_seg_head,
	.rec_list = relay_rec_list,
	.rec_get = relay_rec_get,
	.rec_put = relay_rec_put,
	.submit = relay_submit,
	.wait = relay_wait,
	.cancel = relay_cancel,
	.missing = relay_missing,
	.blob_list = relay_blob_list,
	.blob_delete = relay_blob_delete,
	.seg_delete = relay_seg_delete,
	.rv_claim = relay_rv_claim,
	.rv_put = relay_rv_put,
	.rv_get = relay_rv_get,
	.rv_close = relay_rv_close,
	.pin = relay_pin,
};

enum zk_err
remote_relay_open(const struct url *u, const struct transport_opts *opts,
    const char *name, struct transport **out)
{
	struct relay_remote *rr = calloc(1, sizeof(*rr));
	enum zk_err r;

	*out = NULL;
	if (rr == NULL)
		return ZK_ENOMEM;
	rr->last = &rr->ended;
	r = transport_init(&rr->t, &relay_ops, opts, name);
	if (r == ZK_OK)
		r = http_new(u, &rr->t.opts, rr->t.url, &rr->http);
	if (r != ZK_OK) {
		free(rr->t.url);
		free(rr);
		return r;
	}
	*out = &rr->t;
	return ZK_OK;
}
