/* The stream of a checkpoint.  See checkpoint.h. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/emit.h"
#include "format/op.h"
#include "format/segment.h"
#include "format/thin.h"
#include "store/cpdb.h"
#include "store/logdb.h"
#include "sync/checkpoint.h"
#include "sync/cplook.h"
#include "sync/oplog.h"
#include "sync/segw.h"
#include "util/io.h"
#include "util/log.h"
#include "util/rd.h"

#define WRITE_BYTES (256u * 1024)
#define READ_BYTES (THIN_MAX + 16)
#define BATCH 256		/* segments made thin in one transaction */

static const uint8_t magic[] = CPSTREAM_MAGIC;

enum zk_err
cpstream_open(struct vault *v, int64_t row, struct seg **out)
{
	struct seg_keys keys = { records_find_epoch, v };
	struct buf b;
	enum zk_err r = ZK_EBUG;

	*out = NULL;
	buf_init(&b, SEG_HELD_MAX);
	r = logdb_data(v->db, row, &b);
	if (r == ZK_OK)
		r = seg_open_held(b.data, b.len, vault_id(v), &keys, out);
	buf_release(&b);
	return r == ZK_ENOENT || r == ZK_EFORMAT ? ZK_ETAMPER : r;
}

/* Making segments thin ----------------------------------------------------- */

struct thinning {
	struct round *rd;
	struct cplook scans;
	uint64_t gone;
	bool note;		/* in the tree, too */
	bool blobs;		/* the segment at hand names some still */
};

/* What thin_make asks: a checkpoint in the cut is one that this replaces. */
static enum zk_err
goes(void *arg, const struct op *op, bool *yes)
{
	struct thinning *t = arg;
	enum zk_err r = ZK_OK;

	*yes = op->type == OP_CHECKPOINT;
	if (op->type == OP_CREATE || op->type == OP_EDIT)
		r = cplook_past(&t->scans, &op->id, yes);
	if (r == ZK_OK && *yes && t->note)
		r = cpdb_gone(t->rd->v->db, &op->id);
	t->gone += *yes;
	t->blobs |= !*yes && op->content.form == CONTENT_MANIFEST;
	return r;
}

static enum zk_err
make_thin(struct thinning *t, int64_t row, struct buf *out)
{
	struct seg *s = NULL;
	enum zk_err r = cpstream_open(t->rd->v, row, &s);

	t->blobs = false;
	buf_reset(out);
	if (r == ZK_OK)
		r = thin_make(s, goes, t, out);
	seg_free(s);
	return r;
}

/* Rows of the cut, in the order of the stream. */
struct rows {
	const struct cpcut *cut;
	int64_t *v;
	size_t n;
};

static enum zk_err
add_row(void *arg, const struct logdb_seg *s)
{
	struct rows *a = arg;

	if (cpcut_in(a->cut, s->id) && a->n < a->cut->segments)
		a->v[a->n++] = s->id;
	return ZK_OK;
}

static enum zk_err
rows_new(struct vault *v, const struct cpcut *cut, struct rows *out)
{
	*out = (struct rows){ .cut = cut };
	out->v = calloc(cut->segments + 1, sizeof(*out->v));
	return out->v == NULL ? ZK_ENOMEM :
	    logdb_in_order(v->db, add_row, out);
}

static enum zk_err
flush(struct cpstream *s, struct buf *b)
{
	enum zk_err r = buf_err(b);

	if (r == ZK_OK)
		r = io_write_full(s->env, s->fd, b->data, b->len);
	s->size += b->len;
	buf_reset(b);
	return r;
}

static enum zk_err
write_all(struct thinning *t, const struct rows *rows, struct cpstream *s)
{
	struct buf b, one;
	enum zk_err r = ZK_EBUG;

	buf_init_secret(&b, WRITE_BYTES + READ_BYTES);
	buf_init_secret(&one, THIN_MAX);
	r = buf_put(&b, magic, sizeof(magic));
	for (size_t i = 0; r == ZK_OK && i < rows->n; i++) {
		if (round_stopped(t->rd))
			r = ZK_ESIGNAL;
		if (r == ZK_OK)
			r = make_thin(t, rows->v[i], &one);
		if (r == ZK_OK)
			r = buf_lp(&b, one.data, one.len);
		if (r == ZK_OK && b.len >= WRITE_BYTES)
			r = flush(s, &b);
	}
	if (r == ZK_OK)
		r = flush(s, &b);
	buf_release(&b);
	buf_release(&one);
	return r;
}

enum zk_err
cpstream_make(struct round *rd, const struct cpcut *cut,
    struct cpstream *out)
{
	struct thinning t = { .rd = rd };
	struct rows rows = { .n = 0 };
	enum zk_err r = cpstream_empty(rd->v, CPSTREAM_MADE, out);

	if (r == ZK_OK)
		r = cplook_new(rd, cut, &t.scans);
	if (r == ZK_OK)
		r = rows_new(rd->v, cut, &rows);
	if (r == ZK_OK)
		r = write_all(&t, &rows, out);
	out->gone = t.gone;
	cplook_free(&t.scans);
	free(rows.v);
	if (r != ZK_OK)
		cpstream_release(out);
	return r;
}

/* Some of them, in one transaction; *i moves on. */
static enum zk_err
thin_some(struct thinning *t, const struct rows *rows, size_t *i,
    struct buf *b)
{
	struct db *db = t->rd->v->db;
	size_t end = rows->n - *i > BATCH ? *i + BATCH : rows->n;
	enum zk_err r = db_begin(db);

	for (; r == ZK_OK && *i < end; (*i)++) {
		r = make_thin(t, rows->v[*i], b);
		if (r == ZK_OK)
			r = cpdb_thin(db, rows->v[*i], b->data, b->len,
			    t->blobs);
	}
	return db_end(db, r);
}

enum zk_err
cpstream_thin(struct round *rd, const struct cpcut *cut)
{
	struct thinning t = { .rd = rd, .note = true };
	struct rows rows = { .n = 0 };
	size_t i = 0;
	struct buf b;
	enum zk_err r = cplook_new(rd, cut, &t.scans);

	buf_init_secret(&b, THIN_MAX);
	if (r == ZK_OK)
		r = rows_new(rd->v, cut, &rows);
	while (r == ZK_OK && i < rows.n)
		r = round_stopped(rd) ? ZK_ESIGNAL :
		    thin_some(&t, &rows, &i, &b);
	/* what was kept in memory of nodes and segments is another now */
	treedb_rolled_back(rd->v->td);
	segcache_clear(rd->v->cache);
	buf_release(&b);
	cplook_free(&t.scans);
	free(rows.v);
	return r;
}

/* What is back ------------------------------------------------------------- */

/* Contents that are past, and at a path all the same. */
struct back {
	struct thinning t;
	struct opid *id, *node;
	uint64_t *locator;
	size_t n, cap;
};

static enum zk_err
back_add(struct back *b, const struct op *op)
{
	if (b->n == b->cap) {
		size_t cap = b->cap == 0 ? 16 : b->cap * 2;
		struct opid *id = realloc(b->id, cap * sizeof(*id));
		struct opid *node = id == NULL ? NULL :
		    realloc(b->node, cap * sizeof(*node));
		uint64_t *loc = node == NULL ? NULL :
		    realloc(b->locator, cap * sizeof(*loc));

		b->id = id == NULL ? b->id : id;
		b->node = node == NULL ? b->node : node;
		if (loc == NULL)
			return ZK_ENOMEM;
		b->locator = loc;
		b->cap = cap;
	}
	b->id[b->n] = op->id;
	b->node[b->n] = op->type == OP_CREATE ? op->id : op->node;
	b->locator[b->n++] = op->content.locator;
	return ZK_OK;
}

/* An oplog_fn. */
static enum zk_err
back_look(void *arg, struct op *op)
{
	struct back *b = arg;
	bool yes = false;
	enum zk_err r = ZK_OK;

	if ((op->type != OP_CREATE && op->type != OP_EDIT) ||
	    op->content.form == CONTENT_NONE ||
	    op->content.form == CONTENT_GONE)
		return ZK_OK;
	r = cplook_past(&b->t.scans, &op->id, &yes);
	if (r == ZK_OK && yes)
		r = tree_shows(b->t.rd->v->tree, &op->id, &yes);
	if (r == ZK_OK && yes)
		r = back_add(b, op);
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* A segw_fill: each as an edit that says the same again. */
static enum zk_err
back_say(void *arg, struct segw *w)
{
	struct back *b = arg;
	struct vault *v = b->t.rd->v;
	struct content c;
	struct emit_file f = { .content = &c };
	struct buf data;
	enum zk_err r = ZK_OK;

	buf_init_secret(&data, OP_DATA_MAX);
	for (size_t i = 0; r == ZK_OK && i < b->n; i++) {
		r = segcache_copy(v, b->locator[i], &c, &data);
		c.merge = MERGE_COPY;
		c.script = NULL;
		c.script_len = 0;
		if (r == ZK_OK)
			r = emit_merge(segw_emit(w), &b->node[i], &b->id[i],
			    1, &f);
	}
	buf_release(&data);
	return r;
}

enum zk_err
cpstream_back(struct round *rd, const struct cpcut *cut)
{
	struct back b = { .t = { .rd = rd } };
	struct rows rows = { .n = 0 };
	enum zk_err r = cplook_new(rd, cut, &b.t.scans);

	if (r == ZK_OK)
		r = rows_new(rd->v, cut, &rows);
	for (size_t i = 0; r == ZK_OK && i < rows.n; i++)
		r = round_stopped(rd) ? ZK_ESIGNAL :
		    oplog_segment(rd->v, rows.v[i], back_look, &b);
	if (r == ZK_OK && b.n > 0) {
		log_debug("%zu contents are said again", b.n);
		r = segw_batch(rd->v, back_say, &b);
	}
	cplook_free(&b.t.scans);
	free(rows.v);
	free(b.id);
	free(b.node);
	free(b.locator);
	return r;
}
