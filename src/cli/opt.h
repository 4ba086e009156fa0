/*
 * Options as typed tables, read the GNU way: --name=value or --name value,
 * -x value or -xvalue, bundles of short flags, "--" ends options, operands
 * anywhere between.  Names are exact: an abbreviation that works today could
 * mean something else tomorrow, so it gets a suggestion instead.
 *
 * A parser collects what was given; nothing is stored until opt_apply, so
 * that settings of lower rank can be applied first.  Trouble is logged here
 * as one line and comes back as ZK_EUSAGE.
 */
#ifndef ZK_CLI_OPT_H
#define ZK_CLI_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define OPT_LIST_MAX 16	/* values of one repeatable option */

/* What an option stores at its offset. */
enum opt_kind {
	OPT_END = 0,
	OPT_FLAG,	/* bool: true */
	OPT_QUIET,	/* int: -1 */
	OPT_VERBOSE,	/* int: one more, from 0 if it was less */
	OPT_STR,	/* const char *, not empty */
	OPT_LIST,	/* struct opt_list: one more */
	OPT_WORD,	/* int: index into words */
	OPT_NUMBER,	/* uint64_t */
	OPT_DURATION,	/* int64_t, ms */
	OPT_SIZE,	/* uint64_t, bytes */
	OPT_RATES,	/* struct value_rates */
	OPT_LIMIT	/* struct value_limit */
};

/* What completions offer for the value. */
enum opt_complete {
	OPT_C_NONE,
	OPT_C_DIR,
	OPT_C_FILE,
	OPT_C_REMOTE,
	OPT_C_DEVICE
};

struct opt_list {
	const char *v[OPT_LIST_MAX];
	size_t n;
};

/* One option; a table ends with kind OPT_END. */
struct opt {
	char letter;		/* 0: none */
	const char *name;	/* without dashes */
	enum opt_kind kind;
	size_t off;		/* of the value in the target struct */
	const char *arg;	/* placeholder in help; NULL: takes no value */
	const char *help;	/* lower case, no full stop */
	const char *const *words;	/* OPT_WORD, NULL at the end */
	bool optional;		/* value may be missing: then def is stored */
	const char *def;
	enum opt_complete complete;
	/* global options only */
	const char *var;	/* variable of the same meaning, or NULL */
	unsigned mask;		/* bit that a command's .globals names */
};

/* One option as it stood on the command line. */
struct opt_given {
	const struct opt *opt;
	const char *value;	/* NULL: none */
};

struct opt_parser {
	char **argv;		/* borrowed */
	int argc;
	int at;			/* next argument */
	const char *bundle;	/* rest of a bundle of short options */
	bool operands_only;	/* "--" was seen */
	const struct opt *tables[2];	/* looked up in this order */
	struct opt_given *given;	/* owned; at most argc */
	size_t given_n;
	const char *cmd;	/* for messages; NULL before it is known */
};

/*
 * Starts at argv[1] with one table; more can be set in tables[1] later.
 * ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err opt_init(struct opt_parser *p, int argc, char **argv,
    const struct opt *table);
void opt_release(struct opt_parser *p);

/*
 * Collects options up to the next operand: ZK_OK and *operand (lent from
 * argv), ZK_ENOENT when there are no more, ZK_EUSAGE.
 */
ZK_CHECKED enum zk_err opt_next(struct opt_parser *p, const char **operand);

/*
 * Stores value (NULL for a flag) of o into target.  what names the source
 * in the message: "--timeout", "ZK_TIMEOUT", "timeout in FILE".
 */
ZK_CHECKED enum zk_err opt_apply(const struct opt *o, const char *value,
    const char *what, void *target);

/* Applies all that was given from table to target. */
ZK_CHECKED enum zk_err opt_apply_given(const struct opt_parser *p,
    const struct opt *table, void *target);

/* The option of that name in table, or NULL. */
const struct opt *opt_find(const struct opt *table, const char *name,
    size_t len);

/* Entries of a table before OPT_END; table may be NULL. */
size_t opt_count(const struct opt *table);

#endif
