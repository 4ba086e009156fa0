/* One run that frees space.  See gc.h and sync.h. */
#include "sync/gc.h"

#include <stdlib.h>
#include <string.h>

#include "store/gcdb.h"
#include "sync/checkpoint.h"
#include "sync/park.h"
#include "sync/segw.h"
#include "util/log.h"

#define CONDEMN_MAX 65536	/* blobs in one run */
#define DELETE_MAX 65536
#define OP_NAMES 16384		/* names in one op */
#define TICK_MS INT64_C(21600000)	/* 6 hours */

struct gc {
	struct round *rd;
	struct sync_gc *out;
	struct gc_rows rows[SYNC_REMOTES_MAX];
	bool *waits;		/* of each member */
	size_t budget;
	bool listed;
	struct vremote *first;
};

enum zk_err
gc_tick(struct round *rd)
{
	struct vault *v = rd->v;
	enum zk_err r = ZK_OK;

	if (v->dry || rd->o->dry_run)
		return ZK_OK;
	/* what a power cut takes of it makes things come later, no more */
	r = db_begin_light(v->db);
	if (r == ZK_OK)
		r = gcdb_tick(v->db, env_now_ms(v->env), TICK_MS);
	return db_end(v->db, r);
}

/* Condemning --------------------------------------------------------------- */

static int
by_name(const void *a, const void *b)
{
	return memcmp(((const struct gc_waste *)a)->name,
	    ((const struct gc_waste *)b)->name, GC_NAME_LEN);
}

static enum zk_err
put_names(struct segw *w, const struct gc_waste *v, size_t n)
{
	struct logop_condemn c = { .n = n };
	uint8_t (*names)[GC_NAME_LEN] = calloc(n, sizeof(*names));
	struct buf b;
	enum zk_err r = names == NULL ? ZK_ENOMEM : ZK_OK;

	buf_init(&b, n * GC_NAME_LEN + 16);
	for (size_t i = 0; r == ZK_OK && i < n; i++)
		memcpy(names[i], v[i].name, GC_NAME_LEN);
	c.names = (const uint8_t (*)[GC_NAME_LEN])names;
	if (r == ZK_OK)
		r = logop_condemn_encode(&c, &b);
	if (r == ZK_OK)
		r = segw_body(w, OP_CONDEMN, b.data, b.len);
	buf_release(&b);
	free(names);
	return r;
}

struct condemning {
	struct db *db;
	const struct gc_mark *m;
};

/* A segw_fill. */
static enum zk_err
put_all(void *arg, struct segw *w)
{
	const struct gc_mark *m = ((const struct condemning *)arg)->m;
	struct db *db = ((const struct condemning *)arg)->db;
	enum zk_err r = ZK_OK;

	for (size_t i = 0; r == ZK_OK && i < m->waste_n; i += OP_NAMES)
		r = put_names(w, m->waste + i, m->waste_n - i < OP_NAMES ?
		    m->waste_n - i : OP_NAMES);
	for (size_t i = 0; r == ZK_OK && i < m->waste_n; i++)
		r = gcdb_size(db, m->waste[i].name, m->waste[i].size);
	for (size_t i = 0; r == ZK_OK && i < m->done_n; i++)
		r = gcdb_done_put(db, &m->done[i]);
	return r;
}

/* Records that nothing needs what was found, in one transaction. */
static enum zk_err
condemn(struct gc *g, struct gc_mark *m)
{
	struct condemning c = { g->rd->v->db, m };

	g->out->more |= m->more;
	g->out->condemned += m->waste_n;
	for (size_t i = 0; i < m->waste_n; i++)
		g->out->condemned_bytes += m->waste[i].size;
	if (g->rd->o->dry_run || (m->waste_n == 0 && m->done_n == 0))
		return ZK_OK;
	qsort(m->waste, m->waste_n, sizeof(*m->waste), by_name);
	return segw_batch(g->rd->v, put_all, &c);
}

/* Deleting ----------------------------------------------------------------- */

/* From one remote; what is wrong with it does not keep the others. */
static enum zk_err
sweep(struct gc *g, struct vremote *vr, const struct gc_mark *m,
    const struct gc_rows *rows)
{
	enum zk_err r = ZK_OK;

	if (vr->err != ZK_OK || vr->stuck)
		return ZK_OK;
	r = gc_sweep(g->rd, vr, m, rows, &g->budget, g->out);
	if (r == ZK_OK)
		r = checkpoint_sweep(g->rd, vr, &g->budget, g->out);
	if (r == ZK_OK || r == ZK_ESIGNAL || r == ZK_ENOMEM ||
	    r == ZK_EDISKFULL || r == ZK_EBUG)
		return r;
	log_error(r, &(struct log_where){ .remote = transport_url(vr->t) },
	    "%s does not delete: %s", transport_url(vr->t), err_text(r));
	round_note(g->rd, r);
	vr->err = r;
	return ZK_OK;
}

static enum zk_err
forget(struct gc *g)
{
	struct db *db = g->rd->v->db;
	enum zk_err r = ZK_OK;

	if (g->rd->o->dry_run || g->out->deleted == 0)
		return ZK_OK;
	r = db_begin(db);
	if (r == ZK_OK)
		r = gcdb_forget(db, g->rd->remotes_n);
	return db_end(db, r);
}

static enum zk_err
publish(struct gc *g)
{
	struct round *rd = g->rd;
	enum zk_err r = ZK_OK;

	if (rd->o->dry_run)
		return ZK_OK;
	r = remotes_publish(rd, g->first);
	if (r == ZK_OK)
		r = round_publish_others(rd, g->first);
	if (err_status(r) == 5)
		g->first->err = r;
	return r;
}

/* What a remote held is asked before it is read: see gc_there. */
static enum zk_err
read_all(struct gc *g)
{
	struct round *rd = g->rd;
	enum zk_err r = ZK_OK;

	for (size_t i = 0; r == ZK_OK && i < rd->remotes_n; i++) {
		g->rows[i].n = 0;
		r = gc_there(rd, rd->remotes[i], &g->rows[i]);
	}
	if (r == ZK_OK)
		r = round_read_all(rd, &g->first);
	if (r == ZK_OK)
		r = park_return(rd, g->first);
	/* where somebody lies, or says what is not understood, all is kept */
	if (r == ZK_OK && (err_status(rd->worst) == 22 ||
	    err_status(rd->worst) == 23))
		r = rd->worst;
	if (r != ZK_OK)
		return r;
	free(g->waits);
	g->waits = calloc(members_count(rd->v->members) + 1,
	    sizeof(*g->waits));
	if (g->waits == NULL)
		return ZK_ENOMEM;
	for (size_t i = 0; r == ZK_OK && i < rd->remotes_n; i++)
		r = gc_heard(rd, &g->rows[i], g->waits);
	return r == ZK_OK ? checkpoint_settle(rd, g->waits) : r;
}

static enum zk_err
pass(struct gc *g, bool *found)
{
	struct gc_mark *m = NULL;
	bool made = false;
	enum zk_err r = read_all(g);

	g->out->waiting = g->out->waiting_bytes = 0;
	if (r == ZK_OK)
		r = gc_mark_new(g->rd, CONDEMN_MAX, &m);
	if (r == ZK_OK && m->unread) {
		/* what it needs may be among what seems to be waste */
		log_warn("a checkpoint cannot be read now: nothing is "
		    "condemned or deleted");
		round_note(g->rd, ZK_EGAP);
		*found = false;
		gc_mark_free(m);
		return publish(g);
	}
	/* with more than can be condemned found, not all of it is known */
	if (r == ZK_OK && !g->listed && !m->more) {
		g->listed = true;
		r = gc_list(m);
	}
	for (size_t i = 0; r == ZK_OK && i < g->rd->remotes_n; i++)
		r = sweep(g, g->rd->remotes[i], m, &g->rows[i]);
	if (r == ZK_OK)
		r = forget(g);
	if (r == ZK_OK)
		r = condemn(g, m);
	/* what it leaves out names no blob then that is not condemned */
	if (r == ZK_OK && !m->more)
		r = checkpoint_make(g->rd, g->first, &made);
	g->out->checkpoint |= made;
	*found = r == ZK_OK && (m->waste_n > 0 || made);
	gc_mark_free(m);
	return r == ZK_OK ? publish(g) : r;
}

/* Whether there is another device that is not parked. */
static enum zk_err
others(struct vault *v, bool *any)
{
	enum zk_err r = ZK_OK;

	*any = false;
	for (size_t i = 0; r == ZK_OK && !*any &&
	    i < members_count(v->members); i++) {
		const struct member *m = members_at(v->members, i);
		bool parked = false;

		if (memcmp(m->id, vault_device(v), VAULT_ID_LEN) == 0)
			continue;
		r = park_is(v, m->id, &parked);
		*any = !parked;
	}
	return r;
}

static enum zk_err
run(struct gc *g)
{
	bool found = false, any = false;
	enum zk_err r = remotes_alone(g->rd->v);

	g->budget = DELETE_MAX;
	if (r == ZK_OK)
		r = remotes_open(g->rd);
	if (r == ZK_OK)
		r = pass(g, &found);
	/* where nobody else has to hear of it, it goes at once */
	found |= g->out->waiting > 0;
	if (r == ZK_OK && found && !g->rd->o->dry_run)
		r = others(g->rd->v, &any);
	if (r == ZK_OK && found && !g->rd->o->dry_run && !any)
		r = pass(g, &found);
	return r;
}

/* Tells who is waited for, if anything waits. */
struct telling {
	const struct gc *g;
	void (*waits)(void *arg, const struct sync_device *d);
	void *arg;
};

static void
tell_one(void *arg, const struct sync_device *d)
{
	const struct telling *t = arg;
	const struct members *all = t->g->rd->v->members;

	for (size_t i = 0; i < members_count(all); i++)
		if (t->g->waits[i] && memcmp(members_at(all, i)->id, d->id,
		    SYNC_DEVICE_LEN) == 0)
			t->waits(t->arg, d);
}

enum zk_err
sync_gc(struct vault *v, const struct sync_opts *o,
    void (*waits)(void *arg, const struct sync_device *d),
    struct sync_report *rep, struct sync_gc *out)
{
	struct round rd = { .v = v, .o = o, .rep = rep };
	struct gc g = { .rd = &rd, .out = out };
	struct telling t = { &g, waits, o->ui.arg };
	struct sync_ui ui = { .arg = &t, .device = tell_one };
	uint64_t stale = 0;
	enum zk_err r = ZK_EBUG;

	memset(out, 0, sizeof(*out));
	r = round_dry_begin(v, o, rep);
	if (r == ZK_OK)
		r = round_begin(&rd, v, o, rep);
	if (r == ZK_OK)
		r = run(&g);
	if (r == ZK_OK && waits != NULL && out->waiting > 0)
		r = status_devices(v, &ui, 0, &stale);
	for (size_t i = 0; i < rd.remotes_n; i++)
		free(g.rows[i].v);
	free(g.waits);
	r = round_finish(&rd, r);
	db_dry_end(v->db);
	return r;
}
