#include "tree/apply.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tree/apply_int.h"
#include "util/log.h"
#include "util/path.h"

void
act_release(struct act *t)
{
	free(t->path);
	free(t->from);
	free(t->tmp);
	free(t->layout);
	free(t->rules);
	free(t->shown);
	memset(t, 0, sizeof(*t));
}

static bool
brings_content(const struct act *t)
{
	return t->op == PLAN_CREATE || t->op == PLAN_REPLACE ||
	    t->op == PLAN_TAKE_NEW;
}

/* Where a row is; its directory is looked up once for many in a row. */
static enum zk_err
path_of(struct apply *a, int64_t row, char **out)
{
	struct base_entry e;
	struct buf b;
	size_t n;
	enum zk_err r = base_get(a->db, row, &e);

	*out = NULL;
	if (r != ZK_OK)
		return r;
	if (a->near != e.parent) {
		buf_reset(&a->near_path);
		r = base_path(a->db, e.parent, &a->near_path);
		a->near = r == ZK_OK ? e.parent : 0;
	}
	buf_init(&b, 4 * PATH_LEN_MAX);
	if (r == ZK_OK)
		r = buf_put(&b, a->near_path.data, a->near_path.len);
	if (r == ZK_OK)
		r = path_join(&b, e.name, e.name_len);
	if (r == ZK_OK)
		r = buf_u8(&b, 0);
	if (r == ZK_OK)
		*out = (char *)buf_take(&b, &n);
	buf_release(&b);
	return r;
}

/* Where the step goes: the path of its directory and its name. */
static enum zk_err
target_of(struct apply *a, const struct plan_step *s, char **out)
{
	int64_t row = plan_dir_row(a->p, s->dir);
	struct buf b;
	size_t n;
	enum zk_err r;

	*out = NULL;
	buf_init(&b, 4 * PATH_LEN_MAX);
	if (row != 0)
		r = base_path(a->db, row, &b);
	else if (s->dir < a->dirs_n && a->dirs[s->dir] != NULL)
		r = buf_str(&b, a->dirs[s->dir]);
	else
		r = ZK_ECHANGED;	/* what was to make it did not */
	if (r == ZK_OK)
		r = path_join(&b, s->name, s->name_len);
	if (r == ZK_OK && b.len > PATH_LEN_MAX)
		r = ZK_ELIMIT;
	if (r == ZK_OK)
		r = buf_u8(&b, 0);
	if (r == ZK_OK)
		*out = (char *)buf_take(&b, &n);
	buf_release(&b);
	return r;
}

/* A directory that this batch makes: others in the batch go into it. */
static enum zk_err
note_dir(struct apply *a, const struct act *t)
{
	size_t dir = plan_goal_dir(a->p, t->g);

	if (dir == SIZE_MAX)
		return ZK_OK;
	if (dir >= a->dirs_n) {
		char **v = realloc(a->dirs, (dir + 1) * 2 * sizeof(*v));

		if (v == NULL)
			return ZK_ENOMEM;
		memset(v + a->dirs_n, 0,
		    ((dir + 1) * 2 - a->dirs_n) * sizeof(*v));
		a->dirs = v;
		a->dirs_n = (dir + 1) * 2;
	}
	free(a->dirs[dir]);
	a->dirs[dir] = strdup(t->path);
	return a->dirs[dir] != NULL ? ZK_OK : ZK_ENOMEM;
}

static void
forget_dirs(struct apply *a)
{
	for (size_t i = 0; i < a->dirs_n; i++) {
		free(a->dirs[i]);
		a->dirs[i] = NULL;
	}
}

/* A step that acts on a row where it is. */
static enum zk_err
prepare_row(struct apply *a, struct act *t)
{
	struct base_entry e;
	enum zk_err r;

	if (t->op == PLAN_ATTR && t->row == 0)
		t->row = plan_dir_row(a->p, t->s->dir);
	if (t->row == 0)
		return ZK_ECHANGED;
	r = path_of(a, t->row, &t->path);
	if (r == ZK_OK && t->op == PLAN_REMOVE)
		r = apply_layout(a, t);
	if (r == ZK_OK && t->op == PLAN_RMDIR)
		r = apply_layout(a, t);
	if (r != ZK_OK || t->op != PLAN_REPLACE)
		return r;
	r = base_get(a->db, t->row, &e);
	t->keep_mode = e.st.mode & 0777;
	t->ino2 = e.st.ino;
	return r;
}

static enum zk_err
prepare_move(struct apply *a, struct act *t)
{
	struct base_entry e;
	enum zk_err r;

	if (t->op == PLAN_SWAP)
		r = path_of(a, t->other, &t->path);
	else
		r = target_of(a, t->s, &t->path);
	if (r == ZK_OK && t->row != 0)
		r = path_of(a, t->row, &t->from);
	if (r == ZK_OK && t->row != 0) {
		r = base_get(a->db, t->row, &e);
		t->ino = e.st.ino;
	}
	if (r == ZK_OK && t->other != 0) {
		r = base_get(a->db, t->other, &e);
		t->ino2 = e.st.ino;
	}
	if (r == ZK_OK && (t->op == PLAN_TAKE || t->op == PLAN_TAKE_NEW))
		r = apply_out_name(a, t->other, &t->tmp);
	if (r == ZK_OK && t->op == PLAN_TAKE_NEW)
		r = apply_tmp_name(a, t->path, "n", &t->from);
	if (r == ZK_OK && t->op == PLAN_SWAP)
		r = apply_out_name(a, t->row, &t->tmp);
	return r;
}

static enum zk_err
prepare(struct apply *a, struct act *t)
{
	enum zk_err r;

	switch (t->op) {
	case PLAN_MKDIR:
		r = target_of(a, t->s, &t->path);
		return r == ZK_OK ? note_dir(a, t) : r;
	case PLAN_CREATE:
		r = target_of(a, t->s, &t->path);
		break;
	case PLAN_MOVE:
	case PLAN_SWAP:
	case PLAN_TAKE:
	case PLAN_TAKE_NEW:
		return prepare_move(a, t);
	default:
		r = prepare_row(a, t);
		break;
	}
	if (r == ZK_OK && brings_content(t))
		r = apply_tmp_name(a, t->path, "n", &t->tmp);
	return r;
}

/*
 * Ignored is unknown: what the rules here cover is neither brought nor
 * changed, and what others removed of it stays, as kept.
 */
static enum zk_err
spare_ignored(struct apply *a, struct act *t)
{
	bool ignored = false, is_dir = t->op == PLAN_RMDIR;
	struct base_entry e = { .kind = 0 };
	enum zk_err r = ZK_OK;

	if (t->op == PLAN_ADOPT || t->op == PLAN_SWAP ||
	    t->op == PLAN_TAKE || t->op == PLAN_TAKE_NEW || t->layout != NULL)
		return ZK_OK;
	if (t->g != NULL)
		is_dir = t->g->kind == NODE_DIR || t->g->kind == NODE_TREE;
	else if (t->op == PLAN_REMOVE)
		r = base_get(a->db, t->row, &e);
	is_dir |= e.kind == NODE_TREE;
	if (r == ZK_OK)
		r = rules_ignored(a->rules, t->path, is_dir, &ignored);
	if (r != ZK_OK || !ignored)
		return r;
	t->skip = true;
	if (t->op != PLAN_REMOVE && t->op != PLAN_RMDIR)
		return ZK_OK;
	t->kept = t->done = true;
	return ZK_OK;
}

/*
 * A step after which the paths of others are different ones: it is a batch
 * of its own.
 */
static bool
is_structural(struct apply *a, const struct plan_step *s)
{
	struct base_entry e;

	if (s->op == PLAN_SWAP || s->op == PLAN_TAKE ||
	    s->op == PLAN_TAKE_NEW)
		return true;
	if (s->op != PLAN_MOVE)
		return false;
	return base_get(a->db, s->row, &e) != ZK_OK || e.kind == NODE_DIR ||
	    e.flags & BASE_STAGED;
}

/* True if s needs base to know what the batch is about to do. */
static bool
needs_flush(struct apply *a, const struct plan_step *s)
{
	const struct act *last = a->n > 0 ? &a->acts[a->n - 1] : NULL;

	if (last == NULL)
		return false;
	if (s->op == PLAN_ATTR && s->row == 0)
		return true;
	return s->row != 0 && last->row == s->row;
}

static enum zk_err
add_act(struct apply *a, const struct plan_step *s)
{
	struct act *t;

	if (a->n == a->cap) {
		size_t cap = a->cap * 2 + 64;
		struct act *v = realloc(a->acts, cap * sizeof(*v));

		if (v == NULL)
			return ZK_ENOMEM;
		a->acts = v;
		a->cap = cap;
	}
	t = &a->acts[a->n++];
	memset(t, 0, sizeof(*t));
	t->op = s->op;
	t->s = s;
	t->g = s->goal;
	t->g2 = s->goal2;
	t->row = s->row;
	t->other = s->other;
	t->r = prepare(a, t);
	/* what no intent could hold is not begun: the others go on */
	if (t->r == ZK_OK && !(apply_goal_fits(t->g) &&
	    apply_goal_fits(t->g2)))
		t->r = ZK_ELIMIT;
	if (t->r == ZK_OK)
		t->r = spare_ignored(a, t);
	if (t->r == ZK_ENOMEM)
		return t->r;
	if (t->r != ZK_OK || t->skip || !brings_content(t) ||
	    t->g->kind == NODE_DIR)
		return ZK_OK;
	a->bytes += t->g->size;
	t->large = t->g->kind != NODE_SYMLINK && t->g->size > READ_WHOLE_MAX;
	a->large += t->large;
	return ZK_OK;
}

static enum zk_err
write_intents(struct apply *a, bool *any)
{
	enum zk_err r = base_begin(a->db);

	*any = false;
	for (size_t i = 0; i < a->n && r == ZK_OK; i++) {
		struct act *t = &a->acts[i];

		if (t->r == ZK_OK && !t->skip)
			t->r = apply_keep_rules(a, t);
		if (t->r != ZK_OK || t->skip || t->op == PLAN_ADOPT)
			continue;
		*any = true;
		r = apply_intent(a, t);
	}
	if (r == ZK_OK && *any)
		r = base_commit(a->db);
	if (r != ZK_OK || !*any)
		base_rollback(a->db);
	return r;
}

/* The names too must be on the disk before base says that they are. */
static enum zk_err
sync_names(struct apply *a)
{
	int e = env_syncfs(a->env, root_fd(a->root));

	for (size_t i = 0; i < a->n && a->mounts && e == 0; i++) {
		const char *name;
		int fd;

		if (!a->acts[i].done || a->acts[i].path == NULL ||
		    apply_at(a, a->acts[i].path, &fd, &name) != ZK_OK)
			continue;
		e = env_syncfs(a->env, fd);
	}
	return e < 0 ? err_from_errno(-e) : ZK_OK;
}

static enum zk_err
write_base(struct apply *a, bool any)
{
	enum zk_err r = base_begin(a->db);

	for (size_t i = 0; i < a->n && r == ZK_OK; i++) {
		struct act *t = &a->acts[i];

		r = apply_note(a, t);
		if (r != ZK_EEXIST && r != ZK_ENOENT && r != ZK_ECHANGED)
			continue;
		/* base did not know all; the next scan will */
		log_debug("base and plan differ at '%s': %s",
		    t->path != NULL ? t->path : "", err_name(r));
		t->done = false;
		t->r = ZK_ECHANGED;
		r = ZK_OK;
	}
	if (r == ZK_OK && any)
		r = base_intent_clear(a->db);
	if (r == ZK_OK)
		r = base_commit(a->db);
	if (r != ZK_OK)
		base_rollback(a->db);
	return r;
}

static void
count(struct apply *a, const struct act *t)
{
	struct apply_result *res = a->res;

	if (t->skip && !t->done && t->r == ZK_OK)
		return;
	if (t->blocked || t->kept)
		res->kept++;
	if (t->done) {
		res->done++;
		if (brings_content(t) && t->g->kind != NODE_DIR)
			res->bytes += t->g->size;
		if ((t->op == PLAN_REMOVE || t->op == PLAN_RMDIR) && !t->kept)
			res->removed++;
	} else if (t->r == ZK_ECHANGED || t->r == ZK_ENOENT) {
		res->changed++;
	} else {
		res->failed++;
		res->worst = err_worse(res->worst, t->r);
	}
	if (a->ops->done != NULL)
		a->ops->done(a->ops->ctx, t->s, t->path != NULL ? t->path : "",
		    t->done ? ZK_OK : t->r);
}

/* Away with what was staged and not used; partial large files stay. */
static void
drop_staged(struct apply *a)
{
	for (size_t i = 0; i < a->n; i++) {
		struct act *t = &a->acts[i];
		const char *name;
		int fd;

		if (!t->staged || t->done)
			continue;
		if (apply_is_tree(t)) {
			apply_drop_tree(a, t);
			continue;
		}
		if (apply_at(a, act_stage(t), &fd, &name) != ZK_OK)
			continue;
		(void)env_unlinkat(a->env, fd, name, t->g != NULL &&
		    t->g->kind == NODE_DIR ? AT_REMOVEDIR : 0);
	}
}

static void
end_batch(struct apply *a)
{
	for (size_t i = 0; i < a->n; i++)
		act_release(&a->acts[i]);
	a->n = a->large = 0;
	a->bytes = 0;
	a->near = 0;
	forget_dirs(a);
	rules_forget(a->rules);
}

static void
announce(struct apply *a)
{
	const struct plan_goal **g;
	size_t n = 0;

	if (a->ops->prefetch == NULL || a->n == 0)
		return;
	g = malloc(a->n * sizeof(const struct plan_goal *));
	if (g == NULL)
		return;
	for (size_t i = 0; i < a->n; i++) {
		const struct act *t = &a->acts[i];

		if (t->r == ZK_OK && brings_content(t) && !t->large &&
		    !t->skip && t->g->kind != NODE_DIR)
			g[n++] = t->g;
	}
	if (n > 0)
		a->ops->prefetch(a->ops->ctx, g, n);
	free(g);
}

static enum zk_err
flush(struct apply *a)
{
	bool any = false;
	enum zk_err r;

	if (a->n == 0)
		return ZK_OK;
	announce(a);
	r = apply_stage(a);
	if (r == ZK_OK)
		r = write_intents(a, &any);
	a->pending = r == ZK_OK && any;
	for (size_t i = 0; i < a->n && r == ZK_OK; i++)
		if (a->acts[i].r == ZK_OK && !a->acts[i].skip)
			apply_do(a, &a->acts[i]);
	if (r == ZK_OK && any)
		r = sync_names(a);
	if (r == ZK_OK)
		r = write_base(a, any);
	if (r == ZK_OK)
		a->pending = false;
	for (size_t i = 0; i < a->n && r == ZK_OK; i++)
		count(a, &a->acts[i]);
	drop_staged(a);
	end_batch(a);
	return r;
}

static int
cmp_row(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static enum zk_err
start(struct apply *a)
{
	struct base_entry e;
	int64_t after = 0;
	size_t n = plan_len(a->p);
	int tmp = root_tmp(a->root);
	enum zk_err r;

	env_boot_id(a->env, a->boot);
	if (tmp < 0)
		return root_lost(a->root, err_from_errno(-tmp));
	a->goes = malloc((n + 1) * sizeof(*a->goes));
	if (a->goes == NULL)
		return ZK_ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (plan_step(a->p, i)->op == PLAN_RMDIR)
			a->goes[a->goes_n++] = plan_step(a->p, i)->row;
	qsort(a->goes, a->goes_n, sizeof(*a->goes), cmp_row);
	r = trash_new(a->root, &a->trash);
	if (r == ZK_OK)
		r = rules_new(a->root, a->db, &a->rules);
	while (r == ZK_OK) {
		r = base_next_special(a->db, after, &e);
		if (r == ZK_OK)
			a->mounts |= (e.flags & BASE_MOUNT) != 0;
		after = e.id;
	}
	return r == ZK_ENOENT ? ZK_OK : r;
}

static enum zk_err
run_steps(struct apply *a)
{
	enum zk_err r = ZK_OK;

	for (size_t i = 0; i < plan_len(a->p) && r == ZK_OK; i++) {
		const struct plan_step *s = plan_step(a->p, i);
		bool alone = is_structural(a, s);

		if (alone || needs_flush(a, s))
			r = flush(a);
		if (r == ZK_OK)
			r = add_act(a, s);
		if (r == ZK_OK && (alone || a->n >= APPLY_BATCH_FILES ||
		    a->bytes >= APPLY_BATCH_BYTES ||
		    a->large >= APPLY_BATCH_LARGE))
			r = flush(a);
	}
	return r == ZK_OK ? flush(a) : r;
}

enum zk_err
apply_run(struct root *root, struct db *db, struct plan *p,
    const struct apply_ops *ops, struct apply_result *out)
{
	struct apply a = {
		.root = root, .env = root_env(root), .db = db, .p = p,
		.ops = ops, .res = out, .hasher = &ops->hasher
	};
	enum zk_err r, e = ZK_OK;

	memset(out, 0, sizeof(*out));
	buf_init(&a.near_path, 4 * PATH_LEN_MAX);
	r = start(&a);
	if (r == ZK_OK)
		r = run_steps(&a);
	/*
	 * Whatever became of the run; but while base says of something that
	 * it is there, and it is not any more, recovery comes first.
	 */
	if (a.rules != NULL && a.trash != NULL && !a.pending)
		e = apply_put_back(&a);
	r = r == ZK_OK ? e : r;
	if (r == ZK_OK && out->failed == 0 && !ops->keep_tmp)
		r = apply_clear_tmp(&a, true);
	out->trashed = a.trash != NULL && trash_used(a.trash);
	end_batch(&a);
	root_forget(root);
	free(a.acts);
	free(a.dirs);
	free(a.goes);
	buf_release(&a.near_path);
	trash_free(a.trash);
	rules_free(a.rules);
	return r;
}
