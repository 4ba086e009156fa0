#include "tree/ignore.h"

#include <ctype.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/path.h"

enum pat_flags {
	PAT_NEGATED = 1,
	PAT_DIR = 2,		/* matches directories alone */
	PAT_BASE = 4,		/* no slash: matches the last component */
	PAT_LITERAL = 8,	/* no wildcard and no escape */
	PAT_SUFFIX = 16		/* '*' and then a literal */
};

struct pat {
	const char *s;		/* in the list's text, NUL-terminated */
	size_t len;
	size_t plain;		/* leading bytes without wildcards */
	unsigned flags;
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

static bool
is_special(char c)
{
	return c == '*' || c == '?' || c == '[' || c == '\\';
}

/* One "[:name:]" as isalpha and its like say, in the C locale. */
static int
class_match(const char *name, size_t len, unsigned char c)
{
	static const struct {
		const char *name;
		int (*is)(int c);
	} classes[] = {
		{ "alnum", isalnum }, { "alpha", isalpha },
		{ "blank", isblank }, { "cntrl", iscntrl },
		{ "digit", isdigit }, { "graph", isgraph },
		{ "lower", islower }, { "print", isprint },
		{ "punct", ispunct }, { "space", isspace },
		{ "upper", isupper }, { "xdigit", isxdigit },
	};

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (strlen(classes[i].name) == len &&
		    memcmp(classes[i].name, name, len) == 0)
			return c < 128 && classes[i].is(c) != 0;
	return -1;
}

/*
 * A range or single byte of a set, at p; prev is the byte before it when a
 * '-' may use it, else 0.  Advances past it; NULL if the set is malformed.
 */
static const char *
set_item(const char *p, unsigned char c, unsigned char *prev, bool *hit)
{
	unsigned char lo = (unsigned char)*p;

	if (lo == '-' && *prev != 0 && p[1] != '\0' && p[1] != ']') {
		p++;
		if (*p == '\\')
			p++;
		if (*p == '\0')
			return NULL;
		*hit |= c <= (unsigned char)*p && c >= *prev;
		*prev = 0;
		return p + 1;
	}
	if (lo == '\\') {
		p++;
		if (*p == '\0')
			return NULL;
		lo = (unsigned char)*p;
	}
	*hit |= lo == c;
	*prev = lo;
	return p + 1;
}

/*
 * The set that begins behind '[' at p against c.  Returns what follows the
 * ']', NULL if there is none or a class is unknown.
 */
static const char *
set_match(const char *p, unsigned char c, bool *match)
{
	bool hit = false, first = true, negated = *p == '!' || *p == '^';
	unsigned char prev = 0;

	if (negated)
		p++;
	for (; first || *p != ']'; first = false) {
		const char *end;
		int r;

		if (*p == '\0')
			return NULL;
		end = p[0] == '[' && p[1] == ':' ? strchr(p + 2, ']') : p;
		if (end == NULL)
			return NULL;
		if (end < p + 3 || end[-1] != ':') {
			p = set_item(p, c, &prev, &hit);
			if (p == NULL)
				return NULL;
			continue;
		}
		r = class_match(p + 2, (size_t)(end - p) - 3, c);
		if (r < 0)
			return NULL;
		hit |= r > 0;
		prev = 0;
		p = end + 1;
	}
	*match = hit != negated && c != '/';
	return p + 1;
}

/*
 * One item of the pattern at p that is no star against the byte c.  Returns
 * what follows it in the pattern, NULL if it does not match.
 */
static const char *
item_match(const char *p, char c)
{
	bool match = false;

	switch (*p) {
	case '\0':
		return NULL;
	case '?':
		return c != '/' ? p + 1 : NULL;
	case '[':
		p = set_match(p + 1, (unsigned char)c, &match);
		return match ? p : NULL;
	case '\\':
		p++;
		break;
	default:
		break;
	}
	return *p != '\0' && *p == c ? p + 1 : NULL;
}

/* Where to go on when an item does not match. */
struct back {
	const char *star_p;	/* behind the last '*'; NULL: none */
	const char *star_t;	/* how far that star reached */
	const char *deep_p;	/* behind the last "**" */
	const char *deep_t;
	bool deep_empty;	/* it has not yet stood for nothing before its
				 * slash, only for nothing and the slash */
};

/* False if no star can reach further. */
static bool
back_up(struct back *b, const char **p, const char **t)
{
	if (b->star_p != NULL && *b->star_t != '\0' && *b->star_t != '/') {
		b->star_t++;
		*p = b->star_p;
		*t = b->star_t;
		return true;
	}
	b->star_p = NULL;
	if (b->deep_p == NULL || *b->deep_t == '\0')
		return false;
	if (!b->deep_empty)
		b->deep_t++;
	b->deep_empty = false;
	*p = b->deep_p;
	*t = b->deep_t;
	return true;
}

/* Takes the stars at p; sees whether "**" stands between slashes. */
static const char *
take_stars(const char *start, const char *p, const char *t, struct back *b)
{
	const char *end = p;
	bool deep;

	while (*end == '*')
		end++;
	deep = end - p > 1 && (p == start || p[-1] == '/') &&
	    (*end == '\0' || *end == '/' || (end[0] == '\\' && end[1] == '/'));
	if (!deep) {
		b->star_p = end;
		b->star_t = t;
		return end;
	}
	b->star_p = NULL;
	b->deep_p = end;
	b->deep_t = t;
	b->deep_empty = *end == '/';
	/* it may stand for no directory at all */
	return *end == '/' ? end + 1 : end;
}

/*
 * A "**" forgets the stars before it and a '*' the '*' before it: what an
 * earlier star could still give, the later one can give too.  So the work
 * is bounded by pattern times text squared, whatever the pattern.
 */
bool
ignore_wildmatch(const char *pattern, const char *text)
{
	struct back b = { NULL, NULL, NULL, NULL, false };
	const char *p = pattern, *t = text;

	for (;;) {
		const char *next;

		if (*p == '*') {
			p = take_stars(pattern, p, t, &b);
			continue;
		}
		if (*t == '\0' && *p == '\0')
			return true;
		next = *t != '\0' ? item_match(p, *t) : NULL;
		if (next != NULL) {
			p = next;
			t++;
			continue;
		}
		if (!back_up(&b, &p, &t))
			return false;
	}
}

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
	memset(p, 0, sizeof(*p));
	if (len > 0 && s[len - 1] == '\r')
		len--;
	len = trimmed(s, len);
	if (len == 0 || s[0] == '#')
		return false;
	if (s[0] == '!') {
		p->flags |= PAT_NEGATED;
		s++;
		len--;
	}
	if (len > 0 && s[len - 1] == '/') {
		p->flags |= PAT_DIR;
		len--;
	}
	if (len == 0)
		return false;
	s[len] = '\0';
	if (memchr(s, '/', len) == NULL)
		p->flags |= PAT_BASE;
	else if (s[0] == '/') {
		s++;
		len--;
	}
	p->s = s;
	p->len = len;
	while (p->plain < len && !is_special(s[p->plain]))
		p->plain++;
	if (p->plain == len)
		p->flags |= PAT_LITERAL;
	if (s[0] != '*' || len == 1)
		return true;
	for (size_t i = 1; i < len; i++)
		if (is_special(s[i]))
			return true;
	p->flags |= PAT_SUFFIX;
	return true;
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

/* name is relative to the list's directory, base its last component. */
static bool
pat_match(const struct pat *p, const char *name, const char *base)
{
	const char *s = p->flags & PAT_BASE ? base : name;
	size_t n;

	if (p->flags & PAT_LITERAL)
		return strcmp(s, p->s) == 0;
	if (p->flags & PAT_SUFFIX && p->flags & PAT_BASE) {
		n = strlen(s);
		return n >= p->len - 1 &&
		    memcmp(s + n - (p->len - 1), p->s + 1, p->len - 1) == 0;
	}
	/*
	 * The plain beginning is compared apart, as git does: "a**" and a
	 * slash then count as a "**" at the start of what is left.
	 */
	if (p->flags & PAT_BASE)
		return ignore_wildmatch(p->s, s);
	return strncmp(s, p->s, p->plain) == 0 &&
	    ignore_wildmatch(p->s + p->plain, s + p->plain);
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

			if (p->flags & PAT_DIR && !is_dir)
				continue;
			if (pat_match(p, name, base))
				return (p->flags & PAT_NEGATED) == 0;
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
