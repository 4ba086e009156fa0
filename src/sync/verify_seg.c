/* One segment, checked and replayed for zk verify.  See verify_int.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/sign.h"
#include "format/kvop.h"
#include "format/logop.h"
#include "format/manifest.h"
#include "format/msgop.h"
#include "format/segment.h"
#include "format/thin.h"
#include "store/chunkdb.h"
#include "store/kvdb.h"
#include "store/msgdb.h"
#include "sync/segcache.h"
#include "sync/verify_int.h"

/* Names one finding about a segment; lie: its writer's. */
static void
found(struct verify *vf, const struct logdb_seg *g, const char *what,
    bool lie)
{
	char text[200];

	(void)snprintf(text, sizeof(text), "log %02x%02x%02x%02x segment "
	    "%llu: %s", g->log[0], g->log[1], g->log[2], g->log[3],
	    (unsigned long long)g->seq, what);
	if (lie)
		(void)verify_lie(vf, "seg", text);
	else
		(void)verify_bad(vf, "seg", text, NULL);
}

/* Whose log this is, by the certificates seen; NULL: there was none. */
static const struct logdb_log *
whose(const struct verify *vf, const uint8_t *log)
{
	for (size_t i = 0; i < vf->logs_n; i++)
		if (memcmp(vf->logs[i].log, log, LOGDB_HASH_LEN) == 0)
			return &vf->logs[i];
	return NULL;
}

static enum zk_err
keep_log(struct verify *vf, const struct logdb_log *l)
{
	if (vf->logs_n == vf->logs_cap) {
		size_t cap = vf->logs_cap == 0 ? 16 : vf->logs_cap * 2;
		struct logdb_log *p = realloc(vf->logs, cap * sizeof(*p));

		if (p == NULL)
			return ZK_ENOMEM;
		vf->logs = p;
		vf->logs_cap = cap;
	}
	vf->logs[vf->logs_n++] = *l;
	return ZK_OK;
}

/* The certificate at the start of a log, and what the table says of it. */
static enum zk_err
check_cert(struct verify *vf, struct seg *s, const struct logdb_seg *g)
{
	struct vault *v = vf->rd->v;
	struct logdb_log l = { 0 }, is = { 0 };
	struct logop_cert c;
	const struct member *m = NULL;
	struct op op;
	enum zk_err r = seg_next(s, &op);

	if (r == ZK_OK && op.type != OP_LOG)
		r = ZK_ETAMPER;
	if (r == ZK_OK)
		r = logop_cert_decode(op.body, op.body_len, &c);
	if (r != ZK_OK)
		return r;
	m = members_find(v->members, c.device);
	r = m == NULL ? ZK_ETAMPER : logop_cert_check(&c, vault_id(v),
	    seg_log_pk(s), m->pub.sign_pk);
	seg_rewind(s);
	if (r != ZK_OK)
		return r;
	memcpy(l.log, seg_log(s), sizeof(l.log));
	memcpy(l.device, c.device, sizeof(l.device));
	l.incarnation = c.incarnation;
	r = whose(vf, l.log) == NULL ? keep_log(vf, &l) : ZK_OK;
	if (r == ZK_OK)
		r = logdb_log_get(v->db, l.log, &is);
	if (r == ZK_ETAMPER || r == ZK_ENOENT || (r == ZK_OK &&
	    (memcmp(is.device, l.device, sizeof(l.device)) != 0 ||
	    is.incarnation != l.incarnation))) {
		char text[100];

		(void)snprintf(text, sizeof(text), "log %02x%02x%02x%02x: "
		    "its certificate says another device", g->log[0],
		    g->log[1], g->log[2], g->log[3]);
		r = verify_bad(vf, "log", text, NULL);
	}
	return r;
}

/* That a manifest's entry and the chunk index, if it has it, agree. */
static enum zk_err
check_ref(struct verify *vf, const struct chunk_ref *ref)
{
	struct chunk_ref is;
	enum zk_err r = chunkdb_get(vf->rd->v->db, ref->hash, ref->name, &is);

	if (r == ZK_ENOENT || r == ZK_ETAMPER)
		return ZK_OK;	/* a damaged row was named by its checksum */
	if (r == ZK_OK && (memcmp(is.key, ref->key, sizeof(is.key)) != 0 ||
	    memcmp(is.nonce, ref->nonce, sizeof(is.nonce)) != 0 ||
	    is.plain_len != ref->plain_len ||
	    is.stored_len != ref->stored_len)) {
		char text[100];

		(void)snprintf(text, sizeof(text), "blob %02x%02x%02x%02x: "
		    "a manifest says another key", ref->name[0],
		    ref->name[1], ref->name[2], ref->name[3]);
		r = verify_lie(vf, "chunk", text);
	}
	chunk_ref_wipe(&is);
	return r;
}

/* One part of a manifest, from what is held alone.  ZK_EGAP: it is not. */
static enum zk_err
held_part(void *arg, unsigned level, const struct chunk_ref *ref,
    struct buf *plain)
{
	struct verify *vf = arg;
	struct vault *v = vf->rd->v;
	struct chunk_ctx ctx = { vault_id(v), level };
	struct buf stored;
	enum zk_err r = check_ref(vf, ref);

	buf_init(&stored, CHUNK_STORED_MAX);
	if (r == ZK_OK)
		r = chunkdb_part_get(v->db, ref->name, &stored);
	if (r == ZK_ENOENT)
		r = ZK_EGAP;
	if (r == ZK_OK)
		r = chunk_open(vf->z, &ctx, ref, stored.data, stored.len,
		    plain);
	buf_release(&stored);
	return r;
}

static enum zk_err
check_manifest(struct verify *vf, const struct content *c)
{
	struct manifest_reader *m = NULL;
	struct manifest_entry e;
	struct manifest_head head;
	enum zk_err r = manifest_peek(c->data, c->data_len, &head);

	if (r == ZK_OK && head.size != c->size)
		r = ZK_ETAMPER;
	if (r == ZK_OK)
		r = manifest_reader_new(c->data, c->data_len, held_part, vf,
		    &m);
	while (r == ZK_OK) {
		r = manifest_next(m, &e);
		if (r == ZK_OK)
			r = check_ref(vf, &e.ref);
	}
	manifest_reader_free(m);
	return r == ZK_ENOENT || r == ZK_EGAP ? ZK_OK : r;
}

static enum zk_err
check_content(struct verify *vf, const struct op *op)
{
	enum zk_err r = ZK_OK;
	struct buf b;

	if (!op_has_content(op->type))
		return ZK_OK;
	if (op->content.form == CONTENT_MANIFEST)
		return check_manifest(vf, &op->content);
	if (op->content.form != CONTENT_INLINE)
		return ZK_OK;
	buf_init_secret(&b, 1 << 21);
	r = download_bytes(vf->d, &op->content, &b);
	buf_release(&b);
	vf->rd->rep->files++;
	return r;
}

/* One operation of an applied segment, applied over again. */
static enum zk_err
replay(struct verify *vf, struct op *op, const struct logdb_log *l,
    uint64_t locator)
{
	enum zk_err r = ZK_OK;

	if (op->type >= OP_LOG && !kvop_is(op->type) && !msgop_is(op->type))
		return ZK_OK;
	memcpy(op->device, l->device, sizeof(op->device));
	op->content.locator = locator;
	if (kvop_is(op->type))
		r = kvdb_take(vf->again, l->log, op);
	else if (msgop_is(op->type))
		r = msgdb_take(vf->again, l->log, op, false);
	else
		r = tree_apply(treedb_tree(vf->td), op);
	return r == ZK_EREFUSED ? ZK_OK : r;	/* void, as it was then */
}

/*
 * All operations: their contents, then (l not NULL) the operations
 * themselves; *blobs says whether any names blobs.
 */
static enum zk_err
check_ops(struct verify *vf, struct seg *s, const struct logdb_seg *g,
    const struct logdb_log *l, bool *blobs)
{
	enum zk_err r = ZK_OK;
	struct op op;

	*blobs = false;
	for (size_t i = 0; r == ZK_OK && i < seg_count(s); i++) {
		r = seg_next(s, &op);
		if (r == ZK_EREFUSED) {
			r = ZK_OK;	/* void, as it was then */
			continue;
		}
		if (r != ZK_OK)
			break;
		if (op_has_content(op.type) &&
		    op.content.form == CONTENT_MANIFEST)
			*blobs = true;
		r = check_content(vf, &op);
		if (verify_is_damage(r)) {
			found(vf, g, "a content does not match: its "
			    "device recorded it so", true);
			r = ZK_OK;
		}
		if (r == ZK_OK && l != NULL)
			r = replay(vf, &op, l, segcache_locator(g->id, i));
	}
	return r;
}

static enum zk_err
replay_all(struct verify *vf, struct seg *s, const struct logdb_seg *g,
    const struct logdb_log *l, bool *blobs)
{
	struct tree *t = treedb_tree(vf->td);
	enum zk_err r = db_begin(vf->again);

	if (r == ZK_OK)
		r = tree_begin(t);
	if (r == ZK_OK)
		r = check_ops(vf, s, g, l, blobs);
	if (r == ZK_OK)
		r = tree_end(t);
	r = db_end(vf->again, r);
	if (r != ZK_OK)
		treedb_rolled_back(vf->td);
	return r;
}

/* The row, against what the segment says of itself. */
static bool
row_says(const struct logdb_seg *g, const struct seg *s, size_t stored)
{
	static const uint8_t none[LOGDB_HASH_LEN];
	bool applied = g->state == LOGDB_APPLIED;

	return memcmp(seg_hash(s), g->hash, LOGDB_HASH_LEN) == 0 &&
	    memcmp(seg_log(s), g->log, LOGDB_HASH_LEN) == 0 &&
	    seg_seq(s) == g->seq && g->size == stored &&
	    memcmp(seg_seq(s) > 1 ? seg_prev(s) : none, g->prev,
	    LOGDB_HASH_LEN) == 0 && seg_wall_ms(s) == g->wall_ms &&
	    g->last_lamport == (applied ? seg_last_lamport(s) : 0) &&
	    g->ack == (applied && seg_count(s) == 0);
}

/* What an applied segment builds on is there and was applied. */
static enum zk_err
check_past(struct verify *vf, const struct seg *s)
{
	struct db *db = vf->rd->v->db;
	struct logdb_seg prev = { 0 }, g = { 0 };
	size_t n = 0;
	const struct seg_head *h = seg_heads(s, &n);
	uint64_t *last = calloc(n + 1, sizeof(*last));
	enum zk_err r = last == NULL ? ZK_ENOMEM : ZK_OK;

	if (r == ZK_OK && seg_seq(s) > 1) {
		r = logdb_by_hash(db, seg_prev(s), &prev);
		if (r == ZK_OK && (prev.seq + 1 != seg_seq(s) ||
		    memcmp(prev.log, seg_log(s), LOGDB_HASH_LEN) != 0))
			r = ZK_ETAMPER;
	}
	for (size_t i = 0; r == ZK_OK && i < n; i++) {
		r = logdb_by_hash(db, h[i].hash, &g);
		if (r == ZK_OK && (g.state != LOGDB_APPLIED ||
		    g.seq != h[i].seq ||
		    memcmp(g.log, h[i].log, LOGDB_HASH_LEN) != 0))
			r = ZK_ETAMPER;
		last[i] = g.last_lamport;
	}
	if (r == ZK_OK)
		r = seg_check_lamport(s, prev.last_lamport, last, n);
	free(last);
	return r;
}

/* All that an applied segment had to pass, once more. */
static enum zk_err
check_applied(struct verify *vf, struct seg *s, const struct logdb_seg *g)
{
	struct vault *v = vf->rd->v;
	const struct logdb_log *l = NULL;
	const uint8_t (*rec)[SEG_HASH_LEN] = NULL;
	size_t n = 0;
	bool blobs = false;
	enum zk_err r = check_past(vf, s);

	if (r == ZK_OK && g->seq == 1)
		r = check_cert(vf, s, g);
	if (r != ZK_OK)
		return r;
	l = whose(vf, g->log);
	if (l == NULL)
		return ZK_ETAMPER;
	rec = seg_rec_heads(s, &n);
	r = members_judge(v->members, rec, n, l->device, seg_epoch_id(s));
	if (r == ZK_OK)
		r = replay_all(vf, s, g, l, &blobs);
	if (r == ZK_OK && blobs != g->blobs)
		found(vf, g, "its row does not say what it holds", false);
	return r;
}

enum zk_err
verify_segment(struct verify *vf, const struct logdb_seg *g)
{
	struct vault *v = vf->rd->v;
	struct seg_keys keys = { records_find_epoch, v };
	struct seg *s = NULL;
	bool blobs = false;
	struct buf b;
	enum zk_err r = ZK_EBUG;

	buf_init(&b, SEG_HELD_MAX);
	r = logdb_data(v->db, g->id, &b);
	if (r == ZK_OK)
		r = seg_open_held(b.data, b.len, vault_id(v), &keys, &s);
	if (r == ZK_OK && !row_says(g, s, b.len))
		r = ZK_ETAMPER;
	if (r == ZK_OK)
		r = g->state == LOGDB_APPLIED ? check_applied(vf, s, g) :
		    check_ops(vf, s, g, NULL, &blobs);
	if (verify_is_damage(r)) {
		found(vf, g, err_text(ZK_ETAMPER), false);
		vf->partial |= g->state == LOGDB_APPLIED;
		r = ZK_OK;
	}
	vf->rd->rep->bytes += g->size;
	seg_free(s);
	buf_release(&b);
	return r;
}
