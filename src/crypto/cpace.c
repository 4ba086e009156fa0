#include <sodium.h>
#include <string.h>

#include "crypto/cpace.h"
#include "crypto/hkdf.h"
#include "crypto/key.h"
#include "crypto/keybytes.h"
#include "crypto/labels.h"
#include "crypto/rand.h"
#include "util/buf.h"

#define CPACE_DSI "CPaceRistretto255"
#define CPACE_HASH_BLOCK 128	/* bytes, SHA-512: s_in_bytes of the draft */
#define CPACE_MAX (4 * CPACE_AD_MAX + 512)

_Static_assert(crypto_core_ristretto255_BYTES == CPACE_LEN, "element");
_Static_assert(crypto_core_ristretto255_SCALARBYTES == CPACE_LEN, "scalar");

/* Lies whole in memory of sodium_malloc. */
struct cpace {
	uint8_t scalar[CPACE_LEN];
	uint8_t share[CPACE_LEN];
	size_t sid_len;
	uint8_t sid[CPACE_AD_MAX];
};

enum zk_err
cpace_lv(struct buf *b, const void *p, size_t n)
{
	return buf_lp(b, p, n);	/* prepend_len is LEB128, as ours */
}

enum zk_err
cpace_transcript(struct buf *b, const struct cpace_run *run)
{
	cpace_lv(b, run->ya, CPACE_LEN);
	cpace_lv(b, run->ada, run->ada_len);
	cpace_lv(b, run->yb, CPACE_LEN);
	return cpace_lv(b, run->adb, run->adb_len);
}

/* Bytes of prepend_len(n bytes). */
static size_t
cpace_lv_len(size_t n)
{
	size_t len = 1;

	for (size_t v = n; v >= 128; v >>= 7)
		len++;
	return len + n;
}

enum zk_err
cpace_generator(const struct cpace_opts *o, uint8_t g[static CPACE_LEN])
{
	static const uint8_t zero[CPACE_HASH_BLOCK];
	size_t used = 1 + cpace_lv_len(o->prs_len) +
	    cpace_lv_len(strlen(CPACE_DSI));
	uint8_t h[crypto_hash_sha512_BYTES];
	struct buf b;
	enum zk_err r;

	buf_init_secret(&b, CPACE_MAX);
	cpace_lv(&b, CPACE_DSI, strlen(CPACE_DSI));
	cpace_lv(&b, o->prs, o->prs_len);
	/* fills the first block, so that it alone depends on the secret */
	cpace_lv(&b, zero, used < CPACE_HASH_BLOCK ?
	    CPACE_HASH_BLOCK - used : 0);
	cpace_lv(&b, o->ci, o->ci_len);
	cpace_lv(&b, o->sid, o->sid_len);
	r = buf_err(&b);
	if (r == ZK_OK) {
		crypto_hash_sha512(h, b.data, b.len);
		crypto_core_ristretto255_from_hash(g, h);
	}
	buf_release(&b);
	sodium_memzero(h, sizeof(h));
	return r;
}

enum zk_err
cpace_mult(const uint8_t y[static CPACE_LEN],
    const uint8_t x[static CPACE_LEN], uint8_t out[static CPACE_LEN])
{
	/* refuses what does not decode and the identity as a result */
	if (crypto_scalarmult_ristretto255(out, y, x) != 0) {
		sodium_memzero(out, CPACE_LEN);
		return ZK_EREFUSED;
	}
	return ZK_OK;
}

enum zk_err
cpace_isk(const struct cpace_opts *o, const uint8_t k[static CPACE_LEN],
    const struct cpace_run *run, uint8_t isk[static CPACE_ISK_LEN])
{
	static const char dsi[] = CPACE_DSI "_ISK";
	struct buf b;
	enum zk_err r;

	buf_init_secret(&b, CPACE_MAX);
	cpace_lv(&b, dsi, strlen(dsi));
	cpace_lv(&b, o->sid, o->sid_len);
	cpace_lv(&b, k, CPACE_LEN);
	cpace_transcript(&b, run);
	r = buf_err(&b);
	if (r == ZK_OK)
		crypto_hash_sha512(isk, b.data, b.len);
	buf_release(&b);
	return r;
}

enum zk_err
cpace_new(struct env *env, const struct cpace_opts *o, struct cpace **out)
{
	struct {
		uint8_t wide[crypto_core_ristretto255_NONREDUCEDSCALARBYTES];
		uint8_t g[CPACE_LEN];
	} tmp;
	struct cpace *c = NULL;
	enum zk_err r;

	*out = NULL;
	if (o->prs_len > CPACE_AD_MAX || o->ci_len > CPACE_AD_MAX ||
	    o->sid_len > CPACE_AD_MAX)
		return ZK_ELIMIT;
	r = cpace_generator(o, tmp.g);
	if (r != ZK_OK)
		goto out;
	c = sodium_malloc(sizeof(*c));
	if (c == NULL) {
		r = ZK_ENOMEM;
		goto out;
	}
	rand_bytes(env, tmp.wide, sizeof(tmp.wide));
	crypto_core_ristretto255_scalar_reduce(c->scalar, tmp.wide);
	memcpy(c->sid, o->sid, o->sid_len);
	c->sid_len = o->sid_len;
	r = cpace_mult(c->scalar, tmp.g, c->share);
	if (r != ZK_OK)
		goto out;
	*out = c;
	c = NULL;
out:
	cpace_free(c);
	sodium_memzero(&tmp, sizeof(tmp));
	return r;
}

void
cpace_free(struct cpace *c)
{
	sodium_free(c);
}

const uint8_t *
cpace_share(const struct cpace *c)
{
	return c->share;
}

enum zk_err
cpace_finish(struct cpace *c, bool initiator, const struct cpace_run *run,
    struct key **out)
{
	struct {
		uint8_t k[CPACE_LEN];
		uint8_t isk[CPACE_ISK_LEN];
		uint8_t prk[HKDF_PRK_LEN];
	} tmp;
	struct cpace_opts o = { .sid = c->sid, .sid_len = c->sid_len };
	enum zk_err r;

	*out = NULL;
	if (run->ada_len > CPACE_AD_MAX || run->adb_len > CPACE_AD_MAX)
		return ZK_ELIMIT;
	r = cpace_mult(c->scalar, initiator ? run->yb : run->ya, tmp.k);
	if (r != ZK_OK)
		goto out;
	r = cpace_isk(&o, tmp.k, run, tmp.isk);
	if (r != ZK_OK)
		goto out;
	hkdf_extract(LABEL_PAIR_ISK, strlen(LABEL_PAIR_ISK),
	    &(struct hkdf_part){ tmp.isk, sizeof(tmp.isk) }, 1, tmp.prk);
	r = key_import(KEY_SEED, tmp.prk, out);
out:
	sodium_memzero(&tmp, sizeof(tmp));
	return r;
}

enum zk_err
cpace_tag(const struct key *k, const char *label, const void *transcript,
    size_t n, uint8_t tag[static CPACE_TAG_LEN])
{
	size_t len = strlen(label);
	uint8_t head = (uint8_t)len;
	uint8_t prk[HKDF_PRK_LEN];
	enum zk_err r;

	hkdf_extract(NULL, 0, &(struct hkdf_part){
	    key_bytes(k, KEY_SEED), KEY_LEN }, 1, prk);
	r = hkdf_expand(prk, (struct hkdf_part[]){ { &head, 1 },
	    { label, len }, { transcript, n } }, 3, tag, CPACE_TAG_LEN);
	sodium_memzero(prk, sizeof(prk));
	return r;
}
