/* The edit script between two texts.  See diff.h. */
#include "text/diff.h"

#include <stdlib.h>

#include "text/sides.h"

/*
 * Of a changed piece the bytes up to which its characters are compared; of a
 * longer one, those between what both begin and end with, and so much of that
 * beside them that no character is cut.
 */
#define CHARS_MAX 16384
#define MARGIN 64
/* Characters that must be the same in a row between two edits. */
#define CHARS_RUN 3

/* Two pieces of text that took each other's place. */
struct pair {
	const uint8_t *a, *b;
	size_t a_len, b_len;
};

struct maker {
	struct script *out;
	const uint8_t *old;
	size_t done;		/* bytes of old that the script has passed */
};

static enum zk_err
emit(struct maker *m, const struct pair *p)
{
	size_t at = (size_t)(p->a - m->old);
	enum zk_err r = script_add(m->out, at - m->done, p->a_len, p->b,
	    p->b_len);

	m->done = at + p->a_len;
	return r;
}

/* ---- what a person would call the change ---- */

/*
 * Of tokens that were only put in, or only taken out, it is often open which
 * of several equal ones they are: the last, as if typed behind what is there.
 * Behind t the other side o goes on with token at.
 */
static void
slide(struct tokens *t, size_t from, size_t to, const struct tokens *o,
    size_t at)
{
	while (to < t->n && at < o->n && !t->fresh[to] && !o->fresh[at] &&
	    t->class[from] == t->class[to]) {
		t->fresh[from++] = 0;
		t->fresh[to++] = 1;
		at++;
	}
}

static void
slide_all(struct sides *s)
{
	struct hunk h = { 0, 0, 0, 0 };

	while (sides_next(s, &h)) {
		if (h.a0 == h.a1)
			slide(&s->b, h.b0, h.b1, &s->a, h.a1);
		else if (h.b0 == h.b1)
			slide(&s->a, h.a0, h.a1, &s->b, h.b1);
		else
			continue;
		/* once more from where it lies now */
		h.a1 = h.a0;
		h.b1 = h.b0;
		(void)sides_next(s, &h);
	}
}

/*
 * Whether what is the same between two changes is so by chance: no word and
 * no end of line, or only a few characters.
 */
static bool
by_chance(const struct sides *s, size_t from, size_t to)
{
	if (s->kind == TOKEN_CHAR)
		return to - from < CHARS_RUN;
	for (size_t i = from; i < to; i++)
		if (tokens_strong(&s->a, i))
			return false;
	return true;
}

static void
join_changes(struct sides *s)
{
	struct hunk h = { 0, 0, 0, 0 }, before = h;
	bool any = false;

	for (; sides_next(s, &h); before = h, any = true) {
		if (!any || !by_chance(s, before.a1, h.a0))
			continue;
		for (size_t i = before.a1; i < h.a0; i++)
			s->a.fresh[i] = 1;
		for (size_t k = before.b1; k < h.b0; k++)
			s->b.fresh[k] = 1;
	}
}

/*
 * Whether enough is left of the smaller side that the bigger one can be said
 * to be made from it: a third by words, half by characters; spaces and ends
 * of lines say nothing.
 */
static bool
is_alike(const struct sides *s)
{
	const struct tokens *t = s->a.n == 0 || (s->b.n > 0 &&
	    s->b.end[s->b.n - 1] < s->a.end[s->a.n - 1]) ? &s->b : &s->a;
	size_t all = 0, same = 0;

	for (size_t i = 0; i < t->n; i++) {
		size_t at = tokens_at(t, i), len = t->end[i] - at;

		if (t->text[at] <= ' ')
			continue;
		all += len;
		same += t->fresh[i] ? 0 : len;
	}
	return s->kind == TOKEN_CHAR ? same * 2 >= all : same * 3 >= all;
}

/* ---- lines, words, characters ---- */

static struct pair
pair_of(const struct sides *s, const struct hunk *h)
{
	size_t a = tokens_at(&s->a, h->a0), b = tokens_at(&s->b, h->b0);

	return (struct pair){ s->a.text + a, s->b.text + b,
	    tokens_at(&s->a, h->a1) - a, tokens_at(&s->b, h->b1) - b };
}

/* Without what both begin and end with. */
static enum zk_err
replace_middle(struct maker *m, const struct sides *s)
{
	struct hunk h = { 0, s->a.n, 0, s->b.n };
	struct pair p;

	while (h.a0 < h.a1 && h.b0 < h.b1 &&
	    s->a.class[h.a0] == s->b.class[h.b0]) {
		h.a0++;
		h.b0++;
	}
	while (h.a0 < h.a1 && h.b0 < h.b1 &&
	    s->a.class[h.a1 - 1] == s->b.class[h.b1 - 1]) {
		h.a1--;
		h.b1--;
	}
	p = pair_of(s, &h);
	return emit(m, &p);
}

/* p without what both begin and end with, but for a margin of that. */
static struct pair
middle(const struct pair *p)
{
	size_t n = p->a_len < p->b_len ? p->a_len : p->b_len;
	size_t head = 0, tail = 0;

	while (head < n && p->a[head] == p->b[head])
		head++;
	while (tail < n - head &&
	    p->a[p->a_len - 1 - tail] == p->b[p->b_len - 1 - tail])
		tail++;
	head = head > MARGIN ? head - MARGIN : 0;
	tail = tail > MARGIN ? tail - MARGIN : 0;
	while (head > 0 && (p->a[head] & 0xc0) == 0x80)
		head--;
	while (tail > 0 && (p->a[p->a_len - tail] & 0xc0) == 0x80)
		tail--;
	return (struct pair){ p->a + head, p->b + head,
	    p->a_len - head - tail, p->b_len - head - tail };
}

/*
 * Characters of words that took each other's place; or of whole lines, which
 * are replaced whole when they have little in common.
 */
static enum zk_err
diff_chars(struct maker *m, const struct pair *p, bool lines)
{
	struct hunk h = { 0, 0, 0, 0 };
	size_t shorter = p->a_len < p->b_len ? p->a_len : p->b_len;
	struct pair mid = *p, part;
	bool alike = !lines;
	struct sides s;
	enum zk_err r;

	if (shorter == 0)
		return emit(m, p);
	if (p->a_len > CHARS_MAX || p->b_len > CHARS_MAX) {
		mid = middle(p);
		alike |= (p->a_len - mid.a_len) * 2 >= shorter;
		if (mid.a_len > CHARS_MAX || mid.b_len > CHARS_MAX)
			return emit(m, alike ? &mid : p);
	}
	r = sides_init(&s, TOKEN_CHAR, mid.a, mid.a_len, mid.b, mid.b_len);
	if (r == ZK_OK)
		r = sides_compare(&s);
	if (r == ZK_OK) {
		slide_all(&s);
		join_changes(&s);
		if (!is_alike(&s)) {
			r = alike ? replace_middle(m, &s) : emit(m, p);
			h.a1 = s.a.n;
			h.b1 = s.b.n;
		}
	}
	while (r == ZK_OK && sides_next(&s, &h)) {
		part = pair_of(&s, &h);
		r = emit(m, &part);
	}
	sides_release(&s);
	return r;
}

/* Words of lines that took each other's place. */
static enum zk_err
diff_words(struct maker *m, const struct pair *p)
{
	struct hunk h = { 0, 0, 0, 0 };
	struct sides s;
	struct pair part;
	enum zk_err r;

	if (p->a_len == 0 || p->b_len == 0)
		return emit(m, p);
	r = sides_init(&s, TOKEN_WORD, p->a, p->a_len, p->b,
	    p->b_len);
	if (r == ZK_OK)
		r = sides_compare(&s);
	if (r == ZK_OK) {
		slide_all(&s);
		join_changes(&s);
		if (!is_alike(&s)) {
			r = diff_chars(m, p, true);
			h.a1 = s.a.n;
			h.b1 = s.b.n;
		}
	}
	while (r == ZK_OK && sides_next(&s, &h)) {
		part = pair_of(&s, &h);
		r = diff_chars(m, &part, false);
	}
	sides_release(&s);
	return r;
}

enum zk_err
text_diff(const uint8_t *old, size_t old_len, const uint8_t *new,
    size_t new_len, struct script *out)
{
	static const uint8_t none[1];
	struct pair all = { old_len > 0 ? old : none, new_len > 0 ? new : none,
	    old_len, new_len };
	struct maker m = { .out = out, .old = all.a };
	struct hunk h = { 0, 0, 0, 0 };
	struct sides s;
	struct pair part;
	enum zk_err r;

	script_init(out);
	if (!text_is(old, old_len) || !text_is(new, new_len))
		return ZK_EFORMAT;
	r = sides_init(&s, TOKEN_LINE, all.a, all.a_len, all.b, all.b_len);
	if (r == ZK_OK)
		r = sides_compare(&s);
	if (r == ZK_OK)
		slide_all(&s);
	while (r == ZK_OK && sides_next(&s, &h)) {
		part = pair_of(&s, &h);
		r = diff_words(&m, &part);
	}
	sides_release(&s);
	if (r != ZK_OK)
		script_release(out);
	return r;
}
