/* Whole reads and writes, atomic replacement.  See io.h. */
#include "util/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define IO_CHUNK 65536		/* bytes read at a time */
#define IO_NAME_MAX 300		/* a name and its random suffix */

enum zk_err
io_pread_full(struct env *env, int fd, void *p, size_t n, uint64_t off)
{
	uint8_t *to = p;

	while (n > 0) {
		ssize_t got = env_pread(env, fd, to, n, off);

		if (got < 0)
			return err_from_errno((int)-got);
		if (got == 0)
			return ZK_EFORMAT;
		to += got;
		off += (uint64_t)got;
		n -= (size_t)got;
	}
	return ZK_OK;
}

enum zk_err
io_read_some(struct env *env, int fd, void *p, size_t n, size_t *got)
{
	uint8_t *to = p;

	*got = 0;
	while (*got < n) {
		ssize_t k = env_read(env, fd, to + *got, n - *got);

		if (k < 0)
			return err_from_errno((int)-k);
		if (k == 0)
			break;
		*got += (size_t)k;
	}
	return ZK_OK;
}

enum zk_err
io_write_full(struct env *env, int fd, const void *p, size_t n)
{
	const uint8_t *from = p;

	while (n > 0) {
		ssize_t k = env_write(env, fd, from, n);

		if (k < 0)
			return err_from_errno((int)-k);
		if (k == 0)
			return ZK_EIO;
		from += k;
		n -= (size_t)k;
	}
	return ZK_OK;
}

enum zk_err
io_read_file(struct env *env, int dirfd, const char *name, struct buf *out)
{
	enum zk_err r = ZK_EBUG;
	int fd = env_openat(env, dirfd, name, O_RDONLY | O_NOCTTY, 0);

	if (fd < 0)
		return err_from_errno(-fd);
	for (;;) {
		ssize_t k = 0;
		size_t room = out->max - out->len;

		/* one byte beyond max tells a file that is too long */
		if (room == 0) {
			uint8_t one;

			k = env_read(env, fd, &one, 1);
			r = k > 0 ? ZK_ELIMIT : k == 0 ? ZK_OK :
			    err_from_errno((int)-k);
			break;
		}
		if (room > IO_CHUNK)
			room = IO_CHUNK;
		r = buf_reserve(out, room);
		if (r != ZK_OK)
			break;
		k = env_read(env, fd, out->data + out->len, room);
		r = k < 0 ? err_from_errno((int)-k) : ZK_OK;
		if (k <= 0)
			break;
		out->len += (size_t)k;
	}
	(void)env_close(env, fd);
	return r;
}

/* Writes and syncs the temporary. */
static enum zk_err
write_temp(struct env *env, int dirfd, const char *tmp, const void *p,
    size_t n, unsigned mode)
{
	enum zk_err r = ZK_EBUG;
	int e = 0;
	int fd = env_openat(env, dirfd, tmp,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);

	if (fd < 0)
		return err_from_errno(-fd);
	r = io_write_full(env, fd, p, n);
	if (r == ZK_OK) {
		e = env_fchmod(env, fd, mode);
		if (e == 0)
			e = env_fsync(env, fd);
		r = err_from_errno(-e);
	}
	e = env_close(env, fd);
	if (r == ZK_OK && e != 0)
		r = err_from_errno(-e);
	return r;
}

static enum zk_err
sync_dir(struct env *env, int dirfd)
{
	int e = 0;
	int fd = env_openat(env, dirfd, ".", O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		return err_from_errno(-fd);
	e = env_fsync(env, fd);
	(void)env_close(env, fd);
	return err_from_errno(-e);
}

enum zk_err
io_replace_file(struct env *env, int dirfd, const char *name, const void *p,
    size_t n, unsigned mode)
{
	char tmp[IO_NAME_MAX];
	uint64_t rnd = 0;
	enum zk_err r = ZK_EBUG;
	int len = 0;
	int e = 0;

	env_random(env, &rnd, sizeof(rnd));
	len = snprintf(tmp, sizeof(tmp), "%s.%016" PRIx64, name, rnd);
	if (len < 0 || (size_t)len >= sizeof(tmp))
		return ZK_ELIMIT;
	r = write_temp(env, dirfd, tmp, p, n, mode);
	if (r == ZK_OK) {
		e = env_renameat(env, dirfd, tmp, dirfd, name, 0);
		r = err_from_errno(-e);
	}
	if (r == ZK_OK)
		return sync_dir(env, dirfd);
	if (r != ZK_EEXIST)
		(void)env_unlinkat(env, dirfd, tmp, 0);
	return r;
}

/*
 * Syncs the directory that path stands in, so that a new name survives.  One
 * that we may not read, or that cannot be synced, is left.
 */
static enum zk_err
sync_above(struct env *env, const char *path)
{
	struct buf up;
	int fd = -1;
	int e = 0;

	buf_init(&up, 65536);
	if (buf_printf(&up, "%s/..", path) == ZK_OK)
		fd = env_openat(env, ENV_CWD, buf_cstr(&up),
		    O_RDONLY | O_DIRECTORY, 0);
	buf_release(&up);
	if (fd < 0)
		return ZK_OK;
	e = env_fsync(env, fd);
	(void)env_close(env, fd);
	return e == 0 || e == -EINVAL ? ZK_OK : err_from_errno(-e);
}

enum zk_err
io_mkdirs(struct env *env, const char *path, unsigned mode)
{
	enum zk_err r = ZK_OK;
	struct buf b;

	buf_init(&b, 65536);
	for (const char *p = path; r == ZK_OK && *p != '\0';) {
		const char *slash = strchr(p + 1, '/');
		size_t n = slash == NULL ? strlen(path) :
		    (size_t)(slash - path);
		int e = 0;

		buf_reset(&b);
		r = buf_put(&b, path, n);
		if (r != ZK_OK)
			break;
		e = env_mkdirat(env, ENV_CWD, buf_cstr(&b), mode);
		if (e == 0)
			r = sync_above(env, buf_cstr(&b));
		else if (e != -EEXIST && e != -EISDIR && slash == NULL)
			r = err_from_errno(-e);
		p = path + n;
	}
	buf_release(&b);
	return r;
}

/* Removes everything in the directory fd. */
static enum zk_err
empty_dir(struct env *env, int fd)
{
	enum zk_err r = ZK_OK;
	struct env_dirent e = { 0 };
	int err = 0;
	struct env_dir *d = env_dir_open(env, fd, &err);

	if (d == NULL)
		return err_from_errno(-err);
	while (r == ZK_OK) {
		err = env_dir_next(env, d, &e);
		if (err <= 0)
			break;
		r = io_remove_tree(env, fd, e.name);
	}
	if (r == ZK_OK && err < 0)
		r = err_from_errno(-err);
	env_dir_close(env, d);
	return r;
}

enum zk_err
io_remove_tree(struct env *env, int dirfd, const char *name)
{
	enum zk_err r = ZK_EBUG;
	struct env_stat st;
	int fd = 0;
	int e = env_unlinkat(env, dirfd, name, 0);

	if (e == 0 || e == -ENOENT)
		return ZK_OK;
	if (e != -EISDIR && e != -EPERM)
		return err_from_errno(-e);
	fd = env_openat(env, dirfd, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd < 0)
		return err_from_errno(-fd);
	/* nothing leaves a directory that is closed to writing */
	if (env_fstat(env, fd, &st) == 0 && (st.mode & 0700) != 0700)
		(void)env_fchmod(env, fd, (st.mode & 0777) | 0700);
	r = empty_dir(env, fd);
	(void)env_close(env, fd);
	if (r != ZK_OK)
		return r;
	e = env_unlinkat(env, dirfd, name, AT_REMOVEDIR);
	return e == -ENOENT ? ZK_OK : err_from_errno(-e);
}
