/*
 * Signed requests to a relay of relaykit.h: spaces, segments, blobs, and what
 * may be wrong with them.
 */
#ifndef ZK_TESTS_UNIT_RELAYCALL_H
#define ZK_TESTS_UNIT_RELAYCALL_H

#include "crypto/hash.h"
#include "crypto/key.h"
#include "crypto/labels.h"
#include "crypto/rand.h"
#include "crypto/sign.h"
#include "proto/auth.h"
#include "proto/msg.h"
#include "proto/seghdr.h"
#include "proto/target.h"
#include "relaykit.h"
#include "util/hex.h"
#include "util/rd.h"

/* One space and a member's request key. */
struct kit_space {
	struct signkey *space;
	struct signkey *request;
	uint8_t locator[32];
};

/* A writer of one log. */
struct kit_log {
	struct signkey *key;
	uint64_t seq;		/* of the last segment made */
	uint8_t hash[32];	/* of it */
};

static inline struct signkey *
kit_key(void)
{
	uint8_t seed[KEY_LEN];
	struct key *k = NULL;
	struct signkey *s = NULL;

	rand_bytes(env_posix(), seed, sizeof(seed));
	if (key_import(KEY_SIGN, seed, &k) != ZK_OK ||
	    signkey_new(k, &s) != ZK_OK)
		abort();
	key_free(k);
	return s;
}

static inline void
kit_space_init(struct kit_space *s)
{
	s->space = kit_key();
	s->request = kit_key();
	hash_bytes(LABEL_HASH_SPACE, signkey_pk(s->space), 32, s->locator);
}

static inline void
kit_space_free(struct kit_space *s)
{
	signkey_free(s->space);
	signkey_free(s->request);
}

/* What a test may bend about a request. */
struct kit_bend {
	int64_t time_off;		/* s added to the signed time */
	const char *authority;		/* signed and sent as Host; NULL: right */
	const char *signed_authority;	/* signed only */
	const uint8_t *nonce;		/* 16 bytes; NULL: random */
	const char *extra;		/* header lines with CR LF */
	uint64_t length;		/* announced; 0: that of the body */
	bool chunked;
	bool wrong_hash;		/* announce another hash of the body */
	const struct signkey *key;	/* sign with; NULL: the space's */
};

/* Appends the head of a signed request for t to out. */
static inline void
kit_head(const struct kit *k, const struct kit_space *s,
    const struct target *t, const void *body, size_t n,
    const struct kit_bend *bend, struct buf *out)
{
	static const struct kit_bend straight;
	const struct kit_bend *b = bend != NULL ? bend : &straight;
	const char *host = b->authority != NULL ? b->authority : k->authority;
	const struct signkey *key = b->key != NULL ? b->key : s->request;
	char method[8];
	struct auth a;
	struct auth_req req;
	struct buf path, msg;
	size_t path_len;

	memset(&a, 0, sizeof(a));
	buf_init(&path, 2048);
	buf_init(&msg, 4096);
	if (target_encode(t, &path, &path_len) != ZK_OK)
		abort();
	(void)buf_cstr(&path);
	snprintf(method, sizeof(method), "%s", target_method(t->call));
	buf_printf(out, "%s %s HTTP/1.1\r\nHost: %s\r\n", method,
	    (const char *)path.data, host);
	memcpy(a.key, signkey_pk(key), 32);
	a.time = env_now_ms(env_posix()) / 1000 + b->time_off;
	if (b->nonce != NULL)
		memcpy(a.nonce, b->nonce, sizeof(a.nonce));
	else
		rand_bytes(env_posix(), a.nonce, sizeof(a.nonce));
	if (target_names_body(t->call))
		a.body = AUTH_BODY_NAME;
	else if (target_body_max(t->call) > 0)
		a.body = AUTH_BODY_HASH;
	if (a.body == AUTH_BODY_HASH)
		hash_bytes(LABEL_BODY, body, n, a.hash);
	if (b->wrong_hash)
		a.hash[0] ^= 1;
	req.method = method;
	req.authority = b->signed_authority != NULL ? b->signed_authority :
	    host;
	req.query = "";
	if (path.len > path_len) {
		path.data[path_len] = '\0';
		req.query = (const char *)path.data + path_len + 1;
	}
	req.path = (const char *)path.data;
	if (auth_message(&a, &req, &msg) != ZK_OK)
		abort();
	sign_make(key, LABEL_REQUEST, msg.data, msg.len, a.sig);
	buf_str(out, "Authorization: ");
	if (auth_encode(&a, out) != ZK_OK)
		abort();
	buf_str(out, "\r\n");
	if (b->chunked)
		buf_str(out, "Transfer-Encoding: chunked\r\n");
	else if (target_body_max(t->call) > 0)
		buf_printf(out, "Content-Length: %llu\r\n",
		    (unsigned long long)(b->length > 0 ? b->length : n));
	buf_printf(out, "%s\r\n", b->extra != NULL ? b->extra : "");
	buf_release(&path);
	buf_release(&msg);
}

/* One signed request on fd and its reply. */
static inline void
kit_call_on(int fd, const struct kit *k, const struct kit_space *s,
    const struct target *t, const void *body, size_t n,
    const struct kit_bend *bend, struct kit_reply *r)
{
	struct buf out;

	buf_init(&out, 16384);
	kit_head(k, s, t, body, n, bend, &out);
	if (n > 0 && n < 8192)
		buf_put(&out, body, n);
	kit_send(fd, out.data, out.len);
	if (n >= 8192)
		kit_send(fd, body, n);
	buf_release(&out);
	kit_recv(fd, r);
}

/* The same on a fresh connection; the status. */
static inline int
kit_call(const struct kit *k, const struct kit_space *s,
    const struct target *t, const void *body, size_t n,
    const struct kit_bend *bend, struct kit_reply *r)
{
	struct kit_reply own;
	int fd = kit_connect(k);
	int status;

	kit_call_on(fd, k, s, t, body, n, bend, r != NULL ? r : &own);
	close(fd);
	status = (r != NULL ? r : &own)->status;
	if (r == NULL)
		kit_reply_free(&own);
	return status;
}

static inline struct target
kit_target(const struct kit_space *s, enum target_call call)
{
	struct target t;

	memset(&t, 0, sizeof(t));
	t.call = call;
	memcpy(t.locator, s->locator, 32);
	return t;
}

/* Creates the space; extra: header lines or "". */
static inline int
kit_create(const struct kit *k, const struct kit_space *s, const char *extra)
{
	struct target t = kit_target(s, TARGET_CREATE);
	struct msg_create m;
	struct kit_reply r;
	uint8_t sig[SIGN_LEN];
	struct buf body, out;
	size_t path_len;
	int fd, status;

	memset(&m, 0, sizeof(m));
	memcpy(m.space, signkey_pk(s->space), 32);
	memcpy(m.request, signkey_pk(s->request), 32);
	m.time = env_now_ms(env_posix()) / 1000;
	m.authority = k->authority;
	m.authority_len = strlen(k->authority);
	buf_init(&body, 4096);
	buf_init(&out, 8192);
	if (msg_create_put(&body, &m) != ZK_OK)
		abort();
	sign_make(s->space, LABEL_CREATE, body.data, body.len, sig);
	buf_put(&body, sig, sizeof(sig));
	buf_str(&out, "PUT ");
	if (target_encode(&t, &out, &path_len) != ZK_OK)
		abort();
	buf_printf(&out, " HTTP/1.1\r\nHost: %s\r\nContent-Length: %zu\r\n"
	    "%s\r\n", k->authority, body.len, extra);
	buf_put(&out, body.data, body.len);
	fd = kit_connect(k);
	kit_send(fd, out.data, out.len);
	kit_recv(fd, &r);
	close(fd);
	status = r.status;
	kit_reply_free(&r);
	buf_release(&body);
	buf_release(&out);
	return status;
}

static inline void
kit_log_init(struct kit_log *l)
{
	memset(l, 0, sizeof(*l));
	l->key = kit_key();
}

/* Appends the next segment of l, with body_len random bytes, to out. */
static inline void
kit_segment(struct kit_log *l, size_t body_len, struct buf *out)
{
	struct seghdr h;
	uint8_t sig[SEGHDR_SIG_LEN];
	size_t at = out->len;

	memset(&h, 0, sizeof(h));
	h.format = SEGHDR_FORMAT;
	h.suite = SEGHDR_SUITE;
	memcpy(h.pk, signkey_pk(l->key), 32);
	h.seq = ++l->seq;
	memcpy(h.prev, l->hash, 32);
	h.body_len = (uint32_t)body_len;
	buf_zero(out, SEGHDR_LEN + body_len);
	seghdr_encode(&h, out->data + at);
	rand_bytes(env_posix(), out->data + at + SEGHDR_LEN, body_len);
	seghdr_hash(out->data + at, out->data + at + SEGHDR_LEN, body_len,
	    l->hash);
	sign_make(l->key, LABEL_SIGN_SEGMENT, l->hash, 32, sig);
	buf_put(out, sig, sizeof(sig));
}

/* Body of an append of n segments, each with body_len bytes inside. */
static inline void
kit_append_body(struct kit_log *l, unsigned n, size_t body_len,
    struct buf *out)
{
	struct buf seg;

	buf_init(&seg, 8u << 20);
	msg_append_head(out, n);
	for (unsigned i = 0; i < n; i++) {
		buf_reset(&seg);
		kit_segment(l, body_len, &seg);
		msg_append_seg(out, seg.data, seg.len);
	}
	buf_release(&seg);
}

/* Appends one segment; the status, and its result where that is 200. */
static inline int
kit_append(const struct kit *k, const struct kit_space *s,
    struct kit_log *l, size_t body_len, uint8_t *res)
{
	struct target t = kit_target(s, TARGET_APPEND);
	struct kit_reply r;
	struct buf body;
	int status;

	buf_init(&body, 32u << 20);
	kit_append_body(l, 1, body_len, &body);
	status = kit_call(k, s, &t, body.data, body.len, NULL, &r);
	*res = 0xff;
	if (status == 200 && msg_results_get(r.body, r.len, res, 1) != ZK_OK)
		status = -1;
	kit_reply_free(&r);
	buf_release(&body);
	return status;
}

/* n random bytes and the name that the relay keeps them under. */
static inline uint8_t *
kit_blob(size_t n, const char *label, uint8_t name[static 32])
{
	uint8_t *p = malloc(n + 1);

	rand_bytes(env_posix(), p, n);
	hash_bytes(label, p, n, name);
	return p;
}

static inline int
kit_put(const struct kit *k, const struct kit_space *s,
    enum target_call call, const uint8_t *name, const void *p, size_t n)
{
	struct target t = kit_target(s, call);

	memcpy(t.name, name, 32);
	return kit_call(k, s, &t, p, n, NULL, NULL);
}

static inline int
kit_get(const struct kit *k, const struct kit_space *s,
    enum target_call call, const uint8_t *name, struct kit_reply *r)
{
	struct target t = kit_target(s, call);

	memcpy(t.name, name, 32);
	return kit_call(k, s, &t, NULL, 0, NULL, r);
}

#endif
