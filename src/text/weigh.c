/* What a history costs to merge.  See weigh.h. */
#include "text/weigh.h"

#include <stdlib.h>

#define BLOCK 64		/* versions that are looked for at a time */
#define LINKS_A_STEP 16

struct scale {
	const struct replay_version *v;
	size_t n;
	uint32_t *kids;		/* by version: how many replace it */
	uint32_t *line;		/* by version: the first of its line */
	uint64_t *edits;	/* by first of a line: edits of the line */
	uint64_t *gone;		/* likewise: characters it deletes */
	/* by version: versions that it goes back to or that do so to it, with
	 * itself twice, and how many of these begin a line */
	uint32_t *kin, *kin_lines;
	uint64_t *set;		/* by version: which of a block */
	uint64_t lines, links, all_edits;
};

static bool
begins(const struct scale *s, size_t i)
{
	return s->line[i] == i;
}

/* Sorts the versions into lines. */
static enum zk_err
sort(struct scale *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct replay_version *v = &s->v[i];

		s->links += 1 + (uint64_t)v->parents_n;
		for (uint32_t k = 0; k < v->parents_n; k++) {
			if (v->parents[k] >= i)
				return ZK_EFORMAT;
			s->kids[v->parents[k]]++;
		}
	}
	for (size_t i = 0; i < s->n; i++) {
		const struct replay_version *v = &s->v[i];
		bool on = v->parents_n == 1 && s->kids[v->parents[0]] == 1;
		uint32_t at = on ? s->line[v->parents[0]] : (uint32_t)i;

		s->line[i] = at;
		s->lines += !on;
		s->edits[at] += v->edits_n;
		s->all_edits += v->edits_n;
		for (uint32_t k = 0; k < v->edits_n; k++)
			s->gone[at] += v->edits[k].del;
	}
	return ZK_OK;
}

/* The runs of characters that the line which begins with i deletes. */
static uint64_t
cuts(const struct scale *s, size_t i)
{
	uint64_t most = 4 * s->all_edits + 1;

	return s->gone[i] < most ? s->gone[i] : most;
}

static uint64_t
all_cuts(const struct scale *s)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < s->n; i++)
		sum += cuts(s, i);
	return sum;
}

static uint32_t
bits(uint64_t x)
{
	return (uint32_t)__builtin_popcountll(x);
}

/* Counts what set has of a block whose first ones of lines are these. */
static void
count(struct scale *s, size_t i, uint64_t firsts)
{
	s->kin[i] += bits(s->set[i]);
	s->kin_lines[i] += bits(s->set[i] & firsts);
}

/* Which of the block that begins with b are kin of each version. */
static void
look_for(struct scale *s, size_t b)
{
	uint64_t firsts = 0;

	for (size_t i = b; i < s->n && i < b + BLOCK; i++)
		firsts |= (uint64_t)begins(s, i) << (i - b);
	for (size_t i = 0; i < s->n; i++) {
		const struct replay_version *v = &s->v[i];

		s->set[i] = i - b < BLOCK ? (uint64_t)1 << (i - b) : 0;
		for (uint32_t k = 0; i > b && k < v->parents_n; k++)
			s->set[i] |= s->set[v->parents[k]];
		count(s, i, firsts);
	}
	for (size_t i = 0; i < s->n; i++)
		s->set[i] = i - b < BLOCK ? (uint64_t)1 << (i - b) : 0;
	for (size_t i = s->n; i-- > 0;) {
		const struct replay_version *v = &s->v[i];

		for (uint32_t k = 0; s->set[i] != 0 && k < v->parents_n; k++)
			s->set[v->parents[k]] |= s->set[i];
		count(s, i, firsts);
	}
}

/* The steps, those for the links aside. */
static uint64_t
steps(struct scale *s)
{
	uint64_t sum = s->lines * s->all_edits;

	for (size_t b = 0; b < s->n; b += BLOCK)
		look_for(s, b);
	for (size_t i = 0; i < s->n; i++) {
		uint64_t beside = s->n + 1 - s->kin[i];
		uint64_t lines = s->lines + 1 - s->kin_lines[i];

		if (begins(s, i))
			sum += s->edits[i] * (beside + 3 * lines) +
			    cuts(s, i) * lines;
	}
	return sum;
}

static enum zk_err
judge(struct scale *s)
{
	uint64_t walk;
	enum zk_err r = sort(s);

	if (r != ZK_OK)
		return r;
	walk = s->lines * s->links / LINKS_A_STEP;
	if (s->all_edits > WEIGH_EDITS || all_cuts(s) > WEIGH_CUTS ||
	    walk > WEIGH_STEPS)
		return ZK_ELIMIT;
	return steps(s) > WEIGH_STEPS - walk ? ZK_ELIMIT : ZK_OK;
}

enum zk_err
weigh(const struct replay_version *versions, size_t n)
{
	struct scale s = { .v = versions, .n = n };
	enum zk_err r = ZK_ENOMEM;

	s.kids = calloc(n + 1, sizeof(*s.kids));
	s.line = calloc(n + 1, sizeof(*s.line));
	s.edits = calloc(n + 1, sizeof(*s.edits));
	s.gone = calloc(n + 1, sizeof(*s.gone));
	s.kin = calloc(n + 1, sizeof(*s.kin));
	s.kin_lines = calloc(n + 1, sizeof(*s.kin_lines));
	s.set = calloc(n + 1, sizeof(*s.set));
	if (s.kids != NULL && s.line != NULL && s.edits != NULL &&
	    s.gone != NULL && s.kin != NULL && s.kin_lines != NULL &&
	    s.set != NULL)
		r = judge(&s);
	free(s.kids);
	free(s.line);
	free(s.edits);
	free(s.gone);
	free(s.kin);
	free(s.kin_lines);
	free(s.set);
	return r;
}
