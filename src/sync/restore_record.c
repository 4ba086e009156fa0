/*
 * What is restored, as ops of this device's log.  They say what base shows,
 * as those of any local change; the landing that follows brings base and the
 * disk to them.  See restore_int.h.
 */
#include <stdlib.h>
#include <string.h>

#include "crdt/emit.h"
#include "format/compress.h"
#include "format/op.h"
#include "sync/cuts.h"
#include "sync/entry.h"
#include "sync/prose.h"
#include "sync/restore_int.h"
#include "sync/segcache.h"
#include "sync/segw.h"
#include "text/text.h"
#include "tree/kinds.h"
#include "util/path.h"

#define BATCH_N 4096

/* A directory that was made here: base does not know it yet. */
struct made {
	char *path;
	struct buf seen;
};

struct restore_record {
	struct round *rd;
	struct segw *w;			/* NULL: no transaction is open */
	size_t n;			/* entries in it */
	struct made dirs[PATH_DEPTH_MAX]; /* each in the one before */
	size_t dirs_n;
	struct buf dir, old, seen;	/* scratch */
	struct prose *prose;		/* once a file is edited */
	struct kinds *kinds;
	struct compress *z;
	struct buf script, text;
};

enum zk_err
restore_record_new(struct round *rd, struct restore_record **out)
{
	struct restore_record *rec = calloc(1, sizeof(*rec));

	*out = rec;
	if (rec == NULL)
		return ZK_ENOMEM;
	rec->rd = rd;
	buf_init(&rec->dir, 1 << 24);
	buf_init(&rec->old, 1 << 24);
	buf_init(&rec->seen, 1 << 24);
	buf_init(&rec->script, OP_SCRIPT_MAX + 1);
	buf_init(&rec->text, TEXT_MAX);
	return ZK_OK;
}

static void
leave_to(struct restore_record *rec, size_t n)
{
	while (rec->dirs_n > n) {
		struct made *m = &rec->dirs[--rec->dirs_n];

		free(m->path);
		buf_release(&m->seen);
	}
}

void
restore_record_free(struct restore_record *rec)
{
	if (rec == NULL)
		return;
	segw_abort(rec->w);
	leave_to(rec, 0);
	buf_release(&rec->dir);
	buf_release(&rec->old);
	buf_release(&rec->seen);
	buf_release(&rec->script);
	buf_release(&rec->text);
	prose_free(rec->prose);
	kinds_free(rec->kinds);
	compress_free(rec->z);
	free(rec);
}

enum zk_err
restore_record_end(struct restore_record *rec)
{
	struct segw *w = rec->w;
	enum zk_err r = ZK_OK;

	rec->w = NULL;
	rec->n = 0;
	if (w == NULL)
		return ZK_OK;
	r = segw_end(w, false);
	return segw_commit(rec->rd->v, r);
}

static enum zk_err
begin(struct restore_record *rec)
{
	struct db *db = rec->rd->v->db;
	enum zk_err r = ZK_OK;

	if (rec->n == BATCH_N)
		r = restore_record_end(rec);
	if (r != ZK_OK || rec->w != NULL)
		return r;
	r = db_begin(db);
	if (r == ZK_OK)
		r = segw_begin(rec->rd->v, &rec->w);
	if (r != ZK_OK)
		db_rollback(db);
	return r;
}

/* Copies what base says that the path (n bytes) stands for. */
static enum zk_err
base_seen(struct restore_record *rec, const char *path, size_t n,
    struct buf *out)
{
	struct base_entry e;
	struct buf b;
	const uint8_t *seen = NULL;
	size_t len = 0;
	enum zk_err r = ZK_EBUG;

	buf_init(&b, PATH_LEN_MAX);
	buf_reset(out);
	r = buf_put(&b, path, n);
	if (r == ZK_OK)
		r = base_find_path(rec->rd->v->db, buf_cstr(&b), &e);
	if (r == ZK_OK)
		seen = refs_seen(e.refs, e.refs_len, &len);
	if (r == ZK_OK)
		r = buf_put(out, seen, len);
	buf_release(&b);
	return r;
}

/* The place of path; *at lends from rec until the next call. */
static enum zk_err
place(struct restore_record *rec, const char *path, struct emit_at *at)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - path);
	size_t up = rec->dirs_n;
	enum zk_err r = ZK_OK;

	memset(at, 0, sizeof(*at));
	at->name = (const uint8_t *)(slash == NULL ? path : slash + 1);
	at->name_len = strlen((const char *)at->name);
	while (up > 0 && (strncmp(rec->dirs[up - 1].path, path, n) != 0 ||
	    rec->dirs[up - 1].path[n] != '\0'))
		up--;
	leave_to(rec, up);
	if (slash == NULL)
		return ZK_OK;
	if (up > 0) {
		at->dir_seen = rec->dirs[up - 1].seen.data;
		at->dir_seen_len = rec->dirs[up - 1].seen.len;
		return ZK_OK;
	}
	r = base_seen(rec, path, n, &rec->dir);
	at->dir_seen = rec->dir.data;
	at->dir_seen_len = rec->dir.len;
	return r == ZK_ENOENT ? ZK_ECHANGED : r;
}

/* The directory just made: entries below it follow. */
static enum zk_err
enter(struct restore_record *rec, const char *path)
{
	struct made *m = &rec->dirs[rec->dirs_n];

	if (rec->dirs_n == PATH_DEPTH_MAX)
		return ZK_ELIMIT;
	m->path = strdup(path);
	if (m->path == NULL)
		return ZK_ENOMEM;
	buf_init(&m->seen, 1 << 24);
	rec->dirs_n++;
	return buf_put(&m->seen, rec->seen.data, rec->seen.len);
}

static void
describe(const struct version_file *f, const struct content *c,
    struct emit_file *out)
{
	*out = (struct emit_file){ .kind = f->kind, .has_mode = f->has_mode,
		.mode = f->mode, .has_mtime = f->has_mtime,
		.mtime_sec = f->mtime_sec, .mtime_nsec = f->mtime_nsec,
		.content = c };
}

/*
 * How a version comes of the one that it takes the place of.  Both are had
 * from their ops, in the transaction at hand: large ones stand by themselves.
 */
static enum zk_err
add_script(struct restore_record *rec, const char *path, struct content *c)
{
	enum merge_kind kind = MERGE_COPY;
	struct opid *refs = NULL;
	size_t n = 0;
	enum zk_err r = ZK_OK;

	if (c->form != CONTENT_INLINE || c->size > TEXT_MAX)
		return ZK_OK;
	if (rec->prose == NULL)
		r = prose_new(rec->rd, true, &rec->prose);
	if (r == ZK_OK && rec->kinds == NULL)
		r = kinds_new(rec->rd->v->root, &rec->kinds);
	if (r == ZK_OK)
		r = kinds_of(rec->kinds, path, &kind);
	if (r == ZK_EIO || r == ZK_EPERM)
		r = ZK_OK;
	if (r == ZK_OK && rec->z == NULL)
		r = compress_new(&rec->z);
	buf_reset(&rec->text);
	if (r == ZK_OK)
		r = compress_unpack(rec->z, c->data, c->data_len, c->size,
		    &rec->text);
	refs = r == ZK_OK ? calloc(OP_REFS_MAX, sizeof(*refs)) : NULL;
	if (r == ZK_OK && refs == NULL)
		r = ZK_ENOMEM;
	if (r == ZK_OK)
		r = entry_replaced(rec->old.data, rec->old.len, refs, &n);
	if (r == ZK_OK)
		r = prose_script(rec->prose, refs, n, rec->text.data,
		    rec->text.len, kind, &rec->script, c);
	free(refs);
	return r;
}

/* What differs from base, as an edit. */
static enum zk_err
edit(struct restore_record *rec, const char *path, const struct emit_at *at,
    const struct emit_file *whole, struct content *c)
{
	struct emit_file f = *whole;
	struct base_entry e;
	enum zk_err r = base_seen(rec, path, strlen(path), &rec->old);

	if (r == ZK_OK)
		r = base_find_path(rec->rd->v->db, path, &e);
	if (r != ZK_OK)
		return r == ZK_ENOENT ? ZK_ECHANGED : r;
	if (f.content != NULL && e.size == f.content->size &&
	    memcmp(e.hash, f.content->hash, sizeof(e.hash)) == 0)
		f.content = NULL;
	f.has_mode = f.has_mode && f.mode != e.mode;
	f.has_mtime = f.has_mtime && f.content != NULL;
	if (f.content != NULL && e.kind == NODE_FILE)
		r = add_script(rec, path, c);
	if (r != ZK_OK)
		return r;
	return emit_edit(segw_emit(rec->w), rec->old.data, rec->old.len, at,
	    &f, whole, &rec->seen);
}

/* The content of a version, for an op that says how it came by itself. */
static enum zk_err
content_of(struct restore_record *rec, const struct version_file *f,
    struct content *c, struct buf *data)
{
	enum zk_err r = segcache_copy(rec->rd->v, f->content.locator, c,
	    data);

	c->merge = MERGE_COPY;
	c->script = NULL;
	c->script_len = 0;
	return r;
}

enum zk_err
restore_record_add(struct restore_record *rec, const char *path,
    const struct version_file *f, enum restore_do what)
{
	struct emit_at at;
	struct emit_file whole;
	struct content c;
	struct buf data;
	bool has = f->content.form != CONTENT_NONE;
	enum zk_err r = begin(rec);

	if (r == ZK_OK)
		r = place(rec, path, &at);
	buf_init(&data, 1 << 20);
	if (r == ZK_OK && has)
		r = content_of(rec, f, &c, &data);
	describe(f, has ? &c : NULL, &whole);
	buf_reset(&rec->seen);
	rec->n++;
	if (r == ZK_OK && what == RESTORE_EDIT) {
		r = edit(rec, path, &at, &whole, &c);
	} else if (r == ZK_OK) {
		r = emit_create(segw_emit(rec->w), &at, &whole, &rec->seen);
		if (r == ZK_OK && f->kind == NODE_DIR)
			r = enter(rec, path);
	}
	buf_release(&data);
	return r;
}
