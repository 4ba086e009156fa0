#include "crypto/padme.h"
#include "format/pad.h"
#include "util/buf.h"
#include "util/rd.h"

size_t
pad_len(size_t n)
{
	return (size_t)padme_floor(4 + (uint64_t)n, PAD_FLOOR);
}

enum zk_err
pad_begin(struct buf *out, size_t n)
{
	if (n > UINT32_MAX)
		return ZK_ELIMIT;
	buf_reserve(out, pad_len(n));
	return buf_u32(out, (uint32_t)n);
}

enum zk_err
pad_end(struct buf *out, size_t n)
{
	return buf_zero(out, pad_len(n) - 4 - n);
}

enum zk_err
pad_put(struct buf *out, const void *payload, size_t n)
{
	enum zk_err r = pad_begin(out, n);

	if (r != ZK_OK)
		return r;
	buf_put(out, payload, n);
	return pad_end(out, n);
}

enum zk_err
pad_get(const uint8_t *plain, size_t n, const uint8_t **payload, size_t *len)
{
	uint8_t any = 0;
	struct rd r;

	rd_init(&r, plain, n);
	*len = rd_u32(&r);
	*payload = rd_bytes(&r, *len);
	if (r.err != ZK_OK || pad_len(*len) != n)
		return ZK_EFORMAT;
	while (rd_more(&r))
		any |= rd_u8(&r);
	return any == 0 ? ZK_OK : ZK_EFORMAT;
}
