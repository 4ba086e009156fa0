/*
 * TLS in front of a plain port, with a key of its own and, if asked, with
 * what a client must refuse.  One process a connection; each one that
 * completes a handshake is noted in a file.
 */
#ifndef ZK_TESTS_EVIL_EVIL_TLS_H
#define ZK_TESTS_EVIL_EVIL_TLS_H

#include <poll.h>

#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>

#include "http/tls.h"
#include "tests/evil/evil.h"
#include "util/buf.h"
#include "util/env.h"

enum evil_tls_kind {
	EVIL_TLS_GOOD,
	EVIL_TLS_OLD,	/* 1.0 and 1.1 alone */
	EVIL_TLS_CBC	/* 1.2 with CBC suites alone */
};

struct evil_tls {
	enum evil_tls_kind kind;
	uint16_t plain;		/* port that gets what was decrypted */
	char noted[400];	/* file: a byte a handshake */
	mbedtls_ssl_config conf;
	mbedtls_x509_crt crt;
	mbedtls_pk_context key;
	char pin[TLS_PIN_MAX];
};

static inline int
evil_rng(void *arg, unsigned char *out, size_t n)
{
	(void)arg;
	env_random(env_posix(), out, n);
	return 0;
}

/* Whether this library can play the part. */
static inline bool
evil_tls_can(enum evil_tls_kind kind)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	return kind != EVIL_TLS_OLD;
#else
	(void)kind;
	return true;
#endif
}

static inline void
evil_tls_twist(struct evil_tls *t)
{
	static const int cbc[] = {
		MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
		MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
		MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, 0 };

	if (t->kind == EVIL_TLS_GOOD)
		return;
	mbedtls_ssl_conf_ciphersuites(&t->conf, cbc);
#if MBEDTLS_VERSION_NUMBER >= 0x03020000
	mbedtls_ssl_conf_max_tls_version(&t->conf,
	    MBEDTLS_SSL_VERSION_TLS1_2);
#else
	mbedtls_ssl_conf_max_version(&t->conf, MBEDTLS_SSL_MAJOR_VERSION_3,
	    t->kind == EVIL_TLS_OLD ? 2 : 3);
	if (t->kind == EVIL_TLS_OLD)
		mbedtls_ssl_conf_min_version(&t->conf,
		    MBEDTLS_SSL_MAJOR_VERSION_3, 1);
#endif
}

static inline int
evil_tls_key(struct evil_tls *t, struct buf *pem)
{
	(void)buf_u8(pem, 0);
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	return mbedtls_pk_parse_key(&t->key, pem->data, pem->len, NULL, 0,
	    evil_rng, NULL);
#else
	return mbedtls_pk_parse_key(&t->key, pem->data, pem->len, NULL, 0);
#endif
}

/* A fresh key and certificate. */
static inline bool
evil_tls_init(struct evil_tls *t, enum evil_tls_kind kind, uint16_t plain)
{
	struct tls_ident *id = NULL;
	struct buf key;
	struct buf crt;
	bool ok;

	memset(t, 0, sizeof(*t));
	t->kind = kind;
	t->plain = plain;
	mbedtls_ssl_config_init(&t->conf);
	mbedtls_x509_crt_init(&t->crt);
	mbedtls_pk_init(&t->key);
	buf_init_secret(&key, TLS_PEM_MAX);
	buf_init(&crt, TLS_PEM_MAX);
	ok = tls_generate(env_posix(), &key, &crt) == ZK_OK &&
	    tls_ident_new(env_posix(), &key, &crt, &id) == ZK_OK;
	if (ok)
		(void)snprintf(t->pin, sizeof(t->pin), "%s",
		    tls_ident_pin(id));
	tls_ident_free(id);
	ok = ok && evil_tls_key(t, &key) == 0 && buf_u8(&crt, 0) == ZK_OK &&
	    mbedtls_x509_crt_parse(&t->crt, crt.data, crt.len) == 0 &&
	    mbedtls_ssl_config_defaults(&t->conf, MBEDTLS_SSL_IS_SERVER,
	    MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT) == 0 &&
	    mbedtls_ssl_conf_own_cert(&t->conf, &t->crt, &t->key) == 0;
	buf_release(&key);
	buf_release(&crt);
	mbedtls_ssl_conf_rng(&t->conf, evil_rng, NULL);
	if (ok)
		evil_tls_twist(t);
	return ok;
}

static inline void
evil_tls_release(struct evil_tls *t)
{
	mbedtls_ssl_config_free(&t->conf);
	mbedtls_x509_crt_free(&t->crt);
	mbedtls_pk_free(&t->key);
}

static inline int
evil_tls_send(void *arg, const unsigned char *p, size_t n)
{
	ssize_t k = send(*(int *)arg, p, n, MSG_NOSIGNAL);

	return k < 0 ? -1 : (int)k;
}

static inline int
evil_tls_recv(void *arg, unsigned char *p, size_t n)
{
	ssize_t k = recv(*(int *)arg, p, n, 0);

	return k < 0 ? -1 : (int)k;
}

static inline bool
evil_tls_write(mbedtls_ssl_context *ssl, const unsigned char *p, size_t n)
{
	while (n > 0) {
		int k = mbedtls_ssl_write(ssl, p, n);

		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

/* Bytes both ways until one side ends. */
static inline void
evil_tls_shuttle(mbedtls_ssl_context *ssl, int fd, int plain)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
	    { .fd = plain, .events = POLLIN } };
	unsigned char buf[16384];
	int n;

	for (;;) {
		if (mbedtls_ssl_get_bytes_avail(ssl) == 0 &&
		    poll(p, 2, 60000) <= 0)
			return;
		if (mbedtls_ssl_get_bytes_avail(ssl) > 0 ||
		    p[0].revents != 0) {
			n = mbedtls_ssl_read(ssl, buf, sizeof(buf));
			if (n <= 0 || !evil_send(plain, buf, (size_t)n))
				return;
		}
		if (p[1].revents != 0) {
			n = (int)recv(plain, buf, sizeof(buf), 0);
			if (n <= 0) {
				(void)mbedtls_ssl_close_notify(ssl);
				return;
			}
			if (!evil_tls_write(ssl, buf, (size_t)n))
				return;
		}
	}
}

static inline void
evil_tls_serve(struct evil_tls *t, int fd)
{
	mbedtls_ssl_context ssl;
	int plain;

	mbedtls_ssl_init(&ssl);
	if (mbedtls_ssl_setup(&ssl, &t->conf) != 0)
		return;
	mbedtls_ssl_set_bio(&ssl, &fd, evil_tls_send, evil_tls_recv, NULL);
	if (mbedtls_ssl_handshake(&ssl) != 0)
		return;
	evil_note(t->noted, "h", 1);
	plain = evil_connect(t->plain);
	if (plain >= 0)
		evil_tls_shuttle(&ssl, fd, plain);
}

/* Serves on listener until killed. */
static inline void
evil_tls_loop(struct evil_tls *t, int listener)
{
	(void)signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			continue;
		if (fork() == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			(void)close(listener);
			evil_tls_serve(t, fd);
			_exit(0);
		}
		(void)close(fd);
	}
}

#endif
