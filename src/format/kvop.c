#include "format/kvop.h"

#include <string.h>

#include "util/buf.h"
#include "util/rd.h"

uint8_t
kvop_kind(uint8_t type)
{
	switch (type) {
	case OP_KV_SET:
		return KV_REGISTER;
	case OP_KV_ADD:
		return KV_SET;
	case OP_KV_TOTAL:
		return KV_COUNTER;
	case OP_KV_PUSH:
		return KV_LIST;
	default:
		return 0;
	}
}

bool
kvop_is(uint8_t type)
{
	return type == OP_KV_REMOVE || kvop_kind(type) != 0;
}

/* Whether a key may be: its kind is one, its name is there, no NUL in it. */
static bool
key_good(const struct kv_key *k)
{
	if (k->kind < KV_REGISTER || k->kind > KV_LIST)
		return false;
	if (k->name_len < 1 || k->name_len > KV_NAME_MAX ||
	    k->ns_len > KV_NAME_MAX)
		return false;
	return memchr(k->name, 0, k->name_len) == NULL &&
	    (k->ns_len == 0 || memchr(k->ns, 0, k->ns_len) == NULL);
}

static bool
total_good(int64_t total)
{
	return total >= -KV_TOTAL_MAX && total <= KV_TOTAL_MAX;
}

enum zk_err
kvop_encode(const struct kv_op *v, struct buf *out)
{
	uint64_t u = (uint64_t)v->total;

	if (!key_good(&v->key))
		return ZK_EREFUSED;
	if (v->value_len > KV_VALUE_MAX || !total_good(v->total))
		return ZK_ELIMIT;
	if (v->type == OP_KV_REMOVE)
		buf_u8(out, v->key.kind);
	buf_lp(out, v->key.ns, v->key.ns_len);
	buf_lp(out, v->key.name, v->key.name_len);
	if (v->type == OP_KV_TOTAL)
		buf_varint(out, u << 1 ^ (v->total < 0 ? UINT64_MAX : 0));
	else if (v->type != OP_KV_REMOVE)
		buf_lp(out, v->value, v->value_len);
	return buf_err(out);
}

enum zk_err
kvop_decode(const struct op *op, struct kv_op *out)
{
	struct rd r;
	uint64_t u = 0;
	enum zk_err e;

	memset(out, 0, sizeof(*out));
	out->type = op->type;
	out->id = op->id;
	out->covers = op->content_refs;
	out->covers_n = op->content_refs_n;
	if (op->type == OP_KV_PUSH)
		out->after = op->node;
	memcpy(out->device, op->device, sizeof(out->device));
	out->wall_ms = op->wall_ms;
	rd_init(&r, op->body, op->body_len);
	out->key.kind = op->type == OP_KV_REMOVE ? rd_u8(&r) :
	    kvop_kind(op->type);
	out->key.ns = rd_lp(&r, KV_NAME_MAX, &out->key.ns_len);
	out->key.name = rd_lp(&r, KV_NAME_MAX, &out->key.name_len);
	if (op->type == OP_KV_TOTAL)
		u = rd_varint(&r, UINT64_MAX);
	else if (op->type != OP_KV_REMOVE)
		out->value = rd_lp(&r, KV_VALUE_MAX, &out->value_len);
	e = rd_end(&r);
	if (e != ZK_OK)
		return e;
	out->total = (int64_t)(u >> 1 ^ (0 - (u & 1)));
	return key_good(&out->key) && total_good(out->total) ? ZK_OK :
	    ZK_EREFUSED;
}
