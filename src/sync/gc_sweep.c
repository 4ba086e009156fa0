/* Deleting what all have heard of.  See gc.h. */
#include <stdlib.h>
#include <string.h>

#include "store/gcdb.h"
#include "store/logdb.h"
#include "store/store.h"
#include "sync/causal.h"
#include "sync/gc.h"
#include "sync/park.h"
#include "util/log.h"

#define PAGE 1024		/* names in one question to a remote */
#define NOTE_N 64		/* deleted between two notes of it */

/* Whether device m has acknowledged g, or nobody waits for it. */
static enum zk_err
heard(struct vault *v, const uint8_t *m, const struct logdb_seg *g,
    const uint8_t *author, bool *yes)
{
	uint64_t seq = 0;
	bool parked = false;
	enum zk_err r = ZK_OK;

	*yes = memcmp(m, vault_device(v), VAULT_ID_LEN) == 0 ||
	    memcmp(m, author, VAULT_ID_LEN) == 0;
	if (*yes)
		return ZK_OK;
	r = park_is(v, m, &parked);
	if (r == ZK_OK && !parked)
		r = logdb_ack_get(v->db, m, g->log, &seq);
	*yes = parked || seq >= g->seq;
	return r;
}

enum zk_err
gc_forked(struct vault *v, const uint8_t log[static LOGDB_HASH_LEN],
    bool *yes)
{
	char key[CAUSAL_FORK_KEY];
	int64_t forked = 0;
	enum zk_err r = ZK_EBUG;

	causal_fork_key(log, key);
	r = store_get_int(v->db, key, 0, &forked);
	*yes = forked != 0;
	return r;
}

enum zk_err
gc_all_heard(struct round *rd, const struct logdb_seg *g, bool *waits,
    bool *yes)
{
	struct vault *v = rd->v;
	struct logdb_log l = { 0 };
	bool forked = false;
	enum zk_err r = logdb_log_get(v->db, g->log, &l);

	/* of a log with two histories it is not known which one was heard */
	if (r == ZK_OK)
		r = gc_forked(v, g->log, &forked);
	*yes = r == ZK_OK && !forked;
	for (size_t i = 0; r == ZK_OK && i < members_count(v->members); i++) {
		bool one = false;

		r = heard(v, members_at(v->members, i)->id, g, l.device,
		    &one);
		*yes &= one;
		if (waits != NULL)
			waits[i] |= !one;
	}
	return r;
}

enum zk_err
gc_there(struct round *rd, const struct vremote *vr, struct gc_rows *out)
{
	struct vault *v = rd->v;
	int64_t row = 0;
	enum zk_err r = ZK_OK;

	while (r == ZK_OK) {
		struct logdb_seg g = { 0 };
		bool has = false;

		r = gcdb_seg_next(v->db, row, &row);
		if (r == ZK_OK)
			r = logdb_by_id(v->db, row, &g);
		if (r == ZK_OK)
			r = remotedb_has(v->db, vr->info.id, g.hash, &has);
		if (r != ZK_OK || !has)
			continue;
		if (out->n == out->cap) {
			size_t cap = out->cap == 0 ? 16 : out->cap * 2;
			int64_t *p = realloc(out->v, cap * sizeof(*p));

			if (p == NULL)
				return ZK_ENOMEM;
			out->v = p;
			out->cap = cap;
		}
		out->v[out->n++] = row;
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
gc_heard(struct round *rd, struct gc_rows *rows, bool *waits)
{
	size_t kept = 0;
	enum zk_err r = ZK_OK;

	for (size_t i = 0; r == ZK_OK && i < rows->n; i++) {
		struct logdb_seg g = { 0 };
		bool yes = false;

		r = logdb_by_id(rd->v->db, rows->v[i], &g);
		if (r == ZK_OK)
			r = gc_all_heard(rd, &g, waits, &yes);
		if (r == ZK_OK && yes)
			rows->v[kept++] = rows->v[i];
	}
	rows->n = kept;
	return r;
}

static bool
among(const struct gc_rows *rows, int64_t row)
{
	size_t lo = 0, hi = rows->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (rows->v[mid] < row)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < rows->n && rows->v[lo] == row;
}

/* Leaves in page those that may be deleted; the others wait. */
static enum zk_err
choose(const struct gc_mark *m, const struct gc_rows *rows,
    struct gcdb_dead *page, size_t *n, struct sync_gc *out)
{
	size_t kept = 0;
	enum zk_err r = ZK_OK;

	for (size_t i = 0; r == ZK_OK && i < *n; i++) {
		bool needed = false;

		r = gcscan_has(m->scan, GCSCAN_NEED, page[i].name, &needed);
		if (r != ZK_OK || needed)
			continue;
		if (among(rows, page[i].seg)) {
			page[kept++] = page[i];
			continue;
		}
		out->waiting++;
		out->waiting_bytes += page[i].size;
	}
	*n = kept;
	return r;
}

static enum zk_err
note(struct round *rd, const struct vremote *vr, const struct gcdb_dead *d,
    size_t n)
{
	struct db *db = rd->v->db;
	enum zk_err r = db_begin(db);

	for (size_t i = 0; r == ZK_OK && i < n; i++)
		r = gcdb_gone(db, d[i].name, vr->info.id);
	return db_end(db, r);
}

/* Deletes n of them, as far as they are there, and notes it on the way. */
static enum zk_err
delete(struct round *rd, struct vremote *vr, const struct gcdb_dead *d,
    size_t n, struct sync_gc *out)
{
	uint8_t (*names)[GC_NAME_LEN] = calloc(n + 1, sizeof(*names));
	bool *missing = calloc(n + 1, sizeof(*missing));
	size_t from = 0;
	enum zk_err r = names == NULL || missing == NULL ? ZK_ENOMEM : ZK_OK,
	    e = ZK_OK;

	for (size_t i = 0; r == ZK_OK && i < n; i++)
		memcpy(names[i], d[i].name, GC_NAME_LEN);
	if (r == ZK_OK)
		r = transport_missing(vr->t,
		    (const uint8_t (*)[GC_NAME_LEN])names, n, missing);
	for (size_t i = 0; r == ZK_OK && e == ZK_OK && i < n; i++) {
		if (round_stopped(rd))
			e = ZK_ESIGNAL;
		else if (!missing[i])
			e = transport_blob_delete(vr->t, names[i]);
		if (e == ZK_OK && !missing[i]) {
			out->deleted++;
			out->deleted_bytes += d[i].size;
		}
		if (e == ZK_OK && i + 1 - from < NOTE_N && i + 1 < n)
			continue;
		r = note(rd, vr, d + from, i + (e == ZK_OK) - from);
		from = i + 1;
		round_progress(rd, SYNC_PUBLISH);
	}
	free(names);
	free(missing);
	return r == ZK_OK ? e : r;
}

enum zk_err
gc_sweep(struct round *rd, struct vremote *vr, const struct gc_mark *m,
    const struct gc_rows *rows, size_t *budget, struct sync_gc *out)
{
	struct gcdb_dead *page = calloc(PAGE, sizeof(*page));
	uint8_t after[GCDB_NAME_LEN] = { 0 };
	size_t n = PAGE, got = PAGE;
	enum zk_err r = page == NULL ? ZK_ENOMEM : ZK_OK;

	while (r == ZK_OK && got == PAGE) {
		r = gcdb_left(rd->v->db, vr->info.id, after, page, PAGE,
		    &got);
		if (r != ZK_OK || got == 0)
			break;
		memcpy(after, page[got - 1].name, sizeof(after));
		n = got;
		r = choose(m, rows, page, &n, out);
		if (n > *budget) {
			out->more = true;
			n = *budget;
		}
		*budget -= n;
		if (r == ZK_OK && rd->o->dry_run) {
			out->deleted += n;
			for (size_t i = 0; i < n; i++)
				out->deleted_bytes += page[i].size;
		} else if (r == ZK_OK && n > 0) {
			r = delete(rd, vr, page, n, out);
		}
	}
	free(page);
	return r;
}
