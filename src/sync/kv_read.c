/* Reading values, and what proves them.  See kv.h. */
#include <string.h>

#include "crypto/sign.h"
#include "format/kvop.h"
#include "format/segment.h"
#include "format/thin.h"
#include "store/kvdb.h"
#include "store/logdb.h"
#include "sync/kv.h"
#include "sync/round.h"
#include "sync/segcache.h"
#include "util/log.h"

struct reading {
	struct vault *v;
	kv_value_fn *each;
	void *arg;
	struct buf name;
	uint64_t n;
};

/* Dresses a row up, with its device's name in rd->name. */
static enum zk_err
dress(struct reading *rd, const struct kvdb_row *row, struct kv_value *out)
{
	enum zk_err r = status_device_name(rd->v, row->device, &rd->name);

	*out = (struct kv_value){ .value = row->value,
		.value_len = row->value_len, .op = row->id.b,
		.device = row->device, .wall_ms = row->wall_ms };
	out->name = buf_cstr(&rd->name);
	return r;
}

static enum zk_err
give(void *arg, const struct kvdb_row *row)
{
	struct reading *rd = arg;
	struct kv_value val;
	enum zk_err r = dress(rd, row, &val);

	rd->n++;
	return r == ZK_OK ? rd->each(rd->arg, &val) : r;
}

enum zk_err
sync_kv_values(struct vault *v, const struct kv_key *key, kv_value_fn *each,
    void *arg)
{
	struct reading rd = { .v = v, .each = each, .arg = arg };
	int64_t k = 0;
	enum zk_err r = kvdb_find(v->db, key, &k);

	buf_init(&rd.name, 256);
	if (r == ZK_OK && key->kind == KV_REGISTER)
		r = kvdb_live(v->db, k, give, &rd);
	else if (r == ZK_OK && key->kind == KV_SET)
		r = kvdb_members(v->db, k, give, &rd);
	else if (r == ZK_OK)
		r = kvdb_items(v->db, k, give, &rd);
	buf_release(&rd.name);
	return r == ZK_OK && rd.n == 0 ? ZK_ENOENT : r;
}

enum zk_err
sync_kv_sum(struct vault *v, const struct kv_key *key, int64_t *value)
{
	bool present = false;
	int64_t k = 0;
	enum zk_err r = kvdb_find(v->db, key, &k);

	*value = 0;
	if (r == ZK_OK)
		r = kvdb_sum(v->db, k, value, &present);
	return r == ZK_OK && !present ? ZK_ENOENT : r;
}

/* Keys -------------------------------------------------------------------- */

struct listing {
	struct vault *v;
	kv_seen_fn *each;
	void *arg;
	bool gone;		/* tell those without a value, too */
};

static enum zk_err
see(void *arg, const struct kvdb_key *key)
{
	struct listing *l = arg;
	struct kv_seen seen = { .key = key->key, .changed = key->changed };
	enum zk_err r = kvdb_present(l->v->db, key->k, key->key.kind,
	    &seen.present);

	if (r == ZK_OK && seen.present && key->key.kind != KV_COUNTER)
		r = kvdb_count(l->v->db, key->k, key->key.kind, &seen.count);
	if (r != ZK_OK || (!seen.present && !l->gone))
		return r;
	return l->each(l->arg, &seen);
}

enum zk_err
sync_kv_keys(struct vault *v, const uint8_t *ns, size_t ns_len,
    kv_seen_fn *each, void *arg)
{
	struct listing l = { v, each, arg, false };

	return kvdb_keys(v->db, ns, ns_len, see, &l);
}

enum zk_err
sync_kv_changes(struct vault *v, int64_t since, kv_seen_fn *each, void *arg)
{
	struct listing l = { v, each, arg, true };

	return kvdb_changes(v->db, since, see, &l);
}

enum zk_err
sync_kv_now(struct vault *v, int64_t *changed)
{
	return kvdb_newest(v->db, changed);
}

/* Proof ------------------------------------------------------------------- */

/* The value that counts: a copy, since more is read while it is shown. */
struct first {
	struct kvdb_row row;
	struct buf value;
	bool there;
};

static enum zk_err
take_first(void *arg, const struct kvdb_row *row)
{
	struct first *f = arg;

	if (f->there)
		return ZK_OK;
	f->there = true;
	f->row = *row;
	(void)buf_put(&f->value, row->value, row->value_len);
	f->row.value = f->value.data;
	return buf_err(&f->value);
}

/* A held segment, opened. */
struct opened {
	struct buf stored;
	struct seg *s;
};

static enum zk_err
open_row(struct vault *v, int64_t id, struct opened *o)
{
	struct seg_keys keys = { records_find_epoch, v };
	enum zk_err r = logdb_data(v->db, id, &o->stored);

	if (r == ZK_OK)
		r = seg_open_held(o->stored.data, o->stored.len, vault_id(v),
		    &keys, &o->s);
	return r == ZK_ENOENT ? ZK_ETAMPER : r;
}

/* Op number index of an opened segment. */
static enum zk_err
op_at(struct seg *s, uint64_t index, struct op *op)
{
	enum zk_err r = ZK_OK;

	seg_rewind(s);
	for (uint64_t i = 0; i <= index; i++) {
		r = seg_next(s, op);
		if (r != ZK_OK && (r != ZK_EREFUSED || i == index))
			return ZK_ETAMPER;
	}
	return r;
}

/* That the op in the segment says what the row says of key. */
static enum zk_err
check_op(const struct op *op, const struct kv_key *key,
    const struct kvdb_row *row)
{
	struct kv_op is;
	enum zk_err r = kvop_decode(op, &is);

	if (r != ZK_OK || is.type != OP_KV_SET ||
	    opid_cmp(&is.id, &row->id) != 0 ||
	    is.key.ns_len != key->ns_len ||
	    is.key.name_len != key->name_len ||
	    is.value_len != row->value_len)
		return ZK_ETAMPER;
	if ((key->ns_len > 0 && memcmp(is.key.ns, key->ns, key->ns_len) != 0)
	    || memcmp(is.key.name, key->name, key->name_len) != 0 ||
	    (row->value_len > 0 &&
	    memcmp(is.value, row->value, row->value_len) != 0))
		return ZK_ETAMPER;
	return ZK_OK;
}

/* The certificate of the log, from its first segment. */
static enum zk_err
find_cert(struct vault *v, const uint8_t *log, struct opened *o,
    struct kv_proof *p)
{
	struct logdb_seg g = { 0 };
	struct op op = { .type = 0 };
	enum zk_err r = logdb_from(v->db, log, 1, &g);

	if (r == ZK_OK)
		r = open_row(v, g.id, o);
	if (r == ZK_OK)
		r = op_at(o->s, 0, &op);
	if (r != ZK_OK || op.type != OP_LOG)
		return r == ZK_OK || r == ZK_ENOENT ? ZK_ETAMPER : r;
	p->cert = op.body;
	p->cert_len = op.body_len;
	return ZK_OK;
}

static enum zk_err
prove(struct vault *v, const struct kv_key *key, const struct kvdb_row *row,
    struct opened o[static 2], struct kv_proof *p, struct seg_signed *sig)
{
	const struct member *m = members_find(v->members, row->device);
	struct op op = { .type = 0 };
	enum zk_err r = open_row(v, segcache_row(row->locator), &o[0]);

	p->index = row->locator & 0xffff;
	if (r == ZK_OK)
		r = op_at(o[0].s, p->index, &op);
	if (r == ZK_OK)
		r = check_op(&op, key, row);
	if (r == ZK_OK)
		r = seg_signed(o[0].stored.data, o[0].stored.len, sig);
	if (r == ZK_OK)
		r = find_cert(v, seg_log(o[0].s), &o[1], p);
	if (r == ZK_OK && m == NULL)
		r = ZK_ETAMPER;
	if (r != ZK_OK)
		return r;
	p->log = seg_log(o[0].s);
	p->log_key = seg_log_pk(o[0].s);
	p->segment = seg_hash(o[0].s);
	p->seq = seg_seq(o[0].s);
	p->header = sig->header;
	p->header_len = sig->header_len;
	p->body = sig->body;
	p->sig = sig->sig;
	p->device_key = m->pub.sign_pk;
	return ZK_OK;
}

enum zk_err
sync_kv_proof(struct vault *v, const struct kv_key *key,
    enum zk_err (*each)(void *arg, const struct kv_proof *p), void *arg)
{
	struct reading rd = { .v = v };
	struct first f = { .there = false };
	struct opened o[2] = { { .s = NULL }, { .s = NULL } };
	struct seg_signed sig;
	struct kv_proof p = { .seq = 0 };
	int64_t k = 0;
	enum zk_err r = kvdb_find(v->db, key, &k);

	buf_init(&rd.name, 256);
	buf_init_secret(&f.value, KV_VALUE_MAX);
	buf_init(&o[0].stored, SEG_HELD_MAX);
	buf_init(&o[1].stored, SEG_HELD_MAX);
	if (r == ZK_OK)
		r = kvdb_live(v->db, k, take_first, &f);
	if (r == ZK_OK && !f.there)
		r = ZK_ENOENT;
	if (r == ZK_OK) {
		r = prove(v, key, &f.row, o, &p, &sig);
		if (r == ZK_ETAMPER || r == ZK_EFORMAT)
			log_error(r, NULL, "the value is not what its "
			    "segment says: " VAULT_DAMAGED, v->state_dir);
	}
	if (r == ZK_OK)
		r = dress(&rd, &f.row, &p.val);
	if (r == ZK_OK)
		r = each(arg, &p);
	seg_free(o[0].s);
	seg_free(o[1].s);
	buf_release(&o[0].stored);
	buf_release(&o[1].stored);
	buf_release(&f.value);
	buf_release(&rd.name);
	return r;
}
