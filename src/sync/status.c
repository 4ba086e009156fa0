/* zk status: what differs, and how far behind each device and remote is. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/cname.h"
#include "crdt/list.h"
#include "crypto/sign.h"
#include "format/op.h"
#include "format/segment.h"
#include "store/logdb.h"
#include "store/store.h"
#include "sync/alias.h"
#include "sync/cuts.h"
#include "sync/ingest_int.h"
#include "sync/park.h"
#include "sync/round.h"
#include "util/hex.h"
#include "util/log.h"

#define ASK_MS 2000		/* for all remotes together */
#define ASK_SEGS 64		/* segments looked at on one remote... */
#define ASK_BYTES (8u << 20)	/* ...of about so many bytes */

/* One remote being asked, on a thread of its own. */
struct ask {
	struct vremote *vr;
	struct env *env;
	struct db *db;			/* of the vault, under lock */
	pthread_mutex_t *lock;
	struct tmark mark;
	struct page *page;		/* what is there and not held here */
	size_t bytes;
	enum zk_err r;
	pthread_t thread;
	bool started;
};

/* True: held.  Asked from several threads, while nothing else goes on. */
static bool
ask_have(void *arg, const uint8_t log[static TRANSPORT_NAME_LEN],
    uint64_t seq, const uint8_t hash[static TRANSPORT_NAME_LEN])
{
	struct ask *a = arg;
	bool have = false;
	enum zk_err r = ZK_OK;

	(void)log;
	(void)seq;
	pthread_mutex_lock(a->lock);
	r = logdb_have(a->db, hash, &have);
	pthread_mutex_unlock(a->lock);
	return r == ZK_OK && have;
}

static enum zk_err
ask_one(void *arg, const struct tseg *s)
{
	struct ask *a = arg;

	if (ask_have(a, s->log, s->seq, s->hash))
		return ZK_OK;
	a->bytes += s->len;
	return page_add(a->page, s);
}

static void *
ask(void *arg)
{
	struct ask *a = arg;
	struct tread how = { .max_bytes = ASK_BYTES, .each = ask_one,
		.have = ask_have, .arg = a };
	bool more = true;
	int64_t until = env_mono_ms(a->env) + ASK_MS;

	while (a->r == ZK_OK && more && page_count(a->page) < ASK_SEGS &&
	    a->bytes < ASK_BYTES && env_mono_ms(a->env) < until) {
		more = false;
		a->r = transport_read(a->vr->t, &how, &a->mark, &more);
	}
	return NULL;
}

/*
 * Whether a segment has more for a pull than that its device has heard of
 * others, or what it is called.  What cannot be opened may have.
 */
static bool
brings(struct vault *v, const struct tseg *t)
{
	struct seg_keys keys = { records_find_epoch, v };
	struct seg *s = NULL;
	struct op op;
	enum zk_err r = seg_open(t->data, t->len, vault_id(v), &keys, NULL,
	    &s);
	bool yes = r != ZK_OK;

	while (r == ZK_OK && !yes) {
		r = seg_next(s, &op);
		yes = (r == ZK_OK && op.type != OP_LOG &&
		    op.type != OP_NAME) || r == ZK_EREFUSED;
	}
	seg_free(s);
	return yes || r != ZK_ENOENT;
}

/* Counts what one remote has, once its thread is done. */
static void
answered(struct round *rd, struct ask *a)
{
	struct vremote *vr = a->vr;

	vr->err = a->r;
	/* what is away is in its row; what lies is an error */
	if (a->r != ZK_OK && err_status(a->r) != 5)
		round_left_out(rd, vr, a->r);
	for (size_t i = 0; i < page_count(a->page); i++)
		vr->ahead += brings(rd->v, &a->page->items[i].s);
	vr->asked = true;
}

/* Asks all remotes at once; the clock of each call is the limit. */
static enum zk_err
ask_all(struct round *rd)
{
	struct ask *a = calloc(rd->remotes_n + 1, sizeof(*a));
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	enum zk_err r = a == NULL ? ZK_ENOMEM : ZK_OK;

	for (size_t i = 0; r == ZK_OK && i < rd->remotes_n; i++) {
		a[i].vr = rd->remotes[i];
		a[i].env = rd->v->env;
		a[i].db = rd->v->db;
		a[i].lock = &lock;
		r = remotedb_mark(rd->v->db, rd->remotes[i]->info.id, 0,
		    a[i].mark.b, &a[i].mark.len);
		if (r == ZK_OK)
			r = page_new(&a[i].page);
	}
	/* from here to the joins the database is theirs, one at a time */
	for (size_t i = 0; r == ZK_OK && i < rd->remotes_n; i++) {
		a[i].started = !rd->v->env->single &&
		    pthread_create(&a[i].thread, NULL, ask, &a[i]) == 0;
		if (!a[i].started)
			(void)ask(&a[i]);
	}
	for (size_t i = 0; a != NULL && i < rd->remotes_n; i++)
		if (a[i].started)
			pthread_join(a[i].thread, NULL);
	for (size_t i = 0; a != NULL && i < rd->remotes_n; i++) {
		if (r == ZK_OK)
			answered(rd, &a[i]);
		page_free(a[i].page);
	}
	free(a);
	return r;
}

enum zk_err
status_remotes(struct round *rd, const struct sync_ui *ui)
{
	enum zk_err r = ZK_OK;

	for (size_t i = 0; r == ZK_OK && i < rd->remotes_n; i++) {
		struct vremote *vr = rd->remotes[i];
		struct sync_remote out = { .url = transport_url(vr->t),
			.pos = (unsigned)i,
			.last_ok_ms = vr->info.last_ok_ms, .asked = vr->asked,
			.ok = vr->asked && vr->err == ZK_OK, .err = vr->err,
			.why = vr->err == ZK_OK ? NULL : transport_why(vr->t),
			.ahead = vr->ahead, .transit = vr->transit };

		r = remotedb_behind(rd->v->db, vr->info.id, &out.behind);
		round_report(rd, i, out.behind);
		if (r == ZK_OK && ui->remote != NULL)
			ui->remote(ui->arg, &out);
		if (i == 0)
			rd->rep->to_push += out.behind;
		if (vr->ahead > rd->rep->to_pull)
			rd->rep->to_pull = vr->ahead;
		if (rd->o->max_age_ms > 0 && (out.last_ok_ms == 0 ||
		    env_now_ms(rd->v->env) - out.last_ok_ms >
		    rd->o->max_age_ms))
			rd->rep->stale++;
	}
	return r;
}

/* Devices ----------------------------------------------------------------- */

struct device_logs {
	struct vault *v;
	const uint8_t *device;
	int64_t last_ms;
};

/* The newest segment of each log of the device. */
static enum zk_err
device_log(void *arg, const struct logdb_log *l)
{
	struct device_logs *a = arg;
	struct logdb_seg g = { 0 };
	enum zk_err r = ZK_OK;

	if (memcmp(l->device, a->device, SYNC_DEVICE_LEN) != 0)
		return ZK_OK;
	r = logdb_tip(a->v->db, l->log, &g);
	if (r == ZK_OK && g.wall_ms > a->last_ms)
		a->last_ms = g.wall_ms;
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
status_device_name(struct vault *v, const uint8_t id[static SYNC_DEVICE_LEN],
    struct buf *out)
{
	char key[5 + 2 * 32 + 1] = "name.";
	struct buf b;
	enum zk_err r = ZK_EBUG;

	hex_text(id, 32, key + 5);
	buf_reset(out);
	if (memcmp(id, vault_device(v), 32) == 0)
		return buf_str(out, v->name);
	buf_init(&b, OPID_LEN + SYNC_NAME_MAX);
	r = store_get(v->db, key, &b);
	if (r == ZK_OK && b.len > OPID_LEN)
		r = buf_put(out, b.data + OPID_LEN, b.len - OPID_LEN);
	else if (r == ZK_ENOENT || r == ZK_OK)
		r = buf_put(out, key + 5, 8);
	buf_release(&b);
	return r;
}

/* Segments of our log that the device has not named as a head. */
static enum zk_err
device_behind(struct vault *v, const uint8_t *id, uint64_t *out)
{
	struct logdb_seg g = { 0 };
	uint64_t acked = 0;
	enum zk_err r = logdb_tip(v->db, v->log_id, &g);

	*out = 0;
	if (r == ZK_ENOENT)
		return ZK_OK;
	if (r == ZK_OK)
		r = logdb_ack_get(v->db, id, v->log_id, &acked);
	/* our own acknowledgements are not acknowledged in turn */
	while (r == ZK_OK && g.ack && g.seq > acked + 1)
		r = logdb_by_hash(v->db, g.prev, &g);
	if (r == ZK_OK && g.seq > acked && !g.ack)
		*out = g.seq - acked;
	return r;
}

enum zk_err
status_devices(struct vault *v, const struct sync_ui *ui, int64_t max_age_ms,
    uint64_t *stale)
{
	enum zk_err r = ZK_OK;
	struct buf name;

	buf_init(&name, SYNC_NAME_MAX);
	for (size_t i = 0; r == ZK_OK && i < members_count(v->members); i++) {
		const struct member *m = members_at(v->members, i);
		struct device_logs a = { .v = v, .device = m->id };
		struct sync_device d = { .self = memcmp(m->id,
			vault_device(v), SYNC_DEVICE_LEN) == 0 };

		memcpy(d.id, m->id, sizeof(d.id));
		cname_tag(m->id, d.tag);
		r = status_device_name(v, m->id, &name);
		if (r == ZK_OK)
			r = logdb_logs(v->db, device_log, &a);
		if (r == ZK_OK && !d.self)
			r = device_behind(v, m->id, &d.behind);
		d.name = buf_cstr(&name);
		d.last_seen_ms = a.last_ms;
		if (r == ZK_OK)
			r = park_is(v, m->id, &d.parked);
		d.silent = !d.self && !d.parked && a.last_ms > 0 &&
		    env_now_ms(v->env) - a.last_ms >
		    SYNC_SILENT_DAYS * SYNC_DAY_MS;
		if (r == ZK_OK && ui->device != NULL)
			ui->device(ui->arg, &d);
		if (max_age_ms > 0 && !d.self && env_now_ms(v->env) -
		    d.last_seen_ms > max_age_ms)
			(*stale)++;
	}
	buf_release(&name);
	return r;
}

/* Conflicts --------------------------------------------------------------- */

static enum zk_err
one_conflict(void *arg, const struct buf *path, const struct list_entry *e)
{
	struct round *rd = arg;
	struct sync_conflict c = { .path = NULL };
	struct buf copy, of;

	(void)e;
	rd->rep->open_conflicts++;
	if (rd->o->ui.conflict == NULL)
		return ZK_OK;
	buf_init(&copy, 1 << 20);
	buf_init(&of, 1 << 20);
	if (buf_put(&copy, path->data, path->len) == ZK_OK) {
		c.path = buf_cstr(&copy);
		round_conflict_of(c.path, &of);
		c.of = buf_cstr(&of);
		rd->o->ui.conflict(rd->o->ui.arg, &c);
	}
	buf_release(&of);
	buf_release(&copy);
	return ZK_OK;
}

static enum zk_err
status_steps(struct round *rd, struct sync_opts *quiet)
{
	uint64_t changes = 0;
	enum zk_err r = capture_scan(rd);

	if (r == ZK_OK)
		r = tell_changes(rd, &changes);
	rd->rep->to_push = changes;
	rd->plan_only = true;
	if (r == ZK_OK)
		r = land_run(rd);
	if (r == ZK_OK)
		r = list_conflicts(rd->v->tree, one_conflict, rd);
	if (r == ZK_OK)
		r = alias_tell(rd->v, &rd->o->ui);
	if (r != ZK_OK)
		return r;
	/* a vault without remotes has a status, too */
	quiet->timeout_ms = ASK_MS;
	rd->o = quiet;
	r = remotes_open_any(rd);
	if (r == ZK_OK && !quiet->offline)
		r = ask_all(rd);
	if (r == ZK_OK)
		r = status_remotes(rd, &quiet->ui);
	if (r == ZK_OK)
		r = status_devices(rd->v, &quiet->ui, quiet->max_age_ms,
		    &rd->rep->stale);
	return r;
}

enum zk_err
sync_status(struct vault *v, const struct sync_opts *o,
    struct sync_report *rep)
{
	struct sync_opts quiet = *o;
	struct round rd = { .v = v, .o = &quiet, .rep = rep };
	enum zk_err r = ZK_EBUG;

	/* a status is one anyway, and has other ways */
	quiet.dry_run = false;
	memset(rep, 0, sizeof(*rep));
	r = status_steps(&rd, &quiet);
	rd.o = o;
	round_release(&rd);
	return err_worse(r, rd.worst);
}
