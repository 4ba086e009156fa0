/* Value ops in the database.  See kvdb.h; kvdb_read.c reads them. */
#include "store/kvdb.h"

#include <string.h>

#include "format/kvop.h"
#include "store/kvdb_int.h"

/*
 * kvop: known is 0 for what is covered and not there yet.  log and num are a
 * counter's, after a list's, head (the start of the value) a set's.
 */
const char kvdb_schema[] =
    "CREATE TABLE kvkey ("
    " k INTEGER PRIMARY KEY, ns BLOB NOT NULL, name BLOB NOT NULL,"
    " kind INTEGER NOT NULL, changed INTEGER NOT NULL,"
    " UNIQUE(ns,name,kind));"
    "CREATE INDEX kvkey_changed ON kvkey(changed);"
    "CREATE TABLE kvop ("
    " o INTEGER PRIMARY KEY, k INTEGER NOT NULL, id BLOB NOT NULL,"
    " known INTEGER NOT NULL, live INTEGER NOT NULL, loc INTEGER, dev BLOB,"
    " wall INTEGER, log BLOB, num INTEGER, after BLOB, head BLOB,"
    " value BLOB, UNIQUE(k,id));"
    "CREATE INDEX kvop_live ON kvop(k,id) WHERE live=1;"
    "CREATE INDEX kvop_head ON kvop(k,head) WHERE head IS NOT NULL;"
    "CREATE INDEX kvop_log ON kvop(k,log,live,id) WHERE log IS NOT NULL;"
    "CREATE INDEX kvop_after ON kvop(k,after,id) WHERE after IS NOT NULL;";

enum zk_err
kvdb_find(struct db *db, const struct kv_key *key, int64_t *k)
{
	struct stmt *s = db_stmt(db, "SELECT k FROM kvkey"
	    " WHERE ns=?1 AND name=?2 AND kind=?3");
	enum zk_err r = ZK_EBUG;

	*k = 0;
	kvdb_bind(s, 1, key->ns, key->ns_len);
	kvdb_bind(s, 2, key->name, key->name_len);
	stmt_int(s, 3, key->kind);
	r = stmt_step(db, s);
	if (r != ZK_OK)
		return r;
	*k = stmt_col_int(s, 0);
	stmt_reset(s);
	return ZK_OK;
}

static enum zk_err
take_key(void *arg, const struct kv_key *key, int64_t *k)
{
	struct db *db = arg;
	struct stmt *s = NULL;
	enum zk_err r = kvdb_find(db, key, k);

	if (r != ZK_ENOENT)
		return r;
	s = db_stmt(db, "INSERT INTO kvkey(ns,name,kind,changed)"
	    " VALUES(?1,?2,?3,0)");
	kvdb_bind(s, 1, key->ns, key->ns_len);
	kvdb_bind(s, 2, key->name, key->name_len);
	stmt_int(s, 3, key->kind);
	r = stmt_run(db, s);
	*k = db_last_id(db);
	return r;
}

static enum zk_err
take_state(void *arg, int64_t k, const struct opid *id, enum kv_state *out)
{
	struct db *db = arg;
	struct stmt *s = db_stmt(db, "SELECT known, live FROM kvop"
	    " WHERE k=?1 AND id=?2");
	enum zk_err r = ZK_EBUG;

	*out = KV_NONE;
	stmt_int(s, 1, k);
	stmt_blob(s, 2, id->b, OPID_LEN);
	r = stmt_step(db, s);
	if (r == ZK_ENOENT)
		return ZK_OK;
	if (r != ZK_OK)
		return r;
	*out = stmt_col_int(s, 1) != 0 ? KV_LIVE :
	    stmt_col_int(s, 0) != 0 ? KV_COVERED : KV_AWAITED;
	stmt_reset(s);
	return ZK_OK;
}

static enum zk_err
take_put(void *arg, int64_t k, const struct kv_op *op, bool live)
{
	struct db *db = arg;
	struct stmt *s = db_stmt(db, "INSERT INTO kvop(k,id,known,live,loc,"
	    "dev,wall,log,num,after,head,value)"
	    " VALUES(?1,?2,1,?3,?4,?5,?6,?7,?8,?9,?10,?11)"
	    " ON CONFLICT(k,id) DO UPDATE SET known=1,loc=?4,dev=?5,wall=?6,"
	    "log=?7,num=?8,after=?9");
	size_t head = op->value_len < KVDB_HEAD ? op->value_len : KVDB_HEAD;

	stmt_int(s, 1, k);
	stmt_blob(s, 2, op->id.b, OPID_LEN);
	stmt_int(s, 3, live);
	stmt_int(s, 4, (int64_t)op->locator);
	stmt_blob(s, 5, op->device, sizeof(op->device));
	stmt_int(s, 6, op->wall_ms);
	if (op->type == OP_KV_TOTAL) {
		stmt_blob(s, 7, op->log, sizeof(op->log));
		stmt_int(s, 8, op->total);
	}
	if (op->type == OP_KV_PUSH)
		stmt_blob(s, 9, op->after.b, OPID_LEN);
	if (op->type == OP_KV_ADD && live)
		kvdb_bind(s, 10, op->value, head);
	if (op->type != OP_KV_TOTAL && live)
		kvdb_bind(s, 11, op->value, op->value_len);
	return stmt_run(db, s);
}

static enum zk_err
take_cover(void *arg, int64_t k, const struct opid *id)
{
	struct db *db = arg;
	struct stmt *s = db_stmt(db, "INSERT INTO kvop(k,id,known,live)"
	    " VALUES(?1,?2,0,0) ON CONFLICT(k,id)"
	    " DO UPDATE SET live=0,head=NULL,value=NULL");

	stmt_int(s, 1, k);
	stmt_blob(s, 2, id->b, OPID_LEN);
	return stmt_run(db, s);
}

static enum zk_err
take_changed(void *arg, int64_t k)
{
	struct db *db = arg;
	struct stmt *s = db_stmt(db, "UPDATE kvkey SET changed=1+"
	    "(SELECT max(changed) FROM kvkey) WHERE k=?1");

	stmt_int(s, 1, k);
	return stmt_run(db, s);
}

enum zk_err
kvdb_take(struct db *db, const uint8_t log[static 32], const struct op *op)
{
	struct kvdb kv = { db, take_key, take_state, take_put, take_cover,
		take_changed };
	struct kv_op v;
	enum zk_err r = kvop_decode(op, &v);

	if (r != ZK_OK)
		return r;
	memcpy(v.log, log, sizeof(v.log));
	v.locator = op->content.locator;
	return kv_apply(&kv, &v);
}
