/* What a relay still has after it ended in any way, or was killed. */
#include "relayone.h"

/* Everything survives SIGKILL; crash leftovers go. */
static void
test_restart(void)
{
	struct kit_log log;
	struct kit_reply r;
	struct target t;
	char url[512], path[192];
	uint8_t name[32];
	uint8_t res;
	uint8_t *p;
	bool more;
	FILE *f;

	one_begin();
	kit.opts.plain = false;
	NEED(kit_start(&kit));
	memcpy(url, kit.url, sizeof(url));
	CHECK(kit_stop(&kit, SIGTERM) == 0);
	NEED(kit_start(&kit));
	/* the same key, so the same pin */
	CHECK(strcmp(strchr(url, '#'), strchr(kit.url, '#')) == 0);
	CHECK(kit_stop(&kit, SIGTERM) == 0);
	kit.opts.plain = true;
	NEED(one_up());
	kit_log_init(&log);
	CHECK(kit_append(&kit, &space, &log, 1000, &res) == 200);
	CHECK(kit_append(&kit, &space, &log, 300000, &res) == 200);
	p = kit_blob(500000, LABEL_HASH_BLOB, name);
	CHECK(kit_put(&kit, &space, TARGET_BLOB_PUT, name, p, 500000) == 201);
	t = kit_target(&space, TARGET_READ);
	CHECK(one_page(&t, &more) == 2);
	CHECK(kit_stop(&kit, SIGKILL) == 128 + SIGKILL);
	snprintf(path, sizeof(path), "%s/tmp/77", kit.dir);
	f = fopen(path, "w");
	NEED(f != NULL);
	fclose(f);
	snprintf(path, sizeof(path), "%s/obj/0/3ff", kit.dir);
	f = fopen(path, "w");
	NEED(f != NULL);
	fclose(f);
	NEED(kit_start(&kit));
	CHECK(access(path, F_OK) != 0);
	snprintf(path, sizeof(path), "%s/tmp/77", kit.dir);
	CHECK(access(path, F_OK) != 0);
	CHECK(kit_create(&kit, &space, "") == 200);
	/* the mark still holds, and so does the end of the log */
	CHECK(one_page(&t, &more) == 0);
	CHECK(kit_append(&kit, &space, &log, 1000, &res) == 200 && res == 0);
	CHECK(one_page(&t, &more) == 1);
	CHECK(kit_get(&kit, &space, TARGET_BLOB_GET, name, &r) == 200);
	CHECK(r.len == 500000 && memcmp(r.body, p, r.len) == 0);
	kit_reply_free(&r);
	free(p);
	signkey_free(log.key);
	one_end();
}

/* Appends and uploads until the relay is killed, ms after the start. */
static void
work_until_killed(struct kit_log *log, unsigned ms, unsigned size)
{
	uint8_t name[32], res;
	struct kit_log before;
	pid_t killer;
	uint8_t *p;

	fflush(NULL);
	killer = fork();
	if (killer == 0) {
		usleep(ms * 1000);
		kill(kit.pid, SIGKILL);
		_exit(0);
	}
	for (;;) {
		before = *log;
		if (kit_append(&kit, &space, log, size, &res) != 200 ||
		    res != MSG_SEG_STORED)
			break;
		p = kit_blob(size, LABEL_HASH_BLOB, name);
		(void)kit_put(&kit, &space, TARGET_BLOB_PUT, name, p, size);
		free(p);
	}
	*log = before;	/* what was acknowledged */
	waitpid(killer, NULL, 0);
	CHECK(kit_stop(&kit, SIGKILL) == 128 + SIGKILL);
}

/* Killed at any moment: what was acknowledged is there, the log goes on. */
static void
test_kill(void)
{
	struct kit_log log;
	struct kit_reply r;
	struct msg_head head;
	struct target t;

	one_begin();
	NEED(one_up());
	kit_log_init(&log);
	for (unsigned i = 0; i < 40; i++) {
		work_until_killed(&log, 3 + i * 7 % 31, i % 2 == 0 ? 1000 :
		    200000);
		NEED(kit_start(&kit));
		t = kit_target(&space, TARGET_HEAD);
		seghdr_log_id(signkey_pk(log.key), t.name);
		kit_call(&kit, &space, &t, NULL, 0, NULL, &r);
		if (r.status == 404 && log.seq == 0) {
			kit_reply_free(&r);
			continue;
		}
		NEED(r.status == 200);
		NEED(msg_head_get(r.body, r.len, &head) == ZK_OK);
		/* the last one may have been stored and not acknowledged */
		CHECK(head.seq == log.seq || head.seq == log.seq + 1);
		if (head.seq == log.seq)
			CHECK(memcmp(head.hash, log.hash, 32) == 0);
		log.seq = head.seq;
		memcpy(log.hash, head.hash, 32);
		kit_reply_free(&r);
		t.call = TARGET_SEG_GET;
		t.seq = head.seq;
		CHECK(kit_call(&kit, &space, &t, NULL, 0, NULL, NULL) == 200);
	}
	CHECK(log.seq > 10);
	signkey_free(log.key);
	one_end();
}

/* One data directory has one relay. */
static void
test_lock(void)
{
	struct kit second;

	one_begin();
	NEED(one_up());
	second = kit;
	CHECK(!kit_start(&second));
	CHECK(kit_stop(&second, SIGKILL) == 1);
	one_end();
}

TESTS(
    { "restart", test_restart },
    { "kill", test_kill },
    { "lock", test_lock },
)
