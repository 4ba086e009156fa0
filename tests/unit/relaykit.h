/*
 * A relay in a child process and raw bytes to and from it, for the tests of
 * relay/ and http/.
 */
#ifndef ZK_TESTS_UNIT_RELAYKIT_H
#define ZK_TESTS_UNIT_RELAYKIT_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "relay/relay.h"
#include "test.h"
#include "util/buf.h"
#include "util/env.h"
#include "util/io.h"
#include "util/rd.h"

#define KIT_WAIT 10000	/* ms that any one answer may take */

struct kit {
	struct relay_opts opts;
	char dir[128];		/* data, made by kit_init */
	char url[512];		/* first line of the relay */
	char authority[64];
	uint16_t port;
	pid_t pid;
	const char *disk;	/* options of a tmpfs for the data; NULL: none */
	unsigned files;		/* descriptors it may have; 0: as many as we */
};

struct kit_reply {
	int status;		/* 0: none came */
	char head[4096];
	uint8_t *body;		/* owned */
	size_t len;
};

static inline int64_t
kit_ms(void)
{
	return env_mono_ms(env_posix());
}

/* Defaults for a quick relay on loopback with plain HTTP. */
static inline void
kit_init(struct kit *k)
{
	memset(k, 0, sizeof(*k));
	if (crypto_init() != ZK_OK)
		abort();
	signal(SIGPIPE, SIG_IGN);
	snprintf(k->dir, sizeof(k->dir), "%s/zk-relay-XXXXXX",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	if (mkdtemp(k->dir) == NULL)
		abort();
	k->opts.env = env_posix();
	k->opts.listen = "127.0.0.1:0";
	k->opts.data = k->dir;
	k->opts.plain = true;
	k->opts.threads = 2;
}

/* A small disk of its own, seen by this process alone. */
static inline bool
kit_mount(const struct kit *k)
{
	return unshare(CLONE_NEWNS) == 0 &&
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("zk", k->dir, "tmpfs", 0, k->disk) == 0;
}

static inline void
kit_child(struct kit *k, int out)
{
	struct rlimit rl = { k->files, k->files };

	dup2(out, STDOUT_FILENO);
	if (k->files > 0 && setrlimit(RLIMIT_NOFILE, &rl) != 0)
		_exit(1);
	if (k->disk != NULL && !kit_mount(k))
		_exit(77);
	_exit(relay_run(&k->opts) == ZK_OK ? 0 : 1);
}

/* Starts it; false if it does not come up. */
static inline bool
kit_start(struct kit *k)
{
	int p[2];
	size_t n = 0;
	const char *own;

	fflush(NULL);
	if (pipe(p) != 0)
		return false;
	k->pid = fork();
	if (k->pid == 0) {
		close(p[0]);
		kit_child(k, p[1]);
	}
	close(p[1]);
	while (n < sizeof(k->url) - 1 && read(p[0], k->url + n, 1) == 1 &&
	    k->url[n] != '\n')
		n++;
	close(p[0]);
	k->url[n] = '\0';
	if (n == 0)
		return false;
	own = strstr(k->url, "//127.0.0.1:");
	if (own == NULL)
		return true;	/* a public URL: the port is the caller's */
	k->port = (uint16_t)strtoul(own + 12, NULL, 10);
	snprintf(k->authority, sizeof(k->authority), "127.0.0.1:%u", k->port);
	return true;
}

/* Ends it with a signal; its exit status, or 128 + signal. */
static inline int
kit_stop(struct kit *k, int sig)
{
	int st = 0;

	if (k->pid <= 0)
		return -1;
	kill(k->pid, sig);
	waitpid(k->pid, &st, 0);
	k->pid = 0;
	return WIFSIGNALED(st) ? 128 + WTERMSIG(st) : WEXITSTATUS(st);
}

static inline void
kit_end(struct kit *k)
{
	if (k->pid > 0)
		(void)kit_stop(k, SIGTERM);
	if (io_remove_tree(env_posix(), ENV_CWD, k->dir) != ZK_OK)
		printf("# cannot remove %s\n", k->dir);
}

static inline int
kit_connect(const struct kit *k)
{
	struct sockaddr_in sa;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	memset(&sa, 0, sizeof(sa));
	sa.sin_family = AF_INET;
	sa.sin_port = htons(k->port);
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0) {
		close(fd);
		return -1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static inline bool
kit_send(int fd, const void *p, size_t n)
{
	const char *s = p;

	while (n > 0) {
		ssize_t k = send(fd, s, n, MSG_NOSIGNAL);

		if (k <= 0)
			return false;
		s += k;
		n -= (size_t)k;
	}
	return true;
}

static inline bool
kit_puts(int fd, const char *s)
{
	return kit_send(fd, s, strlen(s));
}

/* Waits for input; false after ms without any. */
static inline bool
kit_readable(int fd, int ms)
{
	struct pollfd p = { fd, POLLIN, 0 };

	return fd >= 0 && poll(&p, 1, ms) == 1;
}

/* True if the peer closes (or resets) within ms, whatever it sends before. */
static inline bool
kit_closed(int fd, int ms)
{
	int64_t end = kit_ms() + ms;
	char junk[4096];

	while (kit_ms() < end && kit_readable(fd, (int)(end - kit_ms())))
		if (recv(fd, junk, sizeof(junk), 0) <= 0)
			return true;
	return false;
}

static inline void
kit_reply_free(struct kit_reply *r)
{
	free(r->body);
	memset(r, 0, sizeof(*r));
}

/* Reads one reply; status 0 if none comes in time. 100s are skipped. */
static inline void
kit_recv(int fd, struct kit_reply *r)
{
	size_t n = 0;
	const char *cl;

	memset(r, 0, sizeof(*r));
	while (n < sizeof(r->head) - 1 && strstr(r->head, "\r\n\r\n") == NULL) {
		if (!kit_readable(fd, KIT_WAIT) ||
		    recv(fd, r->head + n, 1, 0) != 1)
			return;
		n++;
	}
	r->status = (int)strtol(r->head + 9, NULL, 10);
	if (r->status == 100) {
		kit_recv(fd, r);
		return;
	}
	cl = strstr(r->head, "Content-Length: ");
	r->len = cl != NULL ? strtoul(cl + 16, NULL, 10) : 0;
	r->body = malloc(r->len + 1);
	for (n = 0; n < r->len; ) {
		ssize_t k;

		if (!kit_readable(fd, KIT_WAIT))
			break;
		k = recv(fd, r->body + n, r->len - n, 0);
		if (k <= 0)
			break;
		n += (size_t)k;
	}
	r->body[n] = '\0';
	if (n != r->len)
		r->status = 0;
}

/* The typed code of an error reply, "" if it has none. */
static inline const char *
kit_code(const struct kit_reply *r)
{
	static char code[64];
	const char *s = r->body == NULL ? NULL :
	    strstr((const char *)r->body, "\"error\":\"");

	code[0] = '\0';
	if (s != NULL)
		snprintf(code, sizeof(code), "%.*s",
		    (int)strcspn(s + 9, "\""), s + 9);
	return code;
}

/* Sends text on a fresh connection and gives the status of the reply. */
static inline int
kit_raw(const struct kit *k, const char *text)
{
	struct kit_reply r;
	int fd = kit_connect(k);
	int status;

	kit_puts(fd, text);
	kit_recv(fd, &r);
	status = r.status;
	kit_reply_free(&r);
	close(fd);
	return status;
}

#endif
