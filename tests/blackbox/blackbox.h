/*
 * What the files of blackbox share: main.c (the story), tree.c (what is on
 * disk), judge.c (what is to be explained at the end).
 */
#ifndef ZK_TESTS_BLACKBOX_H
#define ZK_TESTS_BLACKBOX_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define DEVICES 3
#define VALUES_MAX 4096
#define EVENTS_MAX 65536
#define NONE (-1)
#define TORN (-2)		/* not the whole content of any value */

/* An entry below a device's folder; value is what a file or link holds. */
struct entry {
	char path[512];		/* relative, "a/b" */
	char kind;		/* 'f', 'd', 'l' */
	unsigned mode;
	struct timespec mtime;	/* of files */
	int value;
};

struct tree {
	struct entry *e;
	size_t n, cap;
};

enum what { MADE, TOUCHED, MOVED, REPLACED, DELETED };

/* What a user of device dev did with a value, knowing that much of each. */
struct event {
	enum what what;
	int value;
	int dev;
	unsigned known[DEVICES];
};

struct story {
	const char *dir;	/* holds the folders a, b, c */
	uint64_t random;
	int values;
	unsigned clock[DEVICES][DEVICES];	/* what each device knows */
	unsigned remote[DEVICES];	/* what has been pushed */
	/* what value came after which in one file: another device may have
	 * touched that file when it still held the older one */
	int after[VALUES_MAX][2];
	size_t after_n;
	struct event *events;
	size_t events_n;
	char *trace;		/* lines for people */
	size_t trace_n, trace_cap;
};

/* Adds a line to the trace. */
__attribute__((format(printf, 2, 3)))
void story_tell(struct story *s, const char *fmt, ...);

/* The content of a value: its size, and its bytes into out if not NULL. */
size_t value_content(int value, char *out);
#define VALUE_MAX 120000

/* The file or link at path (absolute): its value, NONE, or TORN. */
int value_at(const char *path);

/* What is below dir, sorted by path, without .zk.  False: it cannot be read. */
bool tree_read(struct tree *t, const char *dir);
void tree_release(struct tree *t);

/* The first difference of two trees as a line in out; false: none. */
bool tree_differ(const struct tree *a, const struct tree *b, char *out,
    size_t cap);
void tree_print(const struct tree *t, const char *name);

/* All that the story leaves unexplained in t, the tree of all, is printed. */
bool judge(const struct story *s, const struct tree *t);

#endif
