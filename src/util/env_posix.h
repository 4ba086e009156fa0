/*
 * Between the two halves of the real environment, and for tests of it.
 * Contracts of the calls: util/env.h.
 */
#ifndef ZK_UTIL_ENV_POSIX_H
#define ZK_UTIL_ENV_POSIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Tests: with off set, open_beneath goes component by component. */
void env_posix_no_openat2(bool off);

int env_posix_listen(void *ctx, const char *addr, uint16_t port, bool share,
    uint16_t *port_out);
int env_posix_accept(void *ctx, int fd, uint8_t peer[16]);
ssize_t env_posix_recv(void *ctx, int fd, void *p, size_t n);
ssize_t env_posix_send(void *ctx, int fd, const void *p, size_t n,
    bool more);
ssize_t env_posix_sendfile(void *ctx, int fd, int file, uint64_t off,
    size_t n);
size_t env_posix_queued(void *ctx, int fd);
int env_posix_shutdown(void *ctx, int fd);

#endif
