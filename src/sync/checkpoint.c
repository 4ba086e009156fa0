/* Writing checkpoints, and believing them.  See checkpoint.h. */
#include "sync/checkpoint.h"

#include <stdlib.h>
#include <string.h>

#include "format/op.h"
#include "format/segment.h"
#include "store/cpdb.h"
#include "store/logdb.h"
#include "sync/cpknown.h"
#include "sync/cuts.h"
#include "sync/entry.h"
#include "sync/gc.h"
#include "sync/segcache.h"
#include "sync/segw.h"
#include "util/log.h"

/* The newest that is not wrong.  ZK_ENOENT. */
static enum zk_err
newest(struct vault *v, struct cpdb_checkpoint *out)
{
	enum zk_err r = cpdb_newest(v->db, NULL, out);

	while (r == ZK_OK && out->state == CPDB_WRONG)
		r = cpknown_older(v, out);
	return r;
}

/* Writing ------------------------------------------------------------------ */

/* What the newest one that is done weighs; 0: there is none. */
static enum zk_err
weight(struct vault *v, uint64_t *bytes)
{
	struct cpknown k;
	enum zk_err r = ZK_EBUG;

	*bytes = 0;
	cpknown_init(&k);
	r = cpdb_done(v->db, &k.c);
	if (r == ZK_OK)
		r = cpknown_load(v, &k);
	if (r == ZK_OK)
		*bytes = k.content.size;
	cpknown_release(&k);
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* What came before that time is past the window. */
static enum zk_err
window_end(struct vault *v, int64_t *before)
{
	unsigned days = 0;
	enum zk_err r = sync_history_days(v, &days);

	*before = env_now_ms(v->env) - days * SYNC_DAY_MS;
	return r;
}

/* It takes the place of the last one and of segments: four fifths at most. */
static bool
pays(uint64_t is, uint64_t was)
{
	return is <= was - was / 5;
}

/* A segw_fill. */
static enum zk_err
put(void *op, struct segw *w)
{
	return segw_checkpoint(w, op);
}

static enum zk_err
record(struct vault *v, const struct cpcut *cut, const struct content *c)
{
	struct op op = { .type = OP_CHECKPOINT, .content = *c };
	struct buf body;
	enum zk_err r = ZK_EBUG;

	buf_init(&body, OP_BODY_MAX);
	r = logop_cut_encode(cut->ends, cut->ends_n, &body);
	op.body = body.data;
	op.body_len = body.len;
	if (r == ZK_OK)
		r = segw_batch(v, put, &op);
	buf_release(&body);
	return r;
}

/* The blobs of the stream to first, then its op into our log. */
static enum zk_err
write_one(struct round *rd, struct vremote *first, const struct cpcut *cut,
    const struct cpstream *s)
{
	struct upload *u = NULL;
	struct content c = { .form = CONTENT_NONE };
	struct buf data;
	enum zk_err r = cuts_upload(rd, first, &u);

	buf_init_secret(&data, UPLOAD_DATA_MAX);
	if (r == ZK_OK)
		r = upload_file(u, s->fd, NULL, &data, &c);
	if (r == ZK_OK)
		r = upload_flush(u);
	c.merge = MERGE_COPY;
	if (r == ZK_OK)
		r = record(rd->v, cut, &c);
	log_debug("a checkpoint of %llu segments, %llu bytes: %s",
	    (unsigned long long)cut->segments, (unsigned long long)s->size,
	    err_text(r));
	buf_release(&data);
	return r;
}

/*
 * Whether another is on its way: not one in a log with two histories, since
 * of that it will never be known which of them all have heard.
 */
static enum zk_err
on_its_way(struct vault *v, bool *yes)
{
	struct cpdb_checkpoint last;
	struct logdb_seg g = { 0 };
	bool forked = false;
	enum zk_err r = newest(v, &last);

	*yes = r == ZK_OK && last.state != CPDB_DONE;
	if (r != ZK_OK || !*yes)
		return r == ZK_ENOENT ? ZK_OK : r;
	r = logdb_by_id(v->db, segcache_row(last.locator), &g);
	if (r == ZK_OK)
		r = gc_forked(v, g.log, &forked);
	*yes = !forked;
	return r;
}

enum zk_err
checkpoint_make(struct round *rd, struct vremote *first, bool *made)
{
	struct vault *v = rd->v;
	struct cpstream s = { .env = NULL };
	struct cpcut cut;
	int64_t before = 0;
	uint64_t was = 0;
	bool old = false, other = false;
	enum zk_err r = on_its_way(v, &other);

	*made = false;
	if (r != ZK_OK || other)
		return r;
	r = window_end(v, &before);
	if (r == ZK_OK)
		r = weight(v, &was);
	if (r == ZK_OK)
		r = cpcut_new(v, before, &cut);
	if (r != ZK_OK)
		return r;
	r = cpcut_is_old(v, &cut, before, &old);
	/* with less than that it cannot pay */
	old &= cut.fresh > 0 && cut.fresh_bytes >= was / 8;
	if (r == ZK_OK && old)
		r = cpstream_make(rd, &cut, &s);
	if (r == ZK_OK && old)
		*made = pays(s.size, was + cut.fresh_bytes);
	if (r == ZK_OK && *made && !rd->o->dry_run)
		r = write_one(rd, first, &cut, &s);
	cpstream_release(&s);
	cpcut_release(&cut);
	return r;
}

/* Believing ---------------------------------------------------------------- */

/* Size and hash of the stream are those that the op says. */
static enum zk_err
compare(struct round *rd, const struct cpknown *k, bool *right)
{
	struct cpcut cut;
	struct cpstream s = { .env = NULL };
	struct upload *u = NULL;
	uint8_t hash[CONTENT_HASH_LEN];
	uint64_t size = 0;
	enum zk_err r = cpknown_cut(rd->v, k, &cut);

	*right = false;
	if (r != ZK_OK)
		return r == ZK_EFORMAT ? ZK_OK : r;
	r = cpstream_make(rd, &cut, &s);
	if (r == ZK_OK)
		r = cuts_upload(rd, NULL, &u);
	if (r == ZK_OK && s.size == k->content.size) {
		r = upload_hash(u, s.fd, &k->content, &size, hash);
		*right = r == ZK_OK && size == k->content.size &&
		    memcmp(hash, k->content.hash, sizeof(hash)) == 0;
	}
	cpstream_release(&s);
	cpcut_release(&cut);
	return r;
}

static enum zk_err
set_state(struct vault *v, const struct opid *id, enum cpdb_state state)
{
	enum zk_err r = db_begin(v->db);

	if (r == ZK_OK)
		r = cpdb_set(v->db, id, state);
	return db_end(v->db, r);
}

static enum zk_err
check(struct round *rd, struct cpknown *k)
{
	struct vault *v = rd->v;
	bool right = false;
	enum zk_err r = compare(rd, k, &right);

	if (r != ZK_OK)
		return r;
	k->c.state = right ? CPDB_RIGHT : CPDB_WRONG;
	if (!right) {
		log_error(ZK_ETAMPER, NULL, "a checkpoint of one of your "
		    "devices is not what the history says: it is ignored. "
		    "Look at 'zk device ls', and remove a device that "
		    "somebody else may have");
		round_note(rd, ZK_ETAMPER);
	}
	return set_state(v, &k->c.id, k->c.state);
}

/*
 * It is done; so are those in its past, whatever became of them here: what
 * they leave out it left out, too (cplook.h).
 */
static enum zk_err
set_done(struct vault *v, const struct cpdb_checkpoint *k,
    const struct cpcut *cut)
{
	struct cpdb_checkpoint c = *k;
	enum zk_err r = db_begin(v->db);

	if (r == ZK_OK)
		r = cpdb_set(v->db, &k->id, CPDB_DONE);
	while (r == ZK_OK) {
		r = cpknown_older(v, &c);
		if (r == ZK_OK && c.state != CPDB_DONE &&
		    cpcut_known(cut, segcache_row(c.locator)))
			r = cpdb_set(v->db, &c.id, CPDB_DONE);
	}
	return db_end(v->db, r == ZK_ENOENT ? ZK_OK : r);
}

/*
 * All have it.  What it covers becomes thin, once that is past the window for
 * this device, too: the clock of another is not believed in that.
 */
static enum zk_err
make_thin(struct round *rd, const struct cpknown *k)
{
	struct vault *v = rd->v;
	struct cpcut cut;
	int64_t before = 0;
	bool old = false;
	enum zk_err r = cpknown_cut(v, k, &cut);

	if (r != ZK_OK)
		return r;
	r = window_end(v, &before);
	if (r == ZK_OK)
		r = cpcut_is_old(v, &cut, before, &old);
	if (r == ZK_OK && old)
		r = cpstream_back(rd, &cut);
	if (r == ZK_OK && old)
		r = cpstream_thin(rd, &cut);
	log_debug("checkpoint of time %llu, all old %d: %s",
	    (unsigned long long)opid_lamport(&k->c.id), old, err_text(r));
	if (r == ZK_OK && old)
		r = set_done(v, &k->c, &cut);
	cpcut_release(&cut);
	return r;
}

/* Whether the newest that is done, if one is, is in the past of k. */
static enum zk_err
goes_on(struct vault *v, const struct cpknown *k, bool *yes)
{
	struct cpdb_checkpoint done;
	struct cpcut cut;
	enum zk_err r = cpdb_done(v->db, &done);

	*yes = r == ZK_ENOENT;
	if (r != ZK_OK)
		return r == ZK_ENOENT ? ZK_OK : r;
	r = cpknown_cut(v, k, &cut);
	/* what is wrong with it is said where it is computed */
	if (r != ZK_OK) {
		*yes = r == ZK_EFORMAT;
		return r == ZK_EFORMAT ? ZK_OK : r;
	}
	*yes = cpcut_known(&cut, segcache_row(done.locator));
	cpcut_release(&cut);
	return r;
}

/*
 * Finds out what the newest one is that is not void, in k.  ZK_ENOENT: there
 * is none.
 */
static enum zk_err
judge(struct round *rd, struct cpknown *k)
{
	struct vault *v = rd->v;
	bool on = false;
	enum zk_err r = newest(v, &k->c);

	while (r == ZK_OK && k->c.state == CPDB_SEEN) {
		r = cpknown_load(v, k);
		if (r == ZK_OK)
			r = goes_on(v, k, &on);
		/* one that was written beside it, and is too late */
		if (r == ZK_OK && !on)
			r = set_state(v, &k->c.id, CPDB_WRONG);
		else if (r == ZK_OK)
			r = check(rd, k);
		if (r == ZK_OK && k->c.state != CPDB_RIGHT)
			r = newest(v, &k->c);
	}
	return r;
}

enum zk_err
checkpoint_settle(struct round *rd, bool *waits)
{
	struct vault *v = rd->v;
	struct logdb_seg g = { 0 };
	struct cpknown k;
	bool all = false;
	enum zk_err r = ZK_EBUG;

	cpknown_init(&k);
	r = judge(rd, &k);
	if (r == ZK_OK && k.c.state == CPDB_RIGHT) {
		r = cpknown_load(v, &k);
		if (r == ZK_OK)
			r = logdb_by_id(v->db, segcache_row(k.c.locator), &g);
		if (r == ZK_OK)
			r = gc_all_heard(rd, &g, waits, &all);
		if (r == ZK_OK && all && !rd->o->dry_run)
			r = make_thin(rd, &k);
	}
	cpknown_release(&k);
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
checkpoint_back(struct round *rd)
{
	struct cpcut cut;
	struct cpknown k;
	enum zk_err r = ZK_EBUG;

	cpknown_init(&k);
	r = newest(rd->v, &k.c);
	if (r == ZK_OK)
		r = cpknown_load(rd->v, &k);
	if (r == ZK_OK)
		r = cpknown_cut(rd->v, &k, &cut);
	cpknown_release(&k);
	if (r != ZK_OK)
		return r == ZK_ENOENT || r == ZK_EFORMAT ? ZK_OK : r;
	r = cpstream_back(rd, &cut);
	cpcut_release(&cut);
	return r;
}

enum zk_err
checkpoint_counts(struct vault *v, const struct opid *id, bool *counts)
{
	struct cpknown k;
	struct cpdb_checkpoint c;
	struct cpcut cut;
	enum zk_err r = ZK_EBUG;

	*counts = true;
	cpknown_init(&k);
	r = cpdb_done(v->db, &k.c);
	if (r != ZK_OK || opid_cmp(id, &k.c.id) >= 0)
		goto out;
	r = cpknown_load(v, &k);
	if (r == ZK_OK)
		r = cpknown_cut(v, &k, &cut);
	if (r != ZK_OK)
		goto out;
	/* of those below it, one that it did not know may still be needed */
	r = cpdb_newest(v->db, &k.c.id, &c);
	while (r == ZK_OK && opid_cmp(&c.id, id) != 0)
		r = cpknown_older(v, &c);
	if (r == ZK_OK)
		*counts = !cpcut_known(&cut, segcache_row(c.locator));
	cpcut_release(&cut);
out:
	cpknown_release(&k);
	return r == ZK_ENOENT || r == ZK_EFORMAT ? ZK_OK : r;
}

/* Whether one of these ops is in what the checkpoint is about. */
static enum zk_err
in_cut(struct vault *v, const struct cpdb_checkpoint *c,
    const struct opid *refs, size_t n, bool *yes)
{
	struct cpknown k;
	struct cpcut cut;
	uint64_t at = 0;
	enum zk_err r = ZK_EBUG;

	*yes = false;
	cpknown_init(&k);
	k.c = *c;
	r = cpknown_load(v, &k);
	if (r == ZK_OK)
		r = cpknown_cut(v, &k, &cut);
	cpknown_release(&k);
	/* of a void one it is not known */
	if (r != ZK_OK) {
		*yes = r == ZK_EFORMAT;
		return *yes ? ZK_OK : r;
	}
	for (size_t i = 0; r == ZK_OK && !*yes && i < n; i++) {
		r = tree_locator(v->tree, &refs[i], &at);
		*yes = r == ZK_OK && cpcut_in(&cut, segcache_row(at));
	}
	cpcut_release(&cut);
	return r;
}

enum zk_err
checkpoint_left_out(struct vault *v, const uint8_t *seen, size_t len,
    bool *yes)
{
	struct cpdb_checkpoint c;
	struct opid *refs = NULL;
	size_t n = 0;
	enum zk_err r = newest(v, &c);

	*yes = false;
	if (r != ZK_OK)
		return r == ZK_ENOENT ? ZK_OK : r;
	refs = calloc(OP_REFS_MAX, sizeof(*refs));
	r = refs == NULL ? ZK_ENOMEM : entry_replaced(seen, len, refs, &n);
	*yes = r == ZK_OK && n > 0;
	/* the first of a great many speak for all: more is said, not less */
	if (n > OP_REFS_MAX)
		n = OP_REFS_MAX;
	for (size_t i = 0; r == ZK_OK && *yes && i < n; i++) {
		r = tree_covered(v->tree, &refs[i], yes);
		if (r == ZK_ENOENT) {
			*yes = false;
			r = ZK_OK;
		}
	}
	if (r == ZK_OK && *yes)
		r = in_cut(v, &c, refs, n, yes);
	free(refs);
	return r;
}
