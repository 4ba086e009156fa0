/*
 * Sending what a remote lacks, in the order in which it was applied here,
 * so that all that a segment builds on is there before it.
 */
#include <stdlib.h>
#include <string.h>

#include "format/logop.h"
#include "format/segment.h"
#include "format/thin.h"
#include "store/chunkdb.h"
#include "store/cpdb.h"
#include "store/gcdb.h"
#include "store/logdb.h"
#include "store/store.h"
#include "store/transitdb.h"
#include "sync/checkpoint.h"
#include "sync/cuts.h"
#include "sync/nodeset.h"
#include "sync/publish_int.h"
#include "sync/round.h"
#include "sync/segw.h"
#include "sync/transit.h"
#include "sync/unsent.h"
#include "util/log.h"

#define SEND_BYTES (8u << 20)	/* of segments in one request, about */
#define SEND_SEGS 64
#define EARLY_BYTES (4u << 20)	/* the same, beside the recording */

struct batch {
	struct tseg segs[SEND_SEGS];
	enum tseg_result res[SEND_SEGS];
	struct buf data[SEND_SEGS];
	size_t n, bytes;
	int64_t last;		/* order of the last segment in it */
	uint64_t offer;		/* of ours, up to here; 0: none with blobs */
	struct nodeset counted;	/* over all batches: nodes in the report */
};

/* What is sent while more is recorded. */
struct early {
	struct batch b;
	struct tappend append;
	bool under_way;
	bool over;		/* the rest is left to remotes_publish */
	enum zk_err r;		/* why, if the remote failed */
};

static void
batch_reset(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		buf_release(&b->data[i]);
	b->n = 0;
	b->bytes = 0;
	b->offer = 0;
}

/*
 * Counts an op, with the nodes that were counted before: what was moved and
 * edited, or edited twice, is one entry.  What was replaced since counts
 * when that is sent.
 */
static enum zk_err
count_op(struct round *rd, const struct op *op, struct nodeset *counted)
{
	const struct opid *node = op->type == OP_CREATE ||
	    op->type == OP_SPLIT ? &op->id : &op->node;
	uint8_t kind = op->kind;
	enum zk_err r = ZK_OK;
	bool past = false;

	if (op->type == OP_REMOVE || op->type == OP_DROP) {
		rd->rep->deleted++;
		return ZK_OK;
	}
	if ((op->type == OP_CREATE || op->type == OP_EDIT) &&
	    op->content.form != CONTENT_NONE)
		r = publish_past(rd, op, &past);
	if (r != ZK_OK || past)
		return r;
	rd->rep->bytes += op->content.size;
	if (op->type == OP_KEEP || !nodeset_add(counted, node))
		return ZK_OK;
	if (node == &op->node)
		r = tree_kind(rd->v->tree, node, &kind);
	if (r == ZK_OK)
		round_count(rd, kind, 0);
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* Counts what an earlier run recorded and this one sends. */
static enum zk_err
count_ops(struct round *rd, const struct buf *stored,
    struct nodeset *counted)
{
	struct seg_keys keys = { records_find_epoch, rd->v };
	struct seg *s = NULL;
	struct op op;
	enum zk_err r = seg_open_held(stored->data, stored->len,
	    vault_id(rd->v), &keys, &s);

	while (r == ZK_OK) {
		r = seg_next(s, &op);
		if (r == ZK_EREFUSED) {	/* one that this version refuses */
			r = ZK_OK;
			continue;
		}
		if (r == ZK_OK && op.type <= OP_SPLIT)
			r = count_op(rd, &op, counted);
	}
	seg_free(s);
	return r == ZK_ENOENT ? ZK_OK : r;
}

/*
 * The next segment for the batch.  ZK_ENOENT: none is lacking.  Early: no
 * blob is looked after; ZK_EPARTIAL: the next one names some, or is thin.
 * Of a thin one the blobs alone go there.
 */
static enum zk_err
gather(struct round *rd, struct vremote *vr, struct batch *b, bool early)
{
	struct vault *v = rd->v;
	struct logdb_seg g = { 0 };
	struct buf *data = &b->data[b->n];
	struct tseg *t = &b->segs[b->n];
	int64_t id = 0;
	bool own = false, dead = false, kept = false, over = false;
	bool thin = false;
	enum zk_err r = remotedb_lacks(v->db, vr->info.id, b->last, &id);

	if (r == ZK_OK)
		r = logdb_by_id(v->db, id, &g);
	if (r == ZK_OK)
		own = memcmp(g.log, v->log_id, VAULT_ID_LEN) == 0;
	/* what we moved or kept may live by blobs that went meanwhile */
	if (r == ZK_OK && own && !g.ack)
		r = gcdb_any(v->db, &dead);
	if (r == ZK_OK && early && g.blobs)
		r = ZK_EPARTIAL;
	if (r == ZK_OK && g.blobs)
		r = transit_over(rd, vr, &g, &over);
	if (r != ZK_OK)
		return r;
	buf_init(data, SEG_HELD_MAX);
	r = logdb_data(v->db, id, data);
	thin = r == ZK_OK && thin_is(data->data, data->len);
	if (thin && early)
		r = ZK_EPARTIAL;
	if (r == ZK_OK && early && dead)
		r = publish_kept(v, data, &kept);
	if (kept)
		r = ZK_EPARTIAL;
	if (r == ZK_OK && vr == rd->first && id < rd->first_new && own &&
	    !thin)
		r = count_ops(rd, data, &b->counted);
	/* on a transit relay another device may have deleted any of them */
	if (r == ZK_OK && (g.blobs || (dead && !early && !thin)) && !over)
		r = publish_blobs(rd, vr, data, own,
		    !own || id < rd->first_new || vr->transit);
	if (r == ZK_OK && thin)
		r = checkpoint_skip(rd, vr, &b->last);
	if (r != ZK_OK || thin) {
		buf_release(data);
		return r;
	}
	memcpy(t->log, g.log, sizeof(t->log));
	memcpy(t->hash, g.hash, sizeof(t->hash));
	t->seq = g.seq;
	t->data = data->data;
	t->len = data->len;
	b->last = g.ord;
	if (own && g.blobs && g.seq > b->offer)
		b->offer = g.seq;
	b->bytes += data->len;
	b->n++;
	return ZK_OK;
}

/* A branch that a remote refuses is told to it inside our own log. */
static enum zk_err
republish(struct round *rd, const struct tseg *t)
{
	struct vault *v = rd->v;
	struct logop_fork *f = calloc(1, sizeof(*f));
	struct buf body;
	enum zk_err r = f == NULL ? ZK_ENOMEM : ZK_OK;

	buf_init(&body, TRANSPORT_OBJ_MAX);
	if (r == ZK_OK) {
		memcpy(f->log, t->log, sizeof(f->log));
		f->n = 1;
		f->seg[0].seq = t->seq;
		memcpy(f->seg[0].hash, t->hash, sizeof(t->hash));
		f->seg[0].stored = t->data;
		f->seg[0].stored_len = t->len;
		r = logop_fork_encode(f, &body);
	}
	if (r == ZK_OK && memcmp(t->log, v->log_id, VAULT_ID_LEN) == 0)
		r = ingest_new_incarnation(rd);
	if (r == ZK_OK)
		r = segw_one(v, OP_FORK, body.data, body.len);
	buf_release(&body);
	free(f);
	return r;
}

/*
 * A remote has all up to where a log begins, it says; but a branch that a
 * checkpoint does not cover it may never have had.
 */
static enum zk_err
below_begin(struct round *rd, const struct tseg *t)
{
	struct logdb_seg other = { 0 };
	bool thin = false;
	enum zk_err r = logdb_fork(rd->v->db, t->log, t->seq, t->hash,
	    &other);

	if (r == ZK_OK)
		r = cpdb_is_thin(rd->v->db, other.id, &thin);
	if (r == ZK_OK && thin)
		r = republish(rd, t);
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* Notes what the remote said of each segment. */
static enum zk_err
note_results(struct round *rd, struct vremote *vr, const struct batch *b)
{
	struct vault *v = rd->v;
	bool plain = true;
	enum zk_err r = ZK_OK;

	for (size_t i = 0; r == ZK_OK && i < b->n; i++)
		if (b->res[i] == TSEG_TAKEN) {
			plain = false;
			r = republish(rd, &b->segs[i]);
		} else if (b->res[i] == TSEG_HAVE) {
			r = below_begin(rd, &b->segs[i]);
		}
	/*
	 * A remote that is offered again what it has says that it has it, so
	 * that a power cut may take this back; not so one that refused.
	 */
	if (r == ZK_OK)
		r = plain ? db_begin_light(v->db) : db_begin(v->db);
	/* a refused one is not offered again: its copy travels in the fork */
	for (size_t i = 0; r == ZK_OK && i < b->n; i++)
		if (b->res[i] != TSEG_GAP)
			r = remotedb_has_set(v->db, vr->info.id,
			    b->segs[i].hash);
	if (r == ZK_OK)
		r = remotedb_fill(v->db, vr->info.id);
	r = db_end(v->db, r);
	for (size_t i = 0; r == ZK_OK && i < b->n; i++)
		if (b->res[i] == TSEG_GAP) {
			vr->lost = true;
			r = ZK_EGAP;
		}
	return r;
}

static enum zk_err
send_batch(struct round *rd, struct vremote *vr, struct batch *b)
{
	enum zk_err r = b->offer > 0 ? unsent_offer(rd->v, b->offer) : ZK_OK;

	if (r == ZK_OK && b->n > 0)
		r = transport_append(vr->t, b->segs, b->n, b->res);
	if (r == ZK_OK && b->n > 0)
		r = note_results(rd, vr, b);
	rd->progress.segments += b->n;
	round_progress(rd, SYNC_PUBLISH);
	batch_reset(b);
	return r;
}

/* All of it is there: noted.  What is not so plain waits for the end. */
static enum zk_err
early_done(struct round *rd, struct vremote *vr, struct early *e)
{
	struct batch *b = &e->b;
	enum zk_err r = ZK_OK;

	e->under_way = false;
	e->r = transport_append_end(vr->t, &e->append);
	e->over = e->r != ZK_OK;
	for (size_t i = 0; i < b->n && !e->over; i++)
		e->over = b->res[i] != TSEG_STORED && b->res[i] != TSEG_HAVE;
	if (!e->over)
		r = note_results(rd, vr, b);
	batch_reset(b);
	return r;
}

/* The next batch, up to the first segment whose blobs may not be there. */
static enum zk_err
early_next(struct round *rd, struct vremote *vr, struct early *e)
{
	struct batch *b = &e->b;
	enum zk_err r = ZK_OK;

	while (r == ZK_OK && b->n < SEND_SEGS && b->bytes < EARLY_BYTES)
		r = gather(rd, vr, b, true);
	/* in order: what comes behind it waits, too */
	e->over |= r == ZK_EPARTIAL;
	if (r == ZK_ENOENT || r == ZK_EPARTIAL)
		r = ZK_OK;
	if (r != ZK_OK || b->n == 0)
		return r;
	e->append = (struct tappend){ .segs = b->segs, .n = b->n,
		.res = b->res };
	r = transport_append_start(vr->t, &e->append);
	e->under_way = r == ZK_OK;
	return r;
}

enum zk_err
remotes_publish_early(struct round *rd, struct vremote *vr)
{
	struct early *e = vr->early;
	enum zk_err r = ZK_OK;

	if (rd->o->dry_run)
		return ZK_OK;
	if (e == NULL)
		e = vr->early = calloc(1, sizeof(*e));
	if (e == NULL)
		return ZK_ENOMEM;
	if (e->under_way && transport_append_step(vr->t, &e->append))
		r = early_done(rd, vr, e);
	if (r == ZK_OK && !e->under_way && !e->over)
		r = early_next(rd, vr, e);
	return r;
}

void
remotes_publish_step(struct vremote *vr)
{
	struct early *e = vr->early;

	if (e != NULL && e->under_way)
		(void)transport_append_step(vr->t, &e->append);
}

/* Waits for what is under way. */
static enum zk_err
early_end(struct round *rd, struct vremote *vr)
{
	struct early *e = vr->early;
	enum zk_err r = ZK_OK;

	if (e == NULL)
		return ZK_OK;
	if (e->under_way)
		r = early_done(rd, vr, e);
	if (r == ZK_OK)
		r = e->r;
	publish_early_free(vr);
	return r;
}

void
publish_early_free(struct vremote *vr)
{
	struct early *e = vr->early;

	if (e == NULL)
		return;
	if (e->under_way)
		transport_append_drop(vr->t, &e->append);
	batch_reset(&e->b);
	nodeset_release(&e->b.counted);
	free(e);
	vr->early = NULL;
}

static enum zk_err
send_all(struct round *rd, struct vremote *vr)
{
	struct batch *b = calloc(1, sizeof(*b));
	enum zk_err r = b == NULL ? ZK_ENOMEM : ZK_OK;

	while (r == ZK_OK) {
		if (round_stopped(rd))
			r = ZK_ESIGNAL;
		else
			r = gather(rd, vr, b, false);
		if (r == ZK_OK && b->n < SEND_SEGS && b->bytes < SEND_BYTES)
			continue;
		if (r == ZK_OK) {
			r = send_batch(rd, vr, b);
		} else if (r == ZK_ENOENT && b->n > 0) {
			/* what the answer adds (a fork) is sent, too */
			r = send_batch(rd, vr, b);
		}
	}
	if (b != NULL) {
		batch_reset(b);
		nodeset_release(&b->counted);
	}
	free(b);
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* The phase, with what is to be sent.  Nothing to send is no phase. */
static enum zk_err
begin(struct round *rd, const struct vremote *vr)
{
	struct sync_progress all = { 0 };
	uint64_t stored = 0;
	bool blobs = false;
	enum zk_err r = remotedb_lacking(rd->v->db, vr->info.id,
	    &all.segments_total, &all.bytes_total, &blobs);

	/* a pipeline that was at work has brought the blobs already */
	if (r == ZK_OK && blobs && vr->up == NULL)
		r = chunkdb_lacking(rd->v->db, vr->info.id, &stored);
	all.bytes_total += stored;
	if (r == ZK_OK && all.segments_total > 0)
		round_phase(rd, SYNC_PUBLISH, &all);
	return r;
}

/* What the remote did not get, since nobody has it. */
static void
tell_passed(struct vremote *vr)
{
	if (vr->passed > 0)
		log_warn("%llu earlier version%s of large files cannot be "
		    "sent to '%s': replaced before they were there, and "
		    "nowhere any more", (unsigned long long)vr->passed,
		    vr->passed == 1 ? "" : "s", transport_url(vr->t));
	if (vr->awaited > 0)
		log_warn("the content of %llu large file%s is nowhere in "
		    "reach: '%s' gets it when a device that has it pushes",
		    (unsigned long long)vr->awaited,
		    vr->awaited == 1 ? "" : "s", transport_url(vr->t));
	if (vr->unsent > 0)
		log_warn("the content of %llu large message%s is nowhere in "
		    "reach: who reads '%s' alone waits for it until it "
		    "expires", (unsigned long long)vr->unsent,
		    vr->unsent == 1 ? "" : "s", transport_url(vr->t));
	vr->passed = vr->awaited = vr->unsent = 0;
}

/* A segw_fill. */
static enum zk_err
fill_aliases(void *rd, struct segw *w)
{
	return cuts_tell_aliases(rd, w);
}

enum zk_err
publish_aliases(struct round *rd, bool *told)
{
	enum zk_err r = ZK_OK;

	if (rd->aliases_n == 0)
		return ZK_OK;
	*told = true;
	r = segw_batch(rd->v, fill_aliases, rd);
	if (r == ZK_OK)
		rd->aliases_n = 0;
	return r;
}

enum zk_err
remotes_publish(struct round *rd, struct vremote *vr)
{
	struct vault *v = rd->v;
	bool told = false;
	enum zk_err r = ZK_EBUG;

	if (rd->o->dry_run)
		return ZK_OK;
	r = early_end(rd, vr);
	if (r == ZK_OK)
		r = begin(rd, vr);
	if (r == ZK_OK)
		r = send_all(rd, vr);
	if (r == ZK_OK)
		r = publish_aliases(rd, &told);
	if (r == ZK_OK)
		r = publish_supply(rd, vr, &told);
	if (r == ZK_OK && told)
		r = send_all(rd, vr);
	if (r == ZK_EGAP && vr->lost) {
		/* it lost something it had acknowledged: ask for all again */
		vr->lost = false;
		log_warn("%s lost segments that it held: they are sent "
		    "again", transport_url(vr->t));
		r = db_begin(v->db);
		if (r == ZK_OK)
			r = remotedb_forget(v->db, vr->info.id);
		if (r == ZK_OK)
			r = transitdb_reset(v->db, vr->info.id);
		if (r == ZK_OK)
			r = chunkdb_drop_remote(v->db, vr->info.id);
		r = db_end(v->db, r);
		if (r == ZK_OK)
			r = send_all(rd, vr);
	}
	tell_passed(vr);
	if (r != ZK_OK)
		vr->err = r;
	return r;
}
