/* The first words to a remote: its space and its records.  See round.h. */
#include <stdlib.h>
#include <string.h>

#include "store/logdb.h"
#include "sync/round.h"
#include "util/log.h"

/*
 * Names of records in one list.  Each is listed once, again if the remote
 * began anew meanwhile; those held and those that are not are bounded each.
 */
#define LIST_MAX (4u * VAULT_RECORDS_MAX)

struct names {
	uint8_t (*p)[TRANSPORT_NAME_LEN];
	size_t n, cap;
};

/* What a remote says that it has of records. */
struct listing {
	struct vault *v;
	const struct vremote *vr;
	size_t seen;
	struct names fetch;	/* those that are not held */
	struct names note;	/* held, and new that they are there, too */
};

static enum zk_err
add_name(struct names *a, const uint8_t name[static TRANSPORT_NAME_LEN])
{
	if (a->n >= VAULT_RECORDS_MAX)
		return ZK_ELIMIT;
	if (a->n == a->cap) {
		size_t cap = a->cap == 0 ? 16 : a->cap * 2;
		void *p = realloc(a->p, cap * sizeof(*a->p));

		if (p == NULL)
			return ZK_ENOMEM;
		a->p = p;
		a->cap = cap;
	}
	memcpy(a->p[a->n++], name, TRANSPORT_NAME_LEN);
	return ZK_OK;
}

static enum zk_err
collect(void *arg, const uint8_t name[static TRANSPORT_NAME_LEN])
{
	struct listing *l = arg;
	bool has = false;
	enum zk_err r;

	if (++l->seen > LIST_MAX)
		return remotes_goes_round(l->vr, "records");
	r = remotedb_rec_has(l->v->db, name, &has);
	if (r == ZK_OK && !has)
		return add_name(&l->fetch, name);
	if (r == ZK_OK)
		r = remotedb_has(l->v->db, l->vr->info.id, name, &has);
	return r == ZK_OK && !has ? add_name(&l->note, name) : r;
}

/* Fetches one record; what is wrong with it stops this remote. */
static enum zk_err
fetch_record(struct round *rd, struct vremote *vr,
    const uint8_t name[static TRANSPORT_NAME_LEN])
{
	struct vault *v = rd->v;
	struct buf b;
	enum zk_err r = ZK_EBUG;

	buf_init(&b, RECORD_STORED_MAX);
	r = transport_rec_get(vr->t, name, &b);
	if (r == ZK_OK) {
		r = records_add(v, name, b.data, b.len);
		if (r != ZK_OK && r != ZK_EEXIST)
			log_error(r, &(struct log_where){ .remote =
			    transport_url(vr->t) }, "record %02x%02x%02x%02x "
			    "on %s was refused: %s", name[0], name[1],
			    name[2], name[3], transport_url(vr->t),
			    err_text(r));
		if (r == ZK_EREFUSED)
			r = ZK_ETAMPER;
	}
	if (r == ZK_OK || r == ZK_EEXIST) {
		r = db_begin(v->db);
		if (r == ZK_OK)
			r = logdb_arrived(v->db, name);
		if (r == ZK_OK)
			r = remotedb_has_set(v->db, vr->info.id, name);
		r = db_end(v->db, r);
	}
	buf_release(&b);
	return r;
}

/* Notes which records a remote holds, and how far its list was read. */
static enum zk_err
note_records(const struct listing *l, const struct tmark *was,
    const struct tmark *mark)
{
	struct db *db = l->v->db;
	bool moved = mark->len != was->len ||
	    memcmp(mark->b, was->b, mark->len) != 0;
	enum zk_err r = ZK_OK;

	if (!moved && l->note.n == 0)
		return ZK_OK;
	r = db_begin(db);
	for (size_t i = 0; r == ZK_OK && i < l->note.n; i++)
		r = remotedb_has_set(db, l->vr->info.id, l->note.p[i]);
	if (r == ZK_OK && moved)
		r = remotedb_mark_set(db, l->vr->info.id, 1, mark->b,
		    mark->len);
	return db_end(db, r);
}

static enum zk_err
fetch_records(struct round *rd, struct vremote *vr)
{
	struct vault *v = rd->v;
	struct listing l = { .v = v, .vr = vr };
	struct tmark mark = { .len = 0 }, was;
	enum zk_err r = remotedb_mark(v->db, vr->info.id, 1, mark.b,
	    &mark.len);

	was = mark;
	if (r == ZK_OK)
		r = logdb_records_arrived(v->db);
	if (r == ZK_OK)
		r = transport_rec_list(vr->t, &mark, collect, &l);
	for (size_t i = 0; r == ZK_OK && i < l.fetch.n; i++)
		r = fetch_record(rd, vr, l.fetch.p[i]);
	if (r == ZK_OK)
		r = note_records(&l, &was, &mark);
	free(l.fetch.p);
	free(l.note.p);
	return r;
}

/* Sends the records that the remote is not known to hold. */
static enum zk_err
send_records(struct round *rd, struct vremote *vr)
{
	struct vault *v = rd->v;
	uint8_t name[32];
	int64_t row = 0;
	struct buf b;
	enum zk_err r = ZK_OK;

	buf_init(&b, RECORD_STORED_MAX);
	while (r == ZK_OK) {
		bool has = false;

		buf_reset(&b);
		r = remotedb_rec_next(v->db, row, &row, name, &b);
		if (r == ZK_OK)
			r = remotedb_has(v->db, vr->info.id, name, &has);
		if (r != ZK_OK || has)
			continue;
		r = transport_rec_put(vr->t, name, b.data, b.len);
		if (r == ZK_OK)
			r = db_begin(v->db);
		if (r == ZK_OK)
			r = remotedb_has_set(v->db, vr->info.id, name);
		r = db_end(v->db, r);
	}
	buf_release(&b);
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
remotes_greet(struct round *rd, struct vremote *vr)
{
	struct vault *v = rd->v;
	enum zk_err r = ZK_OK;

	/* a dry run makes nothing; who let this device in did it before */
	if (!vr->info.created && !rd->o->dry_run) {
		r = transport_create(vr->t);
		if (r == ZK_OK)
			r = db_begin(v->db);
		if (r == ZK_OK)
			r = remotedb_created(v->db, vr->info.id);
		r = db_end(v->db, r);
		if (r == ZK_OK)
			vr->info.created = true;
	}
	if (r == ZK_OK)
		r = fetch_records(rd, vr);
	if (r == ZK_OK && !rd->o->dry_run)
		r = send_records(rd, vr);
	if (r != ZK_OK)
		vr->err = r;
	return r;
}
