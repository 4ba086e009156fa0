/*
 * Content in the order of its bytes, for who cannot write them anywhere
 * else: each chunk is handed over when it has passed its hash, and the first
 * only once the list of all has passed that of the content.  A few chunks
 * are in flight; memory is those.  The rules of download.h apply.
 */
#ifndef ZK_SYNC_STREAM_H
#define ZK_SYNC_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "crdt/op.h"
#include "sync/download.h"
#include "util/err.h"

/* Takes n bytes; an error ends the stream. */
typedef enum zk_err stream_fn(void *arg, const void *p, size_t n);

/*
 * Hands all of c over: a manifest of more than FILEHASH_WHOLE bytes
 * (ZK_ETAMPER for others; download_bytes has those).  o->local is not
 * asked.  Errors as download_file, with what take returns.
 */
ZK_CHECKED enum zk_err stream_content(const struct download_opts *o,
    const struct content *c, stream_fn *take, void *arg);

#endif
