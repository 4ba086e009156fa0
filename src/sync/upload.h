/*
 * From local bytes to the content of an op, and its blobs to a remote.
 *
 * One struct upload is a pipeline: one reader that cuts, the worker pool
 * that hashes, compresses and seals, one network thread (the caller's) that
 * submits.  Chunks of several files overlap: upload_file returns as soon as
 * the content is known, upload_flush once all of it is durable.  At most
 * UPLOAD_FLIGHT bytes are held, whatever the size of the files.
 *
 * A chunk whose plaintext chunkdb knows on the remote is not sent.  Where
 * key, nonce and name are new they are committed before the first byte is
 * sent, so a rerun after an interruption continues with the same objects.
 *
 * These functions open transactions of their own: none may be open when
 * they are called.  Belongs to one thread.
 */
#ifndef ZK_SYNC_UPLOAD_H
#define ZK_SYNC_UPLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/op.h"
#include "format/chunk.h"
#include "format/cut.h"
#include "util/buf.h"
#include "util/err.h"

struct db;
struct env;
struct key;
struct transport;
struct upload;

#define UPLOAD_FLIGHT (32u * 1024 * 1024)	/* bytes held at most */
#define UPLOAD_INLINE_MAX (32u * 1024)	/* packed bytes inside an op */
#define UPLOAD_DATA_MAX (33u * 1024)	/* bytes of content.data at most */

struct upload_opts {
	struct env *env;
	struct db *db;			/* with chunkdb's tables */
	const uint8_t *vault;		/* CHUNK_VAULT_LEN bytes */
	const struct key *cut;		/* KEY_PRF: cuts new files... */
	const uint8_t *cut_id;		/* ...and its name, CUT_ID_LEN */
	/*
	 * The key of that name for files cut earlier, borrowed until the
	 * upload is freed; ZK_ENOENT: not held here.  NULL: only cut.
	 */
	enum zk_err (*cut_find)(void *arg, const uint8_t *id,
	    const struct key **out);
	/* NULL: seal and note only; remote_id is then not used */
	struct transport *remote;
	int64_t remote_id;		/* of chunkdb */
	/*
	 * Bytes of manifest content dealt with: on the remote already, or
	 * on their way there, as they pass; also with 0 while nothing does,
	 * a few times a second.  May be NULL.
	 */
	void (*moved)(void *arg, uint64_t bytes);
	/* asked often; true ends with ZK_ESIGNAL; may be NULL */
	bool (*stop)(void *arg);
	/*
	 * A chunk that others know under another name was sealed anew: the
	 * caller publishes it as an alias op.  May be NULL.
	 */
	enum zk_err (*alias)(void *arg, const struct chunk_ref *ref);
	void *arg;
};

/* The options are copied, what they point to is borrowed.  Asks the remote
 * about what an interrupted run may have sent.  ZK_ENOMEM, network codes. */
ZK_CHECKED enum zk_err upload_new(const struct upload_opts *o,
    struct upload **out);

/* Cancels what is in flight; what was noted stays noted. */
void upload_free(struct upload *u);

/*
 * The content of the regular file fd, read from its start to its end: inline
 * if it packs into UPLOAD_INLINE_MAX (and is at most FILEHASH_WHOLE long),
 * else a manifest whose chunks are on their way to the remote.  prev, if not
 * NULL, is the version before: its cutting key is kept.  Replaces data (max
 * at least UPLOAD_DATA_MAX); *out points into it; out->merge is left alone.
 *
 * ZK_ECHANGED: the file changed while it was read.  ZK_ELIMIT: over 16 TiB.
 * ZK_EIO, ZK_EDISKFULL (database), network codes and ZK_EREMOTEFULL for any
 * chunk since the last flush; after one of those only free may follow.
 */
ZK_CHECKED enum zk_err upload_file(struct upload *u, int fd,
    const struct content *prev, struct buf *data, struct content *out);

/* The same for bytes at hand: link targets, texts. */
ZK_CHECKED enum zk_err upload_bytes(struct upload *u, const void *p,
    size_t n, const struct content *prev, struct buf *data,
    struct content *out);

/* Waits until all that was started is durable on the remote, and notes it. */
ZK_CHECKED enum zk_err upload_flush(struct upload *u);

/*
 * Size and content hash of the file fd as upload_file would give them, with
 * nothing sealed, noted or sent.  like: a content to compare with (its
 * cutting key is used); NULL: as for a new file.  ZK_ECHANGED, ZK_ELIMIT.
 */
ZK_CHECKED enum zk_err upload_hash(struct upload *u, int fd,
    const struct content *like, uint64_t *size,
    uint8_t hash[static CONTENT_HASH_LEN]);

/* What upload_copy does about dead blobs (gcdb.h). */
enum upload_dead {
	UPLOAD_DEAD_COPY,	/* as with any other: something needs them */
	UPLOAD_DEAD_SKIP,	/* leaves them out */
	UPLOAD_DEAD_ANEW,	/* seals their content anew; alias is called */
	UPLOAD_DEAD_ONLY	/* that, and leaves all others out */
};

/* Where upload_copy finds bytes. */
struct upload_source {
	int fd;			/* the file with that content, or -1 */
	struct transport *const *from;	/* remotes that may have the blobs */
	size_t from_n;
	bool ask;		/* do not trust notes: ask the remote */
	bool later;		/* return early: upload_flush completes it */
	bool spare;		/* no word about a blob that is nowhere */
	enum upload_dead dead;
	bool unread;		/* out: the disk failed to give bytes of fd */
};

/*
 * Brings every blob of an already recorded content to the remote: those not
 * there are copied as ciphertext from the sources' remotes or sealed again
 * from fd under the recorded key and nonce.  If that gives other bytes than
 * the recorded ones, under a fresh key, and alias is called.  Returns when
 * all is durable (but see later); *sent counts the blobs sent until then.
 * Inline content needs nothing.  ZK_EGAP: a blob is nowhere (named by
 * log_error unless spare).
 */
ZK_CHECKED enum zk_err upload_copy(struct upload *u, const struct content *c,
    struct upload_source *src, uint64_t *sent);

/* Whether one of those errors ended the pipeline, and not a file's own. */
bool upload_ended(const struct upload *u);

/* What the pipeline did so far. */
struct upload_stats {
	uint64_t plain_bytes;	/* of manifest content read */
	uint64_t chunks;	/* chunks and parts made or found */
	uint64_t sent;		/* blobs sent */
	uint64_t sent_bytes;
	unsigned max_inflight;	/* most transfers at once */
	uint64_t max_held;	/* most bytes held at once */
};
void upload_stats(const struct upload *u, struct upload_stats *out);

#endif
