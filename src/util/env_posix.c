/*
 * The real environment: Linux.  The only place, with env_posix_net.c, that
 * calls the system for clock, random bytes, files and sockets.
 */
#include "util/env.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "util/env_posix.h"
#include "util/hex.h"

/* The result of a call as the interface has it. */
#define RESULT(x) ((x) < 0 ? -errno : 0)

static struct env_time
now(void *ctx)
{
	struct timespec t;

	(void)ctx;
	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (struct env_time){ t.tv_sec, (uint32_t)t.tv_nsec };
}

static int64_t
now_ms(void *ctx)
{
	struct env_time t = now(ctx);

	return t.sec * 1000 + t.nsec / 1000000;
}

static int64_t
mono_ms(void *ctx)
{
	struct timespec t;

	(void)ctx;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
sleep_ms(void *ctx, unsigned ms)
{
	struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };

	(void)ctx;
	(void)nanosleep(&t, NULL);
}

static void
random_bytes(void *ctx, void *out, size_t len)
{
	uint8_t *p = out;

	(void)ctx;
	while (len > 0) {
		ssize_t n = getrandom(p, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		/* without random bytes nothing may go on */
		if (n < 0)
			BUG("getrandom failed");
		p += n;
		len -= (size_t)n;
	}
}

static void
boot_id(void *ctx, uint8_t out[16])
{
	char text[64] = "";
	size_t k = 0;
	ssize_t n = 0;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	(void)ctx;
	memset(out, 0, 16);
	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	for (ssize_t i = 0; i < n && k < 32; i++) {
		int v = hex_value(text[i]);

		if (v < 0)
			continue;
		out[k / 2] = (uint8_t)(out[k / 2] << 4 | v);
		k++;
	}
}

static int
posix_openat(void *ctx, int dirfd, const char *path, int flags,
    unsigned mode)
{
	int fd = -1;

	(void)ctx;
	do
		fd = openat(dirfd, path, flags | O_CLOEXEC, mode);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

/*
 * The fallback of open_beneath: one component at a time, none of them a
 * symlink, ".." refused.
 */
static int
beneath_by_steps(int dirfd, const char *path, int flags, unsigned mode)
{
	char name[NAME_MAX + 1];
	int at = dirfd;
	int fd = -1;
	int err = 0;

	if (path[0] == '/')
		return -EXDEV;
	for (;;) {
		size_t n = strcspn(path, "/");
		bool last = path[n + strspn(path + n, "/")] == '\0';

		if (n > NAME_MAX)
			err = ENAMETOOLONG;
		else if (n == 2 && path[0] == '.' && path[1] == '.')
			err = EXDEV;
		if (err != 0)
			break;
		memcpy(name, path, n);
		name[n] = '\0';
		fd = openat(at, n == 0 ? "." : name, (last ? flags :
		    O_PATH | O_DIRECTORY) | O_NOFOLLOW | O_CLOEXEC, mode);
		err = fd < 0 ? errno : 0;
		if (err == ENOTDIR && !last)
			err = ELOOP;
		if (err != 0 || last)
			break;
		if (at != dirfd)
			(void)close(at);
		at = fd;
		path += n + strspn(path + n, "/");
	}
	if (at != dirfd)
		(void)close(at);
	return err != 0 ? -err : fd;
}

/* Set once openat2 was found missing, or by env_posix_no_openat2. */
static volatile bool no_openat2;

void
env_posix_no_openat2(bool off)
{
	no_openat2 = off;
}

static int
open_beneath(void *ctx, int dirfd, const char *path, int flags,
    unsigned mode)
{
	struct open_how how = {
		.flags = (unsigned)(flags | O_CLOEXEC),
		.mode = (flags & O_CREAT) != 0 ||
		    (flags & O_TMPFILE) == O_TMPFILE ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
		    RESOLVE_NO_MAGICLINKS
	};
	long fd = -1;

	(void)ctx;
	if (no_openat2)
		return beneath_by_steps(dirfd, path, flags, mode);
	do
		fd = syscall(SYS_openat2, dirfd, path[0] == '\0' ? "." : path,
		    &how, sizeof(how));
	while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	if (fd >= 0)
		return (int)fd;
	if (errno == ENOSYS || errno == EPERM) {
		no_openat2 = errno == ENOSYS;
		return beneath_by_steps(dirfd, path, flags, mode);
	}
	return -errno;
}

static int
posix_close(void *ctx, int fd)
{
	(void)ctx;
	return close(fd) < 0 && errno != EINTR ? -errno : 0;
}

/* Repeats a call that gives a byte count until no signal cuts it short. */
#define RETRY(n, call)                                                       \
	do {                                                                 \
		(n) = (call);                                                \
	} while ((n) < 0 && errno == EINTR)

static ssize_t
posix_read(void *ctx, int fd, void *p, size_t n)
{
	ssize_t k;

	(void)ctx;
	RETRY(k, read(fd, p, n));
	return k < 0 ? -errno : k;
}

static ssize_t
posix_pread(void *ctx, int fd, void *p, size_t n, uint64_t off)
{
	ssize_t k;

	(void)ctx;
	RETRY(k, pread(fd, p, n, (off_t)off));
	return k < 0 ? -errno : k;
}

static ssize_t
posix_write(void *ctx, int fd, const void *p, size_t n)
{
	ssize_t k;

	(void)ctx;
	RETRY(k, write(fd, p, n));
	return k < 0 ? -errno : k;
}

static ssize_t
posix_pwrite(void *ctx, int fd, const void *p, size_t n, uint64_t off)
{
	ssize_t k;

	(void)ctx;
	RETRY(k, pwrite(fd, p, n, (off_t)off));
	return k < 0 ? -errno : k;
}

static int
posix_ftruncate(void *ctx, int fd, uint64_t len)
{
	(void)ctx;
	return RESULT(ftruncate(fd, (off_t)len));
}

static int
posix_fsync(void *ctx, int fd)
{
	(void)ctx;
	return RESULT(fsync(fd));
}

static int
posix_syncfs(void *ctx, int fd)
{
	(void)ctx;
	return RESULT(syncfs(fd));
}

static void
posix_writeback(void *ctx, int fd, uint64_t off, uint64_t n)
{
	(void)ctx;
	/* where it is not known, the sync does it all */
	(void)sync_file_range(fd, (off_t)off, (off_t)n, SYNC_FILE_RANGE_WRITE);
}

static struct env_time
from_statx(const struct statx_timestamp *t)
{
	return (struct env_time){ t->tv_sec, t->tv_nsec };
}

static int
do_statx(int dirfd, const char *path, int flags, struct env_stat *st)
{
	struct statx x;

	if (statx(dirfd, path, flags | AT_SYMLINK_NOFOLLOW |
	    AT_NO_AUTOMOUNT, STATX_BASIC_STATS | STATX_BTIME, &x) != 0)
		return -errno;
	*st = (struct env_stat){
		.dev = makedev(x.stx_dev_major, x.stx_dev_minor),
		.ino = x.stx_ino, .mode = x.stx_mode, .nlink = x.stx_nlink,
		.uid = x.stx_uid, .size = x.stx_size, .blocks = x.stx_blocks,
		.mtime = from_statx(&x.stx_mtime),
		.ctime = from_statx(&x.stx_ctime),
		.mount_root = (x.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0
	};
	if ((x.stx_mask & STATX_BTIME) != 0)
		st->btime = from_statx(&x.stx_btime);
	return 0;
}

static int
posix_fstat(void *ctx, int fd, struct env_stat *st)
{
	(void)ctx;
	return do_statx(fd, "", AT_EMPTY_PATH, st);
}

static int
posix_statat(void *ctx, int dirfd, const char *path, struct env_stat *st)
{
	(void)ctx;
	return do_statx(dirfd, path, 0, st);
}

static int
posix_fsinfo(void *ctx, int fd, struct env_fsinfo *out)
{
	struct statfs s;
	uint32_t id[2];

	(void)ctx;
	if (fstatfs(fd, &s) != 0)
		return -errno;
	_Static_assert(sizeof(s.f_fsid) == sizeof(id), "two words");
	memcpy(id, &s.f_fsid, sizeof(id));
	out->id = (uint64_t)id[0] << 32 | id[1];
	out->type = (uint64_t)s.f_type;
	out->free = (uint64_t)s.f_bavail * (uint64_t)s.f_bsize;
	out->total = (uint64_t)s.f_blocks * (uint64_t)s.f_bsize;
	return 0;
}

static int
posix_fchmod(void *ctx, int fd, unsigned mode)
{
	(void)ctx;
	return RESULT(fchmod(fd, mode));
}

static int
posix_utimeat(void *ctx, int dirfd, const char *name, struct env_time mtime)
{
	struct timespec t[2] = {
		{ .tv_nsec = UTIME_OMIT },
		{ .tv_sec = mtime.sec, .tv_nsec = (long)mtime.nsec }
	};

	(void)ctx;
	return RESULT(utimensat(dirfd, name, t, AT_SYMLINK_NOFOLLOW));
}

static int
posix_mkdirat(void *ctx, int dirfd, const char *name, unsigned mode)
{
	(void)ctx;
	return RESULT(mkdirat(dirfd, name, mode));
}

static int
posix_unlinkat(void *ctx, int dirfd, const char *name, int flags)
{
	(void)ctx;
	return RESULT(unlinkat(dirfd, name, flags));
}

static int
posix_renameat(void *ctx, int fromfd, const char *from, int tofd,
    const char *to, unsigned flags)
{
	(void)ctx;
	return RESULT(renameat2(fromfd, from, tofd, to, flags));
}

static int
posix_symlinkat(void *ctx, const char *target, int dirfd, const char *name)
{
	(void)ctx;
	return RESULT(symlinkat(target, dirfd, name));
}

static ssize_t
posix_readlinkat(void *ctx, int dirfd, const char *name, char *out,
    size_t cap)
{
	ssize_t n = readlinkat(dirfd, name, out, cap);

	(void)ctx;
	return n < 0 ? -errno : n;
}

static struct env_dir *
posix_dir_open(void *ctx, int fd, int *err)
{
	/* an offset of its own: fd may be listed again later */
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = NULL;

	(void)ctx;
	*err = 0;
	if (own >= 0)
		d = fdopendir(own);
	if (d == NULL) {
		*err = -errno;
		if (own >= 0)
			(void)close(own);
	}
	return (struct env_dir *)d;
}

static int
posix_dir_next(void *ctx, struct env_dir *dir, struct env_dirent *e)
{
	DIR *d = (DIR *)dir;
	struct dirent *x = NULL;

	(void)ctx;
	do {
		errno = 0;
		x = readdir(d);
	} while (x != NULL && (strcmp(x->d_name, ".") == 0 ||
	    strcmp(x->d_name, "..") == 0));
	if (x == NULL)
		return -errno;
	e->name = x->d_name;
	e->ino = x->d_ino;
	e->type = x->d_type;
	return 1;
}

static void
posix_dir_close(void *ctx, struct env_dir *dir)
{
	(void)ctx;
	(void)closedir((DIR *)dir);
}

static int
posix_flock(void *ctx, int fd)
{
	(void)ctx;
	return RESULT(flock(fd, LOCK_EX | LOCK_NB));
}

static int64_t
posix_seek(void *ctx, int fd, int64_t off, int whence)
{
	off_t r = lseek(fd, off, whence);

	(void)ctx;
	return r < 0 ? -errno : r;
}

static const struct env_ops ops = {
	.now_ms = now_ms, .now = now, .mono_ms = mono_ms,
	.sleep_ms = sleep_ms, .random = random_bytes, .boot_id = boot_id,
	.openat = posix_openat, .open_beneath = open_beneath,
	.close = posix_close, .read = posix_read, .pread = posix_pread,
	.write = posix_write, .pwrite = posix_pwrite,
	.ftruncate = posix_ftruncate, .fsync = posix_fsync,
	.syncfs = posix_syncfs, .writeback = posix_writeback,
	.fstat = posix_fstat,
	.statat = posix_statat, .fsinfo = posix_fsinfo,
	.fchmod = posix_fchmod, .utimeat = posix_utimeat,
	.mkdirat = posix_mkdirat, .unlinkat = posix_unlinkat,
	.renameat = posix_renameat, .symlinkat = posix_symlinkat,
	.readlinkat = posix_readlinkat, .dir_open = posix_dir_open,
	.dir_next = posix_dir_next, .dir_close = posix_dir_close,
	.flock = posix_flock, .seek = posix_seek,
	.net_listen = env_posix_listen, .net_accept = env_posix_accept,
	.net_recv = env_posix_recv, .net_send = env_posix_send,
	.net_sendfile = env_posix_sendfile, .net_queued = env_posix_queued,
	.net_shutdown = env_posix_shutdown
};

struct env *
env_posix(void)
{
	static struct env env = { .ops = &ops };

	return &env;
}

const char *
env_var(const char *name)
{
	const char *v = getenv(name);

	return v == NULL || v[0] == '\0' ? NULL : v;
}
