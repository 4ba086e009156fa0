/* Attributes: named cases, and random ones against git itself. */
#include "test.h"

#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tree/attrs.h"

static struct attrs_of
look(const char *text, const char *path)
{
	struct attrs *a = NULL;
	struct attrs_of of;

	if (attrs_new(NULL, "", text, strlen(text), &a) != ZK_OK)
		abort();
	of = attrs_lookup(a, path);
	attrs_unref(a);
	return of;
}

static enum attrs_merge
merge(const char *text, const char *path)
{
	return look(text, path).merge;
}

#define TEXT ATTRS_MERGE_TEXT
#define COPY ATTRS_MERGE_COPY
#define JSON ATTRS_MERGE_JSON
#define UNSET ATTRS_MERGE_UNSET

static void
test_values(void)
{
	CHECK(merge("a merge=text", "a") == TEXT);
	CHECK(merge("a merge=copy\n", "a") == COPY);
	CHECK(merge("\ta\t merge=json \r\n", "a") == JSON);
	CHECK(merge("a merge", "a") == TEXT && merge("a -merge", "a") == COPY);
	CHECK(merge("a binary", "a") == COPY);
	CHECK(merge("a -binary", "a") == UNSET);
	CHECK(merge("a merge=text merge=json", "a") == JSON);
	CHECK(merge("a binary merge=json", "a") == JSON);
	CHECK(merge("a merge=json binary", "a") == COPY);
	CHECK(merge("a merge=json\na !merge", "a") == UNSET);
	CHECK(merge("a merge=json\na merge=union", "a") == UNSET);
	CHECK(merge("a binary\na -binary", "a") == UNSET);
	CHECK(merge("a merge=json\na text eol=lf -diff", "a") == JSON);
	CHECK(merge("a merge", "b") == UNSET && merge("a", "a") == UNSET);
	CHECK(merge("", "a") == UNSET && merge("\xef\xbb\xbf" "a merge",
	    "a") == TEXT);
	CHECK(look("a atomic", "a").atomic == ATTRS_YES);
	CHECK(look("a -atomic", "a").atomic == ATTRS_NO);
	CHECK(look("* atomic\na !atomic", "a").atomic == ATTRS_UNSET);
	CHECK(look("* atomic\na merge=copy", "a").atomic == ATTRS_YES);
	CHECK(look("a atomic=1", "a").atomic == ATTRS_UNSET);
}

static enum attrs_flag
atomic_dir(const char *text, const char *path)
{
	struct attrs *a = NULL;
	enum attrs_flag is;

	if (attrs_new(NULL, "", text, strlen(text), &a) != ZK_OK)
		abort();
	is = attrs_atomic(a, path);
	attrs_unref(a);
	return is;
}

/* Of directories: a slash at the end of a pattern is for these alone. */
static void
test_directories(void)
{
	CHECK(atomic_dir("a atomic", "a") == ATTRS_YES);
	CHECK(atomic_dir("a atomic", "b/a") == ATTRS_YES);
	CHECK(atomic_dir("/a atomic", "b/a") == ATTRS_UNSET);
	CHECK(atomic_dir("a/ atomic", "a") == ATTRS_YES);
	CHECK(look("a/ atomic", "a").atomic == ATTRS_UNSET);
	CHECK(atomic_dir("*.d/ atomic\nx.d -atomic", "x.d") == ATTRS_NO);
	CHECK(atomic_dir("*.d/ atomic\nx.d !atomic", "x.d") == ATTRS_UNSET);
	CHECK(atomic_dir("src/**/.git/ atomic", "src/a/b/.git") == ATTRS_YES);
	CHECK(atomic_dir("src/**/.git/ atomic", "src/.git") == ATTRS_YES);
	CHECK(atomic_dir("src/**/.git/ atomic", "x/.git") == ATTRS_UNSET);
	/* what is in one is not meant, but that does not matter */
	CHECK(atomic_dir("a atomic", "a/b") == ATTRS_UNSET);
	CHECK(attrs_atomic(NULL, "a") == ATTRS_UNSET);
}

static void
test_patterns(void)
{
	CHECK(merge("*.json merge=json", "x/y.json") == JSON);
	CHECK(merge("/a merge=json", "x/a") == UNSET);
	CHECK(merge("x/* merge=json", "x/a") == JSON);
	CHECK(merge("x/* merge=json", "x/y/a") == UNSET);
	CHECK(merge("x/** merge=json", "x/y/a") == JSON);
	/* a directory is no file, and says nothing of what is in it */
	CHECK(merge("x merge=json", "x/a") == UNSET);
	CHECK(merge("x/ merge=json", "x") == UNSET);
	CHECK(merge("x/ merge=json", "x/a") == UNSET);
	CHECK(merge("\"a b\" merge", "a b") == TEXT);
	CHECK(merge("\"\\t\\\"\\303\\266\" merge", "\t\"\xc3\xb6") == TEXT);
	CHECK(merge("\"a merge", "\"a") == TEXT);
	CHECK(merge("\"a\\q\" merge", "\"a\\q\"") == UNSET);
	CHECK(merge("\"a\"-merge", "a") == COPY);
	CHECK(merge("\\!a merge", "!a") == TEXT);
	CHECK(merge("\\#a merge", "#a") == TEXT);
}

static void
test_nested(void)
{
	static const char top[] = "* merge=text\n/x merge=copy\n",
	    sub[] = "*.j merge=json\n/x !merge\n";
	struct attrs *a = NULL, *b = NULL;

	NEED(attrs_new(NULL, "", top, strlen(top), &a) == ZK_OK);
	NEED(attrs_new(a, "d", sub, strlen(sub), &b) == ZK_OK);
	attrs_unref(a);
	CHECK(attrs_lookup(b, "d/a.j").merge == JSON);
	CHECK(attrs_lookup(b, "d/e/a.j").merge == JSON);
	CHECK(attrs_lookup(b, "d/a").merge == TEXT);
	CHECK(attrs_lookup(b, "d/x").merge == UNSET);
	CHECK(attrs_lookup(b, "d/e/x").merge == TEXT);
	CHECK(attrs_lookup(b, "x").merge == COPY);
	CHECK(attrs_lookup(b, "dd/a.j").merge == TEXT);
	attrs_unref(b);
	CHECK(attrs_lookup(NULL, "a").merge == UNSET);
}

/* The number of the line that is not obeyed, as said of text. */
static size_t
odd(const char *text, size_t len, enum attrs_odd want)
{
	struct attrs *a = NULL;
	enum attrs_odd why;
	size_t line;

	if (attrs_new(NULL, "", text, len, &a) != ZK_OK)
		abort();
	line = attrs_odd(a, &why);
	CHECK(why == want && strlen(attrs_odd_text(why)) > 5);
	attrs_unref(a);
	return line;
}

static size_t
odd_in(const char *text, enum attrs_odd want)
{
	return odd(text, strlen(text), want);
}

static void
test_odd(void)
{
	char line[ATTRS_LINE_MAX + 20];

	CHECK(odd_in("a merge=json text\n# !\n\n", ATTRS_ODD_NONE) == 0);
	CHECK(odd_in("\n[attr]x merge\n!a x\n", ATTRS_ODD_MACRO) == 2);
	CHECK(odd_in("a b\r\n!a merge", ATTRS_ODD_NEGATIVE) == 2);
	CHECK(odd_in("a =x", ATTRS_ODD_NAME) == 1);
	CHECK(odd_in("a m$", ATTRS_ODD_NAME) == 1);
	CHECK(odd_in("a merge=union\n!a", ATTRS_ODD_VALUE) == 1);
	CHECK(odd_in("a atomic=yes\n", ATTRS_ODD_VALUE) == 1);
	CHECK(merge("a merge m$", "a") == UNSET);
	CHECK(merge("[attr]a merge\na merge=json", "[attr]a") == UNSET);
	CHECK(merge("!a merge", "a") == UNSET);
	memset(line, 'a', sizeof(line));
	memcpy(line, "a merge ", 8);
	CHECK(odd(line, ATTRS_LINE_MAX - 1, ATTRS_ODD_NONE) == 0);
	CHECK(odd(line, ATTRS_LINE_MAX, ATTRS_ODD_LONG) == 1);
	/* bytes of any kind */
	CHECK(odd("a\0b merge\n!\0\n\"\\000a\" merge", 26,
	    ATTRS_ODD_NEGATIVE) == 2);
	CHECK(odd(NULL, 0, ATTRS_ODD_NONE) == 0);
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
add(char *out, const char *s)
{
	memcpy(out + strlen(out), s, strlen(s) + 1);
}

#define PICK(list) (list)[rnd(sizeof(list) / sizeof((list)[0]))]

static void
random_line(char *out)
{
	static const char *const bits[] = { "a", "b", "c", "ab", "*", "?",
	    "**", "/", "**/", "/**", "[ab]", "[!a]", "\\a", "*b", "a*", ".",
	    "\"", "!", "#", "[attr]", "-" };
	static const char *const quoted[] = { "a", " ", "*", "/", "\\141",
	    "\\\\*", "\\t", "b", "\\142", "**/" };
	static const char *const attrs[] = { "merge=text", "merge=copy",
	    "merge=json", "-merge", "merge", "!merge", "merge=x", "atomic",
	    "-atomic", "!atomic", "atomic=x", "binary", "-binary",
	    "binary=x", "!binary", "text", "eol=lf", "-x", "-merge=json",
	    "merge=", "a.b-c_d" };
	static const char *const gaps[] = { " ", "\t", "  ", " \r " };
	bool quote = rnd(5) == 0;

	if (rnd(12) == 0)
		add(out, PICK(gaps));
	if (quote)
		add(out, "\"");
	else if (rnd(5) == 0)
		add(out, "/");
	for (unsigned n = 1 + rnd(4); n > 0; n--)
		add(out, quote ? PICK(quoted) : PICK(bits));
	if (rnd(8) == 0)
		add(out, "/");
	if (quote && rnd(8) > 0)
		add(out, "\"");
	for (unsigned n = rnd(4); n > 0; n--) {
		add(out, PICK(gaps));
		add(out, PICK(attrs));
	}
	if (rnd(30) == 0)
		add(out, " =bad");
	add(out, rnd(10) == 0 ? "\r\n" : "\n");
}

/* Paths of 1 to 4 components over a small alphabet. */
static void
random_path(char *out)
{
	static const char *const names[] = { "a", "b", "c", "ab", "ba", "abc",
	    "a b", "*", "a\"", "b.a", "!a", " " };

	out[0] = '\0';
	for (unsigned n = 1 + rnd(4); n > 0; n--) {
		add(out, PICK(names));
		if (n > 1)
			add(out, "/");
	}
}

#define SETS 40
#define PATHS 1000

static const char *const kinds[] = {
	[UNSET] = "unspecified", [TEXT] = "text", [COPY] = "copy",
	[JSON] = "json" };

/* What git's answer is to zk. */
static void
take(const char *attr, const char *value, struct attrs_of *of)
{
	if (strcmp(attr, "merge") == 0) {
		of->merge = UNSET;
		if (strcmp(value, "set") == 0)
			of->merge = TEXT;
		if (strcmp(value, "unset") == 0)
			of->merge = COPY;
		for (size_t i = TEXT; i <= JSON; i++)
			if (strcmp(value, kinds[i]) == 0)
				of->merge = (enum attrs_merge)i;
	} else {
		of->atomic = strcmp(value, "set") == 0 ? ATTRS_YES :
		    strcmp(value, "unset") == 0 ? ATTRS_NO : ATTRS_UNSET;
	}
}

/* Answers of git check-attr for one set. */
static bool
ask_git(const char *dir, char (*paths)[64], struct attrs_of *out)
{
	char cmd[512], line[3][200];
	int got = 0;
	FILE *f;

	snprintf(cmd, sizeof(cmd), "%s/paths", dir);
	f = fopen(cmd, "w");
	if (f == NULL)
		return false;
	for (int k = 0; k < PATHS; k++)
		fprintf(f, "%s%c", paths[k], 0);
	fclose(f);
	snprintf(cmd, sizeof(cmd), "HOME=%s XDG_CONFIG_HOME=%s"
	    " GIT_ATTR_NOSYSTEM=1 git -C %s/w check-attr -z --stdin merge"
	    " atomic <%s/paths 2>/dev/null", dir, dir, dir, dir);
	f = popen(cmd, "r");
	if (f == NULL)
		return false;
	for (int field = 0; got < PATHS * 2; field = (field + 1) % 3) {
		size_t n = 0;
		int c;

		for (c = getc(f); c > 0; c = getc(f))
			if (n < sizeof(line[0]) - 1)
				line[field][n++] = (char)c;
		if (c == EOF)
			break;
		line[field][n] = '\0';
		if (field == 2)
			take(line[1], line[2], &out[got++ / 2]);
	}
	return pclose(f) == 0 && got == PATHS * 2;
}

/* The list of one directory, which has its file in git's work tree, too. */
static bool
random_list(const char *dir, const char *sub, char *text, struct attrs *up,
    struct attrs **out)
{
	char path[200];
	FILE *f;

	text[0] = '\0';
	for (unsigned n = 1 + rnd(8); n > 0; n--)
		random_line(text + strlen(text));
	snprintf(path, sizeof(path), "%s/w/%s/.gitattributes", dir, sub);
	f = fopen(path, "w");
	if (f == NULL)
		return false;
	fputs(text, f);
	return fclose(f) == 0 &&
	    attrs_new(up, sub, text, strlen(text), out) == ZK_OK;
}

/*
 * Random pairs of attributes files and a path, compared with git.
 * ATTRS_SEED chooses others.
 */
static void
test_git(void)
{
	char dir[] = "/tmp/zk-attrs-XXXXXX", cmd[200];
	static char paths[PATHS][64], text[2][1000];
	static struct attrs_of want[PATHS];
	unsigned wrong = 0, hits[4] = { 0 };

	if (getenv("ATTRS_SEED") != NULL)
		seed = strtoull(getenv("ATTRS_SEED"), NULL, 10) * 7919 + 1;
	NEED(mkdtemp(dir) != NULL);
	snprintf(cmd, sizeof(cmd), "git init -q %s/w 2>/dev/null &&"
	    " mkdir -p %s/w/a", dir, dir);
	if (system(cmd) != 0)
		SKIP("no git here");
	for (int set = 0; set < SETS; set++) {
		struct attrs *root = NULL, *a = NULL;

		NEED(random_list(dir, "", text[0], NULL, &root));
		NEED(random_list(dir, "a", text[1], root, &a));
		for (int i = 0; i < PATHS; i++)
			random_path(paths[i]);
		NEED(ask_git(dir, paths, want));
		for (int i = 0; i < PATHS; i++) {
			struct attrs_of is = attrs_lookup(a, paths[i]);

			hits[want[i].merge]++;
			if (is.merge == want[i].merge &&
			    is.atomic == want[i].atomic)
				continue;
			if (wrong++ < 10)
				printf("# git says %s, %d of '%s', zk %s, %d,"
				    " under\n%s# and in a\n%s",
				    kinds[want[i].merge], want[i].atomic,
				    paths[i], kinds[is.merge], is.atomic,
				    text[0], text[1]);
		}
		attrs_unref(a);
		attrs_unref(root);
	}
	CHECK(wrong == 0);
	for (size_t i = UNSET; i <= JSON; i++)
		CHECK(hits[i] > 50);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	CHECK(system(cmd) == 0);
}

TESTS(
    { "values", test_values },
    { "directories", test_directories },
    { "patterns", test_patterns },
    { "nested", test_nested },
    { "odd", test_odd },
    { "as_git", test_git },
)
