/*
 * Interposed with LD_PRELOAD: one call fails as if the machine had refused
 * it, whoever makes it, SQLite, libcurl and the rest too.
 *
 * TEST_FAIL says which and for how long, counted from the start of main on:
 *	alloc	call TEST_FAIL_AT of those that want memory, that one alone
 *	allocs	all from there on
 *	io	call TEST_FAIL_AT of those that read, write, open, name, list or
 *		sync files or talk to a peer, that one alone, each time with
 *		another error of those that it may have; a read or write may
 *		be short instead
 *	dead	all from there on, with EIO
 *	full	of those that need space all from there on, with ENOSPC
 *
 * What moves by stdin, stdout and stderr, pipes and events is let through.
 * TEST_FAIL_LOG, a file that is there, gets "N NAME ERROR" of the first, or "N end" if the
 * process ended with fewer.  TEST_FAIL_SEED turns the errors of io.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/* The next library's function of that name, once looked up. */
#define REAL(name)                                                           \
	static __typeof__(&name) real;                                       \
	if (real == NULL)                                                    \
		*(void **)&real = dlsym(RTLD_NEXT, #name)

/* In place of an error: by half. */
#define SHORT (-1)

/* The errors that a kind of call may have, ended by 0. */
struct kind {
	bool space;	/* needs room on the disk */
	int err[6];
};

static const struct kind memory = { false, { ENOMEM } };
static const struct kind threads = { false, { EAGAIN } };
static const struct kind opens = { false,
    { EIO, EMFILE, EINTR, ENOMEM, EACCES } };
static const struct kind makes = { true,
    { ENOSPC, EIO, EINTR, EMFILE, EROFS } };
static const struct kind reads = { false, { EIO, SHORT, EINTR, ENOMEM } };
static const struct kind writes = { true, { ENOSPC, SHORT, EIO, EINTR } };
static const struct kind names = { true, { ENOSPC, EIO, ENOMEM, EACCES } };
static const struct kind removes = { false, { EIO, EACCES, ENOMEM } };
static const struct kind looks = { false, { EIO, ENOMEM, EACCES } };
static const struct kind syncs = { false, { EIO, ENOSPC } };
static const struct kind sets = { false, { EIO, EPERM } };
static const struct kind locks = { false, { ENOLCK, EIO } };
static const struct kind hears = { false,
    { ECONNRESET, SHORT, EINTR, ENOMEM } };
static const struct kind tells = { false,
    { EPIPE, SHORT, EINTR, ECONNRESET, ENOBUFS } };
static const struct kind sockets = { false, { EMFILE, ENOBUFS, ENOMEM } };
static const struct kind meets = { false,
    { ECONNREFUSED, ENETUNREACH, ETIMEDOUT } };
static const struct kind accepts = { false,
    { EMFILE, ECONNABORTED, EINTR, ENOBUFS } };
static const struct kind waits = { false, { EINTR, ENOMEM } };

static enum mode { ALLOC, ALLOCS, IO, DEAD, FULL } mode;
static bool started;
static long fail_at;
static long seed;
static atomic_long calls;

static void
note(const char *what, long n, const char *more)
{
	const char *file = getenv("TEST_FAIL_LOG");
	char line[80];
	int len = snprintf(line, sizeof(line), "%ld %s%s\n", n, what, more);
	long fd = file == NULL ? -1 : syscall(SYS_openat, AT_FDCWD, file,
	    O_WRONLY | O_APPEND | O_CLOEXEC, 0);

	if (fd < 0)
		return;
	(void)syscall(SYS_write, fd, line, (size_t)len);
	(void)syscall(SYS_close, fd);
}

static long
number(const char *name)
{
	const char *v = getenv(name);

	return v == NULL ? 0 : (long)strtoul(v, NULL, 10);
}

__attribute__((constructor)) static void
begin(void)
{
	static const char *const known[] = { "alloc", "allocs", "io", "dead",
	    "full" };
	const char *v = getenv("TEST_FAIL");

	for (unsigned i = 0; v != NULL && i <= FULL; i++)
		if (strcmp(v, known[i]) == 0)
			mode = (enum mode)i;
	fail_at = number("TEST_FAIL_AT");
	seed = number("TEST_FAIL_SEED");
	if (fail_at > 0)
		(void)alarm(120);	/* SIGALRM ends one that hangs */
	started = true;
}

__attribute__((destructor)) static void
end(void)
{
	long n = atomic_load(&calls);

	started = false;
	if (fail_at == 0 || n < fail_at)
		note("end", n, "");
}

static bool
counted(const struct kind *k)
{
	bool alloc = k == &memory || k == &threads;

	switch (mode) {
	case ALLOC:
	case ALLOCS:
		return alloc;
	case FULL:
		return k->space;
	default:
		return !alloc;
	}
}

static int
error_of(const struct kind *k, long n)
{
	int have = 0;

	if (mode == FULL)
		return ENOSPC;
	if (mode == DEAD)
		return EIO;
	while (have < 6 && k->err[have] != 0)
		have++;
	return k->err[(n + seed) % have];
}

/* 0: the call is to be made; SHORT; else the errno it fails with. */
static int
fails(const char *what, const struct kind *k)
{
	bool lasting = mode == ALLOCS || mode == DEAD || mode == FULL;
	int saved = errno;
	char more[24] = " short";
	long n;
	int e;

	if (!started || !counted(k))
		return 0;
	n = atomic_fetch_add(&calls, 1) + 1;
	if (fail_at == 0 || n < fail_at || (n > fail_at && !lasting))
		return 0;
	e = error_of(k, n);
	if (e != SHORT)
		(void)snprintf(more, sizeof(more), " %s", strerrorname_np(e));
	if (n == fail_at)
		note(what, n, more);
	errno = e == SHORT ? saved : e;
	return e;
}

/* A call that is made whole or not at all; bad is what it returns if not. */
#define WHOLE(type, name, kind, bad, args, call)                             \
	type name args                                                       \
	{                                                                    \
		REAL(name);                                                  \
		if (fails(#name, &kind) > 0)                                 \
			return bad;                                          \
		return real call;                                            \
	}

/* Whether fd is a file or a peer, which may refuse; not an event or a pipe. */
static bool
refuses(int fd)
{
	struct stat st;

	return fd > 2 && syscall(SYS_fstat, fd, &st) == 0 &&
	    (S_ISREG(st.st_mode) || S_ISSOCK(st.st_mode) ||
	    S_ISDIR(st.st_mode));
}

/* A call that moves n bytes of fd. */
#define MOVES(name, kind, args, call)                                        \
	ssize_t name args                                                    \
	{                                                                    \
		int e = 0;                                                   \
		REAL(name);                                                  \
		if (refuses(fd))                                             \
			e = fails(#name, &kind);                             \
		if (e > 0)                                                   \
			return -1;                                           \
		if (e == SHORT && n > 1)                                     \
			n /= 2;                                              \
		return real call;                                            \
	}

/* glibc's own, which these stand for; dlsym would ask for memory itself. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t k, size_t n);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t a, size_t n);

void *
malloc(size_t n)
{
	return fails("malloc", &memory) ? NULL : __libc_malloc(n);
}

void *
calloc(size_t k, size_t n)
{
	return fails("calloc", &memory) ? NULL : __libc_calloc(k, n);
}

void *
realloc(void *p, size_t n)
{
	return fails("realloc", &memory) ? NULL : __libc_realloc(p, n);
}

void *
aligned_alloc(size_t a, size_t n)
{
	return fails("aligned_alloc", &memory) ? NULL : __libc_memalign(a, n);
}

int
posix_memalign(void **out, size_t a, size_t n)
{
	void *p = fails("posix_memalign", &memory) ? NULL :
	    __libc_memalign(a, n);

	if (p == NULL)
		return ENOMEM;
	*out = p;
	return 0;
}

static void *
map(const char *what, void *p, size_t n, int prot, int flags, int fd,
    off_t off)
{
	if (fails(what, fd < 0 ? &memory : &looks) > 0) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return (void *)(uintptr_t)syscall(SYS_mmap, p, n, prot, flags, fd,
	    off);
}

void *
mmap(void *p, size_t n, int prot, int flags, int fd, off_t off)
{
	return map("mmap", p, n, prot, flags, fd, off);
}

void *
mmap64(void *p, size_t n, int prot, int flags, int fd, off64_t off)
{
	return map("mmap64", p, n, prot, flags, fd, off);
}

int
pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *),
    void *arg)
{
	REAL(pthread_create);
	if (fails("pthread_create", &threads))
		return EAGAIN;
	return real(t, a, f, arg);
}

MOVES(read, reads, (int fd, void *p, size_t n), (fd, p, n))
MOVES(pread, reads, (int fd, void *p, size_t n, off_t o), (fd, p, n, o))
MOVES(pread64, reads, (int fd, void *p, size_t n, off64_t o), (fd, p, n, o))
MOVES(write, writes, (int fd, const void *p, size_t n), (fd, p, n))
MOVES(pwrite, writes, (int fd, const void *p, size_t n, off_t o),
    (fd, p, n, o))
MOVES(pwrite64, writes, (int fd, const void *p, size_t n, off64_t o),
    (fd, p, n, o))
MOVES(recv, hears, (int fd, void *p, size_t n, int f), (fd, p, n, f))
MOVES(send, tells, (int fd, const void *p, size_t n, int f), (fd, p, n, f))
MOVES(sendfile, tells, (int fd, int from, off_t *o, size_t n),
    (fd, from, o, n))

/* What the fortified calls of the program become. */
ssize_t __read_chk(int fd, void *p, size_t n, size_t have);
ssize_t __pread_chk(int fd, void *p, size_t n, off_t o, size_t have);
ssize_t __pread64_chk(int fd, void *p, size_t n, off64_t o, size_t have);
ssize_t __recv_chk(int fd, void *p, size_t n, size_t have, int f);
ssize_t __readlinkat_chk(int fd, const char *name, char *out, size_t n,
    size_t have);
MOVES(__read_chk, reads, (int fd, void *p, size_t n, size_t have),
    (fd, p, n, have))
MOVES(__pread_chk, reads, (int fd, void *p, size_t n, off_t o, size_t have),
    (fd, p, n, o, have))
MOVES(__pread64_chk, reads, (int fd, void *p, size_t n, off64_t o,
    size_t have), (fd, p, n, o, have))
MOVES(__recv_chk, hears, (int fd, void *p, size_t n, size_t have, int f),
    (fd, p, n, have, f))
WHOLE(ssize_t, __readlinkat_chk, looks, -1, (int fd, const char *name,
    char *out, size_t n, size_t have), (fd, name, out, n, have))
WHOLE(ssize_t, readlinkat, looks, -1, (int fd, const char *name, char *out,
    size_t n), (fd, name, out, n))

WHOLE(int, fsync, syncs, -1, (int fd), (fd))
WHOLE(int, fdatasync, syncs, -1, (int fd), (fd))
WHOLE(int, syncfs, syncs, -1, (int fd), (fd))
WHOLE(int, ftruncate, names, -1, (int fd, off_t n), (fd, n))
WHOLE(int, ftruncate64, names, -1, (int fd, off64_t n), (fd, n))
WHOLE(int, fallocate, names, -1, (int fd, int m, off_t o, off_t n),
    (fd, m, o, n))
WHOLE(int, fchmod, sets, -1, (int fd, mode_t m), (fd, m))
WHOLE(int, utimensat, sets, -1, (int fd, const char *p,
    const struct timespec t[2], int f), (fd, p, t, f))
WHOLE(int, mkdir, names, -1, (const char *p, mode_t m), (p, m))
WHOLE(int, mkdirat, names, -1, (int fd, const char *p, mode_t m), (fd, p, m))
WHOLE(int, rmdir, removes, -1, (const char *p), (p))
WHOLE(int, unlink, removes, -1, (const char *p), (p))
WHOLE(int, unlinkat, removes, -1, (int fd, const char *p, int f), (fd, p, f))
WHOLE(int, rename, names, -1, (const char *p, const char *q), (p, q))
WHOLE(int, renameat, names, -1, (int a, const char *p, int b, const char *q),
    (a, p, b, q))
WHOLE(int, renameat2, names, -1, (int a, const char *p, int b, const char *q,
    unsigned f), (a, p, b, q, f))
WHOLE(int, link, names, -1, (const char *p, const char *q), (p, q))
WHOLE(int, linkat, names, -1, (int a, const char *p, int b, const char *q,
    int f), (a, p, b, q, f))
WHOLE(int, symlink, names, -1, (const char *p, const char *q), (p, q))
WHOLE(int, symlinkat, names, -1, (const char *p, int b, const char *q),
    (p, b, q))
WHOLE(int, stat, looks, -1, (const char *p, struct stat *s), (p, s))
WHOLE(int, lstat, looks, -1, (const char *p, struct stat *s), (p, s))
WHOLE(int, fstat, looks, -1, (int fd, struct stat *s), (fd, s))
WHOLE(int, stat64, looks, -1, (const char *p, struct stat64 *s), (p, s))
WHOLE(int, lstat64, looks, -1, (const char *p, struct stat64 *s), (p, s))
WHOLE(int, fstat64, looks, -1, (int fd, struct stat64 *s), (fd, s))
WHOLE(int, statx, looks, -1, (int fd, const char *p, int f, unsigned m,
    struct statx *s), (fd, p, f, m, s))
WHOLE(int, fstatfs, looks, -1, (int fd, struct statfs *s), (fd, s))
WHOLE(int, access, looks, -1, (const char *p, int m), (p, m))
WHOLE(DIR *, fdopendir, opens, NULL, (int fd), (fd))
WHOLE(struct dirent *, readdir, looks, NULL, (DIR *d), (d))
WHOLE(int, flock, locks, -1, (int fd, int op), (fd, op))

WHOLE(int, socket, sockets, -1, (int d, int t, int p), (d, t, p))
WHOLE(int, bind, meets, -1, (int fd, __CONST_SOCKADDR_ARG a, socklen_t n),
    (fd, a, n))
WHOLE(int, listen, meets, -1, (int fd, int n), (fd, n))
WHOLE(int, connect, meets, -1, (int fd, __CONST_SOCKADDR_ARG a,
    socklen_t n), (fd, a, n))
WHOLE(int, accept4, accepts, -1, (int fd, __SOCKADDR_ARG a, socklen_t *n,
    int f), (fd, a, n, f))
WHOLE(int, epoll_create1, sockets, -1, (int f), (f))
WHOLE(int, epoll_ctl, waits, -1, (int e, int op, int fd,
    struct epoll_event *v), (e, op, fd, v))
WHOLE(int, epoll_wait, waits, -1, (int e, struct epoll_event *v, int n,
    int ms), (e, v, n, ms))
WHOLE(int, poll, waits, -1, (struct pollfd *p, nfds_t n, int ms),
    (p, n, ms))

/* Locks of SQLite.  The argument is a word or a pointer. */
#define FCNTL(name)                                                          \
	int name(int fd, int cmd, ...)                                       \
	{                                                                    \
		va_list ap;                                                  \
		void *arg;                                                   \
		REAL(name);                                                  \
		va_start(ap, cmd);                                           \
		arg = va_arg(ap, void *);                                    \
		va_end(ap);                                                  \
		if (cmd == F_SETLK && fails(#name, &locks) > 0)              \
			return -1;                                           \
		return real(fd, cmd, arg);                                   \
	}

FCNTL(fcntl)
FCNTL(fcntl64)

static const struct kind *
open_kind(int flags)
{
	return (flags & O_CREAT) != 0 ? &makes : &opens;
}

static mode_t
mode_of(int flags, va_list ap)
{
	return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ?
	    va_arg(ap, mode_t) : 0;
}

#define OPEN(name)                                                           \
	int name(const char *p, int flags, ...)                              \
	{                                                                    \
		va_list ap;                                                  \
		mode_t bits;                                                 \
		REAL(name);                                                  \
		va_start(ap, flags);                                         \
		bits = mode_of(flags, ap);                                   \
		va_end(ap);                                                  \
		if (fails(#name, open_kind(flags)) > 0)                      \
			return -1;                                           \
		return real(p, flags, bits);                                 \
	}

#define OPENAT(name)                                                         \
	int name(int fd, const char *p, int flags, ...)                      \
	{                                                                    \
		va_list ap;                                                  \
		mode_t bits;                                                 \
		REAL(name);                                                  \
		va_start(ap, flags);                                         \
		bits = mode_of(flags, ap);                                   \
		va_end(ap);                                                  \
		if (fails(#name, open_kind(flags)) > 0)                      \
			return -1;                                           \
		return real(fd, p, flags, bits);                             \
	}

int __open_2(const char *p, int flags);
int __open64_2(const char *p, int flags);
int __openat_2(int fd, const char *p, int flags);
int __openat64_2(int fd, const char *p, int flags);
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
WHOLE(int, __open_2, opens, -1, (const char *p, int flags), (p, flags))
WHOLE(int, __open64_2, opens, -1, (const char *p, int flags), (p, flags))
WHOLE(int, __openat_2, opens, -1, (int fd, const char *p, int flags),
    (fd, p, flags))
WHOLE(int, __openat64_2, opens, -1, (int fd, const char *p, int flags),
    (fd, p, flags))

/* openat2 has no function of its own. */
long
syscall(long no, ...)
{
	va_list ap;
	long a[6];
	REAL(syscall);

	va_start(ap, no);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (no == SYS_openat2 && fails("openat2", open_kind((int)
	    ((const struct open_how *)a[2])->flags)) > 0)
		return -1;
	return real(no, a[0], a[1], a[2], a[3], a[4], a[5]);
}
