/* The chunk index: states, locations, parts. */
#include "db/db.h"
#include "store/chunkdb.h"
#include "store/gcdb.h"
#include "store/largedb.h"
#include "store/listdb.h"
#include "test.h"
#include "util/buf.h"
#include "util/log.h"

static struct db *
make_db(void)
{
	struct db *db = NULL;

	log_set_level(LOG_QUIET);
	if (db_open(":memory:", DB_CREATE, &db) != ZK_OK ||
	    db_exec(db, chunkdb_schema) != ZK_OK ||
	    db_exec(db, gcdb_schema) != ZK_OK ||
	    db_exec(db, largedb_schema) != ZK_OK ||
	    db_exec(db, listdb_schema) != ZK_OK)
		return NULL;
	return db;
}

static struct chunk_ref
make_ref(uint8_t hash, uint8_t name)
{
	struct chunk_ref r = { .plain_len = 1000, .stored_len = 1024 };

	memset(r.hash, hash, sizeof(r.hash));
	memset(r.name, name, sizeof(r.name));
	memset(r.key, name + 1, sizeof(r.key));
	memset(r.nonce, name + 2, sizeof(r.nonce));
	return r;
}

static void
test_find(void)
{
	struct db *db = make_db();
	struct chunk_ref a = make_ref(1, 10), b = make_ref(1, 20), got;
	enum chunkdb_state st;
	uint64_t n, bytes;

	NEED(db != NULL);
	CHECK(chunkdb_find(db, a.hash, 1, &got, &st) == ZK_ENOENT);
	CHECK(chunkdb_add(db, &a) == ZK_OK && chunkdb_add(db, &a) == ZK_OK);
	CHECK(chunkdb_find(db, a.hash, 1, &got, &st) == ZK_OK);
	CHECK(memcmp(&got, &a, sizeof(a)) == 0 && st == CHUNKDB_ABSENT);
	/* the location that is on the remote asked for comes first */
	CHECK(chunkdb_add(db, &b) == ZK_OK);
	CHECK(chunkdb_set_state(db, b.name, 2, CHUNKDB_DURABLE) == ZK_OK);
	CHECK(chunkdb_find(db, a.hash, 2, &got, &st) == ZK_OK);
	CHECK(memcmp(&got, &b, sizeof(b)) == 0 && st == CHUNKDB_DURABLE);
	CHECK(chunkdb_find(db, a.hash, 1, &got, &st) == ZK_OK);
	CHECK(memcmp(&got, &b, sizeof(b)) == 0 && st == CHUNKDB_ABSENT);
	CHECK(chunkdb_set_state(db, a.name, 1, CHUNKDB_SENDING) == ZK_OK);
	CHECK(chunkdb_find(db, a.hash, 1, &got, &st) == ZK_OK);
	CHECK(memcmp(&got, &a, sizeof(a)) == 0 && st == CHUNKDB_SENDING);
	CHECK(chunkdb_count(db, &n, &bytes) == ZK_OK);
	CHECK(n == 2 && bytes == 2048);
	CHECK(chunkdb_forget(db, a.name) == ZK_OK);
	CHECK(chunkdb_find(db, a.hash, 1, &got, &st) == ZK_OK);
	CHECK(memcmp(&got, &b, sizeof(b)) == 0);
	CHECK(chunkdb_state(db, a.name, 1, &st) == ZK_OK);
	CHECK(st == CHUNKDB_ABSENT);
	db_close(db);
}

static void
test_states(void)
{
	struct db *db = make_db();
	struct chunk_ref r;
	uint8_t after[CHUNK_HASH_LEN] = { 0 }, names[4][CHUNK_HASH_LEN];
	bool missing[4] = { true, false, true, false };
	enum chunkdb_state st;
	int64_t at = 0;
	size_t n;

	NEED(db != NULL);
	for (uint8_t i = 1; i <= 6; i++) {
		r = make_ref(i, i);
		CHECK(chunkdb_set_state(db, r.name, 1, i == 3 ?
		    CHUNKDB_DURABLE : CHUNKDB_SENDING) == ZK_OK);
	}
	/* what is durable is not made less */
	r = make_ref(3, 3);
	CHECK(chunkdb_set_state(db, r.name, 1, CHUNKDB_SENDING) == ZK_OK);
	CHECK(chunkdb_state(db, r.name, 1, &st) == ZK_OK);
	CHECK(st == CHUNKDB_DURABLE);
	CHECK(chunkdb_sending(db, 1, after, names, 4, &n) == ZK_OK);
	CHECK(n == 4 && names[0][0] == 1 && names[3][0] == 5);
	CHECK(chunkdb_settle(db, 1, (const uint8_t (*)[CHUNK_HASH_LEN])names,
	    4, missing) == ZK_OK);
	CHECK(chunkdb_state(db, names[0], 1, &st) == ZK_OK);
	CHECK(st == CHUNKDB_ABSENT);
	CHECK(chunkdb_state(db, names[1], 1, &st) == ZK_OK);
	CHECK(st == CHUNKDB_DURABLE);
	CHECK(chunkdb_sending(db, 1, after, names, 4, &n) == ZK_OK);
	CHECK(n == 1 && names[0][0] == 6);
	CHECK(chunkdb_sending(db, 1, names[0], names, 4, &n) == ZK_OK);
	CHECK(n == 0);
	CHECK(chunkdb_sending(db, 2, after, names, 4, &n) == ZK_OK);
	CHECK(n == 0);
	CHECK(largedb_mark_set(db, 1, 5) == ZK_OK);
	CHECK(chunkdb_drop_remote(db, 1) == ZK_OK);
	CHECK(chunkdb_state(db, r.name, 1, &st) == ZK_OK);
	CHECK(st == CHUNKDB_ABSENT);
	CHECK(largedb_mark(db, 1, &at) == ZK_OK && at == 0);
	db_close(db);
}

static void
test_next(void)
{
	struct db *db = make_db();
	struct chunk_ref r, got;
	uint8_t after[CHUNK_HASH_LEN] = { 0 };

	NEED(db != NULL);
	for (uint8_t i = 5; i > 1; i--) {
		r = make_ref(9, i);
		CHECK(chunkdb_add(db, &r) == ZK_OK);
	}
	for (uint8_t i = 2; i <= 5; i++) {
		CHECK(chunkdb_next(db, r.hash, after, &got) == ZK_OK);
		CHECK(got.name[0] == i);
		memcpy(after, got.name, sizeof(after));
	}
	CHECK(chunkdb_next(db, r.hash, after, &got) == ZK_ENOENT);
	db_close(db);
}

static void
test_parts(void)
{
	struct db *db = make_db();
	uint8_t name[CHUNK_HASH_LEN] = { 4 };
	struct buf b;

	NEED(db != NULL);
	buf_init(&b, 100);
	CHECK(chunkdb_part_get(db, name, &b) == ZK_ENOENT);
	CHECK(chunkdb_part_put(db, name, "sealed", 6) == ZK_OK);
	CHECK(chunkdb_part_put(db, name, "sealed", 6) == ZK_OK);
	CHECK(chunkdb_part_get(db, name, &b) == ZK_OK);
	CHECK(b.len == 6 && memcmp(b.data, "sealed", 6) == 0);
	CHECK(chunkdb_forget(db, name) == ZK_OK);
	CHECK(chunkdb_part_get(db, name, &b) == ZK_ENOENT);
	buf_release(&b);
	db_close(db);
}

static enum zk_err
count_bad(void *arg, const uint8_t name[static CHUNK_HASH_LEN])
{
	unsigned *n = arg;

	*n += name[0];
	return ZK_OK;
}

/* A byte of a row or of a part that went bad is seen, and named. */
static void
test_check(void)
{
	struct db *db = make_db();
	struct chunk_ref a = make_ref(1, 10), b = make_ref(2, 20), got;
	uint8_t name[CHUNK_HASH_LEN];
	enum chunkdb_state st;
	unsigned bad = 0;

	NEED(db != NULL);
	chunk_name("sealed", 6, name);
	CHECK(chunkdb_add(db, &a) == ZK_OK && chunkdb_add(db, &b) == ZK_OK);
	CHECK(chunkdb_part_put(db, name, "sealed", 6) == ZK_OK);
	CHECK(chunkdb_check(db, count_bad, &bad) == ZK_OK && bad == 0);
	CHECK(db_exec(db, "UPDATE chunk SET key = randomblob(32)"
	    " WHERE hash < x'02'") == ZK_OK);
	CHECK(chunkdb_check(db, count_bad, &bad) == ZK_OK && bad == 10);
	CHECK(chunkdb_find(db, a.hash, 1, &got, &st) == ZK_ETAMPER);
	CHECK(chunkdb_find(db, b.hash, 1, &got, &st) == ZK_OK);
	CHECK(db_exec(db, "UPDATE chunk SET stored_len = 512,"
	    " plain_len = 400 WHERE hash > x'02'") == ZK_OK);
	bad = 0;
	CHECK(chunkdb_check(db, count_bad, &bad) == ZK_OK && bad == 30);
	CHECK(db_exec(db, "DELETE FROM chunk") == ZK_OK);
	CHECK(db_exec(db, "UPDATE chunk_part SET stored = x'73'") == ZK_OK);
	bad = 0;
	CHECK(chunkdb_check(db, count_bad, &bad) == ZK_OK);
	CHECK(bad == name[0] && bad > 0);
	db_close(db);
}

TESTS(
    { "find", test_find },
    { "states", test_states },
    { "next", test_next },
    { "parts", test_parts },
    { "check", test_check },
)
