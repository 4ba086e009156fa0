/* Beginning from a checkpoint.  See checkpoint.h. */
#include <stdlib.h>
#include <string.h>

#include "format/op.h"
#include "format/segment.h"
#include "store/cpdb.h"
#include "store/logdb.h"
#include "sync/checkpoint.h"
#include "sync/download.h"
#include "sync/ingest_int.h"
#include "util/log.h"

/* The content of the last checkpoint in a held segment, as a copy. */
static enum zk_err
find(struct vault *v, int64_t row, struct content *out, struct buf *data)
{
	struct seg *s = NULL;
	struct op op;
	bool found = false;
	enum zk_err r = cpstream_open(v, row, &s);

	while (r == ZK_OK) {
		r = seg_next(s, &op);
		if (r == ZK_EREFUSED)
			r = ZK_OK;
		else if (r == ZK_OK && op.type == OP_CHECKPOINT) {
			*out = op.content;
			buf_reset(data);
			r = buf_put(data, op.content.data,
			    op.content.data_len);
			found = true;
		}
	}
	seg_free(s);
	out->data = data->data;
	if (r == ZK_ENOENT)
		r = found ? ZK_OK : ZK_ETAMPER;
	return r;
}

/* The bytes of a stream, from the remotes. */
static enum zk_err
fetch(struct round *rd, const struct content *c, struct cpstream *s)
{
	struct download *d = NULL;
	struct download_item item = { .c = c, .old_fd = -1 };
	enum zk_err r = cpstream_empty(rd->v, s);

	if (r == ZK_OK)
		r = land_download(rd, true, &d);
	item.fd = s->fd;
	if (r == ZK_OK)
		r = download_file(d, &item);
	s->size = c->size;
	download_free(d);
	return r;
}

struct taking {
	struct round *rd;
	const struct vremote *vr;
};

static enum zk_err
take(void *arg, const void *thin, size_t n)
{
	const struct taking *t = arg;

	return round_stopped(t->rd) ? ZK_ESIGNAL :
	    ingest_thin(t->rd, t->vr, thin, n);
}

/* All of it, or nothing: the segment with the checkpoint must then fit. */
static enum zk_err
take_all(struct round *rd, const struct vremote *vr,
    const struct cpstream *s, int64_t row)
{
	struct taking t = { rd, vr };
	struct vault *v = rd->v;
	struct logdb_seg g = { 0 };
	uint64_t took = rd->took;
	bool ahead = rd->own_ahead;
	enum zk_err r = db_begin(v->db);

	if (r == ZK_OK)
		r = tree_begin(v->tree);
	if (r == ZK_OK)
		r = cpstream_read(s, take, &t);
	if (r == ZK_OK)
		r = ingest_ready(rd);
	if (r == ZK_OK)
		r = tree_end(v->tree);
	if (r == ZK_OK)
		r = logdb_by_id(v->db, row, &g);
	if (r == ZK_OK && g.state != LOGDB_APPLIED)
		r = ZK_EGAP;
	if (r == ZK_OK)
		r = db_commit(v->db);
	if (r != ZK_OK) {
		db_rollback(v->db);
		treedb_rolled_back(v->td);
		rd->took = took;
		rd->own_ahead = ahead;
	}
	return r;
}

static enum zk_err
load_one(struct round *rd, const struct vremote *vr, int64_t row)
{
	struct vault *v = rd->v;
	struct cpstream s = { .env = NULL };
	struct content c = { .form = CONTENT_NONE };
	struct buf data;
	enum zk_err r = ZK_EBUG;

	buf_init_secret(&data, OP_DATA_MAX);
	r = find(v, row, &c, &data);
	if (r == ZK_OK)
		r = fetch(rd, &c, &s);
	if (r == ZK_OK)
		r = take_all(rd, vr, &s, row);
	if (r == ZK_OK)
		log_info("began from a checkpoint: what it covers is on no "
		    "remote any more");
	cpstream_release(&s);
	buf_release(&data);
	return r;
}

enum zk_err
checkpoint_load(struct round *rd, const struct vremote *vr)
{
	int64_t row = 0;
	enum zk_err r = cpdb_offered(rd->v->db, &row);

	while (r == ZK_OK) {
		r = load_one(rd, vr, row);
		if (r == ZK_OK)
			return ZK_OK;
		if (r == ZK_ESIGNAL || r == ZK_ENOMEM || r == ZK_EDISKFULL ||
		    r == ZK_EIO || r == ZK_EBUG)
			return r;
		/* all waits as before, and is named by round_gaps */
		log_debug("the checkpoint in segment row %lld cannot be "
		    "used: %s", (long long)row, err_text(r));
		if (err_status(r) == 22 || err_status(r) == 23) {
			log_error(r, NULL, "a checkpoint cannot be used: %s",
			    err_text(r));
			round_note(rd, r);
		}
		r = cpdb_offered(rd->v->db, &row);
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}
