/*
 * A directory kept as one, as a stream of bytes (zk-format(5), TREES): all
 * that is in it, in one order, so that equal trees are equal bytes.  The
 * bytes of files stand in the stream itself: cutting finds again what did
 * not change, and neither side holds more than a buffer.
 *
 * Reading is strict: what writing cannot have made is refused, before
 * anything is done with it.  No file system here; see tree/whole.h.
 */
#ifndef ZK_TREE_BUNDLE_H
#define ZK_TREE_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/env.h"
#include "util/err.h"
#include "util/path.h"

#define BUNDLE_MAGIC "zk tree\1"
#define BUNDLE_MAGIC_LEN 8
#define BUNDLE_ENTRY_MAX 4400u		/* bytes of an entry but a file's */
#define BUNDLE_LINK_MAX 4095u		/* bytes of a link's target */
#define BUNDLE_ENTRIES_MAX 10000000u
#define BUNDLE_MAX (UINT64_C(1) << 44)	/* bytes: 16 TiB */

enum bundle_type {
	BUNDLE_END = 0,		/* of the directory at hand */
	BUNDLE_FILE = 1,
	BUNDLE_DIR = 2,		/* what is in it follows, up to its end */
	BUNDLE_LINK = 3
};

struct bundle_entry {
	uint8_t type;		/* enum bundle_type */
	char name[PATH_NAME_MAX + 1];	/* by path_name_ok; NUL-terminated */
	size_t name_len;
	uint16_t mode;		/* FILE, DIR: & 0777; DIR: with 0700 */
	struct env_time mtime;	/* FILE */
	uint64_t size;		/* FILE: bytes that follow */
	char target[BUNDLE_LINK_MAX + 1];	/* LINK; NUL-terminated */
	size_t target_len;	/* 1..BUNDLE_LINK_MAX */
};

/* Appends the magic, or an entry without a file's bytes.  Errors of out. */
ZK_CHECKED enum zk_err bundle_put_head(struct buf *out);
ZK_CHECKED enum zk_err bundle_put(const struct bundle_entry *e,
    struct buf *out);

/* An mtime as the stream may have it. */
struct env_time bundle_time(struct env_time t);

struct bundle_reader;

/*
 * Where the bytes come from: up to n of them to p, *got 0 at the end alone.
 */
struct bundle_source {
	enum zk_err (*read)(void *ctx, void *p, size_t n, size_t *got);
	void *ctx;
	uint64_t size;		/* bytes of the whole stream */
};

/* src is copied.  ZK_ENOMEM. */
ZK_CHECKED enum zk_err bundle_reader_new(const struct bundle_source *src,
    struct bundle_reader **out);
void bundle_reader_free(struct bundle_reader *r);

/*
 * The next entry, after all bytes of a file before it were read.  *e, lent
 * until the next call, is NULL at the end of the stream, behind the END of
 * the topmost directory.  ZK_EFORMAT: no such stream, and so from then on;
 * errors of the source.
 */
ZK_CHECKED enum zk_err bundle_next(struct bundle_reader *r,
    const struct bundle_entry **e);

/* Up to n more bytes of the file at hand; *got 0 when it has no more. */
ZK_CHECKED enum zk_err bundle_bytes(struct bundle_reader *r, void *p,
    size_t n, size_t *got);

#endif
