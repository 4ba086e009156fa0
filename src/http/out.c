#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "http/out.h"
#include "http/tls.h"
#include "util/env.h"

#define JOIN_MAX 8192u	/* bodies up to this go out with the head */
#define TURN_MAX (1024u * 1024)	/* bytes of one turn */

void
out_init(struct out *o)
{
	memset(o, 0, sizeof(*o));
	buf_init(&o->head, 4096 + JOIN_MAX);
	buf_init(&o->body, SIZE_MAX);
}

static void
free_parts(struct env *env, struct httpd_part *parts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(parts[i].mem);
		if (parts[i].mem == NULL && parts[i].fd >= 0)
			(void)env_close(env, parts[i].fd);
	}
	free(parts);
}

void
out_release(struct out *o)
{
	free_parts(o->env, o->parts, o->n_parts);
	buf_release(&o->head);
	buf_release(&o->body);
	out_init(o);
}

static const char *
reason(int status)
{
	switch (status) {
	case 200: return "OK";
	case 201: return "Created";
	case 204: return "No Content";
	case 206: return "Partial Content";
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 408: return "Request Timeout";
	case 409: return "Conflict";
	case 410: return "Gone";
	case 411: return "Length Required";
	case 413: return "Content Too Large";
	case 416: return "Range Not Satisfiable";
	case 417: return "Expectation Failed";
	case 429: return "Too Many Requests";
	case 431: return "Request Header Fields Too Large";
	case 500: return "Internal Server Error";
	case 503: return "Service Unavailable";
	case 507: return "Insufficient Storage";
	default: return "Unknown";
	}
}

enum zk_err
out_set(struct out *o, struct env *env, struct httpd_reply *r,
    bool keep_alive, bool no_body)
{
	uint64_t len = r->body.len;

	out_release(o);
	o->env = env;
	o->parts = r->parts;
	o->n_parts = r->n_parts;
	r->parts = NULL;
	r->n_parts = 0;
	buf_swap(&o->body, &r->body);
	for (size_t i = 0; i < o->n_parts; i++)
		len += o->parts[i].len;
	buf_printf(&o->head, "HTTP/1.1 %d %s\r\nContent-Length: %" PRIu64
	    "\r\nContent-Type: %s\r\nCache-Control: no-store\r\n"
	    "Connection: %s\r\n%s\r\n", r->status, reason(r->status), len,
	    r->type != NULL ? r->type : "application/octet-stream",
	    keep_alive ? "keep-alive" : "close",
	    r->extra != NULL ? r->extra : "");
	if (no_body) {
		free_parts(env, o->parts, o->n_parts);
		o->parts = NULL;
		o->n_parts = 0;
		buf_release(&o->body);
	} else if (o->body.len <= JOIN_MAX) {
		buf_put(&o->head, o->body.data, o->body.len);
		buf_release(&o->body);
	}
	return buf_err(&o->head);
}

static ssize_t
send_some(struct out *o, int fd, struct tls *tls, const void *p, size_t n,
    bool more)
{
	ssize_t k;

	if (tls != NULL) {
		k = tls_write(tls, p, n);
	} else {
		k = env_net_send(o->env, fd, p, n, more);
		if (k == -EAGAIN)
			k = TLS_AGAIN_WRITE;
		else if (k < 0)
			k = TLS_DEAD;
	}
	if (k > 0)
		o->sent += (uint64_t)k;
	return k;
}

/* The rest of a buffer; OUT_DONE or one of TLS_*. */
static int
send_buf(struct out *o, int fd, struct tls *tls, const struct buf *b,
    size_t *off, bool more)
{
	while (*off < b->len) {
		ssize_t k = send_some(o, fd, tls, b->data + *off,
		    b->len - *off, more);

		if (k <= 0)
			return k == 0 ? TLS_DEAD : (int)k;
		*off += (size_t)k;
	}
	return OUT_DONE;
}

/* Bytes of the current part at hand: *p, *n.  False if the file fails. */
static bool
load_part(struct out *o, uint8_t *scratch, size_t room, const uint8_t **p,
    size_t *n)
{
	const struct httpd_part *part = &o->parts[o->part];
	size_t left = part->len - o->part_off;
	ssize_t k;

	if (part->mem != NULL) {
		*p = part->mem + o->part_off;
		*n = left;
		return true;
	}
	k = env_pread(o->env, part->fd, scratch, left < room ? left : room,
	    part->off + o->part_off);
	*p = scratch;
	*n = k > 0 ? (size_t)k : 0;
	return k > 0;
}

/* Sends p whole or until the socket is full. */
static int
send_loaded(struct out *o, int fd, struct tls *tls, const uint8_t *p,
    size_t n, bool more)
{
	while (n > 0) {
		ssize_t k = send_some(o, fd, tls, p, n, more);

		if (k <= 0)
			return k == 0 ? TLS_DEAD : (int)k;
		p += k;
		n -= (size_t)k;
		o->part_off += (size_t)k;
	}
	return OUT_DONE;
}

/*
 * A file over a plain connection goes past our memory.  *done is false where
 * it cannot: it is then read and sent like any other.
 */
static int
send_file(struct out *o, int fd, bool *done)
{
	const struct httpd_part *part = &o->parts[o->part];
	ssize_t k;

	*done = true;
	while (o->part_off < part->len) {
		k = env_net_sendfile(o->env, fd, part->fd,
		    part->off + o->part_off, part->len - o->part_off);
		if (k == -EAGAIN)
			return TLS_AGAIN_WRITE;
		*done = k != -EINVAL;
		if (!*done)
			return OUT_DONE;
		if (k <= 0)
			return TLS_DEAD; /* announced bytes are gone */
		o->part_off += (size_t)k;
		o->sent += (uint64_t)k;
		if (o->sent - o->turn >= TURN_MAX)
			return OUT_YIELD;
	}
	return OUT_DONE;
}

static int
send_part(struct out *o, int fd, struct tls *tls, uint8_t *scratch,
    size_t room)
{
	const struct httpd_part *part = &o->parts[o->part];
	const uint8_t *p;
	size_t n;
	bool done;
	int r;

	if (tls == NULL && part->mem == NULL) {
		r = send_file(o, fd, &done);
		if (done)
			return r;
	}
	while (o->part_off < part->len) {
		if (!load_part(o, scratch, room, &p, &n))
			return TLS_DEAD; /* announced bytes are gone */
		r = send_loaded(o, fd, tls, p, n, o->part + 1 < o->n_parts);
		if (r != OUT_DONE)
			return r;
		if (o->sent - o->turn >= TURN_MAX)
			return OUT_YIELD;
	}
	return OUT_DONE;
}

int
out_send(struct out *o, int fd, struct tls *tls, uint8_t *scratch, size_t n)
{
	int r;

	o->turn = o->sent;
	r = send_buf(o, fd, tls, &o->head, &o->head_off,
	    o->body.len > 0 || o->n_parts > 0);
	if (r == OUT_DONE)
		r = send_buf(o, fd, tls, &o->body, &o->body_off,
		    o->n_parts > 0);
	while (r == OUT_DONE && o->part < o->n_parts) {
		r = send_part(o, fd, tls, scratch, n);
		if (r != OUT_DONE)
			return r;
		o->part++;
		o->part_off = 0;
	}
	if (r == OUT_DONE && tls != NULL) {
		r = tls_flush(tls);
		return r == 1 ? OUT_DONE : r;
	}
	return r;
}
