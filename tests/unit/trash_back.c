/* Out of the trash, stopped at every call: nothing is lost. */
#include "goalkit.h"

static struct kit k;

#define DAY "2026-01-01"
#define IN_TRASH ".zk/trash/" DAY "/"

static const struct kit_goal full[] = {
	{ 1, 0, "d", NODE_DIR, NULL, 0750, 0 },
	{ 2, 1, "a", NODE_FILE, "content a", 0600, 0 },
	{ 3, 1, "e", NODE_DIR, NULL, 0700, 0 },
	{ 4, 3, "b", NODE_FILE, "content b", 0644, 0 },
	{ 5, 3, "l", NODE_SYMLINK, "../a", 0, 0 },
	{ 6, 0, "to", NODE_DIR, NULL, 0755, 0 },
};

/* d in the trash, and to another file system if asked for. */
static bool
begin(uint64_t seed, bool mount)
{
	if (!kit_begin(&k, seed) ||
	    kit_apply(&k, full, KIT_N(full), NULL) != ZK_OK ||
	    kit_apply(&k, &full[KIT_N(full) - 1], 1, NULL) != ZK_OK ||
	    env_syncfs(k.env, root_fd(k.root)) != 0)
		return false;
	return !mount || fake_mount(k.fake, kit_abs(&k, "to")) == 0;
}

static enum zk_err
take(const char *at, const char *to)
{
	const char *name = NULL;
	enum zk_err r = trash_make_above(k.root, at, to);
	int dir = r == ZK_OK ? root_parent(k.root, to, &name) : -1;

	if (r == ZK_OK)
		r = dir < 0 ? err_from_errno(-dir) :
		    trash_take(k.root, at, dir, name);
	root_forget(k.root);
	return r;
}

static bool
whole(const char *dir)
{
	char path[600], link[16];
	struct env_stat st;
	bool ok = true;

	snprintf(path, sizeof(path), "%s/a", dir);
	ok &= kit_has(&k, path, "content a") && env_statat(k.env, ENV_CWD,
	    kit_abs(&k, path), &st) == 0 && (st.mode & 0777) == 0600 &&
	    st.mtime.sec == 1000002;
	snprintf(path, sizeof(path), "%s/e/b", dir);
	ok &= kit_has(&k, path, "content b");
	snprintf(path, sizeof(path), "%s/e/l", dir);
	ok &= env_readlinkat(k.env, ENV_CWD, kit_abs(&k, path), link,
	    sizeof(link)) == 4 && memcmp(link, "../a", 4) == 0;
	return ok && env_statat(k.env, ENV_CWD, kit_abs(&k, dir), &st) == 0 &&
	    (st.mode & 0777) == 0750;
}

static bool
nothing(const char *path)
{
	struct env_stat st;

	return env_statat(k.env, ENV_CWD, kit_abs(&k, path), &st) == -ENOENT;
}

static void
test_taken(void)
{
	struct trash_found f;

	for (int mount = 0; mount < 2; mount++) {
		NEED(begin(1, mount));
		CHECK(trash_find(k.root, DAY "/d", &f) == ZK_OK);
		CHECK(f.type == 'd' && f.entries == 5 && f.bytes == 18);
		CHECK(take(DAY "/d", "to/x") == ZK_OK);
		CHECK(whole("to/x") && nothing(IN_TRASH "d"));
		CHECK(nothing(".zk/trash/" DAY));
		CHECK(trash_find(k.root, DAY "/d", &f) == ZK_ENOENT);
		kit_end(&k);
	}
}

/* What is made above it is as it was; what is left in the trash stays. */
static void
test_above(void)
{
	struct env_stat st;

	NEED(begin(1, false));
	CHECK(take(DAY "/d/e/b", "x/y/b") == ZK_OK);
	CHECK(kit_has(&k, "x/y/b", "content b"));
	CHECK(env_statat(k.env, ENV_CWD, kit_abs(&k, "x"), &st) == 0);
	CHECK((st.mode & 0777) == 0750);
	CHECK(env_statat(k.env, ENV_CWD, kit_abs(&k, "x/y"), &st) == 0);
	CHECK((st.mode & 0777) == 0700);
	CHECK(take(DAY "/d/e/l", "x/y/l") == ZK_OK);
	CHECK(nothing(IN_TRASH "d/e") && !nothing(IN_TRASH "d/a"));
	kit_end(&k);
}

static void
test_in_the_way(void)
{
	for (int mount = 0; mount < 2; mount++) {
		NEED(begin(1, mount));
		kit_write(&k, "to/f", "mine");
		CHECK(take(DAY "/d/a", "to/f") == ZK_EEXIST);
		CHECK(take(DAY "/d", "to/f") == ZK_EEXIST);
		CHECK(take(DAY "/d/e/b", "to/f/x") == ZK_EEXIST);
		CHECK(kit_has(&k, "to/f", "mine"));
		CHECK(whole(IN_TRASH "d"));
		CHECK(kit_count(&k, kit_abs(&k, "to")) == 1);
		kit_end(&k);
	}
}

static void
test_names(void)
{
	static const char *const bad[] = { "", "/", DAY, DAY "/", DAY "/.",
		DAY "/../" DAY "/d", "/" DAY "/d", DAY "//d", DAY "/d/",
		DAY "/d/a/x", DAY "/d/e/l/x", "../tmp", DAY "/.zk" };
	struct trash_found f;

	NEED(begin(1, false));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK(trash_find(k.root, bad[i], &f) == ZK_ENOENT);
		CHECK(take(bad[i], "y") != ZK_OK && nothing("y"));
	}
	kit_end(&k);
}

/*
 * Stopped at call n: it is whole in the trash or at its place, and what was
 * asked for can still be had.  False when it ended before that call.
 */
static bool
stopped_at(int64_t n, bool mount, bool machine)
{
	bool there, ended;

	if (!begin((uint64_t)n + 1, mount)) {
		FAIL("kit");
		return false;
	}
	fake_fail_at(k.fake, fake_calls(k.fake) + n, EIO, true);
	ended = take(DAY "/d", "to/d") == ZK_OK;
	fake_fail_at(k.fake, -1, 0, false);
	if (machine)
		fake_crash(k.fake);
	there = !nothing("to/d");
	CHECK((there && whole("to/d")) || whole(IN_TRASH "d"));
	CHECK(!ended || (there && whole("to/d")));
	CHECK(kit_restart(&k));
	if (!there) {
		CHECK(take(DAY "/d", "to/d") == ZK_OK);
		CHECK(whole("to/d") && nothing(IN_TRASH "d"));
		CHECK(kit_count(&k, kit_abs(&k, "to")) == 5);
	}
	if (test_failed)
		printf("# stopped at call %d, mount %d, machine %d\n", (int)n,
		    mount, machine);
	kit_end(&k);
	return !ended && !test_failed;
}

static void
test_stopped(void)
{
	for (int i = 0; i < 3; i++) {
		int64_t n = 0;

		while (stopped_at(n, i == 1, i == 2))
			n++;
		CHECK(n > (i == 1 ? 20 : 4));
	}
}

TESTS(
    { "taken_whole", test_taken },
    { "directories_above", test_above },
    { "nothing_is_overwritten", test_in_the_way },
    { "names_lead_nowhere_else", test_names },
    { "stopped_at_every_call", test_stopped },
)
