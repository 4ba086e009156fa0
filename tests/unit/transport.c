/*
 * The conformance suite of transports: one list of cases, run on the folder,
 * the fake, and a real relay with and without TLS.
 */
#include "tests/unit/transport_fix.h"

#include "crypto/rand.h"

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

/* Opens and creates. */
static struct transport *
begin(struct fix *f)
{
	struct transport *t = fix_open(f);

	if (t != NULL && transport_create(t) != ZK_OK) {
		transport_free(t);
		t = NULL;
	}
	return t;
}

static void
case_append(struct fix *f)
{
	struct transport *t = begin(f);
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
	struct transport *t = begin(f);
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
	struct transport *t = begin(f);
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
	struct transport *t = begin(f);
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

/* Several logs in one append, as when others' segments are carried over. */
static void
case_append_logs(struct fix *f)
{
	struct transport *t = begin(f);
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
	struct transport *t = begin(f);
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
	struct transport *t = begin(f);
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
	struct transport *t = begin(f);
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
	struct transport *t = begin(f);
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
	struct transport *t = begin(f);
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
	struct transport *me = begin(f);
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
	struct transport *t = begin(f);
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
	struct transport *t = begin(f);
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
	struct transport *t = begin(f);
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
	struct transport *t = begin(f);
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

/* Records. */

struct names {
	uint8_t name[64][32];
	size_t n;
};

static enum zk_err
take_name(void *arg, const uint8_t name[static 32])
{
	struct names *l = arg;

	if (l->n < 64)
		memcpy(l->name[l->n++], name, 32);
	return ZK_OK;
}

static void
case_records(struct fix *f)
{
	struct transport *t = begin(f);
	struct names names = { .n = 0 };
	struct tmark mark = { 0 };
	uint8_t name[20][32];
	struct buf out;
	char text[32];
	size_t seen = 0;

	NEED(t != NULL);
	buf_init(&out, 1 << 20);
	for (int i = 0; i < 20; i++) {
		int n = snprintf(text, sizeof(text), "record %d", i);

		hash_bytes(LABEL_HASH_RECORD, text, (size_t)n, name[i]);
		CHECK(transport_rec_put(t, name[i], text, (size_t)n) ==
		    ZK_OK);
		CHECK(transport_rec_put(t, name[i], text, (size_t)n) ==
		    ZK_OK);
	}
	CHECK(transport_rec_list(t, &mark, take_name, &names) == ZK_OK);
	CHECK(names.n == 20);
	for (size_t i = 0; i < 20; i++)
		for (size_t k = 0; k < names.n; k++)
			seen += memcmp(name[i], names.name[k], 32) == 0;
	CHECK(seen == 20);
	CHECK(transport_rec_get(t, name[7], &out) == ZK_OK);
	CHECK(out.len == 8 && memcmp(out.data, "record 7", 8) == 0);
	memset(name[0], 0x55, 32);
	buf_reset(&out);
	CHECK(transport_rec_get(t, name[0], &out) == ZK_ENOENT);
	CHECK(out.len == 0);
	buf_release(&out);
	transport_free(t);
}

/* Blobs. */

static void
case_blob(struct fix *f)
{
	struct transport *t = begin(f);
	uint8_t data[5000];
	uint8_t names[2][32];
	bool missing[2] = { false, true };
	struct fix_blob b;

	NEED(t != NULL);
	memset(data, 7, sizeof(data));
	fix_blob(&b, false, data, sizeof(data));
	CHECK(fix_xfer(t, &b) == ZK_ENOENT);
	buf_release(&b.x.body);
	fix_blob(&b, true, data, sizeof(data));
	CHECK(fix_xfer(t, &b) == ZK_OK);
	fix_blob(&b, true, data, sizeof(data));
	CHECK(fix_xfer(t, &b) == ZK_OK);
	CHECK(b.times == 1 && transport_inflight(t) == 0);
	fix_blob(&b, false, data, sizeof(data));
	CHECK(fix_xfer(t, &b) == ZK_OK);
	CHECK(b.x.body.len == sizeof(data) &&
	    memcmp(b.x.body.data, data, sizeof(data)) == 0);
	memset(names[0], 0x11, 32);
	memcpy(names[1], b.x.name, 32);
	CHECK(transport_missing(t, (const uint8_t (*)[32])names, 2,
	    missing) == ZK_OK);
	CHECK(missing[0] && !missing[1]);
	buf_release(&b.x.body);
	transport_free(t);
}

/* Nobody can take a name with other bytes. */
static void
case_blob_wrong(struct fix *f)
{
	struct transport *t = begin(f);
	uint8_t data[5000];
	struct fix_blob b;
	enum zk_err r;

	NEED(t != NULL);
	memset(data, 7, sizeof(data));
	fix_blob(&b, true, data, sizeof(data));
	b.x.name[0] ^= 1;
	r = fix_xfer(t, &b);
	if (f->kind != FIX_FOLDER)
		CHECK(r == ZK_EREFUSED);
	fix_blob(&b, false, data, sizeof(data));
	b.x.name[0] ^= 1;
	r = fix_xfer(t, &b);
	CHECK(r == (f->kind == FIX_FOLDER ? ZK_ETAMPER : ZK_ENOENT));
	CHECK(b.x.body.len == 0);
	buf_release(&b.x.body);
	transport_free(t);
}

/* A blob longer than its reader expects is not taken in. */
static void
case_blob_long(struct fix *f)
{
	struct transport *t = begin(f);
	uint8_t data[5000];
	struct fix_blob b;
	enum zk_err r;

	NEED(t != NULL);
	memset(data, 7, sizeof(data));
	fix_blob(&b, true, data, sizeof(data));
	CHECK(fix_xfer(t, &b) == ZK_OK);
	fix_blob(&b, false, data, sizeof(data));
	buf_init(&b.x.body, sizeof(data) - 1);
	r = fix_xfer(t, &b);
	CHECK(r == ZK_ETAMPER || r == ZK_ELIMIT);
	CHECK(b.x.body.len == 0);
	buf_release(&b.x.body);
	transport_free(t);
}

#define MANY 48

static void
many(struct transport *t, bool put, uint8_t *data, size_t len)
{
	struct fix_blob *b = calloc(MANY, sizeof(*b));
	size_t most = 0;

	NEED(b != NULL);
	for (size_t i = 0; i < MANY; i++) {
		fix_blob(&b[i], put, data + i * len, len);
		NEED(transport_submit(t, &b[i].x) == ZK_OK);
		if (transport_inflight(t) > most)
			most = transport_inflight(t);
		if (transport_inflight(t) < 16)
			continue;
		CHECK(transport_wait(t, SIZE_MAX - 1, 0) == ZK_OK);
		CHECK(transport_wait(t, 15, 30000) == ZK_OK);
	}
	CHECK(transport_wait(t, 0, 30000) == ZK_OK);
	CHECK(most == 16);
	for (size_t i = 0; i < MANY; i++) {
		CHECK(b[i].times == 1 && b[i].r == ZK_OK);
		if (!put)
			CHECK(b[i].x.body.len == len &&
			    memcmp(b[i].x.body.data, data + i * len,
			    len) == 0);
		buf_release(&b[i].x.body);
	}
	free(b);
}

static void
case_blobs(struct fix *f)
{
	struct transport *t = begin(f);
	size_t len = 100000;
	uint8_t *data = malloc(MANY * len);
	uint8_t names[MANY][32];
	bool missing[MANY];
	size_t n = 0;

	NEED(t != NULL && data != NULL);
	rand_bytes(env_posix(), data, MANY * len);
	many(t, true, data, len);
	many(t, false, data, len);
	for (size_t i = 0; i < MANY; i++)
		hash_bytes(LABEL_HASH_BLOB, data + i * len, len, names[i]);
	CHECK(transport_missing(t, (const uint8_t (*)[32])names, MANY,
	    missing) == ZK_OK);
	for (size_t i = 0; i < MANY; i++)
		n += missing[i];
	CHECK(n == 0);
	free(data);
	transport_free(t);
}

/* Other calls while blobs are on their way. */
static void
case_mixed(struct fix *f)
{
	struct transport *t = begin(f);
	size_t len = 300000;
	uint8_t *data = malloc(4 * len);
	struct fix_got got = { 0 };
	struct tmark mark = { 0 };
	enum tseg_result res[3];
	struct fix_blob b[4];
	struct fix_log a;

	NEED(t != NULL && data != NULL);
	NEED(fix_log(&a, 3, 1));
	rand_bytes(env_posix(), data, 4 * len);
	for (size_t i = 0; i < 4; i++) {
		fix_blob(&b[i], true, data + i * len, len);
		NEED(transport_submit(t, &b[i].x) == ZK_OK);
	}
	CHECK(transport_append(t, a.seg, 3, res) == ZK_OK);
	CHECK(fix_read(t, &mark, 0, 0, &got) == ZK_OK);
	CHECK(got.n == 3);
	CHECK(transport_wait(t, 0, 30000) == ZK_OK);
	for (size_t i = 0; i < 4; i++)
		CHECK(b[i].times == 1 && b[i].r == ZK_OK);
	free(data);
	fix_log_release(&a);
	transport_free(t);
}

static void
case_largest(struct fix *f)
{
	struct transport *t = begin(f);
	size_t len = 4u * 1024 * 1024 + 1024;
	uint8_t *data = malloc(len);
	struct fix_got got = { 0 };
	struct tmark mark = { 0 };
	enum tseg_result res[1];
	struct fix_blob b;
	struct fix_log a;

	NEED(t != NULL && data != NULL);
	memset(data, 9, len);
	fix_blob(&b, true, data, len);
	CHECK(fix_xfer(t, &b) == ZK_OK);
	fix_blob(&b, false, data, len);
	CHECK(fix_xfer(t, &b) == ZK_OK);
	CHECK(b.x.body.len == len);
	buf_release(&b.x.body);
	NEED(fix_log(&a, 0, 0));
	NEED(fix_seg(&a, SEGHDR_BODY_MAX, 1));
	CHECK(transport_append(t, a.seg, 1, res) == ZK_OK);
	CHECK(res[0] == TSEG_STORED);
	CHECK(fix_read(t, &mark, 0, 0, &got) == ZK_OK);
	CHECK(got.n == 1 && !got.damaged);
	fix_log_release(&a);
	free(data);
	transport_free(t);
}

static void
case_missing_many(struct fix *f)
{
	struct transport *t = begin(f);
	uint8_t (*names)[32] = calloc(4096, 32);
	bool *missing = calloc(4096, sizeof(*missing));
	size_t n = 0;

	NEED(t != NULL && names != NULL && missing != NULL);
	rand_bytes(env_posix(), names, 4096 * 32);
	CHECK(transport_missing(t, (const uint8_t (*)[32])names, 4096,
	    missing) == ZK_OK);
	for (size_t i = 0; i < 4096; i++)
		n += missing[i];
	CHECK(n == 4096);
	free(names);
	free(missing);
	transport_free(t);
}

static void
case_cancel(struct fix *f)
{
	struct transport *t = begin(f);
	size_t len = 2000000;
	uint8_t *data = malloc(len);
	struct fix_blob b[20];

	NEED(t != NULL && data != NULL);
	rand_bytes(env_posix(), data, len);
	for (size_t i = 0; i < 20; i++) {
		fix_blob(&b[i], true, data, len - i);
		NEED(transport_submit(t, &b[i].x) == ZK_OK);
	}
	transport_cancel(t);
	CHECK(transport_inflight(t) == 0);
	for (size_t i = 0; i < 20; i++)
		CHECK(b[i].times == 1 &&
		    (b[i].r == ZK_ESIGNAL || b[i].r == ZK_OK));
	/* and it goes on working */
	fix_blob(&b[0], true, data, 1000);
	CHECK(fix_xfer(t, &b[0]) == ZK_OK);
	free(data);
	transport_free(t);
}

static void
case_delete(struct fix *f)
{
	struct transport *t = begin(f);
	uint8_t data[3000] = { 1 };
	struct fix_got got = { 0 };
	enum tseg_result res[3];
	struct fix_blob b;
	struct fix_log a;

	NEED(t != NULL);
	NEED(fix_log(&a, 3, 1));
	fix_blob(&b, true, data, sizeof(data));
	CHECK(fix_xfer(t, &b) == ZK_OK);
	CHECK(transport_blob_delete(t, b.x.name) == ZK_OK);
	CHECK(transport_blob_delete(t, b.x.name) == ZK_OK);
	fix_blob(&b, false, data, sizeof(data));
	CHECK(fix_xfer(t, &b) == ZK_ENOENT);
	buf_release(&b.x.body);
	CHECK(transport_seg_delete(t, a.seg[0].log, 1) == ZK_OK);
	NEED(transport_append(t, a.seg, 2, res) == ZK_OK);
	CHECK(transport_seg_delete(t, a.seg[0].log, 1) == ZK_OK);
	CHECK(transport_seg_delete(t, a.seg[0].log, 1) == ZK_OK);
	CHECK(transport_read_at(t, a.seg[0].log, 1, fix_take, &got) ==
	    ZK_ENOENT);
	CHECK(transport_read_at(t, a.seg[0].log, 2, fix_take, &got) ==
	    ZK_OK);
	NEED(transport_append(t, &a.seg[2], 1, res) == ZK_OK);
	CHECK(res[0] == TSEG_STORED);
	fix_log_release(&a);
	transport_free(t);
}

/* Rendezvous: two transports that know neither space nor keys. */

static void
case_rendezvous(struct fix *f)
{
	struct transport *a = begin(f);
	struct transport *b = NULL;
	struct transport_opts full = f->opts;
	struct trv ra = { .side = 0, .id = { 1 } };
	struct trv rb = { .side = 1, .id = { 2 } };
	struct trv rc = { .side = 1, .id = { 3 } };
	struct buf out;

	buf_init(&out, 65536);
	f->opts.locator = NULL;
	f->opts.space = NULL;
	f->opts.request = NULL;
	b = fix_open(f);
	f->opts = full;
	NEED(a != NULL && b != NULL);
	NEED(transport_rv_claim(a, &ra) == ZK_OK);
	CHECK(ra.plate > 0 && ra.plate < 1000000);
	CHECK(transport_rv_claim(a, &ra) == ZK_OK);
	rb.plate = rc.plate = ra.plate;
	CHECK(transport_rv_claim(b, &rb) == ZK_OK);
	CHECK(transport_rv_claim(b, &rb) == ZK_OK);
	CHECK(transport_rv_claim(b, &rc) == ZK_EEXIST);
	CHECK(transport_rv_get(a, &ra, 0, 200, &out) == ZK_ETIMEDOUT);
	CHECK(transport_rv_put(b, &rb, 0, "from b", 6) == ZK_OK);
	CHECK(transport_rv_put(b, &rb, 0, "from b", 6) == ZK_OK);
	CHECK(transport_rv_get(a, &ra, 0, 2000, &out) == ZK_OK);
	CHECK(out.len == 6 && memcmp(out.data, "from b", 6) == 0);
	CHECK(transport_rv_put(a, &ra, 0, "from a", 6) == ZK_OK);
	CHECK(transport_rv_put(a, &ra, 1, "more", 4) == ZK_OK);
	buf_reset(&out);
	CHECK(transport_rv_get(b, &rb, 1, 2000, &out) == ZK_OK);
	CHECK(out.len == 4 && memcmp(out.data, "more", 4) == 0);
	/* who holds no side speaks for none */
	CHECK(transport_rv_put(b, &rc, 1, "evil", 4) != ZK_OK);
	/* what a side sent stays until the other is done, too */
	CHECK(transport_rv_put(b, &rb, 1, "end", 3) == ZK_OK);
	CHECK(transport_rv_close(b, &rb) == ZK_OK);
	buf_reset(&out);
	CHECK(transport_rv_get(a, &ra, 1, 2000, &out) == ZK_OK);
	CHECK(out.len == 3 && memcmp(out.data, "end", 3) == 0);
	CHECK(transport_rv_close(a, &ra) == ZK_OK);
	CHECK(transport_rv_close(a, &ra) == ZK_OK);
	CHECK(transport_rv_get(b, &rb, 2, 200, &out) == ZK_EEXPIRED);
	CHECK(transport_rv_claim(b, &rb) == ZK_EEXPIRED);
	buf_release(&out);
	transport_free(a);
	transport_free(b);
}

static void
case_rendezvous_unknown(struct fix *f)
{
	struct transport *t = begin(f);
	struct trv rv = { .side = 1, .plate = 987654, .id = { 1 } };

	NEED(t != NULL);
	CHECK(transport_rv_claim(t, &rv) == ZK_EEXPIRED);
	transport_free(t);
}

static void
case_pin(struct fix *f)
{
	struct transport *t = begin(f);
	char pin[64];

	NEED(t != NULL);
	CHECK(transport_pin(t, pin, sizeof(pin)) == ZK_OK);
	if (f->kind == FIX_TLS)
		CHECK(strstr(f->url, pin) != NULL && strlen(pin) == 52);
	else
		CHECK(pin[0] == '\0');
	transport_free(t);
}

/* The table: every case on every kind. */

static void
run(enum fix_kind kind, void (*body)(struct fix *f))
{
	struct fix *f = calloc(1, sizeof(*f));

	NEED(f != NULL);
	if (fix_init(f, kind)) {
		body(f);
	} else {
		printf("# the remote does not start\n");
		test_failed = true;
	}
	fix_release(f);
	free(f);
}

#define CASES(X)                                                             \
	X(create) X(append) X(append_taken) X(append_gap) X(append_many)     \
	X(append_logs) X(read_pages) X(read_nothing) X(mark_unknown)         \
	X(mark_reopen) X(mark_alone) X(own_appends) X(read_fails) X(wait)    \
	X(records) X(blob) X(blob_wrong) X(blob_long) X(blobs) X(mixed)      \
	X(largest) X(missing_many) X(cancel) X(delete) X(rendezvous)         \
	X(rendezvous_unknown) X(pin)

/* Those with several processes: the fake lives in one. */
#define PROCESSES(X) X(wait_wakes) X(writers)

#define ON(name, kind, KIND)                                                 \
	static void name##_##kind(void) { run(KIND, case_##name); }
#define SHARED(name)                                                         \
	ON(name, folder, FIX_FOLDER)                                         \
	ON(name, plain, FIX_PLAIN) ON(name, tls, FIX_TLS)
#define DEFINE(name) SHARED(name) ON(name, fake, FIX_FAKE)
#define ENTRY_SHARED(name)                                                   \
	{ "folder/" #name, name##_folder },                                  \
	{ "plain/" #name, name##_plain }, { "tls/" #name, name##_tls },
#define ENTRY(name) ENTRY_SHARED(name) { "fake/" #name, name##_fake },

CASES(DEFINE)
PROCESSES(SHARED)

TESTS(
    CASES(ENTRY)
    PROCESSES(ENTRY_SHARED)
)
