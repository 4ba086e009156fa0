/*
 * Local changes become ops of this device's log.
 *
 * Differences are made ready one by one (contents read, sealed, on their way
 * to the remote) until a segment's worth is there; then they are recorded,
 * with base brought up to date, in one transaction.  A kill between two
 * leaves base and log agreeing; the next scan finds the rest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/emit.h"
#include "store/aliasdb.h"
#include "store/outdb.h"
#include "store/store.h"
#include "sync/alias.h"
#include "sync/aside.h"
#include "sync/checkpoint.h"
#include "sync/cuts.h"
#include "sync/entry.h"
#include "sync/gather.h"
#include "sync/prepare.h"
#include "sync/round.h"
#include "sync/rulewatch.h"
#include "sync/segw.h"
#include "sync/unsent.h"
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

struct recorder {
	struct round *rd;
	struct segw *w;
	struct buf old, seen, refs, dir, name;	/* scratch */
	uint64_t removed;
};

/* Copies a row's seen to r->old, and gives the row. */
static enum zk_err
load_old(struct recorder *r, int64_t row, struct base_entry *e)
{
	size_t n = 0;
	const uint8_t *p = NULL;
	enum zk_err err = base_get(r->rd->v->db, row, e);

	buf_reset(&r->old);
	if (err != ZK_OK)
		return err;
	p = refs_seen(e->refs, e->refs_len, &n);
	return buf_put(&r->old, p, n);
}

/* The row of the directory that path lies in, and its seen in r->dir. */
static enum zk_err
load_dir(struct recorder *r, const struct prepared *p, int64_t *row,
    struct emit_at *at)
{
	const char *slash = strrchr(p->path, '/');
	struct base_entry e;
	enum zk_err err = ZK_OK;
	size_t n = 0;
	const uint8_t *seen = NULL;

	memset(at, 0, sizeof(*at));
	at->name = (const uint8_t *)(slash == NULL ? p->path : slash + 1);
	at->name_len = strlen((const char *)at->name);
	*row = BASE_ROOT;
	buf_reset(&r->dir);
	if (slash == NULL)
		return ZK_OK;
	err = buf_put(&r->dir, p->path, (size_t)(slash - p->path));
	if (err == ZK_OK)
		err = base_find_path(r->rd->v->db, buf_cstr(&r->dir), &e);
	/* its directory was skipped, or has gone meanwhile: next time */
	if (err == ZK_ENOENT)
		return ZK_EPARTIAL;
	if (err != ZK_OK)
		return err;
	*row = e.id;
	seen = refs_seen(e.refs, e.refs_len, &n);
	buf_reset(&r->dir);
	err = buf_put(&r->dir, seen, n);
	at->dir_seen = r->dir.data;
	at->dir_seen_len = r->dir.len;
	return err;
}

/*
 * Another row may still be at the place: its entry has moved (in a circle,
 * or into what is new here) or gone, which is recorded later.  Until then it
 * waits at a name that no entry can have, where the next scan would find it.
 */
static enum zk_err
make_room(struct recorder *r, int64_t self, int64_t dir,
    const struct emit_at *at)
{
	struct base_entry e;
	char aside[64];
	int n = 0;
	enum zk_err err = base_find(r->rd->v->db, dir, at->name,
	    at->name_len, &e);

	if (err != ZK_OK || e.id == self)
		return err == ZK_ENOENT ? ZK_OK : err;
	n = snprintf(aside, sizeof(aside), ASIDE_NAME "%lld",
	    (long long)e.id);
	return base_move(r->rd->v->db, e.id, BASE_ROOT, aside, (size_t)n);
}

/* The mode to record: a tree is always open to its owner. */
static uint16_t
mode_of(const struct prepared *p)
{
	return (uint16_t)((p->st.mode & 0777) |
	    (p->d.kind == NODE_TREE ? 0700 : 0));
}

/* Writes the row of p: at (dir, name), standing for r->seen. */
static enum zk_err
write_row(struct recorder *r, const struct prepared *p, int64_t row,
    int64_t dir, const struct emit_at *at, uint64_t locator)
{
	struct entry_keys keys = { NULL, 0 };
	struct base_entry e = { .id = row, .parent = dir, .name = at->name,
		.name_len = at->name_len, .kind = p->d.kind, .st = p->st,
		.mode = mode_of(p), .mtime = p->st.mtime };
	enum zk_err err = refs_make(&r->refs, locator, r->seen.data,
	    r->seen.len);

	if (err == ZK_OK)
		err = entry_keys_make(r->seen.data, r->seen.len, &keys);
	if (err == ZK_OK) {
		e.flags = p->racy ? BASE_RACY : 0;
		e.size = p->read ? p->content.size : 0;
		if (p->read)
			memcpy(e.hash, p->content.hash, sizeof(e.hash));
		e.nodes = p->copy ? &p->key : keys.id;
		e.nodes_n = p->copy ? 1 : keys.n;
		e.refs = r->refs.data;
		e.refs_len = r->refs.len;
		err = base_put(r->rd->v->db, &e);
	}
	entry_keys_release(&keys);
	return err;
}

static void
describe(const struct prepared *p, struct emit_file *f)
{
	memset(f, 0, sizeof(*f));
	f->kind = p->d.kind;
	f->has_mode = p->d.kind != NODE_SYMLINK;
	f->mode = mode_of(p);
	f->has_mtime = p->d.kind == NODE_FILE || p->d.kind == NODE_SYMLINK;
	f->mtime_sec = p->st.mtime.sec;
	f->mtime_nsec = p->st.mtime.nsec;
	f->content = p->read ? &p->content : NULL;
}

/*
 * What is new here is in the merged tree already, and nothing is said of it.
 * But what an earlier round may have recorded as gone from elsewhere was moved
 * here: it stays, also if those who had it here move or remove it.
 */
static enum zk_err
adopt(struct recorder *r, const struct prepared *p)
{
	bool moved = false;
	enum zk_err err = p->copy || !p->read ? ZK_OK :
	    outdb_has(r->rd->v->db, p->content.hash, &moved);

	if (err == ZK_OK && moved)
		return emit_keep(segw_emit(r->w), p->seen.data, p->seen.len,
		    &r->seen);
	return err == ZK_OK ? buf_put(&r->seen, p->seen.data, p->seen.len) :
	    err;
}

static enum zk_err
record_new(struct recorder *r, const struct prepared *p)
{
	struct emit_at at, place;
	struct emit_file f;
	int64_t dir = 0;
	uint64_t locator = 0;
	enum zk_err err = load_dir(r, p, &dir, &at);

	if (err == ZK_OK)
		err = make_room(r, p->d.row, dir, &at);
	if (err != ZK_OK)
		return err;
	buf_reset(&r->seen);
	if (p->adopt) {
		err = adopt(r, p);
		locator = p->locator;
	} else {
		describe(p, &f);
		err = alias_place(r->rd->v->db, p->d.row, &at, &r->name,
		    &place);
		if (err == ZK_OK)
			err = emit_create(segw_emit(r->w), &place, &f,
			    &r->seen);
		locator = p->read ? segw_locator(r->w) : 0;
		round_count(r->rd, p->d.kind, p->content.size);
	}
	return err == ZK_OK ? write_row(r, p, p->d.row, dir, &at, locator) :
	    err;
}

/* Content, mode or times of a row, at its place; moved: counted already. */
static enum zk_err
record_edit(struct recorder *r, const struct prepared *p, bool moved)
{
	struct base_entry e;
	struct emit_at at, place;
	struct emit_file f, whole;
	int64_t dir = 0;
	uint64_t locator = 0;
	bool same = false, gone = false;
	enum zk_err err = load_dir(r, p, &dir, &at);

	if (err == ZK_OK)
		err = alias_place(r->rd->v->db, p->d.row, &at, &r->name,
		    &place);
	if (err == ZK_OK)
		err = load_old(r, p->d.row, &e);
	if (err != ZK_OK)
		return err;
	describe(p, &f);
	whole = f;
	same = !p->read || (e.size == p->content.size &&
	    memcmp(e.hash, p->content.hash, sizeof(e.hash)) == 0);
	/* with what was removed elsewhere the content comes back, too */
	if (same && p->read)
		err = checkpoint_left_out(r->rd->v, r->old.data, r->old.len,
		    &gone);
	if (err != ZK_OK)
		return err;
	same &= !gone;
	if (same)
		f.content = NULL;
	f.has_mode = f.has_mode && e.mode != f.mode;
	f.has_mtime = f.has_mtime && (e.mtime.sec != f.mtime_sec ||
	    e.mtime.nsec != f.mtime_nsec);
	locator = refs_locator(e.refs, e.refs_len);
	if (same && !f.has_mode && !f.has_mtime)
		return base_set_stat(r->rd->v->db, e.id, &p->st,
		    (e.flags & ~(unsigned)BASE_RACY) |
		    (p->racy ? BASE_RACY : 0));
	buf_reset(&r->seen);
	err = emit_edit(segw_emit(r->w), r->old.data, r->old.len, &place, &f,
	    &whole, &r->seen);
	if (!same)
		locator = segw_locator(r->w);
	if (!moved)
		round_count(r->rd, p->d.kind, 0);
	if (!same)
		r->rd->rep->bytes += p->content.size;
	return err == ZK_OK ? write_row(r, p, p->d.row, dir, &at, locator) :
	    err;
}

static enum zk_err
record_move(struct recorder *r, const struct prepared *p)
{
	struct vault *v = r->rd->v;
	struct base_entry e;
	struct emit_at at, place;
	struct emit_file was;
	struct entry_keys keys = { NULL, 0 };
	int64_t dir = 0;
	enum zk_err err = load_dir(r, p, &dir, &at);

	if (err == ZK_OK)
		err = alias_place(r->rd->v->db, p->d.row, &at, &r->name,
		    &place);
	if (err == ZK_OK)
		err = load_old(r, p->d.row, &e);
	if (err != ZK_OK)
		return err;
	describe(p, &was);
	was.mode = e.mode;
	was.mtime_sec = e.mtime.sec;
	was.mtime_nsec = e.mtime.nsec;
	buf_reset(&r->seen);
	err = emit_move(segw_emit(r->w), r->old.data, r->old.len, &place, &was,
	    &r->seen);
	if (err == ZK_OK)
		err = refs_make(&r->refs, refs_locator(e.refs, e.refs_len),
		    r->seen.data, r->seen.len);
	if (err == ZK_OK)
		err = entry_keys_make(r->seen.data, r->seen.len, &keys);
	if (err == ZK_OK)
		err = make_room(r, p->d.row, dir, &at);
	if (err == ZK_OK)
		err = base_move(v->db, p->d.row, dir, at.name, at.name_len);
	if (err == ZK_OK)
		err = base_set_refs(v->db, p->d.row, keys.id, keys.n,
		    r->refs.data, r->refs.len);
	entry_keys_release(&keys);
	round_count(r->rd, p->d.kind, 0);
	/* mode, times and content may have changed on the way */
	return err == ZK_OK ? record_edit(r, p, true) : err;
}

static enum zk_err
record_remove(struct recorder *r, const struct prepared *p)
{
	struct base_entry e;
	enum zk_err err = load_old(r, p->d.row, &e);

	/* what was kept stood for nothing */
	if (err != ZK_OK || r->old.len == 0)
		return err;
	err = unsent_take_back(r->rd->v, r->w, e.size, &r->old);
	if (err != ZK_OK)
		return err;
	err = emit_remove(segw_emit(r->w), r->old.data, r->old.len);
	if (err != ZK_OK || p->d.what == DIFF_TAKEN)
		return err;
	/* it may be where this round does not look */
	if (r->rd->paths_n > 0 && e.kind != NODE_DIR)
		err = outdb_put(r->rd->v->db, e.hash);
	r->rd->rep->deleted++;
	r->removed++;
	return err;
}

static enum zk_err
record_one(struct recorder *r, const struct prepared *p)
{
	struct emit_at at;
	int64_t dir = 0;
	enum zk_err err = ZK_OK;

	log_debug("difference %d at '%s'%s", p->d.what, p->path,
	    p->adopt ? ", adopted" : "");
	switch (p->d.what) {
	case DIFF_NEW:
	case DIFF_KEPT:
		return record_new(r, p);
	case DIFF_CHANGED:
	case DIFF_ATTR:
		return record_edit(r, p, false);
	case DIFF_MOVED:
		return record_move(r, p);
	case DIFF_KIND:
		/* neither, where the new one cannot be said yet */
		err = load_dir(r, p, &dir, &at);
		if (err == ZK_OK)
			err = record_remove(r, p);
		return err == ZK_OK ? record_new(r, p) : err;
	case DIFF_VANISHED:
	case DIFF_TAKEN:
		err = record_remove(r, p);
		return err == ZK_OK ?
		    base_remove(r->rd->v->db, p->d.row) : err;
	default:
		return ZK_EBUG;
	}
}

/*
 * Whether the ops of one difference went beyond the entry itself: a keep on
 * a directory above, children of a directory that unites.  Base then lacks
 * what these entries now stand for, until the next landing tells it.
 */
static bool
went_beyond(struct recorder *r, uint8_t what, uint64_t before)
{
	static const uint32_t own[] = {
		[DIFF_NEW] = 1u << OP_CREATE,
		[DIFF_KEPT] = 1u << OP_CREATE,
		[DIFF_MOVED] = 1u << OP_MOVE | 1u << OP_EDIT | 1u << OP_ATTR,
		[DIFF_KIND] = 1u << OP_REMOVE | 1u << OP_CREATE,
		[DIFF_CHANGED] = 1u << OP_EDIT | 1u << OP_ATTR,
		[DIFF_ATTR] = 1u << OP_ATTR,
		[DIFF_VANISHED] = 1u << OP_REMOVE
	};
	uint32_t types = segw_types(r->w);

	/* what leaves may have been all that a removed directory lived by */
	if (what == DIFF_VANISHED || what == DIFF_TAKEN ||
	    what == DIFF_MOVED)
		return true;
	return (types & ~(own[what] | 1u << OP_LOG |
	    1u << OP_NAME)) != 0 || segw_count(r->w) - before > 4;
}

/* Everything of a batch in one transaction. */
static enum zk_err
record_batch(struct round *rd, struct batch *b)
{
	struct vault *v = rd->v;
	struct recorder r = { .rd = rd };
	uint64_t tree = 0;
	enum zk_err err = base_count(v->db, &tree);

	buf_init(&r.old, 1 << 24);
	buf_init(&r.seen, 1 << 24);
	buf_init(&r.refs, 1 << 24);
	buf_init(&r.dir, 1 << 24);
	buf_init(&r.name, 4096);
	if (err == ZK_OK)
		err = db_begin(v->db);
	if (err == ZK_OK)
		err = segw_begin(v, &r.w);
	for (size_t i = 0; err == ZK_OK && i < b->n; i++) {
		uint64_t before = segw_count(r.w);

		err = record_one(&r, b->p[i]);
		rd->beyond |= went_beyond(&r, b->p[i]->d.what, before);
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
	buf_release(&r.old);
	buf_release(&r.seen);
	buf_release(&r.refs);
	buf_release(&r.dir);
	buf_release(&r.name);
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
