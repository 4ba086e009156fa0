#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/labels.h"
#include "format/ext.h"
#include "format/op.h"
#include "format/opdict.h"
#include "util/buf.h"
#include "util/path.h"
#include "util/rd.h"

/* The flags byte; the kind stands in its high half. */
#define FLAG_MODE 0x01
#define FLAG_MTIME 0x02
#define FLAG_CONTENT 0x04
#define FLAG_EXT 0x08
#define FLAG_KIND_SHIFT 4

/* Which fields an op type has. */
#define HAS_NODE 0x001
#define HAS_PLACE 0x002		/* parent and name */
#define HAS_PLACE_REFS 0x004
#define HAS_CONTENT_REFS 0x008
#define HAS_ATTR_REFS 0x010
#define MAY_ATTR 0x020		/* mode, mtime */
#define MAY_CONTENT 0x040
#define HAS_KIND 0x080
#define HAS_BODY 0x100

static unsigned
op_shape(uint8_t type)
{
	switch (type) {
	case OP_CREATE:
		return HAS_PLACE | MAY_ATTR | MAY_CONTENT | HAS_KIND;
	case OP_MOVE:
		return HAS_NODE | HAS_PLACE | HAS_PLACE_REFS;
	case OP_EDIT:
		return HAS_NODE | HAS_CONTENT_REFS | HAS_ATTR_REFS |
		    MAY_ATTR | MAY_CONTENT;
	case OP_ATTR:
		return HAS_NODE | HAS_ATTR_REFS | MAY_ATTR;
	case OP_REMOVE:
	case OP_KEEP:
		return HAS_NODE | HAS_PLACE_REFS | HAS_CONTENT_REFS |
		    HAS_ATTR_REFS;
	case OP_DROP:
		return HAS_NODE | HAS_CONTENT_REFS;
	case OP_SPLIT:
		return HAS_NODE | HAS_PLACE | HAS_CONTENT_REFS | MAY_ATTR |
		    HAS_KIND;
	case OP_LOG:
	case OP_NAME:
	case OP_ALIAS:
	case OP_FORK:
	case OP_SETTING:
	case OP_CONDEMN:
	case OP_KV_TOTAL:
		return HAS_BODY;
	case OP_KV_SET:
	case OP_KV_ADD:
	case OP_KV_REMOVE:
		return HAS_CONTENT_REFS | HAS_BODY;
	case OP_KV_PUSH:
		return HAS_NODE | HAS_BODY;
	case OP_MSG:
	case OP_CHECKPOINT:
		return MAY_CONTENT | HAS_BODY;
	case OP_CHANNEL:
		return HAS_BODY;
	default:
		return 0;	/* unknown */
	}
}

/*
 * The first byte.  A reader that does not know trees is to stop at one, and
 * not to take it for an op that is void.
 */
static uint8_t
op_type_byte(const struct op *op)
{
	return op->type == OP_CREATE && op->kind == NODE_TREE ?
	    OP_CREATE_TREE : op->type;
}

static uint64_t
op_zigzag(int64_t v)
{
	return (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
}

static int64_t
op_unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

size_t
op_bound(const struct op *op)
{
	size_t refs = 2 + op->place_refs_n + op->content_refs_n +
	    op->attr_refs_n;

	/* 160: all numbers and lengths at their longest */
	return 160 + refs * (OPID_LEN + 1) + op->name_len +
	    op->content.data_len + op->content.script_len + op->body_len +
	    op->ext_len;
}

/* Encoding --------------------------------------------------------------- */

static void
op_put_id(struct opdict *d, const struct opid *id, struct op_ids *ids,
    struct buf *out)
{
	enum zk_err r;

	if (ids->n == OP_IDS_MAX) {
		out->err = ZK_ELIMIT;
		return;
	}
	ids->id[ids->n++] = *id;
	r = opdict_put(d, id, out);
	if (r != ZK_OK && out->err == ZK_OK)
		out->err = r;
}

static int
op_cmp_id(const void *a, const void *b)
{
	return opid_cmp(a, b);
}

/* A sorted list without doubles: its number, then the references. */
static void
op_put_refs(struct opdict *d, const struct opid *refs, size_t n,
    struct op_ids *ids, struct buf *out)
{
	struct opid sorted[OP_REFS_MAX];
	size_t m = 0;

	if (n > OP_REFS_MAX) {
		out->err = ZK_ELIMIT;
		return;
	}
	if (n > 0) {
		memcpy(sorted, refs, n * sizeof(*refs));
		qsort(sorted, n, sizeof(*sorted), op_cmp_id);
	}
	for (size_t i = 0; i < n; i++)
		if (m == 0 || opid_cmp(&sorted[m - 1], &sorted[i]) != 0)
			sorted[m++] = sorted[i];
	buf_varint(out, m);
	for (size_t i = 0; i < m; i++)
		op_put_id(d, &sorted[i], ids, out);
}

static void
op_put_content(const struct content *c, struct buf *out)
{
	buf_u8(out, (uint8_t)(c->form | c->merge << 2));
	buf_varint(out, c->size);
	buf_put(out, c->hash, CONTENT_HASH_LEN);
	if (c->form == CONTENT_GONE) {
		buf_put(out, c->data, c->data_len);
		return;
	}
	buf_lp(out, c->data, c->data_len);
	if (c->merge != MERGE_COPY)
		buf_lp(out, c->script, c->script_len);
}

enum zk_err
op_put_gone(const struct content *c, const struct opid *id, struct buf *out)
{
	struct content gone = { .form = CONTENT_GONE, .size = c->size,
		.data = id->b + OPID_HASH_AT, .data_len = OPID_HASH_LEN };

	memcpy(gone.hash, c->hash, sizeof(gone.hash));
	op_put_content(&gone, out);
	return buf_err(out);
}

static void
op_put_places(struct opdict *d, const struct op *op, unsigned shape,
    struct op_ids *ids, struct buf *out)
{
	if (shape & HAS_NODE)
		op_put_id(d, &op->node, ids, out);
	if (shape & HAS_PLACE) {
		op_put_id(d, &op->parent, ids, out);
		buf_lp(out, op->name, op->name_len);
	}
	if (shape & HAS_PLACE_REFS)
		op_put_refs(d, op->place_refs, op->place_refs_n, ids, out);
	if (shape & HAS_CONTENT_REFS)
		op_put_refs(d, op->content_refs, op->content_refs_n, ids,
		    out);
	if (shape & HAS_ATTR_REFS)
		op_put_refs(d, op->attr_refs, op->attr_refs_n, ids, out);
}

static uint8_t
op_flags(const struct op *op, unsigned shape)
{
	unsigned f = 0;

	if (shape & HAS_KIND)
		f |= (unsigned)op->kind << FLAG_KIND_SHIFT;
	if (op->has_mode && shape & MAY_ATTR)
		f |= FLAG_MODE;
	if (op->has_mtime && shape & MAY_ATTR)
		f |= FLAG_MTIME;
	if (op->content.form != CONTENT_NONE && shape & MAY_CONTENT)
		f |= FLAG_CONTENT;
	if (op->ext_len > 0)
		f |= FLAG_EXT;
	return (uint8_t)f;
}

enum zk_err
op_encode_raw(struct opdict *d, const struct op *op, struct op_ids *ids,
    struct buf *out)
{
	unsigned shape = op_shape(op->type);
	uint8_t flags = op_flags(op, shape);
	uint64_t step = (uint64_t)op->wall_ms - (uint64_t)opdict_wall(d);

	ids->n = 0;
	buf_u8(out, op_type_byte(op));
	buf_u8(out, flags);
	buf_varint(out, op_zigzag((int64_t)step));
	op_put_places(d, op, shape, ids, out);
	if (flags & FLAG_MODE)
		buf_varint(out, op->mode);
	if (flags & FLAG_MTIME) {
		buf_varint(out, op_zigzag(op->mtime_sec));
		buf_u32(out, op->mtime_nsec);
	}
	if (flags & FLAG_CONTENT)
		op_put_content(&op->content, out);
	if (shape & HAS_BODY)
		buf_lp(out, op->body, op->body_len);
	if (flags & FLAG_EXT)
		buf_lp(out, op->ext, op->ext_len);
	opdict_set_wall(d, op->wall_ms);
	return buf_err(out);
}

/* Decoding --------------------------------------------------------------- */

static void
op_get_id(struct opdict *d, struct rd *r, struct op_ids *ids,
    struct opid *id)
{
	opdict_get(d, r, id);
	ids->id[ids->n++] = *id;
}

static void
op_get_refs(struct opdict *d, struct rd *r, struct op_ids *ids,
    const struct opid **refs, size_t *n)
{
	size_t first = ids->n;

	*n = (size_t)rd_varint(r, OP_REFS_MAX);
	*refs = ids->id + first;
	for (size_t i = 0; i < *n && r->err == ZK_OK; i++) {
		struct opid id;

		op_get_id(d, r, ids, &id);
		if (i > 0 && opid_cmp(&ids->id[first + i - 1], &id) >= 0)
			rd_fail(r, ZK_EFORMAT);
	}
}

static void
op_get_content(const struct opdict *d, struct rd *r, struct content *c)
{
	const uint8_t *at = r->p;
	uint8_t b = rd_u8(r);

	c->form = b & 3;
	c->merge = b >> 2 & 3;
	if (b >> 4 != 0 || c->form == CONTENT_NONE)
		rd_fail(r, ZK_EFORMAT);
	if (c->form == CONTENT_GONE && (!opdict_is_thin(d) ||
	    c->merge != MERGE_COPY))
		rd_fail(r, ZK_EFORMAT);
	c->size = rd_varint(r, UINT64_MAX);
	rd_copy(r, c->hash, CONTENT_HASH_LEN);
	if (c->form == CONTENT_GONE) {
		c->data_len = OPID_HASH_LEN;
		c->data = rd_bytes(r, c->data_len);
	} else {
		c->data = rd_lp(r, OP_DATA_MAX, &c->data_len);
	}
	if (c->merge != MERGE_COPY)
		c->script = rd_lp(r, OP_SCRIPT_MAX, &c->script_len);
	if (r->err == ZK_OK) {
		c->enc = at;
		c->enc_len = (size_t)(r->p - at);
	}
}

static void
op_get_places(struct opdict *d, struct rd *r, unsigned shape,
    struct op_ids *ids, struct op *op)
{
	if (shape & HAS_NODE)
		op_get_id(d, r, ids, &op->node);
	if (shape & HAS_PLACE) {
		op_get_id(d, r, ids, &op->parent);
		op->name = rd_lp(r, OP_NAME_MAX, &op->name_len);
	}
	if (shape & HAS_PLACE_REFS)
		op_get_refs(d, r, ids, &op->place_refs, &op->place_refs_n);
	if (shape & HAS_CONTENT_REFS)
		op_get_refs(d, r, ids, &op->content_refs,
		    &op->content_refs_n);
	if (shape & HAS_ATTR_REFS)
		op_get_refs(d, r, ids, &op->attr_refs, &op->attr_refs_n);
}

/* Flags that this type cannot have make the bytes malformed. */
static bool
op_flags_ok(uint8_t flags, unsigned shape)
{
	if (!(shape & MAY_ATTR) && flags & (FLAG_MODE | FLAG_MTIME))
		return false;
	if (!(shape & MAY_CONTENT) && flags & FLAG_CONTENT)
		return false;
	return shape & HAS_KIND || flags >> FLAG_KIND_SHIFT == 0;
}

static void
op_get_tail(const struct opdict *d, struct rd *r, uint8_t flags,
    unsigned shape, struct op *op)
{
	enum zk_err e;

	if (flags & FLAG_MODE) {
		op->has_mode = true;
		op->mode = (uint16_t)rd_varint(r, UINT16_MAX);
	}
	if (flags & FLAG_MTIME) {
		op->has_mtime = true;
		op->mtime_sec = op_unzigzag(rd_varint(r, UINT64_MAX));
		op->mtime_nsec = rd_u32(r);
	}
	if (flags & FLAG_CONTENT)
		op_get_content(d, r, &op->content);
	if (shape & HAS_BODY)
		op->body = rd_lp(r, OP_BODY_MAX, &op->body_len);
	if (flags & FLAG_EXT) {
		op->ext = rd_lp(r, OP_EXT_MAX, &op->ext_len);
		e = r->err == ZK_OK ? ext_check(op->ext, op->ext_len) : ZK_OK;
		if (e != ZK_OK)
			rd_fail(r, e);
	}
}

enum zk_err
op_decode(struct opdict *d, const uint8_t *p, size_t n, struct op_ids *ids,
    struct op *op)
{
	struct rd r;
	unsigned shape;
	uint8_t first, flags;
	int64_t step;

	memset(op, 0, sizeof(*op));
	ids->n = 0;
	rd_init(&r, p, n);
	first = rd_u8(&r);
	op->type = first == OP_CREATE_TREE ? OP_CREATE : first;
	shape = op_shape(op->type);
	if (r.err != ZK_OK)
		return ZK_EFORMAT;
	if (shape == 0)
		return ZK_EVERSION;
	flags = rd_u8(&r);
	if (!op_flags_ok(flags, shape))
		return ZK_EFORMAT;
	op->kind = flags >> FLAG_KIND_SHIFT;
	/* one kind of bytes for each op */
	if (op_type_byte(op) != first)
		return ZK_EFORMAT;
	step = op_unzigzag(rd_varint(&r, UINT64_MAX));
	op->wall_ms = (int64_t)((uint64_t)opdict_wall(d) + (uint64_t)step);
	op_get_places(d, &r, shape, ids, op);
	op_get_tail(d, &r, flags, shape, op);
	opdict_set_wall(d, op->wall_ms);
	return rd_end(&r);
}

/* Judging ---------------------------------------------------------------- */

static bool
op_content_ok(const struct op *op)
{
	const struct content *c = &op->content;

	if (c->merge > MERGE_JSON || c->size > OP_FILE_MAX)
		return false;
	/* what begins a file came of nothing */
	if (c->merge != MERGE_COPY && op->type != OP_EDIT)
		return false;
	if (c->form == CONTENT_INLINE && c->size > OP_DATA_MAX * 64)
		return false;
	if (op->kind == NODE_SYMLINK)
		return c->form != CONTENT_MANIFEST && c->size > 0 &&
		    c->size < OP_LINK_MAX;
	return true;
}

/* Whether content is there exactly if this op must or may have it. */
static bool
op_content_placed(const struct op *op)
{
	bool there = op->content.form != CONTENT_NONE;

	if (op->type == OP_CREATE)
		return there == (op->kind != NODE_DIR);
	return there == op_has_content(op->type);
}

static bool
op_good(const struct op *op)
{
	unsigned shape = op_shape(op->type);

	if (shape & HAS_KIND && (op->kind < NODE_FILE ||
	    op->kind > NODE_TREE))
		return false;
	if (shape & HAS_PLACE && !path_name_ok(op->name, op->name_len))
		return false;
	if (op->type == OP_ATTR && !op->has_mode && !op->has_mtime)
		return false;
	if (op->type == OP_SPLIT && op->content_refs_n != 1)
		return false;
	if ((op->type == OP_DROP || op->type == OP_KV_REMOVE) &&
	    op->content_refs_n == 0)
		return false;
	if (!op_content_placed(op))
		return false;
	return op->content.form == CONTENT_NONE || op_content_ok(op);
}

enum zk_err
op_clean(struct op *op)
{
	op->mode &= 0777;
	if (op->mtime_sec < OP_MTIME_MIN)
		op->mtime_sec = OP_MTIME_MIN;
	if (op->mtime_sec > OP_MTIME_MAX)
		op->mtime_sec = OP_MTIME_MAX;
	if (op->mtime_nsec > 999999999)
		op->mtime_nsec = 999999999;
	return op_good(op) ? ZK_OK : ZK_EREFUSED;
}

/* Limits of the encoding, which decoding refuses as malformed. */
static bool
op_fits(const struct op *op)
{
	if (op_shape(op->type) == 0 || op->content.form > CONTENT_MANIFEST)
		return false;
	if (op->place_refs_n > OP_REFS_MAX ||
	    op->content_refs_n > OP_REFS_MAX || op->attr_refs_n > OP_REFS_MAX)
		return false;
	return op->content.data_len <= OP_DATA_MAX &&
	    op->content.script_len <= OP_SCRIPT_MAX &&
	    op->body_len <= OP_BODY_MAX && op->ext_len <= OP_EXT_MAX;
}

enum zk_err
op_encode(struct opdict *d, const struct op *op, struct op_ids *ids,
    struct buf *out)
{
	struct op own = *op;

	ids->n = 0;
	if (!op_fits(op) || op_clean(&own) != ZK_OK)
		return ZK_EREFUSED;
	return op_encode_raw(d, &own, ids, out);
}

void
op_bare_id(const uint8_t log[static 32], uint64_t lamport, struct opid *out)
{
	memset(out, 0, sizeof(*out));
	for (int i = 0; i < 6; i++)
		out->b[i] = (uint8_t)(lamport >> (8 * (5 - i)));
	memcpy(out->b + 6, log, 6);
}

void
op_make_id(const uint8_t log[static 32], uint64_t lamport, const uint8_t *p,
    size_t n, const struct op_ids *ids, struct opid *out)
{
	uint8_t head[12], sum[HASH_LEN];
	struct hash h;

	for (int i = 0; i < 8; i++)
		head[i] = (uint8_t)(lamport >> (8 * i));
	for (int i = 0; i < 4; i++)
		head[8 + i] = (uint8_t)(n >> (8 * i));
	hash_init(&h, LABEL_HASH_OP);
	hash_update(&h, log, 32);
	hash_update(&h, head, sizeof(head));
	hash_update(&h, p, n);
	hash_update(&h, ids->id, ids->n * sizeof(*ids->id));
	hash_final(&h, sum);
	op_bare_id(log, lamport, out);
	memcpy(out->b + OPID_HASH_AT, sum, OPID_HASH_LEN);
}
