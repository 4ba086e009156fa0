/* Writing checkpoints, and believing them.  See checkpoint.h. */
#include "sync/checkpoint.h"

#include <stdlib.h>
#include <string.h>

#include "format/op.h"
#include "format/segment.h"
#include "store/cpdb.h"
#include "store/logdb.h"
#include "store/transitdb.h"
#include "sync/cuts.h"
#include "sync/entry.h"
#include "sync/gc.h"
#include "sync/segcache.h"
#include "sync/segw.h"
#include "util/log.h"

#define SKIP_BATCH 256		/* segments passed over in one transaction */

/* One that is known: its op again, from its segment. */
struct known {
	struct cpdb_checkpoint c;
	struct content content;	/* data lends from the cache of segments */
	struct buf body;	/* of the op */
};

static void
known_init(struct known *k)
{
	memset(k, 0, sizeof(*k));
	buf_init(&k->body, OP_BODY_MAX);
}

static void
known_release(struct known *k)
{
	buf_release(&k->body);
}

/* Reads the op of k->c. */
static enum zk_err
known_load(struct vault *v, struct known *k)
{
	struct seg *s = NULL;
	struct op op;
	bool found = false;
	enum zk_err r = cpstream_open(v, segcache_row(k->c.locator), &s);

	buf_reset(&k->body);
	while (r == ZK_OK && !found) {
		r = seg_next(s, &op);
		found = r == ZK_OK && opid_cmp(&op.id, &k->c.id) == 0;
		if (r == ZK_EREFUSED)
			r = ZK_OK;
	}
	if (r == ZK_OK)
		r = buf_put(&k->body, op.body, op.body_len);
	seg_free(s);
	if (r == ZK_OK)
		r = segcache_content(v, k->c.locator, &k->content);
	return r == ZK_ENOENT ? ZK_ETAMPER : r;
}

/* The one before c.  ZK_ENOENT. */
static enum zk_err
older(struct vault *v, struct cpdb_checkpoint *c)
{
	struct opid below = c->id;

	return cpdb_newest(v->db, &below, c);
}

/* The newest that is not wrong.  ZK_ENOENT. */
static enum zk_err
newest(struct vault *v, struct cpdb_checkpoint *out)
{
	enum zk_err r = cpdb_newest(v->db, NULL, out);

	while (r == ZK_OK && out->state == CPDB_WRONG)
		r = older(v, out);
	return r;
}

/* Writing ------------------------------------------------------------------ */

/* What the newest one that is done weighs; 0: there is none. */
static enum zk_err
weight(struct vault *v, uint64_t *bytes)
{
	struct known k;
	enum zk_err r = ZK_EBUG;

	*bytes = 0;
	known_init(&k);
	r = cpdb_done(v->db, &k.c);
	if (r == ZK_OK)
		r = segcache_content(v, k.c.locator, &k.content);
	if (r == ZK_OK)
		*bytes = k.content.size;
	known_release(&k);
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* It takes the place of the last one and of segments: four fifths at most. */
static bool
pays(uint64_t is, uint64_t was)
{
	return is <= was - was / 5;
}

static enum zk_err
record(struct vault *v, const struct cpcut *cut, const struct content *c)
{
	struct op op = { .type = OP_CHECKPOINT, .content = *c };
	struct segw *w = NULL;
	struct buf body;
	enum zk_err r = ZK_EBUG;

	buf_init(&body, OP_BODY_MAX);
	r = logop_cut_encode(cut->ends, cut->ends_n, &body);
	op.body = body.data;
	op.body_len = body.len;
	if (r == ZK_OK)
		r = db_begin(v->db);
	if (r == ZK_OK)
		r = segw_begin(v, &w);
	if (r == ZK_OK)
		r = segw_checkpoint(w, &op);
	if (r == ZK_OK)
		r = segw_end(w, false);
	else
		segw_abort(w);
	if (r == ZK_OK)
		r = db_commit(v->db);
	if (r != ZK_OK)
		db_rollback(v->db);
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

enum zk_err
checkpoint_make(struct round *rd, struct vremote *first, bool *made)
{
	struct vault *v = rd->v;
	struct cpdb_checkpoint last;
	struct cpstream s = { .env = NULL };
	struct cpcut cut;
	unsigned days = 0;
	uint64_t was = 0;
	enum zk_err r = newest(v, &last);

	*made = false;
	if (r != ZK_ENOENT && (r != ZK_OK || last.state != CPDB_DONE))
		return r;
	r = sync_history_days(v, &days);
	if (r == ZK_OK)
		r = weight(v, &was);
	if (r == ZK_OK)
		r = cpcut_new(v, env_now_ms(v->env), days * SYNC_DAY_MS,
		    &cut);
	if (r != ZK_OK)
		return r;
	if (cut.fresh > 0)
		r = cpstream_make(rd, &cut, &s);
	if (r == ZK_OK && cut.fresh > 0)
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
compare(struct round *rd, const struct known *k, bool *right)
{
	struct cpcut cut;
	struct cpstream s = { .env = NULL };
	struct upload *u = NULL;
	uint8_t hash[CONTENT_HASH_LEN];
	uint64_t size = 0;
	enum zk_err r = cpcut_of(rd->v, segcache_row(k->c.locator),
	    k->body.data, k->body.len, &cut);

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
	if (r == ZK_OK)
		r = db_commit(v->db);
	if (r != ZK_OK)
		db_rollback(v->db);
	return r;
}

static enum zk_err
check(struct round *rd, struct known *k)
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

static enum zk_err
make_thin(struct round *rd, const struct known *k)
{
	struct cpcut cut;
	enum zk_err r = cpcut_of(rd->v, segcache_row(k->c.locator),
	    k->body.data, k->body.len, &cut);

	if (r != ZK_OK)
		return r;
	r = cpstream_thin(rd, &cut);
	cpcut_release(&cut);
	log_debug("checkpoint of time %llu is done: %s",
	    (unsigned long long)opid_lamport(&k->c.id), err_text(r));
	return r == ZK_OK ? set_state(rd->v, &k->c.id, CPDB_DONE) : r;
}

enum zk_err
checkpoint_settle(struct round *rd, bool *waits)
{
	struct vault *v = rd->v;
	struct logdb_seg g = { 0 };
	struct known k;
	bool all = false;
	enum zk_err r = ZK_EBUG;

	known_init(&k);
	r = newest(v, &k.c);
	if (r == ZK_OK && k.c.state == CPDB_DONE)
		goto out;
	if (r == ZK_OK)
		r = known_load(v, &k);
	if (r == ZK_OK && k.c.state == CPDB_SEEN)
		r = check(rd, &k);
	if (r == ZK_OK && k.c.state == CPDB_RIGHT)
		r = logdb_by_id(v->db, segcache_row(k.c.locator), &g);
	if (r == ZK_OK && k.c.state == CPDB_RIGHT)
		r = gc_all_heard(rd, &g, waits, &all);
	if (r == ZK_OK && all && !rd->o->dry_run)
		r = make_thin(rd, &k);
out:
	known_release(&k);
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
checkpoint_counts(struct vault *v, const struct opid *id, bool *counts)
{
	struct cpdb_checkpoint c;
	enum zk_err r = cpdb_done(v->db, &c);

	*counts = true;
	if (r == ZK_OK && opid_cmp(id, &c.id) < 0)
		*counts = false;
	else if (r == ZK_OK || r == ZK_ENOENT)
		r = cpdb_newest(v->db, NULL, &c);
	/* of those above it, a wrong one does not */
	while (r == ZK_OK && *counts && opid_cmp(&c.id, id) >= 0) {
		if (opid_cmp(&c.id, id) == 0) {
			*counts = c.state != CPDB_WRONG;
			break;
		}
		r = older(v, &c);
	}
	return r == ZK_ENOENT ? ZK_OK : r;
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
	for (size_t i = 0; r == ZK_OK && *yes && i < n; i++) {
		r = tree_covered(v->tree, &refs[i], yes);
		if (r == ZK_ENOENT) {
			*yes = false;
			r = ZK_OK;
		}
	}
	free(refs);
	return r;
}

/* Sending ------------------------------------------------------------------ */

static enum zk_err
copy(struct round *rd, struct vremote *vr, const struct op *op, bool known,
    int fd)
{
	struct upload_source src = { .fd = fd, .ask = known,
		.spare = fd < 0, .dead = UPLOAD_DEAD_ANEW };
	struct transport *from[SYNC_REMOTES_MAX];
	struct upload *u = NULL;
	uint64_t sent = 0;
	enum zk_err r = cuts_upload(rd, vr, &u);

	for (size_t i = 0; i < rd->remotes_n; i++)
		if (rd->remotes[i] != vr && rd->remotes[i]->err == ZK_OK)
			from[src.from_n++] = rd->remotes[i]->t;
	src.from = from;
	return r == ZK_OK ? upload_copy(u, &op->content, &src, &sent) : r;
}

enum zk_err
checkpoint_send(struct round *rd, struct vremote *vr, const struct op *op,
    bool known)
{
	struct vault *v = rd->v;
	struct cpstream s = { .env = NULL };
	struct cpcut cut;
	struct known k;
	bool counts = false;
	enum zk_err r = checkpoint_counts(v, &op->id, &counts);

	if (r != ZK_OK || !counts)
		return r;
	r = copy(rd, vr, op, known, -1);
	if (r != ZK_EGAP)
		return r;
	/* no remote has it: it is made again */
	known_init(&k);
	r = cpdb_newest(v->db, NULL, &k.c);
	while (r == ZK_OK && opid_cmp(&k.c.id, &op->id) != 0)
		r = older(v, &k.c);
	if (r == ZK_OK)
		r = known_load(v, &k);
	if (r == ZK_OK)
		r = cpcut_of(v, segcache_row(k.c.locator), k.body.data,
		    k.body.len, &cut);
	known_release(&k);
	if (r != ZK_OK)
		return r == ZK_ENOENT ? ZK_EGAP : r;
	r = cpstream_make(rd, &cut, &s);
	if (r == ZK_OK)
		r = copy(rd, vr, op, known, s.fd);
	cpstream_release(&s);
	cpcut_release(&cut);
	return r;
}

/*
 * Passes over one that is thin, and but for the first names no blobs; *more:
 * the next one may be such, too.
 */
static enum zk_err
skip_one(struct round *rd, struct vremote *vr, bool first, int64_t *ord,
    bool *more)
{
	struct db *db = rd->v->db;
	struct logdb_seg g = { 0 }, next = { 0 };
	int64_t id = 0;
	bool thin = false, inner = false;
	enum zk_err r = remotedb_lacks(db, vr->info.id, *ord, &id);

	*more = false;
	if (r == ZK_OK)
		r = logdb_by_id(db, id, &g);
	if (r == ZK_OK)
		r = cpdb_is_thin(db, id, &thin);
	if (r != ZK_OK || !thin || (g.blobs && !first))
		return r == ZK_ENOENT ? ZK_OK : r;
	/* where the next one of its log is thin, too, that one says it */
	r = logdb_from(db, g.log, g.seq + 1, &next);
	if (r == ZK_OK && memcmp(next.prev, g.hash, sizeof(g.hash)) == 0)
		r = cpdb_is_thin(db, next.id, &inner);
	if (r == ZK_ENOENT)
		r = ZK_OK;
	if (r == ZK_OK && !inner)
		r = transport_log_begin(vr->t, g.log, g.seq, g.hash);
	if (r == ZK_OK)
		r = remotedb_has_set(db, vr->info.id, g.hash);
	if (r == ZK_OK)
		r = transitdb_gone(db, vr->info.id, g.id);
	*ord = g.ord;
	*more = r == ZK_OK;
	return r;
}

enum zk_err
checkpoint_skip(struct round *rd, struct vremote *vr, int64_t *ord)
{
	struct db *db = rd->v->db;
	bool more = true, first = true;
	enum zk_err r = ZK_OK;

	while (r == ZK_OK && more && !round_stopped(rd)) {
		r = db_begin(db);
		for (unsigned i = 0; r == ZK_OK && more && i < SKIP_BATCH;
		    i++) {
			r = skip_one(rd, vr, first, ord, &more);
			first = false;
		}
		if (r == ZK_OK)
			r = db_commit(db);
		if (r != ZK_OK)
			db_rollback(db);
	}
	return r == ZK_OK && round_stopped(rd) ? ZK_ESIGNAL : r;
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
	if (r == ZK_OK)
		r = db_commit(db);
	if (r != ZK_OK)
		db_rollback(db);
	return r;
}

/* Where a log goes on once what is before that is gone. */
static enum zk_err
begin_at(void *arg, const struct logop_end *e)
{
	const struct vremote *vr = arg;

	return transport_log_begin(vr->t, e->log, e->seq, e->hash);
}

/*
 * Tells the remote where its logs go on, before anything goes, so that who
 * still has all of it and offers it again changes nothing.
 */
static enum zk_err
begin_all(struct round *rd, struct vremote *vr,
    const struct cpdb_checkpoint *c)
{
	struct known k;
	enum zk_err r = ZK_EBUG;

	known_init(&k);
	k.c = *c;
	r = known_load(rd->v, &k);
	if (r == ZK_OK)
		r = logop_cut_decode(k.body.data, k.body.len, begin_at, vr);
	known_release(&k);
	return r;
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
		bool thin = false;

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
		--*budget;
		out->segments++;
		r = begun ? ZK_OK : begin_all(rd, vr, c);
		begun = true;
		if (r == ZK_OK)
			r = logdb_by_id(db, row, &g);
		if (r == ZK_OK && !rd->o->dry_run)
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
