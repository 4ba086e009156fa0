/* See checkpoint.h. */
#include "tests/forge/checkpoint.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/key.h"
#include "format/chunk.h"
#include "format/compress.h"
#include "format/cut.h"
#include "format/manifest.h"
#include "format/op.h"
#include "format/thin.h"
#include "store/logdb.h"
#include "sync/checkpoint.h"
#include "sync/cpcut.h"

#define FORGE_STREAM_MAX (4u * 1024 * 1024)
#define DAY_MS INT64_C(86400000)

/* Whether these are hex digits; they are appended. */
static enum zk_err
put_hex(const char *s, struct buf *out)
{
	for (; s[0] != '\0' && s[1] != '\0'; s += 2) {
		char two[3] = { s[0], s[1], '\0' }, *end = NULL;

		buf_u8(out, (uint8_t)strtoul(two, &end, 16));
		if (*end != '\0')
			return ZK_EUSAGE;
	}
	return s[0] == '\0' || strcmp(s, "-") == 0 ? buf_err(out) : ZK_EUSAGE;
}

static enum zk_err
all_or_none(void *arg, const struct op *op, bool *yes)
{
	(void)op;
	*yes = *(const bool *)arg;
	return ZK_OK;
}

/*
 * Appends the thin form of a segment that its log never had: that of another
 * one, but for the hash of the body.
 */
static enum zk_err
put_never(struct buf *one, struct buf *out)
{
	one->data[4 + SEGHDR_LEN] ^= 1;
	return buf_lp(out, one->data, one->len);
}

/*
 * The thin forms of what the cut has, in the order applied; with never, one
 * more of the last log of another device.
 */
static enum zk_err
put_stream(struct vault *v, const struct cpcut *cut, bool gone, bool never,
    struct buf *out)
{
	struct logdb_seg g = { 0 };
	struct buf one, other;
	enum zk_err r = buf_put(out, "zkC\1", 4);

	buf_init(&one, THIN_MAX);
	buf_init(&other, THIN_MAX);
	while (r == ZK_OK) {
		struct seg *s = NULL;

		r = logdb_next(v->db, g.ord, &g);
		if (r != ZK_OK || !cpcut_in(cut, g.id))
			continue;
		buf_reset(&one);
		r = cpstream_open(v, g.id, &s);
		if (r == ZK_OK)
			r = thin_make(s, all_or_none, &gone, &one);
		if (r == ZK_OK)
			r = buf_lp(out, one.data, one.len);
		if (r == ZK_OK && memcmp(g.log, v->log_id,
		    sizeof(g.log)) != 0) {
			buf_reset(&other);
			r = buf_put(&other, one.data, one.len);
		}
		seg_free(s);
	}
	if (r == ZK_ENOENT)
		r = never && other.len == 0 ? ZK_EUSAGE : ZK_OK;
	if (r == ZK_OK && never)
		r = put_never(&other, out);
	buf_release(&one);
	buf_release(&other);
	return r;
}

static enum zk_err
pack(const struct buf *stream, struct content *c, struct buf *data)
{
	struct compress *z = NULL;
	enum zk_err r = compress_new(&z);

	c->form = CONTENT_INLINE;
	c->size = stream->len;
	chunk_hash(0, stream->data, stream->len, c->hash);
	if (r == ZK_OK)
		r = compress_pack(z, stream->data, stream->len, data);
	compress_free(z);
	return r;
}

static enum zk_err
no_part(void *arg, unsigned level, const uint8_t *plain, size_t n,
    struct chunk_ref *ref)
{
	(void)arg;
	(void)level;
	(void)plain;
	(void)n;
	(void)ref;
	return ZK_EBUG;
}

/* A manifest of one blob that nobody ever put. */
static enum zk_err
lose(struct vault *v, struct content *c, struct buf *data)
{
	static const uint8_t cut_id[CUT_ID_LEN] = { 1 };
	uint8_t raw[KEY_LEN] = { 1 };
	struct chunk_ref ref = { .plain_len = 100000, .stored_len = 65536 };
	struct manifest_writer *w = NULL;
	struct key *cut = NULL;
	enum zk_err r = key_import(KEY_PRF, raw, &cut);

	chunk_ref_fresh(v->env, &ref);
	env_random(v->env, ref.name, sizeof(ref.name));
	env_random(v->env, ref.hash, sizeof(ref.hash));
	if (r == ZK_OK)
		r = manifest_writer_new(cut, cut_id, no_part, NULL, &w);
	if (r == ZK_OK)
		r = manifest_add(w, &ref, 1);
	if (r == ZK_OK)
		r = manifest_finish(w, data, &c->size);
	c->form = CONTENT_MANIFEST;
	c->size = ref.plain_len;
	memcpy(c->hash, ref.hash, sizeof(c->hash));
	manifest_writer_free(w);
	key_free(cut);
	return r;
}

enum zk_err
forge_checkpoint(struct vault *v, const char *cut, const char *stream,
    struct op *op, struct buf *body, struct buf *data)
{
	bool past = strcmp(cut, "past") == 0;
	bool gone = strcmp(stream, "gone") == 0;
	bool never = strcmp(stream, "never") == 0;
	struct cpcut c = { .rows = 0 };
	struct buf s;
	enum zk_err r = cpcut_new(v, env_now_ms(v->env) +
	    (past ? -30 : 30) * DAY_MS, &c);

	buf_init(&s, FORGE_STREAM_MAX);
	op->type = OP_CHECKPOINT;
	if (r == ZK_OK && (past || strcmp(cut, "all") == 0))
		r = logop_cut_encode(c.ends, c.ends_n, body);
	else if (r == ZK_OK)
		r = put_hex(cut, body);
	if (r == ZK_OK && strcmp(stream, "lost") == 0) {
		r = lose(v, &op->content, data);
	} else if (r == ZK_OK) {
		r = gone || never || strcmp(stream, "kept") == 0 ?
		    put_stream(v, &c, gone, never, &s) : put_hex(stream, &s);
		if (r == ZK_OK)
			r = pack(&s, &op->content, data);
	}
	op->body = body->data;
	op->body_len = body->len;
	op->content.data = data->data;
	op->content.data_len = data->len;
	cpcut_release(&c);
	buf_release(&s);
	return r;
}
