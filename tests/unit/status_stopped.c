/*
 * A push that was stopped, and what status says is left to push: paths that
 * were there or are, never the names under which base keeps what has to wait.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "sync/sync.h"
#include "tests/sim/world_int.h"
#include "util/io.h"

#include "test.h"

#define TOLD 32

static const struct world_opts opts = { .devices = 2, .remotes = 1 };

struct told {
	char text[TOLD][160];
	size_t n;
};

static bool
put(struct env *env, const char *path, const char *text)
{
	int fd = env_openat(env, ENV_CWD, path, O_WRONLY | O_CREAT | O_TRUNC,
	    0644);
	enum zk_err r = fd < 0 ? ZK_EIO : io_write_full(env, fd, text,
	    strlen(text));

	if (fd >= 0)
		(void)env_close(env, fd);
	return r == ZK_OK;
}

static bool
stop(void *arg)
{
	uint64_t *asks = arg;

	if (*asks > 1)
		(*asks)--;
	return *asks == 1;
}

static void
change(void *arg, const struct sync_change *c)
{
	static const char *const kinds[] = { "new", "changed", "deleted",
		"moved", "attributes", "skipped" };
	struct told *t = arg;

	if (t->n == TOLD) {
		FAIL("more changes than there are");
		return;
	}
	snprintf(t->text[t->n++], sizeof(t->text[0]), "%s %s%s%s",
	    kinds[c->kind], c->from == NULL ? "" : c->from,
	    c->from == NULL ? "" : " -> ", c->path);
}

static bool
has(const struct told *t, const char *what)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->text[i], what) == 0)
			return true;
	return false;
}

static bool
status(struct vault *v, struct told *t)
{
	const struct sync_opts o = { .offline = true,
		.ui = { .arg = t, .change = change } };
	struct sync_report rep;

	t->n = 0;
	return sync_status(v, &o, &rep) == ZK_OK;
}

static enum zk_err
push(struct vault *v, uint64_t asks)
{
	const struct sync_opts o = { .ui = { .arg = &asks, .stop = stop } };
	struct sync_report rep;

	return sync_push(v, &o, &rep);
}

/*
 * Names that pass from one to another: b takes the place of a file, d/x that
 * of one elsewhere, p and q change places, and h takes that of a directory
 * that goes with what is in it.
 */
static bool
edit(struct env *env)
{
	static const char *const moves[][2] = { { "/v/b", "/v/a" },
		{ "/v/d/x", "/v/e/x" }, { "/v/p", "/v/t" }, { "/v/q", "/v/p" },
		{ "/v/t", "/v/q" } };
	bool ok = true;

	for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++)
		ok &= env_renameat(env, ENV_CWD, moves[i][0], ENV_CWD,
		    moves[i][1], 0) == 0;
	ok &= env_unlinkat(env, ENV_CWD, "/v/g/in", 0) == 0;
	ok &= env_unlinkat(env, ENV_CWD, "/v/g", AT_REMOVEDIR) == 0;
	return ok && env_renameat(env, ENV_CWD, "/v/h", ENV_CWD, "/v/g", 0) ==
	    0;
}

static bool
begin(struct world *w)
{
	static const char *const dirs[] = { "/v/d", "/v/e", "/v/p", "/v/q",
		"/v/g", "/v/h" };
	static const char *const files[] = { "/v/a", "/v/b", "/v/d/x",
		"/v/e/x", "/v/p/1", "/v/q/2", "/v/g/in", "/v/h/on" };
	bool ok = world_make(w);
	struct env *env = w->d[0].env;

	for (size_t i = 0; ok && i < sizeof(dirs) / sizeof(dirs[0]); i++)
		ok = env_mkdirat(env, ENV_CWD, dirs[i], 0755) == 0;
	for (size_t i = 0; ok && i < sizeof(files) / sizeof(files[0]); i++)
		ok = put(env, files[i], files[i]);
	fake_advance(w->d[0].fake, 60000);
	return ok && push(w->d[0].v, 0) == ZK_OK && edit(env);
}

/* Stopped at that question; false when the push was done before. */
static bool
stopped_at(uint64_t asks, unsigned *waiting)
{
	struct world w = { .seed = 1, .o = &opts };
	struct told before, t;
	enum zk_err r = ZK_EBUG;

	if (!begin(&w) || !status(w.d[0].v, &before)) {
		FAIL("the world");
		world_free(&w);
		return false;
	}
	r = push(w.d[0].v, asks);
	CHECK(r == ZK_OK || r == ZK_ESIGNAL);
	CHECK(status(w.d[0].v, &t));
	CHECK(r != ZK_OK || t.n == 0);
	for (size_t i = 0; i < t.n; i++)
		if (!has(&before, t.text[i])) {
			printf("# stopped at %u: %s\n", (unsigned)asks,
			    t.text[i]);
			FAIL("what was never told before");
		}
	*waiting += t.n > 0 && t.n < before.n;
	CHECK(push(w.d[0].v, 0) == ZK_OK);
	CHECK(status(w.d[0].v, &t) && t.n == 0);
	world_free(&w);
	return r != ZK_OK;
}

static void
test_stopped(void)
{
	uint64_t asks = 2;
	unsigned waiting = 0;

	while (stopped_at(asks, &waiting))
		asks++;
	/* some were stopped with a part recorded */
	CHECK(asks > 4 && waiting > 0);
}

TESTS(
    { "only_names_there_are", test_stopped },
)
