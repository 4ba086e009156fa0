/*
 * Random JSON values, versions of them, what their merge has to be by the
 * rules of zk-merge(7), and all of them as text.
 */
#ifndef ZK_TESTS_UNIT_JSON_MODEL_H
#define ZK_TESTS_UNIT_JSON_MODEL_H

#include "test.h"
#include "text/jsonmerge.h"
#include "util/buf.h"

#define KIDS 10
#define MAKES 40000
#define VERSIONS 3

static uint32_t seed = 1;

static inline uint32_t
draw(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* ---- values ---- */

enum kind { SCALAR, ARRAY, OBJECT };

/* Never changed once made, so that trees may share. */
struct val {
	enum kind kind;
	int text;		/* of a scalar, unlike all others */
	int n;
	int key[KIDS * VERSIONS];
	struct val *kid[KIDS * VERSIONS];
};

static struct val *made;	/* MAKES of them, for one round */
static int made_n, texts;

static inline struct val *
make(enum kind kind)
{
	struct val *v = &made[made_n++];

	if (made_n == MAKES)
		abort();
	memset(v, 0, sizeof(*v));
	v->kind = kind;
	if (kind == SCALAR)
		v->text = ++texts;
	return v;
}

static inline void
push(struct val *v, int key, struct val *kid)
{
	v->key[v->n] = key;
	v->kid[v->n++] = kid;
}

static inline int
find(const struct val *v, int key)
{
	for (int i = 0; i < v->n; i++)
		if (v->key[i] == key)
			return i;
	return -1;
}

/* Key 0 is "id"; the elements of some arrays have it. */
static inline struct val *
grow(int deep, bool named)
{
	uint32_t what = named ? 5 : draw(deep > 0 ? 6 : 3);
	struct val *v = make(what < 3 ? SCALAR : what < 5 ? ARRAY : OBJECT);
	bool all = draw(2) == 0;

	if (named)
		push(v, 0, make(SCALAR));
	for (int i = v->kind != SCALAR ? 1 + (int)draw(4) : 0; i > 0; i--) {
		int key = 1 + (int)draw(8);

		if (v->kind == ARRAY)
			push(v, 0, grow(deep - 1, all && deep > 1));
		else if (find(v, key) < 0)
			push(v, key, grow(deep - 1, false));
	}
	return v;
}

static inline bool
all_named(const struct val *v)
{
	for (int i = 0; i < v->n; i++)
		if (v->kid[i]->kind != OBJECT || v->kid[i]->n == 0 ||
		    v->kid[i]->key[0] != 0)
			return false;
	return v->n > 0;
}

static bool keep;	/* edit leaves all elements there that are there */

/* A version of v: some things less, some more, some other. */
static inline struct val *
edit(const struct val *v, int deep, bool named)
{
	struct val *to = make(v->kind);
	bool all = v->kind == ARRAY && all_named(v);

	if (v->kind == SCALAR)
		return to;
	for (int i = 0; i <= v->n; i++) {
		int key = v->kind == OBJECT ? 1 + (int)draw(8) : 0;
		uint32_t what = draw(10);

		/* by value an edit is another element */
		if (keep && v->kind == ARRAY)
			what = all && what > 1 ? what : 9;

		if (draw(8) == 0 && to->n < KIDS && (v->kind == ARRAY ||
		    (find(v, key) < 0 && find(to, key) < 0)) &&
		    !(named && i == 0))
			push(to, key, grow(deep - 1, all));
		if (i == v->n || (what == 0 && !(named && i == 0)))
			continue;
		/* which may be of the same kind, and in another order */
		if (what == 1 && !all && !(named && i == 0))
			push(to, v->key[i], keep ? make(SCALAR) :
			    grow(deep - 1, false));
		else if (what < 5 && !(named && i == 0) &&
		    v->kid[i]->kind != SCALAR)
			push(to, v->key[i], edit(v->kid[i], deep - 1, all));
		else
			push(to, v->key[i], v->kid[i]);
	}
	/* nothing empty: two of these would be one value */
	if (to->n == 0)
		push(to, v->key[0], v->kid[0]);
	return to;
}

static inline bool
equal(const struct val *a, const struct val *b)
{
	if (a == NULL || b == NULL || a == b)
		return a == b;
	if (a->kind != b->kind || a->n != b->n || a->text != b->text)
		return false;
	for (int i = 0; i < a->n; i++) {
		int k = a->kind == OBJECT ? find(b, a->key[i]) : i;

		if (k < 0 || !equal(a->kid[i], b->kid[k]))
			return false;
	}
	return true;
}

/* ---- the model ---- */

static bool refused;

/* The name of an element; -1 where the array has none. */
static inline int
name(const struct val *v, int i, bool named)
{
	return v->kind == OBJECT ? v->key[i] : named ?
	    v->kid[i]->kid[0]->text : -1;
}

/* Where v has what is kid i of from. */
static inline int
same_as(const struct val *v, const struct val *from, int i, bool named)
{
	for (int k = 0; k < v->n; k++)
		if (v->kind == OBJECT || named ?
		    name(v, k, named) == name(from, i, named) :
		    equal(v->kid[k], from->kid[i]))
			return k;
	return -1;
}

static struct val *model(const struct val *base, struct val *const *v);

/* Kid i of from, which is one of the versions or base. */
static inline void
model_kid(const struct val *base, const struct val *const *in,
    const struct val *from, int i, bool named, struct val *to)
{
	struct val *of[VERSIONS], *kid;
	int b = same_as(base, from, i, named);

	for (int k = 0; k < VERSIONS; k++) {
		int at = in[k] != NULL ? same_as(in[k], from, i, named) : b;

		of[k] = at < 0 ? NULL :
		    in[k] != NULL ? in[k]->kid[at] : base->kid[at];
	}
	kid = model(b < 0 ? NULL : base->kid[b], of);
	if (kid != NULL)
		push(to, from->key[i], kid);
}

/* What the versions have behind kid i of base (-1: before all). */
static inline void
model_gap(const struct val *base, const struct val *const *in, int i,
    bool named, struct val *to)
{
	for (int k = 0; k < VERSIONS; k++) {
		int left = -1;

		for (int j = 0; in[k] != NULL && j < in[k]->n; j++) {
			int b = same_as(base, in[k], j, named);
			bool had = false;

			if (b >= 0)
				left = b;
			for (int e = 0; e < k; e++)
				had |= in[e] != NULL &&
				    same_as(in[e], in[k], j, named) >= 0;
			if (b < 0 && left == i && !had)
				model_kid(base, in, in[k], j, named, to);
		}
	}
}

/* Base in the order of the last version that has another one. */
static const struct val *
model_order(const struct val *base, const struct val *const *in, bool named)
{
	const struct val *as = NULL;
	struct val *to;

	for (int k = 0; k < VERSIONS; k++)
		for (int i = 0, last = -1; in[k] != NULL && i < in[k]->n; i++) {
			int at = same_as(base, in[k], i, named);

			if (at >= 0 && at < last)
				as = in[k];
			last = at >= 0 ? at : last;
		}
	if (as == NULL)
		return base;
	to = make(base->kind);
	for (int i = 0; i <= as->n; i++) {
		int at = i > 0 ? same_as(base, as, i - 1, named) : -1;

		if (i > 0 && at < 0)
			continue;
		if (at >= 0)
			push(to, base->key[at], base->kid[at]);
		while (++at < base->n && same_as(as, base, at, named) < 0)
			push(to, base->key[at], base->kid[at]);
	}
	return to;
}

/* Of versions that are not all one value; base may be NULL. */
static inline struct val *
model_weave(const struct val *base, struct val *const *v, enum kind kind)
{
	static const struct val none[] = { { .kind = SCALAR },
	    { .kind = ARRAY }, { .kind = OBJECT } };
	const struct val *in[VERSIONS];
	struct val *to = make(kind);
	bool named = kind == ARRAY;

	if (base == NULL || base->kind != kind)
		base = &none[kind];
	named = named && (base->n == 0 || all_named(base));
	for (int k = 0; k < VERSIONS; k++) {
		in[k] = v[k] != NULL && v[k]->kind == kind ? v[k] : NULL;
		named = named && (in[k] == NULL || in[k]->n == 0 ||
		    all_named(in[k]));
	}
	if (kind == OBJECT || named)
		base = model_order(base, in, named);
	for (int i = -1; i < base->n; i++) {
		if (i >= 0)
			model_kid(base, in, base, i, named, to);
		model_gap(base, in, i, named, to);
	}
	return to;
}

static inline struct val *
model(const struct val *base, struct val *const *v)
{
	struct val *last = NULL;
	bool gone = false, many = false, box[3] = { false };

	for (int i = 0; i < VERSIONS; i++) {
		if (equal(v[i], base))
			continue;
		gone |= v[i] == NULL;
		if (v[i] == NULL)
			continue;
		many |= last != NULL && !equal(last, v[i]);
		last = v[i];
		box[v[i]->kind] = true;
	}
	refused |= box[ARRAY] && box[OBJECT];
	if (last == NULL && gone)
		return NULL;
	if (last == NULL)
		for (int i = 0; i < VERSIONS; i++)
			last = v[i];
	if (!many || !(box[ARRAY] || box[OBJECT]))
		return last;
	return model_weave(base, v, box[ARRAY] ? ARRAY : OBJECT);
}

/* ---- as text ---- */

static const struct layout {
	const char *line, *indent, *colon, *comma;
} layouts[] = {
	{ "", "", "", "" }, { "", "", " ", " " }, { "\n", "\t", " ", " " },
	{ "\n", "  ", ": ", "" }, { "\r\n", "    ", "", "" },
};
#define LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

static inline void
put_line(struct buf *out, const struct layout *l, int deep)
{
	(void)buf_str(out, l->line);
	while (deep-- > 0)
		(void)buf_str(out, l->indent);
}

static inline void
put(struct buf *out, const struct layout *l, const struct val *v, int deep)
{
	if (v->kind == SCALAR) {
		(void)buf_printf(out, v->text % 2 ? "\"%d\\/\"" : "%d.50",
		    v->text);
		return;
	}
	(void)buf_str(out, v->kind == ARRAY ? "[" : "{");
	for (int i = 0; i < v->n; i++) {
		if (i > 0)
			(void)buf_str(out, l->line[0] != '\0' ? "," :
			    l->comma[0] != '\0' ? ", " : ",");
		put_line(out, l, deep + 1);
		if (v->kind == OBJECT && v->key[i] == 0)
			(void)buf_str(out, "\"id\":");
		else if (v->kind == OBJECT)
			(void)buf_printf(out, "\"k%d\":", v->key[i]);
		if (v->kind == OBJECT)
			(void)buf_str(out, l->colon[0] != '\0' ? " " : "");
		put(out, l, v->kid[i], deep + 1);
	}
	if (v->n > 0)
		put_line(out, l, deep);
	(void)buf_str(out, v->kind == ARRAY ? "]" : "}");
}

static inline struct buf
text_of(const struct val *v, size_t layout)
{
	struct buf b;

	buf_init(&b, JSONDOC_MAX);
	put(&b, &layouts[layout], v, 0);
	(void)buf_str(&b, layouts[layout].line);
	return b;
}

static inline bool
same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* Whether both are documents of one value. */
static inline bool
same_value(const struct buf *a, const struct buf *b)
{
	struct jsondoc d;
	bool ok;

	jsondoc_init(&d);
	ok = jsondoc_add(&d, a->data, a->len) == ZK_OK &&
	    jsondoc_add(&d, b->data, b->len) == ZK_OK &&
	    jsondoc_finish(&d) == ZK_OK &&
	    d.v[d.root[0]].class == d.v[d.root[1]].class;
	jsondoc_release(&d);
	return ok;
}

#endif
