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

/* A checkpoint in a segment that waits. */
struct offer {
	struct round *rd;
	struct opid id;
	struct logdb_seg at;	/* its segment */
	struct content content;
	struct buf body, data;
	struct page *forks;	/* whole segments that are in fork ops of it */
	/* the gap at hand, and whether the cut covers one */
	const uint8_t *log;
	uint64_t seq;
	bool covers;
};

static void
offer_init(struct offer *o, struct round *rd)
{
	memset(o, 0, sizeof(*o));
	o->rd = rd;
	buf_init(&o->body, OP_BODY_MAX);
	buf_init_secret(&o->data, OP_DATA_MAX);
}

static void
offer_release(struct offer *o)
{
	buf_release(&o->body);
	buf_release(&o->data);
}

/* Reads its op again. */
static enum zk_err
find(struct offer *o, int64_t row)
{
	struct vault *v = o->rd->v;
	struct seg *s = NULL;
	struct op op;
	bool found = false;
	enum zk_err r = logdb_by_id(v->db, row, &o->at);

	buf_reset(&o->body);
	buf_reset(&o->data);
	if (r == ZK_OK)
		r = cpstream_open(v, row, &s);
	while (r == ZK_OK && !found) {
		r = seg_next(s, &op);
		found = r == ZK_OK && opid_cmp(&op.id, &o->id) == 0;
		if (r == ZK_EREFUSED)
			r = ZK_OK;
	}
	if (r == ZK_OK)
		r = buf_put(&o->body, op.body, op.body_len);
	if (r == ZK_OK)
		r = buf_put(&o->data, op.content.data, op.content.data_len);
	if (r == ZK_OK)
		o->content = op.content;
	o->content.data = o->data.data;
	seg_free(s);
	return r == ZK_ENOENT ? ZK_ETAMPER : r;
}

static enum zk_err
end_covers(void *arg, const struct logop_end *e)
{
	struct offer *o = arg;

	o->covers |= o->seq <= e->seq &&
	    memcmp(o->log, e->log, LOGDB_HASH_LEN) == 0;
	return ZK_OK;
}

static enum zk_err
gap_covered(void *arg, const uint8_t *log, uint64_t seq, const uint8_t *hash)
{
	struct offer *o = arg;

	(void)hash;
	o->log = log;
	o->seq = seq;
	return o->covers ? ZK_OK : logop_cut_decode(o->body.data,
	    o->body.len, end_covers, o);
}

/* A stream fills half of the free disk at most. */
static enum zk_err
fits(const struct offer *o)
{
	struct vault *v = o->rd->v;
	struct env_fsinfo info;
	int e = env_fsinfo(v->env, v->state_fd, &info);

	if (e < 0)
		return err_from_errno(-e);
	return o->content.size <= info.free / 2 ? ZK_OK : ZK_EDISKFULL;
}

/* The bytes of the stream, from the remotes. */
static enum zk_err
fetch(struct offer *o, struct cpstream *s)
{
	struct download *d = NULL;
	struct download_item item = { .c = &o->content, .old_fd = -1 };
	enum zk_err r = fits(o);

	if (r == ZK_OK)
		r = cpstream_empty(o->rd->v, CPSTREAM_CAME, s);
	item.fd = s->fd;
	if (r == ZK_OK)
		r = land_download(o->rd, true, &d);
	if (r == ZK_OK)
		r = download_file(d, &item);
	s->size = o->content.size;
	download_free(d);
	return r;
}

static enum zk_err
take(void *arg, const void *thin, size_t n)
{
	const struct offer *o = arg;

	return round_stopped(o->rd) ? ZK_ESIGNAL :
	    ingest_thin(o->rd, &o->at, thin, n, o->forks);
}

/*
 * The segment with the checkpoint is applied now, and the stream is that of
 * its cut as it is held here.
 */
static enum zk_err
agrees(const struct offer *o, const struct cpstream *came)
{
	struct vault *v = o->rd->v;
	struct cpstream made = { .env = NULL };
	struct logdb_seg g = { 0 };
	struct cpcut cut;
	bool same = false;
	enum zk_err r = logdb_by_id(v->db, o->at.id, &g);

	if (r == ZK_OK && g.state != LOGDB_APPLIED)
		r = ZK_EGAP;
	if (r == ZK_OK)
		r = cpcut_of(v, g.id, o->body.data, o->body.len, &cut);
	if (r != ZK_OK)
		return r;
	r = cpstream_make(o->rd, &cut, &made);
	if (r == ZK_OK)
		r = cpstream_same(came, &made, &same);
	cpstream_release(&made);
	cpcut_release(&cut);
	return r == ZK_OK && !same ? ZK_ETAMPER : r;
}

/* It is done, as somebody deleted by it; and so are those before it. */
static enum zk_err
done(const struct offer *o)
{
	struct db *db = o->rd->v->db;
	struct cpdb_checkpoint c;
	enum zk_err r = cpdb_set(db, &o->id, CPDB_DONE);

	if (r == ZK_OK)
		r = cpdb_newest(db, &o->id, &c);
	while (r == ZK_OK) {
		struct opid below = c.id;

		r = cpdb_set(db, &c.id, CPDB_DONE);
		if (r == ZK_OK)
			r = cpdb_newest(db, &below, &c);
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* All of it, or nothing. */
static enum zk_err
take_all(struct offer *o, const struct cpstream *s)
{
	struct round *rd = o->rd;
	struct vault *v = rd->v;
	uint64_t took = rd->took;
	bool ahead = rd->own_ahead;
	enum zk_err r = db_begin(v->db);

	if (r == ZK_OK)
		r = tree_begin(v->tree);
	if (r == ZK_OK)
		r = cpstream_read(s, take, o);
	if (r == ZK_OK)
		r = ingest_ready(rd, o->forks);
	if (r == ZK_OK)
		r = tree_end(v->tree);
	if (r == ZK_OK)
		r = agrees(o, s);
	if (r == ZK_OK)
		r = done(o);
	r = db_end(v->db, r);
	if (r != ZK_OK) {
		treedb_rolled_back(v->td);
		rd->took = took;
		rd->own_ahead = ahead;
	}
	return r;
}

static enum zk_err
load_one(struct offer *o, int64_t row)
{
	struct cpstream s = { .env = NULL };
	enum zk_err r = find(o, row);

	o->covers = false;
	if (r == ZK_OK)
		r = logdb_gaps(o->rd->v->db, gap_covered, o);
	if (r == ZK_OK && !o->covers)
		return ZK_EGAP;
	if (r == ZK_OK)
		r = fetch(o, &s);
	if (r == ZK_OK)
		r = page_new(&o->forks);
	if (r == ZK_OK)
		r = take_all(o, &s);
	/* what no remote takes in its place, and the cut has not */
	if (r == ZK_OK && page_count(o->forks) > 0)
		r = ingest_page(o->rd, NULL, o->forks, NULL);
	page_free(o->forks);
	o->forks = NULL;
	if (r == ZK_OK)
		log_info("began from a checkpoint: what it covers is on no "
		    "remote any more");
	cpstream_release(&s);
	return r;
}

enum zk_err
checkpoint_load(struct round *rd)
{
	struct offer o;
	int64_t row = 0;
	enum zk_err r = ZK_EBUG;

	offer_init(&o, rd);
	memset(o.id.b, 0xff, sizeof(o.id.b));
	r = cpdb_offered(rd->v->db, &o.id, &row);
	while (r == ZK_OK) {
		r = load_one(&o, row);
		if (r == ZK_ESIGNAL || r == ZK_ENOMEM || r == ZK_EDISKFULL ||
		    r == ZK_EIO || r == ZK_EBUG)
			break;
		/* all waits as before, and is named by round_gaps */
		if (r != ZK_OK)
			log_debug("the checkpoint in segment row %lld cannot "
			    "be used: %s", (long long)row, err_text(r));
		if (err_status(r) == 22 || err_status(r) == 23) {
			log_error(r, NULL, "a checkpoint cannot be used: %s",
			    err_text(r));
			round_note(rd, r);
		}
		r = cpdb_offered(rd->v->db, &o.id, &row);
	}
	offer_release(&o);
	return r == ZK_ENOENT ? ZK_OK : r;
}
