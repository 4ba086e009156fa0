#include <string.h>

#include "crypto/hash.h"
#include "crypto/labels.h"
#include "crypto/sign.h"
#include "relay/gate.h"
#include "relay/lane.h"
#include "relay/names.h"
#include "relay/nonces.h"
#include "relay/view.h"
#include "util/buf.h"

void
gate_failed(struct core *core, struct httpd_conn *c)
{
	(void)addr_take(core->addrs, httpd_peer(c), CORE_FAILS,
	    core->lim.fails_addr, CORE_MINUTE_MS);
}

/* Which calls a retired key is still good for. */
static bool
retired_may(enum target_call call)
{
	return call == TARGET_REC_LIST || call == TARGET_REC_GET;
}

static bool
destroys(enum target_call call)
{
	return call == TARGET_SEG_DELETE || call == TARGET_BLOB_DELETE;
}

/* The body that the signature announces is the one that the call has. */
static bool
body_kind_ok(const struct auth *a, enum target_call call)
{
	if (target_names_body(call))
		return a->body == AUTH_BODY_NAME;
	if (target_body_max(call) > 0)
		return a->body == AUTH_BODY_HASH;
	return a->body == AUTH_BODY_NONE;
}

/* C strings of the head for what is signed. */
struct texts {
	char authority[AUTH_AUTHORITY_MAX + 1];
	char path[TARGET_MAX + 1];
	char query[TARGET_MAX + 1];
};

static bool
copy_texts(const struct head *h, struct texts *t)
{
	const struct head_field *host = head_find(h, "host");

	if (h->path_len > TARGET_MAX || h->query_len > TARGET_MAX ||
	    auth_authority(host->value, host->value_len, t->authority) !=
	    ZK_OK)
		return false;
	memcpy(t->path, h->path, h->path_len);
	t->path[h->path_len] = '\0';
	memcpy(t->query, h->query, h->query_len);
	t->query[h->query_len] = '\0';
	return true;
}

static enum zk_err
check_signature(const struct head *h, const struct texts *t,
    const struct auth *a)
{
	struct auth_req req = { h->method, t->authority, t->path, t->query };
	struct buf msg;
	enum zk_err r;

	buf_init(&msg, AUTH_MESSAGE_MAX);
	r = auth_message(a, &req, &msg);
	if (r == ZK_OK)
		r = sign_check(a->key, LABEL_REQUEST, msg.data, msg.len,
		    a->sig);
	buf_release(&msg);
	return r;
}

static enum error_code
check_key(struct core *core, struct httpd_conn *c, const struct target *t,
    struct gate_pass *pass)
{
	bool retired = false;
	enum zk_err r = lane_key(core_lane(core, c), t->locator,
	    pass->auth.key, &pass->space, &retired);

	if (r == ZK_ENOENT) {
		gate_failed(core, c);
		return ERROR_AUTH;
	}
	if (r != ZK_OK)
		return ERROR_INTERNAL;
	if (retired && !retired_may(t->call))
		return ERROR_KEY_RETIRED;
	if (!destroys(t->call))
		return GATE_OPEN;
	/* nonces from before the start were forgotten */
	if (pass->auth.time < core->start_s)
		return ERROR_CLOCK;
	r = nonces_take(core->nonces, pass->space, pass->auth.nonce);
	if (r == ZK_EEXIST)
		return ERROR_REPLAY;
	return r == ZK_OK ? GATE_OPEN : ERROR_TOO_MANY;
}

enum error_code
gate_signed(struct core *core, struct httpd_conn *c, const struct head *h,
    const struct target *t, struct gate_pass *pass)
{
	const struct head_field *f = head_find(h, "authorization");
	struct texts texts;
	enum error_code e;

	if (f == NULL ||
	    auth_decode(f->value, f->value_len, &pass->auth) != ZK_OK)
		return ERROR_AUTH;
	if (!addr_may(core->addrs, httpd_peer(c), CORE_FAILS,
	    core->lim.fails_addr, CORE_MINUTE_MS))
		return ERROR_TOO_MANY;
	if (!auth_fresh(&pass->auth, core_now_s(core)))
		return ERROR_CLOCK;
	if (!copy_texts(h, &texts))
		return ERROR_BAD_REQUEST;
	if (!names_ok(core->names, texts.authority))
		return ERROR_AUTHORITY;
	if (!body_kind_ok(&pass->auth, t->call))
		return ERROR_BAD_REQUEST;
	if (check_signature(h, &texts, &pass->auth) != ZK_OK) {
		gate_failed(core, c);
		return ERROR_AUTH;
	}
	e = check_key(core, c, t, pass);
	if (e == GATE_OPEN)
		httpd_trust(c);
	return e;
}

/* Compares by hash, so that time tells nothing of the token. */
static bool
token_ok(const char *want, const char *given, size_t n)
{
	uint8_t a[HASH_LEN], b[HASH_LEN];

	hash_bytes(LABEL_BODY, want, strlen(want), a);
	hash_bytes(LABEL_BODY, given, n, b);
	return memcmp(a, b, HASH_LEN) == 0;
}

enum error_code
gate_create(struct core *core, struct httpd_conn *c, const struct head *h,
    const struct target *t)
{
	uint8_t pk[DEPOT_NAME_LEN];
	int64_t space;
	const struct head_field *f = head_find(h, AUTH_INVITE_HEADER);
	bool near = addr_is_private(httpd_peer(c)) &&
	    head_find(h, "x-forwarded-for") == NULL &&
	    head_find(h, "forwarded") == NULL;
	enum zk_err r;

	if (!addr_may(core->addrs, httpd_peer(c), CORE_FAILS,
	    core->lim.fails_addr, CORE_MINUTE_MS))
		return ERROR_TOO_MANY;
	/* no secret is lost: nobody guesses a locator */
	r = view_space(lane_view(core_lane(core, c)), t->locator, &space, pk);
	if (r != ZK_ENOENT)
		return r == ZK_OK ? GATE_OPEN : ERROR_INTERNAL;
	if (core->opts->invite == NULL)
		return near ? GATE_OPEN : ERROR_INVITE;
	if (f != NULL &&
	    token_ok(core->opts->invite, f->value, f->value_len))
		return GATE_OPEN;
	if (f != NULL)
		gate_failed(core, c);
	return ERROR_INVITE;
}

enum error_code
gate_terms(struct core *core, int64_t time, const char *authority,
    size_t authority_len)
{
	struct auth a;
	char name[AUTH_AUTHORITY_MAX + 1];

	memset(&a, 0, sizeof(a));
	a.time = time;
	if (!auth_fresh(&a, core_now_s(core)))
		return ERROR_CLOCK;
	if (auth_authority(authority, authority_len, name) != ZK_OK)
		return ERROR_BAD_REQUEST;
	return names_ok(core->names, name) ? GATE_OPEN : ERROR_AUTHORITY;
}
