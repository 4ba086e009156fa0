/*
 * Interposed with LD_PRELOAD: reads of the disk fail with EIO while SQLite
 * makes step number TEST_FAIL_AT of a statement that begins with
 * TEST_FAIL_SQL.  TEST_FAIL_LOG, a file that is there, gets "failed" if any
 * was tried, so that a script knows whether there was one.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

struct sqlite3_stmt;
extern const char *sqlite3_sql(struct sqlite3_stmt *s);
int sqlite3_step(struct sqlite3_stmt *s);

/* The next library's function of that name, once looked up. */
#define REAL(name)                                                           \
	static __typeof__(&name) real;                                       \
	if (real == NULL)                                                    \
		*(void **)&real = dlsym(RTLD_NEXT, #name)

static bool fails;

static void
tell(void)
{
	const char *log = getenv("TEST_FAIL_LOG");
	int fd = log == NULL ? -1 : open(log, O_WRONLY | O_APPEND);

	if (fd < 0)
		return;
	if (write(fd, "failed\n", 7) != 7)
		abort();
	close(fd);
}

int
sqlite3_step(struct sqlite3_stmt *s)
{
	REAL(sqlite3_step);
	static long n;
	const char *want = getenv("TEST_FAIL_SQL");
	const char *at = getenv("TEST_FAIL_AT");
	const char *sql = sqlite3_sql(s);
	int r;

	fails = want != NULL && at != NULL && sql != NULL &&
	    strncmp(sql, want, strlen(want)) == 0 && ++n == atol(at);
	r = real(s);
	fails = false;
	return r;
}

ssize_t
pread64(int fd, void *p, size_t n, off64_t off)
{
	REAL(pread64);

	if (!fails)
		return real(fd, p, n, off);
	tell();
	errno = EIO;
	return -1;
}

ssize_t
pread(int fd, void *p, size_t n, off_t off)
{
	return pread64(fd, p, n, off);
}
