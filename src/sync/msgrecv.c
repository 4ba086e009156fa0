/* Giving messages out.  See msg.h. */
#include <stdlib.h>
#include <string.h>

#include "crdt/cname.h"
#include "format/filehash.h"
#include "format/op.h"
#include "store/logdb.h"
#include "store/msgdb.h"
#include "sync/download.h"
#include "sync/gc.h"
#include "sync/msg.h"
#include "sync/msgdir.h"
#include "sync/opname.h"
#include "sync/round.h"
#include "sync/segcache.h"
#include "sync/stream.h"
#include "util/log.h"

#define BATCH_N 64		/* messages noted at once... */
#define BATCH_BYTES (4u << 20)	/* ...or about so many bytes */
#define WHOLE_MAX (OP_DATA_MAX * 64u)	/* bytes given out in one piece */

/* A message that was written and is not yet noted. */
struct held {
	struct msgdb_row row;
	uint64_t size;
	bool expired;		/* it was not: it is only noted */
};

struct giving {
	struct round *rd;
	const struct msg_recv_opts *how;
	struct msg_received *out;
	struct msgdb_channel ch;
	struct msgdir *dir;	/* or NULL */
	struct download *d;
	struct download_opts from;
	struct download_remote remotes[SYNC_REMOTES_MAX];
	struct buf name;	/* of the sender at hand */
	struct buf whole;
	uint8_t (*stopped)[32];	/* logs of which nothing more is given */
	size_t stopped_n;
	struct held batch[BATCH_N];
	size_t n;
	uint64_t bytes;
	bool refused;		/* the sink failed: that ends the run */
};

/* What a message looks like from outside; lends from g, texts and row. */
struct texts {
	char id[MSG_ID_LEN + 1];
	char tag[SYNC_TAG_LEN + 1];
	char file[MSGDIR_NAME];
};

static enum zk_err
dress(struct giving *g, const struct msgdb_row *row, uint64_t size,
    struct texts *t, struct msg *out)
{
	enum zk_err r = status_device_name(g->rd->v, row->device, &g->name);

	opname_full(&row->id, t->id);
	cname_tag(row->device, t->tag);
	msgdir_name(&row->id, t->tag, t->file);
	*out = (struct msg){ .id = t->id, .device = row->device,
		.name = buf_cstr(&g->name), .tag = t->tag,
		.wall_ms = row->wall_ms, .size = size, .label = row->label,
		.label_len = row->label_len,
		.file = g->dir != NULL ? t->file : NULL };
	return r;
}

/* What the sink says, remembered if it is trouble. */
static enum zk_err
sunk(struct giving *g, enum zk_err r)
{
	g->refused |= r != ZK_OK;
	return r;
}

/* A stream_fn. */
static enum zk_err
give_data(void *arg, const void *p, size_t n)
{
	struct giving *g = arg;

	return sunk(g, g->how->sink.data(g->how->sink.arg, p, n));
}

/* Noting ------------------------------------------------------------------ */

/* Those of the batch are this device's no more, in one transaction. */
static enum zk_err
note(struct giving *g)
{
	struct db *db = g->rd->v->db;
	enum zk_err r = db_begin(db);

	for (size_t i = 0; r == ZK_OK && i < g->n; i++)
		r = msgdb_done(db, g->batch[i].row.m);
	return db_end(db, r);
}

/* What was written is there for good, is told, and then noted. */
static enum zk_err
flush(struct giving *g)
{
	const struct msg_sink *sink = &g->how->sink;
	enum zk_err r = ZK_OK;
	struct texts t;
	struct msg m;

	if (g->n == 0)
		return ZK_OK;
	if (g->dir != NULL)
		r = msgdir_commit(g->dir);
	for (size_t i = 0; r == ZK_OK && g->dir != NULL && i < g->n; i++) {
		const struct held *h = &g->batch[i];

		if (h->expired)
			continue;
		r = dress(g, &h->row, h->size, &t, &m);
		if (r == ZK_OK)
			r = sink->end(sink->arg, &m);
	}
	if (r == ZK_OK)
		r = sink->flush(sink->arg);
	if (r == ZK_OK)
		r = note(g);
	for (size_t i = 0; r == ZK_OK && i < g->n; i++) {
		g->out->n += !g->batch[i].expired;
		g->out->bytes += g->batch[i].size;
	}
	g->n = 0;
	g->bytes = 0;
	return r;
}

static void
hold(struct giving *g, const struct msgdb_row *row, uint64_t size,
    bool expired)
{
	g->batch[g->n++] = (struct held){ *row, size, expired };
	g->bytes += size;
}

/* One message ------------------------------------------------------------- */

/* To the sink: nothing is begun of what is not here, or not right. */
static enum zk_err
give_small(struct giving *g, const struct msg *m, const struct content *c)
{
	const struct msg_sink *sink = &g->how->sink;
	enum zk_err r = download_bytes(g->d, c, &g->whole);

	if (r == ZK_OK)
		r = sunk(g, sink->begin(sink->arg, m));
	if (r == ZK_OK && g->whole.len > 0)
		r = give_data(g, g->whole.data, g->whole.len);
	return r == ZK_OK ? sunk(g, sink->end(sink->arg, m)) : r;
}

/* The same chunk by chunk. */
static enum zk_err
give_large(struct giving *g, const struct msg *m, const struct content *c)
{
	const struct msg_sink *sink = &g->how->sink;
	enum zk_err r = sunk(g, sink->begin(sink->arg, m));

	if (r == ZK_OK)
		r = stream_content(&g->from, c, give_data, g);
	return r == ZK_OK ? sunk(g, sink->end(sink->arg, m)) : r;
}

static enum zk_err
give_content(struct giving *g, const struct msgdb_row *row,
    const struct content *c)
{
	struct texts t;
	struct msg m;
	enum zk_err r = dress(g, row, c->size, &t, &m);

	if (r != ZK_OK)
		return r;
	if (g->dir != NULL)
		return msgdir_put(g->dir, g->d, t.file, c);
	return c->form == CONTENT_MANIFEST && c->size > FILEHASH_WHOLE ?
	    give_large(g, &m, c) : give_small(g, &m, c);
}

static bool
has_expired(const struct giving *g, const struct msgdb_row *row)
{
	int64_t now = env_now_ms(g->rd->v->env);

	return g->ch.expiry > 0 &&
	    row->wall_ms < now - (int64_t)(g->ch.expiry * 1000);
}

/* Failures of a message, which keep back its sender's alone. */
static bool
is_its_own(enum zk_err r)
{
	int status = err_status(r);

	return status == 5 || status == 22 || status == 23 ||
	    r == ZK_EEXIST;
}

static bool
is_stopped(const struct giving *g, const uint8_t *log)
{
	for (size_t i = 0; i < g->stopped_n; i++)
		if (memcmp(g->stopped[i], log, 32) == 0)
			return true;
	return false;
}

/* Nothing more of this log in this run. */
static enum zk_err
stop_log(struct giving *g, const struct msgdb_row *row, enum zk_err why)
{
	uint8_t (*p)[32] = realloc(g->stopped,
	    (g->stopped_n + 1) * sizeof(*p));
	char id[MSG_ID_LEN + 1];
	enum zk_err r = ZK_OK;

	if (p == NULL)
		return ZK_ENOMEM;
	g->stopped = p;
	memcpy(p[g->stopped_n++], row->log, 32);
	r = status_device_name(g->rd->v, row->device, &g->name);
	opname_full(&row->id, id);
	log_error(why, NULL, "message %s of '%s' cannot be given out: %s; "
	    "what it sent after that waits", id, buf_cstr(&g->name),
	    err_text(why));
	round_note(g->rd, why);
	return r;
}

/* It is noted as if it had been given out. */
static enum zk_err
pass_over(struct giving *g, const struct msgdb_row *row)
{
	struct texts t;
	struct msg m;
	enum zk_err r = g->dir == NULL ? ZK_OK : dress(g, row, 0, &t, &m);

	if (r == ZK_OK && g->dir != NULL)
		msgdir_forget(g->dir, t.file);
	hold(g, row, 0, true);
	return r;
}

static enum zk_err
give_one(struct giving *g, const struct msgdb_row *row)
{
	struct content c;
	bool gone = false;
	enum zk_err r = ZK_OK;

	if (has_expired(g, row))
		return pass_over(g, row);
	r = segcache_content(g->rd->v, row->locator, &c);
	if (r == ZK_OK)
		r = gc_is_gone(g->rd, &c, &gone);
	/* it had expired, before the channel was given a longer time */
	if (r == ZK_OK && gone)
		return pass_over(g, row);
	if (r == ZK_OK)
		r = segcache_content(g->rd->v, row->locator, &c);
	if (r == ZK_OK)
		r = give_content(g, row, &c);
	if (r == ZK_OK)
		hold(g, row, c.size, false);
	return r;
}

/* All of them ------------------------------------------------------------- */

static enum zk_err
give_all(struct giving *g)
{
	uint64_t max = g->how->max == 0 ? UINT64_MAX : g->how->max;
	struct msgdb_row row = { .m = 0 };
	enum zk_err r = ZK_OK, e = ZK_OK;

	for (uint64_t n = 0; r == ZK_OK && n < max; ) {
		if (round_stopped(g->rd))
			r = ZK_ESIGNAL;
		if (r == ZK_OK)
			r = msgdb_next(g->rd->v->db, g->ch.c, row.m, &row);
		if (r != ZK_OK)
			break;
		if (is_stopped(g, row.log))
			continue;
		r = give_one(g, &row);
		n += r == ZK_OK && !g->batch[g->n - 1].expired;
		if (is_its_own(r) && !g->refused)
			r = stop_log(g, &row, r);
		if (r == ZK_OK && (g->n == BATCH_N ||
		    g->bytes >= BATCH_BYTES))
			r = flush(g);
	}
	/* what was written before is noted, whatever ended this */
	e = flush(g);
	return r == ZK_OK || r == ZK_ENOENT ? e : r;
}

static enum zk_err
give(struct giving *g)
{
	struct vault *v = g->rd->v;
	enum zk_err r = ZK_OK;

	if (g->how->dir != NULL)
		r = msgdir_open(g->rd, g->how->dir, &g->dir);
	if (r == ZK_OK) {
		r = msgdb_find(v->db, g->how->channel,
		    strlen(g->how->channel), &g->ch);
		/* no message has that number */
		r = r == ZK_ENOENT ? ZK_OK : r;
	}
	if (r == ZK_OK)
		r = msgdb_newest(v->db, g->ch.c, &g->out->newest);
	if (r == ZK_OK && g->out->newest > 0) {
		land_sources(g->rd, g->remotes, &g->from);
		r = download_new(&g->from, &g->d);
		if (r == ZK_OK)
			r = give_all(g);
	}
	download_free(g->d);
	msgdir_close(g->dir);
	free(g->stopped);
	return r;
}

/* Whether what is held can be given out though the fetch came to r. */
static bool
goes_on(enum zk_err r)
{
	int status = err_status(r);

	return status != 1 && status != 2 && status != 24 && r != ZK_ESIGNAL;
}

enum zk_err
sync_msg_recv(struct vault *v, const struct sync_opts *o,
    const struct msg_recv_opts *how, struct msg_received *out,
    struct sync_report *rep)
{
	struct giving *g = calloc(1, sizeof(*g));
	struct vremote *first = NULL;
	struct round rd;
	enum zk_err r = round_begin(&rd, v, o, rep), fetched = ZK_OK;

	memset(out, 0, sizeof(*out));
	if (r == ZK_OK && g == NULL)
		r = ZK_ENOMEM;
	if (r == ZK_OK)
		r = remotes_open(&rd);
	if (r == ZK_OK)
		fetched = round_read_all(&rd, &first);
	if (r == ZK_OK && fetched == ZK_OK)
		fetched = round_gaps(&rd);
	if (r == ZK_OK && goes_on(fetched)) {
		g->rd = &rd;
		g->how = how;
		g->out = out;
		buf_init(&g->name, 256);
		buf_init_secret(&g->whole, WHOLE_MAX);
		r = give(g);
		buf_release(&g->name);
		buf_release(&g->whole);
	}
	free(g);
	return round_finish(&rd, err_worse(fetched, r));
}
