/* Which segments a checkpoint is about.  See cpcut.h. */
#include "sync/cpcut.h"

#include <stdlib.h>
#include <string.h>

#include "format/op.h"
#include "store/cpdb.h"
#include "store/gcdb.h"
#include "store/logdb.h"
#include "sync/causal.h"
#include "sync/segcache.h"

enum bit { KNOWN = 1, IN = 2 };

/* A walk that sets one bit of a segment and of all before it in its log. */
struct walk {
	struct vault *v;
	struct cpcut *cut;
	uint8_t bit;
	int64_t skip;		/* a row that is walked over and not set */
};

static enum zk_err
prepare(struct vault *v, struct cpcut *c)
{
	enum zk_err r = ZK_OK;

	memset(c, 0, sizeof(*c));
	r = logdb_next_id(v->db, &c->rows);
	if (r == ZK_OK)
		c->bits = calloc((size_t)c->rows + 1, 1);
	return r == ZK_OK && c->bits == NULL ? ZK_ENOMEM : r;
}

void
cpcut_release(struct cpcut *c)
{
	free(c->bits);
	free(c->ends);
	memset(c, 0, sizeof(*c));
}

static bool
has(const struct cpcut *c, int64_t row, uint8_t bit)
{
	return row > 0 && row < c->rows && c->bits[row] & bit;
}

bool
cpcut_known(const struct cpcut *c, int64_t row)
{
	return has(c, row, KNOWN);
}

bool
cpcut_in(const struct cpcut *c, int64_t row)
{
	return has(c, row, IN);
}

static enum zk_err
count(struct vault *v, struct cpcut *c, const struct logdb_seg *g)
{
	bool thin = false;
	enum zk_err r = cpdb_is_thin(v->db, g->id, &thin);

	c->segments++;
	if (r == ZK_OK && !thin) {
		c->fresh++;
		c->fresh_bytes += g->size;
	}
	return r;
}

/* Sets the bit of g and all before it that have not got it. */
static enum zk_err
set_chain(void *arg, const struct logdb_seg *end)
{
	struct walk *w = arg;
	struct logdb_seg g = *end;
	enum zk_err r = ZK_OK;

	while (r == ZK_OK && !has(w->cut, g.id, w->bit)) {
		if (g.id >= w->cut->rows || g.state != LOGDB_APPLIED)
			return ZK_ETAMPER;
		if (g.id != w->skip)
			w->cut->bits[g.id] |= w->bit;
		if (w->bit == IN)
			r = count(w->v, w->cut, &g);
		if (r != ZK_OK || g.seq == 1)
			break;
		r = logdb_by_hash(w->v->db, g.prev, &g);
	}
	return r == ZK_ENOENT ? ZK_ETAMPER : r;
}

/* The end of a log in the cut of an op.  ZK_EFORMAT: it is not known. */
static enum zk_err
set_end(void *arg, const struct logop_end *e)
{
	struct walk *w = arg;
	struct logdb_seg g = { 0 };
	enum zk_err r = logdb_by_hash(w->v->db, e->hash, &g);

	if (r == ZK_ENOENT || (r == ZK_OK && (!cpcut_known(w->cut, g.id) ||
	    g.seq != e->seq || memcmp(g.log, e->log, sizeof(g.log)) != 0)))
		return ZK_EFORMAT;
	return r == ZK_OK ? set_chain(w, &g) : r;
}

/* Whether it is in the cut, too.  ZK_EEXIST: it is not. */
static enum zk_err
has_end(void *arg, const struct logop_end *e)
{
	const struct walk *w = arg;
	struct logdb_seg g = { 0 };
	enum zk_err r = logdb_by_hash(w->v->db, e->hash, &g);

	if (r == ZK_ENOENT || (r == ZK_OK && !cpcut_known(w->cut, g.id)))
		return ZK_EFORMAT;
	return r == ZK_OK && !cpcut_in(w->cut, g.id) ? ZK_EEXIST : r;
}

/*
 * Gives the ends of each checkpoint in what is known to fn.  One with an end
 * that is not known is void.
 */
static enum zk_err
each_known(struct walk *w,
    enum zk_err (*fn)(void *arg, const struct logop_end *e))
{
	struct db *db = w->v->db;
	struct cpdb_checkpoint c;
	struct content content;
	struct buf body, data;
	enum zk_err r = cpdb_newest(db, NULL, &c);

	buf_init(&body, OP_BODY_MAX);
	buf_init(&data, OP_DATA_MAX);
	while (r == ZK_OK) {
		struct opid below = c.id;

		if (cpcut_known(w->cut, segcache_row(c.locator)))
			r = cpdb_load(db, &c.id, &body, &content, &data);
		if (r == ZK_OK && cpcut_known(w->cut,
		    segcache_row(c.locator)))
			r = logop_cut_decode(body.data, body.len, fn, w);
		if (r == ZK_OK || r == ZK_EFORMAT)
			r = cpdb_newest(db, &below, &c);
	}
	buf_release(&body);
	buf_release(&data);
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
cpcut_of(struct vault *v, int64_t seg, const uint8_t *body, size_t n,
    struct cpcut *out)
{
	struct walk w = { .v = v, .cut = out, .bit = KNOWN, .skip = seg };
	struct logdb_seg g = { 0 };
	enum zk_err r = prepare(v, out);

	if (r == ZK_OK)
		r = logdb_by_id(v->db, seg, &g);
	if (r == ZK_OK)
		r = causal_past(v, &g, set_chain, &w);
	w.bit = IN;
	if (r == ZK_OK)
		r = logop_cut_decode(body, n, set_end, &w);
	/* none covers less than those before it */
	if (r == ZK_OK)
		r = each_known(&w, has_end);
	if (r == ZK_EEXIST)
		r = ZK_EFORMAT;
	if (r != ZK_OK)
		cpcut_release(out);
	return r;
}

/* A new end, in the place of the one before it if there is one. */
static enum zk_err
move_end(struct cpcut *c, const struct logdb_seg *g)
{
	size_t i = 0;

	while (i < c->ends_n && memcmp(c->ends[i].hash, g->prev,
	    LOGDB_HASH_LEN) != 0)
		i++;
	if (i == c->ends_n && c->ends_n == c->ends_cap) {
		size_t cap = c->ends_cap == 0 ? 16 : c->ends_cap * 2;
		struct logop_end *p = realloc(c->ends, cap * sizeof(*p));

		if (p == NULL)
			return ZK_ENOMEM;
		c->ends = p;
		c->ends_cap = cap;
	}
	if (i == c->ends_n)
		c->ends_n++;
	memcpy(c->ends[i].log, g->log, LOGDB_HASH_LEN);
	memcpy(c->ends[i].hash, g->hash, LOGDB_HASH_LEN);
	c->ends[i].seq = g->seq;
	return ZK_OK;
}

static int
by_log(const void *a, const void *b)
{
	const struct logop_end *x = a, *y = b;
	int c = memcmp(x->log, y->log, sizeof(x->log));

	return c != 0 ? c : memcmp(x->hash, y->hash, sizeof(x->hash));
}

/* When a segment came, as gc_mark.c has it for an op. */
static enum zk_err
is_old(struct vault *v, const struct logdb_seg *g, int64_t before, bool *yes)
{
	int64_t came = 0;
	enum zk_err r = gcdb_came(v->db, g->ord, &came);

	*yes = r == ZK_OK && came <= before && g->wall_ms <= before;
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* Marks what is known, and of it what is old from the first one on. */
static enum zk_err
mark_old(struct vault *v, int64_t before, struct cpcut *c)
{
	struct logdb_seg g = { 0 };
	bool old = true, thin = false;
	enum zk_err r = ZK_OK;

	while (r == ZK_OK) {
		r = logdb_next(v->db, g.ord, &g);
		if (r == ZK_OK && g.id >= c->rows)
			r = ZK_EBUG;
		if (r == ZK_OK && old)
			r = is_old(v, &g, before, &old);
		if (r == ZK_OK)
			r = cpdb_is_thin(v->db, g.id, &thin);
		if (r == ZK_OK)
			c->bits[g.id] |= old || thin ? KNOWN | IN : KNOWN;
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* Counts what is in the cut, and finds its ends. */
static enum zk_err
find_ends(struct vault *v, struct cpcut *c)
{
	struct logdb_seg g = { 0 };
	enum zk_err r = ZK_OK;

	c->segments = c->fresh = c->fresh_bytes = 0;
	while (r == ZK_OK) {
		r = logdb_next(v->db, g.ord, &g);
		if (r != ZK_OK || !cpcut_in(c, g.id))
			continue;
		r = count(v, c, &g);
		if (r == ZK_OK)
			r = move_end(c, &g);
	}
	if (r == ZK_ENOENT && c->ends_n > 0)
		qsort(c->ends, c->ends_n, sizeof(*c->ends), by_log);
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
cpcut_new(struct vault *v, int64_t before, struct cpcut *out)
{
	struct walk w = { .v = v, .cut = out, .bit = IN };
	enum zk_err r = prepare(v, out);

	if (r == ZK_OK)
		r = mark_old(v, before, out);
	if (r == ZK_OK)
		r = each_known(&w, set_end);
	if (r == ZK_OK)
		r = find_ends(v, out);
	if (r != ZK_OK)
		cpcut_release(out);
	return r;
}

enum zk_err
cpcut_is_old(struct vault *v, const struct cpcut *c, int64_t before,
    bool *yes)
{
	struct logdb_seg g = { 0 };
	bool thin = false;
	enum zk_err r = ZK_OK;

	*yes = true;
	while (r == ZK_OK && *yes) {
		r = logdb_next(v->db, g.ord, &g);
		if (r != ZK_OK || !cpcut_in(c, g.id))
			continue;
		r = cpdb_is_thin(v->db, g.id, &thin);
		if (r == ZK_OK && !thin)
			r = is_old(v, &g, before, yes);
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}
