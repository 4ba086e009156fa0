/*
 * From the content of an op to bytes: fetches, opens and checks chunks and
 * writes them where they belong.
 *
 * Several chunks, of several files, are in flight; the worker pool opens,
 * checks and writes.  At most DOWNLOAD_FLIGHT bytes are held.  A chunk is
 * taken from the file being written if an earlier run left it there, then
 * from a local file, then from the remotes in order; whatever the source,
 * its plaintext hash decides.  Nothing is written that did not pass, but the
 * file is whole only when the item is done: the caller writes to staging.
 *
 * Belongs to one thread; opens transactions of its own (as upload.h).
 */
#ifndef ZK_SYNC_DOWNLOAD_H
#define ZK_SYNC_DOWNLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/op.h"
#include "format/chunk.h"
#include "util/buf.h"
#include "util/err.h"

struct db;
struct download;
struct env;
struct transport;

#define DOWNLOAD_FLIGHT (32u * 1024 * 1024)	/* bytes held at most */

struct download_remote {
	struct transport *t;
	int64_t id;		/* of chunkdb */
};

struct download_opts {
	struct env *env;
	struct db *db;			/* with chunkdb's tables */
	const uint8_t *vault;		/* CHUNK_VAULT_LEN bytes */
	const struct download_remote *remotes;	/* tried in order */
	size_t remotes_n;
	/*
	 * A local file that may hold these len bytes: a descriptor (the
	 * caller's, readable until the download is freed) and the offset.
	 * ZK_ENOENT: none known.  Wrong answers cost time only.  May be NULL.
	 */
	enum zk_err (*local)(void *arg, const uint8_t *hash, uint32_t len,
	    int *fd, uint64_t *off);
	/*
	 * Bytes of content as they come; also with 0 while none does, a few
	 * times a second.  What a remote gave in vain counts, too, once.
	 * May be NULL.
	 */
	void (*moved)(void *arg, uint64_t bytes);
	bool (*stop)(void *arg);	/* as in upload.h; may be NULL */
	void *arg;
	bool spare;		/* no word about a blob that is nowhere */
};

/* The options and the array of remotes are copied.  ZK_ENOMEM.  ZK_ELIMIT:
 * more than 16 remotes. */
ZK_CHECKED enum zk_err download_new(const struct download_opts *o,
    struct download **out);
void download_free(struct download *d);

/* One file to write; all is borrowed until it is done. */
struct download_item {
	const struct content *c;
	int fd;			/* open for reading and writing; or -1... */
	struct buf *out;	/* ...and out is replaced by the content: up
				 * to out->max bytes, ZK_ELIMIT */
	/*
	 * fd may hold chunks of an interrupted run: they are checked and
	 * kept.  Else it must be empty.
	 */
	bool resume;
	/* the version before on disk: its chunks are reused; or NULL, -1 */
	const struct content *old;
	int old_fd;
	const char *path;	/* for messages; may be NULL */
	void *cookie;		/* the caller's */
};

/*
 * Writes item to its end and cuts fd to its size; nothing is synced.
 * ZK_ETAMPER: some remote gave wrong bytes and none the right ones; ZK_EGAP:
 * no remote has a needed blob; both logged with the blob's name.  A network
 * code: a remote that may have it could not be asked.  ZK_EDISKFULL, ZK_EIO.
 */
ZK_CHECKED enum zk_err download_file(struct download *d,
    const struct download_item *item);

/*
 * The same for many, their transfers overlapping.  next fills *item, or
 * returns ZK_ENOENT when there are no more (another error ends the call).
 * done is called once for each item given, in no order; it may close fd.
 * Its error, or ZK_ESIGNAL, ends the call, after done was called for all;
 * errors of items do not.
 */
struct download_many {
	enum zk_err (*next)(void *arg, struct download_item *item);
	enum zk_err (*done)(void *arg, const struct download_item *item,
	    enum zk_err r);
	void *arg;
};
ZK_CHECKED enum zk_err download_many(struct download *d,
    const struct download_many *m);

/*
 * Replaces out by the whole content, at most out->max bytes (ZK_ELIMIT).
 * Of many, give them to download_many instead, so that transfers overlap.
 */
ZK_CHECKED enum zk_err download_bytes(struct download *d,
    const struct content *c, struct buf *out);

/*
 * Checks that every blob of c can be had from remote number i and opens to
 * the right bytes (zk verify).  ZK_ETAMPER, ZK_EGAP, each blob logged.
 */
ZK_CHECKED enum zk_err download_check(struct download *d,
    const struct content *c, size_t i);

struct download_stats {
	uint64_t fetched;	/* blobs */
	uint64_t fetched_bytes;
	uint64_t reused;	/* plain bytes from local files */
	uint64_t kept;		/* plain bytes found in fd */
	unsigned max_inflight;
	uint64_t max_held;
};
void download_stats(const struct download *d, struct download_stats *out);

#endif
