/* zk log: what was done, by whom and when.  See sync.h. */
#include <stdlib.h>
#include <string.h>

#include "crdt/cname.h"
#include "store/histdb.h"
#include "sync/histpath.h"
#include "sync/keyset.h"
#include "sync/oplog.h"
#include "sync/opname.h"
#include "sync/round.h"
#include "util/log.h"
#include "util/path.h"

struct history {
	struct vault *v;
	const struct sync_log_opts *o;
	struct histpath path;
	struct oplog *ops;
	/* of a path that never was a directory: */
	bool only;			/* the ops of these nodes alone count */
	struct keyset nodes;
	uint64_t least;			/* none of them is older */
	struct buf at, from, name;	/* of the item at hand */
	uint8_t device[SYNC_DEVICE_LEN]; /* whose name is in name */
	bool device_known;
};

/* One op, with the node it is about and where that was. */
struct event {
	const struct op *op;
	struct cdb_node node;
	struct histdb_place is;		/* after it */
	struct histdb_place was;	/* of a move: before it */
	bool moved;			/* was is filled */
	bool merges;			/* versions that stood side by side */
};

/* The node that an op is about. */
static struct opid
node_of(const struct history *h, const struct oplog_op *e)
{
	struct opid id = e->op.type == OP_CREATE ? e->op.id : e->op.node;

	if (e->op.type == OP_SPLIT)
		tree_split_id(h->v->tree, &e->content_ref, &id);
	return id;
}

/*
 * Where the node was when the op was recorded.  ZK_ENOENT: it is void, or
 * about nothing that was asked for.
 */
static enum zk_err
event_make(struct history *h, const struct oplog_op *e, struct event *ev)
{
	const struct cdb *cdb = treedb_cdb(h->v->td);
	struct db *db = h->v->db;
	struct opid id = node_of(h, e);
	uint64_t locator = 0;
	enum zk_err r = h->only && !keyset_has(&h->nodes, &id) ? ZK_ENOENT :
	    cdb->impl->node_by_id(cdb->db, &id, &ev->node);

	ev->op = &e->op;
	ev->moved = false;
	ev->merges = e->merges && e->op.content.merge != MERGE_COPY;
	if (r == ZK_OK && e->op.type != OP_REMOVE && e->op.type != OP_DROP)
		r = tree_locator(h->v->tree, &e->op.id, &locator);
	if (r != ZK_OK)
		return r;
	ev->is.parent = ev->node.parent;
	ev->is.name = ev->node.name;
	/* one that never moved is where it was born */
	if (ev->node.place == 0)
		return ZK_OK;
	r = histdb_place(db, ev->node.n, &e->op.id, &ev->is);
	if (e->op.type != OP_MOVE && e->op.type != OP_SPLIT &&
	    e->op.type != OP_CREATE)
		return r;
	if (r != ZK_OK && r != ZK_ENOENT)
		return r;
	ev->moved = e->op.type == OP_MOVE && r == ZK_OK;
	ev->was = ev->is;
	/* its own place: the first at or below the next id */
	struct opid next = e->op.id;
	for (size_t i = OPID_LEN; i > 0 && ++next.b[i - 1] == 0; i--)
		;
	return histdb_place(db, ev->node.n, &next, &ev->is);
}

/* Whether an op is about the path that was asked for. */
static enum zk_err
concerns(struct history *h, const struct event *ev, bool *yes)
{
	struct histpath *p = &h->path;
	enum zk_err r = ZK_OK;

	*yes = p->root || histset_has(&p->here, ev->node.n);
	if (!*yes && histset_has(&p->once, ev->node.n))
		*yes = histpath_is(p, ev->is.parent, &ev->is.name) ||
		    (ev->moved && histpath_is(p, ev->was.parent,
		    &ev->was.name));
	if (!*yes)
		r = histpath_covers(p, ev->is.parent, yes);
	if (r == ZK_OK && !*yes && ev->moved)
		r = histpath_covers(p, ev->was.parent, yes);
	return r;
}

static enum sync_log_what
what_of(const struct op *op, bool merges)
{
	switch (op->type) {
	case OP_CREATE:
		return SYNC_LOG_CREATED;
	case OP_EDIT:
		return merges ? SYNC_LOG_MERGED : SYNC_LOG_EDITED;
	case OP_MOVE:
		return SYNC_LOG_MOVED;
	case OP_ATTR:
		return op->has_mode ? SYNC_LOG_MODE : SYNC_LOG_TIME;
	case OP_REMOVE:
		return SYNC_LOG_REMOVED;
	case OP_DROP:
		return SYNC_LOG_DROPPED;
	default:
		return SYNC_LOG_SPLIT;
	}
}

static enum zk_err
device_name(struct history *h, const uint8_t *id)
{
	enum zk_err r = ZK_OK;

	if (h->device_known && memcmp(h->device, id, sizeof(h->device)) == 0)
		return ZK_OK;
	h->device_known = false;
	r = status_device_name(h->v, id, &h->name);
	memcpy(h->device, id, sizeof(h->device));
	h->device_known = r == ZK_OK;
	return r;
}

static enum zk_err
tell(struct history *h, const struct event *ev)
{
	const struct op *op = ev->op;
	char id[2 * OPID_LEN + 1], brief[OPNAME_SHORT_MAX];
	struct sync_log_item it = { .id = id, .brief = brief,
		.wall_ms = op->wall_ms, .device = op->device,
		.what = what_of(op, ev->merges), .has_mode = op->has_mode,
		.mode = op->mode & 0777 };
	enum zk_err r = device_name(h, op->device);

	opname_full(&op->id, id);
	opname_short(&op->id, brief);
	buf_reset(&h->at);
	buf_reset(&h->from);
	if (r == ZK_OK)
		r = histpath_of(&h->path, ev->is.parent, &ev->is.name,
		    &h->at);
	if (r == ZK_OK && ev->moved)
		r = histpath_of(&h->path, ev->was.parent, &ev->was.name,
		    &h->from);
	if (r != ZK_OK)
		return r;
	it.type = round_type(ev->node.kind);
	it.path = buf_cstr(&h->at);
	it.from = ev->moved ? buf_cstr(&h->from) : NULL;
	it.device_name = buf_cstr(&h->name);
	it.has_bytes = op->content.form != CONTENT_NONE;
	it.bytes = op->content.size;
	h->o->item(h->o->arg, &it);
	return ZK_OK;
}

/* Which nodes the path means, if all that ever was there were files. */
static enum zk_err
find_nodes(struct history *h)
{
	const struct histset *sets[] = { &h->path.here, &h->path.once };
	const struct cdb *db = treedb_cdb(h->v->td);
	enum zk_err r = ZK_OK;

	h->only = !h->path.root;
	h->least = UINT64_MAX;
	for (size_t k = 0; k < 2; k++) {
		for (size_t i = 0; r == ZK_OK && i < sets[k]->n; i++) {
			struct cdb_node node;

			r = db->impl->node_get(db->db, sets[k]->v[i], &node);
			if (r != ZK_OK)
				break;
			h->only &= node.kind != NODE_DIR;
			if (opid_lamport(&node.id) < h->least)
				h->least = opid_lamport(&node.id);
			r = keyset_add(&h->nodes, &node.id, NULL);
		}
	}
	/* what was moved into a directory may be older than that */
	if (!h->only)
		h->least = 0;
	return r;
}

/* The path as given, resolved. */
static enum zk_err
find_path(struct history *h)
{
	char *path = NULL;
	enum zk_err r = h->o->path == NULL ? ZK_OK :
	    round_inside(h->v, h->o->dir, h->o->path, &path);

	if (r == ZK_OK)
		r = histpath_init(&h->path, h->v, path == NULL ? "" : path);
	if (r == ZK_ENOENT)
		r = histpath_none(h->v, path, h->o->path, false);
	free(path);
	return r == ZK_OK ? find_nodes(h) : r;
}

static enum zk_err
walk(struct history *h, bool *more)
{
	const struct oplog_op *e = NULL;
	uint64_t told = 0;
	enum zk_err r = ZK_OK;

	for (;;) {
		struct event ev;
		bool yes = false;

		r = oplog_next(h->ops, &e);
		if (r != ZK_OK)
			return r == ZK_ENOENT ? ZK_OK : r;
		if (opid_lamport(&e->op.id) < h->least)
			return ZK_OK;
		if (e->op.type == OP_KEEP)
			continue;
		r = event_make(h, e, &ev);
		if (r == ZK_ENOENT)
			continue;
		if (r == ZK_OK)
			r = concerns(h, &ev, &yes);
		if (r == ZK_OK && yes && h->o->max > 0 &&
		    told == h->o->max) {
			*more = true;
			return ZK_OK;
		}
		if (r == ZK_OK && yes)
			r = tell(h, &ev);
		told += yes;
		if (r != ZK_OK)
			return r;
	}
}

enum zk_err
sync_log(struct vault *v, const struct sync_log_opts *o, bool *more)
{
	struct history h = { .v = v, .o = o };
	enum zk_err r = ZK_EBUG;

	*more = false;
	buf_init(&h.path.dir_path, 1);
	buf_init(&h.at, 1 << 20);
	buf_init(&h.from, 1 << 20);
	buf_init(&h.name, SYNC_NAME_MAX);
	keyset_init(&h.nodes);
	r = find_path(&h);
	if (r == ZK_OK)
		r = oplog_new(v, &o->ui, &h.ops);
	if (r == ZK_OK)
		r = walk(&h, more);
	oplog_free(h.ops);
	keyset_release(&h.nodes);
	histpath_release(&h.path);
	buf_release(&h.at);
	buf_release(&h.from);
	buf_release(&h.name);
	return r;
}
