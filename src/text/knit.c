/* The text that concurrent versions show.  See knit.h. */
#include "text/knit.h"

#include <stdlib.h>
#include <string.h>

#include "text/replay.h"
#include "text/script.h"
#include "text/weigh.h"

struct knitter {
	const uint8_t *base;
	const struct knit_version *v;
	size_t n;
	knit_hash_fn *hash;
	struct script *scripts;	/* one a version */
	struct replay_version *r; /* the same versions for the replay */
	struct buf text;	/* what the version looked at last left */
	unsigned odd;		/* what base or a version has of these */
};

/* What no merge may bring into a text. */
enum odd { BARE_CR = 1, LATE_BOM = 2 };

static unsigned
odd_in(const struct buf *t)
{
	const uint8_t *p = t->data;
	unsigned odd = 0;

	for (size_t i = 0; i < t->len; i++) {
		if (p[i] == '\r' && (i + 1 == t->len || p[i + 1] != '\n'))
			odd |= BARE_CR;
		if (p[i] == 0xef && i > 0 && t->len - i >= 3 &&
		    p[i + 1] == 0xbb && p[i + 2] == 0xbf)
			odd |= LATE_BOM;
	}
	return odd;
}

/* What bytes from outside may cause says that nothing merges. */
static enum zk_err
as_copy(enum zk_err r)
{
	return r == ZK_EFORMAT || r == ZK_ELIMIT ? ZK_EREFUSED : r;
}

/* Replaces out by the text of the runs. */
static enum zk_err
put_runs(const struct knitter *k, const struct replay *m, struct buf *out)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct replay_run *run = &m->runs[i];
		const uint8_t *from = run->version == REPLAY_BASE ? k->base :
		    k->scripts[run->version].ins.data;

		(void)buf_put(out, from + run->off, run->len);
	}
	return as_copy(buf_err(out));
}

/* replay_watch.look: whether version i is what its script makes. */
static enum zk_err
check(void *arg, uint32_t i, const struct replay *now)
{
	struct knitter *k = arg;
	const struct knit_version *v = &k->v[i];
	uint8_t hash[KNIT_HASH_LEN];
	struct buf after;
	enum zk_err r = ZK_OK;

	buf_init_secret(&after, TEXT_MAX);
	if (now != NULL) {
		buf_reset(&k->text);
		r = put_runs(k, now, &k->text);
	}
	if (r == ZK_OK)
		r = as_copy(script_apply(&k->scripts[i], k->text.data,
		    k->text.len, &after));
	if (r == ZK_OK) {
		k->hash(after.data, after.len, hash);
		if (after.len != v->size ||
		    memcmp(hash, v->hash, sizeof(hash)) != 0)
			r = ZK_EREFUSED;
	}
	k->odd |= odd_in(&after);
	buf_swap(&k->text, &after);
	buf_release(&after);
	return r;
}

/* Whether it is within the bounds, by what it says of itself. */
static enum zk_err
measure(const struct knitter *k)
{
	uint64_t bytes = 0;
	enum zk_err r;

	for (size_t i = 0; i < k->n; i++) {
		if (!k->v[i].text || k->v[i].size > TEXT_MAX)
			return ZK_EREFUSED;
		bytes += k->v[i].size;
	}
	if (bytes > KNIT_BYTES)
		return ZK_EREFUSED;
	r = weigh(k->r, k->n);
	return r == ZK_ELIMIT ? ZK_EREFUSED : r;
}

static enum zk_err
prepare(struct knitter *k)
{
	enum zk_err r = ZK_OK;

	k->scripts = calloc(k->n + 1, sizeof(*k->scripts));
	k->r = calloc(k->n + 1, sizeof(*k->r));
	if (k->scripts == NULL || k->r == NULL)
		return ZK_ENOMEM;
	for (size_t i = 0; i < k->n; i++)
		script_init(&k->scripts[i]);
	for (size_t i = 0; r == ZK_OK && i < k->n; i++) {
		r = as_copy(script_decode(k->v[i].script,
		    k->v[i].script_len, &k->scripts[i]));
		k->r[i] = (struct replay_version){
		    .parents = k->v[i].parents,
		    .parents_n = k->v[i].parents_n,
		    .edits = k->scripts[i].edits,
		    .edits_n = (uint32_t)k->scripts[i].n,
		    .rank = (uint32_t)i };
	}
	return r == ZK_OK ? measure(k) : r;
}

static void
release(struct knitter *k)
{
	for (size_t i = 0; k->scripts != NULL && i < k->n; i++)
		script_release(&k->scripts[i]);
	free(k->scripts);
	free(k->r);
	buf_release(&k->text);
}

enum zk_err
knit(const uint8_t *base, size_t base_len,
    const struct knit_version *versions, size_t n, knit_hash_fn *hash,
    struct buf *out)
{
	static const uint8_t none[1];
	struct knitter k = { .base = base_len > 0 ? base : none,
		.v = versions, .n = n, .hash = hash };
	struct replay_watch watch = { check, &k };
	struct replay m = { .n = 0 };
	enum zk_err r;

	if (n > KNIT_VERSIONS || !text_is(k.base, base_len))
		return ZK_EREFUSED;
	if (out->max - out->len < TEXT_MAX)
		return ZK_ELIMIT;
	buf_init_secret(&k.text, TEXT_MAX);
	r = prepare(&k);
	if (r == ZK_OK)
		r = buf_put(&k.text, k.base, base_len);
	k.odd = odd_in(&k.text);
	if (r == ZK_OK)
		r = replay_run((uint32_t)base_len, k.r, n, &watch, &m);
	/* more was inserted than has numbers */
	if (r == ZK_ELIMIT || (r == ZK_OK && m.units > TEXT_MAX))
		r = ZK_EREFUSED;
	buf_reset(&k.text);
	if (r == ZK_OK)
		r = put_runs(&k, &m, &k.text);
	if (r == ZK_OK && (odd_in(&k.text) & ~k.odd) != 0)
		r = ZK_EREFUSED;
	if (r == ZK_OK)
		r = buf_put(out, k.text.data, k.text.len);
	replay_release(&m);
	release(&k);
	return r;
}
