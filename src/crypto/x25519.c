#include <sodium.h>

#include "crypto/x25519.h"

_Static_assert(crypto_scalarmult_curve25519_BYTES == X25519_LEN, "length");

void
x25519_base(const uint8_t sk[static X25519_LEN],
    uint8_t pk[static X25519_LEN])
{
	crypto_scalarmult_curve25519_base(pk, sk);
}

enum zk_err
x25519_dh(const uint8_t sk[static X25519_LEN],
    const uint8_t pk[static X25519_LEN], uint8_t out[static X25519_LEN])
{
	if (crypto_scalarmult_curve25519(out, sk, pk) != 0) {
		sodium_memzero(out, X25519_LEN);
		return ZK_EREFUSED;
	}
	return ZK_OK;
}
