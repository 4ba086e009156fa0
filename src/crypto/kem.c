#include <sodium.h>
#include <string.h>

#include "crypto/aead.h"
#include "crypto/dhkem.h"
#include "crypto/kem.h"
#include "crypto/keybytes.h"
#include "crypto/rand.h"
#include "crypto/x25519.h"
#include "util/buf.h"

_Static_assert(KEM_X25519_PK_LEN == DHKEM_LEN, "key length");

/* Lies whole in memory of sodium_malloc. */
struct kemkey {
	uint8_t sk[DHKEM_LEN];
	uint8_t pk[DHKEM_LEN];
	unsigned id;
};

/* The key is used for one message, so the nonce may be fixed. */
static const uint8_t kem_nonce[AEAD_NONCE_LEN];

enum zk_err
kemkey_new(unsigned id, const struct key *seed, struct kemkey **out)
{
	struct kemkey *k;

	*out = NULL;
	if (id != KEM_X25519)
		return ZK_EVERSION;
	k = sodium_malloc(sizeof(*k));
	if (k == NULL)
		return ZK_ENOMEM;
	k->id = id;
	dhkem_derive(key_bytes(seed, KEY_KEM), k->sk, k->pk);
	*out = k;
	return ZK_OK;
}

void
kemkey_free(struct kemkey *k)
{
	sodium_free(k);
}

unsigned
kemkey_id(const struct kemkey *k)
{
	return k->id;
}

const uint8_t *
kemkey_pk(const struct kemkey *k, size_t *len)
{
	*len = DHKEM_LEN;
	return k->pk;
}

size_t
kem_pk_len(unsigned id)
{
	return id == KEM_X25519 ? KEM_X25519_PK_LEN : 0;
}

enum zk_err
kem_pk_check(unsigned id, const uint8_t *pk)
{
	/* clamped: a multiple of 8, so any point of low order gives zero */
	static const uint8_t any[DHKEM_LEN] = { 8 };
	uint8_t out[DHKEM_LEN];

	if (id != KEM_X25519)
		return ZK_EVERSION;
	/* one encoding a key: below 2^255 - 19 */
	if (pk[31] > 0x7f)
		return ZK_EREFUSED;
	if (pk[31] == 0x7f && pk[0] >= 0xed) {
		size_t i = 1;

		while (i < 31 && pk[i] == 0xff)
			i++;
		if (i == 31)
			return ZK_EREFUSED;
	}
	return x25519_dh(any, pk, out);
}

size_t
kem_sealed_len(unsigned id, size_t n)
{
	return id == KEM_X25519 ? DHKEM_LEN + n + AEAD_TAG_LEN : 0;
}

/* The message key of one shared secret; bound to label and context. */
static enum zk_err
kem_message_key(const uint8_t shared[static DHKEM_LEN], const char *label,
    const void *ctx, size_t ctx_len, struct key **out)
{
	struct key *root = NULL;
	enum zk_err r = key_import(KEY_SEED, shared, &root);

	*out = NULL;
	if (r == ZK_OK)
		r = key_derive(root, KEY_AEAD, label, ctx, ctx_len, out);
	key_free(root);
	return r;
}

enum zk_err
kem_seal(struct env *env, unsigned id, const uint8_t *pk, const char *label,
    const void *ctx, size_t ctx_len, const void *in, size_t n,
    struct buf *out)
{
	struct {
		uint8_t ikm[DHKEM_LEN];
		uint8_t shared[DHKEM_LEN];
	} tmp;
	uint8_t enc[DHKEM_LEN];
	struct key *k = NULL;
	enum zk_err r;

	if (id != KEM_X25519)
		return ZK_EVERSION;
	rand_bytes(env, tmp.ikm, sizeof(tmp.ikm));
	r = dhkem_encap(tmp.ikm, pk, enc, tmp.shared);
	if (r != ZK_OK)
		goto out;
	r = kem_message_key(tmp.shared, label, ctx, ctx_len, &k);
	if (r != ZK_OK)
		goto out;
	r = buf_reserve(out, kem_sealed_len(id, n));
	if (r != ZK_OK)
		goto out;
	buf_put(out, enc, sizeof(enc));
	aead_seal(k, kem_nonce, ctx, ctx_len, in, n, out->data + out->len);
	out->len += n + AEAD_TAG_LEN;
out:
	key_free(k);
	sodium_memzero(&tmp, sizeof(tmp));
	return r;
}

enum zk_err
kem_open(const struct kemkey *key, const char *label, const void *ctx,
    size_t ctx_len, const void *in, size_t n, struct buf *out)
{
	const uint8_t *p = in;
	uint8_t shared[DHKEM_LEN];
	struct key *k = NULL;
	enum zk_err r;

	if (!out->wipe)
		BUG("opened message in memory that is not wiped");
	if (n < DHKEM_LEN + AEAD_TAG_LEN)
		return ZK_ETAMPER;
	r = dhkem_decap(key->sk, key->pk, p, shared);
	if (r != ZK_OK) {
		r = ZK_ETAMPER;
		goto out;
	}
	r = kem_message_key(shared, label, ctx, ctx_len, &k);
	if (r != ZK_OK)
		goto out;
	p += DHKEM_LEN;
	n -= DHKEM_LEN;
	r = buf_reserve(out, n);
	if (r != ZK_OK)
		goto out;
	r = aead_open(k, kem_nonce, ctx, ctx_len, p, n, out->data + out->len);
	if (r == ZK_OK)
		out->len += n - AEAD_TAG_LEN;
out:
	key_free(k);
	sodium_memzero(shared, sizeof(shared));
	return r;
}
