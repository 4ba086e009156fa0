/* Who may: signatures, replays, keys, invites; waiting. */
#include "db/db.h"
#include "relayone.h"

/* Signs t with bend and checks status and code of the answer. */
static void
expect(const struct target *t, const void *body, size_t n,
    const struct kit_bend *bend, int status, const char *code)
{
	struct kit_reply r;

	kit_call(&kit, &space, t, body, n, bend, &r);
	if (r.status != status || strcmp(kit_code(&r), code) != 0)
		printf("# %d %s instead of %d %s\n", r.status, kit_code(&r),
		    status, code);
	CHECK(r.status == status && strcmp(kit_code(&r), code) == 0);
	if (status == 401)
		CHECK(strstr((char *)r.body, "\"time\":") != NULL);
	kit_reply_free(&r);
}

static void
test_signature(void)
{
	struct kit_bend b;
	struct target t;
	struct kit_space stranger;

	one_begin();
	NEED(one_up());
	kit_space_init(&stranger);
	t = kit_target(&space, TARGET_REC_LIST);
	expect(&t, NULL, 0, NULL, 200, "");
	memset(&b, 0, sizeof(b));
	b.key = stranger.request;
	expect(&t, NULL, 0, &b, 401, "auth");
	/* a space that is not there looks the same */
	t = kit_target(&stranger, TARGET_REC_LIST);
	expect(&t, NULL, 0, NULL, 401, "auth");
	expect(&t, NULL, 0, &b, 401, "auth");
	t = kit_target(&space, TARGET_REC_LIST);
	/* clock: far off both ways, just inside */
	memset(&b, 0, sizeof(b));
	b.time_off = -400;
	expect(&t, NULL, 0, &b, 401, "clock");
	b.time_off = 4000000000;
	expect(&t, NULL, 0, &b, 401, "clock");
	b.time_off = 290;
	expect(&t, NULL, 0, &b, 200, "");
	/* another relay's name; a signature for another name */
	memset(&b, 0, sizeof(b));
	b.authority = "relay.example:443";
	expect(&t, NULL, 0, &b, 401, "authority");
	b.authority = NULL;
	b.signed_authority = "relay.example:443";
	expect(&t, NULL, 0, &b, 401, "auth");
	/* none at all */
	memset(&b, 0, sizeof(b));
	b.extra = "Authorization: ZK1 key=00\r\n";
	expect(&t, NULL, 0, &b, 400, "bad_request");
	kit_space_free(&stranger);
	one_end();
}

/* Every part of what is signed counts. */
static void
test_bent(void)
{
	struct target t;
	struct buf head;
	struct kit_reply r;
	char *p;
	int fd;

	one_begin();
	NEED(one_up());
	t = kit_target(&space, TARGET_READ);
	t.max = 1000;
	buf_init(&head, 16384);
	for (unsigned i = 0; i < 5; i++) {
		buf_reset(&head);
		kit_head(&kit, &space, &t, NULL, 0, NULL, &head);
		p = (char *)buf_cstr(&head);
		if (i == 0)
			*strchr(strstr(p, "max="), '0') = '1';
		else if (i == 1)
			strstr(p, "time=")[14] ^= 1;
		else if (i == 2)
			strstr(p, "nonce=")[6] ^= 1;
		else if (i == 3)
			strstr(p, "sig=")[10] ^= 1;
		else
			memcpy(strstr(p, "/segments"), "/records?", 9);
		fd = kit_connect(&kit);
		kit_send(fd, head.data, head.len);
		kit_recv(fd, &r);
		CHECK(r.status == 401 || r.status == 400);
		kit_reply_free(&r);
		close(fd);
	}
	buf_release(&head);
	one_end();
}

/* The body is the one announced, or nothing of it is kept. */
static void
test_body_hash(void)
{
	struct kit_bend b;
	struct kit_log log;
	struct target t;
	struct buf body;

	one_begin();
	NEED(one_up());
	kit_log_init(&log);
	buf_init(&body, 1u << 20);
	kit_append_body(&log, 2, 1000, &body);
	memset(&b, 0, sizeof(b));
	b.wrong_hash = true;
	t = kit_target(&space, TARGET_APPEND);
	expect(&t, body.data, body.len, &b, 400, "bad_object");
	t = kit_target(&space, TARGET_HEAD);
	seghdr_log_id(signkey_pk(log.key), t.name);
	expect(&t, NULL, 0, NULL, 404, "not_found");
	t = kit_target(&space, TARGET_MISSING);
	expect(&t, body.data, 64, &b, 400, "bad_object");
	buf_release(&body);
	signkey_free(log.key);
	one_end();
}

/* R32, R33: the same bytes again have no second effect. */
static void
test_r32_replay(void)
{
	static const uint8_t nonce[16] = { 1 };
	struct kit_bend b;
	struct target t;
	struct kit kit2;
	struct buf head;
	struct kit_reply r;
	uint8_t name[32];
	uint8_t *p;
	int fd;

	one_begin();
	NEED(one_up());
	p = kit_blob(1000, LABEL_HASH_BLOB, name);
	CHECK(kit_put(&kit, &space, TARGET_BLOB_PUT, name, p, 1000) == 201);
	/* a DELETE signed before the relay knew nonces is not believed */
	sleep(1);
	t = kit_target(&space, TARGET_BLOB_DELETE);
	memcpy(t.name, name, 32);
	memset(&b, 0, sizeof(b));
	b.time_off = -20;
	expect(&t, NULL, 0, &b, 401, "clock");
	b.time_off = 0;
	b.nonce = nonce;
	buf_init(&head, 16384);
	kit_head(&kit, &space, &t, NULL, 0, &b, &head);
	for (unsigned i = 0; i < 2; i++) {
		fd = kit_connect(&kit);
		kit_send(fd, head.data, head.len);
		kit_recv(fd, &r);
		CHECK(r.status == (i == 0 ? 200 : 401));
		if (i == 1)
			CHECK(strcmp(kit_code(&r), "replay") == 0);
		kit_reply_free(&r);
		close(fd);
		/* the object is made again; the replay leaves it */
		CHECK(kit_put(&kit, &space, TARGET_BLOB_PUT, name, p, 1000)
		    == (i == 0 ? 201 : 200));
	}
	/* at a second relay that has the same space */
	kit_init(&kit2);
	NEED(kit_start(&kit2));
	CHECK(kit_create(&kit2, &space, "") == 201);
	buf_reset(&head);
	t.call = TARGET_BLOB_PUT;
	kit_head(&kit, &space, &t, p, 1000, NULL, &head);
	buf_put(&head, p, 1000);
	fd = kit_connect(&kit2);
	kit_send(fd, head.data, head.len);
	kit_recv(fd, &r);
	CHECK(r.status == 401 && strcmp(kit_code(&r), "authority") == 0);
	kit_reply_free(&r);
	close(fd);
	CHECK(kit_get(&kit2, &space, TARGET_BLOB_GET, name, &r) == 404);
	kit_reply_free(&r);
	kit_end(&kit2);
	buf_release(&head);
	free(p);
	one_end();
}

/* Sends a change of keys signed by the space key (or by another). */
static int
change_keys(const struct signkey *active, const struct signkey *retired,
    const struct signkey *by)
{
	struct target t = kit_target(&space, TARGET_KEYS);
	struct msg_keys m;
	struct buf body, out;
	uint8_t sig[SIGN_LEN];
	size_t len;
	struct kit_reply r;
	int fd = kit_connect(&kit), status;

	memset(&m, 0, sizeof(m));
	if (active != NULL) {
		m.active = signkey_pk(active);
		m.n_active = 1;
	}
	if (retired != NULL) {
		m.retired = signkey_pk(retired);
		m.n_retired = 1;
	}
	m.time = env_now_ms(env_posix()) / 1000;
	m.authority = kit.authority;
	m.authority_len = strlen(kit.authority);
	buf_init(&body, 4096);
	buf_init(&out, 8192);
	if (msg_keys_put(&body, &m) != ZK_OK)
		abort();
	sign_make(by, LABEL_KEYS, body.data, body.len, sig);
	buf_put(&body, sig, sizeof(sig));
	buf_str(&out, "PUT ");
	if (target_encode(&t, &out, &len) != ZK_OK)
		abort();
	buf_printf(&out, " HTTP/1.1\r\nHost: %s\r\nContent-Length: %zu\r\n"
	    "\r\n", kit.authority, body.len);
	buf_put(&out, body.data, body.len);
	kit_send(fd, out.data, out.len);
	kit_recv(fd, &r);
	status = r.status;
	kit_reply_free(&r);
	close(fd);
	buf_release(&body);
	buf_release(&out);
	return status;
}

/* A retired key reads records and nothing else, and never comes back. */
static void
test_retired(void)
{
	struct kit_bend b;
	struct target t;
	struct signkey *next = kit_key();
	uint8_t name[32];
	uint8_t *p;

	one_begin();
	NEED(one_up());
	p = kit_blob(100, LABEL_HASH_RECORD, name);
	CHECK(kit_put(&kit, &space, TARGET_REC_PUT, name, p, 100) == 201);
	CHECK(change_keys(next, space.request, next) == 401);
	CHECK(change_keys(next, space.request, space.space) == 200);
	memset(&b, 0, sizeof(b));
	b.key = next;
	t = kit_target(&space, TARGET_READ);
	expect(&t, NULL, 0, NULL, 401, "key_retired");
	expect(&t, NULL, 0, &b, 200, "");
	t = kit_target(&space, TARGET_REC_LIST);
	expect(&t, NULL, 0, NULL, 200, "");
	t = kit_target(&space, TARGET_REC_GET);
	memcpy(t.name, name, 32);
	expect(&t, NULL, 0, NULL, 200, "");
	t.call = TARGET_REC_PUT;
	expect(&t, p, 100, NULL, 401, "key_retired");
	t.call = TARGET_BLOB_GET;
	expect(&t, NULL, 0, NULL, 401, "key_retired");
	t.call = TARGET_BLOB_LIST;
	expect(&t, NULL, 0, NULL, 401, "key_retired");
	expect(&t, NULL, 0, &b, 200, "");
	t.call = TARGET_BEGIN;
	expect(&t, p, MSG_HEAD_LEN, NULL, 401, "key_retired");
	t.call = TARGET_HEAD;
	expect(&t, NULL, 0, &b, 404, "not_found");
	CHECK(change_keys(space.request, NULL, space.space) == 401);
	CHECK(change_keys(next, space.request, space.space) == 200);
	t = kit_target(&space, TARGET_READ);
	expect(&t, NULL, 0, NULL, 401, "key_retired");
	free(p);
	signkey_free(next);
	one_end();
}

/* Guessing keys gets an address refused without a look. */
static void
test_fail_cap(void)
{
	struct kit_bend b;
	struct target t;
	struct signkey *wrong = kit_key();

	one_begin();
	kit.opts.limits.fails_addr = 5;
	NEED(one_up());
	t = kit_target(&space, TARGET_REC_LIST);
	memset(&b, 0, sizeof(b));
	b.key = wrong;
	for (unsigned i = 0; i < 5; i++)
		expect(&t, NULL, 0, &b, 401, "auth");
	expect(&t, NULL, 0, &b, 429, "too_many");
	/* behind a proxy here, clients count by what it tells of them */
	b.extra = "X-Forwarded-For: 192.0.2.9, 2001:db8::7\r\n";
	for (unsigned i = 0; i < 5; i++)
		expect(&t, NULL, 0, &b, 401, "auth");
	expect(&t, NULL, 0, &b, 429, "too_many");
	b.extra = "X-Forwarded-For: 2001:db8::7, 192.0.2.9\r\n";
	expect(&t, NULL, 0, &b, 401, "auth");
	signkey_free(wrong);
	one_end();
}

static void
test_invite(void)
{
	struct kit_space near;

	one_begin();
	kit.opts.invite = "token-one";
	NEED(kit_start(&kit));
	CHECK(kit_create(&kit, &space, "") == 403);
	CHECK(kit_create(&kit, &space, "Zk-Invite: token-on\r\n") == 403);
	CHECK(kit_create(&kit, &space, "Zk-Invite: token-one\r\n") == 201);
	/* a member asks whether it is there; a token is not looked at */
	CHECK(kit_create(&kit, &space, "") == 200);
	CHECK(kit_create(&kit, &space, "X-Forwarded-For: 192.0.2.1\r\n") ==
	    200);
	CHECK(kit_stop(&kit, SIGTERM) == 0);
	/* without a token: this machine may, what a proxy passes on may not */
	kit.opts.invite = NULL;
	NEED(kit_start(&kit));
	kit_space_init(&near);
	CHECK(kit_create(&kit, &near, "X-Forwarded-For: 192.0.2.1\r\n") ==
	    403);
	CHECK(kit_create(&kit, &near, "") == 201);
	kit_space_free(&near);
	one_end();
}

/* Runs sql in the store while no relay has it. */
static bool
in_store(const char *sql)
{
	char path[256];
	struct db *db = NULL;
	enum zk_err r;

	snprintf(path, sizeof(path), "%s/relay.db", kit.dir);
	r = db_open(path, 0, &db);
	if (r == ZK_OK)
		r = db_exec(db, sql);
	db_close(db);
	return r == ZK_OK;
}

/*
 * A space that cannot be read is not one that is not there: the fault is the
 * relay's, and is not counted against who asks.
 */
static void
test_unreadable(void)
{
	one_begin();
	kit.opts.invite = "token-one";
	kit.opts.limits.fails_addr = 1;
	NEED(kit_start(&kit));
	CHECK(kit_create(&kit, &space, "Zk-Invite: token-one\r\n") == 201);
	CHECK(kit_stop(&kit, SIGTERM) == 0);
	NEED(in_store("UPDATE space SET pk = x'00'"));
	NEED(kit_start(&kit));
	for (unsigned i = 0; i < 3; i++) {
		CHECK(kit_create(&kit, &space, "") == 500);
		CHECK(kit_create(&kit, &space, "Zk-Invite: x\r\n") == 500);
		CHECK(change_keys(space.request, NULL, space.space) == 500);
	}
	one_end();
}

static void
test_urls(void)
{
	static const char *urls[] = { "https://zk.example.org/",
	    "http://[2001:db8::1]:8080" };
	static const char *good[] = { "zk.example.org", "zk.example.org:443",
	    "[2001:db8::1]:8080", "ZK.Example.ORG" };
	static const char *bad[] = { "zk.example.org:80", "example.org",
	    "[2001:db8::1]", "zk.example.org.evil" };
	struct kit_bend b;
	struct target t;

	one_begin();
	NEED(one_up());
	CHECK(kit_stop(&kit, SIGTERM) == 0);
	kit.opts.urls = urls;
	kit.opts.n_urls = 2;
	kit.opts.listen = kit.authority;	/* the port of before */
	NEED(kit_start(&kit));
	CHECK(strcmp(kit.url, "https://zk.example.org/") == 0);
	t = kit_target(&space, TARGET_REC_LIST);
	memset(&b, 0, sizeof(b));
	for (unsigned i = 0; i < 4; i++) {
		b.authority = good[i];
		b.signed_authority = i == 3 ? "zk.example.org" : NULL;
		expect(&t, NULL, 0, &b, 200, "");
		b.signed_authority = NULL;
		b.authority = bad[i];
		expect(&t, NULL, 0, &b, 401, "authority");
	}
	one_end();
}

/* A waiting reader is woken by the commit, on whatever thread it waits. */
static void
test_wait(void)
{
	struct kit_log log;
	struct target t;
	struct buf head;
	struct kit_reply r;
	int fd[16], st = 0;
	int64_t start;
	uint8_t res;

	one_begin();
	NEED(one_up());
	kit_log_init(&log);
	buf_init(&head, 16384);
	t = kit_target(&space, TARGET_READ);
	t.wait_ms = 8000;
	for (unsigned i = 0; i < 16; i++) {
		fd[i] = kit_connect(&kit);
		buf_reset(&head);
		kit_head(&kit, &space, &t, NULL, 0, NULL, &head);
		kit_send(fd[i], head.data, head.len);
	}
	CHECK(!kit_readable(fd[0], 200));
	start = kit_ms();
	CHECK(kit_append(&kit, &space, &log, 1000, &res) == 200);
	for (unsigned i = 0; i < 16; i++) {
		kit_recv(fd[i], &r);
		CHECK(r.status == 200 && r.len > 1000);
		kit_reply_free(&r);
	}
	CHECK(kit_ms() - start < 2000);
	/* nothing comes: an empty page after the time; close by then */
	t.wait_ms = 700;
	t.mark_len = 0;
	memset(t.mark, 0, sizeof(t.mark));
	signkey_free(log.key);
	CHECK(kit_stop(&kit, SIGTERM) == 0);
	for (unsigned i = 0; i < 16; i++)
		close(fd[i]);
	buf_release(&head);
	kit_space_free(&space);
	kit_space_init(&space);
	NEED(one_up());
	t = kit_target(&space, TARGET_READ);
	t.wait_ms = 700;
	start = kit_ms();
	CHECK(kit_call(&kit, &space, &t, NULL, 0, NULL, &r) == 200);
	CHECK(kit_ms() - start >= 600 && kit_ms() - start < 3000);
	CHECK(r.len == 2 + (size_t)r.body[1] + 4);
	kit_reply_free(&r);
	/* the relay's own bound is the shorter one; it also ends by SIGTERM */
	CHECK(kit_stop(&kit, SIGTERM) == 0);
	kit.opts.limits.wait_ms = 300;
	NEED(kit_start(&kit));
	t.wait_ms = 50000;
	start = kit_ms();
	CHECK(kit_call(&kit, &space, &t, NULL, 0, NULL, NULL) == 200);
	CHECK(kit_ms() - start < 5000);
	CHECK(kit_stop(&kit, SIGTERM) == 0);
	kit.opts.limits.wait_ms = 0;
	NEED(kit_start(&kit));
	buf_init(&head, 16384);
	kit_head(&kit, &space, &t, NULL, 0, NULL, &head);
	fd[0] = kit_connect(&kit);
	kit_send(fd[0], head.data, head.len);
	CHECK(!kit_readable(fd[0], 200));
	start = kit_ms();
	kill(kit.pid, SIGTERM);
	kit_recv(fd[0], &r);
	CHECK(r.status == 200 && kit_ms() - start < 5000);
	kit_reply_free(&r);
	close(fd[0]);
	buf_release(&head);
	CHECK(waitpid(kit.pid, &st, 0) == kit.pid && st == 0);
	kit.pid = 0;
	NEED(kit_start(&kit));
	one_end();
}

TESTS(
    { "signature", test_signature },
    { "bent", test_bent },
    { "body hash", test_body_hash },
    { "R32 replay", test_r32_replay },
    { "retired", test_retired },
    { "fail cap", test_fail_cap },
    { "invite", test_invite },
    { "unreadable", test_unreadable },
    { "urls", test_urls },
    { "wait", test_wait },
)
