#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/key.h"
#include "crypto/labels.h"
#include "crypto/sign.h"
#include "format/keys.h"
#include "util/buf.h"
#include "util/rd.h"

struct device_keys {
	struct signkey *sign;
	struct kemkey *kem;
	struct key *local;
	struct device_pub pub;
	uint8_t id[KEYS_ID_LEN];
};

enum zk_err
device_pub_put(struct buf *b, const struct device_pub *p)
{
	buf_put(b, p->sign_pk, sizeof(p->sign_pk));
	buf_varint(b, p->kem);
	return buf_lp(b, p->kem_pk, p->kem_pk_len);
}

struct key *
key_get(struct rd *r, enum key_role role)
{
	const uint8_t *p = rd_bytes(r, KEY_LEN);
	struct key *k = NULL;
	enum zk_err e;

	if (p == NULL)
		return NULL;
	e = key_import(role, p, &k);
	if (e != ZK_OK)
		rd_fail(r, e);
	return k;
}

void
device_pub_get(struct rd *r, struct device_pub *out)
{
	const uint8_t *pk;
	size_t n;
	enum zk_err e;

	memset(out, 0, sizeof(*out));
	rd_copy(r, out->sign_pk, sizeof(out->sign_pk));
	out->kem = (unsigned)rd_varint(r, 127);
	pk = rd_lp(r, KEM_PK_MAX, &n);
	if (r->err != ZK_OK)
		return;
	if (kem_pk_len(out->kem) == 0) {
		rd_fail(r, ZK_EVERSION);
		return;
	}
	if (n != kem_pk_len(out->kem)) {
		rd_fail(r, ZK_EFORMAT);
		return;
	}
	memcpy(out->kem_pk, pk, n);
	out->kem_pk_len = n;
	e = sign_pk_check(out->sign_pk);
	if (e == ZK_OK)
		e = kem_pk_check(out->kem, out->kem_pk);
	if (e != ZK_OK)
		rd_fail(r, e);
}

void
device_pub_id(const struct device_pub *pub, uint8_t id[static KEYS_ID_LEN])
{
	uint8_t len[4], *p = len;
	struct hash h;

	if (pub->kem > 127 || pub->kem_pk_len > KEM_PK_MAX)
		BUG("public keys that cannot be");
	/* as device_pub_put has it, without memory that may be out */
	*p++ = (uint8_t)pub->kem;
	if (pub->kem_pk_len > 127)
		*p++ = (uint8_t)(pub->kem_pk_len | 0x80);
	*p++ = (uint8_t)(pub->kem_pk_len > 127 ? pub->kem_pk_len >> 7 :
	    pub->kem_pk_len);
	hash_init(&h, LABEL_HASH_DEVICE);
	hash_update(&h, pub->sign_pk, sizeof(pub->sign_pk));
	hash_update(&h, len, (size_t)(p - len));
	hash_update(&h, pub->kem_pk, pub->kem_pk_len);
	hash_final(&h, id);
}

/* A key pair seeded by a key derived from the device seed. */
static enum zk_err
device_keys_sign_new(const struct key *seed, struct signkey **out)
{
	struct key *k = NULL;
	enum zk_err r;

	r = key_derive(seed, KEY_SIGN, LABEL_KEY_DEVICE_SIGN, NULL, 0, &k);
	if (r == ZK_OK)
		r = signkey_new(k, out);
	key_free(k);
	return r;
}

static enum zk_err
device_keys_kem_new(const struct key *seed, struct kemkey **out)
{
	struct key *k = NULL;
	enum zk_err r;

	r = key_derive(seed, KEY_KEM, LABEL_KEY_DEVICE_KEM, NULL, 0, &k);
	if (r == ZK_OK)
		r = kemkey_new(KEM_X25519, k, out);
	key_free(k);
	return r;
}

enum zk_err
device_keys_new(const struct key *seed, struct device_keys **out)
{
	struct device_keys *d = calloc(1, sizeof(*d));
	const uint8_t *pk;
	enum zk_err r;

	*out = NULL;
	if (d == NULL)
		return ZK_ENOMEM;
	r = device_keys_sign_new(seed, &d->sign);
	if (r != ZK_OK)
		goto out;
	r = device_keys_kem_new(seed, &d->kem);
	if (r != ZK_OK)
		goto out;
	r = key_derive(seed, KEY_SEED, LABEL_KEY_DEVICE_LOCAL, NULL, 0,
	    &d->local);
	if (r != ZK_OK)
		goto out;
	memcpy(d->pub.sign_pk, signkey_pk(d->sign), sizeof(d->pub.sign_pk));
	d->pub.kem = kemkey_id(d->kem);
	pk = kemkey_pk(d->kem, &d->pub.kem_pk_len);
	memcpy(d->pub.kem_pk, pk, d->pub.kem_pk_len);
	device_pub_id(&d->pub, d->id);
	*out = d;
	d = NULL;
out:
	device_keys_free(d);
	return r;
}

void
device_keys_free(struct device_keys *d)
{
	if (d == NULL)
		return;
	signkey_free(d->sign);
	kemkey_free(d->kem);
	key_free(d->local);
	free(d);
}

const struct signkey *
device_keys_sign(const struct device_keys *d)
{
	return d->sign;
}

const struct kemkey *
device_keys_kem(const struct device_keys *d)
{
	return d->kem;
}

const struct key *
device_keys_local(const struct device_keys *d)
{
	return d->local;
}

const struct device_pub *
device_keys_pub(const struct device_keys *d)
{
	return &d->pub;
}

const uint8_t *
device_keys_id(const struct device_keys *d)
{
	return d->id;
}
