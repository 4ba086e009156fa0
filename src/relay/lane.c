#include <stdlib.h>
#include <string.h>

#include "relay/lane.h"

#define BUCKETS 1024
#define KEYS 1024	/* remembered keys; a power of two */

struct seen_key {
	uint8_t locator[DEPOT_NAME_LEN];
	uint8_t pk[DEPOT_NAME_LEN];
	int64_t space;
	unsigned epoch;		/* of the store's keys; 0: empty */
	bool retired;
};

struct lane {
	struct core *core;
	unsigned index;
	struct view *reader;
	struct lane_wait *bucket[BUCKETS];
	atomic_uint waiting;	/* waits in all buckets */
	struct seen_key key[KEYS];
};

/* A call to a lane: these keys had news. */
struct news {
	struct lane *lane;
	enum lane_kind kind;
	size_t n;
	int64_t keys[];
};

enum zk_err
lane_new(struct core *core, unsigned index, struct lane **out)
{
	struct lane *l = calloc(1, sizeof(*l));
	enum zk_err r;

	*out = NULL;
	if (l == NULL)
		return ZK_ENOMEM;
	l->core = core;
	l->index = index;
	atomic_init(&l->waiting, 0);
	r = view_new(core->depot, &l->reader);
	if (r != ZK_OK) {
		free(l);
		return r;
	}
	*out = l;
	return ZK_OK;
}

void
lane_free(struct lane *l)
{
	if (l == NULL)
		return;
	view_free(l->reader);
	free(l);
}

struct view *
lane_view(struct lane *l)
{
	return l->reader;
}

enum zk_err
lane_key(struct lane *l, const uint8_t locator[static DEPOT_NAME_LEN],
    const uint8_t pk[static DEPOT_NAME_LEN], int64_t *space, bool *retired)
{
	/* both are hashes or keys, so their bytes spread well */
	struct seen_key *k = &l->key[(locator[0] | (locator[1] ^ pk[1]) << 8) %
	    KEYS];
	unsigned epoch = depot_keys_epoch(l->core->depot);
	enum zk_err r;

	if (k->epoch == epoch &&
	    memcmp(k->locator, locator, DEPOT_NAME_LEN) == 0 &&
	    memcmp(k->pk, pk, DEPOT_NAME_LEN) == 0) {
		*space = k->space;
		*retired = k->retired;
		return ZK_OK;
	}
	r = view_key(l->reader, locator, pk, space, retired);
	if (r != ZK_OK)
		return r;
	memcpy(k->locator, locator, DEPOT_NAME_LEN);
	memcpy(k->pk, pk, DEPOT_NAME_LEN);
	k->space = *space;
	k->retired = *retired;
	k->epoch = epoch;	/* read before the key: never too new */
	return ZK_OK;
}

static struct lane_wait **
bucket_of(struct lane *l, enum lane_kind kind, int64_t key)
{
	return &l->bucket[((uint64_t)key * 2 + kind) % BUCKETS];
}

void
lane_wait(struct lane *l, struct lane_wait *w, enum lane_kind kind,
    int64_t key)
{
	struct lane_wait **b = bucket_of(l, kind, key);

	if (w->prevp != NULL)
		return;
	w->kind = kind;
	w->key = key;
	w->next = *b;
	w->prevp = b;
	if (*b != NULL)
		(*b)->prevp = &w->next;
	*b = w;
	/* sequentially consistent: ordered before the caller's look */
	atomic_fetch_add(&l->waiting, 1);
}

void
lane_leave(struct lane *l, struct lane_wait *w)
{
	if (w->prevp == NULL)
		return;
	*w->prevp = w->next;
	if (w->next != NULL)
		w->next->prevp = w->prevp;
	w->next = NULL;
	w->prevp = NULL;
	atomic_fetch_sub(&l->waiting, 1);
}

static void
wake_key(struct lane *l, enum lane_kind kind, int64_t key)
{
	struct lane_wait *next;

	for (struct lane_wait *w = *bucket_of(l, kind, key); w != NULL;
	    w = next) {
		next = w->next;
		if (w->kind == kind && w->key == key)
			w->wake(w);
	}
}

static void
tell(void *arg)
{
	struct news *news = arg;

	for (size_t i = 0; i < news->n; i++)
		wake_key(news->lane, news->kind, news->keys[i]);
	free(news);
}

void
lane_wake(struct core *core, enum lane_kind kind, const int64_t *keys,
    size_t n)
{
	for (unsigned i = 0; i < core->lanes; i++) {
		struct lane *l = core->lane[i];
		struct news *news;

		if (atomic_load(&l->waiting) == 0)
			continue;
		news = malloc(sizeof(*news) + n * sizeof(*keys));
		if (news == NULL)
			continue;	/* they find out when they ask again */
		news->lane = l;
		news->kind = kind;
		news->n = n;
		memcpy(news->keys, keys, n * sizeof(*keys));
		if (httpd_post(httpd_worker_at(core->http, i), tell, news) !=
		    ZK_OK)
			free(news);
	}
}
