/* Versions that do not know of each other.  See merge.h. */
#include "sync/merge.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/emit.h"
#include "crdt/list.h"
#include "crdt/since.h"
#include "format/compress.h"
#include "format/op.h"
#include "format/opscript.h"
#include "store/store.h"
#include "sync/cuts.h"
#include "sync/prose.h"
#include "sync/round.h"
#include "sync/segcache.h"
#include "sync/segw.h"
#include "text/text.h"
#include "util/log.h"

#define BATCH_N 64
#define BATCH_BYTES (1u << 20)	/* of content inside ops */

/* A merge that is ready to be recorded. */
struct merged {
	struct diverged d;
	struct content content;
	struct buf data, script;
};

struct merger {
	struct round *rd;
	struct vremote *to;
	struct prose *prose;
	struct compress *z;
	struct buf text;	/* what comes out */
	struct buf none;	/* the script without edits */
	struct merged batch[BATCH_N];
	size_t n, bytes;
	bool sent;		/* blobs are on their way */
	bool small;		/* the remote takes no more of them */
};

static void
batch_reset(struct merger *m)
{
	for (size_t i = 0; i < m->n; i++) {
		diverged_release(&m->batch[i].d);
		buf_release(&m->batch[i].data);
		buf_release(&m->batch[i].script);
	}
	m->n = m->bytes = 0;
}

static enum zk_err
tell(struct merger *m, const struct opid *node)
{
	struct round *rd = m->rd;
	struct buf path;
	enum zk_err r = ZK_OK;

	rd->rep->merged++;
	if (rd->o->ui.merged == NULL)
		return ZK_OK;
	buf_init(&path, 1 << 20);
	r = list_path(rd->v->tree, node, &path);
	if (r == ZK_OK)
		rd->o->ui.merged(rd->o->ui.arg, buf_cstr(&path));
	buf_release(&path);
	/* in a directory that is gone, or deeper than a disk can have it */
	return r == ZK_ENOENT || r == ZK_ELIMIT ? ZK_OK : r;
}

/*
 * The merge says when it was made: what looks at times alone (make, a backup)
 * would take the new content for the old one under the time of an edit.
 */
static enum zk_err
emit_one(struct merger *m, struct segw *w, struct merged *one)
{
	int64_t now = env_now_ms(m->rd->v->env);
	struct emit_file f = { .kind = NODE_FILE, .has_mtime = true,
		.mtime_sec = now / 1000,
		.mtime_nsec = (uint32_t)(now % 1000) * 1000000,
		.content = &one->content };

	if (now < 0)
		f.mtime_sec = f.mtime_nsec = 0;
	return emit_merge(segw_emit(w), &one->d.node, one->d.heads, one->d.n,
	    &f);
}

/* A segw_fill. */
static enum zk_err
fill(void *arg, struct segw *w)
{
	struct merger *m = arg;
	enum zk_err r = ZK_OK;

	segw_merges(w);
	for (size_t i = 0; r == ZK_OK && i < m->n; i++)
		r = emit_one(m, w, &m->batch[i]);
	return r == ZK_OK ? cuts_tell_aliases(m->rd, w) : r;
}

/* All of a batch in one transaction, once their blobs are durable. */
static enum zk_err
record(struct merger *m, struct upload *u)
{
	enum zk_err r = m->sent ? upload_flush(u) : ZK_OK;

	if (r != ZK_OK || m->n == 0)
		return r;
	m->sent = false;
	r = segw_batch(m->rd->v, fill, m);
	if (r != ZK_OK)
		return r;
	m->rd->aliases_n = 0;
	for (size_t i = 0; r == ZK_OK && i < m->n; i++)
		r = tell(m, &m->batch[i].d.node);
	batch_reset(m);
	return r;
}

/*
 * The kind and script of a merge.  A text is what the scripts give already,
 * but where versions of equal bytes came about in two ways: once is enough.
 */
static enum zk_err
how(struct merger *m, const struct diverged *d, enum merge_kind kind,
    struct merged *one)
{
	if (kind != MERGE_TEXT || d->texts_n < d->n)
		return prose_script(m->prose, d->heads, d->n, m->text.data,
		    m->text.len, kind, &one->script, &one->content);
	one->content.merge = MERGE_TEXT;
	one->content.script = m->none.data;
	one->content.script_len = m->none.len;
	return ZK_OK;
}

/* m->text as the next of the batch. */
static enum zk_err
add(struct merger *m, struct upload *u, struct diverged *d,
    enum merge_kind kind)
{
	struct merged *one = &m->batch[m->n];
	struct content prev = { 0 };
	uint64_t loc = 0;
	struct buf copy;
	enum zk_err r = ZK_OK;

	buf_init(&copy, 1 << 20);
	memset(one, 0, sizeof(*one));
	buf_init(&one->data, UPLOAD_DATA_MAX);
	buf_init(&one->script, OP_SCRIPT_MAX + 1);
	r = tree_locator(m->rd->v->tree, &d->heads[0], &loc);
	/* one of the versions, for its cutting key */
	if (r == ZK_OK)
		r = segcache_copy(m->rd->v, loc, &prev, &copy);
	if (r == ZK_OK || r == ZK_EGAP)
		r = upload_bytes(u, m->text.data, m->text.len,
		    r == ZK_OK ? &prev : NULL, &one->data,
		    &one->content);
	buf_release(&copy);
	if (r == ZK_OK)
		r = how(m, d, kind, one);
	if (r != ZK_OK) {
		buf_release(&one->data);
		buf_release(&one->script);
		return r;
	}
	one->d = *d;
	memset(d, 0, sizeof(*d));
	m->sent |= one->content.form == CONTENT_MANIFEST;
	m->bytes += one->data.len + one->script.len;
	m->n++;
	return ZK_OK;
}

/* What does not merge, now or at all, stays side by side. */
static enum zk_err
try_one(struct merger *m, struct upload *u, struct diverged *d)
{
	enum merge_kind kind = (enum merge_kind)d->merge;
	enum zk_err r = ZK_OK;

	if (d->merge == MERGE_COPY || d->n < 2 || d->n > OP_REFS_MAX)
		return ZK_OK;
	if (m->prose == NULL)
		r = prose_new(m->rd, false, &m->prose);
	if (r == ZK_OK)
		r = prose_merge(m->prose, d->texts, d->texts_n, &kind,
		    &m->text);
	log_debug("merge of %zu versions: %s", d->n, err_text(r));
	if (r == ZK_EREFUSED || r == ZK_EGAP ||
	    (r == ZK_OK && m->small && m->text.len > OP_INLINE_MAX))
		return ZK_OK;
	return r == ZK_OK ? add(m, u, d, kind) : r;
}

static enum zk_err
run(struct merger *m)
{
	struct upload *u = NULL;
	int64_t after = 0;
	enum zk_err r = cuts_upload(m->rd, m->to, &u);

	while (r == ZK_OK) {
		struct diverged d;

		if (round_stopped(m->rd))
			return ZK_ESIGNAL;
		r = diverged_next(m->rd->v->tree, &after, &d);
		/* from the rest of the loop it is an error */
		if (r == ZK_ENOENT)
			return record(m, u);
		if (r == ZK_OK)
			r = try_one(m, u, &d);
		diverged_release(&d);
		if (r == ZK_OK && (m->n == BATCH_N ||
		    m->bytes >= BATCH_BYTES))
			r = record(m, u);
	}
	return r;
}

/*
 * A remote that is full can be read all the same; a push tells.  What needs no
 * room of its own there is merged.
 */
static enum zk_err
run_small(struct merger *m)
{
	batch_reset(m);
	upload_free(m->to->up);
	m->to->up = NULL;
	m->to = NULL;
	m->small = true;
	m->sent = false;
	return run(m);
}

enum zk_err
merge_run(struct round *rd, struct vremote *to)
{
	struct merger *m = calloc(1, sizeof(*m));
	static const uint8_t nothing[1];
	enum zk_err r = m == NULL ? ZK_ENOMEM : ZK_OK;

	if (m == NULL)
		return r;
	m->rd = rd;
	m->to = to;
	buf_init(&m->text, TEXT_MAX);
	buf_init(&m->none, OP_SCRIPT_MAX);
	r = compress_new(&m->z);
	if (r == ZK_OK)
		r = opscript_pack(m->z, nothing, 0, &m->none);
	if (r == ZK_OK)
		r = run(m);
	if (r == ZK_EREMOTEFULL && m->to != NULL)
		r = run_small(m);
	batch_reset(m);
	prose_free(m->prose);
	compress_free(m->z);
	buf_release(&m->text);
	buf_release(&m->none);
	free(m);
	return r;
}
