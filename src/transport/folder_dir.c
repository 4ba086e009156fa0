#include "transport/folder_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "util/buf.h"
#include "util/env.h"
#include "util/hex.h"
#include "util/io.h"
#include "util/log.h"

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW)

static const char *const subdirs[] = { "seg", "head", "rec", "blob", "tmp" };

enum zk_err
folder_dir_fail(struct folder *f, int e, const char *what, const char *name)
{
	struct log_where w = { .path = name, .remote = f->t.url };
	enum zk_err r;

	f->t.why = NULL;
	e = e < 0 ? -e : e;
	switch (e) {
	case ENOENT:
		return ZK_ENOENT;
	case ENOSPC:
	case EDQUOT:
		r = ZK_EREMOTEFULL;
		break;
	case EACCES:
	case EPERM:
	case EROFS:
		r = ZK_EPERM;
		break;
	case ENOMEM:
		r = ZK_ENOMEM;
		break;
	default:
		r = ZK_ENET;	/* a mount that went away looks so */
		f->stale = true;
		break;
	}
	log_error(r, &w, "cannot %s '%s' in %s: %s", what, name, f->t.url,
	    strerror(e));
	return r;
}

/*
 * Makes durable what is in base, once in a run where nothing was made in it: a
 * directory that is there may be from one that was cut off before that.  0 or
 * -errno.
 */
static int
settle(struct folder *f, int base, bool made)
{
	struct env *env = f->t.opts.env;
	struct env_stat st;
	int e = env_fstat(env, base, &st);

	for (unsigned i = 0; e == 0 && !made && i < f->settled_n; i++)
		if (f->settled[i].ino == st.ino && f->settled[i].dev == st.dev)
			return 0;
	if (e == 0)
		e = env_fsync(env, base);
	if (e < 0)
		f->settled_n = 0;
	else if (f->settled_n < FOLDER_SETTLED) {
		f->settled[f->settled_n].ino = st.ino;
		f->settled[f->settled_n++].dev = st.dev;
	}
	return e;
}

int
folder_dir_sub(struct folder *f, int base, const char *path, bool make)
{
	struct env *env = f->t.opts.env;
	int fd = env_openat(env, base, path, DIR_FLAGS, 0);
	bool made = fd == -ENOENT;
	int e;

	if (!make || (fd < 0 && !made))
		return fd;
	if (made) {
		e = env_mkdirat(env, base, path, 0777);
		if (e < 0 && e != -EEXIST)
			return e;
		fd = env_openat(env, base, path, DIR_FLAGS, 0);
	}
	e = fd < 0 ? 0 : settle(f, base, made);
	if (e < 0) {
		(void)env_close(env, fd);
		return e;
	}
	return fd;
}

/* Opens DIR, which is made if make and its parent is there. */
static enum zk_err
open_top(struct folder *f, bool make, int *out)
{
	struct env *env = f->t.opts.env;
	struct log_where w = { .path = f->path, .remote = f->t.url };
	int fd = env_openat(env, ENV_CWD, f->path, O_RDONLY | O_DIRECTORY, 0);
	int up = -1;

	if (fd == -ENOENT && make &&
	    env_mkdirat(env, ENV_CWD, f->path, 0777) == 0)
		fd = env_openat(env, ENV_CWD, f->path,
		    O_RDONLY | O_DIRECTORY, 0);
	*out = fd;
	/* as far as it may be: it can be the root of a disk */
	if (fd >= 0 && make)
		up = env_openat(env, fd, "..", O_RDONLY | O_DIRECTORY, 0);
	if (up >= 0) {
		(void)settle(f, up, false);
		(void)env_close(env, up);
	}
	if (fd >= 0)
		return ZK_OK;
	if (fd != -ENOENT)
		return folder_dir_fail(f, fd, "open", f->path);
	f->t.why = "the folder is not there";
	log_error(ZK_ENET, &w, "the folder '%s' is not there", f->path);
	return ZK_ENET;
}

/* ZK_ENOENT, ZK_EFORMAT: there is none.  What else is wrong is logged. */
static enum zk_err
read_gen(struct folder *f, int dir)
{
	struct buf b;
	enum zk_err r;

	buf_init(&b, 2 * FOLDER_GEN_LEN);
	r = io_read_file(f->t.opts.env, dir, "gen", &b);
	if (r == ZK_ELIMIT || (r == ZK_OK && hex_get((const char *)b.data,
	    b.len, f->gen, FOLDER_GEN_LEN) != ZK_OK))
		r = ZK_EFORMAT;
	buf_release(&b);
	if (r == ZK_OK || r == ZK_ENOENT || r == ZK_EFORMAT)
		return r;
	return folder_dir_fail(f, r == ZK_ENOMEM ? ENOMEM :
	    r == ZK_EPERM ? EACCES : EIO, "read", "gen");
}

static enum zk_err
write_gen(struct folder *f, int dir)
{
	uint8_t gen[FOLDER_GEN_LEN];
	char hex[2 * FOLDER_GEN_LEN + 1];

	env_random(f->t.opts.env, gen, sizeof(gen));
	hex_text(gen, sizeof(gen), hex);
	return io_replace_file(f->t.opts.env, dir, "gen", hex,
	    2 * FOLDER_GEN_LEN, 0666);
}

static void
space_name(const struct folder *f, char out[static NAMES_CAP])
{
	if (f->t.opts.locator == NULL)
		BUG("a folder remote without a space");
	hex_text(f->t.opts.locator, TRANSPORT_NAME_LEN, out);
}

enum zk_err
folder_dir_open(struct folder *f)
{
	struct env *env = f->t.opts.env;
	struct log_where w = { .path = f->path, .remote = f->t.url };
	char name[NAMES_CAP];
	enum zk_err r;
	int top = -1;
	int fd;

	if (f->stale)
		folder_dir_close(f);
	if (f->dir >= 0)
		return ZK_OK;
	space_name(f, name);
	r = open_top(f, false, &top);
	if (r != ZK_OK)
		return r;
	fd = env_openat(env, top, name, DIR_FLAGS, 0);
	(void)env_close(env, top);
	if (fd < 0 && fd != -ENOENT)
		return folder_dir_fail(f, fd, "open", name);
	r = fd < 0 ? ZK_ENOENT : read_gen(f, fd);
	if (r == ZK_OK) {
		f->dir = fd;
		return ZK_OK;
	}
	if (fd >= 0)
		(void)env_close(env, fd);
	if (r != ZK_ENOENT && r != ZK_EFORMAT)
		return r;
	f->t.why = "the folder does not hold this vault";
	log_error(ZK_ENET, &w, "'%s' does not hold this vault", f->path);
	return ZK_ENET;
}

void
folder_dir_close(struct folder *f)
{
	if (f->dir >= 0)
		(void)env_close(f->t.opts.env, f->dir);
	f->dir = -1;
	f->stale = false;
}

/* What writers that were killed left in tmp/ more than a day ago. */
static enum zk_err
drop_old(void *arg, const char *name)
{
	struct folder *f = arg;
	struct env *env = f->t.opts.env;
	char path[NAMES_CAP + 8] = "tmp/";
	struct env_stat st;
	size_t n = strlen(name);

	if (n >= NAMES_CAP)
		return ZK_OK;
	memcpy(path + 4, name, n + 1);
	if (env_statat(env, f->dir, path, &st) == 0 &&
	    st.mtime.sec < env_now(env).sec - 86400)
		(void)env_unlinkat(env, f->dir, path, 0);
	return ZK_OK;
}

static enum zk_err
make_space(struct folder *f, int top)
{
	struct env *env = f->t.opts.env;
	char name[NAMES_CAP];
	enum zk_err r = ZK_OK;
	int fd;

	space_name(f, name);
	fd = folder_dir_sub(f, top, name, true);
	if (fd < 0)
		return folder_dir_fail(f, fd, "make", name);
	for (size_t i = 0; i < sizeof(subdirs) / sizeof(subdirs[0]); i++) {
		int sub = folder_dir_sub(f, fd, subdirs[i], true);

		if (sub < 0) {
			r = folder_dir_fail(f, sub, "make", subdirs[i]);
			goto out;
		}
		(void)env_close(env, sub);
	}
	r = read_gen(f, fd);
	if (r == ZK_ENOENT || r == ZK_EFORMAT)
		r = write_gen(f, fd);
out:
	(void)env_close(env, fd);
	return r;
}

enum zk_err
folder_dir_create(struct folder *f)
{
	struct env *env = f->t.opts.env;
	enum zk_err r;
	int top;
	int tmp;

	folder_dir_close(f);
	r = open_top(f, true, &top);
	if (r != ZK_OK)
		return r;
	r = make_space(f, top);
	if (r == ZK_OK)
		r = folder_dir_sync(f, top);
	(void)env_close(env, top);
	if (r == ZK_OK)
		r = folder_dir_open(f);
	if (r != ZK_OK)
		return r;
	tmp = folder_dir_sub(f, f->dir, "tmp", true);
	if (tmp < 0)
		return folder_dir_fail(f, tmp, "open", "tmp");
	r = folder_dir_list(f, tmp, drop_old, f);
	(void)env_close(env, tmp);
	return r;
}

enum zk_err
folder_dir_list(struct folder *f, int fd,
    enum zk_err (*each)(void *arg, const char *name), void *arg)
{
	struct env *env = f->t.opts.env;
	struct env_dirent e;
	enum zk_err r = ZK_OK;
	unsigned n = 0;
	int err = 0;
	struct env_dir *d = env_dir_open(env, fd, &err);

	if (d == NULL)
		return folder_dir_fail(f, err, "list", f->path);
	while (r == ZK_OK) {
		err = env_dir_next(env, d, &e);
		if (err <= 0)
			break;
		r = ++n > FOLDER_ENTRIES_MAX ? ZK_ELIMIT : each(arg, e.name);
	}
	env_dir_close(env, d);
	if (r == ZK_OK && err < 0)
		r = folder_dir_fail(f, err, "list", f->path);
	return r;
}

enum zk_err
folder_dir_stage(struct folder *f, const void *p, size_t n, bool sync,
    char tmp[static NAMES_CAP])
{
	struct env *env = f->t.opts.env;
	uint8_t rnd[16];
	enum zk_err r;
	int fd;
	int e;

	env_random(env, rnd, sizeof(rnd));
	memcpy(tmp, "tmp/", 5);
	hex_text(rnd, sizeof(rnd), tmp + 4);
	fd = env_openat(env, f->dir, tmp, O_WRONLY | O_CREAT | O_EXCL |
	    O_NOFOLLOW, 0666);
	if (fd < 0)
		return folder_dir_fail(f, fd, "create", tmp);
	r = io_write_full(env, fd, p, n);
	if (r == ZK_EDISKFULL)
		r = folder_dir_fail(f, ENOSPC, "write", tmp);
	e = r == ZK_OK && sync ? env_fsync(env, fd) : 0;
	if (e < 0)
		r = folder_dir_fail(f, e, "fsync", tmp);
	e = env_close(env, fd);
	if (e < 0 && r == ZK_OK)
		r = folder_dir_fail(f, e, "close", tmp);
	if (r != ZK_OK)
		(void)env_unlinkat(env, f->dir, tmp, 0);
	return r;
}

enum zk_err
folder_dir_place(struct folder *f, const char *tmp, int fd, const char *name)
{
	struct env *env = f->t.opts.env;
	int e = env_renameat(env, f->dir, tmp, fd, name, 0);

	if (e == 0)
		return ZK_OK;
	(void)env_unlinkat(env, f->dir, tmp, 0);
	/* the temporary was cleaned away under us: again is the remedy */
	return folder_dir_fail(f, e == -ENOENT ? -ESTALE : e, "rename", name);
}

enum zk_err
folder_dir_sync(struct folder *f, int fd)
{
	int e = env_fsync(f->t.opts.env, fd);

	return e == 0 ? ZK_OK : folder_dir_fail(f, e, "fsync", f->path);
}

enum zk_err
folder_dir_sync_all(struct folder *f)
{
	int e = env_syncfs(f->t.opts.env, f->dir);

	return e == 0 ? ZK_OK : folder_dir_fail(f, e, "sync", f->path);
}

enum zk_err
folder_dir_put(struct folder *f, int fd, const char *name, const void *p,
    size_t n)
{
	char tmp[NAMES_CAP];
	enum zk_err r = folder_dir_stage(f, p, n, true, tmp);

	if (r == ZK_OK)
		r = folder_dir_place(f, tmp, fd, name);
	if (r == ZK_OK)
		r = folder_dir_sync(f, fd);
	return r;
}

/* The whole of an open file of size bytes; ZK_ENET if it is changing. */
static enum zk_err
read_whole(struct env *env, int fd, size_t size, struct buf *out)
{
	uint8_t extra;
	size_t got = 0;
	size_t past = 0;
	enum zk_err r = buf_reserve(out, size);

	if (r != ZK_OK)
		return r;
	if (size > 0)
		r = io_read_some(env, fd, out->data + out->len, size, &got);
	if (r == ZK_OK)
		r = io_read_some(env, fd, &extra, 1, &past);
	if (r == ZK_OK && (got != size || past != 0))
		r = ZK_ENET;
	if (r == ZK_OK)
		out->len += got;
	return r;
}

enum zk_err
folder_dir_get(struct folder *f, int fd, const char *name, size_t max,
    struct buf *out)
{
	struct env *env = f->t.opts.env;
	enum zk_err r = ZK_ELIMIT;
	struct env_stat st;
	int file = env_openat(env, fd, name, O_RDONLY | O_NOFOLLOW |
	    O_NONBLOCK, 0);
	int e;

	if (file < 0)
		return folder_dir_fail(f, file, "open", name);
	e = env_fstat(env, file, &st);
	if (e < 0)
		r = folder_dir_fail(f, e, "stat", name);
	else if (st.size <= max)
		r = read_whole(env, file, (size_t)st.size, out);
	(void)env_close(env, file);
	return r;
}
