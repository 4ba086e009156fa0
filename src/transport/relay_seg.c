#include "transport/relay_seg.h"

#include <stdlib.h>
#include <string.h>

#include "proto/msg.h"
#include "proto/seghdr.h"
#include "transport/relay_call.h"
#include "util/buf.h"
#include "util/env.h"
#include "util/rd.h"

#define PAGE_BYTES (1u << 20)	/* of a page when the caller names none */
#define PAGE_FRAME (64u * 1024)	/* more than head and lengths take */

static struct relay_remote *
self(struct transport *t)
{
	return (struct relay_remote *)t;
}

/* How many of the first segments fit in one request; at least one. */
static size_t
fitting(const struct tseg *segs, size_t n)
{
	size_t bytes = 4;

	for (size_t i = 0; i < n; i++) {
		bytes += 4 + segs[i].len;
		if (i > 0 && (bytes > MSG_APPEND_MAX || i == MSG_SEGS_MAX))
			return i;
	}
	return n;
}

/* An append under way. */
struct pending {
	struct http_call call;
	struct buf body;
	struct buf reply;
};

static void
pending_free(struct pending *p)
{
	buf_release(&p->body);
	buf_release(&p->reply);
	free(p);
}

enum zk_err
relay_seg_append_start(struct transport *t, struct tappend *a)
{
	struct pending *p = calloc(1, sizeof(*p));
	size_t room = 4;
	enum zk_err r;

	if (p == NULL)
		return ZK_ENOMEM;
	buf_init(&p->body, MSG_APPEND_MAX);
	buf_init(&p->reply, 4 + MSG_SEGS_MAX);
	for (size_t i = 0; i < a->n; i++)
		room += 4 + a->segs[i].len;
	buf_reserve(&p->body, room);
	r = msg_append_head(&p->body, (uint32_t)a->n);
	for (size_t i = 0; i < a->n && r == ZK_OK; i++)
		r = msg_append_seg(&p->body, a->segs[i].data, a->segs[i].len);
	if (r != ZK_OK) {
		pending_free(p);
		return r;
	}
	relay_call_init(self(t), &p->call, TARGET_APPEND);
	p->call.body = p->body.data;
	p->call.body_len = p->body.len;
	p->call.reply = &p->reply;
	a->impl = p;
	http_start(self(t)->http, &p->call);
	return ZK_OK;
}

bool
relay_seg_append_step(struct transport *t, struct tappend *a)
{
	struct pending *p = a->impl;

	if (!p->call.finished)
		http_drive(self(t)->http, 0);
	return p->call.finished;
}

enum zk_err
relay_seg_append_end(struct transport *t, struct tappend *a)
{
	struct pending *p = a->impl;
	uint8_t got[MSG_SEGS_MAX];
	enum zk_err r = http_finish(self(t)->http, &p->call);

	if (r == ZK_OK && msg_results_get(p->reply.data, p->reply.len, got,
	    a->n) != ZK_OK)
		r = relay_call_bad(self(t), &p->call);
	for (size_t i = 0; i < a->n && r == ZK_OK; i++)
		a->res[i] = got[i] == MSG_SEG_STORED ? TSEG_STORED :
		    got[i] == MSG_SEG_HAVE ? TSEG_HAVE :
		    got[i] == MSG_SEG_TAKEN ? TSEG_TAKEN : TSEG_GAP;
	pending_free(p);
	a->impl = NULL;
	return r;
}

void
relay_seg_append_drop(struct transport *t, struct tappend *a)
{
	struct pending *p = a->impl;

	http_end(self(t)->http, &p->call);
	pending_free(p);
	a->impl = NULL;
}

enum zk_err
relay_seg_append(struct transport *t, const struct tseg *segs, size_t n,
    enum tseg_result *res)
{
	enum zk_err r = ZK_OK;

	while (n > 0 && r == ZK_OK) {
		size_t k = fitting(segs, n);
		struct tappend a = { .segs = segs, .n = k, .res = res };

		r = relay_seg_append_start(t, &a);
		if (r == ZK_OK)
			r = relay_seg_append_end(t, &a);
		segs += k;
		res += k;
		n -= k;
	}
	return r;
}

enum zk_err
relay_seg_begin(struct transport *t, const uint8_t *log, uint64_t seq,
    const uint8_t *hash)
{
	struct relay_remote *rr = self(t);
	struct msg_head head = { .seq = seq };
	struct http_call c;
	struct buf body;
	enum zk_err r;

	memcpy(head.hash, hash, MSG_NAME_LEN);
	buf_init(&body, MSG_HEAD_LEN);
	r = msg_head_put(&body, &head);
	relay_call_init(rr, &c, TARGET_BEGIN);
	memcpy(c.target.name, log, TRANSPORT_NAME_LEN);
	c.body = body.data;
	c.body_len = body.len;
	if (r == ZK_OK)
		r = relay_call_run(rr, &c);
	buf_release(&body);
	return r;
}

/*
 * Gives one stored segment to each().  What has no header goes on with seq
 * 0, for the caller to refuse like any other that does not verify.
 */
static enum zk_err
give(const uint8_t *p, size_t len,
    enum zk_err (*each)(void *, const struct tseg *), void *arg)
{
	struct tseg s = { .data = p, .len = len };
	struct seghdr h;

	if (seghdr_decode(p, len, &h) == ZK_OK) {
		s.seq = h.seq;
		seghdr_log_id(h.pk, s.log);
		seghdr_hash(p, p + SEGHDR_LEN, h.body_len, s.hash);
	}
	return each(arg, &s);
}

/* One page in reply: given to each(), then the mark moves. */
static enum zk_err
take_page(struct relay_remote *rr, const struct http_call *c,
    const struct tread *how, struct tmark *mark, bool *more, uint32_t *count)
{
	struct msg_page page;
	struct rd rd;
	enum zk_err r;

	*count = 0;
	rd_init(&rd, c->reply->data, c->reply->len);
	r = msg_page_start(&rd, &page);
	/* a page that says "more" and moves nothing would never end */
	if (r != ZK_OK || page.mark_len > TRANSPORT_MARK_MAX ||
	    (page.more && (page.count == 0 || (page.mark_len == mark->len &&
	    memcmp(page.mark, mark->b, mark->len) == 0))))
		return relay_call_bad(rr, c);
	for (uint32_t i = 0; i < page.count; i++) {
		const uint8_t *seg;
		size_t len;

		if (msg_page_seg(&rd, &seg, &len) != ZK_OK)
			return relay_call_bad(rr, c);
		r = give(seg, len, how->each, how->arg);
		if (r != ZK_OK)
			return r;
	}
	if (rd_end(&rd) != ZK_OK)
		return relay_call_bad(rr, c);
	*count = page.count;
	*more = page.more;
	mark->len = page.mark_len;
	if (page.mark_len > 0)
		memcpy(mark->b, page.mark, page.mark_len);
	return ZK_OK;
}

enum zk_err
relay_seg_read(struct transport *t, const struct tread *how,
    struct tmark *mark, bool *more)
{
	struct relay_remote *rr = self(t);
	size_t max = how->max_bytes > 0 ? how->max_bytes : PAGE_BYTES;
	int64_t end = env_mono_ms(t->opts.env) + how->wait_ms;
	uint32_t count = 0;
	struct buf reply;
	enum zk_err r;

	if (max > TARGET_PAGE_MAX)
		max = TARGET_PAGE_MAX;
	buf_init(&reply, max + MSG_OBJ_MAX + PAGE_FRAME);
	do {
		int64_t left = end - env_mono_ms(t->opts.env);
		struct http_call c;

		relay_call_init(rr, &c, TARGET_READ);
		c.target.max = (uint32_t)max;
		c.target.wait_ms = left <= 0 ? 0 : left < TARGET_WAIT_MAX ?
		    (uint32_t)left : TARGET_WAIT_MAX;
		c.target.mark_len = mark->len;
		memcpy(c.target.mark, mark->b, mark->len);
		buf_reset(&reply);
		c.reply = &reply;
		r = relay_call_run(rr, &c);
		if (r == ZK_OK)
			r = take_page(rr, &c, how, mark, more, &count);
	} while (r == ZK_OK && count == 0 && how->wait_ms > 0 &&
	    env_mono_ms(t->opts.env) < end);
	buf_release(&reply);
	return r;
}

enum zk_err
relay_seg_read_at(struct transport *t, const uint8_t *log, uint64_t seq,
    enum zk_err (*each)(void *, const struct tseg *), void *arg)
{
	struct relay_remote *rr = self(t);
	struct http_call c;
	struct buf reply;
	enum zk_err r;

	buf_init(&reply, MSG_OBJ_MAX);
	relay_call_init(rr, &c, TARGET_SEG_GET);
	memcpy(c.target.name, log, TRANSPORT_NAME_LEN);
	c.target.seq = seq;
	c.reply = &reply;
	r = relay_call_run(rr, &c);
	if (r == ZK_OK && reply.len == 0)
		r = relay_call_bad(rr, &c);
	if (r == ZK_OK)
		r = give(reply.data, reply.len, each, arg);
	buf_release(&reply);
	return r;
}

enum zk_err
relay_seg_head(struct transport *t, const uint8_t *log, uint64_t *seq,
    uint8_t *hash)
{
	struct relay_remote *rr = self(t);
	struct msg_head head;
	struct http_call c;
	struct buf reply;
	enum zk_err r;

	buf_init(&reply, 8 + MSG_NAME_LEN);
	relay_call_init(rr, &c, TARGET_HEAD);
	memcpy(c.target.name, log, TRANSPORT_NAME_LEN);
	c.reply = &reply;
	r = relay_call_run(rr, &c);
	if (r == ZK_OK && msg_head_get(reply.data, reply.len,
	    &head) != ZK_OK)
		r = relay_call_bad(rr, &c);
	if (r == ZK_OK) {
		*seq = head.seq;
		memcpy(hash, head.hash, TRANSPORT_NAME_LEN);
	}
	buf_release(&reply);
	return r;
}

enum zk_err
relay_seg_delete(struct transport *t, const uint8_t *log, uint64_t seq)
{
	struct relay_remote *rr = self(t);
	struct http_call c;
	enum zk_err r;

	relay_call_init(rr, &c, TARGET_SEG_DELETE);
	memcpy(c.target.name, log, TRANSPORT_NAME_LEN);
	c.target.seq = seq;
	r = relay_call_run(rr, &c);
	return r == ZK_ENOENT ? ZK_OK : r;
}
