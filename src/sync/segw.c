/* Writing this device's log.  See segw.h. */
#include "sync/segw.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/sign.h"
#include "format/logop.h"
#include "format/segment.h"
#include "store/cpdb.h"
#include "store/kvdb.h"
#include "store/logdb.h"
#include "store/msgdb.h"
#include "store/store.h"
#include "sync/causal.h"
#include "sync/logtake.h"
#include "sync/segcache.h"
#include "sync/unsent.h"
#include "sync/vault.h"
#include "util/log.h"

struct segw {
	struct vault *v;
	struct emit emit;
	struct segb *b;
	struct logdb_seg row;	/* of the segment being written */
	int64_t wall_ms;
	uint64_t locator;
	uint64_t count;		/* ops in all segments of the batch */
	uint32_t types;		/* 1 << type, since segw_types */
	unsigned written;	/* segments */
	bool merges;		/* segw_merges */
	struct seg_head *heads;	/* told in the segment at hand */
	size_t heads_n;
	uint64_t heads_last;	/* largest last Lamport time among them */
	bool heads_left;	/* others go into the next segment */
};

/* A log stands in the heads of a segment once; a forked one has more tips. */
static bool
log_told(const struct segw *w, const uint8_t *log)
{
	for (size_t i = 0; i < w->heads_n; i++)
		if (memcmp(w->heads[i].log, log, VAULT_ID_LEN) == 0)
			return true;
	return false;
}

/* Takes a tip of another log that was not told yet into the heads. */
static enum zk_err
add_head(void *arg, const struct logdb_seg *s)
{
	struct segw *w = arg;
	enum zk_err r = ZK_OK;
	bool told = false;
	struct seg_head *h = NULL;

	if (memcmp(s->log, w->v->log_id, VAULT_ID_LEN) == 0)
		return ZK_OK;
	r = logdb_told_has(w->v->db, s->hash, &told);
	if (r != ZK_OK || told)
		return r;
	if (w->heads_n == SEG_HEADS_MAX || log_told(w, s->log)) {
		w->heads_left = true;
		return ZK_OK;
	}
	h = &w->heads[w->heads_n++];
	memcpy(h->log, s->log, sizeof(h->log));
	memcpy(h->hash, s->hash, sizeof(h->hash));
	h->seq = s->seq;
	if (s->last_lamport > w->heads_last)
		w->heads_last = s->last_lamport;
	return ZK_OK;
}

/* The certificate and the name at the start of a log. */
static enum zk_err
first_ops(struct segw *w)
{
	struct vault *v = w->v;
	struct logop_cert c = { .incarnation = keys_incarnation(v->keys) };
	struct buf b;
	enum zk_err r = ZK_EBUG;

	memcpy(c.device, vault_device(v), sizeof(c.device));
	buf_init(&b, 4096);
	r = store_get(v->db, "prev_log", &b);
	if (r == ZK_OK && b.len == 72) {
		c.has_prev = true;
		memcpy(c.prev_log, b.data, 32);
		memcpy(c.prev_hash, b.data + 32, 32);
		memcpy(&c.prev_seq, b.data + 64, 8);
	}
	buf_reset(&b);
	if (r == ZK_OK || r == ZK_ENOENT)
		r = logop_cert_encode(&c, vault_id(v), signkey_pk(v->log),
		    device_keys_sign(v->dev), &b);
	if (r == ZK_OK)
		r = segw_body(w, OP_LOG, b.data, b.len);
	buf_reset(&b);
	if (r == ZK_OK)
		r = logop_name_encode(v->name, &b);
	if (r == ZK_OK)
		r = segw_body(w, OP_NAME, b.data, b.len);
	buf_release(&b);
	if (r == ZK_OK) {
		struct logdb_log l = { .incarnation = c.incarnation };

		memcpy(l.log, v->log_id, sizeof(l.log));
		memcpy(l.device, vault_device(v), sizeof(l.device));
		r = logdb_log_put(v->db, &l);
	}
	if (r == ZK_OK)
		r = unsent_begin(v);
	return r;
}

/* Begins the next segment of the log with what heads it has room for. */
static enum zk_err
begin_segment(struct segw *w)
{
	struct vault *v = w->v;
	struct logdb_seg tip = { 0 };
	struct segb_opts o = { 0 };
	enum zk_err r = logdb_tip(v->db, v->log_id, &tip);

	if (r != ZK_OK && r != ZK_ENOENT)
		return r;
	w->heads_n = 0;
	w->heads_last = 0;
	w->heads_left = false;
	r = logdb_tips(v->db, add_head, w);
	memset(&w->row, 0, sizeof(w->row));
	if (r == ZK_OK)
		r = logdb_next_id(v->db, &w->row.id);
	if (r != ZK_OK)
		return r;
	memcpy(w->row.log, v->log_id, VAULT_ID_LEN);
	memcpy(w->row.prev, tip.hash, VAULT_ID_LEN);
	w->row.seq = tip.seq + 1;
	w->row.wall_ms = w->wall_ms;
	w->row.state = LOGDB_APPLIED;
	w->row.ack = true;
	w->row.merge = w->merges;
	o.vault = vault_id(v);
	o.log_pk = signkey_pk(v->log);
	o.seq = w->row.seq;
	o.prev = w->row.prev;
	o.lamport0 = 1 + (tip.last_lamport > w->heads_last ?
	    tip.last_lamport : w->heads_last);
	o.wall_ms = w->wall_ms;
	o.rec_heads = members_heads(v->members, &o.rec_heads_n);
	o.heads = w->heads;
	o.heads_n = w->heads_n;
	r = segb_new(&o, &w->b);
	if (r == ZK_OK && w->row.seq == 1)
		r = first_ops(w);
	return r;
}

/* Seals the segment at hand into the database. */
static enum zk_err
close_segment(struct segw *w)
{
	struct vault *v = w->v;
	enum zk_err r = ZK_EBUG;
	const struct key *E = NULL;
	uint8_t epoch_id[32];
	struct buf out;

	buf_init(&out, TRANSPORT_OBJ_MAX);
	r = records_epoch(v, &E, epoch_id);
	if (r == ZK_OK)
		r = segb_seal(w->b, v->env, E, epoch_id, v->log, &out,
		    w->row.hash);
	w->row.last_lamport = segb_last_lamport(w->b);
	if (r == ZK_OK)
		r = logdb_put(v->db, &w->row, out.data, out.len);
	for (size_t i = 0; r == ZK_OK && i < w->heads_n; i++)
		r = logdb_told_put(v->db, w->heads[i].hash);
	if (r == ZK_OK)
		r = store_put_int(v->db, "need_ack", 0);
	buf_release(&out);
	segb_free(w->b);
	w->b = NULL;
	w->written++;
	return r;
}

/*
 * Opens the next segment for ops.  They may name whatever is in the tree, so
 * every tip is told before the first of them; and our own log goes on from
 * all that is in it: see ingest_own_forked.
 */
static enum zk_err
open_segment(struct segw *w)
{
	uint64_t tips = 0;
	enum zk_err r = logdb_tips_of(w->v->db, w->v->log_id, &tips);

	if (r == ZK_OK && tips > 1)
		r = ZK_EFORK;
	if (r == ZK_OK)
		r = begin_segment(w);
	while (r == ZK_OK && w->heads_left) {
		r = close_segment(w);
		if (r == ZK_OK)
			r = begin_segment(w);
	}
	return r;
}

/* Adds op to the segment at hand, or to the next one if that is full. */
static enum zk_err
add(struct segw *w, struct op *op)
{
	enum zk_err r = ZK_OK;

	if (w->b == NULL)
		r = open_segment(w);
	if (r != ZK_OK)
		return r;
	op->content.locator = segcache_locator(w->row.id, segb_count(w->b));
	r = segb_add(w->b, op, &op->id);
	if (r == ZK_ELIMIT && segb_count(w->b) > 0) {
		r = close_segment(w);
		if (r == ZK_OK)
			r = open_segment(w);
		if (r != ZK_OK)
			return r;
		op->content.locator = segcache_locator(w->row.id,
		    segb_count(w->b));
		r = segb_add(w->b, op, &op->id);
	}
	if (r != ZK_OK)
		return r;
	w->locator = op->content.locator;
	w->row.ack = false;
	if (op->content.form == CONTENT_MANIFEST)
		w->row.blobs = true;
	w->count++;
	/* asked only for those of the tree and of the log itself */
	if (op->type < 32)
		w->types |= UINT32_C(1) << op->type;
	return ZK_OK;
}

static enum zk_err
put(void *arg, struct op *op)
{
	struct segw *w = arg;
	enum zk_err r = ZK_EBUG;

	memcpy(op->device, vault_device(w->v), sizeof(op->device));
	op->wall_ms = w->wall_ms;
	r = add(w, op);
	if (r == ZK_OK && op->type == OP_CREATE)
		op->node = op->id;
	if (r == ZK_OK)
		r = tree_apply(w->v->tree, op);
	return r == ZK_OK ? causal_own(w->v, op, w->row.id) : r;
}

enum zk_err
segw_body(struct segw *w, enum op_type type, const void *body, size_t n)
{
	struct op op = { .type = (uint8_t)type, .body = body, .body_len = n,
		.wall_ms = w->wall_ms };
	enum zk_err r = add(w, &op);

	return r == ZK_OK ? logtake_own(w->v, &op, w->row.id) : r;
}

enum zk_err
segw_message(struct segw *w, struct op *op)
{
	enum zk_err r = ZK_EBUG;

	memcpy(op->device, vault_device(w->v), sizeof(op->device));
	op->wall_ms = w->wall_ms;
	r = add(w, op);
	return r == ZK_OK ? msgdb_take(w->v->db, w->v->log_id, op, true) : r;
}

enum zk_err
segw_checkpoint(struct segw *w, struct op *op)
{
	enum zk_err r = ZK_EBUG;

	op->wall_ms = w->wall_ms;
	r = add(w, op);
	return r == ZK_OK ? cpdb_add(w->v->db, op) : r;
}

enum zk_err
segw_value(struct segw *w, struct op *op)
{
	enum zk_err r = ZK_EBUG;

	memcpy(op->device, vault_device(w->v), sizeof(op->device));
	op->wall_ms = w->wall_ms;
	r = add(w, op);
	return r == ZK_OK ? kvdb_take(w->v->db, w->v->log_id, op) : r;
}

enum zk_err
segw_begin(struct vault *v, struct segw **out)
{
	enum zk_err r = ZK_EBUG;
	struct segw *w = calloc(1, sizeof(*w));

	*out = NULL;
	if (w == NULL)
		return ZK_ENOMEM;
	w->v = v;
	w->wall_ms = env_now_ms(v->env);
	w->emit = (struct emit){ v->tree, put, w };
	w->heads = calloc(SEG_HEADS_MAX, sizeof(*w->heads));
	r = w->heads == NULL ? ZK_ENOMEM : tree_begin(v->tree);
	if (r != ZK_OK) {
		free(w->heads);
		free(w);
		return r;
	}
	*out = w;
	return ZK_OK;
}

struct emit *
segw_emit(struct segw *w)
{
	return &w->emit;
}

void
segw_merges(struct segw *w)
{
	w->merges = true;
}

uint64_t
segw_locator(const struct segw *w)
{
	return w->locator;
}

uint64_t
segw_count(const struct segw *w)
{
	return w->count;
}

uint32_t
segw_types(struct segw *w)
{
	uint32_t t = w->types;

	w->types = 0;
	return t;
}

static void
segw_free(struct segw *w)
{
	segb_free(w->b);
	free(w->heads);
	free(w);
}

enum zk_err
segw_end(struct segw *w, bool ack)
{
	enum zk_err r = ZK_OK;

	if (w->b == NULL && w->written == 0 && ack)
		r = open_segment(w);
	if (r == ZK_OK && w->b != NULL)
		r = close_segment(w);
	if (r == ZK_OK)
		r = tree_end(w->v->tree);
	if (r != ZK_OK) {
		segw_abort(w);
		return r;
	}
	segw_free(w);
	return ZK_OK;
}

void
segw_abort(struct segw *w)
{
	if (w == NULL)
		return;
	db_rollback(w->v->db);
	treedb_rolled_back(w->v->td);
	segw_free(w);
}

enum zk_err
segw_commit(struct vault *v, enum zk_err r)
{
	r = db_end(v->db, r);
	if (r != ZK_OK)
		treedb_rolled_back(v->td);
	return r;
}

enum zk_err
segw_ack(struct vault *v)
{
	struct segw *w = NULL;
	enum zk_err r = db_begin(v->db);

	if (r == ZK_OK)
		r = segw_begin(v, &w);
	if (r == ZK_OK)
		r = segw_end(w, true);
	return segw_commit(v, r);
}

enum zk_err
segw_batch(struct vault *v, segw_fill *fill, void *arg)
{
	struct segw *w = NULL;
	enum zk_err r = db_begin(v->db);

	if (r == ZK_OK)
		r = segw_begin(v, &w);
	if (r == ZK_OK)
		r = fill(arg, w);
	if (w != NULL && r == ZK_OK)
		r = segw_end(w, false);
	else
		segw_abort(w);
	return segw_commit(v, r);
}

struct one {
	enum op_type type;
	const void *body;
	size_t n;
};

static enum zk_err
put_one(void *arg, struct segw *w)
{
	const struct one *one = arg;

	return segw_body(w, one->type, one->body, one->n);
}

enum zk_err
segw_one(struct vault *v, enum op_type type, const void *body, size_t n)
{
	struct one one = { type, body, n };

	return segw_batch(v, put_one, &one);
}
