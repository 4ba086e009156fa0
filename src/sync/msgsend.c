/* Sending into channels.  See msg.h. */
#include <stdlib.h>
#include <string.h>

#include "crypto/labels.h"
#include "format/compress.h"
#include "format/msgop.h"
#include "store/logdb.h"
#include "sync/cuts.h"
#include "sync/msg.h"
#include "sync/opname.h"
#include "sync/park.h"
#include "sync/round.h"
#include "sync/segw.h"
#include "util/log.h"

#define SMALL (128u * 1024)	/* bytes that may pack into an op */

struct msg_out {
	struct round rd;
	struct vremote *first;	/* the remote that counts */
	struct compress *z;	/* made on first use */
};

/* One op on its way. */
struct outgoing {
	struct op op;
	struct buf body, data;
};

/* Ops that are recorded together. */
struct batch {
	struct msg_out *to;
	struct outgoing *m;
	size_t n;
};

/* Opening and closing ------------------------------------------------------ */

/* What cannot be sent is not to be recorded. */
static enum zk_err
find_remote(struct round *rd, struct vremote **first)
{
	enum zk_err r = remotes_alone(rd->v);

	if (r == ZK_OK)
		r = remotes_open(rd);
	if (r == ZK_OK)
		r = round_primary(rd, first);
	if (r == ZK_OK)
		r = park_return(rd, *first);
	/* what an earlier run left may name blobs that are there already */
	return r == ZK_OK ? logdb_next_id(rd->v->db, &rd->first_new) : r;
}

enum zk_err
sync_msg_open(struct vault *v, const struct sync_opts *o,
    struct sync_report *rep, struct msg_out **out)
{
	struct msg_out *s = calloc(1, sizeof(*s));
	enum zk_err r = ZK_EBUG;

	*out = NULL;
	memset(rep, 0, sizeof(*rep));
	if (s == NULL)
		return ZK_ENOMEM;
	r = round_begin(&s->rd, v, o, rep);
	if (r == ZK_OK)
		r = find_remote(&s->rd, &s->first);
	if (r != ZK_OK)
		return sync_msg_close(s, r);
	*out = s;
	return ZK_OK;
}

enum zk_err
sync_msg_close(struct msg_out *s, enum zk_err r)
{
	if (r == ZK_OK)
		r = round_publish_others(&s->rd, s->first);
	if (s->first != NULL && err_status(r) == 5)
		s->first->err = r;
	r = round_finish(&s->rd, r);
	compress_free(s->z);
	free(s);
	return r;
}

/* Content ------------------------------------------------------------------ */

/* Content that packs into the op, as upload_bytes gives it.  ZK_ELIMIT. */
static enum zk_err
pack(struct msg_out *s, const struct msg_source *src, struct outgoing *g)
{
	struct content *c = &g->op.content;
	enum zk_err r = src->p == NULL || src->n > SMALL ? ZK_ELIMIT : ZK_OK;
	struct buf b;

	if (r == ZK_OK && s->z == NULL)
		r = compress_new(&s->z);
	buf_init_secret(&b, UPLOAD_INLINE_MAX + 1);
	if (r == ZK_OK)
		r = compress_pack(s->z, src->p, src->n, &b);
	if (r == ZK_OK)
		r = buf_put(&g->data, b.data, b.len);
	if (r == ZK_OK) {
		hash_bytes(LABEL_HASH_CONTENT, src->p, src->n, c->hash);
		c->form = CONTENT_INLINE;
		c->size = src->n;
		c->data = g->data.data;
		c->data_len = g->data.len;
	}
	buf_release(&b);
	return r;
}

/* Through a pipeline; its blobs may still be on their way. */
static enum zk_err
upload(struct msg_out *s, const struct msg_source *src, struct outgoing *g,
    struct upload **u)
{
	struct sync_progress all = { 0 };
	struct env_stat st = { .size = src->n };
	enum zk_err r = cuts_upload(&s->rd, s->first, u);

	if (r != ZK_OK)
		return r;
	if (src->p == NULL && env_fstat(s->rd.v->env, src->fd, &st) < 0)
		return ZK_EIO;
	all.bytes_total = st.size;
	round_phase(&s->rd, SYNC_UPLOAD, &all);
	buf_reset(&g->data);
	r = src->p != NULL ? upload_bytes(*u, src->p, src->n, NULL, &g->data,
	    &g->op.content) : upload_file(*u, src->fd, NULL, &g->data,
	    &g->op.content);
	g->op.content.merge = MERGE_COPY;
	return r;
}

static enum zk_err
encode(struct outgoing *g, const struct msg_op *m)
{
	enum zk_err r = msgop_encode(m, &g->body);

	g->op.type = m->type;
	g->op.body = g->body.data;
	g->op.body_len = g->body.len;
	return r;
}

/* Recording ---------------------------------------------------------------- */

static struct outgoing *
outgoing_new(size_t n)
{
	struct outgoing *g = calloc(n, sizeof(*g));

	for (size_t i = 0; g != NULL && i < n; i++) {
		buf_init(&g[i].body, MSGOP_BODY_MAX);
		buf_init_secret(&g[i].data, UPLOAD_DATA_MAX);
	}
	return g;
}

static void
outgoing_free(struct outgoing *g, size_t n)
{
	for (size_t i = 0; g != NULL && i < n; i++) {
		buf_release(&g[i].body);
		buf_release(&g[i].data);
	}
	free(g);
}

/* A segw_fill. */
static enum zk_err
fill(void *arg, struct segw *w)
{
	struct batch *b = arg;
	enum zk_err r = cuts_tell_aliases(&b->to->rd, w);

	for (size_t i = 0; r == ZK_OK && i < b->n; i++)
		r = segw_message(w, &b->m[i].op);
	return r;
}

/* Records n ops durably, then sends them to the remote that counts. */
static enum zk_err
put(struct msg_out *s, struct outgoing *g, size_t n, bool *recorded)
{
	struct batch b = { s, g, n };
	enum zk_err r = segw_batch(s->rd.v, fill, &b);

	*recorded = r == ZK_OK;
	if (r != ZK_OK)
		return r;
	s->rd.aliases_n = 0;
	r = remotes_publish(&s->rd, s->first);
	if (r != ZK_OK)
		log_error(r, NULL, "recorded on this device, but not on a "
		    "remote yet: the next run sends it, do not do it again");
	return r;
}

/* All contents, on the remote for good where they are in blobs. */
static enum zk_err
contents(struct msg_out *s, const struct msg_source *src, size_t n,
    struct outgoing *g)
{
	struct upload *u = NULL;
	enum zk_err r = ZK_OK;

	for (size_t i = 0; r == ZK_OK && i < n; i++) {
		struct msg_op m = { .type = OP_MSG,
			.channel = (const uint8_t *)src[i].channel,
			.channel_len = strlen(src[i].channel),
			.label = (const uint8_t *)src[i].label,
			.label_len = src[i].label == NULL ? 0 :
			    strlen(src[i].label) };

		r = encode(&g[i], &m);
		if (r != ZK_OK)
			break;
		r = pack(s, &src[i], &g[i]);
		if (r == ZK_ELIMIT)
			r = upload(s, &src[i], &g[i], &u);
	}
	return r == ZK_OK && u != NULL ? upload_flush(u) : r;
}

enum zk_err
sync_msg_put(struct msg_out *s, const struct msg_source *src, size_t n,
    struct msg_sent *out)
{
	struct outgoing *g = outgoing_new(n);
	enum zk_err r = g == NULL ? ZK_ENOMEM : ZK_OK;
	bool recorded = false;

	memset(out, 0, n * sizeof(*out));
	if (r == ZK_OK)
		r = contents(s, src, n, g);
	if (r == ZK_OK)
		r = put(s, g, n, &recorded);
	for (size_t i = 0; i < n && recorded; i++) {
		out[i].recorded = true;
		out[i].size = g[i].op.content.size;
		opname_full(&g[i].op.id, out[i].id);
	}
	outgoing_free(g, n);
	return r;
}

enum zk_err
sync_msg_send(struct vault *v, const struct sync_opts *o,
    const struct msg_source *src, struct msg_sent *out,
    struct sync_report *rep)
{
	struct msg_out *s = NULL;
	enum zk_err r = sync_msg_open(v, o, rep, &s);

	memset(out, 0, sizeof(*out));
	return r == ZK_OK ? sync_msg_close(s, sync_msg_put(s, src, 1, out)) :
	    r;
}

enum zk_err
sync_msg_expiry(struct vault *v, const struct sync_opts *o,
    const char *channel, uint64_t seconds, struct sync_report *rep)
{
	struct msg_op m = { .type = OP_CHANNEL,
		.channel = (const uint8_t *)channel,
		.channel_len = strlen(channel), .expiry = seconds };
	struct outgoing *g = NULL;
	struct msg_out *s = NULL;
	bool recorded = false;
	enum zk_err r = ZK_EBUG;

	if (seconds > MSG_EXPIRY_MAX) {
		log_error(ZK_EUSAGE, NULL, "messages expire after 100 years "
		    "at the latest, or never");
		return ZK_EUSAGE;
	}
	g = outgoing_new(1);
	r = g == NULL ? ZK_ENOMEM : sync_msg_open(v, o, rep, &s);
	if (r == ZK_OK) {
		r = encode(g, &m);
		if (r == ZK_OK)
			r = put(s, g, 1, &recorded);
		r = sync_msg_close(s, r);
	}
	outgoing_free(g, 1);
	return r;
}
