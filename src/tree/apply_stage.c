/* Content into staging, verified and durable before any name changes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tree/apply_int.h"
#include "util/hex.h"
#include "util/path.h"

#define TMP ".zk/tmp/"

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

unsigned
apply_mode(const struct act *t)
{
	if (t->g->has_mode)
		return t->g->mode & 0777;
	return t->op == PLAN_REPLACE ? t->keep_mode : 0644;
}

enum zk_err
apply_finish_file(struct apply *a, struct act *t, int fd, const char *name,
    int dirfd)
{
	unsigned mode = apply_mode(t);
	int e = 0;

	if (t->g->has_mtime)
		e = env_utimeat(a->env, dirfd, name, t->g->mtime);
	/* the umask has taken some of it, as a rule: asking costs as much */
	if (e == 0)
		e = env_fchmod(a->env, fd, mode);
	if (e == 0)
		e = env_fstat(a->env, fd, &t->st);
	if (e < 0)
		return err_from_errno(-e);
	t->ino = t->st.ino;
	return t->st.size == t->g->size ? ZK_OK : ZK_ETAMPER;
}

bool
apply_fatal(enum zk_err r)
{
	return r == ZK_EDISKFULL || r == ZK_ENOMEM || r == ZK_ESIGNAL ||
	    r == ZK_EBUG;
}

void
apply_stage_name(const uint8_t hash[static HASH_LEN],
    char out[static APPLY_STAGE_NAME])
{
	out[0] = 'p';
	out[1] = '-';
	hex_text(hash, HASH_LEN, out + 2);
}

static enum zk_err
open_large(struct apply *a, struct act *t, struct apply_item *item)
{
	char name[APPLY_STAGE_NAME];
	const char *last;
	struct env_stat st;
	int dirfd;
	bool own = t->op != PLAN_TAKE_NEW &&
	    strncmp(t->tmp, TMP, sizeof(TMP) - 1) == 0;
	enum zk_err r = apply_at(a, act_stage(t), &dirfd, &last);

	if (r != ZK_OK)
		return r;
	apply_stage_name(t->g->hash, name);
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
	struct whole w;

	item->old_fd = -1;
	if (t->row == 0 || base_get(a->db, t->row, &e) != ZK_OK ||
	    (e.kind != NODE_FILE && e.kind != NODE_TREE) ||
	    buf_put(refs, e.refs, e.refs_len) != ZK_OK)
		return;
	item->old_refs = refs->data;
	item->old_refs_len = refs->len;
	/* should it not be had, more is fetched */
	if (e.kind == NODE_TREE) {
		if (whole_read(a->root, t->path, &item->old_fd, &w) != ZK_OK)
			item->old_fd = -1;
		return;
	}
	item->old_fd = root_open(a->root, t->path,
	    O_RDONLY | O_NONBLOCK, 0);
}

static enum zk_err
finish_large(struct apply *a, struct act *t, struct apply_item *item)
{
	const char *name;
	int dirfd;
	enum zk_err r;

	if (apply_is_tree(t))
		return apply_finish_stream(a, t, item);
	r = apply_at(a, act_stage(t), &dirfd, &name);
	return r == ZK_OK ? apply_finish_file(a, t, item->fd, name, dirfd) : r;
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
		t->r = apply_is_tree(t) ? apply_open_stream(a, t, &items[n]) :
		    open_large(a, t, &items[n]);
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
		apply_bad_tree(of[i]);
		/* what was not finished stays for a rerun */
		if (of[i]->r != ZK_OK && !apply_is_tree(of[i]))
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

enum zk_err
apply_stage(struct apply *a)
{
	enum zk_err r = apply_stage_smalls(a);

	if (r == ZK_OK && a->large > 0)
		r = stage_large(a);
	for (size_t i = 0; i < a->n && r == ZK_OK; i++)
		if (apply_fatal(a->acts[i].r))
			r = a->acts[i].r;
	return r == ZK_OK ? sync_staging(a) : r;
}
