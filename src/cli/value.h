/*
 * Strict parsers for the values that options, variables and settings take.
 * The whole string must be the value: no white space, no sign, no leftover.
 * Every failure is ZK_EUSAGE and leaves the output untouched; nothing is
 * printed here (the caller knows which option it was).
 */
#ifndef ZK_CLI_VALUE_H
#define ZK_CLI_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

/* Bytes a second each way; 0 is no limit. */
struct value_rates {
	uint64_t up;
	uint64_t down;
};

/* The deletion brake: at most n removals, or n percent of the tree. */
struct value_limit {
	bool set;
	bool percent;
	uint64_t n;
};

/* A decimal number of at most max. */
ZK_CHECKED enum zk_err value_number(const char *s, uint64_t max,
    uint64_t *out);

/*
 * A duration in ms: a number with ms, s, m, h or d, several in falling
 * order ("1h30m"), or a bare number of seconds.  At most 10 years.
 */
ZK_CHECKED enum zk_err value_duration(const char *s, int64_t *ms);

/*
 * A size in bytes: a number with nothing, B, or K, M, G, T (powers of 1024,
 * any case, also written KiB, MiB, GiB, TiB).
 */
ZK_CHECKED enum zk_err value_size(const char *s, uint64_t *bytes);

/* UP:DOWN, each a size a second; "0", "off" or nothing is no limit. */
ZK_CHECKED enum zk_err value_rates(const char *s, struct value_rates *out);

/* "N" or "N%" (at most 100%). */
ZK_CHECKED enum zk_err value_limit(const char *s, struct value_limit *out);

/* 1, true, yes, on; 0, false, no, off, and the empty string. */
ZK_CHECKED enum zk_err value_bool(const char *s, bool *out);

/* Index of s in words, which ends with NULL. */
ZK_CHECKED enum zk_err value_word(const char *s, const char *const *words,
    int *out);

/*
 * The word of n (each called by name(arg, i)) that s was probably meant to
 * be: at most two edits away and not everything changed.  NULL if none.
 */
const char *value_nearest(const char *s, size_t n,
    const char *(*name)(const void *arg, size_t i), const void *arg);

#endif
