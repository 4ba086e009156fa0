/*
 * Everything that is not deterministic enters through struct env: clock,
 * random bytes, file system, network.  env_posix() is the real one;
 * env_fake.h has one under a seed for tests and the simulator.
 *
 * File system calls take and return what the system calls do, except that
 * errors come back as a negative errno (callers branch on many of them) and
 * times are struct env_time.  All descriptors are close-on-exec.  Names are
 * raw bytes ended by NUL.  EINTR never comes back.
 */
#ifndef ZK_UTIL_ENV_H
#define ZK_UTIL_ENV_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/err.h"

/* A moment: seconds since 1970 (may be negative), 0..999999999 ns. */
struct env_time {
	int64_t sec;
	uint32_t nsec;
};

struct env_stat {
	uint64_t dev;		/* device number of its file system */
	uint64_t ino;
	uint32_t mode;		/* type and permission bits, as st_mode */
	uint32_t nlink;
	uint32_t uid;
	uint64_t size;		/* bytes */
	uint64_t blocks;	/* 512-byte units allocated */
	struct env_time mtime;
	struct env_time ctime;
	struct env_time btime;	/* birth; sec = nsec = 0 where unknown */
	bool mount_root;	/* STATX_ATTR_MOUNT_ROOT */
};

struct env_fsinfo {
	uint64_t id;		/* f_fsid (or another stable number) */
	uint64_t type;		/* f_type */
	uint64_t free;		/* bytes an ordinary user may still write */
	uint64_t total;		/* bytes */
};

/* One entry of a directory. */
struct env_dirent {
	const char *name;	/* until the next call */
	uint64_t ino;
	uint8_t type;		/* DT_*, DT_UNKNOWN where not told */
};

struct env_dir;

/* dirfd for absolute paths and those relative to the working directory. */
#define ENV_CWD (-100)

struct env_ops {
	/* ms since 1970; may jump either way */
	int64_t (*now_ms)(void *ctx);
	struct env_time (*now)(void *ctx);
	/* ms from an arbitrary start; never goes back */
	int64_t (*mono_ms)(void *ctx);
	void (*sleep_ms)(void *ctx, unsigned ms);
	void (*random)(void *ctx, void *out, size_t len);
	/* 16 bytes that change with every boot */
	void (*boot_id)(void *ctx, uint8_t out[16]);

	/* open(2) flags; O_CLOEXEC is added. Returns a descriptor. */
	int (*openat)(void *ctx, int dirfd, const char *path, int flags,
	    unsigned mode);
	/*
	 * As openat, but refuses (-EXDEV, -ELOOP) any path that leaves dirfd
	 * or passes through a symlink or magic link: openat2(2) where the
	 * kernel has it, else component by component with O_NOFOLLOW.
	 */
	int (*open_beneath)(void *ctx, int dirfd, const char *path, int flags,
	    unsigned mode);
	int (*close)(void *ctx, int fd);
	ssize_t (*read)(void *ctx, int fd, void *p, size_t n);
	ssize_t (*pread)(void *ctx, int fd, void *p, size_t n, uint64_t off);
	ssize_t (*write)(void *ctx, int fd, const void *p, size_t n);
	ssize_t (*pwrite)(void *ctx, int fd, const void *p, size_t n,
	    uint64_t off);
	int (*ftruncate)(void *ctx, int fd, uint64_t len);
	int (*fsync)(void *ctx, int fd);
	int (*syncfs)(void *ctx, int fd);
	/* may be NULL */
	void (*writeback)(void *ctx, int fd, uint64_t off, uint64_t n);
	int (*fstat)(void *ctx, int fd, struct env_stat *st);
	/* never follows; path "" with AT_EMPTY_PATH is not offered */
	int (*statat)(void *ctx, int dirfd, const char *path,
	    struct env_stat *st);
	int (*fsinfo)(void *ctx, int fd, struct env_fsinfo *out);
	int (*fchmod)(void *ctx, int fd, unsigned mode);
	/* sets mtime (atime untouched); never follows */
	int (*utimeat)(void *ctx, int dirfd, const char *name,
	    struct env_time mtime);
	int (*mkdirat)(void *ctx, int dirfd, const char *name, unsigned mode);
	int (*unlinkat)(void *ctx, int dirfd, const char *name, int flags);
	/* flags: 0, RENAME_NOREPLACE, RENAME_EXCHANGE; -EINVAL where the
	 * file system cannot */
	int (*renameat)(void *ctx, int fromfd, const char *from, int tofd,
	    const char *to, unsigned flags);
	int (*symlinkat)(void *ctx, const char *target, int dirfd,
	    const char *name);
	/* bytes written to out (no NUL), at most cap */
	ssize_t (*readlinkat)(void *ctx, int dirfd, const char *name,
	    char *out, size_t cap);
	/* lists the directory fd (which stays the caller's); NULL: *err */
	struct env_dir *(*dir_open)(void *ctx, int fd, int *err);
	/* 1 and *e, 0 at the end, negative errno; "." and ".." left out */
	int (*dir_next)(void *ctx, struct env_dir *d, struct env_dirent *e);
	void (*dir_close)(void *ctx, struct env_dir *d);
	/* exclusive, without waiting; -EWOULDBLOCK if another holds it */
	int (*flock)(void *ctx, int fd);
	/* SEEK_DATA / SEEK_HOLE; -ENXIO past the end, -EINVAL if unsupported */
	int64_t (*seek)(void *ctx, int fd, int64_t off, int whence);

	/*
	 * A listening, non-blocking TCP socket with SO_REUSEPORT when share
	 * is set.  addr is a numeric IPv4 or IPv6 address, port 0 picks one;
	 * *port_out is the port bound.
	 */
	int (*net_listen)(void *ctx, const char *addr, uint16_t port,
	    bool share, uint16_t *port_out);
	/*
	 * The next connection, non-blocking, TCP_NODELAY, or -EAGAIN; peer
	 * gets the 16-byte address (IPv4 as ::ffff:a.b.c.d).
	 */
	int (*net_accept)(void *ctx, int fd, uint8_t peer[16]);
	ssize_t (*net_recv)(void *ctx, int fd, void *p, size_t n);
	/* more: another send follows at once (MSG_MORE) */
	ssize_t (*net_send)(void *ctx, int fd, const void *p, size_t n,
	    bool more);
	/* may be NULL, as where -EINVAL says that the file cannot */
	ssize_t (*net_sendfile)(void *ctx, int fd, int file, uint64_t off,
	    size_t n);
	/* bytes sent that the peer has not acknowledged; may be NULL */
	size_t (*net_queued)(void *ctx, int fd);
	int (*net_shutdown)(void *ctx, int fd);
};

struct env {
	const struct env_ops *ops;
	void *ctx;
	/* true: no threads are started, every pool runs its work inline */
	bool single;
};

/* One inline wrapper a call: env_openat(env, ...) and so on. */

static inline int64_t
env_now_ms(struct env *env)
{
	return env->ops->now_ms(env->ctx);
}

static inline struct env_time
env_now(struct env *env)
{
	return env->ops->now(env->ctx);
}

static inline int64_t
env_mono_ms(struct env *env)
{
	return env->ops->mono_ms(env->ctx);
}

static inline void
env_sleep_ms(struct env *env, unsigned ms)
{
	env->ops->sleep_ms(env->ctx, ms);
}

static inline void
env_random(struct env *env, void *out, size_t len)
{
	env->ops->random(env->ctx, out, len);
}

static inline void
env_boot_id(struct env *env, uint8_t out[16])
{
	env->ops->boot_id(env->ctx, out);
}

static inline int
env_openat(struct env *env, int dirfd, const char *path, int flags,
    unsigned mode)
{
	return env->ops->openat(env->ctx, dirfd, path, flags, mode);
}

static inline int
env_open_beneath(struct env *env, int dirfd, const char *path, int flags,
    unsigned mode)
{
	return env->ops->open_beneath(env->ctx, dirfd, path, flags, mode);
}

static inline int
env_close(struct env *env, int fd)
{
	return env->ops->close(env->ctx, fd);
}

static inline ssize_t
env_read(struct env *env, int fd, void *p, size_t n)
{
	return env->ops->read(env->ctx, fd, p, n);
}

static inline ssize_t
env_pread(struct env *env, int fd, void *p, size_t n, uint64_t off)
{
	return env->ops->pread(env->ctx, fd, p, n, off);
}

static inline ssize_t
env_write(struct env *env, int fd, const void *p, size_t n)
{
	return env->ops->write(env->ctx, fd, p, n);
}

static inline ssize_t
env_pwrite(struct env *env, int fd, const void *p, size_t n, uint64_t off)
{
	return env->ops->pwrite(env->ctx, fd, p, n, off);
}

static inline int
env_ftruncate(struct env *env, int fd, uint64_t len)
{
	return env->ops->ftruncate(env->ctx, fd, len);
}

static inline int
env_fsync(struct env *env, int fd)
{
	return env->ops->fsync(env->ctx, fd);
}

static inline int
env_syncfs(struct env *env, int fd)
{
	return env->ops->syncfs(env->ctx, fd);
}

/*
 * A hint: these bytes of fd, just written, may go to the disk from now on,
 * so that a later sync has less to wait for.  Makes nothing durable.
 */
static inline void
env_writeback(struct env *env, int fd, uint64_t off, uint64_t n)
{
	if (env->ops->writeback != NULL)
		env->ops->writeback(env->ctx, fd, off, n);
}

static inline int
env_fstat(struct env *env, int fd, struct env_stat *st)
{
	return env->ops->fstat(env->ctx, fd, st);
}

static inline int
env_statat(struct env *env, int dirfd, const char *path, struct env_stat *st)
{
	return env->ops->statat(env->ctx, dirfd, path, st);
}

static inline int
env_fsinfo(struct env *env, int fd, struct env_fsinfo *out)
{
	return env->ops->fsinfo(env->ctx, fd, out);
}

static inline int
env_fchmod(struct env *env, int fd, unsigned mode)
{
	return env->ops->fchmod(env->ctx, fd, mode);
}

static inline int
env_utimeat(struct env *env, int dirfd, const char *name, struct env_time mtime)
{
	return env->ops->utimeat(env->ctx, dirfd, name, mtime);
}

static inline int
env_mkdirat(struct env *env, int dirfd, const char *name, unsigned mode)
{
	return env->ops->mkdirat(env->ctx, dirfd, name, mode);
}

static inline int
env_unlinkat(struct env *env, int dirfd, const char *name, int flags)
{
	return env->ops->unlinkat(env->ctx, dirfd, name, flags);
}

static inline int
env_renameat(struct env *env, int fromfd, const char *from, int tofd,
    const char *to, unsigned flags)
{
	return env->ops->renameat(env->ctx, fromfd, from, tofd, to, flags);
}

static inline int
env_symlinkat(struct env *env, const char *target, int dirfd, const char *name)
{
	return env->ops->symlinkat(env->ctx, target, dirfd, name);
}

static inline ssize_t
env_readlinkat(struct env *env, int dirfd, const char *name, char *out,
    size_t cap)
{
	return env->ops->readlinkat(env->ctx, dirfd, name, out, cap);
}

static inline struct env_dir *
env_dir_open(struct env *env, int fd, int *err)
{
	return env->ops->dir_open(env->ctx, fd, err);
}

static inline int
env_dir_next(struct env *env, struct env_dir *d, struct env_dirent *e)
{
	return env->ops->dir_next(env->ctx, d, e);
}

static inline void
env_dir_close(struct env *env, struct env_dir *d)
{
	env->ops->dir_close(env->ctx, d);
}

static inline int
env_flock(struct env *env, int fd)
{
	return env->ops->flock(env->ctx, fd);
}

static inline int64_t
env_seek(struct env *env, int fd, int64_t off, int whence)
{
	return env->ops->seek(env->ctx, fd, off, whence);
}

static inline int
env_net_listen(struct env *env, const char *addr, uint16_t port, bool share,
    uint16_t *port_out)
{
	return env->ops->net_listen(env->ctx, addr, port, share, port_out);
}

static inline int
env_net_accept(struct env *env, int fd, uint8_t peer[16])
{
	return env->ops->net_accept(env->ctx, fd, peer);
}

static inline ssize_t
env_net_recv(struct env *env, int fd, void *p, size_t n)
{
	return env->ops->net_recv(env->ctx, fd, p, n);
}

static inline ssize_t
env_net_send(struct env *env, int fd, const void *p, size_t n, bool more)
{
	return env->ops->net_send(env->ctx, fd, p, n, more);
}

/* As env_net_send, of bytes of a file, which no buffer sees; -EINVAL: not
 * from this one.  0: the file has none there. */
static inline ssize_t
env_net_sendfile(struct env *env, int fd, int file, uint64_t off, size_t n)
{
	if (env->ops->net_sendfile == NULL)
		return -EINVAL;
	return env->ops->net_sendfile(env->ctx, fd, file, off, n);
}

/* Bytes sent that the peer has not acknowledged; 0 where nobody knows. */
static inline size_t
env_net_queued(struct env *env, int fd)
{
	if (env->ops->net_queued == NULL)
		return 0;
	return env->ops->net_queued(env->ctx, fd);
}

static inline int
env_net_shutdown(struct env *env, int fd)
{
	return env->ops->net_shutdown(env->ctx, fd);
}

/* The real one; static, never freed. */
struct env *env_posix(void);

/*
 * A setting from the process environment, or NULL.  name is upper case.
 * The only caller of getenv.
 */
const char *env_var(const char *name);

#endif
