#include "transport/lie_fake.h"

#include <string.h>

static struct fake_set *
set_of(struct remote_fake *f, char kind)
{
	return kind == 's' ? &f->segs : kind == 'r' ? &f->recs : &f->blobs;
}

void
lie_fake_flip(struct remote_fake *f, char kind, size_t i, size_t bit)
{
	struct fake_set *s = set_of(f, kind);

	if (i >= s->n || bit / 8 >= s->v[i].len)
		BUG("no such object in the fake remote");
	s->v[i].data[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

void
lie_fake_rollback(struct remote_fake *f, size_t i, size_t n)
{
	uint8_t log[TRANSPORT_NAME_LEN];

	if (i >= f->segs.n)
		BUG("no such object in the fake remote");
	memcpy(log, f->segs.v[i].log, sizeof(log));
	for (size_t k = f->segs.n; k > 0 && n > 0; k--) {
		if (memcmp(f->segs.v[k - 1].log, log, sizeof(log)) != 0)
			continue;
		set_fake_remove(&f->segs, k - 1);
		n--;
	}
}

void
lie_fake_forget(struct remote_fake *f, char kind, size_t i)
{
	struct fake_set *s = set_of(f, kind);

	if (i >= s->n)
		BUG("no such object in the fake remote");
	set_fake_remove(s, i);
}

/* Whether a comes behind b: above it, or below where that is the way. */
static bool
behind(const uint8_t *a, const uint8_t *b, bool below)
{
	int c = memcmp(a, b, TRANSPORT_NAME_LEN);

	return below ? c < 0 : c > 0;
}

/* The lowest name above after, or the highest below it; NULL: none. */
static const uint8_t *
neighbour(const struct fake_set *s, const uint8_t *after, bool below)
{
	const uint8_t *best = NULL;

	for (size_t i = 0; i < s->n; i++) {
		const uint8_t *name = s->v[i].name;

		if ((after == NULL || behind(name, after, below)) &&
		    (best == NULL || behind(best, name, below)))
			best = name;
	}
	return best;
}

/* The next of all names there could be. */
static void
count_up(uint8_t name[static TRANSPORT_NAME_LEN])
{
	for (size_t i = TRANSPORT_NAME_LEN; i > 0; i--)
		if (++name[i - 1] != 0)
			return;
}

static enum zk_err
made_up(struct remote_fake *f, const uint8_t *after, size_t n,
    enum zk_err (*each)(void *, const uint8_t *), void *arg)
{
	uint8_t name[TRANSPORT_NAME_LEN] = { 0 };
	enum zk_err r = ZK_OK;

	if (after != NULL)
		memcpy(name, after, sizeof(name));
	for (; r == ZK_OK && n > 0; n--) {
		count_up(name);
		f->listed++;
		r = each(arg, name);
	}
	return r;
}

enum zk_err
lie_fake_list(struct remote_fake *f, const uint8_t *after,
    enum zk_err (*each)(void *, const uint8_t *), void *arg, bool *more)
{
	bool back = f->list == LIE_LIST_BACK;
	enum zk_err r = ZK_OK;

	*more = f->list == LIE_LIST_EMPTY || f->list == LIE_LIST_ENDLESS;
	if (f->list == LIE_LIST_EMPTY || f->list == LIE_LIST_HIDE)
		return ZK_OK;
	if (f->list == LIE_LIST_UNABLE)
		return ZK_ENOENT;
	if (f->list == LIE_LIST_MANY || f->list == LIE_LIST_ENDLESS)
		return made_up(f, after, TRANSPORT_LIST_MAX +
		    (f->list == LIE_LIST_MANY), each, arg);
	for (size_t i = 0; r == ZK_OK; i++) {
		after = neighbour(&f->blobs, after, back);
		if (after == NULL)
			break;
		*more = i == TRANSPORT_LIST_MAX;
		if (*more)
			break;
		f->listed++;
		r = each(arg, after);
	}
	return r;
}
