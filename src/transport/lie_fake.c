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
