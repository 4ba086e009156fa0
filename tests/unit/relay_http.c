/*
 * Heads and framing of the server through its socket: what is odd is
 * refused, before its body is read.
 */
#include "relayone.h"

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

	one_begin();
	NEED(kit_start(&kit));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status = kit_raw(&kit, cases[i].text);

		if (status != cases[i].status)
			printf("# %zu: %d instead of %d: %s\n", i, status,
			    cases[i].status, cases[i].text);
		CHECK(status == cases[i].status);
	}
	one_end();
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

	one_begin();
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
	one_end();
}

/* Heads over 16 KiB or 64 fields are refused before they are complete. */
static void
test_head_caps(void)
{
	struct kit_reply r;
	char field[64];
	int fd;

	one_begin();
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
	one_end();
}

/* Many requests on a connection, also sent in one go; a HEAD has no body. */
static void
test_keep_alive(void)
{
	struct kit_reply r;
	int fd;

	one_begin();
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
	one_end();
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

	one_begin();
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
	one_end();
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

	one_begin();
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
	one_end();
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

	one_begin();
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
	one_end();
}

TESTS(
    { "smuggling", test_smuggling },
    { "Q05 paths", test_q05_paths },
    { "head caps", test_head_caps },
    { "keep alive", test_keep_alive },
    { "chunked", test_chunked },
    { "Q02 before body", test_q02_before_body },
    { "expect", test_expect },
)
