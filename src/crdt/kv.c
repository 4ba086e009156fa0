/* What value ops mean.  See kv.h. */
#include "crdt/kv.h"

#include <stdlib.h>

/* Covers one op of the key; *news if that changes anything. */
static enum zk_err
cover_one(const struct kvdb *db, int64_t k, const struct opid *id,
    bool *news)
{
	enum kv_state was = KV_NONE;
	enum zk_err r = db->state(db->arg, k, id, &was);

	if (r != ZK_OK || was == KV_AWAITED || was == KV_COVERED)
		return r;
	*news |= was == KV_LIVE;
	return db->cover(db->arg, k, id);
}

enum zk_err
kv_apply(const struct kvdb *db, const struct kv_op *op)
{
	enum kv_state was = KV_NONE;
	int64_t k = 0;
	bool news = false;
	enum zk_err r = db->key(db->arg, &op->key, &k);

	for (size_t i = 0; r == ZK_OK && i < op->covers_n; i++)
		r = cover_one(db, k, &op->covers[i], &news);
	if (r == ZK_OK && op->type != OP_KV_REMOVE) {
		r = db->state(db->arg, k, &op->id, &was);
		if (r == ZK_OK && (was == KV_NONE || was == KV_AWAITED)) {
			/* a counter moves by covered ops, too */
			news |= was == KV_NONE || op->type == OP_KV_TOTAL;
			r = db->put(db->arg, k, op, was == KV_NONE);
		}
	}
	return r == ZK_OK && news ? db->changed(db->arg, k) : r;
}

/* Counters ---------------------------------------------------------------- */

static uint64_t
add_held(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

int64_t
kv_sum(const struct kv_part *p, size_t n)
{
	/* apart by sign, so that the order of the logs does not matter */
	uint64_t up = 0, down = 0, diff;

	for (size_t i = 0; i < n; i++) {
		/* totals are small: KV_TOTAL_MAX */
		int64_t v = p[i].last - p[i].covered;

		if (v > 0)
			up = add_held(up, (uint64_t)v);
		else
			down = add_held(down, (uint64_t)-v);
	}
	diff = up > down ? up - down : down - up;
	if (diff > INT64_MAX)
		diff = INT64_MAX;
	return up > down ? (int64_t)diff : -(int64_t)diff;
}

/* Lists ------------------------------------------------------------------- */

/* By what it is after, then newest first. */
static int
by_place(const void *a, const void *b)
{
	const struct kv_item *x = a, *y = b;
	int c = opid_cmp(&x->after, &y->after);

	return c != 0 ? c : opid_cmp(&y->id, &x->id);
}

/* The first of n sorted items that is after id; n: none. */
static size_t
first_after(const struct kv_item *item, size_t n, const struct opid *id)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (opid_cmp(&item[mid].after, id) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && opid_cmp(&item[lo].after, id) == 0 ? lo : n;
}

/*
 * No id can be after itself, however long the way round: an id is a hash of
 * what the op names.  So each item is met once at most.
 */
static size_t
walk(const struct kv_item *in, size_t n, size_t *stack, struct kv_item *out)
{
	static const struct opid start;
	size_t depth = 0, done = 0;
	size_t at = first_after(in, n, &start);

	while (at < n || depth > 0) {
		size_t next;

		if (at == n) {
			at = stack[--depth];
			continue;
		}
		out[done++] = in[at];
		/* what comes after all that hangs on this one */
		next = at + 1 < n && opid_cmp(&in[at + 1].after,
		    &in[at].after) == 0 ? at + 1 : n;
		if (next < n)
			stack[depth++] = next;
		at = first_after(in, n, &in[at].id);
	}
	return done;
}

enum zk_err
kv_order(struct kv_item *item, size_t *n)
{
	struct kv_item *in = NULL;
	size_t *stack = NULL;
	enum zk_err r = ZK_ENOMEM;

	if (*n == 0)
		return ZK_OK;
	in = calloc(*n, sizeof(*in));
	stack = calloc(*n, sizeof(*stack));
	if (in != NULL && stack != NULL) {
		memcpy(in, item, *n * sizeof(*in));
		qsort(in, *n, sizeof(*in), by_place);
		*n = walk(in, *n, stack, item);
		r = ZK_OK;
	}
	free(in);
	free(stack);
	return r;
}
