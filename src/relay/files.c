#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/files.h"
#include "util/env.h"
#include "util/log.h"

#define PER_DIR 1024	/* numbers in one directory */
#define NAME_ROOM 48
#define DIRS_MAX 64
#define PLACED_MAX 2	/* new objects lie together */

/* Directories below obj/, by number. */
struct dirs {
	uint64_t v[DIRS_MAX];
	unsigned n, max;
};

struct files {
	struct env *env;
	int tmp;
	int obj;
	atomic_uint_fast64_t next_tmp;
	/* with places, or removals, that are not durable yet: the writer's */
	struct dirs placed, removed;
	bool obj_dirty;		/* a directory was made in obj/ */
	enum zk_err lost;	/* one could not be made durable */
};

static enum zk_err
outcome(int r)
{
	return r < 0 ? err_from_errno(-r) : ZK_OK;
}

static enum zk_err
open_dir(struct env *env, int dirfd, const char *name, int *out)
{
	int r = env_mkdirat(env, dirfd, name, 0700);

	if (r < 0 && r != -EEXIST)
		return err_from_errno(-r);
	r = env_openat(env, dirfd, name, O_RDONLY | O_DIRECTORY, 0);
	if (r < 0)
		return err_from_errno(-r);
	*out = r;
	return ZK_OK;
}

/* Removes the files of dirfd whose number, in hex, is above last. */
static void
remove_above(struct files *f, int dirfd, uint64_t last)
{
	struct env_dirent e;
	struct env_dir *d;
	int err;

	d = env_dir_open(f->env, dirfd, &err);
	if (d == NULL)
		return;
	while (env_dir_next(f->env, d, &e) == 1) {
		char *end;
		uint64_t no = strtoull(e.name, &end, 16);

		if (*end == '\0' && no > last)
			(void)env_unlinkat(f->env, dirfd, e.name, 0);
	}
	env_dir_close(f->env, d);
}

enum zk_err
files_open(struct env *env, int dirfd, struct files **out)
{
	struct files *f = calloc(1, sizeof(*f));
	enum zk_err r = ZK_ENOMEM;

	*out = NULL;
	if (f == NULL)
		return r;
	f->env = env;
	f->tmp = f->obj = -1;
	f->placed.max = PLACED_MAX;
	f->removed.max = DIRS_MAX;
	/* a directory in it may be from a run that did not sync it */
	f->obj_dirty = true;
	atomic_init(&f->next_tmp, 1);
	r = open_dir(env, dirfd, "tmp", &f->tmp);
	if (r == ZK_OK)
		r = open_dir(env, dirfd, "obj", &f->obj);
	if (r == ZK_OK)
		r = outcome(env_fsync(env, dirfd));
	if (r != ZK_OK) {
		files_close(f);
		return r;
	}
	remove_above(f, f->tmp, 0);
	*out = f;
	return ZK_OK;
}

void
files_close(struct files *f)
{
	if (f == NULL)
		return;
	if (f->tmp >= 0)
		(void)env_close(f->env, f->tmp);
	if (f->obj >= 0)
		(void)env_close(f->env, f->obj);
	free(f);
}

static void
name_tmp(char *out, uint64_t tmp)
{
	snprintf(out, NAME_ROOM, "%" PRIx64, tmp);
}

static void
name_obj(char *out, uint64_t no)
{
	snprintf(out, NAME_ROOM, "%" PRIx64 "/%" PRIx64, no / PER_DIR, no);
}

enum zk_err
files_tmp(struct files *f, int *fd, uint64_t *tmp)
{
	char name[NAME_ROOM];
	int r;

	*tmp = atomic_fetch_add(&f->next_tmp, 1);
	name_tmp(name, *tmp);
	r = env_openat(f->env, f->tmp, name,
	    O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (r < 0)
		return err_from_errno(-r);
	*fd = r;
	return ZK_OK;
}

void
files_tmp_drop(struct files *f, uint64_t tmp)
{
	char name[NAME_ROOM];

	name_tmp(name, tmp);
	(void)env_unlinkat(f->env, f->tmp, name, 0);
}

/*
 * What came of making a directory durable.  After a failure a second call may
 * succeed though what the first one was for is lost: none is made.
 */
static enum zk_err
synced(struct files *f, int r)
{
	if (r == 0)
		return ZK_OK;
	f->lost = outcome(r);
	log_error(f->lost, NULL, "a directory of the relay's data cannot be "
	    "made durable (%s): large objects are refused until the relay is "
	    "started again; look at its disk", err_text(f->lost));
	return f->lost;
}

/* A directory of objects, or -errno. */
static int
open_obj(struct files *f, uint64_t dir)
{
	char name[NAME_ROOM];

	snprintf(name, sizeof(name), "%" PRIx64, dir);
	return env_openat(f->env, f->obj, name, O_RDONLY | O_DIRECTORY, 0);
}

static enum zk_err
sync_dir(struct files *f, uint64_t dir)
{
	int fd = open_obj(f, dir), r;

	if (fd < 0)
		return err_from_errno(-fd);
	r = env_fsync(f->env, fd);
	(void)env_close(f->env, fd);
	return synced(f, r);
}

/* Makes those directories durable. */
static enum zk_err
sync_dirs(struct files *f, struct dirs *d)
{
	/* what was lost then, a second call would not tell */
	enum zk_err r = f->lost;

	while (r == ZK_OK && d->n > 0) {
		r = sync_dir(f, d->v[d->n - 1]);
		if (r == ZK_OK)
			d->n--;
	}
	return r;
}

/* Notes that dir has changed, syncing others if there are too many. */
static enum zk_err
mark(struct files *f, struct dirs *d, uint64_t dir)
{
	enum zk_err r = ZK_OK;

	for (unsigned i = 0; i < d->n; i++)
		if (d->v[i] == dir)
			return ZK_OK;
	if (d->n == d->max)
		r = sync_dirs(f, d);
	if (r == ZK_OK)
		d->v[d->n++] = dir;
	return r;
}

enum zk_err
files_place(struct files *f, uint64_t tmp, uint64_t no)
{
	char from[NAME_ROOM], to[NAME_ROOM], dir[NAME_ROOM];
	int r;

	name_tmp(from, tmp);
	name_obj(to, no);
	r = env_renameat(f->env, f->tmp, from, f->obj, to, 0);
	if (r == -ENOENT) {
		snprintf(dir, sizeof(dir), "%" PRIx64, no / PER_DIR);
		r = env_mkdirat(f->env, f->obj, dir, 0700);
		if (r == 0 || r == -EEXIST)
			r = env_renameat(f->env, f->tmp, from, f->obj, to, 0);
		f->obj_dirty = true;
	}
	if (r < 0)
		return err_from_errno(-r);
	return mark(f, &f->placed, no / PER_DIR);
}

enum zk_err
files_sync(struct files *f)
{
	enum zk_err r = sync_dirs(f, &f->placed);

	if (r == ZK_OK && f->obj_dirty) {
		r = synced(f, env_fsync(f->env, f->obj));
		f->obj_dirty = r != ZK_OK;
	}
	return r;
}

enum zk_err
files_sync_removed(struct files *f)
{
	return sync_dirs(f, &f->removed);
}

enum zk_err
files_read(struct files *f, uint64_t no, int *fd)
{
	char name[NAME_ROOM];
	int r;

	name_obj(name, no);
	r = env_openat(f->env, f->obj, name, O_RDONLY, 0);
	if (r < 0)
		return err_from_errno(-r);
	*fd = r;
	return ZK_OK;
}

void
files_close_fd(struct files *f, int fd)
{
	if (fd >= 0)
		(void)env_close(f->env, fd);
}

static int
unlink_obj(struct files *f, uint64_t no)
{
	char name[NAME_ROOM];

	name_obj(name, no);
	return env_unlinkat(f->env, f->obj, name, 0);
}

void
files_drop(struct files *f, uint64_t no)
{
	(void)unlink_obj(f, no);
}

enum zk_err
files_remove(struct files *f, uint64_t no)
{
	int r = unlink_obj(f, no), fd = -1;

	if (r < 0 && r != -ENOENT)
		return err_from_errno(-r);
	/* it may have gone a moment before; or all of its directory did */
	if (r == -ENOENT) {
		fd = open_obj(f, no / PER_DIR);
		if (fd < 0)
			return fd == -ENOENT ? ZK_OK : err_from_errno(-fd);
		(void)env_close(f->env, fd);
	}
	return mark(f, &f->removed, no / PER_DIR);
}

void
files_sweep(struct files *f, uint64_t last)
{
	for (uint64_t dir = last / PER_DIR; ; dir++) {
		int fd = open_obj(f, dir);

		if (fd >= 0) {
			remove_above(f, fd, last);
			(void)env_close(f->env, fd);
		} else if (dir > last / PER_DIR) {
			return;
		}
	}
}
