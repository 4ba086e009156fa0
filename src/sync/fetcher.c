#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "db/db.h"
#include "format/compress.h"
#include "store/chunkdb.h"
#include "sync/blobget.h"
#include "sync/blobnote.h"
#include "sync/fetcher.h"
#include "transport/transport.h"
#include "util/env.h"
#include "util/pool.h"

#define POOL_DEPTH 8u
#define PIECES_MAX 64u
#define REMOTES_MAX 16u
#define IDLE_MS 3600000	/* the transport gives up long before */
#define HELD_MAX (DOWNLOAD_FLIGHT - CHUNK_STORED_MAX)

enum stage {
	ST_KEEP,	/* with the pool: is it in the file? */
	ST_LOCAL,	/* with the pool: is it in a local file? */
	ST_NET,		/* submitted, or waiting for a place in the pool */
	ST_OPEN,	/* with the pool */
	ST_DONE
};

struct piece {
	struct fetcher *f;
	struct piece *next;		/* of arrived, or of done */
	struct fetcher_in in;
	struct chunk_ref ref;		/* the one being tried */
	uint8_t first[CHUNK_HASH_LEN];	/* name in the manifest */
	uint8_t after[CHUNK_HASH_LEN];	/* last name tried from the index */
	enum stage stage;
	unsigned local;			/* source being tried */
	unsigned remote;
	bool found;			/* by the worker */
	enum zk_err err;		/* of the worker */
	enum zk_err worst;		/* of the remotes */
	unsigned worst_at;
	struct buf plain;
	size_t held;
	uint64_t told;
	struct txfer x;
};

struct fetcher {
	const struct download_opts *o;
	struct transport *t[REMOTES_MAX];
	struct pool *pool;
	struct compress_set *z;		/* of the workers */
	struct piece *arrived, **arrived_end;	/* bytes to be opened */
	struct piece *done, **done_end;
	struct piece *air;		/* in flight */
	size_t out;
	size_t flying;
	size_t held;
	struct blobnotes notes;
	struct download_stats stats;
	int64_t idle_ms;		/* waited since a blob last arrived */
};

static void work(void *arg);

enum zk_err
fetcher_new(const struct download_opts *o, struct fetcher **out)
{
	struct fetcher *f = calloc(1, sizeof(*f));
	enum zk_err r;

	*out = NULL;
	if (f == NULL)
		return ZK_ENOMEM;
	f->o = o;
	f->arrived_end = &f->arrived;
	f->done_end = &f->done;
	for (size_t i = 0; i < o->remotes_n && i < REMOTES_MAX; i++)
		f->t[i] = o->remotes[i].t;
	r = o->remotes_n > REMOTES_MAX ? ZK_ELIMIT :
	    pool_new(o->env, 0, POOL_DEPTH, work, &f->pool);
	if (r == ZK_OK)
		r = compress_set_new(&f->z);
	if (r != ZK_OK) {
		fetcher_free(f);
		return r;
	}
	*out = f;
	return ZK_OK;
}

static void
hold(struct piece *p, size_t n)
{
	struct fetcher *f = p->f;

	f->held = f->held - p->held + n;
	p->held = n;
	if (f->held > f->stats.max_held)
		f->stats.max_held = f->held;
}

static void
piece_free(struct piece *p)
{
	hold(p, 0);
	buf_release(&p->plain);
	buf_release(&p->x.body);
	chunk_ref_wipe(&p->ref);
	free(p);
}

static struct piece *
pop(struct piece **list, struct piece ***end)
{
	struct piece *p = *list;

	if (p == NULL)
		return NULL;
	*list = p->next;
	if (*list == NULL)
		*end = list;
	return p;
}

static void
push(struct piece *p, struct piece ***end)
{
	p->next = NULL;
	**end = p;
	*end = &p->next;
}

void
fetcher_free(struct fetcher *f)
{
	if (f == NULL)
		return;
	if (f->pool != NULL)
		fetcher_quit(f);
	pool_free(f->pool, NULL);
	while (f->done != NULL)
		piece_free(pop(&f->done, &f->done_end));
	compress_set_free(f->z);
	crypto_wipe(&f->notes, sizeof(f->notes));
	free(f);
}

bool
fetcher_room(const struct fetcher *f, const struct chunk_ref *ref)
{
	size_t n = (size_t)ref->stored_len + ref->plain_len;

	if (f->out >= PIECES_MAX || pool_out(f->pool) >= POOL_DEPTH)
		return false;
	return f->held == 0 || f->held + n <= HELD_MAX;
}

size_t
fetcher_out(const struct fetcher *f)
{
	return f->out;
}

/* With the workers ------------------------------------------------------- */

/* in is what is stored; it is of no use afterwards. */
static enum zk_err
open_chunk(struct fetcher *f, unsigned level, const struct chunk_ref *ref,
    struct buf *in, struct buf *plain)
{
	struct chunk_ctx ctx = { f->o->vault, level };
	struct compress *z = compress_set_take(f->z);
	enum zk_err r;

	if (z == NULL)
		return ZK_ENOMEM;
	r = chunk_open(z, &ctx, ref, in->data, in->len, plain);
	compress_set_give(f->z, z);
	return r;
}

static void
work(void *arg)
{
	struct piece *p = arg;
	struct env *env = p->f->o->env;

	p->err = ZK_OK;
	p->found = false;
	if (p->stage == ST_KEEP) {
		p->found = place_kept(env, &p->in.to, &p->ref, &p->plain);
	} else if (p->stage == ST_LOCAL) {
		p->found = place_match(env, p->in.local[p->local].fd,
		    p->in.local[p->local].off, &p->ref, &p->plain);
	} else {
		p->err = open_chunk(p->f, 0, &p->ref, &p->x.body, &p->plain);
		p->found = p->err == ZK_OK;
	}
	if (p->found && p->stage != ST_KEEP)
		p->err = place_write(env, &p->in.to, &p->plain);
	buf_release(&p->plain);
}

static void
to_pool(struct piece *p, enum stage stage)
{
	struct fetcher *f = p->f;

	p->stage = stage;
	hold(p, (size_t)p->ref.stored_len + p->ref.plain_len);
	if (!pool_put(f->pool, p))
		BUG("more work than the pool was asked for");
}

/* The network ------------------------------------------------------------ */

static void
finish(struct piece *p, enum zk_err r)
{
	p->stage = ST_DONE;
	p->err = r;
	buf_release(&p->x.body);
	hold(p, 0);
	push(p, &p->f->done_end);
}

static void
arrived(struct txfer *x, enum zk_err r)
{
	struct piece *p = x->arg;
	struct fetcher *f = p->f;
	struct piece **at = &f->air;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	f->flying--;
	f->idle_ms = 0;
	p->err = r;
	push(p, &f->arrived_end);
}

/* The next other location of the plaintext, to be tried on all remotes. */
static enum zk_err
other_name(struct piece *p)
{
	struct chunk_ref ref;
	enum zk_err r;

	do {
		r = chunkdb_next(p->f->o->db, p->ref.hash, p->after, &ref);
		if (r != ZK_OK)
			return r;
		memcpy(p->after, ref.name, sizeof(p->after));
	} while (memcmp(ref.name, p->first, sizeof(ref.name)) == 0 ||
	    ref.plain_len != p->ref.plain_len);
	p->ref = ref;
	p->remote = 0;
	chunk_ref_wipe(&ref);
	return ZK_OK;
}

/* Asks the remote that is next; ends the piece when none is left. */
static enum zk_err
ask_remote(struct piece *p)
{
	struct fetcher *f = p->f;
	enum zk_err r;

	if (p->in.only > 0 && p->remote < p->in.only - 1)
		p->remote = p->in.only - 1;
	if (p->remote >= f->o->remotes_n ||
	    (p->in.only > 0 && p->remote >= p->in.only)) {
		r = p->in.only > 0 ? ZK_ENOENT : other_name(p);
		if (r != ZK_ENOENT)
			return r == ZK_OK ? ask_remote(p) : r;
		if (!f->o->spare || p->worst != ZK_EGAP)
			blobget_report(p->first, p->in.path,
			    f->t[p->worst_at], p->worst);
		finish(p, p->worst);
		return ZK_OK;
	}
	p->stage = ST_NET;
	buf_release(&p->x.body);
	buf_init(&p->x.body, p->ref.stored_len);
	r = buf_reserve(&p->x.body, p->ref.stored_len);
	if (r != ZK_OK)
		return r;
	hold(p, (size_t)p->ref.stored_len + p->ref.plain_len);
	memcpy(p->x.name, p->ref.name, sizeof(p->x.name));
	p->x.unchecked = true;	/* tag and plaintext hash decide */
	p->x.done = arrived;
	p->x.arg = p;
	f->flying++;
	if (f->flying > f->stats.max_inflight)
		f->stats.max_inflight = (unsigned)f->flying;
	p->next = f->air;
	f->air = p;
	r = transport_submit(f->t[p->remote], &p->x);
	if (r != ZK_OK) {
		f->flying--;
		f->air = p->next;
	}
	return r;
}

uint64_t
fetcher_fresh(struct fetcher *f)
{
	uint64_t all = 0;

	for (struct piece *p = f->air; p != NULL; p = p->next) {
		uint64_t n = p->in.to.count * p->ref.plain_len;

		/* what is asked for again was told before */
		if (p->ref.stored_len > 0 && p->x.moved < p->ref.stored_len)
			n = (uint64_t)((double)n * (double)p->x.moved /
			    (double)p->ref.stored_len);
		if (n > p->told) {
			all += n - p->told;
			p->told = n;
		}
	}
	return all;
}

static enum zk_err
note(struct piece *p, bool gone)
{
	struct fetcher *f = p->f;

	return blobnote_add(&f->notes, f->o->db, &p->ref,
	    f->o->remotes[p->remote].id, gone);
}

/* Remote p->remote did not have it, or not rightly. */
static enum zk_err
next_remote(struct piece *p, enum zk_err why)
{
	enum zk_err r = why == ZK_ENOENT ? note(p, true) : ZK_OK;

	if (r != ZK_OK)
		return r;
	if (why == ZK_ENOENT)
		why = ZK_EGAP;
	if (why == ZK_EFORMAT || why == ZK_ELIMIT)
		why = ZK_ETAMPER;
	if (blobget_worse(p->worst, why) != p->worst) {
		p->worst = why;
		p->worst_at = p->remote;
	}
	if (why == ZK_ESIGNAL || why == ZK_ENOMEM) {
		finish(p, why);
		return ZK_OK;
	}
	p->remote++;
	return ask_remote(p);
}

/* Sources, nearest first ------------------------------------------------- */

static enum zk_err
next_source(struct piece *p)
{
	if (p->local < p->in.local_n) {
		to_pool(p, ST_LOCAL);
		return ZK_OK;
	}
	return ask_remote(p);
}

/* The pool gives p back. */
static enum zk_err
worked(struct piece *p)
{
	struct fetcher *f = p->f;
	uint64_t n = p->in.to.count * p->ref.plain_len;
	enum stage was = p->stage;
	enum zk_err r = ZK_OK;

	if (was == ST_OPEN && p->found) {
		f->stats.fetched++;
		f->stats.fetched_bytes += p->ref.stored_len;
	}
	if (p->found || (was != ST_OPEN && p->err != ZK_OK)) {
		if (was == ST_KEEP)
			f->stats.kept += n;
		else if (was == ST_LOCAL)
			f->stats.reused += n;
		else
			r = note(p, false);
		finish(p, p->err);
		return r;
	}
	if (was == ST_OPEN)
		return next_remote(p, p->err);
	if (was == ST_LOCAL)
		p->local++;
	return next_source(p);
}

enum zk_err
fetcher_put(struct fetcher *f, const struct fetcher_in *in)
{
	struct piece *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return ZK_ENOMEM;
	p->f = f;
	p->in = *in;
	p->ref = *in->ref;
	p->in.ref = NULL;
	p->worst = ZK_EGAP;
	memcpy(p->first, in->ref->name, sizeof(p->first));
	buf_init_secret(&p->plain, p->ref.plain_len);
	f->out++;
	if (in->keep) {
		to_pool(p, ST_KEEP);
		return ZK_OK;
	}
	return next_source(p);
}

bool
fetcher_take(struct fetcher *f, struct fetcher_end *end)
{
	struct piece *p = pop(&f->done, &f->done_end);

	if (p == NULL)
		return false;
	end->tag = p->in.tag;
	end->bytes = p->in.to.count * p->ref.plain_len;
	end->told = p->told;
	end->r = p->err;
	f->out--;
	piece_free(p);
	return true;
}

static void
cancel_all(struct fetcher *f)
{
	for (size_t i = 0; i < f->o->remotes_n && f->flying > 0; i++)
		transport_cancel(f->t[i]);
}

void
fetcher_quit(struct fetcher *f)
{
	struct piece *p;

	/* what is in flight ends in arrived */
	cancel_all(f);
	while (f->arrived != NULL)
		finish(pop(&f->arrived, &f->arrived_end), ZK_ESIGNAL);
	for (;;) {
		p = pool_take(f->pool, true);
		if (p == NULL)
			break;
		finish(p, p->found ? p->err : ZK_ESIGNAL);
	}
}

/* Driving ---------------------------------------------------------------- */

static enum zk_err
collect(struct fetcher *f, bool wait, bool *any)
{
	struct piece *p = pool_take(f->pool, wait);
	enum zk_err r = ZK_OK;

	*any = p != NULL;
	while (p != NULL && r == ZK_OK) {
		r = worked(p);
		p = r == ZK_OK ? pool_take(f->pool, false) : NULL;
	}
	return r;
}

/* What the network brought goes to the pool, as far as there is room. */
static enum zk_err
open_arrived(struct fetcher *f, bool *any)
{
	struct piece *p;
	enum zk_err r = ZK_OK;

	while (f->arrived != NULL && r == ZK_OK &&
	    pool_out(f->pool) < POOL_DEPTH) {
		p = pop(&f->arrived, &f->arrived_end);
		*any = true;
		if (p->err == ZK_OK)
			to_pool(p, ST_OPEN);
		else
			r = next_remote(p, p->err);
	}
	return r;
}

static enum zk_err
drive(struct fetcher *f, bool block, int ms)
{
	struct transport *t;
	size_t n;
	enum zk_err r = ZK_OK;

	for (size_t i = 0; i < f->o->remotes_n && r == ZK_OK; i++) {
		t = f->t[i];
		n = transport_inflight(t);
		if (n == 0)
			continue;
		r = transport_wait(t, block ? n - 1 : SIZE_MAX - 1, ms);
		if (r == ZK_ETIMEDOUT)
			r = ZK_OK;
	}
	return r;
}

static enum zk_err
wait_any(struct fetcher *f)
{
	int64_t start = env_mono_ms(f->o->env);
	size_t before = f->flying;
	enum zk_err r;
	bool any;

	if (before == 0)
		return collect(f, true, &any);
	r = drive(f, true, pool_out(f->pool) > 0 ? 1 : 100);
	if (f->flying == before)
		f->idle_ms += env_mono_ms(f->o->env) - start;
	return r == ZK_OK && f->idle_ms > IDLE_MS ? ZK_ETIMEDOUT : r;
}

enum zk_err
fetcher_step(struct fetcher *f, bool wait)
{
	bool any, opened = false;
	size_t flying;
	enum zk_err r;

	if (f->o->stop != NULL && f->o->stop(f->o->arg))
		return ZK_ESIGNAL;
	r = collect(f, false, &any);
	if (r == ZK_OK)
		r = open_arrived(f, &opened);
	flying = f->flying;
	if (r == ZK_OK)
		r = drive(f, false, 0);
	if (r == ZK_OK && wait && !any && !opened && flying == f->flying &&
	    f->done == NULL)
		r = wait_any(f);
	return r;
}

/* Parts and notes -------------------------------------------------------- */

enum zk_err
fetcher_part(struct fetcher *f, unsigned only, unsigned level,
    const struct chunk_ref *ref, struct buf *plain)
{
	struct chunk_ref at = *ref;
	struct buf stored, twice;
	enum zk_err r;

	buf_init(&stored, CHUNK_STORED_MAX);
	buf_init(&twice, CHUNK_STORED_MAX);
	r = only > 0 ? blobget(&f->t[only - 1], 1, ref, false, &stored) :
	    blobget_part(f->o->db, f->t, f->o->remotes_n, &at, false, &stored);
	if (r == ZK_OK)
		r = buf_put(&twice, stored.data, stored.len);
	if (r == ZK_OK)
		r = open_chunk(f, level, &at, &twice, plain);
	if (r == ZK_OK && only == 0)
		r = blobget_keep(f->o->db, &at, &stored);
	chunk_ref_wipe(&at);
	buf_release(&stored);
	buf_release(&twice);
	return r;
}

enum zk_err
fetcher_note(struct fetcher *f)
{
	return blobnote_flush(&f->notes, f->o->db);
}

void
fetcher_stats(const struct fetcher *f, struct download_stats *out)
{
	*out = f->stats;
}
