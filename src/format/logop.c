#include <string.h>

#include "crypto/labels.h"
#include "crypto/sign.h"
#include "format/logop.h"
#include "proto/seghdr.h"
#include "util/buf.h"
#include "util/rd.h"

#define LOGOP_CERT_MAX 512
#define LOGOP_INCARNATION_MAX (UINT64_C(1) << 32)

/* OP_LOG ----------------------------------------------------------------- */

/* All fields before the signature. */
static void
logop_cert_put(const struct logop_cert *c, struct buf *b)
{
	buf_put(b, c->device, LOGOP_ID_LEN);
	buf_varint(b, c->incarnation);
	buf_u8(b, c->has_prev ? 1 : 0);
	if (!c->has_prev)
		return;
	buf_put(b, c->prev_log, LOGOP_ID_LEN);
	buf_varint(b, c->prev_seq);
	buf_put(b, c->prev_hash, LOGOP_ID_LEN);
}

/* What is signed: vault id, log key, the fields. */
static enum zk_err
logop_cert_message(const struct logop_cert *c, const uint8_t *vault,
    const uint8_t *log_pk, struct buf *b)
{
	buf_put(b, vault, LOGOP_ID_LEN);
	buf_put(b, log_pk, 32);
	logop_cert_put(c, b);
	return buf_err(b);
}

enum zk_err
logop_cert_encode(struct logop_cert *c,
    const uint8_t vault[static LOGOP_ID_LEN],
    const uint8_t log_pk[static 32], const struct signkey *device,
    struct buf *out)
{
	struct buf b;
	enum zk_err r;

	buf_init(&b, LOGOP_CERT_MAX);
	r = logop_cert_message(c, vault, log_pk, &b);
	if (r == ZK_OK) {
		sign_make(device, LABEL_SIGN_LOG, b.data, b.len, c->sig);
		logop_cert_put(c, out);
		r = buf_put(out, c->sig, sizeof(c->sig));
	}
	buf_release(&b);
	return r;
}

enum zk_err
logop_cert_decode(const uint8_t *body, size_t n, struct logop_cert *out)
{
	uint8_t has;
	struct rd r;

	memset(out, 0, sizeof(*out));
	rd_init(&r, body, n);
	rd_copy(&r, out->device, LOGOP_ID_LEN);
	out->incarnation = rd_varint(&r, LOGOP_INCARNATION_MAX);
	has = rd_u8(&r);
	if (has > 1 || out->incarnation == 0)
		rd_fail(&r, ZK_EFORMAT);
	out->has_prev = has == 1;
	if (out->has_prev) {
		rd_copy(&r, out->prev_log, LOGOP_ID_LEN);
		out->prev_seq = rd_varint(&r, SEGHDR_SEQ_MAX);
		rd_copy(&r, out->prev_hash, LOGOP_ID_LEN);
	}
	rd_copy(&r, out->sig, sizeof(out->sig));
	return rd_end(&r);
}

enum zk_err
logop_cert_check(const struct logop_cert *c,
    const uint8_t vault[static LOGOP_ID_LEN],
    const uint8_t log_pk[static 32], const uint8_t device_pk[static 32])
{
	struct buf b;
	enum zk_err r;

	buf_init(&b, LOGOP_CERT_MAX);
	r = logop_cert_message(c, vault, log_pk, &b);
	if (r == ZK_OK)
		r = sign_check(device_pk, LABEL_SIGN_LOG, b.data, b.len,
		    c->sig);
	buf_release(&b);
	return r;
}

/* OP_NAME ---------------------------------------------------------------- */

enum zk_err
logop_name_encode(const char *name, struct buf *out)
{
	size_t n = strlen(name);

	if (n < 1 || n > LOGOP_NAME_MAX)
		return ZK_ELIMIT;
	return buf_lp(out, name, n);
}

enum zk_err
logop_name_decode(const uint8_t *body, size_t n,
    char out[static LOGOP_NAME_MAX + 1])
{
	const uint8_t *p;
	struct rd r;
	size_t len;
	enum zk_err e;

	memset(out, 0, LOGOP_NAME_MAX + 1);
	rd_init(&r, body, n);
	p = rd_lp(&r, LOGOP_NAME_MAX, &len);
	e = rd_end(&r);
	if (e != ZK_OK)
		return e;
	if (len == 0 || memchr(p, 0, len) != NULL)
		return ZK_EFORMAT;
	memcpy(out, p, len);
	return ZK_OK;
}

/* OP_SETTING ------------------------------------------------------------- */

static bool
logop_setting_ok(const struct logop_setting *s)
{
	if (s->name[0] == '\0')
		return false;
	for (const char *p = s->name; *p != '\0'; p++)
		if ((*p < 'a' || *p > 'z') && *p != '-')
			return false;
	for (const char *p = s->value; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			return false;
	return true;
}

enum zk_err
logop_setting_encode(const struct logop_setting *s, struct buf *out)
{
	if (!logop_setting_ok(s))
		return ZK_EFORMAT;
	(void)buf_lp(out, s->name, strlen(s->name));
	return buf_lp(out, s->value, strlen(s->value));
}

enum zk_err
logop_setting_decode(const uint8_t *body, size_t n,
    struct logop_setting *out)
{
	const uint8_t *name, *value;
	size_t name_n, value_n;
	struct rd r;
	enum zk_err e;

	memset(out, 0, sizeof(*out));
	rd_init(&r, body, n);
	name = rd_lp(&r, LOGOP_SETTING_MAX, &name_n);
	value = rd_lp(&r, LOGOP_SETTING_MAX, &value_n);
	e = rd_end(&r);
	if (e != ZK_OK)
		return e;
	memcpy(out->name, name, name_n);
	memcpy(out->value, value, value_n);
	if (strlen(out->name) != name_n || strlen(out->value) != value_n ||
	    !logop_setting_ok(out))
		return ZK_EFORMAT;
	return ZK_OK;
}

/* OP_ALIAS --------------------------------------------------------------- */

static void
logop_alias_put(const struct logop_alias *a, struct buf *out)
{
	buf_varint(out, a->level);
	buf_put(out, a->hash, sizeof(a->hash));
	buf_put(out, a->name, sizeof(a->name));
	buf_put(out, a->key, sizeof(a->key));
	buf_put(out, a->nonce, sizeof(a->nonce));
	buf_varint(out, a->plain_len);
	buf_varint(out, a->stored_len);
}

enum zk_err
logop_alias_encode(const struct logop_alias *a, struct buf *out)
{
	logop_alias_put(a, out);
	return buf_err(out);
}

static void
logop_alias_get(struct rd *r, struct logop_alias *out)
{
	memset(out, 0, sizeof(*out));
	out->level = rd_varint(r, 255);
	rd_copy(r, out->hash, sizeof(out->hash));
	rd_copy(r, out->name, sizeof(out->name));
	rd_copy(r, out->key, sizeof(out->key));
	rd_copy(r, out->nonce, sizeof(out->nonce));
	out->plain_len = (uint32_t)rd_varint(r, UINT32_MAX);
	out->stored_len = (uint32_t)rd_varint(r, UINT32_MAX);
}

enum zk_err
logop_alias_decode(const uint8_t *body, size_t n, struct logop_alias *out)
{
	struct rd r;

	rd_init(&r, body, n);
	logop_alias_get(&r, out);
	return rd_end(&r);
}

/* OP_CONDEMN ------------------------------------------------------------- */

static bool
logop_condemn_ok(const struct logop_condemn *c)
{
	if (c->n < 1 || c->n > LOGOP_CONDEMN_MAX)
		return false;
	for (size_t i = 1; i < c->n; i++)
		if (memcmp(c->names[i - 1], c->names[i], 32) >= 0)
			return false;
	return true;
}

enum zk_err
logop_condemn_encode(const struct logop_condemn *c, struct buf *out)
{
	if (!logop_condemn_ok(c))
		return ZK_EFORMAT;
	(void)buf_varint(out, c->n);
	return buf_put(out, c->names, c->n * sizeof(*c->names));
}

enum zk_err
logop_condemn_decode(const uint8_t *body, size_t n,
    struct logop_condemn *out)
{
	struct rd r;
	enum zk_err e;

	memset(out, 0, sizeof(*out));
	rd_init(&r, body, n);
	out->n = (size_t)rd_varint(&r, LOGOP_CONDEMN_MAX);
	out->names = (const uint8_t (*)[32])rd_bytes(&r, out->n * 32);
	e = rd_end(&r);
	if (e == ZK_OK && !logop_condemn_ok(out))
		e = ZK_EFORMAT;
	if (e != ZK_OK)
		memset(out, 0, sizeof(*out));
	return e;
}

/* OP_CHECKPOINT ---------------------------------------------------------- */

static bool
logop_end_ok(const struct logop_end *before, const struct logop_end *e)
{
	int c = before == NULL ? -1 : memcmp(before->log, e->log,
	    LOGOP_ID_LEN);

	if (c == 0)
		c = memcmp(before->hash, e->hash, LOGOP_ID_LEN);
	return c < 0 && e->seq > 0 && e->seq <= SEGHDR_SEQ_MAX;
}

enum zk_err
logop_cut_encode(const struct logop_end *v, size_t n, struct buf *out)
{
	if (n < 1 || n > LOGOP_CUT_MAX)
		return ZK_ELIMIT;
	buf_varint(out, n);
	for (size_t i = 0; i < n; i++) {
		if (!logop_end_ok(i == 0 ? NULL : &v[i - 1], &v[i]))
			return ZK_EFORMAT;
		buf_put(out, v[i].log, LOGOP_ID_LEN);
		buf_varint(out, v[i].seq);
		buf_put(out, v[i].hash, LOGOP_ID_LEN);
	}
	return buf_err(out);
}

enum zk_err
logop_cut_decode(const uint8_t *body, size_t n,
    enum zk_err (*fn)(void *arg, const struct logop_end *e), void *arg)
{
	struct logop_end e = { .seq = 0 }, before;
	enum zk_err r = ZK_OK;
	struct rd rd;
	uint64_t ends;

	rd_init(&rd, body, n);
	ends = rd_varint(&rd, LOGOP_CUT_MAX);
	if (ends == 0)
		rd_fail(&rd, ZK_EFORMAT);
	for (uint64_t i = 0; r == ZK_OK && rd.err == ZK_OK && i < ends; i++) {
		before = e;
		rd_copy(&rd, e.log, LOGOP_ID_LEN);
		e.seq = rd_varint(&rd, SEGHDR_SEQ_MAX);
		rd_copy(&rd, e.hash, LOGOP_ID_LEN);
		if (!logop_end_ok(i == 0 ? NULL : &before, &e))
			rd_fail(&rd, ZK_EFORMAT);
		if (rd.err == ZK_OK && fn != NULL)
			r = fn(arg, &e);
	}
	return r == ZK_OK ? rd_end(&rd) : r;
}

/* OP_FORK ---------------------------------------------------------------- */

enum zk_err
logop_fork_encode(const struct logop_fork *f, struct buf *out)
{
	if (f->n < 1 || f->n > LOGOP_FORK_MAX)
		return ZK_ELIMIT;
	buf_put(out, f->log, LOGOP_ID_LEN);
	buf_varint(out, f->n);
	for (size_t i = 0; i < f->n; i++) {
		const struct logop_fork_seg *s = &f->seg[i];

		buf_varint(out, s->seq);
		buf_put(out, s->hash, sizeof(s->hash));
		buf_u8(out, s->stored != NULL ? 1 : 2);
		if (s->stored != NULL)
			buf_lp(out, s->stored, s->stored_len);
		else
			logop_alias_put(&s->blob, out);
	}
	return buf_err(out);
}

static void
logop_fork_get_seg(struct rd *r, struct logop_fork_seg *s)
{
	uint8_t form;

	s->seq = rd_varint(r, SEGHDR_SEQ_MAX);
	rd_copy(r, s->hash, sizeof(s->hash));
	form = rd_u8(r);
	if (form == 1)
		s->stored = rd_lp(r, SEGHDR_STORED_MAX, &s->stored_len);
	else if (form == 2)
		logop_alias_get(r, &s->blob);
	else
		rd_fail(r, ZK_EFORMAT);
}

enum zk_err
logop_fork_decode(const uint8_t *body, size_t n, struct logop_fork *out)
{
	struct rd r;

	memset(out, 0, sizeof(*out));
	rd_init(&r, body, n);
	rd_copy(&r, out->log, LOGOP_ID_LEN);
	out->n = (size_t)rd_varint(&r, LOGOP_FORK_MAX);
	if (out->n == 0)
		rd_fail(&r, ZK_EFORMAT);
	for (size_t i = 0; i < out->n && r.err == ZK_OK; i++) {
		logop_fork_get_seg(&r, &out->seg[i]);
		if (out->seg[i].seq == 0 ||
		    (i > 0 && out->seg[i].seq <= out->seg[i - 1].seq))
			rd_fail(&r, ZK_EFORMAT);
	}
	return rd_end(&r);
}
