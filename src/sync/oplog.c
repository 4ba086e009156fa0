#include "sync/oplog.h"

#include <stdlib.h>
#include <string.h>

#include "format/segment.h"
#include "format/thin.h"
#include "store/logdb.h"
#include "sync/segcache.h"
#include "sync/vault.h"
#include "util/log.h"

#define PAGE 512		/* ops of a segment in memory at a time */

static bool
stopped(const struct sync_ui *ui)
{
	return ui != NULL && ui->stop != NULL && ui->stop(ui->arg);
}

/* Opens a held segment; *device is who wrote it. */
static enum zk_err
open_seg(struct vault *v, int64_t id, uint8_t device[static 32],
    struct seg **out)
{
	struct seg_keys keys = { records_find_epoch, v };
	struct logdb_log l = { 0 };
	struct buf b;
	enum zk_err r = ZK_EBUG;

	*out = NULL;
	buf_init(&b, SEG_HELD_MAX);
	r = logdb_data(v->db, id, &b);
	if (r == ZK_OK)
		r = seg_open_held(b.data, b.len, vault_id(v), &keys, out);
	if (r == ZK_OK)
		r = logdb_log_get(v->db, seg_log(*out), &l);
	memcpy(device, l.device, 32);
	buf_release(&b);
	if (r == ZK_ENOENT || r == ZK_EFORMAT || r == ZK_EREFUSED)
		r = ZK_ETAMPER;
	if (r == ZK_ETAMPER)
		log_error(r, &(struct log_where){ .path = v->state_dir },
		    "a segment held here is damaged: 'zk verify' names it");
	return r;
}

/* The next op of the tree in s, as number *i, which is advanced past it. */
static enum zk_err
next_op(struct seg *s, int64_t id, const uint8_t *device, size_t *i,
    struct op *op)
{
	while (*i < seg_count(s)) {
		size_t at = (*i)++;
		enum zk_err r = seg_next(s, op);

		if (r == ZK_EREFUSED || (r == ZK_OK && op->type > OP_SPLIT))
			continue;
		if (r != ZK_OK)
			return r == ZK_ENOENT ? ZK_ETAMPER : r;
		memcpy(op->device, device, sizeof(op->device));
		op->content.locator = segcache_locator(id, at);
		return ZK_OK;
	}
	return ZK_ENOENT;
}

enum zk_err
oplog_segment(struct vault *v, int64_t id, oplog_fn *fn, void *arg)
{
	uint8_t device[32];
	struct seg *s = NULL;
	struct op op;
	size_t i = 0;
	enum zk_err r = open_seg(v, id, device, &s);

	while (r == ZK_OK) {
		r = next_op(s, id, device, &i, &op);
		if (r == ZK_ENOENT) {
			r = ZK_OK;
			break;
		}
		if (r == ZK_OK)
			r = fn(arg, &op);
	}
	seg_free(s);
	return r;
}

enum zk_err
oplog_forward(struct vault *v, const struct sync_ui *ui, uint64_t from,
    oplog_fn *fn, void *arg)
{
	struct logdb_seg g = { 0 };
	enum zk_err r = ZK_OK;

	while (r == ZK_OK && !stopped(ui)) {
		r = logdb_next(v->db, g.ord, &g);
		if (r == ZK_OK && !g.ack && g.last_lamport >= from)
			r = oplog_segment(v, g.id, fn, arg);
		else if (r == ZK_ENOENT)
			return ZK_OK;
	}
	return r == ZK_OK ? ZK_ESIGNAL : r;
}

/* Newest first ------------------------------------------------------------ */

/* A segment that is being read from its end. */
struct cursor {
	int64_t id;
	struct seg *seg;
	uint8_t device[32];
	size_t lo;		/* index of the first op that page stands for */
	struct oplog_op *page;	/* PAGE of them */
	size_t left;		/* in page, not given yet: the last is next */
};

struct held {
	int64_t id;
	uint64_t last;		/* Lamport time */
};

struct oplog {
	struct vault *v;
	const struct sync_ui *ui;
	struct held *held;	/* not opened yet, from next on */
	size_t held_n, held_cap, next;
	struct cursor *cur;
	size_t cur_n, cur_cap;
	struct cursor *given;	/* whose op was given last; NULL: none */
	struct opid last;
};

static void
cursor_release(struct cursor *c)
{
	seg_free(c->seg);
	free(c->page);
	*c = (struct cursor){ 0 };
}

static struct opid
greatest(const struct opid *v, size_t n)
{
	struct opid id = { { 0 } };

	for (size_t i = 0; i < n; i++)
		if (opid_cmp(&v[i], &id) > 0)
			id = v[i];
	return id;
}

/* The page before the one at hand, or an earlier one that is not empty. */
static enum zk_err
turn(struct cursor *c)
{
	enum zk_err r = ZK_OK;

	while (r == ZK_OK && c->left == 0 && c->lo > 0) {
		size_t end = c->lo, i = 0;
		struct op op;

		c->lo = end > PAGE ? end - PAGE : 0;
		seg_rewind(c->seg);
		while (r == ZK_OK && i < end) {
			struct oplog_op *e = &c->page[c->left];

			r = next_op(c->seg, c->id, c->device, &i, &op);
			if (r != ZK_OK || i <= c->lo || i > end)
				continue;
			e->op = op;
			e->place_ref = greatest(op.place_refs,
			    op.place_refs_n);
			e->content_ref = greatest(op.content_refs,
			    op.content_refs_n);
			e->merges = op.content_refs_n > 1;
			e->op.place_refs = e->op.content_refs =
			    e->op.attr_refs = NULL;
			e->op.place_refs_n = e->op.content_refs_n =
			    e->op.attr_refs_n = 0;
			c->left++;
		}
		if (r == ZK_ENOENT)
			r = ZK_OK;
	}
	return r;
}

static enum zk_err
open_next(struct oplog *o)
{
	struct cursor *c = NULL;
	enum zk_err r = ZK_EBUG;

	if (stopped(o->ui))
		return ZK_ESIGNAL;
	if (o->cur_n == o->cur_cap) {
		size_t cap = o->cur_cap == 0 ? 4 : o->cur_cap * 2;
		struct cursor *p = realloc(o->cur, cap * sizeof(*p));

		if (p == NULL)
			return ZK_ENOMEM;
		o->cur = p;
		o->cur_cap = cap;
	}
	c = &o->cur[o->cur_n];
	*c = (struct cursor){ .id = o->held[o->next++].id };
	c->page = calloc(PAGE, sizeof(*c->page));
	r = c->page == NULL ? ZK_ENOMEM :
	    open_seg(o->v, c->id, c->device, &c->seg);
	if (r == ZK_OK) {
		c->lo = seg_count(c->seg);
		r = turn(c);
	}
	if (r == ZK_OK && c->left > 0)
		o->cur_n++;
	else
		cursor_release(c);
	return r;
}

static enum zk_err
add_held(void *arg, int64_t id, uint64_t last)
{
	struct oplog *o = arg;

	if (o->held_n == o->held_cap) {
		size_t cap = o->held_cap == 0 ? 256 : o->held_cap * 2;
		struct held *p = realloc(o->held, cap * sizeof(*p));

		if (p == NULL)
			return ZK_ENOMEM;
		o->held = p;
		o->held_cap = cap;
	}
	o->held[o->held_n++] = (struct held){ id, last };
	return ZK_OK;
}

enum zk_err
oplog_new(struct vault *v, const struct sync_ui *ui, struct oplog **out)
{
	struct oplog *o = calloc(1, sizeof(*o));
	enum zk_err r = ZK_EBUG;

	*out = NULL;
	if (o == NULL)
		return ZK_ENOMEM;
	o->v = v;
	o->ui = ui;
	r = logdb_newest(v->db, add_held, o);
	if (r != ZK_OK) {
		oplog_free(o);
		return r;
	}
	*out = o;
	return ZK_OK;
}

void
oplog_free(struct oplog *o)
{
	if (o == NULL)
		return;
	for (size_t i = 0; i < o->cur_n; i++)
		cursor_release(&o->cur[i]);
	free(o->cur);
	free(o->held);
	free(o);
}

/* Past the op that was given last. */
static enum zk_err
advance(struct oplog *o)
{
	struct cursor *c = o->given;
	enum zk_err r = ZK_OK;

	o->given = NULL;
	if (c == NULL)
		return ZK_OK;
	c->left--;
	r = turn(c);
	if (r == ZK_OK && c->left == 0) {
		cursor_release(c);
		*c = o->cur[--o->cur_n];
	}
	return r;
}

static struct cursor *
newest(const struct oplog *o)
{
	struct cursor *best = NULL;

	for (size_t i = 0; i < o->cur_n; i++) {
		struct cursor *c = &o->cur[i];

		if (best == NULL || opid_cmp(&c->page[c->left - 1].op.id,
		    &best->page[best->left - 1].op.id) > 0)
			best = c;
	}
	return best;
}

/* The cursor of the next op, once every segment that may have it is open. */
static enum zk_err
find(struct oplog *o, struct cursor **out)
{
	enum zk_err r = advance(o);

	*out = NULL;
	while (r == ZK_OK) {
		struct cursor *c = newest(o);

		*out = c;
		if (o->next == o->held_n || (c != NULL &&
		    o->held[o->next].last <
		    opid_lamport(&c->page[c->left - 1].op.id)))
			return c == NULL ? ZK_ENOENT : ZK_OK;
		r = open_next(o);
	}
	return r;
}

enum zk_err
oplog_next(struct oplog *o, const struct oplog_op **out)
{
	enum zk_err r = ZK_OK;

	/* both branches of a forked log may hold an op */
	do {
		r = find(o, &o->given);
		if (r != ZK_OK)
			return r;
		*out = &o->given->page[o->given->left - 1];
	} while (opid_cmp(&(*out)->op.id, &o->last) == 0);
	o->last = (*out)->op.id;
	return ZK_OK;
}
