#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/labels.h"
#include "crypto/sign.h"
#include "proto/msg.h"
#include "proto/seghdr.h"
#include "relay/intake.h"
#include "util/rd.h"

#define EDGES (SEGHDR_LEN + SEGHDR_SIG_LEN)	/* bytes around the body */

enum intake_state {
	INTAKE_COUNT,	/* u32 of the append */
	INTAKE_LEN,	/* u32 of a segment */
	INTAKE_SEG,	/* its bytes */
	INTAKE_DONE
};

struct intake {
	struct body_shop *shop;
	enum intake_state state;
	uint8_t word[4];	/* number that is coming in */
	size_t word_len;
	struct depot_seg *segs;	/* owned, count of them announced */
	size_t count;
	size_t n;		/* whole and checked */
	size_t len;		/* of the segment that is coming in */
	size_t got;		/* of it so far */
	uint8_t hdr[SEGHDR_LEN];
	uint8_t sig[SEGHDR_SIG_LEN];
	struct hash hash;	/* of its body */
};

enum zk_err
intake_new(struct body_shop *shop, struct intake **out)
{
	struct intake *in = aligned_alloc(_Alignof(struct intake),
	    sizeof(*in));

	*out = in;
	if (in == NULL)
		return ZK_ENOMEM;
	memset(in, 0, sizeof(*in));
	in->shop = shop;
	return ZK_OK;
}

void
intake_free(struct intake *in)
{
	if (in == NULL)
		return;
	for (size_t i = 0; in->segs != NULL && i < in->count; i++)
		body_free(in->segs[i].body);
	free(in->segs);
	free(in);
}

static enum zk_err
start_seg(struct intake *in, uint32_t len)
{
	if (len < EDGES || len > MSG_OBJ_MAX)
		return ZK_EFORMAT;
	in->len = len;
	in->got = 0;
	in->state = INTAKE_SEG;
	hash_init(&in->hash, LABEL_HASH_SEGMENT_BODY);
	return body_new(in->shop, len, len, &in->segs[in->n].body);
}

static enum zk_err
take_word(struct intake *in)
{
	struct rd r;
	uint32_t v;

	rd_init(&r, in->word, sizeof(in->word));
	v = rd_u32(&r);
	in->word_len = 0;
	if (in->state == INTAKE_LEN)
		return start_seg(in, v);
	if (v == 0 || v > MSG_SEGS_MAX)
		return ZK_EFORMAT;
	in->segs = calloc(v, sizeof(*in->segs));
	if (in->segs == NULL)
		return ZK_ENOMEM;
	in->count = v;
	in->state = INTAKE_LEN;
	return ZK_OK;
}

/* Copies to dst what of the n bytes at p, at offset in->got, lies in it. */
static void
catch_bytes(const struct intake *in, uint8_t *dst, size_t dst_at,
    size_t dst_len, const uint8_t *p, size_t n)
{
	size_t from = in->got > dst_at ? in->got : dst_at;
	size_t to = in->got + n;

	if (to > dst_at + dst_len)
		to = dst_at + dst_len;
	if (from < to)
		memcpy(dst + (from - dst_at), p + (from - in->got), to - from);
}

/* Hashes what of the n bytes at p belongs to the segment's body. */
static void
hash_part(struct intake *in, const uint8_t *p, size_t n)
{
	size_t end = in->len - SEGHDR_SIG_LEN;
	size_t from = in->got > SEGHDR_LEN ? in->got : SEGHDR_LEN;
	size_t to = in->got + n < end ? in->got + n : end;

	if (from < to)
		hash_update(&in->hash, p + (from - in->got), to - from);
}

/* A segment is whole: header, place, hash, signature. */
static enum zk_err
check_seg(struct intake *in)
{
	struct depot_seg *s = &in->segs[in->n];
	uint8_t body[HASH_LEN];
	struct seghdr h;
	struct hash whole;
	enum zk_err r;

	r = seghdr_decode(in->hdr, in->len, &h);
	if (r != ZK_OK)
		return r;
	hash_final(&in->hash, body);
	hash_init(&whole, LABEL_HASH_SEGMENT);
	hash_update(&whole, in->hdr, SEGHDR_LEN);
	hash_update(&whole, body, sizeof(body));
	hash_final(&whole, s->hash);
	r = sign_check(h.pk, LABEL_SIGN_SEGMENT, s->hash, HASH_LEN, in->sig);
	if (r != ZK_OK)
		return r;
	seghdr_log_id(h.pk, s->log);
	s->seq = h.seq;
	memcpy(s->prev, h.prev, DEPOT_NAME_LEN);
	in->n++;
	in->state = in->n < in->count ? INTAKE_LEN : INTAKE_DONE;
	return ZK_OK;
}

static enum zk_err
put_seg(struct intake *in, const uint8_t *p, size_t n)
{
	enum zk_err r;

	catch_bytes(in, in->hdr, 0, SEGHDR_LEN, p, n);
	catch_bytes(in, in->sig, in->len - SEGHDR_SIG_LEN, SEGHDR_SIG_LEN, p,
	    n);
	hash_part(in, p, n);
	r = body_put(in->segs[in->n].body, p, n);
	in->got += n;
	if (r == ZK_OK && in->got == in->len)
		r = check_seg(in);
	return r;
}

enum zk_err
intake_put(struct intake *in, const uint8_t *p, size_t n)
{
	enum zk_err r = ZK_OK;

	while (n > 0 && r == ZK_OK) {
		size_t take = in->state == INTAKE_SEG ? in->len - in->got :
		    sizeof(in->word) - in->word_len;

		if (in->state == INTAKE_DONE)
			return ZK_EFORMAT;
		if (take > n)
			take = n;
		if (in->state == INTAKE_SEG) {
			r = put_seg(in, p, take);
		} else {
			memcpy(in->word + in->word_len, p, take);
			in->word_len += take;
			if (in->word_len == sizeof(in->word))
				r = take_word(in);
		}
		p += take;
		n -= take;
	}
	return r;
}

enum zk_err
intake_end(const struct intake *in)
{
	return in->state == INTAKE_DONE ? ZK_OK : ZK_EFORMAT;
}

struct depot_seg *
intake_segs(struct intake *in, size_t *n)
{
	*n = in->n;
	return in->segs;
}
