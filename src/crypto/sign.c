#include <sodium.h>
#include <string.h>

#include "crypto/keybytes.h"
#include "crypto/sign.h"

#define SIGN_LABEL_MAX 64

_Static_assert(crypto_sign_SEEDBYTES == KEY_LEN, "seed length");
_Static_assert(crypto_sign_PUBLICKEYBYTES == SIGN_PK_LEN, "key length");
_Static_assert(crypto_sign_BYTES == SIGN_LEN, "signature length");

/* Lies whole in memory of sodium_malloc. */
struct signkey {
	uint8_t sk[crypto_sign_SECRETKEYBYTES];
	uint8_t pk[SIGN_PK_LEN];
};

/* What is signed: length of the label, label, message. */
struct sign_input {
	uint8_t b[1 + SIGN_LABEL_MAX + SIGN_MSG_MAX];
	size_t n;
};

static bool
sign_compose(struct sign_input *in, const char *label, const void *msg,
    size_t n)
{
	size_t len = strlen(label);

	if (len < 1 || len > SIGN_LABEL_MAX)
		BUG("length of a signature label");
	if (n > SIGN_MSG_MAX)
		return false;
	in->b[0] = (uint8_t)len;
	memcpy(in->b + 1, label, len);
	if (n > 0)
		memcpy(in->b + 1 + len, msg, n);
	in->n = 1 + len + n;
	return true;
}

enum zk_err
signkey_new(const struct key *k, struct signkey **out)
{
	struct signkey *s = sodium_malloc(sizeof(*s));

	*out = s;
	if (s == NULL)
		return ZK_ENOMEM;
	crypto_sign_seed_keypair(s->pk, s->sk, key_bytes(k, KEY_SIGN));
	return ZK_OK;
}

void
signkey_free(struct signkey *k)
{
	sodium_free(k);
}

const uint8_t *
signkey_pk(const struct signkey *k)
{
	return k->pk;
}

void
sign_make(const struct signkey *k, const char *label, const void *msg,
    size_t n, uint8_t sig[static SIGN_LEN])
{
	struct sign_input in;

	if (!sign_compose(&in, label, msg, n))
		BUG("message too long to sign");
	crypto_sign_detached(sig, NULL, in.b, in.n, k->sk);
}

enum zk_err
sign_check(const uint8_t pk[static SIGN_PK_LEN], const char *label,
    const void *msg, size_t n, const uint8_t sig[static SIGN_LEN])
{
	struct sign_input in;

	if (!sign_compose(&in, label, msg, n))
		return ZK_ETAMPER;
	return sign_check_bare(pk, in.b, in.n, sig);
}

enum zk_err
sign_check_bare(const uint8_t pk[static SIGN_PK_LEN], const void *msg,
    size_t n, const uint8_t sig[static SIGN_LEN])
{
	int r = crypto_sign_verify_detached(sig, msg, n, pk);

	return r == 0 ? ZK_OK : ZK_ETAMPER;
}

enum zk_err
sign_pk_check(const uint8_t pk[static SIGN_PK_LEN])
{
	/* on the curve, canonical, in the main subgroup, not of low order */
	if (crypto_core_ed25519_is_valid_point(pk) != 1)
		return ZK_EREFUSED;
	return ZK_OK;
}
