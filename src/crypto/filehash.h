/*
 * The content hash: one rule for scanning, recording, writing and checking
 * files (zk-format(5), CONTENT HASH).
 *
 * Up to FILEHASH_BLOCK bytes it is BLAKE2b-256 of the bytes under
 * LABEL_HASH_CONTENT.  Longer content is divided into blocks of that size
 * (the last may be shorter), each hashed in that way; the content hash is
 * that of the blocks' hashes in order and the 8-byte little-endian size,
 * under LABEL_HASH_BLOCKS.  So blocks may be hashed on all cores, and a hole
 * costs 32 bytes a block.  No key is involved: equal bytes agree everywhere.
 */
#ifndef ZK_CRYPTO_FILEHASH_H
#define ZK_CRYPTO_FILEHASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/hash.h"

#define FILEHASH_BLOCK (1024u * 1024)

struct filehash {
	struct hash leaf;		/* of the block at hand */
	struct hash top;		/* of the blocks before it */
	uint64_t size;			/* bytes so far */
	size_t fill;			/* of them in the block at hand */
	uint8_t last[HASH_LEN];		/* hash of the block before it */
	bool has_zero;
	uint8_t zero[HASH_LEN];		/* hash of a block of zeros */
};

void filehash_init(struct filehash *f);

/* The next n bytes. */
void filehash_update(struct filehash *f, const void *p, size_t n);

/* The next n bytes are zeros. */
void filehash_zeros(struct filehash *f, uint64_t n);

/*
 * The next FILEHASH_BLOCK bytes have this filehash_leaf.  Only where whole
 * blocks lie before (else BUG).
 */
void filehash_block(struct filehash *f, const uint8_t leaf[static HASH_LEN]);

/* No secret is left in f. */
void filehash_final(struct filehash *f, uint8_t out[static HASH_LEN]);

/* The hash of one block: n <= FILEHASH_BLOCK bytes. */
void filehash_leaf(const void *p, size_t n, uint8_t out[static HASH_LEN]);

/* All of it over one string. */
void filehash_bytes(const void *p, size_t n, uint8_t out[static HASH_LEN]);

#endif
