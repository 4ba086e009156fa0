/*
 * The server side of TLS over a non-blocking socket.  The only user of the
 * TLS library.  TLS 1.2 and 1.3 where the library has it, AEAD suites with
 * ChaCha20-Poly1305 first (under 1.3 the library lets the client choose),
 * X25519 and P-256, no renegotiation, no client certificates (so no
 * certificate of a stranger is parsed); sessions resume by id, since libcurl
 * asks for no tickets under TLS 1.2.
 *
 * A struct tls_ident is shared by threads; a tls_conf and the sessions made
 * from it belong to one thread.
 */
#ifndef ZK_HTTP_TLS_H
#define ZK_HTTP_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/err.h"

struct buf;
struct env;
struct tls;		/* one connection */
struct tls_conf;	/* one thread's settings */
struct tls_ident;	/* key, certificate, session cache */

#define TLS_PIN_MAX 64	/* bytes of a pin with its NUL */
#define TLS_PEM_MAX (64u * 1024)	/* bytes of a key or chain */
#define TLS_AGAIN_READ (-1)	/* call again when the socket is readable */
#define TLS_AGAIN_WRITE (-2)	/* ... writable */
#define TLS_DEAD (-3)		/* broken; free it */

/*
 * Makes a P-256 key and a certificate signed by it (random serial, valid
 * from 2020 to 9999: clients pin the key), appended as PEM.  key has its
 * wipe flag set.  ZK_ENOMEM, ZK_EBUG (the library failed).
 */
ZK_CHECKED enum zk_err tls_generate(struct env *env, struct buf *key,
    struct buf *cert);

/*
 * An identity from PEM: key, and certificate or chain (own one first).
 * ZK_EFORMAT: one does not parse.  ZK_EREFUSED: they do not belong together.
 */
ZK_CHECKED enum zk_err tls_ident_new(struct env *env, const struct buf *key,
    const struct buf *cert, struct tls_ident **out);
/* After all that was made from it. NULL is fine. */
void tls_ident_free(struct tls_ident *id);

/*
 * "sha256//" and the base64 of the SHA-256 of the SubjectPublicKeyInfo, as
 * CURLOPT_PINNEDPUBLICKEY has it; lives as long as id.
 */
const char *tls_ident_pin(const struct tls_ident *id);

ZK_CHECKED enum zk_err tls_conf_new(struct tls_ident *id,
    struct tls_conf **out);
void tls_conf_free(struct tls_conf *c);

/* A session on the socket fd, which stays the caller's. */
ZK_CHECKED enum zk_err tls_new(struct tls_conf *c, int fd, struct tls **out);
/* Frees without a word to the peer; see tls_bye. */
void tls_free(struct tls *t);

/* 1 once the handshake is over, else one of TLS_*. */
int tls_handshake(struct tls *t);

/* Bytes read (1..n), 0 at the peer's end, or one of TLS_*. */
ssize_t tls_read(struct tls *t, void *p, size_t n);

/* True if tls_read would give bytes without the socket. */
bool tls_buffered(const struct tls *t);

/*
 * Bytes taken (1..n) or one of TLS_*.  Bytes taken may still be inside: the
 * next call, or tls_flush, sends them first.
 */
ssize_t tls_write(struct tls *t, const void *p, size_t n);

/* 1 when nothing is left inside, else one of TLS_*. */
int tls_flush(struct tls *t);

/* Tells the peer that no more comes, as far as the socket takes it. */
void tls_bye(struct tls *t);

#endif
