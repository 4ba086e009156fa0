/*
 * Goals given as tables, and applying them to the folder of treekit.h.
 */
#ifndef ZK_TESTS_UNIT_GOALKIT_H
#define ZK_TESTS_UNIT_GOALKIT_H

#include "tree/whole.h"
#include "treekit.h"

#define KIT_N(a) ((int)(sizeof(a) / sizeof((a)[0])))

/* An entry of a goal; parent is the key of its directory, 0 the root. */
struct kit_goal {
	uint32_t key;
	uint32_t parent;
	const char *name;
	uint8_t kind;
	const char *content;	/* or link target */
	uint16_t mode;		/* 0: 0644, or 0755 */
	int64_t mtime;		/* 0: 1000000 + key */
};

/*
 * Streams of trees: a file "f" and an empty directory "s"; a file "f" with
 * other bytes, a directory "s" with a link in it.  So many bytes, and entries.
 */
#define KIT_FILE(text, n) "\1\1f\244\1\100\102\17\0\0\0\0\0" \
	"\0\0\0\0" n "\0\0\0\0\0\0\0" text
#define KIT_STREAM1 "zk tree\1" KIT_FILE("abc", "\3") "\2\1s\355\1\0\0"
#define KIT_STREAM2 "zk tree\1" KIT_FILE("other", "\5") \
	"\2\1s\355\1\3\1l\1\0t\0\0"
#define KIT_STREAM1_LEN (sizeof(KIT_STREAM1) - 1)
#define KIT_STREAM2_LEN (sizeof(KIT_STREAM2) - 1)

static const char kit_stream1[] = KIT_STREAM1, kit_stream2[] = KIT_STREAM2;

static const struct kit_goal kit_tree1[] = {
	{ 1, 0, "d", NODE_DIR, NULL, 0, 0 },
	{ 2, 1, "a", NODE_FILE, "content a", 0600, 0 },
	{ 3, 1, "b", NODE_FILE, "content b", 0, 0 },
	{ 4, 0, "e", NODE_DIR, NULL, 0700, 0 },
	{ 5, 4, "f", NODE_DIR, NULL, 0, 0 },
	{ 6, 5, "deep", NODE_FILE, "deep", 0, 0 },
	{ 7, 0, "link", NODE_SYMLINK, "../outside", 0, 0 },
	{ 8, 0, "x", NODE_FILE, "x", 0, 0 },
	{ 9, 0, "y", NODE_FILE, "y", 0, 0 },
	{ 10, 0, "todir", NODE_FILE, "was a file", 0, 0 },
	{ 11, 0, "tofile", NODE_DIR, NULL, 0, 0 },
	{ 12, 11, "in", NODE_FILE, "in", 0, 0 },
	{ 13, 0, "gone", NODE_FILE, "gone", 0, 0 },
	{ 14, 0, "gonedir", NODE_DIR, NULL, 0, 0 },
	{ 15, 14, "g", NODE_FILE, "g", 0, 0 },
	{ 16, 0, "empty", NODE_FILE, "", 0, 0 },
	{ 50, 0, "tree", NODE_TREE, kit_stream1, 0, 0 },
	{ 51, 0, "treemode", NODE_TREE, kit_stream1, 0700, 0 },
	{ 52, 1, "treemove", NODE_TREE, kit_stream1, 0, 0 },
	{ 53, 0, "treegone", NODE_TREE, kit_stream1, 0, 0 },
	{ 54, 0, "treefile", NODE_TREE, kit_stream1, 0, 0 },
	{ 55, 0, "filetree", NODE_FILE, "is a file", 0, 0 },
	{ 56, 0, "treedir", NODE_TREE, kit_stream1, 0, 0 },
	{ 57, 0, "dirtree", NODE_DIR, NULL, 0, 0 },
	{ 58, 57, "f", NODE_FILE, "abc", 0, 0 },
	{ 59, 0, "treex", NODE_TREE, kit_stream1, 0, 0 },
	{ 60, 0, "treey", NODE_TREE, kit_stream2, 0, 0 },
};

/* Everything of kit_tree1 changes in some way. */
static const struct kit_goal kit_tree2[] = {
	{ 1, 0, "renamed", NODE_DIR, NULL, 0, 0 },
	{ 2, 1, "a", NODE_FILE, "content a", 0644, 0 },
	{ 3, 1, "b", NODE_FILE, "new content of b", 0, 7000000 },
	{ 5, 0, "f", NODE_DIR, NULL, 0, 0 },
	{ 4, 5, "e", NODE_DIR, NULL, 0700, 0 },
	{ 6, 4, "deep", NODE_FILE, "deep and edited", 0, 0 },
	{ 7, 0, "link", NODE_SYMLINK, "elsewhere", 0, 0 },
	{ 8, 0, "y", NODE_FILE, "x", 0, 0 },
	{ 9, 0, "x", NODE_FILE, "y", 0, 0 },
	{ 20, 0, "todir", NODE_DIR, NULL, 0, 0 },
	{ 21, 20, "inside", NODE_FILE, "inside", 0, 0 },
	{ 22, 0, "tofile", NODE_FILE, "is a file", 0, 0 },
	{ 12, 20, "moved", NODE_FILE, "in", 0, 0 },
	{ 23, 0, "closed", NODE_DIR, NULL, 0555, 0 },
	{ 24, 23, "c", NODE_FILE, "c", 0, 0 },
	{ 25, 0, "open", NODE_DIR, NULL, 0, 0 },
	{ 26, 25, "o", NODE_FILE, "o", 0, 0 },
	{ 27, 25, "leaf", NODE_DIR, NULL, 0755, 0 },
	{ 16, 0, "empty", NODE_FILE, "", 0, 0 },
	{ 50, 0, "tree", NODE_TREE, kit_stream2, 0, 0 },
	{ 51, 0, "treemode", NODE_TREE, kit_stream1, 0755, 0 },
	{ 52, 4, "treemoved", NODE_TREE, kit_stream2, 0, 0 },
	{ 64, 0, "treefile", NODE_FILE, "was a tree", 0, 0 },
	{ 65, 0, "filetree", NODE_TREE, kit_stream2, 0, 0 },
	{ 66, 0, "treedir", NODE_DIR, NULL, 0, 0 },
	{ 67, 66, "f", NODE_FILE, "abc", 0, 0 },
	{ 68, 0, "dirtree", NODE_TREE, kit_stream1, 0, 0 },
	{ 59, 0, "treey", NODE_TREE, kit_stream1, 0, 0 },
	{ 60, 0, "treex", NODE_TREE, kit_stream2, 0, 0 },
};

static inline uint16_t
kit_mode(const struct kit_goal *g)
{
	return g->mode ? g->mode : g->kind == NODE_DIR ||
	    g->kind == NODE_TREE ? 0755 : 0644;
}

/* Bytes of the content. */
static inline size_t
kit_len(const struct kit_goal *g)
{
	if (g->content == kit_stream1)
		return KIT_STREAM1_LEN;
	if (g->content == kit_stream2)
		return KIT_STREAM2_LEN;
	return g->content != NULL ? strlen(g->content) : 0;
}

/* Entries on the disk that it is. */
static inline int
kit_entries(const struct kit_goal *g)
{
	return g->kind != NODE_TREE ? 1 :
	    g->content == kit_stream1 ? 3 : 4;
}

static inline int64_t
kit_mtime(const struct kit_goal *g)
{
	return g->mtime ? g->mtime : 1000000 + g->key;
}

static inline enum zk_err
kit_content(void *ctx, const struct plan_goal *g, struct buf *out)
{
	struct kit *k = ctx;
	const struct kit_goal *w = &k->goal[g->handle];

	if (k->edit_path != NULL && k->edit_at == (int)w->key) {
		kit_write(k, k->edit_path, "edited meanwhile");
		k->edit_path = NULL;
	}
	if (w->content == NULL)
		return ZK_EGAP;
	return buf_put(out, w->content, kit_len(w));
}

static inline enum zk_err
kit_fetch(void *ctx, struct apply_item *items, size_t n)
{
	struct kit *k = ctx;

	for (size_t i = 0; i < n; i++) {
		const struct kit_goal *w = &k->goal[items[i].goal->handle];
		int e = env_ftruncate(k->env, items[i].fd, 0);
		size_t len = kit_len(w), at = 0;

		while (e >= 0 && at < len) {
			ssize_t m = env_pwrite(k->env, items[i].fd,
			    w->content + at, len - at, at);

			if (m < 0)
				e = (int)m;
			else
				at += (size_t)m;
		}
		items[i].r = e < 0 ? err_from_errno(-e) : ZK_OK;
	}
	return ZK_OK;
}

static inline enum zk_err
kit_plan_base(struct kit *k, struct plan *p)
{
	int64_t after = 0;
	enum zk_err r = ZK_OK;

	while (r == ZK_OK) {
		struct base_entry e;
		struct opid node;
		size_t d;

		r = base_after(k->db, after, &e);
		if (r != ZK_OK)
			break;
		after = e.id;
		if (e.flags & BASE_STAGED)
			continue;
		if (e.nodes_n > 0)
			node = e.nodes[0];
		if (e.id != BASE_ROOT)
			r = plan_base(p, &e, 0);
		if (r == ZK_OK && e.kind == NODE_DIR && e.nodes_n > 0)
			r = plan_dir(p, &node, after, &d);
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

static inline enum zk_err
kit_plan_goal(struct kit *k, struct plan *p)
{
	enum zk_err r = ZK_OK;

	for (int i = 0; i < k->goal_n && r == ZK_OK; i++) {
		const struct kit_goal *w = &k->goal[i];
		struct opid id = kit_id(w->key), parent = kit_id(w->parent);
		struct plan_goal g;
		size_t d;

		memset(&g, 0, sizeof(g));
		g.key = id;
		g.name = (const uint8_t *)w->name;
		g.name_len = strlen(w->name);
		g.kind = w->kind;
		g.has_mode = w->kind != NODE_SYMLINK;
		g.mode = kit_mode(w);
		g.has_mtime = w->kind != NODE_DIR && w->kind != NODE_TREE;
		g.mtime.sec = kit_mtime(w);
		if (w->kind != NODE_DIR) {
			const char *c = w->content ? w->content : "";

			g.size = kit_len(w);
			hash_bytes(LABEL_HASH_CONTENT, c, g.size, g.hash);
		}
		g.nodes = &id;
		g.nodes_n = 1;
		g.refs = id.b;
		g.refs_len = OPID_LEN;
		if (k->many == w->key && k->many != 0) {
			g.nodes = k->nodes;
			g.nodes_n = k->nodes_n;
			g.refs = k->refs;
			g.refs_len = k->refs_len;
		}
		g.handle = (uint64_t)i;
		if (w->kind == NODE_DIR)
			r = plan_dir(p, &id, 0, &d);
		if (r == ZK_OK)
			r = plan_dir(p, &parent, 0, &d);
		if (r == ZK_OK)
			r = plan_goal(p, d, &g);
	}
	return r;
}

/* Plans and applies the goal once; steps in *steps. */
static inline enum zk_err
kit_apply(struct kit *k, const struct kit_goal *goal, int n, size_t *steps)
{
	const struct apply_ops ops = {
		.content = kit_content, .fetch = kit_fetch,
		.hasher = k->hasher, .ctx = k
	};
	struct opid root = kit_id(0);
	struct plan *p = NULL;
	size_t d;
	enum zk_err r = plan_new(NULL, &p);

	k->goal = goal;
	k->goal_n = n;
	if (r == ZK_OK)
		r = plan_dir(p, &root, BASE_ROOT, &d);
	if (r == ZK_OK)
		r = kit_plan_base(k, p);
	if (r == ZK_OK)
		r = kit_plan_goal(k, p);
	if (r == ZK_OK)
		r = plan_make(p);
	if (steps != NULL)
		*steps = r == ZK_OK ? plan_len(p) : 0;
	if (r == ZK_OK)
		r = apply_run(k->root, k->db, p, &ops, &k->res);
	plan_free(p);
	return r;
}

/* The path of a goal entry. */
static inline void
kit_goal_path(const struct kit_goal *g, int n, int i, char *out, size_t cap)
{
	out[0] = '\0';
	for (int j = 0; j < n && g[i].parent != 0; j++)
		if (g[j].key == g[i].parent) {
			kit_goal_path(g, n, j, out, cap);
			break;
		}
	kit_join(out, cap, out, g[i].name);
}

/* The stream of the directory at path is this one. */
static inline bool
kit_streams(struct kit *k, const char *path, const char *want, size_t n)
{
	static char got[1 << 16];
	struct whole w;
	size_t have = 0;
	int fd = -1;
	bool ok;

	if (whole_read(k->root, path, &fd, &w) != ZK_OK)
		return false;
	ok = io_read_some(k->env, fd, got, sizeof(got), &have) == ZK_OK &&
	    have == n && memcmp(got, want, n) == 0;
	env_close(k->env, fd);
	return ok;
}

/* The entry is on the disk as the goal has it. */
static inline bool
kit_is(struct kit *k, const struct kit_goal *g, const char *path)
{
	struct env_stat st;
	char link[300];
	ssize_t n;

	if (env_statat(k->env, ENV_CWD, kit_abs(k, path), &st) != 0)
		return false;
	switch (g->kind) {
	case NODE_DIR:
		return S_ISDIR(st.mode) && (st.mode & 0777) == kit_mode(g);
	case NODE_TREE:
		return S_ISDIR(st.mode) && (st.mode & 0777) == kit_mode(g) &&
		    kit_streams(k, path, g->content, kit_len(g));
	case NODE_SYMLINK:
		n = env_readlinkat(k->env, ENV_CWD, kit_abs(k, path), link,
		    sizeof(link));
		return n == (ssize_t)strlen(g->content) &&
		    memcmp(link, g->content, (size_t)n) == 0;
	default:
		return S_ISREG(st.mode) && (st.mode & 0777) == kit_mode(g) &&
		    st.mtime.sec == kit_mtime(g) && st.mtime.nsec == 0 &&
		    kit_has(k, path, g->content);
	}
}

/* The disk is exactly the goal, and base agrees with it. */
static inline bool
kit_reached(struct kit *k, const struct kit_goal *g, int n)
{
	char path[5000], what[2000];
	bool ok = true;
	int want = 0;
	size_t steps;

	for (int i = 0; i < n; i++) {
		kit_goal_path(g, n, i, path, sizeof(path));
		if (!kit_is(k, &g[i], path)) {
			printf("# not as the goal: %s\n", path);
			ok = false;
		}
		want += kit_entries(&g[i]);
	}
	if (kit_count(k, k->dir) != want) {
		printf("# %d entries, not %d\n", kit_count(k, k->dir), want);
		ok = false;
	}
	if (kit_record(k, what, sizeof(what)) != 0) {
		printf("# differences:\n%s", what);
		ok = false;
	}
	if (kit_apply(k, g, n, &steps) != ZK_OK || steps != 0) {
		printf("# %zu steps left\n", steps);
		ok = false;
	}
	return ok;
}

#endif
