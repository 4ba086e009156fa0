/* What follows from more than one entry. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tree/scan_int.h"
#include "tree/shown.h"
#include "util/path.h"

enum zk_err
scan_set_fsid(struct scan *s, const char *path, uint64_t fsid)
{
	return diff_set_fsid(s->db, path, strlen(path), fsid);
}

enum zk_err
scan_promote(struct scan *s, int64_t row)
{
	struct base_entry e;
	struct diff d = { .what = DIFF_KEPT, .row = row };
	struct buf path;
	bool done = false;
	enum zk_err r;

	if (row == 0 || row == BASE_ROOT)
		return ZK_OK;
	r = base_get(s->db, row, &e);
	if (r != ZK_OK || (e.flags & BASE_KEPT) == 0)
		return r;
	r = diff_has(s->db, 1u << DIFF_KEPT, row, &done);
	if (r != ZK_OK || done)
		return r;
	d.parent = e.parent;
	d.kind = e.kind;
	d.st = e.st;
	r = scan_promote(s, d.parent);
	if (r != ZK_OK)
		return r;
	buf_init(&path, 2 * PATH_LEN_MAX);
	r = base_path(s->db, row, &path);
	d.path = buf_cstr(&path);
	d.path_len = path.len;
	if (r == ZK_OK)
		r = diff_add(s->db, &d);
	buf_release(&path);
	return r;
}

/*
 * Whether s->name, which is not listed, is only another name for what is, on
 * a disk that takes some names for the same.
 */
static bool
is_other_name(struct scan *s)
{
	struct buf got;
	bool other;

	buf_init(&got, 4096);
	other = shown_name(root_env(s->root), s->again_fd,
	    buf_cstr(&s->name), &got) == SHOWN_OTHER;
	buf_release(&got);
	return other;
}

bool
scan_is_absent(struct scan *s, const struct listing *in,
    const struct base_entry *e)
{
	struct listing *l = &s->again;
	struct env_stat st;

	if (in->changed)
		return false;
	if (!s->again_read) {
		s->again_read = true;
		l->root = s->root;
		l->path = strdup(in->path);
		l->ino = in->st.ino;
		l->dev = in->st.dev;
		s->again_fd = -1;
		if (l->path == NULL)
			return false;
		listing_names(l, &s->again_fd);
	}
	if (s->again_fd < 0 || l->r != ZK_OK || l->err != 0 || l->changed ||
	    listing_has(l, e->name, e->name_len))
		return false;
	buf_reset(&s->name);
	if (buf_put(&s->name, e->name, e->name_len) != ZK_OK)
		return false;
	if (env_statat(root_env(s->root), s->again_fd, buf_cstr(&s->name),
	    &st) == -ENOENT)
		return true;
	return is_other_name(s);
}

void
scan_forget_again(struct scan *s)
{
	if (s->again_read && s->again_fd >= 0)
		(void)env_close(root_env(s->root), s->again_fd);
	listing_release(&s->again);
	s->again_read = false;
}

enum zk_err
scan_is_found(struct scan *s, int64_t row, bool *yes)
{
	return diff_has(s->db, 1u << DIFF_MOVED | 1u << DIFF_ATTR |
	    1u << DIFF_CHANGED, row, yes);
}

enum zk_err
scan_came_from(struct scan *s, const struct env_stat *st, uint8_t kind,
    int64_t *row)
{
	struct base_entry e;
	bool found = false;
	enum zk_err r = base_by_dirino(s->db, st->ino, &st->btime, row);

	if (r == ZK_OK)
		r = base_get(s->db, *row, &e);
	if (r == ZK_OK && (e.flags & (BASE_KEPT | BASE_STAGED) ||
	    *row == BASE_ROOT || e.kind != kind))
		*row = 0;
	if (r == ZK_OK && *row != 0)
		r = scan_is_found(s, *row, &found);
	if (found)
		*row = 0;
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* Adds VANISHED or TAKEN for row e at path. */
static enum zk_err
add_gone(struct scan *s, uint8_t what, const struct base_entry *e,
    const struct buf *path)
{
	struct diff d = {
		.what = what, .row = e->id, .parent = e->parent,
		.kind = e->kind, .st = e->st, .hash_known = true,
		.path = (const char *)path->data, .path_len = path->len
	};

	memcpy(d.hash, e->hash, sizeof(d.hash));
	return diff_add(s->db, &d);
}

/*
 * Everything below row that did not move, from the bottom up.  Kept rows go
 * with the rest: nothing on disk stands for them any more.
 */
static enum zk_err
expand(struct scan *s, uint8_t what, int64_t row, struct buf *path,
    unsigned depth)
{
	uint8_t name[PATH_NAME_MAX];
	size_t len = 0, base = path->len;
	enum zk_err r = ZK_OK;

	if (depth > 2 * PATH_DEPTH_MAX)
		return ZK_ETAMPER;
	while (r == ZK_OK) {
		struct base_entry e;
		bool moved = false;

		r = base_next_child(s->db, row, name, len, &e);
		if (r != ZK_OK)
			break;
		len = e.name_len < sizeof(name) ? e.name_len : sizeof(name);
		memcpy(name, e.name, len);
		r = diff_has(s->db, 1u << DIFF_MOVED, e.id, &moved);
		if (r == ZK_OK && (moved || e.flags & BASE_STAGED))
			continue;
		if (r == ZK_OK)
			r = path_join(path, name, len);
		if (r == ZK_OK && e.kind == NODE_DIR) {
			int64_t id = e.id;

			r = expand(s, what, id, path, depth + 1);
			if (r == ZK_OK)
				r = base_get(s->db, id, &e);
		}
		if (r == ZK_OK)
			r = add_gone(s, what, &e, path);
		buf_truncate(path, base);
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

/*
 * One VANISHED or TAKEN, or KIND where base has a directory: to the end of the
 * list.
 */
static enum zk_err
take_back(struct scan *s, const struct diff *found, struct buf *path)
{
	struct diff d = *found;
	struct base_entry e;
	bool gone = d.what == DIFF_VANISHED || d.what == DIFF_TAKEN;
	bool moved = false;
	enum zk_err r;

	buf_reset(path);
	r = buf_put(path, d.path, d.path_len);
	if (r == ZK_OK)
		r = base_get(s->db, d.row, &e);
	if (r != ZK_OK || (d.what == DIFF_KIND && e.kind != NODE_DIR))
		return r;
	r = diff_drop(s->db, d.id);
	if (r == ZK_OK)
		r = diff_has(s->db, 1u << DIFF_MOVED, d.row, &moved);
	if (r == ZK_OK && gone && moved)
		return ZK_OK;
	/* the directory is elsewhere: what has its name is no part of it */
	if (r == ZK_OK && moved) {
		d.what = DIFF_NEW;
		d.row = 0;
	} else if (r == ZK_OK && e.kind == NODE_DIR) {
		r = expand(s, gone ? d.what : DIFF_VANISHED, d.row, path, 0);
		if (r == ZK_OK)
			r = base_get(s->db, d.row, &e);
	}
	if (r != ZK_OK)
		return r;
	if (gone)
		return add_gone(s, d.what, &e, path);
	d.path = (const char *)path->data;
	d.path_len = path->len;
	return diff_add(s->db, &d);
}

static enum zk_err
remove_kept(struct scan *s, int64_t row, unsigned depth)
{
	struct base_entry e;
	enum zk_err r = ZK_OK;

	if (depth > 2 * PATH_DEPTH_MAX)
		return ZK_ETAMPER;
	while (r == ZK_OK) {
		r = base_next_child(s->db, row, "", 0, &e);
		if (r == ZK_OK)
			r = remove_kept(s, e.id, depth + 1);
	}
	if (r != ZK_ENOENT)
		return r;
	s->res->kept_gone++;
	return base_remove(s->db, row);
}

enum zk_err
scan_finish(struct scan *s)
{
	struct buf path;
	struct diff d;
	int64_t after = 0, last = 0, at = INT64_MAX;
	enum zk_err r = ZK_OK;

	buf_init(&path, 4 * PATH_LEN_MAX);
	r = diff_last(s->db, &last);
	while (r == ZK_OK) {
		r = diff_next(s->db, 1u << DIFF_VANISHED | 1u << DIFF_KIND |
		    1u << DIFF_TAKEN, &after, &d);
		if (r == ZK_OK && after > last)
			break;
		if (r == ZK_OK)
			r = take_back(s, &d, &path);
	}
	if (r == ZK_ENOENT)
		r = ZK_OK;
	for (after = 0; r == ZK_OK;) {
		r = diff_next(s->db, 1u << SCAN_GONE, &after, &d);
		at = d.row;
		if (r == ZK_OK)
			r = diff_drop(s->db, d.id);
		if (r == ZK_OK)
			r = remove_kept(s, at, 0);
	}
	buf_release(&path);
	return r == ZK_ENOENT ? ZK_OK : r;
}
