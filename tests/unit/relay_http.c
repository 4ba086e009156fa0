/*
 * Heads, framing, deadlines and caps of the server through its socket:
 * what is odd is refused, what is slow is dropped, others go on.
 */
#include "relaykit.h"

static struct kit kit;
static struct kit_space space;

static void
begin(void)
{
	kit_init(&kit);
	kit_space_init(&space);
}

static void
end(void)
{
	CHECK(kit_stop(&kit, SIGTERM) == 0);
	kit_end(&kit);
	kit_space_free(&space);
}

#define OK "GET /v1/health HTTP/1.1\r\nHost: x\r\n"

/* Every doubtful spelling is 400 (or as given) and ends the connection. */
static void
test_smuggling(void)
{
	static const struct {
		const char *text;
		int status;
	} cases[] = {
		{ OK "\r\n", 200 },
		{ "GET /v1/health HTTP/1.0\r\nHost: x\r\n\r\n", 200 },
		/* lines */
		{ "GET /v1/health HTTP/1.1\nHost: x\r\n\r\n", 400 },
		{ OK "A: b\nC: d\r\n\r\n", 400 },
		{ OK "A: b\r\n c\r\n\r\n", 400 },
		{ OK "A: b\r\n\tc\r\n\r\n", 400 },
		{ OK "A: b\rc\r\n\r\n", 400 },
		{ OK "A : b\r\n\r\n", 400 },
		{ OK " A: b\r\n\r\n", 400 },
		{ OK ": b\r\n\r\n", 400 },
		{ OK "A b\r\n\r\n", 400 },
		{ OK "A(: b\r\n\r\n", 400 },
		{ OK "A: \x01\r\n\r\n", 400 },
		{ "\r\n" OK "\r\n", 400 },
		/* Host */
		{ "GET /v1/health HTTP/1.1\r\n\r\n", 400 },
		{ "GET /v1/health HTTP/1.1\r\nHost:\r\n\r\n", 400 },
		{ OK "Host: y\r\n\r\n", 400 },
		/* length and encoding */
		{ OK "Content-Length: 0\r\n\r\n", 200 },
		{ OK "Content-Length: +0\r\n\r\n", 400 },
		{ OK "Content-Length: -1\r\n\r\n", 400 },
		{ OK "Content-Length: 0x0\r\n\r\n", 400 },
		{ OK "Content-Length: 0, 0\r\n\r\n", 400 },
		{ OK "Content-Length: 0\r\nContent-Length: 0\r\n\r\n", 400 },
		{ OK "Content-Length: 0\r\nContent-Length: 5\r\n\r\n", 400 },
		{ OK "Content-Length: 99999999999999999999\r\n\r\n", 400 },
		{ OK "Content-Length:\r\n\r\n", 400 },
		{ OK "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
		    "0\r\n\r\n", 400 },
		{ OK "Transfer-Encoding: identity\r\n\r\n", 400 },
		{ OK "Transfer-Encoding: identity, chunked\r\n\r\n", 400 },
		{ OK "Transfer-Encoding: chunked, chunked\r\n\r\n", 400 },
		{ OK "Transfer-Encoding: xchunked\r\n\r\n", 400 },
		{ OK "Transfer-Encoding: chunked\r\n"
		    "Transfer-Encoding: chunked\r\n\r\n", 400 },
		{ OK "Transfer-Encoding : chunked\r\n\r\n", 400 },
		{ "GET /v1/health HTTP/1.0\r\nHost: x\r\n"
		    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
		/* request line */
		{ "GET  /v1/health HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
		{ "GET /v1/health HTTP/1.1 \r\nHost: x\r\n\r\n", 400 },
		{ "GET /v1/health\r\nHost: x\r\n\r\n", 400 },
		{ "GET /v1/health HTTP/2.0\r\nHost: x\r\n\r\n", 400 },
		{ "GET /v1/health http/1.1\r\nHost: x\r\n\r\n", 400 },
		{ "get /v1/health HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
		{ "GET\t/v1/health HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
		{ "PATCH /v1/health HTTP/1.1\r\nHost: x\r\n\r\n", 405 },
		{ "PUT /v1/health HTTP/1.1\r\nHost: x\r\n\r\n", 405 },
		{ "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
		{ "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
		/* expectations and upgrades */
		{ OK "Expect: 100-continue\r\n\r\n", 200 },
		{ OK "Expect: 200-ok\r\n\r\n", 417 },
		{ OK "Expect: 100-continue\r\nExpect: x\r\n\r\n", 400 },
		{ OK "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 400 }
	};

	begin();
	NEED(kit_start(&kit));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status = kit_raw(&kit, cases[i].text);

		if (status != cases[i].status)
			printf("# %zu: %d instead of %d: %s\n", i, status,
			    cases[i].status, cases[i].text);
		CHECK(status == cases[i].status);
	}
	end();
}

/* Q05 */
static void
test_q05_paths(void)
{
	static const char *const paths[] = {
		"/%2e%2e/", "//v1/health", "/v1//health", "/v1/./health",
		"/v1/../v1/health", "/v1/health/", "/v1/health/..",
		"/v1/health?a?b", "http://x/v1/health", "/v1/health#a",
		"/v1\\health", "/v1/he%61lth", "v1/health", "/v1/health;a",
		"/../../etc/passwd", "/v1/spaces/..", "*", "/v1/spaces/zz",
		"/v1/spaces/00", "/\x80", "/v1/health\"",
		"/v1/rendezvous/01/0/0", "/v1/rendezvous/5/2/0",
		"/v1/rendezvous/5/0/99", "/v1/rendezvous/99999999999/0/0"
	};
	static const char *const absent[] = { "/", "/v1", "/v2/health",
	    "/etc/passwd", "/v1/health/a", "/v1/spaces", "/v1/rendezvous" };
	char text[4096];
	struct kit_reply r;
	int fd;

	begin();
	NEED(kit_start(&kit));
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		int status;

		snprintf(text, sizeof(text),
		    "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", paths[i]);
		status = kit_raw(&kit, text);
		if (status != 400)
			printf("# %s: %d\n", paths[i], status);
		CHECK(status == 400);
	}
	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
		snprintf(text, sizeof(text),
		    "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", absent[i]);
		CHECK(kit_raw(&kit, text) == 404);
	}
	/* NUL inside a head */
	fd = kit_connect(&kit);
	kit_send(fd, "GET /v1/\0health HTTP/1.1\r\nHost: x\r\n\r\n", 38);
	kit_recv(fd, &r);
	CHECK(r.status == 400);
	kit_reply_free(&r);
	close(fd);
	/* a path over the limit */
	memset(text, 'a', 3000);
	memcpy(text, "GET /", 5);
	memcpy(text + 3000, " HTTP/1.1\r\nHost: x\r\n\r\n", 23);
	CHECK(kit_raw(&kit, text) == 431);
	end();
}

/* Heads over 16 KiB or 64 fields are refused before they are complete. */
static void
test_head_caps(void)
{
	struct kit_reply r;
	char field[64];
	int fd;

	begin();
	NEED(kit_start(&kit));
	fd = kit_connect(&kit);
	kit_puts(fd, OK);
	for (unsigned i = 0; i < 16; i++) {
		kit_puts(fd, "A: ");
		for (unsigned j = 0; j < 64; j++)
			kit_puts(fd, "aaaaaaaaaaaaaaaa");
		kit_puts(fd, "\r\n");
	}
	kit_recv(fd, &r);
	CHECK(r.status == 431 && strcmp(kit_code(&r), "head") == 0);
	kit_reply_free(&r);
	CHECK(kit_closed(fd, 5000));
	close(fd);
	fd = kit_connect(&kit);
	kit_puts(fd, OK);
	for (unsigned i = 0; i < 70; i++) {
		snprintf(field, sizeof(field), "A%u: b\r\n", i);
		kit_puts(fd, field);
	}
	kit_puts(fd, "\r\n");
	kit_recv(fd, &r);
	CHECK(r.status == 431);
	kit_reply_free(&r);
	close(fd);
	end();
}

/* Many requests on a connection, also sent in one go; a HEAD has no body. */
static void
test_keep_alive(void)
{
	struct kit_reply r;
	int fd;

	begin();
	NEED(kit_start(&kit));
	fd = kit_connect(&kit);
	for (unsigned i = 0; i < 50; i++) {
		kit_puts(fd, OK "\r\n");
		kit_recv(fd, &r);
		CHECK(r.status == 200);
		kit_reply_free(&r);
	}
	kit_puts(fd, OK "\r\n" OK "\r\n" OK "\r\nGET /v1/x HTT");
	for (unsigned i = 0; i < 3; i++) {
		kit_recv(fd, &r);
		CHECK(r.status == 200);
		kit_reply_free(&r);
	}
	kit_puts(fd, "P/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	kit_recv(fd, &r);
	CHECK(r.status == 404);
	kit_reply_free(&r);
	CHECK(kit_closed(fd, 5000));
	close(fd);
	end();
}

/* Chunked bodies count as any; bad framing is 400. */
static void
test_chunked(void)
{
	static const struct {
		const char *body;
		int status;
	} cases[] = {
		{ "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 201 },
		{ "5\r\nabcde\r\n0\r\n\r\n", 200 },
		{ "00000005\r\nabcde\r\n0\r\n\r\n", 200 },
		{ "000000005\r\nabcde\r\n0\r\n\r\n", 400 },
		{ "5;x=y\r\nabcde\r\n0\r\n\r\n", 400 },
		{ "5 \r\nabcde\r\n0\r\n\r\n", 400 },
		{ "5\nabcde\r\n0\r\n\r\n", 400 },
		{ "5\r\nabcde\n0\r\n\r\n", 400 },
		{ "5\r\nabcdeX\r\n0\r\n\r\n", 400 },
		{ "0x5\r\nabcde\r\n0\r\n\r\n", 400 },
		{ "-5\r\nabcde\r\n0\r\n\r\n", 400 },
		{ "\r\nabcde\r\n0\r\n\r\n", 400 },
		{ "5\r\nabcde\r\n0\r\nA: b\r\n\r\n", 400 },
		{ "5\r\nabcdf\r\n0\r\n\r\n", 400 },
		{ "FFFFFFFF\r\nabcde", 0 }
	};
	struct kit_bend bend;
	struct kit_reply r;
	struct target t;
	struct buf head;

	begin();
	kit.opts.limits.body_ms = 500;
	NEED(kit_start(&kit) && kit_create(&kit, &space, "") == 201);
	t = kit_target(&space, TARGET_BLOB_PUT);
	hash_bytes(LABEL_HASH_BLOB, "abcde", 5, t.name);
	memset(&bend, 0, sizeof(bend));
	bend.chunked = true;
	buf_init(&head, 16384);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = kit_connect(&kit);

		buf_reset(&head);
		kit_head(&kit, &space, &t, "abcde", 5, &bend, &head);
		kit_send(fd, head.data, head.len);
		kit_puts(fd, cases[i].body);
		kit_recv(fd, &r);
		if (cases[i].status == 0)	/* never complete */
			CHECK(r.status == 408);
		else
			CHECK(r.status == cases[i].status);
		kit_reply_free(&r);
		close(fd);
	}
	buf_release(&head);
	end();
}

/* Q02: a huge upload without a key is refused from its head alone. */
static void
test_q02_before_body(void)
{
	struct kit_space stranger;
	struct kit_bend bend;
	struct kit_reply r;
	struct target t;
	struct buf head;
	int fd;

	begin();
	NEED(kit_start(&kit) && kit_create(&kit, &space, "") == 201);
	fd = kit_connect(&kit);
	kit_puts(fd, "PUT /v1/spaces/0000000000000000000000000000000000000000"
	    "000000000000000000000000/blobs/00000000000000000000000000000000"
	    "00000000000000000000000000000000 HTTP/1.1\r\nHost: x\r\n"
	    "Content-Length: 10737418240\r\nExpect: 100-continue\r\n\r\n");
	kit_recv(fd, &r);
	CHECK(r.status == 401 && strstr(r.head, "100 Continue") == NULL);
	CHECK(strstr(r.head, "Connection: close") != NULL);
	kit_reply_free(&r);
	CHECK(kit_closed(fd, 5000));
	close(fd);
	/* with a key of another space; and with the right one, too large */
	kit_space_init(&stranger);
	memcpy(stranger.locator, space.locator, 32);
	t = kit_target(&space, TARGET_BLOB_PUT);
	memset(&bend, 0, sizeof(bend));
	bend.length = 10737418240u;
	buf_init(&head, 16384);
	for (unsigned i = 0; i < 2; i++) {
		fd = kit_connect(&kit);
		buf_reset(&head);
		kit_head(&kit, i == 0 ? &stranger : &space, &t, "", 0, &bend,
		    &head);
		kit_send(fd, head.data, head.len);
		kit_recv(fd, &r);
		CHECK(r.status == (i == 0 ? 401 : 413));
		kit_reply_free(&r);
		close(fd);
	}
	buf_release(&head);
	kit_space_free(&stranger);
	end();
}

/* 100 Continue comes after the decision and before the body. */
static void
test_expect(void)
{
	struct kit_bend bend;
	struct target t;
	struct buf head;
	char got[64];
	struct kit_reply r;
	uint8_t *p;
	int fd;

	begin();
	NEED(kit_start(&kit) && kit_create(&kit, &space, "") == 201);
	t = kit_target(&space, TARGET_BLOB_PUT);
	p = kit_blob(100000, LABEL_HASH_BLOB, t.name);
	memset(&bend, 0, sizeof(bend));
	bend.extra = "Expect: 100-continue\r\n";
	buf_init(&head, 16384);
	kit_head(&kit, &space, &t, p, 100000, &bend, &head);
	fd = kit_connect(&kit);
	kit_send(fd, head.data, head.len);
	NEED(kit_readable(fd, KIT_WAIT));
	CHECK(recv(fd, got, sizeof(got), 0) == 25);
	CHECK(memcmp(got, "HTTP/1.1 100 Continue\r\n\r\n", 25) == 0);
	kit_send(fd, p, 100000);
	kit_recv(fd, &r);
	CHECK(r.status == 201);
	kit_reply_free(&r);
	close(fd);
	buf_release(&head);
	free(p);
	end();
}

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

	begin();
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
	end();
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

	begin();
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
	end();
}

/* Over the cap of one address; over that of strangers the oldest goes. */
static void
test_conn_caps(void)
{
	struct kit_reply r;
	int fd[40];

	begin();
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
	end();
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

	begin();
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
	end();
}

/* Bodies beyond the budget of memory are put off; a place comes free. */
static void
test_body_memory(void)
{
	struct kit_log log;
	struct target t;
	struct buf head;
	struct kit_reply r;
	uint8_t res, *p;
	int fd;

	begin();
	kit.opts.limits.body_mem = 300 * 1024;
	NEED(kit_start(&kit) && kit_create(&kit, &space, "") == 201);
	kit_log_init(&log);
	t = kit_target(&space, TARGET_BLOB_PUT);
	p = kit_blob(200000, LABEL_HASH_BLOB, t.name);
	buf_init(&head, 16384);
	kit_head(&kit, &space, &t, p, 200000, NULL, &head);
	fd = kit_connect(&kit);
	kit_send(fd, head.data, head.len);
	kit_send(fd, p, 100000);
	usleep(100000);
	CHECK(kit_put(&kit, &space, TARGET_BLOB_PUT, t.name, p, 200000) ==
	    503);
	/* small ones still fit */
	CHECK(kit_append(&kit, &space, &log, 1000, &res) == 200);
	kit_send(fd, p + 100000, 100000);
	kit_recv(fd, &r);
	CHECK(r.status == 201);
	kit_reply_free(&r);
	close(fd);
	CHECK(kit_put(&kit, &space, TARGET_BLOB_PUT, t.name, p, 200000) ==
	    200);
	free(p);
	buf_release(&head);
	signkey_free(log.key);
	end();
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

	begin();
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
	end();
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

	begin();
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
	end();
}

TESTS(
    { "smuggling", test_smuggling },
    { "Q05 paths", test_q05_paths },
    { "head caps", test_head_caps },
    { "keep alive", test_keep_alive },
    { "chunked", test_chunked },
    { "Q02 before body", test_q02_before_body },
    { "expect", test_expect },
    { "deadlines", test_deadlines },
    { "stall", test_stall },
    { "connection caps", test_conn_caps },
    { "Q01 crowd", test_q01_crowd },
    { "body memory", test_body_memory },
    { "hang up", test_hang_up },
    { "sigterm", test_sigterm },
)
