#include <string.h>

#include "crypto/aead.h"
#include "crypto/crypto.h"
#include "crypto/hash.h"
#include "crypto/labels.h"
#include "crypto/padme.h"
#include "crypto/rand.h"
#include "format/chunk.h"
#include "format/compress.h"
#include "util/buf.h"
#include "util/rd.h"

#define CHUNK_VERSION 1
#define CHUNK_SUITE 1
#define CHUNK_HEAD 5u			/* codec, payload length */
#define CHUNK_EXTRA (CHUNK_HEAD + AEAD_TAG_LEN)
#define AD_MAX 64u

_Static_assert(CHUNK_KEY_LEN == AEAD_KEY_LEN &&
    CHUNK_NONCE_LEN == AEAD_NONCE_LEN && CHUNK_HASH_LEN == HASH_LEN,
    "a reference holds what sealing uses");

void
chunk_ref_wipe(struct chunk_ref *ref)
{
	crypto_wipe(ref, sizeof(*ref));
}

void
chunk_hash(unsigned level, const void *p, size_t n,
    uint8_t out[static CHUNK_HASH_LEN])
{
	hash_bytes(level == 0 ? LABEL_HASH_CONTENT : LABEL_HASH_PART, p, n,
	    out);
}

void
chunk_name(const void *stored, size_t n, uint8_t out[static CHUNK_HASH_LEN])
{
	hash_bytes(LABEL_HASH_BLOB, stored, n, out);
}

void
chunk_ref_fresh(struct env *env, struct chunk_ref *ref)
{
	rand_bytes(env, ref->key, sizeof(ref->key));
	rand_bytes(env, ref->nonce, sizeof(ref->nonce));
}

static uint64_t
stored_len(size_t payload)
{
	return padme_floor(payload + CHUNK_EXTRA, CHUNK_STORED_MIN);
}

size_t
chunk_stored_max(size_t n)
{
	return (size_t)stored_len(n);
}

bool
chunk_ref_ok(const struct chunk_ref *ref)
{
	return ref->plain_len >= 1 && ref->plain_len <= CHUNK_PLAIN_MAX &&
	    ref->stored_len >= CHUNK_STORED_MIN &&
	    ref->stored_len <= stored_len(ref->plain_len) &&
	    padme(ref->stored_len) == ref->stored_len;
}

/* zk-format(5), BLOBS: the associated data; returns its length. */
static size_t
make_ad(const struct chunk_ctx *ctx, uint8_t ad[static AD_MAX])
{
	const size_t n = sizeof(LABEL_AD_BLOB) - 1;
	uint8_t *p = ad;

	_Static_assert(1 + sizeof(LABEL_AD_BLOB) + 3 + CHUNK_VAULT_LEN <=
	    AD_MAX, "room for the associated data");
	*p++ = (uint8_t)n;
	memcpy(p, LABEL_AD_BLOB, n);
	p += n;
	*p++ = CHUNK_VERSION;
	*p++ = CHUNK_SUITE;
	memcpy(p, ctx->vault, CHUNK_VAULT_LEN);
	p += CHUNK_VAULT_LEN;
	*p++ = (uint8_t)ctx->level;
	return (size_t)(p - ad);
}

static void
put_head(uint8_t *p, enum compress_codec codec, size_t payload)
{
	p[0] = (uint8_t)codec;
	for (unsigned i = 0; i < 4; i++)
		p[1 + i] = (uint8_t)(payload >> 8 * i);
}

enum zk_err
chunk_seal(struct compress *z, const struct chunk_ctx *ctx,
    const void *plain, size_t n, struct chunk_ref *ref, struct buf *out)
{
	enum compress_codec codec = COMPRESS_ZSTD;
	uint8_t ad[AD_MAX];
	size_t got, total;

	if (n < 1 || n > CHUNK_PLAIN_MAX)
		BUG("a chunk of an impossible length");
	buf_reset(out);
	if (buf_reserve(out, (size_t)stored_len(n)) != ZK_OK)
		return ZK_ENOMEM;
	got = compress_try(z, plain, n, out->data + CHUNK_HEAD, n);
	if (got == 0) {
		codec = COMPRESS_NONE;
		memcpy(out->data + CHUNK_HEAD, plain, n);
		got = n;
	}
	put_head(out->data, codec, got);
	total = (size_t)stored_len(got);
	memset(out->data + CHUNK_HEAD + got, 0, total - CHUNK_EXTRA - got);
	aead_seal_raw(ref->key, ref->nonce, ad, make_ad(ctx, ad), out->data,
	    total - AEAD_TAG_LEN, out->data);
	out->len = total;
	ref->plain_len = (uint32_t)n;
	ref->stored_len = (uint32_t)total;
	chunk_name(out->data, total, ref->name);
	return ZK_OK;
}

static bool
all_zero(const uint8_t *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

/* The payload behind the opened head, its padding checked. */
static enum zk_err
unpad(const uint8_t *p, size_t n, unsigned *codec, const uint8_t **payload,
    size_t *len)
{
	struct rd r;

	rd_init(&r, p, n);
	*codec = rd_u8(&r);
	*len = rd_u32(&r);
	*payload = rd_bytes(&r, *len);
	if (r.err != ZK_OK || stored_len(*len) != n + AEAD_TAG_LEN ||
	    !all_zero(r.p, r.left))
		return ZK_ETAMPER;
	return ZK_OK;
}

static enum zk_err
expand(struct compress *z, unsigned codec, const uint8_t *p, size_t n,
    size_t plain_len, struct buf *out)
{
	enum zk_err r;

	if (codec > COMPRESS_ZSTD)
		return ZK_EVERSION;
	if (codec == COMPRESS_NONE)
		return n != plain_len ? ZK_ETAMPER : buf_put(out, p, n);
	r = buf_reserve(out, plain_len);
	if (r != ZK_OK)
		return r;
	r = compress_open(z, p, n, out->data, plain_len);
	if (r == ZK_OK)
		out->len = plain_len;
	return r == ZK_EFORMAT ? ZK_ETAMPER : r;
}

enum zk_err
chunk_open(struct compress *z, const struct chunk_ctx *ctx,
    const struct chunk_ref *ref, uint8_t *stored, size_t n, struct buf *out)
{
	uint8_t ad[AD_MAX], h[CHUNK_HASH_LEN];
	const uint8_t *payload;
	unsigned codec;
	enum zk_err r;
	size_t len;

	buf_reset(out);
	if (!chunk_ref_ok(ref) || n != ref->stored_len)
		return ZK_ETAMPER;
	r = aead_open_raw(ref->key, ref->nonce, ad, make_ad(ctx, ad), stored,
	    n, stored);
	if (r != ZK_OK)
		return r;
	r = unpad(stored, n - AEAD_TAG_LEN, &codec, &payload, &len);
	if (r == ZK_OK)
		r = expand(z, codec, payload, len, ref->plain_len, out);
	if (r != ZK_OK)
		return r;
	chunk_hash(ctx->level, out->data, out->len, h);
	if (memcmp(h, ref->hash, sizeof(h)) != 0) {
		buf_reset(out);
		return ZK_ETAMPER;
	}
	return ZK_OK;
}
