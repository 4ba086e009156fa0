/* The planner on random pairs of trees. */
#include "plan_model.h"

static void
random_name(char *out)
{
	snprintf(out, 40, "%c", 'a' + (char)model_rnd(6));
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
		if (have > 0 && model_rnd(3) > 0) {
			int up = (int)model_rnd((unsigned)have);

			if (w[up].kind == NODE_DIR)
				g.parent = w[up].key;
		}
		random_name(g.name);
		g.kind = model_rnd(2) ? NODE_DIR :
		    model_rnd(4) ? NODE_FILE :
		    model_rnd(2) ? NODE_SYMLINK : NODE_TREE;
		g.content = g.kind == NODE_DIR ? 0 :
		    (uint8_t)(1 + model_rnd(4));
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
		int k = old_n > 0 ? (int)model_rnd((unsigned)old_n) : 0;
		uint8_t was = w[i].key;

		if (old_n == 0 || model_rnd(4) == 0 || used[old[k].key] ||
		    (old[k].kind == NODE_DIR) != (w[i].kind == NODE_DIR))
			continue;
		used[old[k].key] = true;
		if (w[i].kind != NODE_DIR) {
			w[i].kind = old[k].kind;
			if (model_rnd(2))
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
		model_add(m, parent, w[i].name, w[i].kind, w[i].key,
		    w[i].content);
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
		if (!all || model_rnd(5) > 0)
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

		model_seed = i * UINT64_C(0x9e3779b97f4a7c15) + 1;
		n_old = random_goal(old, (int)model_rnd(15), 1);
		n = random_goal(w, (int)model_rnd(15), 100);
		mix_keys(w, n, old, n_old);
		fill_model(&m, old, n_old);
		if (kept)
			random_kept(&m);
		before = m;
		if (hold) {
			model_run(&m, w, n, true);
			for (int k = 0; k < before.n; k++)
				if (model_by_id(&m, before.e[k].id) == NULL)
					model_fail(&m, "removed while held");
			for (int k = 0; k < m.n; k++)
				if (m.e[k].parent == -1)
					model_fail(&m, "held in staging");
		}
		while (model_run(&m, w, n, false) > 0 && rounds < 10 && !m.bad)
			rounds++;
		model_check_reached(&m, w, n);
		if (rounds > (kept ? 2 : 1))
			model_fail(&m, "too many rounds");
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
    { "fixpoint_I26", test_random },
    { "fixpoint_kept_I26", test_random_kept },
    { "fixpoint_hold", test_random_hold },
)
