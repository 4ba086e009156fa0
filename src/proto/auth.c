#include <inttypes.h>
#include <string.h>

#include "proto/auth.h"
#include "util/buf.h"
#include "util/hex.h"

enum zk_err
auth_message(const struct auth *a, const struct auth_req *req,
    struct buf *out)
{
	buf_lp(out, req->method, strlen(req->method));
	buf_lp(out, req->authority, strlen(req->authority));
	buf_lp(out, req->path, strlen(req->path));
	buf_lp(out, req->query, strlen(req->query));
	buf_u8(out, (uint8_t)a->body);
	buf_put(out, a->hash, AUTH_HASH_LEN);
	buf_u64(out, (uint64_t)a->time);
	buf_put(out, a->nonce, AUTH_NONCE_LEN);
	return buf_err(out);
}

enum zk_err
auth_authority(const char *host, size_t n,
    char out[static AUTH_AUTHORITY_MAX + 1])
{
	out[0] = '\0';
	if (n == 0 || n > AUTH_AUTHORITY_MAX)
		return ZK_EFORMAT;
	for (size_t i = 0; i < n; i++) {
		char c = host[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    (c == '\0' || strchr(".-_:[]", c) == NULL)) {
			out[0] = '\0';
			return ZK_EFORMAT;
		}
		out[i] = c;
	}
	out[n] = '\0';
	return ZK_OK;
}

enum zk_err
auth_encode(const struct auth *a, struct buf *out)
{
	buf_str(out, "ZK1 key=");
	hex_put(out, a->key, AUTH_KEY_LEN);
	buf_printf(out, ",time=%" PRId64 ",nonce=", a->time);
	hex_put(out, a->nonce, AUTH_NONCE_LEN);
	buf_str(out, ",body=");
	if (a->body == AUTH_BODY_NONE)
		buf_str(out, "-");
	else if (a->body == AUTH_BODY_NAME)
		buf_str(out, "name");
	else
		hex_put(out, a->hash, AUTH_HASH_LEN);
	buf_str(out, ",sig=");
	hex_put(out, a->sig, AUTH_SIG_LEN);
	return buf_err(out);
}

/* What is left of a header value. */
struct cursor {
	const char *s;
	size_t n;
};

static bool
skip(struct cursor *c, const char *word)
{
	size_t n = strlen(word);

	if (c->n < n || memcmp(c->s, word, n) != 0)
		return false;
	c->s += n;
	c->n -= n;
	return true;
}

static bool
take_hex(struct cursor *c, const char *word, void *out, size_t n)
{
	if (!skip(c, word) || c->n < 2 * n)
		return false;
	if (hex_get(c->s, 2 * n, out, n) != ZK_OK)
		return false;
	c->s += 2 * n;
	c->n -= 2 * n;
	return true;
}

/* Seconds: 1 to 15 digits without a leading zero. */
static bool
take_time(struct cursor *c, int64_t *out)
{
	size_t n = 0;

	*out = 0;
	if (!skip(c, ",time="))
		return false;
	while (n < c->n && n < 15 && c->s[n] >= '0' && c->s[n] <= '9') {
		*out = *out * 10 + (c->s[n] - '0');
		n++;
	}
	if (n == 0 || (n > 1 && c->s[0] == '0'))
		return false;
	c->s += n;
	c->n -= n;
	return true;
}

static bool
take_body(struct cursor *c, struct auth *a)
{
	if (skip(c, ",body=-,")) {
		a->body = AUTH_BODY_NONE;
	} else if (skip(c, ",body=name,")) {
		a->body = AUTH_BODY_NAME;
	} else {
		a->body = AUTH_BODY_HASH;
		return take_hex(c, ",body=", a->hash, AUTH_HASH_LEN) &&
		    skip(c, ",");
	}
	return true;
}

enum zk_err
auth_decode(const char *s, size_t n, struct auth *out)
{
	struct cursor c = { s, n };
	struct auth a;

	memset(&a, 0, sizeof(a));
	memset(out, 0, sizeof(*out));
	if (n > AUTH_HEADER_MAX ||
	    !skip(&c, "ZK1 ") ||
	    !take_hex(&c, "key=", a.key, AUTH_KEY_LEN) ||
	    !take_time(&c, &a.time) ||
	    !take_hex(&c, ",nonce=", a.nonce, AUTH_NONCE_LEN) ||
	    !take_body(&c, &a) ||
	    !take_hex(&c, "sig=", a.sig, AUTH_SIG_LEN) ||
	    c.n != 0)
		return ZK_EFORMAT;
	*out = a;
	return ZK_OK;
}

bool
auth_fresh(const struct auth *a, int64_t now_s)
{
	return a->time >= now_s - AUTH_WINDOW_S &&
	    a->time <= now_s + AUTH_WINDOW_S;
}
