#include <sodium.h>
#include <string.h>

#include "crypto/hash.h"
#include "util/err.h"

_Static_assert(sizeof(crypto_generichash_state) <=
    sizeof(((struct hash *)0)->state), "struct hash is too small");

static crypto_generichash_state *
hash_state(struct hash *h)
{
	return (crypto_generichash_state *)(void *)h->state;
}

void
hash_init(struct hash *h, const char *label)
{
	size_t n = strlen(label);
	uint8_t len = (uint8_t)n;

	if (n < 1 || n > 64)
		BUG("length of a hash label");
	crypto_generichash_init(hash_state(h), NULL, 0, HASH_LEN);
	hash_update(h, &len, 1);
	hash_update(h, label, n);
}

void
hash_update(struct hash *h, const void *p, size_t n)
{
	if (n == 0)
		return;
	crypto_generichash_update(hash_state(h), p, n);
}

void
hash_final(struct hash *h, uint8_t out[static HASH_LEN])
{
	crypto_generichash_final(hash_state(h), out, HASH_LEN);
	sodium_memzero(h, sizeof(*h));
}

void
hash_bytes(const char *label, const void *p, size_t n,
    uint8_t out[static HASH_LEN])
{
	struct hash h;

	hash_init(&h, label);
	hash_update(&h, p, n);
	hash_final(&h, out);
}
