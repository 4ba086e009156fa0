/* Making a difference ready to be recorded.  See prepare.h. */
#include "sync/prepare.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/list.h"
#include "crdt/seen.h"
#include "crypto/labels.h"
#include "format/compress.h"
#include "format/op.h"
#include "sync/cuts.h"
#include "sync/entry.h"
#include "sync/prose.h"
#include "text/text.h"
#include "tree/kinds.h"
#include "tree/read.h"
#include "tree/whole.h"
#include "util/log.h"
#include "util/io.h"
#include "util/path.h"
#include "util/pool.h"

#define PREPARE_AHEAD 128	/* differences given and not yet taken */
#define PREPARE_SMALL (128u * 1024)	/* bytes of a file read by a worker */

struct preparer {
	struct round *rd;
	struct upload *u;
	struct pool *pool;
	struct compress_set *z;	/* of the workers */
	struct prose *prose;	/* once a file was edited */
	struct kinds *kinds;	/* with it */
};

void
prepared_free(struct prepared *p)
{
	if (p == NULL)
		return;
	buf_release(&p->data);
	buf_release(&p->script);
	buf_release(&p->text);
	buf_release(&p->seen);
	free(p->path);
	free(p);
}

/* True for failures of one path, which is then left out of the run. */
static bool
of_path(enum zk_err r)
{
	return r == ZK_ECHANGED || r == ZK_EPERM || r == ZK_EIO ||
	    r == ZK_ENOENT || r == ZK_EUSAGE;
}

/* Whether it may be another version of a file that base has. */
static bool
is_edit(const struct diff *d)
{
	return d->kind == NODE_FILE && d->row != 0 &&
	    (d->what == DIFF_CHANGED || d->what == DIFF_MOVED);
}

/* A file that may be a text: its bytes are kept, to be compared. */
static enum zk_err
read_text(struct round *rd, struct upload *u, struct prepared *p, int fd,
    uint64_t size, const struct content *prev)
{
	size_t n = 0;
	enum zk_err r = buf_reserve(&p->text, (size_t)size + 1);

	if (r == ZK_OK)
		r = io_read_some(rd->v->env, fd, p->text.data,
		    (size_t)size + 1, &n);
	if (r == ZK_OK && n != size)
		r = ZK_ECHANGED;
	if (r == ZK_OK) {
		p->text.len = n;
		r = upload_bytes(u, p->text.data, n, prev, &p->data,
		    &p->content);
	}
	return r;
}

static enum zk_err
read_file(struct round *rd, struct upload *u, struct prepared *p,
    const struct content *prev)
{
	struct env_stat st;
	struct env_time seen;
	int fd = -1;
	enum zk_err r = read_open(rd->v->root, p->path, &fd, &st, &seen);

	if (r != ZK_OK)
		return r;
	if (is_edit(&p->d) && st.size <= TEXT_MAX)
		r = read_text(rd, u, p, fd, st.size, prev);
	else
		r = upload_file(u, fd, prev, &p->data, &p->content);
	if (r == ZK_OK)
		r = read_same(rd->v->env, fd, &st);
	(void)env_close(rd->v->env, fd);
	base_stat_from(&st, &p->st);
	p->racy = base_racy(&st, seen, false);
	return r;
}

/* A directory kept as one: its stream, as of one moment. */
static enum zk_err
read_tree(struct round *rd, struct upload *u, struct prepared *p,
    const struct content *prev)
{
	struct whole w;
	int fd = -1;
	enum zk_err r = whole_read(rd->v->root, p->path, &fd, &w);

	if (r != ZK_OK)
		return r;
	r = upload_file(u, fd, prev, &p->data, &p->content);
	(void)env_close(rd->v->env, fd);
	base_stat_from(&w.st, &p->st);
	p->racy = w.racy;
	return r;
}

static enum zk_err
read_link(struct round *rd, struct upload *u, struct prepared *p)
{
	struct read_hasher h = cuts_hasher(rd);
	struct read_result res;
	struct buf target;
	enum zk_err r = ZK_EBUG;

	buf_init(&target, PATH_LEN_MAX);
	r = read_entry(rd->v->root, &h, p->path, NULL, &target, &res);
	if (r == ZK_OK && res.kind != NODE_SYMLINK)
		r = ZK_ECHANGED;
	if (r == ZK_OK)
		r = upload_bytes(u, target.data, target.len, NULL,
		    &p->data, &p->content);
	if (r == ZK_OK) {
		base_stat_from(&res.st, &p->st);
		p->racy = base_racy(&res.st, res.seen, false);
	}
	buf_release(&target);
	return r;
}

/* The content of the version that base has, for its cutting key. */
static enum zk_err
previous(struct round *rd, const struct diff *d, struct content *out,
    bool *has)
{
	struct base_entry e;
	uint64_t loc = 0;
	enum zk_err r = ZK_OK;

	*has = false;
	if (d->row == 0)
		return ZK_OK;
	r = base_get(rd->v->db, d->row, &e);
	if (r != ZK_OK)
		return r;
	loc = refs_locator(e.refs, e.refs_len);
	if (loc == 0 || e.kind == NODE_SYMLINK)
		return ZK_OK;
	r = segcache_content(rd->v, loc, out);
	*has = r == ZK_OK;
	return r == ZK_EGAP ? ZK_OK : r;
}

static enum zk_err
read_content(struct round *rd, struct upload *u, struct prepared *p)
{
	struct content prev = { 0 };
	struct buf copy;
	bool has = false;
	enum zk_err r = previous(rd, &p->d, &prev, &has);

	/* the cache may drop what prev lends while the file is read */
	buf_init(&copy, 1 << 20);
	if (r == ZK_OK && has)
		r = buf_put(&copy, prev.data, prev.data_len);
	prev.data = copy.data;
	if (r == ZK_OK)
		r = p->d.kind == NODE_SYMLINK ? read_link(rd, u, p) :
		    p->d.kind == NODE_TREE ?
		    read_tree(rd, u, p, has ? &prev : NULL) :
		    read_file(rd, u, p, has ? &prev : NULL);
	p->read = r == ZK_OK;
	buf_release(&copy);
	return r;
}

/* Whether what was found can be taken for the tree's entry. */
static bool
equal(const struct prepared *p, const struct list_entry *e)
{
	if (e->kind != p->d.kind)
		return false;
	return e->kind == NODE_DIR || (e->content.size == p->content.size &&
	    memcmp(e->content.hash, p->content.hash,
	    sizeof(p->content.hash)) == 0);
}

/*
 * What base is to hold for an entry taken over: its nodes without those that
 * another row stands for.  One of a union that was at this path may just have
 * been moved away here; its move is still to be recorded, and it stays known
 * by its own row alone.  A copy is known by its branch: another row stands for
 * its node, too.
 */
static enum zk_err
take_seen(struct db *db, const struct list_entry *e, struct buf *out)
{
	struct seen s;
	size_t n = 0;
	enum zk_err r = ZK_EBUG;

	if ((e->flags & LIST_COPY) != 0)
		return buf_put(out, e->seen, e->seen_len);
	seen_init(&s);
	r = seen_decode(e->seen, e->seen_len, &s);
	for (size_t i = 0; r == ZK_OK && i < s.n; i++) {
		struct seen_node node = s.nodes[i];
		int64_t row = 0;

		r = base_by_node(db, &node.id, &row);
		if (r == ZK_ENOENT) {
			s.nodes[i] = s.nodes[n];
			s.nodes[n++] = node;
			r = ZK_OK;
		}
	}
	for (size_t i = n; r == ZK_OK && i < s.n; i++)
		free(s.nodes[i].refs);
	if (r == ZK_OK) {
		s.n = n;
		r = seen_encode(&s, out);
	}
	seen_release(&s);
	return r;
}

/* Looks the path up in the merged tree, for what base does not have. */
static enum zk_err
try_adopt(struct round *rd, struct prepared *p)
{
	const struct list_entry *e = NULL;
	struct list *l = NULL;
	int64_t row = 0;
	enum zk_err r = list_lookup(rd->v->tree, (const uint8_t *)p->path,
	    strlen(p->path), &l);

	if (r == ZK_OK)
		r = list_next(l, &e);
	if (r == ZK_OK && equal(p, e)) {
		/* a copy is known by its branch */
		r = base_by_node(rd->v->db, &e->key, &row);
		if (r == ZK_ENOENT) {
			p->adopt = true;
			p->copy = (e->flags & LIST_COPY) != 0;
			p->key = e->key;
			p->locator = e->content.locator;
			r = take_seen(rd->v->db, e, &p->seen);
		}
	}
	list_close(l);
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* Content is read for what is new or may have changed. */
static bool
wants_content(const struct diff *d)
{
	if (d->kind == NODE_DIR || d->kind == 0)
		return false;
	return d->what == DIFF_NEW || d->what == DIFF_KIND ||
	    d->what == DIFF_CHANGED || d->what == DIFF_KEPT ||
	    d->what == DIFF_MOVED;
}

/* Scripts ----------------------------------------------------------------- */

/* The bytes of what was read, where they are not at hand. */
static enum zk_err
unpack_text(struct prepared *p)
{
	struct compress *z = NULL;
	enum zk_err r = ZK_OK;

	if (p->text.len > 0 || p->content.form != CONTENT_INLINE)
		return ZK_OK;
	z = compress_set_take(p->by->z);
	if (z == NULL)
		return ZK_ENOMEM;
	r = compress_unpack(z, p->content.data, p->content.data_len,
	    p->content.size, &p->text);
	compress_set_give(p->by->z, z);
	return r;
}

/* How what was read came of what base has. */
static enum zk_err
add_script(struct preparer *by, struct prepared *p)
{
	struct opid *refs = NULL;
	const uint8_t *seen = NULL;
	enum merge_kind kind = MERGE_COPY;
	struct base_entry e;
	size_t n = 0, len = 0;
	enum zk_err r = base_get(by->rd->v->db, p->d.row, &e);

	/* mode or times alone, or too large for a text */
	if (r != ZK_OK || e.kind != NODE_FILE || p->content.size > TEXT_MAX ||
	    (e.size == p->content.size && memcmp(e.hash, p->content.hash,
	    sizeof(e.hash)) == 0))
		return r;
	refs = calloc(OP_REFS_MAX, sizeof(*refs));
	seen = refs_seen(e.refs, e.refs_len, &len);
	r = refs == NULL ? ZK_ENOMEM : entry_replaced(seen, len, refs, &n);
	if (r == ZK_OK && by->prose == NULL)
		r = prose_new(by->rd, false, &by->prose);
	if (r == ZK_OK && by->kinds == NULL)
		r = kinds_new(by->rd->v->root, &by->kinds);
	if (r == ZK_OK)
		r = kinds_of(by->kinds, p->path, &kind);
	/* what cannot be read says nothing that could be relied on */
	if (r == ZK_EIO || r == ZK_EPERM)
		r = ZK_OK;
	if (r == ZK_OK)
		r = unpack_text(p);
	if (r == ZK_OK)
		r = prose_script(by->prose, refs, n, p->text.data,
		    p->text.len, kind, &p->script, &p->content);
	buf_release(&p->text);
	buf_init(&p->text, TEXT_MAX + 1);
	free(refs);
	return r;
}

/* Small files, on a worker ------------------------------------------------ */

/* The content of a whole small file, as upload_file would give it. */
static enum zk_err
pack(struct prepared *p, const uint8_t *bytes, size_t n)
{
	struct compress *z = compress_set_take(p->by->z);
	enum zk_err r = z == NULL ? ZK_ENOMEM :
	    compress_pack(z, bytes, n, &p->data);

	if (z != NULL)
		compress_set_give(p->by->z, z);
	if (r != ZK_OK)
		return r;
	hash_bytes(LABEL_HASH_CONTENT, bytes, n, p->content.hash);
	p->content.form = CONTENT_INLINE;
	p->content.size = n;
	p->content.data = p->data.data;
	p->content.data_len = p->data.len;
	return ZK_OK;
}

/* Any failure leaves the file to the ordinary way, which reports it. */
static void
work(void *job)
{
	struct prepared *p = job;
	struct env *env = p->by->rd->v->env;
	struct env_stat st;
	struct env_time seen;
	uint8_t *bytes = NULL;
	size_t n = 0;
	int fd = -1;

	if (!wants_content(&p->d) || p->d.kind != NODE_FILE ||
	    p->d.st.size > PREPARE_SMALL ||
	    read_open(p->by->rd->v->root, p->path, &fd, &st, &seen) != ZK_OK)
		return;
	bytes = st.size <= PREPARE_SMALL ? malloc(PREPARE_SMALL + 1) : NULL;
	if (bytes != NULL && io_read_some(env, fd, bytes,
	    PREPARE_SMALL + 1, &n) == ZK_OK && n == st.size &&
	    read_same(env, fd, &st) == ZK_OK && pack(p, bytes, n) == ZK_OK) {
		base_stat_from(&st, &p->st);
		p->racy = base_racy(&st, seen, false);
		p->read = true;
	}
	if (!p->read)
		buf_reset(&p->data);
	free(bytes);
	(void)env_close(env, fd);
}

enum zk_err
preparer_new(struct round *rd, struct upload *u, struct preparer **out)
{
	struct preparer *p = calloc(1, sizeof(*p));
	enum zk_err r = ZK_EBUG;

	*out = NULL;
	if (p == NULL)
		return ZK_ENOMEM;
	p->rd = rd;
	p->u = u;
	r = compress_set_new(&p->z);
	if (r == ZK_OK)
		r = pool_new(rd->v->env, 0, PREPARE_AHEAD, work, &p->pool);
	if (r == ZK_OK)
		*out = p;
	else
		preparer_free(p);
	return r;
}

static void
drop(void *job)
{
	prepared_free(job);
}

void
preparer_free(struct preparer *p)
{
	if (p == NULL)
		return;
	pool_free(p->pool, drop);
	prose_free(p->prose);
	kinds_free(p->kinds);
	compress_set_free(p->z);
	free(p);
}

bool
preparer_room(const struct preparer *p)
{
	return pool_out(p->pool) < PREPARE_AHEAD;
}

enum zk_err
preparer_give(struct preparer *by, const struct diff *d)
{
	struct prepared *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return ZK_ENOMEM;
	buf_init(&p->data, UPLOAD_INLINE_MAX + 1);
	buf_init(&p->script, OP_SCRIPT_MAX + 1);
	buf_init(&p->text, TEXT_MAX + 1);
	buf_init(&p->seen, 1 << 24);
	p->by = by;
	p->d = *d;
	p->st = d->st;
	p->path = malloc(d->path_len + 1);
	if (p->path == NULL) {
		prepared_free(p);
		return ZK_ENOMEM;
	}
	memcpy(p->path, d->path, d->path_len);
	p->path[d->path_len] = '\0';
	p->d.path = p->path;
	if (!pool_put(by->pool, p))
		BUG("a preparer without room");
	return ZK_OK;
}

enum zk_err
preparer_take(struct preparer *by, bool adopt, struct prepared **out)
{
	struct round *rd = by->rd;
	struct prepared *p = pool_take(by->pool, true);
	enum zk_err r = ZK_OK;

	*out = NULL;
	if (p == NULL)
		return ZK_OK;
	if (!p->read && wants_content(&p->d)) {
		buf_release(&p->data);
		buf_init(&p->data, UPLOAD_DATA_MAX);
		r = read_content(rd, by->u, p);
	}
	if (r == ZK_OK && p->read && is_edit(&p->d))
		r = add_script(by, p);
	if (r != ZK_OK && of_path(r) && !upload_ended(by->u))
		r = round_skip(rd, p->path, r);
	if (r == ZK_OK && adopt && p->d.what == DIFF_NEW)
		r = try_adopt(rd, p);
	if ((r == ZK_EPARTIAL || r == ZK_ENOENT) && p->d.kind == NODE_TREE) {
		enum zk_err e = capture_hold(rd, p->path);

		r = e != ZK_OK ? e : r;
	}
	if (r == ZK_OK)
		*out = p;
	else
		prepared_free(p);
	return r;
}
