/*
 * Executes a plan on the disk.
 *
 * New content is staged in .zk/tmp (below a nested mount: under a reserved
 * .zk-tmp-* name there), its hash verified before it is used, and made
 * durable before any name changes: write all, one syncfs, rename all, one
 * syncfs, in batches of at most APPLY_BATCH_FILES files or APPLY_BATCH_BYTES.
 * Before a batch's first rename its intents are committed; base is brought
 * up to date in one transaction after the second syncfs.  So at any system
 * call every path holds its old or its new full content, and
 * apply_recover finds after a kill what was done.
 *
 * Ignored is unknown: what ignore rules cover here is neither brought nor
 * changed, and what others removed of it stays as kept.
 *
 * Nothing is replaced, moved over or removed unless it is what base says
 * (stat data, or the hash where these are racy), checked before and, where
 * an exchange allows, after; else the step is skipped and counted in
 * changed: scan, merge and plan again.  What is replaced or removed goes to
 * the trash.  Nothing outside the root is ever touched.
 */
#ifndef ZK_TREE_APPLY_H
#define ZK_TREE_APPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tree/plan.h"
#include "tree/read.h"

#define APPLY_BATCH_FILES 4000
#define APPLY_BATCH_LARGE 16	/* of these, above READ_WHOLE_MAX */
#define APPLY_BATCH_BYTES (64u << 20)

/*
 * The name in .zk/tmp of a file with that content hash that is being staged.
 * It lasts, so that a rerun can resume; and a large file whose content is
 * there already, whole, is taken from there.
 */
#define APPLY_STAGE_NAME (2 + 2 * HASH_LEN + 1)
void apply_stage_name(const uint8_t hash[static HASH_LEN],
    char out[static APPLY_STAGE_NAME]);

/* One large file to write (above READ_WHOLE_MAX). */
struct apply_item {
	const struct plan_goal *goal;
	int fd;			/* staged, open for reading and writing */
	bool resume;		/* fd may hold parts of an interrupted run */
	int old_fd;		/* the version on disk, or -1 */
	const uint8_t *old_refs;	/* base's refs of that version */
	size_t old_refs_len;
	const char *path;	/* where it goes, for messages */
	enum zk_err r;		/* out: ZK_OK once fd holds it whole */
};

struct apply_ops {
	/*
	 * Appends the whole content (up to READ_WHOLE_MAX bytes) or link
	 * target of g to out.  Its hash is verified here.  Any error skips
	 * this entry (and what lies in it); ZK_EDISKFULL, ZK_ENOMEM,
	 * ZK_ESIGNAL and ZK_EBUG end the run.
	 */
	enum zk_err (*content)(void *ctx, const struct plan_goal *g,
	    struct buf *out);
	/*
	 * Optional, tried before content: appends the content of g to out in
	 * a form that unpack, which any thread may call, turns into the
	 * content itself.  ZK_ENOENT: g has no such form; else as content.
	 */
	enum zk_err (*packed)(void *ctx, const struct plan_goal *g,
	    struct buf *out);
	enum zk_err (*unpack)(void *ctx, const struct plan_goal *g,
	    const struct buf *packed, struct buf *out);
	/*
	 * Writes n large files and cuts each to its size, all bytes checked;
	 * sets r in each.  Descriptors stay the caller's.  Its own error
	 * ends the run.
	 */
	enum zk_err (*fetch)(void *ctx, struct apply_item *items, size_t n);
	/* Optional: these n will be asked of content next, in this order. */
	void (*prefetch)(void *ctx, const struct plan_goal *const *g,
	    size_t n);
	/* Optional: step s at path ended with r (ZK_OK: in base). */
	void (*done)(void *ctx, const struct plan_step *s, const char *path,
	    enum zk_err r);
	struct read_hasher hasher;	/* for pre-images that are racy */
	bool keep_tmp;		/* what is in .zk/tmp stays there at the end */
	void *ctx;
};

struct apply_result {
	uint64_t done;		/* steps */
	uint64_t bytes;		/* content written */
	uint64_t removed;	/* entries removed */
	uint64_t changed;	/* skipped: not what base says; plan again */
	uint64_t failed;	/* skipped: content, permission, other errors */
	uint64_t kept;		/* entries marked kept; plan again */
	uint64_t learned;	/* names of which the disk makes something
				 * else, now noted; plan again */
	bool trashed;		/* something went to the trash */
	enum zk_err worst;	/* of the steps that failed; ZK_OK */
};

/*
 * Executes p (after plan_make).  Opens its own transactions: none may be
 * open.  Returns ZK_OK also when single steps were skipped (see out);
 * an error when the run ended early: what was done is in base.
 * ZK_EROOT if .zk/ is gone.
 */
ZK_CHECKED enum zk_err apply_run(struct root *root, struct db *db,
    struct plan *p, const struct apply_ops *ops, struct apply_result *out);

/*
 * Run before each scan: completes or takes back what an earlier run was
 * killed in, by its intents; after a crash of the machine (another boot id)
 * verifies hashes first, and what is damaged goes to the trash and out of
 * base, to be fetched again.  Puts staged entries back, empties .zk/tmp.
 * Opens its own transaction.
 */
ZK_CHECKED enum zk_err apply_recover(struct root *root, struct db *db,
    const struct read_hasher *h);

#endif
