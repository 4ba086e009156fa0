/* A set of op ids.  See keyset.h. */
#include "sync/keyset.h"

#include <stdlib.h>

void
keyset_init(struct keyset *s)
{
	*s = (struct keyset){ NULL, NULL, 0, 0 };
}

void
keyset_release(struct keyset *s)
{
	free(s->slots);
	free(s->used);
	keyset_init(s);
}

/* The slot where id is or would be. */
static size_t
slot_of(const struct keyset *s, const struct opid *id)
{
	size_t h = 0;

	/* the last bytes of an id are those of a hash */
	memcpy(&h, id->b + OPID_LEN - sizeof(h), sizeof(h));
	h &= s->cap - 1;
	while (s->used[h] && opid_cmp(&s->slots[h], id) != 0)
		h = (h + 1) & (s->cap - 1);
	return h;
}

static enum zk_err
grow(struct keyset *s)
{
	struct keyset big = { .n = s->n, .cap = s->cap == 0 ? 64 :
		s->cap * 2 };

	big.slots = calloc(big.cap, sizeof(*big.slots));
	big.used = calloc(big.cap, sizeof(*big.used));
	if (big.slots == NULL || big.used == NULL) {
		keyset_release(&big);
		return ZK_ENOMEM;
	}
	for (size_t i = 0; i < s->cap; i++) {
		size_t at = 0;

		if (!s->used[i])
			continue;
		at = slot_of(&big, &s->slots[i]);
		big.slots[at] = s->slots[i];
		big.used[at] = true;
	}
	free(s->slots);
	free(s->used);
	*s = big;
	return ZK_OK;
}

enum zk_err
keyset_add(struct keyset *s, const struct opid *id, bool *fresh)
{
	size_t at = 0;

	if (s->n * 2 >= s->cap) {
		enum zk_err r = grow(s);

		if (r != ZK_OK)
			return r;
	}
	at = slot_of(s, id);
	if (fresh != NULL)
		*fresh = !s->used[at];
	if (s->used[at])
		return ZK_OK;
	s->slots[at] = *id;
	s->used[at] = true;
	s->n++;
	return ZK_OK;
}

bool
keyset_has(const struct keyset *s, const struct opid *id)
{
	return s->cap > 0 && s->used[slot_of(s, id)];
}
