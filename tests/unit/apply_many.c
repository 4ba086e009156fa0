/* What stands for a great many: its intents are read again, or not begun. */
#include "goalkit.h"
#include "util/log.h"

#define REFS_MAX ((size_t)1 << 24)	/* with 32 bytes for each node */

static struct kit k;
static struct opid nodes[40000];
static uint8_t refs[REFS_MAX + 1];

static const struct kit_goal tree[] = {
	{ 1, 0, "many", NODE_FILE, "content", 0, 0 },
	{ 2, 0, "one", NODE_FILE, "one", 0, 0 },
};

static bool
begin(uint64_t seed, size_t nodes_n, size_t refs_len)
{
	log_set_level(LOG_QUIET);
	for (size_t i = 0; i < nodes_n; i++) {
		nodes[i] = kit_id(1);
		nodes[i].b[20] = (uint8_t)(i >> 8);
		nodes[i].b[21] = (uint8_t)i;
	}
	memset(refs, 7, sizeof(refs));
	if (!kit_begin(&k, seed))
		return false;
	k.many = 1;
	k.nodes = nodes;
	k.nodes_n = nodes_n;
	k.refs = refs;
	k.refs_len = refs_len;
	return true;
}

/* Base knows all of it. */
static bool
known(void)
{
	struct base_entry e;

	return base_find_path(k.db, "many", &e) == ZK_OK &&
	    e.nodes_n == k.nodes_n && e.refs_len == k.refs_len &&
	    memcmp(e.nodes, nodes, k.nodes_n * sizeof(nodes[0])) == 0 &&
	    memcmp(e.refs, refs, k.refs_len) == 0;
}

/* Stopped at call n of bringing it; false when it ended before that. */
static bool
killed_at(int64_t n, size_t nodes_n, size_t refs_len)
{
	bool ended = false;
	enum zk_err r = ZK_EBUG;

	if (!begin((uint64_t)n + 1, nodes_n, refs_len)) {
		FAIL("kit");
		return false;
	}
	fake_fail_at(k.fake, fake_calls(k.fake) + n, EIO, true);
	r = kit_apply(&k, tree, KIT_N(tree), NULL);
	ended = r == ZK_OK && k.res.failed == 0 && k.res.changed == 0;
	fake_fail_at(k.fake, -1, 0, false);
	CHECK(kit_restart(&k));
	CHECK(apply_recover(k.root, k.db, &k.hasher) == ZK_OK);
	CHECK(kit_record(&k, NULL, 0) == 0);
	CHECK(kit_apply(&k, tree, KIT_N(tree), NULL) == ZK_OK);
	CHECK(kit_reached(&k, tree, KIT_N(tree)) && known());
	if (test_failed)
		printf("# %zu nodes, %zu bytes, killed at call %d\n", nodes_n,
		    refs_len, (int)n);
	kit_end(&k);
	return !ended && !test_failed;
}

static void
test_killed(void)
{
	static const struct {
		size_t nodes, refs;
	} t[] = {
		{ 256, 32 },
		{ 257, 32 },
		{ 1, ((size_t)1 << 20) + 1 },
		{ KIT_N(nodes), (size_t)1 << 22 },
	};

	for (int i = 0; i < KIT_N(t); i++) {
		int64_t n = 0;

		while (killed_at(n, t[i].nodes, t[i].refs))
			n++;
		CHECK(n > 20);
	}
}

/* Too much for an intent: that step fails, and nothing of it is begun. */
static void
test_too_much(void)
{
	static const struct {
		size_t nodes, refs;
		bool fits;
	} t[] = {
		{ 1, REFS_MAX - OPID_LEN, true },
		{ 1, REFS_MAX - OPID_LEN + 1, false },
		{ 1, REFS_MAX + 1, false },
		{ 300, REFS_MAX - 300 * OPID_LEN, true },
		{ 300, REFS_MAX - 299 * OPID_LEN, false },
	};

	for (int i = 0; i < KIT_N(t); i++) {
		uint8_t boot[16];
		struct buf body;
		int64_t seq = 0;

		NEED(begin(1, t[i].nodes, t[i].refs));
		CHECK(kit_apply(&k, tree, KIT_N(tree), NULL) == ZK_OK);
		CHECK(k.res.done == (t[i].fits ? 2 : 1));
		CHECK(k.res.failed == (t[i].fits ? 0 : 1));
		CHECK(k.res.worst == (t[i].fits ? ZK_OK : ZK_ELIMIT));
		CHECK(kit_exists(&k, "many") == t[i].fits);
		CHECK(kit_has(&k, "one", "one"));
		buf_init(&body, SIZE_MAX);
		CHECK(base_intent_next(k.db, &seq, boot, &body) == ZK_ENOENT);
		buf_release(&body);
		CHECK(kit_restart(&k));
		CHECK(apply_recover(k.root, k.db, &k.hasher) == ZK_OK);
		CHECK(kit_record(&k, NULL, 0) == 0);
		if (test_failed)
			printf("# %zu nodes, %zu bytes\n", t[i].nodes,
			    t[i].refs);
		kit_end(&k);
	}
}

TESTS(
    { "killed", test_killed },
    { "too_much", test_too_much },
)
