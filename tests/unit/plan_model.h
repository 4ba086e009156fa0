/*
 * Symbolic trees for the tests of the planner: a model that executes the
 * steps of a plan and refuses what a disk would.
 */
#ifndef ZK_TESTS_UNIT_PLAN_MODEL_H
#define ZK_TESTS_UNIT_PLAN_MODEL_H

#include "test.h"

#include <stdint.h>

#include "tree/plan.h"

#define MAX_ROWS 64

struct ent {
	int64_t id;
	int64_t parent;		/* 0: not there; 1: root; -1: staging */
	char name[40];
	uint8_t kind;
	uint8_t key;		/* node, 0: none (kept) */
	uint8_t content;
	bool kept;
	bool elsewhere;
	int64_t from;		/* in staging: the directory it was in */
	uint8_t disk;		/* 0, or what the disk has instead (plan_fuzz) */
	bool gone;		/* the disk has nothing there */
};

struct model {
	struct ent e[MAX_ROWS];
	int n;
	int64_t next;
	bool bad;
};

/* An entry of the goal: parent by key, 0 is the root. */
struct want {
	uint8_t key;
	uint8_t parent;
	char name[40];
	uint8_t kind;
	uint8_t content;
};

static uint64_t model_seed;

static inline unsigned
model_rnd(unsigned n)
{
	model_seed ^= model_seed << 13;
	model_seed ^= model_seed >> 7;
	model_seed ^= model_seed << 17;
	return (unsigned)(model_seed % n);
}

static inline struct opid
model_key_of(uint8_t k)
{
	struct opid o;

	memset(&o, 0, sizeof(o));
	o.b[5] = k;
	o.b[31] = k;
	return o;
}

static inline struct ent *
model_by_id(struct model *m, int64_t id)
{
	for (int i = 0; i < m->n; i++)
		if (m->e[i].id == id && m->e[i].parent != 0)
			return &m->e[i];
	return NULL;
}

static inline struct ent *
model_at(struct model *m, int64_t parent, const char *name)
{
	for (int i = 0; i < m->n; i++)
		if (m->e[i].parent == parent &&
		    strcmp(m->e[i].name, name) == 0)
			return &m->e[i];
	return NULL;
}

static inline int
model_children(struct model *m, int64_t parent)
{
	int n = 0;

	for (int i = 0; i < m->n; i++)
		n += m->e[i].parent == parent;
	return n;
}

static inline bool
model_is_under(struct model *m, int64_t id, int64_t top)
{
	for (int n = 0; id > 1 && n < 2 * MAX_ROWS; n++) {
		struct ent *e;

		if (id == top)
			return true;
		e = model_by_id(m, id);
		if (e == NULL)
			return false;
		id = e->parent;
	}
	return false;
}

static inline struct ent *
model_add(struct model *m, int64_t parent, const char *name, uint8_t kind,
    uint8_t key, uint8_t content)
{
	struct ent *e = &m->e[m->n++];

	if (m->n >= MAX_ROWS)
		abort();
	memset(e, 0, sizeof(*e));
	e->id = m->next++;
	e->parent = parent;
	snprintf(e->name, sizeof(e->name), "%.39s", name);
	e->kind = kind;
	e->key = key;
	e->content = content;
	return e;
}

static inline void
model_fail(struct model *m, const char *why)
{
	printf("# model: %s\n", why);
	m->bad = true;
}

static inline void
exec_new(struct model *m, struct plan *p, const struct plan_step *s,
    int64_t dir, const char *name)
{
	uint8_t key = s->goal->key.b[31];
	struct ent *e = model_add(m, dir, name, s->goal->kind, key,
	    s->goal->hash[0]);
	size_t d = plan_goal_dir(p, s->goal);

	if (s->goal->kind == NODE_DIR && d != SIZE_MAX)
		plan_dir_set_row(p, d, e->id);
}

static inline void
exec_move(struct model *m, struct ent *e, int64_t dir, const char *name)
{
	if (model_at(m, dir, name) != NULL)
		model_fail(m, "place taken");
	if (model_is_under(m, dir, e->id))
		model_fail(m, "into itself");
	e->parent = dir;
	snprintf(e->name, sizeof(e->name), "%.39s", name);
}

static inline void
exec_away(struct model *m, struct ent *e, int64_t dir, const char *name)
{
	if (e == NULL || e->kept || e != model_at(m, dir, name)) {
		model_fail(m, "takes what is not there");
		return;
	}
	e->from = e->parent;
	e->parent = -1;
	snprintf(e->name, sizeof(e->name), "s%d", (int)e->id);
}

/* As apply does it: near its old place, under a name nobody has. */
static inline void
exec_keep(struct model *m, struct ent *e)
{
	e->kept = true;
	e->key = 0;
	if (e->parent != -1)
		return;
	e->parent = model_by_id(m, e->from) != NULL ? e->from : 1;
	if (e->parent != 1 && model_by_id(m, e->parent)->parent == -1)
		e->parent = 1;
	snprintf(e->name, sizeof(e->name), "kept~%d", (int)e->id);
}

static inline void
exec_remove(struct model *m, const struct plan_step *s, struct ent *e)
{
	if (e->kept || e->elsewhere)
		model_fail(m, "removes what is kept");
	if ((e->kind == NODE_DIR) != (s->op == PLAN_RMDIR))
		model_fail(m, "wrong removal");
	if (model_children(m, e->id) == 0) {
		e->parent = 0;
		return;
	}
	for (int i = 0; i < m->n; i++)
		if (m->e[i].parent == e->id && !m->e[i].kept)
			model_fail(m, "removes a directory in use");
	exec_keep(m, e);
}

static inline void
exec_swap(struct model *m, const struct plan_step *s, struct ent *e)
{
	struct ent *o = model_by_id(m, s->other), t;

	if (o == NULL) {
		model_fail(m, "no other");
		return;
	}
	if (model_is_under(m, o->parent, e->id) ||
	    model_is_under(m, e->parent, o->id))
		model_fail(m, "swap into itself");
	t = *e;
	e->parent = o->parent;
	memcpy(e->name, o->name, sizeof(e->name));
	o->parent = t.parent;
	memcpy(o->name, t.name, sizeof(o->name));
	e->key = s->goal->key.b[31];
	o->key = s->goal2->key.b[31];
}

static inline bool
goes_somewhere(const struct plan_step *s)
{
	return s->goal != NULL && s->op != PLAN_ADOPT && s->op != PLAN_ATTR &&
	    s->op != PLAN_REPLACE;
}

static inline void
exec_step(struct model *m, struct plan *p, const struct plan_step *s)
{
	struct ent *e = s->row != 0 ? model_by_id(m, s->row) : NULL;
	int64_t dir = s->goal != NULL ? plan_dir_row(p, s->dir) : 0;
	char name[256] = "";

	if (s->name_len > 0)
		memcpy(name, s->name, s->name_len);
	name[s->name_len] = '\0';
	if (s->row != 0 && e == NULL) {
		model_fail(m, "row is gone");
		return;
	}
	if (goes_somewhere(s) && dir == 0) {
		model_fail(m, "directory is not there");
		return;
	}
	if (goes_somewhere(s) && dir != 1 && model_by_id(m, dir)->parent == -1)
		model_fail(m, "into staging");
	switch (s->op) {
	case PLAN_TAKE:
		exec_away(m, model_by_id(m, s->other), dir, name);
		exec_move(m, e, dir, name);
		break;
	case PLAN_TAKE_NEW:
		exec_away(m, model_by_id(m, s->other), dir, name);
		exec_new(m, p, s, dir, name);
		return;
	case PLAN_MKDIR:
	case PLAN_CREATE:
		if (model_at(m, dir, name) != NULL)
			model_fail(m, "place taken");
		exec_new(m, p, s, dir, name);
		return;
	case PLAN_MOVE:
		exec_move(m, e, dir, name);
		break;
	case PLAN_SWAP:
		exec_swap(m, s, e);
		return;
	case PLAN_REPLACE:
		if (e->kind == NODE_DIR || e->kept)
			model_fail(m, "replaces a directory");
		e->kind = s->goal->kind;
		e->content = s->goal->hash[0];
		break;
	case PLAN_REMOVE:
	case PLAN_RMDIR:
		exec_remove(m, s, e);
		return;
	default:
		break;
	}
	if (e != NULL) {
		e->key = s->goal->key.b[31];
		e->kept = false;
	}
}

static inline struct plan *
model_make(struct model *m, const struct want *w, int n, bool hold, int order)
{
	struct plan *p = NULL;
	struct opid keys[256];
	size_t d;

	if (plan_new(NULL, &p) != ZK_OK)
		abort();
	for (int i = 0; i < 256; i++)
		keys[i] = model_key_of((uint8_t)i);
	if (plan_dir(p, &keys[0], BASE_ROOT, &d) != ZK_OK)
		abort();
	for (int k = 0; k < m->n; k++) {
		struct ent *e = &m->e[order ? m->n - 1 - k : k];
		struct base_entry b;

		if (e->parent == 0)
			continue;
		memset(&b, 0, sizeof(b));
		b.id = e->id;
		b.parent = e->parent;
		b.name = (const uint8_t *)e->name;
		b.name_len = strlen(e->name);
		b.kind = e->kind;
		b.hash[0] = e->content;
		b.size = e->content;
		b.nodes = &keys[e->key];
		b.nodes_n = e->key != 0;
		b.flags = e->kept ? BASE_KEPT : 0;
		if (plan_base(p, &b, e->elsewhere ? PLAN_ELSEWHERE : 0) !=
		    ZK_OK)
			abort();
		if (e->kind == NODE_DIR && e->key != 0 &&
		    plan_dir(p, &keys[e->key], e->id, &d) != ZK_OK)
			abort();
	}
	for (int k = 0; k < n; k++) {
		const struct want *g = &w[order ? n - 1 - k : k];
		struct plan_goal pg;

		memset(&pg, 0, sizeof(pg));
		pg.key = keys[g->key];
		pg.name = (const uint8_t *)g->name;
		pg.name_len = strlen(g->name);
		pg.kind = g->kind;
		pg.hash[0] = g->content;
		pg.size = g->content;
		pg.nodes = &keys[g->key];
		pg.nodes_n = 1;
		if (g->kind == NODE_DIR &&
		    plan_dir(p, &keys[g->key], 0, &d) != ZK_OK)
			abort();
		if (plan_dir(p, &keys[g->parent], 0, &d) != ZK_OK ||
		    plan_goal(p, d, &pg) != ZK_OK)
			abort();
	}
	if (hold)
		plan_hold_removals(p);
	return p;
}

static inline int
model_run(struct model *m, const struct want *w, int n, bool hold)
{
	struct plan *p = model_make(m, w, n, hold, 0);
	struct plan *q = model_make(m, w, n, hold, 1);
	int steps;

	if (plan_make(p) != ZK_OK || plan_make(q) != ZK_OK) {
		model_fail(m, "no plan");
		plan_free(p);
		plan_free(q);
		return 0;
	}
	steps = (int)plan_len(p);
	if (plan_len(q) != plan_len(p))
		model_fail(m, "order of input matters");
	for (int i = 0; i < steps && !m->bad; i++) {
		const struct plan_step *s = plan_step(p, (size_t)i);
		const struct plan_step *t = plan_step(q, (size_t)i);

		if (s->op != t->op || s->row != t->row ||
		    s->other != t->other)
			model_fail(m, "order of input matters");
		exec_step(m, p, s);
	}
	plan_free(p);
	plan_free(q);
	return steps;
}

/* The row that stands for goal entry g is where it is to be. */
static inline bool
model_is_reached(struct model *m, const struct want *g)
{
	for (int i = 0; i < m->n; i++) {
		struct ent *e = &m->e[i], *up;

		if (e->parent == 0 || e->kept || e->key != g->key)
			continue;
		up = model_by_id(m, e->parent);
		if (e->kind != g->kind || e->content != g->content)
			return false;
		if (g->parent == 0 ? e->parent != 1 :
		    up == NULL || up->key != g->parent)
			return false;
		if (strcmp(e->name, g->name) == 0)
			return true;
		/* an alias is right only beside a kept entry */
		up = model_at(m, e->parent, g->name);
		return up != NULL && up->kept;
	}
	return false;
}

static inline void
model_check_reached(struct model *m, const struct want *w, int n)
{
	int live = 0;

	for (int i = 0; i < m->n; i++) {
		if (m->e[i].parent == -1)
			model_fail(m, "left in staging");
		live += m->e[i].parent != 0 && !m->e[i].kept &&
		    !m->e[i].elsewhere;
	}
	for (int i = 0; i < n; i++)
		if (!model_is_reached(m, &w[i]))
			model_fail(m, w[i].name);
	if (live != n)
		model_fail(m, "too many or too few");
}

static inline void
model_init(struct model *m)
{
	memset(m, 0, sizeof(*m));
	m->next = 2;
}

#endif
