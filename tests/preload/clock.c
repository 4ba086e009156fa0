/*
 * Interposed with LD_PRELOAD: the clocks of a process run ahead by as many
 * milliseconds as the file TEST_CLOCK has bytes, read anew at each call, so
 * that a script lets five minutes pass with `truncate -s 300000`.  Waits are
 * as long as ever.
 */
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int
clock_gettime(clockid_t id, struct timespec *t)
{
	const char *file = getenv("TEST_CLOCK");
	struct stat st;

	if (syscall(SYS_clock_gettime, id, t) != 0)
		return -1;
	/* what a process has used of its processor does not pass by waiting */
	if (id == CLOCK_PROCESS_CPUTIME_ID || id == CLOCK_THREAD_CPUTIME_ID ||
	    file == NULL || stat(file, &st) != 0)
		return 0;
	t->tv_sec += (time_t)(st.st_size / 1000);
	t->tv_nsec += (long)(st.st_size % 1000) * 1000000;
	if (t->tv_nsec >= 1000000000) {
		t->tv_nsec -= 1000000000;
		t->tv_sec++;
	}
	return 0;
}
