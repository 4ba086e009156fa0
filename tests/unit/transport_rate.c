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

TESTS(
    { "plain", plain },
    { "tls", tls },
    { "slow", slow },
)
