#include <sodium.h>

#include "crypto/keybytes.h"
#include "crypto/prf.h"

_Static_assert(crypto_shorthash_KEYBYTES <= KEY_LEN, "key length");

uint64_t
prf_sip(const struct key *k, const void *p, size_t n)
{
	uint8_t out[crypto_shorthash_BYTES];
	uint64_t v = 0;

	crypto_shorthash(out, p, n, key_bytes(k, KEY_PRF));
	for (int i = 7; i >= 0; i--)
		v = v << 8 | out[i];
	return v;
}
