#include <stdlib.h>
#include <string.h>

#include "crypto/key.h"
#include "format/keys.h"
#include "format/record.h"
#include "sync/pairgrant.h"
#include "util/buf.h"
#include "util/rd.h"

#define GRANT_FORMAT 1
#define GRANT_URL_MAX 2048

/* A name of 1..PAIR_NAME_MAX bytes without NUL. */
static void
grant_get_name(struct rd *r, char out[static PAIR_NAME_MAX + 1])
{
	size_t n;
	const uint8_t *p = rd_lp(r, PAIR_NAME_MAX, &n);

	memset(out, 0, PAIR_NAME_MAX + 1);
	if (r->err != ZK_OK)
		return;
	if (n == 0 || memchr(p, 0, n) != NULL) {
		rd_fail(r, ZK_EFORMAT);
		return;
	}
	memcpy(out, p, n);
}

enum zk_err
pairgrant_intro_put(struct buf *out, const uint8_t vault[static 32],
    const uint8_t member[static KEYS_ID_LEN], const char *name)
{
	buf_put(out, vault, 32);
	buf_put(out, member, KEYS_ID_LEN);
	return buf_lp(out, name, strlen(name));
}

enum zk_err
pairgrant_intro_get(const void *in, size_t n, struct pairgrant_intro *out)
{
	struct rd r;

	rd_init(&r, in, n);
	rd_copy(&r, out->vault, sizeof(out->vault));
	rd_copy(&r, out->member, KEYS_ID_LEN);
	grant_get_name(&r, out->name);
	return rd_end(&r);
}

enum zk_err
pairgrant_ask_put(struct buf *out, const struct device_keys *self,
    const uint8_t consent[static 64], const char *name)
{
	device_pub_put(out, device_keys_pub(self));
	buf_put(out, consent, 64);
	return buf_lp(out, name, strlen(name));
}

enum zk_err
pairgrant_ask_get(const void *in, size_t n, struct pairgrant_ask *out)
{
	struct rd r;

	rd_init(&r, in, n);
	device_pub_get(&r, &out->dev);
	rd_copy(&r, out->consent, sizeof(out->consent));
	grant_get_name(&r, out->name);
	return rd_end(&r);
}

enum zk_err
pairgrant_put(struct buf *out, const struct pair_grant *g)
{
	enum zk_err r;

	if (g->urls_n > PAIR_URLS_MAX || g->records_n > PAIR_RECORDS_MAX)
		return ZK_ELIMIT;
	buf_u8(out, GRANT_FORMAT);
	buf_put(out, g->vault, 32);
	r = key_export(g->space, out);
	if (r == ZK_OK)
		r = key_export(g->record, out);
	if (r != ZK_OK)
		return r;
	buf_varint(out, g->urls_n);
	for (size_t i = 0; i < g->urls_n; i++)
		buf_lp(out, g->urls[i], strlen(g->urls[i]));
	buf_varint(out, g->records_n);
	for (size_t i = 0; i < g->records_n; i++)
		buf_lp(out, g->records[i].p, g->records[i].n);
	return out->len > PAIRGRANT_MAX ? ZK_ELIMIT : buf_err(out);
}

static void
grant_get_urls(struct rd *r, struct pairgrant *out)
{
	size_t n = (size_t)rd_varint(r, PAIR_URLS_MAX);

	for (size_t i = 0; i < n && r->err == ZK_OK; i++) {
		size_t len;
		const uint8_t *p = rd_lp(r, GRANT_URL_MAX, &len);

		if (p == NULL || memchr(p, 0, len) != NULL) {
			rd_fail(r, ZK_EFORMAT);
			return;
		}
		out->urls[i] = strndup((const char *)p, len);
		if (out->urls[i] == NULL)
			rd_fail(r, ZK_ENOMEM);
		out->g.urls[i] = out->urls[i];
		out->g.urls_n = i + 1;
	}
}

static void
grant_get_records(struct rd *r, struct pairgrant *out)
{
	size_t n = (size_t)rd_varint(r, PAIR_RECORDS_MAX);

	if (r->err != ZK_OK || n == 0)
		return;
	out->g.records = calloc(n, sizeof(*out->g.records));
	if (out->g.records == NULL) {
		rd_fail(r, ZK_ENOMEM);
		return;
	}
	for (size_t i = 0; i < n && r->err == ZK_OK; i++)
		out->g.records[i].p = rd_lp(r, RECORD_STORED_MAX,
		    &out->g.records[i].n);
	out->g.records_n = n;
}

enum zk_err
pairgrant_get(const void *in, size_t n, struct pairgrant *out)
{
	uint8_t format;
	struct rd r;
	enum zk_err e;

	memset(out, 0, sizeof(*out));
	rd_init(&r, in, n);
	format = rd_u8(&r);
	if (r.err == ZK_OK && format != GRANT_FORMAT)
		return ZK_EVERSION;
	out->g.vault = rd_bytes(&r, 32);
	out->space = key_get(&r, KEY_SIGN);
	out->record = key_get(&r, KEY_SEED);
	out->g.space = out->space;
	out->g.record = out->record;
	grant_get_urls(&r, out);
	grant_get_records(&r, out);
	e = rd_end(&r);
	if (e != ZK_OK)
		pairgrant_release(out);
	return e;
}

void
pairgrant_release(struct pairgrant *p)
{
	key_free(p->space);
	key_free(p->record);
	for (size_t i = 0; i < PAIR_URLS_MAX; i++)
		free(p->urls[i]);
	free(p->g.records);
	memset(p, 0, sizeof(*p));
}
