#include "tests/sim/world_int.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "crypto/key.h"
#include "crypto/sign.h"
#include "store/remotedb.h"
#include "store/store.h"
#include "sync/sync.h"
#include "tests/sim/messages.h"

#define RECORDS (WORLD_DEVICES + 1)

const char *const world_names[WORLD_DEVICES] = { "ann", "bob", "cid", "dot",
	"eve", "fay", "gus", "hal" };

/*
 * In place of libsodium's: a guarded page for each key, mapped and locked,
 * is half the time of a seed, and nothing that is tested here.
 */
void *sodium_malloc(size_t n);
void sodium_free(void *p);

void *
sodium_malloc(size_t n)
{
	size_t *p = malloc(2 * sizeof(*p) + n);

	if (p == NULL)
		return NULL;
	*p = n;
	return p + 2;
}

void
sodium_free(void *p)
{
	size_t *q = p;

	if (q == NULL)
		return;
	crypto_wipe(q, q[-2]);
	free(q - 2);
}

static uint64_t calls, operations;

uint64_t
world_operations(void)
{
	return operations;
}

void
world_operation(void)
{
	operations++;
}

uint64_t
world_calls(void)
{
	return calls;
}

void
world_count(uint64_t n)
{
	calls += n;
}

bool
world_ok(struct world *w, enum zk_err r, const char *what)
{
	if (r == ZK_OK)
		return true;
	printf("# seed %" PRIu64 ": %s: %s\n", w->seed, what, err_text(r));
	return false;
}

const char *
world_url(unsigned remote, unsigned life, char out[static 32])
{
	if (remote == 0 && life == 0)
		return "file:///fake";
	(void)snprintf(out, 32, life == 0 ? "file:///fake%u" :
	    "file:///fake%u-%u", remote, life);
	return out;
}

enum zk_err
world_opener(void *arg, const char *url, const struct transport_opts *opts,
    struct transport **out)
{
	struct world *w = arg;
	char own[32];

	for (unsigned i = 0; i < w->o->remotes; i++)
		if (strcmp(url, world_url(i, w->life[i], own)) == 0)
			return remote_fake_open(w->remote[i], url, opts, out);
	return ZK_EUSAGE;
}

struct founder {
	struct key *space_seed, *R, *E;
	struct signkey *space;
	struct device_keys *dev[WORLD_DEVICES];
	struct keys *keys[WORLD_DEVICES];
	struct buf rec[RECORDS]; /* genesis, rotation, the other devices */
	uint8_t names[RECORDS][32];
	size_t n;
	uint8_t vault[32], epoch[32];
};

static bool
found(struct world *w, struct founder *f)
{
	struct env *env = w->d[0].env;
	struct record_genesis_opts g = { .env = env };
	struct record_ctx c = { .env = env, .vault = f->vault };
	struct record_rotate_opts ro = { .epoch_no = 1, .to_n = 1 };
	const struct device_pub *pub = NULL;
	struct epoch_key ek;
	uint8_t sig[64];

	for (unsigned i = 0; i < w->o->devices; i++)
		if (!world_ok(w, keys_new(w->d[i].env, &f->keys[i]), "keys") ||
		    !world_ok(w, device_keys_new(keys_device_seed(f->keys[i]),
		    &f->dev[i]), "device"))
			return false;
	if (!world_ok(w, key_random(env, KEY_SIGN, &f->space_seed), "key") ||
	    !world_ok(w, key_random(env, KEY_SEED, &f->R), "key") ||
	    !world_ok(w, signkey_new(f->space_seed, &f->space), "key"))
		return false;
	g.R = c.R = f->R;
	g.space = f->space;
	g.founder = c.author = f->dev[0];
	if (!world_ok(w, record_genesis_make(&g, &f->rec[0], f->names[0],
	    f->vault), "genesis"))
		return false;
	c.heads = (const uint8_t (*)[RECORD_ID_LEN])f->names;
	c.heads_n = 1;
	pub = device_keys_pub(f->dev[0]);
	ro.to = &pub;
	if (!world_ok(w, record_rotate_make(&c, &ro, &f->rec[1], f->names[1],
	    &f->E, f->epoch), "rotation"))
		return false;
	memcpy(ek.id, f->epoch, 32);
	ek.k = f->E;
	for (f->n = 2; f->n < w->o->devices + 1; f->n++) {
		const struct device_keys *dev = f->dev[f->n - 1];

		c.heads = (const uint8_t (*)[RECORD_ID_LEN])
		    &f->names[f->n - 1];
		record_add_consent(dev, f->vault, device_keys_id(f->dev[0]),
		    sig);
		if (!world_ok(w, record_add_make(&c, device_keys_pub(dev), sig, &ek,
		    1, &f->rec[f->n], f->names[f->n]), "add"))
			return false;
	}
	return true;
}

/*
 * Databases are emptied and used again: making the tables and preparing the
 * statements would take half of the time of a seed.
 */
static struct db *idle[WORLD_DEVICES];

static enum zk_err
empty_db(struct db *db)
{
	char sql[64][96];
	size_t n = 0;
	struct stmt *s = db_stmt(db, "SELECT name FROM sqlite_master WHERE"
	    " type='table' AND name<>'setting' AND name<>'sqlite_stat1'");
	enum zk_err r = stmt_step(db, s);

	for (; r == ZK_OK && n < 64; r = stmt_step(db, s)) {
		size_t len = 0;
		const char *name = stmt_col_blob(s, 0, &len);

		(void)snprintf(sql[n++], sizeof(sql[0]), "DELETE FROM %.*s",
		    (int)len, name);
	}
	if (r != ZK_ENOENT)
		return r == ZK_OK ? ZK_EBUG : r;
	r = db_begin(db);
	for (size_t i = 0; r == ZK_OK && i < n; i++)
		r = db_exec(db, sql[i]);
	if (r == ZK_OK)
		r = db_exec(db, "DELETE FROM setting"
		    " WHERE name NOT IN ('schema','later');"
		    "INSERT INTO tchange VALUES(1,0)");
	return r == ZK_OK ? db_commit(db) : r;
}

static enum zk_err
take_db(unsigned i, struct db **out)
{
	enum zk_err r = ZK_OK;

	*out = idle[i];
	idle[i] = NULL;
	if (*out == NULL)
		return store_open(":memory:", true, out);
	r = empty_db(*out);
	return r;
}

/* Remotes in an order of this device's own. */
static enum zk_err
add_remotes(struct world *w, struct db *db)
{
	unsigned first = w->o->remotes == 1 ? 0 :
	    (unsigned)fake_below(w->dice, w->o->remotes);
	enum zk_err r = ZK_OK;
	char own[32];
	int64_t id;

	for (unsigned k = 0; r == ZK_OK && k < w->o->remotes; k++)
		r = remotedb_add(db, world_url((first + k) % w->o->remotes, 0,
		    own), &id);
	return r;
}

bool
world_open(struct world *w, unsigned i, struct keys *keys, struct db *db)
{
	struct vault_parts p = { .env = w->d[i].env, .dir = "/v",
		.state = "/s", .keys = keys, .db = db, .opener = world_opener,
		.opener_arg = w };

	return world_ok(w, vault_assemble(&p, &w->d[i].v), "opening a device");
}

static enum zk_err
save_keys(struct env *env, const struct keys *keys)
{
	int fd = env_openat(env, ENV_CWD, "/s", O_RDONLY | O_DIRECTORY, 0);
	enum zk_err r;

	if (fd < 0)
		return ZK_EIO;
	r = keys_save(env, fd, keys);
	if (r == ZK_OK && env_syncfs(env, fd) != 0)
		r = ZK_EIO;
	(void)env_close(env, fd);
	return r;
}

static bool
make_device(struct world *w, struct founder *f, unsigned i)
{
	struct env *env = w->d[i].env;
	struct keys *keys = f->keys[i];
	struct db *db = NULL;
	enum zk_err r = ZK_OK;

	if (env_mkdirat(env, ENV_CWD, "/v", 0755) != 0 ||
	    env_mkdirat(env, ENV_CWD, "/s", 0700) != 0 ||
	    (w->o->messages &&
	    env_mkdirat(env, ENV_CWD, MESSAGES_DIR, 0755) != 0))
		return world_ok(w, ZK_EIO, "mkdir");
	r = root_create(env, "/v", NULL);
	if (r == ZK_OK)
		r = keys_set_vault(keys, f->vault, f->space_seed, f->R);
	if (r == ZK_OK)
		r = keys_epoch_add(keys, f->epoch, f->E);
	if (r == ZK_OK && w->o->storms)
		r = save_keys(env, keys);
	if (r == ZK_OK)
		r = take_db(i, &db);
	if (r == ZK_OK)
		r = db_begin(db);
	if (r == ZK_OK)
		r = base_init(db);
	if (r == ZK_OK)
		r = store_put(db, "name", world_names[i], 3);
	for (size_t k = 0; r == ZK_OK && k < f->n; k++)
		r = remotedb_rec_put(db, f->names[k], f->rec[k].data,
		    f->rec[k].len);
	if (r == ZK_OK)
		r = add_remotes(w, db);
	if (r == ZK_OK)
		r = db_commit(db);
	if (r != ZK_OK) {
		db_close(db);
		return world_ok(w, r, "making a device");
	}
	f->keys[i] = NULL;
	return world_open(w, i, keys, db);
}

bool
world_make(struct world *w)
{
	struct founder f = { .space_seed = NULL };
	bool good = true;

	w->dice = fake_new(w->seed * 7 + 1);
	if (w->dice == NULL)
		return false;
	for (unsigned i = 0; i < w->o->remotes; i++) {
		w->remote[i] = remote_fake_new(w->seed + 1 + i);
		if (w->remote[i] == NULL)
			return false;
	}
	for (unsigned i = 0; i < w->o->devices; i++) {
		w->d[i].fake = fake_new(w->seed * 7 + 2 + i);
		if (w->d[i].fake == NULL)
			return false;
		w->d[i].env = fake_env(w->d[i].fake);
		if (i + w->o->folds >= w->o->devices)
			fake_set_names(w->d[i].fake, FAKE_FOLD | FAKE_TRIM |
			    FAKE_STRICT);
	}
	for (unsigned i = 0; i < RECORDS; i++)
		buf_init(&f.rec[i], RECORD_STORED_MAX);
	good = found(w, &f);
	for (unsigned i = 0; good && i < w->o->devices; i++)
		good = make_device(w, &f, i);
	for (unsigned i = 0; i < RECORDS; i++)
		buf_release(&f.rec[i]);
	for (unsigned i = 0; i < w->o->devices; i++) {
		device_keys_free(f.dev[i]);
		keys_free(f.keys[i]);
	}
	key_free(f.space_seed);
	key_free(f.R);
	key_free(f.E);
	signkey_free(f.space);
	return good;
}

void
world_close(struct device *d, struct db **db)
{
	*db = NULL;
	if (d->v == NULL)
		return;
	*db = d->v->db;
	treedb_free(d->v->td);
	d->v->td = NULL;
	d->v->db = NULL;
	vault_close(d->v);
	d->v = NULL;
	if (*db != NULL)
		db_rollback(*db);
}

void
world_free(struct world *w)
{
	for (unsigned i = 0; i < w->o->devices; i++) {
		if (w->d[i].fake != NULL)
			world_count((uint64_t)fake_calls(
			    w->d[i].fake));
		world_close(&w->d[i], &idle[i]);
		fake_free(w->d[i].fake);
	}
	for (unsigned i = 0; i < w->o->remotes; i++) {
		if (w->remote[i] != NULL)
			world_count(remote_fake_calls(w->remote[i]));
		remote_fake_free(w->remote[i]);
	}
	fake_free(w->dice);
}
