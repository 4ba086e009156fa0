/* Codes, log lines, JSON, names, pools. */
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/test.h"
#include "util/buf.h"
#include "util/env_fake.h"
#include "util/fold.h"
#include "util/jsonw.h"
#include "util/log.h"
#include "util/path.h"
#include "util/pool.h"

static void
test_codes(void)
{
	static const int order[] = { 22, 24, 23, 21, 20, 11, 12, 10, 2, 5, 1,
		141, 3, 4, 0 };

	for (enum zk_err a = ZK_OK; a < ZK_ERR_COUNT; a++) {
		CHECK(err_name(a)[0] != '\0' && err_text(a)[0] != '\0');
		CHECK(err_worse(a, ZK_OK) == a && err_worse(ZK_OK, a) == a);
		for (enum zk_err b = a + 1; b < ZK_ERR_COUNT; b++) {
			CHECK(strcmp(err_name(a), err_name(b)) != 0);
			/* either way round, up to equal ranks */
			CHECK(err_status(err_worse(a, b)) ==
			    err_status(err_worse(b, a)));
			if (err_status(a) == err_status(b))
				CHECK(err_worse(a, b) == a);
		}
	}
	for (size_t i = 0; i + 1 < sizeof(order) / sizeof(order[0]); i++)
		for (enum zk_err a = ZK_OK; a < ZK_ERR_COUNT; a++)
			for (enum zk_err b = ZK_OK; b < ZK_ERR_COUNT; b++)
				if (err_status(a) == order[i] &&
				    err_status(b) == order[i + 1])
					CHECK(err_worse(b, a) == a);
	CHECK(err_status((enum zk_err)9999) == 1);
	CHECK(strcmp(err_name((enum zk_err)9999), "internal") == 0);
	CHECK(err_from_errno(0) == ZK_OK && err_from_errno(12345) == ZK_EIO);
	CHECK(err_from_errno(ENOSPC) == ZK_EDISKFULL);
	CHECK(err_from_errno(ENOENT) == ZK_ENOENT);
	CHECK(err_from_errno(EACCES) == ZK_EPERM);
	CHECK(err_from_errno(EEXIST) == ZK_EEXIST);
}

static bool
escapes_to(const char *in, size_t n, const char *want)
{
	struct buf b;
	bool same;

	buf_init(&b, 1000);
	same = log_escape(&b, in, n) == ZK_OK && b.len == strlen(want) &&
	    memcmp(b.data == NULL ? (const uint8_t *)"" : b.data, want,
	    b.len) == 0;
	buf_release(&b);
	return same;
}

static void
test_escape(void)
{
	CHECK(escapes_to("", 0, ""));
	CHECK(escapes_to("a\033[2Jb", 6, "a\\x1b[2Jb"));
	CHECK(escapes_to("a\nb\r\0", 5, "a\\x0ab\\x0d\\x00"));
	CHECK(escapes_to("\x7f", 1, "\\x7f"));
	CHECK(escapes_to("\xc2\x9b" "1m", 4, "\\xc2\\x9b1m"));	/* C1 CSI */
	CHECK(escapes_to("gr\xc3\xbc\xc3\x9f", 6, "gr\xc3\xbc\xc3\x9f"));
	CHECK(escapes_to("\xff\xc3", 2, "\\xff\\xc3"));
	CHECK(escapes_to("\xc0\x80", 2, "\\xc0\\x80"));	/* overlong */
	CHECK(escapes_to("\xed\xa0\x80", 3, "\\xed\\xa0\\x80"));
	CHECK(escapes_to("\xe2\x80\xae", 3, "\\xe2\\x80\\xae")); /* RLO */
	CHECK(escapes_to("\xf0\x9f\x99\x82", 4, "\xf0\x9f\x99\x82"));
}

/* What body prints to stderr, in a process of its own. */
static size_t
printed(void (*body)(void), char *out, size_t cap)
{
	size_t len = 0;
	ssize_t n = 1;
	int p[2];
	pid_t pid;

	if (pipe(p) != 0)
		return 0;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		dup2(p[1], 2);
		close(p[0]);
		body();
		_exit(0);
	}
	close(p[1]);
	while (n > 0 && len < cap - 1) {
		n = read(p[0], out + len, cap - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	}
	out[len] = '\0';
	close(p[0]);
	waitpid(pid, NULL, 0);
	return len;
}

static void
body_plain(void)
{
	log_info("not shown");
	log_warn("cannot see '%s'", "a\033b");
	log_error(ZK_EIO, NULL, "cannot open '%s'", "x\ny");
	log_set_level(LOG_QUIET);
	log_warn("not shown");
	log_set_level(LOG_DEBUG);
	log_debug("shown %d", 1);
}

static void
body_json(void)
{
	struct log_where w = { .path = "a\xff\"b", .remote = "file:///x" };

	log_set_json(true);
	log_warn("not shown");
	log_error(ZK_EROLLBACK, &w, "went back");
}

static void
body_bug(void)
{
	BUG("on purpose");
}

static void
test_log(void)
{
	char out[2000];

	printed(body_plain, out, sizeof(out));
	CHECK(strstr(out, "not shown") == NULL);
	CHECK(strstr(out, "cannot see 'a\\x1bb'\n") != NULL);
	CHECK(strstr(out, "zk: cannot open 'x\\x0ay'\n") != NULL);
	CHECK(strstr(out, "shown 1\n") != NULL);
	printed(body_json, out, sizeof(out));
	CHECK(strstr(out, "{\"type\":\"error\",\"status\":22,"
	    "\"code\":\"rollback\",\"message\":\"went back\",") == out);
	CHECK(strstr(out, "\"path\":\"a\xef\xbf\xbd\\\"b\"") != NULL);
	CHECK(strstr(out, "\"path_b64\":\"Yf8iYg==\"") != NULL);
	CHECK(strstr(out, "\"remote\":\"file:///x\"}\n") != NULL);
	CHECK(strchr(out, '\n') == out + strlen(out) - 1);
	printed(body_bug, out, sizeof(out));
	CHECK(strstr(out, "on purpose") != NULL);
}

static void
test_json(void)
{
	static const char want[] = "{\"s\":\"a\\\"\\\\\\u000a\",\"i\":-5,"
	    "\"b\":true,\"n\":null,\"l\":[{\"x\":1},{}],\"e\":\"\","
	    "\"d\":\"\\u009b\\u202e\\udb40\\udc41\xc3\xa9\"}\n";
	struct jsonw w;
	struct buf b;

	buf_init(&b, 1000);
	jsonw_begin(&w, &b);
	jsonw_str(&w, "s", "a\"\\\n");
	jsonw_int(&w, "i", -5);
	jsonw_bool(&w, "b", true);
	jsonw_null(&w, "n");
	jsonw_open(&w, "l", '[');
	jsonw_open(&w, NULL, '{');
	jsonw_int(&w, "x", 1);
	jsonw_close(&w, '}');
	jsonw_open(&w, NULL, '{');
	jsonw_close(&w, '}');
	jsonw_close(&w, ']');
	jsonw_bytes(&w, "e", "", 0);
	jsonw_str(&w, "d", "\xc2\x9b\xe2\x80\xae\xf3\xa0\x81\x81\xc3\xa9");
	jsonw_end(&w);
	CHECK(strcmp(buf_cstr(&b), want) == 0);
	buf_release(&b);
}

static bool
name_ok(const char *s)
{
	return path_name_ok(s, strlen(s));
}

static void
test_names(void)
{
	static const char *const good[] = { "a", " ", "...", ".zkignore",
		"zk", ".zk-", ".zk-tmp", ".zkx", "a.zk", ".z", "-rf", "\n",
		"\xff\xfe", ".zk\xcc\x81", "\xc3\xa9", ".git", ".ZK2" };
	static const char *const bad[] = { "", ".", "..", "a/b", "/", ".zk",
		".ZK", ".Zk", ".zk-tmp-", ".ZK-Tmp-1", ".zk-tmp-abc",
		".z\xe2\x80\x8bk",		/* zero width space */
		"\xef\xbb\xbf.zk",		/* byte order mark */
		".zk\xc2\xad",			/* soft hyphen */
		".z\xe2\x84\xaa",		/* kelvin sign */
		"\xef\xbc\x8e\xef\xbd\x9a\xef\xbd\x8b",	/* full width */
		".\xf0\x9d\x90\xb3k",		/* mathematical z */
		".z\xe1\xb5\x8f",		/* small k above */
		".zk-\xe2\x84\xa2p-1",		/* trade mark: tm */
		".zk\xef\xb8\x8f",		/* variation selector */
		(".\xf3\xa0\x81\xba" "zk") };	/* tag letter */
	char longest[257];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!name_ok(good[i]))
			FAIL(good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (name_ok(bad[i]))
			FAIL(bad[i]);
	CHECK(!path_name_ok("a\0b", 3));
	memset(longest, 'a', sizeof(longest));
	CHECK(path_name_ok(longest, 255) && !path_name_ok(longest, 256));
	/* ignorable code points may be many */
	for (size_t i = 0; i < 252; i += 3)
		memcpy(longest + i, "\xe2\x80\x8b", 3);
	memcpy(longest + 252, ".zk", 3);
	CHECK(!path_name_ok(longest, 255));
}

static void
test_paths(void)
{
	struct buf b;

	CHECK(path_ok("a") && path_ok("a/b/c") && path_ok("a/.zkx"));
	CHECK(!path_ok("") && !path_ok("/a") && !path_ok("a/"));
	CHECK(!path_ok("a//b") && !path_ok("a/../b") && !path_ok("./a"));
	CHECK(!path_ok("a/.zk/b") && !path_ok("a/.zk-tmp-1"));
	buf_init(&b, 10000);
	for (int i = 0; i < 128; i++)
		CHECK(path_join(&b, "d", 1) == ZK_OK);
	CHECK(path_ok(buf_cstr(&b)) && b.len == 255);
	CHECK(path_join(&b, "d", 1) == ZK_OK && !path_ok(buf_cstr(&b)));
	buf_reset(&b);
	while (b.len < 4096 - 205) {
		char part[205];

		memset(part, 'x', sizeof(part));
		CHECK(path_join(&b, part, 204) == ZK_OK);
	}
	CHECK(path_ok(buf_cstr(&b)));
	while (b.len <= 4096)
		CHECK(path_join(&b, "yyyyyyyy", 8) == ZK_OK);
	CHECK(!path_ok(buf_cstr(&b)));
	buf_release(&b);
}

static atomic_int ran;

static void
job_run(void *job)
{
	int *n = job;

	if (*n % 7 == 0)
		usleep(500);
	*n += 1000;
	atomic_fetch_add(&ran, 1);
}

static void
job_drop(void *job)
{
	*(int *)job = -1;
}

/* Results come in the order of the jobs, with threads and without. */
static void
pool_order(bool single)
{
	struct env env = { .single = single };
	struct pool *p = NULL;
	int jobs[200];
	int put = 0, took = 0;

	atomic_store(&ran, 0);
	NEED(pool_new(&env, 3, 8, job_run, &p) == ZK_OK);
	CHECK(pool_take(p, true) == NULL && pool_take(p, false) == NULL);
	while (took < 200) {
		while (put < 200) {
			jobs[put] = put;
			if (!pool_put(p, &jobs[put]))
				break;
			put++;
		}
		CHECK(pool_out(p) <= 8 && pool_out(p) > 0);
		NEED(pool_take(p, true) == &jobs[took]);
		CHECK(jobs[took] == took + 1000);
		took++;
	}
	CHECK(atomic_load(&ran) == 200 && pool_out(p) == 0);
	for (int i = 0; i < 8; i++)
		CHECK(pool_put(p, &jobs[i]));
	CHECK(!pool_put(p, &jobs[8]));
	pool_free(p, job_drop);
	for (int i = 0; i < 8; i++)
		CHECK(jobs[i] == -1);
	pool_free(NULL, NULL);
}

static void
test_pool(void)
{
	pool_order(false);
	pool_order(true);
}

TESTS(
    { "codes", test_codes },
    { "escape", test_escape },
    { "log", test_log },
    { "json", test_json },
    { "names", test_names },
    { "paths", test_paths },
    { "pool", test_pool },
)
