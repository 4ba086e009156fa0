/*
 * Typed errors: the JSON body of every reply with a status of 400 or more,
 * zk-protocol(7), ERROR REPLIES.
 *
 *	{"error":"key_retired","message":"…","time":1764000000}
 *
 * Clients branch on "error"; unknown members are ignored, an unknown code
 * counts as its HTTP status says.
 */
#ifndef ZK_PROTO_ERROR_H
#define ZK_PROTO_ERROR_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct buf;

#define ERROR_BODY_MAX 4096	/* bytes of JSON a client reads */
#define ERROR_TEXT_MAX 200	/* bytes of a message, NUL included */

/* X(constant, HTTP status, code, what the client makes of it, sentence) */
#define ERROR_LIST(X)                                                       \
	X(ERROR_BAD_REQUEST, 400, "bad_request", ZK_EREFUSED,                \
	    "malformed request")                                             \
	X(ERROR_BAD_OBJECT, 400, "bad_object", ZK_EREFUSED,                  \
	    "the body is not what its name, hash or signature says")         \
	X(ERROR_AUTH, 401, "auth", ZK_EAUTH,                                 \
	    "no key of this space signed the request")                       \
	X(ERROR_CLOCK, 401, "clock", ZK_EAUTH,                               \
	    "the signed time is outside the window")                         \
	X(ERROR_AUTHORITY, 401, "authority", ZK_EAUTH,                       \
	    "the request was signed for another host; see zk relay --url")   \
	X(ERROR_REPLAY, 401, "replay", ZK_EAUTH,                             \
	    "this request was made before")                                  \
	X(ERROR_KEY_RETIRED, 401, "key_retired", ZK_EAUTH,                   \
	    "this request key was retired")                                  \
	X(ERROR_INVITE, 403, "invite", ZK_EREFUSED,                          \
	    "an invite token is needed to create a space here: give the "    \
	    "right one with --invite")                                       \
	X(ERROR_NOT_FOUND, 404, "not_found", ZK_ENOENT, "not found")         \
	X(ERROR_METHOD, 405, "method", ZK_EREFUSED,                          \
	    "no such method on this path")                                   \
	X(ERROR_TIMEOUT, 408, "timeout", ZK_ETIMEDOUT,                       \
	    "the request took too long")                                     \
	X(ERROR_EXISTS, 409, "exists", ZK_EEXIST,                            \
	    "the space exists with other keys")                              \
	X(ERROR_TAKEN, 409, "taken", ZK_EEXIST,                              \
	    "this code was used already or is in use")                       \
	X(ERROR_GONE, 410, "gone", ZK_EEXPIRED,                              \
	    "the mailbox is closed or expired")                              \
	X(ERROR_LENGTH, 411, "length", ZK_EREFUSED,                          \
	    "the length of the body is needed")                              \
	X(ERROR_TOO_LARGE, 413, "too_large", ZK_EREFUSED,                    \
	    "the body is too large")                                         \
	X(ERROR_RANGE, 416, "range", ZK_EREFUSED, "no such range")           \
	X(ERROR_EXPECT, 417, "expect", ZK_EREFUSED, "unknown expectation")   \
	X(ERROR_TOO_MANY, 429, "too_many", ZK_EBUSY,                         \
	    "too many requests")                                             \
	X(ERROR_HEAD, 431, "head", ZK_EREFUSED,                              \
	    "the head of the request is too large")                          \
	X(ERROR_INTERNAL, 500, "internal", ZK_EBUSY, "internal error")       \
	X(ERROR_BUSY, 503, "busy", ZK_EBUSY, "busy, try again")              \
	X(ERROR_FULL, 507, "full", ZK_EREMOTEFULL, "the relay is full")      \
	X(ERROR_QUOTA, 507, "quota", ZK_EREMOTEFULL,                         \
	    "the space is over its quota")

enum error_code {
#define X(id, status, name, zk, text) id,
	ERROR_LIST(X)
#undef X
	ERROR_CODES	/* decoded: a code this version does not know */
};

struct error_body {
	enum error_code code;
	int64_t time;			/* relay's s since 1970; 0: not told */
	char message[ERROR_TEXT_MAX];	/* UTF-8, for people */
};

/* HTTP status of a code. */
int error_status(enum error_code code);

/*
 * The client's code for a reply: that of the list, or, for ERROR_CODES,
 * what status alone says (5xx and 429: ZK_EBUSY, 404: ZK_ENOENT, 401:
 * ZK_EAUTH, others: ZK_EREFUSED).
 */
enum zk_err error_zk(enum error_code code, int status);

/* Appends the JSON of code with its sentence; time 0: left out. */
enum zk_err error_put(struct buf *out, enum error_code code, int64_t time);

/*
 * Decodes the body of an error reply.  Never fails: what cannot be read
 * gives ERROR_CODES and an empty message.
 */
void error_get(const void *in, size_t in_len, struct error_body *out);

#endif
