/* What a disk makes of names.  See shown.h. */
#include "tree/shown.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* The entries of fd with this inode: how many, and the last of them. */
static enum zk_err
names_of(struct env *env, int fd, const struct env_stat *st, const char *name,
    unsigned *n, struct buf *out)
{
	struct env_dirent e;
	struct env_dir *d = NULL;
	int err = 0, got = 0;
	enum zk_err r = ZK_OK;

	*n = 0;
	d = env_dir_open(env, fd, &err);
	if (d == NULL)
		return ZK_ENOENT;
	while (r == ZK_OK) {
		got = env_dir_next(env, d, &e);
		if (got != 1)
			break;
		if (strcmp(e.name, name) == 0) {
			*n = 1;
			buf_reset(out);
			r = buf_str(out, name);
			break;
		}
		if (e.ino != st->ino)
			continue;
		++*n;
		buf_reset(out);
		r = buf_str(out, e.name);
	}
	env_dir_close(env, d);
	return r == ZK_OK && got < 0 ? ZK_ENOENT : r;
}

static bool
same(const struct env_stat *a, const struct env_stat *b)
{
	return a->ino == b->ino && a->dev == b->dev;
}

enum zk_err
shown_name(struct env *env, int fd, const char *name, struct buf *out)
{
	struct env_stat st, other, again;
	unsigned n = 0;
	struct buf got;
	enum zk_err r = ZK_ENOENT;

	if (env_statat(env, fd, name, &st) < 0)
		return ZK_ENOENT;
	buf_init(&got, 4096);
	r = names_of(env, fd, &st, name, &n, &got);
	/* a rename meanwhile is no other name */
	if (r == ZK_OK && (n != 1 ||
	    env_statat(env, fd, buf_cstr(&got), &other) < 0 ||
	    env_statat(env, fd, name, &again) < 0 || !same(&st, &other) ||
	    !same(&st, &again)))
		r = ZK_ENOENT;
	if (r == ZK_OK)
		r = buf_put(out, got.data, got.len);
	buf_release(&got);
	return r;
}

bool
shown_doubtful(const char *name, size_t len)
{
	if (len > 0 && (name[len - 1] == '.' || name[len - 1] == ' '))
		return true;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] >= 0x80)
			return true;
	return false;
}

/* Whether a file made under that name is listed under it. */
static bool
comes_out(struct env *env, int fd, const char *name)
{
	struct buf got;
	bool good;
	int f = env_openat(env, fd, name, O_WRONLY | O_CREAT | O_EXCL |
	    O_NOFOLLOW, 0600);

	if (f < 0)
		return false;
	(void)env_close(env, f);
	buf_init(&got, 4096);
	good = shown_name(env, fd, name, &got) == ZK_OK &&
	    strcmp(buf_cstr(&got), name) == 0;
	buf_release(&got);
	return env_unlinkat(env, fd, name, 0) == 0 && good;
}

bool
shown_exact(struct env *env, int fd)
{
	/* a letter with its accent as one character and as two; the ends */
	static const char *const try[] = { "n-\xc3\xa9", "n-e\xcc\x81",
		"n-x.", "n-x " };

	for (size_t i = 0; i < sizeof(try) / sizeof(*try); i++)
		if (!comes_out(env, fd, try[i]))
			return false;
	return true;
}

bool
shown_refused(struct env *env, int fd, const char *name, int e)
{
	int f;

	if (e != -EINVAL && e != -EILSEQ && e != -ENAMETOOLONG &&
	    e != -EIO && e != -EPERM && e != -ENOENT)
		return false;
	f = env_openat(env, fd, name, O_WRONLY | O_CREAT | O_EXCL |
	    O_NOFOLLOW, 0600);
	if (f < 0)
		return f != -EEXIST && f != -ENOSPC && f != -EDQUOT &&
		    f != -EROFS && f != -EACCES;
	(void)env_close(env, f);
	(void)env_unlinkat(env, fd, name, 0);
	return false;
}
