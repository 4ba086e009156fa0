/*
 * Signed requests: zk-protocol(7), AUTHENTICATION.
 *
 *	Authorization: ZK1 key=HEX,time=SECONDS,nonce=HEX,body=BODY,sig=HEX
 *
 * key is the request key (Ed25519, 64 digits), time seconds since 1970,
 * nonce 16 random bytes, sig the signature (label LABEL_REQUEST of
 * crypto/labels.h) over auth_message.  body is "-" (no body), "name" (the
 * path names the hash of the body, which is checked against it) or 64 digits
 * of the body's hash (LABEL_BODY): a relay can decide on the head alone, and
 * what it then reads is bound to it.
 *
 * This is pure encoding: transport/ signs and relay/ checks.
 */
#ifndef ZK_PROTO_AUTH_H
#define ZK_PROTO_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct buf;

#define AUTH_KEY_LEN 32
#define AUTH_NONCE_LEN 16
#define AUTH_HASH_LEN 32
#define AUTH_SIG_LEN 64
#define AUTH_WINDOW_S 300	/* a signed time may be this far off */
#define AUTH_HEADER_MAX 512	/* bytes of the header's value */
#define AUTH_MESSAGE_MAX 2048	/* bytes of auth_message */
#define AUTH_AUTHORITY_MAX 300	/* bytes of host and port */

/* Name of the request header that carries the invite token. */
#define AUTH_INVITE_HEADER "Zk-Invite"
/* Rendezvous: 32 hex digits, which side's owner asks (RENDEZVOUS). */
#define AUTH_SIDE_HEADER "Zk-Side"

enum auth_body {
	AUTH_BODY_NONE,	/* "-" */
	AUTH_BODY_NAME,	/* "name" */
	AUTH_BODY_HASH	/* digits */
};

struct auth {
	uint8_t key[AUTH_KEY_LEN];	/* public request key */
	int64_t time;			/* s since 1970 */
	uint8_t nonce[AUTH_NONCE_LEN];
	enum auth_body body;
	uint8_t hash[AUTH_HASH_LEN];	/* AUTH_BODY_HASH; else zeroes */
	uint8_t sig[AUTH_SIG_LEN];
};

/* What a request is beside its auth: C strings, path and query as sent. */
struct auth_req {
	const char *method;
	const char *authority;	/* from auth_authority */
	const char *path;	/* starts with '/' */
	const char *query;	/* without '?', "" for none */
};

/*
 * Appends what is signed: the four strings, each varint length and bytes;
 * body kind as a byte, hash (32), time (u64), nonce (16).  sig is not read.
 */
ZK_CHECKED enum zk_err auth_message(const struct auth *a,
    const struct auth_req *req, struct buf *out);

/*
 * The authority of a request: the value of Host (n bytes) with A-Z made
 * lower case, NUL-terminated in out.  host, host:port or [v6]:port; a
 * default port stays as it was sent.  ZK_EFORMAT: empty, over
 * AUTH_AUTHORITY_MAX, or with bytes outside letters digits . - _ : [ ].
 */
ZK_CHECKED enum zk_err auth_authority(const char *host, size_t n,
    char out[static AUTH_AUTHORITY_MAX + 1]);

/* Appends the value of the Authorization header. */
ZK_CHECKED enum zk_err auth_encode(const struct auth *a, struct buf *out);

/* Decodes it.  ZK_EFORMAT: any other spelling. */
ZK_CHECKED enum zk_err auth_decode(const char *s, size_t n,
    struct auth *out);

/* Whether a's time is within AUTH_WINDOW_S of now_s (s since 1970). */
bool auth_fresh(const struct auth *a, int64_t now_s);

#endif
