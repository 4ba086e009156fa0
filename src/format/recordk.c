#include <string.h>

#include "crypto/crypto.h"
#include "crypto/key.h"
#include "format/recordio.h"
#include "util/buf.h"

/* Opens one sealed key. */
static enum zk_err
recordk_open(const struct record_sealed *s, const struct device_keys *dev,
    const char *label, const void *ctx, size_t ctx_len, struct key **out)
{
	struct buf raw;
	enum zk_err r;

	*out = NULL;
	if (s->kem != kemkey_id(device_keys_kem(dev)))
		return ZK_EVERSION;
	buf_init_secret(&raw, KEY_LEN + AEAD_TAG_LEN);
	r = kem_open(device_keys_kem(dev), label, ctx, ctx_len, s->p, s->n,
	    &raw);
	if (r == ZK_ELIMIT || (r == ZK_OK && raw.len != KEY_LEN))
		r = ZK_ETAMPER;
	if (r == ZK_OK)
		r = key_import(KEY_SEED, raw.data, out);
	buf_release(&raw);
	return r;
}

enum zk_err
epoch_key_check(const struct record *rotate, const struct key *k)
{
	uint8_t commit[RECORD_ID_LEN];

	if (rotate->type != RECORD_ROTATE)
		BUG("commitment of a record that is no rotation");
	key_commit(k, LABEL_COMMIT_EPOCH, commit);
	return crypto_equal(commit, rotate->commit, sizeof(commit)) ? ZK_OK :
	    ZK_ETAMPER;
}

enum zk_err
record_rotate_open(const struct record *rec,
    const uint8_t vault[static RECORD_ID_LEN], const struct device_keys *dev,
    struct key **E)
{
	const uint8_t *me = device_keys_id(dev);
	const struct record_sealed *mine = NULL;
	uint8_t ctx[RECORDIO_EPOCH_CTX_LEN];
	enum zk_err r;

	*E = NULL;
	if (rec->type != RECORD_ROTATE)
		return ZK_ENOENT;
	for (size_t i = 0; i < rec->sealed_n; i++)
		if (memcmp(rec->sealed[i].id, me, RECORD_ID_LEN) == 0)
			mine = &rec->sealed[i];
	if (mine == NULL)
		return ZK_ENOENT;
	recordio_epoch_ctx(vault, rec->commit, rec->epoch_no, me, ctx);
	r = recordk_open(mine, dev, LABEL_SEAL_EPOCH, ctx, sizeof(ctx), E);
	if (r != ZK_OK)
		return r;
	r = epoch_key_check(rec, *E);
	if (r != ZK_OK) {
		key_free(*E);
		*E = NULL;
	}
	return r;
}

/* Gives each pair of id and key in n plain bytes to each(). */
static enum zk_err
recordk_list(const uint8_t *p, size_t n, record_key_fn *each, void *arg)
{
	struct key *k;
	enum zk_err r;

	if (n == 0 || n % (RECORD_ID_LEN + KEY_LEN) != 0)
		return ZK_ETAMPER;
	for (; n > 0; n -= RECORD_ID_LEN + KEY_LEN) {
		r = key_import(KEY_SEED, p + RECORD_ID_LEN, &k);
		if (r != ZK_OK)
			return r;
		r = each(arg, p, k);
		if (r != ZK_OK)
			return r;
		p += RECORD_ID_LEN + KEY_LEN;
	}
	return ZK_OK;
}

enum zk_err
record_earlier_open(const struct record *rec,
    const uint8_t vault[static RECORD_ID_LEN], const struct key *E,
    record_key_fn *each, void *arg)
{
	uint8_t ad[RECORDIO_EARLIER_AD_LEN];
	struct key *k = NULL;
	struct buf plain;
	size_t n = rec->earlier_len;
	enum zk_err r;

	if (rec->type != RECORD_ROTATE || n == 0)
		return ZK_OK;
	if (n < AEAD_NONCE_LEN + AEAD_TAG_LEN)
		return ZK_ETAMPER;
	n -= AEAD_NONCE_LEN;
	buf_init_secret(&plain, n);
	r = key_derive(E, KEY_AEAD, LABEL_KEY_EARLIER, NULL, 0, &k);
	if (r == ZK_OK)
		r = buf_reserve(&plain, n);
	if (r == ZK_OK) {
		recordio_earlier_ad(vault, rec->commit, ad);
		r = aead_open(k, rec->earlier, ad, sizeof(ad),
		    rec->earlier + AEAD_NONCE_LEN, n, plain.data);
	}
	if (r == ZK_OK) {
		plain.len = n - AEAD_TAG_LEN;
		r = recordk_list(plain.data, plain.len, each, arg);
	}
	key_free(k);
	buf_release(&plain);
	return r;
}

enum zk_err
record_grants_open(const struct record *rec,
    const uint8_t vault[static RECORD_ID_LEN], const struct device_keys *dev,
    record_key_fn *each, void *arg)
{
	const uint8_t *me = device_keys_id(dev);
	uint8_t ctx[RECORDIO_GRANT_CTX_LEN];

	if (rec->type != RECORD_ADD && rec->type != RECORD_GRANT)
		return ZK_ENOENT;
	if (memcmp(rec->dev_id, me, RECORD_ID_LEN) != 0)
		return ZK_ENOENT;
	for (size_t i = 0; i < rec->sealed_n; i++) {
		const struct record_sealed *s = &rec->sealed[i];
		struct key *k;
		enum zk_err r;

		recordio_grant_ctx(vault, s->id, me, ctx);
		r = recordk_open(s, dev, LABEL_SEAL_GRANT, ctx, sizeof(ctx),
		    &k);
		/* the others, and those of other records, are as good */
		if (r == ZK_ETAMPER || r == ZK_EVERSION)
			continue;
		if (r != ZK_OK)
			return r;
		r = each(arg, s->id, k);
		if (r != ZK_OK)
			return r;
	}
	return ZK_OK;
}
