/*
 * Which held segments a checkpoint is about (zk-format(5), CHECKPOINTS).
 * Internal to sync/.
 *
 * Known is all in its past: what its writer had.  The cut is the part of
 * that which it covers, by the ends of its logs.
 */
#ifndef ZK_SYNC_CPCUT_H
#define ZK_SYNC_CPCUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/logop.h"
#include "sync/vault.h"
#include "util/err.h"

struct cpcut {
	uint8_t *bits;		/* of each row of logdb */
	int64_t rows;
	struct logop_end *ends;	/* of the cut, in the order of the op */
	size_t ends_n, ends_cap;
	uint64_t segments;	/* in the cut */
	uint64_t fresh;		/* of them, those that are not thin here */
	uint64_t fresh_bytes;	/* as they are stored */
};

/*
 * That of a new checkpoint: all that is applied is known, and the cut is what
 * came before the time before (ms since 1970), from the first on in the order
 * applied, and what those before it cover.  An empty cut has no ends.
 */
ZK_CHECKED enum zk_err cpcut_new(struct vault *v, int64_t before,
    struct cpcut *out);

/*
 * That of the checkpoint whose op, with this body, is in the applied segment
 * in row seg; without ends.  ZK_EFORMAT: the body is malformed, the cut is not
 * in its past, or covers less than a checkpoint in its past.
 */
ZK_CHECKED enum zk_err cpcut_of(struct vault *v, int64_t seg,
    const uint8_t *body, size_t n, struct cpcut *out);

/* Whether all of the cut that is not thin here came before that time. */
ZK_CHECKED enum zk_err cpcut_is_old(struct vault *v, const struct cpcut *c,
    int64_t before, bool *yes);

void cpcut_release(struct cpcut *c);

bool cpcut_known(const struct cpcut *c, int64_t row);
bool cpcut_in(const struct cpcut *c, int64_t row);

#endif
