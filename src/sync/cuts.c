/* Cutting keys, upload pipelines, base's refs.  See cuts.h. */
#include "sync/cuts.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/key.h"
#include "crypto/labels.h"
#include "format/logop.h"
#include "sync/segw.h"
#include "util/rd.h"

#define CUTS_MAX 4096

struct cut_key {
	uint8_t id[CUT_ID_LEN];
	struct key *k;
};

struct cuts {
	struct cut_key *p;
	size_t n;
	size_t best;		/* index of the one that cuts new files */
};

void
cuts_free(struct cuts *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->n; i++)
		key_free(c->p[i].k);
	free(c->p);
	free(c);
}

enum zk_err
cuts_new(struct vault *v, struct cuts **out)
{
	struct cuts *c = calloc(1, sizeof(*c));
	const struct key *best = NULL;
	uint8_t best_id[32], id[32];
	size_t n = keys_epoch_count(v->keys);
	enum zk_err r = c == NULL ? ZK_ENOMEM :
	    records_epoch(v, &best, best_id);

	*out = NULL;
	if (r == ZK_OK) {
		c->p = calloc(n, sizeof(*c->p));
		r = c->p == NULL ? ZK_ENOMEM : ZK_OK;
	}
	for (size_t i = 0; r == ZK_OK && i < n; i++) {
		struct cut_key *k = &c->p[c->n];

		r = epoch_chunker_key(keys_epoch_at(v->keys, i, id), &k->k);
		if (r != ZK_OK)
			break;
		key_commit(k->k, LABEL_HASH_CUT, k->id);
		if (memcmp(id, best_id, sizeof(id)) == 0)
			c->best = c->n;
		c->n++;
	}
	if (r == ZK_OK)
		*out = c;
	else
		cuts_free(c);
	return r;
}

static enum zk_err
find_cut(void *arg, const uint8_t *id, const struct key **out)
{
	struct round *rd = arg;

	for (size_t i = 0; i < rd->cuts->n; i++) {
		if (memcmp(rd->cuts->p[i].id, id, CUT_ID_LEN) == 0) {
			*out = rd->cuts->p[i].k;
			return ZK_OK;
		}
	}
	return ZK_ENOENT;
}

static void
moved(void *arg, uint64_t bytes)
{
	round_moved(arg, SYNC_UPLOAD, bytes);
}

static bool
stop(void *arg)
{
	return round_stopped(arg);
}

/* A chunk got another name: published with the next ops. */
static enum zk_err
alias(void *arg, const struct chunk_ref *ref)
{
	struct round *rd = arg;
	struct chunk_ref *p = NULL;

	for (size_t i = 0; i < rd->aliases_n; i++)
		if (memcmp(rd->aliases[i].name, ref->name,
		    sizeof(ref->name)) == 0)
			return ZK_OK;
	p = realloc(rd->aliases, (rd->aliases_n + 1) * sizeof(*p));
	if (p == NULL)
		return ZK_ENOMEM;
	rd->aliases = p;
	rd->aliases[rd->aliases_n++] = *ref;
	return ZK_OK;
}

enum zk_err
cuts_upload(struct round *rd, struct vremote *vr, struct upload **out)
{
	struct upload **at = NULL;
	struct upload_opts o = { .env = rd->v->env, .db = rd->v->db,
		.vault = vault_id(rd->v), .cut_find = find_cut,
		.moved = moved, .stop = stop, .alias = alias, .arg = rd };
	enum zk_err r = ZK_OK;

	/* a dry run sends nothing */
	if (rd->o->dry_run)
		vr = NULL;
	at = vr == NULL ? &rd->local_up : &vr->up;
	if (rd->cuts == NULL)
		r = cuts_new(rd->v, &rd->cuts);
	if (r == ZK_OK && *at == NULL) {
		o.cut = rd->cuts->p[rd->cuts->best].k;
		o.cut_id = rd->cuts->p[rd->cuts->best].id;
		if (vr != NULL) {
			o.remote = vr->t;
			o.remote_id = vr->info.id;
		}
		r = upload_new(&o, at);
	}
	*out = r == ZK_OK ? *at : NULL;
	return r;
}

static enum zk_err
hash_large(void *ctx, int fd, const void *refs, size_t refs_len,
    uint8_t out[static HASH_LEN])
{
	struct round *rd = ctx;
	struct upload *u = NULL;
	struct content like;
	const struct content *as = NULL;
	uint64_t size = 0;
	uint64_t loc = refs_locator(refs, refs_len);
	enum zk_err r = cuts_upload(rd, NULL, &u);

	if (r != ZK_OK)
		return r;
	if (loc != 0) {
		r = segcache_content(rd->v, loc, &like);
		as = r == ZK_OK ? &like : NULL;
	}
	/* of one that is gone the key is not known */
	if (r == ZK_OK || r == ZK_EGAP)
		r = upload_hash(u, fd, as, &size, out);
	return r;
}

struct read_hasher
cuts_hasher(struct round *rd)
{
	return (struct read_hasher){ hash_large, rd };
}

uint64_t
refs_locator(const uint8_t *refs, size_t len)
{
	struct rd in;

	if (refs == NULL || len < 8)
		return 0;
	rd_init(&in, refs, len);
	return rd_u64(&in);
}

const uint8_t *
refs_seen(const uint8_t *refs, size_t len, size_t *seen_len)
{
	*seen_len = len < 8 ? 0 : len - 8;
	return len < 8 ? NULL : refs + 8;
}

enum zk_err
refs_make(struct buf *out, uint64_t locator, const uint8_t *seen,
    size_t seen_len)
{
	buf_reset(out);
	(void)buf_u64(out, locator);
	(void)buf_put(out, seen, seen_len);
	return buf_err(out);
}

enum zk_err
cuts_tell_aliases(struct round *rd, struct segw *w)
{
	enum zk_err err = ZK_OK;

	for (size_t i = 0; err == ZK_OK && i < rd->aliases_n; i++) {
		const struct chunk_ref *c = &rd->aliases[i];
		struct logop_alias a = { .plain_len = c->plain_len,
			.stored_len = c->stored_len };
		struct buf b;

		buf_init_secret(&b, 4096);
		memcpy(a.hash, c->hash, sizeof(a.hash));
		memcpy(a.name, c->name, sizeof(a.name));
		memcpy(a.key, c->key, sizeof(a.key));
		memcpy(a.nonce, c->nonce, sizeof(a.nonce));
		err = logop_alias_encode(&a, &b);
		if (err == ZK_OK)
			err = segw_body(w, OP_ALIAS, b.data, b.len);
		buf_release(&b);
		explicit_bzero(&a, sizeof(a));
	}
	return err;
}
