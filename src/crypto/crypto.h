/* Start-up of the cryptographic library. */
#ifndef ZK_CRYPTO_CRYPTO_H
#define ZK_CRYPTO_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"

/*
 * Must be called once, before anything else of crypto/ and before threads
 * start; again does nothing.  ZK_EBUG: the library does not start here.
 */
ZK_CHECKED enum zk_err crypto_init(void);

/* Compares n bytes in constant time. */
bool crypto_equal(const void *a, const void *b, size_t n);

/* Zeroes n bytes in a way that no compiler removes. */
void crypto_wipe(void *p, size_t n);

#endif
