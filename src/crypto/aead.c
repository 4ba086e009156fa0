#include <sodium.h>

#include "crypto/aead.h"
#include "crypto/keybytes.h"

_Static_assert(AEAD_NONCE_LEN ==
    crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce length");
_Static_assert(AEAD_TAG_LEN == crypto_aead_xchacha20poly1305_ietf_ABYTES,
    "tag length");
_Static_assert(AEAD_KEY_LEN == KEY_LEN, "key length");

void
aead_seal(const struct key *k, const uint8_t nonce[static AEAD_NONCE_LEN],
    const void *ad, size_t ad_len, const void *in, size_t in_len,
    uint8_t *out)
{
	aead_seal_raw(key_bytes(k, KEY_AEAD), nonce, ad, ad_len, in, in_len,
	    out);
}

enum zk_err
aead_open(const struct key *k, const uint8_t nonce[static AEAD_NONCE_LEN],
    const void *ad, size_t ad_len, const void *in, size_t in_len,
    uint8_t *out)
{
	return aead_open_raw(key_bytes(k, KEY_AEAD), nonce, ad, ad_len, in,
	    in_len, out);
}

void
aead_seal_raw(const uint8_t key[static AEAD_KEY_LEN],
    const uint8_t nonce[static AEAD_NONCE_LEN], const void *ad, size_t ad_len,
    const void *in, size_t in_len, uint8_t *out)
{
	crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, in, in_len, ad,
	    ad_len, NULL, nonce, key);
}

enum zk_err
aead_open_raw(const uint8_t key[static AEAD_KEY_LEN],
    const uint8_t nonce[static AEAD_NONCE_LEN], const void *ad, size_t ad_len,
    const void *in, size_t in_len, uint8_t *out)
{
	int r;

	if (in_len < AEAD_TAG_LEN)
		return ZK_ETAMPER;
	r = crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, in,
	    in_len, ad, ad_len, nonce, key);
	return r == 0 ? ZK_OK : ZK_ETAMPER;
}
