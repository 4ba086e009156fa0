/* Contents of a restore, brought before anything else.  See restore_int.h. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sync/cuts.h"
#include "sync/gc.h"
#include "sync/restore_int.h"
#include "sync/segcache.h"
#include "tree/apply.h"
#include "tree/whole.h"
#include "util/io.h"
#include "util/log.h"

#define FETCH_N 32		/* files under way together */
#define DATA_MAX (1u << 20)	/* of a manifest in an op, and more */

struct one {
	struct content c, old;
	struct buf data, old_data;
	char *path;
	int fd, old_fd;
	bool resume;
};

struct restore_fetch {
	struct round *rd;
	struct download *d;
	struct one v[FETCH_N];
	size_t n, next;
	enum zk_err first;	/* error of an item */
};

/* What ends a run, whichever remote it is about. */
static bool
fatal(enum zk_err r)
{
	return r == ZK_ESIGNAL || r == ZK_ENOMEM || r == ZK_EDISKFULL ||
	    r == ZK_EBUG || r == ZK_EFORK || r == ZK_EREMOVED;
}

/*
 * A download from the remotes that answer; the others are named, once.  That
 * none does is known before each blob is asked for in vain.
 */
static enum zk_err
reach(struct round *rd, struct download **out)
{
	enum zk_err worst = ZK_OK;
	bool any = rd->remotes_n == 0;

	for (size_t i = 0; i < rd->remotes_n; i++) {
		struct vremote *vr = rd->remotes[i];
		enum zk_err r = vr->err != ZK_OK ? vr->err :
		    remotes_greet(rd, vr);

		/* what is full can still be read */
		if (r == ZK_EREMOTEFULL)
			r = ZK_OK;
		if (fatal(r))
			return r;
		if (r != ZK_OK && vr->err == ZK_OK)
			round_left_out(rd, vr, r);
		vr->err = r;
		any |= r == ZK_OK;
		worst = i == 0 ? r : err_worse(worst, r);
	}
	return any ? land_download(rd, false, out) : worst;
}

enum zk_err
restore_fetch_new(struct round *rd, struct restore_fetch **out)
{
	struct restore_fetch *f = calloc(1, sizeof(*f));

	*out = f;
	if (f == NULL)
		return ZK_ENOMEM;
	f->rd = rd;
	return ZK_OK;
}

static void
reset(struct restore_fetch *f)
{
	for (size_t i = 0; i < f->n; i++) {
		struct one *x = &f->v[i];

		if (x->fd >= 0)
			(void)env_close(f->rd->v->env, x->fd);
		if (x->old_fd >= 0)
			(void)env_close(f->rd->v->env, x->old_fd);
		buf_release(&x->data);
		buf_release(&x->old_data);
		free(x->path);
	}
	f->n = f->next = 0;
}

void
restore_fetch_free(struct restore_fetch *f)
{
	if (f == NULL)
		return;
	reset(f);
	download_free(f->d);
	free(f);
}

/* What is there now may have most of it. */
static void
open_old(struct vault *v, struct one *x)
{
	struct base_entry e;
	struct whole w;
	uint64_t old = 0;
	bool tree;

	if (base_find_path(v->db, x->path, &e) != ZK_OK ||
	    (e.kind != NODE_FILE && e.kind != NODE_TREE))
		return;
	tree = e.kind == NODE_TREE;
	old = refs_locator(e.refs, e.refs_len);
	if (old == 0 || segcache_copy(v, old, &x->old, &x->old_data) != ZK_OK)
		return;
	if (tree) {
		if (whole_read(v->root, x->path, &x->old_fd, &w) != ZK_OK)
			x->old_fd = -1;
		return;
	}
	x->old_fd = root_open(v->root, x->path, O_RDONLY | O_NONBLOCK, 0);
}

static enum zk_err
open_stage(struct vault *v, struct one *x)
{
	char name[APPLY_STAGE_NAME];
	struct env_stat st;
	int tmp = root_tmp(v->root), e = tmp;

	apply_stage_name(x->c.hash, name);
	if (tmp >= 0)
		e = x->fd = env_open_beneath(v->env, tmp, name,
		    O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	if (e >= 0)
		e = env_fstat(v->env, x->fd, &st);
	if (e < 0)
		return tmp < 0 ? root_lost(v->root, err_from_errno(-tmp)) :
		    err_from_errno(-e);
	x->resume = st.size > 0;
	return S_ISREG(st.mode) ? ZK_OK : ZK_EIO;
}

static enum zk_err
next_item(void *arg, struct download_item *out)
{
	struct restore_fetch *f = arg;
	struct one *x = NULL;

	if (f->next == f->n)
		return ZK_ENOENT;
	x = &f->v[f->next++];
	memset(out, 0, sizeof(*out));
	out->c = &x->c;
	out->fd = x->fd;
	out->resume = x->resume;
	out->old = x->old_fd >= 0 ? &x->old : NULL;
	out->old_fd = x->old_fd;
	out->path = x->path;
	return ZK_OK;
}

static enum zk_err
item_done(void *arg, const struct download_item *item, enum zk_err r)
{
	struct restore_fetch *f = arg;

	(void)item;
	if (f->first == ZK_OK)
		f->first = r;
	return ZK_OK;
}

/* Brings what is waiting. */
static enum zk_err
flush(struct restore_fetch *f)
{
	struct download_many m = { next_item, item_done, f };
	enum zk_err r = f->n == 0 ? ZK_OK : download_many(f->d, &m);

	reset(f);
	return r == ZK_OK ? f->first : r;
}

/* The same content is on its way for another path. */
static bool
waiting(const struct restore_fetch *f, const struct content *c)
{
	for (size_t i = 0; i < f->n; i++)
		if (memcmp(f->v[i].c.hash, c->hash, sizeof(c->hash)) == 0)
			return true;
	return false;
}

enum zk_err
restore_fetch_add(struct restore_fetch *f, const char *path,
    const struct content *c)
{
	struct vault *v = f->rd->v;
	struct one *x = &f->v[f->n];
	enum zk_err r = ZK_OK;

	if (c->form == CONTENT_GONE)
		return gc_gone(f->rd, path, c);
	if (c->form != CONTENT_MANIFEST || waiting(f, c))
		return ZK_OK;
	if (f->d == NULL)
		r = reach(f->rd, &f->d);
	if (r != ZK_OK)
		return r;
	memset(x, 0, sizeof(*x));
	x->fd = x->old_fd = -1;
	buf_init(&x->data, DATA_MAX);
	buf_init(&x->old_data, DATA_MAX);
	f->n++;
	x->path = strdup(path);
	r = x->path == NULL ? ZK_ENOMEM :
	    segcache_copy(v, c->locator, &x->c, &x->data);
	if (r == ZK_OK)
		r = gc_gone(f->rd, path, &x->c);
	if (r == ZK_OK) {
		open_old(v, x);
		r = open_stage(v, x);
	}
	if (r == ZK_OK && f->n == FETCH_N)
		r = flush(f);
	return r;
}

enum zk_err
restore_fetch_end(struct restore_fetch *f)
{
	return flush(f);
}

enum zk_err
restore_fetch_clear(struct round *rd)
{
	struct env *env = rd->v->env;
	struct env_dirent d;
	struct env_dir *dir = NULL;
	struct env_stat st;
	int e = 0, tmp = root_tmp(rd->v->root);

	if (tmp < 0)
		return root_lost(rd->v->root, err_from_errno(-tmp));
	dir = env_dir_open(env, tmp, &e);
	while (dir != NULL) {
		e = env_dir_next(env, dir, &d);
		if (e <= 0)
			break;
		/* larger ones are a rerun's to resume */
		if (strncmp(d.name, "p-", 2) == 0 &&
		    env_statat(env, tmp, d.name, &st) == 0 &&
		    st.size <= READ_WHOLE_MAX)
			(void)env_unlinkat(env, tmp, d.name, 0);
	}
	if (dir != NULL)
		env_dir_close(env, dir);
	return e < 0 ? err_from_errno(-e) : ZK_OK;
}

enum zk_err
restore_fetch_one(struct round *rd, const char *path,
    const struct content *c, int fd, struct buf *out)
{
	struct download *d = NULL;
	struct content whole = { 0 };
	struct buf data, bytes;
	struct download_item it = { .c = &whole, .fd = fd, .old_fd = -1,
		.out = out, .path = path };
	enum zk_err r = c->form == CONTENT_MANIFEST ? reach(rd, &d) :
	    land_download(rd, false, &d);

	buf_init(&data, DATA_MAX);
	buf_init(&bytes, READ_WHOLE_MAX);
	if (r == ZK_OK)
		r = segcache_copy(rd->v, c->locator, &whole, &data);
	/* the other gap is a segment that no key here opens */
	if (r == ZK_OK || (r == ZK_EGAP && whole.form == CONTENT_GONE))
		r = gc_gone(rd, path, &whole);
	if (r == ZK_OK && out == NULL && whole.form == CONTENT_INLINE) {
		/* what lies in an op is unpacked in memory */
		r = download_bytes(d, &whole, &bytes);
		if (r == ZK_OK)
			r = io_write_full(rd->v->env, fd, bytes.data,
			    bytes.len);
	} else if (r == ZK_OK && out != NULL) {
		r = download_bytes(d, &whole, out);
	} else if (r == ZK_OK) {
		r = download_file(d, &it);
	}
	buf_release(&data);
	buf_release(&bytes);
	download_free(d);
	return r;
}
