/* The planner on symbolic trees, by name. */
#include "plan_model.h"

static void
test_fresh(void)
{
	struct model m;
	const struct want w[] = {
		{ 1, 0, "d", NODE_DIR, 0 }, { 2, 1, "e", NODE_DIR, 0 },
		{ 3, 2, "f", NODE_FILE, 7 }, { 4, 0, "l", NODE_SYMLINK, 8 },
	};

	model_init(&m);
	CHECK(model_run(&m, w, 4, false) == 4);
	model_check_reached(&m, w, 4);
	CHECK(model_run(&m, w, 4, false) == 0);
	CHECK(model_run(&m, NULL, 0, false) == 4);
	model_check_reached(&m, NULL, 0);
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
	model_add(&m, 1, "a", NODE_FILE, 1, 1);
	model_add(&m, 1, "b", NODE_FILE, 2, 2);
	model_add(&m, model_add(&m, 1, "x", NODE_DIR, 3, 0)->id, "in",
	    NODE_FILE, 5, 1);
	model_add(&m, 1, "y", NODE_DIR, 4, 0);
	/* two exchanges, nothing inside touched */
	CHECK(model_run(&m, w, 5, false) == 2);
	model_check_reached(&m, w, 5);
	CHECK(model_run(&m, w, 5, false) == 0);
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
	model_add(&m, 1, "a", NODE_FILE, 1, 1);
	model_add(&m, 1, "b", NODE_FILE, 2, 2);
	model_add(&m, 1, "c", NODE_FILE, 3, 3);
	model_run(&m, w, 3, false);
	model_check_reached(&m, w, 3);
	CHECK(model_run(&m, w, 3, false) == 0);
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
	d = model_add(&m, 1, "a", NODE_DIR, 1, 0)->id;
	model_add(&m, d, "b", NODE_DIR, 2, 0);
	model_add(&m, d, "f", NODE_FILE, 3, 3);
	CHECK(model_run(&m, w, 3, false) == 2);
	model_check_reached(&m, w, 3);
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
	model_add(&m, 1, "a", NODE_FILE, 1, 9);
	d = model_add(&m, 1, "b", NODE_DIR, 2, 0)->id;
	model_add(&m, d, "in", NODE_FILE, 3, 3);
	model_run(&m, w, 4, false);
	model_check_reached(&m, w, 4);
	CHECK(model_run(&m, w, 4, false) == 0);
	CHECK(!m.bad);
}

static void
test_move_out_of_removed(void)
{
	struct model m;
	int64_t d;
	const struct want w[] = { { 2, 0, "f", NODE_FILE, 1 } };

	model_init(&m);
	d = model_add(&m, 1, "d", NODE_DIR, 1, 0)->id;
	model_add(&m, d, "f", NODE_FILE, 2, 1);
	model_add(&m, d, "g", NODE_FILE, 3, 1);
	CHECK(model_run(&m, w, 1, false) == 3);
	model_check_reached(&m, w, 1);
	CHECK(!m.bad);
}

static void
test_rename_is_one_step(void)
{
	struct model m;
	struct want w[21] = { { 1, 0, "new", NODE_DIR, 0 } };
	int64_t d;

	model_init(&m);
	d = model_add(&m, 1, "old", NODE_DIR, 1, 0)->id;
	for (uint8_t i = 2; i < 22; i++) {
		snprintf(w[i - 1].name, sizeof(w[0].name), "f%d", i);
		w[i - 1].key = i;
		w[i - 1].parent = 1;
		w[i - 1].kind = NODE_FILE;
		w[i - 1].content = i;
		model_add(&m, d, w[i - 1].name, NODE_FILE, i, i);
	}
	CHECK(model_run(&m, w, 21, false) == 1);
	model_check_reached(&m, w, 21);
	CHECK(!m.bad);
}

/* A version of this disk that became a copy is moved, not fetched again. */
static void
test_copy_is_moved(void)
{
	struct model m;
	const struct want w[] = {
		{ 1, 0, "a", NODE_FILE, 7 }, { 5, 0, "a.copy", NODE_FILE, 3 },
		{ 2, 0, "b", NODE_FILE, 4 },
	};
	int64_t a;

	model_init(&m);
	a = model_add(&m, 1, "a", NODE_FILE, 1, 3)->id;
	model_add(&m, 1, "b", NODE_FILE, 2, 4);
	CHECK(model_run(&m, w, 3, false) == 2);
	model_check_reached(&m, w, 3);
	CHECK(model_at(&m, 1, "a.copy")->id == a);
	CHECK(model_run(&m, w, 3, false) == 0);
	CHECK(!m.bad);
}

/* A copy that becomes the file, or is the only one left, is moved, too. */
static void
test_copy_becomes_file(void)
{
	struct model m;
	const struct want w[] = {
		{ 1, 0, "a", NODE_FILE, 3 }, { 6, 0, "d", NODE_DIR, 0 },
		{ 7, 6, "new", NODE_FILE, 5 },
	};
	int64_t a, b;

	model_init(&m);
	model_add(&m, 1, "a", NODE_FILE, 1, 7);
	a = model_add(&m, 1, "a.copy", NODE_FILE, 5, 3)->id;
	b = model_add(&m, 1, "b", NODE_FILE, 2, 5)->id;
	(void)model_run(&m, w, 3, false);
	model_check_reached(&m, w, 3);
	CHECK(model_at(&m, 1, "a")->id == a);
	CHECK(model_at(&m, model_at(&m, 1, "d")->id, "new")->id == b);
	CHECK(model_run(&m, w, 3, false) == 0);
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
	d = model_add(&m, 1, "d", NODE_DIR, 1, 0)->id;
	model_add(&m, d, "f", NODE_FILE, 2, 1);
	model_add(&m, d, "ignored", NODE_FILE, 0, 1)->kept = true;
	model_run(&m, none, 1, false);
	CHECK(model_by_id(&m, d) != NULL && model_by_id(&m, d)->kept);
	CHECK(model_at(&m, d, "ignored") != NULL &&
	    model_at(&m, d, "f") == NULL);
	CHECK(model_run(&m, none, 1, false) == 0);
	/* a file wants the name: it gets an alias, and keeps it */
	model_run(&m, file, 1, false);
	model_check_reached(&m, file, 1);
	CHECK(strcmp(model_at(&m, 1, "d~0400")->name, "d~0400") == 0);
	CHECK(model_run(&m, file, 1, false) == 0);
	/* a directory may have it */
	model_run(&m, dir, 1, false);
	model_check_reached(&m, dir, 1);
	CHECK(model_at(&m, d, "ignored") != NULL);
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
	model_add(&m, 1, "a", NODE_FILE, 1, 1);
	model_add(&m, 1, "b", NODE_FILE, 2, 2);
	/* c comes; the directory has to wait until the file may go */
	CHECK(model_run(&m, w, 3, true) == 1);
	CHECK(model_at(&m, 1, "a")->kind == NODE_FILE);
	CHECK(model_at(&m, 1, "b") != NULL && model_at(&m, 1, "c") != NULL);
	CHECK(model_run(&m, w, 3, true) == 0);
	model_run(&m, w, 3, false);
	model_check_reached(&m, w, 3);
	CHECK(!m.bad);
}

static enum zk_err
fold_lower(void *arg, int64_t dir, const void *name, size_t len,
    struct buf *out, enum alias_how *how)
{
	(void)arg;
	(void)dir;
	*how = ALIAS_PLAIN;
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
	const struct plan_opts opts = { fold_lower, NULL };
	struct opid root = model_key_of(0), keys[4];
	struct plan *p = NULL;
	bool file = false, alias = false, other = false;
	const char *names[] = { "file.txt", "File.txt", "FILE" };
	size_t d;

	NEED(plan_new(&opts, &p) == ZK_OK);
	NEED(plan_dir(p, &root, BASE_ROOT, &d) == ZK_OK);
	for (unsigned i = 0; i < 3; i++) {
		struct plan_goal g;

		memset(&g, 0, sizeof(g));
		keys[i] = model_key_of((uint8_t)(9 - i));
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
	struct opid k = model_key_of(0xa7);
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

TESTS(
    { "fresh", test_fresh },
    { "swap", test_swap },
    { "cycle", test_cycle },
    { "inversion", test_inversion },
    { "replace_kinds_N16", test_replace_kinds },
    { "move_out_of_removed", test_move_out_of_removed },
    { "rename_is_one_step", test_rename_is_one_step },
    { "copy_is_moved", test_copy_is_moved },
    { "copy_becomes_file", test_copy_becomes_file },
    { "kept_I7", test_kept },
    { "hold_removals_I6", test_hold_removals },
    { "fold_N08", test_fold },
    { "alias", test_alias },
)
