/* Writing parts of documents of JSON.  See jsonout.h. */
#include "text/jsonout.h"

#include <string.h>

static bool
is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool
has_line(const uint8_t *p, size_t n)
{
	return n > 0 && memchr(p, '\n', n) != NULL;
}

static void
put(struct jsonout *o, const void *p, size_t n)
{
	if (n > 0)
		(void)buf_put(o->out, p, n);
}

/* ---- what a layout is ---- */

/* The white space before the bytes at at. */
static struct jsonout_space
space_before(const struct jsondoc *d, size_t doc, size_t at)
{
	size_t from = jsondoc_before(d, doc, at);

	return (struct jsonout_space){ d->text[doc] + from, at - from };
}

/* Where node begins in its container: at its name, of a member. */
static size_t
begin(const struct jsondoc *d, uint32_t node)
{
	uint32_t key = d->v[node].key;

	return key != JSONDOC_NONE ? d->v[key].start : d->v[node].start;
}

static void
set_once(struct jsonout_space *part, struct jsonout_space s)
{
	if (part->p == NULL)
		*part = s;
}

/* What the space s, behind which something stands depth deep, says. */
static void
look_at_line(struct jsonout_space s, unsigned depth, struct jsonout_space *is)
{
	const uint8_t *nl = memchr(s.p, '\n', s.n);
	size_t n = 0;

	if (nl > s.p && nl[-1] == '\r')
		set_once(&is[JSONOUT_LINE],
		    (struct jsonout_space){ nl - 1, 2 });
	set_once(&is[JSONOUT_LINE], (struct jsonout_space){ nl, 1 });
	while (n < s.n && s.p[s.n - 1 - n] != '\n')
		n++;
	if (n % depth == 0)
		set_once(&is[JSONOUT_INDENT],
		    (struct jsonout_space){ s.p + s.n - n, n / depth });
}

static void
look_at(const struct jsondoc *d, uint32_t node, struct jsonout_space *is)
{
	const struct jsondoc_node *v = &d->v[node];
	struct jsonout_space s = space_before(d, v->doc, begin(d, node)), c;

	if (has_line(s.p, s.n))
		look_at_line(s, v->depth, is);
	else if (s.p[-1] == ',')
		set_once(&is[JSONOUT_COMMA], s);
	c = space_before(d, v->doc, v->start);
	if (v->key != JSONDOC_NONE && !has_line(c.p, c.n))
		set_once(&is[JSONOUT_COLON], c);
}

void
jsonout_init(struct jsonout *o, const struct jsondoc *d, struct buf *out)
{
	struct jsonout_space is[JSONDOC_DOCS][JSONOUT_PARTS], s;

	memset(o, 0, sizeof(*o));
	memset(is, 0, sizeof(is));
	o->d = d;
	o->out = out;
	/* what is further out says more of the document */
	for (int inner = 0; inner < 2; inner++)
		for (size_t i = 0; i < d->n; i++)
			if (!d->v[i].name && d->v[i].depth > 0 &&
			    (d->v[i].depth > 1) == inner)
				look_at(d, (uint32_t)i, is[d->v[i].doc]);
	for (size_t i = 0; i < d->docs; i++)
		if (d->root[i] != JSONDOC_NONE && d->v[d->root[i]].n > 0)
			set_once(&is[i][JSONOUT_LINE],
			    (struct jsonout_space){ d->text[i], 0 });
	for (size_t k = 0; k < JSONOUT_PARTS; k++) {
		o->to[k] = is[0][k];
		for (size_t i = 1; i < d->docs; i++) {
			s = is[i][k];
			if (s.p != NULL && (is[0][k].p == NULL ||
			    s.n != is[0][k].n ||
			    memcmp(s.p, is[0][k].p, s.n) != 0))
				o->to[k] = s;
		}
		for (size_t i = 0; i < d->docs; i++) {
			s = is[i][k];
			o->other[i] |= s.p != NULL && (s.n != o->to[k].n ||
			    memcmp(s.p, o->to[k].p, s.n) != 0);
		}
	}
}

/* ---- writing in another layout ---- */

/* Steps over a string that begins at at. */
static size_t
string_end(const uint8_t *p, size_t at)
{
	for (at++; p[at] != '"'; at++)
		if (p[at] == '\\')
			at++;
	return at + 1;
}

/* White space with a line end in it, from at to end of a document. */
static void
put_lines(struct jsonout *o, size_t doc, size_t at, size_t end,
    unsigned depth)
{
	const uint8_t *p = o->d->text[doc];
	bool closes = end < o->d->len[doc] && (p[end] == '}' || p[end] == ']');

	if (o->to[JSONOUT_LINE].n == 0) {
		if (at > 0 && p[at - 1] == ',')
			put(o, o->to[JSONOUT_COMMA].p, o->to[JSONOUT_COMMA].n);
		if (at > 0 && p[at - 1] == ':')
			put(o, o->to[JSONOUT_COLON].p, o->to[JSONOUT_COLON].n);
		return;
	}
	for (size_t i = at; i < end; i++)
		if (p[i] == '\n')
			put(o, o->to[JSONOUT_LINE].p, o->to[JSONOUT_LINE].n);
	for (unsigned i = closes ? 1 : 0; i < depth; i++)
		put(o, o->to[JSONOUT_INDENT].p, o->to[JSONOUT_INDENT].n);
}

/* The white space, if any, from at to end, in a container depth deep. */
static void
put_space(struct jsonout *o, size_t doc, size_t at, size_t end,
    unsigned depth)
{
	const uint8_t *p = o->d->text[doc];
	const struct jsonout_space *colon = &o->to[JSONOUT_COLON],
	    *comma = &o->to[JSONOUT_COMMA];

	if (has_line(p + at, end - at))
		put_lines(o, doc, at, end, depth);
	else if (at > 0 && p[at - 1] == ':' && colon->p != NULL)
		put(o, colon->p, colon->n);
	else if (at > 0 && p[at - 1] == ',' && comma->p != NULL)
		put(o, comma->p, comma->n);
	else
		put(o, p + at, end - at);
}

/* The bytes from at to end of a document, in a container depth deep. */
static void
put_span(struct jsonout *o, size_t doc, size_t at, size_t end, unsigned depth)
{
	const uint8_t *p = o->d->text[doc];

	if (!o->other[doc]) {
		put(o, p + at, end - at);
		return;
	}
	while (at < end) {
		size_t from = at;

		if (p[at] == '"') {
			at = string_end(p, at);
		} else if (is_space(p[at])) {
			while (at < end && is_space(p[at]))
				at++;
			put_space(o, doc, from, at, depth);
			continue;
		} else {
			depth += p[at] == '{' || p[at] == '[';
			depth -= p[at] == '}' || p[at] == ']';
			at++;
		}
		put(o, p + from, at - from);
		/* where no space stands at all one may have to */
		if ((p[from] == ':' || p[from] == ',') && at < end &&
		    !is_space(p[at]))
			put_space(o, doc, at, at, depth);
	}
}

/* ---- parts ---- */

void
jsonout_value(struct jsonout *o, uint32_t node)
{
	const struct jsondoc_node *v = &o->d->v[node];

	put_span(o, v->doc, v->start, v->end, v->depth);
}

void
jsonout_open(struct jsonout *o, uint32_t node)
{
	put(o, o->d->v[node].kind == JSONDOC_OBJECT ? "{" : "[", 1);
}

void
jsonout_close(struct jsonout *o, uint32_t node)
{
	put(o, o->d->v[node].kind == JSONDOC_OBJECT ? "}" : "]", 1);
}

/* The space that is before the item at the start of its own container. */
static struct jsonout_space
lead(const struct jsondoc *d, uint32_t up, uint32_t i)
{
	return space_before(d, d->v[up].doc,
	    begin(d, jsondoc_kid(d, up, i)));
}

/*
 * The space that node has in the result: its own, or that of the first or
 * second in its container if it was or becomes the first.  p is NULL where no
 * other shows what stands behind a comma in one line.
 */
static struct jsonout_space
space_of(const struct jsondoc *d, uint32_t node, bool first)
{
	const struct jsondoc_node *v = &d->v[node];
	bool was = jsondoc_kid(d, v->up, 0) == node;
	struct jsonout_space s;

	if (first && !was)
		return lead(d, v->up, 0);
	if (!first && was && d->v[v->up].n > 1)
		return lead(d, v->up, 1);
	s = space_before(d, v->doc, begin(d, node));
	if (!first && was && !has_line(s.p, s.n))
		s.p = NULL;
	return s;
}

void
jsonout_before(struct jsonout *o, uint32_t node, bool first)
{
	const struct jsondoc *d = o->d;
	const struct jsondoc_node *v = &d->v[node];
	const struct jsonout_space *comma = &o->to[JSONOUT_COMMA];
	struct jsonout_space s = space_of(d, node, first);
	size_t from;

	if (!first)
		put(o, ",", 1);
	if (s.p != NULL) {
		from = (size_t)(s.p - d->text[v->doc]);
		put_span(o, v->doc, from, from + s.n, v->depth);
		if (s.n == 0 && o->other[v->doc])
			put_space(o, v->doc, from, from, v->depth);
	} else if (comma->p != NULL) {
		put(o, comma->p, comma->n);
	} else {
		put(o, " ", o->to[JSONOUT_COLON].p == NULL ||
		    o->to[JSONOUT_COLON].n > 0);
	}
	if (v->key != JSONDOC_NONE)
		put_span(o, v->doc, d->v[v->key].start, v->start, v->depth);
	/* the last of it may be the colon itself */
	if (v->key != JSONDOC_NONE && o->other[v->doc] &&
	    d->text[v->doc][v->start - 1] == ':')
		put_space(o, v->doc, v->start, v->start, v->depth);
}

void
jsonout_behind(struct jsonout *o, uint32_t node, bool last)
{
	const struct jsondoc *d = o->d;
	const struct jsondoc_node *v = &d->v[node], *up = &d->v[v->up];
	uint32_t from = node, n = up->n;
	bool was = jsondoc_kid(d, v->up, n - 1) == node;

	if (last)
		from = jsondoc_kid(d, v->up, n - 1);
	else if (was && n == 1)
		return;
	else if (was)
		from = jsondoc_kid(d, v->up, n - 2);
	put_span(o, v->doc, d->v[from].end,
	    jsondoc_behind(d, v->doc, d->v[from].end), v->depth);
}
