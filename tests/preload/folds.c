/*
 * Interposed with LD_PRELOAD: a disk that takes names for the same whose
 * letters A to Z differ in case alone, keeps the case they were made with,
 * and refuses names with a colon.  So it is for all paths that are relative
 * to an open directory, as those in a vault are.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The next library's function of that name, once looked up. */
#define REAL(name)                                                           \
	static __typeof__(&name) real;                                       \
	if (real == NULL)                                                    \
		*(void **)&real = dlsym(RTLD_NEXT, #name)

#define PATH_CAP 8192

/* Appends to out the name that the directory out[0..len-1] lists for it. */
static void
listed(int dirfd, char *out, size_t len, const char *name, size_t n)
{
	struct stat st;
	struct dirent *e;
	int fd;
	DIR *d;

	memcpy(out + len, name, n);
	out[len + n] = '\0';
	if (fstatat(dirfd, out, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return;
	out[len] = '\0';
	fd = (int)syscall(SYS_openat, dirfd, len == 0 ? "." : out,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (d == NULL && fd >= 0)
		(void)close(fd);
	memcpy(out + len, name, n);
	out[len + n] = '\0';
	while (d != NULL && (e = readdir(d)) != NULL)
		if (strlen(e->d_name) == n &&
		    strncasecmp(e->d_name, name, n) == 0) {
			memcpy(out + len, e->d_name, n);
			break;
		}
	if (d != NULL)
		(void)closedir(d);
}

/* The path as the disk has it, in out; errno stays. */
static const char *
folded(int dirfd, const char *path, char out[static PATH_CAP])
{
	size_t len = 0, n = strlen(path);
	int saved = errno;

	if (dirfd == AT_FDCWD || path[0] == '/' || n == 0 || n >= PATH_CAP / 2)
		return path;
	while (*path != '\0') {
		n = strcspn(path, "/");
		listed(dirfd, out, len, path, n);
		len += n;
		path += n;
		for (; *path == '/'; path++)
			out[len++] = '/';
		out[len] = '\0';
	}
	errno = saved;
	return out;
}

/* Whether nothing may be made under that path. */
static int
refused(int dirfd, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (dirfd == AT_FDCWD || strchr(slash ? slash : path, ':') == NULL)
		return 0;
	errno = EINVAL;
	return 1;
}

int
openat(int dirfd, const char *path, int flags, ...)
{
	char own[PATH_CAP];
	unsigned mode = 0;
	va_list ap;

	if ((flags & O_CREAT) != 0) {
		va_start(ap, flags);
		mode = va_arg(ap, unsigned);
		va_end(ap);
		if (refused(dirfd, path))
			return -1;
	}
	return (int)syscall(SYS_openat, dirfd, folded(dirfd, path, own),
	    flags, mode);
}

long
syscall(long number, ...)
{
	REAL(syscall);
	char own[PATH_CAP];
	const struct open_how *how;
	long a[6];
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (number == SYS_openat2) {
		how = (const struct open_how *)a[2];
		if ((how->flags & O_CREAT) != 0 &&
		    refused((int)a[0], (const char *)a[1]))
			return -1;
		a[1] = (long)folded((int)a[0], (const char *)a[1], own);
	}
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int
statx(int dirfd, const char *restrict path, int flags, unsigned mask,
    struct statx *restrict st)
{
	char own[PATH_CAP];

	REAL(statx);
	return real(dirfd, folded(dirfd, path, own), flags, mask, st);
}

int
mkdirat(int dirfd, const char *path, mode_t mode)
{
	char own[PATH_CAP];

	REAL(mkdirat);
	return refused(dirfd, path) ? -1 :
	    real(dirfd, folded(dirfd, path, own), mode);
}

int
unlinkat(int dirfd, const char *path, int flags)
{
	char own[PATH_CAP];

	REAL(unlinkat);
	return real(dirfd, folded(dirfd, path, own), flags);
}

int
renameat2(int from, const char *a, int to, const char *b, unsigned flags)
{
	char own[PATH_CAP], own2[PATH_CAP];

	REAL(renameat2);
	return refused(to, b) ? -1 : real(from, folded(from, a, own), to,
	    folded(to, b, own2), flags);
}

int
symlinkat(const char *target, int dirfd, const char *path)
{
	char own[PATH_CAP];

	REAL(symlinkat);
	return refused(dirfd, path) ? -1 :
	    real(target, dirfd, folded(dirfd, path, own));
}

ssize_t
readlinkat(int dirfd, const char *restrict path, char *restrict out,
    size_t cap)
{
	char own[PATH_CAP];

	REAL(readlinkat);
	return real(dirfd, folded(dirfd, path, own), out, cap);
}

int
utimensat(int dirfd, const char *path, const struct timespec t[2], int flags)
{
	char own[PATH_CAP];

	REAL(utimensat);
	return real(dirfd, folded(dirfd, path, own), t, flags);
}
