/* A version that no key here opens is not to be had, and not an empty one. */
#include <fcntl.h>
#include <string.h>

#include "sync/sync.h"
#include "tests/sim/world_int.h"
#include "util/io.h"
#include "util/log.h"

#include "test.h"

static const struct world_opts opts = { .devices = 1, .remotes = 1 };

/* The keys of a device to which no epoch was granted. */
static struct keys *
without_epochs(struct vault *v)
{
	struct keys *k = NULL;

	if (keys_new(v->env, &k) != ZK_OK || keys_set_vault(k, vault_id(v),
	    keys_space(v->keys), keys_record(v->keys)) != ZK_OK) {
		keys_free(k);
		return NULL;
	}
	return k;
}

static void
test_gap(void)
{
	static const struct sync_at last = { .kind = SYNC_AT_NONE };
	const struct sync_opts o = { .offline = true };
	struct world w = { .seed = 1, .o = &opts };
	struct sync_report rep;
	struct keys *had, *none;
	struct vault *v;
	struct buf out;
	int fd;

	log_set_level(LOG_QUIET);
	NEED(world_make(&w));
	v = w.d[0].v;
	fd = env_openat(w.d[0].env, ENV_CWD, "/v/f", O_WRONLY | O_CREAT,
	    0644);
	NEED(fd >= 0 && io_write_full(w.d[0].env, fd, "text", 4) == ZK_OK);
	CHECK(env_close(w.d[0].env, fd) == 0);
	fake_advance(w.d[0].fake, 60000);
	CHECK(sync_push(v, &(struct sync_opts){ 0 }, &rep) == ZK_OK);

	buf_init(&out, 100);
	CHECK(sync_version_bytes(v, &o, "/v/f", &last, &out) == ZK_OK);
	CHECK(out.len == 4);
	none = without_epochs(v);
	NEED(none != NULL);
	had = v->keys;
	v->keys = none;
	segcache_clear(v->cache);
	CHECK(sync_version_bytes(v, &o, "/v/f", &last, &out) == ZK_EGAP);
	v->keys = had;
	keys_free(none);
	CHECK(sync_version_bytes(v, &o, "/v/f", &last, &out) == ZK_OK);
	CHECK(out.len == 4 && memcmp(out.data, "text", 4) == 0);
	buf_release(&out);
	world_free(&w);
}

TESTS(
    { "gap", test_gap },
)
