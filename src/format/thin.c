/* Thin segments.  See thin.h. */
#include "format/thin.h"

#include <stdlib.h>
#include <string.h>

#include "format/opdict.h"
#include "format/seg_int.h"
#include "util/buf.h"

#define FORMAT 1

_Static_assert(SEG_HELD_MAX >= SEGHDR_STORED_MAX, "either is held");

static const uint8_t magic[3] = { 'z', 'k', 'T' };

bool
thin_is(const void *stored, size_t n)
{
	return n >= sizeof(magic) &&
	    memcmp(stored, magic, sizeof(magic)) == 0;
}

static void
put_head(const struct seg *s, struct buf *out)
{
	buf_put(out, magic, sizeof(magic));
	buf_u8(out, FORMAT);
	buf_put(out, s->head, sizeof(s->head));
	buf_put(out, s->body, sizeof(s->body));
	buf_put(out, s->sig, sizeof(s->sig));
	buf_put(out, s->epoch_id, sizeof(s->epoch_id));
	buf_put(out, s->payload, s->head_len);
}

/* An op of n bytes at p without its content, which lies within them. */
static enum zk_err
put_without(const struct op *op, const struct opid *id, const uint8_t *p,
    size_t n, struct buf *part, struct buf *out)
{
	const struct content *c = &op->content;
	size_t before = (size_t)(c->enc - p);
	enum zk_err r = ZK_EBUG;

	buf_reset(part);
	buf_put(part, p, before);
	r = op_put_gone(c, id, part);
	buf_put(part, c->enc + c->enc_len, n - before - c->enc_len);
	if (r == ZK_OK)
		r = buf_err(part);
	return r == ZK_OK ? buf_lp(out, part->data, part->len) : r;
}

enum zk_err
thin_make(struct seg *s,
    enum zk_err (*gone)(void *arg, const struct op *op, bool *yes),
    void *arg, struct buf *out)
{
	struct buf part;
	enum zk_err r = ZK_OK;

	buf_init(&part, SEG_PLAIN_MAX);
	put_head(s, out);
	seg_rewind(s);
	for (size_t i = 0; r == ZK_OK && i < s->count; i++) {
		const uint8_t *p = NULL;
		struct op op;
		size_t n = 0;
		bool goes = false;

		r = seg_decode(s, &op, &p, &n);
		if (r == ZK_OK)
			r = opdict_own(s->dict, &s->ids[i]);
		op.id = s->ids[i];
		if (op.type == OP_CREATE)
			op.node = op.id;
		if (r == ZK_OK && op.content.form != CONTENT_NONE &&
		    op.content.form != CONTENT_GONE)
			r = gone(arg, &op, &goes);
		if (r != ZK_OK)
			break;
		r = goes ? put_without(&op, &s->ids[i], p, n, &part, out) :
		    buf_lp(out, p, n);
	}
	buf_release(&part);
	seg_rewind(s);
	return r == ZK_OK ? buf_err(out) : r;
}

enum zk_err
thin_open(const void *stored, size_t n, const uint8_t *device, bool whole,
    struct seg **out)
{
	struct seg *s = calloc(1, sizeof(*s));
	struct rd rd;
	enum zk_err r = ZK_OK;

	*out = NULL;
	if (s == NULL)
		return ZK_ENOMEM;
	rd_init(&rd, stored, n);
	if (!thin_is(stored, n))
		rd_fail(&rd, ZK_EFORMAT);
	(void)rd_bytes(&rd, sizeof(magic));
	if (rd_u8(&rd) != FORMAT)
		rd_fail(&rd, ZK_EVERSION);
	rd_copy(&rd, s->head, sizeof(s->head));
	rd_copy(&rd, s->body, sizeof(s->body));
	rd_copy(&rd, s->sig, sizeof(s->sig));
	rd_copy(&rd, s->epoch_id, sizeof(s->epoch_id));
	if (rd.err == ZK_OK && (rd.left > THIN_PLAIN_MAX || rd.left == 0))
		rd_fail(&rd, ZK_EFORMAT);
	r = rd.err;
	if (r == ZK_OK)
		r = seghdr_decode_head(s->head, sizeof(s->head), &s->hdr);
	if (r != ZK_OK)
		goto out;
	seghdr_log_id(s->hdr.pk, s->log);
	seghdr_hash_of(s->head, s->body, s->hash);
	s->plain_len = rd.left;
	s->plain = malloc(s->plain_len);
	if (s->plain == NULL) {
		r = ZK_ENOMEM;
		goto out;
	}
	memcpy(s->plain, rd.p, rd.left);
	r = seg_parse(s, s->plain, s->plain_len, true, whole);
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
thin_signed(const void *stored, size_t n, struct seg_signed *out)
{
	const uint8_t *p = stored;

	memset(out, 0, sizeof(*out));
	if (!thin_is(stored, n) || n < THIN_HEAD_LEN)
		return ZK_EFORMAT;
	out->header = p + sizeof(magic) + 1;
	out->header_len = SEGHDR_LEN;
	memcpy(out->body, out->header + SEGHDR_LEN, sizeof(out->body));
	out->sig = out->header + SEGHDR_LEN + sizeof(out->body);
	return ZK_OK;
}

enum zk_err
thin_check(const void *stored, size_t n)
{
	struct seg_signed s;
	uint8_t hash[SEG_HASH_LEN];
	enum zk_err r = thin_signed(stored, n, &s);

	return r == ZK_OK ? seghdr_check_sig(s.header, s.body, s.sig, hash) :
	    r;
}

enum zk_err
seg_open_held(const void *stored, size_t n,
    const uint8_t vault[static SEG_HASH_LEN], const struct seg_keys *keys,
    struct seg **out)
{
	return thin_is(stored, n) ? thin_open(stored, n, NULL, true, out) :
	    seg_open(stored, n, vault, keys, NULL, out);
}
