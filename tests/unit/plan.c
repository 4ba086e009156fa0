/*
 * The planner on symbolic trees: named cases, and random pairs of trees on
 * which the steps are executed by a model that refuses what a disk would.
 */
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

static uint64_t seed;

static unsigned
rnd(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed % n);
}

static struct opid
key_of(uint8_t k)
{
	struct opid o;

	memset(&o, 0, sizeof(o));
	o.b[5] = k;
	o.b[31] = k;
	return o;
}

static struct ent *
by_id(struct model *m, int64_t id)
{
	for (int i = 0; i < m->n; i++)
		if (m->e[i].id == id && m->e[i].parent != 0)
			return &m->e[i];
	return NULL;
}

static struct ent *
at(struct model *m, int64_t parent, const char *name)
{
	for (int i = 0; i < m->n; i++)
		if (m->e[i].parent == parent &&
		    strcmp(m->e[i].name, name) == 0)
			return &m->e[i];
	return NULL;
}

static int
children(struct model *m, int64_t parent)
{
	int n = 0;

	for (int i = 0; i < m->n; i++)
		n += m->e[i].parent == parent;
	return n;
}

static bool
is_under(struct model *m, int64_t id, int64_t top)
{
	for (int n = 0; id > 1 && n < 2 * MAX_ROWS; n++) {
		struct ent *e;

		if (id == top)
			return true;
		e = by_id(m, id);
		if (e == NULL)
			return false;
		id = e->parent;
	}
	return false;
}

static struct ent *
add(struct model *m, int64_t parent, const char *name, uint8_t kind,
    uint8_t key, uint8_t content)
{
	struct ent *e = &m->e[m->n++];

	if (m->n >= MAX_ROWS)
		abort();
	memset(e, 0, sizeof(*e));
	e->id = m->next++;
	e->parent = parent;
	snprintf(e->name, sizeof(e->name), "%s", name);
	e->kind = kind;
	e->key = key;
	e->content = content;
	return e;
}

static void
fail(struct model *m, const char *why)
{
	printf("# model: %s\n", why);
	m->bad = true;
}

static void
exec_new(struct model *m, struct plan *p, const struct plan_step *s,
    int64_t dir, const char *name)
{
	uint8_t key = s->goal->key.b[31];
	struct ent *e = add(m, dir, name, s->goal->kind, key,
	    s->goal->hash[0]);
	size_t d = plan_goal_dir(p, s->goal);

	if (s->goal->kind == NODE_DIR && d != SIZE_MAX)
		plan_dir_set_row(p, d, e->id);
}

static void
exec_move(struct model *m, struct ent *e, int64_t dir, const char *name)
{
	if (at(m, dir, name) != NULL)
		fail(m, "place taken");
	if (is_under(m, dir, e->id))
		fail(m, "into itself");
	e->parent = dir;
	snprintf(e->name, sizeof(e->name), "%s", name);
}

static void
exec_away(struct model *m, struct ent *e, int64_t dir, const char *name)
{
	if (e == NULL || e->kept || e != at(m, dir, name)) {
		fail(m, "takes what is not there");
		return;
	}
	e->from = e->parent;
	e->parent = -1;
	snprintf(e->name, sizeof(e->name), "s%d", (int)e->id);
}

/* As apply does it: near its old place, under a name nobody has. */
static void
exec_keep(struct model *m, struct ent *e)
{
	e->kept = true;
	e->key = 0;
	if (e->parent != -1)
		return;
	e->parent = by_id(m, e->from) != NULL ? e->from : 1;
	if (e->parent != 1 && by_id(m, e->parent)->parent == -1)
		e->parent = 1;
	snprintf(e->name, sizeof(e->name), "kept~%d", (int)e->id);
}

static void
exec_remove(struct model *m, const struct plan_step *s, struct ent *e)
{
	if (e->kept || e->elsewhere)
		fail(m, "removes what is kept");
	if ((e->kind == NODE_DIR) != (s->op == PLAN_RMDIR))
		fail(m, "wrong removal");
	if (children(m, e->id) == 0) {
		e->parent = 0;
		return;
	}
	for (int i = 0; i < m->n; i++)
		if (m->e[i].parent == e->id && !m->e[i].kept)
			fail(m, "removes a directory in use");
	exec_keep(m, e);
}

static void
exec_swap(struct model *m, const struct plan_step *s, struct ent *e)
{
	struct ent *o = by_id(m, s->other), t;

	if (o == NULL) {
		fail(m, "no other");
		return;
	}
	if (is_under(m, o->parent, e->id) || is_under(m, e->parent, o->id))
		fail(m, "swap into itself");
	t = *e;
	e->parent = o->parent;
	memcpy(e->name, o->name, sizeof(e->name));
	o->parent = t.parent;
	memcpy(o->name, t.name, sizeof(o->name));
	e->key = s->goal->key.b[31];
	o->key = s->goal2->key.b[31];
}

static bool
goes_somewhere(const struct plan_step *s)
{
	return s->goal != NULL && s->op != PLAN_ADOPT && s->op != PLAN_ATTR &&
	    s->op != PLAN_REPLACE;
}

static void
exec_step(struct model *m, struct plan *p, const struct plan_step *s)
{
	struct ent *e = s->row != 0 ? by_id(m, s->row) : NULL;
	int64_t dir = s->goal != NULL ? plan_dir_row(p, s->dir) : 0;
	char name[256] = "";

	if (s->name_len > 0)
		memcpy(name, s->name, s->name_len);
	name[s->name_len] = '\0';
	if (s->row != 0 && e == NULL) {
		fail(m, "row is gone");
		return;
	}
	if (goes_somewhere(s) && dir == 0) {
		fail(m, "directory is not there");
		return;
	}
	if (goes_somewhere(s) && dir != 1 && by_id(m, dir)->parent == -1)
		fail(m, "into staging");
	switch (s->op) {
	case PLAN_TAKE:
		exec_away(m, by_id(m, s->other), dir, name);
		exec_move(m, e, dir, name);
		break;
	case PLAN_TAKE_NEW:
		exec_away(m, by_id(m, s->other), dir, name);
		exec_new(m, p, s, dir, name);
		return;
	case PLAN_MKDIR:
	case PLAN_CREATE:
		if (at(m, dir, name) != NULL)
			fail(m, "place taken");
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
			fail(m, "replaces a directory");
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

static struct plan *
make(struct model *m, const struct want *w, int n, bool hold, int order)
{
	struct plan *p = NULL;
	struct opid keys[256];
	size_t d;

	if (plan_new(NULL, &p) != ZK_OK)
		abort();
	for (int i = 0; i < 256; i++)
		keys[i] = key_of((uint8_t)i);
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

static int
run(struct model *m, const struct want *w, int n, bool hold)
{
	struct plan *p = make(m, w, n, hold, 0), *q = make(m, w, n, hold, 1);
	int steps;

	if (plan_make(p) != ZK_OK || plan_make(q) != ZK_OK) {
		fail(m, "no plan");
		plan_free(p);
		plan_free(q);
		return 0;
	}
	steps = (int)plan_len(p);
	if (plan_len(q) != plan_len(p))
		fail(m, "order of input matters");
	for (int i = 0; i < steps && !m->bad; i++) {
		const struct plan_step *s = plan_step(p, (size_t)i);
		const struct plan_step *t = plan_step(q, (size_t)i);

		if (s->op != t->op || s->row != t->row ||
		    s->other != t->other)
			fail(m, "order of input matters");
		exec_step(m, p, s);
	}
	plan_free(p);
	plan_free(q);
	return steps;
}

/* The row that stands for goal entry g is where it is to be. */
static bool
is_reached(struct model *m, const struct want *g)
{
	for (int i = 0; i < m->n; i++) {
		struct ent *e = &m->e[i], *up;

		if (e->parent == 0 || e->kept || e->key != g->key)
			continue;
		up = by_id(m, e->parent);
		if (e->kind != g->kind || e->content != g->content)
			return false;
		if (g->parent == 0 ? e->parent != 1 :
		    up == NULL || up->key != g->parent)
			return false;
		if (strcmp(e->name, g->name) == 0)
			return true;
		/* an alias is right only beside a kept entry */
		up = at(m, e->parent, g->name);
		return up != NULL && up->kept;
	}
	return false;
}

static void
check_reached(struct model *m, const struct want *w, int n)
{
	int live = 0;

	for (int i = 0; i < m->n; i++) {
		if (m->e[i].parent == -1)
			fail(m, "left in staging");
		live += m->e[i].parent != 0 && !m->e[i].kept &&
		    !m->e[i].elsewhere;
	}
	for (int i = 0; i < n; i++)
		if (!is_reached(m, &w[i]))
			fail(m, w[i].name);
	if (live != n)
		fail(m, "too many or too few");
}

static void
model_init(struct model *m)
{
	memset(m, 0, sizeof(*m));
	m->next = 2;
}

static void
test_fresh(void)
{
	struct model m;
	const struct want w[] = {
		{ 1, 0, "d", NODE_DIR, 0 }, { 2, 1, "e", NODE_DIR, 0 },
		{ 3, 2, "f", NODE_FILE, 7 }, { 4, 0, "l", NODE_SYMLINK, 8 },
	};

	model_init(&m);
	CHECK(run(&m, w, 4, false) == 4);
	check_reached(&m, w, 4);
	CHECK(run(&m, w, 4, false) == 0);
	CHECK(run(&m, NULL, 0, false) == 4);
	check_reached(&m, NULL, 0);
	CHECK(!m.bad);
}

static void
test_swap(void)
{
	struct model m;
	const struct want w[] = {
		{ 1, 0, "b", NODE_FILE, 1 }, { 2, 0, "a", NODE_FILE, 2 },
		{ 3, 0, "y", NODE_DIR, 0 }, { 4, 0, "x", NODE_DIR, 0 },
		{ 5, 3, "in", NODE_FILE, 1 },
	};

	model_init(&m);
	add(&m, 1, "a", NODE_FILE, 1, 1);
	add(&m, 1, "b", NODE_FILE, 2, 2);
	add(&m, add(&m, 1, "x", NODE_DIR, 3, 0)->id, "in", NODE_FILE, 5, 1);
	add(&m, 1, "y", NODE_DIR, 4, 0);
	/* two exchanges, nothing inside touched */
	CHECK(run(&m, w, 5, false) == 2);
	check_reached(&m, w, 5);
	CHECK(run(&m, w, 5, false) == 0);
	CHECK(!m.bad);
}

static void
test_cycle(void)
{
	struct model m;
	const struct want w[] = {
		{ 1, 0, "b", NODE_FILE, 1 }, { 2, 0, "c", NODE_FILE, 2 },
		{ 3, 0, "a", NODE_FILE, 3 },
	};

	model_init(&m);
	add(&m, 1, "a", NODE_FILE, 1, 1);
	add(&m, 1, "b", NODE_FILE, 2, 2);
	add(&m, 1, "c", NODE_FILE, 3, 3);
	run(&m, w, 3, false);
	check_reached(&m, w, 3);
	CHECK(run(&m, w, 3, false) == 0);
	CHECK(!m.bad);
}

static void
test_inversion(void)
{
	struct model m;
	int64_t d;
	const struct want w[] = {
		{ 2, 0, "b", NODE_DIR, 0 }, { 1, 2, "a", NODE_DIR, 0 },
		{ 3, 1, "f", NODE_FILE, 3 },
	};

	model_init(&m);
	d = add(&m, 1, "a", NODE_DIR, 1, 0)->id;
	add(&m, d, "b", NODE_DIR, 2, 0);
	add(&m, d, "f", NODE_FILE, 3, 3);
	CHECK(run(&m, w, 3, false) == 2);
	check_reached(&m, w, 3);
	CHECK(!m.bad);
}

/* N16: a file becomes a directory and the other way in one go. */
static void
test_replace_kinds(void)
{
	struct model m;
	int64_t d;
	const struct want w[] = {
		{ 4, 0, "a", NODE_DIR, 0 }, { 5, 4, "x", NODE_FILE, 1 },
		{ 6, 0, "b", NODE_FILE, 2 }, { 3, 4, "was", NODE_FILE, 3 },
	};

	model_init(&m);
	add(&m, 1, "a", NODE_FILE, 1, 9);
	d = add(&m, 1, "b", NODE_DIR, 2, 0)->id;
	add(&m, d, "in", NODE_FILE, 3, 3);
	run(&m, w, 4, false);
	check_reached(&m, w, 4);
	CHECK(run(&m, w, 4, false) == 0);
	CHECK(!m.bad);
}

static void
test_move_out_of_removed(void)
{
	struct model m;
	int64_t d;
	const struct want w[] = { { 2, 0, "f", NODE_FILE, 1 } };

	model_init(&m);
	d = add(&m, 1, "d", NODE_DIR, 1, 0)->id;
	add(&m, d, "f", NODE_FILE, 2, 1);
	add(&m, d, "g", NODE_FILE, 3, 1);
	CHECK(run(&m, w, 1, false) == 3);
	check_reached(&m, w, 1);
	CHECK(!m.bad);
}

static void
test_rename_is_one_step(void)
{
	struct model m;
	struct want w[21] = { { 1, 0, "new", NODE_DIR, 0 } };
	int64_t d;

	model_init(&m);
	d = add(&m, 1, "old", NODE_DIR, 1, 0)->id;
	for (uint8_t i = 2; i < 22; i++) {
		snprintf(w[i - 1].name, sizeof(w[0].name), "f%d", i);
		w[i - 1].key = i;
		w[i - 1].parent = 1;
		w[i - 1].kind = NODE_FILE;
		w[i - 1].content = i;
		add(&m, d, w[i - 1].name, NODE_FILE, i, i);
	}
	CHECK(run(&m, w, 21, false) == 1);
	check_reached(&m, w, 21);
	CHECK(!m.bad);
}

static void
test_kept(void)
{
	struct model m;
	int64_t d;
	const struct want none[] = { { 9, 0, "z", NODE_FILE, 1 } };
	const struct want file[] = { { 4, 0, "d", NODE_FILE, 5 } };
	const struct want dir[] = { { 5, 0, "d", NODE_DIR, 0 } };

	model_init(&m);
	d = add(&m, 1, "d", NODE_DIR, 1, 0)->id;
	add(&m, d, "f", NODE_FILE, 2, 1);
	add(&m, d, "ignored", NODE_FILE, 0, 1)->kept = true;
	run(&m, none, 1, false);
	CHECK(by_id(&m, d) != NULL && by_id(&m, d)->kept);
	CHECK(at(&m, d, "ignored") != NULL && at(&m, d, "f") == NULL);
	CHECK(run(&m, none, 1, false) == 0);
	/* a file wants the name: it gets an alias, and keeps it */
	run(&m, file, 1, false);
	check_reached(&m, file, 1);
	CHECK(strcmp(at(&m, 1, "d~0400")->name, "d~0400") == 0);
	CHECK(run(&m, file, 1, false) == 0);
	/* a directory may have it */
	run(&m, dir, 1, false);
	check_reached(&m, dir, 1);
	CHECK(at(&m, d, "ignored") != NULL);
	CHECK(!m.bad);
}

static void
test_hold_removals(void)
{
	struct model m;
	const struct want w[] = {
		{ 3, 0, "c", NODE_FILE, 3 }, { 4, 0, "a", NODE_DIR, 0 },
		{ 5, 4, "in", NODE_FILE, 1 },
	};

	model_init(&m);
	add(&m, 1, "a", NODE_FILE, 1, 1);
	add(&m, 1, "b", NODE_FILE, 2, 2);
	/* c comes; the directory has to wait until the file may go */
	CHECK(run(&m, w, 3, true) == 1);
	CHECK(at(&m, 1, "a")->kind == NODE_FILE);
	CHECK(at(&m, 1, "b") != NULL && at(&m, 1, "c") != NULL);
	CHECK(run(&m, w, 3, true) == 0);
	run(&m, w, 3, false);
	check_reached(&m, w, 3);
	CHECK(!m.bad);
}

static enum zk_err
fold_lower(const void *name, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t c = ((const uint8_t *)name)[i];

		buf_u8(out, c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c);
	}
	return buf_err(out);
}

/* N08 at this level: the younger of two names gets an alias. */
static void
test_fold(void)
{
	const struct plan_opts opts = { fold_lower };
	struct opid root = key_of(0), keys[4];
	struct plan *p = NULL;
	bool file = false, alias = false, other = false;
	const char *names[] = { "file.txt", "File.txt", "FILE" };
	size_t d;

	NEED(plan_new(&opts, &p) == ZK_OK);
	NEED(plan_dir(p, &root, BASE_ROOT, &d) == ZK_OK);
	for (unsigned i = 0; i < 3; i++) {
		struct plan_goal g;

		memset(&g, 0, sizeof(g));
		keys[i] = key_of((uint8_t)(9 - i));
		g.key = keys[i];
		g.nodes = &keys[i];
		g.nodes_n = 1;
		g.kind = NODE_FILE;
		g.name = (const uint8_t *)names[i];
		g.name_len = strlen(names[i]);
		NEED(plan_goal(p, d, &g) == ZK_OK);
	}
	NEED(plan_make(p) == ZK_OK);
	CHECK(plan_len(p) == 3);
	for (size_t i = 0; i < plan_len(p); i++) {
		const struct plan_step *s = plan_step(p, i);

		file |= s->name_len == 8 && memcmp(s->name, "File.txt", 8) == 0;
		alias |= s->name_len == 13 &&
		    memcmp(s->name, "file~0900.txt", 13) == 0;
		other |= s->name_len == 4 && memcmp(s->name, "FILE", 4) == 0;
	}
	CHECK(file && alias && other);
	plan_free(p);
}

static void
test_alias(void)
{
	struct opid k = key_of(0xa7);
	char name[255];
	struct buf b;

	buf_init(&b, 4096);
	CHECK(plan_alias("a.txt", 5, &k, 4, &b) == ZK_OK);
	CHECK(strcmp(buf_cstr(&b), "a~a700.txt") == 0);
	buf_reset(&b);
	CHECK(plan_alias(".profile", 8, &k, 4, &b) == ZK_OK);
	CHECK(strcmp(buf_cstr(&b), ".profile~a700") == 0);
	for (size_t i = 0; i < sizeof(name); i += 3)
		memcpy(name + i, "\xe2\x82\xac", 3);
	buf_reset(&b);
	CHECK(plan_alias(name, sizeof(name), &k, 64, &b) == ZK_OK);
	CHECK(b.len <= 255 && b.data[b.len - 66] == 0xac);
	memset(name, 'x', sizeof(name));
	name[1] = '.';
	buf_reset(&b);
	CHECK(plan_alias(name, sizeof(name), &k, 4, &b) == ZK_OK);
	CHECK(b.len == 255);
	buf_release(&b);
}

static void
random_name(char *out)
{
	snprintf(out, 40, "%c", 'a' + (char)rnd(6));
}

/* A random tree of up to n entries with keys from 1 on. */
static int
random_goal(struct want *w, int n, uint8_t first)
{
	int have = 0;

	for (int i = 0; i < n; i++) {
		struct want g;
		bool taken = false;

		memset(&g, 0, sizeof(g));
		g.key = (uint8_t)(first + i);
		if (have > 0 && rnd(3) > 0) {
			int up = (int)rnd((unsigned)have);

			if (w[up].kind == NODE_DIR)
				g.parent = w[up].key;
		}
		random_name(g.name);
		g.kind = rnd(2) ? NODE_DIR : rnd(4) ? NODE_FILE : NODE_SYMLINK;
		g.content = g.kind == NODE_DIR ? 0 : (uint8_t)(1 + rnd(4));
		for (int k = 0; k < have; k++)
			taken |= w[k].parent == g.parent &&
			    strcmp(w[k].name, g.name) == 0;
		if (!taken)
			w[have++] = g;
	}
	return have;
}

/* Keys of a second tree are partly those of the first, of one kind. */
static void
mix_keys(struct want *w, int n, const struct want *old, int old_n)
{
	bool used[256] = { false };

	for (int i = 0; i < n; i++) {
		int k = old_n > 0 ? (int)rnd((unsigned)old_n) : 0;
		uint8_t was = w[i].key;

		if (old_n == 0 || rnd(4) == 0 || used[old[k].key] ||
		    (old[k].kind == NODE_DIR) != (w[i].kind == NODE_DIR))
			continue;
		used[old[k].key] = true;
		if (w[i].kind != NODE_DIR) {
			w[i].kind = old[k].kind;
			if (rnd(2))
				w[i].content = old[k].content;
		}
		w[i].key = old[k].key;
		for (int j = 0; j < n; j++)
			if (w[j].parent == was)
				w[j].parent = w[i].key;
	}
}

static void
fill_model(struct model *m, const struct want *w, int n)
{
	model_init(m);
	for (int i = 0; i < n; i++) {
		int64_t parent = 1;

		for (int k = 0; k < m->n; k++)
			if (w[i].parent != 0 && m->e[k].key == w[i].parent)
				parent = m->e[k].id;
		add(m, parent, w[i].name, w[i].kind, w[i].key, w[i].content);
	}
}

/* Some leaves, and then directories whose all is kept, become kept. */
static void
random_kept(struct model *m)
{
	for (int i = m->n; i-- > 0;) {
		bool all = true;

		for (int k = 0; k < m->n; k++)
			if (m->e[k].parent == m->e[i].id)
				all &= m->e[k].kept;
		if (!all || rnd(5) > 0)
			continue;
		m->e[i].kept = true;
		m->e[i].key = 0;
	}
}

/* I26: any pair of trees is reached, and a second plan is empty. */
static void
random_pairs(bool kept, bool hold, unsigned count)
{
	for (unsigned i = 1; i <= count; i++) {
		struct want old[16], w[16];
		struct model m, before;
		int n_old, n, rounds = 0;

		seed = i * UINT64_C(0x9e3779b97f4a7c15) + 1;
		n_old = random_goal(old, (int)rnd(15), 1);
		n = random_goal(w, (int)rnd(15), 100);
		mix_keys(w, n, old, n_old);
		fill_model(&m, old, n_old);
		if (kept)
			random_kept(&m);
		before = m;
		if (hold) {
			run(&m, w, n, true);
			for (int k = 0; k < before.n; k++)
				if (by_id(&m, before.e[k].id) == NULL)
					fail(&m, "removed while held");
			for (int k = 0; k < m.n; k++)
				if (m.e[k].parent == -1)
					fail(&m, "held in staging");
		}
		while (run(&m, w, n, false) > 0 && rounds < 10 && !m.bad)
			rounds++;
		check_reached(&m, w, n);
		if (rounds > (kept ? 2 : 1))
			fail(&m, "too many rounds");
		if (m.bad) {
			printf("# seed %u\n", i);
			FAIL("random pair");
			return;
		}
	}
}

static void
test_random(void)
{
	random_pairs(false, false, 60000);
}

static void
test_random_kept(void)
{
	random_pairs(true, false, 30000);
}

static void
test_random_hold(void)
{
	random_pairs(true, true, 30000);
}

TESTS(
    { "fresh", test_fresh },
    { "swap", test_swap },
    { "cycle", test_cycle },
    { "inversion", test_inversion },
    { "replace_kinds_N16", test_replace_kinds },
    { "move_out_of_removed", test_move_out_of_removed },
    { "rename_is_one_step", test_rename_is_one_step },
    { "kept_I7", test_kept },
    { "hold_removals_I6", test_hold_removals },
    { "fold_N08", test_fold },
    { "alias", test_alias },
    { "fixpoint_I26", test_random },
    { "fixpoint_kept_I26", test_random_kept },
    { "fixpoint_hold", test_random_hold },
)
