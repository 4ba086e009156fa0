#include <string.h>

#include "crypto/hash.h"
#include "crypto/labels.h"
#include "crypto/sign.h"
#include "proto/seghdr.h"
#include "util/rd.h"

static const uint8_t seghdr_magic[3] = { 'z', 'k', 'S' };

static uint8_t *
seghdr_le(uint8_t *p, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		*p++ = (uint8_t)(v >> (8 * i));
	return p;
}

static uint8_t *
seghdr_copy(uint8_t *p, const void *from, size_t n)
{
	memcpy(p, from, n);
	return p + n;
}

void
seghdr_log_id(const uint8_t pk[static SEGHDR_PK_LEN],
    uint8_t log[static SEGHDR_HASH_LEN])
{
	hash_bytes(LABEL_HASH_LOG, pk, SEGHDR_PK_LEN, log);
}

void
seghdr_encode(const struct seghdr *h, uint8_t out[static SEGHDR_LEN])
{
	uint8_t *p = seghdr_copy(out, seghdr_magic, sizeof(seghdr_magic));

	*p++ = h->format;
	*p++ = h->suite;
	p = seghdr_copy(p, h->pk, sizeof(h->pk));
	p = seghdr_le(p, h->seq, 8);
	p = seghdr_copy(p, h->prev, sizeof(h->prev));
	p = seghdr_copy(p, h->epoch, sizeof(h->epoch));
	seghdr_le(p, h->body_len, 4);
}

/* What must hold between the fields. */
static enum zk_err
seghdr_valid(const struct seghdr *h)
{
	static const uint8_t zero[SEGHDR_HASH_LEN];
	bool first = memcmp(h->prev, zero, sizeof(zero)) == 0;

	if (h->seq < 1 || h->seq > SEGHDR_SEQ_MAX || first != (h->seq == 1))
		return ZK_EFORMAT;
	if (h->body_len < SEGHDR_BODY_MIN || h->body_len > SEGHDR_BODY_MAX)
		return ZK_EFORMAT;
	return ZK_OK;
}

enum zk_err
seghdr_decode_head(const void *stored, size_t n, struct seghdr *out)
{
	struct rd r;
	uint8_t magic[sizeof(seghdr_magic)];

	memset(out, 0, sizeof(*out));
	rd_init(&r, stored, n < SEGHDR_LEN ? n : SEGHDR_LEN);
	rd_copy(&r, magic, sizeof(magic));
	out->format = rd_u8(&r);
	out->suite = rd_u8(&r);
	if (r.err != ZK_OK || memcmp(magic, seghdr_magic, sizeof(magic)) != 0)
		return ZK_EFORMAT;
	/* a newer format may differ from here on */
	if (out->format > SEGHDR_FORMAT || out->suite > SEGHDR_SUITE)
		return ZK_EVERSION;
	if (out->format == 0 || out->suite == 0)
		return ZK_EFORMAT;
	rd_copy(&r, out->pk, sizeof(out->pk));
	out->seq = rd_u64(&r);
	rd_copy(&r, out->prev, sizeof(out->prev));
	rd_copy(&r, out->epoch, sizeof(out->epoch));
	out->body_len = rd_u32(&r);
	if (rd_end(&r) != ZK_OK)
		return ZK_EFORMAT;
	return seghdr_valid(out);
}

enum zk_err
seghdr_decode(const void *stored, size_t n, struct seghdr *out)
{
	enum zk_err r = seghdr_decode_head(stored, n, out);

	if (r == ZK_OK &&
	    n != SEGHDR_LEN + (size_t)out->body_len + SEGHDR_SIG_LEN)
		r = ZK_EFORMAT;
	return r;
}

void
seghdr_body_hash(const void *body, size_t body_len,
    uint8_t out[static SEGHDR_HASH_LEN])
{
	hash_bytes(LABEL_HASH_SEGMENT_BODY, body, body_len, out);
}

void
seghdr_hash_of(const uint8_t hdr[static SEGHDR_LEN],
    const uint8_t body[static SEGHDR_HASH_LEN],
    uint8_t hash[static SEGHDR_HASH_LEN])
{
	struct hash h;

	hash_init(&h, LABEL_HASH_SEGMENT);
	hash_update(&h, hdr, SEGHDR_LEN);
	hash_update(&h, body, SEGHDR_HASH_LEN);
	hash_final(&h, hash);
}

enum zk_err
seghdr_check_sig(const uint8_t hdr[static SEGHDR_LEN],
    const uint8_t body[static SEGHDR_HASH_LEN],
    const uint8_t sig[static SEGHDR_SIG_LEN],
    uint8_t hash[static SEGHDR_HASH_LEN])
{
	struct seghdr h;
	enum zk_err r = seghdr_decode_head(hdr, SEGHDR_LEN, &h);

	if (r != ZK_OK)
		return r;
	seghdr_hash_of(hdr, body, hash);
	return sign_check(h.pk, LABEL_SIGN_SEGMENT, hash, HASH_LEN, sig);
}

void
seghdr_hash(const uint8_t hdr[static SEGHDR_LEN], const void *body,
    size_t body_len, uint8_t hash[static SEGHDR_HASH_LEN])
{
	uint8_t inner[SEGHDR_HASH_LEN];

	seghdr_body_hash(body, body_len, inner);
	seghdr_hash_of(hdr, inner, hash);
}

enum zk_err
seghdr_check(const void *stored, size_t n, struct seghdr *out,
    uint8_t log[static SEGHDR_HASH_LEN], uint8_t hash[static SEGHDR_HASH_LEN])
{
	const uint8_t *p = stored;
	enum zk_err r = seghdr_decode(stored, n, out);

	if (r != ZK_OK)
		return r;
	seghdr_hash(p, p + SEGHDR_LEN, out->body_len, hash);
	seghdr_log_id(out->pk, log);
	return sign_check(out->pk, LABEL_SIGN_SEGMENT, hash, HASH_LEN,
	    p + SEGHDR_LEN + out->body_len);
}
