/* The real environment's sockets.  See env.h. */
#include "util/env_posix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTEN_BACKLOG 1024

union addr {
	struct sockaddr any;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
};

/* A numeric address as the kernel wants it; 0 if it is none. */
static socklen_t
parse(const char *text, uint16_t port, union addr *a)
{
	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, text, &a->in4.sin_addr) == 1) {
		a->in4.sin_family = AF_INET;
		a->in4.sin_port = htons(port);
		return sizeof(a->in4);
	}
	if (inet_pton(AF_INET6, text, &a->in6.sin6_addr) == 1) {
		a->in6.sin6_family = AF_INET6;
		a->in6.sin6_port = htons(port);
		return sizeof(a->in6);
	}
	return 0;
}

static int
bind_listen(int fd, const union addr *a, socklen_t len, bool share,
    uint16_t *port_out)
{
	int one = 1;
	int zero = 0;
	union addr got;
	socklen_t got_len = sizeof(got);

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (share && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one,
	    sizeof(one)) != 0)
		return -errno;
	/* [::] takes IPv4 too, whatever the system's default */
	if (a->any.sa_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero,
		    sizeof(zero));
	if (bind(fd, &a->any, len) != 0 || listen(fd, LISTEN_BACKLOG) != 0 ||
	    getsockname(fd, &got.any, &got_len) != 0)
		return -errno;
	*port_out = ntohs(got.any.sa_family == AF_INET6 ?
	    got.in6.sin6_port : got.in4.sin_port);
	return 0;
}

int
env_posix_listen(void *ctx, const char *addr, uint16_t port, bool share,
    uint16_t *port_out)
{
	union addr a;
	socklen_t len = parse(addr, port, &a);
	int err = 0;
	int fd = -1;

	(void)ctx;
	if (len == 0)
		return -EINVAL;
	fd = socket(a.any.sa_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	err = bind_listen(fd, &a, len, share, port_out);
	if (err != 0) {
		(void)close(fd);
		return err;
	}
	return fd;
}

int
env_posix_accept(void *ctx, int fd, uint8_t peer[16])
{
	union addr a;
	socklen_t len = sizeof(a);
	int one = 1;
	int c = -1;

	(void)ctx;
	memset(&a, 0, sizeof(a));
	do
		c = accept4(fd, &a.any, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	while (c < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (c < 0)
		return -errno;
	memset(peer, 0, 16);
	if (a.any.sa_family == AF_INET6) {
		memcpy(peer, &a.in6.sin6_addr, 16);
	} else {
		peer[10] = peer[11] = 0xff;
		memcpy(peer + 12, &a.in4.sin_addr, 4);
	}
	(void)setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return c;
}

ssize_t
env_posix_recv(void *ctx, int fd, void *p, size_t n)
{
	ssize_t k = -1;

	(void)ctx;
	do
		k = recv(fd, p, n, 0);
	while (k < 0 && errno == EINTR);
	return k < 0 ? -errno : k;
}

ssize_t
env_posix_send(void *ctx, int fd, const void *p, size_t n, bool more)
{
	ssize_t k = -1;

	(void)ctx;
	do
		k = send(fd, p, n, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
	while (k < 0 && errno == EINTR);
	return k < 0 ? -errno : k;
}

ssize_t
env_posix_sendfile(void *ctx, int fd, int file, uint64_t off, size_t n)
{
	off_t at = (off_t)off;
	ssize_t k = -1;

	(void)ctx;
	do
		k = sendfile(fd, file, &at, n);
	while (k < 0 && errno == EINTR);
	return k < 0 ? -errno : k;
}

size_t
env_posix_queued(void *ctx, int fd)
{
	int n = 0;

	(void)ctx;
	return ioctl(fd, SIOCOUTQ, &n) == 0 && n > 0 ? (size_t)n : 0;
}

int
env_posix_shutdown(void *ctx, int fd)
{
	(void)ctx;
	return shutdown(fd, SHUT_WR) != 0 ? -errno : 0;
}
