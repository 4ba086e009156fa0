/*
 * Going from one tree to another, with each allocation of it failing in turn,
 * SQLite's too: there is an error, or it is done; and what comes after a
 * restart takes nothing on the disk for an edit, and gets there.
 *
 * Every 307th fails, from the first on; FAIL_EACH=N: every Nth, with 1 for an
 * hour or so; FAIL_FROM=N: from another on.
 */
#include <stdlib.h>

#include "failalloc.h"
#include "goalkit.h"
#include "util/log.h"

#define STRIDE 307	/* of the allocations that fail */

#if !FAILALLOC
static void
test_apply(void)
{
	SKIP("a sanitizer has the allocator");
}

static void
test_recover(void)
{
	SKIP("a sanitizer has the allocator");
}
#else
static struct kit k;

static long
stride(void)
{
	const char *each = getenv("FAIL_EACH");

	return each != NULL ? strtol(each, NULL, 10) : STRIDE;
}

static long
first(void)
{
	const char *from = getenv("FAIL_FROM");

	return from != NULL ? strtol(from, NULL, 10) : 1;
}

static bool
make_dir(char dir[200])
{
	(void)snprintf(dir, 200, "%.160s/zk-apply-XXXXXX",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	return mkdtemp(dir) != NULL;
}

/* On the disk is the first tree, and base knows it. */
static bool
begin(char dir[200])
{
	return make_dir(dir) && kit_begin_real(&k, dir) &&
	    kit_apply(&k, kit_tree1, KIT_N(kit_tree1), NULL) == ZK_OK &&
	    kit_record(&k, NULL, 0) == 0;
}

/* After a recovery nothing is an edit, and the second tree is got to. */
static void
ends_well(const char *dir)
{
	char what[2000] = "";

	if (kit_record(&k, what, sizeof(what)) != 0) {
		printf("# made up:\n%s", what);
		FAIL("made up");
	}
	for (int i = 0; i < 3; i++)
		CHECK(kit_apply(&k, kit_tree2, KIT_N(kit_tree2), NULL) ==
		    ZK_OK);
	CHECK(kit_reached(&k, kit_tree2, KIT_N(kit_tree2)));
	kit_end(&k);
	CHECK(io_remove_tree(env_posix(), ENV_CWD, dir) == ZK_OK);
}

/* Allocation n fails, or all from there on; false if it has fewer. */
static bool
apply_fails(long n, bool all)
{
	enum zk_err r;
	bool done;

	failed = false;
	fail_on = all;
	fail_in = n;
	r = kit_apply(&k, kit_tree2, KIT_N(kit_tree2), NULL);
	fail_in = 0;
	fail_on = false;
	done = r == ZK_OK && k.res.failed == 0 && k.res.changed == 0;
	CHECK(failed || done);
	CHECK(!done || kit_reached(&k, kit_tree2, KIT_N(kit_tree2)));
	return failed;
}

static void
test_apply(void)
{
	bool more = true;
	char dir[200];
	long n;

	log_set_level(LOG_QUIET);
	for (n = first(); more && !test_failed; n += stride()) {
		NEED(begin(dir));
		more = apply_fails(n, false);
		CHECK(kit_restart(&k));
		CHECK(apply_recover(k.root, k.db, &k.hasher) == ZK_OK);
		ends_well(dir);
	}
	if (test_failed)
		printf("# allocation %ld\n", n - stride());
	CHECK(n > 1000);
}

/*
 * What was stopped at allocation n is recovered, with each allocation of that
 * failing in turn until none does: it begins anew where it could not end.
 */
static void
test_recover(void)
{
	bool more = true;
	char dir[200];
	long m = 0, n;

	log_set_level(LOG_QUIET);
	for (n = first(); more && !test_failed; n += stride()) {
		NEED(begin(dir));
		more = apply_fails(n, true);
		for (m = 0, failed = true; failed && !test_failed;) {
			enum zk_err r;

			CHECK(kit_restart(&k));
			failed = false;
			fail_in = ++m;
			r = apply_recover(k.root, k.db, &k.hasher);
			fail_in = 0;
			CHECK(failed || r == ZK_OK);
		}
		ends_well(dir);
	}
	if (test_failed)
		printf("# stopped at allocation %ld, recovery at %ld\n",
		    n - stride(), m);
	CHECK(n > 1000);
}
#endif

TESTS(
    { "apply_I4_P6", test_apply },
    { "recover_I4_P5", test_recover },
)
