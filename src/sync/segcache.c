/* Content by locator, over a few opened segments.  See segcache.h. */
#include "sync/segcache.h"

#include <stdlib.h>
#include <string.h>

#include "format/segment.h"
#include "format/thin.h"
#include "store/logdb.h"
#include "sync/vault.h"

#define CACHE_SLOTS 4
#define INDEX_BITS 16

_Static_assert(SEG_OPS_MAX <= 1 << INDEX_BITS, "an index fits a locator");

struct slot {
	int64_t id;		/* row; 0: empty */
	uint64_t used;		/* tick of the last use */
	struct seg *seg;
	struct content *contents;	/* one an op; form 0: none */
	size_t n;
};

struct segcache {
	uint64_t tick;
	struct slot slots[CACHE_SLOTS];
};

uint64_t
segcache_locator(int64_t seg, size_t index)
{
	return (uint64_t)seg << INDEX_BITS | index;
}

int64_t
segcache_row(uint64_t locator)
{
	return (int64_t)(locator >> INDEX_BITS);
}

enum zk_err
segcache_new(struct segcache **out)
{
	*out = calloc(1, sizeof(**out));
	return *out == NULL ? ZK_ENOMEM : ZK_OK;
}

static void
slot_release(struct slot *s)
{
	seg_free(s->seg);
	free(s->contents);
	*s = (struct slot){ 0 };
}

void
segcache_free(struct segcache *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < CACHE_SLOTS; i++)
		slot_release(&c->slots[i]);
	free(c);
}

void
segcache_clear(struct segcache *c)
{
	for (size_t i = 0; i < CACHE_SLOTS; i++)
		slot_release(&c->slots[i]);
}

/* Notes where the content of each op lies. */
static enum zk_err
slot_index(struct slot *s)
{
	enum zk_err r = ZK_OK;
	struct op op;

	s->n = seg_count(s->seg);
	s->contents = calloc(s->n + 1, sizeof(*s->contents));
	if (s->contents == NULL)
		return ZK_ENOMEM;
	for (size_t i = 0; i < s->n; i++) {
		r = seg_next(s->seg, &op);
		if (r == ZK_EREFUSED)
			continue;
		if (r != ZK_OK)
			return r;
		if (op_has_content(op.type))
			s->contents[i] = op.content;
	}
	return ZK_OK;
}

static enum zk_err
slot_load(struct vault *v, int64_t id, struct slot *s)
{
	enum zk_err r = ZK_EBUG;
	struct buf data;
	struct seg_keys keys = { records_find_epoch, v };

	buf_init(&data, SEG_HELD_MAX);
	r = logdb_data(v->db, id, &data);
	if (r == ZK_OK)
		r = seg_open_contents(data.data, data.len, vault_id(v),
		    &keys, &s->seg);
	if (r == ZK_OK)
		r = slot_index(s);
	if (r == ZK_OK)
		s->id = id;
	else
		slot_release(s);
	buf_release(&data);
	return r == ZK_ENOENT ? ZK_ETAMPER : r;
}

enum zk_err
segcache_content(struct vault *v, uint64_t locator, struct content *out)
{
	struct segcache *c = v->cache;
	int64_t id = (int64_t)(locator >> INDEX_BITS);
	size_t index = (size_t)(locator & ((1u << INDEX_BITS) - 1));
	struct slot *s = &c->slots[0];
	enum zk_err r = ZK_OK;

	for (size_t i = 0; i < CACHE_SLOTS && s->id != id; i++) {
		if (c->slots[i].id == id || c->slots[i].used < s->used)
			s = &c->slots[i];
	}
	if (s->id != id || id == 0) {
		slot_release(s);
		r = slot_load(v, id, s);
		if (r != ZK_OK)
			return r;
	}
	s->used = ++c->tick;
	if (index >= s->n || s->contents[index].form == CONTENT_NONE)
		return ZK_ETAMPER;
	*out = s->contents[index];
	return out->form == CONTENT_GONE ? ZK_EGAP : ZK_OK;
}

enum zk_err
segcache_copy(struct vault *v, uint64_t locator, struct content *out,
    struct buf *data)
{
	enum zk_err r = segcache_content(v, locator, out), e;

	buf_reset(data);
	if (r != ZK_OK)
		return r;
	e = buf_put(data, out->data, out->data_len);
	out->data = data->data;
	return e;
}
