/* What is to be restored, entry by entry.  See restore_int.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sync/restore_int.h"
#include "util/log.h"
#include "util/path.h"

/* Whether something that base does not know is at path on the disk. */
static enum zk_err
on_disk(struct restore *rs, const char *path, bool dir, const char **why)
{
	struct vault *v = rs->rd->v;
	const char *name = NULL;
	struct env_stat st;
	int at = root_parent(v->root, path, &name);
	int e = at < 0 ? at : env_statat(v->env, at, name, &st);

	if (e == -ENOENT)
		return ZK_OK;
	if (e == -ENOTDIR || e == -ELOOP || e == -EXDEV)
		*why = "what lies above it is no directory";
	else if (e < 0)
		*why = "it cannot be looked at";
	else if (!dir || (st.mode & S_IFMT) != S_IFDIR)
		*why = "something is there that the vault leaves alone";
	return ZK_OK;
}

/* Against what base has at the path. */
static enum restore_do
compare(const struct base_entry *e, const struct version_file *f,
    const char **why)
{
	bool mode = f->has_mode && f->kind != NODE_SYMLINK &&
	    f->mode != e->mode;

	if (e->kind != f->kind) {
		*why = e->kind == NODE_DIR && f->kind == NODE_TREE ?
		    "a directory is there that is not kept as one" :
		    e->kind == NODE_TREE && f->kind == NODE_DIR ?
		    "it is a directory kept as one now" :
		    e->kind == NODE_DIR ? "a directory is there" :
		    f->kind == NODE_DIR ? "it is no directory any more" :
		    "another kind of entry is there";
		return RESTORE_LEAVE;
	}
	if (f->kind != NODE_DIR && (e->size != f->content.size ||
	    memcmp(e->hash, f->content.hash, sizeof(e->hash)) != 0))
		return RESTORE_EDIT;
	return mode ? RESTORE_EDIT : RESTORE_SAME;
}

enum zk_err
restore_judge(struct restore *rs, const char *path,
    const struct version_file *f, enum restore_do *what, const char **why)
{
	struct base_entry e;
	bool ignored = false;
	enum zk_err r = base_find_path(rs->rd->v->db, path, &e);

	*why = NULL;
	*what = RESTORE_NEW;
	if (r == ZK_OK && e.nodes_n > 0) {
		*what = compare(&e, f, why);
		return ZK_OK;
	}
	if (r == ZK_OK || r == ZK_ENOENT)
		r = on_disk(rs, path, f->kind == NODE_DIR, why);
	if (r == ZK_OK && *why == NULL)
		r = rules_ignored(rs->rules, path, f->kind == NODE_DIR,
		    &ignored);
	if (ignored)
		*why = "it is ignored here";
	if (*why == NULL && !path_ok(path))
		*why = "its path is too long";
	if (*why != NULL)
		*what = RESTORE_LEAVE;
	return r;
}

/* Entries that base has at or below a row, with the row itself. */
static enum zk_err
count_base(struct db *db, int64_t row, uint64_t *n)
{
	struct buf name;
	struct base_entry e;
	enum zk_err r = ZK_OK;

	buf_init(&name, PATH_NAME_MAX);
	while (r == ZK_OK) {
		r = base_next_child(db, row, name.data, name.len, &e);
		if (r != ZK_OK)
			break;
		buf_reset(&name);
		r = buf_put(&name, e.name, e.name_len);
		*n += e.nodes_n > 0;
		if (r == ZK_OK && e.kind == NODE_DIR)
			r = count_base(db, e.id, n);
	}
	buf_release(&name);
	return r == ZK_ENOENT ? ZK_OK : r;
}

static void
tell(struct restore *rs, const char *path, const struct version_file *f,
    enum restore_do what)
{
	const struct sync_ui *ui = &rs->rd->o->ui;
	struct sync_change c = { .incoming = true, .path = path,
		.kind = what == RESTORE_NEW ? SYNC_NEW : SYNC_CHANGED,
		.type = round_type(f->kind),
		.bytes = f->content.size };

	if (rs->rd->o->dry_run && ui->change != NULL)
		ui->change(ui->arg, &c);
}

static enum zk_err
leave(struct restore *rs, const char *path, const char *why)
{
	/* what was asked for by name and cannot be done is a failure */
	bool only = strcmp(path, rs->path) == 0;
	enum zk_err r = only ? ZK_EEXIST : ZK_EPARTIAL;

	log_error(r, &(struct log_where){ .path = path },
	    "did not restore '%s': %s", path, why);
	if (only)
		return r;
	round_note(rs->rd, r);
	rs->rd->rep->skipped++;
	return ZK_OK;
}

/* One entry; *down: what lies in it is to follow. */
static enum zk_err
one(struct restore *rs, const char *path, const struct version_file *f,
    bool *down)
{
	enum restore_do what = RESTORE_SAME;
	const char *why = NULL;
	enum zk_err r = round_stopped(rs->rd) ? ZK_ESIGNAL :
	    restore_judge(rs, path, f, &what, &why);

	*down = r == ZK_OK && what != RESTORE_LEAVE;
	if (r != ZK_OK)
		return r;
	if (rs->record != NULL) {
		if (what == RESTORE_NEW || what == RESTORE_EDIT)
			r = restore_record_add(rs->record, path, f, what);
		return r;
	}
	if (what == RESTORE_LEAVE)
		return leave(rs, path, why);
	rs->there += what != RESTORE_NEW;
	if (what == RESTORE_SAME) {
		rs->out->same++;
		return ZK_OK;
	}
	rs->out->brought++;
	tell(rs, path, f, what);
	return rs->fetch == NULL ? ZK_OK :
	    restore_fetch_add(rs->fetch, path, &f->content);
}

static enum zk_err
below(struct restore *rs, struct buf *path, const struct opid *dirs,
    size_t n)
{
	struct tree *t = past_tree(rs->ver->past);
	const struct list_entry *e = NULL;
	struct list *l = NULL;
	size_t len = path->len;
	enum zk_err r = list_open(t, dirs, n, &l);

	while (r == ZK_OK) {
		struct version_file f;
		bool down = false;

		r = list_next(l, &e);
		if (r != ZK_OK)
			break;
		version_of(e, &f);
		r = path_join(path, e->name, e->name_len);
		if (r == ZK_OK)
			r = one(rs, buf_cstr(path), &f, &down);
		if (r == ZK_OK && down && e->kind == NODE_DIR)
			r = below(rs, path, e->nodes, e->nodes_n);
		buf_truncate(path, len);
	}
	list_close(l);
	return r == ZK_ENOENT ? ZK_OK : r;
}

/* The directories above what was asked for that are not there any more. */
static enum zk_err
above(struct restore *rs)
{
	struct version_file dir = { .kind = NODE_DIR, .has_mode = true,
		.mode = 0755 };
	struct buf b;
	enum zk_err r = ZK_OK;

	buf_init(&b, PATH_LEN_MAX);
	for (const char *p = strchr(rs->path, '/'); r == ZK_OK && p != NULL;
	    p = strchr(p + 1, '/')) {
		enum restore_do what = RESTORE_SAME;
		const char *why = NULL;
		struct base_entry e;

		buf_reset(&b);
		r = buf_put(&b, rs->path, (size_t)(p - rs->path));
		if (r == ZK_OK)
			r = base_find_path(rs->rd->v->db, buf_cstr(&b), &e);
		/* its mode is as it is */
		if (r == ZK_OK && e.kind == NODE_DIR && e.nodes_n > 0)
			continue;
		if (r == ZK_OK || r == ZK_ENOENT)
			r = restore_judge(rs, buf_cstr(&b), &dir, &what, &why);
		if (r == ZK_OK && what == RESTORE_LEAVE) {
			r = ZK_EEXIST;
			log_error(r, &(struct log_where){ .path = rs->typed },
			    "did not restore '%s': '%s': %s", rs->typed,
			    buf_cstr(&b), why);
		}
		if (r == ZK_OK && rs->record != NULL)
			r = restore_record_add(rs->record, buf_cstr(&b), &dir,
			    what);
		else if (r == ZK_OK)
			tell(rs, buf_cstr(&b), &dir, what);
	}
	buf_release(&b);
	return r;
}

/* The directory that was asked for, and all in it. */
static enum zk_err
directory(struct restore *rs)
{
	struct tree *t = past_tree(rs->ver->past);
	const struct list_entry *e = NULL;
	struct version_file f;
	struct base_entry was;
	struct list *l = NULL;
	struct buf path;
	uint64_t n = 0;
	bool down = true;
	enum zk_err r = ZK_OK;

	buf_init(&path, 2 * PATH_LEN_MAX);
	if (rs->path[0] == '\0') {
		r = below(rs, &path, NULL, 0);
	} else {
		r = list_lookup(t, (const uint8_t *)rs->ver->at,
		    strlen(rs->ver->at), &l);
		if (r == ZK_OK)
			r = list_next(l, &e);
		if (r == ZK_OK) {
			version_of(e, &f);
			r = one(rs, rs->path, &f, &down);
		}
		if (r == ZK_OK)
			r = buf_str(&path, rs->path);
		if (r == ZK_OK && down)
			r = below(rs, &path, e->nodes, e->nodes_n);
		list_close(l);
	}
	buf_release(&path);
	if (r != ZK_OK || rs->record != NULL)
		return r;
	/* what is there now and was there then is no more than all there is */
	r = base_find_path(rs->rd->v->db, rs->path, &was);
	if (r == ZK_OK) {
		n = rs->path[0] != '\0';
		r = count_base(rs->rd->v->db, was.id, &n);
	}
	rs->out->kept = n > rs->there ? n - rs->there : 0;
	return r == ZK_ENOENT ? ZK_OK : r;
}

enum zk_err
restore_walk(struct restore *rs)
{
	bool down = false;
	enum zk_err r = above(rs);

	if (r != ZK_OK)
		return r;
	return rs->ver->dir ? directory(rs) :
	    one(rs, rs->path, &rs->ver->file, &down);
}
