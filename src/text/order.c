/* The order of inserted runs.  See order.h. */
#include "text/order.h"

#include <stdlib.h>

#define NONE UINT32_MAX	/* no unit: the beginning of the text */
#define HEAD 1u		/* the run of no units before all others */

enum tree { BY_PLACE, BY_ID, TREES };

struct link {
	uint32_t up;
	uint32_t kid[2];
};

/*
 * A run.  Of its first unit left and right are the origins: the unit that it
 * was inserted behind, and the next that was there or deleted, if that one
 * has the same left origin.  Every other unit has its predecessor for the
 * left and none for the right.  Index 0 of the array is no run.
 */
struct item {
	uint32_t id;
	uint32_t len;
	uint32_t left;		/* a unit, or NONE */
	uint32_t right;		/* an item, whose first unit it is, or 0 */
	uint32_t version;
	uint32_t rank;
	uint32_t state;		/* 0 not yet, 1 there, 1 + k: k deleted it */
	uint32_t sum;		/* units there, in the subtree by place */
	uint32_t known;		/* items in it that are not "not yet" */
	uint32_t next;		/* by place */
	bool gone;		/* some version deleted it */
	struct link by[TREES];
};

struct order {
	struct item *v;		/* owned */
	uint32_t n, cap;
	uint32_t root[TREES];
	uint32_t last;		/* the item with the greatest numbers */
	uint32_t next_id;
};

/* ---- the trees ---- */

static uint32_t
there(const struct item *i)
{
	return i->state == 1 ? i->len : 0;
}

static void
sum_up(struct item *v, uint32_t x)
{
	const uint32_t *kid = v[x].by[BY_PLACE].kid;

	v[x].sum = v[kid[0]].sum + there(&v[x]) + v[kid[1]].sum;
	v[x].known = v[kid[0]].known + (v[x].state != 0) + v[kid[1]].known;
}

/* Exchanges x with its parent; the sum of x is then for splay to set. */
static void
rotate(struct item *v, enum tree t, uint32_t x)
{
	struct link *me = &v[x].by[t];
	uint32_t p = me->up;
	struct link *par = &v[p].by[t];
	uint32_t g = par->up;
	bool side = par->kid[1] == x;
	uint32_t moved = me->kid[!side];

	par->kid[side] = moved;
	if (moved != 0)
		v[moved].by[t].up = p;
	me->kid[!side] = p;
	par->up = x;
	me->up = g;
	if (g != 0)
		v[g].by[t].kid[v[g].by[t].kid[1] == p] = x;
	if (t == BY_PLACE)
		sum_up(v, p);
}

/* Makes x the root, and every path to it from now on about half as long. */
static void
splay(struct order *o, enum tree t, uint32_t x)
{
	struct item *v = o->v;

	while (v[x].by[t].up != 0) {
		uint32_t p = v[x].by[t].up, g = v[p].by[t].up;

		if (g != 0) {
			bool one = v[g].by[t].kid[1] == p;
			bool two = v[p].by[t].kid[1] == x;

			rotate(v, t, one == two ? p : x);
		}
		rotate(v, t, x);
	}
	if (t == BY_PLACE)
		sum_up(v, x);
	o->root[t] = x;
}

/* Puts the item x, in no tree yet, right behind at. */
static void
link_after(struct order *o, enum tree t, uint32_t at, uint32_t x)
{
	struct item *v = o->v;
	uint32_t r;

	splay(o, t, at);
	r = v[at].by[t].kid[1];
	v[x].by[t] = (struct link){ .up = at, .kid = { 0, r } };
	if (r != 0)
		v[r].by[t].up = x;
	v[at].by[t].kid[1] = x;
	if (t == BY_PLACE) {
		v[x].next = v[at].next;
		v[at].next = x;
		sum_up(v, x);
		sum_up(v, at);
	}
}

/* The item of the unit id, which exists. */
static uint32_t
find_id(struct order *o, uint32_t id)
{
	const struct item *v = o->v;
	uint32_t x = o->root[BY_ID];

	while (id < v[x].id || id - v[x].id >= v[x].len) {
		x = v[x].by[BY_ID].kid[id >= v[x].id];
		if (x == 0)
			BUG("no such unit");
	}
	splay(o, BY_ID, x);
	return x;
}

/* The item of the unit at pos, less than what is there, and *off in it. */
static uint32_t
find_pos(struct order *o, uint32_t pos, uint32_t *off)
{
	const struct item *v = o->v;
	uint32_t x = o->root[BY_PLACE];

	for (;;) {
		uint32_t before = v[v[x].by[BY_PLACE].kid[0]].sum;

		if (pos < before) {
			x = v[x].by[BY_PLACE].kid[0];
			continue;
		}
		pos -= before;
		if (pos < there(&v[x]))
			break;
		pos -= there(&v[x]);
		x = v[x].by[BY_PLACE].kid[1];
	}
	splay(o, BY_PLACE, x);
	*off = pos;
	return x;
}

/* The first item behind x that is not "not yet", or 0. */
static uint32_t
next_known(struct order *o, uint32_t x)
{
	const struct item *v = o->v;

	splay(o, BY_PLACE, x);
	x = v[x].by[BY_PLACE].kid[1];
	if (v[x].known == 0)
		return 0;
	for (;;) {
		const uint32_t *kid = v[x].by[BY_PLACE].kid;

		if (v[kid[0]].known > 0)
			x = kid[0];
		else if (v[x].state != 0)
			break;
		else
			x = kid[1];
	}
	splay(o, BY_PLACE, x);
	return x;
}

/* Whether the item a stands before b, another one. */
static bool
is_before(struct order *o, uint32_t a, uint32_t b)
{
	uint32_t up;

	splay(o, BY_PLACE, b);
	splay(o, BY_PLACE, a);
	/* b is now at most two below a, on its side */
	for (up = b; o->v[up].by[BY_PLACE].up != a;)
		up = o->v[up].by[BY_PLACE].up;
	return o->v[a].by[BY_PLACE].kid[1] == up;
}

/* ---- items ---- */

/* Room for the items that one insertion or one step of a deletion makes. */
static enum zk_err
reserve(struct order *o)
{
	uint32_t cap = o->cap + o->cap / 2 + 64;
	struct item *v;

	if (o->cap - o->n >= 4)
		return ZK_OK;
	if (o->n > ORDER_UNITS)
		return ZK_ELIMIT;
	v = realloc(o->v, cap * sizeof(*v));
	if (v == NULL)
		return ZK_ENOMEM;
	o->v = v;
	o->cap = cap;
	return ZK_OK;
}

/* Makes the item, there is room for it, and puts it behind at by place. */
static uint32_t
add_item(struct order *o, const struct item *i, uint32_t at, uint32_t at_id)
{
	uint32_t x = o->n++;

	o->v[x] = *i;
	link_after(o, BY_PLACE, at, x);
	link_after(o, BY_ID, at_id, x);
	if (at_id == o->last)
		o->last = x;
	return x;
}

/* Cuts x so that it has len > 0 units; returns the item of the others. */
static uint32_t
split(struct order *o, uint32_t x, uint32_t len)
{
	struct item i = o->v[x];

	i.id += len;
	i.len -= len;
	i.left = i.id - 1;
	i.right = 0;
	splay(o, BY_PLACE, x);
	o->v[x].len = len;
	return add_item(o, &i, x, x);
}

static void
set_state(struct order *o, uint32_t x, uint32_t state)
{
	splay(o, BY_PLACE, x);
	o->v[x].state = state;
	sum_up(o->v, x);
}

/* ---- life ---- */

enum zk_err
order_new(uint32_t base, struct order **out)
{
	struct order *o = NULL;
	enum zk_err r;

	*out = NULL;
	if (base > ORDER_UNITS)
		return ZK_ELIMIT;
	o = calloc(1, sizeof(*o));
	if (o == NULL)
		return ZK_ENOMEM;
	r = reserve(o);
	if (r != ZK_OK) {
		order_free(o);
		return r;
	}
	o->v[0] = (struct item){ .len = 0 };
	o->v[HEAD] = (struct item){ .left = NONE, .version = ORDER_BASE,
	    .state = 1 };
	o->n = 2;
	o->root[BY_PLACE] = o->root[BY_ID] = o->last = HEAD;
	if (base > 0)
		(void)add_item(o, &(struct item){ .len = base, .left = NONE,
		    .version = ORDER_BASE, .state = 1 }, HEAD, HEAD);
	o->next_id = base;
	*out = o;
	return ZK_OK;
}

void
order_free(struct order *o)
{
	if (o == NULL)
		return;
	free(o->v);
	free(o);
}

uint32_t
order_next_id(const struct order *o)
{
	return o->next_id;
}

/* ---- insertion ---- */

/* Where a unit would be inserted. */
struct spot {
	uint32_t at;		/* the item behind which it was asked for */
	uint32_t left;		/* its origins, a unit and an item */
	uint32_t right;
	uint32_t behind;	/* the item behind which it goes */
};

/* The origins of what is inserted right behind the item at. */
static void
origins(struct order *o, uint32_t at, struct spot *s)
{
	const struct item *v = o->v;
	uint32_t x = v[at].next;

	s->at = s->behind = at;
	s->left = at == HEAD ? NONE : v[at].id + v[at].len - 1;
	if (x != 0 && v[x].state == 0)
		x = next_known(o, at);
	s->right = x != 0 && v[x].left == s->left ? x : 0;
}

/*
 * In the next two x stands behind the spot, and all between them is "not yet",
 * as x is.  So an item to its left that is there or deleted stands before the
 * spot, and one to its right not before the right origin of the spot, which is
 * the first such item if it is any: mostly no tree has to be asked.
 */

/* Whether the left origin of x stands before that of s, another one. */
static bool
left_before(struct order *o, uint32_t x, const struct spot *s)
{
	uint32_t unit = o->v[x].left, at;

	if (unit == NONE || s->left == NONE)
		return unit == NONE;
	at = find_id(o, unit);
	if (o->v[at].state != 0)
		return true;
	return is_before(o, at, s->at);
}

/* Whether the right origin of x stands before that of s. */
static bool
right_before(struct order *o, uint32_t x, const struct spot *s)
{
	uint32_t right = o->v[x].right;

	if (right == s->right || right == 0)
		return false;
	if (s->right == 0 || right == o->v[x].next)
		return true;
	return o->v[right].state == 0 && is_before(o, right, s->right);
}

/*
 * Among what concurrent versions inserted at the spot, all of it not there
 * yet, finds the item to stand behind.  FugueMax: of those with the same left
 * origin first the ones whose right origin is further right, then by rank.
 * What hangs on one of them goes with it.
 */
static void
settle(struct order *o, uint32_t rank, struct spot *s)
{
	bool passing = false;
	uint32_t last = s->left;

	for (uint32_t x = o->v[s->at].next; x != 0; x = o->v[x].next) {
		const struct item *i = &o->v[x];

		if (i->state != 0)
			break;
		if (i->left == s->left) {
			if (i->right == s->right && rank < i->rank)
				break;
			passing = right_before(o, x, s);
		} else if (i->left != last && left_before(o, x, s)) {
			break;
		}
		last = i->id + i->len - 1;
		if (!passing)
			s->behind = x;
	}
}

/*
 * Whether what version inserts behind at only makes that item longer: it ends
 * with the newest unit of all, so nothing can have that one for an origin.
 */
static bool
goes_on(const struct order *o, uint32_t at, uint32_t version)
{
	const struct item *i = &o->v[at];

	return at != HEAD && i->id + i->len == o->next_id &&
	    i->version == version && i->state == 1 && !i->gone;
}

enum zk_err
order_insert(struct order *o, uint32_t version, uint32_t rank, uint32_t pos,
    uint32_t len)
{
	struct spot s;
	uint32_t at = HEAD, off = 0;
	enum zk_err r;

	if (pos > o->v[o->root[BY_PLACE]].sum)
		return ZK_EFORMAT;
	if (len > ORDER_UNITS - o->next_id)
		return ZK_ELIMIT;
	r = reserve(o);
	if (r != ZK_OK || len == 0)
		return r;
	if (pos > 0)
		at = find_pos(o, pos - 1, &off);
	if (at != HEAD && off + 1 < o->v[at].len) {
		(void)split(o, at, off + 1);
	} else if (goes_on(o, at, version)) {
		splay(o, BY_PLACE, at);
		o->v[at].len += len;
		sum_up(o->v, at);
		o->next_id += len;
		return ZK_OK;
	}
	origins(o, at, &s);
	settle(o, rank, &s);
	(void)add_item(o, &(struct item){ .id = o->next_id, .len = len,
	    .left = s.left, .right = s.right, .version = version,
	    .rank = rank, .state = 1 }, s.behind, o->last);
	o->next_id += len;
	return ZK_OK;
}

/* ---- deletion, and going back and forth ---- */

enum zk_err
order_delete(struct order *o, uint32_t pos, uint32_t len,
    enum zk_err (*note)(void *, uint32_t, uint32_t), void *arg)
{
	uint32_t x, off = 0, all = o->v[o->root[BY_PLACE]].sum;
	enum zk_err r;

	if (pos > all || len > all - pos)
		return ZK_EFORMAT;
	if (len == 0)
		return ZK_OK;
	r = reserve(o);
	if (r != ZK_OK)
		return r;
	x = find_pos(o, pos, &off);
	if (off > 0)
		x = split(o, x, off);
	for (; len > 0; x = o->v[x].next) {
		r = reserve(o);
		if (r != ZK_OK)
			return r;
		if (o->v[x].state != 1)
			continue;
		if (o->v[x].len > len)
			(void)split(o, x, len);
		r = note(arg, o->v[x].id, o->v[x].len);
		if (r != ZK_OK)
			return r;
		len -= o->v[x].len;
		o->v[x].gone = true;
		set_state(o, x, 2);
	}
	return ZK_OK;
}

void
order_shift(struct order *o, uint32_t id, uint32_t len, bool up)
{
	while (len > 0) {
		uint32_t x = find_id(o, id);
		uint32_t n = o->v[x].len;

		if (o->v[x].id != id || n > len)
			BUG("a run of numbers across two items");
		if (!up && o->v[x].state == 0)
			BUG("going back further than forth");
		set_state(o, x, up ? o->v[x].state + 1 : o->v[x].state - 1);
		id += n;
		len -= n;
	}
}

/* Whether order_read gives the item. */
static bool
is_wanted(const struct item *i, bool all)
{
	return all ? !i->gone : i->state == 1;
}

bool
order_read(const struct order *o, bool all, uint32_t *at,
    struct order_run *run)
{
	const struct item *v = o->v;
	uint32_t x = v[*at == 0 ? HEAD : *at].next;

	while (x != 0 && !is_wanted(&v[x], all))
		x = v[x].next;
	if (x == 0)
		return false;
	*run = (struct order_run){ v[x].version, v[x].id, v[x].len };
	*at = x;
	for (x = v[x].next; x != 0 && is_wanted(&v[x], all) &&
	    v[x].version == run->version && v[x].id == run->id + run->len;
	    x = v[x].next) {
		run->len += v[x].len;
		*at = x;
	}
	return true;
}
