/* Writing values, fetching and waiting for them.  See kv.h. */
#include "sync/kv.h"

#include <stdlib.h>
#include <string.h>

#include "format/kvop.h"
#include "store/kvdb.h"
#include "sync/await.h"
#include "sync/park.h"
#include "sync/round.h"
#include "sync/segw.h"
#include "util/log.h"

/* One batch being recorded. */
struct batch {
	struct vault *v;
	struct segw *w;
	struct buf body;
	/* ops of a key, to be named by the next */
	struct opid *ids;
	size_t n, cap;
	struct kv_write at;	/* the write at hand */
	bool same;		/* the newest value is at's */
	bool wrote;
};

/* A kvdb_row_fn: collects ids. */
static enum zk_err
collect(void *arg, const struct kvdb_row *row)
{
	struct batch *b = arg;
	const struct kv_write *w = &b->at;

	if (b->n == b->cap) {
		size_t cap = b->cap == 0 ? 16 : b->cap * 2;
		struct opid *p = realloc(b->ids, cap * sizeof(*p));

		if (p == NULL)
			return ZK_ENOMEM;
		b->ids = p;
		b->cap = cap;
	}
	if (b->n == 0)
		b->same = row->value_len == w->value_len &&
		    (w->value_len == 0 ||
		    memcmp(row->value, w->value, w->value_len) == 0);
	b->ids[b->n++] = row->id;
	return ZK_OK;
}

/* The same, of those with this value. */
static enum zk_err
collect_same(void *arg, const struct kvdb_row *row)
{
	struct batch *b = arg;
	const struct kv_write *w = &b->at;

	if (row->value_len != w->value_len || (w->value_len > 0 &&
	    memcmp(row->value, w->value, w->value_len) != 0))
		return ZK_OK;
	return collect(b, row);
}

/* Records one op that names the ids from first on. */
static enum zk_err
put(struct batch *b, struct kv_op *op, const struct opid *ids, size_t n)
{
	struct op o = { .type = op->type, .node = op->after,
		.content_refs = ids, .content_refs_n = n };
	enum zk_err r = ZK_EBUG;

	op->key.ns = b->at.key.ns;
	op->key.ns_len = b->at.key.ns_len;
	op->key.name = b->at.key.name;
	op->key.name_len = b->at.key.name_len;
	buf_reset(&b->body);
	r = kvop_encode(op, &b->body);
	if (r != ZK_OK)
		return r;
	o.body = b->body.data;
	o.body_len = b->body.len;
	b->wrote = true;
	return segw_value(b->w, &o);
}

/*
 * Removes what was collected, the oldest first, until no more than keep are
 * left: an op names so many at most.
 */
static enum zk_err
remove_ids(struct batch *b, uint8_t kind, size_t keep)
{
	struct kv_op op = { .type = OP_KV_REMOVE, .key = { .kind = kind } };
	enum zk_err r = ZK_OK;

	while (r == ZK_OK && b->n > keep) {
		size_t n = b->n - keep < OP_REFS_MAX ? b->n - keep :
		    OP_REFS_MAX;

		b->n -= n;
		r = put(b, &op, b->ids + b->n, n);
	}
	return r;
}

/* A value that takes the place of what was collected. */
static enum zk_err
replace(struct batch *b, uint8_t type)
{
	struct kv_op op = { .type = type, .key = { .kind = kvop_kind(type) },
		.value = b->at.value, .value_len = b->at.value_len };
	enum zk_err r = remove_ids(b, op.key.kind, OP_REFS_MAX);

	return r == ZK_OK ? put(b, &op, b->ids, b->n) : r;
}

static enum zk_err
find(struct batch *b, uint8_t kind, int64_t *k)
{
	struct kv_key key = b->at.key;
	enum zk_err r = ZK_EBUG;

	b->n = 0;
	b->same = false;
	key.kind = kind;
	r = kvdb_find(b->v->db, &key, k);
	if (r == ZK_ENOENT)
		*k = 0;	/* no key has it: nothing is found below it */
	return r == ZK_ENOENT ? ZK_OK : r;
}

static enum zk_err
do_set(struct batch *b)
{
	int64_t k = 0;
	enum zk_err r = find(b, KV_REGISTER, &k);

	if (r == ZK_OK && k != 0)
		r = kvdb_live(b->v->db, k, collect, b);
	if (r != ZK_OK || (b->at.if_new && b->n == 1 && b->same))
		return r;
	return replace(b, OP_KV_SET);
}

static enum zk_err
do_add(struct batch *b)
{
	int64_t k = 0;
	enum zk_err r = find(b, KV_SET, &k);

	if (r == ZK_OK && k != 0)
		r = kvdb_adds(b->v->db, k, b->at.value, b->at.value_len,
		    collect, b);
	return r == ZK_OK ? replace(b, OP_KV_ADD) : r;
}

static enum zk_err
do_incr(struct batch *b)
{
	struct kv_op op = { .type = OP_KV_TOTAL,
		.key = { .kind = KV_COUNTER } };
	int64_t k = 0, by = b->at.by;
	enum zk_err r = find(b, KV_COUNTER, &k);

	if (r == ZK_OK)
		r = kvdb_total(b->v->db, k, b->v->log_id, &op.total);
	if (r != ZK_OK)
		return r;
	/* no sum of two of these overflows */
	if (by < -KV_TOTAL_MAX || by > KV_TOTAL_MAX)
		return ZK_ELIMIT;
	op.total += by;
	return put(b, &op, NULL, 0);
}

static enum zk_err
do_push(struct batch *b)
{
	struct kv_op op = { .type = OP_KV_PUSH, .key = { .kind = KV_LIST },
		.value = b->at.value, .value_len = b->at.value_len };
	int64_t k = 0;
	enum zk_err r = find(b, KV_LIST, &k);

	if (r == ZK_OK)
		r = kvdb_last_item(b->v->db, k, &op.after);
	return r == ZK_OK ? put(b, &op, NULL, 0) : r;
}

static enum zk_err
do_take(struct batch *b)
{
	uint8_t kind = b->at.key.kind;
	int64_t k = 0;
	enum zk_err r = find(b, kind, &k);

	if (r == ZK_OK && kind == KV_SET)
		r = kvdb_adds(b->v->db, k, b->at.value, b->at.value_len,
		    collect, b);
	else if (r == ZK_OK)
		r = kvdb_live(b->v->db, k, collect_same, b);
	if (r == ZK_OK && b->n == 0)
		return ZK_ENOENT;
	return r == ZK_OK ? remove_ids(b, kind, 0) : r;
}

static enum zk_err
do_rm(struct batch *b)
{
	bool any = false;
	enum zk_err r = ZK_OK;

	for (uint8_t kind = KV_REGISTER; r == ZK_OK && kind <= KV_LIST;
	    kind++) {
		int64_t k = 0;

		if (!(b->at.kinds & 1u << kind))
			continue;
		r = find(b, kind, &k);
		if (r == ZK_OK && kind == KV_COUNTER)
			r = kvdb_lasts(b->v->db, k, collect, b);
		else if (r == ZK_OK)
			r = kvdb_live(b->v->db, k, collect, b);
		any |= b->n > 0;
		if (r == ZK_OK)
			r = remove_ids(b, kind, 0);
	}
	return r == ZK_OK && !any ? ZK_ENOENT : r;
}

static enum zk_err
put_all(struct batch *b, kv_next_fn *next, void *arg, uint64_t *wrote)
{
	static enum zk_err (*const verbs[])(struct batch *) = {
		[KV_DO_SET] = do_set, [KV_DO_ADD] = do_add,
		[KV_DO_INCR] = do_incr, [KV_DO_PUSH] = do_push,
		[KV_DO_TAKE] = do_take, [KV_DO_RM] = do_rm
	};
	enum zk_err r = ZK_OK;

	for (;;) {
		b->at = (struct kv_write){ .verb = KV_DO_SET };
		r = next(arg, &b->at);
		if (r == ZK_ENOENT)
			return ZK_OK;
		if (r != ZK_OK)
			return r;
		b->wrote = false;
		r = verbs[b->at.verb](b);
		*wrote += b->wrote;
		if (r != ZK_OK)
			return r;
	}
}

struct recording {
	struct batch b;
	kv_next_fn *next;
	void *arg;
	uint64_t *wrote;
};

/* A segw_fill. */
static enum zk_err
fill(void *arg, struct segw *w)
{
	struct recording *rec = arg;

	rec->b.w = w;
	return put_all(&rec->b, rec->next, rec->arg, rec->wrote);
}

/* All writes as one batch, in one transaction. */
static enum zk_err
record(struct vault *v, kv_next_fn *next, void *arg, struct kv_result *out)
{
	struct recording rec = { { .v = v }, next, arg, &out->wrote };
	enum zk_err r = ZK_EBUG;

	buf_init_secret(&rec.b.body, KVOP_BODY_MAX);
	r = segw_batch(v, fill, &rec);
	out->recorded = r == ZK_OK && out->wrote > 0;
	buf_release(&rec.b.body);
	free(rec.b.ids);
	return r;
}

enum zk_err
sync_kv_write(struct vault *v, const struct sync_opts *o, bool offline,
    kv_next_fn *next, void *arg, struct kv_result *out,
    struct sync_report *rep)
{
	struct round rd;
	struct vremote *first = NULL;
	enum zk_err r = round_begin(&rd, v, o, rep);

	memset(out, 0, sizeof(*out));
	if (r == ZK_OK)
		r = remotes_alone(v);
	if (r == ZK_OK && !offline)
		r = remotes_open(&rd);
	/* first: what cannot be sent is not to be recorded, zk-kv(1) */
	if (r == ZK_OK && !offline)
		r = round_primary(&rd, &first);
	if (r == ZK_OK && !offline)
		r = park_return(&rd, first);
	if (r == ZK_OK)
		r = record(v, next, arg, out);
	if (r == ZK_OK && first != NULL) {
		r = remotes_publish(&rd, first);
		if (r == ZK_OK)
			r = round_publish_others(&rd, first);
		if (err_status(r) == 5)
			first->err = r;
		if (r != ZK_OK && out->recorded)
			log_error(r, NULL, "recorded on this device, but not "
			    "on a remote yet: the next run sends it, do not "
			    "do it again");
	}
	return round_finish(&rd, r);
}

enum zk_err
sync_kv_fetch(struct vault *v, const struct sync_opts *o,
    struct sync_report *rep)
{
	struct round rd;
	struct vremote *first = NULL;
	enum zk_err r = round_begin(&rd, v, o, rep);

	if (r == ZK_OK)
		r = remotes_open(&rd);
	if (r == ZK_OK)
		r = round_read_all(&rd, &first);
	if (r == ZK_OK)
		r = round_gaps(&rd);
	return round_finish(&rd, r);
}

/* Waiting ----------------------------------------------------------------- */

struct looking {
	struct vault *v;
	int64_t since;
};

/* An await_look_fn: whether a value changed here. */
static enum zk_err
look(void *arg, bool *news)
{
	struct looking *l = arg;
	int64_t newest = 0;
	enum zk_err r = kvdb_newest(l->v->db, &newest);

	*news = r == ZK_OK && newest > l->since;
	return r;
}

enum zk_err
sync_kv_wait(struct vault *v, const struct sync_opts *o, int64_t since,
    unsigned ms, bool *news)
{
	struct looking l = { v, since };

	return await_news(v, o, ms, look, &l, news);
}
