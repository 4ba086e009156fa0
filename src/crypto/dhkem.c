#include <sodium.h>
#include <string.h>

#include "crypto/dhkem.h"
#include "crypto/hkdf.h"
#include "crypto/x25519.h"

/* "HPKE-v1", then suite_id = "KEM" and kem_id 0x0020 (RFC 9180, 4.1) */
static const uint8_t dhkem_suite[] = {
	'H', 'P', 'K', 'E', '-', 'v', '1', 'K', 'E', 'M', 0x00, 0x20
};

static void
dhkem_extract(const char *label, const uint8_t *ikm,
    uint8_t prk[static HKDF_PRK_LEN])
{
	hkdf_extract(NULL, 0, (struct hkdf_part[]){
	    { dhkem_suite, sizeof(dhkem_suite) }, { label, strlen(label) },
	    { ikm, DHKEM_LEN } }, 3, prk);
}

static void
dhkem_expand(const uint8_t *prk, const char *label, const void *info,
    size_t info_len, uint8_t out[static DHKEM_LEN])
{
	static const uint8_t len[2] = { 0, DHKEM_LEN };
	enum zk_err r;

	r = hkdf_expand(prk, (struct hkdf_part[]){ { len, 2 },
	    { dhkem_suite, sizeof(dhkem_suite) }, { label, strlen(label) },
	    { info, info_len } }, 4, out, DHKEM_LEN);
	if (r != ZK_OK)
		BUG("length of a shared secret");
}

static void
dhkem_shared(const uint8_t *dh, const uint8_t *enc, const uint8_t *pk,
    uint8_t shared[static DHKEM_LEN])
{
	uint8_t prk[HKDF_PRK_LEN];
	uint8_t ctx[2 * DHKEM_LEN];

	memcpy(ctx, enc, DHKEM_LEN);
	memcpy(ctx + DHKEM_LEN, pk, DHKEM_LEN);
	dhkem_extract("eae_prk", dh, prk);
	dhkem_expand(prk, "shared_secret", ctx, sizeof(ctx), shared);
	sodium_memzero(prk, sizeof(prk));
}

void
dhkem_derive(const uint8_t ikm[static DHKEM_LEN],
    uint8_t sk[static DHKEM_LEN], uint8_t pk[static DHKEM_LEN])
{
	uint8_t prk[HKDF_PRK_LEN];

	dhkem_extract("dkp_prk", ikm, prk);
	dhkem_expand(prk, "sk", NULL, 0, sk);
	x25519_base(sk, pk);
	sodium_memzero(prk, sizeof(prk));
}

enum zk_err
dhkem_encap(const uint8_t ikm[static DHKEM_LEN],
    const uint8_t pk[static DHKEM_LEN], uint8_t enc[static DHKEM_LEN],
    uint8_t shared[static DHKEM_LEN])
{
	struct {
		uint8_t sk[DHKEM_LEN];
		uint8_t dh[DHKEM_LEN];
	} tmp;
	enum zk_err r;

	dhkem_derive(ikm, tmp.sk, enc);
	r = x25519_dh(tmp.sk, pk, tmp.dh);
	if (r == ZK_OK)
		dhkem_shared(tmp.dh, enc, pk, shared);
	sodium_memzero(&tmp, sizeof(tmp));
	return r;
}

enum zk_err
dhkem_decap(const uint8_t sk[static DHKEM_LEN],
    const uint8_t pk[static DHKEM_LEN], const uint8_t enc[static DHKEM_LEN],
    uint8_t shared[static DHKEM_LEN])
{
	uint8_t dh[DHKEM_LEN];
	enum zk_err r = x25519_dh(sk, enc, dh);

	if (r == ZK_OK)
		dhkem_shared(dh, enc, pk, shared);
	sodium_memzero(dh, sizeof(dh));
	return r;
}
