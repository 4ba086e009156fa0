#include "sync/past.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/cdb.h"
#include "store/histdb.h"
#include "store/treedb.h"
#include "sync/keyset.h"
#include "sync/oplog.h"
#include "sync/vault.h"
#include "util/hex.h"
#include "util/path.h"

#define SPLITS_MAX 32		/* of one file out of another, one by one */

/* Keys of directories. */
struct keys_of {
	int64_t *v;
	size_t n, cap;
};

struct past {
	struct vault *v;
	const struct sync_ui *ui;
	const struct past_cut *cut;
	struct db *db;
	struct treedb *td;
	struct tree *tree;		/* td's */
	const struct cdb *cdb;		/* td's */
	const struct cdb *now;		/* the vault's */
	/* past_at: */
	struct keyset split;	/* files that others were split off from */
	struct keys_of par;	/* directories that the path may lie in */
	struct keys_of at;	/* directories that may be what it names */
	struct cdb_name leaf;
	bool all;		/* it names the root */
	bool any_name;		/* files in par whatever their name */
	/* past_node: */
	struct opid node;
	struct keyset closure;	/* it, and what it was split off from */
};

bool
past_has(const struct past_cut *cut, const struct op *op)
{
	int c = opid_cmp(&op->id, &cut->id);

	if (!cut->by_id)
		return op->wall_ms <= cut->wall_ms;
	return c < 0 || (c == 0 && !cut->below);
}

/* Lists of keys ----------------------------------------------------------- */

static bool
keys_has(const struct keys_of *k, int64_t n)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->v[i] == n)
			return true;
	return false;
}

/* A histdb_fn. */
static enum zk_err
keys_add(void *arg, int64_t n)
{
	struct keys_of *k = arg;

	if (keys_has(k, n))
		return ZK_OK;
	if (k->n == k->cap) {
		size_t cap = k->cap == 0 ? 4 : k->cap * 2;
		int64_t *p = realloc(k->v, cap * sizeof(*p));

		if (p == NULL)
			return ZK_ENOMEM;
		k->v = p;
		k->cap = cap;
	}
	k->v[k->n++] = n;
	return ZK_OK;
}

/* The directories called name in any of those of from, at any time. */
static enum zk_err
keys_below(struct past *p, const struct keys_of *from,
    const struct cdb_name *name, struct keys_of *out)
{
	enum zk_err r = ZK_OK;

	for (size_t i = 0; r == ZK_OK && i < from->n; i++)
		r = histdb_at(p->db, from->v[i], name, keys_add, out);
	return r;
}

/* Where path may lie and which directories it may be. */
static enum zk_err
resolve(struct past *p, const char *path)
{
	enum zk_err r = keys_add(&p->par, CDB_ROOT);

	p->all = path[0] == '\0';
	while (r == ZK_OK && !p->all) {
		size_t n = strcspn(path, "/");

		p->leaf.len = (uint8_t)n;
		memcpy(p->leaf.b, path, n);
		r = keys_below(p, &p->par, &p->leaf, &p->at);
		if (path[n] == '\0')
			return r;
		free(p->par.v);
		p->par = p->at;
		p->at = (struct keys_of){ 0 };
		path += n + 1;
	}
	return r;
}

/* Taking ops -------------------------------------------------------------- */

/* A void op is none here either.  (Removals are void by what they name.) */
static enum zk_err
is_void(struct past *p, const struct op *op, bool *yes)
{
	uint64_t locator = 0;
	enum zk_err r = ZK_OK;

	*yes = false;
	if (op->type == OP_REMOVE || op->type == OP_DROP)
		return ZK_OK;
	r = tree_locator(p->v->tree, &op->id, &locator);
	*yes = r == ZK_ENOENT;
	return *yes ? ZK_OK : r;
}

static enum zk_err
take(struct past *p, const struct op *op)
{
	bool none = false;
	enum zk_err r = is_void(p, op, &none);

	if (r != ZK_OK || none)
		return r;
	r = tree_apply(p->tree, op);
	return r == ZK_EREFUSED ? ZK_OK : r;
}

static enum zk_err
op_kind(struct past *p, const struct op *op, uint8_t *kind)
{
	enum zk_err r = ZK_OK;

	*kind = op->kind;
	if (op->type != OP_CREATE && op->type != OP_SPLIT)
		r = tree_kind(p->v->tree, &op->node, kind);
	if (r == ZK_ENOENT) {
		*kind = 0;	/* it names nothing: void */
		r = ZK_OK;
	}
	return r;
}

/* oplog_fn: directories. */
static enum zk_err
take_dir(void *arg, struct op *op)
{
	struct past *p = arg;
	uint8_t kind = 0;
	enum zk_err r = ZK_OK;

	if (!past_has(p->cut, op))
		return ZK_OK;
	if (op->type == OP_SPLIT)
		return keyset_add(&p->split, &op->node, NULL);
	r = op_kind(p, op, &kind);
	return r == ZK_OK && kind == NODE_DIR ? take(p, op) : r;
}

/* Whether the directory n of the past lies at or below what is asked for. */
static enum zk_err
is_below(struct past *p, int64_t n, bool *yes)
{
	struct cdb_node node;
	enum zk_err r = ZK_OK;

	*yes = p->all;
	while (r == ZK_OK && !*yes && n != CDB_ROOT && n != CDB_LIMBO &&
	    p->at.n > 0) {
		*yes = keys_has(&p->at, n);
		if (*yes)
			break;
		r = p->cdb->impl->node_get(p->cdb->db, n, &node);
		n = node.parent;
	}
	return r;
}

/* Whether a file that was once in that directory (an id) may be wanted. */
static enum zk_err
in_dir(struct past *p, const struct opid *dir, const struct cdb_name *name,
    bool *yes)
{
	int64_t n = CDB_ROOT;
	uint8_t kind = NODE_DIR;
	enum zk_err r = opid_is_root(dir) ? ZK_OK :
	    p->cdb->impl->node_key(p->cdb->db, dir, &n, &kind);

	*yes = false;
	if (r != ZK_OK)
		return r == ZK_ENOENT ? ZK_OK : r;
	*yes = keys_has(&p->par, n) && (p->any_name || name == NULL ||
	    cdb_name_cmp(name, &p->leaf) == 0);
	return *yes ? ZK_OK : is_below(p, n, yes);
}

struct once_in {
	struct past *p;
	bool yes;
};

/* histdb_fn: a place that the node had, by the vault's keys. */
static enum zk_err
once_in(void *arg, int64_t n)
{
	struct once_in *o = arg;
	struct cdb_node dir = { .n = CDB_ROOT };
	enum zk_err r = ZK_OK;

	if (o->yes || n == CDB_LIMBO)
		return ZK_OK;
	if (n != CDB_ROOT)
		r = o->p->now->impl->node_get(o->p->now->db, n, &dir);
	return r == ZK_OK ? in_dir(o->p, &dir.id, NULL, &o->yes) : r;
}

/* Whether a file that is created may be wanted, here or where it went. */
static enum zk_err
is_wanted(struct past *p, const struct op *op, bool *yes)
{
	struct once_in o = { p, keyset_has(&p->split, &op->id) };
	struct cdb_name name = { .len = (uint8_t)op->name_len };
	struct cdb_node node;
	enum zk_err r = ZK_OK;

	memcpy(name.b, op->name, op->name_len);
	if (!o.yes)
		r = in_dir(p, &op->parent, &name, &o.yes);
	if (r == ZK_OK && !o.yes) {
		r = p->now->impl->node_by_id(p->now->db, &op->id, &node);
		if (r == ZK_OK && node.place != 0)
			r = histdb_parents(p->v->db, node.n, once_in, &o);
	}
	*yes = o.yes;
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* oplog_fn: files. */
static enum zk_err
take_file(void *arg, struct op *op)
{
	struct past *p = arg;
	uint8_t kind = 0;
	bool yes = false;
	enum zk_err r = ZK_OK;

	if (!past_has(p->cut, op))
		return ZK_OK;
	if (op->type == OP_CREATE) {
		if (op->kind == NODE_DIR)
			return ZK_OK;
		r = is_wanted(p, op, &yes);
		return r == ZK_OK && yes ? take(p, op) : r;
	}
	r = tree_kind(p->tree, &op->node, &kind);
	if (r == ZK_ENOENT)
		return ZK_OK;	/* not wanted when it was created */
	return r == ZK_OK && kind != NODE_DIR ? take(p, op) : r;
}

/* One look at all ops from a Lamport time on, as one batch. */
static enum zk_err
pass(struct past *p, uint64_t from, oplog_fn *fn)
{
	enum zk_err r = db_begin(p->db);

	if (r == ZK_OK)
		r = tree_begin(p->tree);
	if (r == ZK_OK)
		r = oplog_forward(p->v, p->ui, from, fn, p);
	if (r == ZK_OK)
		r = tree_end(p->tree);
	r = db_end(p->db, r);
	if (r != ZK_OK)
		treedb_rolled_back(p->td);
	return r;
}

/* Life -------------------------------------------------------------------- */

static enum zk_err
past_new(struct vault *v, const struct sync_ui *ui,
    const struct past_cut *cut, struct past **out)
{
	struct past *p = calloc(1, sizeof(*p));
	enum zk_err r = ZK_EBUG;

	*out = NULL;
	if (p == NULL)
		return ZK_ENOMEM;
	p->v = v;
	p->ui = ui;
	p->cut = cut;
	p->now = treedb_cdb(v->td);
	keyset_init(&p->split);
	keyset_init(&p->closure);
	r = treedb_scratch(&p->db);
	if (r == ZK_OK)
		r = treedb_new(p->db, &p->td);
	if (r != ZK_OK) {
		past_free(p);
		return r;
	}
	p->tree = treedb_tree(p->td);
	p->cdb = treedb_cdb(p->td);
	*out = p;
	return ZK_OK;
}

void
past_free(struct past *p)
{
	if (p == NULL)
		return;
	treedb_free(p->td);
	db_close(p->db);
	keyset_release(&p->split);
	keyset_release(&p->closure);
	free(p->par.v);
	free(p->at.v);
	free(p);
}

struct tree *
past_tree(struct past *p)
{
	return p->tree;
}

static enum zk_err
is_there(struct past *p, const char *path)
{
	const struct list_entry *e = NULL;
	struct list *l = NULL;
	enum zk_err r = path[0] == '\0' ? ZK_OK : list_lookup(p->tree,
	    (const uint8_t *)path, strlen(path), &l);

	if (r == ZK_OK && l != NULL)
		r = list_next(l, &e);
	list_close(l);
	return r;
}

/* The files at path and below it, and whether there is anything. */
static enum zk_err
take_files(struct past *p, const char *path)
{
	enum zk_err r = resolve(p, path);

	if (r == ZK_OK && p->par.n > 0)
		r = pass(p, 0, take_file);
	if (r == ZK_OK)
		r = is_there(p, path);
	/* a copy's name is made: its node may have any other */
	if (r == ZK_ENOENT && p->par.n > 0) {
		p->any_name = true;
		r = pass(p, 0, take_file);
	} else if (r == ZK_ENOENT) {
		r = ZK_OK;
	}
	return r;
}

enum zk_err
past_at(struct vault *v, const struct sync_ui *ui, const struct past_cut *cut,
    const char *path, struct past **out)
{
	struct past *p = NULL;
	enum zk_err r = past_new(v, ui, cut, &p);

	*out = NULL;
	if (r == ZK_OK)
		r = pass(p, 0, take_dir);
	if (r == ZK_OK)
		r = take_files(p, path);
	if (r == ZK_OK)
		*out = p;
	else
		past_free(p);
	return r;
}

/*
 * The path of a directory by the names that it and those above it have.  What
 * only its files keep there is not shown before they were taken.
 */
static enum zk_err
named_path(struct past *p, const struct opid *node, struct buf *out)
{
	struct cdb_node n;
	struct buf rest;
	enum zk_err r = p->cdb->impl->node_by_id(p->cdb->db, node, &n);

	buf_init(&rest, out->max);
	for (int depth = 0; r == ZK_OK; depth++) {
		buf_reset(out);
		r = depth == PATH_DEPTH_MAX || n.parent == CDB_LIMBO ?
		    ZK_ENOENT : buf_put(out, n.name.b, n.name.len);
		if (r == ZK_OK && rest.len > 0)
			r = path_join(out, rest.data, rest.len);
		if (r != ZK_OK || n.parent == CDB_ROOT)
			break;
		buf_swap(out, &rest);
		r = p->cdb->impl->node_get(p->cdb->db, n.parent, &n);
	}
	buf_release(&rest);
	return r == ZK_ELIMIT ? ZK_ENOENT : r;
}

enum zk_err
past_dir(struct vault *v, const struct sync_ui *ui,
    const struct past_cut *cut, const struct opid *node, char **path,
    struct past **out)
{
	struct past *p = NULL;
	struct buf at;
	enum zk_err r = past_new(v, ui, cut, &p);

	*out = NULL;
	*path = NULL;
	buf_init(&at, PATH_LEN_MAX);
	if (r == ZK_OK)
		r = pass(p, 0, take_dir);
	if (r == ZK_OK) {
		r = list_path(p->tree, node, &at);
		if (r == ZK_ENOENT || r == ZK_ELIMIT)
			r = named_path(p, node, &at);
	}
	if (r == ZK_OK)
		r = take_files(p, buf_cstr(&at));
	if (r == ZK_OK)
		r = is_there(p, buf_cstr(&at));
	if (r == ZK_OK) {
		*path = strdup(buf_cstr(&at));
		r = *path == NULL ? ZK_ENOMEM : ZK_OK;
	}
	if (r == ZK_OK)
		*out = p;
	else
		past_free(p);
	buf_release(&at);
	return r;
}

/* One file ---------------------------------------------------------------- */

struct origin {
	struct past *p;
	struct opid child, from;
	bool found;
};

/* oplog_fn: the split that made a node. */
static enum zk_err
find_origin(void *arg, struct op *op)
{
	struct origin *o = arg;
	struct opid id;

	if (o->found || op->type != OP_SPLIT || op->content_refs_n != 1)
		return ZK_OK;
	tree_split_id(o->p->tree, &op->content_refs[0], &id);
	if (opid_cmp(&id, &o->child) == 0) {
		o->from = op->node;
		o->found = true;
	}
	return ZK_OK;
}

/* Adds node and what it was split off from; *from: the least time of them. */
static enum zk_err
close_over(struct past *p, const struct opid *node, uint64_t *from)
{
	struct origin o = { .p = p, .from = *node, .found = true };
	enum zk_err r = ZK_OK;

	*from = opid_lamport(node);
	for (int i = 0; r == ZK_OK && o.found && i < SPLITS_MAX; i++) {
		struct cdb_node n = { .split = false };

		r = keyset_add(&p->closure, &o.from, NULL);
		if (opid_lamport(&o.from) < *from)
			*from = opid_lamport(&o.from);
		if (r == ZK_OK)
			r = p->now->impl->node_by_id(p->now->db, &o.from, &n);
		if (r != ZK_OK || !n.split)
			return r;
		o.child = o.from;
		o.found = false;
		r = oplog_forward(p->v, p->ui, opid_lamport(&o.child),
		    find_origin, &o);
	}
	return r;
}

/*
 * oplog_fn: the ops of the closure.  Where they put their files decides
 * nothing about contents, so all lie in the root, no two under one name:
 * equal files of one name would unite.
 */
static enum zk_err
take_flat(void *arg, struct op *op)
{
	struct past *p = arg;
	char name[2 * OPID_LEN + 1];
	struct opid id = op->type == OP_CREATE ? op->id : op->node;

	if (!past_has(p->cut, op) || !keyset_has(&p->closure, &id))
		return ZK_OK;
	if (op->type == OP_SPLIT && op->content_refs_n == 1)
		tree_split_id(p->tree, &op->content_refs[0], &id);
	if (op->name != NULL) {
		hex_text(id.b, OPID_LEN, name);
		op->name = (const uint8_t *)name;
		op->name_len = 2 * OPID_LEN;
		memset(&op->parent, 0, sizeof(op->parent));
	}
	return take(p, op);
}

enum zk_err
past_node(struct vault *v, const struct sync_ui *ui,
    const struct past_cut *cut, const struct opid *node, struct past **out)
{
	struct past *p = NULL;
	uint64_t from = 0;
	enum zk_err r = past_new(v, ui, cut, &p);

	*out = NULL;
	if (r == ZK_OK) {
		p->node = *node;
		r = close_over(p, node, &from);
	}
	if (r == ZK_OK)
		r = pass(p, from, take_flat);
	if (r == ZK_OK)
		*out = p;
	else
		past_free(p);
	return r;
}

enum zk_err
past_entry(struct past *p, struct list **l, const struct list_entry **e)
{
	char name[2 * OPID_LEN + 1];
	enum zk_err r = ZK_EBUG;

	hex_text(p->node.b, OPID_LEN, name);
	r = list_find(p->tree, NULL, 0, (const uint8_t *)name, 2 * OPID_LEN,
	    l);
	if (r == ZK_OK)
		r = list_next(*l, e);
	if (r != ZK_OK) {
		list_close(*l);
		*l = NULL;
	}
	return r;
}
