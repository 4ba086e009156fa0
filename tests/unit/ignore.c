/* Ignore patterns: named cases, and random ones against git itself. */
#include "test.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tree/ignore.h"
#include "tree/pattern.h"

static bool
match(const char *text, const char *path, bool is_dir)
{
	struct ignore *ig = NULL;
	bool r;

	if (ignore_new(NULL, "", text, strlen(text), &ig) != ZK_OK)
		abort();
	r = ignore_covers(ig, path, is_dir);
	ignore_unref(ig);
	return r;
}

static void
test_plain(void)
{
	CHECK(match("a", "a", false) && match("a", "x/y/a", false));
	CHECK(match("a", "a/b", false) && !match("a", "ab", false));
	CHECK(match("a/", "a", true) && !match("a/", "a", false));
	CHECK(match("a/", "a/b", false) && match("a/", "x/a/b", false));
	CHECK(match("/a", "a", false) && !match("/a", "x/a", false));
	CHECK(match("a/b", "a/b", false) && !match("a/b", "x/a/b", false));
	CHECK(match("/a/b/", "a/b", true) && !match("/a/b/", "a/b", false));
	CHECK(!match("", "a", false) && !match("/", "a", true));
	CHECK(!match("# a\n", "# a", false) && match("\\# a\n", "# a", false));
	CHECK(match("a\r\nb\r\n", "b", false) && match("\xef\xbb\xbf" "a",
	    "a", false));
	CHECK(match("a  \n", "a", false) && match("a\\ \n", "a ", false));
}

static void
test_negation(void)
{
	CHECK(!match("*.o\n!a.o\n", "a.o", false));
	CHECK(match("!a.o\n*.o\n", "a.o", false));
	CHECK(match("\\!a", "!a", false));
	/* nothing comes back below an ignored directory */
	CHECK(match("d/\n!d/a\n", "d/a", false));
	CHECK(!match("d/*\n!d/a\n", "d/a", false));
}

static void
test_wildcards(void)
{
	CHECK(match("*", "a", false) && match("*.c", "x/a.c", false));
	CHECK(!match("x/*.c", "x/y/a.c", false));
	CHECK(match("x/**/*.c", "x/y/z/a.c", false));
	CHECK(match("x/**/*.c", "x/a.c", false));
	CHECK(match("**/a", "a", false) && match("**/a", "x/y/a", false));
	CHECK(match("a/**", "a/b/c", false) && !match("a/**", "a", true));
	CHECK(match("a?c", "abc", false) && !match("a?c", "a/c", false));
	CHECK(match("[a-c]x", "bx", false) && !match("[!a-c]x", "bx", false));
	CHECK(match("[]]", "]", false) && match("[[:digit:]]", "7", false));
	CHECK(!match("[a", "[a", false) && !match("[[:none:]]", "a", false));
	CHECK(match("[a\\]]", "]", false) && !match("a\\", "a\\", false));
	/* the plain beginning is no part of a "**" */
	CHECK(match("c**/[ab]", "c/a", false) && match("c**/[ab]", "c/d/a",
	    false) && !match("c**/[ab]", "c/d", false));
	CHECK(match("\\*", "*", false) && !match("\\*", "a", false));
}

/* Deeper files win; outer patterns hold below. */
static void
test_nested(void)
{
	struct ignore *a = NULL, *b = NULL;

	NEED(ignore_new(NULL, "", "*.o\n/top\n", 9, &a) == ZK_OK);
	NEED(ignore_new(a, "d", "!k.o\n/x\n", 8, &b) == ZK_OK);
	CHECK(!ignore_match(b, "d/k.o", false));
	CHECK(ignore_match(b, "d/l.o", false));
	CHECK(ignore_match(b, "d/x", false) && !ignore_match(b, "x", false));
	CHECK(!ignore_match(b, "d/e/x", false));
	CHECK(!ignore_match(b, "d/top", false) && ignore_match(b, "top", false));
	CHECK(!ignore_match(b, "dd/x", false));
	ignore_unref(a);
	CHECK(ignore_match(b, "d/l.o", false));
	ignore_unref(b);
	CHECK(!ignore_match(NULL, "a", false));
}

/* Work is bounded whatever the pattern. */
static void
test_hostile(void)
{
	char p[400], t[4000];

	for (int i = 0; i < 130; i++)
		memcpy(p + 3 * i, i % 2 ? "*a*" : "**/", 3);
	p[390] = '\0';
	memset(t, 'a', sizeof(t));
	t[3999] = '\0';
	CHECK(!pattern_wildmatch(p, t));
	for (int i = 0; i < 3999; i += 2)
		t[i] = '/';
	CHECK(!pattern_wildmatch(p, t + 1));
	memset(p, '[', 399);
	p[399] = '\0';
	CHECK(!pattern_wildmatch(p, t));
}

static uint64_t seed = 42;

static unsigned
rnd(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 11) % n;
}

static void
random_pattern(char *out)
{
	static const char *const bits[] = {
		"a", "b", "c", "ab", "*", "?", "**", "/", "**/", "/**", "[ab]",
		"[!a]", "[a-b", "\\a", "\\*", "/**/", "[[:alpha:]]", "[]a]",
		"*b", "a*", ".", "[a\\]", "\\", " ", "***", "[^b-]"
	};
	int n = 1 + (int)rnd(5);

	out[0] = '\0';
	if (rnd(6) == 0)
		memcpy(out, "!", 2);
	if (rnd(5) == 0)
		memcpy(out + strlen(out), "/", 2);
	while (n-- > 0) {
		const char *b = bits[rnd(sizeof(bits) / sizeof(bits[0]))];

		memcpy(out + strlen(out), b, strlen(b) + 1);
	}
	if (rnd(5) == 0)
		memcpy(out + strlen(out), "/", 2);
}

/* Paths of 1 to 4 components over a small alphabet. */
static void
random_path(char *out)
{
	static const char *const names[] = {
		"a", "b", "c", "ab", "ba", "abc", "a b", "*", "a]", "b.a"
	};
	int n = 1 + (int)rnd(4);

	out[0] = '\0';
	while (n-- > 0) {
		const char *s = names[rnd(10)];

		memcpy(out + strlen(out), s, strlen(s) + 1);
		if (n > 0)
			memcpy(out + strlen(out), "/", 2);
	}
}

#define SETS 100
#define PATHS 1000

/* Answers of git check-ignore for one set, one byte a path. */
static bool
ask_git(const char *dir, char (*paths)[64], bool *out)
{
	char cmd[512], line[200];
	FILE *f;
	int i = 0;

	snprintf(cmd, sizeof(cmd), "%s/paths", dir);
	f = fopen(cmd, "w");
	if (f == NULL)
		return false;
	for (int k = 0; k < PATHS; k++)
		fprintf(f, "%s%c", paths[k], 0);
	fclose(f);
	/* -v -n: four fields a path, the first empty when nothing matches */
	snprintf(cmd, sizeof(cmd), "git -C %s/w check-ignore --no-index -v -n"
	    " -z --stdin <%s/paths", dir, dir);
	f = popen(cmd, "r");
	if (f == NULL)
		return false;
	for (int field = 0; i < PATHS; field = (field + 1) % 4) {
		size_t n = 0;
		int c;

		for (c = getc(f); c > 0; c = getc(f))
			if (n < sizeof(line) - 1)
				line[n++] = (char)c;
		if (c == EOF)
			break;
		line[n] = '\0';
		if (field == 2)
			out[i] = n > 0 && line[0] != '!';
		if (field == 3)
			i++;
	}
	return pclose(f) >= 0 && i == PATHS;
}

static bool
write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (f == NULL)
		return false;
	fputs(text, f);
	return fclose(f) == 0;
}

static void
random_text(char *text)
{
	text[0] = '\0';
	for (unsigned n = 1 + rnd(4); n > 0; n--) {
		random_pattern(text + strlen(text));
		memcpy(text + strlen(text), "\n", 2);
	}
}

/* These are there; other paths are not, so that they are no directories. */
static bool
is_dir(const char *path)
{
	return strcmp(path, "a") == 0 || strcmp(path, "a/b") == 0 ||
	    strcmp(path, "ba") == 0;
}

/* The lists of one set: in the root and in the directory a. */
static bool
random_lists(const char *dir, char text[2][400], struct ignore **root,
    struct ignore **a)
{
	char path[200];

	random_text(text[0]);
	random_text(text[1]);
	snprintf(path, sizeof(path), "%s/w/.gitignore", dir);
	if (!write_text(path, text[0]))
		return false;
	snprintf(path, sizeof(path), "%s/w/a/.gitignore", dir);
	if (!write_text(path, text[1]))
		return false;
	if (ignore_new(NULL, "", text[0], strlen(text[0]), root) != ZK_OK)
		return false;
	return ignore_new(*root, "a", text[1], strlen(text[1]), a) == ZK_OK;
}

/*
 * 10^5 random pairs of pattern files and a path, compared with git.
 * IGNORE_SEED chooses others.
 */
static void
test_git(void)
{
	char dir[] = "/tmp/zk-ignore-XXXXXX", cmd[200], text[2][400];
	static char paths[PATHS][64];
	static bool want[PATHS];
	unsigned wrong = 0, hits = 0;

	if (getenv("IGNORE_SEED") != NULL)
		seed = strtoull(getenv("IGNORE_SEED"), NULL, 10) * 7919 + 1;
	NEED(mkdtemp(dir) != NULL);
	snprintf(cmd, sizeof(cmd), "git init -q %s/w 2>/dev/null &&"
	    " mkdir -p %s/w/a/b %s/w/ba", dir, dir, dir);
	if (system(cmd) != 0)
		SKIP("no git here");
	for (int set = 0; set < SETS; set++) {
		struct ignore *root = NULL, *a = NULL;

		NEED(random_lists(dir, text, &root, &a));
		for (int i = 0; i < PATHS; i++)
			random_path(paths[i]);
		NEED(ask_git(dir, paths, want));
		for (int i = 0; i < PATHS; i++) {
			bool in_a = strncmp(paths[i], "a/", 2) == 0;

			hits += want[i];
			if (ignore_covers(in_a ? a : root, paths[i],
			    is_dir(paths[i])) == want[i])
				continue;
			if (wrong++ < 10)
				printf("# git says %d: '%s' under\n%s# and in"
				    " a\n%s", want[i], paths[i], text[0],
				    text[1]);
		}
		ignore_unref(a);
		ignore_unref(root);
	}
	CHECK(wrong == 0);
	CHECK(hits > 1000);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	CHECK(system(cmd) == 0);
}

TESTS(
    { "plain", test_plain },
    { "negation", test_negation },
    { "wildcards", test_wildcards },
    { "nested", test_nested },
    { "hostile", test_hostile },
    { "as_git", test_git },
)
