/*
 * What lies deeper than any path may: left out, and looked at again when
 * something has changed, since that may have brought it up.
 */
#include <stdlib.h>

#include "store/store.h"
#include "sync/gather_int.h"
#include "util/log.h"
#include "util/path.h"

#define LEFT "left_out"		/* the setting: nodes, one after the other */
#define LEFT_MAX 4096		/* with so many everything is looked at */

/* The number of directories that path names. */
static unsigned
depth_of(const char *path)
{
	unsigned n = path[0] != '\0';

	for (; *path != '\0'; path++)
		n += *path == '/';
	return n;
}

bool
gather_is_deep(const char *path)
{
	return depth_of(path) >= PATH_DEPTH_MAX;
}

enum zk_err
gather_leave(struct gather *g, const struct opid *node)
{
	return keyset_add(&g->left, node, NULL);
}

enum zk_err
gather_too_deep(struct gather *g, const struct opid *node, const char *path)
{
	if (!g->deep && g->rd->worst != ZK_ELIMIT) {
		struct log_where where = { .path = path };

		log_error(ZK_ELIMIT, &where, "directories are nested more "
		    "than %d deep: what lies below is left out",
		    PATH_DEPTH_MAX);
		round_note(g->rd, ZK_ELIMIT);
	}
	g->deep = true;
	return gather_leave(g, node);
}

enum zk_err
gather_has_entries(struct gather *g, const struct opid *node, bool *yes)
{
	const struct list_entry *e = NULL;
	struct opid *ids = NULL;
	struct list *l = NULL;
	struct buf path;
	size_t n = 0;
	enum zk_err r = ZK_OK;

	*yes = false;
	buf_init(&path, 1 << 20);
	r = list_dirs(g->rd->v->tree, node, &path, &ids, &n);
	if (r == ZK_OK)
		r = list_open(g->rd->v->tree, ids, n, &l);
	if (r == ZK_OK)
		r = list_next(l, &e);
	*yes = r == ZK_OK;
	list_close(l);
	free(ids);
	buf_release(&path);
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* A node that was left out: it still is, or comes. */
static enum zk_err
look_again(struct gather *g, const struct opid *node)
{
	bool yes = false;
	enum zk_err r = list_path(g->rd->v->tree, node, &g->path);

	if (r == ZK_ENOENT)
		return gather_push_row(g, node);
	if (r == ZK_OK && !gather_is_deep(buf_cstr(&g->path)))
		return gather_push_node(g, node, false);
	if (r == ZK_OK)
		r = gather_has_entries(g, node, &yes);
	else if (r == ZK_ELIMIT)
		r = ZK_OK;
	else
		return r;
	/* that was said */
	if (r == ZK_OK)
		r = keyset_add(&g->seen, node, NULL);
	return r == ZK_OK ? gather_leave(g, node) : r;
}

enum zk_err
gather_left_again(struct gather *g, bool *full)
{
	struct buf b;
	enum zk_err r = ZK_OK;

	buf_init(&b, 1 << 20);
	r = store_get(g->rd->v->db, LEFT, &b);
	*full = b.len >= LEFT_MAX * OPID_LEN;
	for (size_t i = 0; r == ZK_OK && i + OPID_LEN <= b.len;
	    i += OPID_LEN) {
		struct opid node;

		memcpy(node.b, b.data + i, OPID_LEN);
		r = look_again(g, &node);
	}
	buf_release(&b);
	g->looked = r == ZK_OK || r == ZK_ENOENT;
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
gather_keep_left(struct gather *g)
{
	const struct keyset *s = &g->left;
	struct buf b;
	enum zk_err r = ZK_OK;

	if (!g->looked)
		return ZK_OK;
	if (s->n == 0)
		return store_del(g->rd->v->db, LEFT);
	buf_init(&b, 1 << 20);
	for (size_t i = 0; r == ZK_OK && i < s->cap &&
	    b.len < LEFT_MAX * OPID_LEN; i++)
		if (s->used[i])
			r = buf_put(&b, s->slots[i].b, OPID_LEN);
	if (r == ZK_OK)
		r = store_put(g->rd->v->db, LEFT, b.data, b.len);
	buf_release(&b);
	return r;
}

enum zk_err
gather_any_left(struct db *db, bool *yes)
{
	struct buf b;
	enum zk_err r = ZK_OK;

	buf_init(&b, 1 << 20);
	r = store_get(db, LEFT, &b);
	*yes = r == ZK_OK;
	buf_release(&b);
	return r == ZK_ENOENT ? ZK_OK : r;
}
