#include "crdt/emit.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/core.h"
#include "crdt/entry.h"
#include "crdt/heads.h"
#include "crdt/seen.h"
#include "crdt/vis.h"

#define CHILD_PAGE 8

/* The refs of one op, of one kind after the other. */
struct refs {
	struct opid v[OP_REFS_MAX];
	size_t n;
};

/* From *at on, the refs of node that are any of what; at most a full list. */
static void
take_refs(const struct seen_node *node, uint8_t what, size_t *at,
    struct refs *out)
{
	out->n = 0;
	for (; *at < node->refs_n && out->n < OP_REFS_MAX; (*at)++)
		if ((node->refs[*at].what & what) != 0)
			out->v[out->n++] = node->refs[*at].id;
}

static void
op_init(struct op *op, uint8_t type, const struct opid *node)
{
	memset(op, 0, sizeof(*op));
	op->type = type;
	if (node != NULL)
		op->node = *node;
}

/*
 * One op for every OP_REFS_MAX of the refs from at on, which are given as
 * place refs or, for a drop, as content refs.  An op named in any list of a
 * remove is covered, so each id travels once.
 */
static enum zk_err
put_all(struct emit *e, uint8_t type, const struct seen_node *node,
    uint8_t what, size_t at)
{
	struct refs refs;
	struct op op;
	enum zk_err r = ZK_OK;

	for (;;) {
		take_refs(node, what, &at, &refs);
		if (refs.n == 0)
			return ZK_OK;
		op_init(&op, type, &node->id);
		if (type == OP_DROP) {
			op.content_refs = refs.v;
			op.content_refs_n = refs.n;
		} else {
			op.place_refs = refs.v;
			op.place_refs_n = refs.n;
		}
		r = e->put(e->arg, &op);
		if (r != ZK_OK)
			return r;
	}
}

static enum zk_err
remove_node(struct emit *e, const struct seen_node *node)
{
	return put_all(e, OP_REMOVE, node,
	    SEEN_PLACE | SEEN_CONTENT | SEEN_ATTR | SEEN_OTHER, 0);
}

/* Whether the files that base has beside this one are gone by now. */
static enum zk_err
others_gone(struct emit *e, const struct seen_node *node, bool *gone)
{
	const struct cdb *db = &e->tree->db;

	*gone = true;
	for (size_t i = 0; i < node->refs_n && *gone; i++) {
		struct cdb_op op;
		enum zk_err r;

		if ((node->refs[i].what & SEEN_OTHER) == 0)
			continue;
		r = db->impl->op_by_id(db->db, &node->refs[i].id, &op);
		if (r != ZK_OK)
			return r;
		*gone = (op.heads & REG_CONTENT) == 0 || (op.flags &
		    (CDB_COVERED | CDB_DROPPED | CDB_SPLIT)) != 0;
	}
	return ZK_OK;
}

/*
 * The file of node at its name goes; the files beside it, where there still
 * are any, stay.
 */
static enum zk_err
gone_node(struct emit *e, const struct seen_node *node)
{
	bool gone = false;
	enum zk_err r = others_gone(e, node, &gone);

	if (r != ZK_OK)
		return r;
	return gone ? remove_node(e, node) :
	    put_all(e, OP_DROP, node, SEEN_CONTENT, 0);
}

/* KEEP for every directory from id upwards that only descendants keep. */
static enum zk_err
keep_up(struct emit *e, const struct opid *id)
{
	const struct cdb *db = &e->tree->db;
	struct cdb_node node;
	struct op op;
	enum zk_err r;

	if (opid_is_root(id) || (e->tree->kept_known &&
	    opid_cmp(&e->tree->kept_id, id) == 0))
		return ZK_OK;
	r = vis_flush(e->tree);
	if (r == ZK_OK)
		r = db->impl->node_by_id(db->db, id, &node);
	while (r == ZK_OK) {
		int64_t parent = node.parent;

		if (node.live == 0) {
			op_init(&op, OP_KEEP, &node.id);
			r = e->put(e->arg, &op);
			if (r == ZK_OK)
				r = vis_flush(e->tree);
		}
		if (r != ZK_OK || parent <= CDB_ROOT)
			break;
		r = db->impl->node_get(db->db, parent, &node);
	}
	if (r == ZK_OK) {
		e->tree->kept_known = true;
		e->tree->kept_id = *id;
	}
	return r;
}

/* The id of the directory at `at`, whose ancestors are then kept. */
static enum zk_err
enter_dir(struct emit *e, const struct emit_at *at, struct opid *id)
{
	size_t n;
	enum zk_err r;

	memset(id, 0, sizeof(*id));
	if (at->dir_seen_len == 0)
		return ZK_OK;
	r = seen_ids(at->dir_seen, at->dir_seen_len, id, 1, &n);
	if (r == ZK_OK && n == 0)
		r = ZK_EFORMAT;
	return r == ZK_OK ? keep_up(e, id) : r;
}

static void
set_place(struct op *op, const struct opid *dir, const struct emit_at *at)
{
	op->parent = *dir;
	op->name = at->name;
	op->name_len = at->name_len;
}

static void
set_attr(struct op *op, const struct emit_file *f)
{
	op->has_mode = f->has_mode;
	op->has_mtime = f->has_mtime;
	op->mode = f->mode;
	op->mtime_sec = f->mtime_sec;
	op->mtime_nsec = f->mtime_nsec;
}

/* The op stands for what it replaced; more is what goes along with that. */
static enum zk_err
see_instead(struct seen_node *node, uint8_t what, uint8_t more,
    const struct opid *id)
{
	seen_clear(node, (uint8_t)(what | more));
	return seen_ref(node, id, what);
}

static enum zk_err
encode(const struct seen *s, struct buf *out)
{
	buf_reset(out);
	return seen_encode(s, out);
}

enum zk_err
emit_create(struct emit *e, const struct emit_at *at,
    const struct emit_file *f, struct buf *seen)
{
	struct opid dir;
	struct op op;
	enum zk_err r = enter_dir(e, at, &dir);

	if (r != ZK_OK)
		return r;
	op_init(&op, OP_CREATE, NULL);
	op.kind = f->kind;
	set_place(&op, &dir, at);
	set_attr(&op, f);
	if (f->content != NULL)
		op.content = *f->content;
	r = e->put(e->arg, &op);
	if (r != ZK_OK)
		return r;
	buf_reset(seen);
	return seen_born(&op.id, f->kind, seen);
}

enum zk_err
emit_keep(struct emit *e, const uint8_t *old, size_t old_len,
    struct buf *seen)
{
	struct seen s;
	struct op op;
	enum zk_err r = seen_decode(old, old_len, &s);

	if (r == ZK_OK && s.n == 0)
		r = ZK_EFORMAT;
	if (r == ZK_OK) {
		op_init(&op, OP_KEEP, &s.nodes[0].id);
		r = e->put(e->arg, &op);
	}
	if (r == ZK_OK)
		r = seen_ref(&s.nodes[0], &op.id, SEEN_PLACE);
	if (r == ZK_OK)
		r = encode(&s, seen);
	seen_release(&s);
	return r;
}

/* MOVE of one child of a directory that another takes the place of. */
static enum zk_err
move_child(struct emit *e, const struct cdb_node *child,
    const struct opid *to)
{
	struct refs refs = { .n = 0 };
	struct seen_node heads;
	struct op op;
	size_t at = 0;
	enum zk_err r;

	memset(&heads, 0, sizeof(heads));
	r = entry_see(&e->tree->db, child, &heads);
	if (r == ZK_OK) {
		take_refs(&heads, SEEN_PLACE, &at, &refs);
		op_init(&op, OP_MOVE, &child->id);
		op.parent = *to;
		op.name = child->name.b;
		op.name_len = child->name.len;
		op.place_refs = refs.v;
		op.place_refs_n = refs.n;
		r = e->put(e->arg, &op);
	}
	free(heads.refs);
	return r;
}

static enum zk_err
move_children(struct emit *e, const struct seen_node *from,
    const struct opid *to)
{
	const struct cdb *db = &e->tree->db;
	struct cdb_node *page = NULL;
	struct cdb_name name;
	int64_t dir, after = 0;
	size_t got = CHILD_PAGE;
	bool begun = false;
	uint8_t kind;
	enum zk_err r;

	r = db->impl->node_key(db->db, &from->id, &dir, &kind);
	if (r != ZK_OK)
		return r;
	page = malloc(CHILD_PAGE * sizeof(*page));
	if (page == NULL)
		return ZK_ENOMEM;
	while (r == ZK_OK && got == CHILD_PAGE) {
		r = db->impl->children(db->db, dir, begun ? &name : NULL,
		    after, page, CHILD_PAGE, &got);
		for (size_t i = 0; r == ZK_OK && i < got; i++) {
			r = move_child(e, &page[i], to);
			name = page[i].name;
			after = page[i].n;
			begun = true;
		}
	}
	free(page);
	return r;
}

/*
 * The winner of a union that ends is to be looked at: what had changed in the
 * losers is in their listings alone, and no path leads to these any more.
 */
static enum zk_err
look_at(struct emit *e, const struct opid *id)
{
	const struct cdb *db = &e->tree->db;
	int64_t n = 0;
	uint8_t kind;
	enum zk_err r = db->impl->node_key(db->db, id, &n, &kind);

	return r == ZK_OK ? vis_dirty(e->tree, n) : r;
}

/* The first op on a united path: the losers go, the winner is left in s. */
static enum zk_err
unite(struct emit *e, struct seen *s)
{
	enum zk_err r = ZK_OK;

	if (s->n > 1 && s->nodes[0].kind == NODE_DIR)
		r = look_at(e, &s->nodes[0].id);
	while (r == ZK_OK && s->n > 1) {
		struct seen_node *loser = &s->nodes[s->n - 1];

		if (loser->kind == NODE_DIR)
			r = move_children(e, loser, &s->nodes[0].id);
		if (r == ZK_OK)
			r = gone_node(e, loser);
		free(loser->refs);
		s->n--;
	}
	return r;
}

/* DROP of all contents of a copy but the first, which is split off. */
static enum zk_err
drop_rest(struct emit *e, const struct seen_node *node,
    const struct opid *first)
{
	struct seen_node rest;
	enum zk_err r = ZK_OK;

	memset(&rest, 0, sizeof(rest));
	rest.id = node->id;
	for (size_t i = 0; i < node->refs_n && r == ZK_OK; i++)
		if ((node->refs[i].what & SEEN_CONTENT) != 0 &&
		    opid_cmp(&node->refs[i].id, first) != 0)
			r = seen_ref(&rest, &node->refs[i].id, SEEN_CONTENT);
	if (r == ZK_OK)
		r = put_all(e, OP_DROP, &rest, SEEN_CONTENT, 0);
	free(rest.refs);
	return r;
}

/*
 * A copy becomes a node of its own: *node is that afterwards.  It has mode
 * and mtime from the split alone, so the split carries both.
 */
static enum zk_err
split(struct emit *e, struct seen_node *node, const struct opid *dir,
    const struct emit_at *at, const struct emit_file *whole)
{
	struct refs first;
	struct opid id;
	struct op op;
	size_t i = 0;
	enum zk_err r;

	take_refs(node, SEEN_CONTENT, &i, &first);
	if (first.n == 0)
		return ZK_EFORMAT;
	op_init(&op, OP_SPLIT, &node->id);
	op.kind = node->kind;
	set_place(&op, dir, at);
	set_attr(&op, whole);
	op.content_refs = first.v;
	op.content_refs_n = 1;
	e->tree->db.impl->split_id(&first.v[0], &id);
	r = e->put(e->arg, &op);
	if (r == ZK_OK)
		r = drop_rest(e, node, &first.v[0]);
	if (r != ZK_OK)
		return r;
	node->id = id;
	node->copy = false;
	node->refs_n = 0;
	r = seen_ref(node, &op.id, (uint8_t)(SEEN_PLACE |
	    (op.has_mode || op.has_mtime ? SEEN_ATTR : 0)));
	return r == ZK_OK ? seen_ref(node, &id, SEEN_CONTENT) : r;
}

/* EDIT if there is content, else ATTR; attr says whether f's are new. */
static enum zk_err
change(struct emit *e, struct seen_node *node, const struct emit_file *f,
    bool attr)
{
	struct refs content, attrs;
	struct op op;
	size_t i = 0;
	size_t k = 0;
	enum zk_err r;

	op_init(&op, f->content != NULL ? OP_EDIT : OP_ATTR, &node->id);
	if (attr) {
		set_attr(&op, f);
		take_refs(node, SEEN_ATTR, &k, &attrs);
		op.attr_refs = attrs.v;
		op.attr_refs_n = attrs.n;
	}
	if (f->content != NULL) {
		op.content = *f->content;
		take_refs(node, SEEN_CONTENT, &i, &content);
		op.content_refs = content.v;
		op.content_refs_n = content.n;
	} else if (!op.has_mode && !op.has_mtime) {
		return ZK_OK;
	}
	r = e->put(e->arg, &op);
	if (r == ZK_OK && f->content != NULL)
		r = put_all(e, OP_DROP, node, SEEN_CONTENT, i);
	if (r == ZK_OK && f->content != NULL)
		r = see_instead(node, SEEN_CONTENT, SEEN_GONE, &op.id);
	if (r == ZK_OK && (op.has_mode || op.has_mtime))
		r = see_instead(node, SEEN_ATTR, 0, &op.id);
	return r;
}

/* Whether the file stands for one of these ops. */
static bool
stands_for(const struct seen_node *node, const struct head *h)
{
	for (size_t i = 0; i < node->refs_n; i++)
		for (size_t k = 0; k < h->ops_n; k++)
			if ((node->refs[i].what & SEEN_CONTENT) != 0 &&
			    opid_cmp(&node->refs[i].id, &h->ops[k]) == 0)
				return true;
	return false;
}

enum zk_err
emit_other_back(struct emit *e, const uint8_t *old, size_t old_len,
    bool *yes)
{
	const struct cdb *db = &e->tree->db;
	struct cdb_node node = { .n = 0 };
	struct heads hs = { .n = 0 };
	struct seen s;
	enum zk_err r = seen_decode(old, old_len, &s);

	*yes = false;
	if (r != ZK_OK || s.n == 0 || s.nodes[0].copy)
		goto out;
	r = vis_flush(e->tree);
	if (r == ZK_OK)
		r = db->impl->node_by_id(db->db, &s.nodes[0].id, &node);
	if (r != ZK_OK || node.live > 0)
		goto out;
	r = heads_load(db, &node, &hs);
	for (size_t i = 0; r == ZK_OK && i < hs.n; i++)
		*yes |= hs.v[i].removed && !stands_for(&s.nodes[0], &hs.v[i]);
	if (r == ZK_OK)
		heads_release(&hs);
out:
	seen_release(&s);
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
emit_edit(struct emit *e, const uint8_t *old, size_t old_len,
    const struct emit_at *at, const struct emit_file *f,
    const struct emit_file *whole, struct buf *seen)
{
	struct opid dir;
	struct seen s;
	bool copy;
	enum zk_err r = seen_decode(old, old_len, &s);

	if (r != ZK_OK)
		return r;
	copy = s.nodes[0].copy;
	r = enter_dir(e, at, &dir);
	if (r == ZK_OK)
		r = unite(e, &s);
	if (r == ZK_OK && copy)
		r = split(e, &s.nodes[0], &dir, at, whole);
	if (r == ZK_OK && (!copy || f->content != NULL))
		r = change(e, &s.nodes[0], f, !copy);
	if (r == ZK_OK)
		r = encode(&s, seen);
	seen_release(&s);
	return r;
}

enum zk_err
emit_move(struct emit *e, const uint8_t *old, size_t old_len,
    const struct emit_at *at, const struct emit_file *whole,
    struct buf *seen)
{
	struct seen_node *node;
	struct refs refs;
	struct opid dir;
	struct seen s;
	struct op op;
	size_t i = 0;
	enum zk_err r = seen_decode(old, old_len, &s);

	if (r != ZK_OK)
		return r;
	node = &s.nodes[0];
	r = enter_dir(e, at, &dir);
	if (r == ZK_OK)
		r = unite(e, &s);
	if (r == ZK_OK && node->copy) {
		r = split(e, node, &dir, at, whole);
	} else if (r == ZK_OK) {
		take_refs(node, SEEN_PLACE, &i, &refs);
		op_init(&op, OP_MOVE, &node->id);
		set_place(&op, &dir, at);
		op.place_refs = refs.v;
		op.place_refs_n = refs.n;
		r = e->put(e->arg, &op);
		if (r == ZK_OK)
			r = see_instead(node, SEEN_PLACE, 0, &op.id);
	}
	if (r == ZK_OK)
		r = encode(&s, seen);
	seen_release(&s);
	return r;
}

enum zk_err
emit_remove(struct emit *e, const uint8_t *old, size_t old_len)
{
	struct seen s;
	enum zk_err r = seen_decode(old, old_len, &s);

	for (size_t i = 0; r == ZK_OK && i < s.n; i++)
		r = gone_node(e, &s.nodes[i]);
	seen_release(&s);
	return r;
}

enum zk_err
emit_merge(struct emit *e, const struct opid *node, const struct opid *heads,
    size_t n, const struct emit_file *f)
{
	const struct cdb *db = &e->tree->db;
	struct cdb_node rec;
	struct seen_node seen;
	struct refs attrs = { .n = 0 };
	struct op op;
	size_t at = 0;
	enum zk_err r = vis_flush(e->tree);

	memset(&seen, 0, sizeof(seen));
	if (r == ZK_OK)
		r = db->impl->node_by_id(db->db, node, &rec);
	if (r == ZK_OK)
		r = entry_see(db, &rec, &seen);
	op_init(&op, OP_EDIT, node);
	if (r == ZK_OK && (f->has_mode || f->has_mtime)) {
		set_attr(&op, f);
		take_refs(&seen, SEEN_ATTR, &at, &attrs);
		op.attr_refs = attrs.v;
		op.attr_refs_n = attrs.n;
	}
	op.content = *f->content;
	op.content_refs = heads;
	op.content_refs_n = n;
	if (r == ZK_OK)
		r = e->put(e->arg, &op);
	free(seen.refs);
	return r;
}
