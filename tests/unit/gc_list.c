/*
 * Blobs on a remote that nobody knows: what goes, what stays, and what a
 * remote that lies about them can do.
 */
#include <fcntl.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/labels.h"
#include "store/listdb.h"
#include "sync/sync.h"
#include "tests/sim/world_int.h"
#include "transport/lie_fake.h"
#include "util/io.h"
#include "util/log.h"

#include "test.h"

#define DAY_MS (UINT64_C(86400) * 1000)
#define WINDOW 31		/* days after which it has passed */
#define LARGE 90000u

static const struct world_opts one = { .devices = 2, .remotes = 1,
	.storms = true };	/* so that a device can be opened again */
static const struct world_opts two = { .devices = 2, .remotes = 2 };

static void
days(struct world *w, uint64_t n)
{
	for (unsigned i = 0; i < w->o->devices; i++)
		fake_advance(w->d[i].fake, n * DAY_MS);
}

/* Writes a file that lies in blobs. */
static bool
put(struct world *w, unsigned i, const char *path, uint64_t seed)
{
	struct env *env = w->d[i].env;
	uint8_t data[LARGE];
	int fd = env_openat(env, ENV_CWD, path, O_WRONLY | O_CREAT | O_TRUNC,
	    0644);
	enum zk_err r = fd < 0 ? ZK_EIO : ZK_OK;

	for (size_t k = 0; k < sizeof(data); k++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		data[k] = (uint8_t)(seed >> 56);
	}
	if (r == ZK_OK)
		r = io_write_full(env, fd, data, sizeof(data));
	if (fd >= 0)
		(void)env_close(env, fd);
	fake_advance(w->d[i].fake, 60000);
	return r == ZK_OK;
}

static bool
there(struct world *w, unsigned i, const char *path)
{
	struct env_stat st;

	return env_statat(w->d[i].env, ENV_CWD, path, &st) == 0 &&
	    st.size == LARGE;
}

static bool
stop(void *arg)
{
	uint64_t *asks = arg;

	if (*asks > 1)
		(*asks)--;
	return *asks == 1;
}

static enum zk_err
push(struct world *w, unsigned i, uint64_t asks)
{
	const struct sync_opts o = { .ui = { .arg = &asks, .stop = stop } };
	struct sync_report rep;

	return sync_push(w->d[i].v, &o, &rep);
}

static enum zk_err
pull(struct world *w, unsigned i)
{
	const struct sync_opts o = { .offline = false };
	struct sync_report rep;

	return sync_pull(w->d[i].v, &o, &rep);
}

static enum zk_err
gc(struct world *w, unsigned i, bool dry, struct sync_gc *out)
{
	const struct sync_opts o = { .dry_run = dry };
	struct sync_report rep;
	struct db *db = NULL;
	enum zk_err r = sync_gc(w->d[i].v, &o, NULL, &rep, out);

	/* nothing is done with a vault after a dry run */
	if (dry) {
		world_close(&w->d[i], &db);
		if (!world_open(w, i, NULL, db))
			return ZK_EBUG;
	}
	return r;
}

/* Whether a collection of device i ends so. */
static bool
collects(struct world *w, unsigned i, uint64_t condemned, uint64_t deleted)
{
	struct sync_gc out;
	enum zk_err r = gc(w, i, false, &out);

	if (r == ZK_OK && out.condemned == condemned &&
	    out.deleted == deleted)
		return true;
	printf("# %s: condemned %u, deleted %u\n", err_text(r),
	    (unsigned)out.condemned, (unsigned)out.deleted);
	return false;
}

static void
sent(struct txfer *x, enum zk_err r)
{
	*(enum zk_err *)x->arg = r;
}

/* A blob that no device knows, as one that is lost leaves it. */
static bool
leave(struct world *w, unsigned remote, uint8_t fill)
{
	struct transport_opts o = { .env = w->d[0].env };
	struct transport *t = NULL;
	uint8_t data[500];
	enum zk_err r = ZK_EBUG;
	struct txfer x = { .put = true, .data = data, .len = sizeof(data),
		.done = sent, .arg = &r };

	memset(data, fill, sizeof(data));
	hash_bytes(LABEL_HASH_BLOB, data, sizeof(data), x.name);
	if (remote_fake_open(w->remote[remote], "fake:", &o, &t) != ZK_OK)
		return false;
	if (transport_submit(t, &x) != ZK_OK ||
	    transport_wait(t, 0, 1000) != ZK_OK)
		r = ZK_EBUG;
	transport_free(t);
	return r == ZK_OK;
}

/* Two devices that have a large file each has; *blobs are on each remote. */
static bool
begin(struct world *w, size_t *blobs)
{
	log_set_level(LOG_QUIET);
	if (!world_make(w) || !put(w, 0, "/v/f", 1) ||
	    push(w, 0, 0) != ZK_OK || pull(w, 1) != ZK_OK ||
	    pull(w, 0) != ZK_OK || !there(w, 1, "/v/f"))
		return false;
	*blobs = remote_fake_blobs(w->remote[0]);
	return *blobs > 0;
}

static uint64_t
noted(struct world *w, unsigned i)
{
	uint64_t n = 0;

	CHECK(listdb_count(w->d[i].v->db, &n) == ZK_OK);
	return n;
}

/* They go once the window has passed and all have heard; nothing else does. */
static void
test_freed(void)
{
	struct world w = { .seed = 1, .o = &one };
	struct sync_gc out;
	size_t blobs = 0;

	NEED(begin(&w, &blobs));
	CHECK(leave(&w, 0, 1) && leave(&w, 0, 2));
	/* a dry run writes nothing */
	CHECK(gc(&w, 0, true, &out) == ZK_OK && out.condemned == 0);
	CHECK(noted(&w, 0) == 0);
	CHECK(collects(&w, 0, 0, 0) && noted(&w, 0) == 2);
	days(&w, WINDOW - 2);
	CHECK(collects(&w, 0, 0, 0) && noted(&w, 0) == 2);
	days(&w, 2);
	CHECK(gc(&w, 0, true, &out) == ZK_OK && out.condemned == 2);
	CHECK(collects(&w, 0, 2, 0));
	CHECK(remote_fake_blobs(w.remote[0]) == blobs + 2);
	/* they are dead, so not noted; and wait for the other one */
	CHECK(collects(&w, 0, 0, 0) && noted(&w, 0) == 0);
	CHECK(pull(&w, 1) == ZK_OK);
	CHECK(collects(&w, 0, 0, 2));
	CHECK(remote_fake_blobs(w.remote[0]) == blobs);
	CHECK(push(&w, 0, 0) == ZK_OK && pull(&w, 1) == ZK_OK);
	CHECK(collects(&w, 1, 0, 0) && noted(&w, 1) == 0);
	world_free(&w);
}

/* Sends the blobs of /v/g of device 1, and is stopped before it names them. */
static bool
in_flight(struct world *w, size_t blobs)
{
	size_t segs = remote_fake_segs(w->remote[0]);

	if (!put(w, 1, "/v/g", 2))
		return false;
	for (uint64_t asks = 2; asks < 1000; asks++) {
		if (push(w, 1, asks) != ZK_ESIGNAL)
			return false;
		if (remote_fake_blobs(w->remote[0]) > blobs)
			return remote_fake_segs(w->remote[0]) == segs;
	}
	return false;
}

/* A push goes on before its blobs are condemned: they are noted no longer. */
static void
test_named_in_time(void)
{
	struct world w = { .seed = 2, .o = &one };
	size_t blobs = 0;

	NEED(begin(&w, &blobs));
	NEED(in_flight(&w, blobs));
	CHECK(collects(&w, 0, 0, 0) && noted(&w, 0) > 0);
	days(&w, WINDOW);
	CHECK(push(&w, 1, 0) == ZK_OK);
	CHECK(collects(&w, 0, 0, 0) && noted(&w, 0) == 0);
	CHECK(pull(&w, 0) == ZK_OK && there(&w, 0, "/v/g"));
	world_free(&w);
}

/*
 * It goes on after they were condemned, which it has not heard of: they are
 * in its op, and stay.
 */
static void
test_named_too_late(void)
{
	struct world w = { .seed = 3, .o = &one };
	struct sync_gc out;
	size_t blobs = 0, all = 0;

	NEED(begin(&w, &blobs));
	NEED(in_flight(&w, blobs));
	all = remote_fake_blobs(w.remote[0]);
	CHECK(collects(&w, 0, 0, 0));
	days(&w, WINDOW);
	CHECK(collects(&w, 0, all - blobs, 0));
	CHECK(push(&w, 1, 0) == ZK_OK && pull(&w, 1) == ZK_OK);
	CHECK(gc(&w, 0, false, &out) == ZK_OK && out.deleted == 0);
	CHECK(gc(&w, 1, false, &out) == ZK_OK && out.deleted == 0);
	CHECK(remote_fake_blobs(w.remote[0]) >= all);
	CHECK(pull(&w, 0) == ZK_OK && there(&w, 0, "/v/g"));
	world_free(&w);
}

/* It hears of it first: what it still needs it seals anew. */
static void
test_heard(void)
{
	struct world w = { .seed = 4, .o = &one };
	struct sync_gc out;
	size_t blobs = 0, all = 0;

	NEED(begin(&w, &blobs));
	NEED(in_flight(&w, blobs));
	all = remote_fake_blobs(w.remote[0]);
	CHECK(collects(&w, 0, 0, 0));
	days(&w, WINDOW);
	CHECK(collects(&w, 0, all - blobs, 0));
	CHECK(pull(&w, 1) == ZK_OK && push(&w, 1, 0) == ZK_OK);
	CHECK(gc(&w, 0, false, &out) == ZK_OK);
	CHECK(pull(&w, 1) == ZK_OK);
	CHECK(gc(&w, 0, false, &out) == ZK_OK);
	CHECK(pull(&w, 0) == ZK_OK && there(&w, 0, "/v/g"));
	CHECK(gc(&w, 1, false, &out) == ZK_OK);
	world_free(&w);
}

/* Nothing is noted while a remote is out of reach, or cannot list. */
static void
test_out_of_reach(void)
{
	const struct remote_fake_faults down = { .down = true }, up = { 0 };
	struct world w = { .seed = 5, .o = &two };
	struct sync_gc out;
	size_t blobs = 0;

	NEED(begin(&w, &blobs));
	CHECK(leave(&w, 0, 1));
	remote_fake_faults(w.remote[1], &down);
	CHECK(gc(&w, 0, false, &out) != ZK_EBUG && out.condemned == 0);
	CHECK(noted(&w, 0) == 0);
	remote_fake_faults(w.remote[1], &up);
	CHECK(collects(&w, 0, 0, 0) && noted(&w, 0) == 1);
	days(&w, WINDOW);
	/* nor is what was noted judged */
	remote_fake_faults(w.remote[1], &down);
	CHECK(gc(&w, 0, false, &out) != ZK_EBUG && out.condemned == 0);
	remote_fake_faults(w.remote[1], &up);
	w.remote[0]->list = LIE_LIST_UNABLE;
	w.remote[1]->list = LIE_LIST_UNABLE;
	CHECK(collects(&w, 0, 0, 0));
	w.remote[0]->list = w.remote[1]->list = LIE_LIST_NOT;
	CHECK(collects(&w, 0, 1, 0));
	CHECK(pull(&w, 1) == ZK_OK && collects(&w, 0, 0, 1));
	CHECK(remote_fake_blobs(w.remote[0]) == blobs);
	world_free(&w);
}

/* What is not listed for once is noted anew when it is. */
static void
test_hidden(void)
{
	struct world w = { .seed = 6, .o = &one };
	size_t blobs = 0;

	NEED(begin(&w, &blobs));
	CHECK(leave(&w, 0, 1));
	CHECK(collects(&w, 0, 0, 0) && noted(&w, 0) == 1);
	days(&w, WINDOW);
	w.remote[0]->list = LIE_LIST_HIDE;
	CHECK(collects(&w, 0, 0, 0) && noted(&w, 0) == 0);
	w.remote[0]->list = LIE_LIST_NOT;
	CHECK(collects(&w, 0, 0, 0) && noted(&w, 0) == 1);
	days(&w, WINDOW);
	CHECK(collects(&w, 0, 1, 0));
	world_free(&w);
}

/* A list in no order is named; all else is done. */
static void
test_disorder(void)
{
	struct world w = { .seed = 7, .o = &one };
	struct sync_gc out;
	size_t blobs = 0;

	NEED(begin(&w, &blobs));
	CHECK(leave(&w, 0, 1) && leave(&w, 0, 2));
	w.remote[0]->list = LIE_LIST_BACK;
	CHECK(gc(&w, 0, false, &out) == ZK_ENET && noted(&w, 0) == 0);
	w.remote[0]->list = LIE_LIST_MANY;
	CHECK(gc(&w, 0, false, &out) == ZK_ENET && noted(&w, 0) == 0);
	w.remote[0]->list = LIE_LIST_EMPTY;
	CHECK(collects(&w, 0, 0, 0) && noted(&w, 0) == 0);
	CHECK(remote_fake_blobs(w.remote[0]) == blobs + 2);
	world_free(&w);
}

/* One without an end costs so many names a run, and so many notes at all. */
static void
test_endless(void)
{
	struct world w = { .seed = 8, .o = &one };
	uint64_t was = 0;
	size_t blobs = 0;

	NEED(begin(&w, &blobs));
	w.remote[0]->list = LIE_LIST_ENDLESS;
	for (int i = 0; i < 2; i++) {
		was = w.remote[0]->listed;
		CHECK(collects(&w, 0, 0, 0));
		CHECK(w.remote[0]->listed - was == 65536);
		CHECK(noted(&w, 0) == 65536);
	}
	/* one that tells the truth again is read to its end, and then anew */
	days(&w, WINDOW);
	w.remote[0]->list = LIE_LIST_NOT;
	CHECK(leave(&w, 0, 1));
	CHECK(collects(&w, 0, 0, 0));
	CHECK(collects(&w, 0, 0, 0) && noted(&w, 0) == 0);
	CHECK(collects(&w, 0, 0, 0) && noted(&w, 0) == 1);
	CHECK(remote_fake_blobs(w.remote[0]) == blobs + 1);
	CHECK(pull(&w, 1) == ZK_OK && there(&w, 1, "/v/f"));
	world_free(&w);
}

TESTS(
    { "freed", test_freed },
    { "named_in_time", test_named_in_time },
    { "named_too_late", test_named_too_late },
    { "heard", test_heard },
    { "out_of_reach", test_out_of_reach },
    { "hidden", test_hidden },
    { "disorder", test_disorder },
    { "endless", test_endless },
)
