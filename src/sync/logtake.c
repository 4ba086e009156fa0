/* Ops about the vault.  See logtake.h. */
#include "sync/logtake.h"

#include <stdio.h>
#include <string.h>

#include "format/logop.h"
#include "store/cpdb.h"
#include "store/gcdb.h"
#include "store/store.h"
#include "sync/vault.h"

#define KEY_MAX (7 + LOGOP_SETTING_MAX + 1)
#define VALUE_MAX (OPID_LEN + LOGOP_SETTING_MAX)

enum zk_err
logtake_setting(struct vault *v, const struct op *op)
{
	struct logop_setting s;
	char key[KEY_MAX];
	struct buf b;
	enum zk_err r = logop_setting_decode(op->body, op->body_len, &s);

	if (r != ZK_OK)
		return r;
	(void)snprintf(key, sizeof(key), "shared.%s", s.name);
	buf_init(&b, VALUE_MAX);
	r = store_get(v->db, key, &b);
	if (r == ZK_ENOENT || (r == ZK_OK && b.len >= OPID_LEN &&
	    memcmp(b.data, op->id.b, OPID_LEN) < 0)) {
		buf_reset(&b);
		r = buf_put(&b, op->id.b, OPID_LEN);
		if (r == ZK_OK)
			r = buf_str(&b, s.value);
		if (r == ZK_OK)
			r = store_put(v->db, key, b.data, b.len);
	}
	buf_release(&b);
	return r;
}

enum zk_err
logtake_condemn(struct vault *v, const struct op *op, int64_t row)
{
	struct logop_condemn c;
	enum zk_err r = logop_condemn_decode(op->body, op->body_len, &c);

	for (size_t i = 0; r == ZK_OK && i < c.n; i++)
		r = gcdb_condemn(v->db, c.names[i], row);
	return r;
}

enum zk_err
logtake_checkpoint(struct vault *v, const struct op *op)
{
	enum zk_err r = logop_cut_decode(op->body, op->body_len, NULL, NULL);

	if (r != ZK_OK || op->content.form == CONTENT_GONE)
		return r;
	return cpdb_add(v->db, op);
}

enum zk_err
logtake_own(struct vault *v, const struct op *op, int64_t row)
{
	if (op->type == OP_SETTING)
		return logtake_setting(v, op);
	return op->type == OP_CONDEMN ? logtake_condemn(v, op, row) : ZK_OK;
}

enum zk_err
logtake_value(struct vault *v, const char *name, struct buf *out)
{
	char key[KEY_MAX];
	struct buf b;
	enum zk_err r = ZK_EBUG;

	buf_reset(out);
	if (strlen(name) > LOGOP_SETTING_MAX)
		return ZK_ENOENT;
	(void)snprintf(key, sizeof(key), "shared.%s", name);
	buf_init(&b, VALUE_MAX);
	r = store_get(v->db, key, &b);
	if (r == ZK_OK && b.len < OPID_LEN)
		r = ZK_ETAMPER;
	if (r == ZK_OK)
		r = buf_put(out, b.data + OPID_LEN, b.len - OPID_LEN);
	buf_release(&b);
	return r;
}
