/* What goes wrong in a merge is told: it is not the end of what diverged. */
#include <fcntl.h>
#include <string.h>

#include "crdt/core.h"
#include "sync/sync.h"
#include "tests/sim/world_int.h"
#include "util/io.h"
#include "util/log.h"

#include "test.h"

static const struct world_opts opts = { .devices = 2, .remotes = 1 };

/* The database of a tree that lacks the first op of what diverged. */
static const struct cdb_impl *real;
static bool asked;

static enum zk_err
conflicts(void *db, int64_t dir, int64_t after, struct cdb_node *v,
    size_t max, size_t *n)
{
	enum zk_err r = real->conflicts(db, dir, after, v, max, n);

	asked = r == ZK_OK && *n > 0;
	return r;
}

static enum zk_err
op_by_id(void *db, const struct opid *id, struct cdb_op *out)
{
	bool lacks = asked;

	asked = false;
	return lacks ? ZK_ENOENT : real->op_by_id(db, id, out);
}

static bool
put(struct world *w, unsigned i, const char *path, const char *text)
{
	struct env *env = w->d[i].env;
	int fd = env_openat(env, ENV_CWD, path, O_WRONLY | O_CREAT | O_TRUNC,
	    0644);
	enum zk_err r = fd < 0 ? ZK_EIO : io_write_full(env, fd, text,
	    strlen(text));

	if (fd >= 0)
		(void)env_close(env, fd);
	fake_advance(w->d[i].fake, 60000);
	return r == ZK_OK;
}

static enum zk_err
pull(struct world *w, uint64_t *merged)
{
	const struct sync_opts o = { 0 };
	struct sync_report rep = { 0 };
	enum zk_err r = sync_pull(w->d[1].v, &o, &rep);

	*merged = rep.merged;
	return r;
}

static bool
push(struct world *w, unsigned i)
{
	const struct sync_opts o = { 0 };
	struct sync_report rep;

	return sync_push(w->d[i].v, &o, &rep) == ZK_OK;
}

static void
test_told(void)
{
	struct world w = { .seed = 1, .o = &opts };
	struct cdb_impl lacking;
	struct cdb *db = NULL;
	uint64_t merged = 0;

	log_set_level(LOG_QUIET);
	NEED(world_make(&w));
	NEED(put(&w, 0, "/v/a", "one\ntwo\n") &&
	    put(&w, 0, "/v/b", "one\ntwo\n"));
	CHECK(push(&w, 0) && pull(&w, &merged) == ZK_OK);
	NEED(put(&w, 0, "/v/a", "ONE\ntwo\n") &&
	    put(&w, 0, "/v/b", "ONE\ntwo\n"));
	NEED(put(&w, 1, "/v/a", "one\nTWO\n") &&
	    put(&w, 1, "/v/b", "one\nTWO\n"));
	CHECK(push(&w, 0) && push(&w, 1));

	db = &w.d[1].v->tree->db;
	real = db->impl;
	lacking = *real;
	lacking.conflicts = conflicts;
	lacking.op_by_id = op_by_id;
	db->impl = &lacking;
	CHECK(pull(&w, &merged) == ZK_ENOENT && merged == 0);
	db->impl = real;
	CHECK(pull(&w, &merged) == ZK_OK && merged == 2);
	world_free(&w);
}

TESTS(
    { "told", test_told },
)
