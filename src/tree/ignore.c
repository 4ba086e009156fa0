#include "tree/ignore.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tree/pattern.h"
#include "util/path.h"

struct pat {
	struct pattern p;	/* in the list's text */
	bool negated;
};

struct ignore {
	struct ignore *up;	/* counted */
	atomic_size_t refs;
	char *dir;		/* "" is the root */
	size_t dir_len;
	char *text;
	struct pat *pats;
	size_t n;
};

struct ignore *
ignore_ref(struct ignore *ig)
{
	if (ig != NULL)
		atomic_fetch_add(&ig->refs, 1);
	return ig;
}

void
ignore_unref(struct ignore *ig)
{
	while (ig != NULL && atomic_fetch_sub(&ig->refs, 1) == 1) {
		struct ignore *up = ig->up;

		free(ig->dir);
		free(ig->text);
		free(ig->pats);
		free(ig);
		ig = up;
	}
}

/* Length of the line without trailing spaces that no backslash protects. */
static size_t
trimmed(const char *s, size_t len)
{
	size_t keep = 0;

	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\\')
			i++;
		else if (s[i] == ' ')
			continue;
		keep = i + 1;
	}
	return keep < len ? keep : len;
}

/* Reads one line (NUL-terminated, len bytes); false if it says nothing. */
static bool
pat_parse(char *s, size_t len, struct pat *p)
{
	if (len > 0 && s[len - 1] == '\r')
		len--;
	len = trimmed(s, len);
	if (len == 0 || s[0] == '#')
		return false;
	p->negated = s[0] == '!';
	return pattern_read(s + p->negated, len - p->negated, &p->p);
}

static enum zk_err
list_parse(struct ignore *l, const void *text, size_t len)
{
	size_t cap = 1;
	char *s, *end;

	if (len > IGNORE_BYTES_MAX)
		len = IGNORE_BYTES_MAX;
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text = (const char *)text + 3;
		len -= 3;
	}
	for (size_t i = 0; i < len; i++)
		cap += ((const char *)text)[i] == '\n';
	l->text = malloc(len + 1);
	l->pats = calloc(cap, sizeof(*l->pats));
	if (l->text == NULL || l->pats == NULL)
		return ZK_ENOMEM;
	memcpy(l->text, text, len);
	l->text[len] = '\0';
	for (s = l->text; s < l->text + len; s = end + 1) {
		end = memchr(s, '\n', (size_t)(l->text + len - s));
		if (end == NULL)
			end = l->text + len;
		*end = '\0';
		if (pat_parse(s, strlen(s), &l->pats[l->n]))
			l->n++;
	}
	return ZK_OK;
}

enum zk_err
ignore_new(struct ignore *up, const char *dir, const void *text, size_t len,
    struct ignore **out)
{
	struct ignore *ig = calloc(1, sizeof(*ig));
	enum zk_err r;

	*out = NULL;
	if (ig == NULL)
		return ZK_ENOMEM;
	atomic_init(&ig->refs, 1);
	ig->dir_len = strlen(dir);
	ig->dir = strdup(dir);
	r = ig->dir != NULL ? list_parse(ig, text, len) : ZK_ENOMEM;
	if (r != ZK_OK) {
		ignore_unref(ig);
		return r;
	}
	ig->up = ignore_ref(up);
	*out = ig;
	return ZK_OK;
}

/* True if path is dir or lies below it. */
static bool
is_below(const struct ignore *l, const char *path)
{
	if (l->dir_len == 0)
		return true;
	return strncmp(path, l->dir, l->dir_len) == 0 &&
	    (path[l->dir_len] == '/' || path[l->dir_len] == '\0');
}

bool
ignore_match(const struct ignore *ig, const char *path, bool is_dir)
{
	const char *base = strrchr(path, '/');

	base = base != NULL ? base + 1 : path;
	for (const struct ignore *l = ig; l != NULL; l = l->up) {
		const char *name = path;

		if (!is_below(l, path) || path[l->dir_len] == '\0')
			continue;
		if (l->dir_len > 0)
			name += l->dir_len + 1;
		for (size_t k = l->n; k-- > 0;) {
			const struct pat *p = &l->pats[k];

			if (pattern_match(&p->p, name, base, is_dir))
				return !p->negated;
		}
	}
	return false;
}

bool
ignore_covers(const struct ignore *ig, const char *path, bool is_dir)
{
	char dir[PATH_LEN_MAX + 1];
	size_t len = strlen(path);

	if (len > PATH_LEN_MAX)
		return false;
	memcpy(dir, path, len + 1);
	for (size_t i = 0; i < len; i++) {
		bool hit;

		if (path[i] != '/')
			continue;
		dir[i] = '\0';
		hit = ignore_match(ig, dir, true);
		dir[i] = '/';
		if (hit)
			return true;
	}
	return ignore_match(ig, path, is_dir);
}
