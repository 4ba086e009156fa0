/*
 * The planner among changes of both sides: while it works towards a goal, the
 * disk is edited under it, the goal changes, steps fail, and steps come in any
 * order that their dependencies allow.
 *
 * A round records what the disk has that base has not, as a push would (an
 * edit goes into the goal, what is new too, what is gone leaves it), plans,
 * and does the steps.  A step that the disk does not allow is skipped, which
 * is right only if something else was skipped before or the disk was changed
 * under it.  Once all is quiet, base, disk and goal have to meet (I26), no
 * kept entry may have been touched, and every content that the disk ever
 * had is on it, in the trash, or recorded (I1, I3, I7, I8).
 *
 * PLAN_FIRST is the first seed, PLAN_SEEDS how many; PLAN_LOUD=1 prints steps.
 */
#include "plan_model.h"

#define GOAL_MAX 48
#define STEPS_MAX 256
#define QUIET 6			/* rounds with changes before that */
#define ROUNDS_MAX 200

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

/* One step, and what it touches. */
struct touch {
	int64_t object[3];	/* rows, and directories that are made */
	int objects;
	int64_t dir[4];		/* of places; below 0: one to be made */
	const char *name[4];
	int places;
	bool moves_dir;
};

static struct want *
goal_of(struct world *x, uint8_t key)
{
	for (int i = 0; i < x->n; i++)
		if (x->w[i].key == key)
			return &x->w[i];
	return NULL;
}

static bool
goal_taken(const struct world *x, uint8_t parent, const char *name)
{
	for (int i = 0; i < x->n; i++)
		if (x->w[i].parent == parent &&
		    strcmp(x->w[i].name, name) == 0)
			return true;
	return false;
}

static bool
goal_leaf(const struct world *x, uint8_t key)
{
	for (int i = 0; i < x->n; i++)
		if (x->w[i].parent == key)
			return false;
	return true;
}

static bool
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
static bool
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

static void
goal_del(struct world *x, struct want *g)
{
	*g = x->w[--x->n];
}

/* A directory of the goal, 0 for the root. */
static uint8_t
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
static void
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

static uint8_t
on_disk(const struct ent *e)
{
	return e->disk != 0 ? e->disk : e->content;
}

static bool
odd_at(const struct world *x, int64_t parent, const char *name)
{
	for (int i = 0; i < x->odd_n; i++)
		if (x->odd[i].parent == parent &&
		    strcmp(x->odd[i].name, name) == 0)
			return true;
	return false;
}

/* One change on the disk by its owner. */
static void
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
static void
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
static void
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

/* Why the disk does not allow a step as it is, or NULL. */
static const char *
refused(struct world *x, struct plan *p, const struct plan_step *s,
    const char *name)
{
	struct model *m = &x->m;
	struct ent *e = s->row != 0 ? model_by_id(m, s->row) : NULL;
	struct ent *o = s->other != 0 ? model_by_id(m, s->other) : NULL;
	int64_t dir = s->goal != NULL ? plan_dir_row(p, s->dir) : 0;
	struct ent *at = dir != 0 ? model_at(m, dir, name) : NULL;
	bool takes = s->op == PLAN_TAKE || s->op == PLAN_TAKE_NEW;

	if ((s->row != 0 && e == NULL) || (s->other != 0 && o == NULL))
		return "row is gone";
	if ((e != NULL && (e->gone || e->disk != 0)) ||
	    (o != NULL && (o->gone || o->disk != 0)))
		return "not what base says";
	if (s->op == PLAN_RMDIR) {
		for (int i = 0; i < m->n; i++)
			if (m->e[i].parent == e->id && !m->e[i].kept)
				return "in use";
		for (int i = 0; i < x->odd_n; i++)
			if (x->odd[i].parent == e->id)
				return "not empty";
	}
	if (!goes_somewhere(s) || s->op == PLAN_SWAP)
		return NULL;
	if (dir == 0 || (dir != 1 && (model_by_id(m, dir) == NULL ||
	    model_by_id(m, dir)->parent == -1)))
		return "directory is not there";
	if (odd_at(x, dir, name) || (takes ? at != o : at != NULL))
		return "place taken";
	return e != NULL && model_is_under(m, dir, e->id) ? "into itself" :
	    NULL;
}

/* What no step may do, whatever the disk is. */
static const char *
forbidden(struct world *x, const struct plan_step *s, const char *name)
{
	struct ent *e = s->row != 0 ? model_by_id(&x->m, s->row) : NULL;

	if (goes_somewhere(s) && (s->name_len == 0 || s->name_len > 255 ||
	    strchr(name, '/') != NULL || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0 || strcmp(name, ".zk") == 0))
		return "a name that leaves the directory";
	/* a directory that is kept may become that of a node again */
	if (s->op != PLAN_REMOVE && s->op != PLAN_RMDIR)
		return e != NULL && e->kept && (s->op != PLAN_ADOPT ||
		    e->kind != NODE_DIR) ? "touches what is kept" : NULL;
	if (e != NULL && e->kept)
		return "removes what is kept";
	return e != NULL && goal_of(x, e->key) != NULL ?
	    "removes what is wanted" : NULL;
}

static void
put_place(struct touch *t, int64_t dir, const char *name)
{
	t->dir[t->places] = dir;
	t->name[t->places++] = name;
}

static void
put_row(struct touch *t, struct model *m, int64_t row)
{
	struct ent *e = row != 0 ? model_by_id(m, row) : NULL;

	if (e == NULL)
		return;
	t->object[t->objects++] = row;
	put_place(t, e->parent, e->name);
	t->moves_dir |= e->kind == NODE_DIR;
}

static void
touches(struct model *m, struct plan *p, const struct plan_step *s,
    const char *name, struct touch *t)
{
	int64_t dir = s->goal != NULL ? plan_dir_row(p, s->dir) : 0;
	size_t made = s->goal != NULL && s->goal->kind == NODE_DIR ?
	    plan_goal_dir(p, s->goal) : SIZE_MAX;

	memset(t, 0, sizeof(*t));
	put_row(t, m, s->row);
	put_row(t, m, s->other);
	if (s->goal != NULL && (goes_somewhere(s) || s->row == 0))
		put_place(t, dir != 0 ? dir : -10 - (int64_t)s->dir, name);
	if (made != SIZE_MAX)
		t->object[t->objects++] = -10 - (int64_t)made;
}

static bool
depend(const struct touch *a, const struct touch *b)
{
	if (a->moves_dir && b->moves_dir)
		return true;
	for (int i = 0; i < a->objects; i++) {
		for (int k = 0; k < b->objects; k++)
			if (a->object[i] == b->object[k])
				return true;
		for (int k = 0; k < b->places; k++)
			if (a->object[i] == b->dir[k])
				return true;
	}
	for (int i = 0; i < a->places; i++) {
		for (int k = 0; k < b->objects; k++)
			if (a->dir[i] == b->object[k])
				return true;
		for (int k = 0; k < b->places; k++)
			if (a->dir[i] == b->dir[k] &&
			    strcmp(a->name[i], b->name[k]) == 0)
				return true;
	}
	return false;
}

/* An order that keeps each pair of steps that depend on each other. */
static void
shuffle(struct model *m, struct plan *p, char (*names)[256], size_t n,
    size_t *order)
{
	static struct touch t[STEPS_MAX];
	bool used[STEPS_MAX] = { false };

	for (size_t i = 0; i < n; i++)
		touches(m, p, plan_step(p, i), names[i], &t[i]);
	for (size_t k = 0; k < n; k++) {
		size_t ready[STEPS_MAX], ready_n = 0;

		for (size_t i = 0; i < n; i++) {
			bool free = !used[i];

			for (size_t j = 0; free && j < i; j++)
				free = used[j] || !depend(&t[j], &t[i]);
			if (free)
				ready[ready_n++] = i;
		}
		order[k] = ready[model_rnd((unsigned)ready_n)];
		used[order[k]] = true;
	}
}

static void
do_step(struct world *x, struct plan *p, const struct plan_step *s,
    const char *name, bool noisy)
{
	const char *why = forbidden(x, s, name);
	struct ent *e = s->row != 0 ? model_by_id(&x->m, s->row) : NULL;

	if (why != NULL) {
		model_fail(&x->m, why);
		return;
	}
	if (noisy && model_rnd(6) == 0)
		change_disk(x);
	why = refused(x, p, s, name);
	if (x->loud)
		printf("#  op %d row %d other %d %s: %s\n", s->op,
		    (int)s->row, (int)s->other, name, why ? why : "done");
	if (why != NULL && !x->skipped && !noisy)
		model_fail(&x->m, why);
	if (why != NULL || (noisy && model_rnd(8) == 0)) {
		x->skipped = true;
		return;
	}
	if (e != NULL && (s->op == PLAN_REPLACE || s->op == PLAN_REMOVE))
		x->saved[on_disk(e)] = true;	/* the trash */
	exec_step(&x->m, p, s);
	if (s->op == PLAN_CREATE || s->op == PLAN_TAKE_NEW ||
	    s->op == PLAN_REPLACE)
		x->had[s->goal->hash[0]] = true;
}

/* Scan, record, plan, apply; how many steps there were. */
static size_t
turn(struct world *x, bool noisy)
{
	static char names[STEPS_MAX][256];
	size_t order[STEPS_MAX], n = 0;
	struct plan *p = NULL;

	record(x);
	p = model_make(&x->m, x->w, x->n, false, (int)model_rnd(2));
	if (plan_make(p) != ZK_OK || plan_len(p) > STEPS_MAX)
		model_fail(&x->m, "no plan");
	else
		n = plan_len(p);
	x->skipped = false;
	for (size_t i = 0; i < n; i++) {
		const struct plan_step *s = plan_step(p, i);

		memset(names[i], 0, sizeof(names[i]));
		if (s->name_len > 0 && s->name_len < 256)
			memcpy(names[i], s->name, s->name_len);
	}
	shuffle(&x->m, p, names, n, order);
	for (size_t i = 0; i < n && !x->m.bad; i++)
		do_step(x, p, plan_step(p, order[i]), names[order[i]], noisy);
	plan_free(p);
	return n;
}

static void
begin(struct world *x)
{
	memset(x, 0, sizeof(*x));
	model_init(&x->m);
	x->key = 1;
	x->content = 1;
	for (unsigned i = model_rnd(12); i > 0; i--)
		change_goal(x);
	for (int i = 0; i < x->n; i++)
		x->saved[x->w[i].content] = true;
}

/* Some leaves become ignored here; the goal lets go of them. */
static void
ignore_some(struct world *x)
{
	struct model *m = &x->m;

	for (int i = 0; i < m->n; i++) {
		struct ent *e = &m->e[i];
		struct want *g = goal_of(x, e->key);

		if (e->kind == NODE_DIR || e->parent < 1 || e->kept ||
		    e->gone || e->disk != 0 || model_rnd(8) > 0)
			continue;
		e->kept = true;
		e->key = 0;
		if (g != NULL)
			goal_del(x, g);
	}
}

static void
check_saved(struct world *x)
{
	bool there[256] = { false };

	for (int i = 0; i < x->m.n; i++)
		if (x->m.e[i].parent != 0)
			there[on_disk(&x->m.e[i])] = true;
	for (int i = 0; i < x->odd_n; i++)
		there[x->odd[i].content] = true;
	for (int i = 1; i < 256; i++)
		if (x->had[i] && !x->saved[i] && !there[i])
			model_fail(&x->m, "a content is lost");
}

/* Kept rows are where they were, and as they were. */
static void
check_kept(struct world *x, const struct model *before)
{
	for (int i = 0; i < before->n; i++) {
		const struct ent *was = &before->e[i];
		const struct ent *e = model_by_id(&x->m, was->id);

		if (was->kept && was->kind != NODE_DIR && (e == NULL ||
		    !e->kept || e->content != was->content ||
		    strcmp(e->name, was->name) != 0 ||
		    e->parent != was->parent))
			model_fail(&x->m, "a kept entry was touched");
	}
}

static bool
one_seed(uint64_t seed, bool loud)
{
	struct world x;
	struct model before;
	unsigned rounds = 0;
	size_t steps = 1;

	model_seed = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) + 1;
	begin(&x);
	x.loud = loud;
	for (unsigned i = 0; i < QUIET && !x.m.bad; i++) {
		for (unsigned k = model_rnd(5); k > 0; k--)
			change_goal(&x);
		for (unsigned k = model_rnd(3); k > 0; k--)
			change_disk(&x);
		if (i == 2)
			ignore_some(&x);
		before = x.m;
		(void)turn(&x, i > 0 && model_rnd(2) == 0);
		check_saved(&x);
		check_kept(&x, &before);
	}
	while (!x.m.bad && steps > 0 && rounds++ < ROUNDS_MAX)
		steps = turn(&x, false);
	if (steps > 0)
		model_fail(&x.m, "no end of it");
	check_saved(&x);
	model_check_reached(&x.m, x.w, x.n);
	for (int i = 0; loud && i < x.m.n; i++)
		printf("#  base row %d in %d '%s' key %d kind %d%s\n",
		    (int)x.m.e[i].id, (int)x.m.e[i].parent, x.m.e[i].name,
		    x.m.e[i].key, x.m.e[i].kind, x.m.e[i].kept ? " kept" : "");
	for (int i = 0; loud && i < x.n; i++)
		printf("#  goal key %d in %d '%s' kind %d\n", x.w[i].key,
		    x.w[i].parent, x.w[i].name, x.w[i].kind);
	if (x.m.bad)
		printf("# seed %llu, %u rounds\n", (unsigned long long)seed,
		    rounds);
	return !x.m.bad;
}

static uint64_t
number(const char *name, uint64_t otherwise)
{
	const char *v = getenv(name);

	return v == NULL ? otherwise : strtoull(v, NULL, 10);
}

static void
test_meet(void)
{
	uint64_t first = number("PLAN_FIRST", 1);
	uint64_t count = number("PLAN_SEEDS", 20000);
	bool loud = getenv("PLAN_LOUD") != NULL;
	unsigned bad = 0;

	for (uint64_t i = first; i < first + count && bad < 5; i++)
		bad += !one_seed(i, loud);
	CHECK(bad == 0);
}

TESTS(
    { "three_trees_meet_I26", test_meet },
)
