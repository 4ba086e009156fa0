#include "tree/root.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/hex.h"
#include "util/io.h"
#include "util/log.h"
#include "util/path.h"

#define ZK_DIR ".zk"
#define MARKER_TEXT (BASE_MARKER_LEN * 2 + 1)	/* hex and a newline */

struct root {
	struct env *env;
	char *path;
	int fd;
	int tmp;		/* .zk/tmp, -1 until asked for */
	int parent;		/* the directory at parent_path, or -1 */
	char *parent_path;
	uint8_t marker[BASE_MARKER_LEN];
};

static enum zk_err
read_marker(struct env *env, int fd, uint8_t out[BASE_MARKER_LEN])
{
	char text[MARKER_TEXT + 1];
	size_t got = 0;
	int m = env_open_beneath(env, fd, ZK_DIR "/marker", O_RDONLY, 0);
	enum zk_err r;

	if (m < 0)	/* there is none, or what is no file of ours */
		return m == -ENOENT || m == -ENOTDIR || m == -ELOOP ||
		    m == -EXDEV ? ZK_EROOT : err_from_errno(-m);
	r = io_read_some(env, m, text, sizeof(text), &got);
	(void)env_close(env, m);
	if (r != ZK_OK)
		return r;
	if (got != MARKER_TEXT || text[MARKER_TEXT - 1] != '\n')
		return ZK_EROOT;
	return hex_get(text, MARKER_TEXT - 1, out, BASE_MARKER_LEN) == ZK_OK ?
	    ZK_OK : ZK_EROOT;
}

static enum zk_err
write_marker(struct env *env, int zk, const uint8_t m[BASE_MARKER_LEN])
{
	char text[MARKER_TEXT];

	hex_text(m, BASE_MARKER_LEN, text);
	text[MARKER_TEXT - 1] = '\n';
	return io_replace_file(env, zk, "marker", text, sizeof(text), 0600);
}

/* Opens a directory, making it first if need be. */
static int
make_dir(struct env *env, int at, const char *name)
{
	int e = env_mkdirat(env, at, name, 0700);

	if (e < 0 && e != -EEXIST)
		return e;
	return env_open_beneath(env, at, name, O_RDONLY | O_DIRECTORY, 0);
}

static enum zk_err
fill_zk(struct env *env, int zk, const uint8_t *marker)
{
	static const char *const dirs[] = { "tmp", "trash" };
	uint8_t m[BASE_MARKER_LEN];

	for (size_t i = 0; i < 2; i++) {
		int fd = make_dir(env, zk, dirs[i]);

		if (fd < 0)
			return err_from_errno(-fd);
		(void)env_close(env, fd);
	}
	if (marker != NULL)
		memcpy(m, marker, sizeof(m));
	else
		env_random(env, m, sizeof(m));
	return write_marker(env, zk, m);
}

enum zk_err
root_create(struct env *env, const char *dir, const uint8_t *marker)
{
	struct root *above = NULL;
	int fd, zk;
	enum zk_err r = root_find(env, dir, true, &above);

	root_free(above);
	if (r == ZK_OK)
		return ZK_EEXIST;
	/* a .zk without marker: an earlier attempt that was killed */
	fd = env_openat(env, ENV_CWD, dir, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return err_from_errno(-fd);
	zk = make_dir(env, fd, ZK_DIR);
	if (zk < 0) {
		(void)env_close(env, fd);
		return err_from_errno(-zk);
	}
	r = fill_zk(env, zk, marker);
	(void)env_close(env, zk);
	if (r == ZK_OK && env_fsync(env, fd) < 0)
		r = ZK_EIO;
	(void)env_close(env, fd);
	return r;
}

/* Is dir a root?  ZK_ENOENT if it has no .zk; ZK_EPERM if that is not shown. */
static enum zk_err
try_dir(struct env *env, const char *dir, struct root **out)
{
	struct env_stat st;
	struct root *r = NULL;
	int e, fd = env_openat(env, ENV_CWD, dir, O_RDONLY | O_DIRECTORY, 0);
	enum zk_err err;

	if (fd < 0)
		return err_from_errno(-fd);
	e = env_statat(env, fd, ZK_DIR, &st);
	if (e < 0 || !S_ISDIR(st.mode)) {
		(void)env_close(env, fd);
		return e == -ENOENT || e == 0 ? ZK_ENOENT :
		    err_from_errno(-e);
	}
	r = calloc(1, sizeof(*r));
	if (r == NULL) {
		(void)env_close(env, fd);
		return ZK_ENOMEM;
	}
	r->env = env;
	r->fd = fd;
	r->tmp = r->parent = -1;
	r->path = strdup(dir);
	err = r->path != NULL ? read_marker(env, fd, r->marker) : ZK_ENOMEM;
	if (err == ZK_OK) {
		*out = r;
		return ZK_OK;
	}
	root_free(r);
	return err;
}

enum zk_err
root_find(struct env *env, const char *dir, bool upward, struct root **out)
{
	char *at = strdup(dir);
	enum zk_err none = ZK_ENOVAULT, r = ZK_ENOMEM;

	*out = NULL;
	while (at != NULL) {
		char *slash;

		r = try_dir(env, at, out);
		/* those above may be anybody's; dir may be the one */
		if (r == ZK_EPERM && strcmp(at, dir) == 0)
			none = r;
		if (r != ZK_ENOENT && r != ZK_EPERM)
			break;
		r = none;
		slash = strrchr(at, '/');
		if (!upward || slash == NULL || strcmp(at, "/") == 0)
			break;
		slash[slash == at] = '\0';
	}
	free(at);
	return r;
}

void
root_free(struct root *r)
{
	if (r == NULL)
		return;
	root_forget(r);
	if (r->tmp >= 0)
		(void)env_close(r->env, r->tmp);
	(void)env_close(r->env, r->fd);
	free(r->path);
	free(r);
}

const char *
root_path(const struct root *r)
{
	return r->path;
}

const uint8_t *
root_marker(const struct root *r)
{
	return r->marker;
}

struct env *
root_env(const struct root *r)
{
	return r->env;
}

int
root_fd(const struct root *r)
{
	return r->fd;
}

enum zk_err
root_id(struct root *r, struct base_rootid *out)
{
	struct env_stat st;
	struct env_fsinfo fs;
	size_t n = strlen(r->path);
	int e = env_fstat(r->env, r->fd, &st);

	memset(out, 0, sizeof(*out));
	if (e == 0)
		e = env_fsinfo(r->env, r->fd, &fs);
	if (e < 0)
		return err_from_errno(-e);
	if (n >= sizeof(out->path))
		return ZK_ELIMIT;
	memcpy(out->marker, r->marker, BASE_MARKER_LEN);
	memcpy(out->path, r->path, n);
	out->fsid = fs.id;
	out->ino = st.ino;
	return ZK_OK;
}

enum zk_err
root_lost(const struct root *r, enum zk_err why)
{
	const struct log_where w = { r->path, NULL };

	switch (why) {
	case ZK_ENOMEM:
		return why;
	case ZK_EDISKFULL:
		log_error(why, &w, "'%s': %s", r->path, err_text(why));
		return why;
	case ZK_OK:
	case ZK_ENOENT:
	case ZK_EROOT:
		log_error(ZK_EROOT, &w, "'%s' has lost its .zk folder",
		    r->path);
		return ZK_EROOT;
	default:
		log_error(ZK_EROOT, &w, "the vault's folder '%s' cannot be "
		    "read: %s", r->path, err_text(why));
		return ZK_EROOT;
	}
}

static bool
same_root(const struct base_rootid *a, const struct base_rootid *b)
{
	return a->fsid == b->fsid && a->ino == b->ino &&
	    memcmp(a->marker, b->marker, BASE_MARKER_LEN) == 0;
}

enum zk_err
root_check(struct root *r, struct db *db)
{
	struct base_rootid now, was;
	uint8_t marker[BASE_MARKER_LEN];
	const struct log_where w = { r->path, NULL };
	enum zk_err e = root_id(r, &now);

	if (e == ZK_OK)
		e = base_rootid_get(db, &was);
	if (e == ZK_ENOENT)
		return base_rootid_set(db, &now);
	if (e != ZK_OK)
		return e;
	e = read_marker(r->env, r->fd, marker);
	if (e == ZK_OK && memcmp(marker, r->marker, sizeof(marker)) != 0)
		e = ZK_EROOT;
	if (e != ZK_OK)
		return root_lost(r, e);
	if (!same_root(&now, &was)) {
		log_error(ZK_EROOT, &w, "'%s' is not the folder that this"
		    " vault was kept in: 'zk init --reattach %s' accepts it",
		    r->path, r->path);
		return ZK_EROOT;
	}
	return strcmp(now.path, was.path) == 0 ? ZK_OK :
	    base_rootid_set(db, &now);
}

/* ZK_EREFUSED if what db remembers may be at its path yet, and is not r. */
static enum zk_err
old_is_gone(struct root *r, const struct base_rootid *was,
    const struct base_rootid *now)
{
	struct log_where where = { was->path, NULL };
	struct root *old = NULL;
	struct base_rootid id;
	enum zk_err e = ZK_ENOVAULT;

	if (!same_root(was, now) && was->path[0] == '/')
		e = root_find(r->env, was->path, false, &old);
	if (e == ZK_OK)
		e = root_id(old, &id);
	root_free(old);
	if (e == ZK_ENOVAULT || e == ZK_EROOT ||
	    (e == ZK_OK && !same_root(&id, was)))
		return ZK_OK;
	if (e == ZK_OK)
		log_error(ZK_EREFUSED, &where,
		    "'%s' is still there: move or delete it first", was->path);
	else
		log_error(ZK_EREFUSED, &where, "'%s' may still be there, it "
		    "cannot be looked into: %s", was->path, err_text(e));
	return ZK_EREFUSED;
}

enum zk_err
root_reattach(struct root *r, struct db *db)
{
	struct base_rootid now, was;
	enum zk_err e = root_id(r, &now);

	if (e != ZK_OK)
		return e;
	e = base_rootid_get(db, &was);
	if (e == ZK_OK)
		e = old_is_gone(r, &was, &now);
	if (e != ZK_OK && e != ZK_ENOENT)
		return e;
	e = base_begin(db);
	if (e != ZK_OK)
		return e;
	e = base_clear(db);
	if (e == ZK_OK)
		e = base_rootid_set(db, &now);
	if (e == ZK_OK)
		e = base_commit(db);
	if (e != ZK_OK)
		base_rollback(db);
	return e;
}

int
root_open(struct root *r, const char *path, int flags, unsigned mode)
{
	return env_open_beneath(r->env, r->fd, path[0] != '\0' ? path : ".",
	    flags | O_NOFOLLOW, mode);
}

void
root_forget(struct root *r)
{
	if (r->parent >= 0)
		(void)env_close(r->env, r->parent);
	r->parent = -1;
	free(r->parent_path);
	r->parent_path = NULL;
}

int
root_parent(struct root *r, const char *path, const char **last)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash != NULL ? (size_t)(slash - path) : 0;

	*last = slash != NULL ? slash + 1 : path;
	if (n == 0)
		return r->fd;
	if (r->parent_path != NULL && strncmp(r->parent_path, path, n) == 0 &&
	    r->parent_path[n] == '\0')
		return r->parent;
	root_forget(r);
	r->parent_path = strndup(path, n);
	if (r->parent_path == NULL)
		return -ENOMEM;
	r->parent = root_open(r, r->parent_path, O_RDONLY | O_DIRECTORY, 0);
	if (r->parent < 0) {
		int e = r->parent;

		r->parent = -1;
		root_forget(r);
		return e;
	}
	return r->parent;
}

int
root_tmp(struct root *r)
{
	int zk;

	if (r->tmp >= 0)
		return r->tmp;
	zk = root_open(r, ZK_DIR, O_RDONLY | O_DIRECTORY, 0);
	if (zk < 0)
		return zk;
	r->tmp = make_dir(r->env, zk, "tmp");
	(void)env_close(r->env, zk);
	return r->tmp;
}

enum zk_err
root_local_ignore(struct root *r, struct buf *out)
{
	int fd = root_open(r, ZK_DIR, O_RDONLY | O_DIRECTORY, 0);
	enum zk_err e;

	if (fd < 0)
		return fd == -ENOENT ? ZK_EROOT : err_from_errno(-fd);
	e = io_read_file(r->env, fd, "ignore", out);
	(void)env_close(r->env, fd);
	return e == ZK_ENOENT ? ZK_OK : e;
}
