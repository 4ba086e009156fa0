#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/msg.h"
#include "relay/intake.h"
#include "relay/files.h"
#include "relay/req.h"

#define JSON_TYPE "application/json"
#define PAGE_SHARE 16		/* this part of the room goes to one page */
#define PAGE_LEAST (64u * 1024)	/* bytes of one, however little is left */

enum zk_err
req_new(struct core *core, struct httpd_conn *c, const struct target *t,
    struct req **out)
{
	struct req *q = aligned_alloc(_Alignof(struct req), sizeof(*q));

	*out = q;
	if (q == NULL)
		return ZK_ENOMEM;
	memset(q, 0, sizeof(*q));
	q->core = core;
	q->conn = c;
	q->lane = core_lane(core, c);
	q->worker = httpd_worker_of(c);
	q->t = *t;
	if (q->t.wait_ms > core->lim.wait_ms)
		q->t.wait_ms = core->lim.wait_ms;
	buf_init(&q->small, target_body_max(t->call));
	return ZK_OK;
}

void
req_free(struct req *q)
{
	if (q == NULL)
		return;
	lane_leave(q->lane, &q->wait);
	budget_give(&q->core->pages, q->pass.space, q->held);
	free(q->range);
	buf_release(&q->small);
	body_free(q->body);
	intake_free(q->intake);
	free(q);
}

void
req_refuse(struct core *core, struct httpd_conn *c, enum error_code code)
{
	int status = error_status(code);
	struct httpd_reply reply;

	memset(&reply, 0, sizeof(reply));
	reply.status = status;
	reply.type = JSON_TYPE;
	if (status == 429 || status == 503)
		reply.extra = "Retry-After: 1\r\n";
	buf_init(&reply.body, ERROR_BODY_MAX);
	/* a reply without its body still has the status */
	(void)error_put(&reply.body, code,
	    status == 401 ? core_now_s(core) : 0);
	httpd_reply(c, &reply);
}

void
req_fail(struct req *q, enum error_code code)
{
	if (q->conn != NULL)
		req_refuse(q->core, q->conn, code);
}

void
req_fail_zk(struct req *q, enum zk_err r)
{
	switch (r) {
	case ZK_ENOENT:
		req_fail(q, ERROR_NOT_FOUND);
		break;
	case ZK_EEXIST:
		req_fail(q, ERROR_EXISTS);
		break;
	case ZK_EREMOTEFULL:
		req_fail(q, ERROR_QUOTA);
		break;
	case ZK_EDISKFULL:
		req_fail(q, ERROR_FULL);
		break;
	case ZK_EBUSY:
	case ZK_ENOMEM:
		req_fail(q, ERROR_BUSY);
		break;
	case ZK_ELIMIT:
		req_fail(q, ERROR_TOO_LARGE);
		break;
	case ZK_EFORMAT:
	case ZK_ETAMPER:
	case ZK_EVERSION:
		req_fail(q, ERROR_BAD_OBJECT);
		break;
	case ZK_EEXPIRED:
		req_fail(q, ERROR_GONE);
		break;
	case ZK_EREFUSED:
		req_fail(q, ERROR_TAKEN);
		break;
	default:
		req_fail(q, ERROR_INTERNAL);
	}
}

void
req_bytes(struct req *q, int status, struct buf *body)
{
	struct httpd_reply reply;

	if (q->conn == NULL) {
		buf_release(body);
		return;
	}
	memset(&reply, 0, sizeof(reply));
	reply.status = status;
	buf_init(&reply.body, body->max);
	buf_swap(&reply.body, body);
	httpd_reply(q->conn, &reply);
	buf_release(&reply.body);
}

/* Digits at *s; false if there are none or too many. */
static bool
take_number(const char **s, uint64_t *out)
{
	unsigned n = 0;

	for (*out = 0; **s >= '0' && **s <= '9'; ++*s, n++) {
		if (n == 15)
			return false;
		*out = *out * 10 + (uint64_t)(**s - '0');
	}
	return n > 0;
}

/*
 * RFC 9110, 14.1.2, one range of bytes: first-last, first- or -suffix.
 * False: not one of these, so the whole is sent.  An impossible range gives
 * *len = 0.
 */
static bool
parse_range(const char *s, size_t size, size_t *from, size_t *len)
{
	uint64_t a, b = size;

	if (strncmp(s, "bytes=", 6) != 0)
		return false;
	s += 6;
	*len = 0;
	if (*s == '-') {
		s++;
		if (!take_number(&s, &a) || *s != '\0')
			return false;
		*len = a < size ? (size_t)a : size;
		*from = size - *len;
		return true;
	}
	if (!take_number(&s, &a) || *s != '-')
		return false;
	s++;
	if (*s != '\0' && (!take_number(&s, &b) || *s != '\0' || b < a))
		return false;
	if (b >= size)
		b = size - 1;
	*from = (size_t)a;
	if (size > 0 && a < size)
		*len = (size_t)(b - a + 1);
	return true;
}

/* Counts n bytes until q is over. */
static bool
hold(struct req *q, size_t n)
{
	if (n == 0 || !budget_take(&q->core->pages, q->pass.space, n))
		return n == 0;
	q->held += n;
	return true;
}

/* Makes the reply's content the given bytes of body, which is taken over. */
static enum zk_err
set_content(struct httpd_reply *reply, struct view_body *body, size_t from,
    size_t len)
{
	if (body->fd < 0) {
		if (from > 0)
			memmove(body->mem.data, body->mem.data + from, len);
		buf_truncate(&body->mem, len);
		buf_swap(&reply->body, &body->mem);
		return ZK_OK;
	}
	reply->parts = calloc(1, sizeof(*reply->parts));
	if (reply->parts == NULL)
		return ZK_ENOMEM;
	reply->n_parts = 1;
	reply->parts[0].fd = body->fd;
	reply->parts[0].off = from;
	reply->parts[0].len = len;
	body->fd = -1;
	return ZK_OK;
}

void
req_object(struct req *q, struct view_body *body)
{
	/* q is gone once it is answered */
	struct files *files = depot_files(q->core->depot);
	struct httpd_reply reply;
	char extra[96];
	size_t from = 0, len = 0;
	bool part = q->range != NULL &&
	    parse_range(q->range, body->len, &from, &len);

	if (!part) {
		from = 0;
		len = body->len;
	}
	memset(&reply, 0, sizeof(reply));
	buf_init(&reply.body, body->mem.max);
	reply.status = part ? 206 : 200;
	if (part && len == 0) {
		req_fail(q, ERROR_RANGE);
		goto out;
	}
	if (part) {
		snprintf(extra, sizeof(extra),
		    "Content-Range: bytes %zu-%zu/%zu\r\n", from,
		    from + len - 1, body->len);
		reply.extra = extra;
	}
	if (!hold(q, body->mem.len) ||
	    set_content(&reply, body, from, len) != ZK_OK)
		req_fail(q, ERROR_BUSY);
	else
		httpd_reply(q->conn, &reply);
out:
	buf_release(&reply.body);
	buf_release(&body->mem);
	files_close_fd(files, body->fd);
}

size_t
req_page_max(const struct req *q)
{
	uint64_t share = budget_room(&q->core->pages, q->pass.space) /
	    PAGE_SHARE;
	size_t max = q->t.max == 0 ? MSG_PAGE_DEFAULT : q->t.max;

	if (share < PAGE_LEAST)
		share = PAGE_LEAST;
	return share < max ? (size_t)share : max;
}

void
req_page(struct req *q, struct view_page *page)
{
	struct httpd_reply reply;
	size_t n = 0;

	for (size_t i = 0; i < page->n_parts; i++)
		n += page->parts[i].len;
	if (!hold(q, n)) {
		view_page_release(lane_view(q->lane), page);
		req_fail(q, ERROR_BUSY);
		return;
	}
	memset(&reply, 0, sizeof(reply));
	reply.status = 200;
	buf_init(&reply.body, page->head.max);
	buf_swap(&reply.body, &page->head);
	reply.parts = page->parts;
	reply.n_parts = page->n_parts;
	page->parts = NULL;
	page->n_parts = 0;
	httpd_reply(q->conn, &reply);
	buf_release(&reply.body);
}
