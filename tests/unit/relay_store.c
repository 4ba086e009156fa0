/* What a relay keeps: appends, records, blobs, pages, quotas. */
#include "relayone.h"

/* Creating again is fine with the same key and refused with another. */
static void
test_create(void)
{
	struct kit_space other;

	one_begin();
	NEED(one_up());
	CHECK(kit_create(&kit, &space, "") == 200);
	kit_space_init(&other);
	signkey_free(other.space);
	other.space = space.space;
	memcpy(other.locator, space.locator, 32);
	CHECK(kit_create(&kit, &other, "") == 409);
	/* a locator that is not the hash of the key */
	other.locator[0] ^= 1;
	CHECK(kit_create(&kit, &other, "") == 401);
	signkey_free(other.request);
	one_end();
}

static void
test_append(void)
{
	struct target t;
	struct kit_log log;
	struct kit_reply r;
	struct buf body;
	struct msg_head head;
	uint8_t res[3];

	one_begin();
	NEED(one_up());
	kit_log_init(&log);
	buf_init(&body, 1u << 20);
	kit_append_body(&log, 3, 1000, &body);
	t = kit_target(&space, TARGET_APPEND);
	CHECK(kit_call(&kit, &space, &t, body.data, body.len, NULL, &r) == 200);
	NEED(msg_results_get(r.body, r.len, res, 3) == ZK_OK);
	CHECK(res[0] == MSG_SEG_STORED && res[2] == MSG_SEG_STORED);
	kit_reply_free(&r);
	/* the same again: had */
	CHECK(kit_call(&kit, &space, &t, body.data, body.len, NULL, &r) == 200);
	NEED(msg_results_get(r.body, r.len, res, 3) == ZK_OK);
	CHECK(res[0] == MSG_SEG_HAVE && res[2] == MSG_SEG_HAVE);
	kit_reply_free(&r);
	t = kit_target(&space, TARGET_HEAD);
	seghdr_log_id(signkey_pk(log.key), t.name);
	CHECK(kit_call(&kit, &space, &t, NULL, 0, NULL, &r) == 200);
	NEED(msg_head_get(r.body, r.len, &head) == ZK_OK);
	CHECK(head.seq == 3 && memcmp(head.hash, log.hash, 32) == 0);
	kit_reply_free(&r);
	t.call = TARGET_SEG_GET;
	t.seq = 3;
	CHECK(kit_call(&kit, &space, &t, NULL, 0, NULL, &r) == 200);
	CHECK(r.len == SEGHDR_LEN + 1000 + SEGHDR_SIG_LEN);
	kit_reply_free(&r);
	t.seq = 4;
	CHECK(kit_call(&kit, &space, &t, NULL, 0, NULL, NULL) == 404);
	buf_release(&body);
	signkey_free(log.key);
	one_end();
}

/* Q13: two segments for one place; and one whose predecessor is missing. */
static void
test_q13_race(void)
{
	struct kit_log log, fork;
	uint8_t res;

	one_begin();
	NEED(one_up());
	kit_log_init(&log);
	CHECK(kit_append(&kit, &space, &log, 400, &res) == 200 && res == 0);
	fork = log;
	CHECK(kit_append(&kit, &space, &log, 400, &res) == 200);
	CHECK(res == MSG_SEG_STORED);
	CHECK(kit_append(&kit, &space, &fork, 400, &res) == 200);
	CHECK(res == MSG_SEG_TAKEN);
	/* the loser's branch does not go on */
	CHECK(kit_append(&kit, &space, &fork, 400, &res) == 200);
	CHECK(res == MSG_SEG_GAP);
	log.seq++;
	CHECK(kit_append(&kit, &space, &log, 400, &res) == 200);
	CHECK(res == MSG_SEG_GAP);
	signkey_free(log.key);
	one_end();
}

/* Nobody can write to a log without its key, nor bend what was signed. */
static void
test_bad_segments(void)
{
	static const size_t at[] = { 0, 3, 10, 40, 50, 80, 93, 200, 500 };
	struct target t;
	struct kit_log log, copy;
	struct buf body;

	one_begin();
	NEED(one_up());
	kit_log_init(&log);
	t = kit_target(&space, TARGET_APPEND);
	buf_init(&body, 1u << 20);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		copy = log;
		buf_reset(&body);
		kit_append_body(&copy, 1, 400, &body);
		body.data[8 + at[i]] ^= 1;
		CHECK(kit_call(&kit, &space, &t, body.data, body.len, NULL,
		    NULL) == 400);
	}
	/* cut short, and with a byte too many */
	copy = log;
	buf_reset(&body);
	kit_append_body(&copy, 1, 400, &body);
	CHECK(kit_call(&kit, &space, &t, body.data, body.len - 1, NULL,
	    NULL) == 400);
	buf_u8(&body, 0);
	CHECK(kit_call(&kit, &space, &t, body.data, body.len, NULL,
	    NULL) == 400);
	t = kit_target(&space, TARGET_HEAD);
	seghdr_log_id(signkey_pk(log.key), t.name);
	CHECK(kit_call(&kit, &space, &t, NULL, 0, NULL, NULL) == 404);
	buf_release(&body);
	signkey_free(log.key);
	one_end();
}

/* Sizes around where bodies move from rows to files, and the largest. */
static void
test_blob_sizes(void)
{
	static const size_t sizes[] = { 0, 1, 65535, 65536, 65537, 300000,
	    MSG_OBJ_MAX };
	struct kit_reply r;
	uint8_t name[32];

	one_begin();
	NEED(one_up());
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t *p = kit_blob(sizes[i], LABEL_HASH_BLOB, name);

		CHECK(kit_get(&kit, &space, TARGET_BLOB_GET, name, &r) == 404);
		kit_reply_free(&r);
		CHECK(kit_put(&kit, &space, TARGET_BLOB_PUT, name, p,
		    sizes[i]) == 201);
		CHECK(kit_put(&kit, &space, TARGET_BLOB_PUT, name, p,
		    sizes[i]) == 200);
		CHECK(kit_get(&kit, &space, TARGET_BLOB_GET, name, &r) == 200);
		CHECK(r.len == sizes[i] && memcmp(r.body, p, r.len) == 0);
		kit_reply_free(&r);
		free(p);
	}
	one_end();
}

/* Q04: a name that is not the hash of the body stores nothing. */
static void
test_q04_name(void)
{
	static const size_t sizes[] = { 100, 200000 };
	struct kit_reply r;
	uint8_t name[32];

	one_begin();
	NEED(one_up());
	for (size_t i = 0; i < 2; i++) {
		uint8_t *p = kit_blob(sizes[i], LABEL_HASH_BLOB, name);

		p[sizes[i] / 2] ^= 1;
		CHECK(kit_put(&kit, &space, TARGET_BLOB_PUT, name, p,
		    sizes[i]) == 400);
		CHECK(kit_get(&kit, &space, TARGET_BLOB_GET, name, &r) == 404);
		kit_reply_free(&r);
		free(p);
	}
	/* the name of a record is not the name of a blob */
	free(kit_blob(10, LABEL_HASH_RECORD, name));
	CHECK(kit_put(&kit, &space, TARGET_BLOB_PUT, name, "0123456789", 10)
	    == 400);
	one_end();
}

static void
test_range(void)
{
	static const struct {
		const char *range;
		int status;
		size_t from, len;
	} cases[] = {
		{ "bytes=0-0", 206, 0, 1 },
		{ "bytes=10-19", 206, 10, 10 },
		{ "bytes=99990-", 206, 99990, 10 },
		{ "bytes=-7", 206, 99993, 7 },
		{ "bytes=5-999999999", 206, 5, 99995 },
		{ "bytes=-100000000", 206, 0, 100000 },
		{ "bytes=100000-", 416, 0, 0 },
		{ "bytes=-0", 416, 0, 0 },
		{ "bytes=9-5", 200, 0, 100000 },
		{ "bytes=1-2,4-5", 200, 0, 100000 },
		{ "lines=1-2", 200, 0, 100000 }
	};
	struct kit_reply r;
	struct kit_bend bend;
	struct target t;
	char extra[64];
	uint8_t *p;

	one_begin();
	NEED(one_up());
	t = kit_target(&space, TARGET_BLOB_GET);
	p = kit_blob(100000, LABEL_HASH_BLOB, t.name);
	CHECK(kit_put(&kit, &space, TARGET_BLOB_PUT, t.name, p, 100000)
	    == 201);
	memset(&bend, 0, sizeof(bend));
	bend.extra = extra;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(extra, sizeof(extra), "Range: %s\r\n",
		    cases[i].range);
		CHECK(kit_call(&kit, &space, &t, NULL, 0, &bend, &r) ==
		    cases[i].status);
		if (r.status == 206 || r.status == 200)
			CHECK(r.len == cases[i].len && memcmp(r.body,
			    p + cases[i].from, r.len) == 0);
		kit_reply_free(&r);
	}
	free(p);
	one_end();
}

/* Pages are bounded by bytes, hold at least one, and join without gaps. */
static void
test_pages(void)
{
	struct kit_log log;
	struct target t;
	unsigned n = 0, got;
	uint8_t res;
	bool more;

	one_begin();
	NEED(one_up());
	kit_log_init(&log);
	for (unsigned i = 0; i < 20; i++)
		CHECK(kit_append(&kit, &space, &log, i % 5 == 4 ? 200000 :
		    1000, &res) == 200 && res == 0);
	t = kit_target(&space, TARGET_READ);
	t.max = 4000;
	do {
		got = one_page(&t, &more);
		CHECK(got >= 1 && got <= 4);
		n += got;
	} while (more && n < 100);
	CHECK(n == 20);
	CHECK(one_page(&t, &more) == 0 && !more);
	/* all at once */
	t.mark_len = 0;
	t.max = 0;
	CHECK(one_page(&t, &more) == 20 && !more);
	/* marks that are not ours start again */
	t.mark[0] ^= 1;
	CHECK(one_page(&t, &more) == 20);
	t.mark[24] ^= 1;
	CHECK(one_page(&t, &more) == 20);
	t.mark_len = 7;
	CHECK(one_page(&t, &more) == 20);
	signkey_free(log.key);
	one_end();
}

static void
test_records(void)
{
	struct target t;
	struct kit_reply r;
	struct msg_page page;
	struct rd rd;
	uint8_t name[3][32];
	uint8_t *p;

	one_begin();
	NEED(one_up());
	for (unsigned i = 0; i < 3; i++) {
		p = kit_blob(500 + 50000 * i, LABEL_HASH_RECORD, name[i]);
		CHECK(kit_put(&kit, &space, TARGET_REC_PUT, name[i], p,
		    500 + 50000 * i) == 201);
		CHECK(kit_get(&kit, &space, TARGET_REC_GET, name[i], &r) ==
		    200);
		CHECK(memcmp(r.body, p, r.len) == 0);
		kit_reply_free(&r);
		free(p);
	}
	t = kit_target(&space, TARGET_REC_LIST);
	t.max = 64;
	CHECK(kit_call(&kit, &space, &t, NULL, 0, NULL, &r) == 200);
	rd_init(&rd, r.body, r.len);
	CHECK(msg_page_start(&rd, &page) == ZK_OK);
	CHECK(page.count == 2 && page.more);
	CHECK(memcmp(rd_bytes(&rd, 32), name[0], 32) == 0);
	CHECK(memcmp(rd_bytes(&rd, 32), name[1], 32) == 0);
	memcpy(t.mark, page.mark, page.mark_len);
	t.mark_len = page.mark_len;
	kit_reply_free(&r);
	CHECK(kit_call(&kit, &space, &t, NULL, 0, NULL, &r) == 200);
	rd_init(&rd, r.body, r.len);
	CHECK(msg_page_start(&rd, &page) == ZK_OK);
	CHECK(page.count == 1 && !page.more);
	CHECK(memcmp(rd_bytes(&rd, 32), name[2], 32) == 0);
	kit_reply_free(&r);
	one_end();
}

static void
test_missing(void)
{
	struct target t;
	struct kit_reply r;
	uint8_t names[3][32];
	uint8_t *p;

	one_begin();
	NEED(one_up());
	for (unsigned i = 0; i < 3; i++) {
		p = kit_blob(50, LABEL_HASH_BLOB, names[i]);
		if (i != 1)
			CHECK(kit_put(&kit, &space, TARGET_BLOB_PUT,
			    names[i], p, 50) == 201);
		free(p);
	}
	t = kit_target(&space, TARGET_MISSING);
	CHECK(kit_call(&kit, &space, &t, names, sizeof(names), NULL, &r) ==
	    200);
	CHECK(r.len == 3 && memcmp(r.body, "\0\1\0", 3) == 0);
	kit_reply_free(&r);
	CHECK(kit_call(&kit, &space, &t, names, 33, NULL, NULL) == 400);
	one_end();
}

/* Deleting, what it leaves, and that it frees the quota. */
static void
test_delete(void)
{
	struct kit_log log;
	struct target t;
	struct kit_reply r;
	uint8_t res;
	uint8_t *p;
	bool more;

	one_begin();
	kit.opts.quota = 600000;
	NEED(one_up());
	t = kit_target(&space, TARGET_BLOB_DELETE);
	p = kit_blob(500000, LABEL_HASH_BLOB, t.name);
	for (unsigned i = 0; i < 3; i++) {
		CHECK(kit_put(&kit, &space, TARGET_BLOB_PUT, t.name, p,
		    500000) == 201);
		CHECK(kit_call(&kit, &space, &t, NULL, 0, NULL, NULL) == 200);
		CHECK(kit_call(&kit, &space, &t, NULL, 0, NULL, NULL) == 200);
		CHECK(kit_get(&kit, &space, TARGET_BLOB_GET, t.name, &r) ==
		    404);
		kit_reply_free(&r);
	}
	free(p);
	kit_log_init(&log);
	for (unsigned i = 0; i < 3; i++)
		CHECK(kit_append(&kit, &space, &log, 1000, &res) == 200);
	t = kit_target(&space, TARGET_SEG_DELETE);
	seghdr_log_id(signkey_pk(log.key), t.name);
	t.seq = 1;
	CHECK(kit_call(&kit, &space, &t, NULL, 0, NULL, NULL) == 200);
	CHECK(kit_call(&kit, &space, &t, NULL, 0, NULL, NULL) == 200);
	t.call = TARGET_SEG_GET;
	CHECK(kit_call(&kit, &space, &t, NULL, 0, NULL, NULL) == 404);
	t = kit_target(&space, TARGET_READ);
	CHECK(one_page(&t, &more) == 2);
	/* the log goes on, and its place stays taken */
	CHECK(kit_append(&kit, &space, &log, 1000, &res) == 200 &&
	    res == MSG_SEG_STORED);
	signkey_free(log.key);
	one_end();
}

/* Q03: over the quota 507, others unaffected, what is there stays readable. */
static void
test_q03_quota(void)
{
	struct kit_space other;
	struct kit_log log;
	struct kit_reply r;
	struct buf body;
	struct target t;
	uint8_t name[32], big[32];
	uint8_t res;
	uint8_t *p;

	one_begin();
	kit.opts.quota = 300000;
	NEED(one_up());
	kit_space_init(&other);
	CHECK(kit_create(&kit, &other, "") == 201);
	p = kit_blob(200000, LABEL_HASH_BLOB, name);
	CHECK(kit_put(&kit, &space, TARGET_BLOB_PUT, name, p, 200000) == 201);
	/* again, since the answer was lost: it needs no room */
	CHECK(kit_put(&kit, &space, TARGET_BLOB_PUT, name, p, 200000) == 200);
	/* under a name that is there nothing else gets in */
	p[0] ^= 1;
	CHECK(kit_put(&kit, &space, TARGET_BLOB_PUT, name, p, 200000) == 400);
	free(p);
	p = kit_blob(51000, LABEL_HASH_RECORD, big);
	CHECK(kit_put(&kit, &space, TARGET_REC_PUT, big, p, 51000) == 201);
	CHECK(kit_put(&kit, &space, TARGET_REC_PUT, big, p, 51000) == 200);
	free(p);
	p = kit_blob(150000, LABEL_HASH_BLOB, big);
	CHECK(kit_put(&kit, &space, TARGET_BLOB_PUT, big, p, 150000) == 507);
	CHECK(kit_put(&kit, &other, TARGET_BLOB_PUT, big, p, 150000) == 201);
	free(p);
	/* an append that fits in part leaves nothing behind */
	kit_log_init(&log);
	buf_init(&body, 1u << 20);
	kit_append_body(&log, 3, 40000, &body);
	t = kit_target(&space, TARGET_APPEND);
	CHECK(kit_call(&kit, &space, &t, body.data, body.len, NULL, &r) ==
	    507);
	CHECK(strcmp(kit_code(&r), "quota") == 0);
	kit_reply_free(&r);
	t = kit_target(&space, TARGET_HEAD);
	seghdr_log_id(signkey_pk(log.key), t.name);
	CHECK(kit_call(&kit, &space, &t, NULL, 0, NULL, NULL) == 404);
	signkey_free(log.key);
	kit_log_init(&log);
	CHECK(kit_append(&kit, &space, &log, 1000, &res) == 200 && res == 0);
	CHECK(kit_get(&kit, &space, TARGET_BLOB_GET, name, &r) == 200);
	kit_reply_free(&r);
	buf_release(&body);
	signkey_free(log.key);
	kit_space_free(&other);
	one_end();
}

/* Q12: writes that the disk refuses give 507; reads go on. */
static void
test_q12_full(void)
{
	struct kit_log log;
	struct kit_reply r;
	uint8_t name[32], big[32];
	uint8_t res;
	uint8_t *p;
	int status = 200;

	one_begin();
	kit.disk = "size=5m";
	if (!kit_start(&kit)) {
		bool cannot = kit_stop(&kit, SIGKILL) == 77;

		kit_end(&kit);
		kit_space_free(&space);
		NEED(cannot);
		SKIP("mounting a small disk needs root");
	}
	CHECK(kit_create(&kit, &space, "") == 201);
	p = kit_blob(1500000, LABEL_HASH_BLOB, name);
	CHECK(kit_put(&kit, &space, TARGET_BLOB_PUT, name, p, 1500000) ==
	    201);
	free(p);
	p = kit_blob(4190000, LABEL_HASH_BLOB, big);
	CHECK(kit_put(&kit, &space, TARGET_BLOB_PUT, big, p, 4190000) == 507);
	free(p);
	kit_log_init(&log);
	/* until the database itself cannot grow */
	for (unsigned i = 0; i < 200 && status == 200; i++)
		status = kit_append(&kit, &space, &log, 60000, &res);
	CHECK(status == 507);
	CHECK(kit_get(&kit, &space, TARGET_BLOB_GET, name, &r) == 200);
	CHECK(r.len == 1500000);
	kit_reply_free(&r);
	CHECK(kit_raw(&kit, "GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n") ==
	    200);
	signkey_free(log.key);
	one_end();
}

TESTS(
    { "create", test_create },
    { "append", test_append },
    { "Q13 race", test_q13_race },
    { "bad segments", test_bad_segments },
    { "blob sizes", test_blob_sizes },
    { "Q04 name", test_q04_name },
    { "range", test_range },
    { "pages", test_pages },
    { "records", test_records },
    { "missing", test_missing },
    { "delete", test_delete },
    { "Q03 quota", test_q03_quota },
    { "Q12 full", test_q12_full },
)
