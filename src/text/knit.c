/* The text that concurrent versions show.  See knit.h. */
#include "text/knit.h"

#include <stdlib.h>
#include <string.h>

#include "text/graph.h"
#include "text/merge.h"
#include "text/script.h"

#define NONE SIZE_MAX

struct knitter {
	const uint8_t *base;
	size_t base_len;
	const struct knit_version *v;
	size_t n;
	knit_hash_fn *hash;
	struct script *scripts;	/* one a version */
	uint32_t *order;
	/* the versions that are merged at the moment, in terms of themselves */
	struct merge_version *part;
	uint32_t *parents;
	uint32_t *at;		/* by version: its index in part */
	bool *past;		/* by version: whether it is in part */
	uint64_t steps;
	struct buf text;	/* content of the version checked last */
	size_t text_of;		/* which one; NONE: the base */
};

static const uint32_t *
parents_of(const void *v, size_t i, uint32_t *n)
{
	const struct knit_version *k = v;

	*n = k[i].parents_n;
	return k[i].parents;
}

/* What bytes from outside may cause says that nothing merges. */
static enum zk_err
as_copy(enum zk_err r)
{
	return r == ZK_EFORMAT || r == ZK_ELIMIT ? ZK_EREFUSED : r;
}

/* The merged text of the versions marked in past, whose past is marked. */
static enum zk_err
merge_past(struct knitter *k, struct buf *out)
{
	size_t n = 0, edges = 0;

	k->steps += k->n;
	if (k->steps > KNIT_STEPS)
		return ZK_EREFUSED;
	for (size_t i = 0; i < k->n; i++) {
		const struct knit_version *v = &k->v[i];

		if (!k->past[i])
			continue;
		k->part[n] = (struct merge_version){ k->parents + edges,
		    v->parents_n, &k->scripts[i] };
		for (uint32_t p = 0; p < v->parents_n; p++)
			k->parents[edges++] = k->at[v->parents[p]];
		k->at[i] = (uint32_t)n++;
	}
	return as_copy(text_merge(k->base, k->base_len, k->part, n, out));
}

/* The text that version i was made from, into out. */
static enum zk_err
text_before(struct knitter *k, size_t i, struct buf *out)
{
	const struct knit_version *v = &k->v[i];

	if (v->parents_n == 0)
		return buf_put(out, k->base, k->base_len);
	memset(k->past, 0, k->n * sizeof(*k->past));
	for (uint32_t p = 0; p < v->parents_n; p++)
		k->past[v->parents[p]] = true;
	for (size_t q = i; q-- > 0;)
		for (uint32_t p = 0; k->past[q] && p < k->v[q].parents_n; p++)
			k->past[k->v[q].parents[p]] = true;
	return merge_past(k, out);
}

/* Whether the content of version i is what its script makes; k->text then. */
static enum zk_err
check(struct knitter *k, size_t i)
{
	const struct knit_version *v = &k->v[i];
	uint8_t hash[KNIT_HASH_LEN];
	struct buf before, after;
	enum zk_err r = ZK_OK;

	buf_init_secret(&before, TEXT_MAX);
	buf_init_secret(&after, TEXT_MAX);
	/* mostly it goes on from the version before */
	if (k->text_of != NONE && v->parents_n == 1 &&
	    v->parents[0] == k->text_of)
		buf_swap(&before, &k->text);
	else
		r = text_before(k, i, &before);
	if (r == ZK_OK)
		r = as_copy(script_apply(&k->scripts[i], before.data,
		    before.len, &after));
	if (r == ZK_OK) {
		k->hash(after.data, after.len, hash);
		if (after.len != v->size ||
		    memcmp(hash, v->hash, sizeof(hash)) != 0)
			r = ZK_EREFUSED;
	}
	if (r == ZK_OK) {
		buf_swap(&k->text, &after);
		k->text_of = i;
	}
	buf_release(&before);
	buf_release(&after);
	return r;
}

/* The scripts, and room for the parts. */
static enum zk_err
prepare(struct knitter *k)
{
	struct graph g = { k->v, k->n, parents_of };
	size_t edges = 0;
	enum zk_err r = ZK_OK;

	k->scripts = calloc(k->n + 1, sizeof(*k->scripts));
	k->order = calloc(k->n + 1, sizeof(*k->order));
	k->part = calloc(k->n + 1, sizeof(*k->part));
	k->at = calloc(k->n + 1, sizeof(*k->at));
	k->past = calloc(k->n + 1, sizeof(*k->past));
	if (k->scripts == NULL || k->order == NULL || k->part == NULL ||
	    k->at == NULL || k->past == NULL)
		return ZK_ENOMEM;
	for (size_t i = 0; i < k->n; i++)
		script_init(&k->scripts[i]);
	r = graph_order(&g, k->order);
	for (size_t i = 0; r == ZK_OK && i < k->n; i++) {
		edges += k->v[i].parents_n;
		r = !k->v[i].text ? ZK_EREFUSED :
		    as_copy(script_decode(k->v[i].script,
		    k->v[i].script_len, &k->scripts[i]));
	}
	if (r != ZK_OK)
		return r;
	k->parents = calloc(edges + 1, sizeof(*k->parents));
	return k->parents == NULL ? ZK_ENOMEM : ZK_OK;
}

static void
release(struct knitter *k)
{
	for (size_t i = 0; k->scripts != NULL && i < k->n; i++)
		script_release(&k->scripts[i]);
	free(k->scripts);
	free(k->order);
	free(k->part);
	free(k->parents);
	free(k->at);
	free(k->past);
	buf_release(&k->text);
}

enum zk_err
knit(const uint8_t *base, size_t base_len,
    const struct knit_version *versions, size_t n, knit_hash_fn *hash,
    struct buf *out)
{
	static const uint8_t none[1];
	struct knitter k = { .base = base_len > 0 ? base : none,
		.base_len = base_len, .v = versions, .n = n, .hash = hash,
		.text_of = NONE };
	enum zk_err r;

	if (n > KNIT_VERSIONS || !text_is(k.base, base_len))
		return ZK_EREFUSED;
	if (out->max - out->len < TEXT_MAX)
		return ZK_ELIMIT;
	buf_init_secret(&k.text, TEXT_MAX);
	r = prepare(&k);
	for (size_t i = 0; r == ZK_OK && i < n; i++)
		r = check(&k, k.order[i]);
	if (r == ZK_OK) {
		memset(k.past, 1, n * sizeof(*k.past));
		r = merge_past(&k, out);
	}
	release(&k);
	return r;
}
