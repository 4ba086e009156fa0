/* The ops of a segment that is taken in.  See ingest_int.h. */
#include "sync/ingest_int.h"

#include <stdlib.h>
#include <string.h>

#include "format/logop.h"
#include "store/chunkdb.h"
#include "store/kvdb.h"
#include "store/msgdb.h"
#include "store/store.h"
#include "sync/causal.h"
#include "sync/logtake.h"
#include "util/hex.h"
#include "util/log.h"

void
ingest_complain(struct round *rd, const struct vremote *vr, enum zk_err r,
    const uint8_t *log, uint64_t seq, const char *what)
{
	const char *url = vr == NULL ? NULL : transport_url(vr->t);

	log_error(r, &(struct log_where){ .remote = url },
	    "log %02x%02x%02x%02x segment %llu%s%s: %s", log[0], log[1],
	    log[2], log[3], (unsigned long long)seq,
	    url == NULL ? "" : " on ", url == NULL ? "" : url, what);
	round_note(rd, r);
}

enum zk_err
ingest_cert(struct round *rd, const struct seg *s, const struct op *op)
{
	struct vault *v = rd->v;
	struct logop_cert c;
	struct logdb_log l = { 0 };
	const struct member *m = NULL;
	enum zk_err r = logop_cert_decode(op->body, op->body_len, &c);

	if (r != ZK_OK)
		return r;
	m = members_find(v->members, c.device);
	if (m == NULL)
		return ZK_EREFUSED;
	r = logop_cert_check(&c, vault_id(v), seg_log_pk(s),
	    m->pub.sign_pk);
	if (r != ZK_OK)
		return r;
	if (memcmp(c.device, vault_device(v), sizeof(c.device)) == 0 &&
	    memcmp(seg_log(s), v->log_id, VAULT_ID_LEN) != 0 &&
	    c.incarnation >= keys_incarnation(v->keys)) {
		r = store_put_int(v->db, "cloned", 1);
		if (r != ZK_OK)
			return r;
	}
	memcpy(l.log, seg_log(s), sizeof(l.log));
	memcpy(l.device, c.device, sizeof(l.device));
	l.incarnation = c.incarnation;
	return logdb_log_put(v->db, &l);
}

/* A device's name: the one with the greatest op id counts. */
static enum zk_err
take_name(struct round *rd, const struct logdb_log *l, const struct op *op)
{
	struct db *db = rd->v->db;
	char name[LOGOP_NAME_MAX + 1], key[5 + 2 * 32 + 1] = "name.";
	struct buf b;
	enum zk_err r = logop_name_decode(op->body, op->body_len, name);

	if (r != ZK_OK)
		return r;
	hex_text(l->device, 32, key + 5);
	buf_init(&b, OPID_LEN + LOGOP_NAME_MAX);
	r = store_get(db, key, &b);
	if (r == ZK_ENOENT || (r == ZK_OK && b.len > OPID_LEN &&
	    memcmp(b.data, op->id.b, OPID_LEN) < 0)) {
		buf_reset(&b);
		r = buf_put(&b, op->id.b, OPID_LEN);
		if (r == ZK_OK)
			r = buf_str(&b, name);
		if (r == ZK_OK)
			r = store_put(db, key, b.data, b.len);
	}
	buf_release(&b);
	return r;
}

static enum zk_err
take_alias(struct round *rd, const struct op *op)
{
	struct logop_alias a;
	struct chunk_ref c = { .plain_len = 0 };
	enum zk_err r = logop_alias_decode(op->body, op->body_len, &a);

	if (r != ZK_OK)
		return r;
	memcpy(c.hash, a.hash, sizeof(c.hash));
	memcpy(c.name, a.name, sizeof(c.name));
	memcpy(c.key, a.key, sizeof(c.key));
	memcpy(c.nonce, a.nonce, sizeof(c.nonce));
	c.plain_len = a.plain_len;
	c.stored_len = a.stored_len;
	if (chunk_ref_ok(&c))
		r = chunkdb_add(rd->v->db, &c);
	chunk_ref_wipe(&c);
	return r;
}

enum zk_err
ingest_fork(struct page *p, const struct op *op)
{
	struct logop_fork *f = malloc(sizeof(*f));
	enum zk_err r = f == NULL ? ZK_ENOMEM :
	    logop_fork_decode(op->body, op->body_len, f);

	for (size_t i = 0; r == ZK_OK && i < f->n; i++) {
		struct tseg s = { .seq = f->seg[i].seq };

		if (f->seg[i].stored == NULL)
			continue;
		memcpy(s.log, f->log, sizeof(s.log));
		memcpy(s.hash, f->seg[i].hash, sizeof(s.hash));
		s.data = f->seg[i].stored;
		s.len = f->seg[i].stored_len;
		r = page_add(p, &s);
	}
	free(f);
	return r;
}

/* One op of an applied segment. */
static enum zk_err
take_op(struct round *rd, struct page *p, const struct logdb_log *l,
    const struct op *op, int64_t row)
{
	switch (op->type) {
	case OP_LOG:
		return ZK_OK;
	case OP_NAME:
		return take_name(rd, l, op);
	case OP_ALIAS:
		return take_alias(rd, op);
	case OP_FORK:
		return ingest_fork(p, op);
	case OP_SETTING:
		return logtake_setting(rd->v, op);
	case OP_CONDEMN:
		return logtake_condemn(rd->v, op, row);
	case OP_CHECKPOINT:
		return logtake_checkpoint(rd->v, op);
	case OP_KV_SET:
	case OP_KV_ADD:
	case OP_KV_TOTAL:
	case OP_KV_PUSH:
	case OP_KV_REMOVE:
		return kvdb_take(rd->v->db, l->log, op);
	case OP_MSG:
	case OP_CHANNEL:
		return msgdb_take(rd->v->db, l->log, op, memcmp(l->device,
		    vault_device(rd->v), sizeof(l->device)) == 0);
	default:
		return tree_apply(rd->v->tree, op);
	}
}

/* All ops of a segment whose signer is known to be a member. */
enum zk_err
ingest_ops(struct round *rd, struct page *p, struct seg *s,
    const struct logdb_log *l, struct logdb_seg *row, struct causal *c)
{
	enum zk_err r = ZK_OK;
	struct op op;

	seg_rewind(s);
	for (size_t i = 0; i < seg_count(s); i++) {
		r = seg_next(s, &op);
		if (r == ZK_EREFUSED) {
			ingest_complain(rd, NULL, ZK_EFORMAT, seg_log(s),
			    seg_seq(s), "an operation that no device may "
			    "record was left out");
			continue;
		}
		if (r != ZK_OK)
			return r;
		memcpy(op.device, l->device, sizeof(op.device));
		op.content.locator = segcache_locator(row->id, i);
		if (op_has_content(op.type) &&
		    op.content.form == CONTENT_MANIFEST)
			row->blobs = true;
		r = take_op(rd, p, l, &op, row->id);
		if (r == ZK_OK && op.type <= OP_SPLIT)
			r = causal_took(c, &op);
		if (r == ZK_EREFUSED) {
			ingest_complain(rd, NULL, ZK_EFORMAT, seg_log(s),
			    seg_seq(s), "an operation without meaning was "
			    "left out");
			r = ZK_OK;
		}
		if (r != ZK_OK)
			return r;
	}
	return ZK_OK;
}
