/* --bwlimit: a fixed rate over all transfers together, within a tenth. */
#include "tests/unit/transport_fix.h"

#include "crypto/rand.h"

#define RATE 4000000	/* bytes a second */
#define BLOBS 14
#define LEN 500000	/* bytes */

static int64_t
move(struct transport *t, bool put, const uint8_t *data)
{
	struct fix_blob *b = calloc(BLOBS, sizeof(*b));
	int64_t start = env_mono_ms(env_posix());
	int64_t ms;

	for (size_t i = 0; b != NULL && i < BLOBS; i++) {
		fix_blob(&b[i], put, data + i, LEN);
		CHECK(transport_submit(t, &b[i].x) == ZK_OK);
	}
	CHECK(transport_wait(t, 0, 60000) == ZK_OK);
	ms = env_mono_ms(env_posix()) - start;
	for (size_t i = 0; b != NULL && i < BLOBS; i++) {
		CHECK(b[i].r == ZK_OK);
		buf_release(&b[i].x.body);
	}
	free(b);
	return ms;
}

/*
 * Never faster than the rate; and as fast as it, which a busy machine may
 * miss once or twice.
 */
static void
check_way(struct transport *t, bool put, const uint8_t *data)
{
	double want = 1000.0 * BLOBS * LEN / RATE;
	double ms = 0;

	for (int i = 0; i < 3; i++) {
		ms = (double)move(t, put, data);
		CHECK(ms > want * 0.9);
		if (ms < want * 1.1)
			return;
		data += BLOBS;
	}
	printf("# %s: %.0f ms, wanted %.0f\n", put ? "up" : "down", ms,
	    want);
	test_failed = true;
}

static void
check_rate(enum fix_kind kind)
{
	struct fix *f = calloc(1, sizeof(*f));
	uint8_t *data = malloc(LEN + 3 * BLOBS);
	struct transport *t;

	NEED(f != NULL && data != NULL && fix_init(f, kind));
	rand_bytes(env_posix(), data, LEN + 3 * BLOBS);
	f->opts.up_rate = RATE;
	f->opts.down_rate = RATE;
	t = fix_open(f);
	NEED(t != NULL);
	CHECK(transport_create(t) == ZK_OK);
	check_way(t, true, data);
	check_way(t, false, data);
	transport_free(t);
	fix_release(f);
	free(f);
	free(data);
}

static void
plain(void)
{
	check_rate(FIX_PLAIN);
}

static void
tls(void)
{
	check_rate(FIX_TLS);
}

/* A rate below what counts as stalled is still no stall. */
static void
slow(void)
{
	struct fix *f = calloc(1, sizeof(*f));
	uint8_t data[12000] = { 1 };
	struct transport *t;
	struct fix_blob b[8];
	int64_t start;

	NEED(f != NULL && fix_init(f, FIX_PLAIN));
	f->opts.up_rate = 4000;
	f->opts.timeout_ms = 1000;
	t = fix_open(f);
	NEED(t != NULL);
	CHECK(transport_create(t) == ZK_OK);
	start = env_mono_ms(env_posix());
	for (size_t i = 0; i < 8; i++) {
		fix_blob(&b[i], true, data + i, 1500);
		CHECK(transport_submit(t, &b[i].x) == ZK_OK);
	}
	CHECK(transport_wait(t, 0, 60000) == ZK_OK);
	for (size_t i = 0; i < 8; i++)
		CHECK(b[i].r == ZK_OK);
	CHECK(env_mono_ms(env_posix()) - start > 2500);
	transport_free(t);
	fix_release(f);
	free(f);
}

/* A folder under the clock of a fake machine: there the rate is exact. */
struct far {
	struct fix f;
	struct fake *world;
	struct transport *t;
	uint8_t *data;
	uint64_t up, down;	/* bytes told to who watches */
	unsigned asked;		/* how often stop was... */
	unsigned stop_at;	/* ...and when it says yes; 0 never */
};

static bool
far_stop(void *arg)
{
	struct far *a = arg;

	return ++a->asked == a->stop_at;
}

static void
far_moved(void *arg, bool up, size_t n)
{
	struct far *a = arg;

	*(up ? &a->up : &a->down) += n;
}

static bool
far_init(struct far *a)
{
	memset(a, 0, sizeof(*a));
	a->data = malloc(LEN + 3 * BLOBS);
	a->world = fake_new(7);
	if (a->data == NULL || a->world == NULL ||
	    !fix_init(&a->f, FIX_FOLDER))
		return false;
	rand_bytes(env_posix(), a->data, LEN + 3 * BLOBS);
	(void)snprintf(a->f.url, sizeof(a->f.url), "file:///far");
	a->f.opts.env = fake_env(a->world);
	a->f.opts.up_rate = RATE;
	a->f.opts.down_rate = RATE / 2;
	a->f.opts.timeout_ms = 0;
	a->f.opts.stop = far_stop;
	a->f.opts.stop_arg = a;
	a->t = fix_open(&a->f);
	if (a->t == NULL || transport_create(a->t) != ZK_OK)
		return false;
	transport_watch(a->t, far_moved, a);
	return true;
}

static void
far_release(struct far *a)
{
	transport_free(a->t);
	fix_release(&a->f);
	fake_free(a->world);
	free(a->data);
}

/* Within 2 % of n bytes at a rate, but for a burst of 100 ms at the start. */
static void
check_ms(int64_t ms, double n, double per_s)
{
	double want = 1000 * n / per_s;

	if ((double)ms < want * 0.98 - 100 || (double)ms > want * 1.02) {
		printf("# %lld ms, wanted %.0f\n", (long long)ms, want);
		test_failed = true;
	}
}

static int64_t
far_now(const struct far *a)
{
	return env_mono_ms(a->f.opts.env);
}

static void
folder_blobs(void)
{
	struct far a;
	struct fix_blob b[BLOBS];
	uint64_t step = 0, last = 0;
	int64_t start;

	NEED(far_init(&a));
	for (int put = 1; put >= 0; put--) {
		const uint64_t *told = put ? &a.up : &a.down;

		start = far_now(&a);
		for (size_t i = 0; i < BLOBS; i++) {
			fix_blob(&b[i], put, a.data + i, LEN);
			CHECK(transport_submit(a.t, &b[i].x) == ZK_OK);
		}
		last = step = 0;
		while (transport_inflight(a.t) > 0) {
			int64_t before = far_now(&a);
			enum zk_err r = transport_wait(a.t, 0, 50);

			CHECK(r == ZK_OK || r == ZK_ETIMEDOUT);
			/* no wait is longer than it was asked for */
			CHECK(far_now(&a) - before <= 70);
			if (*told - last > step)
				step = *told - last;
			last = *told;
		}
		check_ms(far_now(&a) - start, BLOBS * LEN,
		    put ? RATE : RATE / 2);
		CHECK(*told == BLOBS * LEN);
		/* and evenly, not blob by blob */
		CHECK(step < RATE / 5);
		for (size_t i = 0; i < BLOBS; i++) {
			CHECK(b[i].r == ZK_OK && b[i].times == 1);
			CHECK(b[i].x.moved == LEN);
			CHECK(put || memcmp(b[i].x.body.data, a.data + i,
			    LEN) == 0);
			buf_release(&b[i].x.body);
		}
	}
	CHECK(a.asked > 50);
	far_release(&a);
}

static void
folder_segs(void)
{
	struct far a;
	struct fix_log l = { .key = fix_key() };
	struct fix_got *g = calloc(1, sizeof(*g));
	enum tseg_result res[4];
	struct tmark mark = { .len = 0 };
	double all = 0;
	int64_t start;

	NEED(g != NULL && l.key != NULL && far_init(&a));
	for (size_t i = 0; i < 4; i++) {
		NEED(fix_seg(&l, 1000000, (uint8_t)i));
		all += (double)l.seg[i].len;
	}
	start = far_now(&a);
	CHECK(transport_append(a.t, l.seg, 4, res) == ZK_OK);
	check_ms(far_now(&a) - start, all, RATE);
	CHECK(a.up == (uint64_t)all);
	start = far_now(&a);
	CHECK(fix_read(a.t, &mark, 0, 0, g) == ZK_OK);
	CHECK(g->n == 4 && !g->damaged);
	check_ms(far_now(&a) - start, all, RATE / 2);
	fix_log_release(&l);
	free(g);
	far_release(&a);
}

/* What waits for the rate can be stopped, and keeps to a deadline. */
static void
folder_ends(void)
{
	struct far a;
	struct fix_log l = { .key = fix_key() };
	struct fix_blob b;
	enum tseg_result res[4];
	struct transport *hurry;
	int64_t start;

	NEED(l.key != NULL && far_init(&a));
	for (size_t i = 0; i < 4; i++)
		NEED(fix_seg(&l, 1000000, (uint8_t)i));
	a.stop_at = a.asked + 3;
	start = far_now(&a);
	CHECK(transport_append(a.t, l.seg, 4, res) == ZK_ESIGNAL);
	CHECK(far_now(&a) - start < 400);
	fix_blob(&b, true, a.data, LEN);
	CHECK(transport_submit(a.t, &b.x) == ZK_OK);
	a.stop_at = a.asked + 1;
	CHECK(transport_wait(a.t, 0, 60000) == ZK_ESIGNAL);
	CHECK(!b.done && transport_inflight(a.t) == 1);
	transport_cancel(a.t);
	CHECK(b.done && b.r == ZK_ESIGNAL);
	a.f.opts.timeout_ms = 300;
	a.f.opts.up_rate = RATE / 10;
	hurry = fix_open(&a.f);
	NEED(hurry != NULL);
	start = far_now(&a);
	CHECK(transport_append(hurry, l.seg, 4, res) == ZK_ETIMEDOUT);
	CHECK(far_now(&a) - start <= 300);
	transport_free(hurry);
	fix_log_release(&l);
	far_release(&a);
}

TESTS(
    { "plain", plain },
    { "tls", tls },
    { "slow", slow },
    { "folder_blobs", folder_blobs },
    { "folder_segs", folder_segs },
    { "folder_ends", folder_ends },
)
