/* Applying plans on a file system in memory. */
#include "goalkit.h"

static struct kit k;

static void
test_fresh(void)
{
	NEED(kit_begin(&k, 1));
	CHECK(kit_apply(&k, kit_tree1, KIT_N(kit_tree1), NULL) == ZK_OK);
	CHECK(k.res.failed == 0 && k.res.changed == 0);
	CHECK(kit_reached(&k, kit_tree1, KIT_N(kit_tree1)));
	CHECK(kit_apply(&k, kit_tree2, KIT_N(kit_tree2), NULL) == ZK_OK);
	CHECK(k.res.failed == 0 && k.res.changed == 0);
	CHECK(kit_reached(&k, kit_tree2, KIT_N(kit_tree2)));
	kit_wait(&k);
	CHECK(kit_apply(&k, kit_tree1, KIT_N(kit_tree1), NULL) == ZK_OK);
	CHECK(kit_reached(&k, kit_tree1, KIT_N(kit_tree1)));
	CHECK(kit_apply(&k, NULL, 0, NULL) == ZK_OK);
	CHECK(kit_reached(&k, NULL, 0));
	kit_end(&k);
}

static bool
in_trash(const char *name, const char *text)
{
	char path[600];

	snprintf(path, sizeof(path), ".zk/trash/2026-01-01/%s", name);
	return kit_has(&k, path, text);
}

/* What is replaced or removed goes to the trash, with its path. */
static void
test_trash(void)
{
	unsigned n = 9;

	NEED(kit_begin(&k, 1));
	CHECK(kit_apply(&k, kit_tree1, KIT_N(kit_tree1), NULL) == ZK_OK);
	CHECK(kit_apply(&k, kit_tree2, KIT_N(kit_tree2), NULL) == ZK_OK);
	CHECK(in_trash("gone", "gone") && in_trash("gonedir/g", "g"));
	CHECK(in_trash("renamed/b", "content b"));
	CHECK(in_trash("todir", "was a file"));
	CHECK(kit_apply(&k, kit_tree1, KIT_N(kit_tree1), NULL) == ZK_OK);
	CHECK(kit_apply(&k, kit_tree2, KIT_N(kit_tree2), NULL) == ZK_OK);
	CHECK(in_trash("gone~1", "gone"));
	CHECK(trash_prune(k.root, 30, &n) == ZK_OK && n == 0);
	fake_advance(k.fake, UINT64_C(40) * 86400 * 1000);
	CHECK(trash_prune(k.root, 30, &n) == ZK_OK && n == 1);
	CHECK(!in_trash("gone", "gone"));
	kit_end(&k);
}

static enum zk_err
count_entry(void *arg, const struct trash_entry *e)
{
	unsigned *n = arg;

	/* the newest day comes first */
	CHECK(*n > 0 || strcmp(e->day, "2026-01-02") == 0);
	n[0]++;
	n[1] += (unsigned)e->bytes;
	return ZK_OK;
}

/* The trash holds no more than it may: the oldest goes first. */
static void
test_trash_bound(void)
{
	static const struct kit_goal v[][2] = {
		{ { 1, 0, "a", NODE_FILE, "oldest", 0, 0 } },
		{ { 1, 0, "a", NODE_FILE, "early", 0, 0 } },
		{ { 1, 0, "a", NODE_FILE, "late", 0, 0 } },
		{ { 1, 0, "a", NODE_FILE, "now", 0, 0 } },
	};
	unsigned n[2] = { 0, 0 };

	NEED(kit_begin(&k, 1));
	CHECK(trash_bound(k.root, 0) == ZK_OK);
	CHECK(kit_apply(&k, v[0], 1, NULL) == ZK_OK && !k.res.trashed);
	CHECK(kit_apply(&k, v[1], 1, NULL) == ZK_OK && k.res.trashed);
	fake_advance(k.fake, UINT64_C(86400) * 1000);
	CHECK(kit_apply(&k, v[2], 1, NULL) == ZK_OK);
	fake_advance(k.fake, 120 * 1000);
	CHECK(kit_apply(&k, v[3], 1, NULL) == ZK_OK);
	CHECK(in_trash("a", "oldest"));
	CHECK(kit_has(&k, ".zk/trash/2026-01-02/a", "early"));
	CHECK(kit_has(&k, ".zk/trash/2026-01-02/a~1", "late"));
	CHECK(trash_list(k.root, count_entry, n) == ZK_OK);
	CHECK(n[0] == 3 && n[1] == 15);
	/* just so much, then a byte less, day by day, minute by minute */
	CHECK(trash_bound(k.root, 15) == ZK_OK && in_trash("a", "oldest"));
	CHECK(trash_bound(k.root, 14) == ZK_OK && !in_trash("a", "oldest"));
	CHECK(kit_has(&k, ".zk/trash/2026-01-02/a", "early"));
	CHECK(trash_bound(k.root, 8) == ZK_OK);
	CHECK(!kit_has(&k, ".zk/trash/2026-01-02/a", "early"));
	CHECK(kit_has(&k, ".zk/trash/2026-01-02/a~1", "late"));
	CHECK(trash_bound(k.root, 3) == ZK_OK);
	CHECK(!kit_has(&k, ".zk/trash/2026-01-02/a~1", "late"));
	kit_end(&k);
}

/* I3: what was edited after the plan is neither replaced nor removed. */
static void
test_preimage(void)
{
	static const struct kit_goal v1[] = {
		{ 1, 0, "a", NODE_FILE, "one", 0, 0 },
		{ 2, 0, "b", NODE_FILE, "two", 0, 0 },
	};
	static const struct kit_goal v2[] = {
		{ 1, 0, "a", NODE_FILE, "new", 0, 0 },
	};
	static const struct kit_goal v3[] = {
		{ 1, 0, "a", NODE_FILE, "three", 0, 0 },
	};

	NEED(kit_begin(&k, 1));
	CHECK(kit_apply(&k, v1, 2, NULL) == ZK_OK);
	CHECK(kit_write(&k, "a", "mine"));
	CHECK(kit_write(&k, "b", "mine too"));
	CHECK(kit_apply(&k, v2, 1, NULL) == ZK_OK);
	CHECK(k.res.changed == 2 && k.res.done == 0);
	CHECK(kit_has(&k, "a", "mine") && kit_has(&k, "b", "mine too"));
	/* and the same while the new content is on its way */
	CHECK(kit_record(&k, NULL, 0) == 2);
	CHECK(kit_apply(&k, v2, 1, NULL) == ZK_OK && k.res.changed == 0);
	k.edit_at = 1;
	k.edit_path = "a";
	CHECK(kit_apply(&k, v3, 1, NULL) == ZK_OK);
	CHECK(k.res.changed == 1 && kit_has(&k, "a", "edited meanwhile"));
	kit_end(&k);
}

/* A new file of the same name that appeared meanwhile stays. */
static void
test_appeared(void)
{
	NEED(kit_begin(&k, 1));
	CHECK(kit_write(&k, "x", "mine"));
	CHECK(kit_apply(&k, kit_tree1, KIT_N(kit_tree1), NULL) == ZK_OK);
	CHECK(k.res.changed == 1 && kit_has(&k, "x", "mine"));
	kit_end(&k);
}

/* N17: a hard link to outside keeps its content. */
static void
test_hard_link(void)
{
	static const struct kit_goal v1[] = {
		{ 1, 0, "a", NODE_FILE, "one", 0, 0 },
	};
	static const struct kit_goal v2[] = {
		{ 1, 0, "a", NODE_FILE, "two", 0, 0 },
	};
	char dir[] = "/tmp/zk-apply-XXXXXX", link_path[300];
	char root[100];

	NEED(mkdtemp(dir) != NULL);
	snprintf(root, sizeof(root), "%s/v", dir);
	snprintf(link_path, sizeof(link_path), "%s/outside", dir);
	NEED(env_mkdirat(env_posix(), ENV_CWD, root, 0755) == 0);
	NEED(kit_begin_real(&k, root));
	CHECK(kit_apply(&k, v1, 1, NULL) == ZK_OK);
	CHECK(link(kit_abs(&k, "a"), link_path) == 0);
	CHECK(kit_record(&k, NULL, 0) == 0);
	CHECK(kit_apply(&k, v2, 1, NULL) == ZK_OK && k.res.done == 1);
	CHECK(kit_has(&k, "a", "two"));
	CHECK(kit_has(&k, "../outside", "one"));
	CHECK(kit_rm(&k, ".."));
	kit_end(&k);
}

/* N05, I8: a directory that became a link to outside is not gone into. */
static void
test_link_parent(void)
{
	static const struct kit_goal v1[] = {
		{ 1, 0, "d", NODE_DIR, NULL, 0, 0 },
		{ 2, 1, "a", NODE_FILE, "one", 0, 0 },
	};
	static const struct kit_goal v2[] = {
		{ 1, 0, "d", NODE_DIR, NULL, 0, 0 },
		{ 2, 1, "a", NODE_FILE, "two", 0, 0 },
		{ 3, 1, "b", NODE_FILE, "new", 0, 0 },
	};

	NEED(kit_begin(&k, 1));
	CHECK(kit_apply(&k, v1, 2, NULL) == ZK_OK);
	CHECK(env_mkdirat(k.env, ENV_CWD, "/out", 0755) == 0);
	CHECK(kit_write(&k, "../out/a", "one"));
	CHECK(kit_rm(&k, "d"));
	CHECK(env_symlinkat(k.env, "../out", ENV_CWD, "/v/d") == 0);
	CHECK(kit_apply(&k, v2, 3, NULL) == ZK_OK && k.res.done == 0);
	CHECK(kit_has(&k, "../out/a", "one") && !kit_exists(&k, "../out/b"));
	kit_end(&k);
}

/* And neither staging nor trash may be links. */
static void
test_link_staging(void)
{
	static const struct kit_goal v1[] = {
		{ 1, 0, "a", NODE_FILE, "one", 0, 0 },
		{ 2, 0, "b", NODE_FILE, "b", 0, 0 },
	};
	static const char *const own[] = { ".zk/trash", ".zk/tmp" };

	for (int i = 0; i < 2; i++) {
		NEED(kit_begin(&k, 1));
		CHECK(kit_apply(&k, v1, 2, NULL) == ZK_OK);
		CHECK(env_mkdirat(k.env, ENV_CWD, "/out", 0755) == 0);
		CHECK(kit_restart(&k) && kit_rm(&k, own[i]));
		CHECK(env_symlinkat(k.env, "../../out", ENV_CWD,
		    kit_abs(&k, own[i])) == 0);
		CHECK(kit_apply(&k, v1, 1, NULL) != ZK_OK ||
		    k.res.failed > 0);
		CHECK(kit_has(&k, "b", "b"));
		CHECK(kit_count(&k, "/out") == 0);
		kit_end(&k);
	}
}

/* I7: ignored entries survive the removal of their directory. */
static void
test_kept(void)
{
	static const struct kit_goal v1[] = {
		{ 1, 0, "d", NODE_DIR, NULL, 0, 0 },
		{ 2, 1, ".zkignore", NODE_FILE, "*.o\nbuild/\n", 0, 0 },
		{ 3, 1, "a.c", NODE_FILE, "int a;", 0, 0 },
	};
	static const struct kit_goal v2[] = {
		{ 9, 0, "other", NODE_FILE, "o", 0, 0 },
	};
	static const struct kit_goal v3[] = {
		{ 9, 0, "other", NODE_FILE, "o", 0, 0 },
		{ 10, 0, "d", NODE_FILE, "a file now", 0, 0 },
	};
	char what[1000];

	NEED(kit_begin(&k, 1));
	CHECK(kit_apply(&k, v1, 3, NULL) == ZK_OK);
	CHECK(kit_write(&k, "d/a.o", "object"));
	CHECK(kit_mkdir(&k, "d/build") && kit_write(&k, "d/build/x", "x"));
	CHECK(kit_record(&k, what, sizeof(what)) == 0);
	CHECK(kit_apply(&k, v2, 1, NULL) == ZK_OK);
	CHECK(k.res.kept == 1 && k.res.failed == 0 && k.res.changed == 0);
	CHECK(kit_has(&k, "d/a.o", "object") && kit_has(&k, "d/build/x", "x"));
	CHECK(!kit_exists(&k, "d/a.c") && !kit_exists(&k, "d/.zkignore"));
	kit_wait(&k);
	/* it means nothing to anybody */
	CHECK(kit_record(&k, what, sizeof(what)) == 0);
	CHECK(kit_apply(&k, v2, 1, NULL) == ZK_OK && k.res.done == 0);
	CHECK(kit_write(&k, "d/b.o", "also ignored"));
	CHECK(kit_record(&k, what, sizeof(what)) == 0);
	/* a file that wants the name has to take another */
	CHECK(kit_apply(&k, v3, 2, NULL) == ZK_OK);
	CHECK(kit_has(&k, "d~0a00", "a file now"));
	CHECK(kit_record(&k, what, sizeof(what)) == 0);
	/* until something that counts appears in it */
	CHECK(kit_write(&k, "d/new.c", "int b;"));
	CHECK(kit_record(&k, what, sizeof(what)) == 2);
	CHECK(strcmp(what, "R d\nN d/new.c\n") == 0);
	kit_end(&k);
}

/* A directory with ignored content is in the way of a file. */
static void
test_kept_in_way(void)
{
	static const struct kit_goal v1[] = {
		{ 1, 0, "d", NODE_DIR, NULL, 0, 0 },
		{ 3, 1, "a.c", NODE_FILE, "int a;", 0, 0 },
	};
	static const struct kit_goal v2[] = {
		{ 10, 0, "d", NODE_FILE, "a file now", 0, 0 },
	};
	char what[1000];

	NEED(kit_begin(&k, 1));
	CHECK(kit_write(&k, ".zk/ignore", "*.o\n"));
	CHECK(kit_apply(&k, v1, 2, NULL) == ZK_OK);
	CHECK(kit_write(&k, "d/a.o", "object"));
	for (int i = 0; i < 3; i++)
		CHECK(kit_apply(&k, v2, 1, NULL) == ZK_OK);
	CHECK(k.res.done == 0 && k.res.failed == 0 && k.res.changed == 0);
	CHECK(kit_has(&k, "d", "a file now") ||
	    kit_has(&k, "d~0a00", "a file now"));
	CHECK(kit_count(&k, KIT_DIR) == 3);
	CHECK(kit_record(&k, what, sizeof(what)) == 0);
	kit_end(&k);
}

/* I7: what is ignored here is not brought, replaced or removed. */
static void
test_ignored(void)
{
	static const struct kit_goal v1[] = {
		{ 1, 0, "a.o", NODE_FILE, "one", 0, 0 },
		{ 2, 0, "d", NODE_DIR, NULL, 0, 0 },
		{ 3, 2, "b.o", NODE_FILE, "two", 0, 0 },
	};
	static const struct kit_goal v2[] = {
		{ 1, 0, "a.o", NODE_FILE, "new", 0, 0 },
		{ 10, 0, "c.o", NODE_FILE, "theirs", 0, 0 },
		{ 11, 0, "build", NODE_DIR, NULL, 0, 0 },
		{ 12, 11, "x", NODE_FILE, "x", 0, 0 },
	};

	NEED(kit_begin(&k, 1));
	CHECK(kit_apply(&k, v1, 3, NULL) == ZK_OK);
	CHECK(kit_write(&k, ".zk/ignore", "*.o\nbuild/\n"));
	CHECK(kit_write(&k, "c.o", "mine"));
	CHECK(kit_apply(&k, v2, 4, NULL) == ZK_OK);
	CHECK(k.res.changed == 0 && k.res.failed == 0 && k.res.kept == 2);
	CHECK(kit_has(&k, "a.o", "one") && kit_has(&k, "c.o", "mine"));
	CHECK(kit_has(&k, "d/b.o", "two") && !kit_exists(&k, "build"));
	CHECK(kit_record(&k, NULL, 0) == 0);
	CHECK(kit_apply(&k, v2, 4, NULL) == ZK_OK && k.res.done == 0);
	kit_end(&k);
}

/* I7: a FIFO at the place of a new file stays; that waits under an alias. */
static void
test_obstacle(void)
{
	static const struct kit_goal v1[] = {
		{ 10, 0, "a.o", NODE_FILE, "theirs", 0, 0 },
	};
	char dir[] = "/tmp/zk-apply-XXXXXX", what[1000];
	struct env_stat st;

	NEED(mkdtemp(dir) != NULL);
	NEED(kit_begin_real(&k, dir));
	CHECK(mkfifo(kit_abs(&k, "a.o"), 0600) == 0);
	CHECK(kit_apply(&k, v1, 1, NULL) == ZK_OK && k.res.kept == 1);
	CHECK(kit_apply(&k, v1, 1, NULL) == ZK_OK && k.res.done == 1);
	CHECK(env_statat(k.env, ENV_CWD, kit_abs(&k, "a.o"), &st) == 0);
	CHECK(S_ISFIFO(st.mode) && kit_has(&k, "a~0a00.o", "theirs"));
	CHECK(kit_record(&k, what, sizeof(what)) == 0);
	CHECK(kit_apply(&k, v1, 1, NULL) == ZK_OK && k.res.done == 0);
	CHECK(kit_rm(&k, ""));
	kit_end(&k);
}

/* Content that is not what the goal says is not used. */
static void
test_wrong_content(void)
{
	static const struct kit_goal v1[] = {
		{ 1, 0, "a", NODE_FILE, NULL, 0, 0 },
		{ 2, 0, "b", NODE_FILE, "b", 0, 0 },
		{ 3, 0, "d", NODE_DIR, NULL, 0, 0 },
	};

	NEED(kit_begin(&k, 1));
	CHECK(kit_apply(&k, v1, 3, NULL) == ZK_OK);
	CHECK(k.res.failed == 1 && k.res.worst == ZK_EGAP && k.res.done == 2);
	CHECK(!kit_exists(&k, "a") && kit_has(&k, "b", "b"));
	kit_end(&k);
}

/* Names of 255 bytes and what is no UTF-8; 128 levels. */
static void
test_names(void)
{
	static char name[256];
	struct kit_goal g[140] = { { 1, 0, name, NODE_FILE, "n", 0, 0 },
	    { 2, 0, "\xff\xfe\n\x1b[2J", NODE_FILE, "raw", 0, 0 } };
	int n = 2;

	memset(name, 'n', 255);
	for (uint32_t i = 0; i < 127; i++, n++)
		g[n] = (struct kit_goal) { 10 + i, i ? 9 + i : 0, "dir",
		    NODE_DIR, NULL, 0, 0 };
	g[n++] = (struct kit_goal) { 9, 136, "leaf", NODE_FILE, "l", 0, 0 };
	NEED(kit_begin(&k, 1));
	CHECK(kit_apply(&k, g, n, NULL) == ZK_OK && k.res.failed == 0);
	CHECK(kit_reached(&k, g, n));
	CHECK(kit_apply(&k, NULL, 0, NULL) == ZK_OK);
	CHECK(kit_reached(&k, NULL, 0));
	kit_end(&k);
}

/* N14: times at the ends of what may be recorded. */
static void
test_times(void)
{
	static const struct kit_goal g[] = {
		{ 1, 0, "old", NODE_FILE, "o", 0, OP_MTIME_MIN },
		{ 2, 0, "new", NODE_FILE, "n", 0, OP_MTIME_MAX },
		{ 3, 0, "before", NODE_FILE, "b", 0, -1 },
	};

	NEED(kit_begin(&k, 1));
	CHECK(kit_apply(&k, g, 3, NULL) == ZK_OK && k.res.failed == 0);
	CHECK(kit_reached(&k, g, 3));
	kit_end(&k);
}

/* More than a batch, and files above 1 MiB. */
static void
test_many(void)
{
	enum { COUNT = 2500 };
	static struct kit_goal g[COUNT + 3];
	static char names[COUNT][8];
	char *large = malloc((1 << 20) + 600);

	NEED(large != NULL);
	memset(large, 'L', (1 << 20) + 599);
	large[(1 << 20) + 599] = '\0';
	for (uint32_t i = 0; i < COUNT; i++) {
		snprintf(names[i], sizeof(names[i]), "%u", i);
		g[i] = (struct kit_goal) { 10 + i, 1, names[i], NODE_FILE,
		    names[i], 0, 0 };
	}
	g[COUNT] = (struct kit_goal) { 1, 0, "d", NODE_DIR, NULL, 0, 0 };
	g[COUNT + 1] = (struct kit_goal) { 2, 0, "l", NODE_FILE, large, 0, 0 };
	g[COUNT + 2] = (struct kit_goal) { 3, 0, "m", NODE_FILE, large, 0, 0 };
	NEED(kit_begin(&k, 1));
	CHECK(kit_apply(&k, g, COUNT + 3, NULL) == ZK_OK);
	CHECK(k.res.done == COUNT + 3 && k.res.failed == 0);
	CHECK(kit_reached(&k, g, COUNT + 3));
	large[7] = 'x';
	CHECK(kit_apply(&k, g, COUNT + 3, NULL) == ZK_OK && k.res.done == 2);
	CHECK(kit_reached(&k, g, COUNT + 3));
	kit_end(&k);
	free(large);
}

static void
test_disk_full(void)
{
	NEED(kit_begin(&k, 1));
	CHECK(kit_apply(&k, kit_tree1, KIT_N(kit_tree1), NULL) == ZK_OK);
	fake_set_space(k.fake, 60);
	CHECK(kit_apply(&k, kit_tree2, KIT_N(kit_tree2), NULL) == ZK_EDISKFULL);
	fake_set_space(k.fake, UINT64_MAX);
	CHECK(kit_record(&k, NULL, 0) == 0);
	CHECK(kit_apply(&k, kit_tree2, KIT_N(kit_tree2), NULL) == ZK_OK);
	CHECK(kit_reached(&k, kit_tree2, KIT_N(kit_tree2)));
	kit_end(&k);
}

/* A random tree over few names, so that much collides. */
static int
random_goal(struct kit_goal *g, struct kit_goal *old, int old_n)
{
	static const char *const names[] = { "a", "b", "c", "d", "e" };
	static const char *const texts[] = { "", "one", "two", "three" };
	int n = 0, want = (int)fake_below(k.fake, 14);
	uint32_t used[16] = { 0 };

	for (int i = 0; i < want; i++) {
		struct kit_goal w = { (uint32_t)(200 + k.next++), 0, names[
		    fake_below(k.fake, 5)], NODE_FILE, texts[
		    fake_below(k.fake, 4)], 0, 5 };
		bool ok = true;

		if (old_n > 0 && fake_below(k.fake, 4) > 0) {
			int o = (int)fake_below(k.fake, (uint64_t)old_n);

			w.key = old[o].key;
			w.kind = old[o].kind;
		} else if (fake_below(k.fake, 2) == 0) {
			w.kind = NODE_DIR;
		}
		if (n > 0) {
			int up = (int)fake_below(k.fake, (uint64_t)n);

			w.parent = g[up].kind == NODE_DIR ? g[up].key : 0;
		}
		for (int j = 0; j < n; j++)
			ok &= used[j] != w.key && (g[j].parent != w.parent ||
			    strcmp(g[j].name, w.name) != 0);
		if (!ok)
			continue;
		used[n] = w.key;
		g[n++] = w;
	}
	return n;
}

/* One random tree after another, on one disk; some runs are killed. */
static void
test_random(void)
{
	for (uint64_t seed = 1; seed <= 400 && !test_failed; seed++) {
		static struct kit_goal g[2][16];
		int n[2] = { 0, 0 };

		NEED(kit_begin(&k, seed));
		for (int i = 0; i < 8 && !test_failed; i++) {
			struct kit_goal *now = g[i % 2], *was = g[(i + 1) % 2];
			int m = random_goal(now, was, n[(i + 1) % 2]);
			bool kill = fake_below(k.fake, 3) == 0;

			n[i % 2] = m;
			if (kill) {
				fake_fail_at(k.fake, fake_calls(k.fake) +
				    (int64_t)fake_below(k.fake, 150), EIO,
				    true);
				(void)!kit_apply(&k, now, m, NULL);
				fake_fail_at(k.fake, -1, 0, false);
				if (fake_below(k.fake, 2) == 0)
					fake_crash(k.fake);
				CHECK(kit_restart(&k));
				CHECK(apply_recover(k.root, k.db,
				    &k.hasher) == ZK_OK);
				CHECK(kit_record(&k, NULL, 0) == 0);
			}
			for (int j = 0; j < 1 + 2 * kill; j++)
				CHECK(kit_apply(&k, now, m, NULL) == ZK_OK);
			CHECK(kit_reached(&k, now, m));
		}
		if (test_failed)
			printf("# seed %d\n", (int)seed);
		kit_end(&k);
	}
}

TESTS(
    { "random_trees", test_random },
    { "fresh_N16", test_fresh },
    { "trash", test_trash },
    { "trash-bound", test_trash_bound },
    { "preimage_I3", test_preimage },
    { "appeared_meanwhile", test_appeared },
    { "hard_link_N17", test_hard_link },
    { "link_as_parent_N05_I8", test_link_parent },
    { "link_as_staging_N05", test_link_staging },
    { "kept_I7", test_kept },
    { "kept_in_the_way_I7", test_kept_in_way },
    { "ignored_I7", test_ignored },
    { "obstacle_I7", test_obstacle },
    { "missing_content", test_wrong_content },
    { "names_and_depth", test_names },
    { "times_N14", test_times },
    { "many_and_large", test_many },
    { "disk_full", test_disk_full },
)
