/*
 * Messages: what the set of channel ops means does not depend on how the
 * logs come together, in how many batches or how often; of each log messages
 * are given out in its order.
 *
 * MSG_SEEDS (default 500) histories are drawn at random, each taken in three
 * times, twice in orders of their own.
 */
#include <stdint.h>
#include <unistd.h>

#include "format/msgop.h"
#include "format/op.h"
#include "store/check.h"
#include "store/msgdb.h"
#include "store/store.h"
#include "store/treedb.h"
#include "test.h"
#include "util/buf.h"

#define OPS 30
#define LOGS 3

struct gen {
	struct op op;
	struct msg_op m;
	uint8_t log;
};

static uint64_t seed;

static unsigned
below(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % n;
}

static void
log_of(unsigned i, uint8_t out[static 32])
{
	memset(out, 0, 32);
	memcpy(out, i == 2 ? "other!" : "alike!", 6);
	out[31] = (uint8_t)i;
}

static void
gen(struct gen *g, size_t n)
{
	static const char *const names[] = { "", "a", "b" };
	uint64_t lamport[LOGS] = { 1, 1, 1 };

	memset(g, 0, n * sizeof(*g));
	for (size_t i = 0; i < n; i++) {
		const char *name = names[below(3)];
		uint8_t log[32];

		g[i].log = (uint8_t)below(LOGS);
		lamport[g[i].log] += 1 + below(3);
		log_of(g[i].log, log);
		op_bare_id(log, lamport[g[i].log], &g[i].op.id);
		g[i].op.id.b[31] = (uint8_t)i;
		g[i].op.device[0] = g[i].log;
		g[i].op.wall_ms = (int64_t)below(1000);
		g[i].op.content.size = i;
		g[i].op.content.locator = i + 1;
		g[i].m.type = below(5) == 0 ? OP_CHANNEL : OP_MSG;
		g[i].m.channel = (const uint8_t *)name;
		g[i].m.channel_len = strlen(name);
		g[i].m.expiry = g[i].m.type == OP_CHANNEL ? below(9) : 0;
		g[i].op.type = g[i].m.type;
	}
}

static void
take(struct db *db, const struct gen *g)
{
	uint8_t log[32];
	struct buf b;
	struct op op = g->op;

	log_of(g->log, log);
	buf_init(&b, MSGOP_BODY_MAX);
	NEED(msgop_encode(&g->m, &b) == ZK_OK);
	op.body = b.data;
	op.body_len = b.len;
	/* log 1 is ours */
	CHECK(msgdb_take(db, log, &op, g->log == 1) == ZK_OK);
	buf_release(&b);
}

/* Each log in its order, the logs anyhow, some ops again. */
static void
take_merged(struct db *db, const struct gen *g, size_t n)
{
	size_t at[LOGS] = { 0, 0, 0 };
	unsigned left = LOGS;

	while (left > 0) {
		unsigned l = below(LOGS);

		while (at[l] < n && g[at[l]].log != l)
			at[l]++;
		if (at[l] < n) {
			size_t again = below((unsigned)at[l] + 1);

			take(db, &g[at[l]]);
			if (g[again].log == l)
				take(db, &g[again]);
			at[l]++;
		}
		left = 0;
		for (unsigned k = 0; k < LOGS; k++)
			left += at[k] < n;
	}
}

/* What is there ------------------------------------------------------------ */

static enum zk_err
say_channel(void *arg, const struct msgdb_seen *seen)
{
	return buf_printf(arg, "%.*s %llu %llu\n", (int)seen->name_len,
	    (const char *)seen->name, (unsigned long long)seen->expiry,
	    (unsigned long long)seen->waiting);
}

/* Channels, then what of each log in each channel is given out, in order. */
static void
say(struct db *db, struct buf *out)
{
	static const char *const names[] = { "", "a", "b" };

	CHECK(msgdb_channels(db, say_channel, out) == ZK_OK);
	for (unsigned l = 0; l < LOGS; l++)
		for (unsigned c = 0; c < 3; c++) {
			struct msgdb_channel ch;
			struct msgdb_row row = { .m = 0 };
			uint8_t log[32];

			log_of(l, log);
			if (msgdb_find(db, names[c], strlen(names[c]), &ch) !=
			    ZK_OK)
				continue;
			while (msgdb_next(db, ch.c, row.m, &row) == ZK_OK)
				if (memcmp(row.log, log, 32) == 0)
					(void)buf_printf(out, "%u%s %u %d\n",
					    l, names[c], row.id.b[31],
					    (int)row.size);
		}
}

/* The same, straight from the history. */
static void
plain(const struct gen *g, size_t n, struct buf *out)
{
	static const char *const names[] = { "", "a", "b" };

	for (unsigned c = 0; c < 3; c++) {
		const struct gen *set = NULL;
		unsigned waiting = 0, any = 0;

		for (size_t i = 0; i < n; i++) {
			if (strlen(names[c]) != g[i].m.channel_len ||
			    memcmp(names[c], g[i].m.channel,
			    g[i].m.channel_len) != 0)
				continue;
			any++;
			waiting += g[i].m.type == OP_MSG && g[i].log != 1;
			if (g[i].m.type == OP_CHANNEL && (set == NULL ||
			    opid_cmp(&set->op.id, &g[i].op.id) < 0))
				set = &g[i];
		}
		if (any > 0)
			(void)buf_printf(out, "%s %u %u\n", names[c],
			    set == NULL ? 0 : (unsigned)set->m.expiry,
			    waiting);
	}
	for (unsigned l = 0; l < LOGS; l++)
		for (unsigned c = 0; c < 3; c++)
			for (size_t i = 0; i < n; i++)
				if (g[i].log == l && l != 1 &&
				    g[i].m.type == OP_MSG &&
				    strlen(names[c]) == g[i].m.channel_len &&
				    memcmp(names[c], g[i].m.channel,
				    g[i].m.channel_len) == 0)
					(void)buf_printf(out, "%u%s %u %d\n",
					    l, names[c], g[i].op.id.b[31],
					    (int)g[i].op.content.size);
}

static enum zk_err
differs(void *arg, const char *table, const char *what, const char *path)
{
	(void)arg;
	printf("# %s: %s '%s'\n", table, what, path == NULL ? "" : path);
	FAIL("the orders differ");
	return ZK_OK;
}

static void
same(const char *what, const struct buf *a, const struct buf *b)
{
	if (a->len == b->len && (a->len == 0 ||
	    memcmp(a->data, b->data, a->len) == 0))
		return;
	printf("# seed %llu: %.*s---\n%.*s", (unsigned long long)seed,
	    (int)a->len, (const char *)a->data, (int)b->len,
	    (const char *)b->data);
	FAIL(what);
}

static void
one_history(struct db *db[static 2])
{
	static struct gen g[OPS];
	size_t n = 1 + below(OPS);
	struct buf want, is;

	buf_init(&want, 1 << 16);
	gen(g, n);
	plain(g, n, &want);
	for (unsigned i = 0; i < 2; i++) {
		buf_init(&is, 1 << 16);
		CHECK(db_exec(db[i], "DELETE FROM msg; DELETE FROM chan") ==
		    ZK_OK);
		take_merged(db[i], g, n);
		say(db[i], &is);
		same("not what the ops say", &want, &is);
		/* all of it again changes nothing */
		for (size_t k = n; k > 0; k--)
			take(db[i], &g[k - 1]);
		buf_reset(&is);
		say(db[i], &is);
		same("taken in twice", &want, &is);
		buf_release(&is);
	}
	CHECK(check_messages(db[0], db[1], differs, NULL) == ZK_OK);
	buf_release(&want);
}

static void
test_any_order(void)
{
	const char *v = getenv("MSG_SEEDS");
	unsigned long runs = v == NULL ? 500 : strtoul(v, NULL, 10);
	struct db *db[2] = { NULL, NULL };

	NEED(treedb_scratch(&db[0]) == ZK_OK);
	NEED(treedb_scratch(&db[1]) == ZK_OK);
	for (unsigned long i = 1; i <= runs && !test_failed; i++) {
		seed = i * UINT64_C(0x9e3779b97f4a7c15);
		one_history(db);
	}
	db_close(db[0]);
	db_close(db[1]);
}

/* What was given out is passed over, and kept through a close. */
static void
test_done(void)
{
	char path[] = "/tmp/zk-msg-XXXXXX";
	int fd = mkstemp(path);
	struct gen g[4];
	struct msgdb_channel ch;
	struct msgdb_row row;
	struct db *db = NULL;
	int64_t m = 0;

	NEED(fd >= 0 && close(fd) == 0);
	NEED(store_open(path, true, &db) == ZK_OK);
	seed = 5;
	gen(g, 4);
	for (unsigned i = 0; i < 4; i++) {
		g[i].m = (struct msg_op){ .type = OP_MSG,
			.channel = (const uint8_t *)"c", .channel_len = 1,
			.label = (const uint8_t *)"name", .label_len = 4 };
		g[i].op.type = OP_MSG;
		g[i].log = i == 2 ? 1 : 0;
		take(db, &g[i]);
	}
	NEED(msgdb_find(db, "c", 1, &ch) == ZK_OK);
	CHECK(msgdb_find(db, "d", 1, &ch) == ZK_ENOENT);
	NEED(msgdb_find(db, "c", 1, &ch) == ZK_OK);
	CHECK(msgdb_newest(db, ch.c, &m) == ZK_OK && m == 4);
	NEED(msgdb_next(db, ch.c, 0, &row) == ZK_OK);
	CHECK(row.m == 1 && row.label_len == 4 &&
	    memcmp(row.label, "name", 4) == 0);
	CHECK(msgdb_done(db, 2) == ZK_OK);
	db_close(db);
	NEED(store_open(path, false, &db) == ZK_OK);
	NEED(msgdb_next(db, ch.c, 1, &row) == ZK_OK);
	/* 2 was given out, 3 is our own */
	CHECK(row.m == 4);
	CHECK(msgdb_done(db, 4) == ZK_OK && msgdb_done(db, 1) == ZK_OK);
	CHECK(msgdb_next(db, ch.c, 0, &row) == ZK_ENOENT);
	CHECK(msgdb_newest(db, ch.c, &m) == ZK_OK && m == 0);
	db_close(db);
	(void)remove(path);
}

static enum zk_err
decode(const void *body, size_t n, uint8_t type, uint8_t merge)
{
	struct op op = { .type = type, .body = body, .body_len = n };
	struct msg_op m;

	op.content.merge = merge;
	return msgop_decode(&op, &m);
}

static void
test_bodies(void)
{
	static const uint8_t msg[] = { 1, 'c', 1, 'l' };
	static const uint8_t bare[] = { 0, 0 };
	static const uint8_t nul[] = { 2, 'c', 0, 0 };
	static const uint8_t nul_label[] = { 0, 1, 0 };
	static const uint8_t set[] = { 1, 'c', 0x80, 1 };
	static const uint8_t longer[] = { 1, 'c', 0x80, 0 };
	static const uint8_t far[] = { 0, 0xff, 0xff, 0xff, 0xff, 0xff, 1 };
	uint8_t text[MSG_CHANNEL_MAX + 1];
	struct msg_op m = { .type = OP_MSG, .channel = text,
		.channel_len = MSG_CHANNEL_MAX, .label = text,
		.label_len = MSG_LABEL_MAX };
	struct buf b;

	CHECK(decode(msg, sizeof(msg), OP_MSG, 0) == ZK_OK);
	CHECK(decode(bare, sizeof(bare), OP_MSG, 0) == ZK_OK);
	CHECK(decode(msg, sizeof(msg), OP_MSG, MERGE_TEXT) == ZK_EREFUSED);
	CHECK(decode(msg, sizeof(msg) - 1, OP_MSG, 0) == ZK_EFORMAT);
	CHECK(decode(msg, sizeof(msg), OP_CHANNEL, 0) == ZK_EFORMAT);
	CHECK(decode(nul, sizeof(nul), OP_MSG, 0) == ZK_EREFUSED);
	CHECK(decode(nul_label, sizeof(nul_label), OP_MSG, 0) ==
	    ZK_EREFUSED);
	CHECK(decode(set, sizeof(set), OP_CHANNEL, 0) == ZK_OK);
	CHECK(decode(longer, sizeof(longer), OP_CHANNEL, 0) == ZK_EFORMAT);
	CHECK(decode(far, sizeof(far), OP_CHANNEL, 0) == ZK_EREFUSED);
	CHECK(decode(NULL, 0, OP_MSG, 0) == ZK_EFORMAT);
	memset(text, 'x', sizeof(text));
	buf_init(&b, MSGOP_BODY_MAX);
	CHECK(msgop_encode(&m, &b) == ZK_OK);
	CHECK(decode(b.data, b.len, OP_MSG, 0) == ZK_OK);
	m.channel_len++;
	CHECK(msgop_encode(&m, &b) == ZK_EREFUSED);
	m = (struct msg_op){ .type = OP_CHANNEL,
		.expiry = MSG_EXPIRY_MAX + 1 };
	CHECK(msgop_encode(&m, &b) == ZK_EREFUSED);
	m.expiry--;
	buf_reset(&b);
	CHECK(msgop_encode(&m, &b) == ZK_OK);
	CHECK(decode(b.data, b.len, OP_CHANNEL, 0) == ZK_OK);
	buf_release(&b);
}

/* A message is content: without any it is void, as one that is too large. */
static void
test_content(void)
{
	struct op op = { .type = OP_MSG };

	CHECK(op_clean(&op) == ZK_EREFUSED);
	op.content.form = CONTENT_INLINE;
	CHECK(op_clean(&op) == ZK_OK);
	op.content.form = CONTENT_MANIFEST;
	op.content.size = OP_FILE_MAX + 1;
	CHECK(op_clean(&op) == ZK_EREFUSED);
	op = (struct op){ .type = OP_CHANNEL };
	CHECK(op_clean(&op) == ZK_OK);
	op.content.form = CONTENT_INLINE;
	CHECK(op_clean(&op) == ZK_EREFUSED);
}

/* Databases of before there were messages get their tables when opened. */
static void
test_older_store(void)
{
	char path[] = "/tmp/zk-msg-XXXXXX";
	int fd = mkstemp(path);
	struct db *db = NULL;
	int64_t v = 0;

	NEED(fd >= 0 && close(fd) == 0);
	for (int64_t from = 1; from <= 2; from++) {
		NEED(remove(path) == 0);
		NEED(store_open(path, true, &db) == ZK_OK);
		NEED(db_exec(db, "DROP TABLE msg; DROP TABLE chan") == ZK_OK);
		if (from == 1)
			NEED(db_exec(db, "DROP TABLE kvop; DROP TABLE kvkey")
			    == ZK_OK);
		NEED(store_put_int(db, "schema", from) == ZK_OK);
		db_close(db);
		NEED(store_open(path, false, &db) == ZK_OK);
		CHECK(store_get_int(db, "schema", 0, &v) == ZK_OK &&
		    v == STORE_VERSION);
		CHECK(msgdb_newest(db, 1, &v) == ZK_OK && v == 0);
		db_close(db);
	}
	(void)remove(path);
}

TESTS(
    { "any-order", test_any_order },
    { "done", test_done },
    { "bodies", test_bodies },
    { "content", test_content },
    { "older-store", test_older_store },
)
