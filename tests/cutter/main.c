/*
 * cutter MODE PUT|GET BYTES UPSTREAM-PORT PORT
 *
 * A wire that breaks: passes connections to 127.0.0.1:PORT (0 picks one) on
 * to a relay (plain HTTP) and drops all of them at the moment when BYTES
 * bytes of blobs were put (or got) through it; 0: never.  The byte is
 * exact: the rest of what was read then goes nowhere.  MODE says what
 * follows: "once", new connections are passed on again, or "stay", it ends,
 * so that they are refused.
 *
 * Prints the port, and at its end (SIGTERM, or the cut if it stays)
 *
 *	put=N get=N open=N most=N cut=N
 *
 * the bytes of blobs that went up and down, how many of them belonged to
 * transfers that were not answered to the end when it broke, how many
 * transfers were under way at once, and whether it broke at all.
 */
#include <poll.h>

#include "tests/evil/evil.h"

#define LINKS 64

enum kind { OTHER, PUT, GET };

/* One direction of a connection: a head, then a body of that length. */
struct way {
	char head[EVIL_HEAD_MAX + 1];
	size_t n;
	uint64_t left;		/* of the body */
	bool blob;		/* the body counts */
};

struct link {
	int fd[2];		/* client, relay; -1: unused */
	struct way way[2];	/* from the client, from the relay */
	enum kind kind;		/* of the request under way */
	uint64_t moved;		/* of its blob */
};

static struct {
	struct link link[LINKS];
	enum kind watch;
	uint64_t budget;	/* 0: none, or it broke already */
	uint64_t sum[3];	/* by kind */
	uint64_t open;
	unsigned most;
	bool breaking;		/* the byte was reached */
	bool cut;		/* and all were dropped */
} all;

static volatile sig_atomic_t ended;

static void
on_term(int sig)
{
	(void)sig;
	ended = 1;
}

static void
link_close(struct link *l)
{
	for (unsigned i = 0; i < 2; i++)
		if (l->fd[i] >= 0)
			(void)close(l->fd[i]);
	memset(l, 0, sizeof(*l));
	l->fd[0] = l->fd[1] = -1;
}

/* How many requests of the watched kind wait for their end. */
static void
count_open(void)
{
	unsigned n = 0;

	for (struct link *l = all.link; l < all.link + LINKS; l++)
		n += l->fd[0] >= 0 && l->kind == all.watch;
	if (n > all.most)
		all.most = n;
}

static uint64_t
length_of(const struct way *w)
{
	static struct evil_msg m;
	const char *len;

	memcpy(m.head, w->head, w->n + 1);
	len = evil_header(&m, "Content-Length");
	return len == NULL ? 0 : strtoull(len, NULL, 10);
}

/* A head is whole: what follows it, and whose it is. */
static void
head_done(struct link *l, unsigned from)
{
	struct way *w = &l->way[from];
	bool blobs;

	w->head[w->n] = '\0';
	w->left = length_of(w);
	if (from == 0) {
		blobs = strstr(w->head, "/blobs/") != NULL;
		l->kind = blobs && strncmp(w->head, "PUT ", 4) == 0 ? PUT :
		    blobs && strncmp(w->head, "GET ", 4) == 0 ? GET : OTHER;
		l->moved = 0;
		w->blob = l->kind == PUT;
		count_open();
	} else {
		w->blob = l->kind == GET &&
		    strncmp(w->head + 8, " 200", 4) == 0;
	}
}

/* After a head or a body: the next message begins; a reply ends a request. */
static void
message_done(struct link *l, unsigned from)
{
	struct way *w = &l->way[from];

	if (from == 1 && strncmp(w->head + 8, " 1", 2) != 0)
		l->kind = OTHER;
	w->n = 0;
	w->blob = false;
}

/* Takes up to n bytes of a body; fewer when the budget ends with them. */
static size_t
body_some(struct link *l, unsigned from, size_t n)
{
	struct way *w = &l->way[from];
	enum kind k = from == 0 ? PUT : GET;

	if (n > w->left)
		n = (size_t)w->left;
	if (w->blob && all.budget > 0 && k == all.watch) {
		if (n >= all.budget - all.sum[k]) {
			n = (size_t)(all.budget - all.sum[k]);
			all.breaking = true;
		}
	}
	w->left -= n;
	if (w->blob) {
		all.sum[k] += n;
		l->moved += n;
	}
	return n;
}

/* Follows what was read; how much of it may be passed on. */
static size_t
follow(struct link *l, unsigned from, const char *p, size_t n)
{
	struct way *w = &l->way[from];
	size_t at = 0;

	while (at < n && !all.breaking) {
		if (w->left > 0) {
			at += body_some(l, from, n - at);
		} else {
			if (w->n == EVIL_HEAD_MAX)
				_exit(1);
			w->head[w->n++] = p[at++];
			if (w->n < 4 || memcmp(w->head + w->n - 4,
			    "\r\n\r\n", 4) != 0)
				continue;
			head_done(l, from);
		}
		if (w->left == 0 && !all.breaking)
			message_done(l, from);
	}
	return at;
}

/* The wire breaks. */
static void
cut_all(void)
{
	for (struct link *l = all.link; l < all.link + LINKS; l++) {
		if (l->fd[0] >= 0 && l->kind == all.watch)
			all.open += l->moved;
		link_close(l);
	}
	all.budget = 0;
	all.breaking = false;
	all.cut = true;
}

static void
pass(struct link *l, unsigned from)
{
	static char buf[16384];
	ssize_t k = recv(l->fd[from], buf, sizeof(buf), 0);
	size_t n = k > 0 ? follow(l, from, buf, (size_t)k) : 0;

	if (k <= 0 || !evil_send(l->fd[1 - from], buf, n)) {
		link_close(l);
		return;
	}
	if (all.breaking)
		cut_all();
}

static void
take(int listener, uint16_t upstream)
{
	struct link *l = all.link;
	int fd = accept(listener, NULL, NULL);

	while (l < all.link + LINKS && l->fd[0] >= 0)
		l++;
	if (fd < 0 || l == all.link + LINKS)
		_exit(1);
	l->fd[0] = fd;
	l->fd[1] = evil_connect(upstream);
	if (l->fd[1] < 0)
		link_close(l);
}

static void
serve(int listener, uint16_t upstream, bool stay)
{
	struct pollfd p[2 * LINKS + 1];

	while (!ended && !(stay && all.cut)) {
		for (unsigned i = 0; i < 2 * LINKS; i++) {
			p[i].fd = all.link[i / 2].fd[i % 2];
			p[i].events = POLLIN;
			p[i].revents = 0;
		}
		p[2 * LINKS].fd = listener;
		p[2 * LINKS].events = POLLIN;
		p[2 * LINKS].revents = 0;
		if (poll(p, 2 * LINKS + 1, 1000) <= 0)
			continue;
		for (unsigned i = 0; i < 2 * LINKS; i++)
			if (p[i].revents != 0 &&
			    all.link[i / 2].fd[i % 2] == p[i].fd)
				pass(&all.link[i / 2], i % 2);
		if (p[2 * LINKS].revents != 0)
			take(listener, upstream);
	}
}

int
main(int argc, char **argv)
{
	uint16_t port;
	int fd;

	if (argc != 6) {
		fprintf(stderr, "usage: cutter once|stay PUT|GET BYTES "
		    "UPSTREAM-PORT PORT\n");
		return 2;
	}
	(void)signal(SIGTERM, on_term);
	(void)signal(SIGPIPE, SIG_IGN);
	for (struct link *l = all.link; l < all.link + LINKS; l++)
		l->fd[0] = l->fd[1] = -1;
	all.watch = strcmp(argv[2], "PUT") == 0 ? PUT : GET;
	all.budget = strtoull(argv[3], NULL, 10);
	port = (uint16_t)strtoul(argv[5], NULL, 10);
	fd = evil_listen(&port);
	if (fd < 0) {
		perror("cutter");
		return 1;
	}
	printf("%u\n", (unsigned)port);
	(void)fflush(stdout);
	serve(fd, (uint16_t)strtoul(argv[4], NULL, 10),
	    strcmp(argv[1], "stay") == 0);
	printf("put=%llu get=%llu open=%llu most=%u cut=%d\n",
	    (unsigned long long)all.sum[PUT], (unsigned long long)all.sum[GET],
	    (unsigned long long)all.open, all.most, all.cut);
	return 0;
}
