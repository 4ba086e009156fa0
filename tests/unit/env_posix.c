/* The real environment, its files above all; what leaves a folder. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/test.h"
#include "util/env.h"
#include "util/env_fake.h"
#include "util/env_posix.h"
#include "util/io.h"

static struct env *env;
static char dir[64];
static int root = -1;

static void
begin(void)
{
	env = env_posix();
	snprintf(dir, sizeof(dir), "%.40s/zkXXXXXX",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	if (mkdtemp(dir) == NULL)
		abort();
	root = env_openat(env, ENV_CWD, dir, O_RDONLY | O_DIRECTORY, 0);
}

static void
end(void)
{
	CHECK(env_close(env, root) == 0);
	CHECK(io_remove_tree(env, ENV_CWD, dir) == ZK_OK);
	CHECK(access(dir, F_OK) != 0);
}

static int
put(const char *name, const char *text)
{
	int fd = env_openat(env, root, name, O_WRONLY | O_CREAT, 0600);

	if (fd < 0)
		return fd;
	CHECK(io_write_full(env, fd, text, strlen(text)) == ZK_OK);
	return env_close(env, fd);
}

/* Result of an open below root: 0, or the errno it failed with. */
static int
beneath(const char *path, int flags)
{
	int fd = env_open_beneath(env, root, path, flags, 0600);

	if (fd < 0)
		return -fd;
	CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	env_close(env, fd);
	return 0;
}

static bool
leaves(int e)
{
	return e == EXDEV || e == ELOOP;
}

static void
escapes(void)
{
	char abs[128];

	CHECK(env_mkdirat(env, root, "d", 0700) == 0);
	CHECK(env_mkdirat(env, root, "d/e", 0700) == 0);
	CHECK(put("d/e/f", "x") == 0 && put("top", "x") == 0);
	CHECK(env_symlinkat(env, "/etc", root, "abs") == 0);
	CHECK(env_symlinkat(env, "..", root, "d/up") == 0);
	CHECK(env_symlinkat(env, "e", root, "d/in") == 0);
	CHECK(env_symlinkat(env, "f", root, "d/e/link") == 0);
	CHECK(env_symlinkat(env, "/proc/self/root", root, "magic") == 0);
	snprintf(abs, sizeof(abs), "%s/top", dir);

	CHECK(beneath("d/e/f", O_RDONLY) == 0);
	CHECK(beneath("d//e/f", O_RDONLY) == 0);
	CHECK(beneath("d/e", O_RDONLY | O_DIRECTORY) == 0);
	CHECK(beneath("d", O_PATH | O_DIRECTORY) == 0);
	CHECK(beneath("", O_RDONLY | O_DIRECTORY) == 0);
	CHECK(beneath("d/new", O_WRONLY | O_CREAT | O_EXCL) == 0);
	CHECK(beneath("d/new", O_WRONLY | O_CREAT | O_EXCL) == EEXIST);
	CHECK(beneath("none/f", O_RDONLY) == ENOENT);

	CHECK(leaves(beneath("..", O_RDONLY)));
	CHECK(leaves(beneath("../zk-escaped", O_RDONLY | O_CREAT)));
	CHECK(leaves(beneath("d/../../zk-escaped", O_RDONLY | O_CREAT)));
	CHECK(leaves(beneath("d/e/../../../zk-escaped", O_RDONLY | O_CREAT)));
	CHECK(leaves(beneath(abs, O_RDONLY)));
	CHECK(leaves(beneath("/", O_RDONLY)));
	CHECK(leaves(beneath("abs/passwd", O_RDONLY)));
	CHECK(leaves(beneath("abs", O_RDONLY)));
	CHECK(leaves(beneath("d/up/top", O_RDONLY)));
	CHECK(leaves(beneath("d/up/zk-escaped", O_WRONLY | O_CREAT)));
	/* a link that stays inside is refused as well: it can be changed */
	CHECK(leaves(beneath("d/in/f", O_RDONLY)));
	CHECK(leaves(beneath("d/e/link", O_RDONLY)));
	CHECK(leaves(beneath("d/e/link", O_WRONLY | O_TRUNC)));
	CHECK(leaves(beneath("magic/etc/passwd", O_RDONLY)));
	CHECK(access(abs, F_OK) == 0);
	snprintf(abs, sizeof(abs), "%s/../zk-escaped", dir);
	CHECK(access(abs, F_OK) != 0);
}

static void
test_beneath(void)
{
	begin();
	escapes();
	end();
}

static void
test_beneath_steps(void)
{
	env_posix_no_openat2(true);
	begin();
	escapes();
	end();
	env_posix_no_openat2(false);
}

/* A name replaced by a link between two opens never leads out. */
static void
test_beneath_race(void)
{
	for (int i = 0; i < 2; i++) {
		env_posix_no_openat2(i == 1);
		begin();
		for (int n = 0; n < 200; n++) {
			CHECK(env_mkdirat(env, root, "d", 0700) == 0);
			CHECK(beneath("d/passwd", O_RDONLY) == ENOENT);
			CHECK(env_unlinkat(env, root, "d", AT_REMOVEDIR) ==
			    0);
			CHECK(env_symlinkat(env, "/etc", root, "d") == 0);
			CHECK(leaves(beneath("d/passwd", O_RDONLY)));
			CHECK(env_unlinkat(env, root, "d", 0) == 0);
		}
		end();
	}
	env_posix_no_openat2(false);
}

static void
test_stat(void)
{
	struct env_time t = { -5, 123456789 };
	struct env_fsinfo info;
	struct env_stat a, b;
	int fd;

	begin();
	CHECK(put("f", "12345") == 0);
	CHECK(env_statat(env, root, "f", &a) == 0);
	CHECK(S_ISREG(a.mode) && a.size == 5 && a.nlink == 1);
	CHECK(a.uid == geteuid() && !a.mount_root);
	CHECK(env_utimeat(env, root, "f", t) == 0);
	CHECK(env_statat(env, root, "f", &b) == 0);
	CHECK(b.mtime.sec == -5 && b.mtime.nsec == 123456789);
	CHECK(b.ino == a.ino && b.dev == a.dev);
	fd = env_openat(env, root, "f", O_RDWR, 0);
	CHECK(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	CHECK(env_fchmod(env, fd, 0640) == 0);
	CHECK(env_ftruncate(env, fd, 2) == 0);
	CHECK(env_fsync(env, fd) == 0 && env_syncfs(env, fd) == 0);
	CHECK(env_fstat(env, fd, &b) == 0);
	CHECK((b.mode & 07777) == 0640 && b.size == 2);
	CHECK(env_fsinfo(env, fd, &info) == 0 && info.total > 0);
	CHECK(info.free <= info.total);
	CHECK(env_seek(env, fd, 2, SEEK_DATA) == -ENXIO);
	CHECK(env_close(env, fd) == 0 && env_close(env, fd) == -EBADF);
	CHECK(env_statat(env, root, "none", &a) == -ENOENT);
	CHECK(env_statat(env, ENV_CWD, "/proc", &a) == 0 && a.mount_root);
	CHECK(env_symlinkat(env, "none", root, "l") == 0);
	CHECK(env_statat(env, root, "l", &a) == 0 && S_ISLNK(a.mode));
	CHECK(env_utimeat(env, root, "l", t) == 0);
	end();
}

static void
test_rename(void)
{
	begin();
	CHECK(put("a", "a") == 0 && put("b", "b") == 0);
	CHECK(env_renameat(env, root, "a", root, "b", RENAME_NOREPLACE) ==
	    -EEXIST);
	CHECK(env_renameat(env, root, "a", root, "b", RENAME_EXCHANGE) == 0);
	CHECK(env_renameat(env, root, "a", root, "b", 0) == 0);
	CHECK(env_renameat(env, root, "a", root, "b", 0) == -ENOENT);
	end();
}

static void
test_list(void)
{
	struct env_dirent e;
	struct env_dir *d;
	unsigned seen = 0;
	int err;

	begin();
	CHECK(put("a", "") == 0 && put("b", "") == 0 && put("c", "") == 0);
	/* a descriptor may be listed more than once */
	for (int i = 0; i < 2; i++) {
		d = env_dir_open(env, root, &err);
		NEED(d != NULL);
		seen = 0;
		while (env_dir_next(env, d, &e) == 1) {
			CHECK(strlen(e.name) == 1 && e.ino != 0);
			seen |= 1u << (e.name[0] - 'a');
		}
		CHECK(seen == 7);
		env_dir_close(env, d);
	}
	CHECK(env_dir_open(env, -1, &err) == NULL && err == -EBADF);
	end();
}

static void
test_flock(void)
{
	int a, b;

	begin();
	CHECK(put("l", "") == 0);
	a = env_openat(env, root, "l", O_RDWR, 0);
	b = env_openat(env, root, "l", O_RDWR, 0);
	CHECK(env_flock(env, a) == 0 && env_flock(env, b) == -EWOULDBLOCK);
	CHECK(env_close(env, a) == 0 && env_flock(env, b) == 0);
	CHECK(env_close(env, b) == 0);
	end();
}

static void
test_clock(void)
{
	uint8_t a[16], b[16], zero[16] = { 0 };
	int64_t m;

	env = env_posix();
	m = env_mono_ms(env);
	env_sleep_ms(env, 20);
	CHECK(env_mono_ms(env) - m >= 20);
	CHECK(env_now_ms(env) / 1000 - env_now(env).sec <= 0);
	env_boot_id(env, a);
	env_boot_id(env, b);
	CHECK(memcmp(a, b, 16) == 0 && memcmp(a, zero, 16) != 0);
	env_random(env, a, 16);
	env_random(env, b, 16);
	CHECK(memcmp(a, b, 16) != 0);
	CHECK(env_var("ZK_SURELY_NOT_SET") == NULL);
	CHECK(env_var("PATH") != NULL);
}

static void
test_io(void)
{
	struct buf b;
	char text[8];
	size_t got;
	int fd;

	begin();
	buf_init(&b, 5);
	CHECK(io_replace_file(env, root, "v", "12345", 5, 0640) == ZK_OK);
	CHECK(io_read_file(env, root, "v", &b) == ZK_OK && b.len == 5);
	CHECK(io_replace_file(env, root, "v", "123456", 6, 0600) == ZK_OK);
	buf_reset(&b);
	CHECK(io_read_file(env, root, "v", &b) == ZK_ELIMIT);
	CHECK(io_read_file(env, root, "none", &b) == ZK_ENOENT);
	fd = env_openat(env, root, "v", O_RDONLY, 0);
	CHECK(io_pread_full(env, fd, text, 6, 0) == ZK_OK);
	CHECK(memcmp(text, "123456", 6) == 0);
	CHECK(io_pread_full(env, fd, text, 6, 1) == ZK_EFORMAT);
	CHECK(io_read_some(env, fd, text, 8, &got) == ZK_OK && got == 6);
	CHECK(io_write_full(env, fd, "x", 1) != ZK_OK);
	env_close(env, fd);
	/* a directory in the way: an error, and no temporary is left */
	CHECK(env_mkdirat(env, root, "d", 0700) == 0);
	CHECK(io_replace_file(env, root, "d", "x", 1, 0600) != ZK_OK);
	CHECK(env_unlinkat(env, root, "d", AT_REMOVEDIR) == 0);
	CHECK(env_unlinkat(env, root, "v", 0) == 0);
	CHECK(rmdir(dir) == 0 && mkdir(dir, 0700) == 0);
	buf_release(&b);
	CHECK(env_close(env, root) == 0);
	root = env_openat(env, ENV_CWD, dir, O_RDONLY | O_DIRECTORY, 0);
	end();
}

static void
test_trees(void)
{
	char path[128];
	struct stat st;

	begin();
	snprintf(path, sizeof(path), "%s/a/b/c", dir);
	CHECK(io_mkdirs(env, path, 0700) == ZK_OK);
	CHECK(io_mkdirs(env, path, 0700) == ZK_OK);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0700);
	CHECK(put("a/b/c/f", "x") == 0 && put("keep", "x") == 0);
	/* what a link points to stays */
	CHECK(env_symlinkat(env, "../../keep", root, "a/b/l") == 0);
	CHECK(env_symlinkat(env, "..", root, "a/up") == 0);
	CHECK(io_remove_tree(env, root, "a") == ZK_OK);
	CHECK(env_statat(env, root, "a", &(struct env_stat){ 0 }) == -ENOENT);
	CHECK(env_statat(env, root, "keep", &(struct env_stat){ 0 }) == 0);
	CHECK(io_remove_tree(env, root, "a") == ZK_OK);
	snprintf(path, sizeof(path), "%s/keep/x", dir);
	CHECK(io_mkdirs(env, path, 0700) != ZK_OK);
	end();
}

static void
test_net(void)
{
	uint8_t peer[16];
	uint16_t port = 0, again = 0;
	int fd, other;

	env = env_posix();
	fd = env_net_listen(env, "127.0.0.1", 0, true, &port);
	NEED(fd >= 0);
	CHECK(port != 0);
	CHECK(env_net_accept(env, fd, peer) == -EAGAIN);
	other = env_net_listen(env, "127.0.0.1", port, true, &again);
	CHECK(other >= 0 && again == port);
	env_close(env, other);
	CHECK(env_net_listen(env, "127.0.0.1", port, false, &again) ==
	    -EADDRINUSE);
	CHECK(env_net_listen(env, "localhost", 0, false, &again) == -EINVAL);
	CHECK(env_net_listen(env, "256.0.0.1", 0, false, &again) == -EINVAL);
	env_close(env, fd);
}

TESTS(
    { "beneath", test_beneath },
    { "beneath-steps", test_beneath_steps },
    { "beneath-race", test_beneath_race },
    { "stat", test_stat },
    { "rename", test_rename },
    { "list", test_list },
    { "flock", test_flock },
    { "clock", test_clock },
    { "io", test_io },
    { "trees", test_trees },
    { "net", test_net },
)
