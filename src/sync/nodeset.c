#include "sync/nodeset.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/op.h"

#define SLOTS_MIN 256
#define SLOTS_MAX ((size_t)1 << 20)
#define HASH_AT 12		/* where the op hash begins in an op id */

void
nodeset_release(struct nodeset *s)
{
	free(s->slot);
	memset(s, 0, sizeof(*s));
}

/* The slot of v, or the free one where it belongs. */
static uint64_t *
place(const struct nodeset *s, uint64_t v)
{
	size_t i = (size_t)v & (s->cap - 1);

	while (s->slot[i] != 0 && s->slot[i] != v)
		i = (i + 1) & (s->cap - 1);
	return &s->slot[i];
}

/* Makes room for one more: a set is never more than half full. */
static bool
grow(struct nodeset *s)
{
	struct nodeset big = { .cap = s->cap == 0 ? SLOTS_MIN : s->cap * 2 };

	if (s->n < s->cap / 2)
		return true;
	if (big.cap > SLOTS_MAX)
		return false;
	big.slot = calloc(big.cap, sizeof(*big.slot));
	if (big.slot == NULL)
		return false;
	for (size_t i = 0; i < s->cap; i++)
		if (s->slot[i] != 0)
			*place(&big, s->slot[i]) = s->slot[i];
	big.n = s->n;
	free(s->slot);
	*s = big;
	return true;
}

bool
nodeset_add(struct nodeset *s, const struct opid *node)
{
	uint64_t v, *at;

	memcpy(&v, node->b + HASH_AT, sizeof(v));
	v |= v == 0;
	if (s->cap > 0 && *place(s, v) == v)
		return false;
	if (!grow(s))
		return true;
	at = place(s, v);
	*at = v;
	s->n++;
	return true;
}
