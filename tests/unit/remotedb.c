/*
 * What each remote is known to hold: what it lacks is found in the order
 * applied, also where what it has was noted to be without a gap, and then
 * without a look at that.
 */
#include <unistd.h>

#include "store/check.h"
#include "store/logdb.h"
#include "store/remotedb.h"
#include "store/store.h"
#include "test.h"

#define SEGS 9

static struct db *db;
static int64_t remote[2];

static void
hash_of(uint64_t seq, uint8_t out[static 32])
{
	memset(out, 0, 32);
	if (seq > 0) {
		out[0] = 's';
		out[31] = (uint8_t)seq;
	}
}

/* One log of SEGS applied segments; every third is an acknowledgement. */
static void
setup(const char *path)
{
	NEED(store_open(path, true, &db) == ZK_OK);
	NEED(remotedb_add(db, "file:///one", &remote[0]) == ZK_OK);
	NEED(remotedb_add(db, "file:///two", &remote[1]) == ZK_OK);
	for (uint64_t i = 1; i <= SEGS; i++) {
		struct logdb_seg g = { .seq = i, .ack = i % 3 == 0,
			.blobs = i == 5 };

		g.log[0] = 'l';
		hash_of(i, g.hash);
		hash_of(i - 1, g.prev);
		NEED(logdb_put(db, &g, "data", 4) == ZK_OK);
		NEED(logdb_applied(db, &g) == ZK_OK);
	}
}

static void
has(unsigned k, uint64_t seq)
{
	uint8_t hash[32];

	hash_of(seq, hash);
	CHECK(remotedb_has_set(db, remote[k], hash) == ZK_OK);
}

/* The lowest it lacks behind `after`, and all that it lacks. */
static void
lacks(unsigned k, int64_t after, uint64_t seq, uint64_t n, uint64_t acks)
{
	struct logdb_seg g = { .seq = 0 };
	uint64_t count = 0, bytes = 0;
	int64_t id = 0;
	bool blobs = false;
	enum zk_err r = remotedb_lacks(db, remote[k], after, &id);

	if (r == ZK_OK)
		CHECK(logdb_by_id(db, id, &g) == ZK_OK);
	else
		CHECK(r == ZK_ENOENT);
	CHECK(g.seq == seq);
	CHECK(remotedb_behind(db, remote[k], &count) == ZK_OK);
	CHECK(count == n);
	CHECK(remotedb_behind_pulled(db, remote[k], &count) == ZK_OK);
	CHECK(count == acks);
	CHECK(remotedb_lacking(db, remote[k], &count, &bytes, &blobs) ==
	    ZK_OK);
	CHECK(count == n);
	CHECK(bytes == n * 4);
}

static enum zk_err
count_bad(void *arg, const char *table, const char *what, const char *path)
{
	(void)table;
	(void)what;
	(void)path;
	++*(unsigned *)arg;
	return ZK_OK;
}

static unsigned
bad(void)
{
	unsigned n = 0;

	CHECK(check_remotes(db, count_bad, &n) == ZK_OK);
	return n;
}

static void
test_lacks(void)
{
	setup(":memory:");
	lacks(0, 0, 1, SEGS, 3);
	CHECK(remotedb_fill(db, remote[0]) == ZK_OK);
	lacks(0, 0, 1, SEGS, 3);
	/* up to a gap */
	for (uint64_t i = 1; i <= 7; i++)
		if (i != 4)
			has(0, i);
	lacks(0, 0, 4, 3, 1);
	CHECK(remotedb_fill(db, remote[0]) == ZK_OK);
	lacks(0, 0, 4, 3, 1);
	lacks(0, 4, 8, 3, 1);
	has(0, 4);
	CHECK(remotedb_fill(db, remote[0]) == ZK_OK);
	lacks(0, 0, 8, 2, 1);
	lacks(0, 8, 9, 2, 1);
	CHECK(bad() == 0);
	/* all, and one that comes after it */
	has(0, 8);
	has(0, 9);
	CHECK(remotedb_fill(db, remote[0]) == ZK_OK);
	lacks(0, 0, 0, 0, 0);
	CHECK(bad() == 0);
	/* the other remote is asked for itself */
	lacks(1, 0, 1, SEGS, 3);
	/* what lies behind is not looked at again */
	CHECK(db_exec(db, "DELETE FROM remote_has") == ZK_OK);
	lacks(0, 0, 0, 0, 0);
	/* which verify would find */
	CHECK(bad() == 1);
	db_close(db);
}

static void
test_forgets(void)
{
	setup(":memory:");
	for (uint64_t i = 1; i <= SEGS; i++) {
		has(0, i);
		has(1, i);
	}
	CHECK(remotedb_fill(db, remote[0]) == ZK_OK);
	CHECK(remotedb_fill(db, remote[1]) == ZK_OK);
	CHECK(remotedb_forget(db, remote[0]) == ZK_OK);
	lacks(0, 0, 1, SEGS, 3);
	lacks(1, 0, 0, 0, 0);
	CHECK(bad() == 0);
	CHECK(remotedb_rm(db, "file:///two") == ZK_OK);
	CHECK(bad() == 0);
	CHECK(remotedb_rm(db, "file:///two") == ZK_ENOENT);
	/* a remote that comes back is a new one */
	CHECK(remotedb_add(db, "file:///two", &remote[1]) == ZK_OK);
	lacks(1, 0, 1, SEGS, 3);
	db_close(db);
}

/* A database from before there was the table. */
static void
test_older(void)
{
	const char *tmp = getenv("TMPDIR");
	char path[256];

	(void)snprintf(path, sizeof(path), "%.200s/zk-remotedb-%d.db",
	    tmp != NULL ? tmp : "/tmp", (int)getpid());
	setup(path);
	NEED(db_exec(db, "DROP TABLE remote_full;"
	    "DELETE FROM setting WHERE name = 'later'") == ZK_OK);
	db_close(db);
	NEED(store_open(path, false, &db) == ZK_OK);
	lacks(0, 0, 1, SEGS, 3);
	has(0, 1);
	CHECK(remotedb_fill(db, remote[0]) == ZK_OK);
	lacks(0, 0, 2, SEGS - 1, 3);
	db_close(db);
	(void)remove(path);
}

/*
 * What waits for a record goes on when that is here, also where the run that
 * brought it was stopped before it said so; and what cannot go on yet is not
 * in the way of others.
 */
static void
test_waits(void)
{
	struct logdb_seg g[2] = { { .seq = SEGS + 1 }, { .seq = SEGS + 2 } };
	struct logdb_seg ready = { .seq = 0 };
	uint8_t record[32] = { 'r' };

	setup(":memory:");
	for (unsigned i = 0; i < 2; i++) {
		g[i].log[0] = 'l';
		hash_of(g[i].seq, g[i].hash);
		hash_of(g[i].seq - 1, g[i].prev);
		CHECK(logdb_put(db, &g[i], "data", 4) == ZK_OK);
	}
	CHECK(logdb_wait(db, g[0].id, g[0].log, g[0].seq, record) == ZK_OK);
	CHECK(logdb_ready(db, 0, &ready) == ZK_OK && ready.id == g[1].id);
	CHECK(logdb_ready(db, ready.id, &ready) == ZK_ENOENT);
	CHECK(logdb_records_arrived(db) == ZK_OK);
	CHECK(logdb_ready(db, 0, &ready) == ZK_OK && ready.id == g[1].id);
	CHECK(remotedb_rec_put(db, record, "record", 6) == ZK_OK);
	CHECK(logdb_records_arrived(db) == ZK_OK);
	CHECK(logdb_ready(db, 0, &ready) == ZK_OK && ready.id == g[0].id);
	CHECK(logdb_ready(db, ready.id, &ready) == ZK_OK &&
	    ready.id == g[1].id);
	db_close(db);
}

TESTS(
    { "lacks", test_lacks },
    { "forgets", test_forgets },
    { "older", test_older },
    { "waits", test_waits },
)
