/*
 * Ed25519 (RFC 8032), verified by libsodium only: members must agree which
 * signature is valid.  What is signed is the label (length byte, ASCII) and
 * the message.
 */
#ifndef ZK_CRYPTO_SIGN_H
#define ZK_CRYPTO_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define SIGN_PK_LEN 32	/* bytes */
#define SIGN_LEN 64	/* bytes */
#define SIGN_MSG_MAX 4096 /* bytes; what may be longer is hashed first */

struct key;
struct signkey;		/* guarded; wiped by its free */

/* The key pair whose RFC 8032 seed is k; k stays the caller's. ZK_ENOMEM. */
ZK_CHECKED enum zk_err signkey_new(const struct key *k, struct signkey **out);
void signkey_free(struct signkey *k);

/* Its public half; lives as long as k. */
const uint8_t *signkey_pk(const struct signkey *k);

/* Signs label and n <= SIGN_MSG_MAX bytes at msg (else BUG). */
void sign_make(const struct signkey *k, const char *label, const void *msg,
    size_t n, uint8_t sig[static SIGN_LEN]);

/* ZK_ETAMPER if sig is not pk's over label and msg, or msg is too long. */
ZK_CHECKED enum zk_err sign_check(const uint8_t pk[static SIGN_PK_LEN],
    const char *label, const void *msg, size_t n,
    const uint8_t sig[static SIGN_LEN]);

/* As sign_check without a label: for known answers, no use in the program. */
ZK_CHECKED enum zk_err sign_check_bare(const uint8_t pk[static SIGN_PK_LEN],
    const void *msg, size_t n, const uint8_t sig[static SIGN_LEN]);

/* ZK_EREFUSED for a key of low order or in non-canonical form. */
ZK_CHECKED enum zk_err sign_pk_check(const uint8_t pk[static SIGN_PK_LEN]);

#endif
