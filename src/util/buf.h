/*
 * A growable byte string with a maximum that it is born with.
 *
 * Invariant: len <= max, len < cap <= max + 1 (the one for a NUL) or both
 * are 0.  Every
 * append can fail: ZK_ELIMIT when the result would exceed max, ZK_ENOMEM when
 * memory is out; the content is then unchanged and the failure sticks
 * (buf_err), so that a writer may append many fields and check once at the
 * end.  Numbers are little endian; varints
 * are LEB128, shortest form (zk-format(5), ENCODING).
 */
#ifndef ZK_UTIL_BUF_H
#define ZK_UTIL_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct buf {
	uint8_t *data;	/* owned; NULL while cap is 0 */
	size_t len;	/* bytes in use */
	size_t cap;	/* bytes allocated */
	size_t max;	/* bytes it may ever hold */
	enum zk_err err; /* first failure of an append */
	bool wipe;	/* zero the memory before every free and shrink */
};

/* An empty buffer of at most max bytes; allocates nothing. */
void buf_init(struct buf *b, size_t max);

/* As buf_init; the memory is wiped whenever it is given back. */
void buf_init_secret(struct buf *b, size_t max);

/* Frees (and wipes) the content; b is as after buf_init with the same max. */
void buf_release(struct buf *b);

/* Length 0 and no error, memory kept (wiped if secret). */
void buf_reset(struct buf *b);

/* The sticky error, ZK_OK if no append failed. */
ZK_CHECKED enum zk_err buf_err(const struct buf *b);

/* Room for n more bytes beyond len.  ZK_ELIMIT, ZK_ENOMEM. */
enum zk_err buf_reserve(struct buf *b, size_t n);

/* Appends n bytes; the result is also sticky in b->err. */
enum zk_err buf_put(struct buf *b, const void *p, size_t n);

/* Appends n bytes of value 0. */
enum zk_err buf_zero(struct buf *b, size_t n);

enum zk_err buf_u8(struct buf *b, uint8_t v);
enum zk_err buf_u16(struct buf *b, uint16_t v);
enum zk_err buf_u32(struct buf *b, uint32_t v);
enum zk_err buf_u64(struct buf *b, uint64_t v);

/* Shortest LEB128. */
enum zk_err buf_varint(struct buf *b, uint64_t v);

/* varint length, then the bytes. */
enum zk_err buf_lp(struct buf *b, const void *p, size_t n);

/* The bytes of s without its NUL. */
enum zk_err buf_str(struct buf *b, const char *s);

/* printf into the buffer, no NUL. */
enum zk_err buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * A NUL behind the content (not counted in len), so that data is a C string;
 * there always is room for it, so this cannot fail.  Valid until b changes.
 */
const char *buf_cstr(struct buf *b);

/* Cuts the length to n <= len. */
void buf_truncate(struct buf *b, size_t n);

/* Exchanges two buffers whole. */
void buf_swap(struct buf *a, struct buf *b);

/*
 * Hands the memory over: returns data (caller frees with free), *len its
 * length, and leaves b empty.
 */
uint8_t *buf_take(struct buf *b, size_t *len);

#endif
