/* Attributes of files by their path.  See attrs.h. */
#include "tree/attrs.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tree/pattern.h"

#define BLANK " \t\r\n"
#define MACRO "[attr]"

/* What a line says of an attribute. */
enum say {
	SAY_NOTHING,
	SAY_UNSET,
	SAY_NO,
	SAY_YES,		/* of merge: text */
	SAY_JSON
};

enum about { ABOUT_MERGE, ABOUT_ATOMIC, ABOUT_BINARY, ABOUT_ALL };

struct rule {
	struct pattern p;	/* in the list's text */
	uint8_t say[ABOUT_ALL];	/* enum say; of binary YES is what counts */
	bool binary_last;	/* it stands behind merge */
};

struct attrs {
	struct attrs *up;	/* counted */
	atomic_size_t refs;
	char *dir;		/* "" is the root */
	size_t dir_len;
	char *text;
	struct rule *rules;
	size_t n;
	size_t odd_line;
	enum attrs_odd odd;
};

struct attrs *
attrs_ref(struct attrs *a)
{
	if (a != NULL)
		atomic_fetch_add(&a->refs, 1);
	return a;
}

void
attrs_unref(struct attrs *a)
{
	while (a != NULL && atomic_fetch_sub(&a->refs, 1) == 1) {
		struct attrs *up = a->up;

		free(a->dir);
		free(a->text);
		free(a->rules);
		free(a);
		a = up;
	}
}

/* ---- reading a line ---- */

static bool
is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/*
 * Takes the quotes and escapes off the string at s, in place.  Returns what
 * follows it, its length in *len; NULL, and s as it was, if it is not whole.
 */
static char *
unquote(char *s, size_t *len)
{
	static const char from[] = "abfnrtv\"\\", to[] = "\a\b\f\n\r\t\v\"\\";
	char *r, *w = s;

	for (r = s + 1; *r != '"'; r++) {
		if (*r == '\0')
			return NULL;
		if (*r != '\\')
			continue;
		r++;
		if (*r >= '0' && *r <= '3') {
			if (!is_octal(r[1]) || !is_octal(r[2]))
				return NULL;
			r += 2;
		} else if (*r == '\0' || strchr(from, *r) == NULL) {
			return NULL;
		}
	}
	for (r = s + 1; *r != '"'; r++) {
		if (*r != '\\') {
			*w++ = *r;
			continue;
		}
		r++;
		if (is_octal(*r)) {
			*w++ = (char)((r[0] - '0') << 6 | (r[1] - '0') << 3 |
			    (r[2] - '0'));
			r += 2;
		} else {
			*w++ = to[strchr(from, *r) - from];
		}
	}
	*len = (size_t)(w - s);
	return r + 1;
}

/* Whether git takes it for the name of an attribute. */
static bool
is_name(const char *s, size_t len)
{
	static const char reserved[] = "builtin_";

	if (len == 0 || s[0] == '-' || (len >= sizeof(reserved) - 1 &&
	    memcmp(s, reserved, sizeof(reserved) - 1) == 0))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') ||
		    (s[i] >= 'A' && s[i] <= 'Z') ||
		    (s[i] >= '0' && s[i] <= '9') || s[i] == '-' ||
		    s[i] == '_' || s[i] == '.'))
			return false;
	return true;
}

static bool
is(const char *s, size_t len, const char *what)
{
	return len == strlen(what) && memcmp(s, what, len) == 0;
}

/* The value of len bytes at s, NULL if there is none. */
static enum say
value_of(enum about about, const char *s, size_t len, enum attrs_odd *odd)
{
	if (s == NULL)
		return SAY_YES;
	if (about == ABOUT_MERGE && is(s, len, "text"))
		return SAY_YES;
	if (about == ABOUT_MERGE && is(s, len, "copy"))
		return SAY_NO;
	if (about == ABOUT_MERGE && is(s, len, "json"))
		return SAY_JSON;
	if (about != ABOUT_BINARY)
		*odd = ATTRS_ODD_VALUE;
	return SAY_UNSET;
}

/* One attribute, len bytes at s.  False: there is none. */
static bool
read_attr(const char *s, size_t len, struct rule *r, enum attrs_odd *odd)
{
	static const char *const names[ABOUT_ALL] = {
		"merge", "atomic", "binary" };
	char sign = *s == '-' || *s == '!' ? *s : 0;
	const char *value;
	size_t n;

	s += sign != 0;
	len -= sign != 0;
	value = memchr(s, '=', len);
	n = value != NULL ? (size_t)(value - s) : len;
	if (!is_name(s, n))
		return false;
	for (enum about i = 0; i < ABOUT_ALL; i++) {
		if (!is(s, n, names[i]))
			continue;
		if (sign != 0)
			r->say[i] = sign == '-' ? SAY_NO : SAY_UNSET;
		else
			r->say[i] = (uint8_t)value_of(i, value != NULL ?
			    value + 1 : NULL, len - n - (value != NULL), odd);
		if (i != ABOUT_ATOMIC)
			r->binary_last = i == ABOUT_BINARY;
	}
	return true;
}

/* Reads a line, NUL-terminated.  False if it says nothing that zk knows. */
static bool
read_line(char *s, struct rule *r, enum attrs_odd *odd)
{
	char *attr = NULL;
	size_t len = 0;

	memset(r, 0, sizeof(*r));
	if (strlen(s) >= ATTRS_LINE_MAX) {
		*odd = ATTRS_ODD_LONG;
		return false;
	}
	s += strspn(s, BLANK);
	if (*s == '\0' || *s == '#')
		return false;
	if (*s == '"')
		attr = unquote(s, &len);
	if (attr == NULL) {
		len = strcspn(s, BLANK);
		attr = s + len;
	}
	if (len > strlen(MACRO) && memcmp(s, MACRO, strlen(MACRO)) == 0) {
		*odd = ATTRS_ODD_MACRO;
		return false;
	}
	for (attr += strspn(attr, BLANK); *attr != '\0';
	    attr += strspn(attr, BLANK)) {
		size_t n = strcspn(attr, BLANK);

		if (!read_attr(attr, n, r, odd)) {
			*odd = ATTRS_ODD_NAME;
			return false;
		}
		attr += n;
	}
	if (len > 0 && *s == '!') {
		*odd = ATTRS_ODD_NEGATIVE;
		return false;
	}
	len = memchr(s, '\0', len) != NULL ? strlen(s) : len;
	return (r->say[0] | r->say[1] | r->say[2]) != 0 &&
	    pattern_read(s, len, &r->p);
}

/* ---- lists ---- */

static enum zk_err
read_lines(struct attrs *a, const uint8_t *text, size_t len)
{
	size_t cap = 1, line = 0;
	char *s, *end;

	if (len > ATTRS_BYTES_MAX)
		len = ATTRS_BYTES_MAX;
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	for (size_t i = 0; i < len; i++)
		cap += text[i] == '\n';
	a->text = malloc(len + 1);
	a->rules = calloc(cap, sizeof(*a->rules));
	if (a->text == NULL || a->rules == NULL)
		return ZK_ENOMEM;
	if (len > 0)
		memcpy(a->text, text, len);
	a->text[len] = '\0';
	for (s = a->text; s < a->text + len; s = end + 1) {
		enum attrs_odd odd = ATTRS_ODD_NONE;

		line++;
		end = memchr(s, '\n', (size_t)(a->text + len - s));
		if (end == NULL)
			end = a->text + len;
		*end = '\0';
		a->n += read_line(s, &a->rules[a->n], &odd);
		if (odd == ATTRS_ODD_NONE || a->odd_line > 0)
			continue;
		a->odd_line = line;
		a->odd = odd;
	}
	return ZK_OK;
}

enum zk_err
attrs_new(struct attrs *up, const char *dir, const void *text, size_t len,
    struct attrs **out)
{
	struct attrs *a = calloc(1, sizeof(*a));
	enum zk_err r;

	*out = NULL;
	if (a == NULL)
		return ZK_ENOMEM;
	atomic_init(&a->refs, 1);
	a->dir_len = strlen(dir);
	a->dir = strdup(dir);
	r = a->dir != NULL ? read_lines(a, text, len) : ZK_ENOMEM;
	if (r != ZK_OK) {
		attrs_unref(a);
		return r;
	}
	a->up = attrs_ref(up);
	*out = a;
	return ZK_OK;
}

size_t
attrs_odd(const struct attrs *a, enum attrs_odd *why)
{
	*why = a != NULL ? a->odd : ATTRS_ODD_NONE;
	return a != NULL ? a->odd_line : 0;
}

const char *
attrs_odd_text(enum attrs_odd why)
{
	static const char *const text[] = {
		[ATTRS_ODD_NONE] = "as it should be",
		[ATTRS_ODD_MACRO] = "macros are not supported",
		[ATTRS_ODD_NEGATIVE] = "a pattern cannot be negative",
		[ATTRS_ODD_NAME] = "not the name of an attribute",
		[ATTRS_ODD_LONG] = "longer than 2047 bytes",
		[ATTRS_ODD_VALUE] = "not a value of its attribute",
	};

	return text[why];
}

/* ---- looking up ---- */

/* What is said first of something counts: lines come the last one first. */
static void
hear(uint8_t *known, enum say say)
{
	if (*known == SAY_NOTHING)
		*known = (uint8_t)say;
}

/* What binary stands for is heard with it, not if that was known before. */
static void
hear_binary(uint8_t *known, enum say say)
{
	if (known[ABOUT_BINARY] == SAY_NOTHING && say == SAY_YES)
		hear(&known[ABOUT_MERGE], SAY_NO);
	hear(&known[ABOUT_BINARY], say);
}

static void
hear_rule(uint8_t *known, const struct rule *r)
{
	if (r->binary_last)
		hear_binary(known, r->say[ABOUT_BINARY]);
	hear(&known[ABOUT_MERGE], r->say[ABOUT_MERGE]);
	hear(&known[ABOUT_ATOMIC], r->say[ABOUT_ATOMIC]);
	if (!r->binary_last)
		hear_binary(known, r->say[ABOUT_BINARY]);
}

static bool
is_below(const struct attrs *a, const char *path)
{
	return a->dir_len == 0 || (strncmp(path, a->dir, a->dir_len) == 0 &&
	    path[a->dir_len] == '/');
}

static struct attrs_of
lookup(const struct attrs *a, const char *path, bool is_dir)
{
	static const enum attrs_merge merges[] = {
		[SAY_NO] = ATTRS_MERGE_COPY, [SAY_YES] = ATTRS_MERGE_TEXT,
		[SAY_JSON] = ATTRS_MERGE_JSON };
	static const enum attrs_flag flags[] = {
		[SAY_NO] = ATTRS_NO, [SAY_YES] = ATTRS_YES };
	uint8_t known[ABOUT_ALL] = { SAY_NOTHING };
	const char *base = strrchr(path, '/');

	base = base != NULL ? base + 1 : path;
	for (; a != NULL; a = a->up) {
		const char *name = path;

		if (!is_below(a, path))
			continue;
		if (a->dir_len > 0)
			name += a->dir_len + 1;
		for (size_t k = a->n; k-- > 0;)
			if (pattern_match(&a->rules[k].p, name, base,
			    is_dir))
				hear_rule(known, &a->rules[k]);
	}
	return (struct attrs_of){ merges[known[ABOUT_MERGE]],
	    flags[known[ABOUT_ATOMIC]] };
}

struct attrs_of
attrs_lookup(const struct attrs *a, const char *path)
{
	return lookup(a, path, false);
}

enum attrs_flag
attrs_atomic(const struct attrs *a, const char *path)
{
	return a == NULL ? ATTRS_UNSET : lookup(a, path, true).atomic;
}
