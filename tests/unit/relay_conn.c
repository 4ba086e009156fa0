/*
 * Deadlines and caps of the server: what is slow or too much is dropped,
 * others go on; and how it ends.
 */
#include "relayone.h"

/* Deadlines: silence, a trickling head, a trickling body, a stuck reader. */
static void
test_deadlines(void)
{
	struct kit_reply r;
	struct target t;
	struct buf head;
	int64_t start;
	int fd, idle;
	bool open = true;

	one_begin();
	kit.opts.limits.head_ms = 400;
	kit.opts.limits.idle_ms = 900;
	kit.opts.limits.body_ms = 400;
	kit.opts.limits.body_min = 100000;
	NEED(kit_start(&kit) && kit_create(&kit, &space, "") == 201);
	/* nothing sent */
	start = kit_ms();
	fd = kit_connect(&kit);
	CHECK(kit_closed(fd, 3000));
	CHECK(kit_ms() - start >= 300);
	close(fd);
	/* a byte now and then does not help */
	start = kit_ms();
	fd = kit_connect(&kit);
	while (open && kit_ms() - start < 3000) {
		open = send(fd, "G", 1, MSG_NOSIGNAL) == 1 &&
		    !kit_closed(fd, 100);
	}
	CHECK(!open && kit_ms() - start < 2000);
	close(fd);
	/* after a request the idle time counts, not the first deadline */
	idle = kit_connect(&kit);
	kit_puts(idle, OK "\r\n");
	kit_recv(idle, &r);
	CHECK(r.status == 200);
	kit_reply_free(&r);
	CHECK(!kit_readable(idle, 600));
	CHECK(kit_closed(idle, 3000));
	close(idle);
	/* a body below the rate */
	t = kit_target(&space, TARGET_BLOB_PUT);
	buf_init(&head, 16384);
	kit_head(&kit, &space, &t, "", 0, &(struct kit_bend){
	    .length = 1000000 }, &head);
	fd = kit_connect(&kit);
	kit_send(fd, head.data, head.len);
	start = kit_ms();
	while (kit_ms() - start < 3000 && !kit_readable(fd, 50))
		kit_puts(fd, "x");
	kit_recv(fd, &r);
	CHECK(r.status == 408 && strcmp(kit_code(&r), "timeout") == 0);
	CHECK(kit_ms() - start < 2000);
	kit_reply_free(&r);
	close(fd);
	buf_release(&head);
	one_end();
}

/* A client that does not read its reply is dropped. */
static void
test_stall(void)
{
	struct target t;
	struct buf head;
	int64_t start;
	uint8_t *p;
	int fd, small = 4096;
	unsigned n = 0;

	one_begin();
	kit.opts.limits.stall_ms = 500;
	NEED(kit_start(&kit) && kit_create(&kit, &space, "") == 201);
	t = kit_target(&space, TARGET_BLOB_GET);
	p = kit_blob(MSG_OBJ_MAX, LABEL_HASH_BLOB, t.name);
	CHECK(kit_put(&kit, &space, TARGET_BLOB_PUT, t.name, p,
	    MSG_OBJ_MAX) == 201);
	free(p);
	buf_init(&head, 65536);
	for (unsigned i = 0; i < 8; i++)
		kit_head(&kit, &space, &t, NULL, 0, NULL, &head);
	fd = kit_connect(&kit);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	kit_send(fd, head.data, head.len);
	start = kit_ms();
	/* writing to it fails once the relay has given up */
	while (kit_ms() - start < 5000 &&
	    send(fd, "G", 1, MSG_NOSIGNAL) == 1) {
		usleep(50000);
		n++;
	}
	CHECK(kit_ms() - start < 4000 && n > 4);
	close(fd);
	buf_release(&head);
	one_end();
}

/* Asks n times for a page of max bytes; the connection has a small buffer. */
static int
ask_pages(const struct kit_space *s, unsigned n, uint32_t max)
{
	struct target t = kit_target(s, TARGET_READ);
	int fd = kit_connect(&kit), small = 65536;
	struct buf head;

	t.max = max;
	buf_init(&head, 65536);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	while (n-- > 0)
		kit_head(&kit, s, &t, NULL, 0, NULL, &head);
	kit_send(fd, head.data, head.len);
	buf_release(&head);
	return fd;
}

/* Takes n bytes at per_s a second; how many came. */
static size_t
take_slowly(int fd, size_t per_s, size_t n)
{
	static char junk[1 << 20];
	int64_t start = kit_ms();
	size_t got = 0;

	while (got < n && kit_ms() - start < 20000) {
		size_t due = per_s * (size_t)(kit_ms() - start) / 1000;
		ssize_t k = 0;

		if (due > got)
			k = recv(fd, junk, due - got < sizeof(junk) ?
			    due - got : sizeof(junk), 0);
		if (k < 0 || (k == 0 && due > got))
			break;
		got += (size_t)k;
		usleep(5000);
	}
	return got;
}

/*
 * A reply is taken at a rate, as the client's side of the connection tells:
 * the kernel has room for seconds of it, and asks for more in large pieces.
 */
static void
test_reply_rate(void)
{
	static const struct {
		uint64_t min;
		size_t rate;
		bool whole;
	} want[] = {
		{ 40000000, 4000000, false },
		{ 3000000, 1200000, false },
		{ 100000, 1200000, true },
		{ 100000, 4000000, true },
	};
	const size_t page = 3 * (2u << 20);
	struct kit_log log;
	uint8_t res;
	size_t got;

	one_begin();
	NEED(kit_start(&kit) && kit_create(&kit, &space, "") == 201);
	kit_log_init(&log);
	for (unsigned i = 0; i < 3; i++)
		CHECK(kit_append(&kit, &space, &log, 2u << 20, &res) == 200);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		int fd;

		CHECK(kit_stop(&kit, SIGTERM) == 0);
		kit.opts.limits.stall_ms = 500;
		kit.opts.limits.reply_min = want[i].min;
		NEED(kit_start(&kit));
		fd = ask_pages(&space, 1, TARGET_PAGE_MAX);
		got = take_slowly(fd, want[i].rate, page);
		if ((got >= page) != want[i].whole)
			printf("# %zu: %zu bytes\n", i, got);
		CHECK((got >= page) == want[i].whole);
		close(fd);
	}
	signkey_free(log.key);
	one_end();
}

/* Pages that nobody takes are bounded; their space waits, others do not. */
static void
test_page_memory(void)
{
	struct target t;
	struct kit_space other;
	struct kit_reply r;
	struct kit_log log;
	uint8_t res;
	int fd[64], status = 200;
	unsigned n = 0;

	one_begin();
	kit.opts.limits.page_mem = 32u << 20;
	NEED(kit_start(&kit) && kit_create(&kit, &space, "") == 201);
	kit_space_init(&other);
	CHECK(kit_create(&kit, &other, "") == 201);
	kit_log_init(&log);
	CHECK(kit_append(&kit, &space, &log, 4u << 20, &res) == 200);
	signkey_free(log.key);
	kit_log_init(&log);
	CHECK(kit_append(&kit, &other, &log, 4u << 20, &res) == 200);
	/*
	 * One after the other on a connection: the kernel takes but some.  One
	 * that is refused holds nothing, so there are more and more of them.
	 */
	t = kit_target(&space, TARGET_READ);
	for (unsigned i = 0; i < 640 && status == 200; i++) {
		if (i % 10 == 0)
			fd[n++] = ask_pages(&space, 4, TARGET_PAGE_MAX);
		status = kit_call(&kit, &space, &t, NULL, 0, NULL, &r);
		if (status == 503)
			CHECK(strcmp(kit_code(&r), "busy") == 0);
		kit_reply_free(&r);
		usleep(20000);
	}
	CHECK(status == 503);
	t = kit_target(&other, TARGET_READ);
	CHECK(kit_call(&kit, &other, &t, NULL, 0, NULL, NULL) == 200);
	while (n > 0)
		close(fd[--n]);
	t = kit_target(&space, TARGET_READ);
	for (unsigned i = 0; i < 500 && status != 200; i++) {
		status = kit_call(&kit, &space, &t, NULL, 0, NULL, NULL);
		usleep(20000);
	}
	CHECK(status == 200);
	signkey_free(log.key);
	kit_space_free(&other);
	one_end();
}

/* With little left pages are short, and bring everything all the same. */
static void
test_page_short(void)
{
	struct kit_log log;
	struct target t;
	struct buf body;
	unsigned pages = 0, segs = 0;
	bool more = true;

	one_begin();
	kit.opts.limits.page_mem = 2u << 20;
	NEED(kit_start(&kit) && kit_create(&kit, &space, "") == 201);
	kit_log_init(&log);
	buf_init(&body, 2u << 20);
	kit_append_body(&log, 100, 10000, &body);
	t = kit_target(&space, TARGET_APPEND);
	CHECK(kit_call(&kit, &space, &t, body.data, body.len, NULL, NULL) ==
	    200);
	t = kit_target(&space, TARGET_READ);
	t.max = TARGET_PAGE_MAX;
	for (; more && pages < 200; pages++)
		segs += one_page(&t, &more);
	CHECK(segs == 100 && pages >= 16 && pages <= 20);
	buf_release(&body);
	signkey_free(log.key);
	one_end();
}

/* Over the cap of one address; over that of strangers the oldest goes. */
static void
test_conn_caps(void)
{
	struct kit_reply r;
	int fd[40];

	one_begin();
	kit.opts.threads = 1;
	kit.opts.limits.conns_addr = 20;
	NEED(kit_start(&kit));
	for (unsigned i = 0; i < 20; i++) {
		fd[i] = kit_connect(&kit);
		kit_puts(fd[i], OK "\r\n");
		kit_recv(fd[i], &r);
		CHECK(r.status == 200);
		kit_reply_free(&r);
	}
	CHECK(kit_raw(&kit, OK "\r\n") == 503);
	close(fd[0]);
	usleep(100000);
	CHECK(kit_raw(&kit, OK "\r\n") == 200);
	for (unsigned i = 1; i < 20; i++)
		close(fd[i]);
	CHECK(kit_stop(&kit, SIGTERM) == 0);

	kit.opts.limits.conns_addr = 0;
	kit.opts.limits.conns_new = 10;
	NEED(kit_start(&kit));
	for (unsigned i = 0; i < 30; i++) {
		fd[i] = kit_connect(&kit);
		kit_puts(fd[i], OK "\r\n");
		kit_recv(fd[i], &r);
		CHECK(r.status == 200);
		kit_reply_free(&r);
	}
	CHECK(kit_closed(fd[0], 2000));
	CHECK(kit_closed(fd[18], 2000));
	CHECK(!kit_readable(fd[29], 100));
	for (unsigned i = 0; i < 30; i++)
		close(fd[i]);
	one_end();
}

/* CPU time that the relay took so far, in ms. */
static long
cpu_ms(void)
{
	char path[64], text[1024];
	unsigned long user = 0, sys = 0;
	const char *s;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)kit.pid);
	f = fopen(path, "r");
	if (f == NULL)
		return -1;
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	s = strrchr(text, ')');
	if (s == NULL || sscanf(s, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u "
	    "%*u %*u %lu %lu", &user, &sys) != 2)
		return -1;
	return (long)((user + sys) * 1000) / sysconf(_SC_CLK_TCK);
}

/* Without a descriptor for the next connection it waits, and does not spin. */
static void
test_no_files(void)
{
	struct kit_reply r;
	int fd[100];
	long was;

	one_begin();
	kit.files = 80;
	kit.opts.limits.head_ms = 20000;
	NEED(kit_start(&kit));
	for (unsigned i = 0; i < 100; i++)
		fd[i] = kit_connect(&kit);
	usleep(300000);
	was = cpu_ms();
	usleep(1000000);
	NEED(was >= 0);
	CHECK(cpu_ms() - was < 200);
	/* once others have gone, the one that waited is served */
	for (unsigned i = 0; i < 99; i++)
		close(fd[i]);
	kit_puts(fd[99], OK "\r\n");
	kit_recv(fd[99], &r);
	CHECK(r.status == 200);
	kit_reply_free(&r);
	close(fd[99]);
	one_end();
}

/* Q01 in small: 1,000 strangers that trickle do not stop a member. */
static void
test_q01_crowd(void)
{
	static int fd[1000];
	struct kit_log log;
	int64_t start;
	uint8_t res;
	unsigned open = 0;

	one_begin();
	NEED(kit_start(&kit) && kit_create(&kit, &space, "") == 201);
	kit_log_init(&log);
	for (unsigned i = 0; i < 1000; i++) {
		fd[i] = kit_connect(&kit);
		if (fd[i] < 0)
			continue;
		open++;
		kit_puts(fd[i], i % 2 == 0 ? "GET /v1/hea" :
		    "PUT /v1/spaces/ HTTP/1.1\r\nHost: x\r\nA: ");
	}
	CHECK(open >= 990);
	for (unsigned i = 0; i < 10; i++) {
		start = kit_ms();
		CHECK(kit_append(&kit, &space, &log, 1000, &res) == 200);
		CHECK(kit_ms() - start < 2000);
	}
	for (unsigned i = 0; i < 1000; i++)
		if (fd[i] >= 0)
			close(fd[i]);
	signkey_free(log.key);
	one_end();
}

/* Bodies beyond the budget of memory are put off; a place comes free. */
static void
test_body_memory(void)
{
	struct kit_log log;
	struct target t, l;
	struct buf head;
	struct kit_reply r;
	uint8_t res, *p, *large;
	int fd, status = 0;

	one_begin();
	kit.opts.limits.body_mem = 80 * 1024;
	NEED(kit_start(&kit) && kit_create(&kit, &space, "") == 201);
	kit_log_init(&log);
	t = kit_target(&space, TARGET_BLOB_PUT);
	p = kit_blob(60000, LABEL_HASH_BLOB, t.name);
	buf_init(&head, 16384);
	kit_head(&kit, &space, &t, p, 60000, NULL, &head);
	fd = kit_connect(&kit);
	kit_send(fd, head.data, head.len);
	kit_send(fd, p, 30000);
	usleep(100000);
	CHECK(kit_put(&kit, &space, TARGET_BLOB_PUT, t.name, p, 60000) ==
	    503);
	/* small ones still fit, once what was put off is let go */
	for (int i = 0; i < 100 && status != 200; i++) {
		if (i > 0)
			usleep(20000);
		status = kit_append(&kit, &space, &log, 1000, &res);
	}
	CHECK(status == 200);
	/* and what is large goes to a file */
	l = kit_target(&space, TARGET_BLOB_PUT);
	large = kit_blob(200000, LABEL_HASH_BLOB, l.name);
	CHECK(kit_put(&kit, &space, TARGET_BLOB_PUT, l.name, large,
	    200000) == 201);
	free(large);
	kit_send(fd, p + 30000, 30000);
	kit_recv(fd, &r);
	CHECK(r.status == 201);
	kit_reply_free(&r);
	close(fd);
	CHECK(kit_put(&kit, &space, TARGET_BLOB_PUT, t.name, p, 60000) ==
	    200);
	free(p);
	buf_release(&head);
	signkey_free(log.key);
	one_end();
}

/* Clients that hang up at any moment cost nothing and lose nothing. */
static void
test_hang_up(void)
{
	struct target t, w;
	struct buf body, head;
	struct kit_log log;
	struct kit_reply r;
	uint8_t res;

	one_begin();
	NEED(kit_start(&kit) && kit_create(&kit, &space, "") == 201);
	kit_log_init(&log);
	buf_init(&body, 1u << 20);
	buf_init(&head, 1u << 20);
	t = kit_target(&space, TARGET_APPEND);
	w = kit_target(&space, TARGET_READ);
	w.wait_ms = 20000;
	memset(w.mark, 0, sizeof(w.mark));
	for (unsigned i = 0; i < 60; i++) {
		int fd = kit_connect(&kit);

		buf_reset(&body);
		buf_reset(&head);
		kit_append_body(&log, 1, i % 3 == 0 ? 100000 : 1000, &body);
		kit_head(&kit, &space, &t, body.data, body.len, NULL, &head);
		kit_send(fd, head.data, head.len);
		kit_send(fd, body.data, body.len);
		close(fd);
		/* sent again, as a client would: had or stored */
		CHECK(kit_call(&kit, &space, &t, body.data, body.len, NULL,
		    &r) == 200);
		CHECK(r.len == 5 && r.body[4] <= MSG_SEG_HAVE);
		kit_reply_free(&r);
		fd = kit_connect(&kit);
		buf_reset(&head);
		kit_head(&kit, &space, &w, NULL, 0, NULL, &head);
		kit_send(fd, head.data, head.len);
		close(fd);
	}
	CHECK(kit_append(&kit, &space, &log, 1000, &res) == 200 && res == 0);
	buf_release(&body);
	buf_release(&head);
	signkey_free(log.key);
	one_end();
}

/* A request in flight at SIGTERM is finished; the listener is gone. */
static void
test_sigterm(void)
{
	struct target t;
	struct buf head;
	struct kit_reply r;
	uint8_t *p;
	int fd, st = 0;

	one_begin();
	NEED(kit_start(&kit) && kit_create(&kit, &space, "") == 201);
	t = kit_target(&space, TARGET_BLOB_PUT);
	p = kit_blob(300000, LABEL_HASH_BLOB, t.name);
	buf_init(&head, 16384);
	kit_head(&kit, &space, &t, p, 300000, NULL, &head);
	fd = kit_connect(&kit);
	kit_send(fd, head.data, head.len);
	kit_send(fd, p, 100000);
	usleep(100000);
	kill(kit.pid, SIGTERM);
	usleep(200000);
	CHECK(kit_connect(&kit) < 0);
	kit_send(fd, p + 100000, 200000);
	kit_recv(fd, &r);
	CHECK(r.status == 201);
	CHECK(strstr(r.head, "Connection: close") != NULL);
	kit_reply_free(&r);
	close(fd);
	CHECK(waitpid(kit.pid, &st, 0) == kit.pid && st == 0);
	kit.pid = 0;
	buf_release(&head);
	NEED(kit_start(&kit));
	CHECK(kit_get(&kit, &space, TARGET_BLOB_GET, t.name, &r) == 200);
	kit_reply_free(&r);
	free(p);
	one_end();
}

TESTS(
    { "deadlines", test_deadlines },
    { "stall", test_stall },
    { "reply rate", test_reply_rate },
    { "page memory", test_page_memory },
    { "page short", test_page_short },
    { "connection caps", test_conn_caps },
    { "no files", test_no_files },
    { "Q01 crowd", test_q01_crowd },
    { "body memory", test_body_memory },
    { "hang up", test_hang_up },
    { "sigterm", test_sigterm },
)
