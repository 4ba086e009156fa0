/* The base tree's rows, intents and counts; the brake's arithmetic. */
#include "test.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db/db.h"
#include "store/aliasdb.h"
#include "store/basedb.h"
#include "store/diffdb.h"
#include "store/largedb.h"
#include "store/store.h"
#include "tree/brake.h"

static struct db *db;

static bool
begin(void)
{
	return db_open(":memory:", DB_CREATE, &db) == ZK_OK &&
	    db_exec(db, basedb_schema) == ZK_OK &&
	    db_exec(db, aliasdb_schema) == ZK_OK &&
	    db_exec(db, largedb_schema) == ZK_OK && base_init(db) == ZK_OK;
}

static struct opid
id_of(uint8_t n)
{
	struct opid o;

	memset(&o, 0, sizeof(o));
	o.b[5] = n;
	return o;
}

static int64_t
put(int64_t parent, const char *name, uint8_t kind, uint8_t node)
{
	struct opid o = id_of(node);
	struct base_entry e;

	memset(&e, 0, sizeof(e));
	e.parent = parent;
	e.name = (const uint8_t *)name;
	e.name_len = strlen(name);
	e.kind = kind;
	e.st.ino = 1000u + node;
	e.st.mode = kind == NODE_DIR ? S_IFDIR | 0755 : S_IFREG | 0644;
	e.st.btime.sec = node;
	e.st.mtime.sec = -5;
	e.st.mtime.nsec = 999999999;
	e.size = 77;
	e.mode = 0644;
	memset(e.hash, node, sizeof(e.hash));
	e.nodes = &o;
	e.nodes_n = 1;
	e.refs = (const uint8_t *)"refs";
	e.refs_len = 4;
	return base_put(db, &e) == ZK_OK ? e.id : 0;
}

static bool
has_path(int64_t id, const char *want)
{
	struct buf b;
	bool r;

	buf_init(&b, 4096);
	r = base_path(db, id, &b) == ZK_OK && strcmp(buf_cstr(&b), want) == 0;
	buf_release(&b);
	return r;
}

static void
test_rows(void)
{
	struct base_entry e;
	struct opid o = id_of(3);
	const struct env_time born = { 1, 0 }, other = { 2, 0 };
	int64_t d, f, id;

	NEED(begin());
	d = put(BASE_ROOT, "d", NODE_DIR, 1);
	f = put(d, "f", NODE_FILE, 3);
	NEED(d > BASE_ROOT && f > d);
	CHECK(base_get(db, f, &e) == ZK_OK && e.parent == d && e.size == 77);
	CHECK(e.name_len == 1 && e.name[0] == 'f' && e.hash[31] == 3);
	CHECK(e.st.mtime.sec == -5 && e.st.mtime.nsec == 999999999);
	CHECK(e.nodes_n == 1 && opid_cmp(&e.nodes[0], &o) == 0);
	CHECK(e.refs_len == 4 && memcmp(e.refs, "refs", 4) == 0);
	CHECK(has_path(f, "d/f") && has_path(BASE_ROOT, ""));
	CHECK(base_find_path(db, "d/f", &e) == ZK_OK && e.id == f);
	CHECK(base_find_path(db, "d/g", &e) == ZK_ENOENT);
	CHECK(base_by_node(db, &o, &id) == ZK_OK && id == f);
	CHECK(base_by_dirino(db, 1001, &born, &id) == ZK_OK && id == d);
	CHECK(base_by_dirino(db, 1001, &other, &id) == ZK_ENOENT);
	CHECK(base_by_dirino(db, 1003, &born, &id) == ZK_ENOENT);
	/* one row a place; children before their directory */
	CHECK(put(d, "f", NODE_FILE, 9) == 0);
	CHECK(base_remove(db, d) == ZK_ECHANGED);
	CHECK(base_move(db, f, BASE_ROOT, "d", 1) == ZK_EEXIST);
	CHECK(base_move(db, f, BASE_ROOT, "g", 1) == ZK_OK);
	CHECK(has_path(f, "g") && base_remove(db, d) == ZK_OK);
	CHECK(base_remove(db, f) == ZK_OK);
	CHECK(base_by_node(db, &o, &id) == ZK_ENOENT);
	CHECK(base_get(db, f, &e) == ZK_ENOENT);
	db_close(db);
}

static void
test_lists(void)
{
	struct base_iter it;
	struct base_entry e;
	struct opid two[2] = { id_of(1), id_of(2) };
	const char *want[] = { "A", "a", "a!", "ab", "\xff" };
	uint64_t n = 0;
	int64_t id;

	NEED(begin());
	for (int i = 4; i >= 0; i--)
		put(BASE_ROOT, want[i], NODE_FILE, (uint8_t)(10 + i));
	base_list(db, BASE_ROOT, &it);
	for (int i = 0; i < 5; i++)
		CHECK(base_list_next(db, &it, &e) == ZK_OK &&
		    e.name_len == strlen(want[i]) &&
		    memcmp(e.name, want[i], e.name_len) == 0);
	CHECK(base_list_next(db, &it, &e) == ZK_ENOENT);
	CHECK(base_find(db, BASE_ROOT, "a", 1, &e) == ZK_OK);
	id = e.id;
	/* several nodes; kept rows count for nothing */
	CHECK(base_set_refs(db, id, two, 2, "x", 1) == ZK_OK);
	CHECK(base_by_node(db, &two[1], &id) == ZK_OK && id == e.id);
	CHECK(base_count(db, &n) == ZK_OK && n == 5);
	CHECK(base_get(db, id, &e) == ZK_OK && e.nodes_n == 2);
	CHECK(base_set_stat(db, id, &e.st, BASE_KEPT) == ZK_OK);
	CHECK(base_count(db, &n) == ZK_OK && n == 4);
	CHECK(base_set_refs(db, id, two, 1, "x", 1) == ZK_OK);
	CHECK(base_count(db, &n) == ZK_OK && n == 5);
	CHECK(base_by_node(db, &two[1], &id) == ZK_ENOENT);
	CHECK(base_clear(db) == ZK_OK && base_count(db, &n) == ZK_OK);
	CHECK(n == 0);
	db_close(db);
}

/* A row stands for as many nodes as it is given, and they go with it. */
static void
test_many_nodes(void)
{
	static const size_t counts[] = { 256, 257, 5000, 2, 300 };
	static struct opid many[5000];
	const size_t max = sizeof(many) / sizeof(many[0]);
	struct base_entry e;
	int64_t id = 0, got = 0;

	NEED(begin());
	for (size_t i = 0; i < max; i++) {
		many[i] = id_of(1);
		many[i].b[8] = (uint8_t)(i >> 8);
		many[i].b[9] = (uint8_t)i;
	}
	id = put(BASE_ROOT, "f", NODE_FILE, 2);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		size_t n = counts[i];

		CHECK(base_set_refs(db, id, many, n, "x", 1) == ZK_OK);
		NEED(base_get(db, id, &e) == ZK_OK && e.nodes_n == n);
		CHECK(memcmp(e.nodes, many, n * sizeof(many[0])) == 0);
		CHECK(base_by_node(db, &many[n - 1], &got) == ZK_OK &&
		    got == id);
		CHECK(n == max || base_by_node(db, &many[n], &got) ==
		    ZK_ENOENT);
	}
	CHECK(base_remove(db, id) == ZK_OK);
	memset(&e, 0, sizeof(e));
	e.parent = BASE_ROOT;
	e.name = (const uint8_t *)"g";
	e.name_len = 1;
	e.kind = NODE_FILE;
	e.nodes = many;
	e.nodes_n = max;
	CHECK(base_put(db, &e) == ZK_OK && base_put(db, &e) == ZK_OK);
	CHECK(base_by_node(db, &many[max - 1], &got) == ZK_OK && got == e.id);
	CHECK(base_remove(db, e.id) == ZK_OK);
	CHECK(base_by_node(db, &many[299], &got) == ZK_ENOENT);
	CHECK(base_by_node(db, &many[max - 1], &got) == ZK_ENOENT);
	db_close(db);
}

/* Places change hands in any order within one transaction. */
static void
test_claim(void)
{
	int64_t a, b;

	NEED(begin());
	a = put(BASE_ROOT, "a", NODE_DIR, 1);
	b = put(BASE_ROOT, "b", NODE_DIR, 2);
	CHECK(base_claim(db, BASE_ROOT, "b", 1) == ZK_OK);
	CHECK(base_move(db, a, BASE_ROOT, "b", 1) == ZK_OK);
	CHECK(base_claim(db, BASE_ROOT, "a", 1) == ZK_OK);
	CHECK(base_move(db, b, BASE_ROOT, "a", 1) == ZK_OK);
	CHECK(has_path(a, "b") && has_path(b, "a"));
	db_close(db);
}

static void
test_rules(void)
{
	struct base_entry e;
	int64_t d;

	NEED(begin());
	d = put(BASE_ROOT, "d", NODE_DIR, 1);
	CHECK(base_set_rules(db, d, "*.o", 3) == ZK_OK);
	CHECK(base_get(db, d, &e) == ZK_OK && e.flags & BASE_RULES);
	CHECK(base_set_stat(db, d, &e.st, 0) == ZK_OK);
	CHECK(base_get(db, d, &e) == ZK_OK && e.rules_len == 3 &&
	    e.flags & BASE_RULES);
	/* writing the row anew does not lose them */
	memset(&e, 0, sizeof(e));
	e.id = d;
	e.parent = BASE_ROOT;
	e.name = (const uint8_t *)"e";
	e.name_len = 1;
	e.kind = NODE_DIR;
	e.st.fsid = 5;
	CHECK(base_put(db, &e) == ZK_OK && base_get(db, d, &e) == ZK_OK);
	CHECK(e.rules_len == 3 && e.flags == (BASE_RULES | BASE_MOUNT));
	CHECK(base_set_rules(db, d, NULL, 0) == ZK_OK);
	CHECK(base_get(db, d, &e) == ZK_OK && e.flags == BASE_MOUNT);
	db_close(db);
}

static void
test_side(void)
{
	struct base_rootid id = { { 1 }, 2, UINT64_MAX, "/p" }, got;
	uint8_t boot[16] = { 7 }, b[16];
	struct buf body;
	int64_t seq = 0;

	NEED(begin());
	buf_init(&body, 100);
	CHECK(base_rootid_get(db, &got) == ZK_ENOENT);
	CHECK(base_rootid_set(db, &id) == ZK_OK);
	CHECK(base_rootid_get(db, &got) == ZK_OK);
	CHECK(got.ino == UINT64_MAX && strcmp(got.path, "/p") == 0);
	CHECK(base_intent_add(db, boot, "one", 3) == ZK_OK);
	CHECK(base_intent_add(db, boot, "two", 3) == ZK_OK);
	CHECK(base_intent_next(db, &seq, b, &body) == ZK_OK);
	CHECK(base_intent_next(db, &seq, b, &body) == ZK_OK);
	CHECK(body.len == 3 && memcmp(body.data, "two", 3) == 0);
	CHECK(memcmp(b, boot, 16) == 0);
	CHECK(base_intent_next(db, &seq, b, &body) == ZK_ENOENT);
	CHECK(base_intent_clear(db) == ZK_OK);
	seq = 0;
	CHECK(base_intent_next(db, &seq, b, &body) == ZK_ENOENT);
	buf_release(&body);
	db_close(db);
}

static void
test_racy(void)
{
	const struct env_time seen = { 1000, 5000000 };
	struct env_stat st;

	memset(&st, 0, sizeof(st));
	st.mtime = st.ctime = (struct env_time) { 999, 985000001 };
	CHECK(base_racy(&st, seen, false));
	st.mtime = st.ctime = (struct env_time) { 999, 984999999 };
	CHECK(!base_racy(&st, seen, false));
	st.ctime = (struct env_time) { 2000, 1 };
	CHECK(base_racy(&st, seen, false) && !base_racy(&st, seen, true));
	/* whole seconds alone: two seconds */
	st.mtime = st.ctime = (struct env_time) { 999, 0 };
	CHECK(base_racy(&st, seen, true));
	st.mtime = st.ctime = (struct env_time) { 998, 0 };
	CHECK(!base_racy(&st, seen, true));
}

static void
test_brake(void)
{
	struct brake b;
	uint64_t removed, largest;
	const int64_t h = 3600000, t = INT64_C(1800000000000);

	brake_default(&b);
	CHECK(!brake_over(&b, 0, 100, 101, 0));
	CHECK(brake_over(&b, 0, 101, 150, 0));
	CHECK(!brake_over(&b, 0, 101, 202, 0));
	CHECK(brake_over(&b, 60, 42, 200, 0) && !brake_over(&b, 500, 0, 9, 0));
	/* an override covers exactly the number shown */
	CHECK(!brake_over(&b, 0, 101, 150, 101));
	CHECK(brake_over(&b, 0, 102, 150, 101));
	CHECK(brake_over(&b, 1, UINT64_MAX, 10, 0));
	CHECK(brake_parse("5", &b) == ZK_OK && brake_over(&b, 0, 6, 1000, 0));
	CHECK(!brake_over(&b, 0, 5, 6, 0));
	CHECK(brake_parse("10%", &b) == ZK_OK && brake_over(&b, 0, 2, 19, 0));
	CHECK(!brake_over(&b, 0, 2, 20, 0));
	CHECK(brake_parse("101%", &b) == ZK_EUSAGE);
	CHECK(brake_parse("", &b) == ZK_EUSAGE);
	CHECK(brake_parse("-1", &b) == ZK_EUSAGE);
	CHECK(brake_parse("9999999999999999999", &b) == ZK_EUSAGE);
	NEED(begin());
	CHECK(base_brake_add(db, BASE_SENT, t, 5, 100) == ZK_OK);
	CHECK(base_brake_add(db, BASE_SENT, t + 2 * h, 7, 90) == ZK_OK);
	CHECK(base_brake_add(db, BASE_APPLIED, t, 1, 500) == ZK_OK);
	CHECK(base_brake_get(db, BASE_SENT, t + 23 * h, &removed,
	    &largest) == ZK_OK && removed == 12 && largest == 100);
	CHECK(base_brake_get(db, BASE_SENT, t + 25 * h, &removed,
	    &largest) == ZK_OK && removed == 7 && largest == 90);
	CHECK(base_brake_get(db, BASE_APPLIED, t + h, &removed,
	    &largest) == ZK_OK && removed == 1 && largest == 500);
	db_close(db);
}

/* Gives a row that size. */
static bool
resize(int64_t id, uint64_t size)
{
	struct base_entry e;
	char name[16];
	struct opid o = id_of(9);

	if (base_get(db, id, &e) != ZK_OK)
		return false;
	(void)snprintf(name, sizeof(name), "%.*s", (int)e.name_len,
	    (const char *)e.name);
	e.name = (const uint8_t *)name;
	e.size = size;
	e.refs = NULL;
	e.refs_len = 0;
	o.b[0] = (uint8_t)id;
	e.nodes = &o;
	return base_put(db, &e) == ZK_OK;
}

/* What is large is listed in the order in which it last changed. */
static void
test_large(void)
{
	const struct opid o = id_of(7);
	int64_t a, b, at = 0, row = 0, last = 0;

	NEED(begin());
	a = put(BASE_ROOT, "a", NODE_FILE, 2);
	b = put(BASE_ROOT, "b", NODE_FILE, 3);
	CHECK(largedb_next(db, &at, &row) == ZK_ENOENT);
	CHECK(largedb_last(db, &last) == ZK_OK && last == 0);
	CHECK(resize(a, LARGEDB_MIN) && resize(b, UINT64_C(1) << 40));
	CHECK(largedb_next(db, &at, &row) == ZK_OK && row == a);
	CHECK(largedb_next(db, &at, &row) == ZK_OK && row == b);
	CHECK(largedb_last(db, &last) == ZK_OK && last == at);
	CHECK(largedb_next(db, &at, &row) == ZK_ENOENT);
	/* other refs of the same content; and those of what is small */
	CHECK(base_set_refs(db, a, &o, 1, "x", 1) == ZK_OK);
	CHECK(largedb_next(db, &at, &row) == ZK_OK && row == a);
	CHECK(resize(a, LARGEDB_MIN - 1));
	CHECK(base_set_refs(db, a, &o, 1, "y", 1) == ZK_OK);
	CHECK(largedb_next(db, &at, &row) == ZK_ENOENT);
	/* what was dropped from the end does not give its place to another */
	CHECK(largedb_drop(db, a) == ZK_OK);
	CHECK(largedb_mark_set(db, 1, at) == ZK_OK);
	CHECK(largedb_again(db, b) == ZK_OK && largedb_again(db, a) == ZK_OK);
	CHECK(largedb_mark(db, 1, &last) == ZK_OK && last == at);
	CHECK(largedb_next(db, &last, &row) == ZK_OK && row == b);
	CHECK(largedb_next(db, &last, &row) == ZK_ENOENT);
	CHECK(largedb_mark(db, 2, &last) == ZK_OK && last == 0);
	CHECK(largedb_mark_drop(db, 1) == ZK_OK);
	CHECK(largedb_mark(db, 1, &last) == ZK_OK && last == 0);
	db_close(db);
}

/* A database of before that was listed is looked through when opened. */
static void
test_older_store(void)
{
	char path[] = "/tmp/zk-base-XXXXXX";
	int fd = mkstemp(path);
	int64_t a, v = 0, at = 0, row = 0;

	NEED(fd >= 0 && close(fd) == 0);
	NEED(store_open(path, true, &db) == ZK_OK);
	NEED(db_begin(db) == ZK_OK && base_init(db) == ZK_OK);
	a = put(BASE_ROOT, "a", NODE_FILE, 2);
	CHECK(put(BASE_ROOT, "b", NODE_FILE, 3) > 0 && resize(a, 1 << 20));
	NEED(db_commit(db) == ZK_OK);
	db_close(db);
	NEED(store_open(path, false, &db) == ZK_OK);
	NEED(db_exec(db, "DROP TABLE base_large; DROP TABLE supplied")
	    == ZK_OK);
	NEED(store_put_int(db, "schema", 3) == ZK_OK);
	db_close(db);
	NEED(store_open(path, false, &db) == ZK_OK);
	CHECK(store_get_int(db, "schema", 0, &v) == ZK_OK &&
	    v == STORE_VERSION);
	CHECK(largedb_next(db, &at, &row) == ZK_OK && row == a);
	CHECK(largedb_next(db, &at, &row) == ZK_ENOENT);
	CHECK(largedb_mark(db, 1, &at) == ZK_OK && at == 0);
	db_close(db);
	(void)remove(path);
}

TESTS(
    { "rows", test_rows },
    { "lists", test_lists },
    { "many_nodes", test_many_nodes },
    { "claim", test_claim },
    { "rules", test_rules },
    { "root_and_intents", test_side },
    { "racy", test_racy },
    { "brake_I6", test_brake },
    { "large", test_large },
    { "older-store", test_older_store },
)
