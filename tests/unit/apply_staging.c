/* What is left in staging, and where it goes. */
#include <stdlib.h>

#include "goalkit.h"

static struct kit k;

/*
 * A row in staging that is not marked so, as a run that failed once left it:
 * its file has been put back, and is neither new nor gone.
 */
static void
test_unmarked(void)
{
	struct base_entry e, tmp;

	NEED(kit_begin(&k, 1));
	CHECK(kit_apply(&k, kit_tree1, KIT_N(kit_tree1), NULL) == ZK_OK);
	CHECK(kit_apply(&k, kit_tree2, KIT_N(kit_tree2), NULL) == ZK_OK);
	NEED(base_find_path(k.db, ".zk/tmp", &tmp) == ZK_OK);
	NEED(base_find_path(k.db, "renamed/b", &e) == ZK_OK);
	CHECK(base_move(k.db, e.id, tmp.id, "b1-6-b", 6) == ZK_OK);
	CHECK(kit_move(&k, "renamed/b", "b"));
	CHECK(kit_restart(&k));
	CHECK(apply_recover(k.root, k.db, &k.hasher) == ZK_OK);
	CHECK(kit_record(&k, NULL, 0) == 0);
	CHECK(kit_apply(&k, kit_tree2, KIT_N(kit_tree2), NULL) == ZK_OK);
	CHECK(kit_reached(&k, kit_tree2, KIT_N(kit_tree2)));
	/* and one whose file is nowhere is made again */
	NEED(base_find_path(k.db, "renamed/b", &e) == ZK_OK);
	CHECK(base_move(k.db, e.id, tmp.id, "b1-6-b", 6) == ZK_OK);
	CHECK(kit_rm(&k, "renamed/b"));
	CHECK(kit_restart(&k));
	CHECK(apply_recover(k.root, k.db, &k.hasher) == ZK_OK);
	CHECK(kit_record(&k, NULL, 0) == 0);
	CHECK(kit_apply(&k, kit_tree2, KIT_N(kit_tree2), NULL) == ZK_OK);
	CHECK(kit_reached(&k, kit_tree2, KIT_N(kit_tree2)));
	kit_end(&k);
}

/*
 * What no row stands for in staging is somebody's: it comes back after a run
 * and after a recovery, to the root if its directory is not there.
 */
static void
test_lost_in_staging(void)
{
	static const struct kit_goal v[] = {
		{ 1, 0, "d", NODE_DIR, NULL, 0, 0 },
		{ 2, 0, "f", NODE_FILE, "f", 0, 0 },
	};
	struct base_entry d;
	char tmp[100];

	NEED(kit_begin(&k, 1));
	CHECK(kit_apply(&k, v, 2, NULL) == ZK_OK);
	NEED(base_find_path(k.db, "d", &d) == ZK_OK);
	snprintf(tmp, sizeof(tmp), ".zk/tmp/b%llx-0-one",
	    (unsigned long long)d.id);
	CHECK(kit_write(&k, tmp, "one"));
	CHECK(kit_apply(&k, v, 2, NULL) == ZK_OK);
	CHECK(kit_has(&k, "d/one", "one") && !kit_exists(&k, tmp));
	CHECK(kit_rm(&k, "d") && kit_write(&k, tmp, "two"));
	CHECK(kit_restart(&k));
	CHECK(apply_recover(k.root, k.db, &k.hasher) == ZK_OK);
	CHECK(kit_has(&k, "one", "two") && !kit_exists(&k, tmp));
	kit_end(&k);
}

/*
 * A directory that waits in staging is closed to writing: it goes back all the
 * same, closed, where a name in it has to be written for that (not as root).
 */
static void
test_closed_in_staging(void)
{
	static const struct kit_goal v[] = {
		{ 1, 0, "d", NODE_DIR, NULL, 0555, 0 },
		{ 2, 1, "f", NODE_FILE, "f", 0, 0 },
	};
	static const struct kit_goal file[] = {
		{ 3, 0, "d", NODE_FILE, "was a file", 0, 0 },
	};
	char dir[200], what[500] = "";
	struct base_entry e, tmp;

	snprintf(dir, sizeof(dir), "%.160s/zk-apply-XXXXXX",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	NEED(mkdtemp(dir) != NULL && kit_begin_real(&k, dir));
	/* a directory for a file makes the rows of staging */
	CHECK(kit_apply(&k, file, 1, NULL) == ZK_OK);
	CHECK(kit_apply(&k, v, 2, NULL) == ZK_OK);
	NEED(base_find_path(k.db, ".zk/tmp", &tmp) == ZK_OK);
	NEED(base_find_path(k.db, "d", &e) == ZK_OK);
	CHECK(base_move(k.db, e.id, tmp.id, "b1-9-d", 6) == ZK_OK);
	CHECK(base_set_stat(k.db, e.id, &e.st, e.flags | BASE_STAGED) ==
	    ZK_OK);
	CHECK(chmod(kit_abs(&k, "d"), 0755) == 0);
	CHECK(kit_move(&k, "d", ".zk/tmp/b1-9-d"));
	CHECK(chmod(kit_abs(&k, ".zk/tmp/b1-9-d"), 0555) == 0);
	CHECK(kit_restart(&k));
	CHECK(apply_recover(k.root, k.db, &k.hasher) == ZK_OK);
	if (kit_record(&k, what, sizeof(what)) != 0) {
		printf("# made up:\n%s", what);
		FAIL("made up");
	}
	CHECK(kit_reached(&k, v, 2));
	kit_end(&k);
	CHECK(chmod(kit_abs(&k, "d"), 0755) == 0);
	CHECK(io_remove_tree(env_posix(), ENV_CWD, dir) == ZK_OK);
}

TESTS(
    { "unmarked_in_staging", test_unmarked },
    { "lost_in_staging_I1", test_lost_in_staging },
    { "closed_in_staging", test_closed_in_staging },
)
