/* Contents as texts.  See prose.h. */
#include "sync/prose_int.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/labels.h"
#include "format/compress.h"
#include "format/filehash.h"
#include "format/opscript.h"
#include "sync/download.h"
#include "sync/round.h"
#include "sync/segcache.h"
#include "text/diff.h"
#include "text/knit.h"
#include "text/text.h"

/* The hash of a text is that of its bytes, however they are stored. */
_Static_assert(TEXT_MAX <= FILEHASH_WHOLE, "a text is hashed as a whole");
_Static_assert(KNIT_HASH_LEN == CONTENT_HASH_LEN, "hashes of contents");

/* Bytes of all scripts of a merge: a number of its history alone. */
#define SCRIPTS_MAX ((size_t)64 << 20)

struct prose {
	struct round *rd;
	struct compress *z;
	struct download *d;	/* once something large was wanted */
	bool here;
	struct buf old;		/* what a script is made from */
	struct buf plain;	/* the script */
};

enum zk_err
prose_new(struct round *rd, bool here, struct prose **out)
{
	struct prose *p = calloc(1, sizeof(*p));
	enum zk_err r = ZK_EBUG;

	*out = NULL;
	if (p == NULL)
		return ZK_ENOMEM;
	p->rd = rd;
	p->here = here;
	buf_init(&p->old, TEXT_MAX);
	buf_init(&p->plain, OPSCRIPT_PLAIN_MAX);
	r = compress_new(&p->z);
	if (r == ZK_OK)
		*out = p;
	else
		prose_free(p);
	return r;
}

void
prose_free(struct prose *p)
{
	if (p == NULL)
		return;
	compress_free(p->z);
	download_free(p->d);
	buf_release(&p->old);
	buf_release(&p->plain);
	free(p);
}

/*
 * What remotes do not give now, for whatever reason, they may give later.  But
 * what this device fails at is no answer: what is recorded must not be by
 * chance.
 */
static enum zk_err
as_gap(enum zk_err r)
{
	return r == ZK_ENOMEM || r == ZK_ESIGNAL || r == ZK_EDISKFULL ||
	    r == ZK_EIO || r == ZK_EBUG || r == ZK_OK ? r : ZK_EGAP;
}

enum zk_err
prose_fetch(struct prose *p, const struct content *of, struct buf *out)
{
	struct content c;
	struct buf copy;
	enum zk_err r = ZK_OK;

	buf_reset(out);
	if (of->size > TEXT_MAX)
		return ZK_EREFUSED;
	r = segcache_content(p->rd->v, of->locator, &c);
	if (r != ZK_OK)
		return r;
	if (c.form == CONTENT_INLINE) {
		r = compress_unpack(p->z, c.data, c.data_len, c.size, out);
	} else if (p->here) {
		r = ZK_EGAP;
	} else {
		/* the cache may move on while it comes */
		buf_init(&copy, 1 << 20);
		r = buf_put(&copy, c.data, c.data_len);
		c.data = copy.data;
		if (r == ZK_OK && p->d == NULL)
			r = land_download(p->rd, true, &p->d);
		if (r == ZK_OK)
			r = download_bytes(p->d, &c, out);
		buf_release(&copy);
	}
	if (r != ZK_OK)
		return as_gap(r);
	return out->len == 0 || text_is(out->data, out->len) ? ZK_OK :
	    ZK_EREFUSED;
}

static void
hash_text(const uint8_t *p, size_t n, uint8_t out[static KNIT_HASH_LEN])
{
	hash_bytes(LABEL_HASH_CONTENT, p, n, out);
}

/* Appends a version's script to all, and says where it begins. */
static enum zk_err
add_script(struct prose *p, const struct since_version *v,
    struct knit_version *k, struct buf *all, size_t *at)
{
	struct content c;
	enum zk_err r = segcache_content(p->rd->v, v->content.locator, &c);

	*at = all->len;
	k->parents = v->parents;
	k->parents_n = v->parents_n;
	k->size = v->content.size;
	memcpy(k->hash, v->content.hash, sizeof(k->hash));
	k->text = v->content.merge != MERGE_COPY;
	if (r != ZK_OK)
		return r;
	if (!k->text)
		return ZK_EREFUSED;
	r = opscript_unpack(p->z, c.script, c.script_len, all);
	k->script_len = all->len - *at;
	return r == ZK_EFORMAT || r == ZK_ELIMIT ? ZK_EREFUSED : r;
}

static enum zk_err
knit_since(struct prose *p, const struct since *s, struct buf *out)
{
	struct knit_version *k = calloc(s->n + 1, sizeof(*k));
	size_t *at = calloc(s->n + 1, sizeof(*at));
	struct buf all, base;
	enum zk_err r = k == NULL || at == NULL ? ZK_ENOMEM : ZK_OK;

	buf_init(&all, SCRIPTS_MAX);
	buf_init(&base, TEXT_MAX);
	/* what is none of them is known before anything is fetched */
	for (size_t i = 0; r == ZK_OK && i < s->n; i++)
		r = add_script(p, &s->v[i], &k[i], &all, &at[i]);
	if (r == ZK_OK)
		r = prose_fetch(p, &s->base, &base);
	for (size_t i = 0; r == ZK_OK && i < s->n; i++)
		k[i].script = all.data + at[i];
	buf_reset(out);
	if (r == ZK_OK)
		r = knit(base.data, base.len, k, s->n, hash_text, out);
	buf_release(&all);
	buf_release(&base);
	free(k);
	free(at);
	return r;
}

enum zk_err
prose_merge(struct prose *p, const struct opid *heads, size_t n,
    enum merge_kind *kind, struct buf *out)
{
	struct since s;
	enum zk_err r = since_load(p->rd->v->tree, heads, n, KNIT_VERSIONS,
	    &s);

	if (r == ZK_ELIMIT)
		return ZK_EREFUSED;
	if (r != ZK_OK)
		return r;
	if (*kind == MERGE_JSON) {
		r = prose_json(p, &s, out);
		if (r == ZK_EREFUSED)
			*kind = MERGE_TEXT;
	}
	if (*kind != MERGE_JSON)
		r = s.n == 0 ? prose_fetch(p, &s.base, out) :
		    knit_since(p, &s, out);
	since_release(&s);
	return r;
}

static enum zk_err
make_script(struct prose *p, const uint8_t *text, size_t len,
    struct buf *script)
{
	static const uint8_t none[1];
	struct script s;
	enum zk_err r = text_diff(p->old.len > 0 ? p->old.data : none,
	    p->old.len, text, len, &s);

	if (r != ZK_OK)
		return r;
	buf_reset(&p->plain);
	buf_reset(script);
	r = script_encode(&s, &p->plain);
	if (r == ZK_OK)
		r = opscript_pack(p->z, p->plain.len > 0 ? p->plain.data :
		    none, p->plain.len, script);
	script_release(&s);
	return r;
}

enum zk_err
prose_script(struct prose *p, const struct opid *refs, size_t n,
    const uint8_t *text, size_t len, enum merge_kind kind,
    struct buf *script, struct content *c)
{
	static const uint8_t none[1];
	enum merge_kind as = MERGE_TEXT;
	enum zk_err r = ZK_OK;

	if (len == 0)
		text = none;
	c->merge = MERGE_COPY;
	c->script = NULL;
	c->script_len = 0;
	if (kind == MERGE_COPY || n == 0 || n > OP_REFS_MAX ||
	    !text_is(text, len))
		return ZK_OK;
	r = prose_merge(p, refs, n, &as, &p->old);
	if (r == ZK_OK)
		r = make_script(p, text, len, script);
	if (kind == MERGE_JSON)
		c->merge = MERGE_JSON;
	if (r == ZK_EREFUSED || r == ZK_EGAP || r == ZK_ELIMIT ||
	    r == ZK_EFORMAT || r == ZK_ENOENT)
		return ZK_OK;
	if (r != ZK_OK)
		return r;
	c->merge = (uint8_t)kind;
	c->script = script->data;
	c->script_len = script->len;
	return ZK_OK;
}
