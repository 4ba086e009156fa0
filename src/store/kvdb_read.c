/* What the value ops in the database mean.  See kvdb.h. */
#include <stdlib.h>
#include <string.h>

#include "db/row.h"
#include "store/kvdb.h"
#include "store/kvdb_int.h"

/* Columns id, dev, wall, loc, value of the row at hand. */
static enum zk_err
row_get(struct stmt *s, struct kvdb_row *row)
{
	enum zk_err r = stmt_col_copy(s, 0, row->id.b, OPID_LEN);

	if (r == ZK_OK)
		r = stmt_col_copy(s, 1, row->device, sizeof(row->device));
	row->wall_ms = stmt_col_int(s, 2);
	row->locator = (uint64_t)stmt_col_int(s, 3);
	row->value = stmt_col_blob(s, 4, &row->value_len);
	return r;
}

/* Gives all rows of s. */
static enum zk_err
rows(struct db *db, struct stmt *s, kvdb_row_fn *each, void *arg)
{
	struct kvdb_row row;
	enum zk_err r = ZK_OK;

	for (r = stmt_step(db, s); r == ZK_OK; r = stmt_step(db, s)) {
		r = row_get(s, &row);
		if (r == ZK_OK)
			r = each(arg, &row);
		if (r != ZK_OK)
			break;
	}
	stmt_reset(s);
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
kvdb_live(struct db *db, int64_t k, kvdb_row_fn *each, void *arg)
{
	struct stmt *s = db_stmt(db, "SELECT id, dev, wall, loc, value"
	    " FROM kvop WHERE k=?1 AND live=1 ORDER BY id DESC");

	stmt_int(s, 1, k);
	return rows(db, s, each, arg);
}

enum zk_err
kvdb_members(struct db *db, int64_t k, kvdb_row_fn *each, void *arg)
{
	struct stmt *s = db_stmt(db, "SELECT max(id), dev, wall, loc, value"
	    " FROM kvop WHERE k=?1 AND live=1 GROUP BY value ORDER BY value");

	stmt_int(s, 1, k);
	return rows(db, s, each, arg);
}

enum zk_err
kvdb_adds(struct db *db, int64_t k, const void *p, size_t n,
    kvdb_row_fn *each, void *arg)
{
	struct stmt *s = db_stmt(db, "SELECT id, dev, wall, loc, value"
	    " FROM kvop WHERE k=?1 AND head=?2 AND value=?3");

	stmt_int(s, 1, k);
	kvdb_bind(s, 2, p, n < KVDB_HEAD ? n : KVDB_HEAD);
	kvdb_bind(s, 3, p, n);
	return rows(db, s, each, arg);
}

enum zk_err
kvdb_count(struct db *db, int64_t k, uint8_t kind, uint64_t *n)
{
	struct stmt *s = kind == KV_SET ? db_stmt(db, "SELECT"
	    " count(DISTINCT value) FROM kvop WHERE k=?1 AND live=1") :
	    db_stmt(db, "SELECT count(*) FROM kvop WHERE k=?1 AND live=1");
	int64_t v = 0;
	enum zk_err r = ZK_EBUG;

	stmt_int(s, 1, k);
	r = row_int(db, s, &v);
	*n = (uint64_t)v;
	return r;
}

enum zk_err
kvdb_present(struct db *db, int64_t k, uint8_t kind, bool *yes)
{
	struct stmt *s = db_stmt(db, "SELECT 1 FROM kvop"
	    " WHERE k=?1 AND live=1 LIMIT 1");
	int64_t v = 0;
	enum zk_err r = ZK_EBUG;

	if (kind == KV_COUNTER)
		return kvdb_sum(db, k, &v, yes);
	stmt_int(s, 1, k);
	r = row_int(db, s, &v);
	*yes = r == ZK_OK;
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* Lists ------------------------------------------------------------------- */

struct items {
	struct kv_item *p;
	size_t n, cap;
};

static enum zk_err
items_load(struct db *db, int64_t k, struct items *it)
{
	struct stmt *s = db_stmt(db, "SELECT o, live, id, after FROM kvop"
	    " WHERE k=?1 AND after IS NOT NULL");
	enum zk_err r = ZK_OK;

	stmt_int(s, 1, k);
	for (r = stmt_step(db, s); r == ZK_OK; r = stmt_step(db, s)) {
		struct kv_item *i = NULL;

		if (it->n == it->cap) {
			size_t cap = it->cap == 0 ? 64 : it->cap * 2;

			i = realloc(it->p, cap * sizeof(*i));
			r = i == NULL ? ZK_ENOMEM : ZK_OK;
			if (r != ZK_OK)
				break;
			it->p = i;
			it->cap = cap;
		}
		i = &it->p[it->n++];
		i->row = stmt_col_int(s, 0);
		i->live = stmt_col_int(s, 1) != 0;
		r = stmt_col_copy(s, 2, i->id.b, OPID_LEN);
		if (r == ZK_OK)
			r = stmt_col_copy(s, 3, i->after.b, OPID_LEN);
		if (r != ZK_OK)
			break;
	}
	stmt_reset(s);
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
kvdb_items(struct db *db, int64_t k, kvdb_row_fn *each, void *arg)
{
	struct items it = { NULL, 0, 0 };
	enum zk_err r = items_load(db, k, &it);

	if (r == ZK_OK)
		r = kv_order(it.p, &it.n);
	for (size_t i = 0; r == ZK_OK && i < it.n; i++) {
		struct stmt *s = db_stmt(db, "SELECT id, dev, wall, loc,"
		    " value FROM kvop WHERE o=?1");

		if (!it.p[i].live)
			continue;
		stmt_int(s, 1, it.p[i].row);
		r = rows(db, s, each, arg);
	}
	free(it.p);
	return r;
}

/* What comes last of all that hangs on the start is found going down. */
enum zk_err
kvdb_last_item(struct db *db, int64_t k, struct opid *id)
{
	struct stmt *s = db_stmt(db, "SELECT id FROM kvop"
	    " WHERE k=?1 AND after=?2 ORDER BY id LIMIT 1");
	enum zk_err r = ZK_OK;

	memset(id, 0, sizeof(*id));
	while (r == ZK_OK) {
		stmt_int(s, 1, k);
		stmt_blob(s, 2, id->b, OPID_LEN);
		r = stmt_step(db, s);
		if (r == ZK_OK) {
			struct opid last;

			r = stmt_col_copy(s, 0, last.b, OPID_LEN);
			stmt_reset(s);
			*id = last;
		}
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* Counters ---------------------------------------------------------------- */

/* The newest op of a log: live, or covered. */
struct last {
	int64_t row;		/* 0: there is none */
	int64_t total;
	struct opid id;
};

static enum zk_err
last_of(struct db *db, int64_t k, const uint8_t *log, bool live,
    struct last *out)
{
	struct stmt *s = db_stmt(db, "SELECT o, num, id FROM kvop"
	    " WHERE k=?1 AND log=?2 AND live=?3 ORDER BY id DESC LIMIT 1");
	enum zk_err r = ZK_EBUG;

	memset(out, 0, sizeof(*out));
	stmt_int(s, 1, k);
	stmt_blob(s, 2, log, 32);
	stmt_int(s, 3, live);
	r = stmt_step(db, s);
	if (r != ZK_OK)
		return r == ZK_ENOENT ? ZK_OK : r;
	out->row = stmt_col_int(s, 0);
	out->total = stmt_col_int(s, 1);
	r = stmt_col_copy(s, 2, out->id.b, OPID_LEN);
	stmt_reset(s);
	return r;
}

/* Both of one log, and whether the newest of all is live. */
static enum zk_err
lasts_of(struct db *db, int64_t k, const uint8_t *log, struct last *live,
    struct last *covered, bool *newest)
{
	enum zk_err r = last_of(db, k, log, true, live);

	if (r == ZK_OK)
		r = last_of(db, k, log, false, covered);
	*newest = live->row != 0 && (covered->row == 0 ||
	    opid_cmp(&live->id, &covered->id) > 0);
	return r;
}

/* The next log in a counter after this one.  ZK_ENOENT. */
static enum zk_err
next_log(struct db *db, int64_t k, uint8_t log[static 32], size_t len)
{
	struct stmt *s = db_stmt(db, "SELECT log FROM kvop"
	    " WHERE k=?1 AND log>?2 ORDER BY log LIMIT 1");
	uint8_t next[32];
	enum zk_err r = ZK_EBUG;

	stmt_int(s, 1, k);
	kvdb_bind(s, 2, log, len);
	r = stmt_step(db, s);
	if (r != ZK_OK)
		return r;
	r = stmt_col_copy(s, 0, next, sizeof(next));
	stmt_reset(s);
	memcpy(log, next, sizeof(next));
	return r;
}

enum zk_err
kvdb_sum(struct db *db, int64_t k, int64_t *value, bool *present)
{
	struct kv_part *part = NULL;
	size_t n = 0, cap = 0;
	uint8_t log[32] = { 0 };
	enum zk_err r = next_log(db, k, log, 0);

	*value = 0;
	*present = false;
	for (; r == ZK_OK; r = next_log(db, k, log, sizeof(log))) {
		struct last live, covered;
		bool newest = false;

		if (n == cap) {
			struct kv_part *p = NULL;

			cap = cap == 0 ? 16 : cap * 2;
			p = realloc(part, cap * sizeof(*p));
			r = p == NULL ? ZK_ENOMEM : ZK_OK;
			if (r != ZK_OK)
				break;
			part = p;
		}
		r = lasts_of(db, k, log, &live, &covered, &newest);
		if (r != ZK_OK)
			break;
		part[n].covered = covered.total;
		part[n++].last = newest ? live.total : covered.total;
		*present |= newest;
	}
	if (r == ZK_ENOENT)
		*value = kv_sum(part, n);
	free(part);
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
kvdb_total(struct db *db, int64_t k, const uint8_t log[static 32],
    int64_t *total)
{
	struct last live, covered;
	bool newest = false;
	enum zk_err r = lasts_of(db, k, log, &live, &covered, &newest);

	*total = newest ? live.total : covered.total;
	return r;
}

enum zk_err
kvdb_lasts(struct db *db, int64_t k, kvdb_row_fn *each, void *arg)
{
	uint8_t log[32] = { 0 };
	enum zk_err r = next_log(db, k, log, 0);

	for (; r == ZK_OK; r = next_log(db, k, log, sizeof(log))) {
		struct stmt *s = db_stmt(db, "SELECT id, dev, wall, loc, NULL"
		    " FROM kvop WHERE o=?1");
		struct last live, covered;
		bool newest = false;

		r = lasts_of(db, k, log, &live, &covered, &newest);
		stmt_int(s, 1, live.row);
		if (r == ZK_OK && newest)
			r = rows(db, s, each, arg);
		if (r != ZK_OK)
			break;
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* Keys -------------------------------------------------------------------- */

static enum zk_err
keys(struct db *db, struct stmt *s, kvdb_key_fn *each, void *arg)
{
	enum zk_err r = ZK_OK;

	for (r = stmt_step(db, s); r == ZK_OK; r = stmt_step(db, s)) {
		struct kvdb_key key = { .k = stmt_col_int(s, 0),
			.changed = stmt_col_int(s, 4) };

		key.key.ns = stmt_col_blob(s, 1, &key.key.ns_len);
		key.key.name = stmt_col_blob(s, 2, &key.key.name_len);
		key.key.kind = (uint8_t)stmt_col_int(s, 3);
		r = each(arg, &key);
		if (r != ZK_OK)
			break;
	}
	stmt_reset(s);
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
kvdb_keys(struct db *db, const uint8_t *ns, size_t ns_len, kvdb_key_fn *each,
    void *arg)
{
	struct stmt *s = ns == NULL ? db_stmt(db, "SELECT k, ns, name, kind,"
	    " changed FROM kvkey ORDER BY ns, name, kind") :
	    db_stmt(db, "SELECT k, ns, name, kind, changed FROM kvkey"
	    " WHERE ns=?1 ORDER BY name, kind");

	if (ns != NULL)
		kvdb_bind(s, 1, ns, ns_len);
	return keys(db, s, each, arg);
}

enum zk_err
kvdb_changes(struct db *db, int64_t since, kvdb_key_fn *each, void *arg)
{
	struct stmt *s = db_stmt(db, "SELECT k, ns, name, kind, changed"
	    " FROM kvkey WHERE changed>?1 ORDER BY changed");

	stmt_int(s, 1, since);
	return keys(db, s, each, arg);
}

enum zk_err
kvdb_newest(struct db *db, int64_t *changed)
{
	struct stmt *s = db_stmt(db, "SELECT coalesce(max(changed),0)"
	    " FROM kvkey");

	return row_int(db, s, changed);
}
