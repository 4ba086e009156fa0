/*
 * The unit tests' harness: a program is a table of named cases.
 *
 *	static void
 *	test_empty(void)
 *	{
 *		CHECK(x == 0);
 *	}
 *
 *	TESTS(
 *	    { "empty", test_empty },
 *	)
 *
 * Each case prints "ok NAME", "not ok NAME" or "skip NAME # why"; the exit
 * status is 0 if none failed.  Arguments choose cases by name.
 */
#ifndef ZK_TESTS_UNIT_TEST_H
#define ZK_TESTS_UNIT_TEST_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct test_case {
	const char *name;
	void (*run)(void);
};

static bool test_failed;
static const char *test_skipped;

#define CHECK(x)                                                             \
	do {                                                                 \
		if (!(x)) {                                                  \
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #x);      \
			test_failed = true;                                  \
		}                                                            \
	} while (0)

/* Fails the case, with what was being done. */
#define FAIL(what)                                                           \
	do {                                                                 \
		printf("# %s:%d: %s\n", __FILE__, __LINE__, (what));         \
		test_failed = true;                                          \
	} while (0)

/* As CHECK, and leaves the case when it fails. */
#define NEED(x)                                                              \
	do {                                                                 \
		if (!(x)) {                                                  \
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #x);      \
			test_failed = true;                                  \
			return;                                              \
		}                                                            \
	} while (0)

/* Leaves the case as skipped, with the reason; counted and shown. */
#define SKIP(why)                                                            \
	do {                                                                 \
		test_skipped = (why);                                        \
		return;                                                      \
	} while (0)

static inline bool
test_wanted(int argc, char **argv, const char *name)
{
	if (argc < 2)
		return true;
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return false;
}

static inline int
test_main(const struct test_case *t, size_t n, int argc, char **argv)
{
	bool any = false;
	size_t ran = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < n; i++) {
		if (!test_wanted(argc, argv, t[i].name))
			continue;
		ran++;
		test_failed = false;
		test_skipped = NULL;
		t[i].run();
		if (test_failed)
			printf("not ok %s\n", t[i].name);
		else if (test_skipped != NULL)
			printf("skip %s # %s\n", t[i].name, test_skipped);
		else
			printf("ok %s\n", t[i].name);
		any |= test_failed;
	}
	if (ran == 0)
		fprintf(stderr, "%s: there is no such case\n", argv[0]);
	return any || ran == 0 ? 1 : 0;
}

#define TESTS(...)                                                           \
	static const struct test_case test_table[] = { __VA_ARGS__ };         \
	int main(int argc, char **argv)                                      \
	{                                                                    \
		return test_main(test_table,                                 \
		    sizeof(test_table) / sizeof(test_table[0]), argc, argv); \
	}

#endif
