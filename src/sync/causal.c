/* The past of a segment.  See causal.h. */
#include "sync/causal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/tree.h"
#include "format/thin.h"
#include "store/pastdb.h"
#include "store/store.h"
#include "sync/segcache.h"
#include "sync/vault.h"
#include "util/rd.h"

#define PREFIX_AT 6		/* of the log, in an op id */
#define PREFIX_LEN 6
#define HEADS_BYTES_MAX (1u << 24)

enum kind {
	ASK = 0,
	PLAIN,			/* one history, its prefix is its own */
	MIXED
};

/* A segment that is in the past with all before it in its log. */
struct reach {
	struct logdb_seg g;
	uint8_t kind;		/* enum kind, of its log */
	/* rows of those before g, the newest first, as far as looked */
	int64_t *chain;
	size_t n, cap;
	uint8_t next[LOGDB_HASH_LEN];	/* the one before these */
};

/* Of no two one is before the other. */
struct heads {
	struct reach *v;
	size_t n, cap;
};

struct causal {
	struct vault *v;
	const struct seg *s;
	const struct logdb_seg *row;
	struct reach prev;	/* unless seq 1 */
	uint8_t kind;		/* enum kind, of the log of s */
	bool loaded;
	struct heads heads;
	size_t last;		/* of heads: found last */
	bool held;		/* this op was found the long way */
	struct opid held_id;
};

static void
reach_init(struct reach *e, const struct logdb_seg *g)
{
	memset(e, 0, sizeof(*e));
	e->g = *g;
	memcpy(e->next, g->prev, sizeof(e->next));
}

static void
heads_release(struct heads *h)
{
	for (size_t i = 0; i < h->n; i++)
		free(h->v[i].chain);
	free(h->v);
	*h = (struct heads){ NULL, 0, 0 };
}

static enum zk_err
heads_push(struct heads *h, const struct logdb_seg *g)
{
	if (h->n == h->cap) {
		size_t cap = h->cap == 0 ? 8 : h->cap * 2;
		struct reach *p = realloc(h->v, cap * sizeof(*p));

		if (p == NULL)
			return ZK_ENOMEM;
		h->v = p;
		h->cap = cap;
	}
	reach_init(&h->v[h->n++], g);
	return ZK_OK;
}

/* Looks at one more segment before e->g. */
static enum zk_err
step_back(struct db *db, struct reach *e)
{
	struct logdb_seg g = { 0 };
	enum zk_err r = ZK_OK;

	if (e->n == e->cap) {
		size_t cap = e->cap == 0 ? 64 : e->cap * 2;
		int64_t *p = realloc(e->chain, cap * sizeof(*p));

		if (p == NULL)
			return ZK_ENOMEM;
		e->chain = p;
		e->cap = cap;
	}
	r = logdb_by_hash(db, e->next, &g);
	if (r != ZK_OK)
		return r == ZK_ENOENT ? ZK_ETAMPER : r;
	e->chain[e->n++] = g.id;
	memcpy(e->next, g.prev, sizeof(e->next));
	return ZK_OK;
}

/* Whether the applied segment g is e's or before it, by hashes. */
static enum zk_err
below(struct db *db, struct reach *e, const struct logdb_seg *g, bool *yes)
{
	struct logdb_seg other;
	enum zk_err r = ZK_OK;

	*yes = g->id == e->g.id;
	if (*yes || g->seq >= e->g.seq ||
	    memcmp(g->log, e->g.log, LOGDB_HASH_LEN) != 0)
		return ZK_OK;
	r = logdb_fork(db, g->log, g->seq, g->hash, &other);
	if (r == ZK_ENOENT) {
		*yes = true;
		return ZK_OK;
	}
	while (r == ZK_OK && e->n < e->g.seq - g->seq)
		r = step_back(db, e);
	*yes = r == ZK_OK && e->chain[e->g.seq - g->seq - 1] == g->id;
	return r;
}

/* Takes a head in. */
static enum zk_err
heads_add(struct db *db, struct heads *h, const struct logdb_seg *g)
{
	struct reach now;
	bool old = false, newer = false;
	enum zk_err r = ZK_OK;

	reach_init(&now, g);
	for (size_t i = 0; r == ZK_OK && i < h->n && !old; i++) {
		r = below(db, &h->v[i], g, &old);
		if (r == ZK_OK && !old)
			r = below(db, &now, &h->v[i].g, &newer);
		if (r == ZK_OK && newer) {
			free(h->v[i].chain);
			h->v[i] = now;
			return ZK_OK;
		}
	}
	free(now.chain);
	return r == ZK_OK && !old ? heads_push(h, g) : r;
}

static enum zk_err
heads_load(struct db *db, int64_t id, struct heads *out)
{
	struct logdb_seg g = { 0 };
	struct buf b;
	struct rd rd;
	uint64_t n = 0;
	enum zk_err r = ZK_EBUG;

	buf_init(&b, HEADS_BYTES_MAX);
	r = pastdb_heads_get(db, id, &b);
	rd_init(&rd, b.data, b.len);
	if (r == ZK_OK)
		n = rd_varint(&rd, b.len);
	for (uint64_t i = 0; r == ZK_OK && i < n; i++) {
		r = logdb_by_id(db, (int64_t)rd_varint(&rd, INT64_MAX), &g);
		if (r == ZK_ENOENT)
			r = ZK_ETAMPER;
		if (r == ZK_OK)
			r = heads_push(out, &g);
	}
	buf_release(&b);
	return r;
}

static enum zk_err
heads_store(struct db *db, int64_t id, const struct heads *h)
{
	struct buf b;
	enum zk_err r = ZK_EBUG;

	buf_init(&b, HEADS_BYTES_MAX);
	(void)buf_varint(&b, h->n);
	for (size_t i = 0; i < h->n; i++)
		(void)buf_varint(&b, (uint64_t)h->v[i].g.id);
	r = buf_err(&b);
	if (r == ZK_OK)
		r = pastdb_heads_put(db, id, &b);
	buf_release(&b);
	return r;
}

/* Takes in what one segment names. */
static enum zk_err
heads_name(struct db *db, struct heads *h, const struct seg *s)
{
	struct logdb_seg g = { 0 };
	size_t n = 0;
	const struct seg_head *p = seg_heads(s, &n);
	enum zk_err r = ZK_OK;

	for (size_t i = 0; r == ZK_OK && i < n; i++) {
		r = logdb_by_hash(db, p[i].hash, &g);
		if (r == ZK_OK)
			r = heads_add(db, h, &g);
	}
	/* applied with all that it names, or not here */
	return r == ZK_ENOENT ? ZK_ETAMPER : r;
}

/* The same for one that is held, whose heads are then kept. */
static enum zk_err
replay(struct vault *v, int64_t id, struct heads *h)
{
	struct seg_keys keys = { records_find_epoch, v };
	struct seg *s = NULL;
	struct buf b;
	enum zk_err r = ZK_EBUG;

	buf_init(&b, SEG_HELD_MAX);
	r = logdb_data(v->db, id, &b);
	if (r == ZK_ENOENT)
		r = ZK_ETAMPER;
	if (r == ZK_OK)
		r = seg_open_held(b.data, b.len, vault_id(v), &keys, &s);
	if (r == ZK_OK)
		r = heads_name(v->db, h, s);
	if (r == ZK_OK)
		r = heads_store(v->db, id, h);
	seg_free(s);
	buf_release(&b);
	return r;
}

/*
 * The heads kept with g; found again from the segments if they are not, as
 * those of our own log, which are needed only if it went on without us.
 */
static enum zk_err
heads_at(struct vault *v, const struct logdb_seg *g, struct heads *out)
{
	struct reach back;
	size_t left = 0;	/* segments up to g that have none */
	enum zk_err r = heads_load(v->db, g->id, out);

	reach_init(&back, g);
	while (r == ZK_ENOENT) {
		left = back.n + 1;
		if (left == g->seq) {
			r = ZK_OK;
			break;
		}
		r = step_back(v->db, &back);
		if (r == ZK_OK)
			r = heads_load(v->db, back.chain[back.n - 1], out);
	}
	for (; r == ZK_OK && left > 0; left--)
		r = replay(v, left == 1 ? g->id : back.chain[left - 2], out);
	free(back.chain);
	return r;
}

enum zk_err
causal_past(struct vault *v, const struct logdb_seg *g,
    enum zk_err (*each)(void *arg, const struct logdb_seg *s), void *arg)
{
	struct heads h = { NULL, 0, 0 };
	enum zk_err r = heads_at(v, g, &h);

	if (r == ZK_OK)
		r = each(arg, g);
	for (size_t i = 0; r == ZK_OK && i < h.n; i++)
		r = each(arg, &h.v[i].g);
	heads_release(&h);
	return r;
}

enum zk_err
causal_new(struct vault *v, const struct seg *s, const struct logdb_seg *row,
    const struct logdb_seg *prev, struct causal **out)
{
	struct causal *c = calloc(1, sizeof(*c));

	*out = c;
	if (c == NULL)
		return ZK_ENOMEM;
	c->v = v;
	c->s = s;
	c->row = row;
	if (row->seq > 1)
		reach_init(&c->prev, prev);
	return ZK_OK;
}

void
causal_free(struct causal *c)
{
	if (c == NULL)
		return;
	free(c->prev.chain);
	heads_release(&c->heads);
	free(c);
}

/* Loads all that the segment names, when it is asked for. */
static enum zk_err
load(struct causal *c)
{
	enum zk_err r = ZK_OK;

	if (c->loaded)
		return ZK_OK;
	if (c->row->seq > 1)
		r = heads_at(c->v, &c->prev.g, &c->heads);
	if (r == ZK_OK)
		r = heads_name(c->v->db, &c->heads, c->s);
	c->loaded = r == ZK_OK;
	return r;
}

void
causal_fork_key(const uint8_t log[static LOGDB_HASH_LEN],
    char out[static CAUSAL_FORK_KEY])
{
	(void)snprintf(out, CAUSAL_FORK_KEY, "fork.%02x%02x%02x%02x%02x%02x"
	    "%02x%02x", log[0], log[1], log[2], log[3], log[4], log[5],
	    log[6], log[7]);
}

/* Finds out what kind of log this is, once. */
static enum zk_err
ask_kind(struct db *db, const uint8_t *log, uint8_t *kind)
{
	char key[CAUSAL_FORK_KEY];
	int64_t forked = 0;
	uint64_t alike = 0;
	enum zk_err r = ZK_OK;

	if (*kind != ASK)
		return ZK_OK;
	causal_fork_key(log, key);
	r = store_get_int(db, key, 0, &forked);
	if (r == ZK_OK)
		r = logdb_alike(db, log, PREFIX_LEN, &alike);
	if (r == ZK_OK)
		*kind = forked == 0 && alike <= 1 ? PLAIN : MIXED;
	return r;
}

/* Whether the applied segment with this row is in the past. */
static enum zk_err
holds(struct causal *c, int64_t row, bool *yes)
{
	struct db *db = c->v->db;
	struct logdb_seg g = { 0 };
	enum zk_err r = ZK_OK;

	*yes = row == c->row->id;
	if (*yes)
		return ZK_OK;
	r = load(c);
	if (r == ZK_OK)
		r = logdb_by_id(db, row, &g);
	if (r == ZK_ENOENT)
		r = ZK_ETAMPER;
	if (r == ZK_OK && c->row->seq > 1)
		r = below(db, &c->prev, &g, yes);
	for (size_t i = 0; r == ZK_OK && !*yes && i < c->heads.n; i++)
		r = below(db, &c->heads.v[i], &g, yes);
	return r;
}

/* A head of a log that the id may be of. */
static struct reach *
find(struct causal *c, const struct opid *id)
{
	for (size_t i = 0; i < c->heads.n; i++) {
		size_t k = (c->last + i) % c->heads.n;

		if (memcmp(c->heads.v[k].g.log, id->b + PREFIX_AT,
		    PREFIX_LEN) == 0) {
			c->last = k;
			return &c->heads.v[k];
		}
	}
	return NULL;
}

/*
 * Asks each segment that holds the op.  ZK_ENOENT: none is known, which is
 * so only for what was taken in before segments were noted.
 */
static enum zk_err
ask_holders(struct causal *c, const struct opid *id, bool split, bool *yes)
{
	uint64_t locator = 0;
	int64_t row = 0;
	bool any = false;
	enum zk_err r = ZK_OK;

	if (!split)
		r = tree_locator(c->v->tree, id, &locator);
	if (r == ZK_OK && locator != 0) {
		any = true;
		r = holds(c, segcache_row(locator), yes);
	}
	while (r == ZK_OK && !*yes) {
		r = pastdb_carrier(c->v->db, id, row, &row);
		if (r == ZK_OK) {
			any = true;
			r = holds(c, row, yes);
		}
	}
	return r == ZK_ENOENT && any ? ZK_OK : r;
}

enum zk_err
causal_has(void *arg, const struct opid *id, bool split)
{
	struct causal *c = arg;
	bool own = memcmp(c->row->log, id->b + PREFIX_AT, PREFIX_LEN) == 0;
	bool yes = own, held = false;
	struct reach *e = NULL;
	uint8_t kind = MIXED;
	enum zk_err r = own ? ZK_OK : load(c);

	if (r != ZK_OK || (c->held && opid_cmp(&c->held_id, id) == 0))
		return r;
	if (!own) {
		e = find(c, id);
		yes = e != NULL && opid_lamport(id) <= e->g.last_lamport;
	}
	if (!split && !own && e == NULL)
		return ZK_EREFUSED;
	if (!split) {
		uint8_t *k = own ? &c->kind : &e->kind;

		r = ask_kind(c->v->db, own ? c->row->log : e->g.log, k);
		kind = *k;
	}
	if (r == ZK_OK && kind == MIXED) {
		r = ask_holders(c, id, split, &held);
		if (r == ZK_OK)
			yes = held;
		if (r == ZK_ENOENT)
			r = ZK_OK;
		c->held = r == ZK_OK && yes;
		c->held_id = *id;
	}
	if (r != ZK_OK)
		return r;
	return yes ? ZK_OK : ZK_EREFUSED;
}

enum zk_err
causal_own(struct vault *v, const struct op *op, int64_t row)
{
	struct opid id;

	if (op->type != OP_SPLIT)
		return ZK_OK;
	tree_split_id(v->tree, &op->content_refs[0], &id);
	return pastdb_carrier_put(v->db, &id, row);
}

enum zk_err
causal_took(struct causal *c, const struct op *op)
{
	enum zk_err r = causal_own(c->v, op, c->row->id);

	if (r == ZK_OK)
		r = ask_kind(c->v->db, c->row->log, &c->kind);
	if (r == ZK_OK && c->kind == MIXED)
		r = pastdb_carrier_put(c->v->db, &op->id, c->row->id);
	return r;
}

enum zk_err
causal_keep(struct causal *c)
{
	enum zk_err r = load(c);

	return r == ZK_OK ? heads_store(c->v->db, c->row->id, &c->heads) : r;
}
