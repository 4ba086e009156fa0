#include "crdt/list.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/core.h"
#include "crdt/entry.h"
#include "crdt/feed.h"
#include "crdt/made.h"
#include "util/path.h"

struct list {
	struct cdb db;
	struct group_dirs dirs;	/* owned */
	struct feed *feed;	/* NULL: only one entry */
	struct made made;
	size_t made_at;
	struct group group;	/* at hand, or empty */
	struct group aside;	/* of a made entry */
	struct entry entry;
	bool one;		/* entry holds the one that there is */
};

static enum zk_err
dirs_set(struct group_dirs *d, const int64_t *v, size_t n)
{
	int64_t *p = malloc(n * sizeof(*p));

	if (p == NULL)
		return ZK_ENOMEM;
	memcpy(p, v, n * sizeof(*p));
	free(d->v);
	d->v = p;
	d->n = n;
	return ZK_OK;
}

/* Keys of node ids; those that are no known directory are left out. */
static enum zk_err
dirs_load(const struct cdb *db, const struct opid *ids, size_t n,
    struct group_dirs *out)
{
	size_t k = 0;

	out->v = calloc(n + 1, sizeof(*out->v));
	if (out->v == NULL)
		return ZK_ENOMEM;
	for (size_t i = 0; i < n; i++) {
		uint8_t kind = NODE_DIR;
		enum zk_err r = ZK_OK;

		out->v[k] = CDB_ROOT;
		if (!opid_is_root(&ids[i]))
			r = db->impl->node_key(db->db, &ids[i], &out->v[k],
			    &kind);
		if (r != ZK_OK && r != ZK_ENOENT)
			return r;
		if (r == ZK_OK && kind == NODE_DIR)
			k++;
	}
	if (n == 0)
		out->v[k++] = CDB_ROOT;
	out->n = k;
	return ZK_OK;
}

static enum zk_err
list_new(struct tree *t, const struct opid *dirs, size_t n,
    struct list **out)
{
	struct list *l = calloc(1, sizeof(*l));
	enum zk_err r;

	*out = l;
	if (l == NULL)
		return ZK_ENOMEM;
	l->db = t->db;
	group_init(&l->group);
	group_init(&l->aside);
	entry_init(&l->entry);
	r = dirs_load(&l->db, dirs, n, &l->dirs);
	if (r != ZK_OK) {
		list_close(l);
		*out = NULL;
	}
	return r;
}

void
list_close(struct list *l)
{
	if (l == NULL)
		return;
	feed_close(l->feed);
	made_release(&l->made);
	group_release(&l->group);
	group_release(&l->aside);
	entry_release(&l->entry);
	free(l->dirs.v);
	free(l);
}

enum zk_err
list_open(struct tree *t, const struct opid *dirs, size_t n,
    struct list **out)
{
	struct list *l = NULL;
	enum zk_err r;

	*out = NULL;
	r = list_new(t, dirs, n, &l);
	if (r != ZK_OK || l->dirs.n == 0)
		goto out;
	r = made_load(&l->db, &l->dirs, &l->made);
	if (r == ZK_OK)
		r = feed_open(&l->db, &l->dirs, &l->feed);
out:
	if (r != ZK_OK) {
		list_close(l);
		return r;
	}
	*out = l;
	return ZK_OK;
}

/* Fills the entry with a made one. */
static enum zk_err
fill_made(struct list *l, const struct made_ent *m)
{
	const struct group_ent *e;
	enum zk_err r;

	r = group_load(&l->aside, &l->db, &l->dirs, &m->base);
	if (r != ZK_OK)
		return r;
	e = made_ent_in(m, &l->aside);
	if (e == NULL)
		BUG("the tree changed under a list");
	return entry_fill(&l->entry, &l->db, &l->aside, e, &m->name, true);
}

/* Fills the entry with what has the name of the group. */
static enum zk_err
fill_named(struct list *l)
{
	return entry_fill(&l->entry, &l->db, &l->group, &l->group.ents[0],
	    &l->group.v[0].name, false);
}

enum zk_err
list_next(struct list *l, const struct list_entry **out)
{
	const struct made_ent *m = NULL;
	enum zk_err r;

	*out = NULL;
	if (l->feed == NULL) {
		*out = l->one ? &l->entry.e : NULL;
		l->one = false;
		return *out != NULL ? ZK_OK : ZK_ENOENT;
	}
	if (l->made_at < l->made.n)
		m = &l->made.v[l->made_at];
	if (l->group.n == 0) {
		r = feed_next(l->feed, &l->group);
		if (r != ZK_OK && (r != ZK_ENOENT || m == NULL))
			return r;
	}
	if (m != NULL && (l->group.n == 0 ||
	    cdb_name_cmp(&m->name, &l->group.v[0].name) < 0)) {
		l->made_at++;
		r = fill_made(l, m);
	} else {
		r = fill_named(l);
		group_reset(&l->group);
	}
	if (r == ZK_OK)
		*out = &l->entry.e;
	return r;
}

/* The entry with this final name in l->dirs, into l->entry.  ZK_ENOENT. */
static enum zk_err
find_name(struct list *l, const uint8_t *name, size_t len)
{
	struct cdb_name key;
	enum zk_err r;

	l->one = false;
	if (len < 1 || len > CDB_NAME_MAX || l->dirs.n == 0)
		return ZK_ENOENT;
	key.len = (uint8_t)len;
	memcpy(key.b, name, len);
	r = group_load(&l->group, &l->db, &l->dirs, &key);
	if (r == ZK_OK && l->group.n > 0) {
		l->one = true;
		return fill_named(l);
	}
	if (r == ZK_OK) {
		made_release(&l->made);
		r = made_load(&l->db, &l->dirs, &l->made);
	}
	for (size_t i = 0; r == ZK_OK && i < l->made.n; i++) {
		if (cdb_name_cmp(&l->made.v[i].name, &key) != 0)
			continue;
		l->one = true;
		return fill_made(l, &l->made.v[i]);
	}
	return r == ZK_OK ? ZK_ENOENT : r;
}

enum zk_err
list_find(struct tree *t, const struct opid *dirs, size_t n,
    const uint8_t *name, size_t name_len, struct list **out)
{
	struct list *l = NULL;
	enum zk_err r;

	*out = NULL;
	r = list_new(t, dirs, n, &l);
	if (r == ZK_OK)
		r = find_name(l, name, name_len);
	if (r != ZK_OK && r != ZK_ENOENT) {
		list_close(l);
		return r;
	}
	*out = l;
	return ZK_OK;
}

/* l goes down into the directory that its entry is. */
static enum zk_err
descend(struct list *l)
{
	if (l->entry.e.kind != NODE_DIR)
		return ZK_ENOENT;
	return dirs_set(&l->dirs, l->entry.keys, l->entry.e.nodes_n);
}

enum zk_err
list_lookup(struct tree *t, const uint8_t *path, size_t len,
    struct list **out)
{
	struct list *l = NULL;
	size_t at = 0;
	enum zk_err r;

	*out = NULL;
	r = list_new(t, NULL, 0, &l);
	while (r == ZK_OK) {
		const uint8_t *slash = memchr(path + at, '/', len - at);
		size_t end = slash != NULL ? (size_t)(slash - path) : len;

		r = find_name(l, path + at, end - at);
		if (r != ZK_OK || end == len)
			break;
		r = descend(l);
		at = end + 1;
	}
	if (r != ZK_OK && r != ZK_ENOENT) {
		list_close(l);
		return r;
	}
	if (r == ZK_ENOENT)
		l->one = false;
	*out = l;
	return ZK_OK;
}

/* The entity of l->dirs that node is (part of), into l->entry. */
static enum zk_err
find_node(struct list *l, const struct cdb_node *node)
{
	size_t i = 0;
	const struct group_ent *e;
	enum zk_err r;

	r = group_load(&l->group, &l->db, &l->dirs, &node->name);
	if (r != ZK_OK)
		return r;
	while (i < l->group.n && l->group.v[i].n != node->n)
		i++;
	if (i == l->group.n)
		BUG("a visible node is not in its directory");
	if (l->group.ent_of[i] == 0)
		return fill_named(l);
	e = &l->group.ents[l->group.ent_of[i]];
	made_release(&l->made);
	r = made_load(&l->db, &l->dirs, &l->made);
	for (size_t k = 0; r == ZK_OK && k < l->made.n; k++)
		if (l->made.v[k].copy == 0 &&
		    opid_cmp(&l->made.v[k].rep, &l->group.v[e->rep].id) == 0)
			return fill_made(l, &l->made.v[k]);
	if (r == ZK_OK)
		BUG("an entity without a name");
	return r;
}

/* From the node up to the root: nodes[0] is the node itself. */
static enum zk_err
load_chain(const struct cdb *db, const struct cdb_node *node,
    struct cdb_node **out, size_t *n)
{
	struct cdb_node *v = NULL;
	struct cdb_node at = *node;
	size_t cap = 0;
	enum zk_err r = ZK_OK;

	*n = 0;
	for (;;) {
		if (*n == PATH_DEPTH_MAX) {
			r = ZK_ELIMIT;
			break;
		}
		if (*n == cap) {
			struct cdb_node *p;

			cap = cap == 0 ? 8 : cap * 2;
			p = realloc(v, cap * sizeof(*p));
			if (p == NULL) {
				r = ZK_ENOMEM;
				break;
			}
			v = p;
		}
		v[(*n)++] = at;
		if (at.parent == CDB_ROOT)
			break;
		r = db->impl->node_get(db->db, at.parent, &at);
		if (r != ZK_OK)
			break;
	}
	*out = v;
	return r;
}

/* The conflict copy of node whose branch op id began.  ZK_ENOENT. */
static enum zk_err
find_copy(struct list *l, const struct cdb_node *node, const struct opid *id)
{
	enum zk_err r;

	made_release(&l->made);
	r = made_load(&l->db, &l->dirs, &l->made);
	for (size_t i = 0; r == ZK_OK && i < l->made.n; i++) {
		const struct made_ent *m = &l->made.v[i];

		if (m->copy > 0 && opid_cmp(&m->rep, &node->id) == 0 &&
		    opid_cmp(&m->stamp.id, id) == 0)
			return fill_made(l, m);
	}
	return r == ZK_OK ? ZK_ENOENT : r;
}

/* The node with this id, or *copy and that which has an op with it. */
static enum zk_err
find_key(const struct cdb *db, const struct opid *id, struct cdb_node *out,
    bool *copy)
{
	struct cdb_op op;
	enum zk_err r;

	*copy = false;
	r = db->impl->node_by_id(db->db, id, out);
	if (r == ZK_ENOENT) {
		*copy = true;
		r = db->impl->op_by_id(db->db, id, &op);
		if (r == ZK_OK)
			r = db->impl->node_get(db->db, op.node, out);
	}
	return r == ZK_OK && !out->vis ? ZK_ENOENT : r;
}

/*
 * The path of what key is; *out is a list whose entry that is, NULL for the
 * root.
 */
static enum zk_err
resolve(struct tree *t, const struct opid *key, struct buf *path,
    struct list **out)
{
	struct cdb_node *chain = NULL;
	struct list *l = NULL;
	struct cdb_node at;
	size_t n = 0;
	bool copy;
	enum zk_err r;

	*out = NULL;
	buf_reset(path);
	if (opid_is_root(key))
		return ZK_OK;
	r = find_key(&t->db, key, &at, &copy);
	if (r != ZK_OK)
		return r;
	r = list_new(t, NULL, 0, &l);
	if (r == ZK_OK)
		r = load_chain(&t->db, &at, &chain, &n);
	while (r == ZK_OK && n-- > 0) {
		if (copy && n == 0)
			r = find_copy(l, &chain[n], key);
		else
			r = find_node(l, &chain[n]);
		if (r != ZK_OK)
			break;
		if (path->len > 0)
			buf_u8(path, '/');
		r = buf_put(path, l->entry.name.b, l->entry.name.len);
		if (r == ZK_OK && n > 0)
			r = descend(l);
	}
	free(chain);
	if (r != ZK_OK)
		list_close(l);
	else
		*out = l;
	return r;
}

enum zk_err
list_path(struct tree *t, const struct opid *key, struct buf *out)
{
	struct list *l;
	enum zk_err r = resolve(t, key, out, &l);

	list_close(l);
	return r;
}

enum zk_err
list_dirs(struct tree *t, const struct opid *node, struct buf *path,
    struct opid **ids, size_t *n)
{
	struct list *l;
	enum zk_err r;

	*ids = NULL;
	*n = 0;
	r = resolve(t, node, path, &l);
	if (r != ZK_OK)
		return r;
	if (l != NULL && l->entry.e.kind != NODE_DIR) {
		r = ZK_ENOENT;
		goto out;
	}
	*n = l != NULL ? l->entry.e.nodes_n : 1;
	*ids = calloc(*n, sizeof(**ids));
	if (*ids == NULL)
		r = ZK_ENOMEM;
	else if (l != NULL)
		memcpy(*ids, l->entry.nodes, *n * sizeof(**ids));
out:
	list_close(l);
	return r;
}
