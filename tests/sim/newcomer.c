#include "tests/sim/world_int.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crdt/list.h"
#include "store/remotedb.h"
#include "store/store.h"
#include "sync/sync.h"

/* The keys of the last device, for a new log. */
static enum zk_err
take_keys(struct world *w, struct env *env, struct keys **out)
{
	const struct vault *v = w->d[w->o->devices - 1].v;
	int fd = env_openat(env, ENV_CWD, "/s", O_RDONLY | O_DIRECTORY, 0);
	enum zk_err r = fd < 0 ? ZK_EIO : keys_save(env, fd, v->keys);

	if (r == ZK_OK)
		r = keys_load(env, fd, out);
	if (r == ZK_OK)
		r = keys_new_log(*out, env);
	if (fd >= 0)
		(void)env_close(env, fd);
	return r;
}

static enum zk_err
take_records(struct world *w, struct db *db)
{
	struct buf b;
	uint8_t name[32];
	int64_t row = 0;
	enum zk_err r = ZK_OK;

	buf_init(&b, RECORD_STORED_MAX);
	while (r == ZK_OK) {
		buf_reset(&b);
		r = remotedb_rec_next(w->d[0].v->db, row, &row, name, &b);
		if (r == ZK_OK)
			r = remotedb_rec_put(db, name, b.data, b.len);
	}
	buf_release(&b);
	return r == ZK_ENOENT ? ZK_OK : r;
}

static enum zk_err
make(struct world *w, unsigned remote, struct device *d)
{
	char url[32];
	int64_t id = 0;
	struct keys *keys = NULL;
	struct db *db = NULL;
	struct vault_parts p = { .env = d->env, .dir = "/v", .state = "/s",
		.opener = world_opener, .opener_arg = w };
	enum zk_err r = ZK_OK;

	if (env_mkdirat(d->env, ENV_CWD, "/v", 0755) != 0 ||
	    env_mkdirat(d->env, ENV_CWD, "/s", 0700) != 0)
		return ZK_EIO;
	r = root_create(d->env, "/v", NULL);
	if (r == ZK_OK)
		r = take_keys(w, d->env, &keys);
	if (r == ZK_OK)
		r = store_open(":memory:", true, &db);
	if (r == ZK_OK)
		r = db_begin(db);
	if (r == ZK_OK)
		r = base_init(db);
	if (r == ZK_OK)
		r = store_put(db, "name", "newcomer", 8);
	if (r == ZK_OK)
		r = take_records(w, db);
	if (r == ZK_OK)
		r = remotedb_add(db, world_url(remote, w->life[remote], url),
		    &id);
	if (r == ZK_OK)
		r = db_commit(db);
	if (r != ZK_OK) {
		db_close(db);
		keys_free(keys);
		return r;
	}
	p.keys = keys;
	p.db = db;
	return vault_assemble(&p, &d->v);
}

/*
 * Whether both have the same merged tree, and the same on their disks: but for
 * what is nowhere any more, of which a device that had it keeps what it has.
 */
static bool
alike(struct world *w, struct device *d)
{
	struct device *first = &w->d[0];
	bool seen[WORLD_CONTENTS] = { false };
	struct buf a, b;
	bool good;

	buf_init(&a, 1 << 20);
	buf_init(&b, 1 << 20);
	good = world_ok(w, list_dump(first->v->tree, &a), "dump") &&
	    world_ok(w, list_dump(d->v->tree, &b), "dump");
	if (!w->gap) {
		world_dump(first->env, "/v", &a, seen);
		world_dump(d->env, "/v", &b, seen);
	}
	if (good && strcmp(buf_cstr(&a), buf_cstr(&b)) != 0) {
		printf("# seed %" PRIu64 ": a newcomer has\n%s--- not\n%s",
		    w->seed, buf_cstr(&b), buf_cstr(&a));
		good = false;
	}
	buf_release(&a);
	buf_release(&b);
	return good;
}

static uint64_t begun;

uint64_t
world_begun(void)
{
	return begun;
}

static enum zk_err
count_thin(struct db *db)
{
	struct stmt *s = db_stmt(db, "SELECT count(*) FROM segdata"
	    " WHERE substr(data, 1, 3) = x'7a6b54'");
	enum zk_err r = stmt_step(db, s);

	begun += r == ZK_OK && stmt_col_int(s, 0) > 0;
	if (r == ZK_OK)
		stmt_reset(s);
	return r;
}

bool
world_newcomer(struct world *w, unsigned remote)
{
	const struct sync_opts o = { .paths = NULL };
	struct sync_report rep;
	struct device d = { .fake = fake_new(w->seed * 7 + 1000 + remote) };
	struct db *db = NULL;
	enum zk_err r;
	bool good;

	if (d.fake == NULL)
		return false;
	d.env = fake_env(d.fake);
	good = world_ok(w, make(w, remote, &d), "making a newcomer");
	if (good) {
		r = sync_pull(d.v, &o, &rep);
		good = r == ZK_ECONFLICT || (r == ZK_EGAP && w->gap) ||
		    world_ok(w, r, "the pull of a newcomer");
	}
	good = good && alike(w, &d) && world_ok(w, sync_verify(d.v, &o, &rep),
	    "verify of a newcomer") && world_ok(w, count_thin(d.v->db),
	    "its segments");
	world_close(&d, &db);
	db_close(db);
	fake_free(d.fake);
	return good;
}
