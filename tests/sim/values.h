/*
 * Values (zk-kv(1)) in the simulation of tests/sim/world.h.
 */
#ifndef ZK_TESTS_SIM_VALUES_H
#define ZK_TESTS_SIM_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"

struct fake;
struct vault;

/*
 * One to three random writes as one batch, and now and then a look at the
 * remotes.  What went to the counter "sum", which nothing removes, is added
 * to *sum if it was recorded.  What is not there cannot be taken: ZK_ENOENT,
 * and nothing was recorded.
 */
ZK_CHECKED enum zk_err values_write(struct vault *v, struct fake *dice,
    int64_t *sum);

/* Every value as text into out, and what "sum" is, 0 without it. */
ZK_CHECKED enum zk_err values_dump(struct vault *v, struct buf *out,
    int64_t *sum);

#endif
