#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "crypto/hash.h"
#include "crypto/key.h"
#include "crypto/sign.h"
#include "format/ext.h"
#include "format/pad.h"
#include "format/recordio.h"
#include "proto/seghdr.h"
#include "util/rd.h"

#define RECORD_EXT_MAX 65536
#define RECORD_SEALED_MAX 4096	/* bytes of one sealed key */
#define RECORD_PARENTS_MAX 64
#define RECORD_BODY_OFF (RECORDIO_HDR_LEN + AEAD_NONCE_LEN)

void
record_name(const void *stored, size_t n, uint8_t name[static RECORD_ID_LEN])
{
	hash_bytes(LABEL_HASH_RECORD, stored, n, name);
}

void
record_free(struct record *r)
{
	if (r == NULL)
		return;
	if (r->payload != NULL)
		crypto_wipe(r->payload, r->payload_len);
	free(r->payload);
	free(r->heads);
	free(r->parents);
	free(r->sealed);
	free(r->removed);
	free(r->cut);
	free(r);
}

/* A list of at most max ids, ascending. */
static void
record_get_ids(struct rd *r, size_t max, uint8_t (**ids)[RECORD_ID_LEN],
    size_t *n)
{
	*n = (size_t)rd_varint(r, max);
	if (r->err != ZK_OK || *n == 0)
		return;
	*ids = calloc(*n, RECORD_ID_LEN);
	if (*ids == NULL) {
		rd_fail(r, ZK_ENOMEM);
		return;
	}
	for (size_t i = 0; i < *n; i++) {
		rd_copy(r, (*ids)[i], RECORD_ID_LEN);
		if (i > 0 && memcmp((*ids)[i - 1], (*ids)[i],
		    RECORD_ID_LEN) >= 0)
			rd_fail(r, ZK_EFORMAT);
	}
}

/* Sealed keys, ascending by id. */
static void
record_get_sealed(struct rd *r, size_t max, struct record *rec)
{
	size_t n = (size_t)rd_varint(r, max);

	rec->sealed_n = n;
	if (r->err != ZK_OK || n == 0)
		return;
	rec->sealed = calloc(n, sizeof(*rec->sealed));
	if (rec->sealed == NULL) {
		rd_fail(r, ZK_ENOMEM);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct record_sealed *s = &rec->sealed[i];

		rd_copy(r, s->id, RECORD_ID_LEN);
		s->kem = (unsigned)rd_varint(r, 255);
		s->p = rd_lp(r, RECORD_SEALED_MAX, &s->n);
		if (i > 0 && memcmp(s[-1].id, s->id, RECORD_ID_LEN) >= 0)
			rd_fail(r, ZK_EFORMAT);
		if (r->err == ZK_OK && kem_pk_len(s->kem) == 0)
			rd_fail(r, ZK_EVERSION);
	}
}

static void
record_get_genesis(struct rd *r, struct record *rec)
{
	uint8_t flag;

	if (rd_u8(r) != RECORDIO_SUITE && r->err == ZK_OK)
		rd_fail(r, ZK_EVERSION);
	rd_copy(r, rec->space_pk, sizeof(rec->space_pk));
	rd_copy(r, rec->record_commit, RECORD_ID_LEN);
	rd_bytes(r, RECORD_ID_LEN);	/* random: makes the vault id unique */
	device_pub_get(r, &rec->dev);
	flag = rd_u8(r);
	if (flag > 1)
		rd_fail(r, ZK_EFORMAT);
	rec->has_recovery = flag == 1;
	if (rec->has_recovery)
		device_pub_get(r, &rec->recovery);
	if (r->err != ZK_OK)
		return;
	if (sign_pk_check(rec->space_pk) != ZK_OK)
		rd_fail(r, ZK_EREFUSED);
	device_pub_id(&rec->dev, rec->author);
	memcpy(rec->dev_id, rec->author, RECORD_ID_LEN);
}

static void
record_get_add(struct rd *r, struct record *rec)
{
	device_pub_get(r, &rec->dev);
	rd_copy(r, rec->dev_sig, sizeof(rec->dev_sig));
	record_get_sealed(r, RECORD_EPOCHS_MAX, rec);
	if (r->err == ZK_OK)
		device_pub_id(&rec->dev, rec->dev_id);
}

static void
record_get_rotate(struct rd *r, struct record *rec)
{
	rec->epoch_no = rd_varint(r, UINT32_MAX);
	record_get_ids(r, RECORD_PARENTS_MAX, &rec->parents,
	    &rec->parents_n);
	rd_copy(r, rec->commit, RECORD_ID_LEN);
	rec->earlier = rd_lp(r, RECORDIO_PAYLOAD_MAX, &rec->earlier_len);
	record_get_sealed(r, RECORD_DEVICES_MAX + 1, rec);
	if (rec->epoch_no == 0)
		rd_fail(r, ZK_EFORMAT);
}

static void
record_get_remove(struct rd *r, struct record *rec)
{
	record_get_ids(r, RECORD_DEVICES_MAX, &rec->removed,
	    &rec->removed_n);
	rec->cut_n = (size_t)rd_varint(r, RECORD_CUT_MAX);
	if (r->err == ZK_OK && rec->removed_n == 0)
		rd_fail(r, ZK_EFORMAT);
	if (r->err != ZK_OK || rec->cut_n == 0)
		return;
	rec->cut = calloc(rec->cut_n, sizeof(*rec->cut));
	if (rec->cut == NULL) {
		rd_fail(r, ZK_ENOMEM);
		return;
	}
	for (size_t i = 0; i < rec->cut_n; i++) {
		struct record_cut *c = &rec->cut[i];

		rd_copy(r, c->log, RECORD_ID_LEN);
		c->seq = rd_varint(r, SEGHDR_SEQ_MAX);
		rd_copy(r, c->hash, RECORD_ID_LEN);
		if (i > 0 && memcmp(c[-1].log, c->log, RECORD_ID_LEN) >= 0)
			rd_fail(r, ZK_EFORMAT);
	}
}

static void
record_get_body(struct rd *r, struct record *rec)
{
	switch (rec->type) {
	case RECORD_GENESIS:
		record_get_genesis(r, rec);
		break;
	case RECORD_ADD:
		record_get_add(r, rec);
		break;
	case RECORD_REMOVE:
		record_get_remove(r, rec);
		break;
	case RECORD_ROTATE:
		record_get_rotate(r, rec);
		break;
	case RECORD_GRANT:
		rd_copy(r, rec->dev_id, RECORD_ID_LEN);
		record_get_sealed(r, RECORD_EPOCHS_MAX, rec);
		break;
	case RECORD_PARK:
		rd_copy(r, rec->dev_id, RECORD_ID_LEN);
		break;
	default:
		rd_fail(r, ZK_EVERSION);
	}
}

/* Decodes p, n bytes, which lie in rec->payload. */
static enum zk_err
record_decode(struct record *rec, const uint8_t *p, size_t n, bool genesis,
    const uint8_t *vault)
{
	size_t ext_n;
	struct rd r;

	rd_init(&r, p, n);
	rec->type = (enum record_type)rd_u8(&r);
	if (r.err == ZK_OK && (rec->type == RECORD_GENESIS) != genesis)
		return ZK_EFORMAT;
	if (!genesis) {
		const uint8_t *v = rd_bytes(&r, RECORD_ID_LEN);

		if (v == NULL || memcmp(v, vault, RECORD_ID_LEN) != 0)
			return ZK_EFORMAT;
		record_get_ids(&r, RECORD_HEADS_MAX, &rec->heads,
		    &rec->heads_n);
		rd_copy(&r, rec->author, RECORD_ID_LEN);
	}
	record_get_body(&r, rec);
	ext_get(&r, RECORD_EXT_MAX, &ext_n);
	rec->signed_p = p;
	rec->signed_n = n - r.left;
	rd_copy(&r, rec->sig, sizeof(rec->sig));
	recordio_id(rec->type, p, n, rec->id);
	return rd_end(&r);
}

/* What a record proves by itself. */
static enum zk_err
record_check(const struct record *rec, const struct key *R,
    const uint8_t *vault)
{
	uint8_t digest[RECORD_ID_LEN], commit[RECORD_ID_LEN];
	uint8_t consent[RECORDIO_CONSENT_LEN];

	if (rec->type == RECORD_ADD) {
		recordio_consent(vault, rec->author, &rec->dev, consent);
		return sign_check(rec->dev.sign_pk, LABEL_SIGN_ADDED, consent,
		    sizeof(consent), rec->dev_sig);
	}
	if (rec->type != RECORD_GENESIS)
		return ZK_OK;
	if (vault != NULL && memcmp(vault, rec->id, RECORD_ID_LEN) != 0)
		return ZK_EREFUSED;
	key_commit(R, LABEL_COMMIT_RECORD, commit);
	if (memcmp(commit, rec->record_commit, sizeof(commit)) != 0)
		return ZK_EREFUSED;
	recordio_digest(rec->signed_p, rec->signed_n, digest);
	return sign_check(rec->dev.sign_pk, LABEL_SIGN_RECORD, digest,
	    sizeof(digest), rec->sig);
}

/* Magic, format and suite; *genesis from the magic. */
static enum zk_err
record_header(const uint8_t *p, size_t n, bool *genesis)
{
	if (n < RECORD_BODY_OFF + PAD_FLOOR + AEAD_TAG_LEN ||
	    n > RECORD_STORED_MAX)
		return ZK_EFORMAT;
	*genesis = p[2] == 'G';
	if (p[0] != 'z' || p[1] != 'k' || (p[2] != 'G' && p[2] != 'R'))
		return ZK_EFORMAT;
	if (p[3] > RECORDIO_FORMAT || p[4] > RECORDIO_SUITE)
		return ZK_EVERSION;
	return p[3] == 0 || p[4] == 0 ? ZK_EFORMAT : ZK_OK;
}

/* Decrypts into rec->payload (the padded plain bytes). */
static enum zk_err
record_decrypt(struct record *rec, const uint8_t *p, size_t n,
    const struct key *R, const uint8_t *vault)
{
	uint8_t ad[RECORDIO_AD_LEN];
	struct key *k = NULL;
	enum zk_err r;

	n -= RECORD_BODY_OFF;
	rec->payload_len = n - AEAD_TAG_LEN;
	rec->payload = malloc(rec->payload_len);
	if (rec->payload == NULL)
		return ZK_ENOMEM;
	r = recordio_key(R, &k);
	if (r != ZK_OK)
		return r;
	recordio_ad(p, vault, ad);
	r = aead_open(k, p + RECORDIO_HDR_LEN, ad, sizeof(ad),
	    p + RECORD_BODY_OFF, n, rec->payload);
	key_free(k);
	return r;
}

enum zk_err
record_open(const void *stored, size_t n, const struct key *R,
    const uint8_t *vault, struct record **out)
{
	const uint8_t *payload;
	struct record *rec = NULL;
	bool genesis = false;
	size_t len;
	enum zk_err r;

	*out = NULL;
	r = record_header(stored, n, &genesis);
	if (r != ZK_OK)
		return r;
	if (!genesis && vault == NULL)
		return ZK_EFORMAT;
	rec = calloc(1, sizeof(*rec));
	if (rec == NULL)
		return ZK_ENOMEM;
	r = record_decrypt(rec, stored, n, R, genesis ? NULL : vault);
	if (r != ZK_OK)
		goto out;
	r = pad_get(rec->payload, rec->payload_len, &payload, &len);
	if (r != ZK_OK)
		goto out;
	r = record_decode(rec, payload, len, genesis, vault);
	if (r != ZK_OK)
		goto out;
	r = record_check(rec, R, vault);
	if (r != ZK_OK)
		goto out;
	record_name(stored, n, rec->name);
	*out = rec;
	rec = NULL;
out:
	record_free(rec);
	return r;
}
