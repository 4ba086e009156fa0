#include <stdlib.h>
#include <string.h>

#include "crdt/core.h"
#include "crdt/entry.h"
#include "crdt/feed.h"
#include "crdt/list.h"
#include "crdt/made.h"
#include "util/hex.h"

#define CONF_PAGE 16
#define DEPTH_MAX 1024	/* of list_dump */
#define PATH_MAX_BYTES ((size_t)1 << 20)

/* A directory that is still to be looked at. */
struct todo {
	struct opid dir;
	bool united;	/* found as one that more than one node is */
};

struct walk {
	struct tree *t;
	list_fn *fn;
	void *arg;
	struct todo *todo;
	size_t n, cap;
	struct entry entry;
	struct group group;
};

static enum zk_err
push(struct walk *w, const struct opid *dir, bool united)
{
	if (w->n == w->cap) {
		size_t cap = w->cap == 0 ? 16 : w->cap * 2;
		struct todo *p = realloc(w->todo, cap * sizeof(*p));

		if (p == NULL)
			return ZK_ENOMEM;
		w->todo = p;
		w->cap = cap;
	}
	w->todo[w->n].dir = *dir;
	w->todo[w->n].united = united;
	w->n++;
	return ZK_OK;
}

/* Calls fn for what has a made name in dirs. */
static enum zk_err
tell_made(struct walk *w, const struct group_dirs *dirs, struct buf *path)
{
	const struct cdb *db = &w->t->db;
	size_t len = path->len;
	struct made m;
	enum zk_err r;

	r = made_load(db, dirs, &m);
	for (size_t i = 0; r == ZK_OK && i < m.n; i++) {
		const struct group_ent *e;

		r = group_load(&w->group, db, dirs, &m.v[i].base);
		if (r != ZK_OK)
			break;
		e = made_ent_in(&m.v[i], &w->group);
		if (e == NULL)
			BUG("the tree changed under a walk");
		r = entry_fill(&w->entry, db, &w->group, e, &m.v[i].name,
		    true);
		if (r == ZK_OK && len > 0)
			r = buf_u8(path, '/');
		if (r == ZK_OK)
			r = buf_put(path, m.v[i].name.b, m.v[i].name.len);
		if (r == ZK_OK)
			r = w->fn(w->arg, path, &w->entry.e);
		buf_truncate(path, len);
	}
	made_release(&m);
	return r;
}

/* Directories of the group at hand that unite. */
static enum zk_err
push_united(struct walk *w)
{
	const struct group *g = &w->group;
	enum zk_err r = ZK_OK;

	for (size_t e = 0; e < g->ents_n && r == ZK_OK; e++) {
		size_t n = 0;

		if (g->ents[e].copy > 0 ||
		    g->v[g->ents[e].rep].kind != NODE_DIR)
			continue;
		for (size_t i = 0; i < g->n; i++)
			n += g->ent_of[i] == e;
		if (n > 1)
			r = push(w, &g->v[g->ents[e].rep].id, true);
	}
	return r;
}

static enum zk_err
united_in_united(struct walk *w, const struct group_dirs *dirs)
{
	struct feed *f = NULL;
	enum zk_err r;

	r = feed_open(&w->t->db, dirs, &f);
	while (r == ZK_OK) {
		r = feed_next(f, &w->group);
		if (r == ZK_OK)
			r = push_united(w);
	}
	feed_close(f);
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* In a lone directory the marks tell: each group at its eldest node. */
static enum zk_err
united_in_lone(struct walk *w, const struct group_dirs *dirs)
{
	const struct cdb *db = &w->t->db;
	struct cdb_node *page = malloc(CONF_PAGE * sizeof(*page));
	size_t got = CONF_PAGE;
	int64_t after = 0;
	enum zk_err r = ZK_OK;

	if (page == NULL)
		return ZK_ENOMEM;
	while (r == ZK_OK && got == CONF_PAGE) {
		r = db->impl->conflicts(db->db, dirs->v[0], after, page,
		    CONF_PAGE, &got);
		for (size_t i = 0; r == ZK_OK && i < got; i++) {
			after = page[i].n;
			if ((page[i].conf & CONF_NAME) == 0)
				continue;
			r = group_load(&w->group, db, dirs, &page[i].name);
			if (r == ZK_OK && w->group.n > 0 &&
			    w->group.v[0].n == page[i].n)
				r = push_united(w);
		}
	}
	free(page);
	return r;
}

static enum zk_err
visit(struct walk *w, const struct todo *d, struct buf *path)
{
	struct group_dirs dirs = { NULL, 0 };
	struct opid *ids = NULL;
	enum zk_err r;

	r = list_dirs(w->t, &d->dir, path, &ids, &dirs.n);
	/* what lies too deep to be shown has no conflict to show */
	if (r != ZK_OK)
		return r == ZK_ENOENT || r == ZK_ELIMIT ? ZK_OK : r;
	if (dirs.n > 1 && !d->united)
		goto out;	/* comes again from the directory above */
	dirs.v = calloc(dirs.n, sizeof(*dirs.v));
	if (dirs.v == NULL)
		r = ZK_ENOMEM;
	for (size_t i = 0; r == ZK_OK && i < dirs.n; i++) {
		uint8_t kind;

		if (!opid_is_root(&ids[i]))
			r = w->t->db.impl->node_key(w->t->db.db, &ids[i],
			    &dirs.v[i], &kind);
	}
	if (r == ZK_OK)
		r = tell_made(w, &dirs, path);
	if (r == ZK_OK)
		r = dirs.n > 1 ? united_in_united(w, &dirs) :
		    united_in_lone(w, &dirs);
out:
	free(dirs.v);
	free(ids);
	return r;
}

static int
key_cmp(const void *a, const void *b)
{
	int64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

/* Every directory with a marked child, each once. */
static enum zk_err
push_marked(struct walk *w)
{
	const struct cdb *db = &w->t->db;
	struct cdb_node *page = malloc(CONF_PAGE * sizeof(*page));
	int64_t *v = NULL;
	int64_t after = 0;
	size_t got = CONF_PAGE;
	size_t n = 0;
	size_t cap = 0;
	enum zk_err r = page == NULL ? ZK_ENOMEM : ZK_OK;

	while (r == ZK_OK && got == CONF_PAGE) {
		r = db->impl->conflicts(db->db, -1, after, page, CONF_PAGE,
		    &got);
		if (r == ZK_OK && n + got > cap) {
			int64_t *p;

			cap = (cap + CONF_PAGE) * 2;
			p = realloc(v, cap * sizeof(*p));
			if (p == NULL) {
				r = ZK_ENOMEM;
				break;
			}
			v = p;
		}
		for (size_t i = 0; r == ZK_OK && i < got; i++) {
			v[n++] = page[i].parent;
			after = page[i].n;
		}
	}
	if (n > 0)
		qsort(v, n, sizeof(*v), key_cmp);
	for (size_t i = 0; r == ZK_OK && i < n; i++) {
		struct cdb_node dir;

		if (i > 0 && v[i] == v[i - 1])
			continue;
		memset(&dir, 0, sizeof(dir));
		if (v[i] != CDB_ROOT)
			r = db->impl->node_get(db->db, v[i], &dir);
		if (r == ZK_OK)
			r = push(w, &dir.id, false);
	}
	free(v);
	free(page);
	return r;
}

enum zk_err
list_conflicts(struct tree *t, list_fn *fn, void *arg)
{
	struct walk w = { .t = t, .fn = fn, .arg = arg };
	struct buf path;
	enum zk_err r;

	buf_init(&path, PATH_MAX_BYTES);
	entry_init(&w.entry);
	group_init(&w.group);
	r = push_marked(&w);
	while (r == ZK_OK && w.n > 0) {
		struct todo d = w.todo[--w.n];

		r = visit(&w, &d, &path);
	}
	group_release(&w.group);
	entry_release(&w.entry);
	buf_release(&path);
	free(w.todo);
	return r;
}

static void
dump_entry(struct buf *out, const struct list_entry *e, int depth)
{
	for (int i = 0; i < depth; i++)
		buf_u8(out, ' ');
	buf_put(out, e->name, e->name_len);
	buf_printf(out, " kind %u flags %u mode %d %o mtime %d %lld.%09u\n ",
	    e->kind, e->flags, e->has_mode, e->mode, e->has_mtime,
	    (long long)e->mtime_sec, e->mtime_nsec);
	hex_put(out, e->key.b, OPID_LEN);
	buf_u8(out, ' ');
	hex_put(out, e->seen, e->seen_len);
	if (e->kind != NODE_DIR) {
		buf_u8(out, ' ');
		hex_put(out, e->content.hash, CONTENT_HASH_LEN);
		buf_printf(out, " %llu form %u merge %u wall %lld",
		    (unsigned long long)e->content.size, e->content.form,
		    e->content.merge, (long long)e->wall_ms);
	}
	buf_u8(out, '\n');
}

static enum zk_err
dump_dir(struct tree *t, const struct opid *dirs, size_t n, int depth,
    struct buf *out)
{
	const struct list_entry *e;
	struct list *l = NULL;
	enum zk_err r;

	if (depth > DEPTH_MAX)
		return ZK_ELIMIT;
	r = list_open(t, dirs, n, &l);
	while (r == ZK_OK) {
		r = list_next(l, &e);
		if (r != ZK_OK)
			break;
		dump_entry(out, e, depth);
		if (e->kind == NODE_DIR)
			r = dump_dir(t, e->nodes, e->nodes_n, depth + 1, out);
	}
	list_close(l);
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
list_dump(struct tree *t, struct buf *out)
{
	enum zk_err r = dump_dir(t, NULL, 0, 0, out);

	return r == ZK_OK ? buf_err(out) : r;
}
