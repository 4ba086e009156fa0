/*
 * Which chunk of a file's old version is where in it: so that a new version
 * takes from disk what did not change.  A hint: what it says is verified by
 * whoever reads there.  Bounded; of larger files the rest is not found.
 */
#ifndef ZK_SYNC_OLDMAP_H
#define ZK_SYNC_OLDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/manifest.h"
#include "util/err.h"

struct oldmap;

#define OLDMAP_MAX (256u * 1024)	/* chunks: 4 MiB of memory */

/*
 * Reads the list of root (n bytes), parts through fetch.  What cannot be
 * read is left out.  ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err oldmap_new(const void *root, size_t n,
    manifest_fetch_fn *fetch, void *arg, struct oldmap **out);
void oldmap_free(struct oldmap *m);

/* True: a chunk with that hash may begin at *off.  m may be NULL. */
bool oldmap_find(const struct oldmap *m,
    const uint8_t hash[static CHUNK_HASH_LEN], uint64_t *off);

#endif
