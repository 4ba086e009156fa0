#include "crdt/seen.h"

#include <stdlib.h>
#include <string.h>

#include "util/rd.h"

/*
 * Bytes: varint count of nodes; each: 32 bytes id, one byte kind (2 bits, or
 * TREE alone) and copy (4), varint count of refs; each: one byte what, with
 * SAME where the ref is the node's own id, else 32 bytes behind it.
 */
#define HEAD_COPY 0x04
#define HEAD_KIND 0x03
#define HEAD_TREE 0x08		/* NODE_TREE: the two bits of kind are 0 */
#define REF_WHAT 0x1f
#define REF_SAME 0x80

void
seen_init(struct seen *s)
{
	memset(s, 0, sizeof(*s));
}

void
seen_release(struct seen *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->nodes[i].refs);
	free(s->nodes);
	seen_init(s);
}

enum zk_err
seen_add(struct seen *s, const struct opid *id, uint8_t kind, bool copy,
    struct seen_node **out)
{
	struct seen_node *p;

	*out = NULL;
	p = realloc(s->nodes, (s->n + 1) * sizeof(*p));
	if (p == NULL)
		return ZK_ENOMEM;
	s->nodes = p;
	p = &p[s->n++];
	memset(p, 0, sizeof(*p));
	p->id = *id;
	p->kind = kind;
	p->copy = copy;
	*out = p;
	return ZK_OK;
}

enum zk_err
seen_ref(struct seen_node *n, const struct opid *id, uint8_t what)
{
	size_t i = n->refs_n;

	while (i > 0 && opid_cmp(&n->refs[i - 1].id, id) > 0)
		i--;
	if (i > 0 && opid_cmp(&n->refs[i - 1].id, id) == 0) {
		n->refs[i - 1].what |= what;
		return ZK_OK;
	}
	if (n->refs_n == n->refs_cap) {
		size_t cap = n->refs_cap == 0 ? 2 : n->refs_cap * 2;
		struct seen_ref *p = realloc(n->refs, cap * sizeof(*p));

		if (p == NULL)
			return ZK_ENOMEM;
		n->refs = p;
		n->refs_cap = cap;
	}
	memmove(&n->refs[i + 1], &n->refs[i],
	    (n->refs_n - i) * sizeof(*n->refs));
	n->refs[i].id = *id;
	n->refs[i].what = what;
	n->refs_n++;
	return ZK_OK;
}

void
seen_clear(struct seen_node *n, uint8_t what)
{
	size_t k = 0;

	for (size_t i = 0; i < n->refs_n; i++) {
		n->refs[i].what &= (uint8_t)~what;
		if (n->refs[i].what != 0)
			n->refs[k++] = n->refs[i];
	}
	n->refs_n = k;
}

static uint8_t
head_byte(uint8_t kind, bool copy)
{
	return (uint8_t)((kind == NODE_TREE ? HEAD_TREE : kind) |
	    (copy ? HEAD_COPY : 0));
}

enum zk_err
seen_born(const struct opid *id, uint8_t kind, struct buf *out)
{
	uint8_t what = SEEN_PLACE | SEEN_ATTR;

	if (kind != NODE_DIR)
		what |= SEEN_CONTENT;
	buf_varint(out, 1);
	buf_put(out, id->b, OPID_LEN);
	buf_u8(out, head_byte(kind, false));
	buf_varint(out, 1);
	buf_u8(out, what | REF_SAME);
	return buf_err(out);
}

enum zk_err
seen_encode(const struct seen *s, struct buf *out)
{
	buf_varint(out, s->n);
	for (size_t i = 0; i < s->n; i++) {
		const struct seen_node *n = &s->nodes[i];

		buf_put(out, n->id.b, OPID_LEN);
		buf_u8(out, head_byte(n->kind, n->copy));
		buf_varint(out, n->refs_n);
		for (size_t k = 0; k < n->refs_n; k++) {
			const struct seen_ref *f = &n->refs[k];
			bool same = opid_cmp(&f->id, &n->id) == 0;

			buf_u8(out, (uint8_t)(f->what |
			    (same ? REF_SAME : 0)));
			if (!same)
				buf_put(out, f->id.b, OPID_LEN);
		}
	}
	return buf_err(out);
}

struct head {
	struct opid id;
	uint8_t kind;
	bool copy;
	uint64_t refs;
};

static bool
read_head(struct rd *rd, struct head *h)
{
	uint8_t b;

	rd_copy(rd, h->id.b, OPID_LEN);
	b = rd_u8(rd);
	/* every ref takes a byte at least */
	h->refs = rd_varint(rd, rd->left);
	h->kind = (b & ~HEAD_COPY) == HEAD_TREE ? NODE_TREE : b & HEAD_KIND;
	h->copy = (b & HEAD_COPY) != 0;
	return rd->err == ZK_OK && head_byte(h->kind, h->copy) == b &&
	    h->kind != 0;
}

static bool
read_ref(struct rd *rd, const struct head *h, struct seen_ref *out)
{
	uint8_t b = rd_u8(rd);

	out->id = h->id;
	out->what = b & REF_WHAT;
	if ((b & REF_SAME) == 0)
		rd_copy(rd, out->id.b, OPID_LEN);
	if ((b & REF_SAME) == 0 && opid_cmp(&out->id, &h->id) == 0)
		return false;
	return rd->err == ZK_OK && out->what != 0 &&
	    (b & ~(REF_WHAT | REF_SAME)) == 0;
}

static enum zk_err
decode_node(struct rd *rd, struct seen *out)
{
	struct seen_node *n;
	struct head h;
	enum zk_err r;

	if (!read_head(rd, &h))
		return ZK_EFORMAT;
	r = seen_add(out, &h.id, h.kind, h.copy, &n);
	for (uint64_t i = 0; i < h.refs && r == ZK_OK; i++) {
		struct seen_ref f;

		if (!read_ref(rd, &h, &f) || (i > 0 &&
		    opid_cmp(&n->refs[i - 1].id, &f.id) >= 0))
			return ZK_EFORMAT;
		r = seen_ref(n, &f.id, f.what);
	}
	return r;
}

enum zk_err
seen_decode(const uint8_t *p, size_t len, struct seen *out)
{
	struct rd rd;
	uint64_t n;
	enum zk_err r = ZK_OK;

	seen_init(out);
	rd_init(&rd, p, len);
	n = rd_varint(&rd, len);
	if (rd.err != ZK_OK || n < 1)
		return ZK_EFORMAT;
	for (uint64_t i = 0; i < n && r == ZK_OK; i++)
		r = decode_node(&rd, out);
	if (r == ZK_OK)
		r = rd_end(&rd);
	if (r != ZK_OK)
		seen_release(out);
	return r;
}

enum zk_err
seen_ids(const uint8_t *p, size_t len, struct opid *out, size_t max,
    size_t *n)
{
	struct rd rd;
	uint64_t count;

	*n = 0;
	rd_init(&rd, p, len);
	count = rd_varint(&rd, len);
	for (uint64_t i = 0; i < count; i++) {
		struct seen_ref f;
		struct head h;

		if (!read_head(&rd, &h))
			return ZK_EFORMAT;
		for (uint64_t k = 0; k < h.refs; k++)
			if (!read_ref(&rd, &h, &f))
				return ZK_EFORMAT;
		if (*n < max)
			out[*n] = h.id;
		(*n)++;
	}
	return rd_end(&rd);
}
