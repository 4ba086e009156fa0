/*
 * The keyed function that decides where content is cut: SipHash-2-4 (Aumasson
 * and Bernstein, 2012) under the first 16 bytes of a key of role KEY_PRF.
 */
#ifndef ZK_CRYPTO_PRF_H
#define ZK_CRYPTO_PRF_H

#include <stddef.h>
#include <stdint.h>

struct key;

/* The value (as a little-endian number) of n bytes at p. */
uint64_t prf_sip(const struct key *k, const void *p, size_t n);

#endif
