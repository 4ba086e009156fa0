/* One open vault: finding, locking, opening its parts.  See sync.h. */
#include "sync/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/hash.h"
#include "crypto/key.h"
#include "crypto/labels.h"
#include "crypto/sign.h"
#include "store/store.h"
#include "util/hex.h"
#include "util/log.h"

#define LOCK_STEP_MS 50		/* between two tries for the lock */

const uint8_t *
vault_id(const struct vault *v)
{
	return keys_vault(v->keys);
}

const uint8_t *
vault_device(const struct vault *v)
{
	return device_keys_id(v->dev);
}

const char *
vault_root(const struct vault *v)
{
	return root_path(v->root);
}

const char *
vault_device_name(const struct vault *v)
{
	return v->name;
}

enum zk_err
vault_setting(struct vault *v, const char *name, char *out, size_t cap)
{
	enum zk_err r = ZK_EBUG;
	struct buf b, key;

	buf_init(&b, cap > 0 ? cap - 1 : 0);
	buf_init(&key, 128);
	r = buf_printf(&key, "set.%s", name);
	if (r == ZK_OK)
		r = store_get(v->db, buf_cstr(&key), &b);
	if (r == ZK_OK) {
		memcpy(out, b.data, b.len);
		out[b.len] = '\0';
	}
	buf_release(&key);
	buf_release(&b);
	return r;
}

enum zk_err
vault_abs(const char *dir, char **out)
{
	char *p = NULL;

	*out = NULL;
	p = dir[0] == '/' ? strdup(dir) : realpath(dir, NULL);
	if (p == NULL) {
		enum zk_err r = err_from_errno(errno);

		log_error(r, &(struct log_where){ .path = dir },
		    "cannot find '%s': %s", dir, strerror(errno));
		return r == ZK_ENOENT ? ZK_ENOVAULT : r;
	}
	for (size_t n = strlen(p); n > 1 && p[n - 1] == '/'; n--)
		p[n - 1] = '\0';
	*out = p;
	return ZK_OK;
}

enum zk_err
vault_state_path(const char *state_home,
    const uint8_t marker[static BASE_MARKER_LEN], char **out)
{
	struct buf b;
	size_t len = 0;

	buf_init(&b, 8192);
	(void)buf_printf(&b, "%s/", state_home);
	(void)hex_put(&b, marker, BASE_MARKER_LEN);
	(void)buf_u8(&b, 0);
	*out = NULL;
	if (buf_err(&b) == ZK_OK)
		*out = (char *)buf_take(&b, &len);
	buf_release(&b);
	return *out == NULL ? ZK_ENOMEM : ZK_OK;
}

/* Takes the lock of the state directory, waiting up to wait_ms. */
static enum zk_err
lock(struct vault *v, const struct vault_opts *o)
{
	int64_t until = env_mono_ms(v->env) + o->lock_wait_ms;
	int fd = env_openat(v->env, v->state_fd, "lock",
	    O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	int e = 0;

	if (fd < 0) {
		log_error(err_from_errno(-fd), NULL,
		    "cannot open the lock in '%s': %s", v->state_dir,
		    strerror(-fd));
		return err_from_errno(-fd);
	}
	for (;;) {
		e = env_flock(v->env, fd);
		if (e != -EWOULDBLOCK || env_mono_ms(v->env) >= until)
			break;
		if (o->stop != NULL && o->stop()) {
			(void)env_close(v->env, fd);
			return ZK_ESIGNAL;
		}
		env_sleep_ms(v->env, LOCK_STEP_MS);
	}
	if (e == 0) {
		v->lock_fd = fd;
		return ZK_OK;
	}
	(void)env_close(v->env, fd);
	if (e != -EWOULDBLOCK)
		return err_from_errno(-e);
	if (o->try_lock)
		return ZK_ELOCKED;
	log_error(ZK_ELOCKED, NULL, "another zk is at work in '%s': wait for"
	    " it, or use --lock-wait", root_path(v->root));
	return ZK_ELOCKED;
}

static enum zk_err
open_state(struct vault *v, const struct vault_opts *o)
{
	enum zk_err r = vault_state_path(o->state_home, root_marker(v->root),
	    &v->state_dir);

	if (r != ZK_OK)
		return r;
	v->state_fd = env_openat(v->env, ENV_CWD, v->state_dir,
	    O_RDONLY | O_DIRECTORY, 0);
	if (v->state_fd == -ENOENT) {
		log_error(ZK_ENOVAULT, NULL, "this device does not know the "
		    "vault in '%s': join it with 'zk pair --join' into an "
		    "empty folder", root_path(v->root));
		return ZK_ENOVAULT;
	}
	if (v->state_fd < 0) {
		log_error(err_from_errno(-v->state_fd), NULL,
		    "cannot open '%s': %s", v->state_dir,
		    strerror(-v->state_fd));
		return err_from_errno(-v->state_fd);
	}
	return o->no_lock ? ZK_OK : lock(v, o);
}

enum zk_err
vault_log_open(struct vault *v)
{
	signkey_free(v->log);
	v->log = NULL;
	enum zk_err r = signkey_new(keys_log(v->keys), &v->log);

	if (r == ZK_OK)
		hash_bytes(LABEL_HASH_LOG, signkey_pk(v->log), SIGN_PK_LEN,
		    v->log_id);
	return r;
}

static enum zk_err
open_keys(struct vault *v)
{
	enum zk_err r = v->keys != NULL ? ZK_OK :
	    keys_load(v->env, v->state_fd, &v->keys);

	if (r == ZK_ENOENT || (r == ZK_OK && keys_vault(v->keys) == NULL)) {
		log_error(ZK_ENOVAULT, NULL, "the keys in '%s' are missing: "
		    "restore them, or join again as a new device",
		    v->state_dir);
		return ZK_ENOVAULT;
	}
	if (r != ZK_OK)
		return r;
	r = device_keys_new(keys_device_seed(v->keys), &v->dev);
	if (r == ZK_OK)
		r = signkey_new(keys_space(v->keys), &v->space);
	if (r == ZK_OK)
		r = vault_log_open(v);
	if (r == ZK_OK)
		hash_bytes(LABEL_HASH_SPACE, signkey_pk(v->space),
		    SIGN_PK_LEN, v->locator);
	return r;
}

static enum zk_err
open_db(struct vault *v)
{
	enum zk_err r = ZK_EBUG;
	struct buf b;

	buf_init(&b, 8192);
	r = buf_printf(&b, "%s/vault.db", v->state_dir);
	if (r == ZK_OK && v->db == NULL)
		r = store_open(buf_cstr(&b), false, &v->db);
	buf_release(&b);
	if (r != ZK_OK)
		return r;
	buf_init(&b, SYNC_NAME_MAX);
	r = store_get(v->db, "name", &b);
	if (r == ZK_OK) {
		memcpy(v->name, b.data, b.len);
		v->name[b.len] = '\0';
	}
	buf_release(&b);
	return r == ZK_ENOENT ? ZK_ETAMPER : r;
}

enum zk_err
vault_open_parts(struct vault *v)
{
	enum zk_err r = open_keys(v);

	if (r == ZK_OK)
		r = open_db(v);
	if (r == ZK_OK)
		r = root_check(v->root, v->db);
	if (r == ZK_OK)
		r = segcache_new(&v->cache);
	if (r == ZK_OK)
		r = treedb_new(v->db, &v->td);
	if (r != ZK_OK)
		return r;
	v->tree = treedb_tree(v->td);
	return records_load(v);
}

static enum zk_err
default_opener(void *arg, const char *url, const struct transport_opts *opts,
    struct transport **out)
{
	(void)arg;
	return transport_open(url, opts, out);
}

/* A vault with nothing open. */
static struct vault *
blank(struct env *env)
{
	struct vault *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return NULL;
	v->env = env;
	v->state_fd = -1;
	v->lock_fd = -1;
	v->opener = default_opener;
	return v;
}

bool
vault_is_making(struct env *env, const struct root *root)
{
	struct env_stat st;

	return env_statat(env, root_fd(root), ".zk/" VAULT_MAKING, &st) == 0;
}

/* No root was found there, or above: says why. */
static enum zk_err
none_in(struct env *env, const char *dir, enum zk_err r)
{
	struct log_where where = { .path = dir };
	struct env_stat st;
	int e = env_statat(env, ENV_CWD, dir, &st);

	if (e == 0 && !S_ISLNK(st.mode) && !S_ISDIR(st.mode)) {
		log_error(ZK_ENOVAULT, &where, "'%s' is no folder", dir);
		return ZK_ENOVAULT;
	}
	if (r == ZK_ENOVAULT && e == -ENOENT)
		log_error(r, &where, "there is no folder '%s'", dir);
	else if (r == ZK_ENOVAULT)
		log_error(r, NULL, "no vault in '%s' or above it: make one "
		    "with 'zk init', or join one with 'zk pair --join'", dir);
	else if (r == ZK_EROOT)
		log_error(r, &where, "the .zk in '%s' or above it has lost its "
		    "marker: put .zk/marker back, or move .zk away and join "
		    "again with 'zk pair --join'", dir);
	else if (r != ZK_ENOMEM)
		log_error(r, &where, "cannot look into '%s': %s", dir,
		    err_text(r));
	return r;
}

/* Finds the root, opens the state directory and locks it. */
static enum zk_err
find(const struct vault_opts *o, struct vault **out)
{
	enum zk_err r = ZK_EBUG;
	struct vault *v = blank(o->env);
	char *dir = NULL;

	*out = NULL;
	if (v == NULL)
		return ZK_ENOMEM;
	/* the keys file is written by who holds the lock */
	v->dry = o->no_lock;
	r = vault_abs(o->dir, &dir);
	if (r == ZK_OK)
		r = root_find(o->env, dir, true, &v->root);
	if (r != ZK_OK && dir != NULL)
		r = none_in(o->env, dir, r);
	if (r == ZK_OK && vault_is_making(o->env, v->root)) {
		log_error(ZK_ENOVAULT, NULL, "making the vault in '%s' was "
		    "interrupted: do it again", root_path(v->root));
		r = ZK_ENOVAULT;
	}
	if (r == ZK_OK)
		r = open_state(v, o);
	free(dir);
	if (r != ZK_OK)
		vault_close(v);
	else
		*out = v;
	return r;
}

enum zk_err
vault_open(const struct vault_opts *o, struct vault **out)
{
	struct vault *v = NULL;
	enum zk_err r = find(o, &v);

	*out = NULL;
	if (r != ZK_OK)
		return r;
	r = vault_open_parts(v);
	if (r == ZK_ETAMPER) {
		/* the page that failed says little: name all the damage */
		if (v->db != NULL)
			r = err_worse(r, db_check(v->db));
		log_error(r, &(struct log_where){ .path = v->state_dir },
		    VAULT_DAMAGED, v->state_dir);
	}
	if (r == ZK_OK)
		*out = v;
	else
		vault_close(v);
	return r;
}

enum zk_err
vault_assemble(const struct vault_parts *p, struct vault **out)
{
	enum zk_err r = ZK_ENOMEM;
	struct vault *v = blank(p->env);

	*out = NULL;
	if (v == NULL) {
		keys_free(p->keys);
		db_close(p->db);
		return r;
	}
	v->keys = p->keys;
	v->db = p->db;
	v->opener = p->opener;
	v->opener_arg = p->opener_arg;
	v->state_dir = strdup(p->state);
	r = v->state_dir == NULL ? ZK_ENOMEM :
	    root_find(p->env, p->dir, false, &v->root);
	if (r == ZK_OK) {
		v->state_fd = env_openat(v->env, ENV_CWD, p->state,
		    O_RDONLY | O_DIRECTORY, 0);
		r = v->state_fd < 0 ? err_from_errno(-v->state_fd) : ZK_OK;
	}
	if (r == ZK_OK)
		r = vault_open_parts(v);
	if (r == ZK_OK)
		*out = v;
	else
		vault_close(v);
	return r;
}

enum zk_err
vault_reattach(const struct vault_opts *o)
{
	struct vault *v = NULL;
	enum zk_err r = find(o, &v);

	if (r != ZK_OK)
		return r;
	r = open_keys(v);
	if (r == ZK_OK)
		r = open_db(v);
	if (r == ZK_OK)
		r = root_reattach(v->root, v->db);
	/* base is empty: the next landing looks at every directory */
	if (r == ZK_OK)
		r = store_put_int(v->db, "relook", 1);
	vault_close(v);
	return r;
}

void
vault_close(struct vault *v)
{
	if (v == NULL)
		return;
	members_free(v->members);
	for (size_t i = 0; i < v->recs_n; i++)
		record_free(v->recs[i]);
	free(v->recs);
	segcache_free(v->cache);
	treedb_free(v->td);
	db_close(v->db);
	signkey_free(v->log);
	signkey_free(v->space);
	device_keys_free(v->dev);
	keys_free(v->keys);
	root_free(v->root);
	if (v->lock_fd >= 0)
		(void)env_close(v->env, v->lock_fd);
	if (v->state_fd >= 0)
		(void)env_close(v->env, v->state_fd);
	free(v->state_dir);
	free(v);
}
