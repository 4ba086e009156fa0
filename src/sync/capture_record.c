/* Ops of one local change, and its row.  See capture_int.h. */
#include "sync/capture_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/emit.h"
#include "store/outdb.h"
#include "sync/alias.h"
#include "sync/aside.h"
#include "sync/checkpoint.h"
#include "sync/cuts.h"
#include "sync/entry.h"
#include "sync/unsent.h"
#include "util/log.h"

void
recorder_init(struct recorder *r, struct round *rd)
{
	*r = (struct recorder){ .rd = rd };
	buf_init(&r->old, 1 << 24);
	buf_init(&r->seen, 1 << 24);
	buf_init(&r->refs, 1 << 24);
	buf_init(&r->dir, 1 << 24);
	buf_init(&r->name, 4096);
}

void
recorder_release(struct recorder *r)
{
	buf_release(&r->old);
	buf_release(&r->seen);
	buf_release(&r->refs);
	buf_release(&r->dir);
	buf_release(&r->name);
}

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

/*
 * A file, seen as in r->old, that was removed elsewhere: where a move or a mode
 * would bring back another content, which may be nowhere by now, it becomes a
 * file of its own, and what others want of the one that was removed is as
 * before.  *done: so it did.
 */
static enum zk_err
record_anew(struct recorder *r, const struct prepared *p, bool *done)
{
	struct prepared alone = *p;
	enum zk_err err = ZK_OK;

	*done = false;
	if (p->read)
		err = emit_other_back(segw_emit(r->w), r->old.data,
		    r->old.len, done);
	if (err != ZK_OK || !*done)
		return err;
	alone.content.merge = MERGE_COPY;
	alone.content.script = NULL;
	alone.content.script_len = 0;
	return record_new(r, &alone);
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
	bool same = false, gone = false, anew = false;
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
	if (same && !moved)
		err = record_anew(r, p, &anew);
	if (err != ZK_OK || anew)
		return err;
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
	bool anew = false;
	enum zk_err err = load_dir(r, p, &dir, &at);

	if (err == ZK_OK)
		err = alias_place(r->rd->v->db, p->d.row, &at, &r->name,
		    &place);
	if (err == ZK_OK)
		err = load_old(r, p->d.row, &e);
	if (err == ZK_OK)
		err = record_anew(r, p, &anew);
	if (err != ZK_OK || anew)
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

enum zk_err
recorder_one(struct recorder *r, const struct prepared *p)
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
bool
recorder_went_beyond(struct recorder *r, uint8_t what, uint64_t before)
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
