/*
 * Blobs that a remote has and that nobody knows.  See gc.h.
 *
 * A device may send blobs and be lost, with its index, before it publishes an
 * op that names them.  So remotes are asked what they have.  A name that no
 * op, index or condemn knows here is noted, and condemned if a remote still
 * lists it once the window has passed.
 *
 * Why that deletes nothing that is needed: a condemn decides only that its
 * readers no longer count on the name; what is deleted is decided once every
 * device that is not parked has acknowledged it, by what is needed then
 * (gc.h).  Case by case, for a blob that is sent and not named yet:
 *
 * - Its sender is at work, on whatever: until it hears of the condemn it may
 *   publish an op that names the blob.  That op is in the past of its
 *   acknowledgement, so whoever deletes has it, and needs the blob.  Once it
 *   has heard it seals anew what it still needs, as with a blob of its index.
 * - The sender joins while this goes on: the record that adds it is on the
 *   remote before its first blob, so who lists the blob and then reads, as
 *   each later run does, waits for that device too.
 * - It is parked: it is not waited for, and forgets on its return which blobs
 *   are where.  What it had published is read here, since nothing is noted or
 *   judged but in a run in which every remote answered to its end and no
 *   segment waits for another one: none of what is on a remote that was out
 *   of reach then, or behind a gap.
 * - It was removed: what it has not published by then is void.
 *
 * Remotes are listed after they were read, so that each page is judged as it
 * comes and none is held.  A blob that is sent and published in between is
 * noted, and found to be needed by the next run, which reads the op before it
 * lists: the window, which has hardly begun, makes that harmless, and a
 * window of no length does no more than to have it sealed anew, by the first
 * case.
 *
 * What a remote lists is bounded here in all that it can cost: LIST_MAX names
 * in one run, from where the last one ended, and NOTED_MAX that are noted at
 * any time, which is also what made-up names can have condemned in a window.
 */
#include <stdlib.h>
#include <string.h>

#include "store/chunkdb.h"
#include "store/gcdb.h"
#include "store/listdb.h"
#include "store/logdb.h"
#include "sync/gc.h"
#include "util/log.h"

#define LIST_MAX 65536		/* names of a remote that one run looks at */
#define NOTED_MAX 65536		/* that wait for the window, of all remotes */

/* A page of names of a remote. */
struct page {
	uint8_t (*v)[GC_NAME_LEN];
	size_t n;
	bool more;
};

static enum zk_err
take(void *arg, const uint8_t name[static TRANSPORT_NAME_LEN])
{
	struct page *p = arg;

	if (p->n == TRANSPORT_LIST_MAX)
		return ZK_EBUG;
	memcpy(p->v[p->n++], name, GC_NAME_LEN);
	return ZK_OK;
}

/* Whether anything is known here of a blob. */
static enum zk_err
known(struct gc_mark *m, const uint8_t *name, bool *yes)
{
	struct db *db = m->rd->v->db;
	enum zk_err r = gcscan_has(m->scan, GCSCAN_NEED, name, yes);

	if (r == ZK_OK && !*yes)
		r = gcscan_has(m->scan, GCSCAN_WASTE, name, yes);
	if (r == ZK_OK && !*yes)
		r = gcdb_dead(db, name, yes);
	/* of those in the index is judged by what this device did */
	if (r == ZK_OK && !*yes)
		r = chunkdb_known(db, name, yes);
	return r;
}

static enum zk_err
judge(struct gc_mark *m, const struct listdb_look *look,
    const uint8_t *name, uint64_t *noted)
{
	bool yes = false, fresh = false;
	int64_t since = 0;
	enum zk_err r = known(m, name, &yes);

	if (r != ZK_OK || yes)
		return r;
	r = listdb_seen(m->rd->v->db, look, name, *noted < NOTED_MAX, &since,
	    &fresh);
	if (r == ZK_ENOENT)
		return ZK_OK;
	*noted += fresh;
	/* how large it is nobody here knows */
	return r == ZK_OK && since <= m->now - m->window ?
	    gc_waste_put(m, name, 0) : r;
}

/*
 * Judges a page of what is above after, in one transaction.  What was noted
 * in this part of the list and is not in it now, or has got a meaning, is
 * noted no longer.
 */
static enum zk_err
judge_page(struct gc_mark *m, const struct listdb_look *look,
    const uint8_t *after, const struct page *p)
{
	struct db *db = m->rd->v->db;
	const uint8_t *upto = p->more ? p->v[p->n - 1] : NULL;
	uint64_t noted = 0;
	enum zk_err r = db_begin(db);

	if (r == ZK_OK)
		r = listdb_count(db, &noted);
	for (size_t i = 0; r == ZK_OK && i < p->n; i++)
		r = judge(m, look, p->v[i], &noted);
	if (r == ZK_OK)
		r = listdb_unseen(db, look, after, upto);
	if (r == ZK_OK)
		r = listdb_at_set(db, look->remote, upto);
	return db_end(db, r);
}

/* What a listing failed with; anything that is not ours is the remote's. */
static enum zk_err
failed(struct round *rd, struct vremote *vr, enum zk_err r)
{
	const char *url = transport_url(vr->t);

	if (r == ZK_ESIGNAL || r == ZK_ENOMEM || r == ZK_EBUG)
		return r;
	if (r == ZK_ENOENT || r == ZK_EREFUSED) {
		log_debug("%s cannot list its blobs", url);
		return ZK_OK;
	}
	if (err_status(r) == 5)		/* the transport said it */
		log_debug("%s does not list its blobs: %s", url, err_text(r));
	else
		log_error(r, &(struct log_where){ .remote = url },
		    "%s does not list its blobs: %s", url, err_text(r));
	round_note(rd, r);
	return ZK_OK;
}

static enum zk_err
list_one(struct gc_mark *m, struct vremote *vr, struct page *p)
{
	struct db *db = m->rd->v->db;
	struct listdb_look look = { .remote = vr->info.id, .ms = m->now };
	uint8_t at[GC_NAME_LEN];
	size_t left = LIST_MAX;
	enum zk_err r = listdb_at(db, look.remote, at);
	bool any = r == ZK_OK;

	if (r == ZK_OK || r == ZK_ENOENT)
		r = listdb_next(db, &look.no);
	for (p->more = true; r == ZK_OK && p->more &&
	    left >= TRANSPORT_LIST_MAX && !m->more; left -= p->n) {
		if (round_stopped(m->rd))
			return ZK_ESIGNAL;
		p->n = 0;
		r = transport_blob_list(vr->t, any ? at : NULL, take, p,
		    &p->more);
		if (r != ZK_OK)
			return failed(m->rd, vr, r);
		r = judge_page(m, &look, any ? at : NULL, p);
		if (p->n > 0)
			memcpy(at, p->v[p->n - 1], sizeof(at));
		any |= p->n > 0;
	}
	return r;
}

/* Whether all that is on the remotes was read and understood in this run. */
static enum zk_err
all_read(const struct gc_mark *m, bool *yes)
{
	uint64_t pending = 0;
	enum zk_err r = logdb_pending(m->rd->v->db, &pending);

	*yes = r == ZK_OK && pending == 0 && !m->unread;
	for (size_t i = 0; i < m->rd->remotes_n; i++)
		*yes &= m->rd->remotes[i]->err == ZK_OK &&
		    !m->rd->remotes[i]->stuck;
	return r;
}

enum zk_err
gc_list(struct gc_mark *m)
{
	struct page p = { .v = NULL };
	bool yes = false;
	enum zk_err r = all_read(m, &yes);

	if (r != ZK_OK || !yes)
		return r;
	p.v = calloc(TRANSPORT_LIST_MAX, sizeof(*p.v));
	if (p.v == NULL)
		return ZK_ENOMEM;
	for (size_t i = 0; r == ZK_OK && i < m->rd->remotes_n; i++)
		r = list_one(m, m->rd->remotes[i], &p);
	free(p.v);
	return r;
}
