/* Transit relays.  See transit.h. */
#include "sync/transit.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "format/compress.h"
#include "format/logop.h"
#include "format/manifest.h"
#include "format/segment.h"
#include "format/thin.h"
#include "store/chunkdb.h"
#include "store/transitdb.h"
#include "sync/acked.h"
#include "sync/keyset.h"
#include "util/log.h"

#define DAY_MS INT64_C(86400000)
#define AT_ONCE 2000		/* objects deleted in one round, at most */

enum zk_err
transit_over(struct round *rd, const struct vremote *vr,
    const struct logdb_seg *g, bool *yes)
{
	struct vault *v = rd->v;
	int64_t now = env_now_ms(v->env);
	uint64_t acked = 0;
	bool kept = false;
	enum zk_err r = ZK_OK;

	*yes = false;
	if (vr->transit)
		r = transitdb_kept(v->db, g->id, &kept);
	if (r != ZK_OK || !kept)
		return r;
	/* one without a time of its own has none to be too old by */
	if (g->wall_ms > 0 && g->wall_ms < now - TRANSIT_DAYS * DAY_MS) {
		*yes = true;
		return ZK_OK;
	}
	r = acked_by_all(v, g->log, &acked);
	*yes = r == ZK_OK && g->seq <= acked;
	return r;
}

/* What was there ----------------------------------------------------------- */

struct ends {
	struct round *rd;
	struct vremote *vr;
	uint8_t (*log)[VAULT_ID_LEN];
	size_t n, cap;
};

static enum zk_err
add_log(void *arg, const struct logdb_log *l)
{
	struct ends *a = arg;

	if (a->n == a->cap) {
		size_t cap = a->cap == 0 ? 16 : a->cap * 2;
		void *p = realloc(a->log, cap * sizeof(*a->log));

		if (p == NULL)
			return ZK_ENOMEM;
		a->log = p;
		a->cap = cap;
	}
	memcpy(a->log[a->n++], l->log, VAULT_ID_LEN);
	return ZK_OK;
}

/* The segment g, which the relay names as an end, and all before it. */
static enum zk_err
had(struct ends *a, struct logdb_seg g)
{
	struct db *db = a->rd->v->db;
	bool has = false;
	enum zk_err r = ZK_OK;

	while (r == ZK_OK) {
		r = remotedb_has(db, a->vr->info.id, g.hash, &has);
		if (r != ZK_OK || has)
			return r;
		r = remotedb_has_set(db, a->vr->info.id, g.hash);
		if (r != ZK_OK || g.seq <= 1)
			return r;
		r = logdb_by_hash(db, g.prev, &g);
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

static enum zk_err
look_at_end(struct ends *a, const uint8_t *log)
{
	struct db *db = a->rd->v->db;
	struct logdb_seg g = { 0 };
	uint8_t hash[LOGDB_HASH_LEN];
	uint64_t seq = 0;
	enum zk_err r = transport_head(a->vr->t, log, &seq, hash);

	if (r == ZK_OK)
		r = logdb_by_hash(db, hash, &g);
	if (r != ZK_OK || g.state != LOGDB_APPLIED || g.seq != seq)
		return r == ZK_ENOENT ? ZK_OK : r;
	r = db_begin(db);
	if (r == ZK_OK)
		r = had(a, g);
	return db_end(db, r);
}

enum zk_err
transit_begin(struct round *rd, struct vremote *vr)
{
	struct ends a = { .rd = rd, .vr = vr };
	uint64_t behind = 0, bytes = 0;
	bool blobs = false;
	enum zk_err r;

	if (!vr->transit || rd->o->dry_run)
		return ZK_OK;
	r = remotedb_lacking(rd->v->db, vr->info.id, &behind, &bytes, &blobs);
	if (r == ZK_OK && behind > 0)
		r = logdb_logs(rd->v->db, add_log, &a);
	for (size_t i = 0; r == ZK_OK && i < a.n; i++)
		r = look_at_end(&a, a.log[i]);
	free(a.log);
	return r;
}

/* What goes ---------------------------------------------------------------- */

struct sweep {
	struct round *rd;
	struct vremote *vr;
	struct compress *z;
	struct keyset needed;	/* blobs that a segment which stays names */
	bool blind;		/* one names some that cannot be told */
	/* of the segment at hand */
	uint8_t (*names)[CHUNK_HASH_LEN];
	size_t n, cap;
	size_t deleted;		/* objects, in this round */
};

static enum zk_err
add_name(struct sweep *a, const uint8_t name[static CHUNK_HASH_LEN])
{
	if (a->n == a->cap) {
		size_t cap = a->cap == 0 ? 64 : a->cap * 2;
		void *p = realloc(a->names, cap * sizeof(*a->names));

		if (p == NULL)
			return ZK_ENOMEM;
		a->names = p;
		a->cap = cap;
	}
	memcpy(a->names[a->n++], name, CHUNK_HASH_LEN);
	return ZK_OK;
}

/* A part of a manifest, from what is held here alone. */
static enum zk_err
part(void *arg, unsigned level, const struct chunk_ref *ref,
    struct buf *plain)
{
	struct sweep *a = arg;
	struct chunk_ctx ctx = { vault_id(a->rd->v), level };
	struct buf stored;
	enum zk_err r = add_name(a, ref->name);

	buf_init(&stored, CHUNK_STORED_MAX);
	if (r == ZK_OK)
		r = chunkdb_part_get(a->rd->v->db, ref->name, &stored);
	if (r == ZK_OK)
		r = chunk_open(a->z, &ctx, ref, stored.data, stored.len,
		    plain);
	buf_release(&stored);
	return r == ZK_ENOENT ? ZK_EGAP : r;
}

static enum zk_err
names_of_content(struct sweep *a, const struct content *c)
{
	struct manifest_reader *m = NULL;
	struct manifest_entry e = { .off = 0 };
	enum zk_err r = manifest_reader_new(c->data, c->data_len, part, a, &m);

	while (r == ZK_OK) {
		r = manifest_next(m, &e);
		if (r == ZK_OK)
			r = add_name(a, e.ref.name);
	}
	manifest_reader_free(m);
	chunk_ref_wipe(&e.ref);
	return r == ZK_ENOENT ? ZK_OK : r;
}

static enum zk_err
names_of_op(struct sweep *a, const struct op *op)
{
	struct logop_alias other;
	enum zk_err r = ZK_OK;

	if (op->type == OP_ALIAS) {
		r = logop_alias_decode(op->body, op->body_len, &other);
		if (r == ZK_OK)
			r = add_name(a, other.name);
		crypto_wipe(&other, sizeof(other));
		return r;
	}
	return op->content.form == CONTENT_MANIFEST ?
	    names_of_content(a, &op->content) : ZK_OK;
}

/*
 * The blobs that a segment names, one that tells of another location of them
 * too.  ZK_EGAP: not all can be told.
 */
static enum zk_err
names_of(struct sweep *a, const struct logdb_seg *g)
{
	struct vault *v = a->rd->v;
	struct seg_keys keys = { records_find_epoch, v };
	struct seg *s = NULL;
	struct op op;
	struct buf stored;
	enum zk_err r;

	a->n = 0;
	buf_init(&stored, SEG_HELD_MAX);
	r = logdb_data(v->db, g->id, &stored);
	if (r == ZK_OK)
		r = seg_open_held(stored.data, stored.len, vault_id(v), &keys,
		    &s);
	while (r == ZK_OK) {
		r = seg_next(s, &op);
		if (r == ZK_OK)
			r = names_of_op(a, &op);
		else if (r == ZK_EREFUSED)
			r = ZK_OK;
	}
	seg_free(s);
	buf_release(&stored);
	return r == ZK_ENOENT ? ZK_OK : r;
}

static struct opid
as_key(const uint8_t name[static CHUNK_HASH_LEN])
{
	struct opid key;

	_Static_assert(sizeof(key.b) == CHUNK_HASH_LEN, "one kind of name");
	memcpy(key.b, name, sizeof(key.b));
	return key;
}

/* What stays there, and what blobs that needs. */
static enum zk_err
note_needed(struct sweep *a)
{
	int64_t id = 0;
	enum zk_err r = ZK_OK;

	while (r == ZK_OK) {
		struct logdb_seg g = { 0 };
		bool over = false;

		r = transitdb_next(a->rd->v->db, a->vr->info.id, &id);
		if (r == ZK_OK)
			r = logdb_by_id(a->rd->v->db, id, &g);
		if (r == ZK_OK)
			r = transit_over(a->rd, a->vr, &g, &over);
		if (r != ZK_OK || over)
			continue;
		r = names_of(a, &g);
		for (size_t i = 0; r == ZK_OK && i < a->n; i++) {
			struct opid key = as_key(a->names[i]);

			r = keyset_add(&a->needed, &key, NULL);
		}
		a->blind |= r == ZK_EGAP;
		if (r == ZK_EGAP)
			r = ZK_OK;
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* One segment goes, its blobs before it: else nothing would name them. */
static enum zk_err
delete_one(struct sweep *a, const struct logdb_seg *g)
{
	struct db *db = a->rd->v->db;
	int64_t remote = a->vr->info.id;
	size_t gone = 0;
	enum zk_err r = names_of(a, g);

	/* they stay with it until they can be told */
	if (r == ZK_EGAP || (r == ZK_OK && a->n > 0 && a->blind))
		return ZK_OK;
	for (size_t i = 0; r == ZK_OK && i < a->n; i++) {
		struct opid key = as_key(a->names[i]);

		if (keyset_has(&a->needed, &key))
			continue;
		memcpy(a->names[gone++], key.b, sizeof(key.b));
		r = transport_blob_delete(a->vr->t, key.b);
	}
	if (r == ZK_OK)
		r = transport_seg_delete(a->vr->t, g->log, g->seq);
	if (r == ZK_OK)
		r = db_begin(db);
	for (size_t i = 0; r == ZK_OK && i < gone; i++)
		r = chunkdb_set_state(db, a->names[i], remote, CHUNKDB_ABSENT);
	if (r == ZK_OK)
		r = transitdb_gone(db, remote, g->id);
	r = db_end(db, r);
	a->deleted += 1 + gone;
	return r;
}

static enum zk_err
delete_over(struct sweep *a)
{
	int64_t id = 0;
	bool noted = false;
	enum zk_err r = ZK_OK;

	while (r == ZK_OK && a->deleted < AT_ONCE && !round_stopped(a->rd)) {
		struct logdb_seg g = { 0 };
		bool over = false;

		r = transitdb_next(a->rd->v->db, a->vr->info.id, &id);
		if (r == ZK_OK)
			r = logdb_by_id(a->rd->v->db, id, &g);
		if (r == ZK_OK)
			r = transit_over(a->rd, a->vr, &g, &over);
		if (r == ZK_OK && over && !noted)
			r = note_needed(a);
		noted |= over;
		if (r == ZK_OK && over)
			r = delete_one(a, &g);
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

static enum zk_err
sweep(struct round *rd, struct vremote *vr)
{
	struct sweep a = { .rd = rd, .vr = vr };
	enum zk_err r = compress_new(&a.z);

	keyset_init(&a.needed);
	if (r == ZK_OK)
		r = delete_over(&a);
	if (a.deleted > 0)
		log_debug("%zu objects were deleted on '%s'", a.deleted,
		    transport_url(vr->t));
	keyset_release(&a.needed);
	compress_free(a.z);
	free(a.names);
	return r;
}

enum zk_err
transit_end(struct round *rd)
{
	for (size_t i = 0; i < rd->remotes_n && !rd->o->dry_run; i++) {
		struct vremote *vr = rd->remotes[i];
		enum zk_err r = ZK_OK;

		if (!vr->transit || vr->err != ZK_OK)
			continue;
		r = sweep(rd, vr);
		if (round_stopped(rd))
			return ZK_ESIGNAL;
		if (r != ZK_OK && err_status(r) != 5)
			return r;
		if (r != ZK_OK)
			round_left_out(rd, vr, r);
	}
	return ZK_OK;
}
