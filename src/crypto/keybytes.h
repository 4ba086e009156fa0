/*
 * The raw bytes of keys, for the other files of crypto/ alone: nothing
 * outside this folder may include it.
 */
#ifndef ZK_CRYPTO_KEYBYTES_H
#define ZK_CRYPTO_KEYBYTES_H

#include "crypto/key.h"

/* Lends the KEY_LEN bytes of k; BUG if its role is not role. */
const uint8_t *key_bytes(const struct key *k, enum key_role role);

#endif
