/* Directories, links and small files into staging, on several threads. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/labels.h"
#include "tree/apply_int.h"
#include "util/io.h"
#include "util/log.h"
#include "util/path.h"
#include "util/pool.h"

#define HOLE 4096		/* zeroes of this size are not written */
#define SMALLS_MAX 64		/* small files under way, and the bytes */
#define SMALLS_BYTES (2u << 20)	/* that they hold, about */
#define SYNC_EVERY 1000		/* files staged, then a sync of them begins */

static bool
is_zero(const uint8_t *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

/* Writes all but whole blocks of zeroes, which become holes. */
static enum zk_err
write_sparse(struct env *env, int fd, const uint8_t *p, size_t n)
{
	size_t at = 0;
	int e;

	if (n < HOLE || memchr(p, 0, n) == NULL)
		return io_write_full(env, fd, p, n);
	while (at < n) {
		size_t k = n - at < HOLE ? n - at : HOLE;
		ssize_t w;

		if (k == HOLE && is_zero(p + at, k)) {
			at += k;
			continue;
		}
		w = env_pwrite(env, fd, p + at, k, at);
		if (w < 0)
			return err_from_errno((int)-w);
		at += (size_t)w;
	}
	e = env_ftruncate(env, fd, n);
	return e < 0 ? err_from_errno(-e) : ZK_OK;
}

static enum zk_err
stage_link(struct apply *a, struct act *t, struct buf *content, int dirfd,
    const char *name)
{
	int e;

	if (memchr(content->data, 0, content->len) != NULL ||
	    content->len == 0 || content->len > PATH_LEN_MAX)
		return ZK_EFORMAT;
	e = env_symlinkat(a->env, buf_cstr(content), dirfd, name);
	if (e < 0)
		return err_from_errno(-e);
	t->staged = true;
	if (t->g->has_mtime)
		e = env_utimeat(a->env, dirfd, name, t->g->mtime);
	if (e == 0)
		e = env_statat(a->env, dirfd, name, &t->st);
	if (e < 0)
		return err_from_errno(-e);
	t->ino = t->st.ino;
	return ZK_OK;
}

/*
 * Small content on its way to staging; without an act, a sync of what is
 * there so far, so that the one at the end of the batch has little to wait
 * for.
 */
struct small {
	struct apply *a;
	struct act *t;
	struct buf content;
	bool packed;		/* content is for ops->unpack */
	const char *name;	/* in dirfd, which stays open */
	int dirfd;
	bool bad;		/* not what was recorded */
};

static void
small_free(void *job)
{
	struct small *s = job;

	if (s != NULL)
		buf_release(&s->content);
	free(s);
}

static enum zk_err
small_write(struct small *s, struct buf *content)
{
	struct env *env = s->a->env;
	struct act *t = s->t;
	uint8_t hash[HASH_LEN];
	int fd = -1;
	enum zk_err r = ZK_EBUG;

	hash_bytes(LABEL_HASH_CONTENT, content->data, content->len, hash);
	s->bad = content->len != t->g->size ||
	    memcmp(hash, t->g->hash, HASH_LEN) != 0;
	if (s->bad)
		return ZK_ETAMPER;
	if (t->g->kind == NODE_TREE) {
		struct whole_bytes b = { content->data, content->len };
		struct bundle_source src = whole_from_bytes(&b);

		return apply_write_tree(s->a, t, s->dirfd, s->name, &src);
	}
	if (t->g->kind == NODE_SYMLINK)
		return stage_link(s->a, t, content, s->dirfd, s->name);
	fd = env_open_beneath(env, s->dirfd, s->name,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, apply_mode(t));
	if (fd < 0)
		return err_from_errno(-fd);
	t->staged = true;
	r = write_sparse(env, fd, content->data, content->len);
	if (r == ZK_OK)
		r = apply_finish_file(s->a, t, fd, s->name, s->dirfd);
	(void)env_close(env, fd);
	return r;
}

/*
 * On a worker: touches nothing but the act, what the job holds, and what
 * unpack may.
 */
static void
small_work(void *job)
{
	struct small *s = job;
	const struct apply_ops *ops = s->a->ops;
	struct buf plain;
	enum zk_err r;

	if (s->t == NULL) {
		/* what fails now fails again then */
		(void)env_syncfs(s->a->env, root_tmp(s->a->root));
		return;
	}
	if (!s->packed) {
		s->t->r = small_write(s, &s->content);
		return;
	}
	buf_init(&plain, READ_WHOLE_MAX);
	r = ops->unpack(ops->ctx, s->t->g, &s->content, &plain);
	s->bad = r == ZK_ETAMPER;
	s->t->r = r == ZK_OK ? small_write(s, &plain) : r;
	buf_release(&plain);
}

/* Jobs under way. */
struct smalls {
	struct apply *a;
	struct pool *pool;
	size_t bytes;		/* of content that they hold */
	size_t unsynced;	/* files since the last sync began */
};

/* Ends a job; its error, if that is a fatal one. */
static enum zk_err
small_end(struct small *s)
{
	enum zk_err r = s->t == NULL ? ZK_OK : s->t->r;

	if (s->bad)
		log_error(r, &(struct log_where){ s->t->path, NULL },
		    "the content for '%s' is not what was recorded",
		    s->t->path);
	else if (s->t != NULL)
		apply_bad_tree(s->t);
	small_free(s);
	return apply_fatal(r) ? r : ZK_OK;
}

/* Ends what is done, and waits until at most `left` bytes are under way. */
static enum zk_err
smalls_take(struct smalls *w, size_t left)
{
	enum zk_err r = ZK_OK;

	for (;;) {
		bool full = pool_out(w->pool) == SMALLS_MAX || w->bytes > left;
		struct small *s = pool_take(w->pool,
		    full || (left == 0 && pool_out(w->pool) > 0));
		enum zk_err one = ZK_OK;

		if (s == NULL)
			return r;
		w->bytes -= s->content.len;
		one = small_end(s);
		if (r == ZK_OK)
			r = one;
	}
}

/* The content, in the form that costs this thread least. */
static enum zk_err
small_content(struct small *s)
{
	const struct apply_ops *ops = s->a->ops;
	enum zk_err r = ops->packed == NULL ? ZK_ENOENT :
	    ops->packed(ops->ctx, s->t->g, &s->content);

	s->packed = r == ZK_OK;
	return r == ZK_ENOENT ?
	    ops->content(ops->ctx, s->t->g, &s->content) : r;
}

static enum zk_err
begin_sync(struct smalls *w)
{
	struct small *s = calloc(1, sizeof(*s));

	w->unsynced = 0;
	if (s == NULL)
		return ZK_ENOMEM;
	s->a = w->a;
	buf_init(&s->content, 0);
	if (!pool_put(w->pool, s))
		BUG("more is staged at once than there is room for");
	return smalls_take(w, SMALLS_BYTES);
}

/*
 * A link target or a file of at most READ_WHOLE_MAX bytes.  What goes into
 * .zk/tmp is left to a worker, since that directory stays open.
 */
static enum zk_err
stage_small(struct smalls *w, struct act *t)
{
	struct apply *a = w->a;
	struct small *s = calloc(1, sizeof(*s));
	enum zk_err r = s == NULL ? ZK_ENOMEM : ZK_OK;

	if (r == ZK_OK) {
		*s = (struct small){ .a = a, .t = t };
		buf_init(&s->content, READ_WHOLE_MAX);
		r = small_content(s);
	}
	if (r == ZK_OK)
		r = apply_at(a, act_stage(t), &s->dirfd, &s->name);
	if (r != ZK_OK) {
		t->r = r;
		small_free(s);
		return apply_fatal(r) ? r : ZK_OK;
	}
	if (s->dirfd != root_tmp(a->root)) {
		small_work(s);
		return small_end(s);
	}
	w->bytes += s->content.len;
	if (!pool_put(w->pool, s))
		BUG("more is staged at once than there is room for");
	r = smalls_take(w, SMALLS_BYTES);
	if (r == ZK_OK && ++w->unsynced == SYNC_EVERY)
		r = begin_sync(w);
	return r;
}

static enum zk_err
stage_dir(struct apply *a, struct act *t)
{
	unsigned mode = t->g->has_mode ? t->g->mode & 0777 : 0777;
	struct env_stat st;
	const char *name;
	int dirfd, fd, e;
	enum zk_err r = apply_at(a, act_stage(t), &dirfd, &name);

	if (r != ZK_OK)
		return r;
	e = env_mkdirat(a->env, dirfd, name, mode | 0700);
	if (e < 0)
		return err_from_errno(-e);
	t->staged = true;
	/* the process's mask may have taken bits away */
	fd = env_openat(a->env, dirfd, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd < 0)
		return err_from_errno(-fd);
	e = t->g->has_mode ? env_fchmod(a->env, fd, mode | 0700) : 0;
	if (e == 0)
		e = env_fstat(a->env, fd, &st);
	(void)env_close(a->env, fd);
	if (e < 0)
		return err_from_errno(-e);
	t->ino = st.ino;
	return ZK_OK;
}

enum zk_err
apply_stage_smalls(struct apply *a)
{
	struct smalls w = { .a = a };
	enum zk_err r = pool_new(a->env, 0, SMALLS_MAX, small_work, &w.pool);
	enum zk_err last = ZK_OK;

	for (size_t i = 0; i < a->n && r == ZK_OK; i++) {
		struct act *t = &a->acts[i];
		bool brings = t->op == PLAN_CREATE || t->op == PLAN_REPLACE ||
		    t->op == PLAN_TAKE_NEW;

		if (!brings || t->large || t->skip || t->r != ZK_OK)
			continue;
		if (t->g->kind == NODE_DIR) {
			t->r = stage_dir(a, t);
			r = apply_fatal(t->r) ? t->r : ZK_OK;
		} else {
			r = stage_small(&w, t);
		}
	}
	if (w.pool != NULL)
		last = smalls_take(&w, 0);
	pool_free(w.pool, small_free);
	return r != ZK_OK ? r : last;
}
