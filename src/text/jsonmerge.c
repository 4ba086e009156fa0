/* Merging documents of JSON by structure.  See jsonmerge.h. */
#include "text/jsonmerge.h"

#include <stdlib.h>
#include <string.h>

#include "text/jsonout.h"
#include "text/myers.h"

#define NONE JSONDOC_NONE

/*
 * Edits looked for in a stretch of elements.  As all that decides what
 * matches what it is a part of the rules: each device merges for itself.
 */
#define COST ((size_t)128)

/* One value in base (0) and the versions (from 1): its nodes, or NONE. */
struct place {
	uint32_t at[JSONDOC_DOCS];
};

struct merger {
	struct jsondoc d;
	struct jsonout o;
	uint32_t *seen;		/* by class, 0 between uses */
	uint32_t names[2];	/* the classes of "id" and "key" */
};

/* What becomes of a place. */
struct verdict {
	bool gone;
	bool weave;		/* its parts are merged, into like's kind */
	uint32_t like;		/* else the node that is taken whole */
};

static uint8_t
kind_of(const struct merger *m, uint32_t node)
{
	return m->d.v[node].kind;
}

static uint32_t
class_of(const struct merger *m, uint32_t node)
{
	return m->d.v[node].class;
}

/* ZK_EREFUSED: an array here and an object there. */
static enum zk_err
judge(const struct merger *m, const struct place *p, struct verdict *out)
{
	uint32_t base = p->at[0], last = NONE, box = NONE, spelt = base;
	bool deleted = false, many = false;

	for (size_t i = 1; i < m->d.docs; i++) {
		uint32_t at = p->at[i];

		if (at == NONE) {
			deleted = true;
			continue;
		}
		if (base != NONE && class_of(m, at) == class_of(m, base)) {
			if (!jsondoc_same(&m->d, at, base))
				spelt = at;
			continue;
		}
		many |= last != NONE && class_of(m, at) != class_of(m, last);
		last = at;
		if (kind_of(m, at) < JSONDOC_ARRAY)
			continue;
		if (box != NONE && kind_of(m, at) != kind_of(m, box))
			return ZK_EREFUSED;
		box = at;
	}
	*out = (struct verdict){ .gone = last == NONE && deleted,
	    .weave = many && box != NONE,
	    .like = last == NONE ? spelt : many && box != NONE ? box : last };
	return ZK_OK;
}

/* ---- the items of a container ---- */

struct item {
	struct place p;
	uint32_t next;		/* item behind it, NONE at the end */
	uint32_t tail;		/* last of what was inserted behind it */
};

/* One container in all documents; item 0 stands before all others. */
struct weave {
	uint32_t in[JSONDOC_DOCS]; /* NONE: it has no say */
	struct item *items;	/* owned */
	uint32_t n;
	uint32_t base_n;	/* items 1 to base_n are those of base */
	uint32_t name;		/* elements are known by that; NONE: they
				 * are members, or known by value */
	uint32_t *match;	/* owned; of the kids of a version: the item of
				 * base that each is, or 0 */
};

/* The member of that name, or NONE. */
static uint32_t
member(const struct merger *m, uint32_t node, uint32_t name)
{
	const struct jsondoc_node *v = &m->d.v[node];

	for (uint32_t i = 0; v->kind == JSONDOC_OBJECT && i < v->n; i++) {
		uint32_t kid = jsondoc_kid(&m->d, node, i);

		if (class_of(m, m->d.v[kid].key) == name)
			return kid;
	}
	return NONE;
}

/* What the kid is known by; elements known by value have nothing. */
static uint32_t
identity(const struct merger *m, const struct weave *w, uint32_t kid)
{
	if (m->d.v[kid].key != NONE)
		return class_of(m, m->d.v[kid].key);
	return class_of(m, member(m, kid, w->name));
}

/* Whether the elements of node all have a name of their own. */
static bool
all_named(struct merger *m, uint32_t node, uint32_t name)
{
	uint32_t i, n = m->d.v[node].n, id;
	bool ok = true;

	for (i = 0; ok && i < n; i++) {
		id = member(m, jsondoc_kid(&m->d, node, i), name);
		ok = id != NONE && (kind_of(m, id) == JSONDOC_STRING ||
		    m->d.text[m->d.v[id].doc][m->d.v[id].start] <= '9');
		if (ok) {
			ok = m->seen[class_of(m, id)] == 0;
			m->seen[class_of(m, id)] = 1;
		}
	}
	while (i-- > 0) {
		id = member(m, jsondoc_kid(&m->d, node, i), name);
		if (id != NONE)
			m->seen[class_of(m, id)] = 0;
	}
	return ok;
}

static uint32_t
name_of(struct merger *m, const struct weave *w)
{
	for (size_t k = 0; k < 2; k++) {
		bool ok = m->names[k] != NONE;

		for (size_t i = 0; ok && i < m->d.docs; i++)
			ok = w->in[i] == NONE ||
			    all_named(m, w->in[i], m->names[k]);
		if (ok)
			return m->names[k];
	}
	return NONE;
}

/* Whether a version before that one has the same value, other than base. */
static bool
again(const struct merger *m, const struct weave *w, size_t doc)
{
	if (w->in[0] != NONE &&
	    class_of(m, w->in[0]) == class_of(m, w->in[doc]))
		return false;
	for (size_t i = 1; i < doc; i++)
		if (w->in[i] != NONE &&
		    class_of(m, w->in[i]) == class_of(m, w->in[doc]))
			return true;
	return false;
}

static enum zk_err
weave_init(struct merger *m, const struct place *p, uint32_t like,
    struct weave *w)
{
	size_t all = 1, most = 0;

	*w = (struct weave){ .n = 1, .name = NONE };
	for (size_t i = 0; i < m->d.docs; i++) {
		bool is = p->at[i] != NONE &&
		    kind_of(m, p->at[i]) == kind_of(m, like);

		w->in[i] = is ? p->at[i] : NONE;
	}
	if (kind_of(m, like) == JSONDOC_ARRAY) {
		w->name = name_of(m, w);
		for (size_t i = 1; w->name == NONE && i < m->d.docs; i++)
			if (w->in[i] != NONE && again(m, w, i))
				w->in[i] = NONE;
	}
	for (size_t i = 0; i < m->d.docs; i++) {
		size_t n = w->in[i] != NONE ? m->d.v[w->in[i]].n : 0;

		all += n;
		most = n > most ? n : most;
	}
	w->items = calloc(all, sizeof(*w->items));
	w->match = calloc(most + 1, sizeof(*w->match));
	return w->items == NULL || w->match == NULL ? ZK_ENOMEM : ZK_OK;
}

static void
weave_release(struct weave *w)
{
	free(w->items);
	free(w->match);
}

static bool
by_value(const struct merger *m, const struct weave *w, uint32_t box)
{
	return kind_of(m, box) == JSONDOC_ARRAY && w->name == NONE;
}

/* A new item behind the one at. */
static uint32_t
item_add(struct merger *m, struct weave *w, uint32_t at)
{
	struct item *it = &w->items[w->n];

	for (size_t i = 0; i < m->d.docs; i++)
		it->p.at[i] = NONE;
	it->next = w->items[at].next;
	it->tail = w->n;
	w->items[at].next = w->n;
	return w->n++;
}

/* The items of base, in its order. */
static void
take_base(struct merger *m, struct weave *w)
{
	uint32_t n = w->in[0] != NONE ? m->d.v[w->in[0]].n : 0;

	w->items[0].next = NONE;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = item_add(m, w, i);

		w->items[at].p.at[0] = jsondoc_kid(&m->d, w->in[0], i);
		/* who has no say has left it as it was */
		for (size_t k = 1; k < m->d.docs; k++)
			if (w->in[k] == NONE)
				w->items[at].p.at[k] = w->items[at].p.at[0];
	}
	w->base_n = n;
}

/* ---- which elements are which ---- */

/* Notes the items from first to n by what they are known by, or forgets. */
static void
note(struct merger *m, const struct weave *w, uint32_t first, bool on)
{
	for (uint32_t i = first; i < w->n; i++) {
		const struct place *p = &w->items[i].p;
		size_t k = 0;

		while (p->at[k] == NONE)
			k++;
		m->seen[identity(m, w, p->at[k])] = on ? i : 0;
	}
}

/* Matches the elements of box with those of base by value. */
static enum zk_err
match_values(struct merger *m, struct weave *w, uint32_t box)
{
	uint32_t n = w->base_n, k = m->d.v[box].n, *class, j = 0;
	uint8_t *fresh;
	enum zk_err r = ZK_ENOMEM;

	class = calloc((size_t)n + k + 1, sizeof(*class));
	fresh = calloc((size_t)n + k + 1, 1);
	if (class == NULL || fresh == NULL)
		goto out;
	for (uint32_t i = 0; i < n; i++)
		class[i] = class_of(m, jsondoc_kid(&m->d, w->in[0], i));
	for (uint32_t i = 0; i < k; i++)
		class[n + i] = class_of(m, jsondoc_kid(&m->d, box, i));
	r = myers_mark(class, n, class + n, k, COST, fresh, fresh + n);
	for (uint32_t i = 0; r == ZK_OK && i < k; i++) {
		w->match[i] = 0;
		if (fresh[n + i])
			continue;
		while (fresh[j])
			j++;
		w->match[i] = ++j;
	}
out:
	free(class);
	free(fresh);
	return r;
}

static enum zk_err
match_kids(struct merger *m, struct weave *w, uint32_t box)
{
	if (by_value(m, w, box))
		return match_values(m, w, box);
	for (uint32_t i = 0; i < m->d.v[box].n; i++) {
		uint32_t kid = jsondoc_kid(&m->d, box, i);

		w->match[i] = m->seen[identity(m, w, kid)];
	}
	return ZK_OK;
}

/* ---- in which order ---- */

/* Whether the items of base have another order in box. */
static bool
reorders(struct merger *m, struct weave *w, uint32_t box)
{
	uint32_t last = 0, at;

	for (uint32_t i = 0; i < m->d.v[box].n; i++) {
		at = m->seen[identity(m, w, jsondoc_kid(&m->d, box, i))];
		if (at == 0)
			continue;
		if (at < last)
			return true;
		last = at;
	}
	return false;
}

/*
 * Brings the items of base into the order of the last version that has
 * another one; what it has not stays behind what it stood behind.
 */
static void
put_in_order(struct merger *m, struct weave *w)
{
	uint32_t box = NONE, last = 0, at;

	for (size_t i = 1; i < m->d.docs; i++)
		if (w->in[i] != NONE && reorders(m, w, w->in[i]))
			box = w->in[i];
	if (box == NONE)
		return;
	for (uint32_t i = 0; i <= w->base_n; i++)
		w->items[i].next = 0;
	for (uint32_t i = 0; i < m->d.v[box].n; i++) {
		at = m->seen[identity(m, w, jsondoc_kid(&m->d, box, i))];
		if (at == 0)
			continue;
		w->items[last].next = at;
		last = at;
	}
	w->items[last].next = NONE;
	for (uint32_t i = 1; i <= w->base_n; i++) {
		if (w->items[i].next != 0)
			continue;
		w->items[i].next = w->items[i - 1].next;
		w->items[i - 1].next = i;
	}
}

/*
 * Puts the kids of version doc in: those of base to their items, and each
 * other behind the one of base before it, after what is there already, which
 * is the order of FugueMax for versions of one base.
 */
static void
take_version(struct merger *m, struct weave *w, size_t doc)
{
	uint32_t box = w->in[doc], left = 0;
	bool named = !by_value(m, w, box);

	for (uint32_t i = 0; i < m->d.v[box].n; i++) {
		uint32_t kid = jsondoc_kid(&m->d, box, i), at = w->match[i];

		if (at == 0) {
			at = item_add(m, w, w->items[left].tail);
			w->items[left].tail = at;
			if (named)
				m->seen[identity(m, w, kid)] = at;
		}
		w->items[at].p.at[doc] = kid;
		if (at <= w->base_n)
			left = at;
	}
}

static enum zk_err
weave_items(struct merger *m, struct weave *w, uint32_t like)
{
	bool named = !by_value(m, w, like);
	enum zk_err r = ZK_OK;

	take_base(m, w);
	if (named) {
		note(m, w, 1, true);
		put_in_order(m, w);
	}
	for (size_t i = 1; r == ZK_OK && i < m->d.docs; i++) {
		if (w->in[i] == NONE)
			continue;
		r = match_kids(m, w, w->in[i]);
		if (r == ZK_OK)
			take_version(m, w, i);
	}
	if (named)
		note(m, w, 1, false);
	return r;
}

/* ---- the result ---- */

static enum zk_err put_place(struct merger *m, const struct place *p,
    const struct verdict *v);

/* The node whose surroundings an item of the result has. */
static uint32_t
dress(const struct place *p, const struct verdict *v)
{
	return v->weave && p->at[0] != NONE ? p->at[0] : v->like;
}

/* Writes the items that are not gone. */
static enum zk_err
put_items(struct merger *m, const struct weave *w)
{
	uint32_t before = NONE;
	enum zk_err r;

	for (uint32_t i = w->items[0].next; i != NONE;
	    i = w->items[i].next) {
		const struct place *p = &w->items[i].p;
		struct verdict v;

		r = judge(m, p, &v);
		if (r != ZK_OK)
			return r;
		if (v.gone)
			continue;
		if (before != NONE)
			jsonout_behind(&m->o, before, false);
		jsonout_before(&m->o, dress(p, &v), before == NONE);
		before = dress(p, &v);
		r = put_place(m, p, &v);
		if (r != ZK_OK)
			return r;
	}
	if (before != NONE)
		jsonout_behind(&m->o, before, true);
	return buf_err(m->o.out);
}

/* Calls itself for what is inside, at most JSONDOC_DEPTH deep. */
static enum zk_err
put_place(struct merger *m, const struct place *p, const struct verdict *v)
{
	struct weave w;
	enum zk_err r;

	if (!v->weave) {
		jsonout_value(&m->o, v->like);
		return buf_err(m->o.out);
	}
	r = weave_init(m, p, v->like, &w);
	if (r == ZK_OK)
		r = weave_items(m, &w, v->like);
	jsonout_open(&m->o, v->like);
	if (r == ZK_OK)
		r = put_items(m, &w);
	jsonout_close(&m->o, v->like);
	weave_release(&w);
	return r;
}

/* The space before or behind all: that of the last to have another one. */
static void
put_edge(const struct merger *m, bool front, struct buf *out)
{
	const struct jsondoc *d = &m->d;
	const uint8_t *p = NULL, *first = NULL;
	size_t n = 0, first_n = 0;

	for (size_t i = 0; i < d->docs; i++) {
		const uint8_t *s = d->text[i];
		size_t len;

		if (d->root[i] == NONE)
			continue;
		len = d->v[d->root[i]].start;
		if (!front) {
			s += d->v[d->root[i]].end;
			len = d->len[i] - d->v[d->root[i]].end;
		}
		if (first == NULL) {
			first = s;
			first_n = len;
		}
		if (p == NULL || len != first_n || memcmp(s, first, len) != 0) {
			p = s;
			n = len;
		}
	}
	if (n > 0)
		(void)buf_put(out, p, n);
}

static enum zk_err
read_all(struct merger *m, const uint8_t *base, size_t base_len,
    const struct jsonmerge_version *versions, size_t n)
{
	enum zk_err r = ZK_OK;

	if (base_len > 0)
		r = jsondoc_add(&m->d, base, base_len);
	else
		jsondoc_add_none(&m->d);
	for (size_t i = 0; r == ZK_OK && i < n; i++)
		r = jsondoc_add(&m->d, versions[i].text, versions[i].len);
	if (r == ZK_OK)
		r = jsondoc_finish(&m->d);
	if (r != ZK_OK)
		return r;
	m->names[0] = jsondoc_class(&m->d, "id");
	m->names[1] = jsondoc_class(&m->d, "key");
	m->seen = calloc(m->d.n + 1, sizeof(*m->seen));
	return m->seen == NULL ? ZK_ENOMEM : ZK_OK;
}

/* The one version that is not the base, or any if all are the same. */
static const struct jsonmerge_version *
only_one(const uint8_t *base, size_t base_len,
    const struct jsonmerge_version *v, size_t n)
{
	const struct jsonmerge_version *one = NULL;

	for (size_t i = 0; i < n; i++) {
		if (v[i].len == base_len && base_len > 0 &&
		    memcmp(v[i].text, base, base_len) == 0)
			continue;
		if (one != NULL && (one->len != v[i].len ||
		    memcmp(one->text, v[i].text, v[i].len) != 0))
			return NULL;
		one = &v[i];
	}
	return one != NULL ? one : &v[0];
}

enum zk_err
jsonmerge(const uint8_t *base, size_t base_len,
    const struct jsonmerge_version *versions, size_t n, struct buf *out)
{
	const struct jsonmerge_version *one;
	struct merger m = { .seen = NULL };
	struct verdict v;
	struct place p;
	struct buf text;
	enum zk_err r;

	if (n == 0 || n > JSONMERGE_VERSIONS)
		return ZK_EREFUSED;
	if (out->max - out->len < JSONDOC_MAX)
		return ZK_ELIMIT;
	buf_init_secret(&text, JSONDOC_MAX);
	jsondoc_init(&m.d);
	r = read_all(&m, base, base_len, versions, n);
	if (r != ZK_OK)
		goto out;
	one = only_one(base, base_len, versions, n);
	if (one != NULL) {
		r = buf_put(out, one->text, one->len);
		goto out;
	}
	memcpy(p.at, m.d.root, sizeof(p.at));
	r = judge(&m, &p, &v);
	if (r != ZK_OK)
		goto out;
	jsonout_init(&m.o, &m.d, &text);
	put_edge(&m, true, &text);
	r = put_place(&m, &p, &v);
	put_edge(&m, false, &text);
	if (r == ZK_OK)
		r = buf_err(&text);
	/* the versions fit, what they are together does not */
	if (r == ZK_ELIMIT)
		r = ZK_EREFUSED;
	if (r == ZK_OK)
		r = buf_put(out, text.data, text.len);
out:
	buf_release(&text);
	free(m.seen);
	jsondoc_release(&m.d);
	return r;
}
