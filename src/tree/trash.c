#include "tree/trash.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/io.h"
#include "util/log.h"
#include "util/path.h"

#define TRIES 10000		/* names tried beside a taken one */

struct trash {
	struct root *root;
	int top;		/* .zk/trash */
	int dir;		/* where path's directory lies in it, or -1 */
	char *for_dir;		/* which path that is */
	struct buf at;		/* and its place below the trash */
};

/* Days since 1970 to a date (proleptic Gregorian). */
static void
day_name(int64_t days, char out[static TRASH_DAY_NAME])
{
	/* years begin in March, so that the leap day comes last */
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	int64_t d = doy - (153 * mp + 2) / 5 + 1;
	int64_t m = mp < 10 ? mp + 3 : mp - 9;
	int64_t y = yoe + era * 400 + (m <= 2);
	char text[64];

	snprintf(text, sizeof(text), "%04" PRId64 "-%02" PRId64 "-%02" PRId64,
	    y < 0 ? 0 : y > 9999 ? 9999 : y, m, d);
	memcpy(out, text, TRASH_DAY_NAME - 1);
	out[TRASH_DAY_NAME - 1] = '\0';
}

static int64_t
today(struct env *env)
{
	int64_t ms = env_now_ms(env);
	int64_t day = INT64_C(86400000);

	return ms >= 0 ? ms / day : -((-ms + day - 1) / day);
}

void
trash_day_name(struct env *env, int64_t before,
    char out[static TRASH_DAY_NAME])
{
	day_name(today(env) - before, out);
}

enum zk_err
trash_new(struct root *root, struct trash **out)
{
	struct trash *t = calloc(1, sizeof(*t));

	*out = NULL;
	if (t == NULL)
		return ZK_ENOMEM;
	t->root = root;
	t->top = t->dir = -1;
	buf_init(&t->at, 2 * PATH_LEN_MAX);
	*out = t;
	return ZK_OK;
}

static void
forget_dir(struct trash *t)
{
	if (t->dir >= 0)
		(void)env_close(root_env(t->root), t->dir);
	t->dir = -1;
	free(t->for_dir);
	t->for_dir = NULL;
	buf_reset(&t->at);
}

void
trash_free(struct trash *t)
{
	if (t == NULL)
		return;
	forget_dir(t);
	if (t->top >= 0)
		(void)env_close(root_env(t->root), t->top);
	buf_release(&t->at);
	free(t);
}

bool
trash_used(const struct trash *t)
{
	return t->top >= 0;
}

/* name, or with ~n behind it, at most 255 bytes. */
static void
try_name(const char *name, size_t len, unsigned n, char out[static 256])
{
	char tail[16] = "";
	size_t k;

	if (n > 0)
		snprintf(tail, sizeof(tail), "~%u", n);
	k = strlen(tail);
	if (len > PATH_NAME_MAX - k)
		len = PATH_NAME_MAX - k;
	memcpy(out, name, len);
	memcpy(out + len, tail, k + 1);
}

/* A new directory of the trash has the permissions that path, n bytes, has. */
static void
like_original(struct trash *t, int fd, const char *path, size_t n)
{
	struct env *env = root_env(t->root);
	char *of = strndup(path, n);
	struct env_stat st;
	int at = of != NULL ? root_open(t->root, of, O_RDONLY | O_DIRECTORY,
	    0) : -ENOMEM;

	/* it may be gone already: then what nobody else can read will do */
	if (at >= 0 && env_fstat(env, at, &st) == 0)
		(void)env_fchmod(env, fd, (st.mode & 0777) | 0700);
	if (at >= 0)
		(void)env_close(env, at);
	free(of);
}

/*
 * Opens a directory in at, made if need be, under the name or beside it.  It
 * stands for the last component of path, n bytes; NULL: for nothing.
 */
static int
enter(struct trash *t, int at, const char *name, size_t len,
    const char *path, size_t n)
{
	struct env *env = root_env(t->root);
	char try[256];
	bool made = false;
	int e = -EEXIST;

	for (unsigned i = 0; i < TRIES; i++) {
		try_name(name, len, i, try);
		e = env_mkdirat(env, at, try, 0700);
		if (e < 0 && e != -EEXIST)
			return e;
		made = e == 0;
		e = env_open_beneath(env, at, try,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
		if (e != -ENOTDIR && e != -ELOOP)
			break;
	}
	if (e >= 0 && made && path != NULL)
		like_original(t, e, path, n);
	if (e >= 0 && path_join(&t->at, try, strlen(try)) != ZK_OK) {
		(void)env_close(env, e);
		return -ENAMETOOLONG;
	}
	return e;
}

/* Makes t->dir the place for the directory dir of the tree (n bytes). */
static int
enter_path(struct trash *t, const char *dir, size_t n)
{
	struct env *env = root_env(t->root);
	char day[TRASH_DAY_NAME];
	int fd;

	if (t->for_dir != NULL && strlen(t->for_dir) == n &&
	    memcmp(t->for_dir, dir, n) == 0)
		return 0;
	forget_dir(t);
	if (t->top < 0)
		t->top = root_open(t->root, TRASH_DIR,
		    O_RDONLY | O_DIRECTORY, 0);
	if (t->top < 0)
		return t->top;
	day_name(today(env), day);
	fd = enter(t, t->top, day, strlen(day), NULL, 0);
	for (size_t at = 0, k; fd >= 0 && at < n; at += k + 1) {
		const char *slash = memchr(dir + at, '/', n - at);
		int next;

		k = slash != NULL ? (size_t)(slash - dir) - at : n - at;
		next = enter(t, fd, dir + at, k, dir, at + k);
		(void)env_close(env, fd);
		fd = next;
	}
	t->dir = fd;
	if (fd >= 0)
		t->for_dir = strndup(dir, n);
	return fd < 0 ? fd : 0;
}

int
trash_rename(struct env *env, int from, const char *a, int to, const char *b)
{
	struct env_stat st;
	int e = env_renameat(env, from, a, to, b, RENAME_NOREPLACE);

	if (e != -EINVAL && e != -ENOSYS)
		return e;
	e = env_statat(env, to, b, &st);
	if (e == 0)
		return -EEXIST;
	return e == -ENOENT ? env_renameat(env, from, a, to, b, 0) : e;
}

static enum zk_err
copy_bytes(struct env *env, int from, int to)
{
	uint8_t block[65536];

	for (;;) {
		size_t n = 0;
		enum zk_err r = io_read_some(env, from, block, sizeof(block),
		    &n);

		if (r == ZK_OK && n > 0)
			r = io_write_full(env, to, block, n);
		if (r != ZK_OK || n == 0)
			return r;
	}
}

static int
copy_link(struct env *env, int from, const char *a, int to, const char *b)
{
	char link[PATH_LEN_MAX + 1];
	ssize_t n = env_readlinkat(env, from, a, link, sizeof(link) - 1);

	if (n < 0)
		return (int)n;
	link[n] = '\0';
	return env_symlinkat(env, link, to, b);
}

int
trash_copy(struct env *env, int from, const char *name, int to,
    const char *new_name)
{
	struct env_stat st;
	int e = env_statat(env, from, name, &st), in, out;

	if (e < 0)
		return e;
	if (S_ISLNK(st.mode))
		return copy_link(env, from, name, to, new_name);
	in = env_open_beneath(env, from, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (in < 0)
		return in;
	out = env_open_beneath(env, to, new_name,
	    O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (out < 0) {
		(void)env_close(env, in);
		return out;
	}
	e = copy_bytes(env, in, out) == ZK_OK ? 0 : -EIO;
	if (e == 0)
		e = env_fchmod(env, out, st.mode & 0777);
	if (e == 0)
		e = env_fsync(env, out);
	(void)env_close(env, in);
	(void)env_close(env, out);
	if (e == 0)
		e = env_utimeat(env, to, new_name, st.mtime);
	if (e == 0)
		e = env_fsync(env, to);
	if (e < 0)
		(void)env_unlinkat(env, to, new_name, 0);
	return e;
}

static int copy_any(struct env *env, int from, const char *a, int to,
    const char *b);

/* A directory with all that is in it. */
static int
copy_dir(struct env *env, int from, const char *a, int to, const char *b)
{
	struct env_dirent d;
	struct env_dir *dir = NULL;
	int in, out = -1, e;

	in = env_open_beneath(env, from, a,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (in < 0)
		return in;
	e = env_mkdirat(env, to, b, 0700);
	if (e == 0) {
		out = env_open_beneath(env, to, b,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
		e = out < 0 ? out : 0;
	}
	if (e == 0)
		dir = env_dir_open(env, in, &e);
	while (dir != NULL) {
		e = env_dir_next(env, dir, &d);
		if (e <= 0)
			break;
		e = copy_any(env, in, d.name, out, d.name);
		if (e < 0)
			break;
	}
	if (dir != NULL)
		env_dir_close(env, dir);
	if (e == 0)
		e = env_fsync(env, out);
	if (out >= 0)
		(void)env_close(env, out);
	(void)env_close(env, in);
	return e;
}

static int
copy_any(struct env *env, int from, const char *a, int to, const char *b)
{
	struct env_stat st;
	int e = env_statat(env, from, a, &st);

	if (e < 0)
		return e;
	return S_ISDIR(st.mode) ? copy_dir(env, from, a, to, b) :
	    trash_copy(env, from, a, to, b);
}

/*
 * To another file system: a copy, and then away with the first.  What of a
 * directory was copied is no more than twice there after a failure.
 */
static int
move_by_copy(struct env *env, int from, const char *a, int to, const char *b)
{
	struct env_stat st;
	int e = env_statat(env, from, a, &st);

	if (e < 0)
		return e;
	if (S_ISDIR(st.mode)) {
		e = copy_dir(env, from, a, to, b);
		if (e == 0 && io_remove_tree(env, from, a) != ZK_OK)
			e = -EIO;
		return e;
	}
	e = trash_copy(env, from, a, to, b);
	return e < 0 ? e : env_unlinkat(env, from, a, 0);
}

enum zk_err
trash_put(struct trash *t, int dirfd, const char *name, const char *path,
    struct buf *where)
{
	struct env *env = root_env(t->root);
	const char *slash = strrchr(path, '/');
	const char *last = slash != NULL ? slash + 1 : path;
	char try[256];
	int e = enter_path(t, path, slash != NULL ? (size_t)(slash - path) : 0);

	for (unsigned n = 0; n < TRIES && e == 0; n++) {
		try_name(last, strlen(last), n, try);
		e = trash_rename(env, dirfd, name, t->dir, try);
		if (e == -EXDEV)
			e = move_by_copy(env, dirfd, name, t->dir, try);
		if (e != -EEXIST)
			break;
		e = 0;
	}
	if (e < 0) {
		forget_dir(t);
		return err_from_errno(-e);
	}
	if (where == NULL)
		return ZK_OK;
	buf_reset(where);
	buf_put(where, t->at.data, t->at.len);
	return path_join(where, try, strlen(try));
}
