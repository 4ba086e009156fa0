/*
 * A disk, base and goal that change: by others, by the disk's owner, and by
 * the scan that records what it finds.  For plan_fuzz.c.
 */
#ifndef ZK_TESTS_UNIT_PLAN_WORLD_H
#define ZK_TESTS_UNIT_PLAN_WORLD_H

#include "plan_model.h"

#define GOAL_MAX 48

struct odd {			/* on the disk alone */
	int64_t parent;
	char name[40];
	uint8_t content;
};

struct world {
	struct model m;		/* base; ent.disk and ent.gone tell the disk */
	struct want w[GOAL_MAX];
	int n;
	struct odd odd[8];
	int odd_n;
	uint8_t key;		/* given next */
	uint8_t content;
	bool had[256];		/* contents that the disk ever had */
	bool saved[256];	/* recorded, or in the trash */
	bool skipped;		/* a step of this round */
	bool loud;
};

static inline struct want *
goal_of(struct world *x, uint8_t key)
{
	for (int i = 0; i < x->n; i++)
		if (x->w[i].key == key)
			return &x->w[i];
	return NULL;
}

static inline bool
goal_taken(const struct world *x, uint8_t parent, const char *name)
{
	for (int i = 0; i < x->n; i++)
		if (x->w[i].parent == parent &&
		    strcmp(x->w[i].name, name) == 0)
			return true;
	return false;
}

static inline bool
goal_leaf(const struct world *x, uint8_t key)
{
	for (int i = 0; i < x->n; i++)
		if (x->w[i].parent == key)
			return false;
	return true;
}

static inline bool
goal_under(struct world *x, uint8_t key, uint8_t top)
{
	for (int n = 0; key != 0 && n < GOAL_MAX; n++) {
		if (key == top)
			return true;
		key = goal_of(x, key)->parent;
	}
	return false;
}

/* Adds an entry; under another name if that one is taken. */
static inline bool
goal_add(struct world *x, uint8_t key, uint8_t parent, const char *name,
    uint8_t kind, uint8_t content)
{
	struct want *g = &x->w[x->n];

	if (x->n == GOAL_MAX)
		return false;
	memset(g, 0, sizeof(*g));
	g->key = key;
	g->parent = parent;
	g->kind = kind;
	g->content = content;
	(void)snprintf(g->name, sizeof(g->name), "%.20s", name);
	for (int i = 0; goal_taken(x, parent, g->name); i++)
		(void)snprintf(g->name, sizeof(g->name), "%.20s.%d", name, i);
	x->n++;
	return true;
}

static inline void
goal_del(struct world *x, struct want *g)
{
	*g = x->w[--x->n];
}

/* A directory of the goal, 0 for the root. */
static inline uint8_t
goal_dir(struct world *x)
{
	for (int i = 0; i < 4 && x->n > 0; i++) {
		const struct want *g = &x->w[model_rnd((unsigned)x->n)];

		if (g->kind == NODE_DIR)
			return g->key;
	}
	return 0;
}

/* One change by others. */
static inline void
change_goal(struct world *x)
{
	struct want *g = x->n > 0 ? &x->w[model_rnd((unsigned)x->n)] : NULL;
	char name[2] = { (char)('a' + (char)model_rnd(5)), '\0' };
	uint8_t up = goal_dir(x);
	bool dir = model_rnd(3) == 0;

	switch (model_rnd(4)) {
	case 0:
		if (x->key < 250 && x->content < 250 && x->n < 24 &&
		    goal_add(x, x->key, up, name, dir ? NODE_DIR :
		    x->content % 3 == 0 ? NODE_TREE : NODE_FILE,
		    dir ? 0 : x->content)) {
			x->saved[x->content] = true;
			x->key++;
			x->content += !dir;
		}
		return;
	case 1:
		if (g != NULL && goal_leaf(x, g->key))
			goal_del(x, g);
		return;
	case 2:
		if (g != NULL && !goal_taken(x, up, name) &&
		    !goal_under(x, up, g->key)) {
			g->parent = up;
			(void)snprintf(g->name, sizeof(g->name), "%s", name);
		}
		return;
	default:
		if (g != NULL && g->kind != NODE_DIR && x->content < 250) {
			x->saved[x->content] = true;
			g->content = x->content++;
		}
	}
}

static inline uint8_t
on_disk(const struct ent *e)
{
	return e->disk != 0 ? e->disk : e->content;
}

static inline bool
odd_at(const struct world *x, int64_t parent, const char *name)
{
	for (int i = 0; i < x->odd_n; i++)
		if (x->odd[i].parent == parent &&
		    strcmp(x->odd[i].name, name) == 0)
			return true;
	return false;
}

/* One change on the disk by its owner. */
static inline void
change_disk(struct world *x)
{
	struct model *m = &x->m;
	struct ent *e = m->n > 0 ? &m->e[model_rnd((unsigned)m->n)] : NULL;
	struct odd *o = &x->odd[x->odd_n];
	char name[2] = { (char)('a' + (char)model_rnd(5)), '\0' };
	int64_t up = e != NULL && e->kind == NODE_DIR && e->parent > 0 &&
	    !e->kept && !e->gone ? e->id : 1;
	bool usable = e != NULL && e->parent > 0 && !e->kept && !e->gone;

	if (x->content >= 250)
		return;
	/* what the owner replaces before a scan saw it is nobody's */
	if (usable)
		x->saved[e->disk] = true;
	switch (model_rnd(3)) {
	case 0:
		if (usable && e->kind != NODE_DIR) {
			e->disk = x->content++;
			x->had[e->disk] = true;
		}
		return;
	case 1:
		if (usable && e->kind != NODE_DIR)
			e->gone = true;
		return;
	default:
		if (x->odd_n == 8 || model_at(m, up, name) != NULL ||
		    odd_at(x, up, name))
			return;
		*o = (struct odd){ .parent = up, .content = x->content++ };
		memcpy(o->name, name, sizeof(name));
		x->had[o->content] = true;
		x->odd_n++;
	}
}

/* What is new in base's directory up comes to the goal, too. */
static inline void
record_odd(struct world *x, const struct odd *o)
{
	struct ent *up = model_by_id(&x->m, o->parent);
	uint8_t parent = up != NULL ? up->key : 0;

	if (parent != 0 && goal_of(x, parent) == NULL)
		parent = 0;
	if (!goal_add(x, x->key, parent, o->name, NODE_FILE, o->content))
		abort();
	model_add(&x->m, o->parent, o->name, NODE_FILE, x->key, o->content);
	x->saved[o->content] = true;
	x->key++;
}

/* The scan and the recording of what it finds: base is the disk after it. */
static inline void
record(struct world *x)
{
	struct model *m = &x->m;
	int n = 0;

	for (int i = 0; i < m->n; i++) {
		struct ent *e = &m->e[i];
		struct want *g = goal_of(x, e->key);

		if (e->kept || e->parent == 0)
			continue;
		if (e->gone) {
			/* what others changed meanwhile comes back */
			if (g != NULL && g->content == e->content)
				goal_del(x, g);
			e->parent = 0;
		} else if (e->disk != 0) {
			x->saved[e->disk] = true;
			e->content = e->disk;
			e->disk = 0;
			if (g != NULL)
				g->content = e->content;
			else if (!goal_add(x, e->key, 0, e->name, e->kind,
			    e->content))
				abort();
		}
	}
	for (int i = 0; i < x->odd_n; i++) {
		struct odd o = x->odd[i];

		record_odd(x, &o);
	}
	x->odd_n = 0;
	for (int i = 0; i < m->n; i++)
		if (m->e[i].parent != 0)
			m->e[n++] = m->e[i];
	m->n = n;
}

#endif
