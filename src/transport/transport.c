#include "transport/transport.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/labels.h"
#include "proto/seghdr.h"
#include "transport/folder.h"
#include "transport/impl.h"
#include "transport/remote_relay.h"
#include "transport/url.h"
#include "util/env.h"
#include "util/log.h"

#define RV_CLOSE_MS 2000

enum zk_err
transport_init(struct transport *t, const struct transport_ops *ops,
    const struct transport_opts *opts, const char *url)
{
	t->url = strdup(url);
	if (t->url == NULL)
		return ZK_ENOMEM;
	t->ops = ops;
	t->opts = *opts;
	t->inflight = 0;
	return ZK_OK;
}

bool
transport_blob_ok(const uint8_t name[static TRANSPORT_NAME_LEN],
    const void *p, size_t n)
{
	uint8_t hash[HASH_LEN];

	hash_bytes(LABEL_HASH_BLOB, p, n, hash);
	return memcmp(hash, name, HASH_LEN) == 0;
}

bool
transport_stopped(const struct transport_opts *o)
{
	return o->stop != NULL && o->stop(o->stop_arg);
}

void
transport_moved(const struct transport_opts *o, bool up, size_t n)
{
	if (o->moved != NULL && n > 0)
		o->moved(o->moved_arg, up, n);
}

void
transport_done(struct transport *t, struct txfer *x, enum zk_err r)
{
	if (t->inflight == 0)
		BUG("a transfer ended twice");
	t->inflight--;
	x->done(x, r);
}

static enum zk_err
open_kind(const struct url *u, const struct transport_opts *opts,
    const char *name, struct transport **out)
{
	if (u->kind == URL_FILE)
		return folder_open(u, opts, name, out);
	return remote_relay_open(u, opts, name, out);
}

enum zk_err
transport_open(const char *url, const struct transport_opts *opts,
    struct transport **out)
{
	enum zk_err r;
	struct buf name;
	struct url u;
	const char *why;

	*out = NULL;
	buf_init(&name, 4 * URL_MAX);
	r = url_parse(url, &u, &why);
	if (r != ZK_OK) {
		(void)url_redact(url, &name);
		log_error(r, NULL, "bad remote URL '%s': %s",
		    buf_cstr(&name), why);
		goto out;
	}
	r = url_write(&u, &name);
	if (r != ZK_OK)
		goto out;
	r = open_kind(&u, opts, buf_cstr(&name), out);
out:
	buf_release(&name);
	return r;
}

void
transport_free(struct transport *t)
{
	char *url;

	if (t == NULL)
		return;
	url = t->url;
	t->ops->cancel(t);
	t->ops->free(t);
	free(url);
}

void
transport_watch(struct transport *t,
    void (*moved)(void *arg, bool up, size_t n), void *arg)
{
	t->opts.moved = moved;
	t->opts.moved_arg = arg;
}

const char *
transport_url(const struct transport *t)
{
	return t->url;
}

const char *
transport_why(const struct transport *t)
{
	return t->why;
}

enum zk_err
transport_create(struct transport *t)
{
	return t->ops->create(t);
}

static void
check_segs(const struct tseg *segs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (segs[i].seq == 0 || segs[i].len > TRANSPORT_OBJ_MAX)
			BUG("a segment without a place or too long");
}

enum zk_err
transport_append(struct transport *t, const struct tseg *segs, size_t n,
    enum tseg_result *res)
{
	check_segs(segs, n);
	while (n > 0) {
		size_t k = n < TRANSPORT_APPEND_MAX ? n : TRANSPORT_APPEND_MAX;
		enum zk_err r = t->ops->append(t, segs, k, res);

		if (r != ZK_OK)
			return r;
		segs += k;
		res += k;
		n -= k;
	}
	return ZK_OK;
}

enum zk_err
transport_append_start(struct transport *t, struct tappend *a)
{
	check_segs(a->segs, a->n);
	if (a->n > TRANSPORT_APPEND_MAX)
		BUG("too many segments in one append");
	a->impl = NULL;
	a->r = ZK_OK;
	if (t->ops->append_start != NULL)
		return t->ops->append_start(t, a);
	a->r = t->ops->append(t, a->segs, a->n, a->res);
	return ZK_OK;
}

bool
transport_append_step(struct transport *t, struct tappend *a)
{
	return a->impl == NULL || t->ops->append_step(t, a);
}

enum zk_err
transport_append_end(struct transport *t, struct tappend *a)
{
	return a->impl == NULL ? a->r : t->ops->append_end(t, a);
}

void
transport_append_drop(struct transport *t, struct tappend *a)
{
	if (a->impl != NULL)
		t->ops->append_drop(t, a);
}

enum zk_err
transport_log_begin(struct transport *t,
    const uint8_t log[static TRANSPORT_NAME_LEN], uint64_t seq,
    const uint8_t hash[static TRANSPORT_NAME_LEN])
{
	if (seq > SEGHDR_SEQ_MAX)
		return ZK_ELIMIT;
	return seq == 0 ? ZK_OK : t->ops->log_begin(t, log, seq, hash);
}

enum zk_err
transport_read(struct transport *t, const struct tread *how,
    struct tmark *mark, bool *more)
{
	*more = false;
	if (mark->len > TRANSPORT_MARK_MAX)
		return ZK_EFORMAT;
	return t->ops->read(t, how, mark, more);
}

enum zk_err
transport_read_at(struct transport *t,
    const uint8_t log[static TRANSPORT_NAME_LEN], uint64_t seq,
    enum zk_err (*each)(void *arg, const struct tseg *s), void *arg)
{
	return t->ops->read_at(t, log, seq, each, arg);
}

enum zk_err
transport_head(struct transport *t,
    const uint8_t log[static TRANSPORT_NAME_LEN], uint64_t *seq,
    uint8_t hash[static TRANSPORT_NAME_LEN])
{
	*seq = 0;
	return t->ops->head(t, log, seq, hash);
}

enum zk_err
transport_rec_list(struct transport *t, struct tmark *mark,
    enum zk_err (*each)(void *arg,
        const uint8_t name[static TRANSPORT_NAME_LEN]), void *arg)
{
	if (mark->len > TRANSPORT_MARK_MAX)
		return ZK_EFORMAT;
	return t->ops->rec_list(t, mark, each, arg);
}

enum zk_err
transport_rec_get(struct transport *t,
    const uint8_t name[static TRANSPORT_NAME_LEN], struct buf *out)
{
	return t->ops->rec_get(t, name, out);
}

enum zk_err
transport_rec_put(struct transport *t,
    const uint8_t name[static TRANSPORT_NAME_LEN], const void *p, size_t n)
{
	if (n > TRANSPORT_OBJ_MAX)
		BUG("a record that is too long");
	return t->ops->rec_put(t, name, p, n);
}

enum zk_err
transport_submit(struct transport *t, struct txfer *x)
{
	enum zk_err r;

	if (x->put && x->len > TRANSPORT_OBJ_MAX)
		BUG("a blob that is too long");
	x->next = NULL;
	x->impl = NULL;
	x->moved = 0;
	t->inflight++;
	r = t->ops->submit(t, x);
	if (r != ZK_OK)
		t->inflight--;
	return r;
}

size_t
transport_inflight(const struct transport *t)
{
	return t->inflight;
}

enum zk_err
transport_wait(struct transport *t, size_t left, int timeout_ms)
{
	return t->ops->wait(t, left, timeout_ms);
}

void
transport_cancel(struct transport *t)
{
	t->ops->cancel(t);
}

enum zk_err
transport_missing(struct transport *t,
    const uint8_t (*names)[TRANSPORT_NAME_LEN], size_t n, bool *missing)
{
	if (n > TRANSPORT_MISSING_MAX)
		BUG("too many names in one question");
	if (n == 0)
		return ZK_OK;
	return t->ops->missing(t, names, n, missing);
}

/* A listing that is looked at on its way. */
struct in_order {
	enum zk_err (*each)(void *, const uint8_t *);
	void *arg;
	const char *url;
	uint8_t last[TRANSPORT_NAME_LEN];
	bool any;		/* last is one; this is above it, then */
	size_t n;
};

static enum zk_err
take_in_order(void *arg, const uint8_t *name)
{
	struct in_order *o = arg;

	if (o->n == TRANSPORT_LIST_MAX || (o->any &&
	    memcmp(name, o->last, TRANSPORT_NAME_LEN) <= 0)) {
		log_error(ZK_ENET, &(struct log_where){ .remote = o->url },
		    "'%s': it lists its blobs in no order", o->url);
		return ZK_ENET;
	}
	memcpy(o->last, name, TRANSPORT_NAME_LEN);
	o->any = true;
	o->n++;
	return o->each(o->arg, name);
}

enum zk_err
transport_blob_list(struct transport *t, const uint8_t *after,
    enum zk_err (*each)(void *arg,
        const uint8_t name[static TRANSPORT_NAME_LEN]), void *arg,
    bool *more)
{
	struct in_order o = { .each = each, .arg = arg, .url = t->url };
	enum zk_err r;

	if (after != NULL) {
		memcpy(o.last, after, TRANSPORT_NAME_LEN);
		o.any = true;
	}
	*more = false;
	r = t->ops->blob_list(t, after, take_in_order, &o, more);
	/* who says so without a name would be asked the same for ever */
	if (r != ZK_OK || o.n == 0)
		*more = false;
	return r;
}

enum zk_err
transport_blob_delete(struct transport *t,
    const uint8_t name[static TRANSPORT_NAME_LEN])
{
	return t->ops->blob_delete(t, name);
}

enum zk_err
transport_seg_delete(struct transport *t,
    const uint8_t log[static TRANSPORT_NAME_LEN], uint64_t seq)
{
	return t->ops->seg_delete(t, log, seq);
}

enum zk_err
transport_rv_claim(struct transport *t, struct trv *rv)
{
	if (rv->side > 1 || (rv->side == 1 && rv->plate == 0))
		return ZK_EUSAGE;
	return t->ops->rv_claim(t, rv);
}

enum zk_err
transport_rv_put(struct transport *t, const struct trv *rv, unsigned seq,
    const void *p, size_t n)
{
	if (seq >= TRANSPORT_RV_SEQ_MAX || n > TRANSPORT_RV_MAX)
		BUG("a rendezvous message out of bounds");
	return t->ops->rv_put(t, rv, seq, p, n);
}

enum zk_err
transport_rv_get(struct transport *t, const struct trv *rv, unsigned seq,
    unsigned wait_ms, struct buf *out)
{
	if (seq >= TRANSPORT_RV_SEQ_MAX)
		BUG("a rendezvous message out of bounds");
	return t->ops->rv_get(t, rv, seq, wait_ms, out);
}

enum zk_err
transport_rv_close(struct transport *t, const struct trv *rv)
{
	struct transport_opts was = t->opts;
	enum zk_err r;

	t->opts.stop = NULL;
	if (was.timeout_ms <= 0 || was.timeout_ms > RV_CLOSE_MS)
		t->opts.timeout_ms = RV_CLOSE_MS;
	r = t->ops->rv_close(t, rv);
	t->opts = was;
	return r;
}

enum zk_err
transport_pin(struct transport *t, char *out, size_t cap)
{
	if (cap > 0)
		out[0] = '\0';
	return t->ops->pin(t, out, cap);
}
