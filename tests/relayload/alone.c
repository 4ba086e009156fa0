#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <mbedtls/ssl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "http/tls.h"
#include "tests/relayload/alone.h"
#include "util/buf.h"
#include "util/env.h"

#define PIECE (256u * 1024)

static uint8_t piece[PIECE];

static int
rng(void *arg, unsigned char *out, size_t n)
{
	env_random(arg, out, n);
	return 0;
}

static int
bio_send(void *arg, const unsigned char *p, size_t n)
{
	ssize_t k = send(*(int *)arg, p, n, MSG_NOSIGNAL);

	return k < 0 ? MBEDTLS_ERR_SSL_INTERNAL_ERROR : (int)k;
}

static int
bio_recv(void *arg, unsigned char *p, size_t n)
{
	ssize_t k = recv(*(int *)arg, p, n, 0);

	return k <= 0 ? MBEDTLS_ERR_SSL_CONN_EOF : (int)k;
}

static void
await(int fd, long r)
{
	struct pollfd p = { fd, r == TLS_AGAIN_WRITE ? POLLOUT : POLLIN, 0 };

	if (r == TLS_DEAD || poll(&p, 1, 10000) != 1)
		_exit(1);
}

/* The relay's side: takes n bytes, then gives n bytes. */
static void
serve(int listen_fd, uint64_t n)
{
	struct env *env = env_posix();
	struct tls_ident *id = NULL;
	struct tls_conf *conf = NULL;
	struct tls *t = NULL;
	struct buf key, cert;
	int fd, r;

	buf_init_secret(&key, TLS_PEM_MAX);
	buf_init(&cert, TLS_PEM_MAX);
	if (tls_generate(env, &key, &cert) != ZK_OK ||
	    tls_ident_new(env, &key, &cert, &id) != ZK_OK ||
	    tls_conf_new(id, &conf) != ZK_OK)
		_exit(1);
	fd = accept(listen_fd, NULL, NULL);
	if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0 ||
	    tls_new(conf, fd, &t) != ZK_OK)
		_exit(1);
	for (r = tls_handshake(t); r != 1; r = tls_handshake(t))
		await(fd, r);
	for (uint64_t left = n; left > 0; ) {
		ssize_t k = tls_read(t, piece, PIECE);

		if (k == 0)
			_exit(1);
		if (k < 0)
			await(fd, k);
		else
			left -= (uint64_t)k;
	}
	for (uint64_t left = n; left > 0; ) {
		ssize_t k = tls_write(t, piece, left < PIECE ?
		    (size_t)left : PIECE);

		if (k < 0)
			await(fd, k);
		else
			left -= (uint64_t)k;
	}
	for (r = tls_flush(t); r != 1; r = tls_flush(t))
		await(fd, r);
	_exit(0);
}

static double
rate(uint64_t n, int64_t ms)
{
	return (double)n / 1000 / (double)(ms > 0 ? ms : 1);
}

static int
client(int fd, uint64_t n)
{
	struct env *env = env_posix();
	mbedtls_ssl_config conf;
	mbedtls_ssl_context ssl;
	int64_t start, mid, end;
	int k = 0;

	mbedtls_ssl_config_init(&conf);
	mbedtls_ssl_init(&ssl);
	if (mbedtls_ssl_config_defaults(&conf, MBEDTLS_SSL_IS_CLIENT,
	    MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT) != 0)
		return 1;
	mbedtls_ssl_conf_rng(&conf, rng, env);
	mbedtls_ssl_conf_authmode(&conf, MBEDTLS_SSL_VERIFY_NONE);
	if (mbedtls_ssl_setup(&ssl, &conf) != 0)
		return 1;
	mbedtls_ssl_set_bio(&ssl, &fd, bio_send, bio_recv, NULL);
	if (mbedtls_ssl_handshake(&ssl) != 0)
		return 1;
	start = env_mono_ms(env);
	for (uint64_t left = n; left > 0; left -= (uint64_t)k) {
		k = mbedtls_ssl_write(&ssl, piece, left < PIECE ?
		    (size_t)left : PIECE);
		if (k <= 0)
			return 1;
	}
	mid = env_mono_ms(env);
	for (uint64_t left = n; left > 0; left -= (uint64_t)k) {
		k = mbedtls_ssl_read(&ssl, piece, PIECE);
		if (k <= 0)
			return 1;
	}
	end = env_mono_ms(env);
	printf("tls alone %s up=%.0f MB/s down=%.0f MB/s\n",
	    mbedtls_ssl_get_ciphersuite(&ssl), rate(n, mid - start),
	    rate(n, end - mid));
	mbedtls_ssl_free(&ssl);
	mbedtls_ssl_config_free(&conf);
	return 0;
}

int
alone_run(unsigned mib)
{
	struct sockaddr_in sa;
	socklen_t len = sizeof(sa);
	uint64_t n = (uint64_t)mib << 20;
	int lfd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = 1, st = 0;
	pid_t pid;

	memset(&sa, 0, sizeof(sa));
	sa.sin_family = AF_INET;
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(lfd, (struct sockaddr *)&sa, len) != 0 ||
	    listen(lfd, 1) != 0 ||
	    getsockname(lfd, (struct sockaddr *)&sa, &len) != 0)
		return 1;
	pid = fork();
	if (pid == 0)
		serve(lfd, n);
	if (connect(fd, (struct sockaddr *)&sa, len) == 0)
		r = client(fd, n);
	close(fd);
	close(lfd);
	waitpid(pid, &st, 0);
	return r;
}
