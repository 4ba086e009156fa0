/* What a checkpoint leaves out.  See cplook.h. */
#include "sync/cplook.h"

#include <stdlib.h>

#include "crdt/cdb.h"
#include "format/op.h"
#include "format/segment.h"
#include "store/cpdb.h"
#include "store/logdb.h"
#include "sync/checkpoint.h"
#include "sync/segcache.h"

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
	*out = NULL;
	if (r == ZK_OK)
		*out = k.scan;
	else
		cpscan_free(k.scan);
	return r;
}

void
cplook_free(struct cplook *s)
{
	cpscan_free(s->all);
	s->all = NULL;
}

static enum zk_err
look_again(struct round *rd, const struct cpdb_checkpoint *c,
    struct cplook *out)
{
	struct cpscan *one = NULL;
	struct content content;
	struct cpcut cut;
	struct buf body, data;
	enum zk_err r = ZK_EBUG;

	buf_init(&body, OP_BODY_MAX);
	buf_init(&data, OP_DATA_MAX);
	r = cpdb_load(rd->v->db, &c->id, &body, &content, &data);
	if (r == ZK_OK)
		r = cpcut_of(rd->v, segcache_row(c->locator), body.data,
		    body.len, &cut);
	buf_release(&body);
	buf_release(&data);
	/* a void one leaves out nothing */
	if (r != ZK_OK)
		return r == ZK_EFORMAT ? ZK_OK : r;
	r = look(rd, &cut, &one);
	if (r == ZK_OK)
		r = cpscan_join(out->all, one);
	cpscan_free(one);
	cpcut_release(&cut);
	return r;
}

enum zk_err
cplook_new(struct round *rd, const struct cpcut *cut, struct cplook *out)
{
	struct cpdb_checkpoint c;
	enum zk_err r = ZK_EBUG;

	out->all = NULL;
	r = look(rd, cut, &out->all);
	if (r == ZK_OK)
		r = cpdb_newest(rd->v->db, NULL, &c);
	while (r == ZK_OK) {
		struct opid below = c.id;

		if (c.state != CPDB_DONE &&
		    cpcut_known(cut, segcache_row(c.locator)))
			r = look_again(rd, &c, out);
		if (r == ZK_OK)
			r = cpdb_newest(rd->v->db, &below, &c);
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
cplook_past(const struct cplook *s, const struct opid *id, bool *past)
{
	return cpscan_past(s->all, id, past);
}
