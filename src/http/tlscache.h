/*
 * TLS sessions that may be resumed by their id, shared by all threads: a
 * fixed number of places chosen by the id, the newer session taking the
 * place.  (The library's own cache is a list that is walked for each
 * handshake.)  Sessions hold secrets: every place is wiped when it is left.
 * Knows the library's types; only http/tls.c includes it.
 */
#ifndef ZK_HTTP_TLSCACHE_H
#define ZK_HTTP_TLSCACHE_H

#include <mbedtls/ssl.h>
#include <mbedtls/version.h>

#include "util/err.h"

struct env;
struct tls_cache;

ZK_CHECKED enum zk_err tls_cache_new(struct env *env,
    struct tls_cache **out);
void tls_cache_free(struct tls_cache *c);

/* Callbacks for mbedtls_ssl_conf_session_cache; ctx is the cache. */
#if MBEDTLS_VERSION_MAJOR >= 3
int tls_cache_get(void *ctx, const unsigned char *id, size_t id_len,
    mbedtls_ssl_session *session);
int tls_cache_set(void *ctx, const unsigned char *id, size_t id_len,
    const mbedtls_ssl_session *session);
#else
int tls_cache_get(void *ctx, mbedtls_ssl_session *session);
int tls_cache_set(void *ctx, const mbedtls_ssl_session *session);
#endif

#endif
