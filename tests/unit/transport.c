/* Conformance of transports: spaces, segments, marks, waiting. */
#include "tests/unit/transport_conform.h"

/* The other end of a case: a process of its own where the remote has one. */

static void
case_create(struct fix *f)
{
	struct transport *t = fix_open(f);

	NEED(t != NULL);
	CHECK(transport_create(t) == ZK_OK);
	CHECK(transport_create(t) == ZK_OK);
	CHECK(strstr(transport_url(t), "@") == NULL);
	transport_free(t);
}

static void
case_append(struct fix *f)
{
	struct transport *t = fix_begin(f);
	struct fix_log a;
	struct fix_log b;
	struct fix_got got = { 0 };
	enum tseg_result res[4];
	uint64_t seq;
	uint8_t hash[32];

	NEED(t != NULL);
	NEED(fix_log(&a, 4, 1) && fix_log(&b, 0, 0));
	CHECK(transport_head(t, a.seg[0].log, &seq, hash) == ZK_ENOENT);
	NEED(transport_append(t, a.seg, 3, res) == ZK_OK);
	for (int i = 0; i < 3; i++)
		CHECK(res[i] == TSEG_STORED);
	/* the same bytes again */
	NEED(transport_append(t, a.seg, 4, res) == ZK_OK);
	for (int i = 0; i < 3; i++)
		CHECK(res[i] == TSEG_HAVE);
	CHECK(res[3] == TSEG_STORED);
	CHECK(transport_head(t, a.seg[0].log, &seq, hash) == ZK_OK);
	CHECK(seq == 4 && memcmp(hash, a.seg[3].hash, 32) == 0);
	CHECK(transport_read_at(t, a.seg[0].log, 2, fix_take, &got) ==
	    ZK_OK);
	CHECK(got.n == 1 && fix_count(&got, &a.seg[1]) == 1 &&
	    !got.damaged);
	CHECK(transport_read_at(t, a.seg[0].log, 5, fix_take, &got) ==
	    ZK_ENOENT);
	fix_log_release(&a);
	fix_log_release(&b);
	transport_free(t);
}

static void
case_append_taken(struct fix *f)
{
	struct transport *t = fix_begin(f);
	struct fix_log a;
	struct fix_log b;
	struct fix_got got = { 0 };
	enum tseg_result res[3];

	NEED(t != NULL);
	NEED(fix_log(&a, 3, 1) && fix_log(&b, 0, 0));
	/* another history of the same log */
	signkey_free(b.key);
	b.key = a.key;
	for (int i = 0; i < 3; i++)
		NEED(fix_seg(&b, SEGHDR_BODY_MIN + 16, 2));
	NEED(transport_append(t, a.seg, 2, res) == ZK_OK);
	NEED(transport_append(t, b.seg, 3, res) == ZK_OK);
	CHECK(res[0] == TSEG_TAKEN && res[1] == TSEG_TAKEN);
	CHECK(res[2] != TSEG_STORED && res[2] != TSEG_HAVE);
	/* nothing of it is there */
	CHECK(transport_read_at(t, a.seg[0].log, 1, fix_take, &got) ==
	    ZK_OK);
	CHECK(got.n == 1 && fix_count(&got, &a.seg[0]) == 1);
	CHECK(transport_read_at(t, a.seg[0].log, 3, fix_take, &got) ==
	    ZK_ENOENT);
	b.key = NULL;
	fix_log_release(&b);
	fix_log_release(&a);
	transport_free(t);
}

static void
case_append_gap(struct fix *f)
{
	struct transport *t = fix_begin(f);
	struct fix_log a;
	struct fix_got got = { 0 };
	enum tseg_result res[3];

	NEED(t != NULL);
	NEED(fix_log(&a, 5, 1));
	NEED(transport_append(t, &a.seg[1], 1, res) == ZK_OK);
	CHECK(res[0] == TSEG_GAP);
	NEED(transport_append(t, a.seg, 1, res) == ZK_OK);
	CHECK(res[0] == TSEG_STORED);
	NEED(transport_append(t, &a.seg[3], 2, res) == ZK_OK);
	CHECK(res[0] == TSEG_GAP && res[1] == TSEG_GAP);
	CHECK(transport_read_at(t, a.seg[0].log, 4, fix_take, &got) ==
	    ZK_ENOENT);
	fix_log_release(&a);
	transport_free(t);
}

static void
case_append_many(struct fix *f)
{
	struct transport *t = fix_begin(f);
	enum tseg_result res[200];
	struct fix_got *got = calloc(1, sizeof(*got));
	struct tmark mark = { 0 };
	struct fix_log a;

	NEED(t != NULL && got != NULL);
	NEED(fix_log(&a, 200, 3));
	NEED(transport_append(t, a.seg, 200, res) == ZK_OK);
	for (int i = 0; i < 200; i++)
		CHECK(res[i] == TSEG_STORED);
	CHECK(fix_read(t, &mark, 0, 0, got) == ZK_OK);
	CHECK(got->n == 200 && !got->damaged);
	for (size_t i = 0; i < got->n; i++)
		CHECK(got->seg[i].seq == i + 1);
	free(got);
	fix_log_release(&a);
	transport_free(t);
}

/*
 * An append beside a blob and a question: it ends like any other, and what
 * was in flight beside it does, too.  One that is given up may have arrived.
 */
static void
case_append_beside(struct fix *f)
{
	struct transport *t = fix_begin(f);
	static uint8_t body[70000];
	enum tseg_result res[4] = { TSEG_GAP, TSEG_GAP, TSEG_GAP, TSEG_GAP };
	struct tappend p = { .n = 3, .res = res };
	struct fix_log a;
	struct fix_blob b;
	uint8_t hash[32];
	uint64_t seq;

	NEED(t != NULL);
	NEED(fix_log(&a, 4, 1));
	p.segs = a.seg;
	memset(body, 7, sizeof(body));
	fix_blob(&b, true, body, sizeof(body));
	NEED(transport_append_start(t, &p) == ZK_OK);
	NEED(transport_submit(t, &b.x) == ZK_OK);
	CHECK(transport_head(t, a.seg[0].log, &seq, hash) != ZK_ENET);
	for (int i = 0; i < 60000 && !transport_append_step(t, &p); i++)
		(void)usleep(1000);
	CHECK(transport_append_step(t, &p));
	CHECK(transport_append_end(t, &p) == ZK_OK);
	for (int i = 0; i < 3; i++)
		CHECK(res[i] == TSEG_STORED);
	CHECK(transport_wait(t, 0, 60000) == ZK_OK);
	CHECK(b.done && b.r == ZK_OK);
	/* without a step in between, what is there and what is not */
	p.n = 4;
	NEED(transport_append_start(t, &p) == ZK_OK);
	CHECK(transport_append_end(t, &p) == ZK_OK);
	CHECK(res[2] == TSEG_HAVE && res[3] == TSEG_STORED);
	NEED(transport_append_start(t, &p) == ZK_OK);
	transport_append_drop(t, &p);
	CHECK(transport_append(t, a.seg, 4, res) == ZK_OK);
	CHECK(res[0] == TSEG_HAVE && res[3] == TSEG_HAVE);
	fix_log_release(&a);
	transport_free(t);
}

/* Several logs in one append, as when others' segments are carried over. */
static void
case_append_logs(struct fix *f)
{
	struct transport *t = fix_begin(f);
	struct fix_got got = { 0 };
	struct tmark mark = { 0 };
	struct tseg both[6];
	enum tseg_result res[6];
	struct fix_log a;
	struct fix_log b;

	NEED(t != NULL);
	NEED(fix_log(&a, 3, 1) && fix_log(&b, 3, 2));
	for (int i = 0; i < 3; i++) {
		both[2 * i] = a.seg[i];
		both[2 * i + 1] = b.seg[i];
	}
	NEED(transport_append(t, both, 6, res) == ZK_OK);
	for (int i = 0; i < 6; i++)
		CHECK(res[i] == TSEG_STORED);
	CHECK(fix_read(t, &mark, 0, 0, &got) == ZK_OK);
	CHECK(got.n == 6 && !got.damaged);
	fix_log_release(&a);
	fix_log_release(&b);
	transport_free(t);
}

static void
case_read_pages(struct fix *f)
{
	struct transport *t = fix_begin(f);
	struct fix_got got = { 0 };
	struct tread how = { .max_bytes = 25000, .each = fix_take,
	    .arg = &got };
	struct tmark mark = { 0 };
	enum tseg_result res[20];
	struct fix_log a;
	unsigned pages = 0;
	bool more = true;

	NEED(t != NULL);
	NEED(fix_log(&a, 0, 0));
	for (int i = 0; i < 20; i++)
		NEED(fix_seg(&a, 10000, (uint8_t)i));
	NEED(transport_append(t, a.seg, 20, res) == ZK_OK);
	while (more && pages < 40) {
		size_t before = got.bytes;

		NEED(transport_read(t, &how, &mark, &more) == ZK_OK);
		CHECK(got.bytes - before <= 25000 + a.seg[0].len);
		pages++;
	}
	CHECK(!more && pages >= 7);
	CHECK(got.n == 20 && !got.damaged);
	for (size_t i = 0; i < got.n; i++)
		CHECK(got.seg[i].seq == i + 1);
	/* one is given even where none fits */
	memset(&mark, 0, sizeof(mark));
	got.n = 0;
	how.max_bytes = 1;
	CHECK(transport_read(t, &how, &mark, &more) == ZK_OK);
	CHECK(got.n == 1 && more);
	fix_log_release(&a);
	transport_free(t);
}

static void
case_read_nothing(struct fix *f)
{
	struct transport *t = fix_begin(f);
	struct fix_got got = { 0 };
	struct tmark mark = { 0 };

	NEED(t != NULL);
	CHECK(fix_read(t, &mark, 0, 0, &got) == ZK_OK);
	CHECK(got.n == 0);
	CHECK(fix_read(t, &mark, 0, 0, &got) == ZK_OK);
	CHECK(got.n == 0);
	transport_free(t);
}

static void
case_mark_unknown(struct fix *f)
{
	struct transport *t = fix_begin(f);
	struct fix_got got = { 0 };
	struct tmark mark = { .len = 33 };
	enum tseg_result res[3];
	struct fix_log a;

	NEED(t != NULL);
	NEED(fix_log(&a, 3, 1));
	NEED(transport_append(t, a.seg, 3, res) == ZK_OK);
	memset(mark.b, 0xee, sizeof(mark.b));
	CHECK(fix_read(t, &mark, 0, 0, &got) == ZK_OK);
	CHECK(got.n == 3);
	fix_log_release(&a);
	transport_free(t);
}

static void
case_mark_reopen(struct fix *f)
{
	struct transport *t = fix_begin(f);
	struct fix_got got = { 0 };
	struct tmark mark = { 0 };
	enum tseg_result res[3];
	struct fix_log a;

	NEED(t != NULL);
	NEED(fix_log(&a, 3, 1));
	NEED(transport_append(t, a.seg, 2, res) == ZK_OK);
	CHECK(fix_read(t, &mark, 0, 0, &got) == ZK_OK);
	CHECK(got.n == 2);
	transport_free(t);
	t = fix_open(f);
	NEED(t != NULL);
	CHECK(fix_read(t, &mark, 0, 0, &got) == ZK_OK);
	CHECK(got.n == 2);
	NEED(transport_append(t, &a.seg[2], 1, res) == ZK_OK);
	CHECK(fix_read(t, &mark, 0, 0, &got) == ZK_OK);
	CHECK(got.n == 3);
	fix_log_release(&a);
	transport_free(t);
}

/* Without the caller's help a mark still never skips anything. */
static void
case_mark_alone(struct fix *f)
{
	struct transport *t = fix_begin(f);
	struct fix_got got = { 0 };
	struct tread how = { .each = fix_take, .arg = &got };
	struct tmark mark = { 0 };
	enum tseg_result res[4];
	struct fix_log a;
	bool more = true;

	NEED(t != NULL);
	NEED(fix_log(&a, 4, 1));
	NEED(transport_append(t, a.seg, 3, res) == ZK_OK);
	while (more)
		NEED(transport_read(t, &how, &mark, &more) == ZK_OK);
	CHECK(got.n == 3);
	NEED(transport_read(t, &how, &mark, &more) == ZK_OK);
	CHECK(got.n == 3 && !more);
	NEED(transport_append(t, &a.seg[3], 1, res) == ZK_OK);
	more = true;
	while (more)
		NEED(transport_read(t, &how, &mark, &more) == ZK_OK);
	CHECK(fix_count(&got, &a.seg[3]) == 1);
	fix_log_release(&a);
	transport_free(t);
}

/* The first mistake of lessons: own appends moved the reader's mark. */
static void
case_own_appends(struct fix *f)
{
	struct transport *me = fix_begin(f);
	struct transport *other = fix_open(f);
	struct fix_got got = { 0 };
	struct tmark mark = { 0 };
	enum tseg_result res[2];
	struct fix_log a;
	struct fix_log b;

	NEED(me != NULL && other != NULL);
	NEED(fix_log(&a, 2, 1) && fix_log(&b, 2, 2));
	CHECK(fix_read(me, &mark, 0, 0, &got) == ZK_OK);
	NEED(transport_append(other, b.seg, 1, res) == ZK_OK);
	NEED(transport_append(me, a.seg, 1, res) == ZK_OK);
	NEED(transport_append(other, &b.seg[1], 1, res) == ZK_OK);
	NEED(transport_append(me, &a.seg[1], 1, res) == ZK_OK);
	CHECK(fix_read(me, &mark, 0, 0, &got) == ZK_OK);
	CHECK(fix_count(&got, &b.seg[0]) == 1);
	CHECK(fix_count(&got, &b.seg[1]) == 1);
	fix_log_release(&a);
	fix_log_release(&b);
	transport_free(me);
	transport_free(other);
}

static void
case_read_fails(struct fix *f)
{
	struct transport *t = fix_begin(f);
	struct fix_got got = { .fail = ZK_EDISKFULL };
	struct tmark mark = { 0 };
	struct tmark was = { 0 };
	enum tseg_result res[2];
	struct fix_log a;

	NEED(t != NULL);
	NEED(fix_log(&a, 2, 1));
	NEED(transport_append(t, a.seg, 2, res) == ZK_OK);
	CHECK(fix_read(t, &mark, 0, 0, &got) == ZK_EDISKFULL);
	CHECK(memcmp(&mark, &was, sizeof(mark)) == 0);
	got.fail = ZK_OK;
	CHECK(fix_read(t, &mark, 0, 0, &got) == ZK_OK);
	CHECK(got.n == 2);
	fix_log_release(&a);
	transport_free(t);
}

static void
case_wait(struct fix *f)
{
	struct transport *t = fix_begin(f);
	struct fix_got got = { 0 };
	struct tmark mark = { 0 };
	int64_t start;
	int64_t ms;

	NEED(t != NULL);
	start = env_mono_ms(f->env);
	CHECK(fix_read(t, &mark, 0, 400, &got) == ZK_OK);
	ms = env_mono_ms(f->env) - start;
	CHECK(got.n == 0 && ms >= 350 && ms < 5000);
	transport_free(t);
}

/* Appends the first n segments of l from another process. */
static pid_t
append_later(struct fix *f, struct fix_log *l, size_t n, unsigned ms)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct transport *t = fix_open(f);
		enum tseg_result res[256];
		int bad = t == NULL;

		env_sleep_ms(env_posix(), ms);
		for (size_t i = 0; i < n && !bad; i++)
			bad = transport_append(t, &l->seg[i], 1, res) !=
			    ZK_OK || res[0] != TSEG_STORED;
		_exit(bad);
	}
	return pid;
}

static bool
ended_well(pid_t pid)
{
	int status = -1;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	    WEXITSTATUS(status) == 0;
}

static void
case_wait_wakes(struct fix *f)
{
	struct transport *t = fix_begin(f);
	struct fix_got got = { 0 };
	struct tmark mark = { 0 };
	struct fix_log a;
	int64_t start;
	pid_t pid;

	NEED(t != NULL);
	NEED(fix_log(&a, 1, 1));
	pid = append_later(f, &a, 1, 300);
	start = env_mono_ms(f->env);
	CHECK(fix_read(t, &mark, 0, 10000, &got) == ZK_OK);
	CHECK(got.n == 1);
	CHECK(env_mono_ms(f->env) - start < 5000);
	CHECK(ended_well(pid));
	fix_log_release(&a);
	transport_free(t);
}

static void
case_writers(struct fix *f)
{
	struct transport *t = fix_begin(f);
	struct fix_got *got = calloc(1, sizeof(*got));
	struct tmark mark = { 0 };
	struct fix_log l[3];
	pid_t pid[3];

	NEED(t != NULL && got != NULL);
	for (int i = 0; i < 3; i++)
		NEED(fix_log(&l[i], 40, (uint8_t)i));
	for (int i = 0; i < 3; i++)
		pid[i] = append_later(f, &l[i], 40, 0);
	/* reading while they write loses nothing and doubles nothing */
	for (int i = 0; i < 400 && got->n < 120; i++) {
		CHECK(fix_read(t, &mark, 4000, 50, got) == ZK_OK);
		env_sleep_ms(f->env, 5);
	}
	for (int i = 0; i < 3; i++)
		CHECK(ended_well(pid[i]));
	CHECK(fix_read(t, &mark, 0, 0, got) == ZK_OK);
	CHECK(got->n == 120 && !got->damaged);
	for (int i = 0; i < 3; i++)
		for (size_t k = 0; k < 40; k++)
			CHECK(fix_count(got, &l[i].seg[k]) == 1);
	for (int i = 0; i < 3; i++)
		fix_log_release(&l[i]);
	free(got);
	transport_free(t);
}

#define CASES(X)                                                             \
	X(create) X(append) X(append_taken) X(append_gap) X(append_many)     \
	X(append_beside) X(append_logs) X(read_pages) X(read_nothing)        \
	X(mark_unknown) X(mark_reopen) X(mark_alone) X(own_appends)          \
	X(read_fails) X(wait)

/* Those with several processes: the fake lives in one. */
#define PROCESSES(X) X(wait_wakes) X(writers)

CASES(CONFORM_DEFINE)
PROCESSES(CONFORM_SHARED)

TESTS(
    CASES(CONFORM_ENTRY)
    PROCESSES(CONFORM_ENTRY_SHARED)
)
