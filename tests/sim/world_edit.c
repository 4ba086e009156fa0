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

/* The number in a file "content N\n...", or -1. */
static int
content_at(struct env *env, const char *path)
{
	struct buf b;
	int n = -1;

	buf_init(&b, 1 << 20);
	if (io_read_file(env, ENV_CWD, path, &b) == ZK_OK)
		n = (int)strtoul(buf_cstr(&b) + 8, NULL, 10);
	buf_release(&b);
	return n;
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
		int n = content_at(env, path);

		if (n >= 0 && n < WORLD_CONTENTS)
			w->retired[n] = true;
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
	(void)snprintf(text, sizeof(text), "content %u\n", w->contents++);
	len = strlen(text);
	if (w->o->storms && fake_below(w->dice, 16) == 0)
		for (; len < LARGE; len++)
			text[len] = (char)fake_below(w->dice, 256);
	if (env_write(env, fd, text, len) != (ssize_t)len)
		w->loud = true;
	(void)env_close(env, fd);
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

void
world_edit(struct world *w, struct device *d)
{
	char p[256], q[256];

	switch (fake_below(w->dice, 10)) {
	case 0:
	case 1:
	case 2:
	case 3:
		world_pick(w, p, sizeof(p), false);
		write_file(w, d->env, p);
		break;
	case 4:
		world_pick(w, p, sizeof(p), false);
		retire(w, d->env, p);
		(void)env_unlinkat(d->env, ENV_CWD, p, 0);
		break;
	case 5:
		world_pick(w, p, sizeof(p), true);
		retire(w, d->env, p);
		remove_any(w, d->env, p);
		break;
	case 6:
		world_pick(w, p, sizeof(p), false);
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
			int c = content_at(env, sub);

			(void)buf_printf(out, "%s %o %d %" PRId64 ".%u\n",
			    sub, st.mode & 0777, c, st.mtime.sec,
			    st.mtime.nsec);
			if (c >= 0 && c < WORLD_CONTENTS)
				seen[c] = true;
		}
		free(list[i]);
	}
}
