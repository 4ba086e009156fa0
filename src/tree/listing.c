#include "tree/listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/io.h"
#include "util/path.h"

#define TRIES 3

static int
cmp_entry(const void *a, const void *b)
{
	const struct listing_entry *x = a, *y = b;

	/* no NUL in names: the order of memcmp, a prefix first */
	return strcmp(x->name, y->name);
}

void
listing_release(struct listing *l)
{
	free(l->path);
	free(l->rules);
	free(l->v);
	free(l->stats);
	free(l->names);
	ignore_unref(l->up);
	ignore_unref(l->ig);
	attrs_unref(l->up_attrs);
	attrs_unref(l->attrs);
	memset(l, 0, sizeof(*l));
}

/* Drops what an earlier try has read. */
static void
forget(struct listing *l)
{
	free(l->v);
	free(l->names);
	l->v = NULL;
	l->names = NULL;
	l->n = 0;
}

struct growth {
	size_t cap;		/* entries */
	size_t bytes;		/* of names, used */
	size_t bytes_cap;
};

/* Names move while they grow: until the end, name is NULL and len leads. */
static enum zk_err
add_name(struct listing *l, struct growth *g, const struct env_dirent *d)
{
	size_t len = strlen(d->name) + 1;

	if (l->n == g->cap) {
		size_t cap = g->cap * 2 + 64;
		struct listing_entry *v = realloc(l->v, cap * sizeof(*v));

		if (v == NULL)
			return ZK_ENOMEM;
		l->v = v;
		g->cap = cap;
	}
	if (g->bytes_cap - g->bytes < len) {
		size_t cap = g->bytes_cap * 2 + 4096;
		char *m = realloc(l->names, cap);

		if (m == NULL)
			return ZK_ENOMEM;
		l->names = m;
		g->bytes_cap = cap;
	}
	memcpy(l->names + g->bytes, d->name, len);
	l->v[l->n++] = (struct listing_entry) {
		.len = (uint32_t)len - 1, .type = d->type
	};
	g->bytes += len;
	return ZK_OK;
}

/* All names, sorted; an errno if the end was not reached. */
static enum zk_err
read_names(struct listing *l, struct env *env, int fd)
{
	struct growth g = { 0, 0, 0 };
	struct env_dirent d;
	struct env_dir *dir;
	enum zk_err r = ZK_OK;
	char *at;
	int e = 0;

	forget(l);
	dir = env_dir_open(env, fd, &e);
	if (dir == NULL) {
		l->err = -e;
		return ZK_OK;
	}
	while (r == ZK_OK) {
		e = env_dir_next(env, dir, &d);
		if (e <= 0)
			break;
		r = add_name(l, &g, &d);
	}
	env_dir_close(env, dir);
	l->err = e < 0 ? -e : 0;
	at = l->names;
	for (size_t i = 0; i < l->n; i++) {
		l->v[i].name = at;
		at += l->v[i].len + 1;
	}
	if (r == ZK_OK && l->n > 0)
		qsort(l->v, l->n, sizeof(*l->v), cmp_entry);
	return r;
}

static bool
same_dir(const struct env_stat *a, const struct env_stat *b)
{
	return a->ino == b->ino && a->dev == b->dev &&
	    a->mtime.sec == b->mtime.sec && a->mtime.nsec == b->mtime.nsec &&
	    a->ctime.sec == b->ctime.sec && a->ctime.nsec == b->ctime.nsec;
}

/* Reads until it is the same before and after, three times at most. */
static enum zk_err
read_settled(struct listing *l, struct env *env, int fd)
{
	struct env_stat after;
	enum zk_err r = ZK_OK;

	l->changed = true;
	for (unsigned i = 0; i < TRIES && l->changed && r == ZK_OK; i++) {
		l->err = -env_fstat(env, fd, &l->st);
		if (l->err != 0)
			return ZK_OK;
		r = read_names(l, env, fd);
		if (r != ZK_OK || l->err != 0)
			return r;
		l->err = -env_fstat(env, fd, &after);
		if (l->err != 0)
			return ZK_OK;
		l->changed = !same_dir(&l->st, &after);
	}
	return r;
}

bool
listing_has(const struct listing *l, const void *name, size_t len)
{
	size_t lo = 0, hi = l->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct listing_entry *e = &l->v[mid];
		int c = memcmp(e->name, name, e->len < len ? e->len : len);

		if (c == 0)
			c = (e->len > len) - (e->len < len);
		if (c == 0)
			return true;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

/*
 * What the file name says, up to max bytes, to b: nothing if it is no file, or
 * cannot be opened (*e: why).
 */
static enum zk_err
read_lines(struct env *env, int fd, const char *name, size_t max,
    struct buf *b, int *e)
{
	struct env_stat st;
	int f = env_open_beneath(env, fd, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	enum zk_err r;

	*e = f < 0 ? -f : 0;

	buf_init(b, max + 1);
	r = buf_reserve(b, max);
	if (r == ZK_OK && f >= 0 && env_fstat(env, f, &st) == 0 &&
	    S_ISREG(st.mode))
		r = io_read_some(env, f, b->data, max, &b->len);
	if (f >= 0)
		(void)env_close(env, f);
	return r;
}

/*
 * The attributes that hold here.  Where they cannot be read none do: nothing
 * becomes another kind of directory by that.
 */
static enum zk_err
read_attrs(struct listing *l, struct env *env, int fd)
{
	struct buf b;
	int e = 0;
	enum zk_err r;

	if (!listing_has(l, ATTRS_FILE, strlen(ATTRS_FILE))) {
		l->attrs = attrs_ref(l->up_attrs);
		return ZK_OK;
	}
	r = read_lines(env, fd, ATTRS_FILE, ATTRS_BYTES_MAX, &b, &e);
	if (r == ZK_OK && (e == 0 || e == ELOOP))
		r = attrs_new(l->up_attrs, l->path, b.data, b.len, &l->attrs);
	buf_release(&b);
	return r == ZK_ENOMEM ? r : ZK_OK;
}

/* The list of patterns that holds here, from the file, rules, or above. */
static enum zk_err
read_ignore(struct listing *l, struct env *env, int fd)
{
	struct buf b;
	int e = 0;
	enum zk_err r;

	if (!listing_has(l, IGNORE_FILE, strlen(IGNORE_FILE))) {
		if (l->rules_len > 0)
			return ignore_new(l->up, l->path, l->rules,
			    l->rules_len, &l->ig);
		l->ig = ignore_ref(l->up);
		return ZK_OK;
	}
	r = read_lines(env, fd, IGNORE_FILE, IGNORE_BYTES_MAX, &b, &e);
	if (r == ZK_OK)
		r = ignore_new(l->up, l->path, b.data, b.len, &l->ig);
	else if (r != ZK_ENOMEM) {
		/* patterns that cannot be read: nothing here is known */
		l->err = EIO;
		l->ig = ignore_ref(l->up);
		r = ZK_OK;
	}
	buf_release(&b);
	return r;
}

static void
stat_entry(struct listing *l, struct env *env, int fd, size_t i,
    struct env_stat *st)
{
	struct listing_entry *e = &l->v[i];

	e->err = -env_statat(env, fd, e->name, st);
	if (e->err != 0)
		return;
	e->flags |= LISTING_STATTED;
	e->type = (uint8_t)(st->mode >> 12 & 15);
}

/* Marks what is ignored and takes the stat of the rest. */
static enum zk_err
mark(struct listing *l, struct env *env, int fd)
{
	struct env_stat spare = { .dev = 0 };
	struct buf path;
	size_t base;
	enum zk_err r = ZK_OK;

	if (l->n > 0 && l->n <= LISTING_STAT_MAX) {
		l->stats = malloc(l->n * sizeof(*l->stats));
		if (l->stats == NULL)
			return ZK_ENOMEM;
	}
	buf_init(&path, 2 * PATH_LEN_MAX);
	buf_str(&path, l->path);
	if (path.len > 0)
		buf_u8(&path, '/');
	base = path.len;
	for (size_t i = 0; i < l->n && r == ZK_OK; i++) {
		struct listing_entry *e = &l->v[i];
		struct env_stat *st = l->stats ? &l->stats[i] : &spare;

		if (e->type == DT_UNKNOWN)
			stat_entry(l, env, fd, i, st);
		if (l->ig != NULL) {
			buf_truncate(&path, base);
			r = buf_put(&path, e->name, e->len);
		}
		if (l->ig != NULL && r == ZK_OK && ignore_match(l->ig,
		    buf_cstr(&path), e->type == DT_DIR))
			e->flags |= LISTING_IGNORED;
		else if (l->stats != NULL && e->flags == 0)
			stat_entry(l, env, fd, i, st);
	}
	if (r != ZK_OK)
		r = buf_err(&path) == ZK_ELIMIT ? ZK_OK : r;
	buf_release(&path);
	return r;
}

/* Opens the directory and sees that it is the one that was expected. */
static int
open_dir(struct listing *l, struct env *env)
{
	int fd = root_open(l->root, l->path, O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0) {
		l->err = -fd;
		return -1;
	}
	l->err = -env_fstat(env, fd, &l->st);
	if (l->err == 0 && l->ino != 0 &&
	    (l->st.ino != l->ino || l->st.dev != l->dev))
		l->replaced = true;
	if (l->err == 0 && !l->replaced)
		return fd;
	(void)env_close(env, fd);
	return -1;
}

void
listing_run(void *job)
{
	struct listing *l = job;
	struct env *env = root_env(l->root);
	struct env_fsinfo fs;
	int fd = open_dir(l, env);

	if (fd < 0) {
		l->ig = ignore_ref(l->up);
		return;
	}
	l->r = read_settled(l, env, fd);
	if (l->r == ZK_OK && l->err == 0)
		l->r = read_ignore(l, env, fd);
	if (l->r == ZK_OK && l->err == 0)
		l->r = read_attrs(l, env, fd);
	if (l->r == ZK_OK && l->err == 0)
		l->r = mark(l, env, fd);
	if (l->mount && env_fsinfo(env, fd, &fs) == 0)
		l->fsid = fs.id != 0 ? fs.id : 1;
	(void)env_close(env, fd);
}

void
listing_of(struct listing *l, struct env *env, int fd)
{
	l->r = read_settled(l, env, fd);
}

void
listing_names(struct listing *l, int *fd)
{
	struct env *env = root_env(l->root);
	int at = open_dir(l, env);

	if (fd != NULL)
		*fd = at;
	if (at < 0)
		return;
	l->r = read_settled(l, env, at);
	if (fd == NULL)
		(void)env_close(env, at);
}
