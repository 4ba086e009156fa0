/*
 * Local changes become ops of this device's log.
 *
 * Differences are made ready one by one (contents read, sealed, on their way
 * to the remote) until a segment's worth is there; then they are recorded,
 * with base brought up to date, in one transaction.  A kill between two
 * leaves base and log agreeing; the next scan finds the rest.
 */
#include <stdlib.h>

#include "store/outdb.h"
#include "store/store.h"
#include "sync/capture_int.h"
#include "sync/cuts.h"
#include "sync/gather.h"
#include "sync/round.h"
#include "sync/rulewatch.h"
#include "util/log.h"

#define BATCH_N 4096
#define STEP_N 32		/* between two looks at what is being sent */
#define BATCH_BYTES (3u << 20)	/* of content inside ops */

struct batch {
	struct prepared *p[BATCH_N];
	size_t n, bytes;
};

static void
batch_reset(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		prepared_free(b->p[i]);
	b->n = 0;
	b->bytes = 0;
}

/* Everything of a batch in one transaction. */
static enum zk_err
record_batch(struct round *rd, struct batch *b)
{
	struct vault *v = rd->v;
	struct recorder r;
	uint64_t tree = 0;
	enum zk_err err = base_count(v->db, &tree);

	recorder_init(&r, rd);
	if (err == ZK_OK)
		err = db_begin(v->db);
	if (err == ZK_OK)
		err = segw_begin(v, &r.w);
	for (size_t i = 0; err == ZK_OK && i < b->n; i++) {
		uint64_t before = segw_count(r.w);

		err = recorder_one(&r, b->p[i]);
		rd->beyond |= recorder_went_beyond(&r, b->p[i]->d.what, before);
		if (err == ZK_EPARTIAL || err == ZK_ECHANGED) {
			round_note(rd, ZK_EPARTIAL);
			err = b->p[i]->d.kind == NODE_TREE ?
			    capture_hold(rd, b->p[i]->path) : ZK_OK;
		}
	}
	if (err == ZK_OK)
		err = cuts_tell_aliases(rd, r.w);
	if (err == ZK_OK && r.removed > 0 && !rd->approved[BASE_SENT])
		err = base_brake_add(v->db, BASE_SENT, env_now_ms(v->env),
		    r.removed, tree);
	if (r.w != NULL && err == ZK_OK)
		err = segw_end(r.w, false);
	else
		segw_abort(r.w);
	err = segw_commit(v, err);
	if (err == ZK_OK)
		rd->aliases_n = 0;
	recorder_release(&r);
	return err;
}

/* Records the differences of a full or last batch, and sends them on. */
static enum zk_err
flush(struct round *rd, struct vremote *to, struct batch *b)
{
	enum zk_err r = b->n == 0 ? ZK_OK : record_batch(rd, b);

	if (r == ZK_OK && b->n > 0 && rd->early)
		r = remotes_publish_early(rd, to);
	batch_reset(b);
	return r;
}

/*
 * What takes the place of a directory is recorded with what vanished, after
 * that directory's entries: should the run end in between, they would be rows
 * where no scan looks.  A directory comes before the new entries in it.
 */
#define GONE (ROUND_GONE | 1u << DIFF_KIND)

static bool
is_of(const struct diff *d, uint32_t mask)
{
	return d->what != DIFF_KIND || (d->kind == NODE_DIR) == (mask != GONE);
}

/* Hands the preparer as many differences as it has room for. */
static enum zk_err
feed(struct round *rd, struct preparer *p, uint32_t mask, int64_t *after)
{
	struct diff d;
	enum zk_err r = ZK_OK;

	while (r == ZK_OK && *after >= 0 && preparer_room(p)) {
		r = diff_next(rd->v->db, mask, after, &d);
		if (r == ZK_OK && d.what == DIFF_TAKEN &&
		    capture_holds(rd, d.path))
			continue;
		if (r == ZK_OK && is_of(&d, mask))
			r = preparer_give(p, &d);
		if (r == ZK_ENOENT) {
			*after = -1;	/* no more */
			r = ZK_OK;
		}
	}
	return r;
}

/* Takes ready differences into batches until none is left. */
static enum zk_err
drain(struct round *rd, struct vremote *to, struct preparer *p,
    struct batch *b, uint32_t mask, bool adopt)
{
	int64_t after = 0;
	enum zk_err r = ZK_OK;

	while (r == ZK_OK) {
		struct prepared *one = NULL;

		if (round_stopped(rd))
			return ZK_ESIGNAL;
		r = feed(rd, p, mask, &after);
		if (r == ZK_OK)
			r = preparer_take(p, adopt, &one);
		/* what is left out was dealt with, too */
		if (one != NULL || r == ZK_EPARTIAL || r == ZK_ENOENT)
			rd->progress.files++;
		if (r == ZK_EPARTIAL || r == ZK_ENOENT) {
			r = ZK_OK;
			continue;
		}
		if (r != ZK_OK || one == NULL)
			return r != ZK_OK ? r : flush(rd, to, b);
		b->bytes += one->data.len + one->script.len;
		b->p[b->n++] = one;
		round_moved(rd, SYNC_UPLOAD, one->content.form ==
		    CONTENT_INLINE ? one->content.size : 0);
		if (b->n == BATCH_N || b->bytes >= BATCH_BYTES)
			r = flush(rd, to, b);
		else if (rd->early && b->n % STEP_N == 0)
			remotes_publish_step(to);
	}
	return r;
}

/* Records the differences in mask. */
static enum zk_err
record_mask(struct round *rd, struct vremote *to, struct upload *u,
    uint32_t mask, bool adopt)
{
	struct batch *b = calloc(1, sizeof(*b));
	struct preparer *p = NULL;
	enum zk_err r = b == NULL ? ZK_ENOMEM : preparer_new(rd, u, &p);

	if (r == ZK_OK)
		r = drain(rd, to, p, b, mask, adopt);
	if (b != NULL)
		batch_reset(b);
	preparer_free(p);
	free(b);
	return r;
}

enum zk_err
capture_record(struct round *rd, struct vremote *to)
{
	struct sync_progress all = { 0 };
	struct upload *u = NULL;
	bool clean = false;
	enum zk_err r = cuts_upload(rd, to, &u);

	/* of an earlier scan */
	capture_release(rd);
	if (r == ZK_OK)
		r = diff_count(rd->v->db, ROUND_CHANGES | ROUND_GONE,
		    &all.files_total);
	if (r == ZK_OK)
		r = diff_bytes(rd->v->db, ROUND_CHANGES, &all.bytes_total);
	if (r == ZK_OK && all.files_total > 0)
		round_phase(rd, SYNC_UPLOAD, &all);
	if (r == ZK_OK)
		r = rulewatch_scan(rd);
	/* nothing to adopt where the disk has all that the tree has */
	if (r == ZK_OK)
		r = capture_is_clean(rd, &clean);
	log_debug("clean before recording: %d", clean);
	if (r == ZK_OK)
		r = record_mask(rd, to, u, ROUND_CHANGES, !clean);
	if (r == ZK_OK)
		r = record_mask(rd, to, u, GONE, false);
	if (r == ZK_OK && rd->paths_n == 0)
		r = outdb_clear(rd->v->db);
	if (r == ZK_OK)
		r = upload_flush(u);
	return r == ZK_OK && clean && !rd->beyond ? capture_all_clean(rd) : r;
}
