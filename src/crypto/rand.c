#include "crypto/rand.h"
#include "util/env.h"

void
rand_bytes(struct env *env, void *out, size_t n)
{
	env_random(env, out, n);
}

uint64_t
rand_below(struct env *env, uint64_t n)
{
	uint64_t v, min;

	if (n == 0)
		BUG("random number below 0");
	/* values under 2^64 mod n would make the low results likelier */
	min = (0 - n) % n;
	do {
		env_random(env, &v, sizeof(v));
	} while (v < min);
	return v % n;
}
