/* Directories kept as one: streams, what stat says of them, scans. */
#include "goalkit.h"
#include "tree/bundle.h"

static struct kit k;
static char what[8000];

/* Reads a whole stream; its error, and how many entries it had. */
static enum zk_err
read_all(const void *p, size_t n, unsigned *entries)
{
	struct whole_bytes b = { p, n };
	struct bundle_source src = whole_from_bytes(&b);
	const struct bundle_entry *e = NULL;
	struct bundle_reader *r = NULL;
	uint8_t block[7];
	size_t got = 1;
	enum zk_err err = bundle_reader_new(&src, &r);

	*entries = 0;
	while (err == ZK_OK) {
		err = bundle_next(r, &e);
		if (err != ZK_OK || e == NULL)
			break;
		*entries += e->type != BUNDLE_END;
		for (got = 1; err == ZK_OK && e->type == BUNDLE_FILE &&
		    got > 0;)
			err = bundle_bytes(r, block, sizeof(block), &got);
	}
	/* what is wrong stays wrong */
	if (err != ZK_OK)
		CHECK(bundle_next(r, &e) == err && e == NULL);
	bundle_reader_free(r);
	return err;
}

#define IS(what, stream)                                                     \
	CHECK(read_all(stream, sizeof(stream) - 1, &n) == (what))

#define MAGIC "zk tree\1"
#define TIME "\0\0\0\0\0\0\0\0" "\0\0\0\0"
#define SIZE(n) n "\0\0\0\0\0\0\0"

static void
test_streams(void)
{
	unsigned n;

	IS(ZK_OK, MAGIC "\0");
	IS(ZK_OK, KIT_STREAM1);
	CHECK(n == 2);
	IS(ZK_OK, KIT_STREAM2);
	CHECK(n == 3);
	IS(ZK_EFORMAT, "");
	IS(ZK_EFORMAT, "zk tree\2" "\0");
	IS(ZK_EFORMAT, MAGIC);
	/* behind the end */
	IS(ZK_EFORMAT, MAGIC "\0\0");
	IS(ZK_EFORMAT, MAGIC "\2\1s\355\1\0");
	/* types, modes, times, sizes */
	IS(ZK_EFORMAT, MAGIC "\4\1s\355\1\0\0");
	IS(ZK_EFORMAT, MAGIC "\2\1s\355\3\0\0");
	IS(ZK_EFORMAT, MAGIC "\2\1s\155\1\0\0");
	IS(ZK_OK, MAGIC "\1\1f\0\0" TIME SIZE("\0") "\0");
	IS(ZK_EFORMAT, MAGIC "\1\1f\0\2" TIME SIZE("\0") "\0");
	IS(ZK_EFORMAT, MAGIC "\1\1f\0\0" "\0\0\0\0\0\0\0\0" "\0\312\232\73"
	    SIZE("\0") "\0");
	IS(ZK_EFORMAT, MAGIC "\1\1f\0\0" "\0\0\0\0\0\0\0\200" "\0\0\0\0"
	    SIZE("\0") "\0");
	IS(ZK_EFORMAT, MAGIC "\1\1f\0\0" TIME SIZE("\2") "\0");
	IS(ZK_EFORMAT, MAGIC "\1\1f\0\0" TIME "\0\0\0\0\0\0\0\377" "\0");
	/* links */
	IS(ZK_OK, MAGIC "\3\1l\1\0x\0");
	IS(ZK_EFORMAT, MAGIC "\3\1l\0\0\0");
	IS(ZK_EFORMAT, MAGIC "\3\1l\2\0x\0\0");
	IS(ZK_EFORMAT, MAGIC "\3\1l\0\20x\0");
	/* names, and their order */
	IS(ZK_EFORMAT, MAGIC "\3\0\1\0x\0");
	IS(ZK_EFORMAT, MAGIC "\3\1.\1\0x\0");
	IS(ZK_EFORMAT, MAGIC "\3\2..\1\0x\0");
	IS(ZK_EFORMAT, MAGIC "\3\3a/b\1\0x\0");
	IS(ZK_EFORMAT, MAGIC "\3\2a\0\1\0x\0");
	IS(ZK_EFORMAT, MAGIC "\3\3.Zk\1\0x\0");
	IS(ZK_EFORMAT, MAGIC "\3\11.zk-tmp-x\1\0x\0");
	IS(ZK_OK, MAGIC "\3\1a\1\0x\3\1b\1\0x\0");
	IS(ZK_EFORMAT, MAGIC "\3\1b\1\0x\3\1a\1\0x\0");
	IS(ZK_EFORMAT, MAGIC "\3\1a\1\0x\3\1a\1\0x\0");
	IS(ZK_OK, MAGIC "\2\1b\355\1\3\1a\1\0x\0\3\1c\1\0x\0");
	IS(ZK_EFORMAT, MAGIC "\2\1b\355\1\3\1a\1\0x\0\3\1a\1\0x\0");
}

/* Cut anywhere it is none; with one bit turned it may be, and does no harm. */
static void
test_damaged(void)
{
	uint8_t b[KIT_STREAM2_LEN];
	unsigned n;

	for (size_t i = 0; i < KIT_STREAM2_LEN; i++)
		CHECK(read_all(kit_stream2, i, &n) == ZK_EFORMAT);
	for (size_t i = 0; i < 8 * KIT_STREAM2_LEN; i++) {
		enum zk_err r;

		memcpy(b, kit_stream2, sizeof(b));
		b[i / 8] ^= (uint8_t)(1u << i % 8);
		r = read_all(b, sizeof(b), &n);
		CHECK(r == ZK_OK || r == ZK_EFORMAT);
	}
}

static void
test_deep(void)
{
	static const char dir[] = "\2\1d\355\1";
	struct buf b;
	unsigned n;

	for (unsigned depth = PATH_DEPTH_MAX - 2; depth < PATH_DEPTH_MAX + 2;
	    depth++) {
		buf_init(&b, 1 << 16);
		CHECK(bundle_put_head(&b) == ZK_OK);
		for (unsigned i = 0; i < depth; i++)
			buf_put(&b, dir, sizeof(dir) - 1);
		CHECK(buf_zero(&b, depth + 1) == ZK_OK);
		CHECK(read_all(b.data, b.len, &n) ==
		    (depth < PATH_DEPTH_MAX ? ZK_OK : ZK_EFORMAT));
		buf_release(&b);
	}
	/* a path of more than 4096 bytes */
	buf_init(&b, 1 << 16);
	CHECK(bundle_put_head(&b) == ZK_OK);
	for (unsigned i = 0; i < 17; i++) {
		struct bundle_entry e = { .type = BUNDLE_DIR, .mode = 0700,
			.name_len = 250 };

		memset(e.name, 'n', 250);
		CHECK(bundle_put(&e, &b) == ZK_OK);
	}
	CHECK(buf_zero(&b, 18) == ZK_OK);
	CHECK(read_all(b.data, b.len, &n) == ZK_EFORMAT);
	buf_release(&b);
}

/* The disk ----------------------------------------------------------------- */

static struct base_stat
stat_of(const char *path)
{
	struct base_stat st = { .ino = 0 };
	struct whole w;

	if (whole_stat(k.root, path, &w) == ZK_OK)
		base_stat_from(&w.st, &st);
	else
		FAIL(path);
	return st;
}

/* Whether t is as it was; was becomes what it is. */
static bool
same(struct base_stat *was)
{
	struct whole w;
	bool ok = whole_stat(k.root, "t", &w) == ZK_OK &&
	    base_stat_same(was, &w.st);

	*was = stat_of("t");
	return ok;
}

static void
begin_t(void)
{
	if (!kit_begin(&k, 1))
		abort();
	CHECK(kit_mkdir(&k, "t") && kit_mkdir(&k, "t/d"));
	CHECK(kit_mkdir(&k, "t/e") && kit_write(&k, "t/d/f", "one"));
	CHECK(kit_write(&k, "t/a", "two"));
	CHECK(env_symlinkat(k.env, "a", ENV_CWD, kit_abs(&k, "t/l")) == 0);
	kit_wait(&k);
}

static void
test_stat(void)
{
	struct base_stat was;
	struct whole w;

	begin_t();
	was = stat_of("t");
	CHECK(same(&was));
	CHECK(whole_stat(k.root, "t", &w) == ZK_OK && !w.racy);
	CHECK(kit_write(&k, "t/a", "TWO") && !same(&was));
	CHECK(whole_stat(k.root, "t", &w) == ZK_OK && w.racy);
	kit_wait(&k);
	CHECK(kit_write(&k, "t/e/new", "") && !same(&was));
	CHECK(kit_move(&k, "t/e/new", "t/e/old") && !same(&was));
	CHECK(kit_rm(&k, "t/e/old") && !same(&was));
	CHECK(kit_rm(&k, "t/e") && !same(&was));
	CHECK(kit_mkdir(&k, "t/e") && !same(&was));
	CHECK(kit_move(&k, "t/d", "t/D") && !same(&was));
	CHECK(kit_rm(&k, "t/l") && !same(&was));
	/* going elsewhere, it is the same */
	CHECK(kit_move(&k, "t", "u") && kit_move(&k, "u", "t") && same(&was));
	CHECK(whole_stat(k.root, "none", &w) == ZK_ENOENT);
	CHECK(whole_stat(k.root, "t/a", &w) == ZK_ECHANGED);
	kit_end(&k);
}

static bool
is_fault(enum whole_fault fault, const char *at)
{
	struct whole w;
	int fd = -1;
	enum zk_err r = whole_read(k.root, "t", &fd, &w);

	return r == ZK_EPERM && fd == -1 && w.fault == fault &&
	    strcmp(w.at, at) == 0 && whole_stat(k.root, "t", &w) == r &&
	    w.fault == fault && strcmp(w.at, at) == 0;
}

static void
test_faults(void)
{
	begin_t();
	CHECK(kit_mkdir(&k, "t/d/.zk") && is_fault(WHOLE_NAME, "d/.zk"));
	CHECK(kit_rm(&k, "t/d/.zk"));
	CHECK(kit_write(&k, "t/e/.ZK-tmp-1", ""));
	CHECK(is_fault(WHOLE_NAME, "e/.ZK-tmp-1"));
	kit_end(&k);
}

/* From the disk and back: nothing is lost, and equal trees are equal bytes. */
static void
test_around(void)
{
	static char one[1 << 16];
	struct whole_file f = { .fd = -1 };
	struct bundle_source src;
	struct base_stat st;
	struct whole w;
	size_t n = 0;
	int fd = -1;

	begin_t();
	CHECK(whole_read(k.root, "t", &fd, &w) == ZK_OK);
	CHECK(io_read_some(k.env, fd, one, sizeof(one), &n) == ZK_OK);
	f = (struct whole_file){ .env = k.env, .fd = fd };
	src = whole_from_file(&f, n);
	CHECK(whole_write(k.env, root_fd(k.root), "u", 0500, &src, &w) ==
	    ZK_OK);
	base_stat_from(&w.st, &st);
	CHECK((st.mode & 0777) == 0700 && !w.racy);
	CHECK(whole_stat(k.root, "u", &w) == ZK_OK &&
	    base_stat_same(&st, &w.st));
	CHECK(kit_streams(&k, "u", one, n));
	CHECK(kit_has(&k, "u/d/f", "one") && kit_exists(&k, "u/e"));
	/* it is there already; and what is none leaves no more than part */
	src = whole_from_file(&f, n);
	CHECK(whole_write(k.env, root_fd(k.root), "u", 0755, &src, &w) ==
	    ZK_EEXIST);
	src = whole_from_file(&f, n - 1);
	CHECK(whole_write(k.env, root_fd(k.root), "v", 0755, &src, &w) ==
	    ZK_EFORMAT);
	env_close(k.env, fd);
	kit_end(&k);
}

/* Large files with holes, through the same few buffers. */
static void
test_large(void)
{
	struct env_stat st;
	struct whole_file f;
	struct bundle_source src;
	struct whole w;
	int fd = -1, at;

	begin_t();
	at = env_openat(k.env, ENV_CWD, kit_abs(&k, "t/big"),
	    O_RDWR | O_CREAT, 0600);
	CHECK(env_pwrite(k.env, at, "middle", 6, 700001) == 6);
	CHECK(env_ftruncate(k.env, at, 3000000) == 0);
	env_close(k.env, at);
	CHECK(whole_read(k.root, "t", &fd, &w) == ZK_OK);
	CHECK(env_fstat(k.env, fd, &st) == 0 && st.size > 3000000);
	f = (struct whole_file){ .env = k.env, .fd = fd };
	src = whole_from_file(&f, st.size);
	CHECK(whole_write(k.env, root_fd(k.root), "u", 0755, &src, &w) ==
	    ZK_OK);
	env_close(k.env, fd);
	CHECK(env_statat(k.env, ENV_CWD, kit_abs(&k, "u/big"), &st) == 0 &&
	    st.size == 3000000);
	at = env_openat(k.env, ENV_CWD, kit_abs(&k, "u/big"), O_RDONLY, 0);
	CHECK(env_pread(k.env, at, what, 8, 700000) == 8 &&
	    memcmp(what, "\0middle\0", 8) == 0);
	env_close(k.env, at);
	kit_end(&k);
}

/* A scan --------------------------------------------------------------------*/

static bool
recorded(const char *want)
{
	kit_wait(&k);
	if (kit_record(&k, what, sizeof(what)) >= 0 && strcmp(what, want) == 0)
		return true;
	printf("# recorded:\n%s", what);
	return false;
}

static void
test_scan(void)
{
	begin_t();
	CHECK(kit_write(&k, ".zkattributes", "t atomic\n"));
	CHECK(recorded("N .zkattributes\nN t\n"));
	CHECK(k.scan.entries == 2 && recorded(""));
	CHECK(kit_write(&k, "t/d/f", "ONE") && recorded("C t\n"));
	/* read again while it may still change, and no difference */
	CHECK(kit_write(&k, "t/d/f", "TWO"));
	CHECK(kit_record(&k, what, sizeof(what)) == 1);
	CHECK(kit_record(&k, what, sizeof(what)) == 0 && recorded(""));
	CHECK(kit_move(&k, "t", "u") && recorded("M u\n"));
	/* no line says anything of u: it stays what it is */
	CHECK(kit_write(&k, "u/d/g", "") && recorded("C u\n"));
	CHECK(kit_mkdir(&k, "t") && kit_write(&k, "t/n", "n"));
	CHECK(recorded("N t\n"));
	CHECK(kit_move(&k, "u", "x") && kit_move(&k, "t", "u"));
	CHECK(kit_move(&k, "x", "t") && recorded("M t\nM u\n"));
	CHECK(kit_rm(&k, "u") && kit_write(&k, "u", "file"));
	CHECK(recorded("K u\n") && kit_rm(&k, "t") && recorded("V t\n"));
	kit_end(&k);
}

/* What becomes one, and what is none any more; only a line says so. */
static void
test_conversion(void)
{
	begin_t();
	CHECK(recorded("N t\nN t/a\nN t/d\nN t/e\nN t/l\nN t/d/f\n"));
	CHECK(kit_write(&k, ".zkattributes", "t/ atomic\n"));
	CHECK(recorded("N .zkattributes\nN t\nT t/a\nT t/d/f\nT t/d\nT t/e\n"
	    "T t/l\nT t\n"));
	CHECK(recorded(""));
	CHECK(kit_rm(&k, ".zkattributes") && recorded("V .zkattributes\n"));
	CHECK(kit_write(&k, "t/a", "two\n") && recorded("C t\n"));
	CHECK(kit_write(&k, ".zkattributes", "t -atomic\n"));
	CHECK(recorded("N .zkattributes\nN t\nN t/a\nN t/d\nN t/e\nN t/l\n"
	    "N t/d/f\nT t\n"));
	CHECK(recorded(""));
	kit_end(&k);
}

/* What cannot be whole is unknown, and so is all that base has of it. */
static void
test_held(void)
{
	begin_t();
	CHECK(recorded("N t\nN t/a\nN t/d\nN t/e\nN t/l\nN t/d/f\n"));
	CHECK(kit_mkdir(&k, "t/e/.zk"));
	CHECK(kit_write(&k, ".zkattributes", "* atomic\n"));
	CHECK(recorded("N .zkattributes\nB t/e/.zk\nH t\n"));
	CHECK(kit_rm(&k, "t/d") && recorded("B t/e/.zk\nH t\n"));
	CHECK(k.scan.reported == 2);
	CHECK(kit_rm(&k, "t/e/.zk"));
	CHECK(recorded("N t\nT t/a\nT t/d/f\nT t/d\nT t/e\nT t/l\nT t\n"));
	CHECK(kit_mkdir(&k, "t/.zk") && recorded("B t/.zk\nH t\n"));
	kit_end(&k);
}

/* An edit of a tree after the plan is neither replaced nor removed. */
static void
test_preimage(void)
{
	static const struct kit_goal v1[] = {
		{ 1, 0, "a", NODE_TREE, kit_stream1, 0, 0 },
		{ 2, 0, "b", NODE_TREE, kit_stream1, 0, 0 },
	};
	static const struct kit_goal v2[] = {
		{ 1, 0, "a", NODE_TREE, kit_stream2, 0, 0 },
	};

	NEED(kit_begin(&k, 1));
	CHECK(kit_apply(&k, v1, 2, NULL) == ZK_OK);
	CHECK(kit_write(&k, "a/f", "mine") && kit_write(&k, "b/s/x", ""));
	CHECK(kit_apply(&k, v2, 1, NULL) == ZK_OK);
	CHECK(k.res.changed == 2 && k.res.done == 0);
	CHECK(kit_has(&k, "a/f", "mine") && kit_exists(&k, "b/s/x"));
	CHECK(!kit_exists(&k, "a/s/l"));
	CHECK(kit_record(&k, NULL, 0) == 2);
	/* and the same while the new content is on its way */
	k.edit_at = 1;
	k.edit_path = "a/f";
	CHECK(kit_apply(&k, v2, 1, NULL) == ZK_OK && k.res.changed == 1);
	CHECK(kit_has(&k, "a/f", "edited meanwhile"));
	CHECK(kit_record(&k, NULL, 0) == 1);
	CHECK(kit_apply(&k, v2, 1, NULL) == ZK_OK && k.res.changed == 0);
	CHECK(kit_reached(&k, v2, 1));
	CHECK(kit_has(&k, ".zk/trash/2026-01-01/a/f", "edited meanwhile"));
	kit_end(&k);
}

/* What others say is a tree and is none is left out, and all else is done. */
static void
test_no_tree(void)
{
	static const struct kit_goal v1[] = {
		{ 1, 0, "a", NODE_TREE, "zk tree\1\3\2..\1\2x", 0, 0 },
		{ 2, 0, "b", NODE_TREE, kit_stream1, 0, 0 },
	};

	NEED(kit_begin(&k, 1));
	CHECK(kit_apply(&k, v1, 2, NULL) == ZK_OK);
	CHECK(k.res.failed == 1 && k.res.worst == ZK_EFORMAT);
	CHECK(!kit_exists(&k, "a") && kit_exists(&k, "b/s"));
	CHECK(apply_recover(k.root, k.db, &k.hasher) == ZK_OK);
	CHECK(kit_count(&k, kit_abs(&k, ".zk/tmp")) == 0);
	kit_end(&k);
}

/* In a mount: staged beside it, and to the trash by copying. */
static void
test_mount(void)
{
	static const struct kit_goal v1[] = {
		{ 1, 0, "m", NODE_DIR, NULL, 0, 0 },
		{ 2, 1, "t", NODE_TREE, kit_stream1, 0, 0 },
	};
	static const struct kit_goal v2[] = {
		{ 1, 0, "m", NODE_DIR, NULL, 0, 0 },
		{ 2, 1, "t", NODE_TREE, kit_stream2, 0, 0 },
	};

	NEED(kit_begin(&k, 1));
	CHECK(kit_mkdir(&k, "m") && fake_mount(k.fake, "/v/m") == 0);
	CHECK(recorded("N m\n"));
	CHECK(kit_apply(&k, v1, 2, NULL) == ZK_OK && k.res.failed == 0);
	CHECK(kit_reached(&k, v1, 2));
	CHECK(kit_apply(&k, v2, 2, NULL) == ZK_OK && k.res.failed == 0);
	CHECK(kit_reached(&k, v2, 2));
	CHECK(kit_has(&k, ".zk/trash/2026-01-01/m/t/f", "abc"));
	CHECK(kit_apply(&k, v1, 1, NULL) == ZK_OK && kit_reached(&k, v1, 1));
	CHECK(kit_has(&k, ".zk/trash/2026-01-01/m/t~1/f", "other"));
	CHECK(kit_exists(&k, ".zk/trash/2026-01-01/m/t~1/s/l"));
	/* a mount in it is a fault */
	CHECK(kit_mkdir(&k, "t") && kit_mkdir(&k, "t/m"));
	CHECK(fake_mount(k.fake, "/v/t/m") == 0);
	CHECK(is_fault(WHOLE_SPECIAL, "m"));
	kit_end(&k);
}

/* A file system that cannot exchange names. */
static const struct env_ops *ops;

static int
no_exchange(void *ctx, int from, const char *a, int to, const char *b,
    unsigned flags)
{
	return (flags & RENAME_EXCHANGE) != 0 ? -EINVAL :
	    ops->renameat(ctx, from, a, to, b, flags);
}

static bool
begin_plain(uint64_t seed)
{
	static struct env_ops own;

	if (!kit_begin(&k, seed))
		return false;
	ops = k.env->ops;
	own = *ops;
	own.renameat = no_exchange;
	k.env->ops = &own;
	return true;
}

/* Stopped at call n of a replacement; false if it ended before. */
static bool
replaced(int64_t n)
{
	static const struct kit_goal v1[] = {
		{ 1, 0, "a", NODE_TREE, kit_stream1, 0, 0 },
		{ 2, 0, "b", NODE_TREE, kit_stream1, 0, 0 },
	};
	static const struct kit_goal v2[] = {
		{ 1, 0, "a", NODE_TREE, kit_stream2, 0, 0 },
		{ 3, 0, "b", NODE_FILE, "file", 0, 0 },
	};
	bool ended;

	if (!begin_plain((uint64_t)n + 1)) {
		FAIL("kit");
		return false;
	}
	CHECK(kit_apply(&k, v1, 2, NULL) == ZK_OK && kit_reached(&k, v1, 2));
	fake_fail_at(k.fake, fake_calls(k.fake) + n, EIO, true);
	ended = kit_apply(&k, v2, 2, NULL) == ZK_OK && k.res.failed == 0 &&
	    k.res.changed == 0;
	fake_fail_at(k.fake, -1, 0, false);
	CHECK(kit_restart(&k));
	CHECK(apply_recover(k.root, k.db, &k.hasher) == ZK_OK);
	CHECK(kit_streams(&k, "a", kit_stream1, KIT_STREAM1_LEN) ||
	    kit_streams(&k, "a", kit_stream2, KIT_STREAM2_LEN));
	CHECK(kit_has(&k, "b", "file") ||
	    kit_streams(&k, "b", kit_stream1, KIT_STREAM1_LEN));
	if (ended)
		CHECK(kit_reached(&k, v2, 2));
	if (test_failed)
		printf("# stopped at call %d\n", (int)n);
	kit_end(&k);
	return !ended && !test_failed;
}

static void
test_no_exchange(void)
{
	int64_t n = 0;

	while (replaced(n))
		n++;
	CHECK(n > 50);
}

TESTS(
    { "streams", test_streams },
    { "damaged", test_damaged },
    { "deep", test_deep },
    { "stat", test_stat },
    { "faults", test_faults },
    { "around", test_around },
    { "large", test_large },
    { "scan", test_scan },
    { "conversion", test_conversion },
    { "held", test_held },
    { "preimage_I3", test_preimage },
    { "no_tree", test_no_tree },
    { "mount", test_mount },
    { "no_exchange_I4", test_no_exchange },
)
