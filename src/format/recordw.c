#include <stdlib.h>
#include <string.h>

#include "crypto/key.h"
#include "crypto/rand.h"
#include "crypto/sign.h"
#include "format/pad.h"
#include "format/recordio.h"
#include "util/buf.h"

static int
recordw_cmp(const void *a, const void *b)
{
	return memcmp(a, b, RECORD_ID_LEN);
}

/* A list of ids, sorted; ZK_EREFUSED for a double, ZK_ELIMIT over max. */
static enum zk_err
recordw_ids(struct buf *b, const uint8_t (*ids)[RECORD_ID_LEN], size_t n,
    size_t max)
{
	uint8_t sorted[RECORD_HEADS_MAX][RECORD_ID_LEN];

	if (n > max || n > RECORD_HEADS_MAX)
		return ZK_ELIMIT;
	if (n > 0) {
		memcpy(sorted, ids, n * RECORD_ID_LEN);
		qsort(sorted, n, RECORD_ID_LEN, recordw_cmp);
	}
	buf_varint(b, n);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && recordw_cmp(sorted[i - 1], sorted[i]) == 0)
			return ZK_EREFUSED;
		buf_put(b, sorted[i], RECORD_ID_LEN);
	}
	return ZK_OK;
}

/* Start of every payload but that of genesis. */
static enum zk_err
recordw_begin(const struct record_ctx *c, enum record_type type,
    struct buf *b)
{
	enum zk_err r;

	buf_u8(b, (uint8_t)type);
	buf_put(b, c->vault, RECORD_ID_LEN);
	r = recordw_ids(b, c->heads, c->heads_n, RECORD_HEADS_MAX);
	if (r != ZK_OK)
		return r;
	buf_put(b, device_keys_id(c->author), RECORD_ID_LEN);
	return buf_err(b);
}

/* Extensions (none) and signature. */
static enum zk_err
recordw_sign(const struct device_keys *author, struct buf *b)
{
	uint8_t digest[RECORD_ID_LEN], sig[SIGN_LEN];
	enum zk_err r = buf_varint(b, 0);

	if (r != ZK_OK)
		return r;
	recordio_digest(b->data, b->len, digest);
	sign_make(device_keys_sign(author), LABEL_SIGN_RECORD, digest,
	    sizeof(digest), sig);
	return buf_put(b, sig, sizeof(sig));
}

/* Pads and seals a whole payload; vault NULL for genesis. */
static enum zk_err
recordw_seal(struct env *env, const struct key *R, const uint8_t *vault,
    const struct buf *payload, struct buf *out,
    uint8_t name[static RECORD_ID_LEN])
{
	uint8_t hdr[RECORDIO_HDR_LEN] = { 'z', 'k', 'R', RECORDIO_FORMAT,
	    RECORDIO_SUITE };
	uint8_t nonce[AEAD_NONCE_LEN], ad[RECORDIO_AD_LEN];
	size_t start = out->len;
	struct key *k = NULL;
	struct buf plain;
	enum zk_err r;

	if (vault == NULL)
		hdr[2] = 'G';
	buf_init_secret(&plain, RECORD_STORED_MAX);
	r = pad_put(&plain, payload->data, payload->len);
	if (r != ZK_OK)
		goto out;
	r = recordio_key(R, &k);
	if (r != ZK_OK)
		goto out;
	r = buf_reserve(out, sizeof(hdr) + sizeof(nonce) + plain.len +
	    AEAD_TAG_LEN);
	if (r != ZK_OK)
		goto out;
	/* domain: records of this vault; the nonce is random */
	rand_bytes(env, nonce, sizeof(nonce));
	recordio_ad(hdr, vault, ad);
	buf_put(out, hdr, sizeof(hdr));
	buf_put(out, nonce, sizeof(nonce));
	aead_seal(k, nonce, ad, sizeof(ad), plain.data, plain.len,
	    out->data + out->len);
	out->len += plain.len + AEAD_TAG_LEN;
	record_name(out->data + start, out->len - start, name);
out:
	key_free(k);
	buf_release(&plain);
	return r;
}

static enum zk_err
recordw_finish(const struct record_ctx *c, struct buf *payload,
    struct buf *out, uint8_t name[static RECORD_ID_LEN])
{
	enum zk_err r = recordw_sign(c->author, payload);

	if (r != ZK_OK)
		return r;
	return recordw_seal(c->env, c->R, c->vault, payload, out, name);
}

static void
recordw_genesis_body(const struct record_genesis_opts *o, struct buf *b)
{
	uint8_t commit[RECORD_ID_LEN], nonce[RECORD_ID_LEN];

	key_commit(o->R, LABEL_COMMIT_RECORD, commit);
	rand_bytes(o->env, nonce, sizeof(nonce));
	buf_u8(b, RECORD_GENESIS);
	buf_u8(b, RECORDIO_SUITE);
	buf_put(b, signkey_pk(o->space), SIGN_PK_LEN);
	buf_put(b, commit, sizeof(commit));
	buf_put(b, nonce, sizeof(nonce));
	device_pub_put(b, device_keys_pub(o->founder));
	buf_u8(b, o->recovery != NULL ? 1 : 0);
	if (o->recovery != NULL)
		device_pub_put(b, o->recovery);
}

enum zk_err
record_genesis_make(const struct record_genesis_opts *o, struct buf *out,
    uint8_t name[static RECORD_ID_LEN], uint8_t vault[static RECORD_ID_LEN])
{
	struct buf b;
	enum zk_err r;

	buf_init_secret(&b, RECORDIO_PAYLOAD_MAX);
	recordw_genesis_body(o, &b);
	r = recordw_sign(o->founder, &b);
	if (r == ZK_OK)
		r = recordw_seal(o->env, o->R, NULL, &b, out, name);
	if (r == ZK_OK)
		recordio_id(RECORD_GENESIS, b.data, b.len, vault);
	buf_release(&b);
	return r;
}

void
record_add_consent(const struct device_keys *dev,
    const uint8_t vault[static RECORD_ID_LEN],
    const uint8_t author[static RECORD_ID_LEN], uint8_t sig[static 64])
{
	uint8_t msg[RECORDIO_CONSENT_LEN];

	recordio_consent(vault, author, device_keys_pub(dev), msg);
	sign_make(device_keys_sign(dev), LABEL_SIGN_ADDED, msg, sizeof(msg),
	    sig);
}

/* One entry: id, KEM, sealed key. */
static enum zk_err
recordw_sealed(struct env *env, const uint8_t *id,
    const struct device_pub *to, const char *label, const void *ctx,
    size_t ctx_len, const struct key *k, struct buf *b)
{
	struct buf raw, sealed;
	enum zk_err r;

	buf_init_secret(&raw, KEY_LEN);
	buf_init(&sealed, kem_sealed_len(to->kem, KEY_LEN));
	r = key_export(k, &raw);
	if (r == ZK_OK)
		r = kem_seal(env, to->kem, to->kem_pk, label, ctx, ctx_len,
		    raw.data, raw.len, &sealed);
	if (r == ZK_OK) {
		buf_put(b, id, RECORD_ID_LEN);
		buf_varint(b, to->kem);
		r = buf_lp(b, sealed.data, sealed.len);
	}
	buf_release(&raw);
	buf_release(&sealed);
	return r;
}

/* Indices 0..n-1 in the order of their ids. */
static enum zk_err
recordw_order(const void *first, size_t size, size_t n, const void ***out)
{
	const void **p = calloc(n + 1, sizeof(*p));

	*out = p;
	if (p == NULL)
		return ZK_ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const void *v = (const uint8_t *)first + i * size;
		size_t j = i;

		for (; j > 0 && recordw_cmp(p[j - 1], v) > 0; j--)
			p[j] = p[j - 1];
		p[j] = v;
	}
	return ZK_OK;
}

/* The list of epoch keys for dev. */
static enum zk_err
recordw_grants(const struct record_ctx *c, const struct device_pub *dev,
    const struct epoch_key *eks, size_t n, struct buf *b)
{
	uint8_t ctx[RECORDIO_GRANT_CTX_LEN], to[RECORD_ID_LEN];
	const void **sorted = NULL;
	enum zk_err r;

	if (n > RECORD_EPOCHS_MAX)
		return ZK_ELIMIT;
	/* the id is the first member of struct epoch_key */
	r = recordw_order(eks, sizeof(*eks), n, &sorted);
	if (r != ZK_OK)
		return r;
	device_pub_id(dev, to);
	buf_varint(b, n);
	for (size_t i = 0; i < n && r == ZK_OK; i++) {
		const struct epoch_key *e = sorted[i];

		if (i > 0 && recordw_cmp(sorted[i - 1], e) == 0) {
			r = ZK_EREFUSED;
			break;
		}
		recordio_grant_ctx(c->vault, e->id, to, ctx);
		r = recordw_sealed(c->env, e->id, dev, LABEL_SEAL_GRANT, ctx,
		    sizeof(ctx), e->k, b);
	}
	free(sorted);
	return r;
}

enum zk_err
record_add_make(const struct record_ctx *c, const struct device_pub *dev,
    const uint8_t sig[static 64], const struct epoch_key *eks, size_t n,
    struct buf *out, uint8_t name[static RECORD_ID_LEN])
{
	uint8_t consent[RECORDIO_CONSENT_LEN];
	struct buf b;
	enum zk_err r;

	buf_init_secret(&b, RECORDIO_PAYLOAD_MAX);
	recordio_consent(c->vault, device_keys_id(c->author), dev, consent);
	r = sign_check(dev->sign_pk, LABEL_SIGN_ADDED, consent,
	    sizeof(consent), sig);
	if (r != ZK_OK)
		goto out;
	r = recordw_begin(c, RECORD_ADD, &b);
	if (r != ZK_OK)
		goto out;
	device_pub_put(&b, dev);
	buf_put(&b, sig, SIGN_LEN);
	r = recordw_grants(c, dev, eks, n, &b);
	if (r == ZK_OK)
		r = recordw_finish(c, &b, out, name);
out:
	buf_release(&b);
	return r;
}

enum zk_err
record_grant_make(const struct record_ctx *c, const struct device_pub *dev,
    const struct epoch_key *eks, size_t n, struct buf *out,
    uint8_t name[static RECORD_ID_LEN])
{
	uint8_t to[RECORD_ID_LEN];
	struct buf b;
	enum zk_err r;

	buf_init_secret(&b, RECORDIO_PAYLOAD_MAX);
	device_pub_id(dev, to);
	r = recordw_begin(c, RECORD_GRANT, &b);
	if (r != ZK_OK)
		goto out;
	buf_put(&b, to, sizeof(to));
	r = recordw_grants(c, dev, eks, n, &b);
	if (r == ZK_OK)
		r = recordw_finish(c, &b, out, name);
out:
	buf_release(&b);
	return r;
}

/* The earlier keys, sealed under the new one; nothing if there are none. */
static enum zk_err
recordw_earlier(const struct record_ctx *c,
    const struct record_rotate_opts *o, const struct key *E,
    const uint8_t *commit, struct buf *b)
{
	uint8_t nonce[AEAD_NONCE_LEN], ad[RECORDIO_EARLIER_AD_LEN];
	size_t n = o->earlier_n * (RECORD_ID_LEN + KEY_LEN);
	struct key *k = NULL;
	struct buf plain;
	enum zk_err r = ZK_OK;

	if (o->earlier_n > RECORD_EPOCHS_MAX)
		return ZK_ELIMIT;
	if (n == 0)
		return buf_varint(b, 0);
	buf_init_secret(&plain, n + AEAD_TAG_LEN);
	for (size_t i = 0; i < o->earlier_n && r == ZK_OK; i++) {
		buf_put(&plain, o->earlier[i].id, RECORD_ID_LEN);
		r = key_export(o->earlier[i].k, &plain);
	}
	if (r == ZK_OK)
		r = key_derive(E, KEY_AEAD, LABEL_KEY_EARLIER, NULL, 0, &k);
	if (r == ZK_OK)
		r = buf_reserve(&plain, AEAD_TAG_LEN);
	if (r == ZK_OK) {
		/* the key is derived from a fresh E and seals this alone */
		rand_bytes(c->env, nonce, sizeof(nonce));
		recordio_earlier_ad(c->vault, commit, ad);
		aead_seal(k, nonce, ad, sizeof(ad), plain.data, plain.len,
		    plain.data);
		buf_varint(b, sizeof(nonce) + n + AEAD_TAG_LEN);
		buf_put(b, nonce, sizeof(nonce));
		r = buf_put(b, plain.data, n + AEAD_TAG_LEN);
	}
	key_free(k);
	buf_release(&plain);
	return r;
}

/* One recipient of a rotation; the id first, for the order. */
struct recordw_to {
	uint8_t id[RECORD_ID_LEN];
	const struct device_pub *pub;
};

/* E sealed for each recipient, in the order of their ids. */
static enum zk_err
recordw_recipients(const struct record_ctx *c,
    const struct record_rotate_opts *o, const struct key *E,
    const uint8_t *commit, struct buf *b)
{
	uint8_t ctx[RECORDIO_EPOCH_CTX_LEN];
	struct recordw_to to[RECORD_DEVICES_MAX + 1];
	const void **sorted = NULL;
	enum zk_err r;

	if (o->to_n > RECORD_DEVICES_MAX + 1)
		return ZK_ELIMIT;
	for (size_t i = 0; i < o->to_n; i++) {
		device_pub_id(o->to[i], to[i].id);
		to[i].pub = o->to[i];
	}
	r = recordw_order(to, sizeof(to[0]), o->to_n, &sorted);
	if (r != ZK_OK)
		return r;
	buf_varint(b, o->to_n);
	for (size_t i = 0; i < o->to_n && r == ZK_OK; i++) {
		const struct recordw_to *t = sorted[i];

		recordio_epoch_ctx(c->vault, commit, o->epoch_no, t->id, ctx);
		r = recordw_sealed(c->env, t->id, t->pub, LABEL_SEAL_EPOCH,
		    ctx, sizeof(ctx), E, b);
	}
	free(sorted);
	return r;
}

static enum zk_err
recordw_rotate_body(const struct record_ctx *c,
    const struct record_rotate_opts *o, const struct key *E, struct buf *b)
{
	uint8_t commit[RECORD_ID_LEN];
	enum zk_err r = recordw_begin(c, RECORD_ROTATE, b);

	if (r != ZK_OK)
		return r;
	key_commit(E, LABEL_COMMIT_EPOCH, commit);
	buf_varint(b, o->epoch_no);
	r = recordw_ids(b, o->parents, o->parents_n, RECORD_HEADS_MAX);
	if (r != ZK_OK)
		return r;
	buf_put(b, commit, sizeof(commit));
	r = recordw_earlier(c, o, E, commit, b);
	if (r != ZK_OK)
		return r;
	return recordw_recipients(c, o, E, commit, b);
}

enum zk_err
record_rotate_make(const struct record_ctx *c,
    const struct record_rotate_opts *o, struct buf *out,
    uint8_t name[static RECORD_ID_LEN], struct key **E,
    uint8_t epoch_id[static RECORD_ID_LEN])
{
	struct key *fresh = NULL;
	struct buf b;
	enum zk_err r;

	*E = NULL;
	buf_init_secret(&b, RECORDIO_PAYLOAD_MAX);
	r = key_random(c->env, KEY_SEED, &fresh);
	if (r != ZK_OK)
		goto out;
	r = recordw_rotate_body(c, o, fresh, &b);
	if (r != ZK_OK)
		goto out;
	r = recordw_finish(c, &b, out, name);
	if (r != ZK_OK)
		goto out;
	recordio_id(RECORD_ROTATE, b.data, b.len, epoch_id);
	*E = fresh;
	fresh = NULL;
out:
	key_free(fresh);
	buf_release(&b);
	return r;
}

/* The cut logs, ascending; the log id is the first member. */
static enum zk_err
recordw_cut(const struct record_remove_opts *o, struct buf *b)
{
	const void **sorted = NULL;
	enum zk_err r;

	if (o->cut_n > RECORD_CUT_MAX)
		return ZK_ELIMIT;
	r = recordw_order(o->cut, sizeof(*o->cut), o->cut_n, &sorted);
	if (r != ZK_OK)
		return r;
	buf_varint(b, o->cut_n);
	for (size_t i = 0; i < o->cut_n; i++) {
		const struct record_cut *cut = sorted[i];

		buf_put(b, cut->log, RECORD_ID_LEN);
		buf_varint(b, cut->seq);
		buf_put(b, cut->hash, RECORD_ID_LEN);
	}
	free(sorted);
	return buf_err(b);
}

enum zk_err
record_remove_make(const struct record_ctx *c,
    const struct record_remove_opts *o, struct buf *out,
    uint8_t name[static RECORD_ID_LEN])
{
	struct buf b;
	enum zk_err r;

	buf_init_secret(&b, RECORDIO_PAYLOAD_MAX);
	r = recordw_begin(c, RECORD_REMOVE, &b);
	if (r == ZK_OK)
		r = recordw_ids(&b, o->devices, o->devices_n,
		    RECORD_DEVICES_MAX);
	if (r == ZK_OK)
		r = recordw_cut(o, &b);
	if (r == ZK_OK)
		r = recordw_finish(c, &b, out, name);
	buf_release(&b);
	return r;
}

enum zk_err
record_park_make(const struct record_ctx *c,
    const uint8_t device[static RECORD_ID_LEN], struct buf *out,
    uint8_t name[static RECORD_ID_LEN])
{
	struct buf b;
	enum zk_err r;

	buf_init_secret(&b, RECORDIO_PAYLOAD_MAX);
	r = recordw_begin(c, RECORD_PARK, &b);
	if (r == ZK_OK)
		r = buf_put(&b, device, RECORD_ID_LEN);
	if (r == ZK_OK)
		r = recordw_finish(c, &b, out, name);
	buf_release(&b);
	return r;
}
