/* A relay and logs that begin behind segments that will not come. */
#include "depotkit.h"
#include "relayone.h"

#define LOGS 4096	/* begun in a space, as zk-protocol(7) has it */

/* Body of a request to begin behind seq. */
static void
begin_body(uint64_t seq, const uint8_t *hash, struct buf *out)
{
	struct msg_head h = { .seq = seq };

	memcpy(h.hash, hash, 32);
	buf_reset(out);
	if (msg_head_put(out, &h) != ZK_OK)
		abort();
}

static struct target
begin_target(const struct kit_log *log)
{
	struct target t = kit_target(&space, TARGET_BEGIN);

	seghdr_log_id(signkey_pk(log->key), t.name);
	return t;
}

static int
begin(const struct kit_log *log, uint64_t seq, const uint8_t *hash)
{
	struct target t = begin_target(log);
	struct buf b;
	int status;

	buf_init(&b, MSG_HEAD_LEN);
	begin_body(seq, hash, &b);
	status = kit_call(&kit, &space, &t, b.data, b.len, NULL, NULL);
	buf_release(&b);
	return status;
}

/* Where the relay has the end of a log; 0: unknown. */
static uint64_t
end_of(const struct kit_log *log)
{
	struct target t = begin_target(log);
	struct msg_head h = { 0 };
	struct kit_reply r;

	t.call = TARGET_HEAD;
	if (kit_call(&kit, &space, &t, NULL, 0, NULL, &r) == 200)
		CHECK(msg_head_get(r.body, r.len, &h) == ZK_OK);
	kit_reply_free(&r);
	return h.seq;
}

/* Makes segments up to seq without sending them. */
static void
skip_to(struct kit_log *log, uint64_t seq)
{
	struct buf junk;

	buf_init(&junk, 1u << 20);
	while (log->seq < seq)
		kit_segment(log, 100, &junk);
	buf_release(&junk);
}

/* It holds after a restart, killed right after the answer. */
static void
test_begin(void)
{
	struct kit_log log;
	struct target t;
	uint8_t res;
	bool more;

	one_begin();
	NEED(one_up());
	kit_log_init(&log);
	skip_to(&log, 56);
	CHECK(end_of(&log) == 0);
	CHECK(begin(&log, 56, log.hash) == 200);
	CHECK(kit_stop(&kit, SIGKILL) == 128 + SIGKILL);
	NEED(kit_start(&kit));
	CHECK(end_of(&log) == 56);
	CHECK(kit_append(&kit, &space, &log, 400, &res) == 200);
	CHECK(res == MSG_SEG_STORED && end_of(&log) == 57);
	/* a page that was waited for holds it alone */
	t = kit_target(&space, TARGET_READ);
	CHECK(one_page(&t, &more) == 1 && !more);
	CHECK(begin(&log, 60, log.hash) == 200 && end_of(&log) == 60);
	CHECK(one_page(&t, &more) == 0 && !more);
	t.mark_len = 0;
	CHECK(one_page(&t, &more) == 1 && !more);
	/* deletion at places of both kinds */
	t = begin_target(&log);
	t.call = TARGET_SEG_DELETE;
	for (t.seq = 55; t.seq <= 60; t.seq++)
		CHECK(kit_call(&kit, &space, &t, NULL, 0, NULL, NULL) == 200);
	CHECK(end_of(&log) == 60);
	signkey_free(log.key);
	one_end();
}

/* Bodies of any other form change nothing. */
static void
test_malformed(void)
{
	static const uint8_t sizes[] = { 0, 1, 8, 32, 39, 41, 80 };
	uint8_t long_body[80] = { 1 };
	struct kit_bend b;
	struct kit_log log;
	struct target t;
	struct buf body;

	one_begin();
	NEED(one_up());
	kit_log_init(&log);
	skip_to(&log, 3);
	t = begin_target(&log);
	for (size_t i = 0; i < sizeof(sizes); i++)
		CHECK(kit_call(&kit, &space, &t, long_body, sizes[i], NULL,
		    NULL) == (sizes[i] > MSG_HEAD_LEN ? 413 : 400));
	CHECK(begin(&log, 0, log.hash) == 400);
	CHECK(begin(&log, SEGHDR_SEQ_MAX + 1, log.hash) == 400);
	CHECK(begin(&log, UINT64_MAX, log.hash) == 400);
	/* another body than the signed one; another's signature */
	buf_init(&body, MSG_HEAD_LEN);
	begin_body(3, log.hash, &body);
	memset(&b, 0, sizeof(b));
	b.wrong_hash = true;
	CHECK(kit_call(&kit, &space, &t, body.data, body.len, &b, NULL) ==
	    400);
	b.wrong_hash = false;
	b.key = log.key;
	CHECK(kit_call(&kit, &space, &t, body.data, body.len, &b, NULL) ==
	    401);
	b.key = NULL;
	b.time_off = -400;
	CHECK(kit_call(&kit, &space, &t, body.data, body.len, &b, NULL) ==
	    401);
	CHECK(kit_raw(&kit, "PUT /v1/spaces/00/heads/00 HTTP/1.1\r\n"
	    "Host: x\r\nContent-Length: 0\r\n\r\n") == 400);
	CHECK(end_of(&log) == 0);
	CHECK(begin(&log, 3, log.hash) == 200 && end_of(&log) == 3);
	buf_release(&body);
	signkey_free(log.key);
	one_end();
}

/* What one request stores in part is told right, also at the last place. */
static void
test_results(void)
{
	struct kit_log log, from;
	struct target t;
	struct kit_reply r;
	struct buf body;
	uint8_t res[6];

	one_begin();
	kit.opts.quota = 100000;
	NEED(one_up());
	kit_log_init(&log);
	skip_to(&log, 2);
	from = log;
	skip_to(&log, 5);
	CHECK(begin(&log, 5, log.hash) == 200);
	buf_init(&body, 1u << 20);
	kit_append_body(&from, 6, 400, &body);
	t = kit_target(&space, TARGET_APPEND);
	CHECK(kit_call(&kit, &space, &t, body.data, body.len, NULL, &r) ==
	    200);
	NEED(msg_results_get(r.body, r.len, res, 6) == ZK_OK);
	/* 3 and 4 are had; 5 is another one, and so are those behind it */
	CHECK(res[0] == MSG_SEG_HAVE && res[1] == MSG_SEG_HAVE);
	CHECK(res[2] == MSG_SEG_TAKEN);
	CHECK(res[3] == MSG_SEG_GAP && res[5] == MSG_SEG_GAP);
	kit_reply_free(&r);
	buf_reset(&body);
	kit_append_body(&log, 6, 400, &body);
	CHECK(kit_call(&kit, &space, &t, body.data, body.len, NULL, &r) ==
	    200);
	NEED(msg_results_get(r.body, r.len, res, 6) == ZK_OK);
	CHECK(res[0] == MSG_SEG_STORED && res[5] == MSG_SEG_STORED);
	kit_reply_free(&r);
	CHECK(end_of(&log) == 11);
	CHECK(begin(&log, SEGHDR_SEQ_MAX, log.hash) == 200);
	CHECK(end_of(&log) == SEGHDR_SEQ_MAX);
	CHECK(kit_append(&kit, &space, &log, 400, res) == 200);
	CHECK(res[0] == MSG_SEG_HAVE);
	buf_release(&body);
	signkey_free(log.key);
	one_end();
}

static void
nothing_new(void *arg, const int64_t *spaces, size_t n)
{
	(void)spaces;
	(void)n;
	*(bool *)arg = true;
}

/* Logs that cost no quota are bounded, space by space. */
static void
test_bound(void)
{
	struct depot_job *job = calloc(LOGS + 1, sizeof(*job));
	struct many m = MANY_INIT;
	struct depot_opts o = { .env = env_posix(), .body_mem = 1u << 20 };
	static const uint8_t pk[32] = { 7 };
	struct depot_job create = { .op = DEPOT_CREATE, .space_pk = pk,
	    .active = pk, .n_active = 1 };
	struct depot *d = NULL;
	bool changed = false;
	size_t ok = 0;

	NEED(job != NULL);
	kit_init(&kit);
	o.dir = kit.dir;
	o.changed = nothing_new;
	o.arg = &changed;
	NEED(depot_open(&o, &d) == ZK_OK);
	for (uint8_t i = 0; i < 2; i++) {
		create.name[0] = i;
		many_run(d, &m, &create, 1);
		CHECK(create.r == ZK_OK && create.fresh);
	}
	for (size_t i = 0; i <= LOGS; i++) {
		job[i].op = DEPOT_BEGIN;
		job[i].space = 1;
		job[i].name[0] = (uint8_t)i;
		job[i].name[1] = (uint8_t)(i >> 8);
		job[i].seq = 5;
	}
	many_run(d, &m, job, LOGS + 1);
	for (size_t i = 0; i <= LOGS; i++)
		ok += job[i].r == ZK_OK;
	CHECK(ok == LOGS && job[LOGS].r == ZK_EREMOTEFULL);
	/* those that are there still move; another space has its own bound */
	job[0].seq = 6;
	many_run(d, &m, job, 1);
	CHECK(job[0].r == ZK_OK);
	job[LOGS].space = 2;
	many_run(d, &m, &job[LOGS], 1);
	CHECK(job[LOGS].r == ZK_OK);
	CHECK(!changed);
	depot_close(d);
	kit_end(&kit);
	free(job);
}

TESTS(
    { "begin", test_begin },
    { "malformed", test_malformed },
    { "results", test_results },
    { "bound", test_bound },
)
