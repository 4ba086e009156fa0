/* A run of ops, each with a length: what decodes must encode to itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "format/kvop.h"
#include "format/msgop.h"
#include "format/op.h"
#include "util/buf.h"
#include "util/rd.h"

static const uint8_t log_id[32] = "log";

/* A value op that is good says just what its body does. */
static void
value(const struct op *op)
{
	struct kv_op v;
	struct buf b;

	if (kvop_decode(op, &v) != ZK_OK)
		return;
	if (v.key.name_len < 1 || v.key.name_len > KV_NAME_MAX ||
	    v.value_len > KV_VALUE_MAX)
		abort();
	buf_init(&b, KVOP_BODY_MAX);
	if (kvop_encode(&v, &b) != ZK_OK || b.len != op->body_len ||
	    memcmp(b.data, op->body, b.len) != 0)
		abort();
	buf_release(&b);
}

/* The same of a channel op. */
static void
message(const struct op *op)
{
	struct msg_op m;
	struct buf b;

	if (msgop_decode(op, &m) != ZK_OK)
		return;
	if (m.channel_len > MSG_CHANNEL_MAX || m.label_len > MSG_LABEL_MAX ||
	    m.expiry > MSG_EXPIRY_MAX)
		abort();
	buf_init(&b, MSGOP_BODY_MAX);
	if (msgop_encode(&m, &b) != ZK_OK || b.len != op->body_len ||
	    memcmp(b.data, op->body, b.len) != 0)
		abort();
	buf_release(&b);
}

/* One op through both dictionaries. */
static int
one(struct opdict *in, struct opdict *out, uint64_t lamport,
    const uint8_t *p, size_t n)
{
	static struct op_ids ids, again;
	struct opid id;
	struct op op;
	struct buf b;

	if (op_decode(in, p, n, &ids, &op) != ZK_OK)
		return 0;
	buf_init(&b, 1 << 23);
	if (op_encode_raw(out, &op, &again, &b) != ZK_OK)
		abort();
	/* only an id spelled out twice may come out shorter */
	if ((b.len != n || memcmp(b.data, p, n) != 0) &&
	    opdict_check(in) == ZK_OK)
		abort();
	if (ids.n != again.n ||
	    memcmp(ids.id, again.id, ids.n * sizeof(ids.id[0])) != 0)
		abort();
	op_make_id(log_id, lamport, p, n, &ids, &id);
	if (opid_lamport(&id) != lamport)
		abort();
	if (op_clean(&op) == ZK_OK && op.mode > 0777)
		abort();
	if (kvop_is(op.type))
		value(&op);
	if (msgop_is(op.type))
		message(&op);
	buf_release(&b);
	return opdict_own(in, &id) == ZK_OK && opdict_own(out, &id) == ZK_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct opdict *in = NULL, *out = NULL;
	uint64_t lamport = 9;
	struct rd r;
	int more = 1;

	if (opdict_new(log_id, lamport, 0, &in) != ZK_OK ||
	    opdict_new(log_id, lamport, 0, &out) != ZK_OK)
		abort();
	rd_init(&r, p, n);
	while (more && rd_more(&r)) {
		size_t len;
		const uint8_t *op = rd_lp(&r, n, &len);

		more = op != NULL && one(in, out, lamport++, op, len);
	}
	opdict_free(in);
	opdict_free(out);
	return 0;
}
