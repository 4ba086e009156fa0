#include <stdlib.h>
#include <string.h>

#include "crypto/labels.h"
#include "proto/msg.h"
#include "relay/api.h"
#include "relay/intake.h"
#include "relay/req.h"
#include "util/hex.h"

#define RANGE_MAX 64	/* bytes of a Range that is looked at */

static enum error_code
read_target(const struct head *h, struct target *t)
{
	enum zk_err r = target_decode(h->method, h->path, h->path_len,
	    h->query, h->query_len, t);

	if (r == ZK_OK)
		return GATE_OPEN;
	if (r == ZK_EREFUSED)
		return ERROR_METHOD;
	return r == ZK_ENOENT ? ERROR_NOT_FOUND : ERROR_BAD_REQUEST;
}

/* What the announced length alone decides. */
static enum error_code
check_length(const struct head *h, const struct target *t)
{
	size_t max = target_body_max(t->call);

	if (max == 0)
		return h->chunked || h->length > 0 ? ERROR_BAD_REQUEST :
		    GATE_OPEN;
	if (!h->chunked && !h->has_length)
		return ERROR_LENGTH;
	return h->length > max ? ERROR_TOO_LARGE : GATE_OPEN;
}

/* Which side's owner asks; wrong guesses count as lookups. */
static enum error_code
check_side(struct core *core, struct httpd_conn *c, const struct head *h,
    const struct target *t, uint8_t token[static BOX_TOKEN_LEN])
{
	const struct head_field *f = head_find(h, AUTH_SIDE_HEADER);
	const struct relay_limits *lim = &core->lim;
	bool may;

	if (f == NULL || hex_get(f->value, f->value_len, token,
	    BOX_TOKEN_LEN) != ZK_OK)
		return ERROR_BAD_REQUEST;
	if (t->call == TARGET_RV_CLAIM && t->plate == 0)
		return GATE_OPEN;
	may = addr_may(core->addrs, httpd_peer(c), CORE_LOOKUPS,
	    lim->lookups_addr, CORE_MINUTE_MS);
	if (!may)
		return ERROR_TOO_MANY;
	if (t->call != TARGET_RV_CLAIM && (t->call == TARGET_RV_CLOSE ||
	    boxes_holds(core->boxes, t->plate, t->side, token) == ZK_OK))
		return GATE_OPEN;
	(void)addr_take(core->addrs, httpd_peer(c), CORE_LOOKUPS,
	    lim->lookups_addr, CORE_MINUTE_MS);
	return t->call == TARGET_RV_CLAIM ? GATE_OPEN : ERROR_GONE;
}

/* Whether the request may go on, by its head. */
static enum error_code
check_head(struct core *core, struct httpd_conn *c, const struct head *h,
    struct req *q)
{
	const struct target *t = &q->t;
	enum error_code e = GATE_OPEN;

	if (target_signed(t->call))
		e = gate_signed(core, c, h, t, &q->pass);
	else if (t->call == TARGET_CREATE)
		e = gate_create(core, c, h, t);
	else if (t->call == TARGET_KEYS && !addr_may(core->addrs,
	    httpd_peer(c), CORE_FAILS, core->lim.fails_addr, CORE_MINUTE_MS))
		e = ERROR_TOO_MANY;
	else if (t->call >= TARGET_RV_CLAIM && t->call <= TARGET_RV_CLOSE)
		e = check_side(core, c, h, t, q->token);
	return e == GATE_OPEN ? check_length(h, t) : e;
}

/*
 * A body that is sure to pass the quota is not read at all.  One that is
 * there already adds nothing: its sender may not know that it arrived.
 */
static enum error_code
check_quota(struct req *q, uint64_t length)
{
	struct view *v = lane_view(q->lane);
	uint64_t quota = depot_quota(q->core->depot);
	uint64_t used = 0;
	bool has;

	if (quota == 0 || q->sink != REQ_OBJECT || length == 0)
		return GATE_OPEN;
	if (view_used(v, q->pass.space, &used) != ZK_OK)
		return ERROR_INTERNAL;
	if (used + length <= quota)
		return GATE_OPEN;
	if (view_has(v, q->t.call == TARGET_BLOB_PUT, q->pass.space,
	    q->t.name, &has) != ZK_OK)
		return ERROR_INTERNAL;
	return has ? GATE_OPEN : ERROR_QUOTA;
}

static enum zk_err
open_sink(struct req *q, const struct head *h)
{
	struct body_shop *shop = depot_shop(q->core->depot);
	size_t max = target_body_max(q->t.call);

	hash_init(&q->hash, q->t.call == TARGET_BLOB_PUT ? LABEL_HASH_BLOB :
	    q->t.call == TARGET_REC_PUT ? LABEL_HASH_RECORD : LABEL_BODY);
	if (q->sink == REQ_OBJECT)
		return body_new(shop, max, (size_t)h->length, &q->body);
	if (q->sink == REQ_APPEND)
		return intake_new(shop, &q->intake);
	return ZK_OK;
}

static enum req_sink
sink_of(enum target_call call)
{
	if (call == TARGET_APPEND)
		return REQ_APPEND;
	if (target_names_body(call))
		return REQ_OBJECT;
	return target_body_max(call) > 0 ? REQ_SMALL : REQ_NONE;
}

static enum zk_err
copy_range(struct req *q, const struct head *h)
{
	const struct head_field *f = head_find(h, "range");

	if (f == NULL || f->value_len > RANGE_MAX ||
	    q->t.call != TARGET_BLOB_GET)
		return ZK_OK;
	q->range = strndup(f->value, f->value_len);
	return q->range != NULL ? ZK_OK : ZK_ENOMEM;
}

static void
on_head(void *arg, struct httpd_conn *c, const struct head *h)
{
	struct core *core = arg;
	struct target t;
	struct req *q = NULL;
	enum error_code e = read_target(h, &t);
	enum zk_err r;

	if (e != GATE_OPEN) {
		req_refuse(core, c, e);
		return;
	}
	if (req_new(core, c, &t, &q) != ZK_OK) {
		req_refuse(core, c, ERROR_BUSY);
		return;
	}
	httpd_set(c, q);
	q->sink = sink_of(t.call);
	e = check_head(core, c, h, q);
	if (e == GATE_OPEN)
		e = check_quota(q, h->length);
	if (e != GATE_OPEN) {
		req_fail(q, e);
		return;
	}
	r = copy_range(q, h);
	if (r == ZK_OK)
		r = open_sink(q, h);
	if (r != ZK_OK)
		req_fail_zk(q, r);
}

static void
on_body(void *arg, struct httpd_conn *c, const uint8_t *p, size_t n)
{
	struct req *q = httpd_get(c);
	enum zk_err r = ZK_EBUG;

	(void)arg;
	hash_update(&q->hash, p, n);
	switch (q->sink) {
	case REQ_SMALL:
		r = buf_put(&q->small, p, n);
		break;
	case REQ_OBJECT:
		r = body_put(q->body, p, n);
		break;
	case REQ_APPEND:
		r = intake_put(q->intake, p, n);
		break;
	case REQ_NONE:
		break;
	}
	if (r != ZK_OK)
		req_fail_zk(q, r);
}

static void
on_end(void *arg, struct httpd_conn *c)
{
	(void)arg;
	req_run(httpd_get(c));
}

static void
on_expire(void *arg, struct httpd_conn *c)
{
	(void)arg;
	req_expire(httpd_get(c));
}

static void
on_drop(void *arg, struct httpd_conn *c)
{
	struct req *q = httpd_get(c);

	(void)arg;
	if (q == NULL)
		return;
	if (q->submitted) {
		/* the store still has it; it is freed when that is done */
		lane_leave(q->lane, &q->wait);
		q->conn = NULL;
		return;
	}
	req_free(q);
}

static void
on_error(void *arg, int status, struct buf *out)
{
	enum error_code e = ERROR_BAD_REQUEST;

	(void)arg;
	if (status == 408)
		e = ERROR_TIMEOUT;
	else if (status == 417)
		e = ERROR_EXPECT;
	else if (status == 431)
		e = ERROR_HEAD;
	(void)error_put(out, e, 0);
}

struct httpd_app
api_app(struct core *core)
{
	struct httpd_app app = {
		.arg = core,
		.head = on_head,
		.body = on_body,
		.end = on_end,
		.expire = on_expire,
		.drop = on_drop,
		.error = on_error
	};

	return app;
}
