/* What a disk makes of names.  See shown.h. */
#include "tree/shown.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "util/fold.h"
#include "util/path.h"

/* What a listing had to say of one name. */
struct found {
	const char *name;
	struct env_stat st;
	bool so;		/* it is listed */
	unsigned n;		/* other names of it, and the last of them */
	struct buf other;
};

static bool
same_time(const struct env_time *a, const struct env_time *b)
{
	return a->sec == b->sec && a->nsec == b->nsec;
}

/* Whether a listed name is another one of what was found. */
static bool
is_it(struct env *env, int fd, const struct found *f,
    const struct env_dirent *e)
{
	char x[PATH_NAME_MAX + 1], y[PATH_NAME_MAX + 1];
	struct env_stat st;

	fold_start(e->name, strlen(e->name), x, sizeof(x));
	fold_start(f->name, strlen(f->name), y, sizeof(y));
	if ((e->ino != f->st.ino && strcmp(x, y) != 0) ||
	    env_statat(env, fd, e->name, &st) < 0 || st.dev != f->st.dev)
		return false;
	return st.ino == f->st.ino || (strcmp(x, y) == 0 &&
	    st.mode == f->st.mode && st.size == f->st.size &&
	    same_time(&st.mtime, &f->st.mtime) &&
	    same_time(&st.ctime, &f->st.ctime));
}

/* One reading; false if it does not come to its end. */
static bool
list(struct env *env, int fd, struct found *f)
{
	struct env_dirent e;
	struct env_dir *d = NULL;
	int err = 0, got = 1;
	enum zk_err r = ZK_OK;

	f->so = false;
	f->n = 0;
	d = env_dir_open(env, fd, &err);
	while (d != NULL && r == ZK_OK && !f->so && got == 1) {
		got = env_dir_next(env, d, &e);
		if (got != 1)
			break;
		f->so = strcmp(e.name, f->name) == 0;
		if (f->so || !is_it(env, fd, f, &e))
			continue;
		f->n++;
		buf_reset(&f->other);
		r = buf_str(&f->other, e.name);
	}
	if (d != NULL)
		env_dir_close(env, d);
	return d != NULL && r == ZK_OK && got >= 0;
}

enum shown
shown_name(struct env *env, int fd, const char *name, struct buf *out)
{
	struct found f = { .name = name };
	struct env_stat again;
	enum shown what = SHOWN_HIDDEN;
	bool whole = true;

	if (env_statat(env, fd, name, &f.st) < 0)
		return SHOWN_NOT;
	buf_init(&f.other, 4096);
	/* one reading may miss what is being renamed */
	for (int i = 0; i < 2 && whole && !f.so; i++)
		whole = list(env, fd, &f);
	/* a rename meanwhile is no other name */
	if (!whole || env_statat(env, fd, name, &again) < 0)
		what = SHOWN_NOT;
	else if (f.so)
		what = SHOWN_SO;
	buf_reset(out);
	if (what == SHOWN_HIDDEN && f.n == 1)
		what = buf_put(out, f.other.data, f.other.len) == ZK_OK ?
		    SHOWN_OTHER : SHOWN_NOT;
	buf_release(&f.other);
	return what;
}

bool
shown_doubtful(const char *name, size_t len)
{
	if (len > 0 && (name[len - 1] == '.' || name[len - 1] == ' '))
		return true;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] >= 0x80 ||
		    (name[i] >= 'A' && name[i] <= 'Z'))
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
	good = shown_name(env, fd, name, &got) == SHOWN_SO;
	buf_release(&got);
	return env_unlinkat(env, fd, name, 0) == 0 && good;
}

bool
shown_exact(struct env *env, int fd)
{
	/* a capital; a letter and its accent as one and as two; the ends */
	static const char *const try[] = { "n-X", "n-\xc3\xa9",
		"n-e\xcc\x81", "n-x.", "n-x " };

	for (size_t i = 0; i < sizeof(try) / sizeof(*try); i++)
		if (!comes_out(env, fd, try[i]))
			return false;
	return true;
}

bool
shown_refused(struct env *env, int fd, const char *name, int e)
{
	char own[PATH_NAME_MAX + 1] = "n-";
	size_t n = strlen(name), from = n + 2 > PATH_NAME_MAX ? 2 : 0;
	int f;

	if ((e != -EINVAL && e != -EILSEQ && e != -ENAMETOOLONG &&
	    e != -EIO && e != -EPERM && e != -ENOENT) || n < from ||
	    n > PATH_NAME_MAX)
		return false;
	/* a name of the program's own: what a kill leaves of it is cleared */
	memcpy(own + 2, name + from, n - from + 1);
	f = env_openat(env, fd, own, O_WRONLY | O_CREAT | O_EXCL |
	    O_NOFOLLOW, 0600);
	if (f < 0)
		return f != -EEXIST && f != -ENOSPC && f != -EDQUOT &&
		    f != -EROFS && f != -EACCES;
	(void)env_close(env, f);
	(void)env_unlinkat(env, fd, own, 0);
	return false;
}
