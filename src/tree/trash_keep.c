/* What the trash holds, and how much it may.  See trash.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tree/trash.h"
#include "util/io.h"
#include "util/log.h"
#include "util/path.h"

#define DEPTH_MAX (PATH_DEPTH_MAX + 8)
#define MINUTES 1440		/* of a day */

/* True for YYYY-MM-DD as day_name writes it. */
static bool
is_day(const char *s)
{
	for (size_t i = 0; i < TRASH_DAY_NAME - 1; i++)
		if (i == 4 || i == 7 ? s[i] != '-' : s[i] < '0' || s[i] > '9')
			return false;
	return s[TRASH_DAY_NAME - 1] == '\0';
}

enum zk_err
trash_prune(struct root *r, unsigned days, unsigned *n)
{
	struct env *env = root_env(r);
	struct env_dirent d;
	struct env_dir *dir;
	char oldest[TRASH_DAY_NAME];
	enum zk_err err = ZK_OK;
	int e = 0, fd = root_open(r, TRASH_DIR, O_RDONLY | O_DIRECTORY, 0);

	if (n != NULL)
		*n = 0;
	if (fd < 0)
		return fd == -ENOENT ? ZK_OK : err_from_errno(-fd);
	trash_day_name(env, (int64_t)days, oldest);
	dir = env_dir_open(env, fd, &e);
	while (dir != NULL && err == ZK_OK) {
		e = env_dir_next(env, dir, &d);
		if (e <= 0)
			break;
		if (!is_day(d.name) || strcmp(d.name, oldest) >= 0)
			continue;
		err = io_remove_tree(env, fd, d.name);
		if (err == ZK_OK && n != NULL)
			(*n)++;
	}
	if (dir != NULL)
		env_dir_close(env, dir);
	(void)env_close(env, fd);
	return err == ZK_OK && e < 0 ? err_from_errno(-e) : err;
}

/* A walk over one day. */
struct walk {
	struct env *env;
	const char *day;
	struct buf path;	/* below the day */
	unsigned depth;
	/*
	 * One entry: a file, a link, or a directory with nothing in it.
	 * dirfd and name are where it lies.
	 */
	enum zk_err (*visit)(struct walk *w, int dirfd, const char *name,
	    const struct env_stat *st);
	/* sizes: bytes of files by the minute in which they came */
	uint64_t *minute;
	uint64_t bytes;
	unsigned upto;		/* cut: those of this minute and before go */
	/* list */
	enum zk_err (*each)(void *arg, const struct trash_entry *e);
	void *arg;
};

static enum zk_err walk_dir(struct walk *w, int dirfd, const char *name,
    bool *empty);

static enum zk_err
walk_entry(struct walk *w, int dirfd, const char *name)
{
	size_t len = w->path.len;
	struct env_stat st;
	bool visit = true;
	int e = env_statat(w->env, dirfd, name, &st);
	enum zk_err r = e == 0 ? path_join(&w->path, name, strlen(name)) :
	    e == -ENOENT ? ZK_OK : err_from_errno(-e);

	if (e == 0 && r == ZK_OK && S_ISDIR(st.mode))
		r = walk_dir(w, dirfd, name, &visit);
	if (e == 0 && r == ZK_OK && visit)
		r = w->visit(w, dirfd, name, &st);
	buf_truncate(&w->path, len);
	return r;
}

/* Everything in a directory; *empty: there is nothing. */
static enum zk_err
walk_dir(struct walk *w, int dirfd, const char *name, bool *empty)
{
	struct env_dirent d;
	struct env_dir *dir = NULL;
	enum zk_err r = ZK_OK;
	int e = 0, fd = env_open_beneath(w->env, dirfd, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

	*empty = true;
	if (fd < 0)
		return err_from_errno(-fd);
	if (w->depth++ < DEPTH_MAX)
		dir = env_dir_open(w->env, fd, &e);
	while (dir != NULL && r == ZK_OK) {
		e = env_dir_next(w->env, dir, &d);
		if (e <= 0)
			break;
		*empty = false;
		r = walk_entry(w, fd, d.name);
	}
	if (dir != NULL)
		env_dir_close(w->env, dir);
	w->depth--;
	(void)env_close(w->env, fd);
	return r == ZK_OK && e < 0 ? err_from_errno(-e) : r;
}

/* Goes over a day, whose directory lies in top. */
static enum zk_err
walk_day(struct walk *w, int top, const char *day)
{
	bool empty = false;

	w->day = day;
	w->depth = 0;
	buf_reset(&w->path);
	return walk_dir(w, top, day, &empty);
}

/* The minute of its day (UTC) in which an entry came to the trash. */
static unsigned
minute_of(const struct env_stat *st)
{
	int64_t s = st->ctime.sec % 86400;

	return (unsigned)((s < 0 ? s + 86400 : s) / 60);
}

static enum zk_err
visit_size(struct walk *w, int dirfd, const char *name,
    const struct env_stat *st)
{
	(void)dirfd;
	(void)name;
	if (!S_ISREG(st->mode))
		return ZK_OK;
	w->bytes += st->size;
	w->minute[minute_of(st)] += st->size;
	return ZK_OK;
}

static enum zk_err
visit_cut(struct walk *w, int dirfd, const char *name,
    const struct env_stat *st)
{
	int e = 0;

	if (S_ISREG(st->mode) && minute_of(st) <= w->upto)
		e = env_unlinkat(w->env, dirfd, name, 0);
	return e < 0 ? err_from_errno(-e) : ZK_OK;
}

static enum zk_err
visit_list(struct walk *w, int dirfd, const char *name,
    const struct env_stat *st)
{
	struct trash_entry e = { .day = w->day, .path = buf_cstr(&w->path),
		.type = S_ISDIR(st->mode) ? 'd' : S_ISLNK(st->mode) ? 'l' :
		    'f', .bytes = S_ISREG(st->mode) ? st->size : 0 };

	(void)dirfd;
	(void)name;
	return w->each(w->arg, &e);
}

/* Days ------------------------------------------------------------------- */

struct days {
	char (*v)[TRASH_DAY_NAME];	/* newest first */
	size_t n, cap;
};

static int
newer(const void *a, const void *b)
{
	return memcmp(b, a, TRASH_DAY_NAME);
}

static enum zk_err
days_add(struct days *ds, const char *name)
{
	if (ds->n == ds->cap) {
		size_t cap = ds->cap == 0 ? 32 : ds->cap * 2;
		void *p = realloc(ds->v, cap * sizeof(*ds->v));

		if (p == NULL)
			return ZK_ENOMEM;
		ds->v = p;
		ds->cap = cap;
	}
	memcpy(ds->v[ds->n++], name, TRASH_DAY_NAME);
	return ZK_OK;
}

/* All days in top, which stays the caller's. */
static enum zk_err
days_read(struct env *env, int top, struct days *ds)
{
	struct env_dirent d;
	struct env_dir *dir = NULL;
	enum zk_err r = ZK_OK;
	int e = 0;

	dir = env_dir_open(env, top, &e);
	while (dir != NULL && r == ZK_OK) {
		e = env_dir_next(env, dir, &d);
		if (e <= 0)
			break;
		if (is_day(d.name))
			r = days_add(ds, d.name);
	}
	if (dir != NULL)
		env_dir_close(env, dir);
	if (r == ZK_OK && ds->n > 0)
		qsort(ds->v, ds->n, sizeof(*ds->v), newer);
	return r == ZK_OK && e < 0 ? err_from_errno(-e) : r;
}

/* The last day is more than there may be: what came first goes. */
static enum zk_err
cut_day(struct walk *w, int top, const char *day, uint64_t max)
{
	w->upto = 0;
	for (; w->upto < MINUTES - 1; w->upto++) {
		w->bytes -= w->minute[w->upto];
		if (w->bytes <= max)
			break;
	}
	w->visit = visit_cut;
	return walk_day(w, top, day);
}

static enum zk_err
bound(struct env *env, int top, uint64_t max)
{
	struct days ds = { 0 };
	struct walk w = { .env = env, .visit = visit_size };
	uint64_t kept = 0;
	enum zk_err r = days_read(env, top, &ds);

	buf_init(&w.path, 1 << 20);
	w.minute = calloc(MINUTES, sizeof(*w.minute));
	if (w.minute == NULL)
		r = ZK_ENOMEM;
	for (size_t i = 0; r == ZK_OK && i < ds.n; i++) {
		w.bytes = 0;
		if (kept <= max)
			r = walk_day(&w, top, ds.v[i]);
		if (r != ZK_OK)
			break;
		kept += w.bytes;
		if (kept > max && i == 0)
			r = cut_day(&w, top, ds.v[i], max);
		else if (kept > max)
			r = io_remove_tree(env, top, ds.v[i]);
	}
	free(w.minute);
	free(ds.v);
	buf_release(&w.path);
	return r;
}

enum zk_err
trash_bound(struct root *r, uint64_t max)
{
	int top = root_open(r, TRASH_DIR, O_RDONLY | O_DIRECTORY, 0);
	enum zk_err err = ZK_OK;

	if (top < 0)
		return top == -ENOENT ? ZK_OK : err_from_errno(-top);
	err = bound(root_env(r), top, max);
	(void)env_close(root_env(r), top);
	return err;
}

enum zk_err
trash_list(struct root *r,
    enum zk_err (*each)(void *arg, const struct trash_entry *e), void *arg)
{
	struct days ds = { 0 };
	struct walk w = { .env = root_env(r), .visit = visit_list,
		.each = each, .arg = arg };
	int top = root_open(r, TRASH_DIR, O_RDONLY | O_DIRECTORY, 0);
	enum zk_err err = ZK_OK;

	if (top < 0)
		return top == -ENOENT ? ZK_OK : err_from_errno(-top);
	buf_init(&w.path, 1 << 20);
	err = days_read(w.env, top, &ds);
	for (size_t i = 0; err == ZK_OK && i < ds.n; i++)
		err = walk_day(&w, top, ds.v[i]);
	(void)env_close(w.env, top);
	free(ds.v);
	buf_release(&w.path);
	return err;
}

void
trash_tidy(struct root *root, bool added)
{
	enum zk_err r = trash_prune(root, TRASH_DAYS, NULL);

	if (r == ZK_OK && added)
		r = trash_bound(root, TRASH_BYTES);
	if (r != ZK_OK)
		log_warn("cannot clean up .zk/trash: %s", err_text(r));
}
