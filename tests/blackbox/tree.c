#include "tests/blackbox/blackbox.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Most are small and of one size, some have a chunk of their own. */
size_t
value_content(int value, char *out)
{
	size_t n = value % 9 == 8 ? (size_t)(40000 + value * 7919 % 60000) :
	    64;
	uint32_t x = (uint32_t)value * 2654435761u + 1;

	if (out == NULL)
		return n;
	for (size_t i = 0; i < n; i++) {
		x = x * 1664525u + 1013904223u;
		out[i] = n > 64 ? (char)(x >> 24) : (char)('a' + (x >> 24) % 26);
	}
	(void)snprintf(out, 16, "value %08d", value);
	out[14] = '\n';
	out[n - 1] = '\n';
	return n;
}

static int
number_of(const char *p, size_t n)
{
	char digits[9];
	char *end = NULL;
	unsigned long v;

	if (n < 14 || memcmp(p, "value ", 6) != 0)
		return TORN;
	memcpy(digits, p + 6, 8);
	digits[8] = '\0';
	v = strtoul(digits, &end, 10);
	return *end == '\0' && v < VALUES_MAX ? (int)v : TORN;
}

int
value_at(const char *path)
{
	static char got[VALUE_MAX + 1], want[VALUE_MAX];
	struct stat st;
	size_t n;
	FILE *f;
	int v;

	if (lstat(path, &st) != 0 || S_ISDIR(st.st_mode))
		return NONE;
	if (S_ISLNK(st.st_mode)) {
		ssize_t k = readlink(path, got, sizeof(got));

		return k < 0 ? TORN : k == 14 ? number_of(got, (size_t)k) :
		    TORN;
	}
	f = fopen(path, "rb");
	if (f == NULL)
		return TORN;
	n = fread(got, 1, sizeof(got), f);
	(void)fclose(f);
	v = number_of(got, n);
	if (v >= 0 && (n != value_content(v, want) || memcmp(got, want, n)))
		v = TORN;
	return v;
}

static bool
add(struct tree *t, const char *dir, const char *path)
{
	char full[1200];
	struct stat st;
	struct entry *e;

	if (t->n == t->cap) {
		size_t cap = t->cap * 2 + 32;
		struct entry *v = realloc(t->e, cap * sizeof(*v));

		if (v == NULL)
			return false;
		t->e = v;
		t->cap = cap;
	}
	(void)snprintf(full, sizeof(full), "%s/%s", dir, path);
	if (lstat(full, &st) != 0)
		return false;
	e = &t->e[t->n++];
	memset(e, 0, sizeof(*e));
	(void)snprintf(e->path, sizeof(e->path), "%s", path);
	e->kind = S_ISDIR(st.st_mode) ? 'd' : S_ISLNK(st.st_mode) ? 'l' : 'f';
	e->mode = e->kind == 'l' ? 0 : st.st_mode & 0777;
	if (e->kind == 'f')
		e->mtime = st.st_mtim;
	e->value = value_at(full);
	return true;
}

static bool
below(struct tree *t, const char *dir, const char *at)
{
	char full[1200], path[512];
	struct dirent *d;
	DIR *o;
	bool ok = true;

	(void)snprintf(full, sizeof(full), "%s/%s", dir, at);
	o = opendir(full);
	if (o == NULL)
		return false;
	while (ok && (d = readdir(o)) != NULL) {
		if (strcmp(d->d_name, ".") == 0 ||
		    strcmp(d->d_name, "..") == 0 ||
		    (at[0] == '\0' && strcmp(d->d_name, ".zk") == 0))
			continue;
		ok = (size_t)snprintf(path, sizeof(path), "%s%s%s", at,
		    at[0] ? "/" : "", d->d_name) < sizeof(path) &&
		    add(t, dir, path);
		if (ok && t->e[t->n - 1].kind == 'd')
			ok = below(t, dir, path);
	}
	(void)closedir(o);
	return ok;
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->path,
	    ((const struct entry *)b)->path);
}

bool
tree_read(struct tree *t, const char *dir)
{
	bool ok;

	t->n = 0;
	ok = below(t, dir, "");
	if (t->n > 0)
		qsort(t->e, t->n, sizeof(*t->e), by_path);
	return ok;
}

void
tree_release(struct tree *t)
{
	free(t->e);
	memset(t, 0, sizeof(*t));
}

static void
describe(const struct entry *e, char *out, size_t cap)
{
	if (e == NULL)
		(void)snprintf(out, cap, "nothing");
	else
		(void)snprintf(out, cap, "%s%s, mode %o, time %lld.%09ld,"
		    " value %d", e->path, e->kind == 'd' ? "/" :
		    e->kind == 'l' ? "@" : "", e->mode,
		    (long long)e->mtime.tv_sec, e->mtime.tv_nsec, e->value);
}

bool
tree_differ(const struct tree *a, const struct tree *b, char *out, size_t cap)
{
	for (size_t i = 0; i < a->n || i < b->n; i++) {
		const struct entry *x = i < a->n ? &a->e[i] : NULL;
		const struct entry *y = i < b->n ? &b->e[i] : NULL;
		char p[700], q[700];

		if (x != NULL && y != NULL && strcmp(x->path, y->path) == 0 &&
		    x->kind == y->kind && x->mode == y->mode &&
		    x->mtime.tv_sec == y->mtime.tv_sec &&
		    x->mtime.tv_nsec == y->mtime.tv_nsec &&
		    x->value == y->value)
			continue;
		describe(x, p, sizeof(p));
		describe(y, q, sizeof(q));
		(void)snprintf(out, cap, "%s; %s", p, q);
		return true;
	}
	return false;
}

void
tree_print(const struct tree *t, const char *name)
{
	char line[700];

	printf("  %s:\n", name);
	for (size_t i = 0; i < t->n; i++) {
		describe(&t->e[i], line, sizeof(line));
		printf("    %s\n", line);
	}
}
