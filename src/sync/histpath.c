#include "sync/histpath.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/list.h"
#include "store/histdb.h"
#include "sync/vault.h"
#include "util/log.h"
#include "util/path.h"

#define PATH_BYTES (1u << 20)

bool
histset_has(const struct histset *s, int64_t n)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i] == n)
			return true;
	return false;
}

enum zk_err
histset_add(void *set, int64_t n)
{
	struct histset *s = set;

	if (histset_has(s, n))
		return ZK_OK;
	if (s->n == s->cap) {
		size_t cap = s->cap == 0 ? 4 : s->cap * 2;
		int64_t *p = realloc(s->v, cap * sizeof(*p));

		if (p == NULL)
			return ZK_ENOMEM;
		s->v = p;
		s->cap = cap;
	}
	s->v[s->n++] = n;
	return ZK_OK;
}

void
histset_release(struct histset *s)
{
	free(s->v);
	*s = (struct histset){ 0 };
}

static enum zk_err
node_get(struct histpath *h, int64_t n, struct cdb_node *out)
{
	const struct cdb *db = treedb_cdb(h->v->td);

	return db->impl->node_get(db->db, n, out);
}

/* The nodes of the entry that is visible at path now, a copy's among them. */
static enum zk_err
add_shown(struct histpath *h, const char *path)
{
	const struct cdb *db = treedb_cdb(h->v->td);
	const struct list_entry *e = NULL;
	struct list *l = NULL;
	int64_t n = 0;
	uint8_t kind = 0;
	enum zk_err r = list_lookup(h->v->tree, (const uint8_t *)path,
	    strlen(path), &l);

	if (r == ZK_OK)
		r = list_next(l, &e);
	h->shown = r == ZK_OK;
	for (size_t i = 0; r == ZK_OK && i < e->nodes_n; i++) {
		r = db->impl->node_key(db->db, &e->nodes[i], &n, &kind);
		if (r == ZK_OK)
			r = histset_add(&h->here, n);
	}
	list_close(l);
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* Sorts the nodes that ever were at the path. */
static enum zk_err
sort_out(struct histpath *h, const struct histset *ever)
{
	enum zk_err r = ZK_OK;

	for (size_t i = 0; r == ZK_OK && i < ever->n; i++) {
		struct cdb_node node;

		r = node_get(h, ever->v[i], &node);
		if (r != ZK_OK || histset_has(&h->here, node.n))
			continue;
		r = histset_add(histpath_is(h, node.parent, &node.name) ?
		    &h->here : &h->once, node.n);
	}
	return r;
}

static enum zk_err
below(struct histpath *h, const struct histset *from, struct histset *out)
{
	enum zk_err r = ZK_OK;

	for (size_t i = 0; r == ZK_OK && i < from->n; i++)
		r = histdb_at(h->v->db, from->v[i], &h->leaf, histset_add,
		    out);
	return r;
}

enum zk_err
histpath_init(struct histpath *h, struct vault *v, const char *path)
{
	struct histset ever = { 0 };
	const char *p = path;
	enum zk_err r = ZK_OK;

	memset(h, 0, sizeof(*h));
	h->v = v;
	buf_init(&h->dir_path, PATH_BYTES);
	h->root = path[0] == '\0';
	if (h->root)
		return ZK_OK;
	r = histset_add(&h->par, CDB_ROOT);
	while (r == ZK_OK) {
		size_t n = strcspn(p, "/");

		h->leaf.len = (uint8_t)n;
		memcpy(h->leaf.b, p, n);
		r = below(h, &h->par, &ever);
		if (p[n] == '\0')
			break;
		histset_release(&h->par);
		h->par = ever;
		ever = (struct histset){ 0 };
		p += n + 1;
	}
	if (r == ZK_OK)
		r = add_shown(h, path);
	if (r == ZK_OK)
		r = sort_out(h, &ever);
	histset_release(&ever);
	return r == ZK_OK && h->here.n + h->once.n == 0 ? ZK_ENOENT : r;
}

void
histpath_release(struct histpath *h)
{
	histset_release(&h->par);
	histset_release(&h->here);
	histset_release(&h->once);
	buf_release(&h->dir_path);
}

bool
histpath_is(const struct histpath *h, int64_t parent,
    const struct cdb_name *name)
{
	return !h->root && histset_has(&h->par, parent) &&
	    cdb_name_cmp(name, &h->leaf) == 0;
}

/*
 * Today's path of directory n: as it is shown, or for one that is gone its
 * last name below today's path of the directory it was in.
 */
static enum zk_err
dir_path(struct histpath *h, int64_t n, struct buf *out)
{
	struct cdb_node node;
	struct buf rest;
	enum zk_err r = ZK_OK;

	buf_init(&rest, PATH_BYTES);
	buf_reset(out);
	for (int depth = 0; r == ZK_OK && n != CDB_ROOT && n != CDB_LIMBO &&
	    depth < PATH_DEPTH_MAX; depth++) {
		r = node_get(h, n, &node);
		if (r == ZK_OK && node.vis) {
			r = list_path(h->v->tree, &node.id, out);
			if (r == ZK_OK)
				break;
			if (r == ZK_ENOENT || r == ZK_ELIMIT)
				r = ZK_OK;
			buf_reset(out);
		}
		/* what is gathered goes behind this name */
		if (r == ZK_OK)
			r = buf_put(out, node.name.b, node.name.len);
		if (r == ZK_OK && rest.len > 0)
			r = path_join(out, rest.data, rest.len);
		buf_swap(out, &rest);
		buf_reset(out);
		n = node.parent;
	}
	if (r == ZK_OK && rest.len > 0)
		r = path_join(out, rest.data, rest.len);
	buf_release(&rest);
	return r;
}

enum zk_err
histpath_of(struct histpath *h, int64_t parent, const struct cdb_name *name,
    struct buf *out)
{
	enum zk_err r = ZK_OK;

	if (!h->dir_known || h->dir != parent) {
		h->dir_known = false;
		r = dir_path(h, parent, &h->dir_path);
		h->dir = parent;
		h->dir_known = r == ZK_OK;
	}
	if (r == ZK_OK)
		r = buf_put(out, h->dir_path.data, h->dir_path.len);
	return r == ZK_OK ? path_join(out, name->b, name->len) : r;
}

/* Whether a directory kept as one is or was at path. */
static enum zk_err
was_whole(struct vault *v, const char *path, bool *yes)
{
	struct histpath h;
	enum zk_err r = histpath_init(&h, v, path);

	*yes = false;
	for (size_t i = 0; r == ZK_OK && !*yes && i < h.here.n + h.once.n;
	    i++) {
		struct cdb_node node;

		r = node_get(&h, i < h.here.n ? h.here.v[i] :
		    h.once.v[i - h.here.n], &node);
		*yes = r == ZK_OK && node.kind == NODE_TREE;
	}
	histpath_release(&h);
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* Whether something is or was at path but for what stands behind its last @. */
static enum zk_err
was_without_at(struct vault *v, const char *path, bool *yes)
{
	const char *at = strrchr(path, '@');
	struct histpath h;
	char *name;
	enum zk_err r;

	*yes = false;
	if (at == NULL || at == path || strchr(at, '/') != NULL)
		return ZK_OK;
	name = strndup(path, (size_t)(at - path));
	if (name == NULL)
		return ZK_ENOMEM;
	r = histpath_init(&h, v, name);
	*yes = r == ZK_OK;
	histpath_release(&h);
	free(name);
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
histpath_none(struct vault *v, const char *path, const char *typed,
    bool versions)
{
	const struct log_where where = { .path = typed };
	char *dir = strdup(path);
	bool at = false, whole = false;
	enum zk_err r = dir != NULL ? ZK_OK : ZK_ENOMEM;

	if (r == ZK_OK && versions)
		r = was_without_at(v, path, &at);
	for (size_t i = 0; r == ZK_OK && path[i] != '\0'; i++) {
		if (path[i] != '/' || i == 0)
			continue;
		dir[i] = '\0';
		r = was_whole(v, dir, &whole);
		if (whole)
			break;
		dir[i] = '/';
	}
	if (r == ZK_OK) {
		r = ZK_EUSAGE;
		if (whole)
			log_error(r, &where, "'%s' is in '%s', which is kept "
			    "as one: name that", typed, dir);
		else if (at)
			log_error(r, &where, "'%s' is no time and no id, see "
			    "zk-restore(1)", strrchr(path, '@') + 1);
		else
			log_error(r, &where, "nothing was ever recorded at "
			    "'%s'", typed);
	}
	free(dir);
	return r;
}

enum zk_err
histpath_covers(struct histpath *h, int64_t n, bool *yes)
{
	/* of those that moved on, only where nothing else has the name */
	const struct histset *s = h->here.n > 0 ? &h->here : &h->once;
	enum zk_err r = ZK_OK;

	*yes = h->root;
	while (r == ZK_OK && !*yes && n != CDB_ROOT && n != CDB_LIMBO) {
		struct cdb_node node;

		*yes = histset_has(s, n);
		if (*yes)
			break;
		r = node_get(h, n, &node);
		n = node.parent;
	}
	return r;
}
