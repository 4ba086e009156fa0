/*
 * The outside of a stored segment: what a relay, a peer and a reader check
 * before they store or decrypt (zk-format(5), SEGMENTS).
 *
 *	off  len  field
 *	  0    3  "zkS"
 *	  3    1  format, 1
 *	  4    1  suite, 1
 *	  5   32  public key of the log (Ed25519)
 *	 37    8  seq, little endian, from 1
 *	 45   32  hash of the segment before, zeroes for seq 1
 *	 77   16  first bytes of the epoch key's commitment
 *	 93    4  length of the body
 *	 97  ...  body: nonce (24), ciphertext, tag (16)
 *	      64  signature by the log's key over the segment hash
 *
 * Log id = BLAKE2b(LABEL_HASH_LOG, public key).  Segment hash =
 * BLAKE2b(LABEL_HASH_SEGMENT, bytes 0..96 || BLAKE2b(LABEL_HASH_SEGMENT_BODY,
 * body)).  Nobody but the holder of the log's key can occupy its places.
 *
 * Includes of crypto/ only hash.h, sign.h and labels.h: relay uses this.
 */
#ifndef ZK_PROTO_SEGHDR_H
#define ZK_PROTO_SEGHDR_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define SEGHDR_LEN 97		/* bytes before the body */
#define SEGHDR_SIG_LEN 64
#define SEGHDR_HASH_LEN 32	/* log ids, segment hashes */
#define SEGHDR_PK_LEN 32
#define SEGHDR_EPOCH_LEN 16
#define SEGHDR_FORMAT 1
#define SEGHDR_SUITE 1
#define SEGHDR_BODY_MIN (24u + 256u + 16u)
#define SEGHDR_BODY_MAX (24u + 4u * 1024 * 1024 + 16u)
/* Bytes of the longest stored segment. */
#define SEGHDR_STORED_MAX (SEGHDR_LEN + SEGHDR_BODY_MAX + SEGHDR_SIG_LEN)
#define SEGHDR_SEQ_MAX (UINT64_C(1) << 48)

struct seghdr {
	uint8_t format;
	uint8_t suite;
	uint8_t pk[SEGHDR_PK_LEN];
	uint64_t seq;
	uint8_t prev[SEGHDR_HASH_LEN];
	uint8_t epoch[SEGHDR_EPOCH_LEN];
	uint32_t body_len;
};

/* The id of the log whose public key is pk. */
void seghdr_log_id(const uint8_t pk[static SEGHDR_PK_LEN],
    uint8_t log[static SEGHDR_HASH_LEN]);

/* The first SEGHDR_LEN bytes of a stored segment. */
void seghdr_encode(const struct seghdr *h, uint8_t out[static SEGHDR_LEN]);

/*
 * Reads the header of a stored segment of n bytes and checks that n is what
 * it says.  ZK_EVERSION: newer format or suite.  ZK_EFORMAT: anything else.
 * Checks no signature.
 */
ZK_CHECKED enum zk_err seghdr_decode(const void *stored, size_t n,
    struct seghdr *out);

/*
 * The same of the header alone, whose body may be elsewhere or gone.
 */
ZK_CHECKED enum zk_err seghdr_decode_head(const void *hdr, size_t n,
    struct seghdr *out);

/*
 * Checks what is signed of a segment: the segment hash of header (SEGHDR_LEN
 * bytes) and the hash of the body, which it gives.  ZK_ETAMPER.
 */
ZK_CHECKED enum zk_err seghdr_check_sig(const uint8_t hdr[static SEGHDR_LEN],
    const uint8_t body[static SEGHDR_HASH_LEN],
    const uint8_t sig[static SEGHDR_SIG_LEN],
    uint8_t hash[static SEGHDR_HASH_LEN]);

/* The hash of a body; the segment hash of header and that. */
void seghdr_body_hash(const void *body, size_t body_len,
    uint8_t out[static SEGHDR_HASH_LEN]);
void seghdr_hash_of(const uint8_t hdr[static SEGHDR_LEN],
    const uint8_t body[static SEGHDR_HASH_LEN],
    uint8_t hash[static SEGHDR_HASH_LEN]);

/* The segment hash of header bytes and body. */
void seghdr_hash(const uint8_t hdr[static SEGHDR_LEN], const void *body,
    size_t body_len, uint8_t hash[static SEGHDR_HASH_LEN]);

/*
 * seghdr_decode, and the signature.  log and hash are those of the segment.
 * ZK_ETAMPER: the signature is not the log's.
 */
ZK_CHECKED enum zk_err seghdr_check(const void *stored, size_t n,
    struct seghdr *out, uint8_t log[static SEGHDR_HASH_LEN],
    uint8_t hash[static SEGHDR_HASH_LEN]);

#endif
