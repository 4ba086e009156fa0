/*
 * Padme (Nikitin et al., "Reducing metadata leakage from encrypted files and
 * communication with PURBs", PETS 2019, section 4): a length of n bits keeps
 * its top bits, as many as log2(n) has, so that O(log log n) bits leak and
 * at most 12 % are added.
 */
#ifndef ZK_CRYPTO_PADME_H
#define ZK_CRYPTO_PADME_H

#include <stdint.h>

/* The padded length for len; len itself where it would pass 2^64 - 1. */
uint64_t padme(uint64_t len);

/* The same, but never below floor. */
uint64_t padme_floor(uint64_t len, uint64_t floor);

#endif
