/* Sending into channels, waiting for them, listing them.  See msg.h. */
#include "sync/msg.h"

#include <string.h>

#include "crypto/labels.h"
#include "format/compress.h"
#include "format/msgop.h"
#include "store/logdb.h"
#include "store/msgdb.h"
#include "sync/await.h"
#include "sync/cuts.h"
#include "sync/opname.h"
#include "sync/round.h"
#include "sync/segw.h"
#include "util/log.h"

#define SMALL (128u * 1024)	/* bytes that may pack into an op */

/* One op on its way. */
struct sending {
	struct round rd;
	struct vremote *first;	/* the remote that counts */
	struct op op;
	struct buf body, data;
};

/*
 * Opens the run and finds the remote that counts: what cannot be sent is not
 * to be recorded.
 */
static enum zk_err
begin(struct sending *s, struct vault *v, const struct sync_opts *o,
    struct sync_report *rep)
{
	enum zk_err r = round_begin(&s->rd, v, o, rep);

	buf_init(&s->body, MSGOP_BODY_MAX);
	buf_init_secret(&s->data, UPLOAD_DATA_MAX);
	if (r == ZK_OK)
		r = remotes_alone(v);
	if (r == ZK_OK)
		r = remotes_open(&s->rd);
	if (r == ZK_OK)
		r = round_primary(&s->rd, &s->first);
	/* what an earlier run left may name blobs that are there already */
	return r == ZK_OK ? logdb_next_id(v->db, &s->rd.first_new) : r;
}

static enum zk_err
body(struct sending *s, const struct msg_op *m)
{
	enum zk_err r = msgop_encode(m, &s->body);

	s->op.type = m->type;
	s->op.body = s->body.data;
	s->op.body_len = s->body.len;
	return r;
}

/* Content that packs into the op, as upload_bytes gives it.  ZK_ELIMIT. */
static enum zk_err
pack(struct sending *s, const uint8_t *p, size_t n)
{
	struct content *c = &s->op.content;
	struct compress *z = NULL;
	struct buf b;
	enum zk_err r = n > SMALL ? ZK_ELIMIT : compress_new(&z);

	buf_init_secret(&b, UPLOAD_INLINE_MAX + 1);
	if (r == ZK_OK)
		r = compress_pack(z, p, n, &b);
	if (r == ZK_OK)
		r = buf_put(&s->data, b.data, b.len);
	if (r == ZK_OK) {
		hash_bytes(LABEL_HASH_CONTENT, p, n, c->hash);
		c->form = CONTENT_INLINE;
		c->size = n;
		c->data = s->data.data;
		c->data_len = s->data.len;
	}
	buf_release(&b);
	compress_free(z);
	return r;
}

/* Through a pipeline; returns when its blobs are on the remote for good. */
static enum zk_err
upload(struct sending *s, const struct msg_source *src)
{
	struct sync_progress all = { 0 };
	struct upload *u = NULL;
	struct env_stat st = { .size = src->n };
	enum zk_err r = cuts_upload(&s->rd, s->first, &u);

	if (r != ZK_OK)
		return r;
	if (src->p == NULL && env_fstat(s->rd.v->env, src->fd, &st) < 0)
		return ZK_EIO;
	all.bytes_total = st.size;
	round_phase(&s->rd, SYNC_UPLOAD, &all);
	buf_reset(&s->data);
	r = src->p != NULL ? upload_bytes(u, src->p, src->n, NULL, &s->data,
	    &s->op.content) : upload_file(u, src->fd, NULL, &s->data,
	    &s->op.content);
	s->op.content.merge = MERGE_COPY;
	return r == ZK_OK ? upload_flush(u) : r;
}

/* A segw_fill. */
static enum zk_err
fill(void *arg, struct segw *w)
{
	struct sending *s = arg;
	enum zk_err r = cuts_tell_aliases(&s->rd, w);

	return r == ZK_OK ? segw_message(w, &s->op) : r;
}

/* Records the op, durably. */
static enum zk_err
record(struct sending *s)
{
	enum zk_err r = segw_batch(s->rd.v, fill, s);

	if (r == ZK_OK)
		s->rd.aliases_n = 0;
	return r;
}

/* Records, sends; ends the run that came to r until now. */
static enum zk_err
finish(struct sending *s, enum zk_err r, bool *recorded)
{
	if (r == ZK_OK) {
		r = record(s);
		*recorded = r == ZK_OK;
	}
	if (r == ZK_OK)
		r = remotes_publish(&s->rd, s->first);
	if (r == ZK_OK)
		r = round_publish_others(&s->rd, s->first);
	if (s->first != NULL && err_status(r) == 5)
		s->first->err = r;
	if (r != ZK_OK && *recorded)
		log_error(r, NULL, "recorded on this device, but not on a "
		    "remote yet: the next run sends it, do not do it again");
	r = round_finish(&s->rd, r);
	buf_release(&s->body);
	buf_release(&s->data);
	return r;
}

enum zk_err
sync_msg_send(struct vault *v, const struct sync_opts *o,
    const struct msg_source *src, struct msg_sent *out,
    struct sync_report *rep)
{
	struct sending s = { .first = NULL };
	struct msg_op m = { .type = OP_MSG };
	enum zk_err r = begin(&s, v, o, rep);

	memset(out, 0, sizeof(*out));
	m.channel = (const uint8_t *)src->channel;
	m.channel_len = strlen(src->channel);
	if (src->label != NULL) {
		m.label = (const uint8_t *)src->label;
		m.label_len = strlen(src->label);
	}
	if (r == ZK_OK)
		r = body(&s, &m);
	if (r == ZK_OK) {
		r = src->p == NULL ? ZK_ELIMIT : pack(&s, src->p, src->n);
		if (r == ZK_ELIMIT)
			r = upload(&s, src);
	}
	r = finish(&s, r, &out->recorded);
	out->size = s.op.content.size;
	opname_full(&s.op.id, out->id);
	return r;
}

enum zk_err
sync_msg_expiry(struct vault *v, const struct sync_opts *o,
    const char *channel, uint64_t seconds, struct sync_report *rep)
{
	struct sending s = { .first = NULL };
	struct msg_op m = { .type = OP_CHANNEL,
		.channel = (const uint8_t *)channel,
		.channel_len = strlen(channel), .expiry = seconds };
	bool recorded = false;
	enum zk_err r = begin(&s, v, o, rep);

	if (r == ZK_OK)
		r = body(&s, &m);
	return finish(&s, r, &recorded);
}

/* Waiting ----------------------------------------------------------------- */

struct looking {
	struct vault *v;
	const char *channel;
	int64_t since;
};

/* An await_look_fn. */
static enum zk_err
look(void *arg, bool *news)
{
	struct looking *l = arg;
	struct msgdb_channel ch;
	int64_t newest = 0;
	enum zk_err r = msgdb_find(l->v->db, l->channel, strlen(l->channel),
	    &ch);

	if (r == ZK_OK)
		r = msgdb_newest(l->v->db, ch.c, &newest);
	*news = r == ZK_OK && newest > l->since;
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
sync_msg_wait(struct vault *v, const struct sync_opts *o,
    const char *channel, int64_t since, unsigned ms, bool *news)
{
	struct looking l = { v, channel, since };

	return await_news(v, o, ms, look, &l, news);
}

/* Listing ----------------------------------------------------------------- */

struct listing {
	msg_channel_fn *each;
	void *arg;
};

static enum zk_err
see(void *arg, const struct msgdb_seen *seen)
{
	struct listing *l = arg;
	struct msg_channel c = { seen->name, seen->name_len, seen->expiry,
		seen->waiting };

	return l->each(l->arg, &c);
}

enum zk_err
sync_msg_channels(struct vault *v, msg_channel_fn *each, void *arg)
{
	struct listing l = { each, arg };

	return msgdb_channels(v->db, see, &l);
}
