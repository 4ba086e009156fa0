#include "tests/sim/world_int.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/io.h"

#define LARGE (48u * 1024)	/* of a file that does not fit into an op */

static const char *const dirs[] = { "", "a", "b", "a/c" };
static const char *const names[] = { "x", "y", "z", "w" };
/* where files and directories take each other's places */
static const char *const mixed[] = { "x", "a", "b", "c" };

/* what some disks take for the same, or change, or refuse */
static const char *const fold_dirs[] = { "", "a", "A", "a/C", "A/c", "b." };
static const char *const fold_names[] = { "x", "X", "y", "Y", "z:", "z.",
	"a", "A" };

static void
pick_folding(struct world *w, char *out, size_t cap, bool dir)
{
	const char *d = fold_dirs[fake_below(w->dice, 6)];

	if (dir)
		(void)snprintf(out, cap, "/v/%s", fold_dirs[1 +
		    fake_below(w->dice, 5)]);
	else
		(void)snprintf(out, cap, "/v/%s%s%s", d, d[0] ? "/" : "",
		    fold_names[fake_below(w->dice, 8)]);
}

void
world_pick(struct world *w, char *out, size_t cap, bool dir)
{
	const char *d = dirs[fake_below(w->dice, 4)];

	if (w->o->folds > 0) {
		pick_folding(w, out, cap, dir);
		return;
	}

	if (dir)
		(void)snprintf(out, cap, "/v/%s", dirs[1 +
		    fake_below(w->dice, 3)]);
	else
		(void)snprintf(out, cap, "/v/%s%s%s", d, d[0] ? "/" : "",
		    (w->o->stops ? mixed : names)[fake_below(w->dice, 4)]);
}

/*
 * A file is "content N\n" and a NUL, and perhaps more behind it; a text is
 * lines of letters, one a content.  No two of them have a run of letters in
 * common, so that one that takes the place of another takes all of it.
 */
static const char word[] = "content ";

#define LINE_LEN 16

static void
line_of(unsigned n, char out[LINE_LEN + 2])
{
	uint64_t z = (n + 1) * UINT64_C(0x9e3779b97f4a7c15);

	for (int i = 0; i < LINE_LEN; i++) {
		z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9) + 1;
		out[i] = (char)('a' + (z >> 33) % 26);
	}
	out[LINE_LEN] = '\n';
	out[LINE_LEN + 1] = '\0';
}

/* The content whose line begins there, or -1. */
static int
line_at(const char *at)
{
	char line[LINE_LEN + 2];

	for (unsigned n = 0; n < WORLD_CONTENTS; n++) {
		line_of(n, line);
		if (strncmp(at, line, LINE_LEN + 1) == 0)
			return (int)n;
	}
	return -1;
}

/*
 * The number in the line at *at, which is moved behind it; or -1: it is none,
 * or there are no more.
 */
static int
next_content(const char **at)
{
	char *end = NULL;
	long n = -1;

	if (strncmp(*at, word, sizeof(word) - 1) != 0) {
		n = **at == '\0' ? -1 : line_at(*at);
		*at += n < 0 ? 0 : LINE_LEN + 1;
		return (int)n;
	}
	n = strtol(*at + sizeof(word) - 1, &end, 10);
	if (end == *at + sizeof(word) - 1 || *end != '\n' || n < 0 ||
	    n >= WORLD_CONTENTS)
		return -1;
	*at = end + 1;
	return (int)n;
}

/* Replaces out by the file, which ends it if it has no NUL. */
static bool
read_whole(struct env *env, const char *path, struct buf *out)
{
	buf_reset(out);
	return io_read_file(env, ENV_CWD, path, out) == ZK_OK;
}

/* Marks every content of a file. */
static void
mark(struct env *env, const char *path, bool *marks)
{
	struct buf b;
	const char *at = NULL;
	int n = 0;

	buf_init(&b, 1 << 20);
	if (read_whole(env, path, &b))
		for (at = buf_cstr(&b); (n = next_content(&at)) >= 0;)
			marks[n] = true;
	buf_release(&b);
}

/* All contents at or below path are being given up by this device's user. */
static void
retire(struct world *w, struct env *env, const char *path)
{
	struct env_stat st;
	struct env_dirent e;
	struct env_dir *d = NULL;
	int err = 0, fd = 0;

	if (env_statat(env, ENV_CWD, path, &st) != 0)
		return;
	if (S_ISREG(st.mode)) {
		mark(env, path, w->retired);
		return;
	}
	fd = env_openat(env, ENV_CWD, path, O_RDONLY | O_DIRECTORY, 0);
	d = fd < 0 ? NULL : env_dir_open(env, fd, &err);
	while (d != NULL && env_dir_next(env, d, &e) == 1) {
		char sub[512];

		(void)snprintf(sub, sizeof(sub), "%s/%s", path, e.name);
		retire(w, env, sub);
	}
	if (d != NULL)
		env_dir_close(env, d);
	if (fd >= 0)
		(void)env_close(env, fd);
}

/* Between a stop of its machine and the next round its clock stands still. */
static bool
just_cut(const struct world *w, const struct env *env)
{
	const struct device *d = w->d;

	while (d->env != env)
		d++;
	return d->cut;
}

static void
write_file(struct world *w, struct env *env, const char *path)
{
	static char text[LARGE];
	size_t len;
	int fd = 0;
	struct env_stat st;

	if (w->contents == WORLD_CONTENTS || (env_statat(env, ENV_CWD, path, &st)
	    == 0 && !S_ISREG(st.mode)))
		return;
	retire(w, env, path);
	fd = env_openat(env, ENV_CWD, path, O_WRONLY | O_CREAT | O_TRUNC,
	    0644);
	if (fd < 0)
		return;
	if (w->o->texts && fake_below(w->dice, 2) == 0)
		line_of(w->contents++, text);
	else
		(void)snprintf(text, sizeof(text), "%s%u\n", word,
		    w->contents++);
	len = strlen(text);
	/* with its NUL */
	len += strncmp(text, word, sizeof(word) - 1) == 0;
	if ((w->o->storms && fake_below(w->dice, 16) == 0) ||
	    ((w->o->gc || w->o->large) && fake_below(w->dice, 3) == 0))
		for (; len < LARGE; len++)
			text[len] = (char)fake_below(w->dice, 256);
	if (env_write(env, fd, text, len) != (ssize_t)len)
		w->loud = true;
	(void)env_close(env, fd);
	w->cut[w->contents - 1] = just_cut(w, env);
	if (w->loud)
		printf("# content %u at %s, %zu bytes\n", w->contents - 1,
		    path, len);
}

/* Puts a line into a text, or takes one out, whoever this is. */
static void
edit_text(struct world *w, struct env *env, const struct buf *old,
    const char *path)
{
	const char *from = (const char *)old->data, *at = NULL, *end = NULL;
	uint64_t lines = 0, pick = 0;
	bool takes = env == w->d[1].env;
	char line[LINE_LEN + 2];
	struct buf b;
	int fd = -1, n = 0;

	for (size_t i = 0; i < old->len; i++)
		lines += from[i] == '\n';
	if (takes && lines < 2)
		return;
	pick = fake_below(w->dice, takes ? lines : lines + 1);
	for (at = from; pick > 0; pick--)
		at = strchr(at, '\n') + 1;
	buf_init(&b, 1 << 20);
	(void)buf_put(&b, from, (size_t)(at - from));
	if (takes) {
		end = at;
		n = next_content(&end);
		at = strchr(at, '\n') + 1;
	} else {
		line_of(w->contents++, line);
		(void)buf_str(&b, line);
	}
	if (takes && n >= 0)
		w->retired[n] = true;
	(void)buf_put(&b, at, strlen(at));
	fd = env_openat(env, ENV_CWD, path, O_WRONLY | O_TRUNC, 0644);
	if (fd >= 0 && env_write(env, fd, b.data, b.len) != (ssize_t)b.len)
		w->loud = true;
	if (fd >= 0)
		(void)env_close(env, fd);
	buf_release(&b);
}

/* Most of the time a text is edited, where there is one.  True if it was. */
static bool
try_text(struct world *w, struct env *env, const char *path)
{
	struct env_stat st;
	struct buf b;
	bool done = false;

	if (!w->o->texts || w->contents == WORLD_CONTENTS ||
	    env_statat(env, ENV_CWD, path, &st) != 0 || !S_ISREG(st.mode) ||
	    fake_below(w->dice, 4) == 0)
		return false;
	buf_init(&b, 1 << 20);
	if (read_whole(env, path, &b) && b.len > 0 &&
	    memchr(b.data, '\0', b.len) == NULL && buf_u8(&b, 0) == ZK_OK) {
		b.len--;
		edit_text(w, env, &b, path);
		done = true;
	}
	buf_release(&b);
	return done;
}

/* rename(2) by the user: what was at `to` is given up. */
static void
move(struct world *w, struct env *env, const char *from, const char *to)
{
	struct env_stat a, b;

	if (strcmp(from, to) == 0 ||
	    env_statat(env, ENV_CWD, from, &a) != 0)
		return;
	if (env_statat(env, ENV_CWD, to, &b) == 0) {
		if (S_ISDIR(a.mode) || S_ISDIR(b.mode))
			return;
		retire(w, env, to);
	}
	(void)env_renameat(env, ENV_CWD, from, ENV_CWD, to, 0);
}

static void
remove_any(struct world *w, struct env *env, const char *path)
{
	struct env_stat st;

	if (env_statat(env, ENV_CWD, path, &st) != 0)
		return;
	if (!S_ISDIR(st.mode))
		(void)env_unlinkat(env, ENV_CWD, path, 0);
	else if (io_remove_tree(env, ENV_CWD, path) != ZK_OK)
		w->loud = true;
}

void
world_trade(struct world *w, struct env *env)
{
	char p[256], q[256];

	world_pick(w, p, sizeof(p), true);
	world_pick(w, q, sizeof(q), fake_below(w->dice, 4) != 0);
	if (strncmp(p, q, strlen(p)) == 0 || strncmp(p, q, strlen(q)) == 0)
		q[0] = '\0';
	retire(w, env, p);
	remove_any(w, env, p);
	if (q[0] != '\0')
		move(w, env, q, p);
	else
		write_file(w, env, p);
}

/* What .zkattributes say from now on; no other device writes them. */
static void
say_atomic(struct world *w, struct env *env)
{
	static const char *const says[] = { "a atomic\n", "b atomic\n",
		"a -atomic\nb atomic\n", "a/c/ atomic\n* -atomic\n",
		"* atomic\n", "c/ atomic\na -atomic\n" };
	const char *s = says[fake_below(w->dice, 6)];
	int fd = env_openat(env, ENV_CWD, "/v/.zkattributes",
	    O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || env_write(env, fd, s, strlen(s)) != (ssize_t)strlen(s))
		w->loud = true;
	if (fd >= 0)
		(void)env_close(env, fd);
}

#define COPIES 32

/* Adds those of a directory to n of them, sorted; not in any order. */
static size_t
add_copies(struct env *env, const char *dir, char (*all)[256], size_t n)
{
	struct env_dirent e;
	struct env_dir *l = NULL;
	int err = 0, fd = env_openat(env, ENV_CWD, dir,
	    O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		return n;
	l = env_dir_open(env, fd, &err);
	while (l != NULL && env_dir_next(env, l, &e) == 1) {
		size_t i = n;
		char path[256];

		if (strstr(e.name, ".conflict-") == NULL || n == COPIES ||
		    snprintf(path, sizeof(path), "%s/%s", dir, e.name) >=
		    (int)sizeof(path))
			continue;
		for (; i > 0 && strcmp(all[i - 1], path) > 0; i--)
			memcpy(all[i], all[i - 1], sizeof(path));
		memcpy(all[i], path, sizeof(path));
		n++;
	}
	if (l != NULL)
		env_dir_close(env, l);
	(void)env_close(env, fd);
	return n;
}

/* A file, or now and then a conflict copy that is there. */
static void
pick_file(struct world *w, struct env *env, char out[static 256])
{
	char all[COPIES][256];
	char dir[64];
	size_t n = 0;

	world_pick(w, out, 256, false);
	if (!w->o->copies || fake_below(w->dice, 3) != 0)
		return;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		(void)snprintf(dir, sizeof(dir), "/v%s%s",
		    dirs[i][0] ? "/" : "", dirs[i]);
		n = add_copies(env, dir, all, n);
	}
	if (n > 0)
		memcpy(out, all[fake_below(w->dice, n)], 256);
}

void
world_edit(struct world *w, struct device *d)
{
	char p[256], q[256];

	world_operation();
	if (w->o->trees && d == w->d && fake_below(w->dice, 3) == 0)
		say_atomic(w, d->env);
	switch (fake_below(w->dice, 10)) {
	case 0:
	case 1:
	case 2:
	case 3:
		pick_file(w, d->env, p);
		if (!try_text(w, d->env, p))
			write_file(w, d->env, p);
		break;
	case 4:
		pick_file(w, d->env, p);
		retire(w, d->env, p);
		(void)env_unlinkat(d->env, ENV_CWD, p, 0);
		break;
	case 5:
		world_pick(w, p, sizeof(p), true);
		retire(w, d->env, p);
		remove_any(w, d->env, p);
		break;
	case 6:
		pick_file(w, d->env, p);
		world_pick(w, q, sizeof(q), false);
		move(w, d->env, p, q);
		break;
	case 7:
		world_pick(w, p, sizeof(p), true);
		world_pick(w, q, sizeof(q), true);
		move(w, d->env, p, q);
		break;
	default:
		world_pick(w, p, sizeof(p), true);
		(void)env_mkdirat(d->env, ENV_CWD, p, 0755);
		break;
	}
	if (w->loud)
		printf("# %s edits\n", world_names[d - w->d]);
	fake_advance(d->fake, fake_below(w->dice, 3) == 0 ? 5000 :
	    fake_below(w->dice, 30));
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Its contents, and how long it is; -1 where something else is in it. */
static void
dump_file(struct env *env, const char *path, struct buf *out, bool *seen)
{
	struct buf b;
	const char *at = NULL;
	int n = 0;

	buf_init(&b, 1 << 20);
	if (read_whole(env, path, &b)) {
		for (at = buf_cstr(&b); (n = next_content(&at)) >= 0;) {
			(void)buf_printf(out, "%d,", n);
			seen[n] = true;
		}
		(void)buf_printf(out, "%s%zu\n", *at == '\0' ? "" : "-1,",
		    b.len);
	}
	buf_release(&b);
}

void
world_dump(struct env *env, const char *path, struct buf *out, bool *seen)
{
	char *list[256];
	size_t n = 0;
	struct env_dirent e;
	int err = 0;
	int fd = env_openat(env, ENV_CWD, path, O_RDONLY | O_DIRECTORY, 0);
	struct env_dir *d = fd < 0 ? NULL : env_dir_open(env, fd, &err);

	while (d != NULL && env_dir_next(env, d, &e) == 1)
		if (strcmp(e.name, ".zk") != 0 && n < 256)
			list[n++] = strdup(e.name);
	if (d != NULL)
		env_dir_close(env, d);
	if (fd >= 0)
		(void)env_close(env, fd);
	qsort(list, n, sizeof(*list), by_name);
	for (size_t i = 0; i < n; i++) {
		char sub[1024];
		struct env_stat st = { 0 };

		(void)snprintf(sub, sizeof(sub), "%s/%s", path, list[i]);
		(void)env_statat(env, ENV_CWD, sub, &st);
		if (S_ISDIR(st.mode)) {
			(void)buf_printf(out, "%s/ %o\n", sub, st.mode & 0777);
			world_dump(env, sub, out, seen);
		} else {
			(void)buf_printf(out, "%s %o %" PRId64 ".%u ",
			    sub, st.mode & 0777, st.mtime.sec,
			    st.mtime.nsec);
			dump_file(env, sub, out, seen);
		}
		free(list[i]);
	}
}
