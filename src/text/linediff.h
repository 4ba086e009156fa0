/*
 * Which lines differ between two texts, of any bytes: the shortest edit, but
 * where they have little in common it may be longer than it must (myers.h).
 */
#ifndef ZK_TEXT_LINEDIFF_H
#define ZK_TEXT_LINEDIFF_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define LINEDIFF_LINES_MAX (1u << 20)	/* of either text */

/* A text in lines, each with its newline; the last may have none. */
struct linediff_text {
	const uint8_t *p;	/* lent by the caller */
	uint32_t *at;		/* n + 1: line i is [at[i], at[i + 1]) */
	uint32_t n;
};

/* Lines [a, a + an) of the first became lines [b, b + bn) of the second. */
struct linediff_run {
	uint32_t a, an;
	uint32_t b, bn;
};

struct linediff {
	struct linediff_text a, b;
	struct linediff_run *run;	/* ascending, no two touch */
	size_t n;
};

/*
 * Compares an bytes with bn bytes, below 4 GiB each, which must live as long
 * as *out.  ZK_ELIMIT: more lines than LINEDIFF_LINES_MAX.  ZK_ENOMEM.
 */
ZK_CHECKED enum zk_err linediff(const uint8_t *a, size_t an,
    const uint8_t *b, size_t bn, struct linediff *out);
void linediff_release(struct linediff *d);

#endif
