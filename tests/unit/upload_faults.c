/*
 * Both pipelines in an environment where calls fail: every file system call
 * in turn, and a remote that loses, delays, repeats and cuts short.
 */
#include <errno.h>

#include "util/env_fake.h"

#include "blob_fix.h"

struct world {
	struct fake *w;
	struct env *env;
	struct fix f;
	int in, out;	/* the file read, the file written */
};

static bool
world_init(struct world *x, uint64_t seed, const uint8_t *p, size_t n)
{
	struct transport_opts to = { 0 };

	memset(x, 0, sizeof(*x));
	if (!fix_init(&x->f, (uint8_t)seed, NULL))
		return false;
	x->w = fake_new(seed);
	if (x->w == NULL)
		return false;
	x->env = fake_env(x->w);
	transport_free(x->f.t);
	x->f.t = NULL;
	to.env = x->env;
	to.locator = x->f.locator;
	if (remote_fake_open(x->f.fake, "fake", &to, &x->f.t) != ZK_OK)
		return false;
	x->f.uo.env = x->f.dlo.env = x->env;
	x->f.uo.remote = x->f.remote.t = x->f.t;
	x->in = env_openat(x->env, ENV_CWD, "/in", O_RDWR | O_CREAT, 0600);
	x->out = env_openat(x->env, ENV_CWD, "/out", O_RDWR | O_CREAT, 0600);
	for (size_t off = 0; off < n;) {
		ssize_t k = env_pwrite(x->env, x->in, p + off, n - off, off);

		if (k <= 0)
			return false;
		off += (size_t)k;
	}
	return x->in >= 0 && x->out >= 0;
}

static void
world_free(struct world *x)
{
	fix_release(&x->f, true);
	fake_free(x->w);
}

static enum zk_err
up(struct world *x, struct upload_stats *st)
{
	struct upload *u = NULL;
	enum zk_err r = upload_new(&x->f.uo, &u);

	if (r == ZK_OK)
		r = upload_file(u, x->in, NULL, &x->f.data, &x->f.c);
	if (r == ZK_OK)
		r = upload_flush(u);
	if (r == ZK_OK && st != NULL)
		upload_stats(u, st);
	upload_free(u);
	return r;
}

static enum zk_err
down(struct world *x)
{
	struct download_item it = { .c = &x->f.c, .fd = x->out, .old_fd = -1,
	    .resume = true };
	struct download *d = NULL;
	enum zk_err r = download_new(&x->f.dlo, &d);

	if (r == ZK_OK)
		r = download_file(d, &it);
	download_free(d);
	return r;
}

static bool
same(struct world *x, const uint8_t *p, size_t n)
{
	uint8_t *q = malloc(n + 1);
	size_t off = 0;
	bool ok = q != NULL;

	while (ok && off <= n) {
		ssize_t k = env_pread(x->env, x->out, q + off, n + 1 - off,
		    off);

		if (k <= 0)
			break;
		off += (size_t)k;
	}
	ok = ok && off == n && memcmp(p, q, n) == 0;
	free(q);
	return ok;
}

/* Every call of an upload fails once: an error, and the next run is whole. */
static void
test_read_fails(void)
{
	size_t n = 3 * MIB;
	uint8_t *p = malloc(n);
	struct world x;
	int64_t calls, first;

	NEED(p != NULL);
	fix_fill(p, n, 1);
	NEED(world_init(&x, 1, p, n));
	first = fake_calls(x.w);
	NEED(up(&x, NULL) == ZK_OK);
	calls = fake_calls(x.w) - first;
	world_free(&x);
	CHECK(calls > 10);
	for (int64_t i = 0; i < calls; i++) {
		enum zk_err r;

		NEED(world_init(&x, 1, p, n));
		fake_fail_at(x.w, fake_calls(x.w) + i, EIO, false);
		r = up(&x, NULL);
		CHECK(r == ZK_EIO);
		CHECK(r == ZK_OK || x.f.c.form == CONTENT_NONE);
		fake_fail_at(x.w, -1, 0, false);
		CHECK(up(&x, NULL) == ZK_OK);
		CHECK(down(&x) == ZK_OK && same(&x, p, n));
		world_free(&x);
	}
	free(p);
}

/* Every call of a download fails once, or the disk is full. */
static void
test_write_fails(void)
{
	static const int why[] = { EIO, ENOSPC };
	size_t n = 3 * MIB;
	uint8_t *p = malloc(n);
	struct world x;
	int64_t calls, first;

	NEED(p != NULL);
	fix_fill(p, n, 2);
	NEED(world_init(&x, 2, p, n) && up(&x, NULL) == ZK_OK);
	first = fake_calls(x.w);
	NEED(down(&x) == ZK_OK);
	calls = fake_calls(x.w) - first;
	world_free(&x);
	for (int64_t i = 0; i < 2 * calls; i++) {
		enum zk_err r;

		NEED(world_init(&x, 2, p, n) && up(&x, NULL) == ZK_OK);
		fake_fail_at(x.w, fake_calls(x.w) + i / 2, why[i % 2], false);
		r = down(&x);
		/* not every call matters: asking for holes does not */
		CHECK(r == ZK_OK || r == ZK_EIO || r == ZK_EDISKFULL);
		CHECK(r != ZK_OK || same(&x, p, n));
		fake_fail_at(x.w, -1, 0, false);
		CHECK(down(&x) == ZK_OK && same(&x, p, n));
		world_free(&x);
	}
	free(p);
}

/* A bad network: runs are repeated until one succeeds, nothing is wrong, no
 * object is made twice; the same seed does the same. */
static void
test_network(void)
{
	struct remote_fake_faults faults = { .lose = 60, .late = 60,
	    .delay = 100, .twice = 100, .reorder = 300, .cut = 60 };
	struct remote_fake_faults none = { 0 };
	size_t n = 6 * MIB;
	uint8_t *p = malloc(n);
	uint64_t trace[2] = { 0, 1 };
	struct upload_stats st;
	struct world x;
	unsigned failed = 0;

	NEED(p != NULL);
	fix_fill(p, n, 3);
	for (uint64_t seed = 0; seed < 24; seed++) {
		NEED(world_init(&x, seed / 2, p, n));
		remote_fake_faults(x.f.fake, &faults);
		for (unsigned i = 0; up(&x, &st) != ZK_OK && i < 500; i++)
			failed++;
		CHECK(remote_fake_blobs(x.f.fake) == st.chunks);
		for (unsigned i = 0; down(&x) != ZK_OK && i < 500; i++)
			failed++;
		CHECK(same(&x, p, n));
		remote_fake_faults(x.f.fake, &none);
		CHECK(up(&x, &st) == ZK_OK && st.sent == 0);
		trace[seed % 2] = fake_trace(x.w);
		CHECK(seed % 2 == 0 || trace[0] == trace[1]);
		world_free(&x);
	}
	CHECK(failed > 10);
	free(p);
}

TESTS(
    { "read_fails", test_read_fails },
    { "write_fails", test_write_fails },
    { "network", test_network },
)
