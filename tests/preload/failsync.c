/*
 * Interposed with LD_PRELOAD: while the file TEST_FAIL_ON is there, what is
 * to make a file or directory durable whose path has TEST_FAIL_PATH in it
 * fails with EIO.  TEST_FAIL_LOG, a file that is there, gets "failed PATH" or
 * "synced PATH" for each of those.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The next library's function of that name, once looked up. */
#define REAL(name)                                                           \
	static __typeof__(&name) real;                                       \
	if (real == NULL)                                                    \
		*(void **)&real = dlsym(RTLD_NEXT, #name)

static void
tell(const char *what, const char *path)
{
	const char *log = getenv("TEST_FAIL_LOG");
	int fd = log == NULL ? -1 : open(log, O_WRONLY | O_APPEND);
	char line[4400];
	int n = snprintf(line, sizeof(line), "%s %s\n", what, path);

	if (fd < 0)
		return;
	if (write(fd, line, (size_t)n) != n)
		abort();
	close(fd);
}

static bool
fails(int fd)
{
	const char *want = getenv("TEST_FAIL_PATH");
	const char *on = getenv("TEST_FAIL_ON");
	char link[64], path[4096] = "";
	bool yes;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (want == NULL || on == NULL ||
	    readlink(link, path, sizeof(path) - 1) < 0 ||
	    strstr(path, want) == NULL)
		return false;
	yes = access(on, F_OK) == 0;
	tell(yes ? "failed" : "synced", path);
	errno = EIO;
	return yes;
}

int
fsync(int fd)
{
	REAL(fsync);

	return fails(fd) ? -1 : real(fd);
}

int
fdatasync(int fd)
{
	REAL(fdatasync);

	return fails(fd) ? -1 : real(fd);
}

int
syncfs(int fd)
{
	REAL(syncfs);

	return fails(fd) ? -1 : real(fd);
}
