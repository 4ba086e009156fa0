/* Random bytes, from the environment alone. */
#ifndef ZK_CRYPTO_RAND_H
#define ZK_CRYPTO_RAND_H

#include <stddef.h>
#include <stdint.h>

struct env;

/* Fills out with n bytes from env. */
void rand_bytes(struct env *env, void *out, size_t n);

/* A number below n, without bias; n > 0. */
uint64_t rand_below(struct env *env, uint64_t n);

#endif
