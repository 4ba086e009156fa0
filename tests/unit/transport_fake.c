/*
 * The fake remote's faults: each does what it says, a client that tries
 * again gets everything through, and the same seed gives the same run.
 */
#include "tests/unit/transport_fix.h"

#define SEGS 12
#define BLOBS 6
#define TRIES 200

/* One device on a remote with faults. */
struct run {
	struct fake *world;
	struct remote_fake *remote;
	struct transport_opts opts;
	struct transport *t;
};

static bool
run_init(struct run *n, uint64_t seed, const struct remote_fake_faults *f)
{
	memset(n, 0, sizeof(*n));
	n->world = fake_new(seed);
	n->remote = remote_fake_new(seed);
	if (n->world == NULL || n->remote == NULL || crypto_init() != ZK_OK)
		return false;
	n->opts.env = fake_env(n->world);
	remote_fake_faults(n->remote, f);
	return remote_fake_open(n->remote, "fake:", &n->opts, &n->t) ==
	    ZK_OK;
}

static void
run_free(struct run *n)
{
	transport_free(n->t);
	remote_fake_free(n->remote);
	fake_free(n->world);
}

static void
lost(void)
{
	struct remote_fake_faults f = { .lose = 1024 };
	enum tseg_result res[1];
	struct fix_log a;
	struct run n;

	NEED(run_init(&n, 1, &f) && fix_log(&a, 1, 1));
	CHECK(transport_append(n.t, a.seg, 1, res) == ZK_ENET);
	CHECK(remote_fake_segs(n.remote) == 0);
	CHECK(remote_fake_calls(n.remote) == 0);
	fix_log_release(&a);
	run_free(&n);
}

static void
late(void)
{
	struct remote_fake_faults f = { .late = 1024 };
	enum tseg_result res[1];
	struct fix_log a;
	struct run n;

	NEED(run_init(&n, 1, &f) && fix_log(&a, 1, 1));
	CHECK(transport_append(n.t, a.seg, 1, res) == ZK_ENET);
	CHECK(remote_fake_segs(n.remote) == 1);
	memset(&f, 0, sizeof(f));
	remote_fake_faults(n.remote, &f);
	CHECK(transport_append(n.t, a.seg, 1, res) == ZK_OK);
	CHECK(res[0] == TSEG_HAVE);
	fix_log_release(&a);
	run_free(&n);
}

static void
full(void)
{
	struct remote_fake_faults f = { .full = true };
	uint8_t data[300] = { 1 };
	enum tseg_result res[1];
	struct fix_blob b;
	struct fix_log a;
	struct run n;

	NEED(run_init(&n, 1, &f) && fix_log(&a, 1, 1));
	CHECK(transport_append(n.t, a.seg, 1, res) == ZK_EREMOTEFULL);
	fix_blob(&b, true, data, sizeof(data));
	CHECK(fix_xfer(n.t, &b) == ZK_EREMOTEFULL);
	fix_blob(&b, false, data, sizeof(data));
	CHECK(fix_xfer(n.t, &b) == ZK_ENOENT);
	buf_release(&b.x.body);
	fix_log_release(&a);
	run_free(&n);
}

static void
delayed(void)
{
	struct remote_fake_faults f = { .delay = 1024 };
	struct run n;
	int64_t before;

	NEED(run_init(&n, 1, &f));
	before = env_mono_ms(n.opts.env);
	CHECK(transport_create(n.t) == ZK_OK);
	CHECK(env_mono_ms(n.opts.env) > before);
	CHECK(env_mono_ms(n.opts.env) <= before + 2000);
	run_free(&n);
}

/* Appends all, and takes all back, each call again until it is answered. */
static bool
push_all(struct run *n, struct fix_log *a, struct fix_got *got)
{
	enum tseg_result res[SEGS];
	struct tmark mark = { 0 };
	enum zk_err r = ZK_ENET;

	for (int i = 0; i < TRIES && r != ZK_OK; i++)
		r = transport_append(n->t, a->seg, SEGS, res);
	for (size_t i = 0; i < SEGS && r == ZK_OK; i++)
		if (res[i] != TSEG_STORED && res[i] != TSEG_HAVE)
			return false;
	if (r == ZK_OK)
		r = ZK_ENET;
	for (int i = 0; i < TRIES && r != ZK_OK; i++)
		r = fix_read(n->t, &mark, 1000, 0, got);
	return r == ZK_OK;
}

static bool
blobs_all(struct run *n)
{
	static uint8_t data[BLOBS][400];
	struct fix_blob b[BLOBS];
	bool put = true;
	int left = BLOBS;

	for (int i = 0; i < BLOBS; i++)
		memset(data[i], i, sizeof(data[i]));
	for (int way = 0; way < 2; way++, put = false) {
		bool done[BLOBS] = { false };

		left = BLOBS;
		for (int i = 0; i < TRIES && left > 0; i++) {
			for (int k = 0; k < BLOBS; k++) {
				if (done[k])
					continue;
				fix_blob(&b[k], put, data[k],
				    sizeof(data[k]));
				if (transport_submit(n->t, &b[k].x) != ZK_OK)
					return false;
			}
			if (transport_wait(n->t, 0, 1000) != ZK_OK)
				return false;
			for (int k = 0; k < BLOBS; k++) {
				if (done[k])
					continue;
				done[k] = b[k].r == ZK_OK;
				left -= done[k];
				buf_release(&b[k].x.body);
			}
		}
	}
	return left == 0;
}

/* One seed's run; its trace. */
static uint64_t
one(uint64_t seed, struct fix_log *a)
{
	static const struct remote_fake_faults f = { .lose = 150,
	    .late = 150, .delay = 200, .twice = 150, .reorder = 300,
	    .cut = 200 };
	struct fix_got got = { .n = 0 };
	struct run n;
	uint64_t trace = 0;

	if (!run_init(&n, seed, &f)) {
		test_failed = true;
		return 0;
	}
	CHECK(push_all(&n, a, &got));
	CHECK(!got.damaged);
	for (size_t i = 0; i < SEGS; i++)
		CHECK(fix_count(&got, &a->seg[i]) >= 1);
	CHECK(remote_fake_segs(n.remote) == SEGS);
	CHECK(blobs_all(&n));
	CHECK(remote_fake_blobs(n.remote) == BLOBS);
	trace = fake_trace(n.world) ^ remote_fake_calls(n.remote);
	run_free(&n);
	return trace;
}

static void
seeds(void)
{
	struct fix_log a;
	uint64_t last = 0;
	size_t same = 0;

	NEED(crypto_init() == ZK_OK && fix_log(&a, SEGS, 1));
	for (uint64_t seed = 1; seed <= 300 && !test_failed; seed++) {
		uint64_t trace = one(seed, &a);

		CHECK(trace == one(seed, &a));
		same += trace == last;
		last = trace;
	}
	CHECK(same == 0);
	fix_log_release(&a);
}

TESTS(
    { "lost", lost },
    { "late", late },
    { "full", full },
    { "delayed", delayed },
    { "seeds", seeds },
)
