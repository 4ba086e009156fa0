/* What is known of dead blobs, when segments came, the scratch tables. */
#include <stdlib.h>
#include <unistd.h>

#include "db/row.h"
#include "format/logop.h"
#include "store/chunkdb.h"
#include "store/gcdb.h"
#include "store/gcscan.h"
#include "store/listdb.h"
#include "store/logdb.h"
#include "store/store.h"
#include "test.h"
#include "util/buf.h"
#include "util/log.h"

static struct chunk_ref
make_ref(uint8_t hash, uint8_t name)
{
	struct chunk_ref r = { .plain_len = 1000, .stored_len = 1024 };

	memset(r.hash, hash, sizeof(r.hash));
	memset(r.name, name, sizeof(r.name));
	return r;
}

/* Dead blobs are given to no upload, are on no remote, and stay dead. */
static void
test_dead(void)
{
	struct chunk_ref a = make_ref(1, 10), b = make_ref(1, 20), got;
	struct gcdb_dead left[4];
	uint8_t zero[GCDB_NAME_LEN] = { 0 };
	enum chunkdb_state st;
	struct db *db = NULL;
	bool dead = true;
	int64_t seg = 0;
	size_t n = 0;

	log_set_level(LOG_QUIET);
	NEED(store_open(":memory:", true, &db) == ZK_OK);
	CHECK(gcdb_any(db, &dead) == ZK_OK && !dead);
	CHECK(chunkdb_add(db, &a) == ZK_OK && chunkdb_add(db, &b) == ZK_OK);
	CHECK(chunkdb_set_state(db, a.name, 1, CHUNKDB_DURABLE) == ZK_OK);
	CHECK(gcdb_chunks(db, zero, left, 4, &n) == ZK_OK && n == 2);
	CHECK(gcdb_condemn(db, a.name, 7) == ZK_OK);
	CHECK(gcdb_condemn(db, a.name, 8) == ZK_OK);
	CHECK(gcdb_dead(db, a.name, &dead) == ZK_OK && dead);
	CHECK(gcdb_dead(db, b.name, &dead) == ZK_OK && !dead);
	CHECK(chunkdb_state(db, a.name, 1, &st) == ZK_OK &&
	    st == CHUNKDB_ABSENT);
	/* the other location is the one now, then none is */
	CHECK(chunkdb_find(db, a.hash, 1, &got, &st) == ZK_OK);
	CHECK(memcmp(got.name, b.name, sizeof(b.name)) == 0);
	CHECK(gcdb_condemn(db, b.name, 9) == ZK_OK);
	CHECK(chunkdb_find(db, a.hash, 1, &got, &st) == ZK_ENOENT);
	/* to read, they are there until they are gone from both remotes */
	CHECK(chunkdb_next(db, a.hash, zero, &got) == ZK_OK);
	CHECK(gcdb_left(db, 1, zero, left, 4, &n) == ZK_OK && n == 2);
	/* the last to condemn it counts */
	CHECK(left[0].seg == 8 && left[0].size == 1024);
	CHECK(gcdb_dead_by(db, a.name, &seg) == ZK_OK && seg == 8);
	CHECK(gcdb_gone(db, a.name, 1) == ZK_OK);
	CHECK(gcdb_left(db, 1, zero, left, 4, &n) == ZK_OK && n == 1);
	CHECK(gcdb_left(db, 2, zero, left, 4, &n) == ZK_OK && n == 2);
	CHECK(gcdb_forget(db, 2) == ZK_OK);
	CHECK(chunkdb_get(db, a.hash, a.name, &got) == ZK_OK);
	CHECK(gcdb_gone(db, a.name, 2) == ZK_OK);
	CHECK(gcdb_forget(db, 2) == ZK_OK);
	CHECK(chunkdb_get(db, a.hash, a.name, &got) == ZK_ENOENT);
	CHECK(gcdb_dead(db, a.name, &dead) == ZK_OK && dead);
	/* one that lost its store may have got them back */
	CHECK(chunkdb_drop_remote(db, 1) == ZK_OK);
	CHECK(gcdb_left(db, 1, zero, left, 4, &n) == ZK_OK && n == 2);
	CHECK(gcdb_seg_next(db, 8, &seg) == ZK_OK && seg == 9);
	CHECK(gcdb_seg_next(db, 9, &seg) == ZK_ENOENT);
	db_close(db);
}

/* A look at names that are a byte each; how many of them were new. */
static unsigned
look(struct db *db, int64_t remote, int64_t ms, const char *names, bool add)
{
	struct listdb_look at = { .remote = remote, .ms = ms };
	unsigned n = 0;

	CHECK(listdb_next(db, &at.no) == ZK_OK);
	for (; *names != '\0'; names++) {
		uint8_t name[LISTDB_NAME_LEN];
		bool fresh = false;
		int64_t since = 0;
		enum zk_err r = ZK_EBUG;

		memset(name, *names, sizeof(name));
		r = listdb_seen(db, &at, name, add, &since, &fresh);
		CHECK(r == ZK_OK || (r == ZK_ENOENT && !add && !fresh));
		CHECK(r != ZK_OK || (fresh ? since == ms : since < ms));
		n += fresh;
	}
	return n;
}

/* Forgets in a look of its own what is above a name and up to one. */
static uint64_t
left_after(struct db *db, int64_t remote, char after, char upto)
{
	struct listdb_look at = { .remote = remote };
	uint8_t from[LISTDB_NAME_LEN], to[LISTDB_NAME_LEN];
	uint64_t n = 0;

	memset(from, after, sizeof(from));
	memset(to, upto, sizeof(to));
	CHECK(listdb_next(db, &at.no) == ZK_OK);
	CHECK(listdb_unseen(db, &at, after == '\0' ? NULL : from,
	    upto == '\0' ? NULL : to) == ZK_OK);
	CHECK(listdb_count(db, &n) == ZK_OK);
	return n;
}

/* Names that remotes list: since when, in which part, and how far. */
static void
test_listed(void)
{
	struct chunk_ref a = make_ref(1, 10);
	uint8_t name[LISTDB_NAME_LEN], got[LISTDB_NAME_LEN];
	struct db *db = NULL;
	bool yes = true;
	uint64_t n = 1;

	NEED(store_open(":memory:", true, &db) == ZK_OK);
	CHECK(listdb_count(db, &n) == ZK_OK && n == 0);
	CHECK(look(db, 1, 100, "bdfh", true) == 4);
	CHECK(look(db, 2, 100, "bd", true) == 2);
	CHECK(look(db, 1, 200, "bdfh", true) == 0);
	CHECK(look(db, 1, 300, "bz", false) == 0);
	/* above b, which itself stays, and up to f, which goes */
	CHECK(left_after(db, 1, 'b', 'f') == 4);
	CHECK(look(db, 1, 400, "df", false) == 0);
	CHECK(left_after(db, 1, 'h', '\0') == 4);
	CHECK(left_after(db, 1, '\0', 'a') == 4);
	CHECK(left_after(db, 1, 'c', '\0') == 3);
	/* what comes back is new */
	CHECK(look(db, 1, 500, "h", true) == 1);
	memset(name, 'd', sizeof(name));
	CHECK(listdb_at(db, 1, got) == ZK_ENOENT);
	CHECK(listdb_at_set(db, 1, name) == ZK_OK);
	CHECK(listdb_at_set(db, 2, name) == ZK_OK);
	CHECK(listdb_at(db, 1, got) == ZK_OK &&
	    memcmp(got, name, sizeof(name)) == 0);
	CHECK(listdb_at_set(db, 1, NULL) == ZK_OK);
	CHECK(listdb_at(db, 1, got) == ZK_ENOENT);
	/* a remote that is no more, or lost its store */
	CHECK(chunkdb_drop_remote(db, 2) == ZK_OK);
	CHECK(listdb_at(db, 2, got) == ZK_ENOENT);
	CHECK(left_after(db, 2, '\0', '\0') == 2);
	CHECK(chunkdb_known(db, a.name, &yes) == ZK_OK && !yes);
	CHECK(chunkdb_add(db, &a) == ZK_OK);
	CHECK(chunkdb_known(db, a.name, &yes) == ZK_OK && yes);
	db_close(db);
}

/* A database of a version that knew no lists gets what it takes. */
static void
test_older(void)
{
	const char *tmp = getenv("TMPDIR");
	struct db *db = NULL;
	char path[256];
	uint64_t n = 1;

	(void)snprintf(path, sizeof(path), "%.200s/zk-gcdb-%d.db",
	    tmp != NULL ? tmp : "/tmp", (int)getpid());
	NEED(store_open(path, true, &db) == ZK_OK);
	NEED(db_exec(db, "DROP TABLE blob_listed; DROP TABLE blob_list_at;"
	    "DELETE FROM setting WHERE name = 'later'") == ZK_OK);
	db_close(db);
	NEED(store_open(path, false, &db) == ZK_OK);
	CHECK(listdb_count(db, &n) == ZK_OK && n == 0);
	CHECK(look(db, 1, 100, "ab", true) == 2);
	db_close(db);
	(void)remove(path);
}

static bool
put_segment(struct db *db, uint8_t n)
{
	struct logdb_seg s = { .seq = n, .state = LOGDB_APPLIED };

	memset(s.hash, n, sizeof(s.hash));
	return logdb_put(db, &s, "x", 1) == ZK_OK;
}

/*
 * A segment has come by the first note after it; of notes near each other the
 * first and the last are kept.
 */
static void
test_clock(void)
{
	struct chunk_ref a = make_ref(1, 10);
	struct db *db = NULL;
	uint64_t rows = 0;
	int64_t ms = 0;

	NEED(store_open(":memory:", true, &db) == ZK_OK);
	CHECK(gcdb_tick(db, 500, 100) == ZK_OK);
	CHECK(gcdb_came(db, 1, &ms) == ZK_ENOENT);
	NEED(put_segment(db, 1));
	CHECK(gcdb_tick(db, 1000, 100) == ZK_OK);
	CHECK(gcdb_came(db, 1, &ms) == ZK_OK && ms == 1000);
	/* each is noted at once, also without another run for long */
	NEED(put_segment(db, 2));
	CHECK(gcdb_tick(db, 1050, 100) == ZK_OK);
	CHECK(gcdb_came(db, 2, &ms) == ZK_OK && ms == 1050);
	NEED(put_segment(db, 3));
	CHECK(gcdb_tick(db, 1100, 100) == ZK_OK);
	CHECK(gcdb_came(db, 1, &ms) == ZK_OK && ms == 1000);
	CHECK(gcdb_came(db, 2, &ms) == ZK_OK && ms == 1100);
	CHECK(gcdb_came(db, 3, &ms) == ZK_OK && ms == 1100);
	/* and does not come ever later as the others come */
	NEED(put_segment(db, 4));
	CHECK(gcdb_tick(db, 1101, 100) == ZK_OK);
	CHECK(gcdb_came(db, 3, &ms) == ZK_OK && ms == 1100);
	CHECK(gcdb_came(db, 4, &ms) == ZK_OK && ms == 1101);
	NEED(put_segment(db, 5));
	CHECK(gcdb_tick(db, 1200, 100) == ZK_OK);
	CHECK(gcdb_came(db, 3, &ms) == ZK_OK && ms == 1100);
	CHECK(gcdb_came(db, 4, &ms) == ZK_OK && ms == 1200);
	CHECK(row_count(db, db_stmt(db, "SELECT count(*) FROM gcclock"),
	    &rows) == ZK_OK && rows == 3);
	/* nothing new: no note; a clock that went back notes at once */
	CHECK(gcdb_tick(db, 9000, 100) == ZK_OK);
	CHECK(gcdb_came(db, 5, &ms) == ZK_OK && ms == 1200);
	NEED(put_segment(db, 6));
	CHECK(gcdb_tick(db, 10, 100) == ZK_OK);
	CHECK(gcdb_came(db, 6, &ms) == ZK_OK && ms == 10);
	/* since when a chunk is a stray one, until it is none */
	CHECK(gcdb_stray(db, a.name, 5, &ms) == ZK_OK && ms == 5);
	CHECK(gcdb_stray(db, a.name, 9, &ms) == ZK_OK && ms == 5);
	CHECK(gcdb_no_stray(db, a.name) == ZK_OK);
	CHECK(gcdb_stray(db, a.name, 9, &ms) == ZK_OK && ms == 9);
	db_close(db);
}

/* What replaces one of equal contents of a node replaces all of them. */
static void
test_scan(void)
{
	struct gcscan_content c = { .locator = 5 };
	struct gcscan *s = NULL;
	uint8_t name[GCSCAN_NAME_LEN] = { 1 };
	bool yes = false;
	int64_t row = 0;

	NEED(gcscan_new(&s) == ZK_OK);
	for (uint8_t i = 1; i <= 3; i++) {
		c.id.b[0] = i;
		c.hash[0] = i == 3;
		CHECK(gcscan_content_put(s, &c) == ZK_OK);
	}
	c.id.b[0] = 1;
	CHECK(gcscan_over(s, &c.id, 70) == ZK_OK);
	CHECK(gcscan_over(s, &c.id, 60) == ZK_OK);
	CHECK(gcscan_settle(s) == ZK_OK);
	for (uint8_t i = 1; i <= 3; i++) {
		CHECK(gcscan_content_next(s, &row, &c) == ZK_OK);
		CHECK(c.id.b[0] == i && c.locator == 5);
		CHECK(c.over == (i < 3) && (i == 3 || c.over_ms == 70));
	}
	CHECK(gcscan_content_next(s, &row, &c) == ZK_ENOENT);
	CHECK(gcscan_add(s, GCSCAN_NEED, name, &yes) == ZK_OK && yes);
	CHECK(gcscan_add(s, GCSCAN_NEED, name, &yes) == ZK_OK && !yes);
	CHECK(gcscan_has(s, GCSCAN_NEED, name, &yes) == ZK_OK && yes);
	CHECK(gcscan_has(s, GCSCAN_WASTE, name, &yes) == ZK_OK && !yes);
	gcscan_free(s);
}

/* The bodies: canonical forms alone. */
static void
test_bodies(void)
{
	struct logop_setting set = { "history", "9d" }, got;
	uint8_t names[2][32] = { { 1 }, { 2 } };
	struct logop_condemn c = { (const uint8_t (*)[32])names, 2 }, back;
	struct buf b;

	buf_init(&b, 4096);
	CHECK(logop_condemn_encode(&c, &b) == ZK_OK);
	CHECK(logop_condemn_decode(b.data, b.len, &back) == ZK_OK);
	CHECK(back.n == 2 && memcmp(back.names, names, sizeof(names)) == 0);
	for (size_t i = 0; i < b.len; i++)
		CHECK(logop_condemn_decode(b.data, i, &back) == ZK_EFORMAT);
	memset(b.data + 1, 9, 32);	/* out of order */
	CHECK(logop_condemn_decode(b.data, b.len, &back) == ZK_EFORMAT);
	c.n = 0;
	CHECK(logop_condemn_encode(&c, &b) == ZK_EFORMAT);
	CHECK(logop_condemn_decode((const uint8_t *)"\0", 1, &back) ==
	    ZK_EFORMAT);
	buf_reset(&b);
	CHECK(logop_setting_encode(&set, &b) == ZK_OK);
	CHECK(logop_setting_decode(b.data, b.len, &got) == ZK_OK);
	CHECK(strcmp(got.name, "history") == 0 &&
	    strcmp(got.value, "9d") == 0);
	for (size_t i = 0; i < b.len; i++)
		CHECK(logop_setting_decode(b.data, i, &got) == ZK_EFORMAT);
	b.data[1] = 'H';
	CHECK(logop_setting_decode(b.data, b.len, &got) == ZK_EFORMAT);
	b.data[1] = 0;
	CHECK(logop_setting_decode(b.data, b.len, &got) == ZK_EFORMAT);
	buf_release(&b);
}

TESTS(
    { "dead", test_dead },
    { "listed", test_listed },
    { "older", test_older },
    { "clock", test_clock },
    { "scan", test_scan },
    { "bodies", test_bodies },
)
