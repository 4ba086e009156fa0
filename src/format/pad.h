/*
 * The plain form of a sealed segment or record: length (4), payload, zeroes
 * to a Padme size of at least PAD_FLOOR (zk-format(5), PADDING).
 */
#ifndef ZK_FORMAT_PAD_H
#define ZK_FORMAT_PAD_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct buf;

#define PAD_FLOOR 256	/* bytes */

/* The plain length of a payload of n bytes. */
size_t pad_len(size_t n);

/* Appends the plain form of a payload of n bytes.  ZK_ELIMIT of out. */
enum zk_err pad_put(struct buf *out, const void *payload, size_t n);

/*
 * The same for a payload that the caller appends in between, in pieces that
 * add up to n bytes: the length, with room for all; then the zeroes.
 * ZK_ELIMIT of out, ZK_ENOMEM; a failure sticks in out.
 */
enum zk_err pad_begin(struct buf *out, size_t n);
enum zk_err pad_end(struct buf *out, size_t n);

/*
 * Lends the payload inside n plain bytes.  ZK_EFORMAT: length, zeroes or
 * size are not what pad_put makes.
 */
ZK_CHECKED enum zk_err pad_get(const uint8_t *plain, size_t n,
    const uint8_t **payload, size_t *len);

#endif
