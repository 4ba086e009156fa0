/*
 * Compression: zstd (RFC 8878), kept only if it saves 3 %.  The only owner
 * of zstd.h.
 *
 * Packed bytes, as content inside an op has them (zk-format(5), PACKED):
 * one codec byte, then the bytes as they are (0) or one zstd frame (1).
 * The plain length is always known from elsewhere, so opening is bounded.
 */
#ifndef ZK_FORMAT_COMPRESS_H
#define ZK_FORMAT_COMPRESS_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct buf;
struct compress;	/* a context for both ways; for one thread at a time */

enum compress_codec {
	COMPRESS_NONE = 0,
	COMPRESS_ZSTD = 1
};

ZK_CHECKED enum zk_err compress_new(struct compress **out);
void compress_free(struct compress *z);

/*
 * Contexts that threads share: each takes one and gives it back.  take: NULL
 * without memory.  Free only when all were given back.
 */
struct compress_set;
ZK_CHECKED enum zk_err compress_set_new(struct compress_set **out);
void compress_set_free(struct compress_set *s);
struct compress *compress_set_take(struct compress_set *s);
void compress_set_give(struct compress_set *s, struct compress *z);

/*
 * Compresses in, n bytes, to out of cap bytes: at level 1 up to 128 KiB,
 * where 3 takes half as long again to save 2 to 4 %; at level 3 above.
 * Returns the compressed length; 0 if that would not fit, would not save
 * 3 %, or memory is out: the caller then stores the bytes as they are.
 */
size_t compress_try(struct compress *z, const void *in, size_t n,
    uint8_t *out, size_t cap);

/*
 * Decompresses one frame to exactly plain_len bytes at out.  ZK_EFORMAT:
 * not a frame of that length.  ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err compress_open(struct compress *z, const void *in,
    size_t n, uint8_t *out, size_t plain_len);

/* Appends the packed form of n bytes to out.  ZK_ELIMIT beyond out->max. */
ZK_CHECKED enum zk_err compress_pack(struct compress *z, const void *in,
    size_t n, struct buf *out);

/*
 * Appends what in, n packed bytes, holds to out: exactly plain_len bytes.
 * ZK_EVERSION: unknown codec.  ZK_EFORMAT.  ZK_ELIMIT beyond out->max.
 */
ZK_CHECKED enum zk_err compress_unpack(struct compress *z, const void *in,
    size_t n, uint64_t plain_len, struct buf *out);

#endif
