#include <string.h>

#include "crypto/cpace.h"
#include "crypto/hash.h"
#include "crypto/kem.h"
#include "sync/pairmsg.h"
#include "sync/pairtalk.h"
#include "util/buf.h"
#include "util/rd.h"

#define MSG_MAGIC "zkP"
#define MSG_MAGIC_LEN 3
#define MSG_FORMAT 1

enum { SIDE_SHOW = 0, SIDE_JOIN = 1 };
enum { KIND_WORDS = 0, KIND_LINK = 1 };

void
pairmsg_head(unsigned side, struct buf *out)
{
	buf_put(out, MSG_MAGIC, MSG_MAGIC_LEN);
	buf_u8(out, MSG_FORMAT);
	buf_u8(out, (uint8_t)side);
}

/* Magic, format, side, which must be writer. */
static enum zk_err
msg_get_head(struct rd *r, unsigned writer)
{
	const uint8_t *magic = rd_bytes(r, MSG_MAGIC_LEN);
	uint8_t format = rd_u8(r), side = rd_u8(r);

	if (r->err != ZK_OK || memcmp(magic, MSG_MAGIC, MSG_MAGIC_LEN) != 0)
		return ZK_EFORMAT;
	if (format != MSG_FORMAT)
		return ZK_EVERSION;
	return side == writer ? ZK_OK : ZK_EUSAGE;
}

enum zk_err
pairmsg_hello(const void *in, size_t n, struct pairmsg *p)
{
	struct rd r;
	enum zk_err e;

	rd_init(&r, in, n);
	e = msg_get_head(&r, SIDE_SHOW);
	if (e != ZK_OK)
		return e;
	p->offered = rd_u8(&r);
	p->sid = rd_bytes(&r, PAIRMSG_SID_LEN);
	p->share[KIND_WORDS] = rd_bytes(&r, CPACE_LEN);
	p->share[KIND_LINK] = rd_bytes(&r, CPACE_LEN);
	p->commit = rd_bytes(&r, HASH_LEN);
	p->seen_show = rd_lp(&r, PAIRTALK_SEEN_MAX, &p->seen_show_n);
	if (p->offered > 1)
		rd_fail(&r, ZK_EFORMAT);
	return rd_end(&r);
}

enum zk_err
pairmsg_answer(const void *in, size_t n, struct pairmsg *p)
{
	struct rd r;
	enum zk_err e;

	rd_init(&r, in, n);
	e = msg_get_head(&r, SIDE_JOIN);
	if (e != ZK_OK)
		return e;
	p->kind = rd_u8(&r);
	p->share_join = rd_bytes(&r, CPACE_LEN);
	p->seen_join = rd_lp(&r, PAIRTALK_SEEN_MAX, &p->seen_join_n);
	p->kem = (unsigned)rd_varint(&r, 255);
	p->kem_pk = rd_lp(&r, KEM_PK_MAX, &p->kem_pk_n);
	p->signed_n = n - r.left;
	p->tag = rd_bytes(&r, CPACE_TAG_LEN);
	if (p->kind >= PAIRMSG_KINDS ||
	    (p->kind == KIND_WORDS && p->offered == 0))
		rd_fail(&r, ZK_EFORMAT);
	if (r.err == ZK_OK && kem_pk_len(p->kem) == 0)
		rd_fail(&r, ZK_EVERSION);
	if (r.err == ZK_OK && kem_pk_len(p->kem) != p->kem_pk_n)
		rd_fail(&r, ZK_EFORMAT);
	return rd_end(&r);
}
