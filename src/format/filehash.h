/*
 * The content hash of a file (zk-format(5), CONTENT HASH), by size alone, so
 * that equal files agree in every form:
 *
 * up to FILEHASH_WHOLE bytes it is BLAKE2b-256 of the bytes under
 * LABEL_HASH_CONTENT (hash_bytes; any layer may compute it);
 *
 * above, it is the hash under LABEL_HASH_LIST of the runs of equal chunks in
 * order, each as plain length (4 bytes), count (8), plaintext hash (32),
 * little endian, neighbours merged.  It follows from the plaintext hashes
 * that sealing needs anyway, so it costs nothing, on any number of cores, and
 * a hole of any size is one run.  It depends on how the file is cut:
 * upload_hash computes it as a given version was cut.
 */
#ifndef ZK_FORMAT_FILEHASH_H
#define ZK_FORMAT_FILEHASH_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/hash.h"
#include "format/chunk.h"

#define FILEHASH_WHOLE (1024u * 1024)

/* The hash of a list as it grows.  On the stack: struct hash is aligned. */
struct filehash {
	struct hash h;
	uint64_t count;			/* of the run not yet hashed */
	uint32_t len;
	uint8_t hash[CHUNK_HASH_LEN];
};

void filehash_init(struct filehash *f);

/* The next chunk, count times in a row. */
void filehash_add(struct filehash *f,
    const uint8_t hash[static CHUNK_HASH_LEN], uint32_t plain_len,
    uint64_t count);

void filehash_final(struct filehash *f, uint8_t out[static CHUNK_HASH_LEN]);

#endif
