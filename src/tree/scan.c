#include "tree/scan.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tree/listing.h"
#include "tree/scan_int.h"
#include "util/log.h"
#include "util/path.h"
#include "util/pool.h"

#define AHEAD 24		/* directories read ahead */

/* A directory that is to be read. */
struct todo {
	char *path;		/* owned */
	int64_t row;		/* base row, 0: new */
	unsigned flags;		/* of that row */
	uint64_t fsid;		/* of that row */
	uint64_t ino;
	uint64_t dev;
	struct ignore *up;	/* counted */
	struct attrs *attrs;	/* counted */
	unsigned depth;
	bool all;		/* everything below is wanted */
	bool mount;
};

struct job {
	struct listing l;	/* first: what the pool runs */
	struct todo t;
};

static void
todo_release(struct todo *t)
{
	free(t->path);
	ignore_unref(t->up);
	attrs_unref(t->attrs);
	memset(t, 0, sizeof(*t));
}

static void
job_free(void *p)
{
	struct job *j = p;

	if (j == NULL)
		return;
	listing_release(&j->l);
	todo_release(&j->t);
	free(j);
}

static enum zk_err
push(struct scan *s, struct todo *t)
{
	if (s->n == s->cap) {
		size_t cap = s->cap * 2 + 64;
		struct todo *v = realloc(s->stack, cap * sizeof(*v));

		if (v == NULL)
			return ZK_ENOMEM;
		s->stack = v;
		s->cap = cap;
	}
	s->stack[s->n++] = *t;
	memset(t, 0, sizeof(*t));
	return ZK_OK;
}

/* a is b or a directory above it. */
static bool
covers(const char *a, const char *b)
{
	size_t n = strlen(a);

	return n == 0 || (strncmp(a, b, n) == 0 &&
	    (b[n] == '/' || b[n] == '\0'));
}

/* Is the path at hand wanted?  *above: only something below it is. */
static bool
wanted(struct scan *s, const struct todo *t, bool *above)
{
	const char *path = buf_cstr(&s->path);

	*above = false;
	if (t->all)
		return true;
	for (size_t i = 0; i < s->opts->paths_n; i++) {
		if (covers(s->opts->paths[i], path))
			return true;
		*above |= covers(path, s->opts->paths[i]);
	}
	return false;
}

/* Puts the directory at hand on the stack. */
static enum zk_err
descend(struct scan *s, const struct job *in, const struct base_entry *e,
    int64_t row, const struct env_stat *st, bool all)
{
	struct todo t = {
		.row = row, .ino = st->ino, .dev = st->dev, .all = all,
		.depth = in->t.depth + 1
	};
	enum zk_err r;

	t.mount = st->mount_root || st->dev != in->l.st.dev;
	if (e != NULL) {
		t.flags = e->flags;
		t.fsid = e->st.fsid;
		if (t.mount != ((e->flags & BASE_MOUNT) != 0))
			return scan_emit(s, DIFF_UNKNOWN, row, in->t.row, st);
	}
	t.path = strdup(buf_cstr(&s->path));
	if (t.path == NULL)
		return ZK_ENOMEM;
	t.up = ignore_ref(in->l.ig);
	t.attrs = attrs_ref(in->l.attrs);
	r = push(s, &t);
	if (r != ZK_OK)
		todo_release(&t);
	return r;
}

static enum zk_err
new_dir(struct scan *s, const struct job *in, const struct env_stat *st,
    bool all)
{
	struct base_entry e;
	int64_t row = 0;
	enum zk_err r = scan_came_from(s, st, NODE_DIR, &row);

	if (r == ZK_OK)
		r = scan_promote(s, in->t.row);
	if (r == ZK_OK)
		r = scan_emit(s, row != 0 ? DIFF_MOVED : DIFF_NEW, row,
		    in->t.row, st);
	if (r != ZK_OK)
		return r;
	if (row == 0)
		return descend(s, in, NULL, 0, st, all);
	r = base_get(s->db, row, &e);
	return r == ZK_OK ? descend(s, in, &e, row, st, all) : r;
}

/* An entry that base does not have. */
static enum zk_err
new_entry(struct scan *s, const struct job *in, const struct env_stat *st)
{
	bool above, tree, all = wanted(s, &in->t, &above);
	enum zk_err r;

	if (!all && !above)
		return ZK_OK;
	if (S_ISDIR(st->mode)) {
		r = scan_is_tree(s, &in->l, NULL, st, &tree);
		return r != ZK_OK ? r : tree ? scan_new_tree(s, in->t.row) :
		    new_dir(s, in, st, all);
	}
	if (scan_kind(st) == 0)
		return scan_emit(s, DIFF_SPECIAL, 0, in->t.row, st);
	if (st->mount_root)
		return scan_emit(s, DIFF_UNKNOWN, 0, in->t.row, st);
	r = scan_promote(s, in->t.row);
	return r == ZK_OK ? scan_emit(s, DIFF_NEW, 0, in->t.row, st) : r;
}

/* A directory where base has a directory. */
static enum zk_err
old_dir(struct scan *s, const struct job *in, const struct base_entry *e,
    const struct env_stat *st, bool all)
{
	int64_t row = 0;
	bool mount, found = false;
	enum zk_err r = ZK_OK;

	if (e->st.ino != st->ino && e->st.ino != 0) {
		r = scan_came_from(s, st, NODE_DIR, &row);
		if (r == ZK_OK && row != 0 && row != e->id) {
			r = scan_emit(s, DIFF_VANISHED, e->id, in->t.row, NULL);
			return r == ZK_OK ? new_dir(s, in, st, all) : r;
		}
		/* its own has gone elsewhere: this is another */
		if (r == ZK_OK)
			r = scan_is_found(s, e->id, &found);
		if (r == ZK_OK && found)
			return new_dir(s, in, st, all);
	}
	mount = st->mount_root || st->dev != in->l.st.dev;
	/*
	 * Of a mount only the listing tells whether it is the same.  Another
	 * directory takes the row over, also above a path: else that would
	 * be found moved to where the old one is.
	 */
	if (r == ZK_OK && (e->flags & BASE_KEPT) == 0 && !mount &&
	    (e->flags & BASE_MOUNT) == 0 &&
	    ((all && e->st.mode != st->mode) || e->st.ino != st->ino))
		r = scan_emit(s, DIFF_ATTR, e->id, in->t.row, st);
	return r == ZK_OK ? descend(s, in, e, e->id, st, all) : r;
}

/* Another kind than base has. */
static enum zk_err
other_kind(struct scan *s, const struct job *in, const struct base_entry *e,
    const struct env_stat *st, bool tree)
{
	uint8_t kind = scan_kind(st);
	enum zk_err r;

	if (kind == 0)
		return scan_emit(s, DIFF_SPECIAL, e->id, in->t.row, st);
	if (tree)
		return scan_take_tree(s, e, in->t.row, st);
	if (e->kind == NODE_TREE && kind == NODE_DIR &&
	    (e->flags & BASE_KEPT) == 0) {
		r = scan_emit(s, DIFF_TAKEN, e->id, in->t.row, NULL);
		return r == ZK_OK ? new_dir(s, in, st, true) : r;
	}
	if (e->flags & BASE_KEPT) {
		r = scan_promote(s, in->t.row);
		if (r == ZK_OK)
			r = scan_emit(s, DIFF_KEPT, e->id, in->t.row, st);
	} else if (kind == NODE_DIR) {
		int64_t row = 0;

		r = scan_came_from(s, st, NODE_DIR, &row);
		if (r == ZK_OK && row != 0) {
			r = scan_emit(s, DIFF_VANISHED, e->id, in->t.row, NULL);
			return r == ZK_OK ? new_dir(s, in, st, true) : r;
		}
		if (r == ZK_OK)
			r = scan_emit(s, DIFF_KIND, e->id, in->t.row, st);
	} else {
		return scan_emit(s, DIFF_KIND, e->id, in->t.row, st);
	}
	if (r == ZK_OK && kind == NODE_DIR)
		r = descend(s, in, NULL, 0, st, true);
	return r;
}

/* An entry that base has. */
static enum zk_err
old_entry(struct scan *s, const struct job *in, const struct base_entry *e,
    const struct env_stat *st)
{
	bool above = false, tree = false, all;
	enum zk_err r = ZK_OK;

	/* the common case: nothing has changed and there is no path to make */
	if (!S_ISDIR(st->mode) && (e->flags & BASE_RACY) == 0 &&
	    base_stat_same(&e->st, st))
		return ZK_OK;
	all = wanted(s, &in->t, &above);
	if ((!all && !above) || e->flags & BASE_STAGED)
		return ZK_OK;
	if (S_ISDIR(st->mode))
		r = scan_is_tree(s, &in->l, e, st, &tree);
	if (r != ZK_OK)
		return r;
	if (S_ISDIR(st->mode) && e->kind == NODE_DIR && !tree)
		return old_dir(s, in, e, st, all);
	if (st->mount_root && !S_ISDIR(st->mode))
		return scan_emit(s, DIFF_UNKNOWN, e->id, in->t.row, st);
	if (scan_kind(st) != e->kind || S_ISDIR(st->mode))
		return other_kind(s, in, e, st, tree);
	if ((e->flags & BASE_KEPT) == 0)
		return scan_emit(s, DIFF_CHANGED, e->id, in->t.row, st);
	if (base_stat_same(&e->st, st) || e->kind == 0)
		return ZK_OK;
	r = scan_promote(s, in->t.row);
	return r == ZK_OK ?
	    scan_emit(s, DIFF_KEPT, e->id, in->t.row, st) : r;
}

/*
 * A row that has no entry.  A directory put aside while others were recorded
 * was found gone, and judged, by the scan of that run, which has ended early.
 */
static enum zk_err
lost_entry(struct scan *s, const struct job *in, const struct base_entry *e)
{
	static const char aside[] = SCAN_ASIDE;
	bool above, was = e->parent == BASE_ROOT && e->kind == NODE_DIR &&
	    e->name_len >= sizeof(aside) &&
	    memcmp(e->name, aside, sizeof(aside) - 1) == 0;

	if (e->flags & BASE_STAGED || !wanted(s, &in->t, &above))
		return ZK_OK;
	if (!scan_is_absent(s, &in->l, e))
		return scan_emit(s, DIFF_UNKNOWN, e->id, in->t.row, NULL);
	return scan_emit(s, e->flags & BASE_KEPT ? SCAN_GONE :
	    was ? DIFF_TAKEN : DIFF_VANISHED, e->id, in->t.row, NULL);
}

/* True if a name below the root is none that zk looks at. */
static bool
is_own(const struct job *in, const struct listing_entry *e)
{
	if (e->len == 3 && memcmp(e->name, ".zk", 3) == 0)
		return in->t.row == BASE_ROOT;
	return strncmp(e->name, ".zk-tmp-", 8) == 0;
}

/* The stat of entry i, taken now if the listing left it out. */
static int
entry_stat(struct scan *s, const struct job *in, size_t i,
    struct env_stat *st)
{
	const struct listing_entry *e = &in->l.v[i];
	const char *last;
	int dir;

	if (in->l.stats != NULL) {
		*st = in->l.stats[i];
		return e->err;
	}
	dir = root_parent(s->root, buf_cstr(&s->path), &last);
	return dir < 0 ? -dir : -env_statat(root_env(s->root), dir, last, st);
}

static void
count_entry(struct scan *s, const struct env_stat *st)
{
	s->res->entries++;
	if (S_ISDIR(st->mode))
		s->res->dirs++;
	else
		s->res->bytes += st->size;
	if (s->res->entries % 1024 == 0 && s->opts->progress != NULL)
		s->opts->progress(s->opts->ctx, s->res->entries);
}

/* Entry i of the listing, and the row that base has for it or NULL. */
static enum zk_err
take_entry(struct scan *s, const struct job *in, size_t i,
    const struct base_entry *row)
{
	const struct listing_entry *e = &in->l.v[i];
	struct env_stat st;
	enum zk_err r = ZK_OK;
	int err;

	if (e->flags & LISTING_IGNORED) {
		s->res->ignored++;
		return ZK_OK;
	}
	buf_truncate(&s->path, s->base);
	buf_put(&s->path, e->name, e->len);
	if (row == NULL && is_own(in, e))
		return ZK_OK;
	if (row == NULL && (!path_name_ok(e->name, e->len) ||
	    s->path.len > PATH_LEN_MAX || in->t.depth >= PATH_DEPTH_MAX))
		return scan_emit(s, DIFF_BADNAME, 0, in->t.row, NULL);
	/* it came with a directory above; what is below it goes unsaid */
	if (row != NULL && in->t.depth == PATH_DEPTH_MAX)
		r = scan_emit(s, DIFF_DEEP, row->id, in->t.row, NULL);
	if (r != ZK_OK)
		return r;
	err = entry_stat(s, in, i, &st);
	if (err != 0)
		return scan_emit(s, DIFF_UNKNOWN, row ? row->id : 0,
		    in->t.row, NULL);
	count_entry(s, &st);
	return row != NULL ? old_entry(s, in, row, &st) :
	    new_entry(s, in, &st);
}

/* The next row of the directory at hand; *more false at the end. */
static enum zk_err
next_row(struct scan *s, struct base_iter *it, struct base_entry *e,
    bool *more)
{
	enum zk_err r = base_list_next(s->db, it, e);

	*more = r == ZK_OK;
	return r == ZK_ENOENT ? ZK_OK : r;
}

static int
cmp_row(const struct listing_entry *l, const struct base_entry *e)
{
	size_t n = l->len < e->name_len ? l->len : e->name_len;
	int c = memcmp(l->name, e->name, n);

	return c != 0 ? c : (l->len > e->name_len) - (l->len < e->name_len);
}

/* Two sorted lists side by side. */
static enum zk_err
join(struct scan *s, const struct job *in)
{
	struct base_iter it = { NULL };
	struct base_entry e;
	bool more = false;
	size_t i = 0;
	enum zk_err r = ZK_OK;

	if (in->t.row != 0) {
		base_list(s->db, in->t.row, &it);
		r = next_row(s, &it, &e, &more);
	}
	while (r == ZK_OK && (i < in->l.n || more)) {
		int c = i == in->l.n ? 1 : !more ? -1 :
		    cmp_row(&in->l.v[i], &e);

		if (c <= 0) {
			r = take_entry(s, in, i, c == 0 ? &e : NULL);
			i++;
		} else {
			buf_truncate(&s->path, s->base);
			buf_put(&s->path, e.name, e.name_len);
			r = lost_entry(s, in, &e);
		}
		if (c >= 0 && r == ZK_OK)
			r = next_row(s, &it, &e, &more);
	}
	if (more)
		base_list_end(&it);
	return r;
}

/* What was put on the stack last is to come off in the order of names. */
static void
turn_round(struct scan *s, size_t from)
{
	size_t to = s->n;

	while (from + 1 < to) {
		struct todo t = s->stack[from];

		s->stack[from++] = s->stack[--to];
		s->stack[to] = t;
	}
}

static enum zk_err
take_dir(struct scan *s, const struct job *in)
{
	bool is_root = in->t.row == BASE_ROOT;
	size_t from = s->n;
	bool ok = in->l.err == 0 && !in->l.replaced;
	enum zk_err r;

	if (in->l.r != ZK_OK)
		return in->l.r;
	if (is_root && (!ok || !listing_has(&in->l, ".zk", 3)))
		return root_lost(s->root, err_from_errno(in->l.err));
	buf_reset(&s->path);
	r = buf_str(&s->path, in->t.path);
	if (r != ZK_OK)
		return r;
	if (in->t.mount && in->t.fsid != 0 && in->t.fsid != in->l.fsid)
		ok = false;
	if (!ok || in->l.changed)
		r = scan_emit(s, DIFF_UNKNOWN, in->t.row, 0, NULL);
	if (!ok || r != ZK_OK)
		return r;
	if (in->t.mount && in->t.fsid == 0)
		r = scan_set_fsid(s, in->t.path, in->l.fsid);
	if (s->path.len > 0)
		buf_u8(&s->path, '/');
	s->base = s->path.len;
	if (r == ZK_OK)
		r = join(s, in);
	scan_forget_again(s);
	turn_round(s, from);
	return r;
}

/* Patterns that a directory's row brings along. */
static enum zk_err
take_rules(struct scan *s, struct job *j)
{
	struct base_entry e;
	enum zk_err r;

	if ((j->t.flags & BASE_RULES) == 0)
		return ZK_OK;
	r = base_get(s->db, j->t.row, &e);
	if (r != ZK_OK)
		return r;
	j->l.rules = malloc(e.rules_len + 1);
	if (j->l.rules == NULL)
		return ZK_ENOMEM;
	memcpy(j->l.rules, e.rules, e.rules_len);
	j->l.rules_len = e.rules_len;
	return ZK_OK;
}

/* Hands the topmost directory of the stack to the pool. */
static enum zk_err
start_one(struct scan *s)
{
	struct job *j = calloc(1, sizeof(*j));
	enum zk_err r;

	if (j == NULL)
		return ZK_ENOMEM;
	j->t = s->stack[--s->n];
	j->l.root = s->root;
	j->l.ino = j->t.ino;
	j->l.dev = j->t.dev;
	j->l.mount = j->t.mount;
	j->l.up = ignore_ref(j->t.up);
	j->l.up_attrs = attrs_ref(j->t.attrs);
	j->l.path = strdup(j->t.path);
	r = j->l.path != NULL ? take_rules(s, j) : ZK_ENOMEM;
	if (r == ZK_OK && !pool_put(s->pool, j))
		r = ZK_EBUG;
	if (r != ZK_OK)
		job_free(j);
	return r;
}

static enum zk_err
walk(struct scan *s)
{
	enum zk_err r = ZK_OK;

	while (r == ZK_OK && (s->n > 0 || pool_out(s->pool) > 0)) {
		struct job *j;

		while (r == ZK_OK && s->n > 0 && pool_out(s->pool) < AHEAD)
			r = start_one(s);
		if (r != ZK_OK)
			break;
		j = pool_take(s->pool, true);
		r = take_dir(s, j);
		job_free(j);
	}
	return r;
}

/* The root itself, under the local patterns. */
static enum zk_err
start(struct scan *s)
{
	struct todo t = { .row = BASE_ROOT, .all = s->opts->paths_n == 0 };
	struct buf local;
	enum zk_err r;

	buf_init(&local, IGNORE_BYTES_MAX);
	r = root_local_ignore(s->root, &local);
	if (r == ZK_OK && local.len > 0)
		r = ignore_new(NULL, "", local.data, local.len, &t.up);
	buf_release(&local);
	t.path = strdup("");
	if (r == ZK_OK && t.path == NULL)
		r = ZK_ENOMEM;
	if (r == ZK_OK)
		r = push(s, &t);
	todo_release(&t);
	return r;
}

enum zk_err
scan_run(struct root *root, struct db *db, const struct scan_opts *opts,
    struct scan_result *out)
{
	static const struct scan_opts none;
	struct scan s = { .root = root, .db = db, .res = out };
	enum zk_err r;

	s.opts = opts != NULL ? opts : &none;
	memset(out, 0, sizeof(*out));
	buf_init(&s.path, 4 * PATH_LEN_MAX);
	buf_init(&s.name, 2 * PATH_NAME_MAX);
	r = pool_new(root_env(root), 0, AHEAD, listing_run, &s.pool);
	/* so that no name is lost on the way for want of memory */
	if (r == ZK_OK)
		r = buf_reserve(&s.path, 4 * PATH_LEN_MAX - 1);
	if (r == ZK_OK)
		r = diff_reset(db);
	if (r == ZK_OK)
		r = start(&s);
	if (r == ZK_OK)
		r = walk(&s);
	if (r == ZK_OK)
		r = scan_finish(&s);
	pool_free(s.pool, job_free);
	while (s.n > 0)
		todo_release(&s.stack[--s.n]);
	free(s.stack);
	buf_release(&s.path);
	buf_release(&s.name);
	return r;
}
