#include "transport/remote_fake.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/rand.h"
#include "transport/impl.h"
#include "transport/lie_fake.h"
#include "transport/seg_fake.h"
#include "util/buf.h"
#include "util/env.h"

#define PAGE (1u << 20)

struct fake_transport {
	struct transport t;
	struct remote_fake *f;
	struct txfer *first;
	struct txfer **last;
};

static struct remote_fake *
remote(struct transport *t)
{
	return ((struct fake_transport *)t)->f;
}

/* Faults. */

static bool
draw(struct transport *t, unsigned of_1024)
{
	return of_1024 > 0 && rand_below(t->opts.env, 1024) < of_1024;
}

/* What happens before a call acts. */
static enum zk_err
before(struct transport *t)
{
	struct remote_fake *f = remote(t);

	if (f->faults.down)
		return ZK_ENET;
	if (draw(t, f->faults.delay))
		env_sleep_ms(t->opts.env,
		    1 + (unsigned)rand_below(t->opts.env, 2000));
	if (draw(t, f->faults.lose))
		return ZK_ENET;
	f->calls++;
	return ZK_OK;
}

/* What happens to the answer r of one that did. */
static enum zk_err
after(struct transport *t, enum zk_err r)
{
	return draw(t, remote(t)->faults.late) ? ZK_ENET : r;
}

/* Keeps a new object. */
static enum zk_err
keep(struct remote_fake *f, struct fake_set *s, struct fake_obj *o,
    const void *p, size_t n)
{
	enum zk_err r;

	if (f->faults.full)
		return ZK_EREMOTEFULL;
	o->at = f->clock + 1;
	r = set_fake_add(s, o, p, n);
	if (r == ZK_OK) {
		f->clock++;
		f->bytes += n;
	}
	return r;
}

/* Segments. */

static enum zk_err
append_one(struct remote_fake *f, const struct tseg *s, bool *taken,
    enum tseg_result *res)
{
	struct fake_obj o = { .seq = s->seq };

	memcpy(o.log, s->log, sizeof(o.log));
	memcpy(o.name, s->hash, sizeof(o.name));
	*res = seg_fake_judge(f, s);
	if (*taken && *res != TSEG_HAVE)
		*res = TSEG_TAKEN;
	*taken |= *res == TSEG_TAKEN;
	if (*res != TSEG_STORED)
		return ZK_OK;
	return keep(f, &f->segs, &o, s->data, s->len);
}

static enum zk_err
fake_append(struct transport *t, const struct tseg *segs, size_t n,
    enum tseg_result *res)
{
	enum zk_err r = before(t);
	unsigned times = 1 + draw(t, remote(t)->faults.twice);
	bool taken = false;

	for (; times > 0; times--)
		for (size_t i = 0; i < n && r == ZK_OK; i++) {
			if (i == 0 || memcmp(segs[i].log, segs[i - 1].log,
			    TRANSPORT_NAME_LEN) != 0)
				taken = false;
			r = append_one(remote(t), &segs[i], &taken, &res[i]);
		}
	return after(t, r);
}

static enum zk_err
fake_log_begin(struct transport *t, const uint8_t *log, uint64_t seq,
    const uint8_t *hash)
{
	enum zk_err r = before(t);

	if (r == ZK_OK)
		r = seg_fake_begin(remote(t), log, seq, hash);
	return after(t, r);
}

static enum zk_err
give(struct transport *t, const struct fake_obj *o,
    enum zk_err (*each)(void *, const struct tseg *), void *arg)
{
	struct tseg s = { .seq = o->seq, .data = o->data, .len = o->len };
	unsigned times = 1 + draw(t, remote(t)->faults.twice);
	enum zk_err r = ZK_OK;

	memcpy(s.log, o->log, sizeof(s.log));
	memcpy(s.hash, o->name, sizeof(s.hash));
	for (; times > 0 && r == ZK_OK; times--)
		r = each(arg, &s);
	return r;
}

/*
 * Gives objects [from, to) with the logs in another order: those of the log
 * of one in the middle first, then the others.
 */
static enum zk_err
give_reordered(struct transport *t, size_t from, size_t to,
    const struct tread *how)
{
	const struct fake_set *s = &remote(t)->segs;
	const uint8_t *log;
	enum zk_err r = ZK_OK;

	if (from == to)
		return ZK_OK;
	log = s->v[from + rand_below(t->opts.env, to - from)].log;
	for (int first = 1; first >= 0; first--)
		for (size_t i = from; i < to && r == ZK_OK; i++)
			if ((memcmp(s->v[i].log, log,
			    TRANSPORT_NAME_LEN) == 0) == (first == 1))
				r = give(t, &s->v[i], how->each, how->arg);
	return r;
}

static enum zk_err
fake_read(struct transport *t, const struct tread *how, struct tmark *mark,
    bool *more)
{
	struct remote_fake *f = remote(t);
	size_t max = how->max_bytes > 0 ? how->max_bytes : PAGE;
	uint64_t at = seg_fake_mark(f, mark);
	enum zk_err r = before(t);
	size_t bytes = 0;
	size_t from = 0;
	size_t to;

	if (r != ZK_OK)
		return r;
	while (from < f->segs.n && f->segs.v[from].at <= at)
		from++;
	for (to = from; to < f->segs.n; to++) {
		if (to > from && (bytes + f->segs.v[to].len > max ||
		    draw(t, f->faults.cut)))
			break;
		bytes += f->segs.v[to].len;
	}
	if (from == to && how->wait_ms > 0)
		env_sleep_ms(t->opts.env, how->wait_ms);
	if (draw(t, f->faults.reorder))
		r = give_reordered(t, from, to, how);
	else
		for (size_t i = from; i < to && r == ZK_OK; i++)
			r = give(t, &f->segs.v[i], how->each, how->arg);
	if (r != ZK_OK)
		return r;
	r = after(t, ZK_OK);
	if (r != ZK_OK)
		return r;
	*more = to < f->segs.n;
	seg_fake_mark_put(f, to > from ? f->segs.v[to - 1].at : at, mark);
	return ZK_OK;
}

static enum zk_err
fake_read_at(struct transport *t, const uint8_t *log, uint64_t seq,
    enum zk_err (*each)(void *, const struct tseg *), void *arg)
{
	enum zk_err r = before(t);
	const struct fake_obj *o = set_fake_place(&remote(t)->segs, log, seq);

	if (r == ZK_OK)
		r = o == NULL ? ZK_ENOENT : give(t, o, each, arg);
	return after(t, r);
}

static enum zk_err
fake_head(struct transport *t, const uint8_t *log, uint64_t *seq,
    uint8_t *hash)
{
	enum zk_err r = before(t);

	if (r == ZK_OK && !seg_fake_end(remote(t), log, seq, hash))
		r = ZK_ENOENT;
	return after(t, r);
}

static enum zk_err
fake_seg_delete(struct transport *t, const uint8_t *log, uint64_t seq)
{
	struct fake_set *s = &remote(t)->segs;
	enum zk_err r = before(t);
	struct fake_obj *o = set_fake_place(s, log, seq);

	if (r == ZK_OK && o != NULL)
		r = seg_fake_begin(remote(t), log, seq, o->name);
	if (r == ZK_OK && o != NULL)
		set_fake_remove(s, (size_t)(o - s->v));
	return after(t, r);
}

/* Records. */

static enum zk_err
fake_rec_list(struct transport *t, struct tmark *mark,
    enum zk_err (*each)(void *, const uint8_t *), void *arg)
{
	struct remote_fake *f = remote(t);
	uint64_t at = seg_fake_mark(f, mark);
	enum zk_err r = before(t);

	for (size_t i = 0; i < f->recs.n && r == ZK_OK; i++)
		if (f->recs.v[i].at > at)
			r = each(arg, f->recs.v[i].name);
	if (r == ZK_OK)
		r = after(t, ZK_OK);
	if (r == ZK_OK && f->recs.n > 0)
		seg_fake_mark_put(f, f->recs.v[f->recs.n - 1].at, mark);
	return r;
}

static enum zk_err
fake_rec_get(struct transport *t, const uint8_t *name, struct buf *out)
{
	enum zk_err r = before(t);
	const struct fake_obj *o = set_fake_find(&remote(t)->recs, name);

	if (r == ZK_OK)
		r = o == NULL ? ZK_ENOENT : after(t, ZK_OK);
	return r == ZK_OK ? buf_put(out, o->data, o->len) : r;
}

static enum zk_err
put(struct transport *t, struct fake_set *s, const uint8_t *name, const void *p,
    size_t n)
{
	struct remote_fake *f = remote(t);
	struct fake_obj o = { 0 };
	enum zk_err r = before(t);

	memcpy(o.name, name, sizeof(o.name));
	if (r == ZK_OK && set_fake_find(s, name) == NULL)
		r = keep(f, s, &o, p, n);
	return after(t, r);
}

static enum zk_err
fake_rec_put(struct transport *t, const uint8_t *name, const void *p,
    size_t n)
{
	return put(t, &remote(t)->recs, name, p, n);
}

/* Blobs. */

static enum zk_err
blob_get(struct transport *t, struct txfer *x)
{
	const struct fake_obj *o;
	enum zk_err r = before(t);

	buf_reset(&x->body);
	if (r != ZK_OK)
		return r;
	o = set_fake_find(&remote(t)->blobs, x->name);
	if (o == NULL)
		return ZK_ENOENT;
	if (draw(t, remote(t)->faults.cut))
		return ZK_ENET;
	if (o->len > x->body.max)
		return ZK_ETAMPER;
	r = buf_put(&x->body, o->data, o->len);
	if (r == ZK_OK && !x->unchecked && !transport_blob_ok(x->name,
	    x->body.data, x->body.len))
		r = ZK_ETAMPER;
	if (r != ZK_OK)
		buf_reset(&x->body);
	return r;
}

static enum zk_err
blob_put(struct transport *t, const struct txfer *x)
{
	/* as a relay: a name is the hash of what it names */
	if (!transport_blob_ok(x->name, x->data, x->len))
		return ZK_EREFUSED;
	return put(t, &remote(t)->blobs, x->name, x->data, x->len);
}

static enum zk_err
fake_submit(struct transport *t, struct txfer *x)
{
	struct fake_transport *ft = (struct fake_transport *)t;

	*ft->last = x;
	ft->last = &x->next;
	return ZK_OK;
}

/* Takes the transfer at place i from the queue. */
static struct txfer *
pop(struct fake_transport *ft, size_t i)
{
	struct txfer **at = &ft->first;
	struct txfer *x;

	while (i-- > 0)
		at = &(*at)->next;
	x = *at;
	*at = x->next;
	if (*at == NULL)
		ft->last = at;
	x->next = NULL;
	return x;
}

static enum zk_err
fake_wait(struct transport *t, size_t left, int timeout_ms)
{
	struct fake_transport *ft = (struct fake_transport *)t;

	(void)timeout_ms;
	while (t->inflight > left) {
		size_t i = draw(t, ft->f->faults.reorder) ?
		    (size_t)rand_below(t->opts.env, t->inflight) : 0;
		struct txfer *x = pop(ft, i);

		transport_done(t, x, x->put ? blob_put(t, x) :
		    blob_get(t, x));
	}
	return ZK_OK;
}

static void
fake_cancel(struct transport *t)
{
	struct fake_transport *ft = (struct fake_transport *)t;

	while (ft->first != NULL)
		transport_done(t, pop(ft, 0), ZK_ESIGNAL);
}

static enum zk_err
fake_missing(struct transport *t,
    const uint8_t (*names)[TRANSPORT_NAME_LEN], size_t n, bool *missing)
{
	enum zk_err r = before(t);

	for (size_t i = 0; i < n && r == ZK_OK; i++)
		missing[i] = set_fake_find(&remote(t)->blobs, names[i]) == NULL;
	return after(t, r);
}

static enum zk_err
fake_blob_list(struct transport *t, const uint8_t *above,
    enum zk_err (*each)(void *, const uint8_t *), void *arg, bool *more)
{
	enum zk_err r = before(t);

	return r == ZK_OK ? lie_fake_list(remote(t), above, each, arg,
	    more) : r;
}

static enum zk_err
fake_blob_delete(struct transport *t, const uint8_t *name)
{
	struct fake_set *s = &remote(t)->blobs;
	enum zk_err r = before(t);
	struct fake_obj *o = set_fake_find(s, name);

	if (r == ZK_OK && o != NULL)
		set_fake_remove(s, (size_t)(o - s->v));
	return after(t, r);
}

/* Rendezvous. */

static enum zk_err
fake_rv_claim(struct transport *t, struct trv *rv)
{
	enum zk_err r = before(t);

	if (r == ZK_OK)
		r = box_fake_claim(&remote(t)->boxes, rv);
	return after(t, r);
}

static enum zk_err
fake_rv_put(struct transport *t, const struct trv *rv, unsigned seq,
    const void *p, size_t n)
{
	enum zk_err r = before(t);

	if (r == ZK_OK)
		r = box_fake_put(&remote(t)->boxes, rv, seq, p, n);
	return after(t, r);
}

static enum zk_err
fake_rv_get(struct transport *t, const struct trv *rv, unsigned seq,
    unsigned wait_ms, struct buf *out)
{
	enum zk_err r = before(t);

	if (r == ZK_OK)
		r = box_fake_get(&remote(t)->boxes, rv, seq, out);
	/* nobody else runs meanwhile: the wait is in vain */
	if (r == ZK_ETIMEDOUT)
		env_sleep_ms(t->opts.env, wait_ms);
	return r;
}

static enum zk_err
fake_rv_close(struct transport *t, const struct trv *rv)
{
	enum zk_err r = before(t);

	if (r == ZK_OK)
		box_fake_close(&remote(t)->boxes, rv);
	return after(t, r);
}

static enum zk_err
fake_create(struct transport *t)
{
	return after(t, before(t));
}

static enum zk_err
fake_pin(struct transport *t, char *out, size_t cap)
{
	(void)t;
	if (cap > 0)
		out[0] = '\0';
	return ZK_OK;
}

static void
fake_free_transport(struct transport *t)
{
	free(t);
}

static const struct transport_ops fake_ops = {
	.free = fake_free_transport,
	.create = fake_create,
	.append = fake_append,
	.log_begin = fake_log_begin,
	.read = fake_read,
	.read_at = fake_read_at,
	.head = fake_head,
	.rec_list = fake_rec_list,
	.rec_get = fake_rec_get,
	.rec_put = fake_rec_put,
	.submit = fake_submit,
	.wait = fake_wait,
	.cancel = fake_cancel,
	.missing = fake_missing,
	.blob_list = fake_blob_list,
	.blob_delete = fake_blob_delete,
	.seg_delete = fake_seg_delete,
	.rv_claim = fake_rv_claim,
	.rv_put = fake_rv_put,
	.rv_get = fake_rv_get,
	.rv_close = fake_rv_close,
	.pin = fake_pin,
};

enum zk_err
remote_fake_open(struct remote_fake *f, const char *name,
    const struct transport_opts *opts, struct transport **out)
{
	struct fake_transport *ft = calloc(1, sizeof(*ft));
	enum zk_err r;

	*out = NULL;
	if (ft == NULL)
		return ZK_ENOMEM;
	ft->f = f;
	ft->last = &ft->first;
	r = transport_init(&ft->t, &fake_ops, opts, name);
	if (r != ZK_OK) {
		free(ft);
		return r;
	}
	*out = &ft->t;
	return ZK_OK;
}

struct remote_fake *
remote_fake_new(uint64_t gen)
{
	struct remote_fake *f = calloc(1, sizeof(*f));

	if (f != NULL)
		f->gen = gen;
	return f;
}

void
remote_fake_free(struct remote_fake *f)
{
	if (f == NULL)
		return;
	set_fake_release(&f->segs);
	set_fake_release(&f->begun);
	set_fake_release(&f->recs);
	set_fake_release(&f->blobs);
	box_fake_release(&f->boxes);
	free(f);
}

void
remote_fake_faults(struct remote_fake *f,
    const struct remote_fake_faults *faults)
{
	f->faults = *faults;
}

size_t
remote_fake_segs(const struct remote_fake *f)
{
	return f->segs.n;
}

size_t
remote_fake_recs(const struct remote_fake *f)
{
	return f->recs.n;
}

size_t
remote_fake_blobs(const struct remote_fake *f)
{
	return f->blobs.n;
}

uint64_t
remote_fake_calls(const struct remote_fake *f)
{
	return f->calls;
}

uint64_t
remote_fake_bytes(const struct remote_fake *f)
{
	return f->bytes;
}
