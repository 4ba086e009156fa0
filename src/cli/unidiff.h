/*
 * Two texts as a unified diff, as diff(1) -u and patch(1) have it.
 */
#ifndef ZK_CLI_UNIDIFF_H
#define ZK_CLI_UNIDIFF_H

#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"

/* One side: its label, which is printed escaped, and its n bytes. */
struct unidiff_side {
	const char *label;
	const uint8_t *p;
	size_t n;
};

/*
 * Appends the difference to out: nothing where there is none, one line
 * "binary files ... differ" where a side has a NUL.  ZK_ELIMIT: too many
 * lines, or more than out may hold.
 */
ZK_CHECKED enum zk_err unidiff(const struct unidiff_side *a,
    const struct unidiff_side *b, struct buf *out);

#endif
