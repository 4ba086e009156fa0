/*
 * The folder remote where files fail: every file system call in turn ends
 * with an error, or the machine stops at it.  What was said to be durable is
 * there afterwards, nothing that is there is half there, and doing all again
 * completes it.
 */
#include "tests/unit/transport_fix.h"

#include "transport/folder_dir.h"
#include "util/hex.h"

#define SEGS 4
#define BLOBS 6

/* What is put, and what the remote said of it. */
struct load {
	struct fix_log log;
	uint8_t data[BLOBS][3000];
	uint8_t rec[32];
	struct fix_blob blob[BLOBS];
	bool seg_acked[SEGS];
	bool blob_acked[BLOBS];
	bool rec_acked;
	bool created;
};

struct disk {
	struct fake *fake;
	struct transport_opts opts;
	uint8_t locator[32];
};

static bool
load_init(struct load *l)
{
	memset(l, 0, sizeof(*l));
	if (crypto_init() != ZK_OK || !fix_log(&l->log, SEGS, 7))
		return false;
	for (int i = 0; i < BLOBS; i++)
		memset(l->data[i], 'a' + i, sizeof(l->data[i]));
	hash_bytes(LABEL_HASH_RECORD, "record", 6, l->rec);
	return true;
}

/* Forgets what was said. */
static void
load_reset(struct load *l)
{
	memset(l->seg_acked, 0, sizeof(l->seg_acked));
	memset(l->blob_acked, 0, sizeof(l->blob_acked));
	l->rec_acked = false;
	l->created = false;
}

static bool
disk_init(struct disk *d, uint64_t seed)
{
	memset(d, 0, sizeof(*d));
	d->fake = fake_new(seed);
	if (d->fake == NULL)
		return false;
	memset(d->locator, 3, sizeof(d->locator));
	d->opts.env = fake_env(d->fake);
	d->opts.locator = d->locator;
	return true;
}

static struct transport *
disk_open(struct disk *d)
{
	struct transport *t = NULL;

	return transport_open("file:///remote", &d->opts, &t) == ZK_OK ?
	    t : NULL;
}

/* Puts everything; true if all of it was taken. */
static bool
load_put(struct load *l, struct disk *d)
{
	struct transport *t = disk_open(d);
	enum tseg_result res[SEGS];
	bool all = true;

	if (t == NULL)
		return false;
	l->created = transport_create(t) == ZK_OK;
	for (size_t i = 0; i < SEGS; i += 2) {
		enum zk_err r = transport_append(t, &l->log.seg[i], 2, res);

		for (size_t k = 0; k < 2; k++)
			l->seg_acked[i + k] |= r == ZK_OK &&
			    (res[k] == TSEG_STORED || res[k] == TSEG_HAVE);
	}
	for (size_t i = 0; i < BLOBS; i++) {
		fix_blob(&l->blob[i], true, l->data[i], sizeof(l->data[i]));
		if (transport_submit(t, &l->blob[i].x) != ZK_OK)
			all = false;
	}
	if (transport_wait(t, 0, 60000) != ZK_OK)
		all = false;
	for (size_t i = 0; i < BLOBS; i++) {
		CHECK(l->blob[i].times == 1);
		l->blob_acked[i] |= l->blob[i].r == ZK_OK;
		all &= l->blob_acked[i];
	}
	l->rec_acked |= transport_rec_put(t, l->rec, "record", 6) == ZK_OK;
	for (size_t i = 0; i < SEGS; i++)
		all &= l->seg_acked[i];
	transport_free(t);
	return all && l->rec_acked && l->created;
}

static bool
any_acked(const struct load *l)
{
	bool any = l->created || l->rec_acked;

	for (size_t i = 0; i < SEGS; i++)
		any |= l->seg_acked[i];
	for (size_t i = 0; i < BLOBS; i++)
		any |= l->blob_acked[i];
	return any;
}

/* All that was acknowledged is there, and all that is there is whole. */
static void
load_check(struct load *l, struct disk *d)
{
	struct transport *t = disk_open(d);
	struct fix_got *got = calloc(1, sizeof(*got));
	struct tmark mark = { 0 };
	struct buf out;

	NEED(t != NULL && got != NULL);
	buf_init(&out, 100);
	if (any_acked(l)) {
		CHECK(fix_read(t, &mark, 0, 0, got) == ZK_OK);
		CHECK(!got->damaged);
	}
	for (size_t i = 0; i < SEGS; i++)
		if (l->seg_acked[i])
			CHECK(fix_count(got, &l->log.seg[i]) == 1);
	for (size_t i = 0; i < BLOBS && any_acked(l); i++) {
		struct fix_blob b;
		enum zk_err r;

		fix_blob(&b, false, l->data[i], sizeof(l->data[i]));
		r = fix_xfer(t, &b);
		CHECK(r == ZK_OK || (r == ZK_ENOENT && !l->blob_acked[i]));
		buf_release(&b.x.body);
	}
	if (l->rec_acked)
		CHECK(transport_rec_get(t, l->rec, &out) == ZK_OK &&
		    out.len == 6);
	buf_release(&out);
	free(got);
	transport_free(t);
}

/* Runs the load with call n failing; false once n is past the last. */
static bool
fail_once(struct load *l, int64_t n, int err, bool crash)
{
	struct disk d;
	bool more;

	if (!disk_init(&d, (uint64_t)n + 1)) {
		test_failed = true;
		return false;
	}
	load_reset(l);
	fake_fail_at(d.fake, n, err, crash);
	(void)load_put(l, &d);
	more = fake_calls(d.fake) > n;
	fake_fail_at(d.fake, -1, 0, false);
	if (crash)
		fake_crash(d.fake);
	load_check(l, &d);
	/* once more completes it */
	CHECK(load_put(l, &d));
	load_check(l, &d);
	fake_free(d.fake);
	return more && !test_failed;
}

static void
each_call(int err, bool crash)
{
	struct load *l = calloc(1, sizeof(*l));
	int64_t n = 0;

	NEED(l != NULL && load_init(l));
	/* the messages are many and say nothing new */
	log_set_level(LOG_QUIET);
	while (fail_once(l, n, err, crash))
		n++;
	log_set_level(LOG_WARN);
	if (test_failed)
		printf("# at call %lld\n", (long long)n);
	CHECK(n > 100);
	fix_log_release(&l->log);
	free(l);
}

static void
io_error(void)
{
	each_call(5 /* EIO */, false);
}

static void
disk_full(void)
{
	each_call(28 /* ENOSPC */, false);
}

static void
crash(void)
{
	each_call(5, true);
}

/* What was said of a log that was begun. */
struct said {
	bool begun, stored, deleted;
};

/* Begins the log behind its second segment, puts the third, deletes it. */
static void
begun_put(struct disk *d, const struct tseg *s, struct said *said)
{
	struct transport *t = disk_open(d);
	enum tseg_result res;

	NEED(t != NULL);
	said->begun = transport_log_begin(t, s[1].log, 2, s[1].hash) ==
	    ZK_OK;
	said->stored = transport_append(t, &s[2], 1, &res) == ZK_OK &&
	    (res == TSEG_STORED || res == TSEG_HAVE);
	said->deleted = transport_seg_delete(t, s[2].log, 3) == ZK_OK;
	transport_free(t);
}

/* What was said holds: the log ends there, and goes on behind it. */
static void
begun_check(struct disk *d, const struct tseg *s, const struct said *said)
{
	struct transport *t = disk_open(d);
	struct fix_got got = { 0 };
	enum tseg_result res;
	uint8_t hash[32];
	uint64_t seq = 0;
	enum zk_err r;

	NEED(t != NULL);
	r = transport_head(t, s[0].log, &seq, hash);
	CHECK(r == ZK_OK || (r == ZK_ENOENT && !said->begun));
	CHECK(seq >= (said->stored ? 3u : said->begun ? 2u : 0u));
	r = transport_read_at(t, s[0].log, 3, fix_take, &got);
	if (said->stored && said->deleted)
		CHECK(r == ZK_ENOENT);
	CHECK(!got.damaged);
	if (seq < 2)
		CHECK(transport_append(t, &s[2], 1, &res) == ZK_OK &&
		    res == TSEG_GAP);
	else if (seq == 2)
		CHECK(transport_append(t, &s[2], 1, &res) == ZK_OK &&
		    res == TSEG_STORED);
	transport_free(t);
}

/* Runs it with call n of it failing; false once n is past the last. */
static bool
begun_once(const struct fix_log *l, int64_t n, bool stop)
{
	struct said said;
	struct transport *t;
	enum tseg_result res;
	struct disk d;
	bool more;

	if (!disk_init(&d, (uint64_t)n + 1)) {
		test_failed = true;
		return false;
	}
	t = disk_open(&d);
	CHECK(t != NULL && transport_create(t) == ZK_OK);
	transport_free(t);
	n += fake_calls(d.fake);
	fake_fail_at(d.fake, n, 5 /* EIO */, stop);
	begun_put(&d, l->seg, &said);
	more = fake_calls(d.fake) > n;
	fake_fail_at(d.fake, -1, 0, false);
	if (stop)
		fake_crash(d.fake);
	begun_check(&d, l->seg, &said);
	/* once more completes it */
	begun_put(&d, l->seg, &said);
	CHECK(said.begun && said.stored && said.deleted);
	t = disk_open(&d);
	CHECK(t != NULL && transport_append(t, &l->seg[3], 1, &res) ==
	    ZK_OK && res == TSEG_STORED);
	transport_free(t);
	fake_free(d.fake);
	return more && !test_failed;
}

static void
begun_each(bool stop)
{
	struct fix_log l;
	int64_t n = 0;

	NEED(crypto_init() == ZK_OK && fix_log(&l, 4, 7));
	log_set_level(LOG_QUIET);
	while (begun_once(&l, n, stop))
		n++;
	log_set_level(LOG_WARN);
	if (test_failed)
		printf("# at call %lld\n", (long long)n);
	CHECK(n > 30);
	fix_log_release(&l);
}

static void
begun_error(void)
{
	begun_each(false);
}

static void
begun_crash(void)
{
	begun_each(true);
}

static enum zk_err
count_name(void *arg, const char *name)
{
	(void)name;
	++*(size_t *)arg;
	return ZK_OK;
}

/* Entries of a directory of the space. */
static size_t
entries(struct disk *d, const char *sub)
{
	struct folder f = { .t = { .opts = d->opts } };
	char space[NAMES_CAP];
	char path[400];
	size_t n = 0;
	int fd;

	hex_text(d->locator, 32, space);
	(void)snprintf(path, sizeof(path), "/remote/%s/%s", space, sub);
	fd = env_openat(d->opts.env, ENV_CWD, path, O_DIRECTORY, 0);
	CHECK(fd >= 0 && folder_dir_list(&f, fd, count_name, &n) == ZK_OK);
	(void)env_close(d->opts.env, fd);
	return n;
}

/*
 * A log that is deleted as it goes on leaves one name of each kind, and
 * readers that hold nothing of it find it as still as any other.
 */
static void
begun_small(void)
{
	struct fix_got *got = calloc(1, sizeof(*got));
	struct tread how = { .each = fix_take, .arg = got };
	struct tmark mark = { 0 };
	enum tseg_result res;
	struct transport *t;
	struct fix_log l;
	struct disk d;
	int64_t before;
	bool more;

	NEED(got != NULL && crypto_init() == ZK_OK && disk_init(&d, 1));
	NEED(fix_log(&l, 12, 1));
	t = disk_open(&d);
	NEED(t != NULL && transport_create(t) == ZK_OK);
	CHECK(transport_log_begin(t, l.seg[4].log, 5, l.seg[4].hash) ==
	    ZK_OK);
	for (int i = 5; i < 12; i++) {
		CHECK(transport_append(t, &l.seg[i], 1, &res) == ZK_OK);
		CHECK(res == TSEG_STORED);
		CHECK(transport_seg_delete(t, l.seg[i].log, l.seg[i].seq) ==
		    ZK_OK);
	}
	CHECK(entries(&d, "head") == 1 && entries(&d, "begin") == 1);
	CHECK(entries(&d, "tmp") == 0);
	CHECK(transport_read(t, &how, &mark, &more) == ZK_OK && !more);
	before = fake_calls(d.fake);
	CHECK(transport_read(t, &how, &mark, &more) == ZK_OK && !more);
	CHECK(fake_calls(d.fake) - before <= 6);
	CHECK(got->n == 0);
	transport_free(t);
	fake_free(d.fake);
	fix_log_release(&l);
	free(got);
}

/* A hint that comes before its segment, as copying software may have it. */
static void
early_hint(void)
{
	struct load *l = calloc(1, sizeof(*l));
	struct fix_got *got = calloc(1, sizeof(*got));
	enum tseg_result res[SEGS];
	struct tmark mark = { 0 };
	struct transport *t;
	struct disk d;
	char hint[NAMES_CAP];
	char path[400];
	char space[NAMES_CAP];
	struct env *env;
	int fd;

	NEED(l != NULL && got != NULL && load_init(l) && disk_init(&d, 1));
	env = d.opts.env;
	t = disk_open(&d);
	NEED(t != NULL && transport_create(t) == ZK_OK);
	hex_text(d.locator, 32, space);
	names_hint(l->log.seg[1].log, 2, l->log.seg[1].hash, hint);
	(void)snprintf(path, sizeof(path), "/remote/%s/head/%s", space,
	    hint);
	fd = env_openat(env, ENV_CWD, path, O_CREAT | O_WRONLY, 0600);
	NEED(fd >= 0);
	(void)env_close(env, fd);
	CHECK(fix_read(t, &mark, 0, 0, got) == ZK_OK);
	CHECK(got->n == 0);
	/* the segments come, the listing of the hints stays as it was */
	CHECK(transport_append(t, l->log.seg, 2, res) == ZK_OK);
	CHECK(res[1] == TSEG_STORED);
	CHECK(fix_read(t, &mark, 0, 0, got) == ZK_OK);
	CHECK(got->n == 2);
	transport_free(t);
	fake_free(d.fake);
	fix_log_release(&l->log);
	free(l);
	free(got);
}

/* Two that race at one place: both branches stay and both are read. */
static void
both_branches(void)
{
	struct fix_got *got = calloc(1, sizeof(*got));
	struct tmark mark = { 0 };
	enum tseg_result res[3];
	struct transport *t;
	struct fix_log a;
	struct fix_log b;
	struct disk d;
	char space[NAMES_CAP];
	char log[NAMES_CAP];
	char name[NAMES_CAP];
	char path[400];
	struct env *env;

	NEED(got != NULL && crypto_init() == ZK_OK && disk_init(&d, 1));
	NEED(fix_log(&a, 3, 1) && fix_log(&b, 0, 0));
	signkey_free(b.key);
	b.key = a.key;
	for (int i = 0; i < 2; i++)
		NEED(fix_seg(&b, SEGHDR_BODY_MIN, 2));
	env = d.opts.env;
	t = disk_open(&d);
	NEED(t != NULL && transport_create(t) == ZK_OK);
	NEED(transport_append(t, a.seg, 2, res) == ZK_OK);
	/* the other writer did not see it: its file comes beside */
	hex_text(d.locator, 32, space);
	hex_text(a.seg[0].log, 32, log);
	names_seg(1, b.seg[0].hash, name);
	(void)snprintf(path, sizeof(path), "/remote/%s/seg/%s", space, log);
	{
		int dir = env_openat(env, ENV_CWD, path, O_DIRECTORY, 0);

		NEED(dir >= 0);
		CHECK(io_replace_file(env, dir, name, b.seg[0].data,
		    b.seg[0].len, 0600) == ZK_OK);
		(void)env_close(env, dir);
	}
	/* its branch goes on */
	NEED(transport_append(t, &b.seg[1], 1, res) == ZK_OK);
	CHECK(res[0] == TSEG_TAKEN);
	NEED(transport_append(t, &a.seg[2], 1, res) == ZK_OK);
	CHECK(res[0] == TSEG_STORED);
	CHECK(fix_read(t, &mark, 0, 0, got) == ZK_OK);
	CHECK(got->n == 4 && !got->damaged);
	CHECK(fix_count(got, &b.seg[0]) == 1);
	got->n = 0;
	CHECK(transport_read_at(t, a.seg[0].log, 1, fix_take, got) ==
	    ZK_OK);
	CHECK(got->n == 2);
	transport_free(t);
	fake_free(d.fake);
	b.key = NULL;
	fix_log_release(&b);
	fix_log_release(&a);
	free(got);
}

/* A read when nothing moved lists the hints and opens no segment. */
static void
cheap_when_still(void)
{
	struct load *l = calloc(1, sizeof(*l));
	struct fix_got *got = calloc(1, sizeof(*got));
	struct tmark mark = { 0 };
	struct transport *t;
	struct disk d;
	int64_t before;

	NEED(l != NULL && got != NULL && load_init(l) && disk_init(&d, 1));
	CHECK(load_put(l, &d));
	t = disk_open(&d);
	NEED(t != NULL);
	CHECK(fix_read(t, &mark, 0, 0, got) == ZK_OK);
	CHECK(got->n == SEGS);
	before = fake_calls(d.fake);
	CHECK(fix_read(t, &mark, 0, 0, got) == ZK_OK);
	CHECK(fake_calls(d.fake) - before <= 6);
	transport_free(t);
	fake_free(d.fake);
	fix_log_release(&l->log);
	free(l);
	free(got);
}

/* A damaged copy is told by its hash and healed by putting it again. */
static void
heals(void)
{
	struct load *l = calloc(1, sizeof(*l));
	struct fix_got *got = calloc(1, sizeof(*got));
	enum tseg_result res[SEGS];
	struct tmark mark = { 0 };
	struct transport *t;
	char space[NAMES_CAP];
	char log[NAMES_CAP];
	char name[NAMES_CAP];
	char path[500];
	struct disk d;
	int fd;

	NEED(l != NULL && got != NULL && load_init(l) && disk_init(&d, 1));
	CHECK(load_put(l, &d));
	hex_text(d.locator, 32, space);
	hex_text(l->log.seg[0].log, 32, log);
	names_seg(2, l->log.seg[1].hash, name);
	(void)snprintf(path, sizeof(path), "/remote/%s/seg/%s/%s", space,
	    log, name);
	fd = env_openat(d.opts.env, ENV_CWD, path, O_WRONLY, 0);
	NEED(fd >= 0);
	CHECK(env_pwrite(d.opts.env, fd, "x", 1, 200) == 1);
	(void)env_close(d.opts.env, fd);
	t = disk_open(&d);
	NEED(t != NULL);
	CHECK(fix_read(t, &mark, 0, 0, got) == ZK_OK);
	CHECK(got->damaged);
	CHECK(transport_append(t, l->log.seg, SEGS, res) == ZK_OK);
	CHECK(res[1] == TSEG_HAVE);
	memset(got, 0, sizeof(*got));
	memset(&mark, 0, sizeof(mark));
	CHECK(fix_read(t, &mark, 0, 0, got) == ZK_OK);
	CHECK(got->n == SEGS && !got->damaged);
	transport_free(t);
	fake_free(d.fake);
	fix_log_release(&l->log);
	free(l);
	free(got);
}

/* Where the stick is out nothing looks empty, and nothing is made. */
static void
not_there(void)
{
	struct transport_opts o = { .env = env_posix() };
	struct fix_got got = { 0 };
	struct tmark mark = { 0 };
	uint8_t locator[32] = { 1 };
	char dir[256];
	char url[300];
	struct transport *t = NULL;
	struct env_stat st;

	(void)snprintf(dir, sizeof(dir), "%.200s/zk-test-XXXXXX",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	NEED(mkdtemp(dir) != NULL);
	o.locator = locator;
	(void)snprintf(url, sizeof(url), "file://%s/a/b", dir);
	NEED(transport_open(url, &o, &t) == ZK_OK);
	CHECK(transport_create(t) == ZK_ENET);
	CHECK(fix_read(t, &mark, 0, 0, &got) == ZK_ENET);
	transport_free(t);
	/* a folder, but not of this vault */
	(void)snprintf(url, sizeof(url), "file://%s", dir);
	NEED(transport_open(url, &o, &t) == ZK_OK);
	CHECK(fix_read(t, &mark, 0, 0, &got) == ZK_ENET);
	(void)snprintf(url, sizeof(url), "%s/a", dir);
	CHECK(env_statat(o.env, ENV_CWD, url, &st) == -ENOENT);
	transport_free(t);
	(void)rmdir(dir);
}

TESTS(
    { "io error", io_error },
    { "disk full", disk_full },
    { "crash", crash },
    { "begun io error", begun_error },
    { "begun crash", begun_crash },
    { "begun small", begun_small },
    { "early hint", early_hint },
    { "both branches", both_branches },
    { "cheap when still", cheap_when_still },
    { "heals", heals },
    { "not there", not_there },
)
