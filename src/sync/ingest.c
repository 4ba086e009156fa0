/*
 * Taking segments in: verify, store, apply in causal order.
 *
 * A segment is stored once it is verified, and applied once all that its
 * header and heads name is applied; until then it waits.  What is wrong is
 * named, noted, and left out with all that builds on it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/segment.h"
#include "format/thin.h"
#include "store/cpdb.h"
#include "store/gcdb.h"
#include "store/logdb.h"
#include "store/store.h"
#include "store/transitdb.h"
#include "sync/causal.h"
#include "sync/ingest_int.h"
#include "sync/opener.h"
#include "sync/park.h"
#include "sync/round.h"
#include "util/log.h"

#define AHEAD_MIN (64u * 1024)	/* bytes of a segment worth a worker */

/* What is needed to judge one segment, gathered from the database. */
struct past {
	struct logdb_seg prev;
	bool ready;
	uint64_t *heads_last;
};

/* Whether all that s builds on is applied; waits for what is not. */
static enum zk_err
look_back(struct round *rd, const struct seg *s, int64_t id,
    struct past *past)
{
	struct db *db = rd->v->db;
	struct logdb_seg g = { 0 };
	size_t n = 0;
	const struct seg_head *h = seg_heads(s, &n);
	enum zk_err r = ZK_OK;

	past->ready = true;
	past->heads_last = calloc(n + 1, sizeof(*past->heads_last));
	if (past->heads_last == NULL)
		return ZK_ENOMEM;
	memset(&past->prev, 0, sizeof(past->prev));
	if (seg_seq(s) > 1) {
		r = logdb_by_hash(db, seg_prev(s), &past->prev);
		if (r == ZK_ENOENT || (r == ZK_OK &&
		    past->prev.state != LOGDB_APPLIED)) {
			past->ready = false;
			r = id == 0 ? ZK_OK : logdb_wait(db, id, seg_log(s),
			    seg_seq(s) - 1, seg_prev(s));
		}
	}
	for (size_t i = 0; r == ZK_OK && i < n; i++) {
		r = logdb_by_hash(db, h[i].hash, &g);
		past->heads_last[i] = g.last_lamport;
		if (r == ZK_OK && g.state == LOGDB_APPLIED) {
			if (g.seq != h[i].seq || memcmp(g.log, h[i].log,
			    sizeof(g.log)) != 0)
				r = ZK_EFORMAT;
			continue;
		}
		if (r != ZK_OK && r != ZK_ENOENT)
			break;
		past->ready = false;
		r = id == 0 ? ZK_OK : logdb_wait(db, id, h[i].log, h[i].seq,
		    h[i].hash);
	}
	return r;
}

/* Two segments at one place: named once, both as proof. */
static enum zk_err
check_fork(struct round *rd, const struct seg *s)
{
	struct vault *v = rd->v;
	struct logdb_seg other = { 0 };
	char key[CAUSAL_FORK_KEY];
	int64_t named = 0;
	const uint8_t *log = seg_log(s);
	enum zk_err r = logdb_fork(v->db, log, seg_seq(s), seg_hash(s),
	    &other);

	if (r != ZK_OK)
		return r == ZK_ENOENT ? ZK_OK : r;
	causal_fork_key(log, key);
	r = store_get_int(v->db, key, 0, &named);
	if (r != ZK_OK || named != 0)
		return r;
	ingest_complain(rd, NULL, ZK_EFORK, log, seg_seq(s),
	    "two histories of one "
	    "device: it was copied or restored while it ran; join it again "
	    "as a new device with 'zk pair --join'");
	/* what it condemned, others condemn again */
	r = gcdb_undone(v->db);
	return r == ZK_OK ? store_put_int(v->db, key, 1) : r;
}

/* What the heads of a segment acknowledge. */
static enum zk_err
take_acks(struct round *rd, const struct seg *s, const struct logdb_log *l)
{
	size_t n = 0;
	const struct seg_head *h = seg_heads(s, &n);
	enum zk_err r = ZK_OK;

	for (size_t i = 0; r == ZK_OK && i < n; i++)
		r = logdb_ack_put(rd->v->db, l->device, h[i].log, h[i].seq);
	return r;
}

/* The segment names records that are not here: it waits for them. */
static enum zk_err
wait_records(struct round *rd, const struct logdb_seg *row,
    const uint8_t (*rec)[SEG_HASH_LEN], size_t n)
{
	enum zk_err r = ZK_OK;

	for (size_t i = 0; r == ZK_OK && i < n; i++) {
		bool has = false;

		r = remotedb_rec_has(rd->v->db, rec[i], &has);
		if (r == ZK_OK && !has)
			r = logdb_wait(rd->v->db, row->id, row->log, row->seq,
			    rec[i]);
	}
	return r == ZK_OK ? ZK_EGAP : r;
}

/* The ops of a segment, each of which may name its past alone. */
static enum zk_err
take_ops(struct round *rd, struct page *p, struct seg *s,
    const struct past *past, const struct logdb_log *l,
    struct logdb_seg *row)
{
	struct causal *c = NULL;
	enum zk_err r = causal_new(rd->v, s, row, &past->prev, &c);

	if (r == ZK_OK) {
		tree_past(rd->v->tree, causal_has, c);
		r = ingest_ops(rd, p, s, l, row, c);
		tree_past(rd->v->tree, NULL, NULL);
	}
	if (r == ZK_OK)
		r = causal_keep(c);
	causal_free(c);
	return r;
}

/* Applies a segment whose past is applied. */
static enum zk_err
apply(struct round *rd, struct page *p, struct seg *s, struct past *past,
    struct logdb_seg *row)
{
	struct vault *v = rd->v;
	struct logdb_log l = { 0 };
	struct op op;
	size_t n = 0, heads_n = 0;
	const uint8_t (*rec)[SEG_HASH_LEN] = seg_rec_heads(s, &n);
	enum zk_err r = ZK_OK;

	(void)seg_heads(s, &heads_n);
	r = seg_check_lamport(s, past->prev.last_lamport, past->heads_last,
	    heads_n);
	if (r == ZK_OK && seg_seq(s) > 1 && (past->prev.seq + 1 != seg_seq(s)
	    || memcmp(past->prev.log, seg_log(s), VAULT_ID_LEN) != 0))
		r = ZK_EFORMAT;
	if (r == ZK_OK && seg_seq(s) == 1) {
		seg_rewind(s);
		r = seg_next(s, &op);
		if (r == ZK_OK && op.type != OP_LOG)
			r = ZK_EFORMAT;
		if (r == ZK_OK)
			r = ingest_cert(rd, s, &op);
		/* a member it may be, by a record that is not here yet */
		if (r == ZK_EREFUSED) {
			r = members_judge(v->members, rec, n, l.device,
			    seg_epoch_id(s));
			r = r == ZK_OK ? ZK_EREFUSED : r;
		}
	}
	if (r == ZK_OK)
		r = logdb_log_get(v->db, seg_log(s), &l);
	if (r == ZK_OK)
		r = members_judge(v->members, rec, n, l.device,
		    seg_epoch_id(s));
	if (r == ZK_EGAP)
		return wait_records(rd, row, rec, n);
	if (r == ZK_OK)
		r = check_fork(rd, s);
	if (r == ZK_OK)
		r = take_ops(rd, p, s, past, &l, row);
	if (r == ZK_OK)
		r = take_acks(rd, s, &l);
	if (r == ZK_OK)
		r = park_back(v, l.device, rec, n);
	if (r != ZK_OK)
		return r;
	row->last_lamport = seg_last_lamport(s);
	row->wall_ms = seg_wall_ms(s);
	row->ack = seg_count(s) == 0;
	if (!row->ack && memcmp(l.device, vault_device(v), 32) != 0)
		r = store_put_int(v->db, "need_ack", 1);
	if (r == ZK_OK)
		r = logdb_applied(v->db, row);
	if (r == ZK_OK)
		r = logdb_arrived(v->db, row->hash);
	rd->took++;
	log_debug("took segment %llu of log %02x%02x, %zu operations",
	    (unsigned long long)seg_seq(s), row->log[0], row->log[1],
	    seg_count(s));
	return r;
}

/*
 * A failure that is the segment's own: it is named and left to wait for
 * ever, the rest goes on.  Everything else ends the page.
 */
static bool
is_its_own(enum zk_err r)
{
	return r == ZK_ETAMPER || r == ZK_EFORMAT || r == ZK_EREFUSED ||
	    r == ZK_ELIMIT || r == ZK_EFORK;
}

static enum zk_err
open_item(struct round *rd, struct item *it, struct seg **out)
{
	struct seg_keys keys = { records_find_epoch, rd->v };
	enum zk_err r = it->err;

	/* what was opened ahead serves once: a page may be done again */
	*out = it->seg;
	it->seg = NULL;
	if (!it->opened)
		r = seg_open(it->data, it->s.len, vault_id(rd->v), &keys,
		    NULL, out);
	it->opened = false;
	if (r == ZK_OK && (memcmp(seg_hash(*out), it->s.hash, 32) != 0 ||
	    memcmp(seg_log(*out), it->s.log, 32) != 0 ||
	    seg_seq(*out) != it->s.seq)) {
		seg_free(*out);
		*out = NULL;
		r = ZK_ETAMPER;
	}
	return r;
}

/* Stores an opened segment as pending. */
static enum zk_err
store_row(struct round *rd, const struct seg *s, const void *data, size_t len,
    struct logdb_seg *row)
{
	memset(row, 0, sizeof(*row));
	memcpy(row->log, seg_log(s), sizeof(row->log));
	memcpy(row->hash, seg_hash(s), sizeof(row->hash));
	memcpy(row->prev, seg_prev(s), sizeof(row->prev));
	row->seq = seg_seq(s);
	row->wall_ms = seg_wall_ms(s);
	row->state = LOGDB_PENDING;
	return logdb_put(rd->v->db, row, data, len);
}

/* The same of one that came; ZK_ELIMIT beyond the bound. */
static enum zk_err
store_pending(struct round *rd, const struct item *it, const struct seg *s,
    struct logdb_seg *row)
{
	uint64_t n = 0;
	enum zk_err r = logdb_pending_of(rd->v->db, seg_log(s), &n);

	if (r == ZK_OK && n >= INGEST_WAIT_MAX)
		r = ZK_ELIMIT;
	rd->stored++;
	return r == ZK_OK ? store_row(rd, s, it->data, it->s.len, row) : r;
}

/*
 * What waits may have in it what it waits for: a checkpoint, or the branch of
 * a fork that a segment before it names already.
 */
static enum zk_err
offer(struct round *rd, struct page *p, struct seg *s,
    const struct logdb_seg *row)
{
	struct op op;
	enum zk_err r = ZK_OK;

	seg_rewind(s);
	while (r == ZK_OK || r == ZK_EREFUSED) {
		r = seg_next(s, &op);
		if (r == ZK_OK && op.type == OP_CHECKPOINT)
			r = cpdb_offer(rd->v->db, &op.id, row->id);
		else if (r == ZK_OK && op.type == OP_FORK)
			r = ingest_fork(p, &op);
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* Verifies one item, stores it, and applies it if it is ready. */
static enum zk_err
take_item(struct round *rd, struct vremote *vr, struct page *p, size_t i)
{
	struct vault *v = rd->v;
	struct seg *s = NULL;
	struct logdb_seg row = { 0 };
	struct past past = { 0 };
	bool have = false, over = false;
	enum zk_err r = logdb_have(v->db, p->items[i].s.hash, &have);

	if (r != ZK_OK || have)
		goto out;
	r = open_item(rd, &p->items[i], &s);
	if (r != ZK_OK)
		goto out;
	if (memcmp(seg_log(s), v->log_id, VAULT_ID_LEN) == 0)
		rd->own_ahead = true;
	r = store_pending(rd, &p->items[i], s, &row);
	over = r == ZK_ELIMIT;
	if (r == ZK_OK && p->items[i].refused)
		r = logdb_wait(v->db, row.id, row.log, row.seq,
		    ingest_never);
	else if (r == ZK_OK)
		r = look_back(rd, s, row.id, &past);
	if (r == ZK_OK && past.ready && !p->items[i].refused)
		r = apply(rd, p, s, &past, &row);
	else if (r == ZK_OK && !p->items[i].refused)
		r = offer(rd, p, s, &row);
	if (is_its_own(r))
		p->items[i].refused = true;
out:
	if (is_its_own(r) || r == ZK_EGAP || r == ZK_EVERSION) {
		ingest_complain(rd, vr, r, p->items[i].s.log, p->items[i].s.seq,
		    err_text(r));
		if (vr != NULL)
			vr->stuck = true;
		/* after a failed apply the batch must go: see ingest_page */
		if (r == ZK_EGAP || over || !p->items[i].refused)
			r = ZK_OK;
	}
	free(past.heads_last);
	seg_free(s);
	return r;
}

/* One that waited and no longer does. */
static enum zk_err
take_waited(struct round *rd, struct vremote *vr, struct page *p,
    struct logdb_seg *row, bool *applied)
{
	struct vault *v = rd->v;
	struct seg_keys keys = { records_find_epoch, v };
	struct past past = { 0 };
	struct seg *s = NULL;
	struct buf b;
	enum zk_err r;

	*applied = false;
	buf_init(&b, SEG_HELD_MAX);
	r = logdb_data(v->db, row->id, &b);
	if (r == ZK_OK)
		r = seg_open_held(b.data, b.len, vault_id(v), &keys, &s);
	if (r == ZK_OK)
		r = look_back(rd, s, row->id, &past);
	if (r == ZK_OK && past.ready) {
		r = apply(rd, p, s, &past, row);
		*applied = r == ZK_OK;
	}
	if (is_its_own(r) || r == ZK_EGAP)
		ingest_complain(rd, vr, r, row->log, row->seq, err_text(r));
	if (is_its_own(r)) {
		p->spoilt = true;
		p->row = *row;
	}
	free(past.heads_last);
	seg_free(s);
	buf_release(&b);
	return r == ZK_EGAP ? ZK_OK : r;
}

/*
 * Applies what waited and no longer does; once more while that frees others.
 * One that cannot be, for what a record lacks that it names, is passed over.
 */
static enum zk_err
take_ready(struct round *rd, struct vremote *vr, struct page *p)
{
	int64_t after = 0;
	bool again = false;
	enum zk_err r = ZK_OK;

	while (r == ZK_OK) {
		struct logdb_seg row = { 0 };
		bool applied = false;

		r = logdb_ready(rd->v->db, after, &row);
		after = r == ZK_OK ? row.id : 0;
		if (r == ZK_ENOENT && again) {
			again = false;
			r = ZK_OK;
			continue;
		}
		if (r == ZK_OK)
			r = take_waited(rd, vr, p, &row, &applied);
		again |= applied;
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
ingest_ready(struct round *rd, struct page *forks)
{
	return take_ready(rd, NULL, forks);
}

/* A remote that has the segment `at` had those that are thin now. */
static enum zk_err
had(struct vault *v, const struct vremote *vr, const struct logdb_seg *at,
    const struct logdb_seg *g)
{
	bool yes = false;
	enum zk_err r = remotedb_has(v->db, vr->info.id, at->hash, &yes);

	if (r == ZK_OK && yes)
		r = remotedb_has_set(v->db, vr->info.id, g->hash);
	return r == ZK_OK && yes ? transitdb_gone(v->db, vr->info.id, g->id) :
	    r;
}

enum zk_err
ingest_thin(struct round *rd, const struct logdb_seg *at, const void *thin,
    size_t n, struct page *forks)
{
	struct vault *v = rd->v;
	struct logdb_seg row = { 0 };
	struct past past = { 0 };
	struct seg *s = NULL;
	bool have = false;
	enum zk_err r = thin_check(thin, n);

	if (r == ZK_OK)
		r = thin_open(thin, n, NULL, true, &s);
	if (r == ZK_OK)
		r = logdb_have(v->db, seg_hash(s), &have);
	if (r != ZK_OK || have)
		goto out;
	if (memcmp(seg_log(s), v->log_id, VAULT_ID_LEN) == 0)
		rd->own_ahead = true;
	r = store_row(rd, s, thin, n, &row);
	if (r == ZK_OK)
		r = cpdb_thin_note(v->db, row.id);
	for (size_t i = 0; r == ZK_OK && i < rd->remotes_n; i++)
		r = had(v, rd->remotes[i], at, &row);
	if (r == ZK_OK)
		r = look_back(rd, s, row.id, &past);
	if (r == ZK_OK && past.ready)
		r = apply(rd, forks, s, &past, &row);
	free(past.heads_last);
out:
	seg_free(s);
	return r;
}

/*
 * Whether that a remote gave this segment says that it has all that the
 * segment names.  Not where we wrote it and another device may have brought
 * it there, without blobs that only we have (publish.c).
 */
static enum zk_err
is_whole(struct vault *v, const struct tseg *s, bool *whole)
{
	struct logdb_seg g;
	enum zk_err r;

	*whole = true;
	if (memcmp(s->log, v->log_id, VAULT_ID_LEN) != 0)
		return ZK_OK;
	r = logdb_by_hash(v->db, s->hash, &g);
	*whole = r == ZK_ENOENT || (r == ZK_OK && !g.blobs);
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* One attempt at a page, in one transaction. */
static enum zk_err
take_page(struct round *rd, struct vremote *vr, struct page *p,
    const struct tmark *mark)
{
	struct vault *v = rd->v;
	enum zk_err r = db_begin(v->db);

	if (r == ZK_OK)
		r = tree_begin(v->tree);
	/* take_fork may make the page longer on the way */
	for (size_t i = 0; r == ZK_OK && i < p->n; i++) {
		bool whole;

		r = is_whole(v, &p->items[i].s, &whole);
		if (r == ZK_OK)
			r = take_item(rd, vr, p, i);
		if (r == ZK_OK && vr != NULL && whole && !p->items[i].refused)
			r = remotedb_has_set(v->db, vr->info.id,
			    p->items[i].s.hash);
	}
	if (r == ZK_OK)
		r = take_ready(rd, vr, p);
	if (r == ZK_OK)
		r = tree_end(v->tree);
	if (r == ZK_OK && vr != NULL && !vr->stuck && mark != NULL)
		r = remotedb_mark_set(v->db, vr->info.id, 0, mark->b,
		    mark->len);
	r = db_end(v->db, r);
	if (r != ZK_OK)
		treedb_rolled_back(v->td);
	return r;
}

/* Opens the large segments of a page that are not held, all at once. */
static enum zk_err
open_ahead(struct round *rd, struct page *p)
{
	struct opener_item *o = calloc(p->n + 1, sizeof(*o));
	size_t *at = calloc(p->n + 1, sizeof(*at));
	size_t n = 0;
	bool have = false;
	enum zk_err r = o == NULL || at == NULL ? ZK_ENOMEM : ZK_OK;

	for (size_t i = 0; r == ZK_OK && i < p->n; i++) {
		if (p->items[i].s.len < AHEAD_MIN)
			continue;
		r = logdb_have(rd->v->db, p->items[i].s.hash, &have);
		if (have)
			continue;
		o[n] = (struct opener_item){ .data = p->items[i].data,
			.len = p->items[i].s.len };
		at[n++] = i;
	}
	if (r == ZK_OK && n > 1)
		r = opener_run(rd->v, o, n);
	for (size_t i = 0; r == ZK_OK && n > 1 && i < n; i++) {
		p->items[at[i]].opened = true;
		p->items[at[i]].seg = o[i].seg;
		p->items[at[i]].err = o[i].r;
	}
	free(o);
	free(at);
	return r;
}

enum zk_err
ingest_page(struct round *rd, struct vremote *vr, struct page *p,
    const struct tmark *mark)
{
	enum zk_err e, r = open_ahead(rd, p);

	if (r != ZK_OK)
		return r;
	/*
	 * A segment whose ops cannot be applied spoils its batch: it is then
	 * marked refused and the page is done again without it.
	 */
	for (size_t tries = p->n + 1; tries > 0; tries--) {
		uint64_t took = rd->took, stored = rd->stored;
		size_t n = p->n;

		r = take_page(rd, vr, p, mark);
		if (r == ZK_OK || !is_its_own(r))
			break;
		rd->took = took;
		rd->stored = stored;
		while (p->n > n) {
			p->n--;
			free(p->items[p->n].data);
			seg_free(p->items[p->n].seg);
		}
		if (!p->spoilt)
			continue;
		e = page_set_aside(rd, p);
		/* not held: it came by the way with this page, and is bad */
		if (e != ZK_OK) {
			r = e == ZK_ENOENT ? r : e;
			break;
		}
		tries++;
	}
	return r;
}
