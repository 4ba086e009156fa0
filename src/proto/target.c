#include <inttypes.h>
#include <string.h>

#include "proto/msg.h"
#include "proto/target.h"
#include "util/buf.h"
#include "util/hex.h"

/* What stands behind the fixed words of a path. */
enum form {
	FORM_HEALTH,	/* /v1/health */
	FORM_SPACE,	/* /v1/spaces/LOCATOR */
	FORM_WORD,	/* .../WORD */
	FORM_NAME,	/* .../WORD/NAME */
	FORM_PLACE,	/* .../WORD/NAME/SEQ */
	FORM_SIDE,	/* /v1/rendezvous/PLATE/SIDE */
	FORM_MSG,	/* /v1/rendezvous/PLATE/SIDE/N */
	FORM_PLATE	/* /v1/rendezvous/PLATE */
};

enum {
	Q_MARK = 1,	/* the query may have mark= */
	Q_MAX = 2,
	Q_WAIT = 4,
	T_SIGNED = 8,	/* by a request key */
	T_NAMES = 16	/* the path names the hash of the body */
};

static const struct {
	const char *method;
	enum form form;
	const char *word;	/* FORM_WORD, FORM_NAME, FORM_PLACE */
	size_t body_max;
	unsigned flags;
} calls[TARGET_CALLS] = {
	[TARGET_HEALTH] = { "GET", FORM_HEALTH, "", 0, 0 },
	[TARGET_CREATE] = { "PUT", FORM_SPACE, "", 1024, 0 },
	[TARGET_KEYS] = { "PUT", FORM_WORD, "keys", 2048, 0 },
	[TARGET_APPEND] = { "POST", FORM_WORD, "segments", MSG_APPEND_MAX,
	    T_SIGNED },
	[TARGET_READ] = { "GET", FORM_WORD, "segments", 0,
	    T_SIGNED | Q_MARK | Q_MAX | Q_WAIT },
	[TARGET_SEG_GET] = { "GET", FORM_PLACE, "segments", 0, T_SIGNED },
	[TARGET_SEG_DELETE] = { "DELETE", FORM_PLACE, "segments", 0,
	    T_SIGNED },
	[TARGET_HEAD] = { "GET", FORM_NAME, "heads", 0, T_SIGNED },
	[TARGET_BEGIN] = { "PUT", FORM_NAME, "heads", MSG_HEAD_LEN,
	    T_SIGNED },
	[TARGET_REC_LIST] = { "GET", FORM_WORD, "records", 0,
	    T_SIGNED | Q_MARK | Q_MAX },
	[TARGET_REC_GET] = { "GET", FORM_NAME, "records", 0, T_SIGNED },
	[TARGET_REC_PUT] = { "PUT", FORM_NAME, "records", MSG_REC_MAX,
	    T_SIGNED | T_NAMES },
	[TARGET_BLOB_LIST] = { "GET", FORM_WORD, "blobs", 0,
	    T_SIGNED | Q_MARK },
	[TARGET_BLOB_GET] = { "GET", FORM_NAME, "blobs", 0, T_SIGNED },
	[TARGET_BLOB_PUT] = { "PUT", FORM_NAME, "blobs", MSG_OBJ_MAX,
	    T_SIGNED | T_NAMES },
	[TARGET_BLOB_DELETE] = { "DELETE", FORM_NAME, "blobs", 0, T_SIGNED },
	[TARGET_MISSING] = { "POST", FORM_WORD, "missing",
	    MSG_MISSING_MAX * (size_t)TARGET_NAME_LEN, T_SIGNED },
	[TARGET_RV_CLAIM] = { "PUT", FORM_SIDE, "", 0, 0 },
	[TARGET_RV_PUT] = { "PUT", FORM_MSG, "", MSG_RV_MAX, 0 },
	[TARGET_RV_GET] = { "GET", FORM_MSG, "", 0, Q_WAIT },
	[TARGET_RV_CLOSE] = { "DELETE", FORM_PLATE, "", 0, 0 },
};

const char *
target_method(enum target_call call)
{
	return calls[call].method;
}

size_t
target_body_max(enum target_call call)
{
	return calls[call].body_max;
}

bool
target_signed(enum target_call call)
{
	return (calls[call].flags & T_SIGNED) != 0;
}

bool
target_names_body(enum target_call call)
{
	return (calls[call].flags & T_NAMES) != 0;
}

static void
put_space(const struct target *t, const char *word, struct buf *out)
{
	buf_str(out, "/v1/spaces/");
	hex_put(out, t->locator, TARGET_NAME_LEN);
	if (word[0] != '\0')
		buf_printf(out, "/%s", word);
}

static void
put_path(const struct target *t, struct buf *out)
{
	const char *word = calls[t->call].word;

	switch (calls[t->call].form) {
	case FORM_HEALTH:
		buf_str(out, "/v1/health");
		break;
	case FORM_SPACE:
	case FORM_WORD:
		put_space(t, word, out);
		break;
	case FORM_NAME:
	case FORM_PLACE:
		put_space(t, word, out);
		buf_str(out, "/");
		hex_put(out, t->name, TARGET_NAME_LEN);
		if (calls[t->call].form == FORM_PLACE)
			buf_printf(out, "/%" PRIu64, t->seq);
		break;
	case FORM_SIDE:
		buf_printf(out, "/v1/rendezvous/%" PRIu32 "/%u", t->plate,
		    t->side);
		break;
	case FORM_MSG:
		buf_printf(out, "/v1/rendezvous/%" PRIu32 "/%u/%u", t->plate,
		    t->side, t->msg);
		break;
	case FORM_PLATE:
		buf_printf(out, "/v1/rendezvous/%" PRIu32, t->plate);
		break;
	}
}

enum zk_err
target_encode(const struct target *t, struct buf *out, size_t *path_len)
{
	unsigned flags = calls[t->call].flags;
	size_t start = out->len;
	const char *sep = "?";

	put_path(t, out);
	*path_len = out->len - start;
	if ((flags & Q_MARK) && t->mark_len > 0) {
		buf_printf(out, "%smark=", sep);
		hex_put(out, t->mark, t->mark_len);
		sep = "&";
	}
	if ((flags & Q_MAX) && t->max > 0) {
		buf_printf(out, "%smax=%" PRIu32, sep, t->max);
		sep = "&";
	}
	if ((flags & Q_WAIT) && t->wait_ms > 0)
		buf_printf(out, "%swait=%" PRIu32, sep, t->wait_ms);
	return buf_err(out);
}

/* A slice of the path or query that is being taken apart. */
struct text {
	const char *s;
	size_t n;
};

/* Takes up to the next sep (dropped); false when nothing is left. */
static bool
next_part(struct text *in, char sep, struct text *out)
{
	const char *end;

	if (in->s == NULL)
		return false;
	end = memchr(in->s, sep, in->n);
	out->s = in->s;
	if (end == NULL) {
		out->n = in->n;
		in->s = NULL;
		in->n = 0;
		return true;
	}
	out->n = (size_t)(end - in->s);
	in->s = end + 1;
	in->n -= out->n + 1;
	return true;
}

static bool
is(struct text t, const char *word)
{
	return t.n == strlen(word) && memcmp(t.s, word, t.n) == 0;
}

/* Decimal, no sign, no leading zero, at most max. */
static enum zk_err
get_num(struct text t, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (t.n == 0 || t.n > 20 || (t.n > 1 && t.s[0] == '0'))
		return ZK_EFORMAT;
	for (size_t i = 0; i < t.n; i++) {
		unsigned d = (unsigned)(t.s[i] - '0');

		if (t.s[i] < '0' || t.s[i] > '9')
			return ZK_EFORMAT;
		if (v > (UINT64_MAX - d) / 10)
			return ZK_EFORMAT;
		v = v * 10 + d;
	}
	*out = v;
	return v <= max ? ZK_OK : ZK_EFORMAT;
}

static enum zk_err
get_rv(struct text *path, struct target *t, enum form *form)
{
	struct text part;
	uint64_t plate = 0, side = 0, msg = 0;
	enum zk_err r;

	if (!next_part(path, '/', &part))
		return ZK_ENOENT;
	r = get_num(part, TARGET_PLATE_MAX, &plate);
	*form = FORM_PLATE;
	if (r == ZK_OK && next_part(path, '/', &part)) {
		*form = FORM_SIDE;
		r = get_num(part, 1, &side);
	}
	if (r == ZK_OK && next_part(path, '/', &part)) {
		*form = FORM_MSG;
		r = get_num(part, TARGET_RV_MSGS - 1, &msg);
	}
	t->plate = (uint32_t)plate;
	t->side = (unsigned)side;
	t->msg = (unsigned)msg;
	/* plate 0 asks for a fresh one, which only side 0 may */
	if (r == ZK_OK && plate == 0 && (*form != FORM_SIDE || side != 0))
		r = ZK_EFORMAT;
	return r;
}

static enum zk_err
get_space(struct text *path, struct target *t, enum form *form,
    struct text *word)
{
	struct text part;
	enum zk_err r;

	if (!next_part(path, '/', &part))
		return ZK_ENOENT;
	r = hex_get(part.s, part.n, t->locator, TARGET_NAME_LEN);
	*form = FORM_SPACE;
	word->s = "";
	word->n = 0;
	if (r != ZK_OK || !next_part(path, '/', word))
		return r;
	*form = FORM_WORD;
	if (!next_part(path, '/', &part))
		return ZK_OK;
	*form = FORM_NAME;
	r = hex_get(part.s, part.n, t->name, TARGET_NAME_LEN);
	if (r != ZK_OK || !next_part(path, '/', &part))
		return r;
	*form = FORM_PLACE;
	r = get_num(part, INT64_MAX, &t->seq);
	return r == ZK_OK && t->seq == 0 ? ZK_EFORMAT : r;
}

static enum zk_err
get_path(struct text path, struct target *t, enum form *form,
    struct text *word)
{
	struct text part;
	enum zk_err r = ZK_ENOENT;

	word->s = "";
	word->n = 0;
	if (!next_part(&path, '/', &part) || part.n != 0)
		return ZK_ENOENT;
	if (!next_part(&path, '/', &part) || !is(part, "v1"))
		return ZK_ENOENT;
	if (!next_part(&path, '/', &part))
		return ZK_ENOENT;
	if (is(part, "health")) {
		*form = FORM_HEALTH;
		r = ZK_OK;
	} else if (is(part, "rendezvous")) {
		r = get_rv(&path, t, form);
	} else if (is(part, "spaces")) {
		r = get_space(&path, t, form, word);
	}
	if (r == ZK_OK && path.s != NULL)
		return ZK_ENOENT;	/* more components than any form has */
	return r;
}

static enum zk_err
find_call(const char *method, enum form form, struct text word,
    enum target_call *out)
{
	bool path_known = false;

	for (unsigned i = 0; i < TARGET_CALLS; i++) {
		if (calls[i].form != form || !is(word, calls[i].word))
			continue;
		path_known = true;
		if (strcmp(calls[i].method, method) == 0) {
			*out = (enum target_call)i;
			return ZK_OK;
		}
	}
	return path_known ? ZK_EREFUSED : ZK_ENOENT;
}

/* The value of NAME=VALUE if part has this name. */
static bool
member(struct text part, const char *name, struct text *value)
{
	size_t n = strlen(name);

	if (part.n <= n || memcmp(part.s, name, n) != 0 || part.s[n] != '=')
		return false;
	value->s = part.s + n + 1;
	value->n = part.n - n - 1;
	return true;
}

static enum zk_err
get_query(struct text query, struct target *t)
{
	unsigned left = calls[t->call].flags & (Q_MARK | Q_MAX | Q_WAIT);
	struct text part, v;
	enum zk_err r = ZK_OK;
	uint64_t num = 0;

	if (query.n == 0)
		return ZK_OK;
	while (r == ZK_OK && next_part(&query, '&', &part)) {
		if ((left & Q_MARK) && member(part, "mark", &v)) {
			left &= Q_MAX | Q_WAIT;
			t->mark_len = v.n / 2;
			if (v.n == 0 || t->mark_len > TARGET_MARK_MAX)
				return ZK_EFORMAT;
			r = hex_get(v.s, v.n, t->mark, t->mark_len);
		} else if ((left & Q_MAX) && member(part, "max", &v)) {
			left &= Q_WAIT;
			r = get_num(v, TARGET_PAGE_MAX, &num);
			t->max = (uint32_t)num;
		} else if ((left & Q_WAIT) && member(part, "wait", &v)) {
			left = 0;
			r = get_num(v, TARGET_WAIT_MAX, &num);
			t->wait_ms = (uint32_t)num;
		} else {
			r = ZK_EFORMAT;
		}
	}
	return r;
}

enum zk_err
target_decode(const char *method, const char *path, size_t path_len,
    const char *query, size_t query_len, struct target *out)
{
	struct text p = { path, path_len };
	struct text q = { query, query_len };
	struct text word;
	enum form form = FORM_HEALTH;
	struct target t;
	enum zk_err r;

	memset(&t, 0, sizeof(t));
	memset(out, 0, sizeof(*out));
	r = get_path(p, &t, &form, &word);
	if (r == ZK_OK)
		r = find_call(method, form, word, &t.call);
	if (r == ZK_OK)
		r = get_query(q, &t);
	if (r == ZK_OK)
		*out = t;
	return r;
}
