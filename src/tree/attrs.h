/*
 * Attributes of files by their path, with the syntax of gitattributes(5).
 * Files named .zkattributes hold for their directory and all below; of lines
 * that match, the last one decides an attribute, and a nearer file over those
 * above it.
 *
 *	merge=text|copy|json	how concurrent versions merge; "merge" alone
 *				is text, "-merge" is copy
 *	atomic, -atomic		whether a directory is kept as one
 *	binary			as "-merge"
 *
 * "!merge" and "!atomic" undo what lines before or above say.  Lines with
 * other attributes ("text", "eol=lf", "diff") are read, and these attributes
 * mean nothing.  As in git there are no negative patterns, one that ends in a
 * slash matches no file (but a directory, for atomic), and a pattern of a
 * directory says nothing about what is in it ("dir/" followed by "**" does).
 *
 * A struct attrs is the list of one directory with the way up to those above
 * it; immutable, counted references, safe to share between threads.  NULL is
 * the empty list.  Pure, no I/O.
 */
#ifndef ZK_TREE_ATTRS_H
#define ZK_TREE_ATTRS_H

#include <stddef.h>

#include "util/err.h"

#define ATTRS_FILE ".zkattributes"
#define ATTRS_BYTES_MAX (1u << 20)	/* of one file; more is cut off */
#define ATTRS_LINE_MAX 2048u		/* longer lines are left out */

struct attrs;

enum attrs_merge {
	ATTRS_MERGE_UNSET,	/* no line says, or one says "!merge" */
	ATTRS_MERGE_TEXT,
	ATTRS_MERGE_COPY,
	ATTRS_MERGE_JSON
};

enum attrs_flag {
	ATTRS_UNSET,
	ATTRS_NO,
	ATTRS_YES
};

struct attrs_of {
	enum attrs_merge merge;
	enum attrs_flag atomic;
};

/* Why a line, or a value in it, is not obeyed. */
enum attrs_odd {
	ATTRS_ODD_NONE,
	ATTRS_ODD_MACRO,	/* "[attr]name": zk has none */
	ATTRS_ODD_NEGATIVE,	/* "!pattern" */
	ATTRS_ODD_NAME,		/* no name of an attribute; git refuses it */
	ATTRS_ODD_LONG,		/* over ATTRS_LINE_MAX */
	ATTRS_ODD_VALUE		/* merge or atomic of an unknown value, which
				 * counts as "!merge", "!atomic" */
};

/*
 * A list below up (may be NULL; a reference is taken) with the lines in text
 * (bytes of an attributes file) for the directory dir (relative, "" for the
 * root) and all below.  Copies.  ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err attrs_new(struct attrs *up, const char *dir,
    const void *text, size_t len, struct attrs **out);

/* One more reference; returns a.  NULL is fine. */
struct attrs *attrs_ref(struct attrs *a);

/* One less; the last frees it.  NULL is fine. */
void attrs_unref(struct attrs *a);

/*
 * The first line of this list, not of those above, that is not obeyed:
 * its number, from 1, and why; 0 if there is none.  For one warning a file.
 */
size_t attrs_odd(const struct attrs *a, enum attrs_odd *why);

/* A lower-case sentence without a full stop for it; static storage. */
const char *attrs_odd_text(enum attrs_odd why);

/* What holds for the file (no directory) path, relative to the root. */
struct attrs_of attrs_lookup(const struct attrs *a, const char *path);

/*
 * Whether the directory path is to be kept as one.  Here a pattern that ends
 * in a slash matches, too.
 */
enum attrs_flag attrs_atomic(const struct attrs *a, const char *path);

#endif
