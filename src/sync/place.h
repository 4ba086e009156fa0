/*
 * Where a chunk of a download belongs: so many times in a row from an offset
 * of a file or of memory.  May be used on any thread.
 */
#ifndef ZK_SYNC_PLACE_H
#define ZK_SYNC_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "format/chunk.h"
#include "util/err.h"

struct buf;
struct env;

struct place {
	int fd;			/* -1: none */
	uint8_t *mem;		/* if fd is -1; NULL: checked, not kept */
	uint64_t off;
	uint64_t count;
	bool fresh;		/* zeros are there where nothing was written */
};

/*
 * Replaces b by the bytes of fd at off if they are those of ref, by length
 * and plaintext hash; else false.
 */
bool place_match(struct env *env, int fd, uint64_t off,
    const struct chunk_ref *ref, struct buf *b);

/* True if the file has ref in all places. */
bool place_kept(struct env *env, const struct place *p,
    const struct chunk_ref *ref, struct buf *b);

/* Writes b everywhere; holes stay holes.  ZK_EDISKFULL, ZK_EIO. */
ZK_CHECKED enum zk_err place_write(struct env *env, const struct place *p,
    const struct buf *b);

/* Writes n bytes at off of fd. */
ZK_CHECKED enum zk_err place_pwrite(struct env *env, int fd, const void *b,
    size_t n, uint64_t off);

/* Makes fd n bytes long. */
ZK_CHECKED enum zk_err place_cut(struct env *env, int fd, uint64_t n);

#endif
