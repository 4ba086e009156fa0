#include <string.h>

#include "crypto/hash.h"
#include "crypto/labels.h"
#include "db/row.h"
#include "store/chunkdb.h"
#include "store/largedb.h"
#include "store/listdb.h"
#include "util/buf.h"
#include "util/log.h"

const char chunkdb_schema[] =
    "CREATE TABLE chunk ("
    " hash BLOB NOT NULL,"		/* of the plain bytes */
    " name BLOB NOT NULL,"		/* of the stored bytes */
    " key BLOB NOT NULL,"
    " nonce BLOB NOT NULL,"
    " plain_len INTEGER NOT NULL,"
    " stored_len INTEGER NOT NULL,"
    " sum BLOB NOT NULL,"		/* SUM_LEN bytes, of the others */
    " PRIMARY KEY (hash, name)) WITHOUT ROWID;"
    "CREATE INDEX chunk_name ON chunk (name);"
    "CREATE TABLE chunk_at ("
    " name BLOB NOT NULL,"
    " remote INTEGER NOT NULL,"
    " state INTEGER NOT NULL,"		/* enum chunkdb_state, not 0 */
    " PRIMARY KEY (name, remote)) WITHOUT ROWID;"
    "CREATE INDEX chunk_sending ON chunk_at (remote, name)"
    " WHERE state = 1;"
    "CREATE TABLE chunk_part ("
    " name BLOB PRIMARY KEY,"
    " stored BLOB NOT NULL);";

#define REF_COLS "c.hash, c.name, c.key, c.nonce, c.plain_len," \
    " c.stored_len, c.sum"
#define REF_N 7			/* columns in it */
#define SUM_LEN 8u

static void
row_sum(const struct chunk_ref *ref, uint8_t sum[static SUM_LEN])
{
	uint8_t lens[8], h[HASH_LEN];
	struct hash state;

	for (unsigned i = 0; i < 4; i++) {
		lens[i] = (uint8_t)(ref->plain_len >> 8 * i);
		lens[4 + i] = (uint8_t)(ref->stored_len >> 8 * i);
	}
	hash_init(&state, LABEL_HASH_CHUNK_ROW);
	hash_update(&state, ref->hash, sizeof(ref->hash));
	hash_update(&state, ref->name, sizeof(ref->name));
	hash_update(&state, ref->key, sizeof(ref->key));
	hash_update(&state, ref->nonce, sizeof(ref->nonce));
	hash_update(&state, lens, sizeof(lens));
	hash_final(&state, h);
	memcpy(sum, h, SUM_LEN);
}

/* The row at hand, REF_COLS first, into ref. */
static enum zk_err
get_ref(struct stmt *s, struct chunk_ref *ref)
{
	uint8_t sum[SUM_LEN], want[SUM_LEN];
	enum zk_err r;

	r = stmt_col_copy(s, 0, ref->hash, sizeof(ref->hash));
	if (r == ZK_OK)
		r = stmt_col_copy(s, 1, ref->name, sizeof(ref->name));
	if (r == ZK_OK)
		r = stmt_col_copy(s, 2, ref->key, sizeof(ref->key));
	if (r == ZK_OK)
		r = stmt_col_copy(s, 3, ref->nonce, sizeof(ref->nonce));
	if (r == ZK_OK)
		r = stmt_col_copy(s, 6, sum, sizeof(sum));
	if (r != ZK_OK)
		return r;
	ref->plain_len = (uint32_t)stmt_col_int(s, 4);
	ref->stored_len = (uint32_t)stmt_col_int(s, 5);
	row_sum(ref, want);
	return chunk_ref_ok(ref) && memcmp(sum, want, SUM_LEN) == 0 ? ZK_OK :
	    ZK_ETAMPER;
}

enum zk_err
chunkdb_find(struct db *db, const uint8_t hash[static CHUNK_HASH_LEN],
    int64_t remote, struct chunk_ref *out, enum chunkdb_state *state)
{
	struct stmt *s;
	enum zk_err r;

	memset(out, 0, sizeof(*out));
	*state = CHUNKDB_ABSENT;
	s = db_stmt(db, "SELECT " REF_COLS ","
	    " ifnull((SELECT a.state FROM chunk_at a"
	    "  WHERE a.name = c.name AND a.remote = ?2), 0) AS here,"
	    " ifnull((SELECT max(a.state) FROM chunk_at a"
	    "  WHERE a.name = c.name), 0) AS any"
	    " FROM chunk c WHERE c.hash = ?1"
	    " AND NOT EXISTS (SELECT 1 FROM chunk_dead d"
	    "  WHERE d.name = c.name)"
	    " ORDER BY here DESC, any DESC, c.name LIMIT 1");
	stmt_blob(s, 1, hash, CHUNK_HASH_LEN);
	stmt_int(s, 2, remote);
	r = stmt_step(db, s);
	if (r != ZK_OK)
		return r;
	r = get_ref(s, out);
	*state = (enum chunkdb_state)stmt_col_int(s, REF_N);
	stmt_reset(s);
	if (r != ZK_OK) {
		log_error(r, NULL, "a row of the chunk index is damaged");
		chunk_ref_wipe(out);
	}
	return r;
}

/* The chunk that s gives for two hashes.  ZK_ENOENT. */
static enum zk_err
ref_of(struct db *db, struct stmt *s, const uint8_t *one, const uint8_t *two,
    struct chunk_ref *out)
{
	enum zk_err r;

	memset(out, 0, sizeof(*out));
	stmt_blob(s, 1, one, CHUNK_HASH_LEN);
	stmt_blob(s, 2, two, CHUNK_HASH_LEN);
	r = stmt_step(db, s);
	if (r != ZK_OK)
		return r;
	r = get_ref(s, out);
	stmt_reset(s);
	if (r != ZK_OK)
		chunk_ref_wipe(out);
	return r;
}

enum zk_err
chunkdb_next(struct db *db, const uint8_t hash[static CHUNK_HASH_LEN],
    const uint8_t after[static CHUNK_HASH_LEN], struct chunk_ref *out)
{
	return ref_of(db, db_stmt(db, "SELECT " REF_COLS " FROM chunk c"
	    " WHERE c.hash = ?1 AND c.name > ?2 ORDER BY c.name LIMIT 1"),
	    hash, after, out);
}

enum zk_err
chunkdb_get(struct db *db, const uint8_t hash[static CHUNK_HASH_LEN],
    const uint8_t name[static CHUNK_HASH_LEN], struct chunk_ref *out)
{
	return ref_of(db, db_stmt(db, "SELECT " REF_COLS " FROM chunk c"
	    " WHERE c.hash = ?1 AND c.name = ?2"), hash, name, out);
}

enum zk_err
chunkdb_known(struct db *db, const uint8_t name[static CHUNK_HASH_LEN],
    bool *yes)
{
	struct stmt *s = db_stmt(db, "SELECT 1 FROM chunk WHERE name = ?");

	stmt_blob(s, 1, name, CHUNK_HASH_LEN);
	return row_any(db, s, yes);
}

enum zk_err
chunkdb_add(struct db *db, const struct chunk_ref *ref)
{
	struct stmt *s = db_stmt(db, "INSERT OR IGNORE INTO chunk"
	    " (hash, name, key, nonce, plain_len, stored_len, sum)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?)");
	uint8_t sum[SUM_LEN];

	row_sum(ref, sum);
	stmt_blob(s, 1, ref->hash, sizeof(ref->hash));
	stmt_blob(s, 2, ref->name, sizeof(ref->name));
	stmt_blob(s, 3, ref->key, sizeof(ref->key));
	stmt_blob(s, 4, ref->nonce, sizeof(ref->nonce));
	stmt_int(s, 5, ref->plain_len);
	stmt_int(s, 6, ref->stored_len);
	stmt_blob(s, 7, sum, sizeof(sum));
	return stmt_run(db, s);
}

enum zk_err
chunkdb_forget(struct db *db, const uint8_t name[static CHUNK_HASH_LEN])
{
	struct stmt *s;
	enum zk_err r;

	s = db_stmt(db, "DELETE FROM chunk_at WHERE name = ?");
	stmt_blob(s, 1, name, CHUNK_HASH_LEN);
	r = stmt_run(db, s);
	if (r != ZK_OK)
		return r;
	s = db_stmt(db, "DELETE FROM chunk_part WHERE name = ?");
	stmt_blob(s, 1, name, CHUNK_HASH_LEN);
	r = stmt_run(db, s);
	if (r != ZK_OK)
		return r;
	s = db_stmt(db, "DELETE FROM chunk WHERE name = ?");
	stmt_blob(s, 1, name, CHUNK_HASH_LEN);
	return stmt_run(db, s);
}

enum zk_err
chunkdb_set_state(struct db *db, const uint8_t name[static CHUNK_HASH_LEN],
    int64_t remote, enum chunkdb_state state)
{
	struct stmt *s;

	if (state == CHUNKDB_ABSENT) {
		s = db_stmt(db, "DELETE FROM chunk_at"
		    " WHERE name = ?1 AND remote = ?2");
	} else {
		s = db_stmt(db, "INSERT INTO chunk_at (name, remote, state)"
		    " VALUES (?1, ?2, ?3) ON CONFLICT (name, remote)"
		    " DO UPDATE SET state = max(state, ?3)");
		stmt_int(s, 3, state);
	}
	stmt_blob(s, 1, name, CHUNK_HASH_LEN);
	stmt_int(s, 2, remote);
	return stmt_run(db, s);
}

enum zk_err
chunkdb_state(struct db *db, const uint8_t name[static CHUNK_HASH_LEN],
    int64_t remote, enum chunkdb_state *out)
{
	struct stmt *s = db_stmt(db, "SELECT state FROM chunk_at"
	    " WHERE name = ? AND remote = ?");
	enum zk_err r;

	*out = CHUNKDB_ABSENT;
	stmt_blob(s, 1, name, CHUNK_HASH_LEN);
	stmt_int(s, 2, remote);
	r = stmt_step(db, s);
	if (r == ZK_ENOENT)
		return ZK_OK;
	if (r != ZK_OK)
		return r;
	*out = (enum chunkdb_state)stmt_col_int(s, 0);
	stmt_reset(s);
	return ZK_OK;
}

enum zk_err
chunkdb_lacking(struct db *db, int64_t remote, uint64_t *bytes)
{
	struct stmt *s = db_stmt(db, "SELECT coalesce(sum(stored_len), 0)"
	    " FROM chunk c WHERE NOT EXISTS (SELECT 1 FROM chunk_at a"
	    " WHERE a.name = c.name AND a.remote = ?1 AND a.state = ?2)"
	    " AND NOT EXISTS (SELECT 1 FROM chunk_dead d"
	    " WHERE d.name = c.name)");

	stmt_int(s, 1, remote);
	stmt_int(s, 2, CHUNKDB_DURABLE);
	return row_count(db, s, bytes);
}

enum zk_err
chunkdb_drop_remote(struct db *db, int64_t remote)
{
	struct stmt *s = db_stmt(db, "DELETE FROM chunk_at WHERE remote = ?");
	enum zk_err r = ZK_EBUG;

	stmt_int(s, 1, remote);
	r = stmt_run(db, s);
	if (r != ZK_OK)
		return r;
	s = db_stmt(db, "DELETE FROM chunk_gone WHERE remote = ?");
	stmt_int(s, 1, remote);
	r = stmt_run(db, s);
	if (r == ZK_OK)
		r = listdb_drop(db, remote);
	return r == ZK_OK ? largedb_mark_drop(db, remote) : r;
}

struct names {
	uint8_t (*v)[CHUNK_HASH_LEN];
	size_t n;
};

static enum zk_err
name_row(void *arg, struct stmt *s)
{
	struct names *names = arg;

	return stmt_col_copy(s, 0, names->v[names->n++], CHUNK_HASH_LEN);
}

enum zk_err
chunkdb_sending(struct db *db, int64_t remote,
    const uint8_t after[static CHUNK_HASH_LEN],
    uint8_t (*names)[CHUNK_HASH_LEN], size_t max, size_t *n)
{
	struct stmt *s = db_stmt(db, "SELECT name FROM chunk_at"
	    " WHERE remote = ? AND state = 1 AND name > ?"
	    " ORDER BY name LIMIT ?");
	struct names got = { .v = names };
	enum zk_err r;

	stmt_int(s, 1, remote);
	stmt_blob(s, 2, after, CHUNK_HASH_LEN);
	stmt_int(s, 3, (int64_t)max);
	r = row_each(db, s, name_row, &got);
	*n = r == ZK_OK ? got.n : 0;
	return r;
}

enum zk_err
chunkdb_settle(struct db *db, int64_t remote,
    const uint8_t (*names)[CHUNK_HASH_LEN], size_t n, const bool *missing)
{
	enum zk_err r = db_begin(db);

	if (r != ZK_OK)
		return r;
	for (size_t i = 0; i < n && r == ZK_OK; i++)
		r = chunkdb_set_state(db, names[i], remote, missing[i] ?
		    CHUNKDB_ABSENT : CHUNKDB_DURABLE);
	return db_end(db, r);
}

enum zk_err
chunkdb_part_put(struct db *db, const uint8_t name[static CHUNK_HASH_LEN],
    const void *p, size_t n)
{
	struct stmt *s = db_stmt(db, "INSERT OR IGNORE INTO chunk_part"
	    " (name, stored) VALUES (?, ?)");

	stmt_blob(s, 1, name, CHUNK_HASH_LEN);
	stmt_blob(s, 2, p, n);
	return stmt_run(db, s);
}

enum zk_err
chunkdb_part_get(struct db *db, const uint8_t name[static CHUNK_HASH_LEN],
    struct buf *out)
{
	struct stmt *s = db_stmt(db, "SELECT stored FROM chunk_part"
	    " WHERE name = ?");

	stmt_blob(s, 1, name, CHUNK_HASH_LEN);
	return row_bytes(db, s, out);
}

/* The name that column i says, as far as it is there. */
static void
col_name(struct stmt *s, int i, uint8_t name[static CHUNK_HASH_LEN])
{
	const void *p;
	size_t n;

	memset(name, 0, CHUNK_HASH_LEN);
	p = stmt_col_blob(s, i, &n);
	if (n > 0)
		memcpy(name, p, n < CHUNK_HASH_LEN ? n : CHUNK_HASH_LEN);
}

static enum zk_err
check_rows(struct db *db, enum zk_err (*bad)(void *, const uint8_t *),
    void *arg)
{
	struct stmt *s = db_stmt(db, "SELECT " REF_COLS " FROM chunk c");
	uint8_t name[CHUNK_HASH_LEN];
	struct chunk_ref ref;
	enum zk_err r;

	for (;;) {
		r = stmt_step(db, s);
		if (r != ZK_OK)
			break;
		r = get_ref(s, &ref);
		col_name(s, 1, name);
		if (r == ZK_ETAMPER)
			r = bad(arg, name);
		if (r != ZK_OK)
			break;
	}
	stmt_reset(s);
	chunk_ref_wipe(&ref);
	return r == ZK_ENOENT ? ZK_OK : r;
}

static enum zk_err
check_parts(struct db *db, enum zk_err (*bad)(void *, const uint8_t *),
    void *arg)
{
	struct stmt *s = db_stmt(db, "SELECT name, stored FROM chunk_part");
	uint8_t name[CHUNK_HASH_LEN], is[CHUNK_HASH_LEN];
	const void *p;
	enum zk_err r;
	size_t n;

	for (;;) {
		r = stmt_step(db, s);
		if (r != ZK_OK)
			break;
		col_name(s, 0, name);
		p = stmt_col_blob(s, 1, &n);
		chunk_name(p, n, is);
		if (memcmp(name, is, sizeof(is)) != 0)
			r = bad(arg, name);
		if (r != ZK_OK)
			break;
	}
	stmt_reset(s);
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
chunkdb_check(struct db *db, enum zk_err (*bad)(void *arg,
    const uint8_t name[static CHUNK_HASH_LEN]), void *arg)
{
	enum zk_err r = check_rows(db, bad, arg);

	return r == ZK_OK ? check_parts(db, bad, arg) : r;
}

enum zk_err
chunkdb_count(struct db *db, uint64_t *n, uint64_t *bytes)
{
	struct stmt *s = db_stmt(db, "SELECT count(*),"
	    " ifnull(sum(stored_len), 0) FROM chunk");
	enum zk_err r = stmt_step(db, s);

	*n = 0;
	*bytes = 0;
	if (r != ZK_OK)
		return r;
	*n = (uint64_t)stmt_col_int(s, 0);
	*bytes = (uint64_t)stmt_col_int(s, 1);
	stmt_reset(s);
	return ZK_OK;
}
