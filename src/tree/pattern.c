/* One pattern against a path.  See pattern.h. */
#include "tree/pattern.h"

#include <ctype.h>
#include <string.h>

enum pattern_flags {
	PATTERN_DIR = 1,	/* matches directories alone */
	PATTERN_BASE = 2,	/* no slash: matches the last component */
	PATTERN_LITERAL = 4,	/* no wildcard and no escape */
	PATTERN_SUFFIX = 8	/* '*' and then a literal */
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
pattern_wildmatch(const char *pattern, const char *text)
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

bool
pattern_read(char *s, size_t len, struct pattern *p)
{
	memset(p, 0, sizeof(*p));
	if (len > 0 && s[len - 1] == '/') {
		p->flags |= PATTERN_DIR;
		len--;
	}
	if (len == 0)
		return false;
	s[len] = '\0';
	if (memchr(s, '/', len) == NULL)
		p->flags |= PATTERN_BASE;
	else if (s[0] == '/') {
		s++;
		len--;
	}
	p->s = s;
	p->len = len;
	while (p->plain < len && !is_special(s[p->plain]))
		p->plain++;
	if (p->plain == len)
		p->flags |= PATTERN_LITERAL;
	if (s[0] != '*' || len == 1)
		return true;
	for (size_t i = 1; i < len; i++)
		if (is_special(s[i]))
			return true;
	p->flags |= PATTERN_SUFFIX;
	return true;
}

bool
pattern_match(const struct pattern *p, const char *name, const char *base,
    bool is_dir)
{
	const char *s = p->flags & PATTERN_BASE ? base : name;
	size_t n;

	if (p->flags & PATTERN_DIR && !is_dir)
		return false;
	if (p->flags & PATTERN_LITERAL)
		return strcmp(s, p->s) == 0;
	if (p->flags & PATTERN_SUFFIX && p->flags & PATTERN_BASE) {
		n = strlen(s);
		return n >= p->len - 1 &&
		    memcmp(s + n - (p->len - 1), p->s + 1, p->len - 1) == 0;
	}
	/*
	 * The plain beginning is compared apart, as git does: "a**" and a
	 * slash then count as a "**" at the start of what is left.
	 */
	if (p->flags & PATTERN_BASE)
		return pattern_wildmatch(p->s, s);
	return strncmp(s, p->s, p->plain) == 0 &&
	    pattern_wildmatch(p->s + p->plain, s + p->plain);
}
