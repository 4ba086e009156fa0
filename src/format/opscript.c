/* Edit scripts inside of ops.  See opscript.h. */
#include "format/opscript.h"

#include "format/compress.h"
#include "format/op.h"
#include "util/buf.h"
#include "util/rd.h"

enum zk_err
opscript_pack(struct compress *z, const uint8_t *p, size_t n,
    struct buf *out)
{
	size_t from = out->len;
	enum zk_err r = ZK_OK;

	if (n > OPSCRIPT_PLAIN_MAX)
		return ZK_ELIMIT;
	(void)buf_varint(out, n);
	r = compress_pack(z, p, n, out);
	if (r == ZK_OK && out->len - from > OP_SCRIPT_MAX)
		r = ZK_ELIMIT;
	return r;
}

enum zk_err
opscript_unpack(struct compress *z, const uint8_t *in, size_t n,
    struct buf *out)
{
	struct rd rd;
	uint64_t plain = 0;
	enum zk_err r = ZK_OK;

	rd_init(&rd, in, n);
	plain = rd_varint(&rd, OPSCRIPT_PLAIN_MAX);
	if (rd.err != ZK_OK)
		return ZK_EFORMAT;
	r = compress_unpack(z, rd.p, rd.left, plain, out);
	/* a codec that nobody has yet is no script of ours either */
	return r == ZK_EVERSION ? ZK_EFORMAT : r;
}
