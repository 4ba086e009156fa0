#include <stdlib.h>
#include <string.h>

#include "crypto/aead.h"
#include "crypto/key.h"
#include "crypto/labels.h"
#include "crypto/rand.h"
#include "crypto/sign.h"
#include "format/keys.h"
#include "format/op.h"
#include "format/pad.h"
#include "format/segment.h"
#include "format/segplain.h"
#include "proto/seghdr.h"
#include "util/buf.h"

#define SEGB_COUNT_LEN 3	/* bytes of the number of ops, at most */
#define SEGB_FEW (256u * 1024)	/* bytes of ops in a segment of no great push */

/*
 * head: the payload up to the number of ops.  ops: the ops with their
 * length prefixes.  Invariant: pad_len(head + SEGB_COUNT_LEN + ops) is at
 * most SEG_PLAIN_MAX.
 */
struct segb {
	uint8_t vault[SEG_HASH_LEN];
	uint8_t log[SEG_HASH_LEN];
	struct seghdr hdr;
	uint64_t lamport0;
	struct opdict *dict;
	struct op_ids ids;	/* of the op at hand */
	struct buf head;
	struct buf ops;
	struct buf one;		/* the op at hand */
	size_t count;
};

static int
segb_cmp32(const void *a, const void *b)
{
	return memcmp(a, b, SEG_HASH_LEN);
}

/* Record heads, ascending. */
static enum zk_err
segb_put_rec_heads(struct segb *s, const struct segb_opts *o)
{
	uint8_t sorted[SEG_REC_HEADS_MAX][SEG_HASH_LEN];
	size_t n = o->rec_heads_n;

	if (n > SEG_REC_HEADS_MAX)
		return ZK_ELIMIT;
	if (n > 0) {
		memcpy(sorted, o->rec_heads, n * SEG_HASH_LEN);
		qsort(sorted, n, SEG_HASH_LEN, segb_cmp32);
	}
	buf_varint(&s->head, n);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && segb_cmp32(sorted[i - 1], sorted[i]) == 0)
			return ZK_EREFUSED;
		buf_put(&s->head, sorted[i], SEG_HASH_LEN);
	}
	return ZK_OK;
}

/* Heads of other logs, ascending by log. */
static enum zk_err
segb_put_heads(struct segb *s, const struct segb_opts *o)
{
	struct seg_head *sorted = NULL;
	size_t n = o->heads_n;
	enum zk_err r = ZK_OK;

	if (n > SEG_HEADS_MAX)
		return ZK_ELIMIT;
	buf_varint(&s->head, n);
	if (n == 0)
		return ZK_OK;
	sorted = malloc(n * sizeof(*sorted));
	if (sorted == NULL)
		return ZK_ENOMEM;
	memcpy(sorted, o->heads, n * sizeof(*sorted));
	/* the log id is the first member */
	qsort(sorted, n, sizeof(*sorted), segb_cmp32);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && segb_cmp32(&sorted[i - 1], &sorted[i]) == 0)
			r = ZK_EREFUSED;
		buf_put(&s->head, sorted[i].log, SEG_HASH_LEN);
		buf_varint(&s->head, sorted[i].seq);
		buf_put(&s->head, sorted[i].hash, SEG_HASH_LEN);
	}
	free(sorted);
	return r;
}

static enum zk_err
segb_put_head(struct segb *s, const struct segb_opts *o)
{
	enum zk_err r;

	buf_varint(&s->head, o->lamport0);
	buf_u64(&s->head, (uint64_t)o->wall_ms);
	r = segb_put_rec_heads(s, o);
	if (r == ZK_OK)
		r = segb_put_heads(s, o);
	if (r != ZK_OK)
		return r;
	buf_varint(&s->head, 0);	/* no extensions */
	return buf_err(&s->head);
}

enum zk_err
segb_new(const struct segb_opts *o, struct segb **out)
{
	struct segb *s;
	enum zk_err r;

	*out = NULL;
	if (o->lamport0 < 1 ||
	    o->lamport0 > OPID_LAMPORT_MAX - SEG_OPS_MAX || o->seq < 1 ||
	    o->seq > SEGHDR_SEQ_MAX)
		return ZK_ELIMIT;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return ZK_ENOMEM;
	buf_init(&s->head, SEG_PLAIN_MAX);
	buf_init_secret(&s->ops, SEG_PLAIN_MAX);
	buf_init_secret(&s->one, SEG_PLAIN_MAX);
	memcpy(s->vault, o->vault, SEG_HASH_LEN);
	seghdr_log_id(o->log_pk, s->log);
	s->lamport0 = o->lamport0;
	s->hdr.format = SEGHDR_FORMAT;
	s->hdr.suite = SEGHDR_SUITE;
	memcpy(s->hdr.pk, o->log_pk, SEGHDR_PK_LEN);
	s->hdr.seq = o->seq;
	if (o->seq > 1)
		memcpy(s->hdr.prev, o->prev, SEG_HASH_LEN);
	r = segb_put_head(s, o);
	if (r == ZK_OK)
		r = opdict_new(s->log, o->lamport0, o->wall_ms, &s->dict);
	if (r != ZK_OK) {
		segb_free(s);
		return r;
	}
	*out = s;
	return ZK_OK;
}

void
segb_free(struct segb *s)
{
	if (s == NULL)
		return;
	opdict_free(s->dict);
	buf_release(&s->head);
	buf_release(&s->ops);
	buf_release(&s->one);
	free(s);
}

enum zk_err
segb_add(struct segb *s, const struct op *op, struct opid *id)
{
	size_t used = s->head.len + SEGB_COUNT_LEN + s->ops.len;
	enum zk_err r;

	if ((op->type == OP_LOG) != (s->hdr.seq == 1 && s->count == 0))
		return ZK_EREFUSED;
	if (s->count >= SEG_OPS_MAX ||
	    op_bound(op) > SEG_PLAIN_MAX - 4 - used)
		return ZK_ELIMIT;
	buf_reset(&s->one);
	r = op_encode(s->dict, op, &s->ids, &s->one);
	if (r != ZK_OK)
		return r;
	op_make_id(s->log, s->lamport0 + s->count, s->one.data, s->one.len,
	    &s->ids, id);
	/* what outgrows this is likely to become full: grown once, not often */
	if (s->ops.len > SEGB_FEW)
		buf_reserve(&s->ops, SEG_PLAIN_MAX - s->ops.len);
	r = buf_lp(&s->ops, s->one.data, s->one.len);
	if (r == ZK_OK)
		r = opdict_own(s->dict, id);
	if (r != ZK_OK)
		return r;
	s->count++;
	return ZK_OK;
}

size_t
segb_count(const struct segb *s)
{
	return s->count;
}

size_t
segb_size(const struct segb *s)
{
	return 4 + s->head.len + SEGB_COUNT_LEN + s->ops.len;
}

uint64_t
segb_last_lamport(const struct segb *s)
{
	return s->lamport0 + s->count - 1;
}

/* The padded plain bytes. */
static enum zk_err
segb_plain(const struct segb *s, struct buf *plain)
{
	struct buf count;
	size_t n;
	enum zk_err r;

	buf_init(&count, SEGB_COUNT_LEN);
	r = buf_varint(&count, s->count);
	n = s->head.len + count.len + s->ops.len;
	if (r == ZK_OK)
		r = pad_begin(plain, n);
	if (r == ZK_OK) {
		buf_put(plain, s->head.data, s->head.len);
		buf_put(plain, count.data, count.len);
		buf_put(plain, s->ops.data, s->ops.len);
		r = pad_end(plain, n);
	}
	buf_release(&count);
	return r;
}

/* Appends header, nonce, ciphertext. */
static enum zk_err
segb_encrypt(struct segb *s, const struct key *k, const struct buf *plain,
    const uint8_t *nonce, const uint8_t *epoch_id, struct buf *out)
{
	uint8_t hdr[SEGHDR_LEN], ad[SEGPLAIN_AD_LEN];
	enum zk_err r;

	s->hdr.body_len = (uint32_t)(AEAD_NONCE_LEN + plain->len +
	    AEAD_TAG_LEN);
	seghdr_encode(&s->hdr, hdr);
	segplain_ad(hdr, s->vault, epoch_id, ad);
	r = buf_reserve(out, SEGHDR_LEN + s->hdr.body_len + SEGHDR_SIG_LEN);
	if (r != ZK_OK)
		return r;
	buf_put(out, hdr, sizeof(hdr));
	buf_put(out, nonce, AEAD_NONCE_LEN);
	aead_seal(k, nonce, ad, sizeof(ad), plain->data, plain->len,
	    out->data + out->len);
	out->len += plain->len + AEAD_TAG_LEN;
	return ZK_OK;
}

enum zk_err
segb_seal(struct segb *s, struct env *env, const struct key *epoch,
    const uint8_t epoch_id[static SEG_HASH_LEN],
    const struct signkey *log_key, struct buf *out,
    uint8_t hash[static SEG_HASH_LEN])
{
	uint8_t nonce[AEAD_NONCE_LEN], sig[SIGN_LEN];
	size_t start = out->len;
	struct buf plain;
	struct key *k = NULL;
	enum zk_err r;

	if (memcmp(signkey_pk(log_key), s->hdr.pk, SIGN_PK_LEN) != 0)
		BUG("segment sealed with the key of another log");
	buf_init_secret(&plain, SEG_PLAIN_MAX);
	epoch_prefix(epoch, s->hdr.epoch);
	r = segb_plain(s, &plain);
	if (r != ZK_OK)
		goto out;
	r = epoch_segment_key(epoch, s->log, &k);
	if (r != ZK_OK)
		goto out;
	rand_bytes(env, nonce, sizeof(nonce));
	r = segb_encrypt(s, k, &plain, nonce, epoch_id, out);
	if (r != ZK_OK)
		goto out;
	seghdr_hash(out->data + start, out->data + start + SEGHDR_LEN,
	    s->hdr.body_len, hash);
	sign_make(log_key, LABEL_SIGN_SEGMENT, hash, SEG_HASH_LEN, sig);
	r = buf_put(out, sig, sizeof(sig));
out:
	key_free(k);
	buf_release(&plain);
	return r;
}
