#include "tests/sim/world.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crdt/list.h"
#include "crypto/crypto.h"
#include "crypto/key.h"
#include "crypto/sign.h"
#include "store/remotedb.h"
#include "store/store.h"
#include "sync/sync.h"
#include "sync/vault.h"
#include "tests/sim/values.h"
#include "transport/remote_fake.h"
#include "util/env_fake.h"
#include "util/io.h"
#include "util/log.h"

#define CONTENTS 512		/* written in one run, at most */
#define RECORDS (WORLD_DEVICES + 1)
#define LARGE (48u * 1024)	/* of a file that does not fit into an op */
#define TEN_YEARS_MS (UINT64_C(3653) * 86400 * 1000)
#define YEAR_1990_MS (INT64_C(7305) * 86400 * 1000)

struct device {
	struct fake *fake;
	struct env *env;
	struct vault *v;
	unsigned life[WORLD_REMOTES]; /* of each remote, that it knows */
};

struct world {
	uint64_t seed;
	const struct world_opts *o;
	struct fake *dice;	/* only for choices of the test */
	struct remote_fake *remote[WORLD_REMOTES];
	unsigned life[WORLD_REMOTES]; /* grows when it is lost and replaced */
	struct remote_fake_faults faults; /* of all, in fair weather */
	struct device d[WORLD_DEVICES];
	unsigned contents;
	bool retired[CONTENTS];
	bool loud;
	uint64_t asks;		/* until a round is stopped; 0: never */
	int64_t sum;		/* added to the counter of values.h */
};

static const char *const device_names[WORLD_DEVICES] = { "ann", "bob", "cid",
	"dot", "eve", "fay", "gus", "hal" };
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

static uint64_t calls;

uint64_t
world_calls(void)
{
	return calls;
}

static bool
ok(struct world *w, enum zk_err r, const char *what)
{
	if (r == ZK_OK)
		return true;
	printf("# seed %" PRIu64 ": %s: %s\n", w->seed, what, err_text(r));
	return false;
}

static const char *
url_of(unsigned remote, unsigned life, char out[static 32])
{
	if (remote == 0 && life == 0)
		return "file:///fake";
	(void)snprintf(out, 32, life == 0 ? "file:///fake%u" :
	    "file:///fake%u-%u", remote, life);
	return out;
}

static enum zk_err
opener(void *arg, const char *url, const struct transport_opts *opts,
    struct transport **out)
{
	struct world *w = arg;
	char own[32];

	for (unsigned i = 0; i < w->o->remotes; i++)
		if (strcmp(url, url_of(i, w->life[i], own)) == 0)
			return remote_fake_open(w->remote[i], url, opts, out);
	return ZK_EUSAGE;
}

/* Making the vault --------------------------------------------------------- */

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
		if (!ok(w, keys_new(w->d[i].env, &f->keys[i]), "keys") ||
		    !ok(w, device_keys_new(keys_device_seed(f->keys[i]),
		    &f->dev[i]), "device"))
			return false;
	if (!ok(w, key_random(env, KEY_SIGN, &f->space_seed), "key") ||
	    !ok(w, key_random(env, KEY_SEED, &f->R), "key") ||
	    !ok(w, signkey_new(f->space_seed, &f->space), "key"))
		return false;
	g.R = c.R = f->R;
	g.space = f->space;
	g.founder = c.author = f->dev[0];
	if (!ok(w, record_genesis_make(&g, &f->rec[0], f->names[0],
	    f->vault), "genesis"))
		return false;
	c.heads = (const uint8_t (*)[RECORD_ID_LEN])f->names;
	c.heads_n = 1;
	pub = device_keys_pub(f->dev[0]);
	ro.to = &pub;
	if (!ok(w, record_rotate_make(&c, &ro, &f->rec[1], f->names[1],
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
		if (!ok(w, record_add_make(&c, device_keys_pub(dev), sig, &ek,
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
		r = db_exec(db, "DELETE FROM setting WHERE name<>'schema';"
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
		r = remotedb_add(db, url_of((first + k) % w->o->remotes, 0,
		    own), &id);
	return r;
}

static bool
open_device(struct world *w, unsigned i, struct keys *keys, struct db *db)
{
	struct vault_parts p = { .env = w->d[i].env, .dir = "/v",
		.state = "/s", .keys = keys, .db = db, .opener = opener,
		.opener_arg = w };

	return ok(w, vault_assemble(&p, &w->d[i].v), "opening a device");
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
	    env_mkdirat(env, ENV_CWD, "/s", 0700) != 0)
		return ok(w, ZK_EIO, "mkdir");
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
		r = store_put(db, "name", device_names[i], 3);
	for (size_t k = 0; r == ZK_OK && k < f->n; k++)
		r = remotedb_rec_put(db, f->names[k], f->rec[k].data,
		    f->rec[k].len);
	if (r == ZK_OK)
		r = add_remotes(w, db);
	if (r == ZK_OK)
		r = db_commit(db);
	if (r != ZK_OK) {
		db_close(db);
		return ok(w, r, "making a device");
	}
	f->keys[i] = NULL;
	return open_device(w, i, keys, db);
}

static bool
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

/* Closes a device; what its database holds stays, in *db. */
static void
close_device(struct device *d, struct db **db)
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

static void
world_free(struct world *w)
{
	for (unsigned i = 0; i < w->o->devices; i++) {
		if (w->d[i].fake != NULL)
			calls += (uint64_t)fake_calls(w->d[i].fake);
		close_device(&w->d[i], &idle[i]);
		fake_free(w->d[i].fake);
	}
	for (unsigned i = 0; i < w->o->remotes; i++) {
		if (w->remote[i] != NULL)
			calls += remote_fake_calls(w->remote[i]);
		remote_fake_free(w->remote[i]);
	}
	fake_free(w->dice);
}

/* Edits -------------------------------------------------------------------- */

static const char *const dirs[] = { "", "a", "b", "a/c" };
static const char *const names[] = { "x", "y", "z", "w" };
/* where files and directories take each other's places */
static const char *const mixed[] = { "x", "a", "b", "c" };

static void
pick(struct world *w, char *out, size_t cap, bool dir)
{
	const char *d = dirs[fake_below(w->dice, 4)];

	if (dir)
		(void)snprintf(out, cap, "/v/%s", dirs[1 +
		    fake_below(w->dice, 3)]);
	else
		(void)snprintf(out, cap, "/v/%s%s%s", d, d[0] ? "/" : "",
		    (w->o->stops ? mixed : names)[fake_below(w->dice, 4)]);
}

/* The number in a file "content N\n...", or -1. */
static int
content_at(struct env *env, const char *path)
{
	struct buf b;
	int n = -1;

	buf_init(&b, 1 << 20);
	if (io_read_file(env, ENV_CWD, path, &b) == ZK_OK)
		n = (int)strtoul(buf_cstr(&b) + 8, NULL, 10);
	buf_release(&b);
	return n;
}

/* All contents at or below path are being given up by this device's user. */
static void
retire(struct world *w, struct env *env, const char *path)
{
	struct env_stat st;
	struct env_dirent e;
	struct env_dir *d = NULL;
	int err = 0, fd = 0;

	if (env_statat(env, ENV_CWD, path, &st) != 0)
		return;
	if (S_ISREG(st.mode)) {
		int n = content_at(env, path);

		if (n >= 0 && n < CONTENTS)
			w->retired[n] = true;
		return;
	}
	fd = env_openat(env, ENV_CWD, path, O_RDONLY | O_DIRECTORY, 0);
	d = fd < 0 ? NULL : env_dir_open(env, fd, &err);
	while (d != NULL && env_dir_next(env, d, &e) == 1) {
		char sub[512];

		(void)snprintf(sub, sizeof(sub), "%s/%s", path, e.name);
		retire(w, env, sub);
	}
	if (d != NULL)
		env_dir_close(env, d);
	if (fd >= 0)
		(void)env_close(env, fd);
}

static void
write_file(struct world *w, struct env *env, const char *path)
{
	static char text[LARGE];
	size_t len;
	int fd = 0;
	struct env_stat st;

	if (w->contents == CONTENTS || (env_statat(env, ENV_CWD, path, &st)
	    == 0 && !S_ISREG(st.mode)))
		return;
	retire(w, env, path);
	fd = env_openat(env, ENV_CWD, path, O_WRONLY | O_CREAT | O_TRUNC,
	    0644);
	if (fd < 0)
		return;
	(void)snprintf(text, sizeof(text), "content %u\n", w->contents++);
	len = strlen(text);
	if (w->o->storms && fake_below(w->dice, 16) == 0)
		for (; len < LARGE; len++)
			text[len] = (char)fake_below(w->dice, 256);
	if (env_write(env, fd, text, len) != (ssize_t)len)
		w->loud = true;
	(void)env_close(env, fd);
}

/* rename(2) by the user: what was at `to` is given up. */
static void
move(struct world *w, struct env *env, const char *from, const char *to)
{
	struct env_stat a, b;

	if (strcmp(from, to) == 0 ||
	    env_statat(env, ENV_CWD, from, &a) != 0)
		return;
	if (env_statat(env, ENV_CWD, to, &b) == 0) {
		if (S_ISDIR(a.mode) || S_ISDIR(b.mode))
			return;
		retire(w, env, to);
	}
	(void)env_renameat(env, ENV_CWD, from, ENV_CWD, to, 0);
}

static void
remove_any(struct world *w, struct env *env, const char *path)
{
	struct env_stat st;

	if (env_statat(env, ENV_CWD, path, &st) != 0)
		return;
	if (!S_ISDIR(st.mode))
		(void)env_unlinkat(env, ENV_CWD, path, 0);
	else if (io_remove_tree(env, ENV_CWD, path) != ZK_OK)
		w->loud = true;
}

/* Something takes the place of what is removed: a file, or a directory. */
static void
trade(struct world *w, struct env *env)
{
	char p[256], q[256];

	pick(w, p, sizeof(p), true);
	pick(w, q, sizeof(q), fake_below(w->dice, 4) != 0);
	if (strncmp(p, q, strlen(p)) == 0 || strncmp(p, q, strlen(q)) == 0)
		q[0] = '\0';
	retire(w, env, p);
	remove_any(w, env, p);
	if (q[0] != '\0')
		move(w, env, q, p);
	else
		write_file(w, env, p);
}

static void
edit(struct world *w, struct device *d)
{
	char p[256], q[256];

	switch (fake_below(w->dice, 10)) {
	case 0:
	case 1:
	case 2:
	case 3:
		pick(w, p, sizeof(p), false);
		write_file(w, d->env, p);
		break;
	case 4:
		pick(w, p, sizeof(p), false);
		retire(w, d->env, p);
		(void)env_unlinkat(d->env, ENV_CWD, p, 0);
		break;
	case 5:
		pick(w, p, sizeof(p), true);
		retire(w, d->env, p);
		remove_any(w, d->env, p);
		break;
	case 6:
		pick(w, p, sizeof(p), false);
		pick(w, q, sizeof(q), false);
		move(w, d->env, p, q);
		break;
	case 7:
		pick(w, p, sizeof(p), true);
		pick(w, q, sizeof(q), true);
		move(w, d->env, p, q);
		break;
	default:
		pick(w, p, sizeof(p), true);
		(void)env_mkdirat(d->env, ENV_CWD, p, 0755);
		break;
	}
	if (w->loud)
		printf("# %s edits\n", device_names[d - w->d]);
	fake_advance(d->fake, fake_below(w->dice, 3) == 0 ? 5000 :
	    fake_below(w->dice, 30));
}

/* Looking ------------------------------------------------------------------ */

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The tree below path as text, in order of names; marks contents seen. */
static void
dump(struct env *env, const char *path, struct buf *out, bool *seen)
{
	char *list[256];
	size_t n = 0;
	struct env_dirent e;
	int err = 0;
	int fd = env_openat(env, ENV_CWD, path, O_RDONLY | O_DIRECTORY, 0);
	struct env_dir *d = fd < 0 ? NULL : env_dir_open(env, fd, &err);

	while (d != NULL && env_dir_next(env, d, &e) == 1)
		if (strcmp(e.name, ".zk") != 0 && n < 256)
			list[n++] = strdup(e.name);
	if (d != NULL)
		env_dir_close(env, d);
	if (fd >= 0)
		(void)env_close(env, fd);
	qsort(list, n, sizeof(*list), by_name);
	for (size_t i = 0; i < n; i++) {
		char sub[1024];
		struct env_stat st = { 0 };

		(void)snprintf(sub, sizeof(sub), "%s/%s", path, list[i]);
		(void)env_statat(env, ENV_CWD, sub, &st);
		if (S_ISDIR(st.mode)) {
			(void)buf_printf(out, "%s/ %o\n", sub, st.mode & 0777);
			dump(env, sub, out, seen);
		} else {
			int c = content_at(env, sub);

			(void)buf_printf(out, "%s %o %d %" PRId64 ".%u\n",
			    sub, st.mode & 0777, c, st.mtime.sec,
			    st.mtime.nsec);
			if (c >= 0 && c < CONTENTS)
				seen[c] = true;
		}
		free(list[i]);
	}
}

/* Rounds ------------------------------------------------------------------- */

static bool
stop(void *arg)
{
	struct world *w = arg;

	if (w->asks > 1)
		w->asks--;
	return w->asks == 1;
}

static enum zk_err
run(struct world *w, unsigned i, bool push, const char *const *paths,
    size_t n)
{
	const struct sync_opts o = { .paths = paths, .paths_n = n,
		.ui = { .stop = stop, .arg = w } };
	struct sync_report rep;
	enum zk_err r = push ? sync_push(w->d[i].v, &o, &rep) :
	    sync_pull(w->d[i].v, &o, &rep);

	if (w->loud)
		printf("# %s %s %s %s: %s, files %" PRIu64 "\n",
		    device_names[i], push ? "push" : "pull",
		    n > 0 ? paths[0] : "", n > 1 ? paths[1] : "",
		    err_text(r), rep.files);
	return r;
}

/* A path that some device has, most of the time. */
static void
pick_there(struct world *w, char *out, size_t cap)
{
	struct env_stat st;
	bool there = false;

	for (int tries = 0; !there && tries < 16; tries++) {
		pick(w, out, cap, fake_below(w->dice, 2) == 0);
		for (unsigned i = 0; i < w->o->devices; i++)
			there |= env_statat(w->d[i].env, ENV_CWD, out,
			    &st) == 0;
	}
}

/* A round that may name paths; one that is not there is nothing. */
static enum zk_err
run_some(struct world *w, unsigned i, bool push)
{
	char p[2][256];
	const char *paths[2] = { p[0], p[1] };
	size_t n = w->o->paths ? fake_below(w->dice, 3) : 0;
	enum zk_err r = ZK_OK;

	for (size_t k = 0; k < n; k++)
		pick_there(w, p[k], sizeof(p[k]));
	if (w->o->stops && fake_below(w->dice, 2) == 0)
		w->asks = 2 + fake_below(w->dice, 12);
	r = run(w, i, push, paths, n);
	if (w->asks == 1 && r == ZK_ESIGNAL)
		r = ZK_OK;
	w->asks = 0;
	return n > 0 && r == ZK_EUSAGE ? ZK_OK : r;
}

/* What a round may answer while the remote misbehaves. */
static bool
fair(enum zk_err r)
{
	return r == ZK_OK || r == ZK_ECONFLICT || err_status(r) == 5;
}

/* Storms ------------------------------------------------------------------- */

/* A remote is lost with all that it had; an empty one takes its place. */
static bool
lose_remote(struct world *w)
{
	unsigned k = (unsigned)fake_below(w->dice, w->o->remotes);

	calls += remote_fake_calls(w->remote[k]);
	remote_fake_free(w->remote[k]);
	w->life[k]++;
	w->remote[k] = remote_fake_new(w->seed + 1 + k +
	    (uint64_t)w->life[k] * 1000003);
	if (w->loud)
		printf("# remote %u is lost\n", k);
	return w->remote[k] != NULL;
}

/* The user of device i hears of it, and sets the new one. */
static bool
replace_remotes(struct world *w, unsigned i)
{
	const struct remote_fake_faults none = { .lose = 0 };
	const struct sync_opts o = { .offline = false };
	struct device *d = &w->d[i];
	char own[32];

	for (unsigned k = 0; k < w->o->remotes; k++) {
		if (d->life[k] == w->life[k])
			continue;
		remote_fake_faults(w->remote[k], &none);
		if (!ok(w, sync_remote_rm(d->v, url_of(k, d->life[k], own)),
		    "remote rm") || !ok(w, sync_remote_add(d->v,
		    url_of(k, w->life[k], own), &o), "remote add"))
			return false;
		d->life[k] = w->life[k];
	}
	return true;
}

enum blow { CALM, STOP, KILL, FAIL, FULL };

/* What this round meets: some remotes away or full. */
static void
weather(struct world *w)
{
	for (unsigned i = 0; i < w->o->remotes; i++) {
		struct remote_fake_faults f = w->faults;

		f.down = fake_below(w->dice, 5) == 0;
		f.full = fake_below(w->dice, 16) == 0;
		remote_fake_faults(w->remote[i], &f);
	}
}

/*
 * What this device's round meets.  What its user wrote is on the disk for
 * good before: to lose that would be the system's doing.
 */
static enum blow
strike(struct world *w, struct device *d)
{
	enum blow b = (enum blow)fake_below(w->dice, 7);
	int64_t at = fake_calls(d->fake) +
	    (int64_t)fake_below(w->dice, fake_below(w->dice, 2) == 0 ? 60 :
	    400);
	int fd = env_openat(d->env, ENV_CWD, "/v", O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0 || env_syncfs(d->env, fd) != 0)
		return CALM;
	(void)env_close(d->env, fd);
	if (b > FULL)
		b = CALM;
	if (b == STOP || b == KILL || b == FAIL)
		fake_fail_at(d->fake, at, EIO, b != FAIL);
	if (b == FULL)
		fake_set_space(d->fake, fake_below(w->dice, 4000));
	return b;
}

/* The storm is over: the machine starts again if it stopped. */
static bool
recover(struct world *w, unsigned i, enum blow b)
{
	struct device *d = &w->d[i];
	struct db *db;

	fake_fail_at(d->fake, -1, 0, false);
	fake_set_space(d->fake, UINT64_MAX);
	if (b != STOP && b != KILL)
		return true;
	close_device(d, &db);
	if (b == STOP)
		fake_crash(d->fake);
	if (w->loud)
		printf("# %s starts again\n", device_names[i]);
	return open_device(w, i, NULL, db);
}

/* What a round may answer when it was struck. */
static bool
fair_struck(enum zk_err r, enum blow b)
{
	int status = err_status(r);

	return fair(r) || (b != CALM && r != ZK_EBUG &&
	    (status == 1 || status == 3 || status == 21));
}

static bool
stormy_round(struct world *w, unsigned i, bool push)
{
	enum blow b;
	enum zk_err r;

	if (fake_below(w->dice, 40) == 0 && !lose_remote(w))
		return false;
	if (!replace_remotes(w, i))
		return false;
	weather(w);
	b = strike(w, &w->d[i]);
	r = run_some(w, i, push);
	if (!fair_struck(r, b)) {
		printf("# struck by %d\n", b);
		return ok(w, r, "a stormy round");
	}
	return recover(w, i, b);
}

/*
 * Sets the wall clock of bob by up to ten years, either way, from where it
 * is; never to before 1990, where a file system would not go either.
 */
static void
jump(struct world *w)
{
	struct device *d = &w->d[1];
	int64_t now = env_now_ms(d->env);

	now += (int64_t)fake_below(w->dice, 2 * TEN_YEARS_MS + 1) -
	    (int64_t)TEN_YEARS_MS;
	/*
	 * Not twice to one moment: a file of the same size written at the
	 * very nanosecond of its old times cannot be told by stat.
	 */
	if (now < YEAR_1990_MS)
		now = YEAR_1990_MS + (int64_t)fake_below(w->dice,
		    TEN_YEARS_MS);
	if (w->loud)
		printf("# bob's clock: %" PRId64 "\n", now);
	fake_set_wall(d->fake, now);
}

static void
fair_weather(struct world *w)
{
	for (unsigned i = 0; i < w->o->remotes; i++)
		remote_fake_faults(w->remote[i], &w->faults);
}

static bool
play(struct world *w)
{
	const struct remote_fake_faults f = { .lose = 40, .late = 40,
		.delay = 100, .twice = 60, .reorder = 200, .cut = 60 };
	const struct remote_fake_faults none = { .lose = 0 };

	if (fake_below(w->dice, 2) == 0)
		w->faults = f;
	fair_weather(w);
	for (uint64_t s = w->o->steps; s > 0; s--) {
		unsigned i = (unsigned)fake_below(w->dice, w->o->devices);
		uint64_t what = fake_below(w->dice, 3);
		enum zk_err r = ZK_OK;

		if (w->o->stops && fake_below(w->dice, 3) == 0)
			trade(w, w->d[i].env);
		for (uint64_t n = fake_below(w->dice, 4); n > 0; n--) {
			if (w->o->jumps && fake_below(w->dice, 2) == 0)
				jump(w);
			edit(w, &w->d[i]);
		}
		if (w->o->jumps)
			jump(w);
		if (w->o->values && w->o->storms && !replace_remotes(w, i))
			return false;
		if (w->o->values)
			r = values_write(w->d[i].v, w->dice, &w->sum);
		if (r != ZK_ENOENT && !fair(r))
			return ok(w, r, "values");
		r = ZK_OK;
		if (what > 0 && w->o->storms) {
			if (!stormy_round(w, i, what == 1))
				return false;
		} else if (what > 0) {
			r = run_some(w, i, what == 1);
		}
		if (!fair(r))
			return ok(w, r, "a round");
	}
	w->faults = none;
	fair_weather(w);
	for (unsigned i = 0; i < w->o->devices; i++)
		if (!replace_remotes(w, i))
			return false;
	return true;
}

static bool
rest(struct world *w, int rounds)
{
	for (int k = 0; k < rounds; k++)
		for (unsigned i = 0; i < w->o->devices; i++) {
			enum zk_err a = run(w, i, false, NULL, 0);
			enum zk_err b = run(w, i, true, NULL, 0);
			/* what a lost remote had comes with its author */
			bool early = k + 1 < rounds && w->o->storms;

			if (a != ZK_OK && a != ZK_ECONFLICT &&
			    !(early && a == ZK_EGAP))
				return ok(w, a, "a pull to come to rest");
			if (b != ZK_OK && b != ZK_ECONFLICT)
				return ok(w, b, "a push to come to rest");
		}
	return true;
}

/* Judging ------------------------------------------------------------------ */

static bool
same_trees(struct world *w, bool *seen)
{
	struct buf first, t;
	bool good = true;

	buf_init(&first, 1 << 20);
	dump(w->d[0].env, "/v", &first, seen);
	for (unsigned i = 1; good && i < w->o->devices; i++) {
		buf_init(&t, 1 << 20);
		dump(w->d[i].env, "/v", &t, seen);
		good = t.len == first.len && (t.len == 0 ||
		    memcmp(t.data, first.data, t.len) == 0);
		if (!good)
			printf("# seed %" PRIu64 ": trees differ:\n%s---"
			    " %s\n%s", w->seed, buf_cstr(&first),
			    device_names[i], buf_cstr(&t));
		buf_release(&t);
	}
	buf_release(&first);
	for (unsigned i = 0; !good && w->loud && i < w->o->devices; i++) {
		buf_init(&t, 1 << 20);
		(void)ok(w, list_dump(w->d[i].v->tree, &t), "dump");
		printf("merged tree of %s:\n%s", device_names[i],
		    buf_cstr(&t));
		buf_release(&t);
	}
	return good;
}

static bool
same_values(struct world *w)
{
	const struct sync_opts o = { .paths = NULL };
	struct sync_report rep;
	struct buf first, t;
	bool good = true;

	buf_init(&first, 1 << 20);
	for (unsigned i = 0; good && i < w->o->devices; i++) {
		int64_t sum = 0;

		buf_init(&t, 1 << 20);
		good = ok(w, values_dump(w->d[i].v, i == 0 ? &first : &t,
		    &sum), "reading values");
		/* which costs as much as all the rest */
		if (good && w->seed % 8 == 0)
			good = ok(w, sync_verify(w->d[i].v, &o, &rep),
			    "verify");
		if (good && sum != w->sum) {
			printf("# seed %" PRIu64 ": the sum is %" PRId64
			    ", not %" PRId64 "\n", w->seed, sum, w->sum);
			good = false;
		}
		if (good && i > 0 && strcmp(buf_cstr(&first), buf_cstr(&t))
		    != 0) {
			printf("# seed %" PRIu64 ": values differ:\n%s---\n"
			    "%s", w->seed, buf_cstr(&first), buf_cstr(&t));
			good = false;
		}
		buf_release(&t);
	}
	buf_release(&first);
	return good;
}

static bool
judge(struct world *w)
{
	bool seen[CONTENTS] = { false };
	bool good = same_trees(w, seen);
	size_t held;

	for (unsigned c = 0; c < w->contents; c++) {
		if (seen[c] || w->retired[c])
			continue;
		printf("# seed %" PRIu64 ": content %u is lost\n", w->seed,
		    c);
		good = false;
	}
	held = remote_fake_segs(w->remote[0]);
	good = good && rest(w, 1);
	if (good && remote_fake_segs(w->remote[0]) != held) {
		printf("# seed %" PRIu64 ": a round at rest wrote\n",
		    w->seed);
		good = false;
	}
	/* a blob may be missing that was nowhere when it was to be sent */
	held += remote_fake_recs(w->remote[0]);
	for (unsigned i = 1; good && i < w->o->remotes; i++) {
		size_t n = remote_fake_segs(w->remote[i]) +
		    remote_fake_recs(w->remote[i]);

		good = n == held;
		if (!good)
			printf("# seed %" PRIu64 ": %zu segments and records "
			    "on one remote, %zu on another\n", w->seed, held,
			    n);
	}
	return good;
}

bool
world_run(uint64_t seed, const struct world_opts *o, uint64_t *trace)
{
	struct world w = { .seed = seed, .o = o,
		.loud = getenv("SIM_LOUD") != NULL };
	bool good = world_make(&w) && play(&w) &&
	    rest(&w, o->devices == 2 ? 2 : 3) && judge(&w) &&
	    (!o->values || same_values(&w));

	*trace = 0;
	for (unsigned i = 0; i < o->devices; i++)
		if (w.d[i].fake != NULL)
			*trace = *trace * 31 + fake_trace(w.d[i].fake);
	world_free(&w);
	return good;
}
