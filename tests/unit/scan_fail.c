/*
 * Every allocation of a scan fails in turn, SQLite's too: there is an error,
 * or the same differences, or a path of which it says that it cannot be read.
 * What moved is never taken for gone, what is there never for new.
 */
#include <stdlib.h>

#include "failalloc.h"
#include "treekit.h"
#include "util/log.h"

#if !FAILALLOC
static void
test_each(void)
{
	SKIP("a sanitizer has the allocator");
}
#else
static struct kit k;

/* Every kind of thing that a scan has to look up. */
static bool
make_changes(void)
{
	if (!kit_mkdir(&k, "dir") || !kit_mkdir(&k, "dir/deep") ||
	    !kit_write(&k, "dir/deep/f", "one") ||
	    !kit_mkdir(&k, "swap") || !kit_write(&k, "swap/a", "two") ||
	    !kit_mkdir(&k, "away") || !kit_mkdir(&k, "away/in") ||
	    !kit_write(&k, "away/in/b", "three") ||
	    !kit_mkdir(&k, "gone") || !kit_mkdir(&k, "gone/in") ||
	    !kit_write(&k, "gone/in/c", "four") ||
	    !kit_write(&k, "file", "five") || !kit_write(&k, "other", "six") ||
	    !kit_write(&k, "kind", "seven"))
		return false;
	if (kit_record(&k, NULL, 0) < 0)
		return false;
	/* another directory and the same names; one within the other; moved */
	return kit_move(&k, "dir", "was") && kit_mkdir(&k, "dir") &&
	    kit_mkdir(&k, "dir/deep") && kit_write(&k, "dir/deep/f", "new") &&
	    kit_move(&k, "away/in", "swap/in") && kit_rm(&k, "away") &&
	    kit_move(&k, "swap", "away") && kit_rm(&k, "gone") &&
	    kit_write(&k, "file", "changed") && kit_move(&k, "other", "o2") &&
	    kit_rm(&k, "kind") && kit_mkdir(&k, "kind") &&
	    kit_write(&k, "kind/x", "eight");
}

/* The differences as lines in out. */
static enum zk_err
look(struct buf *out)
{
	struct scan_result res = { .unknown = 0 };
	struct diff d;
	int64_t after = 0;
	enum zk_err r = scan_run(k.root, k.db, NULL, &res);

	if (r == ZK_OK)
		r = moves_find(k.root, k.db, &k.hasher);
	fail_in = 0;
	buf_reset(out);
	while (r == ZK_OK) {
		r = diff_next(k.db, UINT32_MAX, &after, &d);
		if (r == ZK_OK)
			r = buf_printf(out, "%u %lld %s\n", (unsigned)d.what,
			    (long long)d.row, d.path);
	}
	return r != ZK_ENOENT ? r : res.unknown > 0 ? ZK_EPARTIAL : ZK_OK;
}

static void
test_each(void)
{
	char dir[200];
	struct buf want, got;
	unsigned long n = 0, other = 0;

	(void)snprintf(dir, sizeof(dir), "%.160s/zk-scan-XXXXXX",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	NEED(mkdtemp(dir) != NULL && kit_begin_real(&k, dir));
	buf_init(&want, 1 << 20);
	buf_init(&got, 1 << 20);
	NEED(make_changes() && look(&want) == ZK_OK && want.len > 0);
	log_set_level(LOG_QUIET);
	do {
		enum zk_err r;

		failed = false;
		fail_in = (long)++n;
		r = look(&got);
		if (r == ZK_OK && (got.len != want.len ||
		    memcmp(got.data, want.data, got.len) != 0)) {
			printf("# %lu:\n%.*s", n, (int)got.len,
			    (const char *)got.data);
			other++;
		}
		CHECK(failed || r == ZK_OK);
	} while (failed && n < 200000 && other < 5);
	CHECK(other == 0 && n > 500);
	printf("# %lu allocations\n", n);
	buf_release(&want);
	buf_release(&got);
	kit_end(&k);
	CHECK(io_remove_tree(env_posix(), ENV_CWD, dir) == ZK_OK);
}
#endif

TESTS(
    { "each_allocation_I2", test_each },
)
