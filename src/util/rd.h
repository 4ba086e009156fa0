/*
 * A bounded reader over bytes that came from outside.
 *
 * Every length is checked against what is left before it is used.  A failed
 * read returns zeroes or NULL and sticks: the reader stays failed, so a
 * decoder reads all fields and asks rd_end once.  Nothing is copied unless
 * the function says so; pointers it lends live as long as the input.
 * Encodings are those of zk-format(5), ENCODING; a varint that is not in its
 * shortest form fails.
 */
#ifndef ZK_UTIL_RD_H
#define ZK_UTIL_RD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct rd {
	const uint8_t *p;	/* next byte */
	size_t left;		/* bytes left */
	enum zk_err err;	/* first failure, else ZK_OK */
};

/* Reads from in, in_len bytes, which the caller keeps alive. */
void rd_init(struct rd *r, const void *in, size_t in_len);

/* Marks the reader failed with e (first failure wins). */
void rd_fail(struct rd *r, enum zk_err e);

uint8_t rd_u8(struct rd *r);
uint16_t rd_u16(struct rd *r);
uint32_t rd_u32(struct rd *r);
uint64_t rd_u64(struct rd *r);

/* A shortest-form varint of at most max; more fails with ZK_EFORMAT. */
uint64_t rd_varint(struct rd *r, uint64_t max);

/* Lends n bytes, NULL on failure. */
const uint8_t *rd_bytes(struct rd *r, size_t n);

/* Copies n bytes; zeroes out on failure. */
void rd_copy(struct rd *r, void *out, size_t n);

/* varint length of at most max, then lends the bytes; *len is 0 on failure. */
const uint8_t *rd_lp(struct rd *r, size_t max, size_t *len);

/* A reader over the next n bytes, which r skips. */
void rd_sub(struct rd *r, size_t n, struct rd *sub);

/* True while bytes are left and nothing failed. */
bool rd_more(const struct rd *r);

/* ZK_OK if nothing failed and nothing is left, else ZK_EFORMAT or why. */
ZK_CHECKED enum zk_err rd_end(const struct rd *r);

#endif
