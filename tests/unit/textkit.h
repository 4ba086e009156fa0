/*
 * Histories of texts for tests: versions by hand or by random editors, with
 * the text that each of them saw.
 */
#ifndef ZK_TESTS_UNIT_TEXTKIT_H
#define ZK_TESTS_UNIT_TEXTKIT_H

#include "test.h"
#include "text/diff.h"
#include "text/merge.h"
#include "util/buf.h"

#define MANY 160	/* versions of one history */
#define EDITORS 4

static uint32_t seed = 1;

static inline uint32_t
draw(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* ---- histories ---- */

/* A version, and who has it in its past: itself and what it came from. */
struct one {
	uint32_t parents[EDITORS * 2];
	uint32_t parents_n;
	struct script script;
	bool past[MANY];
};

struct story {
	struct buf base;
	struct one v[MANY];
	uint32_t n;
};

static inline void
story_init(struct story *s, const char *base)
{
	memset(s, 0, sizeof(*s));
	buf_init(&s->base, TEXT_MAX);
	(void)buf_str(&s->base, base);
}

static inline void
story_release(struct story *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		script_release(&s->v[i].script);
	buf_release(&s->base);
}

/* The text of the versions in the set, which has with each its past. */
static inline bool
text_of(const struct story *s, const bool *set, struct buf *out)
{
	struct merge_version v[MANY];
	uint32_t parents[MANY][EDITORS * 2], at[MANY], n = 0;
	enum zk_err r;

	for (uint32_t i = 0; i < s->n; i++) {
		if (!set[i])
			continue;
		for (uint32_t k = 0; k < s->v[i].parents_n; k++)
			parents[n][k] = at[s->v[i].parents[k]];
		v[n] = (struct merge_version){ parents[n],
		    s->v[i].parents_n, &s->v[i].script };
		at[i] = n++;
	}
	buf_init(out, TEXT_MAX);
	r = text_merge(s->base.data, s->base.len, v, n, out);
	if (r != ZK_OK)
		FAIL(err_text(r));
	return r == ZK_OK;
}

/* A new version by whoever has those of the set, without its script. */
static inline struct script *
add_version(struct story *s, const bool *set)
{
	struct one *o = &s->v[s->n];

	memcpy(o->past, set, sizeof(o->past));
	for (uint32_t i = 0; i < s->n; i++) {
		bool head = set[i];

		for (uint32_t k = i + 1; k < s->n; k++)
			head = head && !(set[k] && s->v[k].past[i]);
		if (head)
			o->parents[o->parents_n++] = i;
	}
	o->past[s->n++] = true;
	script_init(&o->script);
	return &o->script;
}

/* Whoever has the versions of the set makes their text be text. */
static inline void
write_text(struct story *s, const bool *set, const uint8_t *text, size_t len)
{
	struct buf now;

	if (text_of(s, set, &now))
		CHECK(text_diff(now.data, now.len, text, len,
		    add_version(s, set)) == ZK_OK);
	buf_release(&now);
}

/* As write_text; the versions are those in the past of the two given. */
static inline uint32_t
wrote(struct story *s, int a, int b, const char *text)
{
	bool set[MANY] = { false };

	for (uint32_t i = 0; i < s->n; i++)
		set[i] = (a >= 0 && s->v[a].past[i]) ||
		    (b >= 0 && s->v[b].past[i]);
	write_text(s, set, (const uint8_t *)text, strlen(text));
	return s->n - 1;
}

static inline bool
ends_with(struct story *s, const char *want)
{
	bool set[MANY], ok;
	struct buf out;

	memset(set, true, sizeof(set));
	ok = text_of(s, set, &out) && strcmp(buf_cstr(&out), want) == 0;
	if (!ok)
		printf("# got \"%s\", not \"%s\"\n", buf_cstr(&out), want);
	buf_release(&out);
	story_release(s);
	return ok;
}

/* ---- at random ---- */

/* What an editor makes of a text. */
static inline void
change(struct buf *from, struct buf *to)
{
	static const char *const stock[] = { "a", "b", "\n", "\r\n", "word ",
	    "\xc3\xb6", "e\xcc\x81", "\xf0\x9f\x98\x80", "\xd7\xa9\xd7\x9c" };
	size_t at = 0, keep;

	for (uint32_t n = 1 + draw(3); n > 0; n--) {
		keep = from->len == at ? 0 :
		    draw((uint32_t)(from->len - at) + 1);
		while (keep > 0 &&
		    !text_boundary(from->data, from->len, at + keep))
			keep--;
		if (keep > 0)
			(void)buf_put(to, from->data + at, keep);
		at += keep;
		for (uint32_t k = draw(5); k > 0; k--)
			(void)buf_str(to, stock[draw(sizeof(stock) /
			    sizeof(stock[0]))]);
		for (uint32_t k = draw(8); k > 0 && at < from->len; k--)
			for (at++; !text_boundary(from->data, from->len, at);)
				at++;
	}
	if (at < from->len)
		(void)buf_put(to, from->data + at, from->len - at);
}

/* Puts up to three markers in, each behind another one or in front of all. */
static inline void
put_markers(const struct buf *from, uint32_t no, struct script *s)
{
	size_t at = 0;

	for (uint32_t n = 1 + draw(3); n > 0; n--) {
		size_t to = at + draw((uint32_t)(from->len - at) + 1);
		char mark[32];

		while (to > at && from->data[to - 1] != '>')
			to--;
		(void)snprintf(mark, sizeof(mark), "<%u.%u>", no, n);
		CHECK(script_add(s, to - at, 0, (const uint8_t *)mark,
		    strlen(mark)) == ZK_OK);
		at = to;
	}
}

/* Editors write, and now and then take in all that another one has. */
static inline void
play(struct story *s, uint32_t versions, bool markers)
{
	bool has[EDITORS][MANY];

	memset(has, false, sizeof(has));
	while (s->n < versions) {
		uint32_t who = draw(EDITORS), of = draw(EDITORS), no = s->n;
		struct buf now, next;

		if (draw(4) == 0)
			for (uint32_t i = 0; i < s->n; i++)
				has[who][i] |= has[of][i];
		buf_init(&next, TEXT_MAX);
		if (!text_of(s, has[who], &now))
			return;
		if (markers) {
			put_markers(&now, no, add_version(s, has[who]));
		} else {
			change(&now, &next);
			write_text(s, has[who], next.data, next.len);
		}
		has[who][no] = true;
		buf_release(&now);
		CHECK(text_of(s, has[who], &now) && (markers ||
		    (now.len == next.len && (now.len == 0 ||
		    memcmp(now.data, next.data, now.len) == 0))));
		buf_release(&now);
		buf_release(&next);
	}
}

#endif
