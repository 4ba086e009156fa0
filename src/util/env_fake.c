/* Clock, generator, faults and trace around the file system in memory. */
#include "util/env_fake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/fs_fake.h"

#define START_MS INT64_C(1767225600000)	/* 2026-01-01 */
#define STEP_US 1	/* what a call moves the clocks by */
#define TICK_NS 4000000	/* granularity of file times */

struct fake {
	struct env env;
	struct fs fs;
	unsigned umask;
	uint64_t rng;
	uint64_t trace;
	int64_t wall_us;
	int64_t mono_us;
	int64_t calls;
	int64_t fail_at;	/* -1: off */
	int fail_err;
	bool fail_crash;
	uint8_t boot[16];
};

struct env_dir {
	size_t n;
	size_t at;
	struct env_dirent *e;	/* names owned */
};

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t
scramble(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint64_t
draw(struct fake *f)
{
	f->rng += UINT64_C(0x9e3779b97f4a7c15);
	return scramble(f->rng);
}

uint64_t
fake_below(struct fake *f, uint64_t n)
{
	uint64_t v = draw(f);

	/* the bias is below 2^-32 for all that a test asks for */
	return v % n;
}

static uint64_t
below(void *arg, uint64_t n)
{
	return fake_below(arg, n);
}

static void
mix(struct fake *f, uint64_t v)
{
	f->trace = (f->trace ^ v) * UINT64_C(0x9fb21c651e98df25);
	f->trace ^= f->trace >> 32;
}

static void
mix_bytes(struct fake *f, const void *p, size_t n)
{
	const uint8_t *b = p;
	uint64_t v = 0;

	mix(f, n);
	for (; n >= 8; b += 8, n -= 8) {
		memcpy(&v, b, 8);
		mix(f, v);
	}
	v = 0;
	if (n > 0)
		memcpy(&v, b, n);
	mix(f, v);
}

static void
tick(struct fake *f)
{
	int64_t ns;

	f->wall_us += STEP_US;
	f->mono_us += STEP_US;
	f->fs.now.sec = f->wall_us / 1000000;
	ns = f->wall_us % 1000000 * 1000;
	if (ns < 0) {
		ns += 1000000000;
		f->fs.now.sec--;
	}
	f->fs.now.nsec = (uint32_t)(ns - ns % TICK_NS);
}

/*
 * Begins the file system call what on fd and path (NULL: none).  Not 0: the
 * error it is to fail with.
 */
static int
enter(struct fake *f, unsigned what, int fd, const char *path)
{
	int64_t n = f->calls++;

	tick(f);
	f->fs.op++;
	mix(f, what);
	mix(f, (uint64_t)fd);
	if (path != NULL)
		mix_bytes(f, path, strlen(path));
	if (f->fail_at < 0 || n < f->fail_at)
		return 0;
	if (n > f->fail_at && !f->fail_crash)
		return 0;
	return -f->fail_err;
}

static int64_t
leave(struct fake *f, int64_t r)
{
	mix(f, (uint64_t)r);
	return r;
}

/* A call as a whole: the given expression, unless it is to fail. */
#define CALL(type, what, fd, path, expr)                                     \
	do {                                                                 \
		struct fake *f = ctx;                                        \
		int64_t r_ = enter(f, (what), (fd), (path));                 \
		if (r_ == 0)                                                 \
			r_ = (expr);                                         \
		return (type)leave(f, r_);                                   \
	} while (0)

static int64_t
now_ms(void *ctx)
{
	struct fake *f = ctx;

	tick(f);
	return f->wall_us / 1000;
}

static struct env_time
now(void *ctx)
{
	struct fake *f = ctx;
	struct env_time t;

	tick(f);
	t.sec = f->wall_us / 1000000;
	t.nsec = 0;
	if (f->wall_us % 1000000 < 0)
		t.sec--;
	t.nsec = (uint32_t)((f->wall_us - t.sec * 1000000) * 1000);
	return t;
}

static int64_t
mono_ms(void *ctx)
{
	struct fake *f = ctx;

	tick(f);
	return f->mono_us / 1000;
}

static void
sleep_ms(void *ctx, unsigned ms)
{
	mix(ctx, ms);
	fake_advance(ctx, ms);
}

static void
random_bytes(void *ctx, void *out, size_t len)
{
	uint8_t *p = out;

	while (len > 0) {
		uint64_t v = draw(ctx);
		size_t n = len < sizeof(v) ? len : sizeof(v);

		memcpy(p, &v, n);
		p += n;
		len -= n;
	}
	mix(ctx, ((struct fake *)ctx)->rng);
}

static void
boot_id(void *ctx, uint8_t out[16])
{
	memcpy(out, ((struct fake *)ctx)->boot, 16);
}

static int
f_openat(void *ctx, int dirfd, const char *path, int flags, unsigned mode)
{
	CALL(int, 1, dirfd, path, fs_open(&f->fs, dirfd, path, flags,
	    mode & ~f->umask, 0));
}

static int
f_open_beneath(void *ctx, int dirfd, const char *path, int flags,
    unsigned mode)
{
	CALL(int, 2, dirfd, path, fs_open(&f->fs, dirfd, path, flags,
	    mode & ~f->umask, FS_BENEATH));
}

static int
f_close(void *ctx, int fd)
{
	struct fake *f = ctx;

	return fs_close(&f->fs, fd);
}

static ssize_t
f_read(void *ctx, int fd, void *p, size_t n)
{
	CALL(ssize_t, 3, fd, NULL, fs_read(&f->fs, fd, p, n));
}

static ssize_t
f_pread(void *ctx, int fd, void *p, size_t n, uint64_t off)
{
	CALL(ssize_t, 4, fd, NULL, fs_pread(&f->fs, fd, p, n, off));
}

static ssize_t
f_write(void *ctx, int fd, const void *p, size_t n)
{
	struct fake *f = ctx;
	int64_t r = enter(f, 5, fd, NULL);

	mix_bytes(f, p, n);
	if (r == 0)
		r = fs_write(&f->fs, fd, p, n);
	else if (f->calls - 1 == f->fail_at && n > 0)
		(void)fs_write(&f->fs, fd, p, (size_t)fake_below(f, n));
	return (ssize_t)leave(f, r);
}

static ssize_t
f_pwrite(void *ctx, int fd, const void *p, size_t n, uint64_t off)
{
	struct fake *f = ctx;
	int64_t r = enter(f, 6, fd, NULL);

	mix_bytes(f, p, n);
	if (r == 0)
		r = fs_pwrite(&f->fs, fd, p, n, off);
	else if (f->calls - 1 == f->fail_at && n > 0)
		(void)fs_pwrite(&f->fs, fd, p, (size_t)fake_below(f, n), off);
	return (ssize_t)leave(f, r);
}

static int
f_ftruncate(void *ctx, int fd, uint64_t len)
{
	CALL(int, 7, fd, NULL, fs_truncate(&f->fs, fd, len));
}

static int
f_fsync(void *ctx, int fd)
{
	CALL(int, 8, fd, NULL, fs_sync(&f->fs, fd, false));
}

static int
f_syncfs(void *ctx, int fd)
{
	CALL(int, 9, fd, NULL, fs_sync(&f->fs, fd, true));
}

static int
f_fstat(void *ctx, int fd, struct env_stat *st)
{
	CALL(int, 10, fd, NULL, fs_fstat(&f->fs, fd, st));
}

static int
f_statat(void *ctx, int dirfd, const char *path, struct env_stat *st)
{
	CALL(int, 11, dirfd, path, fs_statat(&f->fs, dirfd, path, st));
}

static int
f_fsinfo(void *ctx, int fd, struct env_fsinfo *out)
{
	CALL(int, 12, fd, NULL, fs_info(&f->fs, fd, out));
}

static int
f_fchmod(void *ctx, int fd, unsigned mode)
{
	CALL(int, 13, fd, NULL, fs_chmod(&f->fs, fd, mode));
}

static int
f_utimeat(void *ctx, int dirfd, const char *name, struct env_time mtime)
{
	CALL(int, 14, dirfd, name, fs_utime(&f->fs, dirfd, name, mtime));
}

static int
f_mkdirat(void *ctx, int dirfd, const char *name, unsigned mode)
{
	CALL(int, 15, dirfd, name, fs_mkdir(&f->fs, dirfd, name,
	    mode & ~f->umask));
}

static int
f_unlinkat(void *ctx, int dirfd, const char *name, int flags)
{
	CALL(int, 16, dirfd, name, fs_unlink(&f->fs, dirfd, name, flags));
}

static int
f_renameat(void *ctx, int fromfd, const char *from, int tofd,
    const char *to, unsigned flags)
{
	mix_bytes(ctx, to, strlen(to));
	CALL(int, 17, fromfd, from, fs_rename(&f->fs, fromfd, from, tofd, to,
	    flags));
}

static int
f_symlinkat(void *ctx, const char *target, int dirfd, const char *name)
{
	mix_bytes(ctx, target, strlen(target));
	CALL(int, 18, dirfd, name, fs_symlink(&f->fs, target, dirfd, name));
}

static ssize_t
f_readlinkat(void *ctx, int dirfd, const char *name, char *out, size_t cap)
{
	CALL(ssize_t, 19, dirfd, name, fs_readlink(&f->fs, dirfd, name, out,
	    cap));
}

static void
f_dir_close(void *ctx, struct env_dir *d)
{
	(void)ctx;
	if (d == NULL)
		return;
	for (size_t i = 0; i < d->n; i++)
		free((char *)(uintptr_t)d->e[i].name);
	free(d->e);
	free(d);
}

/* What dir holds now, from an entry chosen by the seed round to it again. */
static struct env_dir *
list(struct fake *f, const struct fs_node *dir)
{
	struct env_dir *d = calloc(1, sizeof(*d));
	size_t from = dir->ents_n == 0 ? 0 :
	    (size_t)fake_below(f, dir->ents_n);

	if (d == NULL)
		return NULL;
	d->e = calloc(dir->ents_n + 1, sizeof(*d->e));
	while (d->e != NULL && d->n < dir->ents_n) {
		struct fs_ent *e = &dir->ents[(from + d->n) % dir->ents_n];
		char *name = strdup(e->name);

		if (name == NULL)
			break;
		d->e[d->n++] = (struct env_dirent){ .name = name,
		    .ino = e->node->ino,
		    .type = (uint8_t)((e->node->mode & S_IFMT) >> 12) };
	}
	if (d->e == NULL || d->n < dir->ents_n) {
		f_dir_close(NULL, d);
		return NULL;
	}
	return d;
}

static struct env_dir *
f_dir_open(void *ctx, int fd, int *err)
{
	struct fake *f = ctx;
	struct fs_fd *d = fs_fd(&f->fs, fd);
	struct env_dir *dir = NULL;

	*err = enter(f, 20, fd, NULL);
	if (*err == 0 && d == NULL)
		*err = -EBADF;
	if (*err == 0 && !S_ISDIR(d->node->mode))
		*err = -ENOTDIR;
	if (*err == 0) {
		dir = list(f, d->node);
		*err = dir == NULL ? -ENOMEM : 0;
	}
	(void)leave(f, *err);
	return dir;
}

static int64_t
dir_step(struct env_dir *d, struct env_dirent *e)
{
	if (d->at == d->n)
		return 0;
	*e = d->e[d->at++];
	return 1;
}

static int
f_dir_next(void *ctx, struct env_dir *d, struct env_dirent *e)
{
	CALL(int, 21, 0, NULL, dir_step(d, e));
}

static int
f_flock(void *ctx, int fd)
{
	CALL(int, 22, fd, NULL, fs_flock(&f->fs, fd));
}

static int64_t
f_seek(void *ctx, int fd, int64_t off, int whence)
{
	CALL(int64_t, 23, fd, NULL, fs_seek(&f->fs, fd, off, whence));
}

static int
f_listen(void *ctx, const char *addr, uint16_t port, bool share,
    uint16_t *port_out)
{
	(void)ctx, (void)addr, (void)port, (void)share, (void)port_out;
	return -ENOSYS;
}

static int
f_accept(void *ctx, int fd, uint8_t peer[16])
{
	(void)ctx, (void)fd, (void)peer;
	return -ENOSYS;
}

static ssize_t
f_recv(void *ctx, int fd, void *p, size_t n)
{
	(void)ctx, (void)fd, (void)p, (void)n;
	return -ENOSYS;
}

static ssize_t
f_send(void *ctx, int fd, const void *p, size_t n, bool more)
{
	(void)ctx, (void)fd, (void)p, (void)n, (void)more;
	return -ENOSYS;
}

static int
f_shutdown(void *ctx, int fd)
{
	(void)ctx, (void)fd;
	return -ENOSYS;
}

static const struct env_ops ops = {
	.now_ms = now_ms, .now = now, .mono_ms = mono_ms,
	.sleep_ms = sleep_ms, .random = random_bytes, .boot_id = boot_id,
	.openat = f_openat, .open_beneath = f_open_beneath, .close = f_close,
	.read = f_read, .pread = f_pread, .write = f_write,
	.pwrite = f_pwrite, .ftruncate = f_ftruncate, .fsync = f_fsync,
	.syncfs = f_syncfs, .fstat = f_fstat, .statat = f_statat,
	.fsinfo = f_fsinfo, .fchmod = f_fchmod, .utimeat = f_utimeat,
	.mkdirat = f_mkdirat, .unlinkat = f_unlinkat, .renameat = f_renameat,
	.symlinkat = f_symlinkat, .readlinkat = f_readlinkat,
	.dir_open = f_dir_open, .dir_next = f_dir_next,
	.dir_close = f_dir_close, .flock = f_flock, .seek = f_seek,
	.net_listen = f_listen, .net_accept = f_accept, .net_recv = f_recv,
	.net_send = f_send, .net_shutdown = f_shutdown
};

struct fake *
fake_new(uint64_t seed)
{
	struct fake *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->rng = scramble(seed + 1);
	f->wall_us = START_MS * 1000;
	f->fail_at = -1;
	f->env = (struct env){ .ops = &ops, .ctx = f, .single = true };
	if (fs_init(&f->fs) != 0) {
		free(f);
		return NULL;
	}
	tick(f);
	random_bytes(f, f->boot, sizeof(f->boot));
	return f;
}

void
fake_free(struct fake *f)
{
	if (f == NULL)
		return;
	fs_free(&f->fs);
	free(f);
}

struct env *
fake_env(struct fake *f)
{
	return &f->env;
}

void
fake_advance(struct fake *f, uint64_t ms)
{
	f->wall_us += (int64_t)ms * 1000;
	f->mono_us += (int64_t)ms * 1000;
}

void
fake_set_wall(struct fake *f, int64_t at_ms)
{
	f->wall_us = at_ms * 1000;
}

uint64_t
fake_trace(const struct fake *f)
{
	return f->trace;
}

void
fake_fail_at(struct fake *f, int64_t n, int err, bool crash)
{
	f->fail_at = n < 0 ? -1 : n;
	f->fail_err = err;
	f->fail_crash = crash;
}

int64_t
fake_calls(const struct fake *f)
{
	return f->calls;
}

void
fake_set_space(struct fake *f, uint64_t bytes)
{
	f->fs.space = bytes;
}

void
fake_set_umask(struct fake *f, unsigned mask)
{
	f->umask = mask;
}

void
fake_set_names(struct fake *f, unsigned how)
{
	f->fs.names = how;
	for (struct fs_node *n = f->fs.all; n != NULL; n = n->next)
		n->names = how;
}

int
fake_mount(struct fake *f, const char *path)
{
	return fs_mount(&f->fs, path);
}

int
fake_umount(struct fake *f, const char *path)
{
	return fs_umount(&f->fs, path);
}

void
fake_crash(struct fake *f)
{
	f->fail_at = -1;
	fs_crash(&f->fs, below, f);
	random_bytes(f, f->boot, sizeof(f->boot));
}
