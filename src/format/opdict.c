#include <stdlib.h>
#include <string.h>

#include "format/opdict.h"
#include "util/buf.h"
#include "util/rd.h"

#define OPDICT_LOG_LEN 6	/* bytes of a log id inside an op id */
#define OPDICT_MAX 262144	/* ids of either kind: bounds memory */

/* First byte of a reference; see format/op.h. */
enum { REF_SPELLED = 0, REF_ROOT = 1, REF_FIRST = 2 };

struct idlist {
	struct opid *id;
	size_t n;
	size_t cap;
};

/*
 * own: the ops of this segment by Lamport time.  ext: ids spelled out, by
 * first use.  slot: open addressing over ext, for writing; values are
 * index + 1, a power of two of them, at most half of them used.
 */
struct opdict {
	uint8_t log[OPDICT_LOG_LEN];
	uint64_t lamport0;
	int64_t wall_ms;
	struct idlist own;
	struct idlist ext;
	uint32_t *slot;
	size_t slots;
	bool thin;
};

static enum zk_err
idlist_add(struct idlist *l, const struct opid *id)
{
	struct opid *grown;
	size_t cap;

	if (l->n >= OPDICT_MAX)
		return ZK_ELIMIT;
	if (l->n == l->cap) {
		cap = l->cap == 0 ? 64 : l->cap * 2;
		grown = realloc(l->id, cap * sizeof(*grown));
		if (grown == NULL)
			return ZK_ENOMEM;
		l->id = grown;
		l->cap = cap;
	}
	l->id[l->n++] = *id;
	return ZK_OK;
}

enum zk_err
opdict_new(const uint8_t log[static 32], uint64_t lamport0, int64_t wall_ms,
    struct opdict **out)
{
	struct opdict *d = calloc(1, sizeof(*d));

	*out = d;
	if (d == NULL)
		return ZK_ENOMEM;
	memcpy(d->log, log, OPDICT_LOG_LEN);
	d->lamport0 = lamport0;
	d->wall_ms = wall_ms;
	return ZK_OK;
}

void
opdict_thin(struct opdict *d)
{
	d->thin = true;
}

bool
opdict_is_thin(const struct opdict *d)
{
	return d->thin;
}

void
opdict_free(struct opdict *d)
{
	if (d == NULL)
		return;
	free(d->own.id);
	free(d->ext.id);
	free(d->slot);
	free(d);
}

void
opdict_clear(struct opdict *d, int64_t wall_ms)
{
	d->own.n = 0;
	d->ext.n = 0;
	d->wall_ms = wall_ms;
	if (d->slots > 0)
		memset(d->slot, 0, d->slots * sizeof(*d->slot));
}

enum zk_err
opdict_own(struct opdict *d, const struct opid *id)
{
	return idlist_add(&d->own, id);
}

int64_t
opdict_wall(const struct opdict *d)
{
	return d->wall_ms;
}

void
opdict_set_wall(struct opdict *d, int64_t wall_ms)
{
	d->wall_ms = wall_ms;
}

/* True if id is an earlier op of this segment: *back 1 for the last one. */
static bool
opdict_find_own(const struct opdict *d, const struct opid *id, size_t *back)
{
	uint64_t t = opid_lamport(id);

	if (t < d->lamport0 || t - d->lamport0 >= d->own.n)
		return false;
	if (opid_cmp(&d->own.id[t - d->lamport0], id) != 0)
		return false;
	*back = d->own.n - (size_t)(t - d->lamport0);
	return true;
}

/* A slot for id, by bytes that a hash gave. */
static size_t
opdict_slot(const struct opdict *d, const struct opid *id)
{
	uint64_t v;
	size_t i;

	memcpy(&v, id->b + 12, sizeof(v));
	i = (size_t)(v ^ v >> 32) & (d->slots - 1);
	while (d->slot[i] != 0 &&
	    opid_cmp(&d->ext.id[d->slot[i] - 1], id) != 0)
		i = (i + 1) & (d->slots - 1);
	return i;
}

static enum zk_err
opdict_grow(struct opdict *d)
{
	size_t slots = d->slots == 0 ? 256 : d->slots * 2;
	uint32_t *slot = calloc(slots, sizeof(*slot));

	if (slot == NULL)
		return ZK_ENOMEM;
	free(d->slot);
	d->slot = slot;
	d->slots = slots;
	for (size_t i = 0; i < d->ext.n; i++)
		d->slot[opdict_slot(d, &d->ext.id[i])] = (uint32_t)i + 1;
	return ZK_OK;
}

enum zk_err
opdict_put(struct opdict *d, const struct opid *id, struct buf *out)
{
	enum zk_err r;
	size_t back, i;

	if (opid_is_root(id))
		return buf_u8(out, REF_ROOT);
	if (opdict_find_own(d, id, &back))
		return buf_varint(out, REF_FIRST + 2 * (back - 1));
	if (d->slots < 2 * (d->ext.n + 1)) {
		r = opdict_grow(d);
		if (r != ZK_OK)
			return r;
	}
	i = opdict_slot(d, id);
	if (d->slot[i] != 0) {
		back = d->ext.n - (d->slot[i] - 1);
		return buf_varint(out, REF_FIRST + 2 * (back - 1) + 1);
	}
	r = idlist_add(&d->ext, id);
	if (r != ZK_OK)
		return r;
	d->slot[i] = (uint32_t)d->ext.n;
	buf_u8(out, REF_SPELLED);
	return buf_put(out, id->b, OPID_LEN);
}

/* An id spelled out: it may not be one that a shorter form would name. */
static void
opdict_get_spelled(struct opdict *d, struct rd *r, struct opid *id)
{
	enum zk_err e;
	size_t back;

	rd_copy(r, id->b, OPID_LEN);
	if (r->err != ZK_OK)
		return;
	if (opid_is_root(id) || opdict_find_own(d, id, &back)) {
		rd_fail(r, ZK_EFORMAT);
		return;
	}
	e = idlist_add(&d->ext, id);
	if (e != ZK_OK)
		rd_fail(r, e);
}

void
opdict_get(struct opdict *d, struct rd *r, struct opid *id)
{
	uint64_t v = rd_varint(r, REF_FIRST + 2 * OPDICT_MAX);
	const struct idlist *l;
	uint64_t back;

	memset(id, 0, sizeof(*id));
	if (r->err != ZK_OK || v == REF_ROOT)
		return;
	if (v == REF_SPELLED) {
		opdict_get_spelled(d, r, id);
		return;
	}
	l = (v - REF_FIRST) % 2 == 0 ? &d->own : &d->ext;
	back = (v - REF_FIRST) / 2 + 1;
	if (back > l->n) {
		rd_fail(r, ZK_EFORMAT);
		return;
	}
	*id = l->id[l->n - back];
}

static int
opdict_cmp(const void *a, const void *b)
{
	return opid_cmp(a, b);
}

enum zk_err
opdict_check(const struct opdict *d)
{
	enum zk_err r = ZK_OK;
	struct opid *id;

	if (d->ext.n < 2)
		return ZK_OK;
	id = malloc(d->ext.n * sizeof(*id));
	if (id == NULL)
		return ZK_ENOMEM;
	memcpy(id, d->ext.id, d->ext.n * sizeof(*id));
	qsort(id, d->ext.n, sizeof(*id), opdict_cmp);
	for (size_t i = 1; i < d->ext.n; i++)
		if (opid_cmp(&id[i - 1], &id[i]) == 0)
			r = ZK_EFORMAT;
	free(id);
	return r;
}
