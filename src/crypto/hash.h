/*
 * BLAKE2b-256 (RFC 7693) with a domain label.  Every hash input begins with
 * the label: one byte length, then its ASCII bytes (zk-format(5), HASHES).
 * Labels stand in crypto/labels.h alone.
 */
#ifndef ZK_CRYPTO_HASH_H
#define ZK_CRYPTO_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_LEN 32	/* bytes */

/* A running hash; no secret is left in it after hash_final. */
struct hash {
	_Alignas(64) unsigned char state[384];
};

/* Starts a hash under label, 1..64 ASCII bytes. */
void hash_init(struct hash *h, const char *label);
void hash_update(struct hash *h, const void *p, size_t n);
void hash_final(struct hash *h, uint8_t out[static HASH_LEN]);

/* All three over one string. */
void hash_bytes(const char *label, const void *p, size_t n,
    uint8_t out[static HASH_LEN]);

#endif
