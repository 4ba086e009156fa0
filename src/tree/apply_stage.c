/* Content into staging, verified and durable before any name changes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/labels.h"
#include "tree/apply_int.h"
#include "util/io.h"
#include "util/log.h"
#include "util/path.h"
#include "util/pool.h"

#define TMP ".zk/tmp/"
#define HOLE 4096		/* zeroes of this size are not written */
#define SMALLS_MAX 64		/* small files under way, and the bytes */
#define SMALLS_BYTES (2u << 20)	/* that they hold, about */

/*
 * Where something that goes to path is staged: in .zk/tmp, or beside the top
 * of the mount that path is in, since names do not move between mounts.
 */
static enum zk_err
staging_dir(struct apply *a, const char *path, struct buf *out)
{
	struct buf dir;
	char *slash;
	enum zk_err r;

	buf_init(&dir, 2 * PATH_LEN_MAX);
	r = buf_str(&dir, path);
	while (r == ZK_OK) {
		struct base_entry e;

		slash = strrchr(buf_cstr(&dir), '/');
		if (slash == NULL)
			break;
		buf_truncate(&dir, (size_t)(slash - (char *)dir.data));
		r = base_find_path(a->db, buf_cstr(&dir), &e);
		if (r == ZK_OK && e.flags & BASE_MOUNT) {
			buf_put(out, dir.data, dir.len);
			r = buf_str(out, "/.zk-tmp-");
			buf_release(&dir);
			return r;
		}
		if (r == ZK_ENOENT)
			r = ZK_OK;
	}
	buf_release(&dir);
	return r == ZK_OK ? buf_str(out, TMP) : r;
}

static enum zk_err
take_string(struct buf *b, enum zk_err r, char **out)
{
	if (r == ZK_OK)
		r = buf_u8(b, 0);
	*out = r == ZK_OK ? (char *)buf_take(b, &(size_t){ 0 }) : NULL;
	buf_release(b);
	return r;
}

enum zk_err
apply_tmp_name(struct apply *a, const char *path, const char *what,
    char **out)
{
	struct buf b;
	enum zk_err r;

	buf_init(&b, 2 * PATH_LEN_MAX);
	r = a->mounts ? staging_dir(a, path, &b) : buf_str(&b, TMP);
	if (r == ZK_OK)
		r = buf_printf(&b, "%s%u", what, a->seq++);
	return take_string(&b, r, out);
}

/*
 * "b<parent row>-<n>-<name>": enough to put it back near its place.
 */
enum zk_err
apply_out_name(struct apply *a, int64_t row, char **out)
{
	struct base_entry e;
	struct buf b, path;
	size_t n;
	enum zk_err r = base_get(a->db, row, &e);

	*out = NULL;
	if (r != ZK_OK)
		return r;
	buf_init(&b, 2 * PATH_LEN_MAX);
	buf_init(&path, 2 * PATH_LEN_MAX);
	n = e.name_len < 200 ? e.name_len : 200;
	buf_printf(&path, "b%llx-%u-", (unsigned long long)e.parent, a->seq++);
	r = buf_put(&path, e.name, n);
	if (r == ZK_OK && !a->mounts)
		r = buf_str(&b, TMP);
	else if (r == ZK_OK) {
		struct buf at;

		buf_init(&at, 2 * PATH_LEN_MAX);
		r = base_path(a->db, row, &at);
		if (r == ZK_OK)
			r = staging_dir(a, buf_cstr(&at), &b);
		buf_release(&at);
	}
	if (r == ZK_OK)
		r = buf_put(&b, path.data, path.len);
	buf_release(&path);
	return take_string(&b, r, out);
}

static unsigned
mode_of(const struct act *t)
{
	if (t->g->has_mode)
		return t->g->mode & 0777;
	return t->op == PLAN_REPLACE ? t->keep_mode : 0644;
}

/* Mode and times, and the inode to know it by. */
static enum zk_err
finish_file(struct apply *a, struct act *t, int fd, const char *name,
    int dirfd)
{
	unsigned mode = mode_of(t);
	int e = 0;

	if (t->g->has_mtime)
		e = env_utimeat(a->env, dirfd, name, t->g->mtime);
	if (e == 0)
		e = env_fstat(a->env, fd, &t->st);
	/* the umask may have taken some of it */
	if (e == 0 && (t->st.mode & 0777) != mode) {
		e = env_fchmod(a->env, fd, mode);
		if (e == 0)
			e = env_fstat(a->env, fd, &t->st);
	}
	if (e < 0)
		return err_from_errno(-e);
	t->ino = t->st.ino;
	return t->st.size == t->g->size ? ZK_OK : ZK_ETAMPER;
}

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

/* Errors that end the run: the next step would meet them too. */
static bool
is_fatal(enum zk_err r)
{
	return r == ZK_EDISKFULL || r == ZK_ENOMEM || r == ZK_ESIGNAL ||
	    r == ZK_EBUG;
}

/* Small content on its way to staging. */
struct small {
	struct apply *a;
	struct act *t;
	struct buf content;
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
small_write(struct small *s)
{
	struct env *env = s->a->env;
	struct act *t = s->t;
	uint8_t hash[HASH_LEN];
	int fd = -1;
	enum zk_err r = ZK_EBUG;

	hash_bytes(LABEL_HASH_CONTENT, s->content.data, s->content.len, hash);
	s->bad = s->content.len != t->g->size ||
	    memcmp(hash, t->g->hash, HASH_LEN) != 0;
	if (s->bad)
		return ZK_ETAMPER;
	if (t->g->kind == NODE_SYMLINK)
		return stage_link(s->a, t, &s->content, s->dirfd, s->name);
	fd = env_open_beneath(env, s->dirfd, s->name,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode_of(t));
	if (fd < 0)
		return err_from_errno(-fd);
	t->staged = true;
	r = write_sparse(env, fd, s->content.data, s->content.len);
	if (r == ZK_OK)
		r = finish_file(s->a, t, fd, s->name, s->dirfd);
	(void)env_close(env, fd);
	return r;
}

/* On a worker: touches nothing but the act and what the job holds. */
static void
small_work(void *job)
{
	struct small *s = job;

	s->t->r = small_write(s);
}

/* Jobs under way. */
struct smalls {
	struct apply *a;
	struct pool *pool;
	size_t bytes;		/* of content that they hold */
};

/* Ends a job; its error, if that is a fatal one. */
static enum zk_err
small_end(struct small *s)
{
	enum zk_err r = s->t->r;

	if (s->bad)
		log_error(r, &(struct log_where){ s->t->path, NULL },
		    "the content for '%s' is not what was recorded",
		    s->t->path);
	small_free(s);
	return is_fatal(r) ? r : ZK_OK;
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
		r = a->ops->content(a->ops->ctx, t->g, &s->content);
	}
	if (r == ZK_OK)
		r = apply_at(a, act_stage(t), &s->dirfd, &s->name);
	if (r != ZK_OK) {
		t->r = r;
		small_free(s);
		return is_fatal(r) ? r : ZK_OK;
	}
	if (s->dirfd != root_tmp(a->root)) {
		small_work(s);
		return small_end(s);
	}
	w->bytes += s->content.len;
	if (!pool_put(w->pool, s))
		BUG("more is staged at once than there is room for");
	return smalls_take(w, SMALLS_BYTES);
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

/* The name of a large file in staging lasts, so that a rerun can resume. */
static void
large_name(const struct act *t, char out[static 80])
{
	static const char hex[] = "0123456789abcdef";
	char *p = out;

	*p++ = 'p';
	*p++ = '-';
	for (size_t i = 0; i < HASH_LEN; i++) {
		*p++ = hex[t->g->hash[i] >> 4];
		*p++ = hex[t->g->hash[i] & 15];
	}
	*p = '\0';
}

static enum zk_err
open_large(struct apply *a, struct act *t, struct apply_item *item)
{
	char name[80];
	const char *last;
	struct env_stat st;
	int dirfd;
	bool own = t->op != PLAN_TAKE_NEW &&
	    strncmp(t->tmp, TMP, sizeof(TMP) - 1) == 0;
	enum zk_err r = apply_at(a, act_stage(t), &dirfd, &last);

	if (r != ZK_OK)
		return r;
	large_name(t, name);
	item->fd = -EEXIST;
	/* two that want the same content: the second starts from nothing */
	for (size_t i = 0; own && i < a->n; i++)
		own = &a->acts[i] == t || a->acts[i].tmp == NULL ||
		    strcmp(a->acts[i].tmp + sizeof(TMP) - 1, name) != 0;
	if (own) {
		item->fd = env_open_beneath(a->env, dirfd, name,
		    O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
		last = name;
	}
	if (item->fd < 0) {
		own = false;
		r = apply_at(a, act_stage(t), &dirfd, &last);
		if (r != ZK_OK)
			return r;
		item->fd = env_open_beneath(a->env, dirfd, last,
		    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	}
	if (item->fd < 0)
		return err_from_errno(-item->fd);
	if (own) {
		free(t->tmp);
		t->tmp = malloc(sizeof(TMP) + sizeof(name));
		if (t->tmp == NULL)
			return ZK_ENOMEM;
		snprintf(t->tmp, sizeof(TMP) + sizeof(name), TMP "%s", name);
	}
	t->staged = true;
	if (env_fstat(a->env, item->fd, &st) < 0 || !S_ISREG(st.mode))
		return ZK_EIO;
	item->resume = st.size > 0;
	return ZK_OK;
}

static void
open_old(struct apply *a, struct act *t, struct apply_item *item,
    struct buf *refs)
{
	struct base_entry e;

	item->old_fd = -1;
	if (t->row == 0 || base_get(a->db, t->row, &e) != ZK_OK ||
	    e.kind != NODE_FILE || buf_put(refs, e.refs, e.refs_len) != ZK_OK)
		return;
	item->old_refs = refs->data;
	item->old_refs_len = refs->len;
	item->old_fd = root_open(a->root, t->path,
	    O_RDONLY | O_NONBLOCK, 0);
}

static enum zk_err
finish_large(struct apply *a, struct act *t, struct apply_item *item)
{
	const char *name;
	int dirfd;
	enum zk_err r = apply_at(a, act_stage(t), &dirfd, &name);

	return r == ZK_OK ? finish_file(a, t, item->fd, name, dirfd) : r;
}

/* All large files of the batch at once, so that transfers overlap. */
static enum zk_err
stage_large(struct apply *a)
{
	struct apply_item items[APPLY_BATCH_LARGE];
	struct act *of[APPLY_BATCH_LARGE];
	struct buf refs[APPLY_BATCH_LARGE];
	size_t n = 0;
	enum zk_err r = ZK_OK;

	for (size_t i = 0; i < a->n && n < APPLY_BATCH_LARGE; i++) {
		struct act *t = &a->acts[i];

		if (!t->large || t->r != ZK_OK)
			continue;
		items[n] = (struct apply_item) {
			.goal = t->g, .fd = -1, .old_fd = -1, .path = t->path,
			.r = ZK_EBUG
		};
		buf_init(&refs[n], SIZE_MAX);
		t->r = open_large(a, t, &items[n]);
		if (t->r == ZK_OK)
			open_old(a, t, &items[n], &refs[n]);
		of[n] = t;
		if (t->r == ZK_OK)
			n++;
		else if (items[n].fd >= 0)
			(void)env_close(a->env, items[n].fd);
	}
	if (n > 0)
		r = a->ops->fetch(a->ops->ctx, items, n);
	for (size_t i = 0; i < n; i++) {
		of[i]->r = r != ZK_OK ? r : items[i].r;
		if (of[i]->r == ZK_OK)
			of[i]->r = finish_large(a, of[i], &items[i]);
		/* what was not finished stays for a rerun */
		if (of[i]->r != ZK_OK)
			of[i]->staged = false;
		(void)env_close(a->env, items[i].fd);
		if (items[i].old_fd >= 0)
			(void)env_close(a->env, items[i].old_fd);
		buf_release(&refs[i]);
	}
	return r;
}

static enum zk_err
sync_staging(struct apply *a)
{
	const char *name;
	int fd, e = 0;
	bool any = false;

	for (size_t i = 0; i < a->n; i++) {
		struct act *t = &a->acts[i];

		if (!t->staged)
			continue;
		if (strncmp(act_stage(t), TMP, sizeof(TMP) - 1) == 0) {
			any = true;
			continue;
		}
		if (apply_at(a, act_stage(t), &fd, &name) != ZK_OK)
			return ZK_EIO;
		e = env_syncfs(a->env, fd);
		if (e < 0)
			return err_from_errno(-e);
	}
	if (any)
		e = env_syncfs(a->env, root_tmp(a->root));
	return e < 0 ? err_from_errno(-e) : ZK_OK;
}

/* Directories, links and all files but the large ones. */
static enum zk_err
stage_smalls(struct apply *a)
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
			r = is_fatal(t->r) ? t->r : ZK_OK;
		} else {
			r = stage_small(&w, t);
		}
	}
	if (w.pool != NULL)
		last = smalls_take(&w, 0);
	pool_free(w.pool, small_free);
	return r != ZK_OK ? r : last;
}

enum zk_err
apply_stage(struct apply *a)
{
	enum zk_err r = stage_smalls(a);

	if (r == ZK_OK && a->large > 0)
		r = stage_large(a);
	for (size_t i = 0; i < a->n && r == ZK_OK; i++)
		if (is_fatal(a->acts[i].r))
			r = a->acts[i].r;
	return r == ZK_OK ? sync_staging(a) : r;
}
