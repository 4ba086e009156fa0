/*
 * Interposed with LD_PRELOAD: every sync of a file takes ZK_SYNC_MS longer,
 * as on a slow disk.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

typedef int sync_fn(int fd);

static void
slow(void)
{
	const char *ms = getenv("ZK_SYNC_MS");
	struct timespec t = { 0, 0 };

	t.tv_nsec = (ms != NULL ? strtol(ms, NULL, 10) : 5) * 1000000L;
	nanosleep(&t, NULL);
}

static int
real(const char *name, int fd)
{
	sync_fn *fn = NULL;

	*(void **)&fn = dlsym(RTLD_NEXT, name);
	return fn(fd);
}

int
fsync(int fd)
{
	slow();
	return real("fsync", fd);
}

int
fdatasync(int fd)
{
	slow();
	return real("fdatasync", fd);
}

int
syncfs(int fd)
{
	slow();
	return real("syncfs", fd);
}
