/*
 * Start-up only: descriptors 0-2 open, no core dumps, no tracing, private
 * files, the crypto library ready; then the dispatcher.
 */
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/sig.h"
#include "crypto/crypto.h"
#include "util/env.h"
#include "util/log.h"

/*
 * Buffers of some MiB come and go for each segment and chunk.  By default
 * each is mapped, faulted in page by page, and given back, which is a quarter
 * of what a first push of small files costs; kept, they are used again.
 */
static void
keep_memory(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, 32 << 20);
	(void)mallopt(M_TRIM_THRESHOLD, 256 << 20);
	(void)mallopt(M_TOP_PAD, 1 << 20);
}

/* A file opened later must never become stdin, stdout or stderr. */
static bool
standard_fds(struct env *env)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		/* write-only for stdin: reads fail instead of ending early */
		int got = env_openat(env, ENV_CWD, "/dev/null",
		    fd == 0 ? O_WRONLY : O_RDONLY, 0);
		if (got != fd)
			return false;
	}
	return true;
}

int
main(int argc, char **argv)
{
	static const struct rlimit none = { 0, 0 };
	struct env *env = env_posix();
	enum zk_err e;

	if (!standard_fds(env))
		return 1;	/* there may be no stderr to tell it on */
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0);
	umask(077);
	keep_memory();
	sig_init();
	e = crypto_init();
	if (e != ZK_OK) {
		log_error(e, NULL, "cannot start: %s", err_text(e));
		return err_status(e);
	}
	return cmd_main(env, argc, argv);
}
