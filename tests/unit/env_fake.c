/* The simulated environment: what the simulator takes for granted. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "tests/unit/test.h"
#include "util/env_fake.h"
#include "util/io.h"

static struct fake *f;
static struct env *env;

static void
begin(uint64_t seed)
{
	f = fake_new(seed);
	env = fake_env(f);
}

static int
put(const char *path, const char *text)
{
	int fd = env_openat(env, ENV_CWD, path, O_WRONLY | O_CREAT | O_TRUNC,
	    0644);

	if (fd < 0)
		return fd;
	if (env_write(env, fd, text, strlen(text)) != (ssize_t)strlen(text))
		return -EIO;
	return env_close(env, fd);
}

static bool
has(const char *path, const char *text)
{
	char got[64];
	ssize_t n;
	int fd = env_openat(env, ENV_CWD, path, O_RDONLY, 0);

	if (fd < 0)
		return text == NULL;
	n = env_read(env, fd, got, sizeof(got));
	env_close(env, fd);
	return text != NULL && n == (ssize_t)strlen(text) &&
	    memcmp(got, text, (size_t)n) == 0;
}

static int
mkdir_at(const char *path)
{
	return env_mkdirat(env, ENV_CWD, path, 0755);
}

static int
move(const char *from, const char *to, unsigned flags)
{
	return env_renameat(env, ENV_CWD, from, ENV_CWD, to, flags);
}

static void
test_files(void)
{
	struct env_stat a, b;

	begin(1);
	CHECK(put("/a", "one") == 0 && has("/a", "one"));
	CHECK(put("/none/a", "one") == -ENOENT);
	CHECK(put("/a/b", "one") == -ENOTDIR);
	CHECK(mkdir_at("/d") == 0 && mkdir_at("/d") == -EEXIST);
	CHECK(put("/d", "x") == -EISDIR);
	CHECK(env_statat(env, ENV_CWD, "/a", &a) == 0);
	CHECK(S_ISREG(a.mode) && a.size == 3 && a.nlink == 1);
	CHECK(env_unlinkat(env, ENV_CWD, "/a", 0) == 0);
	CHECK(put("/a", "one") == 0);
	CHECK(env_statat(env, ENV_CWD, "/a", &b) == 0 && b.ino != a.ino);
	CHECK(env_unlinkat(env, ENV_CWD, "/d", 0) == -EISDIR);
	CHECK(env_unlinkat(env, ENV_CWD, "/a", AT_REMOVEDIR) == -ENOTDIR);
	CHECK(put("/d/x", "") == 0);
	CHECK(env_unlinkat(env, ENV_CWD, "/d", AT_REMOVEDIR) == -ENOTEMPTY);
	CHECK(env_close(env, 1000) == -EBADF && env_close(env, 3) == -EBADF);
	fake_free(f);
}

static void
test_rename(void)
{
	struct env_stat a, b;

	begin(2);
	CHECK(put("/a", "a") == 0 && put("/b", "b") == 0);
	CHECK(mkdir_at("/d") == 0 && mkdir_at("/d/e") == 0);
	CHECK(move("/a", "/b", RENAME_NOREPLACE) == -EEXIST);
	CHECK(move("/a", "/b", RENAME_EXCHANGE) == 0);
	CHECK(has("/a", "b") && has("/b", "a"));
	CHECK(move("/a", "/b", 0) == 0 && has("/b", "b") && has("/a", NULL));
	CHECK(move("/d", "/d/e/f", 0) == -EINVAL);
	CHECK(move("/b", "/d", 0) == -EISDIR);
	CHECK(move("/d", "/b", 0) == -ENOTDIR);
	CHECK(env_statat(env, ENV_CWD, "/d/e", &a) == 0);
	CHECK(move("/d/e", "/x", 0) == 0);
	CHECK(env_statat(env, ENV_CWD, "/x", &b) == 0 && a.ino == b.ino);
	CHECK(env_statat(env, ENV_CWD, "/x/../b", &b) == 0);
	CHECK(move("/x", "/y", 0) == 0 && move("/y", "/d/z", 0) == 0);
	CHECK(env_statat(env, ENV_CWD, "/d/z/../../b", &b) == 0);
	CHECK(move("/none", "/y", 0) == -ENOENT);
	fake_free(f);
}

static void
test_links(void)
{
	char out[8];
	int d;

	begin(3);
	CHECK(mkdir_at("/d") == 0 && put("/d/f", "in") == 0);
	CHECK(put("/out", "out") == 0);
	CHECK(env_symlinkat(env, "d", ENV_CWD, "/l") == 0);
	CHECK(env_symlinkat(env, "../out", ENV_CWD, "/d/up") == 0);
	CHECK(env_symlinkat(env, "loop", ENV_CWD, "/loop") == 0);
	CHECK(has("/l/f", "in") && has("/d/up", "out") && has("/l/up", "out"));
	CHECK(env_openat(env, ENV_CWD, "/loop", O_RDONLY, 0) == -ELOOP);
	CHECK(env_openat(env, ENV_CWD, "/l", O_RDONLY | O_NOFOLLOW, 0) ==
	    -ELOOP);
	CHECK(env_readlinkat(env, ENV_CWD, "/d/up", out, sizeof(out)) == 6);
	CHECK(env_readlinkat(env, ENV_CWD, "/d/up", out, 2) == 2);
	d = env_openat(env, ENV_CWD, "/d", O_RDONLY | O_DIRECTORY, 0);
	NEED(d >= 0);
	CHECK(env_open_beneath(env, d, "up", O_RDONLY, 0) == -ELOOP);
	CHECK(env_open_beneath(env, d, "../out", O_RDONLY, 0) == -EXDEV);
	CHECK(env_open_beneath(env, d, "/out", O_RDONLY, 0) == -EXDEV);
	CHECK(env_open_beneath(env, d, "f", O_RDONLY, 0) >= 0);
	CHECK(env_openat(env, d, "../out", O_RDONLY, 0) >= 0);
	fake_free(f);
}

static void
test_list(void)
{
	struct env_dirent e;
	struct env_dir *d;
	unsigned seen = 0;
	int fd, err;

	begin(4);
	CHECK(put("/a", "") == 0 && mkdir_at("/b") == 0);
	CHECK(env_symlinkat(env, "a", ENV_CWD, "/c") == 0);
	fd = env_openat(env, ENV_CWD, "/", O_RDONLY | O_DIRECTORY, 0);
	NEED(fd >= 0);
	d = env_dir_open(env, fd, &err);
	NEED(d != NULL);
	while (env_dir_next(env, d, &e) == 1) {
		seen |= 1u << (e.name[0] - 'a');
		CHECK(e.type == (e.name[0] == 'a' ? 8 : e.name[0] == 'b' ?
		    4 : 10));
	}
	CHECK(seen == 7);
	env_dir_close(env, d);
	CHECK(env_close(env, fd) == 0);
	CHECK(env_dir_open(env, fd, &err) == NULL && err == -EBADF);
	fake_free(f);
}

static void
test_mount(void)
{
	struct env_stat a, b;

	begin(5);
	CHECK(mkdir_at("/m") == 0 && put("/m/under", "u") == 0);
	CHECK(put("/f", "f") == 0 && fake_mount(f, "/f") == -ENOTDIR);
	CHECK(env_statat(env, ENV_CWD, "/m", &a) == 0 && !a.mount_root);
	CHECK(fake_mount(f, "/m") == 0 && has("/m/under", NULL));
	CHECK(env_statat(env, ENV_CWD, "/m", &b) == 0 && b.mount_root);
	CHECK(a.dev != b.dev && put("/m/x", "x") == 0);
	CHECK(move("/f", "/m/f", 0) == -EXDEV);
	CHECK(has("/m/../f", "f"));
	CHECK(fake_umount(f, "/m") == 0 && has("/m/under", "u"));
	CHECK(fake_umount(f, "/m") == -EINVAL);
	fake_free(f);
}

static void
test_full(void)
{
	begin(6);
	CHECK(put("/a", "12345") == 0);
	fake_set_space(f, 8);
	CHECK(put("/b", "1234") == -EIO && put("/b", "123") == 0);
	CHECK(env_unlinkat(env, ENV_CWD, "/a", 0) == 0);
	CHECK(put("/c", "1234") == 0);
	fake_free(f);
}

static void
test_lock(void)
{
	int a, b;

	begin(7);
	CHECK(put("/l", "") == 0);
	a = env_openat(env, ENV_CWD, "/l", O_RDONLY, 0);
	b = env_openat(env, ENV_CWD, "/l", O_RDONLY, 0);
	CHECK(env_flock(env, a) == 0 && env_flock(env, b) == -EWOULDBLOCK);
	CHECK(env_close(env, a) == 0 && env_flock(env, b) == 0);
	fake_free(f);
}

/* A run with a bit of everything; its trace. */
static uint64_t
run(uint64_t seed)
{
	uint8_t r[8];
	uint64_t trace;

	begin(seed);
	for (int i = 0; i < 50; i++) {
		char name[16];

		snprintf(name, sizeof(name), "/f%d", (int)fake_below(f, 9));
		env_random(env, r, sizeof(r));
		if (r[0] < 128)
			(void)put(name, r[1] < 128 ? "x" : "yy");
		else
			(void)move(name, "/f1", 0);
	}
	trace = fake_trace(f);
	fake_free(f);
	return trace;
}

static void
test_trace(void)
{
	CHECK(run(1) == run(1) && run(2) == run(2) && run(1) != run(2));
}

static void
test_fail(void)
{
	int64_t n;

	begin(8);
	CHECK(put("/a", "a") == 0);
	n = fake_calls(f);
	CHECK(n == 2);
	fake_fail_at(f, n + 1, EIO, false);
	CHECK(put("/b", "b") == -EIO && put("/c", "c") == 0);
	fake_fail_at(f, fake_calls(f), ENOSPC, true);
	CHECK(put("/d", "d") == -ENOSPC && mkdir_at("/e") == -ENOSPC);
	fake_crash(f);
	CHECK(mkdir_at("/e") == 0);
	fake_free(f);
}

/* What was replaced with all syncs is old or new after a crash anywhere. */
static void
test_replace_crash(void)
{
	uint8_t boot[2][16];

	for (uint64_t seed = 0; seed < 200; seed++) {
		for (int64_t at = 0;; at++) {
			enum zk_err r;
			int fd;

			begin(seed);
			NEED(put("/v", "old") == 0);
			fd = env_openat(env, ENV_CWD, "/", O_RDONLY, 0);
			NEED(env_syncfs(env, fd) == 0);
			env_boot_id(env, boot[0]);
			fake_fail_at(f, fake_calls(f) + at, EIO, true);
			r = io_replace_file(env, fd, "v", "new", 3, 0600);
			fake_crash(f);
			env_boot_id(env, boot[1]);
			CHECK(memcmp(boot[0], boot[1], 16) != 0);
			CHECK(has("/v", "new") || (r != ZK_OK &&
			    has("/v", "old")));
			fake_free(f);
			if (r == ZK_OK)
				break;
		}
	}
}

/* Without syncs each way of losing shows within some seeds. */
static void
test_loss(void)
{
	unsigned seen = 0;

	for (uint64_t seed = 0; seed < 200; seed++) {
		begin(seed);
		NEED(put("/v", "old") == 0);
		NEED(env_syncfs(env, env_openat(env, ENV_CWD, "/", O_RDONLY,
		    0)) == 0);
		NEED(put("/t", "new") == 0 && move("/t", "/v", 0) == 0);
		fake_crash(f);
		seen |= has("/v", "old") ? 1 : has("/v", "new") ? 2 :
		    has("/v", "") ? 4 : 8;
		CHECK(!has("/v", NULL));
		fake_free(f);
	}
	CHECK(seen == 15);
}

static void
test_clock(void)
{
	struct env_stat a, b;
	int64_t w, m;

	begin(9);
	w = env_now_ms(env);
	m = env_mono_ms(env);
	CHECK(w / 1000 == 1767225600);
	env_sleep_ms(env, 5000);
	CHECK(env_now_ms(env) - w == 5000 && env_mono_ms(env) - m == 5000);
	fake_set_wall(f, -1500);
	CHECK(env_now(env).sec == -2 && env_mono_ms(env) - m == 5000);
	fake_set_wall(f, 1000000);
	CHECK(put("/a", "a") == 0 && put("/b", "b") == 0);
	CHECK(env_statat(env, ENV_CWD, "/a", &a) == 0);
	CHECK(env_statat(env, ENV_CWD, "/b", &b) == 0);
	CHECK(a.mtime.sec == 1000 && a.mtime.nsec == b.mtime.nsec);
	fake_free(f);
}

static void
test_cheap(void)
{
	struct timespec a, b;

	clock_gettime(CLOCK_MONOTONIC, &a);
	for (uint64_t i = 0; i < 10000; i++) {
		begin(i);
		NEED(put("/a", "a") == 0);
		fake_free(f);
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	/* far above what it takes, far below what would hurt */
	CHECK(b.tv_sec - a.tv_sec < 5);
}

TESTS(
    { "files", test_files },
    { "rename", test_rename },
    { "links", test_links },
    { "list", test_list },
    { "mount", test_mount },
    { "full", test_full },
    { "lock", test_lock },
    { "trace", test_trace },
    { "fail", test_fail },
    { "replace-crash", test_replace_crash },
    { "loss", test_loss },
    { "clock", test_clock },
    { "cheap", test_cheap },
)
