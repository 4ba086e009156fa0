#include <sodium.h>

#include "crypto/crypto.h"

enum zk_err
crypto_init(void)
{
	return sodium_init() < 0 ? ZK_EBUG : ZK_OK;
}

bool
crypto_equal(const void *a, const void *b, size_t n)
{
	return sodium_memcmp(a, b, n) == 0;
}

void
crypto_wipe(void *p, size_t n)
{
	sodium_memzero(p, n);
}
