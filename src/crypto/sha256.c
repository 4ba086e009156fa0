#include "crypto/sha256.h"

#include <sodium.h>

void
sha256(const void *p, size_t n, uint8_t out[static SHA256_LEN])
{
	(void)crypto_hash_sha256(out, p, n);
}
