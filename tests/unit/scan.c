/* Scanning: what is a difference, and above all what is not a deletion. */
#include "treekit.h"

static struct kit k;
static char what[4000];

static void
begin(void)
{
	if (!kit_begin(&k, 7))
		abort();
}

/* A small tree, recorded and no longer racy. */
static void
begin_tree(void)
{
	begin();
	CHECK(kit_mkdir(&k, "d") && kit_mkdir(&k, "d/sub"));
	CHECK(kit_write(&k, "a", "one") && kit_write(&k, "d/b", "two"));
	CHECK(kit_write(&k, "d/sub/c", "three"));
	CHECK(env_symlinkat(k.env, "a", ENV_CWD, "/v/l") == 0);
	CHECK(kit_record(&k, what, sizeof(what)) == 6);
	kit_wait(&k);
	CHECK(kit_record(&k, what, sizeof(what)) == 0);
}

static bool
recorded(const char *want)
{
	if (kit_record(&k, what, sizeof(what)) >= 0 &&
	    strcmp(what, want) == 0)
		return true;
	printf("# recorded:\n%s", what);
	return false;
}

static void
test_basic(void)
{
	begin_tree();
	CHECK(k.scan.entries == 6 && k.scan.dirs == 2 && k.scan.unknown == 0);
	CHECK(kit_write(&k, "a", "one more"));
	CHECK(kit_write(&k, "d/new", "n"));
	CHECK(kit_rm(&k, "d/b"));
	CHECK(kit_mkdir(&k, "e"));
	CHECK(recorded("C a\nN e\nN d/new\nV d/b\n"));
	CHECK(recorded(""));
	CHECK(kit_rm(&k, "d"));
	CHECK(recorded("V d/new\nV d/sub/c\nV d/sub\nV d\n"));
	CHECK(recorded(""));
	kit_end(&k);
}

/* A file that is written without a change of size or visible time. */
static void
test_racy(void)
{
	begin_tree();
	/* twice within one tick of the clock, around a scan */
	fake_advance(k.fake, 1000);
	CHECK(kit_write(&k, "a", "abc"));
	fake_advance(k.fake, 5);
	int fd = env_openat(k.env, ENV_CWD, "/v/a", O_WRONLY, 0);
	CHECK(env_pwrite(k.env, fd, "xyz", 3, 0) == 3);
	CHECK(recorded("C a\n"));
	CHECK(env_pwrite(k.env, fd, "ijk", 3, 0) == 3);
	env_close(k.env, fd);
	CHECK(recorded("C a\n"));
	kit_wait(&k);
	CHECK(recorded(""));
	kit_end(&k);
}

/* I19: a clock set back makes scans slower, never wrong. */
static void
test_clock_back(void)
{
	begin_tree();
	CHECK(kit_write(&k, "a", "abc"));
	CHECK(recorded("C a\n"));
	fake_set_wall(k.fake, INT64_C(1000000000) * 1000);
	CHECK(kit_write(&k, "a", "xyz") && recorded("C a\n"));
	CHECK(kit_write(&k, "d/b", "owt") && recorded("C d/b\n"));
	fake_set_wall(k.fake, INT64_C(4000000000) * 1000);
	CHECK(recorded(""));
	CHECK(kit_write(&k, "d/b", "two") && recorded("C d/b\n"));
	kit_end(&k);
}

static void
test_moves(void)
{
	begin_tree();
	CHECK(kit_move(&k, "d", "z"));
	CHECK(recorded("M z\n"));
	CHECK(recorded(""));
	CHECK(kit_move(&k, "z/b", "b") && kit_move(&k, "z", "y"));
	CHECK(recorded("M b\nM y\n"));
	/* into a new directory, and its content along, with a new one */
	CHECK(kit_mkdir(&k, "new") && kit_move(&k, "y", "new/y"));
	CHECK(kit_write(&k, "new/y/sub/n", "new"));
	CHECK(recorded("N new\nM new/y\nN new/y/sub/n\n"));
	/* out of one that goes */
	CHECK(kit_move(&k, "new/y/sub", "sub") && kit_rm(&k, "new"));
	CHECK(recorded("M sub\nV new/y\nV new\n"));
	CHECK(recorded(""));
	kit_end(&k);
}

static void
test_swap(void)
{
	begin_tree();
	CHECK(kit_mkdir(&k, "e") && kit_write(&k, "e/x", "x"));
	CHECK(recorded("N e\nN e/x\n"));
	CHECK(kit_move(&k, "d", "t") && kit_move(&k, "e", "d"));
	CHECK(kit_move(&k, "t", "e"));
	CHECK(recorded("M d\nM e\n"));
	CHECK(recorded(""));
	CHECK(kit_has(&k, "e/b", "two"));
	/* one goes and a new one takes its name, in either order of names */
	CHECK(kit_move(&k, "e", "z") && kit_mkdir(&k, "e"));
	CHECK(kit_write(&k, "e/y", "y"));
	CHECK(kit_record(&k, what, sizeof(what)) > 0 && recorded(""));
	CHECK(kit_has(&k, "z/b", "two") && kit_count(&k, KIT_DIR) == 10);
	CHECK(kit_move(&k, "z", "b") && kit_mkdir(&k, "z"));
	CHECK(recorded("M b\nN z\n") && recorded(""));
	/* each takes the place of the next, the last one's is new */
	CHECK(kit_move(&k, "b", "c") && kit_move(&k, "d", "b"));
	CHECK(kit_mkdir(&k, "d") && recorded("M b\nM c\nN d\n"));
	CHECK(kit_rm(&k, "d") && kit_rm(&k, "e") && kit_rm(&k, "z"));
	CHECK(kit_move(&k, "b", "d") && kit_move(&k, "c", "e"));
	CHECK(kit_record(&k, what, sizeof(what)) > 0 && recorded(""));
	/* one over another */
	CHECK(kit_rm(&k, "d") && kit_move(&k, "e", "d"));
	CHECK(recorded("M d\nV d/x\nV d\n"));
	CHECK(recorded(""));
	kit_end(&k);
}

/* By content: exactly one vanished, exactly one appeared, not empty. */
static void
test_moves_by_content(void)
{
	begin_tree();
	CHECK(kit_write(&k, "copy", "one") && kit_rm(&k, "a"));
	CHECK(recorded("M copy\n"));
	kit_wait(&k);
	CHECK(recorded(""));
	/* two that appeared: no telling which */
	CHECK(kit_write(&k, "p", "one") && kit_write(&k, "q", "one"));
	CHECK(kit_rm(&k, "copy"));
	CHECK(recorded("N p\nN q\nV copy\n"));
	CHECK(kit_write(&k, "empty", "") && recorded("N empty\n"));
	CHECK(kit_rm(&k, "empty") && kit_write(&k, "empty2", ""));
	CHECK(recorded("N empty2\nV empty\n"));
	kit_end(&k);
}

/* Hard links: one of two new names is the move, the other is new. */
static void
test_hard_links(void)
{
	char dir[] = "/tmp/zk-scan-XXXXXX";

	NEED(mkdtemp(dir) != NULL);
	NEED(kit_begin_real(&k, dir));
	CHECK(kit_write(&k, "a", "one") && recorded("N a\n"));
	CHECK(link(kit_abs(&k, "a"), kit_abs(&k, "b")) == 0);
	CHECK(link(kit_abs(&k, "a"), kit_abs(&k, "c")) == 0);
	CHECK(kit_rm(&k, "a"));
	CHECK(recorded("M b\nN c\n"));
	CHECK(kit_rm(&k, ""));
	kit_end(&k);
}

static void
test_kinds(void)
{
	begin_tree();
	CHECK(kit_rm(&k, "a") && kit_mkdir(&k, "a"));
	CHECK(kit_write(&k, "a/in", "in"));
	CHECK(kit_rm(&k, "d") && kit_write(&k, "d", "file"));
	CHECK(kit_rm(&k, "l") && kit_write(&k, "l", "file too"));
	CHECK(recorded("K a\nK l\nN a/in\nV d/b\nV d/sub/c\nV d/sub\nK d\n"));
	CHECK(recorded(""));
	kit_end(&k);
}

/* A directory moves and a file takes its name: two rows, not one. */
static void
test_name_of_moved(void)
{
	begin_tree();
	CHECK(kit_move(&k, "d", "e") && kit_write(&k, "d", "file"));
	CHECK(kit_write(&k, "e/new", "new"));
	CHECK(recorded("M e\nN e/new\nN d\n"));
	CHECK(recorded(""));
	CHECK(kit_rm(&k, "d") && kit_move(&k, "e", "d"));
	CHECK(recorded("M d\nV d\n"));
	CHECK(recorded(""));
	kit_end(&k);
}

static void
test_attributes(void)
{
	int fd;

	begin_tree();
	fd = env_openat(k.env, ENV_CWD, "/v/d", O_RDONLY | O_DIRECTORY, 0);
	CHECK(env_fchmod(k.env, fd, 0700) == 0);
	env_close(k.env, fd);
	fd = env_openat(k.env, ENV_CWD, "/v/a", O_RDONLY, 0);
	CHECK(env_fchmod(k.env, fd, 0755) == 0);
	env_close(k.env, fd);
	CHECK(recorded("C a\nA d\n"));
	CHECK(env_utimeat(k.env, ENV_CWD, "/v/a",
	    (struct env_time) { 5, 123456789 }) == 0);
	CHECK(recorded("C a\n"));
	CHECK(recorded(""));
	kit_end(&k);
}

static void
test_ignore(void)
{
	begin_tree();
	CHECK(kit_write(&k, "d/.zkignore", "*.o\n!keep.o\n/build/\n"));
	CHECK(kit_write(&k, "d/x.o", "x") && kit_write(&k, "d/keep.o", "k"));
	CHECK(kit_mkdir(&k, "d/build") && kit_write(&k, "d/build/y", "y"));
	CHECK(kit_write(&k, "x.o", "not there"));
	CHECK(recorded("N x.o\nN d/.zkignore\nN d/keep.o\n"));
	CHECK(k.scan.ignored == 2);
	/* what is ignored from now on is neither recorded nor deleted */
	CHECK(kit_write(&k, ".zk/ignore", "/a\nsub\n"));
	CHECK(kit_write(&k, "a", "changed") && kit_rm(&k, "d/sub/c"));
	CHECK(recorded(""));
	CHECK(kit_write(&k, ".zk/ignore", ""));
	CHECK(recorded("C a\nV d/sub/c\n"));
	kit_end(&k);
}

/* I2: a mount that came, went or changed makes its subtree unknown. */
static void
test_mounts(void)
{
	begin_tree();
	CHECK(fake_mount(k.fake, "/v/d") == 0);
	CHECK(recorded("U d\n"));
	CHECK(k.scan.unknown == 1);
	CHECK(fake_umount(k.fake, "/v/d") == 0);
	CHECK(recorded(""));
	CHECK(kit_mkdir(&k, "m") && fake_mount(k.fake, "/v/m") == 0);
	CHECK(kit_write(&k, "m/x", "on it"));
	CHECK(recorded("N m\nN m/x\n"));
	CHECK(recorded(""));
	CHECK(fake_umount(k.fake, "/v/m") == 0);
	CHECK(recorded("U m\n"));
	/* another file system there is not the one that was */
	CHECK(fake_mount(k.fake, "/v/m") == 0);
	CHECK(recorded("U m\n"));
	kit_end(&k);
}

/* An error while reading a directory is no deletion: at every call. */
static void
test_errors(void)
{
	int64_t n = 0;
	enum zk_err r = ZK_EIO;
	struct scan_result res;
	uint64_t gone = 0;

	begin_tree();
	CHECK(kit_rm(&k, "a"));
	for (; n < 500; n++) {
		int64_t at = fake_calls(k.fake) + n;

		fake_fail_at(k.fake, at, EIO, false);
		r = scan_run(k.root, k.db, NULL, &res);
		fake_fail_at(k.fake, -1, 0, false);
		if (fake_calls(k.fake) <= at)
			break;
		if (r != ZK_OK)
			continue;
		CHECK(diff_count(k.db, 1u << DIFF_VANISHED, &gone) == ZK_OK);
		CHECK(gone <= 1 && (gone == 1 || res.unknown > 0));
		CHECK(gone == 1 || res.unknown > 0);
	}
	CHECK(n > 20 && r == ZK_OK);
	CHECK(recorded("V a\n"));
	kit_end(&k);
}

/* I2, exit 21: another root, an empty one, one without its marker. */
static void
test_root(void)
{
	struct scan_result res;
	struct base_rootid id;

	begin_tree();
	CHECK(kit_restart(&k));
	/* covered by an empty file system */
	CHECK(fake_mount(k.fake, "/v") == 0);
	root_free(k.root);
	k.root = NULL;
	CHECK(root_find(k.env, "/v", true, &k.root) == ZK_ENOVAULT);
	CHECK(fake_umount(k.fake, "/v") == 0);
	CHECK(root_find(k.env, "/v/d/sub", true, &k.root) == ZK_OK);
	CHECK(strcmp(root_path(k.root), "/v") == 0);
	/* the marker goes while it is open */
	CHECK(kit_move(&k, ".zk", "../zk"));
	CHECK(root_check(k.root, k.db) == ZK_EROOT);
	CHECK(scan_run(k.root, k.db, NULL, &res) == ZK_EROOT);
	CHECK(kit_move(&k, "../zk", ".zk"));
	CHECK(root_check(k.root, k.db) == ZK_OK);
	/* a copy with the same marker is not the root */
	CHECK(kit_mkdir(&k, "../w"));
	CHECK(root_create(k.env, "/w", root_marker(k.root)) == ZK_OK);
	root_free(k.root);
	CHECK(root_find(k.env, "/w", true, &k.root) == ZK_OK);
	CHECK(root_check(k.root, k.db) == ZK_EROOT);
	CHECK(root_reattach(k.root, k.db) == ZK_EREFUSED);
	CHECK(kit_rm(&k, ""));
	CHECK(root_reattach(k.root, k.db) == ZK_OK);
	CHECK(root_check(k.root, k.db) == ZK_OK);
	CHECK(base_rootid_get(k.db, &id) == ZK_OK);
	CHECK(strcmp(id.path, "/w") == 0);
	snprintf(k.dir, sizeof(k.dir), "/w");
	CHECK(kit_write(&k, "a", "one") && recorded("N a\n"));
	CHECK(root_create(k.env, "/w/d", NULL) == ZK_EEXIST);
	kit_end(&k);
}

/* Names that cannot be nodes, what is no file, and our own names. */
static void
test_reports(void)
{
	char dir[] = "/tmp/zk-scan-XXXXXX";

	NEED(mkdtemp(dir) != NULL);
	NEED(kit_begin_real(&k, dir));
	CHECK(kit_write(&k, "\xff\n", "raw bytes are fine"));
	CHECK(kit_mkdir(&k, "d") && kit_mkdir(&k, "d/.zk"));
	CHECK(kit_write(&k, ".ZK-tmp-x", "no") && kit_write(&k, ".zk-tmp-1", ""));
	CHECK(mkfifo(kit_abs(&k, "fifo"), 0600) == 0);
	CHECK(recorded("B .ZK-tmp-x\nN d\nX fifo\nN \xff\n\nB d/.zk\n"));
	CHECK(k.scan.reported == 3);
	/* a FIFO in the place of a file does not delete it */
	CHECK(kit_write(&k, "f", "f") && recorded("B .ZK-tmp-x\nN f\n"
	    "X fifo\nB d/.zk\n"));
	CHECK(kit_rm(&k, "f") && mkfifo(kit_abs(&k, "f"), 0600) == 0);
	CHECK(recorded("B .ZK-tmp-x\nX f\nX fifo\nB d/.zk\n"));
	CHECK(kit_rm(&k, ""));
	kit_end(&k);
}

/* Run in a child as nobody: permissions do not bind the superuser. */
static void
test_unreadable(void)
{
	char dir[] = "/tmp/zk-scan-XXXXXX";

	NEED(mkdtemp(dir) != NULL);
	NEED(chown(dir, 65534, 65534) == 0 || geteuid() != 0);
	if (geteuid() == 0 && seteuid(65534) != 0)
		SKIP("cannot become nobody");
	NEED(kit_begin_real(&k, dir));
	CHECK(kit_mkdir(&k, "d") && kit_write(&k, "d/f", "f"));
	CHECK(kit_write(&k, "g", "g"));
	CHECK(recorded("N d\nN g\nN d/f\n"));
	CHECK(chmod(kit_abs(&k, "d"), 0000) == 0);
	CHECK(recorded("A d\nU d\n"));
	CHECK(chmod(kit_abs(&k, "d"), 0755) == 0);
	CHECK(recorded("A d\n"));
	CHECK(recorded(""));
	/* list but not enter: no stat, so nothing is known */
	CHECK(chmod(kit_abs(&k, "d"), 0400) == 0);
	CHECK(recorded("A d\nU d\n"));
	CHECK(chmod(kit_abs(&k, "d"), 0755) == 0);
	CHECK(kit_rm(&k, ""));
	kit_end(&k);
	CHECK(seteuid(0) == 0 || geteuid() != 0);
}

static void
test_only(void)
{
	static const char *const only[] = { "d/sub" };
	const struct scan_opts opts = { .paths = only, .paths_n = 1 };
	struct scan_result res;
	uint64_t n;

	begin_tree();
	CHECK(kit_write(&k, "a", "x") && kit_write(&k, "d/sub/n", "n"));
	CHECK(kit_rm(&k, "d/b") && kit_rm(&k, "d/sub/c"));
	CHECK(scan_run(k.root, k.db, &opts, &res) == ZK_OK);
	CHECK(diff_count(k.db, ~0u, &n) == ZK_OK && n == 2);
	CHECK(recorded("C a\nN d/sub/n\nV d/b\nV d/sub/c\n"));
	kit_end(&k);
}

/* A directory too large to be read with its stats at once. */
static void
test_large_directory(void)
{
	char name[32];

	begin();
	CHECK(kit_mkdir(&k, "d"));
	for (int i = 0; i < 9000; i++) {
		snprintf(name, sizeof(name), "d/%d", i);
		CHECK(kit_write(&k, name, name));
	}
	CHECK(kit_record(&k, NULL, 0) == 9001);
	kit_wait(&k);
	CHECK(kit_record(&k, NULL, 0) == 0 && k.scan.entries == 9001);
	CHECK(kit_rm(&k, "d/77") && kit_write(&k, "d/8000", "x"));
	CHECK(kit_move(&k, "d/5", "d/five"));
	CHECK(recorded("C d/8000\nM d/five\nV d/77\n"));
	kit_end(&k);
}

static struct kit *writer;
static int writes;

/* Called while the file is hashed: it changes under the reader. */
static enum zk_err
hash_and_change(void *ctx, int fd, const void *refs, size_t refs_len,
    uint8_t out[static HASH_LEN])
{
	if (writes-- > 0) {
		int w = env_openat(writer->env, ENV_CWD, "/v/large", O_WRONLY,
		    0);

		env_pwrite(writer->env, w, "!", 1, (uint64_t)writes);
		env_close(writer->env, w);
		fake_advance(writer->fake, 10);
	}
	return kit_hash_large(ctx, fd, refs, refs_len, out);
}

static void
test_changing(void)
{
	struct read_hasher h = { hash_and_change, &k };
	struct read_result res;
	char *big = malloc((1 << 20) + 2);

	NEED(big != NULL);
	memset(big, 'b', (1 << 20) + 1);
	big[(1 << 20) + 1] = '\0';
	begin();
	writer = &k;
	CHECK(kit_write(&k, "large", big));
	writes = 2;
	CHECK(read_entry(k.root, &h, "large", NULL, NULL, &res) == ZK_OK);
	writes = 3;
	CHECK(read_entry(k.root, &h, "large", NULL, NULL, &res) ==
	    ZK_ECHANGED);
	CHECK(read_entry(k.root, &h, "none", NULL, NULL, &res) == ZK_ENOENT);
	kit_end(&k);
	free(big);
}

/* Past the depth that nodes may have nothing is recorded. */
static void
test_depth(void)
{
	char path[1000] = "d";

	begin();
	for (int i = 1; i < 140; i++) {
		CHECK(kit_mkdir(&k, path));
		memcpy(path + 2 * i - 1, "/d", 3);
	}
	CHECK(kit_record(&k, NULL, 0) == 128);
	CHECK(k.scan.reported == 1);
	kit_end(&k);
}

TESTS(
    { "basic", test_basic },
    { "racy", test_racy },
    { "clock_back_I19", test_clock_back },
    { "moves", test_moves },
    { "swapped_directories", test_swap },
    { "moves_by_content", test_moves_by_content },
    { "hard_links", test_hard_links },
    { "kinds_N16", test_kinds },
    { "name_of_moved", test_name_of_moved },
    { "attributes", test_attributes },
    { "ignore", test_ignore },
    { "mounts_I2", test_mounts },
    { "read_errors_I2", test_errors },
    { "root_identity_I2", test_root },
    { "reports", test_reports },
    { "unreadable_I2", test_unreadable },
    { "only_paths", test_only },
    { "changing_file", test_changing },
    { "depth", test_depth },
    { "large_directory", test_large_directory },
)
