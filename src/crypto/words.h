/*
 * The 2048 English words of BIP 39, 11 bits each: pairing codes, check words.
 * No two share their first four letters.
 */
#ifndef ZK_CRYPTO_WORDS_H
#define ZK_CRYPTO_WORDS_H

#include <stddef.h>

#define WORDS_N 2048
#define WORDS_LEN_MAX 8	/* letters */

/* Word number i below WORDS_N; static storage. */
const char *words_at(unsigned i);

/* The number of the word of n letters, any case; -1 if it is none. */
int words_find(const char *s, size_t n);

#endif
