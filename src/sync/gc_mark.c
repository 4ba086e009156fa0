/* What is still needed, and what is not.  See gc.h. */
#include <stdlib.h>
#include <string.h>

#include "format/compress.h"
#include "format/manifest.h"
#include "format/op.h"
#include "format/segment.h"
#include "format/thin.h"
#include "store/cpdb.h"
#include "store/gcdb.h"
#include "store/logdb.h"
#include "store/msgdb.h"
#include "sync/blobget.h"
#include "sync/checkpoint.h"
#include "sync/gc.h"
#include "sync/segcache.h"
#include "util/log.h"

#define STRAY_PAGE 512

/* All ops of all segments ------------------------------------------------- */

static enum zk_err
take_content(void *arg, const struct op *op)
{
	struct gc_mark *m = arg;
	bool alone = op->type == OP_CREATE || op->type == OP_MSG;
	struct gcscan_content c = { .id = op->id,
		.node = alone ? op->id : op->node,
		.locator = op->content.locator };

	memcpy(c.hash, op->content.hash, sizeof(c.hash));
	return gcscan_content_put(m->scan, &c);
}

static enum zk_err
take_one(void *arg, const struct op *op, const struct logop_alias *blob,
    bool lasting)
{
	struct gc_mark *m = arg;
	struct gcscan_alias a = { .size = blob->stored_len, .ms = m->ms };
	bool fresh = false;

	(void)op;
	if (lasting)
		return gcscan_add(m->scan, GCSCAN_NEED, blob->name, &fresh);
	m->aliases = true;
	memcpy(a.hash, blob->hash, sizeof(a.hash));
	memcpy(a.name, blob->name, sizeof(a.name));
	return gcscan_alias_put(m->scan, &a);
}

static enum zk_err
over_all(struct gc_mark *m, const struct opid *refs, size_t n)
{
	enum zk_err r = ZK_OK;

	for (size_t i = 0; r == ZK_OK && i < n; i++)
		r = gcscan_over(m->scan, &refs[i], m->ms);
	return r;
}

/* What makes a message needless: its time. */
static enum zk_err
take_message(struct gc_mark *m, const struct op *op)
{
	struct msgdb_channel ch = { .c = 0 };
	struct msg_op msg;
	enum zk_err r = msgop_decode(op, &msg);

	if (r == ZK_OK)
		r = msgdb_find(m->rd->v->db, msg.channel, msg.channel_len,
		    &ch);
	if (r == ZK_OK && ch.expiry > 0)
		r = gcscan_over(m->scan, &op->id,
		    m->ms + (int64_t)(ch.expiry * 1000));
	/* a void one is given out by nobody, and stays */
	return r == ZK_ENOENT || r == ZK_EREFUSED ? ZK_OK : r;
}

static enum zk_err
take_op(struct gc_mark *m, const struct op *op)
{
	const struct gc_refs to = { m, take_content, take_one };
	struct opid split;
	enum zk_err r = gc_refs(op, &to);

	if (r == ZK_OK && op->type == OP_MSG)
		return take_message(m, op);
	if (r != ZK_OK || op->type > OP_SPLIT)
		return r;
	/* what takes its place there does not take that of what was split */
	for (size_t i = 0; r == ZK_OK && op->type == OP_SPLIT &&
	    i < op->content_refs_n; i++) {
		tree_split_id(m->rd->v->tree, &op->content_refs[i], &split);
		r = gcscan_split(m->scan, &op->content_refs[i], &split);
	}
	if (r != ZK_OK)
		return r;
	r = over_all(m, op->content_refs, op->content_refs_n);
	/* a removal names each op once, in whichever list */
	if (r == ZK_OK && op->type == OP_REMOVE)
		r = over_all(m, op->place_refs, op->place_refs_n);
	if (r == ZK_OK && op->type == OP_REMOVE)
		r = over_all(m, op->attr_refs, op->attr_refs_n);
	return r;
}

/*
 * When an op came: by the clock of this device when it noted so, and by what
 * its writer says, whichever is later.  A clock that was wrong once may keep
 * something for too long, and two must have been to keep it too short.
 */
static enum zk_err
take_segment(struct gc_mark *m, const struct logdb_seg *g)
{
	struct vault *v = m->rd->v;
	struct seg_keys keys = { records_find_epoch, v };
	struct seg *s = NULL;
	struct op op;
	int64_t came = 0;
	struct buf b;
	enum zk_err r = gcdb_came(v->db, g->ord, &came);

	if (r == ZK_ENOENT) {
		came = m->now;
		r = ZK_OK;
	}
	buf_init(&b, SEG_HELD_MAX);
	if (r == ZK_OK)
		r = logdb_data(v->db, g->id, &b);
	if (r == ZK_OK)
		r = seg_open_held(b.data, b.len, vault_id(v), &keys, &s);
	for (size_t i = 0; r == ZK_OK && i < seg_count(s); i++) {
		r = seg_next(s, &op);
		if (r == ZK_EREFUSED) {
			r = ZK_OK;
			continue;
		}
		op.content.locator = segcache_locator(g->id, i);
		m->ms = op.wall_ms > came ? op.wall_ms : came;
		if (r == ZK_OK)
			r = take_op(m, &op);
	}
	seg_free(s);
	buf_release(&b);
	return r;
}

static enum zk_err
take_all(struct gc_mark *m)
{
	struct logdb_seg g = { 0 };
	enum zk_err r = ZK_OK;

	while (r == ZK_OK) {
		if (round_stopped(m->rd))
			return ZK_ESIGNAL;
		r = logdb_next(m->rd->v->db, g.ord, &g);
		if (r == ZK_OK && !g.ack)
			r = take_segment(m, &g);
	}
	return r == ZK_ENOENT ? gcscan_settle(m->scan) : r;
}

/* The blobs of one content ------------------------------------------------ */

/*
 * Whether a blob is dead by an op of which it can be known who heard it, as it
 * cannot in a log with two histories.
 */
static enum zk_err
is_dead(struct vault *v, const uint8_t name[static GC_NAME_LEN], bool *yes)
{
	struct logdb_seg g = { 0 };
	int64_t seg = 0;
	bool forked = false, ours = false;
	enum zk_err r = gcdb_dead_by(v->db, name, &seg);

	*yes = r == ZK_OK;
	if (r == ZK_OK)
		r = logdb_by_id(v->db, seg, &g);
	if (r == ZK_OK)
		r = gc_forked(v, g.log, &forked);
	/* nor would it be of ours */
	if (r == ZK_OK && forked)
		r = gc_forked(v, v->log_id, &ours);
	*yes &= !forked || ours;
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* A blob that nothing needs, unless it is dead or found before. */
enum zk_err
gc_waste_put(struct gc_mark *m, const uint8_t name[static GC_NAME_LEN],
    uint64_t size)
{
	bool has = false, fresh = false;
	enum zk_err r = gcscan_has(m->scan, GCSCAN_NEED, name, &has);

	if (r == ZK_OK && !has)
		r = is_dead(m->rd->v, name, &has);
	if (r != ZK_OK || has)
		return r;
	if (m->waste_n == m->max) {
		m->more = true;
		m->all = false;
		return ZK_OK;
	}
	r = gcscan_add(m->scan, GCSCAN_WASTE, name, &fresh);
	if (r != ZK_OK || !fresh)
		return r;
	memcpy(m->waste[m->waste_n].name, name, GC_NAME_LEN);
	m->waste[m->waste_n++].size = size;
	return ZK_OK;
}

static enum zk_err
blob(struct gc_mark *m, const struct chunk_ref *ref)
{
	bool fresh = false;
	enum zk_err r = ZK_OK;

	if (!m->needed)
		return gc_waste_put(m, ref->name, ref->stored_len);
	r = gcscan_add(m->scan, GCSCAN_NEED, ref->name, &fresh);
	if (r == ZK_OK && m->aliases)
		r = gcscan_add(m->scan, GCSCAN_HASH, ref->hash, &fresh);
	return r;
}

/* A manifest_fetch_fn: a part is a blob, too. */
static enum zk_err
part(void *arg, unsigned level, const struct chunk_ref *ref,
    struct buf *plain)
{
	struct gc_mark *m = arg;
	struct chunk_ctx ctx = { vault_id(m->rd->v), level };
	enum zk_err r = blobget_open(m->rd->v->db, m->from, m->from_n, m->z,
	    &ctx, ref, plain);

	return r == ZK_OK ? blob(m, ref) : r;
}

/* All blobs of a content.  ZK_EGAP: which these are cannot be read. */
static enum zk_err
walk_content(struct gc_mark *m, const struct content *c)
{
	struct manifest_reader *reader = NULL;
	struct manifest_entry e = { .off = 0 };
	enum zk_err r = manifest_reader_new(c->data, c->data_len, part, m,
	    &reader);

	while (r == ZK_OK) {
		r = manifest_next(reader, &e);
		if (r == ZK_OK)
			r = blob(m, &e.ref);
	}
	chunk_ref_wipe(&e.ref);
	manifest_reader_free(reader);
	return r == ZK_ENOENT ? ZK_OK : r;
}

static enum zk_err
walk(struct gc_mark *m, uint64_t locator)
{
	struct content c;
	enum zk_err r = segcache_content(m->rd->v, locator, &c);

	return r == ZK_OK ? walk_content(m, &c) : r;
}

/* Whether a failure is about one content alone. */
static bool
its_own(enum zk_err r)
{
	return r != ZK_OK && r != ZK_ENOMEM && r != ZK_ESIGNAL &&
	    r != ZK_EBUG && r != ZK_EIO && r != ZK_EDISKFULL;
}

/*
 * It is at a path or a message that counts; or was until a time within the
 * window; or it is not known since when it is not; or other versions of the
 * file are there beside each other, which may have to be merged from it
 * (zk-merge(7)).
 */
static enum zk_err
is_needed(struct gc_mark *m, const struct gcscan_content *c, bool *needed)
{
	struct vault *v = m->rd->v;
	enum zk_err r = tree_shows(v->tree, &c->id, needed);

	if (r == ZK_ENOENT)
		r = ZK_OK;
	if (r != ZK_OK || *needed)
		return r;
	*needed = !c->over || c->over_ms > m->now - m->window;
	return *needed ? ZK_OK : gcdb_several(v->db, &c->node, needed);
}

/* The contents that are needed first, then the others. */
static enum zk_err
walk_all(struct gc_mark *m, bool needed)
{
	struct gcscan_content c;
	int64_t row = 0;
	bool is = false, done = false;
	enum zk_err r = ZK_OK;

	m->needed = needed;
	while (r == ZK_OK) {
		if (round_stopped(m->rd))
			return ZK_ESIGNAL;
		r = gcscan_content_next(m->scan, &row, &c);
		if (r == ZK_OK)
			r = is_needed(m, &c, &is);
		if (r == ZK_OK && !needed && !is)
			r = gcdb_done(m->rd->v->db, &c.id, &done);
		if (r != ZK_OK || is != needed || (!needed && done))
			continue;
		m->all = true;
		r = walk(m, c.locator);
		if (its_own(r) && needed) {
			log_error(ZK_EGAP, NULL, "the list of blobs of a "
			    "large file or message cannot be read (%s): "
			    "nothing can be deleted", err_text(r));
			return ZK_EGAP;
		}
		/* what it names stays, then */
		if (its_own(r))
			m->all = false;
		if (its_own(r))
			r = ZK_OK;
		if (r != ZK_OK || needed || !m->all)
			continue;
		if (m->done_n == m->done_cap) {
			size_t cap = m->done_cap == 0 ? 64 : m->done_cap * 2;
			struct opid *p = realloc(m->done, cap * sizeof(*p));

			if (p == NULL)
				return ZK_ENOMEM;
			m->done = p;
			m->done_cap = cap;
		}
		m->done[m->done_n++] = c.id;
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* Those of checkpoints: one whose place another has taken goes at once. */
static enum zk_err
checkpoint_all(struct gc_mark *m, bool needed)
{
	struct db *db = m->rd->v->db;
	struct cpdb_checkpoint k;
	struct content c;
	struct buf body, data;
	enum zk_err r = cpdb_newest(db, NULL, &k);

	buf_init(&body, OP_BODY_MAX);
	buf_init_secret(&data, OP_DATA_MAX);
	m->needed = needed;
	while (r == ZK_OK) {
		struct opid below = k.id;
		bool counts = false;

		r = checkpoint_counts(m->rd->v, &k.id, &counts);
		if (r == ZK_OK)
			r = cpdb_load(db, &k.id, &body, &c, &data);
		if (r == ZK_OK && counts == needed &&
		    c.form == CONTENT_MANIFEST)
			r = walk_content(m, &c);
		m->unread |= needed && its_own(r);
		/* what it names stays, or is to be found when it is needed */
		if (its_own(r))
			r = ZK_OK;
		if (r == ZK_OK)
			r = cpdb_newest(db, &below, &k);
	}
	buf_release(&body);
	buf_release(&data);
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* Other locations: needed as long as their plaintext is, or they are new. */
static enum zk_err
alias_all(struct gc_mark *m, bool needed)
{
	struct gcscan_alias a;
	int64_t row = 0;
	bool fresh = false, is = false;
	enum zk_err r = ZK_OK;

	while (r == ZK_OK) {
		r = gcscan_alias_next(m->scan, &row, &a);
		if (r == ZK_OK)
			r = gcscan_has(m->scan, GCSCAN_HASH, a.hash, &is);
		is |= a.ms > m->now - m->window;
		if (r != ZK_OK || is != needed)
			continue;
		r = needed ? gcscan_add(m->scan, GCSCAN_NEED, a.name,
		    &fresh) : gc_waste_put(m, a.name, a.size);
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* One blob that this device sealed, and that no op names, for a window. */
static enum zk_err
stray(struct gc_mark *m, const struct gcdb_dead *c)
{
	struct db *db = m->rd->v->db;
	int64_t since = 0;
	bool has = false;
	enum zk_err r = gcscan_has(m->scan, GCSCAN_NEED, c->name, &has);

	if (r == ZK_OK && has)
		return gcdb_no_stray(db, c->name);
	if (r == ZK_OK)
		r = gcscan_has(m->scan, GCSCAN_WASTE, c->name, &has);
	if (r != ZK_OK || has)
		return r;
	r = gcdb_stray(db, c->name, m->now, &since);
	if (r == ZK_OK && since <= m->now - m->window)
		r = gc_waste_put(m, c->name, c->size);
	return r;
}

/* What interrupted pushes left behind, after one that nobody took up. */
static enum zk_err
stray_all(struct gc_mark *m)
{
	struct db *db = m->rd->v->db;
	struct gcdb_dead *page = calloc(STRAY_PAGE, sizeof(*page));
	uint8_t after[GCDB_NAME_LEN] = { 0 };
	size_t n = STRAY_PAGE;
	enum zk_err r = page == NULL ? ZK_ENOMEM : ZK_OK;

	while (r == ZK_OK && n == STRAY_PAGE) {
		r = gcdb_chunks(db, after, page, STRAY_PAGE, &n);
		if (r != ZK_OK || n == 0)
			break;
		memcpy(after, page[n - 1].name, sizeof(after));
		r = db_begin(db);
		for (size_t i = 0; r == ZK_OK && i < n; i++)
			r = stray(m, &page[i]);
		r = db_end(db, r);
	}
	free(page);
	return r;
}

enum zk_err
gc_mark_new(struct round *rd, size_t max, struct gc_mark **out)
{
	struct gc_mark *m = calloc(1, sizeof(*m));
	unsigned days = 0;
	enum zk_err r = m == NULL ? ZK_ENOMEM :
	    sync_history_days(rd->v, &days);

	*out = NULL;
	if (m == NULL)
		return r;
	m->rd = rd;
	m->max = max;
	m->now = env_now_ms(rd->v->env);
	m->window = days * SYNC_DAY_MS;
	m->waste = calloc(max + 1, sizeof(*m->waste));
	for (size_t i = 0; i < rd->remotes_n; i++)
		if (rd->remotes[i]->err == ZK_OK)
			m->from[m->from_n++] = rd->remotes[i]->t;
	if (r == ZK_OK && m->waste == NULL)
		r = ZK_ENOMEM;
	if (r == ZK_OK)
		r = compress_new(&m->z);
	if (r == ZK_OK)
		r = gcscan_new(&m->scan);
	if (r == ZK_OK)
		r = take_all(m);
	if (r == ZK_OK)
		r = walk_all(m, true);
	if (r == ZK_OK)
		r = checkpoint_all(m, true);
	if (r == ZK_OK)
		r = alias_all(m, true);
	if (r == ZK_OK)
		r = walk_all(m, false);
	if (r == ZK_OK)
		r = checkpoint_all(m, false);
	if (r == ZK_OK)
		r = alias_all(m, false);
	/* with more than max found, not all of it is known */
	if (r == ZK_OK && !m->more && !m->unread)
		r = stray_all(m);
	if (r == ZK_OK)
		*out = m;
	else
		gc_mark_free(m);
	return r;
}

void
gc_mark_free(struct gc_mark *m)
{
	if (m == NULL)
		return;
	gcscan_free(m->scan);
	compress_free(m->z);
	free(m->waste);
	free(m->done);
	free(m);
}
