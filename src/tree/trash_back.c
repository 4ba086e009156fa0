/* Out of the trash again.  See trash.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tree/trash.h"
#include "util/hex.h"
#include "util/io.h"
#include "util/path.h"

#define DEPTH_MAX (PATH_DEPTH_MAX + 8)
#define TMP_NAME 48

/* The first n bytes of at, below the root. */
static enum zk_err
place(struct buf *b, const char *at, size_t n)
{
	enum zk_err r = ZK_OK;

	buf_init(b, 2 * PATH_LEN_MAX);
	r = buf_str(b, TRASH_DIR "/");
	return r == ZK_OK ? buf_put(b, at, n) : r;
}

/* Opens a directory of the trash, or a negative errno. */
static int
open_dir(struct root *r, const char *at, size_t n)
{
	struct buf b;
	int fd = -ENAMETOOLONG;

	if (place(&b, at, n) == ZK_OK)
		fd = root_open(r, buf_cstr(&b), O_RDONLY | O_DIRECTORY, 0);
	buf_release(&b);
	return fd;
}

/* Opens the directory that the entry lies in, and lends its name there. */
static int
open_above(struct root *r, const char *at, const char **name)
{
	const char *slash = strrchr(at, '/');

	if (slash == NULL || slash == at || !path_ok(at))
		return -ENOENT;
	*name = slash + 1;
	return open_dir(r, at, (size_t)(slash - at));
}

/* Calls fn for each entry of a directory until it fails. */
static enum zk_err
each_in(struct env *env, int dirfd, const char *name,
    enum zk_err (*fn)(void *arg, int dirfd, const char *name), void *arg)
{
	struct env_dirent d;
	struct env_dir *dir = NULL;
	enum zk_err r = ZK_OK;
	int e = 0, fd = env_open_beneath(env, dirfd, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

	if (fd < 0)
		return err_from_errno(-fd);
	dir = env_dir_open(env, fd, &e);
	while (dir != NULL && r == ZK_OK) {
		e = env_dir_next(env, dir, &d);
		if (e <= 0)
			break;
		r = fn(arg, fd, d.name);
	}
	if (dir != NULL)
		env_dir_close(env, dir);
	(void)env_close(env, fd);
	return r == ZK_OK && e < 0 ? err_from_errno(-e) : r;
}

struct count {
	struct env *env;
	unsigned depth;
	struct trash_found *out;
};

static enum zk_err
count(void *arg, int dirfd, const char *name)
{
	struct count *c = arg;
	struct env_stat st;
	int e = env_statat(c->env, dirfd, name, &st);
	enum zk_err r = err_from_errno(-e);

	if (e < 0)
		return r;
	c->out->entries++;
	c->out->bytes += S_ISREG(st.mode) ? st.size : 0;
	if (!S_ISDIR(st.mode))
		return ZK_OK;
	if (c->depth == DEPTH_MAX)
		return ZK_EIO;
	c->depth++;
	r = each_in(c->env, dirfd, name, count, c);
	c->depth--;
	return r;
}

enum zk_err
trash_find(struct root *root, const char *at, struct trash_found *out)
{
	struct env *env = root_env(root);
	struct count c = { .env = env, .out = out };
	struct env_stat st;
	const char *name = NULL;
	enum zk_err r = ZK_EBUG;
	int e, fd = open_above(root, at, &name);

	*out = (struct trash_found){ 0 };
	if (fd < 0)
		return fd == -ENOTDIR || fd == -ELOOP ? ZK_ENOENT :
		    err_from_errno(-fd);
	e = env_statat(env, fd, name, &st);
	r = e < 0 ? err_from_errno(-e) : count(&c, fd, name);
	(void)env_close(env, fd);
	if (r == ZK_OK)
		out->type = S_ISDIR(st.mode) ? 'd' : S_ISLNK(st.mode) ? 'l' :
		    'f';
	return r;
}

/* Makes the directory path as the one of the trash is, if it is not there. */
static int
make_dir(struct root *r, const char *path, const char *at, size_t n)
{
	struct env *env = root_env(r);
	struct env_stat st;
	const char *name = NULL;
	int e, made, like, dir = root_parent(r, path, &name);

	e = dir < 0 ? dir : env_mkdirat(env, dir, name, 0700);
	if (e < 0 && e != -EEXIST)
		return e;
	made = root_open(r, path, O_RDONLY | O_DIRECTORY, 0);
	if (e == -EEXIST) {
		if (made >= 0)
			(void)env_close(env, made);
		return made < 0 ? made : 0;
	}
	like = open_dir(r, at, n);
	e = like < 0 ? like : made < 0 ? made : env_fstat(env, like, &st);
	if (e == 0)
		e = env_fchmod(env, made, st.mode & 0777);
	if (e == 0)
		e = env_fsync(env, dir);
	if (like >= 0)
		(void)env_close(env, like);
	if (made >= 0)
		(void)env_close(env, made);
	return e;
}

enum zk_err
trash_make_above(struct root *r, const char *at, const char *path)
{
	struct buf dir;
	size_t n = strcspn(at, "/") + 1, m = 0;
	int e = 0;

	if (!path_ok(at) || at[n - 1] == '\0')
		return ZK_ENOENT;
	buf_init(&dir, PATH_LEN_MAX);
	for (; e == 0; n++, m++) {
		n += strcspn(at + n, "/");
		m += strcspn(path + m, "/");
		if (path[m] == '\0' || at[n] == '\0')
			break;
		buf_reset(&dir);
		e = buf_put(&dir, path, m) != ZK_OK ? -ENAMETOOLONG :
		    make_dir(r, buf_cstr(&dir), at, n);
	}
	buf_release(&dir);
	return e == -ENOTDIR || e == -ELOOP || e == -EXDEV ? ZK_EEXIST :
	    err_from_errno(-e);
}

struct copy {
	struct env *env;
	int to;
	unsigned depth;
};

static enum zk_err copy_child(void *arg, int from, const char *name);

/* A copy of what is at name, whole and durable but for the new name. */
static enum zk_err
copy_as(struct copy *c, int from, const char *name, const char *new_name)
{
	struct copy in = { .env = c->env, .depth = c->depth + 1 };
	struct env_stat st;
	enum zk_err r = ZK_EBUG;
	int e = env_statat(c->env, from, name, &st);

	if (e == 0 && !S_ISDIR(st.mode))
		e = trash_copy(c->env, from, name, c->to, new_name);
	else if (e == 0 && c->depth == DEPTH_MAX)
		e = -EIO;
	else if (e == 0)
		e = env_mkdirat(c->env, c->to, new_name, 0700);
	if (e < 0 || !S_ISDIR(st.mode))
		return err_from_errno(-e);
	in.to = env_open_beneath(c->env, c->to, new_name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (in.to < 0)
		return err_from_errno(-in.to);
	r = each_in(c->env, from, name, copy_child, &in);
	if (r == ZK_OK) {
		e = env_fchmod(c->env, in.to, st.mode & 0777);
		r = err_from_errno(e < 0 ? -e : -env_fsync(c->env, in.to));
	}
	(void)env_close(c->env, in.to);
	return r;
}

static enum zk_err
copy_child(void *arg, int from, const char *name)
{
	return copy_as(arg, from, name, name);
}

/* To another file system: a copy, and then away with the first. */
static enum zk_err
take_by_copy(struct root *root, int from, const char *name, int to,
    const char *new_name)
{
	struct env *env = root_env(root);
	struct copy c = { .env = env, .to = to };
	const uint8_t *m = root_marker(root);
	char tmp[TMP_NAME] = ".zk-tmp-back-";
	size_t n = strlen(tmp);
	enum zk_err r = ZK_EBUG;
	int e = 0;

	/* one name a vault, so that what a killed run left is found again */
	hex_text(m, 8, tmp + n);
	r = io_remove_tree(env, to, tmp);
	if (r == ZK_OK)
		r = copy_as(&c, from, name, tmp);
	if (r == ZK_OK) {
		e = trash_rename(env, to, tmp, to, new_name);
		r = err_from_errno(e < 0 ? -e : -env_fsync(env, to));
	}
	if (r != ZK_OK && io_remove_tree(env, to, tmp) != ZK_OK)
		return r;	/* the next call clears it away */
	return r == ZK_OK ? io_remove_tree(env, from, name) : r;
}

/* The directories that are empty now go, with the day if it is. */
static void
forget_above(struct root *r, const char *at)
{
	struct env *env = root_env(r);
	struct buf b;
	char *slash = NULL;
	int e = buf_str((buf_init(&b, PATH_LEN_MAX), &b), at) == ZK_OK ? 0 :
	    -ENOMEM;

	while (e == 0) {
		const char *name = NULL;
		int fd = -1;

		slash = strrchr(buf_cstr(&b), '/');
		if (slash == NULL)
			break;
		buf_truncate(&b, (size_t)(slash - (char *)b.data));
		slash = strrchr(buf_cstr(&b), '/');
		name = slash == NULL ? buf_cstr(&b) : slash + 1;
		fd = open_dir(r, buf_cstr(&b), slash == NULL ? 0 :
		    (size_t)(slash - (char *)b.data));
		if (fd < 0)
			break;
		e = env_unlinkat(env, fd, name, AT_REMOVEDIR);
		(void)env_close(env, fd);
	}
	buf_release(&b);
}

enum zk_err
trash_take(struct root *root, const char *at, int dirfd, const char *name)
{
	struct env *env = root_env(root);
	const char *last = NULL;
	int from = open_above(root, at, &last);
	enum zk_err r = ZK_OK;
	int e = from;

	if (from < 0)
		return err_from_errno(-from);
	/* nobody may ever have made durable what came here by a rename */
	e = env_syncfs(env, from);
	if (e == 0)
		e = trash_rename(env, from, last, dirfd, name);
	if (e == 0)
		e = env_fsync(env, dirfd);
	if (e == -EXDEV)
		r = take_by_copy(root, from, last, dirfd, name);
	else
		r = err_from_errno(-e);
	if (r == ZK_OK)
		r = err_from_errno(-env_fsync(env, from));
	(void)env_close(env, from);
	if (r == ZK_OK)
		forget_above(root, at);
	return r;
}

enum zk_err
trash_read(struct root *root, const char *at, int fd)
{
	static uint8_t block[65536];
	struct env *env = root_env(root);
	struct env_stat st;
	const char *name = NULL;
	enum zk_err r = ZK_OK;
	size_t n = 0;
	int in = -1, from = open_above(root, at, &name);

	if (from < 0)
		return err_from_errno(-from);
	if (env_statat(env, from, name, &st) == 0 && !S_ISREG(st.mode))
		r = ZK_EUSAGE;
	else
		in = env_open_beneath(env, from, name,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	(void)env_close(env, from);
	if (in < 0)
		return r != ZK_OK ? r : err_from_errno(-in);
	do {
		r = io_read_some(env, in, block, sizeof(block), &n);
		if (r == ZK_OK && n > 0)
			r = io_write_full(env, fd, block, n);
	} while (r == ZK_OK && n > 0);
	(void)env_close(env, in);
	return r;
}
