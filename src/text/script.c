/* Edit scripts.  See script.h. */
#include "text/script.h"

#include <stdlib.h>

#include "util/rd.h"

void
script_init(struct script *s)
{
	*s = (struct script){ .n = 0 };
	buf_init_secret(&s->ins, TEXT_MAX); /* content of files */
}

void
script_release(struct script *s)
{
	free(s->edits);
	buf_release(&s->ins);
	script_init(s);
}

/* Bytes of the new text up to the end of the last edit. */
static size_t
new_end(const struct script *s)
{
	return s->n == 0 ? 0 : (size_t)s->edits[s->n - 1].pos +
	    s->edits[s->n - 1].ins;
}

enum zk_err
script_add(struct script *s, size_t keep, size_t del, const uint8_t *ins,
    size_t ins_len)
{
	size_t end = new_end(s);
	enum zk_err r;

	if (keep > TEXT_MAX - s->old_end ||
	    del > TEXT_MAX - s->old_end - keep || keep > TEXT_MAX - end ||
	    ins_len > TEXT_MAX - end - keep)
		return ZK_ELIMIT;
	if (del == 0 && ins_len == 0)
		return ZK_OK;
	if (s->n == s->cap) {
		size_t cap = s->cap + s->cap / 2 + 8;
		struct text_edit *p = realloc(s->edits, cap * sizeof(*p));

		if (p == NULL)
			return ZK_ENOMEM;
		s->edits = p;
		s->cap = cap;
	}
	r = buf_put(&s->ins, ins, ins_len);
	if (r != ZK_OK)
		return r;
	if (s->n == 0 || keep > 0)
		s->edits[s->n++] = (struct text_edit){
		    .pos = (uint32_t)(end + keep) };
	s->edits[s->n - 1].del += (uint32_t)del;
	s->edits[s->n - 1].ins += (uint32_t)ins_len;
	s->old_end += (uint32_t)(keep + del);
	return ZK_OK;
}

enum zk_err
script_encode(const struct script *s, struct buf *out)
{
	size_t end = 0, ins = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct text_edit *e = &s->edits[i];

		(void)buf_varint(out, e->pos - end);
		(void)buf_varint(out, e->del);
		(void)buf_varint(out, e->ins);
		if (e->ins > 0)
			(void)buf_put(out, s->ins.data + ins, e->ins);
		end = (size_t)e->pos + e->ins;
		ins += e->ins;
	}
	return buf_err(out);
}

enum zk_err
script_decode(const uint8_t *in, size_t in_len, struct script *out)
{
	enum zk_err r = ZK_OK;
	struct rd rd;

	script_init(out);
	rd_init(&rd, in, in_len);
	while (r == ZK_OK && rd_more(&rd)) {
		size_t keep = (size_t)rd_varint(&rd, TEXT_MAX);
		size_t del = (size_t)rd_varint(&rd, TEXT_MAX), len;
		const uint8_t *ins = rd_lp(&rd, TEXT_MAX, &len);

		if (ins == NULL)
			break;
		/* only the first edit may stand where the last one ended */
		if ((keep == 0 && out->n > 0) || (del == 0 && len == 0) ||
		    !text_is(ins, len))
			r = ZK_EFORMAT;
		else
			r = script_add(out, keep, del, ins, len);
	}
	if (r == ZK_OK)
		r = rd_end(&rd);
	if (r != ZK_OK)
		script_release(out);
	return r;
}

enum zk_err
script_apply(const struct script *s, const uint8_t *old, size_t old_len,
    struct buf *out)
{
	static const uint8_t none[1];
	size_t at = 0, end = 0, ins = 0;

	if (old_len == 0)
		old = none;
	if (old_len > TEXT_MAX || s->old_end > old_len)
		return ZK_EFORMAT;
	if (new_end(s) + (old_len - s->old_end) > TEXT_MAX)
		return ZK_ELIMIT;
	for (size_t i = 0; i < s->n; i++) {
		const struct text_edit *e = &s->edits[i];
		size_t keep = e->pos - end, to = at + keep + e->del;

		if (!text_boundary(old, old_len, at + keep) ||
		    !text_boundary(old, old_len, to))
			return ZK_EFORMAT;
		(void)buf_put(out, old + at, keep);
		if (e->ins > 0)
			(void)buf_put(out, s->ins.data + ins, e->ins);
		end = (size_t)e->pos + e->ins;
		at = to;
		ins += e->ins;
	}
	(void)buf_put(out, old + at, old_len - at);
	return buf_err(out);
}
