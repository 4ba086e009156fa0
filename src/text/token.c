/* Text in pieces.  See token.h. */
#include "text/token.h"

#include <stdlib.h>
#include <string.h>

#include "util/utf8.h"

#define PROBES 64	/* places looked at for a class */

/* ---- characters ---- */

#define ZWJ 0x200du

/*
 * What belongs to the code point before it: combining marks of the scripts
 * that are written with them, variation selectors, skin tones, tags.  Unicode
 * has more; a mark that is missing here is compared by itself, no worse.
 */
static const uint32_t marks[][2] = {
	{ 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd },
	{ 0x05bf, 0x05bf }, { 0x05c1, 0x05c2 }, { 0x05c4, 0x05c5 },
	{ 0x05c7, 0x05c7 }, { 0x0610, 0x061a }, { 0x064b, 0x065f },
	{ 0x0670, 0x0670 }, { 0x06d6, 0x06dc }, { 0x06df, 0x06e4 },
	{ 0x06e7, 0x06e8 }, { 0x06ea, 0x06ed }, { 0x0711, 0x0711 },
	{ 0x0730, 0x074a }, { 0x07eb, 0x07f3 }, { 0x0900, 0x0903 },
	{ 0x093a, 0x093c }, { 0x093e, 0x094f }, { 0x0951, 0x0957 },
	{ 0x0981, 0x0983 }, { 0x09bc, 0x09bc }, { 0x09be, 0x09cd },
	{ 0x0a01, 0x0a03 }, { 0x0a3c, 0x0a51 }, { 0x0abc, 0x0abc },
	{ 0x0abe, 0x0acd }, { 0x0b3c, 0x0b3c }, { 0x0b3e, 0x0b57 },
	{ 0x0bbe, 0x0bcd }, { 0x0c3e, 0x0c56 }, { 0x0cbc, 0x0cbc },
	{ 0x0cbe, 0x0cd6 }, { 0x0d3b, 0x0d4d }, { 0x0dca, 0x0ddf },
	{ 0x0e31, 0x0e31 }, { 0x0e34, 0x0e3a }, { 0x0e47, 0x0e4e },
	{ 0x0eb1, 0x0eb1 }, { 0x0eb4, 0x0ebc }, { 0x0ec8, 0x0ecd },
	{ 0x0f71, 0x0f84 }, { 0x102b, 0x103e }, { 0x1160, 0x11ff },
	{ 0x17b4, 0x17d3 }, { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff },
	{ 0x200d, 0x200d }, { 0x20d0, 0x20ff }, { 0x302a, 0x302f },
	{ 0x3099, 0x309a }, { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f },
	{ 0x1f3fb, 0x1f3ff }, { 0xe0020, 0xe007f }, { 0xe0100, 0xe01ef },
};

static bool
is_mark(uint32_t cp)
{
	size_t lo = 0, hi = sizeof(marks) / sizeof(marks[0]);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (cp > marks[mid][1])
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < sizeof(marks) / sizeof(marks[0]) && cp >= marks[lo][0];
}

static bool
is_flag(uint32_t cp)
{
	return cp >= 0x1f1e6 && cp <= 0x1f1ff;
}

/* One code point; a byte that is none counts as one. */
static size_t
point(const uint8_t *p, size_t n, uint32_t *cp)
{
	size_t k = p[0] < 0x80 ? 0 : utf8_at(p, n, cp);

	if (k > 0)
		return k;
	*cp = p[0];
	return 1;
}

/* The bytes of the character at p, and its first code point. */
static size_t
character(const uint8_t *p, size_t n, uint32_t *first)
{
	size_t k = point(p, n, first), len = k;
	uint32_t cp, before = *first;

	if (*first == '\r' && len < n && p[len] == '\n')
		return 2;
	if (*first < 0x20)
		return len;
	while (len < n && p[len] >= 0x80) {
		k = point(p + len, n - len, &cp);
		if (!is_mark(cp) && before != ZWJ &&
		    !(is_flag(before) && is_flag(cp) && len == 4))
			break;
		len += k;
		before = cp;
	}
	return len;
}

/* ---- words and lines ---- */

enum word { LETTERS, SPACE, LINE_END, OTHER };

/* Whatever is not ASCII counts as a letter. */
static enum word
word_of(uint32_t cp)
{
	if ((cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z') ||
	    (cp >= '0' && cp <= '9') || cp == '_' || cp >= 0x80)
		return LETTERS;
	if (cp == ' ' || cp == '\t')
		return SPACE;
	return cp == '\n' || cp == '\r' ? LINE_END : OTHER;
}

static size_t
word(const uint8_t *p, size_t n)
{
	uint32_t cp = 0;
	size_t len = character(p, n, &cp), k;
	enum word w = word_of(cp);

	if (w != LETTERS && w != SPACE)
		return len;
	for (; len < n; len += k) {
		k = character(p + len, n - len, &cp);
		if (word_of(cp) != w)
			break;
	}
	return len;
}

static size_t
piece(enum token_kind kind, const uint8_t *p, size_t n)
{
	const uint8_t *end;
	uint32_t cp;

	switch (kind) {
	case TOKEN_WORD:
		return word(p, n);
	case TOKEN_CHAR:
		/* whoever changes ends of lines puts in or takes out the CR */
		return p[0] == '\r' ? 1 : character(p, n, &cp);
	case TOKEN_LINE:
	default:
		end = memchr(p, '\n', n);
		return end == NULL ? n : (size_t)(end - p) + 1;
	}
}

enum zk_err
tokens_init(struct tokens *t, enum token_kind kind, const uint8_t *text,
    size_t n)
{
	size_t cap = 0;

	*t = (struct tokens){ .text = text };
	for (size_t at = 0; at < n;) {
		at += piece(kind, text + at, n - at);
		if (t->n == cap) {
			uint32_t *p;

			cap += cap / 2 + 64;
			p = realloc(t->end, cap * sizeof(*p));
			if (p == NULL)
				return ZK_ENOMEM;
			t->end = p;
		}
		t->end[t->n++] = (uint32_t)at;
	}
	t->class = calloc(t->n + 1, sizeof(*t->class));
	t->fresh = calloc(t->n + 1, sizeof(*t->fresh));
	return t->class == NULL || t->fresh == NULL ? ZK_ENOMEM : ZK_OK;
}

void
tokens_release(struct tokens *t)
{
	free(t->end);
	free(t->class);
	free(t->fresh);
	*t = (struct tokens){ .n = 0 };
}

size_t
tokens_at(const struct tokens *t, size_t i)
{
	return i == 0 ? 0 : t->end[i - 1];
}

bool
tokens_strong(const struct tokens *t, size_t i)
{
	uint32_t cp = 0;
	size_t at = tokens_at(t, i);
	enum word w;

	(void)point(t->text + at, t->end[i] - at, &cp);
	w = word_of(cp);
	return w == LETTERS || w == LINE_END;
}

/* ---- classes ---- */

/* The first token of a class. */
struct seen {
	const uint8_t *p;
	uint32_t len;
};

struct table {
	uint32_t *v;		/* by hash: class + 1, or 0 */
	size_t mask;
	struct seen *first;	/* by class */
	uint8_t *in;		/* by class */
	uint32_t n;
};

/*
 * Eight bytes at a time; which tokens meet in the table decides nothing but
 * the time.
 */
static size_t
hash(const uint8_t *p, size_t n)
{
	uint64_t h = n * 0x9e3779b97f4a7c15u, w;

	for (; n > 0;) {
		size_t k = n < sizeof(w) ? n : sizeof(w);

		w = 0;
		memcpy(&w, p, k);
		h = (h ^ w) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
		p += k;
		n -= k;
	}
	return (size_t)h;
}

static uint32_t
class_of(struct table *t, const uint8_t *p, uint32_t n, uint8_t side)
{
	size_t h = hash(p, n);

	for (size_t i = 0; i < PROBES; i++) {
		uint32_t *c = &t->v[(h + i) & t->mask];
		const struct seen *e;

		if (*c == 0) {
			*c = t->n + 1;
			break;
		}
		e = &t->first[*c - 1];
		if (e->len == n && memcmp(e->p, p, n) == 0) {
			t->in[*c - 1] |= side;
			return *c - 1;
		}
	}
	t->first[t->n] = (struct seen){ p, n };
	t->in[t->n] = side;
	return t->n++;
}

static void
classify(struct table *t, struct tokens *k, uint8_t side)
{
	for (size_t i = 0; i < k->n; i++) {
		size_t at = tokens_at(k, i);

		k->class[i] = class_of(t, k->text + at,
		    (uint32_t)(k->end[i] - at), side);
	}
}

enum zk_err
tokens_classes(struct tokens *a, struct tokens *b, size_t *n, uint8_t **in)
{
	struct table t = { .mask = 63 };
	size_t all = a->n + b->n;

	while (t.mask < all + all / 2)
		t.mask = t.mask * 2 + 1;
	*n = 0;
	*in = NULL;
	t.v = calloc(t.mask + 1, sizeof(*t.v));
	t.first = calloc(all + 1, sizeof(*t.first));
	t.in = calloc(all + 1, 1);
	if (t.v != NULL && t.first != NULL && t.in != NULL) {
		classify(&t, a, 1);
		classify(&t, b, 2);
		*n = t.n;
		*in = t.in;
		t.in = NULL;
	}
	free(t.v);
	free(t.first);
	free(t.in);
	return *in == NULL ? ZK_ENOMEM : ZK_OK;
}
