#include "sync/version.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/cdb.h"
#include "sync/histpath.h"
#include "sync/oplog.h"
#include "sync/opname.h"
#include "sync/vault.h"
#include "util/log.h"
#include "util/path.h"

struct finder {
	struct vault *v;
	const struct sync_ui *ui;
	const char *path, *typed;
	struct histpath where;
	struct version *out;
};

void
version_release(struct version *ver)
{
	past_free(ver->past);
	ver->past = NULL;
	free(ver->at);
	ver->at = NULL;
}

void
version_of(const struct list_entry *e, struct version_file *out)
{
	*out = (struct version_file){ .kind = e->kind,
		.has_mode = e->has_mode, .has_mtime = e->has_mtime,
		.mode = e->mode, .mtime_sec = e->mtime_sec,
		.mtime_nsec = e->mtime_nsec, .content = e->content };
}

static enum zk_err
node_get(struct finder *f, int64_t n, struct cdb_node *out)
{
	const struct cdb *db = treedb_cdb(f->v->td);

	return db->impl->node_get(db->db, n, out);
}

/* What is at the path in a tree.  ZK_ENOENT: nothing. */
static enum zk_err
look(struct finder *f, struct tree *t)
{
	const struct list_entry *e = NULL;
	struct list *l = NULL;
	enum zk_err r = ZK_OK;

	f->out->dir = f->path[0] == '\0';
	if (f->out->dir)
		return ZK_OK;
	r = list_lookup(t, (const uint8_t *)f->path, strlen(f->path), &l);
	if (r == ZK_OK)
		r = list_next(l, &e);
	if (r == ZK_OK) {
		f->out->dir = e->kind == NODE_DIR;
		version_of(e, &f->out->file);
	}
	list_close(l);
	return r;
}

/* The path as of the cut.  ZK_ENOENT: it was not there. */
static enum zk_err
as_of(struct finder *f)
{
	struct version *ver = f->out;
	enum zk_err r = ZK_EBUG;

	version_release(ver);
	r = past_at(f->v, f->ui, &ver->cut, f->path, &ver->past);
	if (r == ZK_OK) {
		ver->at = strdup(f->path);
		r = ver->at == NULL ? ZK_ENOMEM : look(f,
		    past_tree(ver->past));
	}
	if (r != ZK_OK || !ver->dir)
		version_release(ver);
	return r;
}

/* One file as of the cut, wherever it was.  ZK_ENOENT: it was not there. */
static enum zk_err
file_as_of(struct finder *f, const struct opid *node)
{
	const struct list_entry *e = NULL;
	struct past *p = NULL;
	struct list *l = NULL;
	enum zk_err r = past_node(f->v, f->ui, &f->out->cut, node, &p);

	if (r == ZK_OK)
		r = past_entry(p, &l, &e);
	if (r == ZK_OK) {
		f->out->dir = false;
		version_of(e, &f->out->file);
	}
	list_close(l);
	past_free(p);
	return r;
}

/* One directory as of the cut, wherever it was. */
static enum zk_err
dir_as_of(struct finder *f, const struct opid *node)
{
	struct version *ver = f->out;

	version_release(ver);
	ver->dir = true;
	return past_dir(f->v, f->ui, &ver->cut, node, &ver->at, &ver->past);
}

static enum zk_err
node_as_of(struct finder *f, const struct cdb_node *node)
{
	return node->kind == NODE_DIR ? dir_as_of(f, &node->id) :
	    file_as_of(f, &node->id);
}

/* What was at the path; else what is there now, where it was then. */
static enum zk_err
any_as_of(struct finder *f)
{
	enum zk_err r = as_of(f);

	for (size_t i = 0; r == ZK_ENOENT && i < f->where.here.n; i++) {
		struct cdb_node node;

		r = node_get(f, f->where.here.v[i], &node);
		if (r == ZK_OK)
			r = node_as_of(f, &node);
	}
	return r;
}

static enum zk_err
not_then(struct finder *f)
{
	log_error(ZK_ENOENT, &(struct log_where){ .path = f->typed },
	    "'%s' was not there then: 'zk log' shows when it was", f->typed);
	return ZK_ENOENT;
}

/* By a time -------------------------------------------------------------- */

static enum zk_err
by_time(struct finder *f, int64_t wall_ms)
{
	enum zk_err r = ZK_EBUG;

	f->out->cut = (struct past_cut){ .wall_ms = wall_ms };
	r = any_as_of(f);
	return r == ZK_ENOENT ? not_then(f) : r;
}

/* By a change ------------------------------------------------------------- */

/* Whether the op is about an entry that was ever at the path. */
static enum zk_err
about_it(struct finder *f, const struct opid *node, bool *yes, uint8_t *kind)
{
	const struct cdb *db = treedb_cdb(f->v->td);
	int64_t n = 0;
	enum zk_err r = db->impl->node_key(db->db, node, &n, kind);

	*yes = r == ZK_OK && (histset_has(&f->where.here, n) ||
	    histset_has(&f->where.once, n));
	if (r == ZK_ENOENT)
		*kind = 0;	/* it names nothing: void */
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* The content that the op itself brought, or took away as a copy's. */
static enum zk_err
own_content(struct finder *f, const struct opname_op *x)
{
	const struct cdb *db = treedb_cdb(f->v->td);
	struct version_file *file = &f->out->file;
	struct cdb_op op;
	enum zk_err r = ZK_OK;

	if (x->op.type == OP_CREATE || x->op.type == OP_EDIT)
		file->content = x->op.content;
	if (x->op.type == OP_DROP || x->op.type == OP_SPLIT) {
		r = db->impl->op_by_id(db->db, &x->content_ref, &op);
		if (r == ZK_OK)
			file->content = op.content;
	}
	if (x->op.has_mode) {
		file->has_mode = true;
		file->mode = x->op.mode & 0777;
	}
	if (x->op.has_mtime) {
		file->has_mtime = true;
		file->mtime_sec = x->op.mtime_sec;
		file->mtime_nsec = x->op.mtime_nsec;
	}
	return r;
}

static enum zk_err
by_id(struct finder *f, const char *id)
{
	struct past_cut *cut = &f->out->cut;
	struct opname_op x;
	struct opid node;
	bool mine = false;
	uint8_t kind = 0;
	enum zk_err r = opname_find(f->v, id, &x);

	if (r != ZK_OK)
		return r;
	*cut = (struct past_cut){ .by_id = true, .id = x.op.id,
		.below = x.op.type == OP_REMOVE || x.op.type == OP_DROP };
	node = x.op.type == OP_CREATE ? x.op.id : x.op.node;
	r = about_it(f, &node, &mine, &kind);
	if (r == ZK_OK && mine && kind != NODE_DIR) {
		r = file_as_of(f, &node);
		if (r == ZK_OK)
			r = own_content(f, &x);
		return r == ZK_ENOENT ? not_then(f) : r;
	}
	/* before a directory went, its files had gone */
	if (r == ZK_OK && x.op.type == OP_REMOVE) {
		cut->below = kind == NODE_DIR;
		if (cut->below)
			r = opname_removals(f->v, x.seg, &x.op.id, &cut->id);
	}
	if (r == ZK_OK)
		r = mine ? dir_as_of(f, &node) : any_as_of(f);
	return r == ZK_ENOENT ? not_then(f) : r;
}

/* The last ---------------------------------------------------------------- */

/* The newest removal of something that last was at the path. */
static enum zk_err
find_removal(struct finder *f, struct opid *op, struct cdb_node *node)
{
	const struct cdb *db = treedb_cdb(f->v->td);
	const struct oplog_op *e = NULL;
	struct oplog *ops = NULL;
	enum zk_err r = oplog_new(f->v, f->ui, &ops);

	while (r == ZK_OK) {
		r = oplog_next(ops, &e);
		if (r != ZK_OK || e->op.type != OP_REMOVE)
			continue;
		r = db->impl->node_by_id(db->db, &e->op.node, node);
		if (r == ZK_OK && histset_has(&f->where.here, node->n)) {
			*op = e->op.id;
			break;
		}
		if (r == ZK_ENOENT)
			r = ZK_OK;
	}
	oplog_free(ops);
	return r;
}

/* Nothing was removed there: it went elsewhere, and may be there still. */
static enum zk_err
went(struct finder *f)
{
	const struct histset *sets[] = { &f->where.here, &f->where.once };
	struct log_where at = { .path = f->typed };
	struct buf now;
	bool found = false;
	enum zk_err r = ZK_OK;

	buf_init(&now, PATH_LEN_MAX);
	for (size_t k = 0; k < 2; k++) {
		for (size_t i = 0; r == ZK_OK && !found && i < sets[k]->n;
		    i++) {
			struct cdb_node node;

			r = node_get(f, sets[k]->v[i], &node);
			if (r == ZK_OK)
				r = list_path(f->v->tree, &node.id, &now);
			found = r == ZK_OK;
			if (r == ZK_ENOENT || r == ZK_ELIMIT)
				r = ZK_OK;
		}
	}
	if (found)
		log_error(ZK_ENOENT, &at, "what was at '%s' was moved, not "
		    "removed: it is at '%s' now", f->typed, buf_cstr(&now));
	else if (r == ZK_OK)
		log_error(ZK_ENOENT, &at, "what was at '%s' was moved, not "
		    "removed there: 'zk log' shows where it went", f->typed);
	buf_release(&now);
	return r == ZK_OK ? ZK_ENOENT : r;
}

static enum zk_err
last(struct finder *f, bool current)
{
	struct log_where at = { .path = f->typed };
	struct opid op = { { 0 } };
	struct cdb_node node;
	struct opname_op x;
	char full[2 * OPID_LEN + 1];
	enum zk_err r = ZK_EBUG;

	if (f->where.shown || f->where.root) {
		if (current)
			return look(f, f->v->tree);
		log_error(ZK_EUSAGE, &at, "'%s' is there now: say which "
		    "version is meant, as %s@TIME or %s@ID ('zk log' shows "
		    "them)", f->typed, f->typed, f->typed);
		return ZK_EUSAGE;
	}
	r = find_removal(f, &op, &node);
	if (r != ZK_OK)
		return r == ZK_ENOENT ? went(f) : r;
	f->out->cut = (struct past_cut){ .by_id = true, .below = true,
		.id = op };
	if (node.kind != NODE_DIR) {
		r = file_as_of(f, &node.id);
		return r == ZK_ENOENT ? not_then(f) : r;
	}
	opname_full(&op, full);
	r = opname_find(f->v, full, &x);
	if (r == ZK_OK)
		r = opname_removals(f->v, x.seg, &op, &f->out->cut.id);
	if (r == ZK_OK)
		r = dir_as_of(f, &node.id);
	return r == ZK_ENOENT ? not_then(f) : r;
}

enum zk_err
version_find(struct vault *v, const struct sync_ui *ui, const char *path,
    const char *typed, const struct sync_at *at, bool current,
    struct version *out)
{
	struct finder f = { .v = v, .ui = ui, .path = path, .typed = typed,
		.out = out };
	enum zk_err r = ZK_EBUG;

	memset(out, 0, sizeof(*out));
	r = histpath_init(&f.where, v, path);
	if (r == ZK_ENOENT)
		r = histpath_none(v, path, typed, true);
	if (r == ZK_OK && at->kind == SYNC_AT_TIME)
		r = by_time(&f, at->wall_ms);
	else if (r == ZK_OK && at->kind == SYNC_AT_ID)
		r = by_id(&f, at->id);
	else if (r == ZK_OK)
		r = last(&f, current);
	histpath_release(&f.where);
	if (r != ZK_OK)
		version_release(out);
	return r;
}
