/*
 * Versions of a document of JSON, merged two at a time by structure.
 *
 * Each pair is merged from the last versions common to both; where these are
 * several they are first merged themselves, as the ends of two branches that
 * crossed each other would insert the same elements twice from anything
 * older.
 */
#include <stdlib.h>
#include <string.h>

#include "sync/prose_int.h"
#include "text/jsonmerge.h"
#include "text/text.h"

/* Bounds, of the history alone: what is over them merges as text. */
#define VERSIONS_MAX 512
#define MERGES_MAX 256		/* of two, all together */
#define DEPTH_MAX 16		/* of common versions that are merged first */

#define WORDS (VERSIONS_MAX / 64)

struct set {
	uint64_t w[WORDS];
};

struct weave {
	struct prose *p;
	const struct since *s;
	struct set *past;	/* of each version, with itself */
	size_t merges;
};

static bool
has(const struct set *s, size_t i)
{
	return (s->w[i / 64] >> i % 64 & 1) != 0;
}

static void
join(struct set *s, const struct set *with)
{
	for (size_t i = 0; i < WORDS; i++)
		s->w[i] |= with->w[i];
}

static void
meet(struct set *s, const struct set *with)
{
	for (size_t i = 0; i < WORDS; i++)
		s->w[i] &= with->w[i];
}

/* Those of s that are in the past of no other of s. */
static struct set
last_of(const struct weave *m, const struct set *s)
{
	struct set last = { { 0 } }, below = { { 0 } };

	for (size_t i = m->s->n; i-- > 0;) {
		if (!has(s, i))
			continue;
		if (!has(&below, i))
			last.w[i / 64] |= UINT64_C(1) << i % 64;
		join(&below, &m->past[i]);
	}
	return last;
}

static enum zk_err weave_set(struct weave *m, const struct set *s,
    unsigned depth, struct buf *out);

/*
 * acc is what the versions of covered make together: with version i, too.
 */
static enum zk_err
weave_one(struct weave *m, const struct set *covered, size_t i,
    unsigned depth, struct buf *acc)
{
	struct set common = *covered;
	struct jsonmerge_version v[2];
	struct buf base, next, text;
	enum zk_err r = m->merges++ == MERGES_MAX ? ZK_EREFUSED : ZK_OK;

	buf_init(&base, TEXT_MAX);
	buf_init(&next, TEXT_MAX);
	buf_init(&text, TEXT_MAX);
	meet(&common, &m->past[i]);
	common = last_of(m, &common);
	if (r == ZK_OK)
		r = weave_set(m, &common, depth + 1, &base);
	if (r == ZK_OK)
		r = prose_fetch(m->p, &m->s->v[i].content, &text);
	if (r == ZK_OK) {
		v[0] = (struct jsonmerge_version){ acc->data, acc->len };
		v[1] = (struct jsonmerge_version){ text.data, text.len };
		r = jsonmerge(base.data, base.len, v, 2, &next);
	}
	if (r == ZK_OK)
		buf_swap(acc, &next);
	buf_release(&base);
	buf_release(&next);
	buf_release(&text);
	return r;
}

/*
 * What the versions of s make together, none of which is in the past of
 * another; none at all: the base.
 */
static enum zk_err
weave_set(struct weave *m, const struct set *s, unsigned depth,
    struct buf *out)
{
	struct set covered = { { 0 } };
	bool any = false;
	enum zk_err r = depth > DEPTH_MAX ? ZK_EREFUSED : ZK_OK;

	for (size_t i = 0; r == ZK_OK && i < m->s->n; i++) {
		if (!has(s, i))
			continue;
		r = any ? weave_one(m, &covered, i, depth, out) :
		    prose_fetch(m->p, &m->s->v[i].content, out);
		join(&covered, &m->past[i]);
		any = true;
	}
	return r == ZK_OK && !any ? prose_fetch(m->p, &m->s->base, out) : r;
}

enum zk_err
prose_json(struct prose *p, const struct since *s, struct buf *out)
{
	struct weave m = { .p = p, .s = s };
	struct set all = { { 0 } };
	enum zk_err r = ZK_OK;

	if (s->n > VERSIONS_MAX)
		return ZK_EREFUSED;
	m.past = calloc(s->n + 1, sizeof(*m.past));
	if (m.past == NULL)
		return ZK_ENOMEM;
	for (size_t i = 0; i < s->n; i++) {
		for (uint32_t k = 0; k < s->v[i].parents_n; k++)
			join(&m.past[i], &m.past[s->v[i].parents[k]]);
		m.past[i].w[i / 64] |= UINT64_C(1) << i % 64;
		join(&all, &m.past[i]);
	}
	all = last_of(&m, &all);
	r = weave_set(&m, &all, 0, out);
	free(m.past);
	return r;
}
