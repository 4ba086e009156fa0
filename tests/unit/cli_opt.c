/* The option parser: the GNU forms, and what it refuses. */
#include "cli/opt.h"

#include <stddef.h>

#include "cli/value.h"
#include "test.h"
#include "util/log.h"

struct target {
	bool flag;
	int level;
	const char *text;
	struct opt_list list;
	int word;
	int64_t ms;
	const char *listen;
};

#define AT(member) offsetof(struct target, member)

static const char *const words[] = { "one", "two", NULL };

static const struct opt first[] = {
	{ .letter = 'f', .name = "flag", .kind = OPT_FLAG, .off = AT(flag) },
	{ .letter = 'q', .name = "quiet", .kind = OPT_QUIET,
	    .off = AT(level) },
	{ .letter = 'v', .name = "verbose", .kind = OPT_VERBOSE,
	    .off = AT(level) },
	{ .letter = 'C', .name = "dir", .kind = OPT_STR, .off = AT(text),
	    .arg = "DIR" },
	{ .kind = OPT_END }
};

static const struct opt second[] = {
	{ .name = "url", .kind = OPT_LIST, .off = AT(list), .arg = "URL" },
	{ .name = "word", .kind = OPT_WORD, .off = AT(word), .arg = "one|two",
	    .words = words },
	{ .name = "wait", .kind = OPT_DURATION, .off = AT(ms), .arg = "DUR" },
	{ .name = "listen", .kind = OPT_STR, .off = AT(listen), .arg = "ADDR",
	    .optional = true, .def = "all" },
	{ .kind = OPT_END }
};

/*
 * Parses the words of a NULL-ended list into *t; operands are joined by
 * commas in ops.
 */
static enum zk_err
parse(const char *const *args, struct target *t, char ops[static 64])
{
	struct opt_parser p;
	char *argv[32] = { (char *)(uintptr_t)"zk" };
	int argc = 1;
	const char *s;

	for (; args[argc - 1] != NULL; argc++)
		argv[argc] = (char *)(uintptr_t)args[argc - 1];
	memset(t, 0, sizeof(*t));
	ops[0] = '\0';
	enum zk_err r = opt_init(&p, argc, argv, first);
	p.tables[1] = second;
	while (r == ZK_OK) {
		r = opt_next(&p, &s);
		if (r != ZK_OK)
			break;
		size_t n = strlen(ops);
		snprintf(ops + n, 64 - n, "%s%s", n > 0 ? "," : "", s);
	}
	if (r == ZK_ENOENT)
		r = opt_apply_given(&p, first, t);
	if (r == ZK_OK)
		r = opt_apply_given(&p, second, t);
	opt_release(&p);
	return r;
}

#define ARGS(...) (const char *const[]) { __VA_ARGS__, NULL }

static void
test_forms(void)
{
	struct target t;
	char ops[64];

	CHECK(parse(ARGS("a", "--flag", "b", "--dir", "x", "--url=u1", "c",
	    "--url", "u2"), &t, ops) == ZK_OK);
	CHECK(t.flag && strcmp(t.text, "x") == 0 && t.list.n == 2);
	CHECK(strcmp(t.list.v[1], "u2") == 0);
	CHECK(strcmp(ops, "a,b,c") == 0);
	CHECK(parse(ARGS("-fvvC", "dir"), &t, ops) == ZK_OK);
	CHECK(t.flag && t.level == 2 && strcmp(t.text, "dir") == 0);
	CHECK(parse(ARGS("-fCdir", "-q"), &t, ops) == ZK_OK);
	CHECK(strcmp(t.text, "dir") == 0 && t.level == -1);
	CHECK(parse(ARGS("-C", "-f"), &t, ops) == ZK_OK);
	CHECK(strcmp(t.text, "-f") == 0 && !t.flag);
	CHECK(parse(ARGS("--", "--flag", "-v"), &t, ops) == ZK_OK);
	CHECK(!t.flag && strcmp(ops, "--flag,-v") == 0);
	CHECK(parse(ARGS("-", "--word=two", "--wait", "2m"), &t, ops) == ZK_OK);
	CHECK(strcmp(ops, "-") == 0 && t.word == 1 && t.ms == 120000);
	CHECK(parse(ARGS("--url="), &t, ops) == ZK_EUSAGE);
}

static void
test_optional_value(void)
{
	struct target t;
	char ops[64];

	CHECK(parse(ARGS("--listen"), &t, ops) == ZK_OK);
	CHECK(strcmp(t.listen, "all") == 0);
	CHECK(parse(ARGS("--listen", "--flag"), &t, ops) == ZK_OK);
	CHECK(strcmp(t.listen, "all") == 0 && t.flag);
	CHECK(parse(ARGS("--listen", "here:1"), &t, ops) == ZK_OK);
	CHECK(strcmp(t.listen, "here:1") == 0);
	CHECK(parse(ARGS("--listen=here:2"), &t, ops) == ZK_OK);
	CHECK(strcmp(t.listen, "here:2") == 0);
}

static void
test_refused(void)
{
	struct target t;
	char ops[64];

	log_set_level(LOG_QUIET);
	CHECK(parse(ARGS("--nope"), &t, ops) == ZK_EUSAGE);
	CHECK(parse(ARGS("--fla"), &t, ops) == ZK_EUSAGE);
	CHECK(parse(ARGS("--flag=1"), &t, ops) == ZK_EUSAGE);
	CHECK(parse(ARGS("-x"), &t, ops) == ZK_EUSAGE);
	CHECK(parse(ARGS("-fx"), &t, ops) == ZK_EUSAGE);
	CHECK(parse(ARGS("--dir"), &t, ops) == ZK_EUSAGE);
	CHECK(parse(ARGS("-C"), &t, ops) == ZK_EUSAGE);
	CHECK(parse(ARGS("--dir", ""), &t, ops) == ZK_EUSAGE);
	CHECK(parse(ARGS("--word", "three"), &t, ops) == ZK_EUSAGE);
	CHECK(parse(ARGS("--wait=soon"), &t, ops) == ZK_EUSAGE);
	CHECK(parse(ARGS("--=x"), &t, ops) == ZK_EUSAGE);
	CHECK(parse(ARGS("---flag"), &t, ops) == ZK_EUSAGE);
}

static void
test_too_many(void)
{
	const char *args[OPT_LIST_MAX + 2];
	struct target t;
	char ops[64];

	log_set_level(LOG_QUIET);
	for (size_t i = 0; i <= OPT_LIST_MAX; i++)
		args[i] = "--url=u";
	args[OPT_LIST_MAX + 1] = NULL;
	CHECK(parse(args, &t, ops) == ZK_EUSAGE);
	args[OPT_LIST_MAX] = NULL;
	CHECK(parse(args, &t, ops) == ZK_OK && t.list.n == OPT_LIST_MAX);
}

TESTS(
    { "forms", test_forms },
    { "optional_value", test_optional_value },
    { "refused", test_refused },
    { "too_many", test_too_many },
)
