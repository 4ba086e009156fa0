#include "format/msgop.h"

#include <string.h>

#include "util/buf.h"
#include "util/rd.h"

bool
msgop_is(uint8_t type)
{
	return type == OP_MSG || type == OP_CHANNEL;
}

static bool
text_good(const uint8_t *p, size_t n, size_t max)
{
	return n <= max && (n == 0 || memchr(p, 0, n) == NULL);
}

static bool
good(const struct msg_op *m)
{
	return text_good(m->channel, m->channel_len, MSG_CHANNEL_MAX) &&
	    text_good(m->label, m->label_len, MSG_LABEL_MAX) &&
	    m->expiry <= MSG_EXPIRY_MAX;
}

enum zk_err
msgop_encode(const struct msg_op *m, struct buf *out)
{
	if (!good(m))
		return ZK_EREFUSED;
	buf_lp(out, m->channel, m->channel_len);
	if (m->type == OP_MSG)
		buf_lp(out, m->label, m->label_len);
	else
		buf_varint(out, m->expiry);
	return buf_err(out);
}

enum zk_err
msgop_decode(const struct op *op, struct msg_op *out)
{
	struct rd r;
	enum zk_err e;

	memset(out, 0, sizeof(*out));
	out->type = op->type;
	rd_init(&r, op->body, op->body_len);
	out->channel = rd_lp(&r, MSG_CHANNEL_MAX, &out->channel_len);
	if (op->type == OP_MSG)
		out->label = rd_lp(&r, MSG_LABEL_MAX, &out->label_len);
	else
		out->expiry = rd_varint(&r, UINT64_MAX);
	e = rd_end(&r);
	if (e != ZK_OK)
		return e;
	return good(out) && op->content.merge == MERGE_COPY ? ZK_OK :
	    ZK_EREFUSED;
}
