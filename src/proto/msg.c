#include <string.h>

#include "proto/msg.h"
#include "util/buf.h"
#include "util/rd.h"

#define VERSION 1
#define CREATE_RECOVERY 1u	/* flag: a recovery key follows */

enum zk_err
msg_append_head(struct buf *out, uint32_t count)
{
	return buf_u32(out, count);
}

enum zk_err
msg_append_seg(struct buf *out, const void *seg, size_t len)
{
	if (len == 0 || len > MSG_OBJ_MAX)
		return ZK_ELIMIT;
	buf_u32(out, (uint32_t)len);
	return buf_put(out, seg, len);
}

enum zk_err
msg_results_put(struct buf *out, const uint8_t *res, size_t n)
{
	buf_u32(out, (uint32_t)n);
	return buf_put(out, res, n);
}

enum zk_err
msg_results_get(const void *in, size_t in_len, uint8_t *res, size_t n)
{
	struct rd r;

	rd_init(&r, in, in_len);
	if (rd_u32(&r) != n)
		rd_fail(&r, ZK_EFORMAT);
	rd_copy(&r, res, n);
	for (size_t i = 0; i < n; i++)
		if (res[i] > MSG_SEG_GAP)
			rd_fail(&r, ZK_EFORMAT);
	return rd_end(&r);
}

enum zk_err
msg_page_head(struct buf *out, const struct msg_page *p)
{
	buf_u8(out, p->more ? 1 : 0);
	buf_u8(out, (uint8_t)p->mark_len);
	buf_put(out, p->mark, p->mark_len);
	return buf_u32(out, p->count);
}

enum zk_err
msg_page_start(struct rd *r, struct msg_page *out)
{
	uint8_t more = rd_u8(r);

	memset(out, 0, sizeof(*out));
	if (more > 1)
		rd_fail(r, ZK_EFORMAT);
	out->more = more == 1;
	out->mark_len = rd_u8(r);
	if (out->mark_len > TARGET_MARK_MAX)
		rd_fail(r, ZK_EFORMAT);
	out->mark = rd_bytes(r, out->mark_len);
	out->count = rd_u32(r);
	return r->err;
}

enum zk_err
msg_page_seg(struct rd *r, const uint8_t **seg, size_t *len)
{
	uint32_t n = rd_u32(r);

	*seg = NULL;
	*len = 0;
	if (n == 0 || n > MSG_OBJ_MAX)
		rd_fail(r, ZK_EFORMAT);
	if (r->err != ZK_OK)
		return r->err;
	*seg = rd_bytes(r, n);
	if (*seg != NULL)
		*len = n;
	return r->err;
}

enum zk_err
msg_head_put(struct buf *out, const struct msg_head *h)
{
	buf_u64(out, h->seq);
	return buf_put(out, h->hash, MSG_NAME_LEN);
}

enum zk_err
msg_head_get(const void *in, size_t in_len, struct msg_head *out)
{
	struct rd r;

	rd_init(&r, in, in_len);
	out->seq = rd_u64(&r);
	rd_copy(&r, out->hash, MSG_NAME_LEN);
	if (out->seq == 0)
		rd_fail(&r, ZK_EFORMAT);
	return rd_end(&r);
}

static void
put_authority(struct buf *out, int64_t time, const char *s, size_t n)
{
	buf_u64(out, (uint64_t)time);
	buf_u16(out, (uint16_t)n);
	buf_put(out, s, n);
}

static const char *
get_authority(struct rd *r, int64_t *time, size_t *n)
{
	*time = (int64_t)rd_u64(r);
	*n = rd_u16(r);
	return (const char *)rd_bytes(r, *n);
}

enum zk_err
msg_create_put(struct buf *out, const struct msg_create *m)
{
	buf_u8(out, VERSION);
	buf_u8(out, m->has_recovery ? CREATE_RECOVERY : 0);
	buf_put(out, m->space, MSG_PK_LEN);
	buf_put(out, m->request, MSG_PK_LEN);
	if (m->has_recovery)
		buf_put(out, m->recovery, MSG_PK_LEN);
	put_authority(out, m->time, m->authority, m->authority_len);
	return buf_err(out);
}

enum zk_err
msg_create_get(const void *in, size_t in_len, struct msg_create *out,
    size_t *signed_len, const uint8_t **sig)
{
	struct rd r;
	uint8_t flags;

	memset(out, 0, sizeof(*out));
	rd_init(&r, in, in_len);
	if (rd_u8(&r) != VERSION)
		rd_fail(&r, ZK_EVERSION);
	flags = rd_u8(&r);
	if ((flags & ~CREATE_RECOVERY) != 0)
		rd_fail(&r, ZK_EVERSION);
	rd_copy(&r, out->space, MSG_PK_LEN);
	rd_copy(&r, out->request, MSG_PK_LEN);
	out->has_recovery = (flags & CREATE_RECOVERY) != 0;
	if (out->has_recovery)
		rd_copy(&r, out->recovery, MSG_PK_LEN);
	out->authority = get_authority(&r, &out->time, &out->authority_len);
	*signed_len = in_len - r.left;
	*sig = rd_bytes(&r, MSG_SIG_LEN);
	return rd_end(&r);
}

enum zk_err
msg_keys_put(struct buf *out, const struct msg_keys *m)
{
	buf_u8(out, VERSION);
	buf_u8(out, (uint8_t)m->n_active);
	buf_put(out, m->active, m->n_active * MSG_PK_LEN);
	buf_u8(out, (uint8_t)m->n_retired);
	buf_put(out, m->retired, m->n_retired * MSG_PK_LEN);
	put_authority(out, m->time, m->authority, m->authority_len);
	return buf_err(out);
}

static const uint8_t *
get_keys(struct rd *r, size_t *n)
{
	*n = rd_u8(r);
	if (*n > MSG_KEYS_MAX)
		rd_fail(r, ZK_EFORMAT);
	return rd_bytes(r, *n * MSG_PK_LEN);
}

enum zk_err
msg_keys_get(const void *in, size_t in_len, struct msg_keys *out,
    size_t *signed_len, const uint8_t **sig)
{
	struct rd r;

	memset(out, 0, sizeof(*out));
	rd_init(&r, in, in_len);
	if (rd_u8(&r) != VERSION)
		rd_fail(&r, ZK_EVERSION);
	out->active = get_keys(&r, &out->n_active);
	out->retired = get_keys(&r, &out->n_retired);
	out->authority = get_authority(&r, &out->time, &out->authority_len);
	*signed_len = in_len - r.left;
	*sig = rd_bytes(&r, MSG_SIG_LEN);
	return rd_end(&r);
}

enum zk_err
msg_plate_put(struct buf *out, uint32_t plate)
{
	return buf_u32(out, plate);
}

enum zk_err
msg_plate_get(const void *in, size_t in_len, uint32_t *plate)
{
	struct rd r;

	rd_init(&r, in, in_len);
	*plate = rd_u32(&r);
	if (*plate == 0 || *plate > TARGET_PLATE_MAX)
		rd_fail(&r, ZK_EFORMAT);
	return rd_end(&r);
}
