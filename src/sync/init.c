/* Making a vault: on disk, and as its first member.  See vault.h, sync.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/key.h"
#include "crypto/sign.h"
#include "store/remotedb.h"
#include "store/store.h"
#include "sync/round.h"
#include "util/io.h"
#include "util/log.h"

enum zk_err
vault_name_check(const char *name)
{
	size_t n = strlen(name);
	struct buf b;
	enum zk_err r = n >= 1 && n <= SYNC_NAME_MAX ? ZK_OK : ZK_EUSAGE;

	buf_init(&b, SYNC_NAME_MAX * 5);
	/* what would have to be escaped on a terminal is no name */
	if (r == ZK_OK)
		r = log_escape(&b, name, n);
	if (r == ZK_OK && (b.len != n || memcmp(b.data, name, n) != 0))
		r = ZK_EUSAGE;
	buf_release(&b);
	if (r != ZK_EUSAGE)
		return r;
	log_error(ZK_EUSAGE, NULL, "'%.80s' is no name for a device: it takes "
	    "1 to %d bytes of printable UTF-8", name, SYNC_NAME_MAX);
	return ZK_EUSAGE;
}

void
vault_host_name(char out[static SYNC_NAME_MAX + 1])
{
	char host[256] = "";

	if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
		(void)memcpy(host, "device", sizeof("device"));
	host[strcspn(host, ".")] = '\0';
	memset(out, 0, SYNC_NAME_MAX + 1);
	memcpy(out, host, strnlen(host, SYNC_NAME_MAX));
}

/* The database of a new vault. */
static enum zk_err
make_db(const struct vault_make *m, const char *name, const char *path,
    struct root *root)
{
	struct db *db = NULL;
	uint8_t rec[32];
	int64_t id = 0;
	enum zk_err r = store_open(path, true, &db);

	if (r == ZK_OK)
		r = db_begin(db);
	if (r == ZK_OK)
		r = base_init(db);
	if (r == ZK_OK)
		r = store_put(db, "name", name, strlen(name));
	for (size_t i = 0; r == ZK_OK && i < m->recs_n; i++) {
		record_name(m->recs[i], m->recs_len[i], rec);
		r = remotedb_rec_put(db, rec, m->recs[i], m->recs_len[i]);
		if (r == ZK_EEXIST)
			r = ZK_OK;
	}
	for (size_t i = 0; r == ZK_OK && i < m->urls_n; i++)
		r = remotedb_add(db, m->urls[i], &id);
	if (r == ZK_EEXIST) {
		log_error(ZK_EUSAGE, NULL, "a remote is given twice");
		r = ZK_EUSAGE;
	}
	if (r == ZK_OK)
		r = db_commit(db);
	if (r == ZK_OK)
		r = root_check(root, db);
	db_close(db);
	return r;
}

static enum zk_err
make_state(const struct vault_make *m, const char *name, const char *dir,
    struct root *root)
{
	struct buf path;
	int fd = -1;
	enum zk_err r = io_mkdirs(m->env, dir, 0700);

	buf_init(&path, 8192);
	if (r == ZK_OK) {
		fd = env_openat(m->env, ENV_CWD, dir,
		    O_RDONLY | O_DIRECTORY, 0);
		r = fd < 0 ? err_from_errno(-fd) : ZK_OK;
	}
	if (r != ZK_OK)
		log_error(r, &(struct log_where){ .path = dir },
		    "cannot make '%s': %s", dir, err_text(r));
	if (r == ZK_OK)
		r = keys_save(m->env, fd, m->keys);
	if (r == ZK_OK)
		r = buf_printf(&path, "%s/vault.db", dir);
	if (r == ZK_OK)
		r = make_db(m, name, buf_cstr(&path), root);
	if (fd >= 0) {
		int e = env_fsync(m->env, fd);

		if (r == ZK_OK)
			r = err_from_errno(-e);
		(void)env_close(m->env, fd);
	}
	buf_release(&path);
	return r;
}

/* Makes the directory itself, and says whether it was not there. */
static enum zk_err
make_dir(struct env *env, const char *dir, bool *made)
{
	int e = env_mkdirat(env, ENV_CWD, dir, 0777);

	*made = e == 0;
	if (e == -EEXIST) {
		e = env_openat(env, ENV_CWD, dir,
		    O_RDONLY | O_DIRECTORY, 0);
		if (e >= 0)
			e = env_close(env, e);
		/* what else is wrong with it is told where it matters */
		e = e == -ENOTDIR ? e : 0;
	}
	if (e == 0)
		return ZK_OK;
	log_error(err_from_errno(-e), &(struct log_where){ .path = dir },
	    "cannot make '%s': %s", dir, strerror(-e));
	return err_from_errno(-e);
}

/*
 * Marks the root at abs as being made, so that what a kill leaves behind is
 * neither used nor in the way: making it again begins anew.
 */
static enum zk_err
mark_making(struct env *env, const char *abs)
{
	int fd = env_openat(env, ENV_CWD, abs, O_RDONLY | O_DIRECTORY, 0);
	int e, zk = fd;
	enum zk_err r = ZK_EBUG;

	if (fd < 0)
		return err_from_errno(-fd);
	e = env_mkdirat(env, fd, ".zk", 0700);
	if (e == 0 || e == -EEXIST)
		zk = env_open_beneath(env, fd, ".zk",
		    O_RDONLY | O_DIRECTORY, 0);
	r = e < 0 && e != -EEXIST ? err_from_errno(-e) :
	    zk < 0 ? err_from_errno(-zk) :
	    io_replace_file(env, zk, VAULT_MAKING, "", 0, 0600);
	if (zk >= 0 && zk != fd)
		(void)env_close(env, zk);
	(void)env_close(env, fd);
	return r;
}

/* Makes abs a root, or takes over what an interrupted attempt left there. */
static enum zk_err
make_root(const struct vault_make *m, const char *abs, struct root **root,
    bool *rooted)
{
	enum zk_err r = root_find(m->env, abs, true, root);

	*rooted = false;
	if (r == ZK_OK && strcmp(root_path(*root), abs) == 0 &&
	    vault_is_making(m->env, *root))
		return ZK_OK;
	if (r == ZK_OK) {
		log_error(ZK_EEXIST, &(struct log_where){ .path = abs },
		    "'%s' lies in a vault already", abs);
		return ZK_EEXIST;
	}
	r = mark_making(m->env, abs);
	if (r == ZK_OK)
		r = root_create(m->env, abs, NULL);
	*rooted = r == ZK_OK;
	if (r == ZK_OK)
		r = root_find(m->env, abs, false, root);
	if (r != ZK_OK)
		log_error(r, &(struct log_where){ .path = abs },
		    "cannot make a vault in '%s': %s", abs, err_text(r));
	return r;
}

/* From here on it is a vault. */
static enum zk_err
made_root(struct env *env, struct root *root)
{
	int e, fd = env_open_beneath(env, root_fd(root), ".zk",
	    O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		return err_from_errno(-fd);
	e = env_unlinkat(env, fd, VAULT_MAKING, 0);
	if (e == 0)
		e = env_fsync(env, fd);
	(void)env_close(env, fd);
	return e < 0 ? err_from_errno(-e) : ZK_OK;
}

/* Bytes at the start of path that name a directory which is there. */
static size_t
there(struct env *env, const char *path)
{
	struct env_stat st;
	size_t n = strlen(path);
	struct buf b;

	buf_init(&b, 65536);
	while (n > 0) {
		buf_reset(&b);
		if (buf_put(&b, path, n) != ZK_OK ||
		    env_statat(env, ENV_CWD, buf_cstr(&b), &st) == 0)
			break;
		while (n > 0 && path[n - 1] != '/')
			n--;
		while (n > 0 && path[n - 1] == '/')
			n--;
	}
	buf_release(&b);
	return n;
}

/* Removes path and those above it down to its first n bytes, if empty. */
static void
drop_dirs(struct env *env, const char *path, size_t n)
{
	size_t len = strlen(path);
	struct buf b;

	buf_init(&b, 65536);
	while (len > n) {
		buf_reset(&b);
		/* what another vault uses by now is not empty, and stays */
		if (buf_put(&b, path, len) != ZK_OK || env_unlinkat(env,
		    ENV_CWD, buf_cstr(&b), AT_REMOVEDIR) != 0)
			break;
		while (len > n && path[len - 1] != '/')
			len--;
		while (len > n && path[len - 1] == '/')
			len--;
	}
	buf_release(&b);
}

/* Removes the directories that were made for it, not what is in them. */
static void
drop_made(struct env *env, const char *dir, const char *state_home,
    const struct vault_made *made)
{
	if (made->dir)
		(void)env_unlinkat(env, ENV_CWD, dir, AT_REMOVEDIR);
	drop_dirs(env, state_home, made->state_there);
}

enum zk_err
vault_make(const struct vault_make *m, struct vault_made *made)
{
	char name[SYNC_NAME_MAX + 1];
	char *abs = NULL, *state = NULL;
	struct root *root = NULL;
	bool rooted = false;
	enum zk_err r = ZK_OK;

	made->dir = false;
	made->state_there = there(m->env, m->state_home);
	vault_host_name(name);
	if (m->name != NULL)
		r = vault_name_check(m->name);
	if (r != ZK_OK)
		return r;
	if (m->name != NULL)
		memcpy(name, m->name, strlen(m->name) + 1);
	r = make_dir(m->env, m->dir, &made->dir);
	if (r == ZK_OK)
		r = vault_abs(m->dir, &abs);
	if (r == ZK_OK)
		r = make_root(m, abs, &root, &rooted);
	if (r == ZK_OK)
		r = vault_state_path(m->state_home, root_marker(root),
		    &state);
	if (r == ZK_OK)
		r = io_remove_tree(m->env, ENV_CWD, state);
	/* nothing of an attempt that was killed: only then is ENOENT fine */
	if (r == ZK_ENOENT && state != NULL)
		r = ZK_OK;
	if (r == ZK_OK)
		r = make_state(m, name, state, root);
	if (r == ZK_OK)
		r = made_root(m->env, root);
	root_free(root);
	if (r != ZK_OK && rooted)
		vault_unmake(m->env, abs, m->state_home, made);
	else if (r != ZK_OK)
		drop_made(m->env, m->dir, m->state_home, made);
	free(abs);
	free(state);
	return r;
}

void
vault_unmake(struct env *env, const char *dir, const char *state_home,
    const struct vault_made *made)
{
	struct root *root = NULL;
	char *abs = NULL, *state = NULL;
	enum zk_err r = vault_abs(dir, &abs);

	if (r == ZK_OK)
		r = root_find(env, abs, false, &root);
	if (r == ZK_OK)
		r = vault_state_path(state_home, root_marker(root), &state);
	if (r == ZK_OK)
		r = io_remove_tree(env, ENV_CWD, state);
	if (r == ZK_OK)
		r = io_remove_tree(env, root_fd(root), ".zk");
	if (r != ZK_OK && abs != NULL)
		log_warn("cannot clean up '%s': %s", abs, err_text(r));
	root_free(root);
	drop_made(env, dir, state_home, made);
	free(abs);
	free(state);
}

/* Keys and the two records of a vault whose first member we are. */
struct founding {
	struct keys *keys;
	struct device_keys *dev;
	struct key *space_seed, *R, *E;
	struct signkey *space;
	struct buf genesis, rotate;
	uint8_t names[2][32];
	uint8_t vault[32], epoch[32];
};

static void
founding_release(struct founding *f)
{
	keys_free(f->keys);
	device_keys_free(f->dev);
	key_free(f->space_seed);
	key_free(f->R);
	key_free(f->E);
	signkey_free(f->space);
	buf_release(&f->genesis);
	buf_release(&f->rotate);
}

static enum zk_err
found_genesis(struct env *env, struct founding *f)
{
	struct record_genesis_opts o = { .env = env };
	enum zk_err r = keys_new(env, &f->keys);

	if (r == ZK_OK)
		r = device_keys_new(keys_device_seed(f->keys), &f->dev);
	if (r == ZK_OK)
		r = key_random(env, KEY_SIGN, &f->space_seed);
	if (r == ZK_OK)
		r = key_random(env, KEY_SEED, &f->R);
	if (r == ZK_OK)
		r = signkey_new(f->space_seed, &f->space);
	if (r != ZK_OK)
		return r;
	o.R = f->R;
	o.space = f->space;
	o.founder = f->dev;
	return record_genesis_make(&o, &f->genesis, f->names[0], f->vault);
}

static enum zk_err
found_epoch(struct env *env, struct founding *f)
{
	const struct device_pub *self = device_keys_pub(f->dev);
	struct record_ctx c = { .env = env, .R = f->R, .vault = f->vault,
		.heads = (const uint8_t (*)[RECORD_ID_LEN])f->names,
		.heads_n = 1, .author = f->dev };
	struct record_rotate_opts o = { .epoch_no = 1, .to = &self,
		.to_n = 1 };
	enum zk_err r = record_rotate_make(&c, &o, &f->rotate, f->names[1],
	    &f->E, f->epoch);

	if (r == ZK_OK)
		r = keys_set_vault(f->keys, f->vault, f->space_seed, f->R);
	if (r == ZK_OK)
		r = keys_epoch_add(f->keys, f->epoch, f->E);
	return r;
}

/* Creates the spaces and brings the records there. */
static enum zk_err
greet_all(const struct vault_init_opts *o)
{
	struct vault_opts vo = { .env = o->env, .dir = o->dir,
		.state_home = o->state_home };
	static const struct sync_opts none;
	struct sync_report rep = { .files = 0 };
	struct round rd = { .o = o->net == NULL ? &none : o->net,
		.rep = &rep };
	enum zk_err r = vault_open(&vo, &rd.v);

	if (r == ZK_OK)
		r = remotes_open(&rd);
	for (size_t i = 0; r == ZK_OK && i < rd.remotes_n; i++)
		r = remotes_greet(&rd, rd.remotes[i]);
	remotes_close(&rd);
	vault_close(rd.v);
	return r;
}

enum zk_err
vault_init(const struct vault_init_opts *o)
{
	struct founding f = { .keys = NULL };
	struct vault_made made;
	enum zk_err r = ZK_EBUG;

	buf_init(&f.genesis, RECORD_STORED_MAX);
	buf_init(&f.rotate, RECORD_STORED_MAX);
	r = found_genesis(o->env, &f);
	if (r == ZK_OK)
		r = found_epoch(o->env, &f);
	if (r == ZK_OK) {
		const uint8_t *recs[2] = { f.genesis.data, f.rotate.data };
		size_t lens[2] = { f.genesis.len, f.rotate.len };
		struct vault_make m = { .env = o->env, .dir = o->dir,
			.state_home = o->state_home, .name = o->name,
			.keys = f.keys, .recs = recs, .recs_len = lens,
			.recs_n = 2, .urls = o->urls, .urls_n = o->urls_n };

		r = vault_make(&m, &made);
	}
	if (r == ZK_OK && o->urls_n > 0) {
		r = greet_all(o);
		if (r != ZK_OK)
			vault_unmake(o->env, o->dir, o->state_home, &made);
	}
	founding_release(&f);
	return r;
}
