#include <stdlib.h>
#include <string.h>

#include "crypto/aead.h"
#include "crypto/crypto.h"
#include "crypto/hash.h"
#include "crypto/key.h"
#include "crypto/labels.h"
#include "format/ext.h"
#include "format/keys.h"
#include "format/op.h"
#include "format/opdict.h"
#include "format/pad.h"
#include "format/seg_int.h"
#include "format/segplain.h"
#include "format/thin.h"

#define SEG_EXT_MAX 65536	/* bytes of extension fields */

static void
seg_get_rec_heads(struct seg *s, struct rd *r)
{
	s->rec_heads_n = (size_t)rd_varint(r, SEG_REC_HEADS_MAX);
	if (r->err != ZK_OK || s->rec_heads_n == 0)
		return;
	s->rec_heads = calloc(s->rec_heads_n, SEG_HASH_LEN);
	if (s->rec_heads == NULL) {
		rd_fail(r, ZK_ENOMEM);
		return;
	}
	for (size_t i = 0; i < s->rec_heads_n; i++) {
		rd_copy(r, s->rec_heads[i], SEG_HASH_LEN);
		if (i > 0 && memcmp(s->rec_heads[i - 1], s->rec_heads[i],
		    SEG_HASH_LEN) >= 0)
			rd_fail(r, ZK_EFORMAT);
	}
}

static void
seg_get_heads(struct seg *s, struct rd *r)
{
	s->heads_n = (size_t)rd_varint(r, SEG_HEADS_MAX);
	if (r->err != ZK_OK || s->heads_n == 0)
		return;
	s->heads = calloc(s->heads_n, sizeof(*s->heads));
	if (s->heads == NULL) {
		rd_fail(r, ZK_ENOMEM);
		return;
	}
	for (size_t i = 0; i < s->heads_n; i++) {
		struct seg_head *h = &s->heads[i];

		rd_copy(r, h->log, SEG_HASH_LEN);
		h->seq = rd_varint(r, SEGHDR_SEQ_MAX);
		rd_copy(r, h->hash, SEG_HASH_LEN);
		if (h->seq == 0 || memcmp(h->log, s->log, SEG_HASH_LEN) == 0)
			rd_fail(r, ZK_EFORMAT);
		if (i > 0 && memcmp(s->heads[i - 1].log, h->log,
		    SEG_HASH_LEN) >= 0)
			rd_fail(r, ZK_EFORMAT);
	}
}

/* Everything before the ops; r stands at the first one afterwards. */
static enum zk_err
seg_get_head(struct seg *s, struct rd *r)
{
	size_t n;

	s->lamport0 = rd_varint(r, OPID_LAMPORT_MAX - SEG_OPS_MAX);
	s->wall_ms = (int64_t)rd_u64(r);
	seg_get_rec_heads(s, r);
	seg_get_heads(s, r);
	ext_get(r, SEG_EXT_MAX, &n);
	s->count = (size_t)rd_varint(r, SEG_OPS_MAX);
	if (r->err == ZK_OK && s->lamport0 == 0)
		rd_fail(r, ZK_EFORMAT);
	return r->err;
}

enum zk_err
seg_decode(struct seg *s, struct op *op, const uint8_t **p, size_t *n)
{
	*p = rd_lp(&s->left, SEG_PLAIN_MAX, n);
	if (s->left.err != ZK_OK)
		return s->left.err;
	return op_decode(s->dict, *p, *n, &s->refs, op);
}

/* Goes through all ops once and computes their ids. */
static enum zk_err
seg_scan(struct seg *s)
{
	const uint8_t *p;
	struct op op;
	size_t n;
	enum zk_err r;

	s->ids = calloc(s->count + 1, sizeof(*s->ids));
	if (s->ids == NULL)
		return ZK_ENOMEM;
	for (size_t i = 0; i < s->count; i++) {
		r = seg_decode(s, &op, &p, &n);
		if (r != ZK_OK)
			return r;
		if ((op.type == OP_LOG) != (s->hdr.seq == 1 && i == 0))
			return ZK_EFORMAT;
		if (op.content.form == CONTENT_GONE) {
			op_bare_id(s->log, s->lamport0 + i, &s->ids[i]);
			memcpy(s->ids[i].b + OPID_HASH_AT, op.content.data,
			    OPID_HASH_LEN);
		} else {
			op_make_id(s->log, s->lamport0 + i, p, n, &s->refs,
			    &s->ids[i]);
		}
		r = opdict_own(s->dict, &s->ids[i]);
		if (r != ZK_OK)
			return r;
	}
	if (s->hdr.seq == 1 && s->count == 0)
		return ZK_EFORMAT;
	r = rd_end(&s->left);
	return r != ZK_OK ? r : opdict_check(s->dict);
}

/* Ids that order and refer as the true ones do, but name nothing. */
static enum zk_err
seg_number(struct seg *s)
{
	s->ids = calloc(s->count + 1, sizeof(*s->ids));
	if (s->ids == NULL)
		return ZK_ENOMEM;
	for (size_t i = 0; i < s->count; i++)
		op_bare_id(s->log, s->lamport0 + i, &s->ids[i]);
	return ZK_OK;
}

enum zk_err
seg_parse(struct seg *s, const uint8_t *payload, size_t n, bool thin,
    bool whole)
{
	struct rd r;
	enum zk_err e;

	rd_init(&r, payload, n);
	e = seg_get_head(s, &r);
	if (e != ZK_OK)
		return e;
	s->payload = payload;
	s->head_len = (size_t)(r.p - payload);
	s->ops = r;
	s->left = r;
	e = opdict_new(s->log, s->lamport0, s->wall_ms, &s->dict);
	if (e != ZK_OK)
		return e;
	if (thin)
		opdict_thin(s->dict);
	return whole ? seg_scan(s) : seg_number(s);
}

/* The payload of what was decrypted. */
static enum zk_err
seg_parse_padded(struct seg *s, bool whole)
{
	const uint8_t *payload = NULL;
	size_t n = 0;
	enum zk_err e = pad_get(s->plain, s->plain_len, &payload, &n);

	return e == ZK_OK ? seg_parse(s, payload, n, false, whole) : e;
}

/* Step between the signature and the parser: the key, and the tag. */
static enum zk_err
seg_decrypt(struct seg *s, const uint8_t *stored, const uint8_t *vault,
    const struct seg_keys *keys)
{
	const uint8_t *nonce = stored + SEGHDR_LEN;
	const uint8_t *body = nonce + AEAD_NONCE_LEN;
	size_t n = s->hdr.body_len - AEAD_NONCE_LEN;
	uint8_t ad[SEGPLAIN_AD_LEN], prefix[EPOCH_PREFIX_LEN];
	const struct key *epoch = NULL;
	struct key *k = NULL;
	enum zk_err r;

	r = keys->find(keys->arg, s->hdr.epoch, &epoch, s->epoch_id);
	if (r != ZK_OK)
		return r;
	epoch_prefix(epoch, prefix);
	if (!crypto_equal(prefix, s->hdr.epoch, sizeof(prefix)))
		return ZK_ETAMPER;
	r = epoch_segment_key(epoch, s->log, &k);
	if (r != ZK_OK)
		return r;
	s->plain_len = n - AEAD_TAG_LEN;
	s->plain = malloc(s->plain_len);
	if (s->plain == NULL) {
		r = ZK_ENOMEM;
		goto out;
	}
	segplain_ad(stored, vault, s->epoch_id, ad);
	r = aead_open(k, nonce, ad, sizeof(ad), body, n, s->plain);
out:
	key_free(k);
	return r;
}

/* Checks the header and the signature, and keeps what is signed. */
static enum zk_err
seg_outside(struct seg *s, const uint8_t *p, size_t n)
{
	enum zk_err r = seghdr_decode(p, n, &s->hdr);

	if (r != ZK_OK)
		return r;
	memcpy(s->head, p, SEGHDR_LEN);
	seghdr_body_hash(p + SEGHDR_LEN, s->hdr.body_len, s->body);
	memcpy(s->sig, p + SEGHDR_LEN + s->hdr.body_len, SEGHDR_SIG_LEN);
	seghdr_log_id(s->hdr.pk, s->log);
	return seghdr_check_sig(s->head, s->body, s->sig, s->hash);
}

enum zk_err
seg_signed(const void *stored, size_t n, struct seg_signed *out)
{
	struct seghdr hdr;
	const uint8_t *p = stored;
	enum zk_err r;

	memset(out, 0, sizeof(*out));
	if (thin_is(stored, n))
		return thin_signed(stored, n, out);
	r = seghdr_decode(stored, n, &hdr);
	if (r != ZK_OK)
		return r;
	out->header = p;
	out->header_len = SEGHDR_LEN;
	seghdr_body_hash(p + SEGHDR_LEN, hdr.body_len, out->body);
	out->sig = p + SEGHDR_LEN + hdr.body_len;
	return ZK_OK;
}

enum zk_err
seg_open(const void *stored, size_t n,
    const uint8_t vault[static SEG_HASH_LEN], const struct seg_keys *keys,
    const uint8_t *device, struct seg **out)
{
	struct seg *s = calloc(1, sizeof(*s));
	enum zk_err r;

	*out = NULL;
	if (s == NULL)
		return ZK_ENOMEM;
	r = seg_outside(s, stored, n);
	if (r != ZK_OK)
		goto out;
	r = seg_decrypt(s, stored, vault, keys);
	if (r != ZK_OK)
		goto out;
	r = seg_parse_padded(s, true);
	if (r != ZK_OK)
		goto out;
	if (device != NULL)
		memcpy(s->device, device, sizeof(s->device));
	seg_rewind(s);
	*out = s;
	s = NULL;
out:
	seg_free(s);
	return r;
}

enum zk_err
seg_open_contents(const void *stored, size_t n,
    const uint8_t vault[static SEG_HASH_LEN], const struct seg_keys *keys,
    struct seg **out)
{
	struct seg *s = NULL;
	enum zk_err r;

	*out = NULL;
	if (thin_is(stored, n))
		return thin_open(stored, n, NULL, false, out);
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return ZK_ENOMEM;
	r = seghdr_decode(stored, n, &s->hdr);
	if (r != ZK_OK)
		goto out;
	seghdr_log_id(s->hdr.pk, s->log);
	r = seg_decrypt(s, stored, vault, keys);
	if (r == ZK_OK)
		r = seg_parse_padded(s, false);
	if (r != ZK_OK)
		goto out;
	seg_rewind(s);
	*out = s;
	s = NULL;
out:
	seg_free(s);
	return r;
}

void
seg_free(struct seg *s)
{
	if (s == NULL)
		return;
	if (s->plain != NULL)
		crypto_wipe(s->plain, s->plain_len);
	free(s->plain);
	free(s->rec_heads);
	free(s->heads);
	free(s->ids);
	opdict_free(s->dict);
	free(s);
}

void
seg_rewind(struct seg *s)
{
	s->left = s->ops;
	s->next = 0;
	opdict_clear(s->dict, s->wall_ms);
}

enum zk_err
seg_next(struct seg *s, struct op *op)
{
	const uint8_t *p;
	size_t n;
	enum zk_err r;

	if (s->next == s->count)
		return ZK_ENOENT;
	r = seg_decode(s, op, &p, &n);
	if (r == ZK_OK)
		r = opdict_own(s->dict, &s->ids[s->next]);
	if (r != ZK_OK)
		return r;	/* memory; seg_scan took all else out */
	op->id = s->ids[s->next++];
	if (op->type == OP_CREATE)
		op->node = op->id;
	memcpy(op->device, s->device, sizeof(op->device));
	return op_clean(op);
}

enum zk_err
seg_check_lamport(const struct seg *s, uint64_t prev_last,
    const uint64_t *heads_last, size_t n)
{
	uint64_t max = prev_last;

	if (n != s->heads_n)
		BUG("Lamport times of other heads than the segment's");
	for (size_t i = 0; i < n; i++)
		if (heads_last[i] > max)
			max = heads_last[i];
	return s->lamport0 == max + 1 ? ZK_OK : ZK_ETAMPER;
}

const uint8_t *
seg_log(const struct seg *s)
{
	return s->log;
}

const uint8_t *
seg_log_pk(const struct seg *s)
{
	return s->hdr.pk;
}

uint64_t
seg_seq(const struct seg *s)
{
	return s->hdr.seq;
}

const uint8_t *
seg_prev(const struct seg *s)
{
	return s->hdr.prev;
}

const uint8_t *
seg_hash(const struct seg *s)
{
	return s->hash;
}

const uint8_t *
seg_epoch_id(const struct seg *s)
{
	return s->epoch_id;
}

uint64_t
seg_lamport0(const struct seg *s)
{
	return s->lamport0;
}

uint64_t
seg_last_lamport(const struct seg *s)
{
	return s->lamport0 + s->count - 1;
}

int64_t
seg_wall_ms(const struct seg *s)
{
	return s->wall_ms;
}

size_t
seg_count(const struct seg *s)
{
	return s->count;
}

const struct seg_head *
seg_heads(const struct seg *s, size_t *n)
{
	*n = s->heads_n;
	return s->heads;
}

const uint8_t (*seg_rec_heads(const struct seg *s, size_t *n))[SEG_HASH_LEN]
{
	*n = s->rec_heads_n;
	return (const uint8_t (*)[SEG_HASH_LEN])s->rec_heads;
}

const uint8_t *
seg_plain(const struct seg *s, size_t *n)
{
	*n = s->plain_len;
	return s->plain;
}
