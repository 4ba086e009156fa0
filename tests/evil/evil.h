/*
 * A relay that lies: a small HTTP server that answers each request as a
 * script says, and passes what the script leaves alone on to an honest relay
 * (plain HTTP).  One process a connection; every request is noted in a log.
 *
 * A script is lines of
 *
 *	LIE METHOD PATH [SKIP [TIMES [ARG]]]
 *
 * METHOD may be "*"; PATH is a part of the target.  The first SKIP requests
 * that match are left alone, then TIMES are lied to (0: all).  The first
 * line that matches counts; a request that none matches is passed on.
 *
 *	pass		pass it on
 *	empty		200, no body
 *	short		the honest reply; half of the body, then the end
 *	cut		the honest reply with half the body, length to match
 *	flip		the honest reply with one bit of the body flipped
 *	long		the honest reply with bytes added
 *	endless		200 and a body without end
 *	drip		200 and one byte a second
 *	silent		nothing, ever
 *	hangup		the connection ends
 *	redirect	ARG is the status and where to: "307:http://..."
 *	headers		200 and 10,000 header lines
 *	header		200 and one header line of 10 MiB
 *	cookies		the honest reply with headers that want to be kept
 *	clock		401 that says it is 2099
 *	answer		200 and the bytes of the file ARG
 *	status		ARG is the status: an error with an empty body
 */
#ifndef ZK_TESTS_EVIL_EVIL_H
#define ZK_TESTS_EVIL_EVIL_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define EVIL_RULES 16
#define EVIL_HEAD_MAX 16384
#define EVIL_BODY_MAX (20u * 1024 * 1024)

struct evil_rule {
	char lie[16];
	char method[8];
	char path[128];
	unsigned skip;
	unsigned times;
	char arg[320];
};

struct evil {
	struct evil_rule rule[EVIL_RULES];
	size_t n;
	uint16_t upstream;	/* port of the honest relay, 0: none */
	char log[400];		/* file: the head of every request */
	char count[400];	/* file: how often each rule matched */
};

/* A message, head and body. */
struct evil_msg {
	char head[EVIL_HEAD_MAX + 1];
	size_t head_len;
	char *body;
	size_t body_len;
};

/* The next word of *at, ended by a NUL, or NULL. */
static inline char *
evil_word(char **at)
{
	char *s = *at + strspn(*at, " \t\n");
	size_t n = strcspn(s, " \t\n");

	*at = s + n + (s[n] != '\0');
	s[n] = '\0';
	return n > 0 ? s : NULL;
}

static inline bool
evil_parse(struct evil *e, const char *line)
{
	struct evil_rule *r = &e->rule[e->n];
	char copy[512];
	char *at = copy;
	char *w[6] = { NULL };
	size_t n = 0;

	if (e->n == EVIL_RULES || strlen(line) >= sizeof(copy))
		return false;
	memcpy(copy, line, strlen(line) + 1);
	for (char *s = evil_word(&at); s != NULL && n < 6;
	    s = evil_word(&at))
		w[n++] = s;
	if (n < 3)
		return n == 0;
	memset(r, 0, sizeof(*r));
	(void)snprintf(r->lie, sizeof(r->lie), "%s", w[0]);
	(void)snprintf(r->method, sizeof(r->method), "%s", w[1]);
	(void)snprintf(r->path, sizeof(r->path), "%s", w[2]);
	r->skip = w[3] == NULL ? 0 : (unsigned)strtoul(w[3], NULL, 10);
	r->times = w[4] == NULL ? 0 : (unsigned)strtoul(w[4], NULL, 10);
	(void)snprintf(r->arg, sizeof(r->arg), "%s",
	    w[5] == NULL ? "" : w[5]);
	e->n++;
	return true;
}

static inline bool
evil_send(int fd, const void *p, size_t n)
{
	const char *c = p;

	while (n > 0) {
		ssize_t k = send(fd, c, n, MSG_NOSIGNAL);

		if (k <= 0)
			return false;
		c += k;
		n -= (size_t)k;
	}
	return true;
}

static inline bool
evil_say(int fd, const char *s)
{
	return evil_send(fd, s, strlen(s));
}

/* The value of a header, or NULL; ended by the line's end. */
static inline const char *
evil_header(const struct evil_msg *m, const char *name)
{
	const char *s = m->head;
	size_t n = strlen(name);

	for (s = strstr(s, "\r\n"); s != NULL; s = strstr(s, "\r\n")) {
		s += 2;
		if (strncasecmp(s, name, n) == 0 && s[n] == ':')
			return s + n + 1 + strspn(s + n + 1, " ");
	}
	return NULL;
}

/* Reads a message with a length (or to the end); false at the end. */
static inline bool
evil_recv(int fd, struct evil_msg *m, bool reply)
{
	size_t want = 0;
	const char *len;
	char *end = NULL;

	m->body = NULL;
	m->body_len = 0;
	m->head_len = 0;
	while (end == NULL) {
		ssize_t k = m->head_len == EVIL_HEAD_MAX ? 0 :
		    recv(fd, m->head + m->head_len, 1, 0);

		if (k <= 0)
			return false;
		m->head_len++;
		m->head[m->head_len] = '\0';
		if (m->head_len >= 4 && memcmp(m->head + m->head_len - 4,
		    "\r\n\r\n", 4) == 0)
			end = m->head + m->head_len;
	}
	len = evil_header(m, "Content-Length");
	if (len != NULL)
		want = strtoul(len, NULL, 10);
	if (want > EVIL_BODY_MAX)
		return false;
	(void)reply;
	m->body = malloc(want + 1);
	while (m->body != NULL && m->body_len < want) {
		ssize_t k = recv(fd, m->body + m->body_len,
		    want - m->body_len, 0);

		if (k <= 0)
			return false;
		m->body_len += (size_t)k;
	}
	return m->body != NULL;
}

static inline int
evil_connect(uint16_t port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
	    .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* Asks the honest relay; its reply in out. */
static inline bool
evil_ask(const struct evil *e, const struct evil_msg *q, struct evil_msg *out)
{
	int fd = e->upstream == 0 ? -1 : evil_connect(e->upstream);
	bool ok = fd >= 0 && evil_send(fd, q->head, q->head_len) &&
	    evil_send(fd, q->body, q->body_len) && evil_recv(fd, out, true);

	if (fd >= 0)
		(void)close(fd);
	return ok;
}

/* 200 and a file. */
static inline void
evil_answer(int fd, const char *file)
{
	static char body[65536];
	char head[128];
	int in = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(in, body, sizeof(body));

	if (n < 0)
		_exit(1);
	(void)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\n"
	    "Content-Length: %zd\r\nConnection: close\r\n\r\n", n);
	(void)evil_say(fd, head);
	(void)evil_send(fd, body, (size_t)n);
	(void)close(in);
}

/* Sends a reply with its head's length replaced by that of the body. */
static inline void
evil_reply(int fd, const struct evil_msg *m, const char *extra, size_t say,
    size_t send)
{
	const char *s = m->head;
	const char *end = m->head + m->head_len - 2;
	char line[64];

	while (s < end) {
		const char *eol = strstr(s, "\r\n") + 2;

		if (strncasecmp(s, "Content-Length:", 15) != 0 &&
		    strncasecmp(s, "Connection:", 11) != 0)
			(void)evil_send(fd, s, (size_t)(eol - s));
		s = eol;
	}
	(void)evil_say(fd, extra);
	(void)snprintf(line, sizeof(line), "Content-Length: %zu\r\n"
	    "Connection: close\r\n\r\n", say);
	(void)evil_say(fd, line);
	(void)evil_send(fd, m->body, send);
}

/* The honest reply with something done to it. */
static inline void
evil_twist(const struct evil *e, int fd, const struct evil_msg *q,
    const char *lie)
{
	struct evil_msg *m = calloc(1, sizeof(*m));
	size_t n;

	if (m == NULL || !evil_ask(e, q, m)) {
		(void)evil_say(fd, "HTTP/1.1 502 Bad Gateway\r\n"
		    "Content-Length: 0\r\nConnection: close\r\n\r\n");
		return;
	}
	n = m->body_len;
	if (strcmp(lie, "flip") == 0 && n > 0)
		m->body[n / 2] ^= 4;
	if (strcmp(lie, "short") == 0)
		evil_reply(fd, m, "", n, n / 2);
	else if (strcmp(lie, "cut") == 0)
		evil_reply(fd, m, "", n / 2, n / 2);
	else if (strcmp(lie, "long") == 0)
		evil_reply(fd, m, "", n + 1, n + 1);
	else if (strcmp(lie, "cookies") == 0)
		evil_reply(fd, m, "Set-Cookie: a=b; Path=/\r\n"
		    "Alt-Svc: h2=\":1\"; ma=99999\r\n"
		    "Strict-Transport-Security: max-age=99999\r\n", n, n);
	else
		evil_reply(fd, m, "", n, n);
	free(m->body);
	free(m);
}

static inline void
evil_flood(int fd, const char *lie)
{
	static char zero[65536];
	char line[64];

	(void)evil_say(fd, "HTTP/1.1 200 OK\r\n");
	if (strcmp(lie, "endless") == 0) {
		(void)evil_say(fd, "Connection: close\r\n\r\n");
		for (unsigned i = 0; i < 65536; i++)
			if (!evil_send(fd, zero, sizeof(zero)))
				return;
	}
	if (strcmp(lie, "drip") == 0) {
		(void)evil_say(fd, "Content-Length: 100000\r\n\r\n");
		for (unsigned i = 0; i < 600; i++) {
			if (!evil_say(fd, "x"))
				return;
			(void)sleep(1);
		}
	}
	if (strcmp(lie, "headers") == 0)
		for (unsigned i = 0; i < 10000; i++) {
			(void)snprintf(line, sizeof(line),
			    "X-Header-%u: value\r\n", i);
			if (!evil_say(fd, line))
				return;
		}
	if (strcmp(lie, "header") == 0) {
		(void)evil_say(fd, "X-Header: ");
		memset(zero, 'x', sizeof(zero));
		for (unsigned i = 0; i < 160; i++)
			if (!evil_send(fd, zero, sizeof(zero)))
				return;
		(void)evil_say(fd, "\r\n");
	}
	(void)evil_say(fd, "Content-Length: 0\r\n\r\n");
}

static inline void
evil_lie(const struct evil *e, int fd, const struct evil_msg *q,
    const struct evil_rule *r)
{
	const char *lie = r == NULL ? "pass" : r->lie;
	char out[512];

	if (strcmp(lie, "empty") == 0) {
		(void)evil_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
		    "Connection: close\r\n\r\n");
	} else if (strcmp(lie, "silent") == 0) {
		(void)sleep(600);
	} else if (strcmp(lie, "redirect") == 0) {
		(void)snprintf(out, sizeof(out), "HTTP/1.1 %.3s Moved\r\n"
		    "Location: %s\r\nContent-Length: 0\r\n"
		    "Connection: close\r\n\r\n", r->arg, r->arg + 4);
		(void)evil_say(fd, out);
	} else if (strcmp(lie, "clock") == 0) {
		static const char body[] = "{\"error\":\"clock\","
		    "\"message\":\"the clocks differ\",\"time\":4070908800}";

		(void)snprintf(out, sizeof(out), "HTTP/1.1 401 No\r\n"
		    "Content-Type: application/json\r\n"
		    "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
		    strlen(body), body);
		(void)evil_say(fd, out);
	} else if (strcmp(lie, "status") == 0) {
		(void)snprintf(out, sizeof(out), "HTTP/1.1 %.3s Error\r\n"
		    "Content-Length: 0\r\nConnection: close\r\n\r\n",
		    r->arg);
		(void)evil_say(fd, out);
	} else if (strcmp(lie, "answer") == 0) {
		evil_answer(fd, r->arg);
	} else if (strcmp(lie, "hangup") == 0) {
		return;
	} else if (strcmp(lie, "endless") == 0 || strcmp(lie, "drip") == 0 ||
	    strcmp(lie, "headers") == 0 || strcmp(lie, "header") == 0) {
		evil_flood(fd, lie);
	} else {
		evil_twist(e, fd, q, lie);
	}
}

/*
 * The rule for a request, or NULL.  Counts are kept in a file, since every
 * connection has its own process.
 */
static inline const struct evil_rule *
evil_match(const struct evil *e, const char *head)
{
	const struct evil_rule *hit = NULL;
	unsigned count[EVIL_RULES] = { 0 };
	int fd = open(e->count, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char method[8] = "";
	size_t n = strcspn(head, " ");
	const char *eol = strstr(head, "\r\n");
	char target[2048] = "";

	(void)snprintf(method, sizeof(method), "%.*s", (int)n, head);
	(void)snprintf(target, sizeof(target), "%.*s",
	    (int)(eol - head), head);
	(void)flock(fd, LOCK_EX);
	if (pread(fd, count, sizeof(count), 0) < 0)
		memset(count, 0, sizeof(count));
	for (size_t i = 0; i < e->n && hit == NULL; i++) {
		const struct evil_rule *r = &e->rule[i];

		if ((strcmp(r->method, "*") != 0 &&
		    strcmp(r->method, method) != 0) ||
		    strstr(target, r->path) == NULL)
			continue;
		count[i]++;
		if (count[i] > r->skip && (r->times == 0 ||
		    count[i] <= r->skip + r->times))
			hit = r;
	}
	if (pwrite(fd, count, sizeof(count), 0) != (ssize_t)sizeof(count))
		perror(e->count);
	(void)close(fd);
	return hit;
}

/* Adds to a file, at once, or ends: a test would miss it. */
static inline void
evil_note(const char *file, const void *p, size_t n)
{
	int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	if (write(fd, p, n) != (ssize_t)n)
		_exit(1);
	(void)close(fd);
}

static inline void
evil_serve(const struct evil *e, int fd)
{
	struct evil_msg *q = calloc(1, sizeof(*q));

	if (q == NULL || !evil_recv(fd, q, false))
		return;
	/* whole heads: tests look for what should not be in them */
	evil_note(e->log, q->head, q->head_len);
	evil_lie(e, fd, q, evil_match(e, q->head));
	(void)shutdown(fd, SHUT_WR);
	/* the client ends it, or we do */
	for (unsigned i = 0; i < 64 && recv(fd, q->head, EVIL_HEAD_MAX,
	    0) > 0; i++)
		;
}

/* Serves on listener until killed. */
static inline void
evil_loop(const struct evil *e, int listener)
{
	(void)signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			continue;
		if (fork() == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			(void)close(listener);
			evil_serve(e, fd);
			_exit(0);
		}
		(void)close(fd);
	}
}

/* A listener on 127.0.0.1; *port 0 picks one. */
static inline int
evil_listen(uint16_t *port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
	    .sin_port = htons(*port) };
	socklen_t n = sizeof(sa);
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one,
	    sizeof(one)) < 0 || bind(fd, (struct sockaddr *)&sa, n) < 0 ||
	    listen(fd, 64) < 0 || getsockname(fd, (struct sockaddr *)&sa,
	    &n) < 0)
		return -1;
	*port = ntohs(sa.sin_port);
	return fd;
}

#endif
