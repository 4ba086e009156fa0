/* What is put on the list; and directories that are kept as one. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "tree/scan_int.h"
#include "tree/whole.h"
#include "util/path.h"

static enum zk_err
emit(struct scan *s, uint8_t what, uint8_t kind, int64_t row, int64_t parent,
    const struct env_stat *st)
{
	struct diff d = { .what = what, .row = row, .parent = parent,
		.kind = kind };

	if (st != NULL)
		base_stat_from(st, &d.st);
	d.path = buf_cstr(&s->path);
	d.path_len = s->path.len;
	if (what == DIFF_UNKNOWN)
		s->res->unknown++;
	else if (what >= DIFF_SPECIAL && what <= DIFF_HELD)
		s->res->reported++;
	return diff_add(s->db, &d);
}

enum zk_err
scan_emit(struct scan *s, uint8_t what, int64_t row, int64_t parent,
    const struct env_stat *st)
{
	return emit(s, what, st != NULL ? scan_kind(st) : 0, row, parent, st);
}

uint8_t
scan_kind(const struct env_stat *st)
{
	if (S_ISREG(st->mode))
		return NODE_FILE;
	if (S_ISDIR(st->mode))
		return NODE_DIR;
	return S_ISLNK(st->mode) ? NODE_SYMLINK : 0;
}

/*
 * That no line says so changes nothing: a device may have got the tree and
 * not the attributes.  What was left behind by a removal is no directory of
 * the vault yet.
 */
enum zk_err
scan_is_tree(struct scan *s, const struct listing *in,
    const struct base_entry *e, const struct env_stat *st, bool *yes)
{
	const char *path = buf_cstr(&s->path);
	int64_t row = 0;
	enum zk_err r = ZK_OK;

	*yes = false;
	if (e != NULL && e->kind == NODE_DIR && e->flags & BASE_KEPT)
		return ZK_OK;
	switch (attrs_atomic(in->attrs, path)) {
	case ATTRS_YES:
		*yes = true;
		return ZK_OK;
	case ATTRS_NO:
		return ZK_OK;
	default:
		break;
	}
	if (e != NULL && (e->kind == NODE_DIR || e->kind == NODE_TREE)) {
		*yes = e->kind == NODE_TREE;
		return ZK_OK;
	}
	r = scan_came_from(s, st, NODE_TREE, &row);
	*yes = r == ZK_OK && row != 0;
	return r != ZK_OK || *yes || s->opts->is_tree == NULL ? r :
	    s->opts->is_tree(s->opts->ctx, path, yes);
}

/* What keeps the tree from being read, and the tree with it. */
static enum zk_err
tell_fault(struct scan *s, const struct whole *w, int64_t row, int64_t parent)
{
	size_t len = s->path.len;
	uint8_t what = w->fault == WHOLE_SPECIAL ? DIFF_SPECIAL :
	    w->fault == WHOLE_NAME ? DIFF_BADNAME : DIFF_UNKNOWN;
	enum zk_err r = ZK_OK;

	/* it changes just now, or is itself what cannot be read */
	if (w->fault == WHOLE_FINE || w->at[0] == '\0')
		return emit(s, w->fault == WHOLE_SPECIAL ? DIFF_HELD :
		    DIFF_UNKNOWN, NODE_TREE, row, parent, NULL);
	r = path_join(&s->path, w->at, strlen(w->at));
	if (r == ZK_OK)
		r = emit(s, what, 0, 0, parent, NULL);
	buf_truncate(&s->path, len);
	return r == ZK_OK ?
	    emit(s, DIFF_HELD, NODE_TREE, row, parent, NULL) : r;
}

/* All of it; *ok: it could be read. */
static enum zk_err
look(struct scan *s, int64_t row, int64_t parent, struct whole *w, bool *ok)
{
	enum zk_err r = whole_stat(s->root, buf_cstr(&s->path), w);

	*ok = r == ZK_OK;
	if (r == ZK_OK || r == ZK_ENOMEM)
		return r;
	return tell_fault(s, w, row, parent);
}

static enum zk_err
new_tree(struct scan *s, int64_t parent, const struct whole *w)
{
	int64_t row = 0;
	enum zk_err r = scan_came_from(s, &w->st, NODE_TREE, &row);

	if (r == ZK_OK)
		r = scan_promote(s, parent);
	return r == ZK_OK ? emit(s, row != 0 ? DIFF_MOVED : DIFF_NEW,
	    NODE_TREE, row, parent, &w->st) : r;
}

enum zk_err
scan_new_tree(struct scan *s, int64_t parent)
{
	struct whole w;
	bool ok = false;
	enum zk_err r = look(s, 0, parent, &w, &ok);

	return r == ZK_OK && ok ? new_tree(s, parent, &w) : r;
}

/* A tree where base has a tree, which may be another by now. */
static enum zk_err
old_tree(struct scan *s, const struct base_entry *e, int64_t parent,
    const struct whole *w)
{
	int64_t row = 0;
	bool found = false;
	enum zk_err r = ZK_OK;

	if (e->st.ino != w->st.ino && e->st.ino != 0) {
		r = scan_came_from(s, &w->st, NODE_TREE, &row);
		if (r == ZK_OK && row != 0 && row != e->id) {
			r = emit(s, DIFF_VANISHED, NODE_TREE, e->id, parent,
			    NULL);
			return r == ZK_OK ? new_tree(s, parent, w) : r;
		}
		if (r == ZK_OK)
			r = scan_is_found(s, e->id, &found);
		if (found)
			return new_tree(s, parent, w);
	}
	if (r != ZK_OK || ((e->flags & BASE_RACY) == 0 &&
	    base_stat_same(&e->st, &w->st)))
		return r;
	if ((e->flags & BASE_KEPT) == 0)
		return emit(s, DIFF_CHANGED, NODE_TREE, e->id, parent,
		    &w->st);
	r = scan_promote(s, parent);
	return r == ZK_OK ? emit(s, DIFF_KEPT, NODE_TREE, e->id, parent,
	    &w->st) : r;
}

enum zk_err
scan_take_tree(struct scan *s, const struct base_entry *e, int64_t parent,
    const struct env_stat *st)
{
	struct whole w;
	bool ok = false;
	int64_t row = 0;
	enum zk_err r = look(s, e->id, parent, &w, &ok);

	if (r != ZK_OK || !ok)
		return r;
	if (e->kind == NODE_TREE)
		return old_tree(s, e, parent, &w);
	if (e->kind == NODE_DIR) {
		/* its entries are in the tree now */
		r = scan_emit(s, DIFF_TAKEN, e->id, parent, st);
		return r == ZK_OK ? new_tree(s, parent, &w) : r;
	}
	if (e->flags & BASE_KEPT) {
		r = scan_promote(s, parent);
		return r == ZK_OK ? emit(s, DIFF_KEPT, NODE_TREE, e->id,
		    parent, &w.st) : r;
	}
	r = scan_came_from(s, &w.st, NODE_TREE, &row);
	if (r == ZK_OK && row != 0) {
		r = scan_emit(s, DIFF_VANISHED, e->id, parent, NULL);
		return r == ZK_OK ? new_tree(s, parent, &w) : r;
	}
	return r == ZK_OK ? emit(s, DIFF_KIND, NODE_TREE, e->id, parent,
	    &w.st) : r;
}
