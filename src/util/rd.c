/* A bounded reader.  See rd.h. */
#include "util/rd.h"

#include <string.h>

void
rd_init(struct rd *r, const void *in, size_t in_len)
{
	r->p = in;
	r->left = in_len;
	r->err = ZK_OK;
}

void
rd_fail(struct rd *r, enum zk_err e)
{
	if (r->err == ZK_OK)
		r->err = e;
	r->left = 0;
}

const uint8_t *
rd_bytes(struct rd *r, size_t n)
{
	static const uint8_t none[1];
	const uint8_t *p = r->p;

	if (r->err != ZK_OK || n > r->left) {
		rd_fail(r, ZK_EFORMAT);
		return NULL;
	}
	if (n == 0)
		return p != NULL ? p : none;
	r->p += n;
	r->left -= n;
	return p;
}

void
rd_copy(struct rd *r, void *out, size_t n)
{
	const uint8_t *p = rd_bytes(r, n);

	if (p == NULL)
		memset(out, 0, n);
	else if (n > 0)
		memcpy(out, p, n);
}

/* n bytes, little endian. */
static uint64_t
get_le(struct rd *r, size_t n)
{
	const uint8_t *p = rd_bytes(r, n);
	uint64_t v = 0;

	if (p == NULL)
		return 0;
	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

uint8_t
rd_u8(struct rd *r)
{
	return (uint8_t)get_le(r, 1);
}

uint16_t
rd_u16(struct rd *r)
{
	return (uint16_t)get_le(r, 2);
}

uint32_t
rd_u32(struct rd *r)
{
	return (uint32_t)get_le(r, 4);
}

uint64_t
rd_u64(struct rd *r)
{
	return get_le(r, 8);
}

uint64_t
rd_varint(struct rd *r, uint64_t max)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t c = rd_u8(r);

		if (r->err != ZK_OK)
			return 0;
		if (shift == 63 && c > 1)
			break;
		v |= (uint64_t)(c & 0x7f) << shift;
		if ((c & 0x80) != 0)
			continue;
		if ((c == 0 && shift > 0) || v > max)
			break;
		return v;
	}
	rd_fail(r, ZK_EFORMAT);
	return 0;
}

const uint8_t *
rd_lp(struct rd *r, size_t max, size_t *len)
{
	const uint8_t *p = NULL;

	*len = (size_t)rd_varint(r, max);
	p = rd_bytes(r, *len);
	if (p == NULL)
		*len = 0;
	return p;
}

void
rd_sub(struct rd *r, size_t n, struct rd *sub)
{
	const uint8_t *p = rd_bytes(r, n);

	rd_init(sub, p, p == NULL ? 0 : n);
	if (p == NULL)
		rd_fail(sub, r->err);
}

bool
rd_more(const struct rd *r)
{
	return r->err == ZK_OK && r->left > 0;
}

enum zk_err
rd_end(const struct rd *r)
{
	if (r->err != ZK_OK)
		return r->err;
	return r->left == 0 ? ZK_OK : ZK_EFORMAT;
}
