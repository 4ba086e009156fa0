#include "transport/http_call.h"

#include <stdio.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/labels.h"
#include "crypto/sign.h"
#include "proto/auth.h"
#include "transport/http.h"
#include "transport/impl.h"
#include "util/env.h"
#include "util/hex.h"

#define HEAD_MAX (64u * 1024)	/* bytes of a reply's head, trailers too */
#define HEAD_LINES 256
#define ERROR_MAX (64u * 1024)	/* bytes of an error body; a part is kept */
#define BUFFER (256L * 1024)	/* bytes a handle moves at once */
#define AT_ONCE_MAX (16u * 1024)	/* bytes of a body */

#define AEAD_ONLY "ECDHE+CHACHA20:ECDHE+AESGCM"
#define AEAD_13 "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:"       \
	"TLS_AES_256_GCM_SHA384"

static void
say(struct http_call *c, const char *text)
{
	(void)snprintf(c->text, sizeof(c->text), "%s", text);
}

/* Callbacks.  A short count makes libcurl fail the transfer. */

/* n more bytes of the body were handed to curl. */
static void
count_sent(struct http_call *c, size_t n)
{
	c->sent += n;
	c->moved += n;
	if (c->at != NULL)
		*c->at = c->sent;
	transport_moved(c->h->opts, true, n);
}

/*
 * A small body is handed over whole: it then leaves in one piece with the
 * request's head, and the relay is not woken twice.
 */
static bool
goes_at_once(const struct http_call *c)
{
	return c->body_len > 0 && c->body_len <= AT_ONCE_MAX &&
	    c->h->up.per_s == 0;
}

static size_t
on_read(char *out, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;
	size_t left = c->body_len - c->sent;

	n *= size;
	if (n > left)
		n = left;
	if (n == 0)
		return 0;
	n = rate_take(&c->h->up, http_now(c->h), n);
	if (n == 0) {
		c->paused = true;
		return CURL_READFUNC_PAUSE;
	}
	memcpy(out, (const uint8_t *)c->body + c->sent, n);
	count_sent(c, n);
	return n;
}

/* A connection that went stale: the body goes again from the start. */
static int
on_seek(void *arg, curl_off_t offset, int origin)
{
	struct http_call *c = arg;

	if (origin != SEEK_SET || offset < 0 ||
	    (uint64_t)offset > c->body_len)
		return CURL_SEEKFUNC_FAIL;
	c->sent = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

static size_t
on_head(char *p, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;

	(void)p;
	n *= size;
	c->head_bytes += n;
	c->head_lines++;
	c->moved += n;
	if (c->head_bytes > HEAD_MAX || c->head_lines > HEAD_LINES) {
		c->over = true;
		return 0;
	}
	return n;
}

/* The body of a reply that is not a success: kept in part, for its code. */
static size_t
keep_error(struct http_call *c, const char *p, size_t n)
{
	struct buf *b = &c->error_text;
	size_t room = b->max - b->len;

	c->head_bytes += n;
	if (c->head_bytes > HEAD_MAX + ERROR_MAX)
		return 0;
	(void)buf_put(b, p, n < room ? n : room);
	return n;
}

static size_t
on_write(char *p, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;
	curl_off_t length = -1;
	long status = 0;

	n *= size;
	if (!rate_take_all(&c->h->down, http_now(c->h), n)) {
		c->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	c->moved += n;
	(void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200 && status != 201)
		return keep_error(c, p, n);
	if (c->reply == NULL || n > c->reply->max - c->reply->len) {
		c->over = true;
		return 0;
	}
	if (c->reply->len == c->reply_start) {
		(void)curl_easy_getinfo(c->easy,
		    CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
		if (length > 0 && (uint64_t)length <= c->reply->max -
		    c->reply->len)
			(void)buf_reserve(c->reply, (size_t)length);
	}
	if (buf_put(c->reply, p, n) != ZK_OK)
		return 0;
	if (c->at != NULL && c->body_len == 0)
		*c->at = c->reply->len - c->reply_start;
	transport_moved(c->h->opts, false, n);
	return n;
}

/* Head of the request. */

static enum zk_err
add_header(struct http_call *c, const char *line)
{
	struct curl_slist *l = curl_slist_append(c->headers, line);

	if (l == NULL)
		return ZK_ENOMEM;
	c->headers = l;
	return ZK_OK;
}

static void
auth_fill(const struct http_call *c, struct auth *a)
{
	struct http *h = c->h;

	memset(a, 0, sizeof(*a));
	memcpy(a->key, signkey_pk(h->opts->request), AUTH_KEY_LEN);
	a->time = env_now_ms(h->env) / 1000 + h->clock_s;
	env_random(h->env, a->nonce, sizeof(a->nonce));
	a->body = AUTH_BODY_NONE;
	if (target_names_body(c->target.call)) {
		a->body = AUTH_BODY_NAME;
	} else if (c->body_len > 0) {
		a->body = AUTH_BODY_HASH;
		hash_bytes(LABEL_BODY, c->body, c->body_len, a->hash);
	}
}

/* path ends in a NUL, and so does query. */
static enum zk_err
sign(struct http_call *c, const char *path, const char *query)
{
	struct auth_req req = {
		.method = target_method(c->target.call),
		.authority = c->h->authority,
		.path = path,
		.query = query,
	};
	struct auth a;
	struct buf msg;
	struct buf line;
	enum zk_err r;

	if (c->h->opts->request == NULL) {
		say(c, "there is no key here to sign requests with");
		return ZK_EAUTH;
	}
	buf_init(&msg, AUTH_MESSAGE_MAX);
	buf_init(&line, AUTH_HEADER_MAX + 32);
	auth_fill(c, &a);
	r = auth_message(&a, &req, &msg);
	if (r != ZK_OK)
		goto out;
	sign_make(c->h->opts->request, LABEL_REQUEST, msg.data, msg.len,
	    a.sig);
	(void)buf_str(&line, "Authorization: ");
	r = auth_encode(&a, &line);
	if (r == ZK_OK)
		r = add_header(c, buf_cstr(&line));
out:
	buf_release(&msg);
	buf_release(&line);
	return r;
}

static enum zk_err
extra_headers(struct http_call *c)
{
	const char *invite = c->h->opts->invite;
	enum zk_err r = add_header(c, "Expect:");
	struct buf b;

	buf_init(&b, 512);
	if (r == ZK_OK && c->body_len > 0)
		r = add_header(c, "Content-Type: application/octet-stream");
	if (r == ZK_OK && c->target.call == TARGET_CREATE && invite != NULL) {
		r = buf_printf(&b, "%s: %s", AUTH_INVITE_HEADER, invite);
		if (r == ZK_OK)
			r = add_header(c, buf_cstr(&b));
	}
	if (r == ZK_OK && c->rv != NULL) {
		(void)buf_printf(&b, "%s: ", AUTH_SIDE_HEADER);
		r = hex_put(&b, c->rv->id, sizeof(c->rv->id));
		if (r == ZK_OK)
			r = add_header(c, buf_cstr(&b));
	}
	buf_release(&b);
	return r;
}

/* libcurl options. */

/*
 * AEAD suites alone, where the TLS library takes names as OpenSSL has them.
 * Of those of TLS 1.3 a relay takes the first that it is offered, so what it
 * is quickest with comes first; who has a certificate from an authority is
 * no relay, or is behind a proxy, and has other preferences.
 */
static CURLcode
set_suites(CURL *easy, bool anchored)
{
	CURLcode e;

	if (strncmp(curl_version_info(CURLVERSION_NOW)->ssl_version,
	    "OpenSSL", 7) != 0)
		return CURLE_OK;
	e = curl_easy_setopt(easy, CURLOPT_SSL_CIPHER_LIST, AEAD_ONLY);
	if (e == CURLE_OK && !anchored)
		e = curl_easy_setopt(easy, CURLOPT_TLS13_CIPHERS, AEAD_13);
	return e == CURLE_NOT_BUILT_IN ? CURLE_OK : e;
}

/*
 * What the connection must prove.  A pin alone decides where there is one.
 * Rendezvous without a pin takes the first key it sees and then that one:
 * pairing compares it with the member's own pin before any key moves.
 */
static CURLcode
set_trust(struct http_call *c, CURL *easy)
{
	const struct http *h = c->h;
	const char *pin = h->url.pin;
	bool anchored = h->url.pin[0] == '\0' && c->rv == NULL;
	CURLcode e;

	if (c->rv != NULL && pin[0] == '\0')
		pin = h->pin;
	e = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER,
	    anchored ? 1L : 0L);
	if (e == CURLE_OK)
		e = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST,
		    anchored ? 2L : 0L);
	if (e == CURLE_OK && pin[0] != '\0')
		e = curl_easy_setopt(easy, CURLOPT_PINNEDPUBLICKEY, pin);
	if (e == CURLE_OK)
		e = curl_easy_setopt(easy, CURLOPT_SSLVERSION,
		    (long)CURL_SSLVERSION_TLSv1_2);
	if (e == CURLE_OK)
		e = set_suites(easy, anchored);
	/* where the TLS library cannot tell, the key seen stays unknown */
	if (h->pin[0] == '\0')
		(void)curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L);
	return e;
}

static CURLcode
set_method(struct http_call *c, CURL *easy)
{
	curl_off_t len = (curl_off_t)c->body_len;
	const char *method = target_method(c->target.call);
	CURLcode e;

	if (strcmp(method, "PUT") == 0) {
		e = curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
		if (e == CURLE_OK)
			e = curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE,
			    len);
		return e;
	}
	if (strcmp(method, "POST") == 0) {
		e = curl_easy_setopt(easy, CURLOPT_POST, 1L);
		if (e == CURLE_OK)
			e = curl_easy_setopt(easy,
			    CURLOPT_POSTFIELDSIZE_LARGE, len);
		if (e == CURLE_OK && goes_at_once(c)) {
			e = curl_easy_setopt(easy, CURLOPT_POSTFIELDS, c->body);
			count_sent(c, c->body_len);
		}
		return e;
	}
	if (strcmp(method, "GET") == 0)
		return curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

static CURLcode
set_callbacks(struct http_call *c, CURL *easy)
{
	CURLcode e = CURLE_OK;

#define SET(opt, v)                                                          \
	do {                                                                 \
		if (e == CURLE_OK)                                           \
			e = curl_easy_setopt(easy, (opt), (v));              \
	} while (0)
	SET(CURLOPT_READFUNCTION, on_read);
	SET(CURLOPT_READDATA, c);
	SET(CURLOPT_SEEKFUNCTION, on_seek);
	SET(CURLOPT_SEEKDATA, c);
	SET(CURLOPT_WRITEFUNCTION, on_write);
	SET(CURLOPT_WRITEDATA, c);
	SET(CURLOPT_HEADERFUNCTION, on_head);
	SET(CURLOPT_HEADERDATA, c);
	SET(CURLOPT_PRIVATE, c);
	SET(CURLOPT_ERRORBUFFER, c->curl_text);
	return e;
}

/* Everything that is the same for every request. */
static CURLcode
set_common(struct http_call *c, CURL *easy)
{
	const struct http *h = c->h;
	int64_t timeout = h->opts->timeout_ms;
	CURLcode e = CURLE_OK;

	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_CONNECTTIMEOUT_MS,
	    timeout > 0 && timeout < 10000 ? (long)timeout : 10000L);
	SET(CURLOPT_BUFFERSIZE, BUFFER);
	SET(CURLOPT_UPLOAD_BUFFERSIZE, BUFFER);
	SET(CURLOPT_SHARE, h->share);
	SET(CURLOPT_MAXAGE_CONN, 100L);
	/* "" keeps libcurl from looking into the process environment */
	SET(CURLOPT_PROXY, h->opts->proxy != NULL ? h->opts->proxy : "");
	SET(CURLOPT_NOPROXY, "");
	if (c->reply != NULL)
		SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)
		    (c->reply->max - c->reply_start > ERROR_MAX ?
		    c->reply->max - c->reply_start : ERROR_MAX));
	SET(CURLOPT_HTTPHEADER, c->headers);
#undef SET
	return e;
}

static enum zk_err
set_url(struct http_call *c, CURL *easy)
{
	struct buf url;
	size_t base = strlen(c->h->base);
	size_t path_len = 0;
	enum zk_err r;
	char *query;

	buf_init(&url, sizeof(c->h->base) + TARGET_MAX + 1);
	(void)buf_str(&url, c->h->base);
	r = target_encode(&c->target, &url, &path_len);
	if (r == ZK_OK && curl_easy_setopt(easy, CURLOPT_URL,
	    buf_cstr(&url)) != CURLE_OK)
		r = ZK_ENOMEM;
	if (r != ZK_OK || !target_signed(c->target.call))
		goto out;
	(void)buf_cstr(&url);
	query = (char *)url.data + base + path_len;
	if (*query == '?')
		*query++ = '\0';
	r = sign(c, (const char *)url.data + base, query);
out:
	buf_release(&url);
	return r;
}

enum zk_err
http_call_prepare(struct http_call *c, CURL *easy)
{
	CURLcode e;
	enum zk_err r;

	http_call_release(c);
	curl_easy_reset(easy);
	c->easy = easy;
	buf_init(&c->error_text, ERROR_BODY_MAX);
	if (c->reply != NULL)
		buf_truncate(c->reply, c->reply_start);
	c->status = 0;
	c->sent = 0;
	c->moved = 0;
	c->head_bytes = 0;
	c->head_lines = 0;
	c->over = false;
	c->paused = false;
	c->curl_text[0] = '\0';
	memset(&c->error, 0, sizeof(c->error));
	r = set_url(c, easy);
	if (r == ZK_OK)
		r = extra_headers(c);
	if (r != ZK_OK)
		return r;
	e = set_common(c, easy);
	if (e == CURLE_OK)
		e = set_callbacks(c, easy);
	if (e == CURLE_OK)
		e = set_method(c, easy);
	if (e == CURLE_OK)
		e = set_trust(c, easy);
	return e == CURLE_OK ? ZK_OK : ZK_ENOMEM;
}

void
http_call_release(struct http_call *c)
{
	if (c->headers != NULL)		/* libcurl may not be there */
		curl_slist_free_all(c->headers);
	c->headers = NULL;
	buf_release(&c->error_text);
}

/* What became of it. */

/* Adds to what went wrong that there may be no TLS, or some. */
static void
hint_tls(struct http_call *c, CURLcode code)
{
	size_t n = strlen(c->text);

	/* libcurl says only in words that TLS is what took too long */
	if (code == CURLE_SSL_CONNECT_ERROR ||
	    (code == CURLE_OPERATION_TIMEDOUT &&
	    strncmp(c->text, "SSL ", 4) == 0))
		(void)snprintf(c->text + n, sizeof(c->text) - n,
		    "; if this relay speaks plain HTTP, its URL is http://%s/",
		    c->h->authority);
	else if (c->h->url.kind == URL_HTTP && c->head_lines == 0 &&
	    (code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ||
	    code == CURLE_GOT_NOTHING))
		(void)snprintf(c->text + n, sizeof(c->text) - n,
		    "; if this relay speaks TLS, its URL is the https:// one "
		    "that it printed");
}

/* A try that ended without a whole reply. */
static enum zk_err
curl_outcome(struct http_call *c, CURLcode code, bool *retry)
{
	*retry = false;
	say(c, c->curl_text[0] != '\0' ? c->curl_text :
	    curl_easy_strerror(code));
	if (c->over) {
		say(c, "the reply is longer than any that was asked for");
		return ZK_ELIMIT;
	}
	hint_tls(c, code);
	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
		say(c, "its certificate is not one that this system trusts "
		    "and the URL has no pin; 'zk relay' prints it with one");
		return ZK_EPIN;
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
		say(c, "it is not the pinned one; nothing was sent to it");
		return ZK_EPIN;
	case CURLE_FILESIZE_EXCEEDED:
#if LIBCURL_VERSION_NUM >= 0x080600
	case CURLE_TOO_LARGE:
#endif
		return ZK_ELIMIT;
	case CURLE_OUT_OF_MEMORY:
		/* before 8.6 this is how a head line over 100 KiB ends */
		if (c->head_lines == 0)
			return ZK_ENOMEM;
		say(c, "the head of its reply is too long");
		return ZK_ELIMIT;
	case CURLE_OPERATION_TIMEDOUT:
		*retry = c->tries < 2;
		return ZK_ETIMEDOUT;
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
		*retry = c->tries < 2;
		return ZK_ENET;
	case CURLE_PARTIAL_FILE:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		*retry = true;
		return ZK_ENET;
	default:
		return ZK_ENET;
	}
}

/* A reply with a status that is an error. */
static enum zk_err
status_outcome(struct http_call *c, bool *retry)
{
	int s = c->status;

	error_get(c->error_text.data, c->error_text.len, &c->error);
	*retry = s == 408 || s == 425 || s == 429 || s == 500 || s == 502 ||
	    s == 503 || s == 504;
	if (c->error.message[0] != '\0')
		say(c, c->error.message);
	else
		(void)snprintf(c->text, sizeof(c->text),
		    "it answered with status %d", s);
	return error_zk(c->error.code, s);
}

enum zk_err
http_call_outcome(struct http_call *c, CURLcode code, bool *retry)
{
	long status = 0;

	(void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	c->status = (int)status;
	*retry = false;
	if (status >= 400 && status < 600 && !c->over)
		return status_outcome(c, retry);
	if (code != CURLE_OK)
		return curl_outcome(c, code, retry);
	if (status == 200 || status == 201)
		return ZK_OK;
	/* a redirect is not followed; anything else is not a relay */
	(void)snprintf(c->text, sizeof(c->text),
	    "it answered with status %ld, which no relay does", status);
	return ZK_ENET;
}
