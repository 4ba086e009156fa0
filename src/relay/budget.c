#include "relay/budget.h"

void
budget_init(struct budget *b, uint64_t max)
{
	b->max = max;
	atomic_init(&b->all, 0);
	for (unsigned i = 0; i < BUDGET_PARTS; i++)
		atomic_init(&b->part[i], 0);
}

static unsigned
part_of(int64_t space)
{
	return (unsigned)((uint64_t)space % BUDGET_PARTS);
}

static uint64_t
left(uint64_t max, uint64_t used)
{
	return used < max ? max - used : 0;
}

uint64_t
budget_room(const struct budget *b, int64_t space)
{
	uint64_t all = left(b->max, atomic_load(&b->all));
	uint64_t own = left(b->max / 2,
	    atomic_load(&b->part[part_of(space)]));

	return own < all ? own : all;
}

bool
budget_take(struct budget *b, int64_t space, size_t n)
{
	uint64_t all = atomic_fetch_add(&b->all, n);
	uint64_t own = atomic_fetch_add(&b->part[part_of(space)], n);

	if (all < b->max && own < b->max / 2)
		return true;
	budget_give(b, space, n);
	return false;
}

void
budget_give(struct budget *b, int64_t space, size_t n)
{
	atomic_fetch_sub(&b->all, n);
	atomic_fetch_sub(&b->part[part_of(space)], n);
}
