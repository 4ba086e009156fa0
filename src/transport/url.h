/*
 * Remote URLs as zk(1), REMOTE URLS has them, taken apart under bounds:
 *
 *	https://HOST[:PORT]/[#sha256//PIN[;sha256//PIN]...]
 *	http://HOST[:PORT]/
 *	file:///DIR
 *
 * s3:// and davs:// are known by name and refused.  Nothing is resolved or
 * contacted.
 */
#ifndef ZK_TRANSPORT_URL_H
#define ZK_TRANSPORT_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define URL_MAX 4096		/* bytes of a URL without the NUL */
#define URL_HOST_MAX 255	/* bytes of a host name */
#define URL_PIN_MAX 512		/* bytes of all pins */
#define URL_PIN_LEN 52		/* "sha256//" and 44 base64 characters */

struct buf;

enum url_kind {
	URL_HTTP = 1,
	URL_HTTPS,
	URL_FILE
};

struct url {
	enum url_kind kind;
	char host[URL_HOST_MAX + 1];	/* IPv6 without brackets */
	bool ipv6;
	bool loopback;			/* localhost, 127/8, ::1 */
	uint16_t port;
	char pin[URL_PIN_MAX + 1];	/* "sha256//..." joined by ';', or "" */
	char path[URL_MAX + 1];		/* URL_FILE: absolute, %XX decoded */
};

/*
 * Takes s apart.  ZK_EUSAGE, with *why set to a sentence in static storage
 * that repeats nothing of s.
 */
ZK_CHECKED enum zk_err url_parse(const char *s, struct url *out,
    const char **why);

/* Appends the URL in its one normal form, which never holds credentials. */
enum zk_err url_write(const struct url *u, struct buf *out);

/* Appends HOST:PORT as an HTTP authority, IPv6 in brackets. */
enum zk_err url_authority(const struct url *u, struct buf *out);

/*
 * Appends any string that was meant as a URL with what could be a credential
 * (user part, query, fragment other than a pin) left out, for messages.
 */
enum zk_err url_redact(const char *s, struct buf *out);

/* True for "sha256//" and 44 characters of base64 that are 32 bytes. */
bool url_pin_ok(const char *pin, size_t len);

#endif
