/*
 * The manifest of a large file: the list of its chunks (zk-format(5),
 * MANIFESTS).
 *
 * An entry is a chunk and how many times in a row it occurs, so a run of
 * zeros of any length is one entry.  The root stands in the op: version,
 * level, id of the cutting key, file size, entries.  A root holds at most
 * MANIFEST_ROOT_N entries.  A longer list is divided, by content, into
 * parts of 64 to 2048 entries (256 on average), each sealed as a blob under
 * a random key of its own, the content key, which stands with its name in
 * the entry of the level above; and so on until the root fits.  A part
 * depends on its entries alone: one changed chunk changes one part a level,
 * and versions of a file share the others.  Memory is one part a level.
 */
#ifndef ZK_FORMAT_MANIFEST_H
#define ZK_FORMAT_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include "format/chunk.h"
#include "format/cut.h"
#include "util/err.h"

struct buf;
struct key;

#define MANIFEST_SIZE_MAX (UINT64_C(1) << 44)	/* 16 TiB: bytes of a file */
#define MANIFEST_ROOT_N 240	/* entries in a root */
#define MANIFEST_ROOT_MAX (32u * 1024)	/* bytes of a root */
#define MANIFEST_PART_MIN 64	/* entries in a part that is not the last */
#define MANIFEST_PART_N 2048	/* entries in a part */
#define MANIFEST_PART_MAX (288u * 1024)	/* plain bytes of a part */
#define MANIFEST_LEVELS 6	/* levels of parts; enough for 16 TiB */

/* One entry as read: chunk ref, count times from byte off of the file. */
struct manifest_entry {
	struct chunk_ref ref;
	uint64_t off;
	uint64_t count;
};

/* What a root says without reading any part. */
struct manifest_head {
	uint8_t cut_id[CUT_ID_LEN];	/* the key the file was cut with */
	uint64_t size;
	unsigned level;			/* 0: the entries are chunks */
};

/* Writing ---------------------------------------------------------------- */

struct manifest_writer;

/*
 * Makes a blob of one part: fills ref for n plain bytes at level (1..).
 * Its hash is given in ref->hash.  Called from manifest_add and _finish.
 */
typedef enum zk_err manifest_emit_fn(void *arg, unsigned level,
    const uint8_t *plain, size_t n, struct chunk_ref *ref);

/* cut (role KEY_PRF) is borrowed. */
ZK_CHECKED enum zk_err manifest_writer_new(const struct key *cut,
    const uint8_t cut_id[static CUT_ID_LEN], manifest_emit_fn *emit,
    void *arg, struct manifest_writer **out);
void manifest_writer_free(struct manifest_writer *w);

/*
 * The next chunk of the file, count times in a row; merged with the one
 * before if it has the same plaintext.  ZK_ELIMIT beyond 16 TiB; what emit
 * returns.  After a failure only free may follow.
 */
ZK_CHECKED enum zk_err manifest_add(struct manifest_writer *w,
    const struct chunk_ref *ref, uint64_t count);

/*
 * Replaces root (max at least MANIFEST_ROOT_MAX) by the encoded root;
 * *size is that of the file.  ZK_EFORMAT: nothing was added.
 */
ZK_CHECKED enum zk_err manifest_finish(struct manifest_writer *w,
    struct buf *root, uint64_t *size);

/* Reading ---------------------------------------------------------------- */

struct manifest_reader;

/*
 * Fetches one part: replaces plain (secret) by its opened and checked
 * bytes.  Also how a walk learns the parts' names.
 */
typedef enum zk_err manifest_fetch_fn(void *arg, unsigned level,
    const struct chunk_ref *ref, struct buf *plain);

/* Decodes the root as far as *head.  ZK_EFORMAT, ZK_EVERSION, ZK_ELIMIT. */
ZK_CHECKED enum zk_err manifest_peek(const void *root, size_t n,
    struct manifest_head *head);

/*
 * A reader at the first chunk.  root is copied.  fetch may be NULL for a
 * root of level 0.  Errors as manifest_peek.
 */
ZK_CHECKED enum zk_err manifest_reader_new(const void *root, size_t n,
    manifest_fetch_fn *fetch, void *arg, struct manifest_reader **out);
void manifest_reader_free(struct manifest_reader *r);

/*
 * The next entry; ZK_ENOENT after the last.  ZK_EFORMAT: a part that does
 * not fit its place (level, span, counts); what fetch returns.  Errors stick.
 */
ZK_CHECKED enum zk_err manifest_next(struct manifest_reader *r,
    struct manifest_entry *e);

#endif
