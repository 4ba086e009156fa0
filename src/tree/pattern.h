/*
 * One pattern of gitignore(5) or gitattributes(5) against a path: anchoring,
 * directories alone, *, ?, [], **.  Pure, no I/O; what a file of patterns
 * says besides is for its reader.
 */
#ifndef ZK_TREE_PATTERN_H
#define ZK_TREE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

struct pattern {
	const char *s;		/* in the caller's text, NUL-terminated */
	size_t len;
	size_t plain;		/* leading bytes without wildcards */
	unsigned flags;		/* of pattern.c */
};

/*
 * Reads the pattern of len bytes at s, which has room for a NUL behind them
 * and has to stay where it is: a '/' at its end is cut off.  False if nothing
 * is left of it.
 */
bool pattern_read(char *s, size_t len, struct pattern *p);

/*
 * Whether it matches: name is relative to the directory of the pattern's
 * file, base its last component.
 */
bool pattern_match(const struct pattern *p, const char *name,
    const char *base, bool is_dir);

/*
 * One pattern against one string as wildmatch does with WM_PATHNAME: '*'
 * and '?' do not match '/', "**" between slashes does.
 */
bool pattern_wildmatch(const char *pattern, const char *text);

#endif
