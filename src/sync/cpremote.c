/* Checkpoints and remotes.  See checkpoint.h. */
#include <stdlib.h>
#include <string.h>

#include "format/op.h"
#include "format/segment.h"
#include "store/logdb.h"
#include "store/transitdb.h"
#include "sync/checkpoint.h"
#include "sync/cpknown.h"
#include "sync/cuts.h"
#include "sync/segcache.h"
#include "util/log.h"

/* Sending ------------------------------------------------------------------ */

static enum zk_err
copy(struct round *rd, struct vremote *vr, const struct op *op, bool known,
    int fd)
{
	struct upload_source src = { .fd = fd, .ask = known,
		.spare = true, .dead = UPLOAD_DEAD_ANEW };
	struct transport *from[SYNC_REMOTES_MAX];
	struct upload *u = NULL;
	uint64_t sent = 0;
	enum zk_err r = cuts_upload(rd, vr, &u);

	for (size_t i = 0; i < rd->remotes_n; i++)
		if (rd->remotes[i] != vr && rd->remotes[i]->err == ZK_OK)
			from[src.from_n++] = rd->remotes[i]->t;
	/* what lists the others may be there alone */
	if (known && src.from_n < SYNC_REMOTES_MAX)
		from[src.from_n++] = vr->t;
	src.from = from;
	return r == ZK_OK ? upload_copy(u, &op->content, &src, &sent) : r;
}

/*
 * Brings the blobs of a checkpoint to the remote.  ZK_EGAP: they are nowhere,
 * and it is not what the history says, or what names them is nowhere, too.
 */
static enum zk_err
bring(struct round *rd, struct vremote *vr, const struct op *op, bool known)
{
	struct vault *v = rd->v;
	struct cpstream s = { .env = NULL };
	struct cpcut cut;
	struct cpknown k;
	enum zk_err r = copy(rd, vr, op, known, -1);

	if (r != ZK_EGAP)
		return r;
	/* no remote has it: it is made again */
	cpknown_init(&k);
	r = cpdb_newest(v->db, NULL, &k.c);
	while (r == ZK_OK && opid_cmp(&k.c.id, &op->id) != 0)
		r = cpknown_older(v, &k.c);
	if (r == ZK_OK)
		r = cpknown_load(v, &k);
	if (r == ZK_OK)
		r = cpknown_cut(v, &k, &cut);
	cpknown_release(&k);
	if (r != ZK_OK)
		return r == ZK_ENOENT || r == ZK_EFORMAT ? ZK_EGAP : r;
	r = cpstream_make(rd, &cut, &s);
	if (r == ZK_OK)
		r = copy(rd, vr, op, known, s.fd);
	cpstream_release(&s);
	cpcut_release(&cut);
	return r;
}

enum zk_err
checkpoint_send(struct round *rd, struct vremote *vr, const struct op *op,
    bool known)
{
	bool counts = false;
	enum zk_err r = checkpoint_counts(rd->v, &op->id, &counts);

	if (r == ZK_OK && counts)
		r = bring(rd, vr, op, known);
	/* nothing goes there for its sake before they are there: sweep */
	return r == ZK_EGAP ? ZK_OK : r;
}

/*
 * The next one that the remote lacks, if it is thin, and but for the first
 * names no blobs.  *end: its log goes on behind it, or the remote has what
 * follows.  ZK_ENOENT: it is not.
 */
static enum zk_err
next_thin(struct db *db, const struct vremote *vr, bool first, int64_t ord,
    struct logdb_seg *g, bool *end)
{
	struct logdb_seg next = { 0 };
	int64_t id = 0;
	bool thin = false, inner = false, has = false;
	enum zk_err r = remotedb_lacks(db, vr->info.id, ord, &id);

	if (r == ZK_OK)
		r = logdb_by_id(db, id, g);
	if (r == ZK_OK)
		r = cpdb_is_thin(db, id, &thin);
	if (r != ZK_OK || !thin || (g->blobs && !first))
		return r == ZK_OK ? ZK_ENOENT : r;
	/* where the next one of its log is thin, too, that one says it */
	r = logdb_from(db, g->log, g->seq + 1, &next);
	if (r == ZK_OK && memcmp(next.prev, g->hash, sizeof(g->hash)) == 0)
		r = cpdb_is_thin(db, next.id, &inner);
	if (r == ZK_OK && inner)
		r = remotedb_has(db, vr->info.id, next.hash, &has);
	*end = !inner || has;
	return r == ZK_ENOENT ? ZK_OK : r;
}

/*
 * Notes that the remote needs no segment up to g any more.  Not before it
 * has been told where the log begins: what is noted counts as held by it,
 * and one that shows less than it held was rolled back.
 */
static enum zk_err
note_up_to(struct db *db, const struct vremote *vr, struct logdb_seg g)
{
	bool thin = true, has = false;
	enum zk_err r = ZK_OK;

	while (r == ZK_OK && thin && !has) {
		r = remotedb_has_set(db, vr->info.id, g.hash);
		if (r == ZK_OK)
			r = transitdb_gone(db, vr->info.id, g.id);
		if (r == ZK_OK)
			r = logdb_by_hash(db, g.prev, &g);
		if (r == ZK_OK)
			r = cpdb_is_thin(db, g.id, &thin);
		if (r == ZK_OK)
			r = remotedb_has(db, vr->info.id, g.hash, &has);
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* The remote is asked while no transaction is open. */
static enum zk_err
begin_behind(struct db *db, const struct vremote *vr,
    const struct logdb_seg *g)
{
	enum zk_err r = transport_log_begin(vr->t, g->log, g->seq, g->hash);

	if (r == ZK_OK)
		r = db_begin(db);
	if (r == ZK_OK)
		r = note_up_to(db, vr, *g);
	return db_end(db, r);
}

enum zk_err
checkpoint_skip(struct round *rd, struct vremote *vr, int64_t *ord)
{
	struct db *db = rd->v->db;
	struct logdb_seg g = { 0 };
	bool first = true, end = false;
	enum zk_err r = ZK_OK;

	while (r == ZK_OK) {
		r = round_stopped(rd) ? ZK_ESIGNAL :
		    next_thin(db, vr, first, *ord, &g, &end);
		if (r == ZK_OK && end)
			r = begin_behind(db, vr, &g);
		if (r == ZK_OK)
			*ord = g.ord;
		first = false;
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* Deleting ----------------------------------------------------------------- */

/* One segment on the remote; it is told that it went. */
static enum zk_err
delete_one(struct round *rd, struct vremote *vr, const struct logdb_seg *g)
{
	struct db *db = rd->v->db;
	enum zk_err r = transport_seg_delete(vr->t, g->log, g->seq);

	log_debug("segment %llu of log %02x%02x goes: %s",
	    (unsigned long long)g->seq, g->log[0], g->log[1], err_text(r));
	if (r == ZK_OK)
		r = db_begin(db);
	if (r == ZK_OK)
		r = transitdb_gone(db, vr->info.id, g->id);
	return db_end(db, r);
}

/* A place is deleted with all that stands there: not with another branch. */
static enum zk_err
is_alone(struct db *db, const struct logdb_seg *g, bool *yes)
{
	struct logdb_seg other = { 0 };
	enum zk_err r = logdb_fork(db, g->log, g->seq, g->hash, &other);

	*yes = r == ZK_ENOENT;
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* Where a log goes on once what is before that is gone. */
static enum zk_err
begin_at(void *arg, const struct logop_end *e)
{
	const struct vremote *vr = arg;

	return transport_log_begin(vr->t, e->log, e->seq, e->hash);
}

/*
 * Before anything goes: what stands for it is there, whatever became of it
 * since the op was sent, and the remote is told where its logs go on, so that
 * who still has all of it and offers it again changes nothing.  ZK_EGAP: the
 * blobs of the checkpoint are not there, nor anywhere else in reach.
 */
static enum zk_err
begin_all(struct round *rd, struct vremote *vr,
    const struct cpdb_checkpoint *c)
{
	struct op op = { .type = OP_CHECKPOINT };
	struct cpknown k;
	enum zk_err r = ZK_EBUG;

	cpknown_init(&k);
	k.c = *c;
	r = cpknown_load(rd->v, &k);
	op.id = c->id;
	op.content = k.content;
	if (r == ZK_OK)
		r = bring(rd, vr, &op, true);
	if (r == ZK_OK)
		r = logop_cut_decode(k.body.data, k.body.len, begin_at, vr);
	cpknown_release(&k);
	return r;
}

static enum zk_err
not_yet(struct round *rd, const struct vremote *vr)
{
	log_warn("'%s' does not have the checkpoint that stands for old "
	    "history, nor has another remote that answers: what it has of "
	    "that stays", transport_url(vr->t));
	round_note(rd, ZK_EGAP);
	return ZK_OK;
}

static enum zk_err
sweep(struct round *rd, struct vremote *vr, const struct cpdb_checkpoint *c,
    size_t *budget, struct sync_gc *out)
{
	struct db *db = rd->v->db;
	int64_t row = 0;
	bool begun = rd->o->dry_run;
	enum zk_err r = ZK_OK;

	while (r == ZK_OK) {
		struct logdb_seg g = { 0 };
		bool thin = false, alone = false;

		r = transitdb_next(db, vr->info.id, &row);
		if (r == ZK_OK)
			r = cpdb_is_thin(db, row, &thin);
		if (r != ZK_OK || !thin)
			continue;
		if (round_stopped(rd))
			return ZK_ESIGNAL;
		if (*budget == 0) {
			out->more = true;
			return ZK_OK;
		}
		r = begun ? ZK_OK : begin_all(rd, vr, c);
		if (r == ZK_EGAP && !begun)
			return not_yet(rd, vr);
		begun = true;
		--*budget;
		out->segments++;
		if (r == ZK_OK)
			r = logdb_by_id(db, row, &g);
		if (r == ZK_OK)
			r = is_alone(db, &g, &alone);
		if (r == ZK_OK && alone && !rd->o->dry_run)
			r = delete_one(rd, vr, &g);
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
checkpoint_sweep(struct round *rd, struct vremote *vr, size_t *budget,
    struct sync_gc *out)
{
	struct vault *v = rd->v;
	struct cpdb_checkpoint c;
	struct logdb_seg g = { 0 };
	bool there = false;
	enum zk_err r = cpdb_done(v->db, &c);

	if (r == ZK_OK)
		r = logdb_by_id(v->db, segcache_row(c.locator), &g);
	if (r == ZK_OK)
		r = remotedb_has(v->db, vr->info.id, g.hash, &there);
	if (r == ZK_OK && there && !vr->transit)
		r = sweep(rd, vr, &c, budget, out);
	return r == ZK_ENOENT ? ZK_OK : r;
}
