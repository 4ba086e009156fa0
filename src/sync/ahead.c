#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sync/ahead.h"
#include "sync/download.h"
#include "util/buf.h"

struct want {
	uint64_t key;
	uint64_t size;
};

/* One content of the window. */
struct slot {
	struct content c;
	struct buf data;	/* of c */
	struct buf out;
	enum zk_err r;		/* ZK_OK: out has it */
};

struct ahead {
	struct ahead_opts o;
	struct want *want;
	size_t n, cap;
	size_t at;		/* the next to be asked for */
	/* what is fetched: want[first .. first + slots - 1] */
	struct slot slot[AHEAD_FILES];
	size_t first, slots;
	size_t given;		/* of slot, to the download */
};

enum zk_err
ahead_new(const struct ahead_opts *o, struct ahead **out)
{
	struct ahead *a = calloc(1, sizeof(*a));

	*out = a;
	if (a == NULL)
		return ZK_ENOMEM;
	a->o = *o;
	return ZK_OK;
}

static void
drop_window(struct ahead *a)
{
	for (size_t i = 0; i < a->slots; i++) {
		buf_release(&a->slot[i].data);
		buf_release(&a->slot[i].out);
	}
	a->slots = 0;
}

void
ahead_free(struct ahead *a)
{
	if (a == NULL)
		return;
	drop_window(a);
	free(a->want);
	free(a);
}

void
ahead_reset(struct ahead *a)
{
	drop_window(a);
	a->n = a->at = a->first = 0;
}

enum zk_err
ahead_add(struct ahead *a, uint64_t key, uint64_t size)
{
	if (a->n == a->cap) {
		size_t cap = a->cap == 0 ? 64 : 2 * a->cap;
		struct want *p = realloc(a->want, cap * sizeof(*p));

		if (p == NULL)
			return ZK_ENOMEM;
		a->want = p;
		a->cap = cap;
	}
	a->want[a->n++] = (struct want){ key, size };
	return ZK_OK;
}

static enum zk_err
next_item(void *arg, struct download_item *it)
{
	struct ahead *a = arg;
	struct slot *s;

	/* what could not be looked up is not fetched */
	while (a->given < a->slots && a->slot[a->given].r != ZK_EBUG)
		a->given++;
	if (a->given == a->slots)
		return ZK_ENOENT;
	s = &a->slot[a->given++];
	it->c = &s->c;
	it->out = &s->out;
	it->cookie = s;
	return ZK_OK;
}

static enum zk_err
item_done(void *arg, const struct download_item *it, enum zk_err r)
{
	struct slot *s = it->cookie;

	(void)arg;
	s->r = r;
	return ZK_OK;
}

/* Fetches want[from] and as many behind it as the window holds. */
static enum zk_err
fill_window(struct ahead *a, size_t from)
{
	struct download_many m = { next_item, item_done, a };
	uint64_t bytes = 0;

	drop_window(a);
	a->first = from;
	while (from + a->slots < a->n && a->slots < AHEAD_FILES) {
		const struct want *w = &a->want[from + a->slots];
		struct slot *s = &a->slot[a->slots];

		if (a->slots > 0 && (w->size > AHEAD_BYTES ||
		    bytes + w->size > AHEAD_BYTES))
			break;
		bytes += w->size;
		memset(s, 0, sizeof(*s));
		buf_init(&s->data, 1u << 20);
		buf_init_secret(&s->out, (size_t)w->size);
		s->r = a->o.content(a->o.arg, w->key, &s->c, &s->data);
		if (s->r == ZK_OK)
			s->r = ZK_EBUG;		/* until it is done */
		a->slots++;
	}
	a->given = 0;
	return download_many(a->o.d, &m);
}

enum zk_err
ahead_get(struct ahead *a, uint64_t key, struct buf *out)
{
	size_t i = a->at;
	struct slot *s;
	enum zk_err r;

	while (i < a->n && a->want[i].key != key)
		i++;
	if (i == a->n)
		return ZK_ENOENT;
	a->at = i + 1;
	if (i < a->first || i >= a->first + a->slots) {
		r = fill_window(a, i);
		if (r != ZK_OK) {
			drop_window(a);
			return r;
		}
	}
	s = &a->slot[i - a->first];
	buf_reset(out);
	r = s->r == ZK_OK ? buf_put(out, s->out.data, s->out.len) : s->r;
	buf_release(&s->out);
	return r;
}
