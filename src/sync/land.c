/*
 * From the merged tree to the disk: gather, plan, apply, until nothing is
 * left to do.
 */
#include <stdlib.h>
#include <string.h>

#include "crdt/list.h"
#include "format/compress.h"
#include "store/store.h"
#include "sync/ahead.h"
#include "sync/alias.h"
#include "sync/aside.h"
#include "sync/cuts.h"
#include "sync/download.h"
#include "sync/gather.h"
#include "sync/round.h"
#include "sync/rulewatch.h"
#include "tree/apply.h"
#include "tree/trash.h"
#include "util/log.h"
#include "util/path.h"

#define LAND_ROUNDS 8		/* plans in one run, at most, */
#define LAND_NAMES 200		/* and those that found out of names */

struct land {
	struct round *rd;
	struct download *d;
	struct ahead *ahead;		/* contents of the batch at hand */
	struct compress_set *z;		/* for the threads that unpack */
	struct apply_result res;	/* of the last portion */
	bool held;			/* the brake held removals back */
	bool again;			/* something changed under way */
	bool rules;			/* ignore patterns were written */
	bool stop;			/* a wider scan comes first */
	bool failed;
	bool trashed;
	bool passing;			/* an alias may be there no longer */
	uint64_t done, learned;		/* of the last look */
};

/* apply_ops.content */
static enum zk_err
content(void *ctx, const struct plan_goal *g, struct buf *out)
{
	struct land *l = ctx;
	struct content c;
	enum zk_err r = round_stopped(l->rd) ? ZK_ESIGNAL :
	    land_staged(l->rd, g->hash, out);

	if (r == ZK_ENOENT)
		r = ahead_get(l->ahead, g->handle & ~GATHER_MADE_NAME, out);
	if (r != ZK_ENOENT)
		return r;
	r = segcache_content(l->rd->v, g->handle & ~GATHER_MADE_NAME, &c);
	return r == ZK_OK ? download_bytes(l->d, &c, out) : r;
}

/* apply_ops.packed: what lies inside its op. */
static enum zk_err
packed(void *ctx, const struct plan_goal *g, struct buf *out)
{
	struct land *l = ctx;
	struct content c;
	enum zk_err r = round_stopped(l->rd) ? ZK_ESIGNAL :
	    segcache_content(l->rd->v, g->handle & ~GATHER_MADE_NAME, &c);

	if (r == ZK_OK && (c.form != CONTENT_INLINE || c.size != g->size))
		r = ZK_ENOENT;
	if (r != ZK_OK)
		return r;
	round_moved(l->rd, SYNC_APPLY, c.size);
	return buf_put(out, c.data, c.data_len);
}

/* apply_ops.unpack; what comes out is hashed by apply. */
static enum zk_err
unpack(void *ctx, const struct plan_goal *g, const struct buf *in,
    struct buf *out)
{
	struct land *l = ctx;
	struct compress *z = compress_set_take(l->z);
	enum zk_err r = z == NULL ? ZK_ENOMEM : compress_unpack(z, in->data,
	    in->len, g->size, out);

	if (z != NULL)
		compress_set_give(l->z, z);
	return r == ZK_EFORMAT || r == ZK_ELIMIT ? ZK_ETAMPER : r;
}

/* apply_ops.prefetch: only what may not be inside its op. */
static void
prefetch(void *ctx, const struct plan_goal *const *g, size_t n)
{
	struct land *l = ctx;
	enum zk_err r = ZK_OK;

	ahead_reset(l->ahead);
	for (size_t i = 0; r == ZK_OK && i < n && !l->rd->staged; i++)
		if (g[i]->size > UPLOAD_INLINE_MAX)
			r = ahead_add(l->ahead,
			    g[i]->handle & ~GATHER_MADE_NAME, g[i]->size);
}

/* A large file being written: contents are copied, the cache may move on. */
struct large {
	struct apply_item *item;
	struct content c, old;
	struct buf data, old_data;
	bool has_old;
};

struct larges {
	struct large *p;
	size_t n, next;
	struct land *land;
};

/* ahead_opts.content */
static enum zk_err
ahead_content(void *arg, uint64_t key, struct content *c, struct buf *data)
{
	struct land *l = arg;
	enum zk_err r = segcache_copy(l->rd->v, key, c, data);

	/* what lies inside its op is had without the remote, by packed */
	return r == ZK_OK && c->form == CONTENT_INLINE ? ZK_ENOENT : r;
}

static enum zk_err
next_item(void *arg, struct download_item *out)
{
	struct larges *a = arg;
	struct large *x = NULL;

	if (a->next == a->n)
		return ZK_ENOENT;
	x = &a->p[a->next++];
	memset(out, 0, sizeof(*out));
	out->c = &x->c;
	out->fd = x->item->fd;
	out->resume = x->item->resume;
	out->old = x->has_old ? &x->old : NULL;
	out->old_fd = x->has_old ? x->item->old_fd : -1;
	out->path = x->item->path;
	out->cookie = x;
	return ZK_OK;
}

static enum zk_err
item_done(void *arg, const struct download_item *item, enum zk_err r)
{
	struct large *x = item->cookie;

	(void)arg;
	x->item->r = r;
	return ZK_OK;
}

/* apply_ops.fetch */
static enum zk_err
fetch(void *ctx, struct apply_item *items, size_t n)
{
	struct land *l = ctx;
	struct larges a = { .land = l };
	struct download_many m = { next_item, item_done, &a };
	enum zk_err r = ZK_OK;

	a.p = calloc(n, sizeof(*a.p));
	if (a.p == NULL)
		return ZK_ENOMEM;
	for (size_t i = 0; r == ZK_OK && i < n; i++) {
		struct large *x = &a.p[a.n++];
		uint64_t old = refs_locator(items[i].old_refs,
		    items[i].old_refs_len);

		buf_init(&x->data, 1 << 20);
		buf_init(&x->old_data, 1 << 20);
		x->item = &items[i];
		r = segcache_copy(l->rd->v, items[i].goal->handle &
		    ~GATHER_MADE_NAME, &x->c, &x->data);
		if (r == ZK_OK && items[i].old_fd >= 0 && old != 0) {
			r = segcache_copy(l->rd->v, old, &x->old,
			    &x->old_data);
			x->has_old = r == ZK_OK;
		}
		/* one that is gone is named when its turn comes */
		if (r == ZK_EGAP)
			r = ZK_OK;
	}
	if (r == ZK_OK)
		r = download_many(l->d, &m);
	for (size_t i = 0; i < a.n; i++) {
		buf_release(&a.p[i].data);
		buf_release(&a.p[i].old_data);
	}
	free(a.p);
	return r;
}

static void
tell_conflict(struct round *rd, const char *path)
{
	struct sync_conflict c = { .path = path };
	struct buf of;

	rd->rep->conflicts++;
	if (rd->o->ui.conflict == NULL)
		return;
	buf_init(&of, 1 << 16);
	round_conflict_of(path, &of);
	c.of = buf_cstr(&of);
	rd->o->ui.conflict(rd->o->ui.arg, &c);
	buf_release(&of);
}

static bool
appears(uint8_t op)
{
	return op == PLAN_CREATE || op == PLAN_MKDIR || op == PLAN_TAKE_NEW ||
	    op == PLAN_MOVE || op == PLAN_TAKE || op == PLAN_SWAP;
}

/* Whether a step brings content. */
static bool
brings(uint8_t op)
{
	return op == PLAN_CREATE || op == PLAN_REPLACE || op == PLAN_TAKE_NEW;
}

/* An entry that is moved, edited and touched is one. */
static void
count_step(struct round *rd, const struct plan_step *s)
{
	if (!s->again)
		round_count(rd, s->goal->kind, 0);
	if (s->op == PLAN_SWAP)
		round_count(rd, s->goal2->kind, 0);
	if (brings(s->op))
		rd->rep->bytes += s->goal->size;
}

/* Whether a step puts a conflict copy on the disk. */
static bool
is_copy(const struct plan_step *s)
{
	return s->goal != NULL && appears(s->op) &&
	    (s->goal->handle & GATHER_MADE_NAME) != 0;
}

/* apply_ops.done */
static void
step_done(void *ctx, const struct plan_step *s, const char *path,
    enum zk_err r)
{
	struct land *l = ctx;
	struct round *rd = l->rd;

	log_debug("step %d at '%s': %s", s->op, path, err_text(r));
	if (s->op != PLAN_ADOPT) {
		rd->progress.files++;
		round_progress(rd, SYNC_APPLY);
	}
	if (r == ZK_EGAP && round_says(rd, path, "waits"))
		log_error(r, &(struct log_where){ .path = path }, "'%s' waits "
		    "for its content: no remote in reach has it", path);
	round_not_applied(rd, path, r);
	if (r != ZK_OK || s->op == PLAN_ADOPT)
		return;
	l->rules |= rulewatch_is(path);
	if (s->op == PLAN_REMOVE || s->op == PLAN_RMDIR) {
		rd->rep->deleted++;
	} else {
		count_step(rd, s);
	}
	if (is_copy(s))
		tell_conflict(rd, path);
}

/* The steps of one more portion are ahead. */
static void
expect(struct round *rd, const struct plan *p)
{
	for (size_t i = 0; i < plan_len(p); i++) {
		const struct plan_step *s = plan_step(p, i);

		if (s->op != PLAN_ADOPT)
			rd->progress.files_total++;
		if (s->goal != NULL && brings(s->op))
			rd->progress.bytes_total += s->goal->size;
	}
	round_progress(rd, SYNC_APPLY);
}

/* The path of a step, to be told. */
static enum zk_err
step_path(struct land *l, struct plan *p, const struct plan_step *s,
    struct buf *out)
{
	int64_t dir = 0;
	enum zk_err r = ZK_OK;

	buf_reset(out);
	if (s->row != 0 && (s->op == PLAN_REPLACE || s->op == PLAN_ATTR ||
	    s->op == PLAN_REMOVE || s->op == PLAN_RMDIR))
		return base_path(l->rd->v->db, s->row, out);
	dir = plan_dir_row(p, s->dir);
	if (dir != 0)
		r = base_path(l->rd->v->db, dir, out);
	else if (s->goal != NULL)
		return list_path(l->rd->v->tree, &s->goal->key, out);
	if (r == ZK_OK)
		r = path_join(out, s->name, s->name_len);
	return r;
}

static enum sync_change_kind
step_kind(uint8_t op)
{
	switch (op) {
	case PLAN_REPLACE:
		return SYNC_CHANGED;
	case PLAN_ATTR:
		return SYNC_ATTR;
	case PLAN_REMOVE:
	case PLAN_RMDIR:
		return SYNC_DELETED;
	case PLAN_MOVE:
	case PLAN_TAKE:
	case PLAN_SWAP:
		return SYNC_MOVED;
	default:
		return SYNC_NEW;
	}
}

/* Tells the steps of a plan, before or instead of taking them. */
static enum zk_err
tell(struct land *l, struct plan *p)
{
	struct round *rd = l->rd;
	struct buf path, from;
	enum zk_err r = ZK_OK;

	buf_init(&path, 1 << 20);
	buf_init(&from, 1 << 20);
	for (size_t i = 0; r == ZK_OK && i < plan_len(p); i++) {
		const struct plan_step *s = plan_step(p, i);
		struct sync_change c = { .incoming = true };

		if (s->op == PLAN_ADOPT)
			continue;
		r = step_path(l, p, s, &path);
		c.kind = step_kind(s->op);
		if (r == ZK_OK && c.kind == SYNC_MOVED && s->row != 0) {
			buf_reset(&from);
			r = base_path(rd->v->db, s->row, &from);
			c.from = buf_cstr(&from);
		}
		c.type = s->op == PLAN_RMDIR ? 'd' : s->goal == NULL ? 'f' :
		    round_type(s->goal->kind);
		c.bytes = s->goal == NULL ? 0 : s->goal->size;
		c.path = buf_cstr(&path);
		/* what is half recorded is told as what is to push */
		if (rd->plan_only && (aside_is(c.path) || (c.from != NULL &&
		    aside_is(c.from))))
			continue;
		if (rd->o->dry_run || rd->plan_only)
			rd->rep->to_pull++;
		if (r == ZK_OK && rd->o->ui.change != NULL)
			rd->o->ui.change(rd->o->ui.arg, &c);
		/* a real one tells them as they come to be: step_done */
		if (r == ZK_OK && rd->o->dry_run && is_copy(s))
			tell_conflict(rd, c.path);
	}
	buf_release(&path);
	buf_release(&from);
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* The receiver's brake: the whole set of removals is held back. */
static enum zk_err
brake(struct land *l, struct plan *p, uint64_t removals)
{
	struct round *rd = l->rd;
	uint64_t tree = 0;
	bool over = false;
	enum zk_err r = removals == 0 ? ZK_OK :
	    base_count(rd->v->db, &tree);

	if (r == ZK_OK && removals > 0)
		r = capture_over(rd, BASE_APPLIED, removals, tree, &over);
	if (r != ZK_OK || !over)
		return r;
	log_error(ZK_EBRAKE, NULL, "other devices removed %llu of the %llu "
	    "entries here; they were kept and all else applied: to remove "
	    "them here too, run again with --max-delete %llu",
	    (unsigned long long)removals, (unsigned long long)tree,
	    (unsigned long long)removals);
	round_note(rd, ZK_EBRAKE);
	l->held = true;
	plan_hold_removals(p);
	return ZK_OK;
}

/* Counts removals for the brake, unless an override let them pass. */
static enum zk_err
count_removed(struct round *rd, uint64_t removed, uint64_t tree)
{
	struct db *db = rd->v->db;
	enum zk_err r = ZK_OK;

	if (removed == 0 || rd->approved[BASE_APPLIED])
		return ZK_OK;
	r = db_begin(db);
	if (r == ZK_OK)
		r = base_brake_add(db, BASE_APPLIED, env_now_ms(rd->v->env),
		    removed, tree);
	return db_end(db, r);
}

/* removals: those that count, as gather_next says. */
static enum zk_err
execute(struct land *l, struct plan *p, uint64_t removals)
{
	struct round *rd = l->rd;
	struct apply_ops ops = { .content = content, .packed = packed,
		.unpack = unpack, .fetch = fetch,
		.prefetch = prefetch, .done = step_done,
		.hasher = cuts_hasher(rd), .keep_tmp = rd->staged,
		.ctx = l };
	uint64_t tree = 0;
	enum zk_err r = base_count(rd->v->db, &tree);

	memset(&l->res, 0, sizeof(l->res));
	if (r == ZK_OK)
		r = apply_run(rd->v->root, rd->v->db, p, &ops, &l->res);
	if (removals > l->res.removed)
		removals = l->res.removed;
	r = err_worse(r, count_removed(rd, removals, tree));
	l->again |= l->res.changed > 0 || l->res.kept > 0;
	l->failed |= l->res.failed > 0;
	l->trashed |= l->res.trashed;
	l->done += l->res.done;
	l->learned += l->res.learned;
	if (l->res.worst != ZK_OK)
		round_note(rd, round_of_step(l->res.worst));
	return r;
}

/* What a dry run's portion would have left to the brake of the next. */
static enum zk_err
pretend(struct land *l, uint64_t removals)
{
	uint64_t tree = 0;
	enum zk_err r = base_count(l->rd->v->db, &tree);

	return r == ZK_OK && !l->held ?
	    count_removed(l->rd, removals, tree) : r;
}

static enum zk_err
portion(struct land *l, struct gather *g)
{
	struct alias_forms forms;
	struct plan *p = NULL;
	uint64_t removals = 0;
	enum zk_err r = alias_plan(l->rd->v->db, &forms, &p);

	if (r == ZK_OK)
		r = gather_next(g, p, &removals);
	/* nobody has looked there: the next scan does */
	if (r == ZK_OK && gather_outside(g) && !l->rd->wide &&
	    !l->rd->plan_only) {
		plan_free(p);
		l->rd->wide = l->again = l->stop = true;
		return ZK_OK;
	}
	if (r == ZK_OK)
		r = brake(l, p, removals);
	if (r == ZK_OK)
		r = plan_make(p);
	if (r == ZK_OK) {
		if (l->rd->o->dry_run || l->rd->plan_only ||
		    l->rd->o->ui.change != NULL)
			r = tell(l, p);
		if (r == ZK_OK && l->rd->o->dry_run) {
			r = pretend(l, removals);
		} else if (r == ZK_OK && !l->rd->plan_only &&
		    plan_len(p) > 0) {
			expect(l->rd, p);
			r = gather_mark(g);
			if (r == ZK_OK)
				r = gather_aside(l->rd, p);
			if (r == ZK_OK)
				r = execute(l, p, removals);
			l->passing |= plan_passing(p);
		}
	}
	if (r == ZK_OK && !l->rd->o->dry_run && !l->rd->plan_only)
		r = alias_note(l->rd, p);
	plan_free(p);
	return r;
}

/* All that was dirty is on the disk, or left out. */
static enum zk_err
landed(struct land *l, struct gather *g, uint64_t upto)
{
	struct vault *v = l->rd->v;
	enum zk_err r = db_begin(v->db);

	if (r == ZK_OK)
		r = tree_dirty_clear(v->tree, upto);
	if (r == ZK_OK)
		r = store_del(v->db, "relook");
	if (r == ZK_OK)
		r = gather_keep_left(g);
	return db_end(v->db, r);
}

/* One look at all that is dirty. */
static enum zk_err
look(struct land *l)
{
	struct vault *v = l->rd->v;
	struct gather *g = NULL;
	uint64_t upto = 0;
	enum zk_err r = tree_change(v->tree, &upto);

	l->again = l->passing = false;
	l->done = l->learned = 0;
	if (r == ZK_OK)
		r = gather_new(l->rd, &g);
	while (r == ZK_OK && gather_more(g) && !l->stop &&
	    !round_stopped(l->rd))
		r = portion(l, g);
	if (r == ZK_OK && round_stopped(l->rd))
		r = ZK_ESIGNAL;
	else if (r == ZK_ENOENT)
		r = ZK_EBUG;
	/* what had the name is away by now: or stays, and so does the alias */
	l->again |= l->passing && l->done > 0;
	/* with paths, the rest waits */
	if (r == ZK_OK && !l->held && !l->again && !l->failed &&
	    !l->rd->o->dry_run && !l->rd->plan_only && l->rd->paths == NULL)
		r = landed(l, g, upto);
	gather_free(g);
	return r;
}

enum zk_err
land_run(struct round *rd)
{
	struct land l = { .rd = rd };
	struct ahead_opts ao = { .content = ahead_content, .arg = &l };
	int more = 0;
	enum zk_err r = land_download(rd, false, &l.d);

	ao.d = l.d;
	if (r == ZK_OK)
		r = ahead_new(&ao, &l.ahead);
	if (r == ZK_OK)
		r = compress_set_new(&l.z);
	rd->progress = (struct sync_progress){ .phase = SYNC_APPLY };
	for (int i = 0; r == ZK_OK && i < LAND_ROUNDS; i++) {
		r = look(&l);
		/* each look below what was made finds the next names */
		if (l.learned > 0 && ++more < LAND_NAMES)
			i--;
		if (r == ZK_OK && l.rules) {
			l.rules = false;
			r = rulewatch_again(rd);
			continue;
		}
		if (!l.again || l.stop || l.failed ||
		    l.done + l.learned == 0)
			break;
	}
	rd->again = l.again;
	if (!rd->o->dry_run && !rd->plan_only)
		trash_tidy(rd->v->root, l.trashed);
	ahead_free(l.ahead);
	compress_set_free(l.z);
	download_free(l.d);
	return r;
}
