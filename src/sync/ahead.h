/*
 * Short contents that will be asked for one by one, fetched several at a
 * time: so that many files of middle size do not cost one round trip each.
 * Holds at most AHEAD_BYTES of content, whatever the number of files.
 */
#ifndef ZK_SYNC_AHEAD_H
#define ZK_SYNC_AHEAD_H

#include <stddef.h>
#include <stdint.h>

#include "crdt/op.h"
#include "util/err.h"

struct ahead;
struct buf;
struct download;

#define AHEAD_FILES 64u			/* fetched at once, at most */
#define AHEAD_BYTES (8u * 1024 * 1024)	/* of them */

struct ahead_opts {
	struct download *d;	/* borrowed */
	/*
	 * The content that key stands for, its data copied to data, which is
	 * empty and outlives it.
	 */
	enum zk_err (*content)(void *arg, uint64_t key, struct content *c,
	    struct buf *data);
	void *arg;
};

ZK_CHECKED enum zk_err ahead_new(const struct ahead_opts *o,
    struct ahead **out);
void ahead_free(struct ahead *a);

/* Starts a new list; what was fetched before is dropped. */
void ahead_reset(struct ahead *a);

/*
 * Adds what will be asked for after those added before: size bytes.
 * ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err ahead_add(struct ahead *a, uint64_t key,
    uint64_t size);

/*
 * Replaces out by the content of key, if that is on the list from where the
 * last call left off; else ZK_ENOENT: the caller fetches it alone.  Errors
 * of that content as download_bytes; ZK_ESIGNAL and ZK_ENOMEM of the fetch.
 */
ZK_CHECKED enum zk_err ahead_get(struct ahead *a, uint64_t key,
    struct buf *out);

#endif
