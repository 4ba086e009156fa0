#include "transport/set_fake.h"

#include <stdlib.h>
#include <string.h>

void
set_fake_remove(struct fake_set *s, size_t i)
{
	free(s->v[i].data);
	memmove(&s->v[i], &s->v[i + 1], (s->n - i - 1) * sizeof(*s->v));
	s->n--;
}

void
set_fake_release(struct fake_set *s)
{
	while (s->n > 0)
		set_fake_remove(s, s->n - 1);
	free(s->v);
	memset(s, 0, sizeof(*s));
}

struct fake_obj *
set_fake_find(const struct fake_set *s, const uint8_t *name)
{
	for (size_t i = s->n; i > 0; i--)
		if (memcmp(s->v[i - 1].name, name, TRANSPORT_NAME_LEN) == 0)
			return &s->v[i - 1];
	return NULL;
}

struct fake_obj *
set_fake_place(const struct fake_set *s, const uint8_t *log, uint64_t seq)
{
	for (size_t i = s->n; i > 0; i--)
		if (s->v[i - 1].seq == seq && memcmp(s->v[i - 1].log, log,
		    TRANSPORT_NAME_LEN) == 0)
			return &s->v[i - 1];
	return NULL;
}

enum zk_err
set_fake_add(struct fake_set *s, const struct fake_obj *o, const void *p,
    size_t n)
{
	uint8_t *copy;

	if (s->n == s->cap) {
		size_t cap = s->cap == 0 ? 16 : 2 * s->cap;
		struct fake_obj *v = realloc(s->v, cap * sizeof(*v));

		if (v == NULL)
			return ZK_ENOMEM;
		s->v = v;
		s->cap = cap;
	}
	copy = malloc(n > 0 ? n : 1);
	if (copy == NULL)
		return ZK_ENOMEM;
	if (n > 0)
		memcpy(copy, p, n);
	s->v[s->n] = *o;
	s->v[s->n].data = copy;
	s->v[s->n].len = n;
	s->n++;
	return ZK_OK;
}
