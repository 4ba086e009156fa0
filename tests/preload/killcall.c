/*
 * Interposed with LD_PRELOAD: kills the process (-9) at call TEST_KILL_AT of
 * those that change a file, a folder or what goes to a peer, whoever makes
 * them, SQLite and libcurl too.  A call that moves bytes counts twice: it is
 * killed before it, or after half of the bytes.  Other threads get no
 * further than their next such call.
 *
 * TEST_KILL_LOG, a file that is there, gets a line: "N NAME", or "N NAME
 * half", of the call, or "N end" once all N were made and the process ends.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* The next library's function of that name, once looked up. */
#define REAL(name)                                                           \
	static __typeof__(&name) real;                                       \
	if (real == NULL)                                                    \
		*(void **)&real = dlsym(RTLD_NEXT, #name)

static atomic_long steps;
static long kill_at;

static void
note(const char *what, long n, const char *more)
{
	const char *file = getenv("TEST_KILL_LOG");
	char line[80];
	int len = snprintf(line, sizeof(line), "%ld %s%s\n", n, what, more);
	long fd = file == NULL ? -1 : syscall(SYS_openat, AT_FDCWD, file,
	    O_WRONLY | O_APPEND | O_CLOEXEC, 0);

	if (fd < 0)
		return;
	(void)syscall(SYS_write, fd, line, (size_t)len);
	(void)syscall(SYS_close, fd);
}

__attribute__((constructor)) static void
begin(void)
{
	const char *at = getenv("TEST_KILL_AT");

	kill_at = at == NULL ? 0 : (long)strtoul(at, NULL, 10);
	if (kill_at > 0)
		(void)alarm(120);	/* SIGALRM ends one that hangs */
}

__attribute__((destructor)) static void
end(void)
{
	note("end", atomic_load(&steps), "");
}

static _Noreturn void
die(void)
{
	(void)syscall(SYS_kill, getpid(), SIGKILL);
	for (;;)
		(void)pause();
}

/* Before a step; true: this one is to be done by half, then die(). */
static int
step(const char *what, int half)
{
	long n = atomic_fetch_add(&steps, 1) + 1;
	int saved = errno;

	if (kill_at == 0 || n < kill_at)
		return 0;
	while (n > kill_at)
		(void)pause();	/* another thread dies for all */
	note(what, n, half ? " half" : "");
	if (!half)
		die();
	errno = saved;
	return 1;
}

/* Whether what is written there outlives the process. */
static int
counts(int fd)
{
	struct stat st;

	return fd > 2 && fstat(fd, &st) == 0 &&
	    (S_ISREG(st.st_mode) || S_ISSOCK(st.st_mode));
}

/* For a call that moves n bytes: how many are to be moved before the end. */
static size_t
moves(const char *what, int fd, size_t n)
{
	if (n == 0 || !counts(fd))
		return 0;
	(void)step(what, 0);
	if (!step(what, 1))
		return 0;
	if (n == 1)
		die();
	return n / 2;
}

#define MOVES(name, fd, n, call)                                             \
	do {                                                                 \
		size_t half = moves(#name, fd, n);                           \
		if (half > 0) {                                              \
			n = half;                                            \
			(void)call;                                          \
			die();                                               \
		}                                                            \
		return call;                                                 \
	} while (0)

ssize_t
write(int fd, const void *p, size_t n)
{
	REAL(write);
	MOVES(write, fd, n, real(fd, p, n));
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t off)
{
	REAL(pwrite);
	MOVES(pwrite, fd, n, real(fd, p, n, off));
}

ssize_t
pwrite64(int fd, const void *p, size_t n, off64_t off)
{
	REAL(pwrite64);
	MOVES(pwrite64, fd, n, real(fd, p, n, off));
}

ssize_t
send(int fd, const void *p, size_t n, int flags)
{
	REAL(send);
	MOVES(send, fd, n, real(fd, p, n, flags));
}

ssize_t
sendfile(int to, int from, off_t *off, size_t n)
{
	REAL(sendfile);
	MOVES(sendfile, to, n, real(to, from, off, n));
}

ssize_t
sendmsg(int fd, const struct msghdr *m, int flags)
{
	REAL(sendmsg);
	(void)step("sendmsg", 0);
	return real(fd, m, flags);
}

ssize_t
writev(int fd, const struct iovec *v, int n)
{
	REAL(writev);
	if (counts(fd))
		(void)step("writev", 0);
	return real(fd, v, n);
}

#define WHOLE(name, args, call)                                              \
	int name args                                                        \
	{                                                                    \
		REAL(name);                                                  \
		(void)step(#name, 0);                                        \
		return real call;                                            \
	}

WHOLE(fsync, (int fd), (fd))
WHOLE(fdatasync, (int fd), (fd))
WHOLE(syncfs, (int fd), (fd))
WHOLE(ftruncate, (int fd, off_t n), (fd, n))
WHOLE(ftruncate64, (int fd, off64_t n), (fd, n))
WHOLE(chmod, (const char *p, mode_t m), (p, m))
WHOLE(fchmod, (int fd, mode_t m), (fd, m))
WHOLE(utimensat, (int fd, const char *p, const struct timespec t[2], int f),
    (fd, p, t, f))
WHOLE(mkdir, (const char *p, mode_t m), (p, m))
WHOLE(mkdirat, (int fd, const char *p, mode_t m), (fd, p, m))
WHOLE(rmdir, (const char *p), (p))
WHOLE(unlink, (const char *p), (p))
WHOLE(unlinkat, (int fd, const char *p, int f), (fd, p, f))
WHOLE(rename, (const char *p, const char *q), (p, q))
WHOLE(renameat, (int a, const char *p, int b, const char *q), (a, p, b, q))
WHOLE(renameat2, (int a, const char *p, int b, const char *q, unsigned f),
    (a, p, b, q, f))
WHOLE(link, (const char *p, const char *q), (p, q))
WHOLE(linkat, (int a, const char *p, int b, const char *q, int f),
    (a, p, b, q, f))
WHOLE(symlink, (const char *p, const char *q), (p, q))
WHOLE(symlinkat, (const char *p, int b, const char *q), (p, b, q))

static void
opens(const char *what, int flags)
{
	if ((flags & (O_CREAT | O_TRUNC)) != 0 && (flags & O_ACCMODE) !=
	    O_RDONLY)
		(void)step(what, 0);
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
		mode_t mode;                                                 \
		REAL(name);                                                  \
		va_start(ap, flags);                                         \
		mode = mode_of(flags, ap);                                   \
		va_end(ap);                                                  \
		opens(#name, flags);                                         \
		return real(p, flags, mode);                                 \
	}

#define OPENAT(name)                                                         \
	int name(int fd, const char *p, int flags, ...)                      \
	{                                                                    \
		va_list ap;                                                  \
		mode_t mode;                                                 \
		REAL(name);                                                  \
		va_start(ap, flags);                                         \
		mode = mode_of(flags, ap);                                   \
		va_end(ap);                                                  \
		opens(#name, flags);                                         \
		return real(fd, p, flags, mode);                             \
	}

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

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
	if (no == SYS_openat2)
		opens("openat2",
		    (int)((const struct open_how *)a[2])->flags);
	return real(no, a[0], a[1], a[2], a[3], a[4], a[5]);
}
