/* The trash of this device: what is in it, and back out of it.  See sync.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "store/histdb.h"
#include "sync/histpath.h"
#include "sync/round.h"
#include "tree/trash.h"
#include "util/log.h"
#include "util/path.h"

/* All of it --------------------------------------------------------------- */

struct trash_walk {
	void (*item)(void *arg, const struct sync_trash_item *it);
	void *arg;
	struct buf file;
};

static enum zk_err
trash_item(void *arg, const struct trash_entry *e)
{
	struct trash_walk *w = arg;
	struct sync_trash_item it = { .day = e->day, .type = e->type,
		.bytes = e->bytes, .path = e->path };
	enum zk_err r = ZK_EBUG;

	buf_reset(&w->file);
	r = buf_str(&w->file, TRASH_DIR);
	if (r == ZK_OK)
		r = path_join(&w->file, e->day, strlen(e->day));
	if (r == ZK_OK)
		r = path_join(&w->file, e->path, strlen(e->path));
	it.file = buf_cstr(&w->file);
	if (r == ZK_OK && e->path[0] != '\0')
		w->item(w->arg, &it);
	return r;
}

enum zk_err
sync_trash(struct vault *v,
    void (*item)(void *arg, const struct sync_trash_item *it), void *arg)
{
	struct trash_walk w = { .item = item, .arg = arg };
	enum zk_err r = ZK_EBUG;

	buf_init(&w.file, 1 << 20);
	r = trash_list(v->root, trash_item, &w);
	if (r != ZK_OK)
		log_error(r, &(struct log_where){ .path = TRASH_DIR },
		    "cannot list '%s': %s", TRASH_DIR, err_text(r));
	buf_release(&w.file);
	return r;
}

/* Which entry ------------------------------------------------------------- */

/* Whether the n bytes before ".zk" of a path lead to the vault's root. */
static bool
is_root(const struct vault *v, const char *dir, const char *name, size_t n)
{
	struct buf b;
	char *abs = NULL, *root = realpath(root_path(v->root), NULL);
	bool yes = n == 0;	/* as it is listed, from wherever */
	enum zk_err r = ZK_OK;

	buf_init(&b, 1 << 16);
	if (n > 0 && name[0] != '/')
		r = buf_printf(&b, "%s/", dir == NULL ? "." : dir);
	if (r == ZK_OK)
		r = buf_put(&b, name, n);
	/* what is nowhere is not the root */
	abs = r == ZK_OK && n > 0 ? realpath(buf_cstr(&b), NULL) : NULL;
	if (abs != NULL && root != NULL)
		yes = strcmp(abs, root) == 0;
	free(root);
	free(abs);
	buf_release(&b);
	return yes;
}

/*
 * The entry below the trash, lent from the name: "DAY/PATH".  A path in a
 * vault has no ".zk", so the first one is the root's.
 */
static const char *
entry_of(const struct vault *v, const char *dir, const char *name)
{
	static const char in[] = TRASH_DIR "/";
	const char *p = name;

	while (p != NULL && strncmp(p, in, strlen(in)) != 0) {
		p = strchr(p, '/');
		p = p == NULL ? NULL : p + 1;
	}
	if (p == NULL)
		return name;	/* the day alone before it will do */
	return is_root(v, dir, name, (size_t)(p - name)) ? p + strlen(in) :
	    NULL;
}

/* Where it was ------------------------------------------------------------ */

/* The bytes of name before a "~N" as the trash makes them, or all. */
static size_t
without_number(const char *name, size_t n)
{
	size_t i = n;

	while (i > 0 && name[i - 1] >= '0' && name[i - 1] <= '9')
		i--;
	return i < n && i > 1 && name[i] != '0' && name[i - 1] == '~' ?
	    i - 1 : n;
}

/* What was ever called so in any of those directories, added to out. */
static enum zk_err
ever(struct vault *v, const struct histset *in, const char *name, size_t n,
    struct histset *out)
{
	struct cdb_name leaf = { .len = (uint8_t)n };
	enum zk_err r = n <= sizeof(leaf.b) ? ZK_OK : ZK_ENOENT;

	if (r == ZK_OK)
		memcpy(leaf.b, name, n);
	for (size_t i = 0; r == ZK_OK && i < in->n; i++)
		r = histdb_at(v->db, in->v[i], &leaf, histset_add, out);
	return r == ZK_ENOENT ? ZK_OK : r;
}

/*
 * Appends to out the path that an entry of the trash had.  A "~N" may be its
 * own or the trash's: the history knows which names there were.
 */
static enum zk_err
path_of(struct vault *v, const char *at, struct buf *out)
{
	struct histset in = { 0 };
	const char *p = at;
	enum zk_err r = histset_add(&in, CDB_ROOT);

	while (r == ZK_OK) {
		struct histset next = { 0 };
		size_t n = strcspn(p, "/"), use = n;
		size_t less = without_number(p, n);

		r = ever(v, &in, p, n, &next);
		if (r == ZK_OK && next.n == 0 && less < n) {
			r = ever(v, &in, p, less, &next);
			use = next.n > 0 ? less : n;
		}
		if (r == ZK_OK)
			r = path_join(out, p, use);
		histset_release(&in);
		in = next;
		if (p[n] == '\0')
			break;
		p += n + 1;
	}
	histset_release(&in);
	return r == ZK_OK && !path_ok(buf_cstr(out)) ? ZK_ENOENT : r;
}

/* Back -------------------------------------------------------------------- */

static enum zk_err
in_the_way(const char *path, bool above)
{
	struct log_where w = { .path = path };

	if (above)
		log_error(ZK_EEXIST, &w, "did not restore '%s': what lies "
		    "above it is no directory", path);
	else
		log_error(ZK_EEXIST, &w, "did not restore '%s': something is "
		    "there; name another place with -o", path);
	return ZK_EEXIST;
}

static enum zk_err
cannot(const char *path, enum zk_err r)
{
	log_error(r, &(struct log_where){ .path = path },
	    "cannot restore '%s': %s", path, err_text(r));
	return r;
}

/* Moves the entry to its path below the root. */
static enum zk_err
put_back(struct vault *v, const char *at, const char *path, bool dry)
{
	const char *name = NULL;
	struct env_stat st;
	int dir = root_parent(v->root, path, &name);
	int e = dir < 0 ? dir : env_statat(v->env, dir, name, &st);
	enum zk_err r = ZK_OK;

	if (e == 0)
		return in_the_way(path, false);
	if (e == -ENOTDIR || e == -ELOOP || e == -EXDEV)
		return in_the_way(path, true);
	if (e != -ENOENT)
		return cannot(path, err_from_errno(-e));
	if (dry)
		return ZK_OK;
	r = trash_make_above(v->root, at, path);
	if (r == ZK_EEXIST)
		return in_the_way(path, true);
	root_forget(v->root);
	dir = r == ZK_OK ? root_parent(v->root, path, &name) : -1;
	if (r == ZK_OK)
		r = dir < 0 ? err_from_errno(-dir) :
		    trash_take(v->root, at, dir, name);
	if (r == ZK_EEXIST)
		return in_the_way(path, false);
	return r == ZK_OK ? ZK_OK : cannot(path, r);
}

/* Moves it to any other place. */
static enum zk_err
put_elsewhere(struct vault *v, const char *at, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *above = slash == NULL ? strdup(".") : slash == path ?
	    strdup("/") : strndup(path, (size_t)(slash - path));
	int dir = above == NULL ? -ENOMEM : env_openat(v->env, ENV_CWD, above,
	    O_RDONLY | O_DIRECTORY, 0);
	enum zk_err r = dir < 0 ? err_from_errno(-dir) :
	    trash_take(v->root, at, dir, slash == NULL ? path : slash + 1);

	if (dir >= 0)
		(void)env_close(v->env, dir);
	free(above);
	if (r == ZK_EEXIST)
		log_error(r, &(struct log_where){ .path = path },
		    "cannot write '%s': %s", path, err_text(r));
	else if (r != ZK_OK)
		return cannot(path, r);
	return r;
}

static enum zk_err
copy_out(struct vault *v, const char *at, const struct sync_untrash_opts *o,
    char type)
{
	enum zk_err r = type == 'f' ? trash_read(v->root, at, o->fd) :
	    ZK_EUSAGE;

	if (r == ZK_EUSAGE)
		log_error(r, &(struct log_where){ .path = o->name },
		    "'%s' is a %s, which no file can hold", o->name,
		    type == 'd' ? "directory" : "symlink");
	else if (r != ZK_OK)
		return cannot(o->name, r);
	return r;
}

enum zk_err
sync_untrash(struct vault *v, const struct sync_untrash_opts *o,
    struct sync_untrashed *out)
{
	const char *at = entry_of(v, o->dir, o->name);
	const char *below = at == NULL ? NULL : strchr(at, '/');
	struct trash_found found = { 0 };
	struct buf path;
	enum zk_err r = below == NULL ? ZK_ENOENT :
	    trash_find(v->root, at, &found);

	*out = (struct sync_untrashed){ .type = found.type,
		.entries = found.entries, .bytes = found.bytes };
	buf_init(&path, 2 * PATH_LEN_MAX);
	if (r == ZK_OK)
		r = o->output != NULL ? buf_str(&path, o->output) :
		    path_of(v, below + 1, &path);
	if (r == ZK_ENOENT)
		log_error(r, &(struct log_where){ .path = o->name },
		    "'%s' is not in the trash: name what 'zk log --trash' "
		    "lists", o->name);
	else if (r != ZK_OK)
		r = cannot(o->name, r);
	else if (o->fd >= 0)
		r = copy_out(v, at, o, found.type);
	else if (o->output != NULL)
		r = put_elsewhere(v, at, buf_cstr(&path));
	else
		r = put_back(v, at, buf_cstr(&path), o->dry_run);
	if (r == ZK_OK) {
		out->path = strdup(buf_cstr(&path));
		r = out->path == NULL ? ZK_ENOMEM : ZK_OK;
	}
	buf_release(&path);
	return r;
}
