/* Inside of an upload: what its two files share. */
#ifndef ZK_SYNC_UPLOAD_INT_H
#define ZK_SYNC_UPLOAD_INT_H

#include "sync/sealer.h"
#include "sync/upload.h"

struct compress;
struct reader;

struct upload {
	struct upload_opts o;
	struct sealer *sealer;
	struct compress *z;	/* for inline content */
	struct reader *reader;
	struct buf small;	/* content up to FILEHASH_WHOLE */
};

/*
 * The result of a file.  After a failure the references of its chunks are
 * let go, so that the next file may follow; what fails for good fails again.
 */
ZK_CHECKED enum zk_err upload_finish(struct upload *u, enum zk_err r,
    const struct buf *data, struct content *out);

#endif
