/* The paths that a command named: whether there is such a thing. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "crdt/list.h"
#include "sync/round.h"
#include "util/log.h"

struct found {
	bool any;
	bool dir;		/* a directory, somewhere */
	bool tree;		/* one that is kept as one */
};

static void
on_disk(struct round *rd, const char *path, struct found *f)
{
	const char *name = NULL;
	struct env_stat st;
	int dir = root_parent(rd->v->root, path, &name);
	int e = dir < 0 ? dir : env_statat(rd->v->env, dir, name, &st);

	if (e == 0) {
		f->any = true;
		f->dir |= (st.mode & S_IFMT) == S_IFDIR;
	} else if (e != -ENOENT && e != -ENOTDIR && e != -ELOOP &&
	    e != -EXDEV) {
		/* what cannot be looked at is the scan's to report */
		f->any = f->dir = true;
	}
}

static enum zk_err
in_base(struct round *rd, const char *path, struct found *f)
{
	struct base_entry e;
	enum zk_err r = base_find_path(rd->v->db, path, &e);

	if (r == ZK_OK) {
		f->any = true;
		f->tree |= e.kind == NODE_TREE;
		f->dir |= e.kind == NODE_DIR || f->tree;
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

static enum zk_err
in_tree(struct round *rd, const char *path, struct found *f)
{
	const struct list_entry *e = NULL;
	struct list *l = NULL;
	enum zk_err r = list_lookup(rd->v->tree, (const uint8_t *)path,
	    strlen(path), &l);

	if (r == ZK_OK)
		r = list_next(l, &e);
	if (r == ZK_OK) {
		f->any = true;
		f->tree |= e->kind == NODE_TREE;
		f->dir |= e->kind == NODE_DIR || f->tree;
	}
	list_close(l);
	return r == ZK_ENOENT ? ZK_OK : r;
}

/*
 * A path in a directory that is kept as one, here or by the merge, means all
 * of that: it is cut off there.
 */
static enum zk_err
cut_to_tree(struct round *rd, char *path, struct found *f)
{
	enum zk_err r = ZK_OK;

	for (char *p = strchr(path, '/'); r == ZK_OK && p != NULL;
	    p = strchr(p + 1, '/')) {
		struct found at = { .tree = false };

		*p = '\0';
		r = in_base(rd, path, &at);
		if (r == ZK_OK && !at.tree)
			r = in_tree(rd, path, &at);
		if (r == ZK_OK && at.tree) {
			f->any = f->dir = true;
			return ZK_OK;
		}
		*p = '/';
	}
	return r;
}

/* As typed, "d/" or "d/.": only a directory will do. */
static bool
names_dir(const char *typed)
{
	size_t n = strlen(typed);

	return n > 0 && (typed[n - 1] == '/' ||
	    (n > 1 && typed[n - 1] == '.' && typed[n - 2] == '/'));
}

enum zk_err
named_check(struct round *rd, bool tree)
{
	enum zk_err worst = ZK_OK;

	for (size_t i = 0; i < rd->paths_n; i++) {
		char *path = rd->own_paths[i];
		const char *typed = rd->o->paths[i];
		struct found f = { .any = false };
		bool dir = names_dir(typed);
		enum zk_err r = ZK_EBUG;

		if (path[0] == '\0')
			continue;
		on_disk(rd, path, &f);
		r = cut_to_tree(rd, path, &f);
		if (r == ZK_OK)
			r = in_base(rd, path, &f);
		if (r == ZK_OK && tree)
			r = in_tree(rd, path, &f);
		if (r != ZK_OK)
			return r;
		if (f.any && (f.dir || !dir))
			continue;
		worst = ZK_EUSAGE;
		log_error(worst, &(struct log_where){ .path = typed },
		    f.any ? "'%s' is not a directory" :
		    "'%s' is neither here nor known to the vault", typed);
	}
	return worst;
}
