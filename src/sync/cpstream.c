/* The stream of a checkpoint.  See checkpoint.h. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/cdb.h"
#include "format/segment.h"
#include "format/thin.h"
#include "store/cpdb.h"
#include "store/cpscan.h"
#include "store/logdb.h"
#include "sync/checkpoint.h"
#include "util/io.h"
#include "util/rd.h"

#define FILE_NAME "checkpoint.tmp"
#define WRITE_BYTES (256u * 1024)
#define READ_BYTES (THIN_MAX + 16)
#define BATCH 256		/* segments made thin in one transaction */

static const uint8_t magic[4] = { 'z', 'k', 'C', 1 };

enum zk_err
cpstream_empty(struct vault *v, struct cpstream *out)
{
	*out = (struct cpstream){ .env = v->env, .state_fd = v->state_fd };
	out->fd = env_openat(v->env, v->state_fd, FILE_NAME,
	    O_RDWR | O_CREAT | O_TRUNC, 0600);
	return out->fd < 0 ? err_from_errno(-out->fd) : ZK_OK;
}

void
cpstream_release(struct cpstream *s)
{
	if (s->env == NULL)
		return;
	if (s->fd >= 0)
		(void)env_close(s->env, s->fd);
	(void)env_unlinkat(s->env, s->state_fd, FILE_NAME, 0);
	memset(s, 0, sizeof(*s));
}

/* What is past ------------------------------------------------------------- */

struct look {
	struct round *rd;
	const struct cpcut *cut;
	struct cpscan *scan;
	bool in;		/* the segment at hand is in the cut */
};

static enum zk_err
replaced(struct look *k, const struct opid *refs, size_t n, unsigned regs)
{
	enum zk_err r = ZK_OK;

	for (size_t i = 0; r == ZK_OK && i < n; i++)
		r = cpscan_replaced(k->scan, &refs[i], regs, k->in);
	return r;
}

/* What a removal names, as far as one that is not void does. */
static enum zk_err
covered(struct look *k, const struct opid *refs, size_t n)
{
	enum zk_err r = ZK_OK;

	for (size_t i = 0; r == ZK_OK && k->in && i < n; i++) {
		bool yes = false;

		r = tree_covered(k->rd->v->tree, &refs[i], &yes);
		if (r == ZK_OK && yes)
			r = cpscan_covered(k->scan, &refs[i]);
		if (r == ZK_ENOENT)
			r = ZK_OK;
	}
	return r;
}

static unsigned
regs_of(const struct op *op)
{
	switch (op->type) {
	case OP_CREATE:
		return REG_PLACE | REG_ATTR |
		    (op->content.form != CONTENT_NONE ? REG_CONTENT : 0);
	case OP_MOVE:
		return REG_PLACE;
	case OP_EDIT:
		return REG_CONTENT |
		    (op->has_mode || op->has_mtime ? REG_ATTR : 0);
	case OP_ATTR:
		return REG_ATTR;
	case OP_KEEP:
		return REG_KEEP;
	default:
		return 0;
	}
}

/* One of which files come apart: nothing of it, nor of what it makes, goes. */
static enum zk_err
apart(struct look *k, const struct op *op)
{
	struct opid made;
	enum zk_err r = cpscan_keep(k->scan, &op->node);

	if (r != ZK_OK || op->type != OP_SPLIT)
		return r;
	tree_split_id(k->rd->v->tree, &op->content_refs[0], &made);
	return cpscan_keep(k->scan, &made);
}

static enum zk_err
look_at(struct look *k, const struct op *op)
{
	const struct opid *node = op->type == OP_CREATE ? &op->id : &op->node;
	uint64_t locator = 0;
	enum zk_err r = ZK_OK;

	if (op->type == OP_REMOVE) {
		r = covered(k, op->place_refs, op->place_refs_n);
		if (r == ZK_OK)
			r = covered(k, op->content_refs, op->content_refs_n);
		return r == ZK_OK ? covered(k, op->attr_refs,
		    op->attr_refs_n) : r;
	}
	if (op->type == OP_SPLIT || op->type == OP_DROP)
		return apart(k, op);
	/* void ones do not exist */
	r = tree_locator(k->rd->v->tree, &op->id, &locator);
	if (r != ZK_OK)
		return r == ZK_ENOENT ? ZK_OK : r;
	r = cpscan_op(k->scan, &op->id, node, regs_of(op), k->in);
	if (r == ZK_OK)
		r = replaced(k, op->place_refs, op->place_refs_n,
		    REG_PLACE | REG_KEEP);
	if (r == ZK_OK && op->type == OP_EDIT)
		r = replaced(k, op->content_refs, op->content_refs_n,
		    REG_CONTENT);
	return r == ZK_OK && op->type != OP_KEEP ? replaced(k, op->attr_refs,
	    op->attr_refs_n, REG_ATTR) : r;
}

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

static enum zk_err
look_at_segment(struct look *k, int64_t row)
{
	struct seg *s = NULL;
	struct op op;
	enum zk_err r = cpstream_open(k->rd->v, row, &s);

	k->in = cpcut_in(k->cut, row);
	while (r == ZK_OK) {
		r = seg_next(s, &op);
		if (r == ZK_EREFUSED)
			r = ZK_OK;
		else if (r == ZK_OK && op.type <= OP_SPLIT)
			r = look_at(k, &op);
	}
	seg_free(s);
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* Goes through all that is known. */
static enum zk_err
look(struct round *rd, const struct cpcut *cut, struct cpscan **out)
{
	struct look k = { .rd = rd, .cut = cut };
	struct logdb_seg g = { 0 };
	enum zk_err r = cpscan_new(&k.scan);

	while (r == ZK_OK) {
		if (round_stopped(rd)) {
			r = ZK_ESIGNAL;
			break;
		}
		r = logdb_next(rd->v->db, g.ord, &g);
		if (r == ZK_OK && !g.ack && cpcut_known(cut, g.id))
			r = look_at_segment(&k, g.id);
	}
	if (r == ZK_ENOENT)
		r = cpscan_settle(k.scan);
	if (r == ZK_OK)
		*out = k.scan;
	else
		cpscan_free(k.scan);
	return r;
}

/* Making segments thin ----------------------------------------------------- */

struct thinning {
	struct round *rd;
	struct cpscan *scan;
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
		r = cpscan_past(t->scan, &op->id, yes);
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
	enum zk_err r = cpstream_empty(rd->v, out);

	if (r == ZK_OK)
		r = look(rd, cut, &t.scan);
	if (r == ZK_OK)
		r = rows_new(rd->v, cut, &rows);
	if (r == ZK_OK)
		r = write_all(&t, &rows, out);
	out->gone = t.gone;
	cpscan_free(t.scan);
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
	if (r == ZK_OK)
		r = db_commit(db);
	if (r != ZK_OK)
		db_rollback(db);
	return r;
}

enum zk_err
cpstream_thin(struct round *rd, const struct cpcut *cut)
{
	struct thinning t = { .rd = rd, .note = true };
	struct rows rows = { .n = 0 };
	size_t i = 0;
	struct buf b;
	enum zk_err r = look(rd, cut, &t.scan);

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
	cpscan_free(t.scan);
	free(rows.v);
	return r;
}

/* Reading ------------------------------------------------------------------ */

/* Whether a whole one lies at the start of n bytes: its head and length. */
static enum zk_err
whole(const uint8_t *p, size_t n, bool last, size_t *head, size_t *len)
{
	struct rd rd;

	rd_init(&rd, p, n);
	*len = (size_t)rd_varint(&rd, THIN_MAX);
	if (rd.err != ZK_OK)
		return last || n >= 10 ? ZK_EFORMAT : ZK_ENOENT;
	*head = n - rd.left;
	if (*len <= rd.left)
		return ZK_OK;
	return last ? ZK_EFORMAT : ZK_ENOENT;
}

enum zk_err
cpstream_read(const struct cpstream *s,
    enum zk_err (*fn)(void *arg, const void *thin, size_t n), void *arg)
{
	uint8_t *p = malloc(READ_BYTES);
	size_t fill = 0, at = 0;
	uint64_t off = 0;
	bool begun = false;
	enum zk_err r = p == NULL ? ZK_ENOMEM : ZK_OK;

	while (r == ZK_OK && (off < s->size || at < fill)) {
		size_t head = 0, len = 0, room;

		if (begun && at < fill) {
			r = whole(p + at, fill - at, off == s->size, &head,
			    &len);
			if (r == ZK_OK) {
				r = fn(arg, p + at + head, len);
				at += head + len;
				continue;
			}
			if (r != ZK_ENOENT)
				break;
			r = ZK_OK;
		}
		memmove(p, p + at, fill - at);
		fill -= at;
		at = 0;
		room = READ_BYTES - fill;
		if (room > s->size - off)
			room = (size_t)(s->size - off);
		r = io_pread_full(s->env, s->fd, p + fill, room, off);
		off += room;
		fill += room;
		if (r == ZK_OK && !begun) {
			if (fill < sizeof(magic) || memcmp(p, magic, 3) != 0)
				r = ZK_EFORMAT;
			else if (p[3] != magic[3])
				r = ZK_EVERSION;
			begun = true;
			at = sizeof(magic);
		}
	}
	free(p);
	return r;
}
