/* Applying plans, killed or crashed at every call. */
#include "goalkit.h"
#include "util/log.h"

static struct kit k;

/* The content that a tree has at a path, NULL if none or a directory. */
static const char *
content_at(const struct kit_goal *g, int n, const char *path)
{
	char p[5000];

	for (int i = 0; i < n; i++) {
		kit_goal_path(g, n, i, p, sizeof(p));
		if (strcmp(p, path) == 0 && g[i].kind == NODE_FILE)
			return g[i].content;
	}
	return NULL;
}

/*
 * I4: a path that has a file has its whole old or new content.  Entries that
 * moved twice over (e and f) may be at a place between.
 */
static bool
old_or_new(const char *path)
{
	const char *a = content_at(kit_tree1, KIT_N(kit_tree1), path);
	const char *b = content_at(kit_tree2, KIT_N(kit_tree2), path);
	struct env_stat st;

	if (env_statat(k.env, ENV_CWD, kit_abs(&k, path), &st) != 0)
		return a == NULL || b == NULL;
	if (!S_ISREG(st.mode))
		return true;
	return (a != NULL && kit_has(&k, path, a)) ||
	    (b != NULL && kit_has(&k, path, b));
}

static bool
all_old_or_new(void)
{
	static const char *const paths[] = {
		"x", "y", "todir", "tofile", "gone", "empty", "d/a", "d/b",
		"renamed/a"
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (!old_or_new(paths[i])) {
			printf("# neither old nor new: %s\n", paths[i]);
			return false;
		}
	return true;
}

/*
 * P5, I4, I5: stopped at call n of going from one tree to the other.  False
 * when the run ended before call n.
 */
static bool
killed_at(int64_t n, bool machine)
{
	char what[2000] = "";
	bool ended;
	enum zk_err r;

	log_set_level(LOG_QUIET);
	if (!kit_begin(&k, (uint64_t)n + 1)) {
		FAIL("kit");
		return false;
	}
	fake_set_umask(k.fake, 077);
	CHECK(kit_apply(&k, kit_tree1, KIT_N(kit_tree1), NULL) == ZK_OK);
	CHECK(kit_record(&k, NULL, 0) == 0);
	if (env_syncfs(k.env, root_fd(k.root)) != 0)
		FAIL("syncfs");
	fake_fail_at(k.fake, fake_calls(k.fake) + n, EIO, true);
	r = kit_apply(&k, kit_tree2, KIT_N(kit_tree2), NULL);
	ended = r == ZK_OK && k.res.failed == 0 && k.res.changed == 0;
	fake_fail_at(k.fake, -1, 0, false);
	if (machine)
		fake_crash(k.fake);
	else
		CHECK(all_old_or_new());
	CHECK(kit_restart(&k));
	CHECK(apply_recover(k.root, k.db, &k.hasher) == ZK_OK);
	CHECK(all_old_or_new());
	/* no local edit is made up */
	if (kit_record(&k, what, sizeof(what)) != 0) {
		printf("# made up:\n%s", what);
		FAIL("made up");
	}
	for (int i = 0; i < 3; i++)
		CHECK(kit_apply(&k, kit_tree2, KIT_N(kit_tree2), NULL) ==
		    ZK_OK);
	CHECK(kit_reached(&k, kit_tree2, KIT_N(kit_tree2)));
	if (test_failed)
		printf("# killed at call %d, machine %d\n", (int)n, machine);
	kit_end(&k);
	return !ended && !test_failed;
}

static void
test_killed(void)
{
	int64_t n = 0;

	while (killed_at(n, false))
		n++;
	CHECK(n > 100);
}

static void
test_crashed(void)
{
	int64_t n = 0;

	while (killed_at(n, true))
		n++;
	CHECK(n > 100);
}

/*
 * Whether the only differences are what the tree has as well, made or set
 * and not known of: what records them finds that they are the same.
 */
static bool
all_wanted(const char *what)
{
	char path[5000];

	while (*what != '\0') {
		const char *end = strchr(what, '\n');
		bool found = false;

		for (int i = 0; i < KIT_N(kit_tree2) && !found; i++) {
			kit_goal_path(kit_tree2, KIT_N(kit_tree2), i, path,
			    sizeof(path));
			found = strchr("NCA", what[0]) != NULL && strncmp(what + 2, path,
			    strlen(path)) == 0 && what + 2 + strlen(path) ==
			    end && kit_is(&k, &kit_tree2[i], path);
		}
		if (!found)
			return false;
		what = end + 1;
	}
	return true;
}

/* Call n fails, that one alone: what is left to do is done in the end. */
static bool
fails_once(int64_t n, int err)
{
	char what[2000] = "";
	int64_t at;
	bool ended;
	enum zk_err r;

	log_set_level(LOG_QUIET);
	if (!kit_begin(&k, (uint64_t)n + 1)) {
		FAIL("kit");
		return false;
	}
	CHECK(kit_apply(&k, kit_tree1, KIT_N(kit_tree1), NULL) == ZK_OK);
	CHECK(kit_record(&k, NULL, 0) == 0);
	at = fake_calls(k.fake) + n;
	fake_fail_at(k.fake, at, err, false);
	r = kit_apply(&k, kit_tree2, KIT_N(kit_tree2), NULL);
	ended = fake_calls(k.fake) <= at;
	fake_fail_at(k.fake, -1, 0, false);
	CHECK(!ended || r == ZK_OK);
	CHECK(kit_restart(&k));
	CHECK(apply_recover(k.root, k.db, &k.hasher) == ZK_OK);
	if (kit_record(&k, what, sizeof(what)) != 0 && !all_wanted(what)) {
		printf("# made up:\n%s", what);
		FAIL("made up");
	}
	for (int i = 0; i < 3; i++)
		CHECK(kit_apply(&k, kit_tree2, KIT_N(kit_tree2), NULL) ==
		    ZK_OK);
	CHECK(kit_reached(&k, kit_tree2, KIT_N(kit_tree2)));
	if (test_failed)
		printf("# call %d fails with %s\n", (int)n, strerror(err));
	kit_end(&k);
	return !ended && !test_failed;
}

static void
test_fails_once(void)
{
	static const int errs[] = { EIO, ENOSPC, ENOMEM };

	for (size_t i = 0; i < sizeof(errs) / sizeof(errs[0]); i++) {
		int64_t n = (int64_t)i;

		/* each of three in another way */
		while (fails_once(n, errs[i]))
			n += 3;
		CHECK(n > 100);
	}
}

/*
 * Stopped at call n of removing a directory with its ignore file: what stays
 * there goes on being ignored.
 */
static bool
ignored_after(int64_t n)
{
	static const struct kit_goal v1[] = {
		{ 1, 0, "d", NODE_DIR, NULL, 0, 0 },
		{ 2, 1, ".zkignore", NODE_FILE, "*.o\n.env\n", 0, 0 },
		{ 3, 1, "a.c", NODE_FILE, "int a;", 0, 0 },
	};
	char what[1000] = "";
	bool ended;
	enum zk_err r;

	log_set_level(LOG_QUIET);
	if (!kit_begin(&k, (uint64_t)n + 1)) {
		FAIL("kit");
		return false;
	}
	CHECK(kit_apply(&k, v1, KIT_N(v1), NULL) == ZK_OK);
	CHECK(kit_write(&k, "d/.env", "secret"));
	CHECK(kit_record(&k, NULL, 0) == 0);
	fake_fail_at(k.fake, fake_calls(k.fake) + n, EIO, true);
	r = kit_apply(&k, NULL, 0, NULL);
	ended = r == ZK_OK && k.res.failed == 0;
	fake_fail_at(k.fake, -1, 0, false);
	CHECK(kit_restart(&k));
	CHECK(apply_recover(k.root, k.db, &k.hasher) == ZK_OK);
	for (int i = 0; i < 2; i++) {
		if (kit_record(&k, what, sizeof(what)) != 0) {
			printf("# made up:\n%s", what);
			FAIL("made up");
		}
		CHECK(kit_apply(&k, NULL, 0, NULL) == ZK_OK);
	}
	CHECK(kit_has(&k, "d/.env", "secret") && !kit_exists(&k, "d/a.c"));
	if (test_failed)
		printf("# stopped at call %d\n", (int)n);
	kit_end(&k);
	return !ended && !test_failed;
}

static void
test_ignored(void)
{
	int64_t n = 0;

	while (ignored_after(n))
		n++;
	CHECK(n > 10);
}

/* The machine stops at call n, starts, and its user edits what is there. */
static bool
edited_after(int64_t n)
{
	static const char *const paths[] = { "d/b", "renamed/b", "f/e/deep",
		"todir/inside" };
	bool edited[4], ended;
	enum zk_err r;

	if (!kit_begin(&k, (uint64_t)n + 1)) {
		FAIL("kit");
		return false;
	}
	CHECK(kit_apply(&k, kit_tree1, KIT_N(kit_tree1), NULL) == ZK_OK);
	if (env_syncfs(k.env, root_fd(k.root)) != 0)
		FAIL("syncfs");
	fake_fail_at(k.fake, fake_calls(k.fake) + n, EIO, true);
	r = kit_apply(&k, kit_tree2, KIT_N(kit_tree2), NULL);
	ended = r == ZK_OK && k.res.failed == 0 && k.res.changed == 0;
	fake_fail_at(k.fake, -1, 0, false);
	fake_crash(k.fake);
	kit_wait(&k);
	for (int i = 0; i < 4; i++)
		edited[i] = kit_exists(&k, paths[i]) &&
		    kit_write(&k, paths[i], "mine");
	CHECK(kit_restart(&k));
	CHECK(apply_recover(k.root, k.db, &k.hasher) == ZK_OK);
	for (int i = 0; i < 4; i++)
		CHECK(!edited[i] || kit_has(&k, paths[i], "mine"));
	if (test_failed)
		printf("# stopped at call %d\n", (int)n);
	kit_end(&k);
	return !ended && !test_failed;
}

/* What is written after a crash is no damage by it: I1. */
static void
test_edited_after_crash(void)
{
	int64_t n = 0;

	while (edited_after(n))
		n++;
	CHECK(n > 100);
}

TESTS(
    { "killed_at_every_call_I4_I5", test_killed },
    { "crashed_at_every_call_P5", test_crashed },
    { "each_call_fails_once_I4_P6", test_fails_once },
    { "ignored_at_every_call_I7", test_ignored },
    { "edited_after_crash_I1", test_edited_after_crash },
)
