/*
 * Deadlines before and behind TLS through the socket, the figures that a
 * relay has where nobody gives others, and what it says when it is busy.
 * The relay is compiled in, since its table of defaults is its own.
 */
#include <mbedtls/ssl.h>

#include "relay/relay.c"

#include "relaycall.h"

#define OK "GET /v1/health HTTP/1.1\r\nHost: x\r\n"
#define HEAD_MS 1500

static struct kit kit;
static struct kit_space space;

static void
begin(bool plain)
{
	kit_init(&kit);
	kit.opts.plain = plain;
	kit_space_init(&space);
}

static void
end(void)
{
	CHECK(kit_stop(&kit, SIGTERM) == 0);
	kit_end(&kit);
	kit_space_free(&space);
}

/* zk-protocol(7), LIMITS. */
static void
test_defaults(void)
{
	static const struct relay_limits none;
	struct relay_limits l = fill_limits(&none);

	CHECK(l.head_ms == 10 * 1000);
	CHECK(l.body_ms == 30 * 1000 && l.body_min == 8 * 1024);
	CHECK(l.stall_ms == 60 * 1000);
	CHECK(l.idle_ms == 125 * 1000);
	CHECK(l.wait_ms == 55 * 1000);
	CHECK(l.conns == 16384 && l.conns_addr == 1024);
	CHECK(l.conns_new == 2048);
	CHECK(l.body_mem == 64u << 20 && l.page_mem == 256u << 20);
	CHECK(l.fails_addr == 60 && l.lookups_addr == 20);
	CHECK(l.boxes == 1024 && l.boxes_addr == 8);
	CHECK(l.box_ms == 5 * 60 * 1000);
	CHECK(HEAD_MAX == 16 * 1024);
	/* each can be overridden, or the tests prove nothing */
	l = fill_limits(&(struct relay_limits){ .head_ms = 1, .body_ms = 2,
	    .body_min = 3, .stall_ms = 4, .idle_ms = 5, .wait_ms = 6 });
	CHECK(l.head_ms == 1 && l.body_ms == 2 && l.body_min == 3);
	CHECK(l.stall_ms == 4 && l.idle_ms == 5 && l.wait_ms == 6);
}

/* The first bytes of a record with a hello of 16,000 bytes. */
static const uint8_t hello[] = { 0x16, 3, 1, 0x3e, 0x84, 1, 0, 0x3e, 0x80,
    3, 3 };

/* Bytes of a handshake that never ends: one now and then. */
static void
trickle_hello(int fd, int64_t start)
{
	uint8_t byte = 'x';
	bool open = true;

	CHECK(kit_send(fd, hello, sizeof(hello)));
	while (open && kit_ms() - start < 3 * HEAD_MS)
		open = send(fd, &byte, 1, MSG_NOSIGNAL) == 1 &&
		    !kit_closed(fd, 50);
	CHECK(!open);
}

/* Silence, and a trickle, before the handshake is over. */
static void
test_tls_handshake(void)
{
	int64_t start;
	int fd, other;

	begin(false);
	kit.opts.limits.head_ms = HEAD_MS;
	NEED(kit_start(&kit) && strncmp(kit.url, "https://", 8) == 0);
	start = kit_ms();
	fd = kit_connect(&kit);
	other = kit_connect(&kit);
	trickle_hello(other, start);
	CHECK(kit_ms() - start >= HEAD_MS - 100);
	CHECK(kit_ms() - start < 2 * HEAD_MS);
	CHECK(kit_closed(fd, 100));
	CHECK(kit_ms() - start < 2 * HEAD_MS);
	close(fd);
	close(other);
	end();
}

struct client {
	mbedtls_ssl_config conf;
	mbedtls_ssl_context ssl;
	int fd;
};

static int
client_rng(void *arg, unsigned char *out, size_t n)
{
	(void)arg;
	env_random(env_posix(), out, n);
	return 0;
}

static int
client_send(void *arg, const unsigned char *p, size_t n)
{
	ssize_t k = send(*(int *)arg, p, n, MSG_NOSIGNAL);

	return k < 0 ? -1 : (int)k;
}

static int
client_recv(void *arg, unsigned char *p, size_t n)
{
	ssize_t k = kit_readable(*(int *)arg, KIT_WAIT) ?
	    recv(*(int *)arg, p, n, 0) : -1;

	return k < 0 ? -1 : (int)k;
}

/* A finished handshake on fd. */
static bool
client_init(struct client *c, int fd)
{
	memset(c, 0, sizeof(*c));
	c->fd = fd;
	mbedtls_ssl_config_init(&c->conf);
	mbedtls_ssl_init(&c->ssl);
	if (mbedtls_ssl_config_defaults(&c->conf, MBEDTLS_SSL_IS_CLIENT,
	    MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT) != 0)
		return false;
	mbedtls_ssl_conf_authmode(&c->conf, MBEDTLS_SSL_VERIFY_NONE);
	mbedtls_ssl_conf_rng(&c->conf, client_rng, NULL);
	if (mbedtls_ssl_setup(&c->ssl, &c->conf) != 0)
		return false;
	mbedtls_ssl_set_bio(&c->ssl, &c->fd, client_send, client_recv, NULL);
	return mbedtls_ssl_handshake(&c->ssl) == 0;
}

static void
client_release(struct client *c)
{
	mbedtls_ssl_free(&c->ssl);
	mbedtls_ssl_config_free(&c->conf);
	close(c->fd);
}

/*
 * The time of a handshake counts: who takes two thirds of it for that has a
 * third for the head, and neither a byte now and then nor silence gets more.
 */
static void
test_tls_head(void)
{
	struct client drip, silent;
	int64_t start;
	bool open = true;
	int fd[2];

	begin(false);
	kit.opts.limits.head_ms = HEAD_MS;
	NEED(kit_start(&kit));
	start = kit_ms();
	fd[0] = kit_connect(&kit);
	fd[1] = kit_connect(&kit);
	usleep(HEAD_MS * 1000 * 2 / 3);
	NEED(client_init(&drip, fd[0]) && client_init(&silent, fd[1]));
	CHECK(kit_ms() - start < HEAD_MS);
	while (open && kit_ms() - start < 3 * HEAD_MS)
		open = mbedtls_ssl_write(&drip.ssl,
		    (const unsigned char *)"G", 1) == 1 &&
		    !kit_closed(fd[0], 50);
	CHECK(!open);
	CHECK(kit_ms() - start >= HEAD_MS - 100);
	CHECK(kit_ms() - start < HEAD_MS * 5 / 3);
	/* with a head of its own it would have two thirds more */
	CHECK(kit_closed(fd[1], HEAD_MS / 3));
	client_release(&drip);
	client_release(&silent);
	end();
}

/* Behind TLS a body below the rate ends, with word of it. */
static void
test_tls_body(void)
{
	struct target t;
	struct client c;
	struct buf head;
	int64_t start;
	char got[16] = "";

	begin(true);
	kit.opts.limits.body_ms = 400;
	kit.opts.limits.body_min = 100000;
	NEED(kit_start(&kit) && kit_create(&kit, &space, "") == 201);
	CHECK(kit_stop(&kit, SIGTERM) == 0);
	kit.opts.listen = kit.authority;	/* what is signed */
	kit.opts.plain = false;
	NEED(kit_start(&kit) && client_init(&c, kit_connect(&kit)));
	t = kit_target(&space, TARGET_BLOB_PUT);
	buf_init(&head, 16384);
	kit_head(&kit, &space, &t, "", 0, &(struct kit_bend){
	    .length = 1000000 }, &head);
	NEED(mbedtls_ssl_write(&c.ssl, head.data, head.len) ==
	    (int)head.len);
	start = kit_ms();
	while (kit_ms() - start < 3000 && !kit_readable(c.fd, 50))
		if (mbedtls_ssl_write(&c.ssl, (const uint8_t *)"x", 1) != 1)
			break;
	CHECK(kit_ms() - start >= 300 && kit_ms() - start < 2500);
	CHECK(mbedtls_ssl_read(&c.ssl, (unsigned char *)got, 12) == 12);
	CHECK(memcmp(got, "HTTP/1.1 408", 12) == 0);
	buf_release(&head);
	client_release(&c);
	end();
}

static bool
says_when(const struct kit_reply *r, int status)
{
	const char *s = strstr(r->head, "\r\nRetry-After: ");

	return r->status == status && s != NULL && s[15] >= '1' &&
	    s[15] <= '9';
}

/* 503 and 429 say when to come again, whoever says them. */
static void
test_retry_after(void)
{
	struct kit_bend wrong = { .key = NULL };
	struct kit_reply r;
	struct target t;
	uint8_t *p;
	int fd, two;

	begin(true);
	kit.opts.limits.conns_addr = 1;
	NEED(kit_start(&kit));
	fd = kit_connect(&kit);
	kit_puts(fd, OK "\r\n");
	kit_recv(fd, &r);
	CHECK(r.status == 200 && strstr(r.head, "Retry-After") == NULL);
	kit_reply_free(&r);
	two = kit_connect(&kit);
	kit_recv(two, &r);
	CHECK(says_when(&r, 503));
	kit_reply_free(&r);
	close(two);
	close(fd);
	end();

	begin(true);
	kit.opts.limits.body_mem = 10 * 1024;
	kit.opts.limits.fails_addr = 3;
	NEED(kit_start(&kit) && kit_create(&kit, &space, "") == 201);
	t = kit_target(&space, TARGET_BLOB_PUT);
	p = kit_blob(20000, LABEL_HASH_BLOB, t.name);
	CHECK(kit_call(&kit, &space, &t, p, 20000, NULL, &r) == 503);
	CHECK(says_when(&r, 503));
	kit_reply_free(&r);
	wrong.key = space.space;
	t = kit_target(&space, TARGET_BLOB_GET);
	for (unsigned i = 0; i < 4; i++) {
		int status = kit_call(&kit, &space, &t, NULL, 0, &wrong, &r);

		CHECK(i < 3 ? status == 401 : says_when(&r, 429));
		kit_reply_free(&r);
	}
	free(p);
	end();
}

TESTS(
    { "defaults", test_defaults },
    { "TLS handshake", test_tls_handshake },
    { "TLS head", test_tls_head },
    { "TLS body", test_tls_body },
    { "Retry-After", test_retry_after },
)
