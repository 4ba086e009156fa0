/* Two texts in tokens, compared.  See sides.h. */
#include "text/sides.h"

#include <stdlib.h>

#include "text/myers.h"

enum zk_err
sides_init(struct sides *s, enum token_kind kind, const uint8_t *a,
    size_t a_len, const uint8_t *b, size_t b_len)
{
	enum zk_err r = tokens_init(&s->a, kind, a, a_len);
	enum zk_err e = tokens_init(&s->b, kind, b, b_len);

	s->kind = kind;
	return r == ZK_OK ? e : r;
}

void
sides_release(struct sides *s)
{
	tokens_release(&s->a);
	tokens_release(&s->b);
}

/*
 * The tokens that the other side has too, for Myers: its time goes by what
 * changed, and a token that is new cannot be anything but changed.
 */
static size_t
known(struct tokens *t, const uint8_t *in, uint32_t *class, uint32_t *at)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (in[t->class[i]] != 3) {
			t->fresh[i] = 1;
			continue;
		}
		class[n] = t->class[i];
		at[n++] = (uint32_t)i;
	}
	return n;
}

/* For Myers; what needs more edits than that is not alike. */
static const size_t costs[] = {
	[TOKEN_LINE] = 1024, [TOKEN_WORD] = 256, [TOKEN_CHAR] = 64
};

struct work {
	uint32_t *class[2], *at[2];
	uint8_t *fresh[2];
};

static enum zk_err
work_init(struct work *w, const struct sides *s)
{
	for (int i = 0; i < 2; i++) {
		size_t n = (i == 0 ? s->a.n : s->b.n) + 1;

		w->class[i] = calloc(n, sizeof(uint32_t));
		w->at[i] = calloc(n, sizeof(uint32_t));
		w->fresh[i] = calloc(n, 1);
		if (w->class[i] == NULL || w->at[i] == NULL ||
		    w->fresh[i] == NULL)
			return ZK_ENOMEM;
	}
	return ZK_OK;
}

enum zk_err
sides_compare(struct sides *s)
{
	struct work w = { .class = { NULL, NULL } };
	uint8_t *in = NULL;
	size_t classes, n[2] = { 0, 0 };
	enum zk_err r;

	r = tokens_classes(&s->a, &s->b, &classes, &in);
	if (r == ZK_OK)
		r = work_init(&w, s);
	if (r == ZK_OK) {
		n[0] = known(&s->a, in, w.class[0], w.at[0]);
		n[1] = known(&s->b, in, w.class[1], w.at[1]);
		r = myers_mark(w.class[0], n[0], w.class[1], n[1],
		    costs[s->kind], w.fresh[0], w.fresh[1]);
	}
	if (r == ZK_OK) {
		for (size_t i = 0; i < n[0]; i++)
			s->a.fresh[w.at[0][i]] = w.fresh[0][i];
		for (size_t i = 0; i < n[1]; i++)
			s->b.fresh[w.at[1][i]] = w.fresh[1][i];
	}
	free(in);
	for (int i = 0; i < 2; i++) {
		free(w.class[i]);
		free(w.at[i]);
		free(w.fresh[i]);
	}
	return r;
}

bool
sides_next(const struct sides *s, struct hunk *h)
{
	size_t i = h->a1, k = h->b1;

	while (i < s->a.n && k < s->b.n && !s->a.fresh[i] && !s->b.fresh[k]) {
		i++;
		k++;
	}
	h->a0 = i;
	h->b0 = k;
	while (i < s->a.n && s->a.fresh[i])
		i++;
	while (k < s->b.n && s->b.fresh[k])
		k++;
	h->a1 = i;
	h->b1 = k;
	return i > h->a0 || k > h->b0;
}
