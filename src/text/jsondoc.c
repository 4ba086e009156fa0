/* Documents of JSON as trees of spans.  See jsondoc.h. */
#include "text/jsondoc.h"

#include <stdlib.h>
#include <string.h>

#include "util/hex.h"
#include "util/utf8.h"

#define PROBES 64u	/* places looked at for a class */

void
jsondoc_init(struct jsondoc *d)
{
	memset(d, 0, sizeof(*d));
}

void
jsondoc_release(struct jsondoc *d)
{
	free(d->v);
	free(d->kids);
	jsondoc_init(d);
}

/* ---- reading ---- */

struct reader {
	struct jsondoc *d;
	const uint8_t *p;
	size_t n, at;
	uint32_t up;		/* the container it is in */
	unsigned depth;
};

static bool
is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void
skip_space(struct reader *r)
{
	while (r->at < r->n && is_space(r->p[r->at]))
		r->at++;
}

/* The byte that is next, 0 at the end (no value begins with that). */
static uint8_t
peek(const struct reader *r)
{
	return r->at < r->n ? r->p[r->at] : 0;
}

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool
read_digits(struct reader *r)
{
	size_t from = r->at;

	while (is_digit(peek(r)))
		r->at++;
	return r->at > from;
}

static bool
read_number(struct reader *r)
{
	if (peek(r) == '-')
		r->at++;
	if (peek(r) == '0')
		r->at++;
	else if (!read_digits(r))
		return false;
	if (peek(r) == '.') {
		r->at++;
		if (!read_digits(r))
			return false;
	}
	if (peek(r) == 'e' || peek(r) == 'E') {
		r->at++;
		if (peek(r) == '+' || peek(r) == '-')
			r->at++;
		return read_digits(r);
	}
	return true;
}

/* Either case is a digit here. */
static int
hex(uint8_t c)
{
	return hex_value((char)(c >= 'A' && c <= 'F' ? c | 0x20 : c));
}

static bool
read_escape(struct reader *r)
{
	uint8_t c = peek(r);

	r->at++;
	if (c != 'u')
		return c != 0 && strchr("\"\\/bfnrt", c) != NULL;
	for (int i = 0; i < 4; i++, r->at++)
		if (hex(peek(r)) < 0)
			return false;
	return true;
}

static bool
read_string(struct reader *r)
{
	if (peek(r) != '"')
		return false;
	r->at++;
	while (r->at < r->n && r->p[r->at] != '"') {
		uint32_t cp;
		size_t len;

		if (r->p[r->at] == '\\') {
			r->at++;
			if (!read_escape(r))
				return false;
			continue;
		}
		len = utf8_at(r->p + r->at, r->n - r->at, &cp);
		if (len == 0 || cp < 0x20)
			return false;
		r->at += len;
	}
	r->at++;
	return r->at <= r->n;
}

static bool
read_word(struct reader *r)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t n = strlen(words[i]);

		if (r->n - r->at < n || memcmp(r->p + r->at, words[i], n) != 0)
			continue;
		r->at += n;
		return true;
	}
	return read_number(r);
}

/* A node that begins here. */
static enum zk_err
node_add(struct reader *r, uint8_t kind, uint32_t *out)
{
	struct jsondoc *d = r->d;

	if (d->n == JSONDOC_NODES)
		return ZK_EREFUSED;
	if (d->n == d->cap) {
		size_t cap = d->cap == 0 ? 64 : d->cap * 2;
		void *v = realloc(d->v, cap * sizeof(*d->v));

		if (v == NULL)
			return ZK_ENOMEM;
		d->v = v;
		d->cap = cap;
	}
	*out = (uint32_t)d->n++;
	d->v[*out] = (struct jsondoc_node){ .start = (uint32_t)r->at,
	    .up = r->up, .key = JSONDOC_NONE, .kind = kind,
	    .doc = (uint8_t)d->docs, .depth = (uint8_t)r->depth };
	return ZK_OK;
}

/* A name and its colon. */
static enum zk_err
read_name(struct reader *r, uint32_t *key)
{
	enum zk_err e = node_add(r, JSONDOC_STRING, key);

	if (e != ZK_OK)
		return e;
	if (!read_string(r))
		return ZK_EREFUSED;
	r->d->v[*key].end = (uint32_t)r->at;
	r->d->v[*key].name = true;
	skip_space(r);
	if (peek(r) != ':')
		return ZK_EREFUSED;
	r->at++;
	skip_space(r);
	return ZK_OK;
}

/* A whole scalar, or the bracket that opens a container. */
static enum zk_err
read_value(struct reader *r)
{
	uint32_t key = JSONDOC_NONE, node;
	enum zk_err e = ZK_OK;
	uint8_t c, kind;

	if (r->up != JSONDOC_NONE && r->d->v[r->up].kind == JSONDOC_OBJECT)
		e = read_name(r, &key);
	if (e != ZK_OK)
		return e;
	c = peek(r);
	kind = c == '{' ? JSONDOC_OBJECT : c == '[' ? JSONDOC_ARRAY :
	    c == '"' ? JSONDOC_STRING : JSONDOC_WORD;
	e = node_add(r, kind, &node);
	if (e != ZK_OK)
		return e;
	r->d->v[node].key = key;
	if (kind == JSONDOC_ARRAY || kind == JSONDOC_OBJECT) {
		r->at++;
		r->up = node;
		return ++r->depth > JSONDOC_DEPTH ? ZK_EREFUSED : ZK_OK;
	}
	if (kind == JSONDOC_STRING ? !read_string(r) : !read_word(r))
		return ZK_EREFUSED;
	r->d->v[node].end = (uint32_t)r->at;
	return ZK_OK;
}

/* Closes all containers that end here; behind a comma *more is set. */
static enum zk_err
read_ends(struct reader *r, bool fresh, bool *more)
{
	*more = false;
	while (r->up != JSONDOC_NONE) {
		struct jsondoc_node *v = &r->d->v[r->up];
		uint8_t c;

		skip_space(r);
		c = peek(r);
		if (c == (v->kind == JSONDOC_OBJECT ? '}' : ']')) {
			r->at++;
			v->end = (uint32_t)r->at;
			r->up = v->up;
			r->depth--;
			fresh = false;
			continue;
		}
		if (!fresh && c != ',')
			return ZK_EREFUSED;
		if (!fresh)
			r->at++;
		skip_space(r);
		*more = true;
		return ZK_OK;
	}
	return ZK_OK;
}

enum zk_err
jsondoc_add(struct jsondoc *d, const uint8_t *text, size_t len)
{
	struct reader r = { .d = d, .p = text, .n = len, .up = JSONDOC_NONE };
	bool more = true;

	if (d->docs == JSONDOC_DOCS || len > JSONDOC_MAX)
		return ZK_EREFUSED;
	d->text[d->docs] = text;
	d->len[d->docs] = len;
	d->root[d->docs] = (uint32_t)d->n;
	skip_space(&r);
	while (more) {
		uint32_t up = r.up;
		enum zk_err e = read_value(&r);

		if (e == ZK_OK)
			e = read_ends(&r, r.up != up, &more);
		if (e != ZK_OK)
			return e;
	}
	skip_space(&r);
	if (r.at < r.n)
		return ZK_EREFUSED;
	d->docs++;
	return ZK_OK;
}

void
jsondoc_add_none(struct jsondoc *d)
{
	static const uint8_t none[1];

	if (d->docs == JSONDOC_DOCS)
		BUG("more documents than a set has");
	d->text[d->docs] = none;
	d->len[d->docs] = 0;
	d->root[d->docs++] = JSONDOC_NONE;
}

/* ---- which are equal ---- */

/*
 * The next character of a string that was read, at *p up to end.  A surrogate
 * that stands alone is a character too: no other spelling gives its number.
 */
static uint32_t
next_char(const uint8_t **p, const uint8_t *end)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const uint8_t *s = *p;
	uint32_t cp = 0, low = 0;
	const char *known;

	if (*s != '\\') {
		*p += utf8_at(s, (size_t)(end - s), &cp);
		return cp;
	}
	if (s[1] != 'u') {
		known = strchr(from, s[1]);
		*p += 2;
		return known != NULL ? (uint8_t)to[known - from] : s[1];
	}
	for (int i = 2; i < 6; i++)
		cp = cp << 4 | (uint32_t)hex(s[i]);
	*p += 6;
	if (cp < 0xd800 || cp > 0xdbff || end - s < 12 || s[6] != '\\' ||
	    s[7] != 'u')
		return cp;
	for (int i = 8; i < 12; i++)
		low = low << 4 | (uint32_t)hex(s[i]);
	if (low < 0xdc00 || low > 0xdfff)
		return cp;
	*p += 6;
	return 0x10000 + ((cp - 0xd800) << 10 | (low - 0xdc00));
}

struct chars {
	const uint8_t *p, *end;	/* without the quotes */
};

static struct chars
chars_of(const struct jsondoc *d, const struct jsondoc_node *v)
{
	return (struct chars){ d->text[v->doc] + v->start + 1,
	    d->text[v->doc] + v->end - 1 };
}

static bool
same_string(struct chars a, struct chars b)
{
	while (a.p < a.end && b.p < b.end)
		if (next_char(&a.p, a.end) != next_char(&b.p, b.end))
			return false;
	return a.p == a.end && b.p == b.end;
}

static uint64_t
mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

/* The class of a member's name, 0 of what is none. */
static uint32_t
name_class(const struct jsondoc *d, uint32_t node)
{
	uint32_t key = d->v[node].key;

	return key != JSONDOC_NONE ? d->v[key].class : 0;
}

/* The members by the class of their names, which stand behind the kids. */
static const uint32_t *
sorted(const struct jsondoc *d, const struct jsondoc_node *v)
{
	return d->kids + v->kids + (v->kind == JSONDOC_OBJECT ? d->n : 0);
}

static uint64_t
hash_of(const struct jsondoc *d, const struct jsondoc_node *v)
{
	const uint32_t *kid = sorted(d, v);
	struct chars s = chars_of(d, v);
	uint64_t h = mix(1, v->kind);

	if (v->kind == JSONDOC_STRING)
		while (s.p < s.end)
			h = mix(h, next_char(&s.p, s.end));
	if (v->kind == JSONDOC_WORD)
		for (uint32_t i = v->start; i < v->end; i++)
			h = mix(h, d->text[v->doc][i]);
	for (uint32_t i = 0; i < v->n; i++)
		h = mix(h, (uint64_t)name_class(d, kid[i]) << 32 |
		    d->v[kid[i]].class);
	return h;
}

/* Of two nodes whose values inside have their classes. */
static bool
equal(const struct jsondoc *d, const struct jsondoc_node *a,
    const struct jsondoc_node *b)
{
	const uint32_t *in_a = sorted(d, a), *in_b = sorted(d, b);

	if (a->kind != b->kind || a->n != b->n)
		return false;
	if (a->kind == JSONDOC_STRING)
		return same_string(chars_of(d, a), chars_of(d, b));
	if (a->kind == JSONDOC_WORD)
		return a->end - a->start == b->end - b->start &&
		    memcmp(d->text[a->doc] + a->start,
		    d->text[b->doc] + b->start, a->end - a->start) == 0;
	for (uint32_t i = 0; i < a->n; i++)
		if (d->v[in_a[i]].class != d->v[in_b[i]].class ||
		    name_class(d, in_a[i]) != name_class(d, in_b[i]))
			return false;
	return true;
}

/* Fills kids and n: each container has a part of the one array. */
static void
find_kids(struct jsondoc *d)
{
	uint32_t at = 0;

	for (size_t i = 0; i < d->n; i++)
		if (!d->v[i].name && d->v[i].up != JSONDOC_NONE)
			d->v[d->v[i].up].n++;
	for (size_t i = 0; i < d->n; i++) {
		d->v[i].kids = at;
		at += d->v[i].n;
		d->v[i].n = 0;
	}
	for (size_t i = 0; i < d->n; i++) {
		struct jsondoc_node *up = &d->v[d->v[i].up];

		if (!d->v[i].name && d->v[i].up != JSONDOC_NONE)
			d->kids[up->kids + up->n++] = (uint32_t)i;
	}
}

static int
by_name(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Sorts the members of an object; room is for as many. */
static enum zk_err
sort_members(struct jsondoc *d, const struct jsondoc_node *v, uint64_t *room)
{
	for (uint32_t i = 0; i < v->n; i++) {
		uint32_t kid = d->kids[v->kids + i];

		room[i] = (uint64_t)name_class(d, kid) << 32 | kid;
	}
	qsort(room, v->n, sizeof(*room), by_name);
	for (uint32_t i = 0; i < v->n; i++) {
		if (i > 0 && room[i] >> 32 == room[i - 1] >> 32)
			return ZK_EREFUSED;
		d->kids[d->n + v->kids + i] = (uint32_t)room[i];
	}
	return ZK_OK;
}

/* The class of node i: the number of the first one found to equal it. */
static enum zk_err
classify(struct jsondoc *d, uint32_t i, uint32_t *table, size_t size)
{
	size_t h = (size_t)hash_of(d, &d->v[i]);

	for (size_t probe = 0; probe < PROBES; probe++) {
		uint32_t *at = &table[(h + probe) & (size - 1)];

		if (*at == 0)
			*at = i + 1;
		if (*at != i + 1 && !equal(d, &d->v[*at - 1], &d->v[i]))
			continue;
		d->v[i].class = *at - 1;
		return ZK_OK;
	}
	return ZK_EREFUSED;
}

enum zk_err
jsondoc_finish(struct jsondoc *d)
{
	enum zk_err r = ZK_OK;
	uint32_t *table = NULL;
	uint64_t *room = NULL;
	size_t size = 64;

	while (size < d->n * 4)
		size *= 2;
	d->kids = calloc(d->n * 2 + 1, sizeof(*d->kids));
	table = calloc(size, sizeof(*table));
	room = calloc(d->n + 1, sizeof(*room));
	if (d->kids == NULL || table == NULL || room == NULL) {
		r = ZK_ENOMEM;
		goto out;
	}
	find_kids(d);
	/* from the end, so that what is inside comes first */
	for (size_t i = d->n; r == ZK_OK && i-- > 0;) {
		if (d->v[i].kind == JSONDOC_OBJECT)
			r = sort_members(d, &d->v[i], room);
		if (r == ZK_OK)
			r = classify(d, (uint32_t)i, table, size);
	}
out:
	free(table);
	free(room);
	return r;
}

/* ---- looking ---- */

uint32_t
jsondoc_kid(const struct jsondoc *d, uint32_t node, uint32_t i)
{
	return d->kids[d->v[node].kids + i];
}

uint32_t
jsondoc_class(const struct jsondoc *d, const char *s)
{
	const uint8_t *p = (const uint8_t *)s;
	struct chars want = { p, p + strlen(s) };

	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].kind == JSONDOC_STRING &&
		    same_string(chars_of(d, &d->v[i]), want))
			return d->v[i].class;
	return JSONDOC_NONE;
}

bool
jsondoc_same(const struct jsondoc *d, uint32_t a, uint32_t b)
{
	const struct jsondoc_node *x = &d->v[a], *y = &d->v[b];
	uint32_t n = x->end - x->start;

	return n == y->end - y->start && memcmp(d->text[x->doc] + x->start,
	    d->text[y->doc] + y->start, n) == 0;
}

size_t
jsondoc_before(const struct jsondoc *d, size_t doc, size_t at)
{
	while (at > 0 && is_space(d->text[doc][at - 1]))
		at--;
	return at;
}

size_t
jsondoc_behind(const struct jsondoc *d, size_t doc, size_t at)
{
	while (at < d->len[doc] && is_space(d->text[doc][at]))
		at++;
	return at;
}
